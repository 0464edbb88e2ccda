//! Training: the loop, from a configuration to checkpoints.
//!
//! In: a [`Setup`]. Out: weights as checkpoints in a folder, a log, and [`Event`]s for whoever shows them. On the CPU the same
//! configuration gives the same bits, however often the run was interrupted: all that is random is counted by step, and a
//! checkpoint has the optimizer's state.
//!
//! A run may die at any moment. What is lost are the steps since the last checkpoint: these are written aside and renamed, logs
//! are cut back to the step that a run goes on from, and a number that is no number stops the run before it is saved.
//! Deliberately not here: printing; signals, which set a flag; data, devices, gradients.

mod begin;
pub mod config;
mod error;
mod evaluate;
mod events;
mod heads;
mod init;
mod learnable;
mod log;
mod look;
mod plan;
mod recent;
mod run;
mod schedule;
mod scores;
mod sessions;

use std::path::PathBuf;

use crate::data::Problems;
use crate::data::survey::Look;

pub use config::RunConfig;
pub use error::TrainError;
pub use evaluate::{
    Absence, Condition, EvaluateOptions, Evaluation, Evaluator, FIRST, MEAN, Probe, ProbeOptions,
    ProbeScores, ProbeTable, Retrieval, Scores, TargetScores, TermLoss, probe,
};
pub use heads::{Heads, mean};
pub use init::Loaded;
pub use log::{LOG, read as read_log};
pub use look::Looked;
pub use plan::Setup;
pub use run::{Stop, Watcher, train};
pub use schedule::Schedule;
pub use scores::{Counts, Metric, Score};
pub use sessions::{Machine, session};

/// Something that happens in a run.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The data of a set, `train` or `eval`, was looked at.
    Looked(&'a str, &'a Look),
    /// The run begins or goes on.
    Begins(Begins),
    /// Weights were taken from elsewhere.
    Loaded(&'a Loaded),
    /// A step was made.
    Step(Step),
    /// Samples that were evaluated so far.
    Evaluating(u64),
    /// The model was evaluated after this many steps.
    Evaluated(u64, &'a Evaluation),
    /// A checkpoint was written after this many steps.
    Saved(u64, PathBuf),
    /// Data was skipped.
    Skipped(&'a Problems),
    /// Something that the user should know.
    Note(String),
}

/// What is known when a run begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Begins {
    /// Steps that were made before.
    pub from: u64,
    /// All steps.
    pub steps: u64,
    /// Samples to learn from.
    pub samples: u64,
    /// Samples to evaluate on.
    pub eval_samples: u64,
    /// Samples of a step.
    pub step_samples: u64,
    /// What is minimized.
    pub objective: String,
    /// Numbers that are learned, and that are frozen.
    pub parameters: (u64, u64),
    /// Numbers of the model that the objective has no use for.
    pub unused: u64,
    /// Bytes that the step needs.
    pub memory: u64,
    /// Where logs and checkpoints go.
    pub folder: PathBuf,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Steps made, this one among them.
    pub step: u64,
    /// Of so many.
    pub of: u64,
    /// The loss; none where no sample of the step had one.
    pub loss: Option<f64>,
    /// The norm of all gradients, where they are clipped.
    pub norm: Option<f64>,
    /// The learning rate.
    pub rate: f64,
    /// Samples a second, over the last steps.
    pub speed: f64,
    /// How often all samples were seen before.
    pub epoch: u64,
    /// The part of the time that was spent waiting for data, over the last steps.
    pub waiting: f64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Steps made.
    pub step: u64,
    /// All steps; more than `step` where the run was told to stop.
    pub of: u64,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// The last evaluation.
    pub evaluation: Option<Evaluation>,
    /// The best evaluation.
    pub best: Option<crate::checkpoint::Best>,
}
