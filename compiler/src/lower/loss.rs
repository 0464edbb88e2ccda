//! Losses from primitives.
//!
//! In: a loss. Out: one number `[1, 1]`. Each term is the mean over the samples that have its operands and its target; a
//! mean of terms is over those that at least one sample has, and in a sum a missing term is 0. What a sample lacks is
//! chosen away before it can spread, never multiplied by 0. For means over more samples than a batch has, a term also comes
//! apart into samples. Deliberately not here: which objective is minimized.

use crate::graph::{
    Binary, Condition, Input, InputKind, NodeId, PresenceId, Reduction, Segment, TermPart, Unary,
};
use crate::model::{Loss, MseTarget, Negatives, Scalar, TargetId, TargetKind, ValueId};

use super::steps::reciprocal;
use super::{Lowering, Place, number};

/// Below every score, and still a number in `f32`.
const LOW: f64 = -3e38;
/// What keeps a norm and a sum of exponentials from 0; far below what matters, and no denormal in `f32`.
const TINY: f64 = 1e-24;

/// A loss and whether any sample has it, `[1, 1]` each.
#[derive(Clone, Copy)]
struct Term {
    value: NodeId,
    exists: NodeId,
}

impl Lowering<'_> {
    /// Lowers a loss.
    pub(super) fn loss(&mut self, loss: &Loss) -> NodeId {
        self.term(loss).value
    }

    fn term(&mut self, loss: &Loss) -> Term {
        match loss {
            Loss::Mean(terms) => self.mean_of(terms),
            Loss::Sum(terms) => {
                let zero = self.graph.constant(0.0, &[1, 1]);
                let mut all = Term { value: zero, exists: zero };
                for (factor, term) in terms {
                    let term = self.term(term);
                    let value = self.graph.times(term.value, factor.to_f64());
                    all.value = self.graph.add(all.value, value);
                    all.exists = self.graph.binary(Binary::Max, all.exists, term.exists);
                }
                all
            }
            Loss::CrossEntropy { .. }
            | Loss::SigmoidCrossEntropy { .. }
            | Loss::Nce { .. }
            | Loss::Mse { .. }
                if !self.needs.has_term(self.checked, loss) =>
            {
                let zero = self.graph.constant(0.0, &[1, 1]);
                Term { value: zero, exists: zero }
            }
            Loss::CrossEntropy { .. }
            | Loss::SigmoidCrossEntropy { .. }
            | Loss::Nce { .. }
            | Loss::Mse { .. } => {
                let losses = self.losses(loss);
                self.mean_over(losses, loss)
            }
        }
    }

    /// The losses of single samples by a term, `[batch, 1]`; for those that do not have it they say nothing.
    fn losses(&mut self, term: &Loss) -> NodeId {
        match term {
            Loss::CrossEntropy { logits, target, smoothing } => {
                self.cross_entropy(*logits, *target, smoothing.to_f64())
            }
            Loss::SigmoidCrossEntropy { logits, target } => {
                self.sigmoid_cross_entropy(*logits, *target)
            }
            Loss::Nce { a, b, temperature, negatives, span: _ } => {
                let present = self.samples(term);
                self.nce((*a, *b), present, temperature, *negatives)
            }
            Loss::Mse { a, b } => self.mse(*a, b),
            Loss::Mean(_) | Loss::Sum(_) => unreachable!("a term has no terms"),
        }
    }

    /// What the mean of a term over more samples than a batch has is made of; nothing where no sample can have the term.
    pub(super) fn parts(&mut self, term: &Loss) -> Vec<(TermPart, NodeId)> {
        if !self.needs.has_term(self.checked, term) {
            return Vec::new();
        }
        let Loss::Nce { a, b, temperature, .. } = term else {
            return vec![(TermPart::Losses, self.losses(term))];
        };
        let mut parts =
            vec![(TermPart::Left, self.pack(&[*a])), (TermPart::Right, self.pack(&[*b]))];
        if let Scalar::Computed(value) = temperature {
            parts.push((TermPart::Temperature, self.learned_number(*value)));
        }
        parts
    }

    /// The mean over the terms that some sample has.
    fn mean_of(&mut self, terms: &[Loss]) -> Term {
        let zero = self.graph.constant(0.0, &[1, 1]);
        let (mut sum, mut count) = (zero, zero);
        for term in terms {
            let term = self.term(term);
            sum = self.graph.add(sum, term.value);
            count = self.graph.add(count, term.exists);
        }
        self.quotient(sum, count)
    }

    /// A sum over so many; 0 over none.
    fn quotient(&mut self, sum: NodeId, count: NodeId) -> Term {
        let (zero, one) = (self.graph.constant(0.0, &[1, 1]), self.graph.constant(1.0, &[1, 1]));
        let exists = self.graph.binary(Binary::Less, zero, count);
        let count = self.graph.binary(Binary::Max, count, one);
        Term { value: self.graph.divide(sum, count), exists }
    }

    /// Which samples have a term: `[batch, 1]`.
    fn samples(&mut self, term: &Loss) -> NodeId {
        let id = self.counted(term);
        let present = self.graph.present(&[Segment { present: id, tokens: 1 }]);
        present.expect("a condition of counted samples does not always hold")
    }

    fn counted(&mut self, term: &Loss) -> Option<PresenceId> {
        let presence = self.needs.term(self.checked, term);
        self.graph.condition(Condition { presence, targets: term.targets(), counted: true })
    }

    /// The mean of the losses of a term, `[batch, 1]`, over the samples that have it.
    fn mean_over(&mut self, losses: NodeId, term: &Loss) -> Term {
        let present = self.samples(term);
        let losses = self.graph.only_where(present, losses);
        let sum = self.graph.sum(losses, 0);
        let count = self.graph.sum(present, 0);
        self.quotient(sum, count)
    }

    /// A target as it is fed, `[batch, numbers]`.
    fn target(&mut self, id: TargetId, numbers: usize) -> NodeId {
        let target = &self.model.targets[id.index()];
        let mut shape = vec![self.request.batch];
        match &target.kind {
            TargetKind::Class(n) | TargetKind::Classes(n) => shape.push(number(*n)),
            TargetKind::Tensor(tensor) => {
                shape.extend(tensor.grid.iter().copied().map(number));
                shape.push(number(tensor.width));
            }
        }
        let name = target.name.clone();
        let fed = self.graph.input(Input { kind: InputKind::Target, name, shape });
        self.graph.reshape(fed, &[self.request.batch, numbers])
    }

    /// The negated sum over classes of target times log-softmax, the target smoothed.
    fn cross_entropy(&mut self, logits: ValueId, target: TargetId, smoothing: f64) -> NodeId {
        let n = self.size(logits).1;
        let logits = self.pack(&[logits]);
        let target = self.target(target, n);
        let target = self.graph.times(target, 1.0 - smoothing);
        let target = self.graph.plus(target, smoothing * reciprocal(n));
        let shape = self.graph.shape(logits).to_vec();
        let largest = self.graph.reduce(Reduction::Max, logits, 1);
        let largest = self.graph.detach(largest);
        let largest = self.graph.broadcast(largest, &shape);
        let shifted = self.graph.subtract(logits, largest);
        let powers = self.graph.unary(Unary::Exp, shifted);
        let sum = self.graph.sum(powers, 1);
        let log = self.graph.unary(Unary::Log, sum);
        let log = self.graph.broadcast(log, &shape);
        let surprise = self.graph.subtract(log, shifted);
        let weighted = self.graph.multiply(target, surprise);
        self.graph.sum(weighted, 1)
    }

    /// The mean over classes of `max(0, x) - x t + log(1 + exp(-|x|))`.
    fn sigmoid_cross_entropy(&mut self, logits: ValueId, target: TargetId) -> NodeId {
        let n = self.size(logits).1;
        let x = self.pack(&[logits]);
        let target = self.target(target, n);
        let shape = self.graph.shape(x).to_vec();
        let zero = self.graph.constant(0.0, &shape);
        let positive = self.graph.binary(Binary::Max, zero, x);
        let product = self.graph.multiply(x, target);
        let negated = self.graph.unary(Unary::Negate, x);
        let minus_size = self.graph.binary(Binary::Min, x, negated);
        let power = self.graph.unary(Unary::Exp, minus_size);
        let power = self.graph.plus(power, 1.0);
        let log = self.graph.unary(Unary::Log, power);
        let loss = self.graph.subtract(positive, product);
        let loss = self.graph.add(loss, log);
        let sum = self.graph.sum(loss, 1);
        self.graph.times(sum, reciprocal(n))
    }

    fn mse(&mut self, a: ValueId, b: &MseTarget) -> NodeId {
        let (tokens, width) = self.size(a);
        let numbers = tokens * width;
        let shape = [self.request.batch, numbers];
        let left = self.pack(&[a]);
        let left = self.graph.reshape(left, &shape);
        let right = match b {
            MseTarget::Target(target) => self.target(*target, numbers),
            MseTarget::Value(b) => {
                let right = self.pack(&[*b]);
                self.graph.reshape(right, &shape)
            }
        };
        let difference = self.graph.subtract(left, right);
        let mut square = self.graph.multiply(difference, difference);
        let sides: Vec<ValueId> = match b {
            MseTarget::Target(_) => vec![a],
            MseTarget::Value(b) => vec![a, *b],
        };
        let masks: Vec<NodeId> = sides.iter().filter_map(|side| self.parts_mask(*side)).collect();
        let Some(mask) = masks.into_iter().reduce(|a, b| self.graph.only_where(a, b)) else {
            let sum = self.graph.sum(square, 1);
            return self.graph.times(sum, reciprocal(numbers));
        };
        square = self.graph.only_where(mask, square);
        let (sum, count) = (self.graph.sum(square, 1), self.graph.sum(mask, 1));
        let one = self.graph.constant(1.0, &[shape[0], 1]);
        let count = self.graph.binary(Binary::Max, count, one);
        self.graph.divide(sum, count)
    }

    /// For each number of a value whose parts are not present together, whether a sample has it: `[batch, numbers]`.
    fn parts_mask(&mut self, value: ValueId) -> Option<NodeId> {
        let flow = &self.checked.flow;
        let parts = flow.parts(value);
        let first = parts.first()?;
        if parts.iter().all(|part| part.is_present_as(first)) {
            return None;
        }
        let width = self.size(value).1;
        let mut columns = Vec::new();
        let mut start = 0;
        for part in parts {
            let shape = [self.request.batch, number(part.end - start) * width];
            start = part.end;
            let presence = self.needs.within(flow.part_presence(part));
            let segment = Segment { present: self.graph.present_if(&presence), tokens: 1 };
            columns.push(match self.graph.present(&[segment]) {
                Some(present) => self.graph.broadcast(present, &shape),
                None => self.graph.constant(1.0, &shape),
            });
        }
        Some(self.graph.concat(&columns, 1))
    }

    /// Equation 2 of the paper: cross-entropies over cosine similarities. Only the samples that are present count and are
    /// negatives.
    fn nce(
        &mut self,
        (a, b): (ValueId, ValueId),
        present: NodeId,
        temperature: &Scalar,
        negatives: Negatives,
    ) -> NodeId {
        let batch = self.request.batch;
        let (left, right) = (self.pack(&[a]), self.pack(&[b]));
        let (left, right) = (self.unit(left), self.unit(right));
        let forward = self.similarities(left, right, temperature);
        let backward = self.similarities(right, left, temperature);
        let product = self.graph.multiply(left, right);
        let own = self.graph.sum(product, 1);
        let own = self.over_temperature(own, temperature);
        let columns = self.graph.reshape(present, &[1, batch]);
        let columns = self.graph.broadcast(columns, &[batch, batch]);
        match negatives {
            Negatives::Forward => self.surprise(own, &[(forward, columns)]),
            Negatives::Both => {
                let there = self.surprise(own, &[(forward, columns)]);
                let back = self.surprise(own, &[(backward, columns)]);
                let sum = self.graph.add(there, back);
                self.graph.times(sum, 0.5)
            }
            Negatives::Joint => {
                let others = self.but_itself(columns);
                self.surprise(own, &[(forward, columns), (backward, others)])
            }
        }
    }

    /// Rows of length 1.
    fn unit(&mut self, a: NodeId) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        let square = self.graph.multiply(a, a);
        let sum = self.graph.sum(square, 1);
        let tiny = self.graph.constant(TINY, &[shape[0], 1]);
        let sum = self.graph.binary(Binary::Max, sum, tiny);
        let inverse = self.graph.unary(Unary::Rsqrt, sum);
        let inverse = self.graph.broadcast(inverse, &shape);
        self.graph.multiply(a, inverse)
    }

    fn similarities(&mut self, a: NodeId, b: NodeId, temperature: &Scalar) -> NodeId {
        let product = self.graph.contract(a, b);
        self.over_temperature(product, temperature)
    }

    fn over_temperature(&mut self, a: NodeId, temperature: &Scalar) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        match temperature {
            Scalar::Fixed(number) => self.graph.times(a, 1.0 / number.to_f64()),
            Scalar::Computed(value) => {
                let number = self.learned_number(*value);
                let number = self.graph.broadcast(number, &shape);
                self.graph.divide(a, number)
            }
        }
    }

    /// A value that is made of learned scalars alone, the same for all samples: `[1, 1]`.
    fn learned_number(&mut self, value: ValueId) -> NodeId {
        match self.place(value) {
            Place::Free(number) => number,
            Place::Rows { pack, start } => self.graph.slice(pack, 0, start, 1),
        }
    }

    /// For each row the logarithm of a sum of exponentials of the chosen scores, less the row's own score: `[batch, 1]`.
    fn surprise(&mut self, own: NodeId, scores: &[(NodeId, NodeId)]) -> NodeId {
        let shape = [self.request.batch; 2];
        let low = self.graph.constant(LOW, &shape);
        let mut largest = self.graph.constant(LOW, &[shape[0], 1]);
        for (score, chosen) in scores {
            let score = self.graph.select(*chosen, *score, low);
            let row = self.graph.reduce(Reduction::Max, score, 1);
            largest = self.graph.binary(Binary::Max, row, largest);
        }
        let largest = self.graph.detach(largest);
        let all = self.graph.broadcast(largest, &shape);
        let mut sum = self.graph.constant(0.0, &[shape[0], 1]);
        for (score, chosen) in scores {
            let shifted = self.graph.subtract(*score, all);
            // What is not chosen may be far above: it must not overflow, whatever becomes of it.
            let shifted = self.graph.only_where(*chosen, shifted);
            let power = self.graph.unary(Unary::Exp, shifted);
            let power = self.graph.only_where(*chosen, power);
            let row = self.graph.sum(power, 1);
            sum = self.graph.add(sum, row);
        }
        let tiny = self.graph.constant(TINY, &[shape[0], 1]);
        let sum = self.graph.binary(Binary::Max, sum, tiny);
        let log = self.graph.unary(Unary::Log, sum);
        let own = self.graph.subtract(own, largest);
        self.graph.subtract(log, own)
    }

    /// A choice of columns without the diagonal.
    fn but_itself(&mut self, columns: NodeId) -> NodeId {
        let batch = self.request.batch;
        let numbers =
            (0..batch * batch).map(|at| f64::from(u8::from(at / batch != at % batch))).collect();
        let off = self.graph.table(numbers, &[batch, batch]);
        self.graph.only_where(off, columns)
    }
}
