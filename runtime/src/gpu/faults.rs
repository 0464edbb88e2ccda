//! What wgpu reports, as errors.
//!
//! In: actions. Out: what they give, or the first thing that went wrong in them; and what went wrong behind our back, at the
//! next occasion. Deliberately not here: what to do about it.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wgpu::{Device, Error, ErrorFilter};

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The device has not the memory.
    Memory,
    /// The device is gone.
    Lost(String),
    /// Anything else, in wgpu's words.
    Other(String),
}

/// What went wrong behind our back: the first thing of a device.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    first: Arc<Mutex<Option<Fault>>>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("it has not enough memory"),
            Self::Lost(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::OutOfMemory { .. } => Self::Memory,
            Error::Validation { description, .. } | Error::Internal { description, .. } => {
                Self::Other(description)
            }
        }
    }
}

impl Faults {
    /// Listens to a device.
    pub(super) fn of(device: &Device) -> Self {
        let faults = Self::default();
        let uncaptured = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error| uncaptured.add(Fault::from(error))));
        let lost = faults.clone();
        device.set_device_lost_callback(move |reason, why| {
            lost.add(Fault::Lost(format!("{reason:?}: {why}")));
        });
        faults
    }

    /// A lost device explains everything else; otherwise the first fault does.
    pub(super) fn add(&self, fault: Fault) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() || matches!(fault, Fault::Lost(_)) {
            *first = Some(fault);
        }
    }

    /// What went wrong so far. It stays: such a device is not used again.
    pub(super) fn first(&self) -> Option<Fault> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Does something with a device.
pub(super) fn guarded<T>(device: &Device, action: impl FnOnce() -> T) -> Result<T, Fault> {
    let memory = device.push_error_scope(ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(ErrorFilter::Internal);
    let validation = device.push_error_scope(ErrorFilter::Validation);
    let given = action();
    let validation = now(validation.pop());
    let internal = now(internal.pop());
    let memory = now(memory.pop());
    match memory.or(internal).or(validation) {
        Some(error) => Err(error.into()),
        None => Ok(given),
    }
}

/// What a future gives. Those of wgpu are ready at once, but for browsers.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(given) = future.as_mut().poll(&mut context) {
            return given;
        }
        std::thread::yield_now();
    }
}
