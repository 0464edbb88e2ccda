//! Why a run stops, and how to go on.
//!
//! Deliberately not here: printing.

use std::fmt;
use std::path::PathBuf;

use super::config::ConfigError;
use crate::RuntimeError;
use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::tensors::TensorsError;

/// A run cannot begin, or stopped before its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration makes no sense for the model, the data or the machine.
    Config(ConfigError),
    /// Data cannot be read.
    Data(DataError),
    /// The model cannot be compiled, or a batch not be fed.
    Runtime(RuntimeError),
    /// A checkpoint cannot be read, or the folder not be used.
    Checkpoint(CheckpointError),
    /// A checkpoint cannot be written.
    Save {
        /// After this step.
        step: u64,
        /// Why.
        source: CheckpointError,
        /// The last step with a checkpoint.
        last: Option<u64>,
    },
    /// Weights to begin from cannot be read.
    Init(TensorsError),
    /// None of the weights to begin from fits the model.
    NothingLoaded(PathBuf),
    /// A name map does not fit.
    Map(String),
    /// What shall be probed makes no sense for the model or the data.
    Probe(String),
    /// A number is no number any more.
    NotFinite {
        /// In this step.
        step: u64,
        /// What.
        what: String,
        /// The last step with a checkpoint.
        last: Option<u64>,
    },
    /// For very many steps, or for all, no sample had what a term of the objective needs.
    NothingToLearn {
        /// How many steps in a row.
        steps: u64,
        /// The objective.
        objective: String,
        /// What the samples had, in words.
        had: String,
        /// The last step with a checkpoint.
        last: Option<u64>,
    },
    /// The folder has checkpoints of a run already.
    Begun {
        /// The folder.
        folder: PathBuf,
        /// Its last checkpoint.
        step: u64,
    },
    /// The folder has no run to go on with.
    NothingToResume(PathBuf),
    /// A log or other file cannot be written.
    Folder(PathBuf, std::io::Error),
}

fn go_on(f: &mut fmt::Formatter<'_>, last: Option<u64>) -> fmt::Result {
    match last {
        Some(last) => {
            write!(f, "\nthe checkpoint of step {last} is whole: `--resume` goes on from there")
        }
        None => f.write_str("\nthere is no checkpoint yet: the run begins anew"),
    }
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Data(error) => error.fmt(f),
            Self::Runtime(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Save { step, source, last } => {
                write!(f, "no checkpoint of step {step}: {source}")?;
                go_on(f, *last)?;
                f.write_str(", once there is room")
            }
            Self::Init(error) => error.fmt(f),
            Self::NothingLoaded(path) => write!(
                f,
                "`{}` has no weight of the model, by name and shape; a name map helps where names are foreign",
                path.display()
            ),
            Self::Map(error) | Self::Probe(error) => f.write_str(error),
            Self::NotFinite { step, what, last } => {
                write!(f, "{what} is not finite in step {step}")?;
                go_on(f, *last)?;
                f.write_str(
                    "\ntry a lower `rate.peak`, a longer `rate.warmup`, or `optimizer.clip: 1`; `zorro audit` shows \
                     whether data has such numbers",
                )
            }
            Self::NothingToLearn { steps, objective, had, last } => {
                write!(
                    f,
                    "{steps} steps in a row had nothing to learn from: no sample of them has all that a term of \
                     `{objective}` needs; {had}"
                )?;
                go_on(f, *last)
            }
            Self::Begun { folder, step } => write!(
                f,
                "`{}` has a run already, with a checkpoint of step {step}: `--resume` goes on with it; for a new run \
                 take another `folder`",
                folder.display()
            ),
            Self::NothingToResume(folder) => write!(
                f,
                "`{}` has no checkpoint to go on from: without `--resume` a run begins",
                folder.display()
            ),
            Self::Folder(path, error) => write!(f, "cannot write in `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for TrainError {}

impl From<DataError> for TrainError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<RuntimeError> for TrainError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

impl From<CheckpointError> for TrainError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}
