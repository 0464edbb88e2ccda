//! Masks for the tests.

use crate::compiler::routing::{Groups, Mask, Pair, Relation, Side, Windows};

/// A side of each name and grid.
pub(super) fn sides(groups: &[(&str, &[u64])]) -> Vec<Side> {
    let side =
        |(name, grid): &(&str, &[u64])| Side { name: (*name).to_owned(), grid: grid.to_vec() };
    groups.iter().map(side).collect()
}

/// Groups of one pack; each pair is receiver, read, relation.
pub(super) fn within(groups: &[(&str, &[u64])], pairs: &[(usize, usize, Relation)]) -> Mask {
    across(groups, groups, pairs)
}

pub(super) fn across(
    receivers: &[(&str, &[u64])],
    reads: &[(&str, &[u64])],
    pairs: &[(usize, usize, Relation)],
) -> Mask {
    let pairs = pairs.iter().map(|(receiver, read, relation)| Pair {
        receiver: *receiver,
        read: *read,
        relation: relation.clone(),
    });
    Mask::new(sides(receivers), sides(reads), pairs.collect())
}

/// One group that reads itself.
pub(super) fn alone(grid: &[u64], relation: Relation) -> Mask {
    within(&[("x", grid)], &[(0, 0, relation)])
}

/// Streams that read themselves, and a fusion that reads everything.
pub(super) fn zorro(video: u64, audio: u64, fusion: u64) -> Mask {
    let all = || Relation::All;
    within(
        &[("video", &[video]), ("audio", &[audio]), ("fusion", &[fusion])],
        &[(0, 0, all()), (1, 1, all()), (2, 0, all()), (2, 1, all()), (2, 2, all())],
    )
}

pub(super) fn windows(size: &[u64], shift: &[u64]) -> Relation {
    Relation::Windows(Windows::shifted(size.to_vec(), shift.to_vec()))
}

pub(super) fn groups(count: u64) -> Relation {
    Relation::Groups(Groups::new(count))
}

pub(super) fn causal_and(relation: Relation) -> Relation {
    relation.and(Relation::Causal)
}
