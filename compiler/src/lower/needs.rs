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
    /// What values began as, if those were learned tokens; they are computed for every sample.
    learned: Vec<Option<ValueId>>,
    needed: Vec<bool>,
}

impl Needs {
    /// Follows what is wanted to what it is made of.
    pub(super) fn of(checked: &Checked, request: &Request) -> Result<Self, Vec<Unavailable>> {
        let model = &checked.model;
        let mut needs = Self {
            only: request.only,
            exists: Vec::new(),
            learned: Vec::new(),
            needed: vec![false; model.values.len()],
        };
        for at in 0..model.values.len() {
            let value = ValueId::next(at);
            needs.exists.push(needs.presence(checked, value) != Presence::never());
            needs.learned.push(checked.flow.learned(value));
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
            if !needs.want_loss(checked, &objective.loss) {
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
        self.within(checked.flow.presence(value))
    }

    /// When a term of a loss exists, likewise.
    pub(super) fn term(&self, checked: &Checked, term: &Loss) -> Presence {
        self.within(&checked.flow.term(term))
    }

    pub(super) fn within(&self, presence: &Presence) -> Presence {
        self.only.map_or_else(|| presence.clone(), |only| presence.within(only))
    }

    /// Whether it is learned tokens, with what they have read.
    pub(super) fn is_learned(&self, value: ValueId) -> bool {
        self.learned[value.index()].is_some()
    }

    /// Whether what is read is what the query began as: learned tokens always read themselves.
    pub(super) fn owns(&self, query: ValueId, key: ValueId) -> bool {
        self.is_learned(query) && self.learned[query.index()] == self.learned[key.index()]
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
    pub(super) fn has_term(&self, checked: &Checked, loss: &Loss) -> bool {
        self.term(checked, loss) != Presence::never()
    }

    /// Marks what a loss reads; false where there is nothing of it.
    fn want_loss(&mut self, checked: &Checked, loss: &Loss) -> bool {
        match loss {
            Loss::Mean(terms) => self.want_any(checked, terms.iter()),
            Loss::Sum(terms) => self.want_any(checked, terms.iter().map(|(_, term)| term)),
            Loss::CrossEntropy { .. }
            | Loss::SigmoidCrossEntropy { .. }
            | Loss::Nce { .. }
            | Loss::Mse { .. } => {
                let there = self.has_term(checked, loss);
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
    fn want_any<'a>(&mut self, checked: &Checked, terms: impl Iterator<Item = &'a Loss>) -> bool {
        let mut any = false;
        for term in terms {
            any |= self.want_loss(checked, term);
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
        if let Op::Attend { .. } = op {
            let pairs = lane.operands[1..].chunks(2);
            let read = pairs.filter(|pair| self.reads(lane.operands[0], pair));
            return lane.operands[..1].iter().chain(read.flatten()).copied().collect();
        }
        // Of what somebody finds there, parts that are not there are left out; learned tokens that nobody finds there are whole.
        let is_partial = matches!(op, Op::Concat | Op::Pool(_)) && self.exists(lane.result);
        let mut operands = lane.operands.clone();
        if is_partial || matches!(op, Op::Mean | Op::Absent) {
            operands.retain(|value| self.exists(*value));
        }
        operands
    }

    /// Whether a query reads this key and value.
    pub(super) fn reads(&self, query: ValueId, pair: &[ValueId]) -> bool {
        self.owns(query, pair[0]) || pair.iter().all(|value| self.exists(*value))
    }
}
