//! The mask of an attention step.
//!
//! In: a model and one of its steps. Out: a [`Mask`] whose receivers are the step's lanes and whose
//! reads are the groups that they read, in the order of their first mention, but for those that are
//! receivers, too: these have the receivers' order. Deliberately not here:
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
    Some(aligned(receivers, reads, pairs))
}

/// A mask with those reads that are also receivers in the order of the receivers, so that what reads itself lies on
/// the diagonal; the other reads keep their places.
fn aligned(receivers: Vec<Side>, reads: Vec<Side>, pairs: Vec<Pair>) -> Mask {
    let rank = |read: usize| receivers.iter().position(|side| *side == reads[read]);
    let places: Vec<usize> = (0..reads.len()).filter(|&read| rank(read).is_some()).collect();
    let mut sorted = places.clone();
    sorted.sort_by_key(|&read| rank(read));
    let mut place_of: Vec<usize> = (0..reads.len()).collect();
    let mut ordered = reads.clone();
    for (&read, &place) in sorted.iter().zip(&places) {
        place_of[read] = place;
        ordered[place].clone_from(&reads[read]);
    }
    let pairs = pairs.into_iter().map(|pair| Pair { read: place_of[pair.read], ..pair });
    Mask::new(receivers, ordered, pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::{Pair, Side, aligned};
    use crate::routing::Relation;

    #[test]
    fn what_reads_itself_lies_on_the_diagonal() {
        let sides = |names: &[&str]| -> Vec<Side> {
            names.iter().map(|name| Side { name: (*name).to_owned(), grid: vec![2] }).collect()
        };
        let (receivers, reads) = (sides(&["a", "b", "c"]), sides(&["c", "other", "b", "a"]));
        let pairs = [(0, 3), (1, 1), (2, 0), (2, 3)];
        let pair = |(receiver, read)| Pair { receiver, read, relation: Relation::All };
        let mask = aligned(receivers, reads, pairs.map(pair).to_vec());
        assert_eq!(mask.reads, sides(&["a", "other", "b", "c"]));
        let pairs: Vec<_> = mask.pairs.iter().map(|pair| (pair.receiver, pair.read)).collect();
        assert_eq!(pairs, [(0, 0), (1, 1), (2, 0), (2, 3)]);
    }
}
