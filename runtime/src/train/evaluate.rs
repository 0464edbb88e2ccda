//! How good a model is, with all modalities and with each alone.
//!
//! In: weights and a loader of evaluation. Out: for each target of classes a score of every output that names its classes and
//! of their mean, under each set of modalities, and the loss. A modality that is left out is absent, as for samples that never
//! had it. Deliberately not here: tables.

use crate::compiler::{Checked, CompileOptions, Mode};
use crate::data::Loader;
use crate::{Batch, RunOptions, RuntimeError, Session, Tensors};

use super::TrainError;
use super::heads::{Heads, mean};
use super::scores::{Metric, Tally};
use super::sessions::{Machine, session};

/// How good a model is.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How many samples there were.
    pub samples: u64,
    /// The mean of the objective over batches, with all modalities.
    pub loss: f64,
    /// Target by target.
    pub targets: Vec<TargetScores>,
}

/// Scores for one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetScores {
    /// The target.
    pub target: String,
    /// What is measured.
    pub metric: Metric,
    /// The sets of modalities: first all of them, then each alone.
    pub given: Vec<Vec<String>>,
    /// Output by output, last the mean of all: a score 0..1 for each set of modalities; none where it cannot be had.
    pub outputs: Vec<(String, Vec<Option<f64>>)>,
}

/// The mean of all outputs in tables.
pub const MEAN: &str = "mean";

impl Evaluation {
    /// What runs are compared by: the score of the first target's mean with all modalities; without targets of classes the
    /// loss, turned round. Larger is better.
    #[must_use]
    pub fn overall(&self) -> (&'static str, f64) {
        let score = self.targets.first().and_then(|target| {
            let (_, scores) = target.outputs.last()?;
            Some((target.metric.name(), (*scores.first()?)?))
        });
        score.unwrap_or(("-loss", -self.loss))
    }
}

/// A model made ready to be evaluated.
#[derive(Debug)]
pub struct Evaluator {
    session: Session,
    checked: Checked,
    objective: String,
    heads: Vec<Heads>,
    given: Vec<Vec<String>>,
}

impl Evaluator {
    /// Compiles what an objective has of outputs for batches of so many samples.
    ///
    /// # Errors
    ///
    /// What cannot be compiled, and a machine without the memory or threads.
    pub fn new(
        checked: &Checked,
        objective: &str,
        batch: usize,
        machine: &Machine,
    ) -> Result<Self, RuntimeError> {
        let heads = Heads::of(&checked.model, Some(objective));
        let options = CompileOptions {
            batch,
            outputs: Some(heads.iter().flat_map(|heads| heads.outputs.clone()).collect()),
            mode: Mode::Forward { objectives: vec![objective.to_owned()] },
            ..CompileOptions::default()
        };
        let session = session(checked, &options, machine)?;
        let names: Vec<String> =
            checked.model.modalities.iter().map(|modality| modality.name.clone()).collect();
        let alone: Vec<Vec<String>> = match names.as_slice() {
            [] | [_] => Vec::new(),
            names => names.iter().map(|name| vec![name.clone()]).collect(),
        };
        let given = std::iter::once(names).chain(alone).collect();
        let (checked, objective) = (checked.clone(), objective.to_owned());
        Ok(Self { session, checked, objective, heads, given })
    }

    /// Evaluates weights on all that a loader gives.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, and weights that do not fit.
    pub fn evaluate(
        &mut self,
        weights: &Tensors,
        loader: &mut Loader,
    ) -> Result<Evaluation, TrainError> {
        self.session.set_weights(weights)?;
        let mut tallies: Vec<Vec<Vec<Tally>>> = self
            .heads
            .iter()
            .map(|heads| vec![vec![Tally::default(); self.given.len()]; heads.outputs.len() + 1])
            .collect();
        let (mut samples, mut loss) = (0, 0.0);
        while let Some(loaded) = loader.next()? {
            let n = loaded.keys.len();
            samples += n as u64;
            for at in 0..self.given.len() {
                let batch = only(&loaded.batch, &self.checked, &self.given[at]);
                let found = self.batch(&batch, at, &mut tallies)?;
                if at == 0 {
                    loss += f64::from(found) * n as f64;
                }
            }
        }
        let loss = if samples > 0 { loss / samples as f64 } else { 0.0 };
        Ok(Evaluation { samples, loss, targets: self.scores(&tallies) })
    }

    /// Predicts one batch under one set of modalities; gives the loss.
    fn batch(
        &mut self,
        batch: &Batch,
        given: usize,
        tallies: &mut [Vec<Vec<Tally>>],
    ) -> Result<f32, TrainError> {
        let results = self.session.run(batch, &RunOptions::default())?;
        let outputs = results.outputs()?;
        for (heads, tallies) in self.heads.iter().zip(tallies) {
            let Some(truths) = batch.tensors.get(&heads.target) else { continue };
            let truths = truths.data().to_f32();
            let known = batch.tensors.get(&format!("{}.present", heads.target));
            let known = known.map(|known| known.data().to_f32());
            let has: Vec<Vec<bool>> = heads
                .outputs
                .iter()
                .map(|name| results.has_output(&self.checked.flow, name))
                .collect();
            let logits: Vec<&[f32]> = heads
                .outputs
                .iter()
                .map(|name| outputs.get(name).and_then(|output| output.data().as_f32()))
                .map(|numbers| numbers.expect("outputs are single precision"))
                .collect();
            for (sample, truth) in truths.chunks(heads.classes).enumerate() {
                if known.as_ref().is_some_and(|known| known[sample] == 0.0) {
                    continue;
                }
                let mut all = Vec::new();
                for (at, logits) in logits.iter().enumerate() {
                    if has[at][sample] {
                        let own = &logits[sample * heads.classes..(sample + 1) * heads.classes];
                        let probabilities = heads.probabilities(own);
                        tallies[at][given].add(heads.metric, &probabilities, truth);
                        all.push(probabilities);
                    }
                }
                if let Some(mean) = mean(&all) {
                    tallies[heads.outputs.len()][given].add(heads.metric, &mean, truth);
                }
            }
        }
        Ok(results.losses()?.get(&self.objective).copied().unwrap_or(0.0))
    }

    fn scores(&self, tallies: &[Vec<Vec<Tally>>]) -> Vec<TargetScores> {
        let scores = self.heads.iter().zip(tallies).map(|(heads, tallies)| {
            let names = heads.outputs.iter().map(String::as_str).chain([MEAN]);
            let outputs = names.zip(tallies).map(|(name, tallies)| {
                let scores = tallies.iter().map(|tally| tally.score(heads.metric)).collect();
                (name.to_owned(), scores)
            });
            TargetScores {
                target: heads.target.clone(),
                metric: heads.metric,
                given: self.given.clone(),
                outputs: outputs.collect(),
            }
        });
        scores.collect()
    }
}

/// A batch without the other modalities.
fn only(batch: &Batch, checked: &Checked, given: &[String]) -> Batch {
    let dropped = |name: &str| {
        let name = name.strip_suffix(".present").unwrap_or(name);
        let is_modality = checked.model.modalities.iter().any(|modality| modality.name == name);
        is_modality && !given.iter().any(|given| given == name)
    };
    let kept = batch.tensors.iter().filter(|(name, _)| !dropped(name));
    Batch { tensors: kept.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect() }
}
