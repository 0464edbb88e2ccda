//! Ctrl-C, and what else a system sends that wants a program to end.
//!
//! In: signals. Out: a flag that says stop. Ctrl-C, TERM and HUP set it, and the second of these ends the program at once; USR1, USR2
//! and XCPU, by which schedulers say that time is nearly over, set it, too, however often they come. A file that grows beyond what
//! the system allows (XFSZ) is an error of whoever writes it. Deliberately not here: what is finished before the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Failure, note};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Stop, and the second time at once.
    End,
    /// Stop while there is time.
    Soon,
}

/// The flag, which signals set from now on.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handle = move |asked: Asked| match (flag.swap(true, Ordering::Relaxed), asked) {
        (false, Asked::End | Asked::Soon) => {
            note("stopping after this step; once more to stop at once");
        }
        (true, Asked::Soon) => {}
        // As a shell says of a program that a signal has ended.
        (true, Asked::End) => std::process::exit(130),
    };
    let listens = system::listen(handle);
    listens.map_err(|reason| Failure::Work(format!("cannot listen to signals: {reason}")))?;
    Ok(stop)
}

/// From now on, a file that may not grow is an error like any other of the system's, and does not end the program without a word.
pub(super) fn let_large_files_fail() {
    // Where the system does not allow it, all is as before.
    let _ = system::let_large_files_fail();
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
    use signal_hook::iterator::Signals;

    use super::Asked;

    pub(super) fn listen(handle: impl Fn(Asked) + Send + 'static) -> Result<(), String> {
        let signals = [SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU];
        let mut signals = Signals::new(signals).map_err(|error| error.to_string())?;
        let listener = move || {
            for signal in signals.forever() {
                let is_end = [SIGHUP, SIGINT, SIGTERM].contains(&signal);
                handle(if is_end { Asked::End } else { Asked::Soon });
            }
        };
        let thread = std::thread::Builder::new().name("zorro-signals".to_owned()).spawn(listener);
        thread.map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn let_large_files_fail() -> io::Result<()> {
        // With any handler in place the call that writes fails; nobody reads the flag.
        signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
    }
}

#[cfg(not(unix))]
mod system {
    use super::Asked;

    pub(super) fn listen(handle: impl Fn(Asked) + Send + 'static) -> Result<(), String> {
        ctrlc::set_handler(move || handle(Asked::End)).map_err(|error| error.to_string())
    }

    pub(super) fn let_large_files_fail() -> std::io::Result<()> {
        Ok(())
    }
}
