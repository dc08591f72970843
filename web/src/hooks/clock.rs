//! The page's clock.

use gloo::utils::window;

/// Milliseconds since the page began.
#[must_use]
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |it| it.now())
}
