//! Which modalities can reach a value, and for which samples it exists.
//!
//! In: a model. Out: for every value and objective a [`ModalitySet`] and a [`Presence`], and the
//! path by which a modality reaches a value. Both are conservative: attention counts as reading a
//! group even where its relation allows no pair, and a slice of a concat sees what the concat sees.
//! Deliberately not here: diagnostics, which `resolve` makes of these facts.

mod horizon;
mod path;
mod presence;
mod text;

use crate::model::{Lane, Loss, ModalityId, Model, Op, ValueId};

pub use horizon::{Ahead, CausalLoop, Horizon, Origin, causal_loops, unit};
pub use path::{Hop, path};
pub use presence::{MAX_TERMS, ModalitySet, Presence};

use presence::Formulas;

/// The facts about a model's values.
#[derive(Debug, Clone)]
pub struct Flow {
    sees: Vec<ModalitySet>,
    /// For every value an index into `formulas`: models have few different ones.
    presence: Vec<usize>,
    formulas: Vec<Presence>,
    objectives: Vec<(ModalitySet, usize)>,
}

impl Flow {
    /// Derives the facts.
    ///
    /// # Errors
    ///
    /// The value whose presence is too large a formula: more than [`MAX_TERMS`] minimal sets, or
    /// more work than a model should cost. No model that anyone would train comes near it.
    pub fn of(model: &Model) -> Result<Self, ValueId> {
        let mut sees = vec![ModalitySet::EMPTY; model.values.len()];
        let mut presence = vec![Formulas::TRUE; model.values.len()];
        let mut formulas = Formulas::new();
        for step in &model.steps {
            for lane in &step.lanes {
                let at = lane.result.index();
                sees[at] = if let Op::Input(modality) = step.op {
                    ModalitySet::only(modality)
                } else {
                    union(&sees, &lane.operands)
                };
                let found = lane_presence(&step.op, lane, &presence, &mut formulas);
                presence[at] = found.ok_or(lane.result)?;
            }
        }
        let mut objectives = Vec::with_capacity(model.objectives.len());
        for objective in &model.objectives {
            let operands = objective.loss.operands();
            let found = loss_presence(&objective.loss, &presence, &mut formulas);
            let blamed = operands.first().copied().unwrap_or(ValueId(0));
            objectives.push((union(&sees, &operands), found.ok_or(blamed)?));
        }
        Ok(Self { sees, presence, formulas: formulas.into_vec(), objectives })
    }

    /// The modalities that can reach a value.
    #[must_use]
    pub fn sees(&self, value: ValueId) -> ModalitySet {
        self.sees[value.index()]
    }

    /// When a value exists.
    #[must_use]
    pub fn presence(&self, value: ValueId) -> &Presence {
        &self.formulas[self.presence[value.index()]]
    }

    /// What reaches the objective of this index, and when at least one of its terms exists.
    #[must_use]
    pub fn objective(&self, index: usize) -> (ModalitySet, &Presence) {
        let (sees, presence) = self.objectives[index];
        (sees, &self.formulas[presence])
    }
}

fn union(sees: &[ModalitySet], operands: &[ValueId]) -> ModalitySet {
    operands.iter().fold(ModalitySet::EMPTY, |set, value| set.union(sees[value.index()]))
}

fn lane_presence(op: &Op, lane: &Lane, known: &[usize], formulas: &mut Formulas) -> Option<usize> {
    let of = |value: &ValueId| known[value.index()];
    match op {
        Op::Input(modality) => formulas.bit(*modality),
        Op::Latents | Op::Learned | Op::Absent => Some(Formulas::TRUE),
        Op::Attend { .. } => {
            let query = lane.operands.first().map_or(Formulas::TRUE, of);
            if lane.reads.is_empty() {
                return Some(query);
            }
            let keys: Vec<usize> = lane.keys().map(|key| of(&key)).collect();
            let read = formulas.any(&keys)?;
            formulas.and(query, read)
        }
        Op::Concat | Op::Mean => formulas.any(&lane.operands.iter().map(of).collect::<Vec<_>>()),
        Op::Patches(_)
        | Op::Linear
        | Op::Embed
        | Op::Position { .. }
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Join
        | Op::Slice(..)
        | Op::Gather(_)
        | Op::Pool(_)
        | Op::Pad
        | Op::Crop => formulas.all(&lane.operands.iter().map(of).collect::<Vec<_>>()),
    }
}

/// A term needs all of its operands; a mean or a sum, one of its terms.
fn loss_presence(loss: &Loss, known: &[usize], formulas: &mut Formulas) -> Option<usize> {
    let terms: Vec<&Loss> = match loss {
        Loss::Mean(terms) => terms.iter().collect(),
        Loss::Sum(terms) => terms.iter().map(|(_, term)| term).collect(),
        Loss::CrossEntropy { .. }
        | Loss::SigmoidCrossEntropy { .. }
        | Loss::Nce { .. }
        | Loss::Mse { .. } => {
            let operands = loss.operands();
            let operands: Vec<usize> = operands.iter().map(|value| known[value.index()]).collect();
            return formulas.all(&operands);
        }
    };
    let mut any = Formulas::FALSE;
    for term in terms {
        let term = loss_presence(term, known, formulas)?;
        any = formulas.or(any, term)?;
    }
    Some(any)
}

/// For every value, whether it reaches an output or an objective.
#[must_use]
pub fn live(model: &Model) -> Vec<bool> {
    let mut live = vec![false; model.values.len()];
    let outputs = model.outputs.iter().map(|output| output.value);
    let losses = model.objectives.iter().flat_map(|objective| objective.loss.operands());
    for value in outputs.chain(losses) {
        live[value.index()] = true;
    }
    for step in model.steps.iter().rev() {
        for lane in &step.lanes {
            if live[lane.result.index()] {
                for operand in &lane.operands {
                    live[operand.index()] = true;
                }
            }
        }
    }
    live
}

/// Every modality of a model, as a set.
#[must_use]
pub fn all_modalities(model: &Model) -> ModalitySet {
    let ids = (0..model.modalities.len()).map(ModalityId::next);
    ids.fold(ModalitySet::EMPTY, |set, id| set.union(ModalitySet::only(id)))
}

#[cfg(test)]
mod tests;
