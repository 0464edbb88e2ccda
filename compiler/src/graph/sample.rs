//! Samples of a batch, and what holds for them.
//!
//! In: a condition or a loss, and samples. Out: whether they have what it stands for. Deliberately not here: what is done for
//! samples that lack it.

use crate::Flow;
use crate::flow::ModalitySet;
use crate::model::{Loss, ModalityId, TargetId};

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
    /// Whether it counts in a term of a loss: whether it is one of the batch's own, and has all that the term reads and is held
    /// to.
    #[must_use]
    pub fn has_term(&self, flow: &Flow, term: &Loss) -> bool {
        self.counted
            && flow.term(term).holds(self.modalities)
            && term.targets().iter().all(|target| self.targets.contains(target))
    }

    /// Whether some of these samples have a loss, that is, one of its terms. For `nce` it takes two of them: a sample alone has
    /// nothing that it could be told from.
    #[must_use]
    pub fn have_loss(samples: &[Self], flow: &Flow, loss: &Loss) -> bool {
        loss.terms().into_iter().any(|term| {
            let least = if let Loss::Nce { .. } = term { 2 } else { 1 };
            let having = samples.iter().filter(|sample| sample.has_term(flow, term));
            having.take(least).count() == least
        })
    }
}
