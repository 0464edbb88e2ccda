//! Steps: which lanes are worked on together, and what each operation is made of.
//!
//! In: a step of the model. Out: nodes, and where its results lie. Operations that treat every row alike work on packs; lanes
//! that share weights become one operation, others one for each set of weights. Deliberately not here: operations that need
//! the grid (`tokens`), attention (`attend`).

use crate::graph::{
    Argument, Binary, Drawn, Leaf, NodeId, Op as Node, Reduction, Scalar, Segment, Unary,
};
use crate::model::{Lane, Op, Step, ValueId, WeightId};
use crate::random;

use super::{Lowering, Phase, Place};

impl Lowering<'_> {
    /// Lowers the lanes of a step that are needed.
    pub(super) fn step(&mut self, step: &Step) {
        let lanes: Vec<&Lane> =
            step.lanes.iter().filter(|lane| self.needs.needed(lane.result)).collect();
        if lanes.is_empty() {
            return;
        }
        self.graph.at(&step.path, Phase::Forward);
        match &step.op {
            Op::Input(_)
            | Op::Latents
            | Op::Learned
            | Op::Patches(_)
            | Op::Embed
            | Op::Position { .. }
            | Op::Concat
            | Op::Slice(..)
            | Op::Gather(_)
            | Op::Pool(_)
            | Op::Pad
            | Op::Crop => {
                for lane in lanes {
                    self.on_grid(&step.op, lane);
                }
            }
            Op::Attend { heads, window, .. } => self.attend(*heads, window.as_deref(), &lanes),
            Op::Linear | Op::Norm { .. } | Op::RmsNorm { .. } | Op::Scale => {
                for lanes in lanes.chunk_by(|a, b| a.weights == b.weights) {
                    self.shared(step, lanes);
                }
            }
            Op::Absent => {
                for lane in lanes {
                    self.absent(lane);
                }
            }
            Op::Mean => {
                for lane in lanes {
                    self.mean(lane);
                }
            }
            Op::Elementwise(_)
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
            | Op::Join => self.by_runs(step, &lanes),
        }
    }

    /// Lanes that share weights become one operation on one pack.
    fn shared(&mut self, step: &Step, lanes: &[&Lane]) {
        let free = lanes.iter().all(|lane| self.is_free(lane));
        if free {
            for lane in lanes {
                let Place::Free(row) = self.place(lane.operands[0]) else { continue };
                let made = self.row_wise(step, &[row], &lane.weights, &[]);
                self.put(lane.result, Place::Free(made));
            }
            return;
        }
        let operands: Vec<ValueId> = lanes.iter().map(|lane| lane.operands[0]).collect();
        let pack = self.pack(&operands);
        let mut made = self.row_wise(step, &[pack], &lanes[0].weights, lanes);
        // The bias of attention's last linear map is all that comes of reading nothing.
        if step.op == Op::Linear
            && lanes[0].weights.len() > 1
            && let Some(read) = self.where_read(lanes)
        {
            let shape = self.graph.shape(made).to_vec();
            let read = self.graph.broadcast(read, &shape);
            made = self.graph.only_where(read, made);
        }
        self.put_results(lanes, made);
    }

    /// Lanes without weights are worked on as they lie.
    fn by_runs(&mut self, step: &Step, lanes: &[&Lane]) {
        let drops = self.request.random && matches!(step.op, Op::Dropout(_) | Op::DropPath { .. });
        let (free, lanes): (Vec<&Lane>, Vec<&Lane>) =
            lanes.iter().partition(|lane| self.is_free(lane) && !drops);
        for lane in free {
            let width = self.size(lane.result).1;
            let rows: Vec<NodeId> =
                lane.operands.iter().map(|value| self.free_row(*value, width)).collect();
            let made = self.row_wise(step, &rows, &[], &[]);
            self.put(lane.result, Place::Free(made));
        }
        for run in self.runs(&lanes) {
            let n_operands = run[0].operands.len();
            let operands: Vec<NodeId> = (0..n_operands)
                .map(|at| match run.as_slice() {
                    [lane] => self.fitted(step, lane, at),
                    lanes => {
                        let values: Vec<ValueId> =
                            lanes.iter().map(|lane| lane.operands[at]).collect();
                        self.pack(&values)
                    }
                })
                .collect();
            let made = self.row_wise(step, &operands, &[], &run);
            self.put_results(&run, made);
        }
    }

    fn put_results(&mut self, lanes: &[&Lane], made: NodeId) {
        let results: Vec<ValueId> = lanes.iter().map(|lane| lane.result).collect();
        self.put_all(&results, made);
    }

    /// A row of no sample, as wide as the others of its operation.
    fn free_row(&mut self, value: ValueId, width: usize) -> NodeId {
        let Place::Free(row) = self.place(value) else {
            unreachable!("all operands of the lane are free");
        };
        if self.graph.shape(row)[1] == 1 { self.graph.broadcast(row, &[1, width]) } else { row }
    }

    /// An operand for a lane alone; where arithmetic joins something of one row to many tokens, it is repeated.
    fn fitted(&mut self, step: &Step, lane: &Lane, at: usize) -> NodeId {
        let operand = lane.operands[at];
        let spreads = matches!(step.op, Op::Add | Op::Sub | Op::Mul | Op::Div);
        if !spreads {
            return self.pack(&[operand]);
        }
        let (tokens, width) = self.size(lane.result);
        let rows = self.batch() * tokens;
        if let Place::Free(row) = self.place(operand) {
            return self.graph.broadcast(row, &[rows, width]);
        }
        let (own_tokens, own_width) = self.size(operand);
        let own = self.pack(&[operand]);
        if (own_tokens, own_width) == (tokens, width) {
            return own;
        }
        let own = self.graph.reshape(own, &[self.request.batch, own_tokens, own_width]);
        let all = self.graph.broadcast(own, &[self.request.batch, tokens, width]);
        self.graph.reshape(all, &[rows, width])
    }

    /// An operation that treats every row alike; `lanes` say which rows are which group's.
    fn row_wise(
        &mut self,
        step: &Step,
        operands: &[NodeId],
        weights: &[WeightId],
        lanes: &[&Lane],
    ) -> NodeId {
        let a = operands[0];
        match &step.op {
            Op::Linear => self.linear(a, weights),
            Op::Norm { eps, scale, bias } => self.norm(a, eps.to_f64(), (*scale, *bias), weights),
            Op::RmsNorm { eps, scale, bias } => {
                self.normed(a, eps.to_f64(), (*scale, *bias), weights)
            }
            Op::Scale => self.scaled(a, weights[0]),
            Op::Elementwise(function) => self.elementwise(*function, a),
            Op::Softmax => self.softmax(a),
            Op::Gated(function) => self.gated(*function, a),
            Op::Add => self.graph.add(a, operands[1]),
            Op::Sub => self.graph.subtract(a, operands[1]),
            Op::Mul => self.graph.multiply(a, operands[1]),
            Op::Div => self.graph.divide(a, operands[1]),
            Op::Affine { factor, term } => {
                let product = self.graph.times(a, factor.to_f64());
                self.graph.plus(product, term.to_f64())
            }
            Op::Reciprocal(number) => {
                let inverse = self.graph.unary(Unary::Reciprocal, a);
                self.graph.times(inverse, number.to_f64())
            }
            Op::Dropout(rate) => self.dropped(&step.path, a, (rate.to_f64(), true, false), lanes),
            Op::DropPath { rate, rescale } => {
                self.dropped(&step.path, a, (rate.to_f64(), *rescale, true), lanes)
            }
            Op::Join => self.graph.concat(operands, 1),
            Op::Input(_)
            | Op::Latents
            | Op::Learned
            | Op::Patches(_)
            | Op::Embed
            | Op::Position { .. }
            | Op::Absent
            | Op::Mean
            | Op::Attend { .. }
            | Op::Concat
            | Op::Slice(..)
            | Op::Gather(_)
            | Op::Pool(_)
            | Op::Pad
            | Op::Crop => unreachable!("`step` sends only row-wise operations here"),
        }
    }

    fn linear(&mut self, a: NodeId, weights: &[WeightId]) -> NodeId {
        let matrix = self.weight(weights[0]);
        let product = self.graph.contract(a, matrix);
        match weights.get(1) {
            Some(bias) => {
                let bias = self.weight_row(*bias, product);
                self.graph.add(product, bias)
            }
            None => product,
        }
    }

    /// A weight vector repeated for all rows of a tensor.
    fn weight_row(&mut self, id: WeightId, like: NodeId) -> NodeId {
        let shape = self.graph.shape(like).to_vec();
        let row = self.weight_as(id, &[1, shape[1]]);
        self.graph.broadcast(row, &shape)
    }

    /// Layer norm: `(a - mean) / sqrt(var + eps)`, then scale and bias where there are.
    fn norm(
        &mut self,
        a: NodeId,
        eps: f64,
        (scale, bias): (bool, bool),
        weights: &[WeightId],
    ) -> NodeId {
        let mean = self.row_mean(a);
        let centered = self.graph.subtract(a, mean);
        self.normed(centered, eps, (scale, bias), weights)
    }

    /// `a / sqrt(mean square + eps)`, then scale and bias where there are: the root-mean-square norm.
    fn normed(
        &mut self,
        a: NodeId,
        eps: f64,
        (scale, bias): (bool, bool),
        weights: &[WeightId],
    ) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        let square = self.graph.multiply(a, a);
        let sum = self.graph.sum(square, 1);
        let mean = self.graph.times(sum, reciprocal(shape[1]));
        let shifted = self.graph.plus(mean, eps);
        let inverse = self.graph.unary(Unary::Rsqrt, shifted);
        let inverse = self.graph.broadcast(inverse, &shape);
        let mut made = self.graph.multiply(a, inverse);
        if scale {
            made = self.scaled(made, weights[0]);
        }
        if bias {
            let bias = self.weight_row(weights[usize::from(scale)], made);
            made = self.graph.add(made, bias);
        }
        made
    }

    /// The mean of each row, repeated over the row.
    fn row_mean(&mut self, a: NodeId) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        let sum = self.graph.sum(a, 1);
        let mean = self.graph.times(sum, reciprocal(shape[1]));
        self.graph.broadcast(mean, &shape)
    }

    fn scaled(&mut self, a: NodeId, weight: WeightId) -> NodeId {
        let scale = self.weight_row(weight, a);
        self.graph.multiply(a, scale)
    }

    fn softmax(&mut self, a: NodeId) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        let largest = self.graph.reduce(Reduction::Max, a, 1);
        let largest = self.graph.detach(largest);
        let largest = self.graph.broadcast(largest, &shape);
        let shifted = self.graph.subtract(a, largest);
        let powers = self.graph.unary(Unary::Exp, shifted);
        let sum = self.graph.sum(powers, 1);
        let sum = self.graph.broadcast(sum, &shape);
        self.graph.divide(powers, sum)
    }

    /// Dropout and drop path: where the random number lies below the rate, 0.
    fn dropped(
        &mut self,
        path: &str,
        a: NodeId,
        (rate, rescale, by_sample): (f64, bool, bool),
        lanes: &[&Lane],
    ) -> NodeId {
        if !self.request.random || lanes.is_empty() {
            return a;
        }
        let shape = self.graph.shape(a).to_vec();
        // The first group's hash goes to the site's, so that kernels for groups of one size are alike.
        let first = self.group_hash(lanes[0], by_sample);
        let groups = lanes
            .iter()
            .map(|lane| Drawn {
                group: self.group_hash(lane, by_sample) ^ first,
                tokens: self.size(lane.result).0,
            })
            .collect();
        let drawn = if by_sample { vec![shape[0], 1] } else { shape.clone() };
        let site = random::site_hash(path) ^ first;
        let drawn = self.graph.push(Node::Random { site, by_sample, groups }, vec![], drawn);
        let drawn = self.graph.broadcast(drawn, &shape);
        let given = |value: f64| Node::Leaf(Leaf::Argument(Argument::Given(Scalar(value))));
        let limit = self.graph.push(given(rate), vec![], shape.clone());
        let is_dropped = self.graph.binary(Binary::Less, drawn, limit);
        let kept = if rescale {
            let factor = self.graph.push(given(1.0 / (1.0 - rate)), vec![], shape.clone());
            self.graph.multiply(a, factor)
        } else {
            a
        };
        let zero = self.graph.constant(0.0, &shape);
        self.graph.select(is_dropped, zero, kept)
    }

    /// What sets the random numbers of a lane apart from those of other groups, and of other parts of its own but for a branch
    /// that is dropped as a whole.
    fn group_hash(&self, lane: &Lane, by_sample: bool) -> u32 {
        let group = self.model.value(lane.result).group;
        if !by_sample && self.portion(lane.result).is_some() {
            return random::site_hash(&self.part_name(group, lane.result));
        }
        group.map_or(0, |group| random::site_hash(self.model.group_name(group)))
    }

    /// Tokens of a sample that lacks the modality become one learned vector.
    fn absent(&mut self, lane: &Lane) {
        let (tokens, width) = self.size(lane.result);
        let shape = [self.batch() * tokens, width];
        let learned = self.weight_as(lane.weights[0], &[1, width]);
        let learned = self.graph.broadcast(learned, &shape);
        let operand = lane.operands[0];
        let made = if self.needs.exists(operand) {
            let own = self.pack(&[operand]);
            let segment = Segment { present: self.present(operand), tokens };
            match self.graph.present(&[segment]) {
                Some(present) => {
                    let present = self.graph.broadcast(present, &shape);
                    self.graph.select(present, own, learned)
                }
                None => own,
            }
        } else {
            learned
        };
        self.put_results(&[lane], made);
    }

    /// The mean over the operands that a sample has.
    fn mean(&mut self, lane: &Lane) {
        let operands = self.needs.operands(&Op::Mean, lane);
        let (tokens, width) = self.size(lane.result);
        let shape = [self.batch() * tokens, width];
        let mut sum = self.graph.constant(0.0, &shape);
        let mut count = self.graph.constant(0.0, &[shape[0], 1]);
        let result = self.present(lane.result);
        for operand in operands {
            let own = self.pack(&[operand]);
            let present = self.present(operand);
            // Whoever has the mean has this operand: nothing is to be chosen.
            let segment = Segment { present: present.filter(|_| present != result), tokens };
            let (own, one) = match self.graph.present(&[segment]) {
                Some(present) => {
                    let all = self.graph.broadcast(present, &shape);
                    (self.graph.only_where(all, own), present)
                }
                None => (own, self.graph.constant(1.0, &[shape[0], 1])),
            };
            sum = self.graph.add(sum, own);
            count = self.graph.add(count, one);
        }
        let one = self.graph.constant(1.0, &[shape[0], 1]);
        let count = self.graph.binary(Binary::Max, count, one);
        let count = self.graph.broadcast(count, &shape);
        let made = self.graph.divide(sum, count);
        self.put_results(&[lane], made);
    }
}

/// One divided by a size.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
pub(super) fn reciprocal(size: usize) -> f64 {
    1.0 / size as f64
}

/// A size as a number.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
pub(super) fn count_of(size: usize) -> f64 {
    size as f64
}
