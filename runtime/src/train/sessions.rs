//! The one place where training, evaluation and inference make sessions.
//!
//! In: a model, what is wanted of it, and what to compute on. Out: a session. Deliberately not here: weights.

use crate::compiler::{Checked, CompileOptions};
use crate::{RuntimeError, Session};

use super::config::Precision;

/// What to compute on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `auto`, `cpu`, `gpu`, or a device's number or name.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// What numbers are computed in.
    pub precision: Precision,
}

impl Machine {
    /// The CPU with so many threads.
    #[must_use]
    pub fn cpu(threads: usize) -> Self {
        Self { device: "cpu".to_owned(), threads, precision: Precision::F32 }
    }

    /// Why it cannot be had: the setting at fault, and what is wrong with it.
    ///
    /// # Errors
    ///
    /// Devices and precisions that there are not.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !matches!(self.device.as_str(), "auto" | "cpu") {
            let message = format!("there is no device `{}`; there is `cpu`", self.device);
            return Err(("device", message));
        }
        match self.precision {
            Precision::F32 => Ok(()),
            Precision::Mixed => Err((
                "precision",
                "mixed precision needs a GPU; the CPU computes in `f32`".to_owned(),
            )),
        }
    }
}

/// Makes a session.
///
/// # Errors
///
/// What cannot be compiled as asked, and a machine without the memory or threads.
pub fn session(
    checked: &Checked,
    options: &CompileOptions,
    machine: &Machine,
) -> Result<Session, RuntimeError> {
    Session::new(checked, options, machine.threads)
}
