//! Which samples of a batch have what.
//!
//! In: the conditions of a plan and the samples of a step. Out: an answer for each condition and sample, looked up.
//! Deliberately not here: what a kernel does for a sample that lacks its value.

use crate::compiler::graph::{Condition, PresenceId, Sample};

/// A table of conditions by samples, made once a step.
#[derive(Debug, Clone)]
pub struct Present {
    samples: usize,
    /// Condition after condition, in each sample after sample.
    table: Vec<bool>,
}

impl Present {
    /// Every condition asked for every sample.
    #[must_use]
    pub fn new(conditions: &[Condition], samples: &[Sample]) -> Self {
        let of_all = |condition: &Condition| -> Vec<bool> {
            samples.iter().map(|sample| condition.holds(sample)).collect()
        };
        Self { samples: samples.len(), table: conditions.iter().flat_map(of_all).collect() }
    }

    /// Whether a sample has what the condition stands for; what has none, every sample has.
    ///
    /// # Panics
    ///
    /// If there is no such condition or sample.
    #[must_use]
    pub fn holds(&self, id: Option<PresenceId>, sample: usize) -> bool {
        assert!(sample < self.samples, "sample {sample} of {}", self.samples);
        id.is_none_or(|id| self.table[id.0 as usize * self.samples + sample])
    }
}
