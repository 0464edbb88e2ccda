//! Attention: which rows of which packs read which.
//!
//! In: the lanes of an attention step, whose queries, keys and values are projected. Out: one attention for all lanes.
//! Queries, keys and values stay where they are; the attention says where each group begins. Deliberately not here: what
//! a mask is (`routing`).

use std::collections::BTreeMap;

use crate::graph::{Attention, AttentionId, NodeId};
use crate::model::{GroupId, Lane, ValueId};
use crate::routing::{Mask, Pair, Schedule, Side};

use super::{Lowering, Place, number};

/// A group that is read.
struct Read {
    key: ValueId,
    value: ValueId,
    side: Side,
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
            query_present: queries.iter().map(|query| self.present(*query)).collect(),
            key_present: keys.iter().map(|key| self.present(*key)).collect(),
            window: window.map(|window| window.iter().copied().map(number).collect()),
        };
        (self.graph.add_attention(attention), vec![query, key, value])
    }

    /// Receivers, what they read as far as it exists, in the order in which it lies, and who reads what.
    fn sides(&self, lanes: &[&Lane]) -> (Vec<Side>, Vec<Read>, Vec<Pair>) {
        let side = |group: Option<GroupId>, value: ValueId| Side {
            name: group.map_or("self", |group| self.model.group_name(group)).to_owned(),
            grid: self.model.shape(value).grid.clone(),
        };
        let mut receivers = Vec::new();
        let mut found: BTreeMap<(u32, usize, ValueId), Read> = BTreeMap::new();
        let place = |value: ValueId| match self.place(value) {
            Place::Rows { pack, start } => (pack.0, start, value),
            Place::Free(row) => (row.0, 0, value),
        };
        for lane in lanes {
            receivers.push(side(self.model.value(lane.result).group, lane.operands[0]));
            let operands = lane.operands[1..].chunks(2);
            for (read, operands) in lane.reads.iter().zip(operands) {
                let (key, value) = (operands[0], operands[1]);
                if self.needs.exists(key) && self.needs.exists(value) {
                    let side = side(read.group, key);
                    found.entry(place(key)).or_insert(Read { key, value, side });
                }
            }
        }
        let reads: Vec<Read> = found.into_values().collect();
        let mut pairs = Vec::new();
        for (receiver, lane) in lanes.iter().enumerate() {
            for (read, key) in lane.reads.iter().zip(lane.keys()) {
                if let Some(at) = reads.iter().position(|found| found.key == key) {
                    pairs.push(Pair { receiver, read: at, relation: read.relation.clone() });
                }
            }
        }
        (receivers, reads, pairs)
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
