//! Which values are needed for what is wanted, and which exist at all.
//!
//! In: a model, and what is wanted of it. Out: for every value whether it is to be computed. A group that is read but
//! cannot exist without a missing modality is not followed. Deliberately not here: samples; conditions on those stay in
//! the graph.

use crate::Checked;
use crate::flow::{ModalitySet, Presence};
use crate::model::{Lane, Loss, Model, Op, ValueId};

use super::{Request, Unavailable};

/// What is needed.
pub(super) struct Needs {
    only: Option<ModalitySet>,
    exists: Vec<bool>,
    needed: Vec<bool>,
}

impl Needs {
    /// Follows what is wanted to what it is made of.
    pub(super) fn of(checked: &Checked, request: &Request) -> Result<Self, Vec<Unavailable>> {
        let model = &checked.model;
        let mut needs = Self {
            only: request.only,
            exists: Vec::new(),
            needed: vec![false; model.values.len()],
        };
        for at in 0..model.values.len() {
            let value = ValueId::next(at);
            needs.exists.push(needs.presence(checked, value) != Presence::never());
        }
        let mut missing = Vec::new();
        for &at in &request.outputs {
            let output = &model.outputs[at];
            if needs.exists(output.value) {
                needs.needed[output.value.index()] = true;
            } else {
                let presence = checked.flow.presence(output.value).clone();
                missing.push(Unavailable { name: output.name.clone(), presence });
            }
        }
        for &at in request.objectives.iter().chain(&request.terms) {
            let objective = &model.objectives[at];
            if !needs.want_loss(&objective.loss) {
                let presence = checked.flow.objective(at).1.clone();
                missing.push(Unavailable { name: objective.name.clone(), presence });
            }
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        needs.follow(model);
        Ok(needs)
    }

    /// When a value exists, where some modalities never do.
    pub(super) fn presence(&self, checked: &Checked, value: ValueId) -> Presence {
        let presence = checked.flow.presence(value);
        self.only.map_or_else(|| presence.clone(), |only| presence.within(only))
    }

    /// Whether a value can exist.
    pub(super) fn exists(&self, value: ValueId) -> bool {
        self.exists[value.index()]
    }

    /// Whether a value is to be computed.
    pub(super) fn needed(&self, value: ValueId) -> bool {
        self.needed[value.index()]
    }

    /// Whether a loss of no further parts can exist.
    pub(super) fn has_term(&self, loss: &Loss) -> bool {
        loss.operands().iter().all(|value| self.exists(*value))
    }

    /// Marks what a loss reads; false where there is nothing of it.
    fn want_loss(&mut self, loss: &Loss) -> bool {
        match loss {
            Loss::Mean(terms) => self.want_any(terms.iter()),
            Loss::Sum(terms) => self.want_any(terms.iter().map(|(_, term)| term)),
            Loss::CrossEntropy { .. }
            | Loss::SigmoidCrossEntropy { .. }
            | Loss::Nce { .. }
            | Loss::Mse { .. } => {
                let there = self.has_term(loss);
                if there {
                    for value in loss.operands() {
                        self.needed[value.index()] = true;
                    }
                }
                there
            }
        }
    }

    /// Marks what all of these read; false where there is nothing of any.
    fn want_any<'a>(&mut self, terms: impl Iterator<Item = &'a Loss>) -> bool {
        let mut any = false;
        for term in terms {
            any |= self.want_loss(term);
        }
        any
    }

    fn follow(&mut self, model: &Model) {
        for step in model.steps.iter().rev() {
            for lane in &step.lanes {
                if self.needed(lane.result) {
                    for operand in self.operands(&step.op, lane) {
                        self.needed[operand.index()] = true;
                    }
                }
            }
        }
    }

    /// The operands of a lane that exist. Only what can do without some of its operands has fewer.
    pub(super) fn operands(&self, op: &Op, lane: &Lane) -> Vec<ValueId> {
        let mut operands = lane.operands.clone();
        if matches!(op, Op::Attend { .. } | Op::Concat | Op::Mean | Op::Absent) {
            operands.retain(|value| self.exists(*value));
        }
        operands
    }
}
