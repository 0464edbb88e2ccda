//! Operations that need the grid: one group at a time.
//!
//! In: a lane. Out: nodes, and where its result lies. Deliberately not here: rows that are all treated alike.

use crate::graph::{Binary, Input, InputKind, NodeId, Op as Node, Segment};
use crate::model::{Lane, ModalityId, Op, Pooling, Source};

use super::steps::{count_of, reciprocal};
use super::{Lowering, Place, number};

impl Lowering<'_> {
    /// Lowers a lane of an operation that needs the grid.
    pub(super) fn on_grid(&mut self, op: &Op, lane: &Lane) {
        let made = match op {
            Op::Input(modality) => match self.model.modalities[modality.index()].source {
                // Ids are no numbers: whoever embeds them asks for them.
                Source::Text { .. } => return,
                Source::Frames { .. }
                | Source::Image { .. }
                | Source::Wave { .. }
                | Source::Tensor => self.fed(*modality),
            },
            Op::Latents => self.latents(lane),
            Op::Learned => return self.learned(lane),
            Op::Patches(sizes) => self.patches(lane, sizes),
            Op::Embed => self.embed(lane),
            Op::Position { kind, join } => self.position(lane, kind, *join),
            Op::Concat => self.concat(lane),
            Op::Slice(from, to) => {
                let tokens = self.sequence(lane.operands[0]);
                self.graph.slice(tokens, 1, number(*from), number(to - from))
            }
            Op::Gather(ids) => self.gather(lane, ids),
            Op::Pool(_) if lane.operands.len() > 1 => self.pool_of_parts(lane),
            Op::Pool(pooling) => self.pool(lane, *pooling),
            Op::Pad => self.padded(lane),
            Op::Crop => self.cropped(lane),
            Op::Linear
            | Op::Absent
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
            | Op::Mean
            | Op::Dropout(_)
            | Op::DropPath { .. }
            | Op::Attend { .. }
            | Op::Join => unreachable!("`step` sends only operations on grids here"),
        };
        let (tokens, width) = self.size(lane.result);
        let pack = self.graph.reshape(made, &[self.request.batch * tokens, width]);
        self.put(lane.result, Place::Rows { pack, start: 0 });
    }

    fn fed(&mut self, id: ModalityId) -> NodeId {
        let modality = &self.model.modalities[id.index()];
        let mut shape = vec![self.request.batch];
        shape.extend(modality.shape.grid.iter().copied().map(number));
        let kind = match modality.source {
            Source::Text { .. } => InputKind::Ids,
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                shape.push(number(modality.shape.width));
                InputKind::Modality
            }
        };
        self.graph.input(Input { kind, name: modality.name.clone(), shape })
    }

    fn latents(&mut self, lane: &Lane) -> NodeId {
        let (tokens, width) = self.size(lane.result);
        let table = self.weight_as(lane.weights[0], &[1, tokens, width]);
        self.graph.broadcast(table, &[self.request.batch, tokens, width])
    }

    fn learned(&mut self, lane: &Lane) {
        let (tokens, width) = self.size(lane.result);
        if self.model.shape(lane.result).grid.is_empty() {
            let row = self.weight_as(lane.weights[0], &[1, width]);
            self.put(lane.result, Place::Free(row));
        } else {
            let made = self.latents(lane);
            let pack = self.graph.reshape(made, &[self.request.batch * tokens, width]);
            self.put(lane.result, Place::Rows { pack, start: 0 });
        }
    }

    /// `[b, n1, .., c]` to `[b, n1 / p1, .., p1, .., c]`: row-major inside the patch, channels last.
    fn patches(&mut self, lane: &Lane, sizes: &[u64]) -> NodeId {
        let operand = lane.operands[0];
        let (grid, width) = (self.grid(operand), self.size(operand).1);
        let mut split = vec![self.request.batch];
        for (n, size) in grid.iter().zip(sizes) {
            split.extend([n / number(*size), number(*size)]);
        }
        split.push(width);
        let outer = (0..grid.len()).map(|axis| 1 + 2 * axis);
        let inner = (0..grid.len()).map(|axis| 2 + 2 * axis);
        let last = 1 + 2 * grid.len();
        let order: Vec<usize> =
            std::iter::once(0).chain(outer).chain(inner).chain(std::iter::once(last)).collect();
        let pack = self.pack(&[operand]);
        let split = self.graph.reshape(pack, &split);
        self.graph.permute(split, &order)
    }

    fn embed(&mut self, lane: &Lane) -> NodeId {
        let (step, _) = self.model.made_by(lane.operands[0]);
        let Op::Input(modality) = step.op else {
            unreachable!("resolve embeds what a text modality feeds, and nothing else");
        };
        let ids = self.fed(modality);
        let table = self.weight(lane.weights[0]);
        let rows = self.graph.numbers(ids);
        let width = self.graph.shape(table)[1];
        self.graph.push(Node::Lookup, vec![table, ids], vec![rows, width])
    }

    /// Tokens after one another. What a sample lacks, while it has the whole, is 0.
    fn concat(&mut self, lane: &Lane) -> NodeId {
        let whole = self.present(lane.result);
        let mut parts = Vec::new();
        for operand in &lane.operands {
            let (tokens, width) = self.size(*operand);
            let shape = [self.request.batch, tokens, width];
            if self.needs.exists(lane.result) && !self.needs.exists(*operand) {
                parts.push(self.graph.constant(0.0, &shape));
                continue;
            }
            let pack = self.pack(&[*operand]);
            let present = self.present(*operand);
            let segment = Segment { present: present.filter(|_| present != whole), tokens };
            let part = match self.graph.present(&[segment]) {
                Some(present) => {
                    let present = self.graph.broadcast(present, &[shape[0] * tokens, width]);
                    self.graph.only_where(present, pack)
                }
                None => pack,
            };
            parts.push(self.graph.reshape(part, &shape));
        }
        self.graph.concat(&parts, 1)
    }

    fn gather(&mut self, lane: &Lane, ids: &[u64]) -> NodeId {
        let operand = lane.operands[0];
        let tokens = self.size(operand).0;
        let rows = (0..self.request.batch)
            .flat_map(|sample| ids.iter().map(move |id| sample * tokens + number(*id)))
            .map(|row| u32::try_from(row).expect("the plan refuses more than 2^32 rows"))
            .collect();
        let pack = self.pack(&[operand]);
        self.graph.gather(pack, rows)
    }

    fn pool(&mut self, lane: &Lane, pooling: Pooling) -> NodeId {
        let tokens = self.size(lane.operands[0]).0;
        let operand = self.sequence(lane.operands[0]);
        match pooling {
            Pooling::Mean => {
                let sum = self.graph.sum(operand, 1);
                self.graph.times(sum, reciprocal(tokens))
            }
            Pooling::First => self.graph.slice(operand, 1, 0, 1),
            Pooling::Last => self.graph.slice(operand, 1, tokens - 1, 1),
        }
    }

    /// The mean over the tokens of the parts that a sample has, `[batch, width]`.
    fn pool_of_parts(&mut self, lane: &Lane) -> NodeId {
        let shape = [self.request.batch, self.size(lane.result).1];
        let mut sum = self.graph.constant(0.0, &shape);
        let mut count = self.graph.constant(0.0, &[shape[0], 1]);
        for operand in self.needs.operands(&Op::Pool(Pooling::Mean), lane) {
            let tokens = self.size(operand).0;
            let own = self.sequence(operand);
            let own = self.graph.sum(own, 1);
            let mut own = self.graph.reshape(own, &shape);
            let mut n = self.graph.constant(count_of(tokens), &[shape[0], 1]);
            let segment = Segment { present: self.present(operand), tokens: 1 };
            if let Some(present) = self.graph.present(&[segment]) {
                n = self.graph.only_where(present, n);
                let all = self.graph.broadcast(present, &shape);
                own = self.graph.only_where(all, own);
            }
            sum = self.graph.add(sum, own);
            count = self.graph.add(count, n);
        }
        let one = self.graph.constant(1.0, &[shape[0], 1]);
        let count = self.graph.binary(Binary::Max, count, one);
        let count = self.graph.broadcast(count, &shape);
        self.graph.divide(sum, count)
    }

    fn padded(&mut self, lane: &Lane) -> NodeId {
        let mut made = self.tensor(lane.operands[0]);
        for (axis, size) in self.grid(lane.result).into_iter().enumerate() {
            made = self.graph.pad(made, 1 + axis, 0, size);
        }
        made
    }

    fn cropped(&mut self, lane: &Lane) -> NodeId {
        let mut made = self.tensor(lane.operands[0]);
        for (axis, size) in self.grid(lane.result).into_iter().enumerate() {
            made = self.graph.slice(made, 1 + axis, 0, size);
        }
        made
    }
}
