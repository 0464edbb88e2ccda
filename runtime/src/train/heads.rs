//! Which outputs of a model name classes.
//!
//! In: a model, and an objective or all. Out: for each target of classes the outputs that a loss holds to it, and their
//! predictions. Deliberately not here: what predictions are used for.

use crate::compiler::model::{Loss, Model, TargetId, TargetKind, ValueId};

use super::scores::Metric;

/// A target of classes, and the outputs that name its classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// The target.
    pub target: String,
    /// How many classes.
    pub classes: usize,
    /// What is measured: classes that exclude each other have an accuracy.
    pub metric: Metric,
    /// The outputs, in the order of the model.
    pub outputs: Vec<String>,
}

impl Heads {
    /// Of all targets of classes for which an objective, or any, has losses.
    #[must_use]
    pub fn of(model: &Model, objective: Option<&str>) -> Vec<Self> {
        let mut found: Vec<(TargetId, ValueId)> = Vec::new();
        for other in &model.objectives {
            if objective.is_none_or(|name| name == other.name) {
                collect(&other.loss, &mut found);
            }
        }
        let mut heads = Vec::new();
        for (at, target) in model.targets.iter().enumerate() {
            let (metric, classes) = match target.kind {
                TargetKind::Class(classes) => (Metric::Accuracy, classes),
                TargetKind::Classes(classes) => (Metric::MeanAveragePrecision, classes),
                TargetKind::Tensor(_) => continue,
            };
            let held = |value| {
                found.iter().any(|(target, logits)| target.0 as usize == at && *logits == value)
            };
            let outputs = model.outputs.iter().filter(|output| held(output.value));
            let outputs: Vec<String> = outputs.map(|output| output.name.clone()).collect();
            if !outputs.is_empty() {
                let classes = usize::try_from(classes).unwrap_or(usize::MAX);
                heads.push(Self { target: target.name.clone(), classes, metric, outputs });
            }
        }
        heads
    }

    /// Probabilities of the classes.
    #[must_use]
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        self.metric.probabilities(logits)
    }
}

/// The mean of some probabilities; none of none.
#[must_use]
pub fn mean(all: &[Vec<f32>]) -> Option<Vec<f32>> {
    let (first, rest) = all.split_first()?;
    let mut sum = first.clone();
    for other in rest {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
    #[expect(clippy::cast_precision_loss, reason = "models have few outputs")]
    let n = all.len() as f32;
    Some(sum.into_iter().map(|sum| sum / n).collect())
}

fn collect(loss: &Loss, found: &mut Vec<(TargetId, ValueId)>) {
    match loss {
        Loss::CrossEntropy { logits, target, .. }
        | Loss::SigmoidCrossEntropy { logits, target } => {
            found.push((*target, *logits));
        }
        Loss::Nce { .. } | Loss::Mse { .. } => {}
        Loss::Mean(terms) => terms.iter().for_each(|term| collect(term, found)),
        Loss::Sum(terms) => terms.iter().for_each(|(_, term)| collect(term, found)),
    }
}

/// Whether a loss compares samples of a batch with each other.
#[must_use]
pub(super) fn compares_samples(loss: &Loss) -> bool {
    match loss {
        Loss::Nce { .. } => true,
        Loss::CrossEntropy { .. } | Loss::SigmoidCrossEntropy { .. } | Loss::Mse { .. } => false,
        Loss::Mean(terms) => terms.iter().any(compares_samples),
        Loss::Sum(terms) => terms.iter().any(|(_, term)| compares_samples(term)),
    }
}
