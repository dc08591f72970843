//! One line per step, with the seconds since the start.
//!
//! Lines go to standard error, so that `cargo xtask env` can be read by a shell.
//!
//! **Left out**: colours, bars and estimates of what remains.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Starts the clock that the lines show.
pub(crate) fn start() {
    START.get_or_init(Instant::now);
}

/// The time since `start`.
pub(crate) fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Says one thing, once.
pub(crate) fn say(message: impl AsRef<str>) {
    eprintln!("[{:4}s] {}", elapsed().as_secs(), message.as_ref());
}
