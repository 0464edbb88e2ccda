//! Packs: several token groups in one tensor.
//!
//! In: values. Out: a tensor `[rows, width]` with them, group after group, in each sample after sample. Where they
//! already lie so, it is the older tensor or a part of it; else a new one, which then is where they lie. Deliberately not
//! here: what is done to packs.

use crate::graph::NodeId;
use crate::model::{Lane, ValueId};

use super::{Lowering, Place};

impl Lowering<'_> {
    /// Says where a value lies.
    pub(super) fn put(&mut self, value: ValueId, place: Place) {
        self.places[value.index()] = Some(place);
    }

    /// Says that values lie in a pack in this order.
    pub(super) fn put_all(&mut self, values: &[ValueId], pack: NodeId) {
        let mut start = 0;
        for value in values {
            self.put(*value, Place::Rows { pack, start });
            start += self.rows(*value);
        }
    }

    /// Where a value lies.
    pub(super) fn place(&self, value: ValueId) -> Place {
        self.places[value.index()].expect("operands are lowered before what uses them")
    }

    /// Rows of a value with all samples.
    pub(super) fn rows(&self, value: ValueId) -> usize {
        self.batch() * self.size(value).0
    }

    /// The value in a pack; one that is the same for all samples is repeated.
    pub(super) fn located(&mut self, value: ValueId) -> (NodeId, usize) {
        match self.place(value) {
            Place::Rows { pack, start } => (pack, start),
            Place::Free(row) => {
                let (rows, width) = (self.rows(value), self.size(value).1);
                (self.graph.broadcast(row, &[rows, width]), 0)
            }
        }
    }

    /// A tensor with these values alone.
    pub(super) fn pack(&mut self, values: &[ValueId]) -> NodeId {
        let mut parts: Vec<(NodeId, usize, usize)> = Vec::new();
        for value in values {
            let ((pack, start), rows) = (self.located(*value), self.rows(*value));
            match parts.last_mut() {
                Some((last, first, n)) if *last == pack && *first + *n == start => *n += rows,
                Some(_) | None => parts.push((pack, start, rows)),
            }
        }
        let nodes: Vec<NodeId> = parts
            .iter()
            .map(|(pack, start, rows)| self.graph.slice(*pack, 0, *start, *rows))
            .collect();
        let pack = self.graph.concat(&nodes, 0);
        if nodes.len() > 1 {
            self.put_all(values, pack);
        }
        pack
    }

    /// A value for one group, `[batch, grid.., width]`.
    pub(super) fn tensor(&mut self, value: ValueId) -> NodeId {
        let rows = self.pack(&[value]);
        let mut shape = vec![self.batch()];
        shape.extend(self.grid(value));
        shape.push(self.size(value).1);
        self.graph.reshape(rows, &shape)
    }

    /// A value as `[batch, tokens, width]`.
    pub(super) fn sequence(&mut self, value: ValueId) -> NodeId {
        let rows = self.pack(&[value]);
        let (tokens, width) = self.size(value);
        self.graph.reshape(rows, &[self.batch(), tokens, width])
    }

    /// Lanes in runs that can be worked on as one tensor without moving anything: in each run, the operands of each
    /// place lie after one another. What is repeated for many tokens is in a run of its own.
    pub(super) fn runs<'b>(&mut self, lanes: &[&'b Lane]) -> Vec<Vec<&'b Lane>> {
        let mut runs: Vec<Vec<&'b Lane>> = Vec::new();
        let mut before_is_plain = false;
        for lane in lanes {
            let is_plain = self.is_plain(lane);
            let both_plain = std::mem::replace(&mut before_is_plain, is_plain) && is_plain;
            let follows = both_plain
                && runs.last().and_then(|run| run.last()).is_some_and(|before| {
                    before.operands.iter().zip(&lane.operands).all(|(a, b)| self.follows(*a, *b))
                });
            match runs.last_mut() {
                Some(run) if follows => run.push(lane),
                Some(_) | None => runs.push(vec![lane]),
            }
        }
        runs
    }

    /// Whether all operands are of one shape, and have the tokens of the result.
    fn is_plain(&self, lane: &Lane) -> bool {
        let first = self.model.shape(lane.operands[0]);
        let alike = lane.operands.iter().all(|value| self.model.shape(*value) == first);
        alike && first.grid == self.model.shape(lane.result).grid
    }

    fn follows(&self, before: ValueId, after: ValueId) -> bool {
        match (self.place(before), self.place(after)) {
            (Place::Rows { pack: a, start: from }, Place::Rows { pack: b, start: to }) => {
                a == b && from + self.rows(before) == to
            }
            (Place::Free(_), Place::Rows { .. } | Place::Free(_))
            | (Place::Rows { .. }, Place::Free(_)) => false,
        }
    }

    /// Whether a step of these lanes makes something that is the same for all samples.
    pub(super) fn is_free(&self, lane: &Lane) -> bool {
        lane.operands.iter().all(|value| matches!(self.place(*value), Place::Free(_)))
    }
}
