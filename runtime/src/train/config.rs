//! What a user writes about a run: `run.yaml` as plain structs.
//!
//! In: YAML, by serde. Out: a [`RunConfig`] in which every number makes sense by itself, or every mistake with line and column.
//! `docs/training.md` is the reference, and `docs/run.schema.json` the same for editors. Deliberately not here: whether the
//! model has what is named, which is known when the spec is checked; data, whose settings are the data room's.

mod check;
mod foreign;
mod length;
mod places;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::compiler::graph;
use crate::data::config::DataConfig;

pub use check::parse;
pub use length::Length;
pub use places::{ConfigError, Place, Places, Problem};

/// A run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The .zorro file.
    pub spec: PathBuf,
    /// Params of the model.
    #[serde(default)]
    pub set: BTreeMap<String, Setting>,
    /// What is minimized; may be left out where the model has one objective.
    #[serde(default)]
    pub objective: Option<String>,
    /// Samples for training and evaluation.
    pub data: DataSets,
    /// Samples of a batch.
    pub batch: u64,
    /// Batches that make one step; their gradients are averaged.
    #[serde(default = "one")]
    pub accumulate: u32,
    /// How often all samples are seen; this or `steps`.
    #[serde(default)]
    pub epochs: Option<f64>,
    /// How many steps are made; this or `epochs`.
    #[serde(default)]
    pub steps: Option<u64>,
    /// How weights follow gradients.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The learning rate.
    pub rate: RateConfig,
    /// Pairs of samples are mixed by a share drawn from the beta distribution of this parameter twice.
    #[serde(default)]
    pub mixup: Option<f64>,
    /// How often a sample loses a modality, by modality.
    #[serde(default)]
    pub modality_dropout: BTreeMap<String, f64>,
    /// Weights to begin from.
    #[serde(default)]
    pub init: Option<InitConfig>,
    /// Weights that stay as they are: names, beginnings of names, or patterns with `*`.
    #[serde(default)]
    pub frozen: Vec<String>,
    /// What is random follows from it.
    #[serde(default)]
    pub seed: u64,
    /// What numbers are computed in.
    #[serde(default)]
    pub precision: Precision,
    /// Applies whose insides are computed again for the backward pass.
    #[serde(default)]
    pub recompute: Vec<String>,
    /// Threads to compute on; by default as many as there are processors.
    #[serde(default)]
    pub threads: Option<u16>,
    /// What to compute on.
    #[serde(default = "auto")]
    pub device: String,
    /// Where logs and checkpoints go; by default a folder named like the configuration.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// When checkpoints are written.
    #[serde(default)]
    pub checkpoints: CheckpointConfig,
    /// When the model is evaluated.
    #[serde(default)]
    pub eval: EvalConfig,
    /// What is logged.
    #[serde(default)]
    pub log: LogConfig,
}

fn one() -> u32 {
    1
}

fn auto() -> String {
    "auto".to_owned()
}

/// The data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSets {
    /// What is learned from.
    pub train: DataConfig,
    /// What the model is evaluated on.
    #[serde(default)]
    pub eval: Option<DataConfig>,
    /// Threads that load ahead.
    #[serde(default = "two")]
    pub threads: u16,
}

fn two() -> u16 {
    2
}

/// The value of a param: a number, a truth value, a list, or any expression of the language as text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// `true` or `false`.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// As in the language.
    Text(String),
    /// A list.
    List(Vec<Self>),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(truth) => truth.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::List(list) => {
                let list: Vec<String> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", list.join(", "))
            }
        }
    }
}

/// The rules by which weights follow gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam with weight decay apart from the gradient.
    #[default]
    Adamw,
    /// Adam with weight decay as a part of the gradient.
    Adam,
    /// Stochastic gradient descent, with momentum.
    Sgd,
}

/// To which weights decay applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayOf {
    /// To linear maps alone.
    #[default]
    Matrices,
    /// To all.
    All,
}

/// How weights follow gradients. What is not said is as in PyTorch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// Adam: how much of the average gradient stays.
    pub beta1: Option<f64>,
    /// Adam: how much of the average squared gradient stays.
    pub beta2: Option<f64>,
    /// Adam: what is added to the root of the average square.
    pub eps: Option<f64>,
    /// SGD: how much of the last step's direction stays.
    pub momentum: Option<f64>,
    /// SGD: whether the direction looks one step ahead.
    pub nesterov: Option<bool>,
    /// How much weights decay.
    pub weight_decay: f64,
    /// Which weights decay.
    pub decay: DecayOf,
    /// The largest norm that all gradients together keep.
    pub clip: Option<f64>,
}

/// How the rate falls after warmup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// By half a cosine.
    #[default]
    Cosine,
    /// Not at all.
    Constant,
}

/// The learning rate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// The highest rate.
    pub peak: f64,
    /// The batch for which `peak` is meant: for others it is larger or smaller in proportion.
    #[serde(default)]
    pub per_batch: Option<u64>,
    /// How it falls after warmup.
    #[serde(default)]
    pub schedule: ScheduleKind,
    /// How long it rises from nothing in the beginning.
    #[serde(default)]
    pub warmup: Length,
    /// What it ends at, as a part of the highest.
    #[serde(default)]
    pub end: f64,
}

/// Weights to begin from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitConfig {
    /// A checkpoint, a run's folder, or a .safetensors file.
    pub from: PathBuf,
    /// A name map, where the names are foreign: one that comes with zorro, or a file.
    #[serde(default)]
    pub map: Option<PathBuf>,
    /// Whether what should not go unnoticed is an error.
    #[serde(default)]
    pub strict: bool,
}

/// What numbers are computed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Products in half precision, on GPUs that can.
    Mixed,
}

impl RunConfig {
    /// Of how many samples a group is in which `nce` compares them in evaluation.
    #[must_use]
    pub fn group(&self) -> usize {
        usize::try_from(self.eval.group.unwrap_or(self.batch)).unwrap_or(usize::MAX)
    }
}

impl From<Precision> for graph::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Single,
            Precision::Mixed => Self::Mixed,
        }
    }
}

/// When checkpoints are written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Every so many steps or epochs; there is one at the end in any case.
    pub every: Length,
    /// How many of the last are kept; the best is kept beside them.
    pub keep: u32,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every: Length::Epochs(1.0), keep: 3 }
    }
}

/// When the model is evaluated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// Every so many steps or epochs; and at the end.
    pub every: Length,
    /// Samples of a batch; by default as in training.
    pub batch: Option<u64>,
    /// Of how many samples a group is in which `nce` compares them; by default a batch of training.
    pub group: Option<u64>,
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self { every: Length::Epochs(1.0), batch: None, group: None }
    }
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Every so many steps.
    pub every: u64,
    /// Whether events for `TensorBoard` are written, too.
    pub tensorboard: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { every: 10, tensorboard: true }
    }
}

#[cfg(test)]
mod tests;
