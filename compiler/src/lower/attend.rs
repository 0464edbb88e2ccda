//! Attention: which rows of which packs read which.
//!
//! In: the lanes of an attention step, whose queries, keys and values are projected. Out: one attention for all lanes.
//! Queries, keys and values stay where they are; the attention says where each group begins. Deliberately not here: what
//! a mask is (`routing`).

use std::collections::BTreeMap;

use crate::flow::Presence;
use crate::graph::{Attention, AttentionId, Binary, NodeId, PresenceId, Segment};
use crate::model::{Lane, Op, ValueId};
use crate::routing::{Mask, Pair, Schedule, Side};

use super::{Lowering, Place, number};

/// A group that is read.
struct Read {
    key: ValueId,
    value: ValueId,
    side: Side,
    /// For which samples it is there for those who read it so.
    present: Option<PresenceId>,
}

/// What the rows of a receiver read.
struct ReadRows {
    tokens: usize,
    /// Where all rows of a sample read something or none does: for which samples.
    segment: Option<Segment>,
    /// For which samples something is there, and which tokens may read some of it.
    sets: Vec<(Option<PresenceId>, Vec<bool>)>,
}

impl Lowering<'_> {
    /// Lowers an attention step. Lanes of weights of their own (score biases) are attentions of their own.
    pub(super) fn attend(&mut self, heads: u64, window: Option<&[u64]>, lanes: &[&Lane]) {
        for lanes in lanes.chunk_by(|a, b| a.weights == b.weights) {
            let (attention, mut operands) = self.attention(heads, window, lanes);
            if let Some(bias) = lanes[0].weights.first() {
                operands.push(self.weight(*bias));
            }
            let made = self.graph.attend(attention, &operands);
            let results: Vec<ValueId> = lanes.iter().map(|lane| lane.result).collect();
            self.put_all(&results, made);
        }
    }

    fn attention(
        &mut self,
        heads: u64,
        window: Option<&[u64]>,
        lanes: &[&Lane],
    ) -> (AttentionId, Vec<NodeId>) {
        let (receivers, reads, pairs) = self.sides(lanes);
        let queries: Vec<ValueId> = lanes.iter().map(|lane| lane.operands[0]).collect();
        let width = self.size(queries[0]).1;
        let (query, query_starts) = self.operand(&queries, width);
        let keys: Vec<ValueId> = reads.iter().map(|read| read.key).collect();
        let values: Vec<ValueId> = reads.iter().map(|read| read.value).collect();
        let (mut key, mut key_starts) = self.operand(&keys, width);
        let (mut value, value_starts) = self.operand(&values, width);
        if key_starts != value_starts {
            key = self.pack(&keys);
            value = self.pack(&values);
            key_starts = self.starts(&keys);
        }
        let key_present = reads.iter().map(|read| read.present).collect();
        let sides = reads.into_iter().map(|read| read.side).collect();
        let mask = Mask::new(receivers, sides, pairs);
        let attention = Attention {
            heads: number(heads),
            width,
            forward: Schedule::of(&mask),
            backward: Schedule::transposed(&mask),
            mask,
            queries: query_starts,
            keys: key_starts,
            query_present: lanes.iter().map(|lane| self.reader_present(lane)).collect(),
            key_present,
            window: window.map(|window| window.iter().copied().map(number).collect()),
        };
        (self.graph.add_attention(attention), vec![query, key, value])
    }

    /// For which samples a lane reads. Learned tokens do for all: what they have not read yet they may read later.
    fn reader_present(&mut self, lane: &Lane) -> Option<PresenceId> {
        if self.needs.is_learned(lane.result) { None } else { self.present(lane.result) }
    }

    /// For which samples a lane finds a key there; learned tokens always find themselves.
    fn key_present(&mut self, lane: &Lane, key: ValueId) -> Option<PresenceId> {
        if self.needs.owns(lane.operands[0], key) { None } else { self.present(key) }
    }

    /// Receivers, what they read as far as it exists, in the order in which it lies, and who reads what.
    fn sides(&mut self, lanes: &[&Lane]) -> (Vec<Side>, Vec<Read>, Vec<Pair>) {
        let mut receivers = Vec::new();
        let mut found: BTreeMap<(u32, usize, ValueId, Option<PresenceId>), Read> = BTreeMap::new();
        let mut edges = Vec::new();
        for (receiver, lane) in lanes.iter().enumerate() {
            let group = self.model.value(lane.result).group;
            let name = self.part_name(group, lane.result);
            receivers.push(Side { name, grid: self.model.shape(lane.operands[0]).grid.clone() });
            for (read, pair) in lane.reads.iter().zip(lane.operands[1..].chunks(2)) {
                if !self.needs.reads(lane.operands[0], pair) {
                    continue;
                }
                let (key, value) = (pair[0], pair[1]);
                let present = self.key_present(lane, key);
                let (pack, start) = match self.place(key) {
                    Place::Rows { pack, start } => (pack.0, start),
                    Place::Free(row) => (row.0, 0),
                };
                let name = self.part_name(read.group, key);
                let side = Side { name, grid: self.model.shape(key).grid.clone() };
                let at = (pack, start, key, present);
                found.entry(at).or_insert(Read { key, value, side, present });
                edges.push((receiver, at, read.relation.clone()));
            }
        }
        let places: BTreeMap<_, usize> = found.keys().copied().zip(0..).collect();
        let pairs = edges.into_iter();
        let pairs =
            pairs.map(|(receiver, at, relation)| Pair { receiver, read: places[&at], relation });
        (receivers, found.into_values().collect(), pairs.collect())
    }

    /// For each row of the linear maps of attention's results whether it has read something, `[rows, 1]`; none where all have
    /// whose sample has what reads. Reading nobody adds nothing.
    pub(super) fn where_read(&mut self, lanes: &[&Lane]) -> Option<NodeId> {
        let model = self.model;
        let mut reads = Vec::new();
        for lane in lanes {
            let (step, attended) = model.made_by(lane.operands[0]);
            let Op::Attend { .. } = step.op else { return None };
            reads.push(self.reads_of(attended));
        }
        let segments: Option<Vec<Segment>> = reads.iter().map(|rows| rows.segment).collect();
        if let Some(segments) = segments {
            return self.graph.present(&segments);
        }
        let nodes: Vec<NodeId> = reads.into_iter().map(|rows| self.read_rows(&rows)).collect();
        Some(self.graph.concat(&nodes, 0))
    }

    /// What the rows of an attention's result read.
    fn reads_of(&mut self, lane: &Lane) -> ReadRows {
        let tokens = self.size(lane.result).0;
        let query = lane.operands[0];
        let own = if self.needs.is_learned(lane.result) {
            Presence::always()
        } else {
            self.needs.presence(self.checked, lane.result)
        };
        let mut any = Presence::never();
        let mut sets = Vec::new();
        for (read, pair) in lane.reads.iter().zip(lane.operands[1..].chunks(2)) {
            if !self.needs.reads(query, pair) {
                continue;
            }
            let there = if self.needs.owns(query, pair[0]) {
                Presence::always()
            } else {
                self.needs.presence(self.checked, pair[0])
            };
            any = any.or(&there).expect("flow has combined these before");
            let grids = (&self.model.shape(query).grid, &self.model.shape(pair[0]).grid);
            let present = if own.implies(&there) { None } else { self.graph.present_if(&there) };
            sets.push((present, read.relation.readers(grids.0, grids.1)));
        }
        let is_plain = sets.iter().all(|(_, rows)| rows.iter().all(|reads| *reads));
        let present = if own.implies(&any) { None } else { self.graph.present_if(&any) };
        ReadRows { tokens, segment: is_plain.then_some(Segment { present, tokens }), sets }
    }

    /// The same as rows, `[rows, 1]`.
    fn read_rows(&mut self, rows: &ReadRows) -> NodeId {
        let shape = [self.request.batch, rows.tokens];
        let all = [shape[0] * shape[1], 1];
        if let Some(segment) = rows.segment {
            let present = self.graph.present(&[segment]);
            return present.unwrap_or_else(|| self.graph.constant(1.0, &all));
        }
        let mut read = self.graph.constant(0.0, &shape);
        for (present, readers) in &rows.sets {
            let readers = readers.iter().map(|reads| f64::from(u8::from(*reads))).collect();
            let readers = self.graph.table(readers, &[1, shape[1]]);
            let mut own = self.graph.broadcast(readers, &shape);
            let segment = Segment { present: *present, tokens: 1 };
            if let Some(present) = self.graph.present(&[segment]) {
                let present = self.graph.broadcast(present, &shape);
                own = self.graph.only_where(present, own);
            }
            read = self.graph.binary(Binary::Max, read, own);
        }
        self.graph.reshape(read, &all)
    }

    /// The tensor in which values lie, and the first row of each; a new pack where they lie in several.
    fn operand(&mut self, values: &[ValueId], width: usize) -> (NodeId, Vec<usize>) {
        let Some(first) = values.first() else {
            // Nobody reads anything: one row that nobody looks at.
            return (self.graph.constant(0.0, &[1, width]), Vec::new());
        };
        if let Place::Rows { pack: first, .. } = self.place(*first) {
            let starts: Option<Vec<usize>> = values
                .iter()
                .map(|value| match self.place(*value) {
                    Place::Rows { pack, start } if pack == first => Some(start),
                    Place::Rows { .. } | Place::Free(_) => None,
                })
                .collect();
            if let Some(starts) = starts {
                return (first, starts);
            }
        }
        (self.pack(values), self.starts(values))
    }

    /// The first row of each value in a pack of these alone.
    fn starts(&self, values: &[ValueId]) -> Vec<usize> {
        let rows = values.iter().map(|value| self.rows(*value));
        rows.scan(0, |start, rows| {
            *start += rows;
            Some(*start - rows)
        })
        .collect()
    }
}
