//! Parts as values of their own: `Model` -> `Model` whose values are each present as a whole.
//!
//! In: a checked model. Out: the same computation, where a value whose parts are not present together is a value for each part,
//! and each lane that works on it a lane for each. So what knows groups knows parts: an absent part is no key, no query, in
//! no mean, and under `--only` it is not there. What is an output or is compared by a loss is brought together again, with
//! zeros for what is absent. Most models have no such value and stay as they are. Deliberately not here: when parts are present
//! (`flow`).

use std::ops::Range;

use zorro_grammar::Span;

use crate::Checked;
use crate::flow::{Flow, ends, ranges, sources};
use crate::model::{
    GroupId, Lane, Loss, Model, MseTarget, Op, Pooling, Read, Scalar, Shape, Step, StepId, Value,
    ValueId, WeightId,
};

/// Some tokens of a value of the model as it was.
pub(super) type Portion = (ValueId, Range<u64>);

/// A model of parts, and for each of its values what it was a part of.
pub(super) struct Apart {
    pub(super) checked: Checked,
    pub(super) portions: Vec<Portion>,
}

/// Sets parts apart, where there are several that are not present together.
pub(super) fn apart(checked: &Checked) -> Option<Apart> {
    let Checked { model, flow } = checked;
    let values = || (0..model.values.len()).map(ValueId::next);
    if values().all(|value| alike(flow, value).len() == 1) {
        return None;
    }
    let mut made = Parts {
        model,
        flow,
        values: Vec::new(),
        steps: Vec::new(),
        portions: Vec::new(),
        pieces: vec![Vec::new(); model.values.len()],
    };
    for step in &model.steps {
        made.step(step);
    }
    let mut whole = model.clone();
    for output in &mut whole.outputs {
        output.value = made.whole(output.value, &output.name, output.span);
    }
    for objective in &mut whole.objectives {
        let (name, span) = (objective.name.clone(), objective.span);
        made.of_loss(&mut objective.loss, &name, span);
    }
    for group in &mut whole.groups {
        group.start = made.pieces[group.start.index()][0].1;
    }
    let Parts { values, steps, portions, .. } = made;
    let (applies, asserts) = (Vec::new(), Vec::new());
    let flow = flow.apart(&portions);
    let model = Model { values, steps, applies, asserts, ..whole };
    Some(Apart { checked: Checked { model, flow }, portions })
}

/// Where the tokens end that are present together, in order.
fn alike(flow: &Flow, value: ValueId) -> Vec<u64> {
    let parts = flow.parts(value).chunk_by(|a, b| a.is_present_as(b));
    parts.filter_map(|parts| parts.last()).map(|part| part.end).collect()
}

/// A model of parts in the making.
struct Parts<'a> {
    model: &'a Model,
    flow: &'a Flow,
    values: Vec<Value>,
    steps: Vec<Step>,
    portions: Vec<Portion>,
    /// For every value as it was, the values that it is now, and where each ends.
    pieces: Vec<Vec<(u64, ValueId)>>,
}

/// A lane to be.
struct Draft {
    op: Op,
    operands: Vec<ValueId>,
    weights: Vec<WeightId>,
    reads: Vec<Read>,
    portion: Portion,
}

impl Parts<'_> {
    fn step(&mut self, step: &Step) {
        let (path, span) = (step.path.as_str(), step.span);
        let mut drafts = Vec::new();
        for lane in &step.lanes {
            if let Op::Attend { .. } = step.op {
                self.attend(step, lane, &mut drafts);
                continue;
            }
            for tokens in self.ranges(&step.op, lane) {
                drafts.push(self.draft(step, lane, tokens));
            }
        }
        let places: Vec<Portion> = drafts.iter().map(|draft| draft.portion.clone()).collect();
        let made = self.push(path, span, drafts);
        for ((value, tokens), made) in places.into_iter().zip(made) {
            self.pieces[value.index()].push((tokens.end, made));
        }
    }

    /// The tokens of a lane's result that become a value each.
    fn ranges(&self, op: &Op, lane: &Lane) -> Vec<Range<u64>> {
        let mut cuts = alike(self.flow, lane.result);
        if *op != Op::Concat {
            let of =
                |value: ValueId| self.pieces[value.index()].iter().map(|(end, _)| *end).collect();
            cuts.extend(ends(self.model, (op, lane), &of));
        }
        cuts.sort_unstable();
        cuts.dedup();
        ranges(cuts).collect()
    }

    /// The lane that makes some tokens of a result.
    fn draft(&mut self, step: &Step, lane: &Lane, tokens: Range<u64>) -> Draft {
        let found = sources(self.model, (&step.op, lane), &tokens);
        let mut operands = Vec::new();
        let mut op = step.op.clone();
        if let Op::Slice(..) | Op::Gather(_) = op {
            // All of it comes of one piece: elsewhere it would be cut.
            let first = found.first().map_or(0, |(_, range)| range.start);
            let (start, piece) = self.piece(lane.operands[0], first);
            operands.push(piece);
            if let Op::Slice(from, to) = &mut op {
                (*from, *to) = (*from + tokens.start - start, *from + tokens.end - start);
            }
            if let Op::Gather(ids) = &mut op {
                *ids = found.iter().map(|(_, range)| range.start - start).collect();
            }
        } else if let Op::Concat | Op::Pool(Pooling::Mean) = op {
            for (at, range) in found {
                operands.extend(self.within(lane.operands[at], &range, step));
            }
        } else {
            for (at, range) in found {
                operands.push(self.take(lane.operands[at], &range, &step.path, step.span));
            }
        }
        let (weights, reads) = (lane.weights.clone(), Vec::new());
        Draft { op, operands, weights, reads, portion: (lane.result, tokens) }
    }

    /// The lanes of an attention: each part of a query reads the parts that its relation lets it read.
    fn attend(&mut self, step: &Step, lane: &Lane, drafts: &mut Vec<Draft>) {
        let mut queries: Vec<u64> =
            self.ranges(&step.op, lane).into_iter().map(|range| range.end).collect();
        let ends_of = |parts: &Self, value: ValueId| -> Vec<u64> {
            parts.pieces[value.index()].iter().map(|(end, _)| *end).collect()
        };
        // Causality is between equal tokens: both sides are cut alike.
        for (read, key) in lane.reads.iter().zip(lane.keys()) {
            if read.relation.is_causal() {
                queries.extend(ends_of(self, key));
            }
        }
        queries.sort_unstable();
        queries.dedup();
        let n_queries = self.model.shape(lane.operands[0]).tokens();
        for tokens in ranges(queries.clone()) {
            let mut operands = vec![self.take(lane.operands[0], &tokens, &step.path, step.span)];
            let mut reads = Vec::new();
            for (read, pair) in lane.reads.iter().zip(lane.operands[1..].chunks(2)) {
                let causal = read.relation.is_causal();
                let keys = if causal { queries.clone() } else { ends_of(self, pair[0]) };
                let sizes = (n_queries, self.model.shape(pair[0]).tokens());
                for keys in ranges(keys) {
                    let Some(relation) = read.relation.between(&tokens, &keys, sizes) else {
                        continue;
                    };
                    for value in pair {
                        operands.push(self.take(*value, &keys, &step.path, step.span));
                    }
                    reads.push(Read { relation, ..read.clone() });
                }
            }
            let (op, weights) = (step.op.clone(), lane.weights.clone());
            drafts.push(Draft { op, operands, weights, reads, portion: (lane.result, tokens) });
        }
    }

    /// The piece that has a token, and where it begins.
    fn piece(&self, value: ValueId, token: u64) -> (u64, ValueId) {
        let pieces = &self.pieces[value.index()];
        let at = pieces.partition_point(|(end, _)| *end <= token);
        (at.checked_sub(1).map_or(0, |before| pieces[before].0), pieces[at].1)
    }

    /// Some tokens of a value, in as many values as it has pieces there.
    fn within(&mut self, value: ValueId, tokens: &Range<u64>, step: &Step) -> Vec<ValueId> {
        let (mut found, mut start) = (Vec::new(), 0);
        for (end, piece) in self.pieces[value.index()].clone() {
            let (from, to) = (tokens.start.max(start), tokens.end.min(end));
            if from < to {
                found.push(if (from, to) == (start, end) {
                    piece
                } else {
                    let op = Op::Slice(from - start, to - start);
                    self.one(op, vec![piece], (value, from..to), (&step.path, step.span))
                });
            }
            start = end;
        }
        found
    }

    /// Some tokens of a value as one value.
    fn take(&mut self, value: ValueId, tokens: &Range<u64>, path: &str, span: Span) -> ValueId {
        let step = Step { op: Op::Concat, lanes: Vec::new(), path: path.to_owned(), span };
        let found = self.within(value, tokens, &step);
        if let [one] = found.as_slice() {
            return *one;
        }
        self.one(Op::Concat, found, (value, tokens.clone()), (path, span))
    }

    /// All of a value as one value.
    fn whole(&mut self, value: ValueId, path: &str, span: Span) -> ValueId {
        let tokens = 0..self.model.shape(value).tokens();
        self.take(value, &tokens, path, span)
    }

    fn of_loss(&mut self, loss: &mut Loss, path: &str, span: Span) {
        match loss {
            Loss::CrossEntropy { logits, .. } | Loss::SigmoidCrossEntropy { logits, .. } => {
                *logits = self.whole(*logits, path, span);
            }
            Loss::Nce { a, b, temperature, .. } => {
                (*a, *b) = (self.whole(*a, path, span), self.whole(*b, path, span));
                if let Scalar::Computed(value) = temperature {
                    *value = self.whole(*value, path, span);
                }
            }
            Loss::Mse { a, b } => {
                *a = self.whole(*a, path, span);
                if let MseTarget::Value(b) = b {
                    *b = self.whole(*b, path, span);
                }
            }
            Loss::Mean(terms) => terms.iter_mut().for_each(|term| self.of_loss(term, path, span)),
            Loss::Sum(terms) => {
                terms.iter_mut().for_each(|(_, term)| self.of_loss(term, path, span));
            }
        }
    }

    /// A step of one lane.
    fn one(
        &mut self,
        op: Op,
        operands: Vec<ValueId>,
        portion: Portion,
        (path, span): (&str, Span),
    ) -> ValueId {
        let (weights, reads) = (Vec::new(), Vec::new());
        self.push(path, span, vec![Draft { op, operands, weights, reads, portion }])[0]
    }

    /// Makes steps of lanes; those of one operation, as far as they follow one another, are one step.
    fn push(&mut self, path: &str, span: Span, drafts: Vec<Draft>) -> Vec<ValueId> {
        let first = self.values.len();
        let n_steps = self.steps.len();
        for Draft { op, operands, weights, reads, portion } in drafts {
            let result = ValueId::next(self.values.len());
            let lane = Lane { operands, weights, reads, result };
            match self.steps[n_steps..].last_mut() {
                Some(step) if step.op == op => step.lanes.push(lane),
                Some(_) | None => {
                    self.steps.push(Step { op, lanes: vec![lane], path: path.to_owned(), span });
                }
            }
            let step = StepId::next(self.steps.len() - 1);
            let (group, shape) = (self.group(portion.0), self.shape(portion.0, &portion.1));
            self.values.push(Value { step, group, shape });
            self.portions.push(portion);
        }
        (first..self.values.len()).map(ValueId::next).collect()
    }

    fn group(&self, value: ValueId) -> Option<GroupId> {
        self.model.value(value).group
    }

    fn shape(&self, value: ValueId, tokens: &Range<u64>) -> Shape {
        let shape = self.model.shape(value);
        let n = tokens.end - tokens.start;
        if n == shape.tokens() { shape.clone() } else { Shape::new([n], shape.width) }
    }
}
