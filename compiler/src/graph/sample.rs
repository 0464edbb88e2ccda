//! Samples of a batch, and what holds for them.
//!
//! In: a condition and a sample. Out: whether the sample has what the condition stands for. Deliberately not here: what is
//! done for samples that lack it.

use crate::flow::ModalitySet;
use crate::model::{ModalityId, TargetId};

use super::Condition;

impl Condition {
    /// Whether it holds for a sample that has these modalities and targets.
    #[must_use]
    pub fn holds(&self, sample: &Sample) -> bool {
        (!self.counted || sample.counted)
            && self.presence.holds(sample.modalities)
            && self.targets.iter().all(|target| sample.targets.contains(target))
    }
}

/// What a sample of a batch has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its modalities.
    pub modalities: ModalitySet,
    /// Its targets.
    pub targets: Vec<TargetId>,
    /// False for what only fills a batch.
    pub counted: bool,
}

impl Sample {
    /// One that has everything.
    #[must_use]
    pub fn whole(modalities: usize, targets: usize) -> Self {
        let modalities = (0..modalities).map(ModalityId::next);
        Self {
            modalities: ModalitySet::of(modalities),
            targets: (0..targets).map(TargetId::next).collect(),
            counted: true,
        }
    }

    /// One that has nothing and only fills a batch.
    #[must_use]
    pub fn filler() -> Self {
        Self { modalities: ModalitySet::EMPTY, targets: Vec::new(), counted: false }
    }
}
