//! Which modalities can reach a value, and for which samples it exists.
//!
//! In: a model. Out: for every value and objective a [`ModalitySet`] and a [`Presence`], and the
//! path by which a modality reaches a value. A `concat` keeps its parts apart, so a slice sees what
//! its part sees. Both facts are conservative: attention between two whole groups counts as reading
//! even where its relation allows no pair. Deliberately not here: diagnostics, which `resolve` makes
//! of these facts.

mod horizon;
mod parts;
mod path;
mod presence;
mod text;

use std::ops::Range;

use crate::model::{Loss, ModalityId, Model, MseTarget, ValueId};

pub use horizon::{Ahead, CausalLoop, Horizon, Origin, causal_loops, unit};
pub use parts::Part;
pub(crate) use parts::{ends, ranges, sources};
pub use path::{Hop, path};
pub use presence::{MAX_TERMS, ModalitySet, Presence};

use parts::{Parts, parts_of};
use presence::Formulas;

/// The most parts that the values of a model may have together.
const MAX_PARTS: usize = 1 << 20;

/// The facts about a model's values.
#[derive(Debug, Clone)]
pub struct Flow {
    parts: Parts,
    /// For every value when some of it is present, as an index into `formulas`: models have few different ones.
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
        let mut parts = Parts::new(model.values.len());
        let mut presence = vec![Formulas::TRUE; model.values.len()];
        let mut formulas = Formulas::new();
        for step in &model.steps {
            for lane in &step.lanes {
                let made = parts_of(model, (&step.op, lane), &parts, &mut formulas);
                parts.push(lane.result, made.ok_or(lane.result)?);
                let there: Vec<usize> = parts.of(lane.result).iter().map(Part::there).collect();
                presence[lane.result.index()] = formulas.any(&there).ok_or(lane.result)?;
                if parts.n_parts() > MAX_PARTS {
                    return Err(lane.result);
                }
            }
        }
        let mut objectives = Vec::with_capacity(model.objectives.len());
        for objective in &model.objectives {
            let operands = objective.loss.operands();
            let found = loss_presence(&objective.loss, (&parts, &presence), &mut formulas);
            let blamed = operands.first().copied().unwrap_or(ValueId(0));
            let sees = operands.iter().map(|value| parts.sees(*value));
            let sees = sees.fold(ModalitySet::EMPTY, ModalitySet::union);
            objectives.push((sees, found.ok_or(blamed)?));
        }
        Ok(Self { parts, presence, formulas: formulas.into_vec(), objectives })
    }

    /// The facts of a model of the same parts, each a value of its own: for each, the value and the tokens of it that it is.
    #[must_use]
    pub(crate) fn apart(&self, of: &[(ValueId, Range<u64>)]) -> Self {
        let mut parts = Parts::new(of.len());
        let mut formulas = Formulas::from(self.formulas.clone());
        let mut presence = Vec::new();
        for (value, (whole, tokens)) in (0..).map(ValueId).zip(of) {
            let made = self.parts.within(*whole, tokens);
            let there: Vec<usize> = made.iter().map(Part::there).collect();
            presence.push(formulas.any(&there).expect("fewer than flow has combined before"));
            let end = |part: &Part| part.end.min(tokens.end) - tokens.start;
            parts.push(value, made.iter().map(|part| Part { end: end(part), ..*part }));
        }
        let objectives = self.objectives.clone();
        Self { parts, presence, formulas: formulas.into_vec(), objectives }
    }

    /// The modalities that can reach a value.
    #[must_use]
    pub fn sees(&self, value: ValueId) -> ModalitySet {
        self.parts.sees(value)
    }

    /// When some of a value exists.
    #[must_use]
    pub fn presence(&self, value: ValueId) -> &Presence {
        &self.formulas[self.presence[value.index()]]
    }

    /// The parts of a value, in the order of its tokens.
    #[must_use]
    pub fn parts(&self, value: ValueId) -> &[Part] {
        self.parts.of(value)
    }

    /// What all of a value began as, if those were learned tokens that are still theirs alone.
    #[must_use]
    pub fn learned(&self, value: ValueId) -> Option<ValueId> {
        let parts = self.parts.of(value);
        let learned = parts.first()?.learned;
        learned.filter(|_| parts.iter().all(|part| part.learned == learned))
    }

    /// When a part exists.
    #[must_use]
    pub fn part_presence(&self, part: &Part) -> &Presence {
        &self.formulas[part.there()]
    }

    /// When a loss of no further terms exists, but for its target: where all that it reads does, and of values of many tokens
    /// some that can be compared.
    ///
    /// # Panics
    ///
    /// If the loss is of another model.
    #[must_use]
    pub fn term(&self, term: &Loss) -> Presence {
        let both = "flow has combined these before";
        if let Loss::Mse { a, b: MseTarget::Value(b) } = term {
            let pairs = compared(&self.parts, *a, *b)
                .into_iter()
                .map(|(a, b)| self.part_presence(&a).and(self.part_presence(&b)).expect(both));
            return pairs.fold(Presence::never(), |any, one| any.or(&one).expect(both));
        }
        let all = term.operands().into_iter();
        all.fold(Presence::always(), |all, value| all.and(self.presence(value)).expect(both))
    }

    /// What reaches the objective of this index, and when at least one of its terms exists.
    #[must_use]
    pub fn objective(&self, index: usize) -> (ModalitySet, &Presence) {
        let (sees, presence) = self.objectives[index];
        (sees, &self.formulas[presence])
    }
}

/// The parts of two values of one shape, token by token, that are compared with each other.
fn compared(parts: &Parts, a: ValueId, b: ValueId) -> Vec<(Part, Part)> {
    let mut ends: Vec<u64> =
        [a, b].iter().flat_map(|value| parts.of(*value)).map(|part| part.end).collect();
    ends.sort_unstable();
    ends.dedup();
    let at = |value: ValueId, tokens: &Range<u64>| parts.within(value, tokens)[0];
    ranges(ends).map(|tokens| (at(a, &tokens), at(b, &tokens))).collect()
}

/// A term needs all of its operands; a mean or a sum, one of its terms.
fn loss_presence(loss: &Loss, known: (&Parts, &[usize]), formulas: &mut Formulas) -> Option<usize> {
    let terms: Vec<&Loss> = match loss {
        Loss::Mean(terms) => terms.iter().collect(),
        Loss::Sum(terms) => terms.iter().map(|(_, term)| term).collect(),
        Loss::Mse { a, b: MseTarget::Value(b) } => {
            let mut any = Formulas::FALSE;
            for (a, b) in compared(known.0, *a, *b) {
                let both = formulas.and(a.there(), b.there())?;
                any = formulas.or(any, both)?;
            }
            return Some(any);
        }
        Loss::CrossEntropy { .. }
        | Loss::SigmoidCrossEntropy { .. }
        | Loss::Nce { .. }
        | Loss::Mse { .. } => {
            let operands = loss.operands();
            let operands: Vec<usize> =
                operands.iter().map(|value| known.1[value.index()]).collect();
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
