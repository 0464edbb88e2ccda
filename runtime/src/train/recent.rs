//! The last steps, as numbers to look at; and what samples had where none of them had a loss.
//!
//! In: what each step found. Out: speed, the part of the time that was spent waiting, the mean loss of the steps that had one.
//! Deliberately not here: who looks at them.

use std::time::{Duration, Instant};

use crate::compiler::graph::Sample;
use crate::compiler::model::{ModalityId, Model, TargetId};
use crate::data::Loader;

use super::heads::compares_samples;

/// The last steps.
pub(super) struct Recent {
    since: Instant,
    blocked: Duration,
    /// Steps that had a loss, since it was last taken, and the sum of their losses.
    losses: (u64, f64),
    pub(super) speed: f64,
    pub(super) waiting: f64,
}

impl Recent {
    pub(super) fn new(loader: &Loader) -> Self {
        let (since, blocked) = (Instant::now(), loader.blocked());
        Self { since, blocked, losses: (0, 0.0), speed: 0.0, waiting: 0.0 }
    }

    /// After an evaluation or a checkpoint, whose time is not the steps'.
    pub(super) fn restart(&mut self, loader: &Loader) {
        (self.since, self.blocked) = (Instant::now(), loader.blocked());
    }

    /// Speed and waiting are those of the last few steps: older ones count half as much with each.
    #[expect(clippy::cast_precision_loss, reason = "numbers to look at")]
    pub(super) fn add(&mut self, loss: Option<f64>, samples: u64, blocked: Duration) {
        let seconds = self.since.elapsed().as_secs_f64().max(1e-9);
        let waited = blocked.saturating_sub(self.blocked).as_secs_f64();
        let is_first = self.speed == 0.0;
        let mix = |old: f64, new: f64| if is_first { new } else { 0.9 * old + 0.1 * new };
        self.speed = mix(self.speed, samples as f64 / seconds);
        self.waiting = mix(self.waiting, (waited / seconds).min(1.0));
        (self.since, self.blocked) = (Instant::now(), blocked);
        if let Some(loss) = loss {
            self.losses = (self.losses.0 + 1, self.losses.1 + loss);
        }
    }

    /// The mean loss since it was last taken; none where no step had one.
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
    pub(super) fn take_loss(&mut self) -> Option<f64> {
        let (steps, sum) = std::mem::take(&mut self.losses);
        (steps > 0).then(|| sum / steps as f64)
    }
}

/// Steps in a row of which no sample had a loss.
#[derive(Debug, Default)]
pub(super) struct Idle {
    pub(super) steps: u64,
    samples: u64,
    /// How many of the samples had each, in the order of the model.
    modalities: Vec<u64>,
    targets: Vec<u64>,
}

impl Idle {
    /// Samples of a batch in which none had a loss.
    pub(super) fn add(&mut self, model: &Model, samples: &[Sample]) {
        self.modalities.resize(model.modalities.len(), 0);
        self.targets.resize(model.targets.len(), 0);
        for sample in samples.iter().filter(|sample| sample.counted) {
            self.samples += 1;
            for (id, count) in (0..).map(ModalityId).zip(&mut self.modalities) {
                *count += u64::from(sample.modalities.contains(id));
            }
            for (id, count) in (0..).map(TargetId).zip(&mut self.targets) {
                *count += u64::from(sample.targets.contains(&id));
            }
        }
    }

    /// What the samples had, in words.
    pub(super) fn told(&self, model: &Model, objective: &str) -> String {
        let modalities = model.modalities.iter().map(|modality| &modality.name);
        let targets = model.targets.iter().map(|target| &target.name);
        let counts = self.modalities.iter().chain(&self.targets);
        let had: Vec<String> = modalities
            .chain(targets)
            .zip(counts)
            .map(|(name, count)| format!("{count} have `{name}`"))
            .collect();
        let found = model.objectives.iter().find(|found| found.name == objective);
        let pairs = match found.is_some_and(|found| compares_samples(&found.loss)) {
            true => "; `nce` takes two of a batch that have both sides",
            false => "",
        };
        format!("of {} samples, {}{pairs}", self.samples, had.join(", "))
    }
}
