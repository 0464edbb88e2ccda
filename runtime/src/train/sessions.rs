//! The one place where training, evaluation and inference make sessions.
//!
//! In: a model, what is wanted of it, and what to compute on. Out: a session. Deliberately not here: weights.

use crate::compiler::{Checked, CompileOptions};
use crate::device::{Device, DeviceChoice};
use crate::gpu::GpuOptions;
use crate::{RuntimeError, Session};

use super::config::Precision;

/// What to compute on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The device, opened.
    pub device: Device,
    /// What numbers are computed in.
    pub precision: Precision,
}

impl Machine {
    /// Opens a device, for so many threads where it is the CPU.
    ///
    /// # Errors
    ///
    /// The setting at fault, and what is wrong with it: devices and precisions that there are not.
    pub fn open(
        device: &str,
        threads: usize,
        precision: Precision,
    ) -> Result<Self, (&'static str, String)> {
        let choice: DeviceChoice = device.parse().map_err(|reason| ("device", reason))?;
        let device = Device::open(&choice, &GpuOptions::default(), threads)
            .map_err(|error| ("device", error.to_string()))?;
        if precision == Precision::Mixed && matches!(device, Device::Cpu { .. }) {
            let message = "mixed precision needs a GPU; the CPU computes in `f32`";
            return Err(("precision", message.to_owned()));
        }
        Ok(Self { device, precision })
    }

    /// A device that is open, in single precision.
    #[must_use]
    pub fn single(device: Device) -> Self {
        Self { device, precision: Precision::F32 }
    }
}

/// Makes a session.
///
/// # Errors
///
/// What cannot be compiled as asked, or not for this device, and a machine without the memory or threads.
pub fn session(
    checked: &Checked,
    options: &CompileOptions,
    machine: &Machine,
) -> Result<Session, RuntimeError> {
    let options = CompileOptions { precision: machine.precision.into(), ..options.clone() };
    Session::new(checked, &options, &machine.device)
}
