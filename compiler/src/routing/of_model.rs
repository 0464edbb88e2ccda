//! The mask of an attention step.
//!
//! In: a model and one of its steps. Out: a [`Mask`] whose receivers are the step's lanes and whose
//! reads are the groups that they read, in the order of their first mention. Deliberately not here:
//! reads of different values under one name become one; a mask keeps a side for each value.

use std::collections::BTreeMap;

use crate::model::{GroupId, Model, Op, Step, ValueId};

use super::mask::{Mask, Pair, Side};

/// The mask of a step, where it is attention.
pub(crate) fn mask_of(model: &Model, step: &Step) -> Option<Mask> {
    let Op::Attend { .. } = step.op else { return None };
    let side = |group: Option<GroupId>, value: ValueId| Side {
        name: group.map_or("self", |group| model.group_name(group)).to_owned(),
        grid: model.shape(value).grid.clone(),
    };
    let (mut receivers, mut reads, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut keys: BTreeMap<ValueId, usize> = BTreeMap::new();
    for (receiver, lane) in step.lanes.iter().enumerate() {
        receivers.push(side(model.value(lane.result).group, lane.operands[0]));
        for (read, key) in lane.reads.iter().zip(lane.keys()) {
            let at = *keys.entry(key).or_insert_with(|| {
                reads.push(side(read.group, key));
                reads.len() - 1
            });
            pairs.push(Pair { receiver, read: at, relation: read.relation.clone() });
        }
    }
    Some(Mask::new(receivers, reads, pairs))
}
