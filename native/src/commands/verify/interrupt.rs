//! Ctrl-C: a run ends at its next step, so that what it made is removed.
//!
//! **Left out**: a step itself is not cut short; the longest waits for packets that do not come.

use crate::error::Error;
use crate::kernel;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

static IS_ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// From now on signals are heard.
///
/// # Errors
/// When the system refuses.
pub(super) fn hear() -> Result<(), Error> {
    let failed = |said| {
        let tried = "listen for Ctrl-C".to_owned();
        Error::Kernel(kernel::Error::System { tried, said })
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let heard = {
        let _here = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate()].map(signal)
    };
    let [interrupt, terminate] = heard;
    let (mut interrupt, mut terminate) = (interrupt.map_err(failed)?, terminate.map_err(failed)?);
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        IS_ASKED_TO_END.store(true, Ordering::Relaxed);
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map_err(failed)?;
    Ok(())
}

/// Whether to go on.
///
/// # Errors
/// When somebody asked to end.
pub(super) fn check() -> Result<(), Error> {
    match IS_ASKED_TO_END.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}
