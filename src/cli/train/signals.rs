//! Ctrl-C, and what a system sends that wants a program to end.
//!
//! In: signals. Out: a flag that says stop; the second signal ends the program at once. Deliberately not here: what is
//! finished before.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::{Failure, note};

static STOP: AtomicBool = AtomicBool::new(false);

/// The flag, which signals set from now on.
pub(super) fn stop_flag() -> Result<&'static AtomicBool, Failure> {
    let handled = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            // As a shell says of a program that a signal has ended.
            std::process::exit(130);
        }
        note("stopping after this step; once more to stop at once");
    });
    handled.map_err(|error| Failure::Work(format!("cannot listen to signals: {error}")))?;
    Ok(&STOP)
}
