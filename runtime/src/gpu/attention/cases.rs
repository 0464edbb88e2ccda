//! Masks, sizes, absences.

use super::case::Options;
use super::{Bench, check};
use crate::compiler::routing::{Groups, Mask, Pair, Relation, Side, Windows};

fn sides(groups: &[(&str, &[u64])]) -> Vec<Side> {
    let side =
        |(name, grid): &(&str, &[u64])| Side { name: (*name).to_owned(), grid: grid.to_vec() };
    groups.iter().map(side).collect()
}

/// Each pair is receiver, read, relation.
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

fn within(groups: &[(&str, &[u64])], pairs: &[(usize, usize, Relation)]) -> Mask {
    across(groups, groups, pairs)
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

#[test]
fn token_counts() {
    let Some(bench) = Bench::new() else { return };
    for tokens in [1, 2, 31, 64, 65, 131] {
        let options = Options { parts: tokens == 31, ..Options::default() };
        check(&bench, &format!("{tokens} tokens"), alone(&[tokens], Relation::All), &options);
    }
    for (queries, keys) in [(1, 131), (131, 1), (17, 70), (3, 64)] {
        let mask = across(&[("q", &[queries])], &[("k", &[keys])], &[(0, 0, Relation::All)]);
        let options = Options { heads: 2, width: 5, batch: 2, gap: 3, ..Options::default() };
        check(&bench, &format!("{queries} read {keys}"), mask, &options);
    }
}

#[test]
fn widths_and_heads() {
    let Some(bench) = Bench::new() else { return };
    for (heads, width) in [(1, 1), (2, 3), (3, 16), (1, 17), (2, 64), (1, 80), (1, 128)] {
        let options = Options { heads, width, batch: 2, ..Options::default() };
        let name = format!("{heads} heads of {width}");
        check(&bench, &name, alone(&[35], Relation::All), &options);
    }
}

#[test]
fn routes() {
    let Some(bench) = Bench::new() else { return };
    for (video, audio, fusion, batch, gap) in
        [(10, 6, 2, 1, 0), (130, 65, 16, 2, 2), (1, 1, 1, 3, 2), (67, 33, 8, 1, 0)]
    {
        let name = format!("zorro {video}+{audio}+{fusion}, batch {batch}");
        let options =
            Options { batch, gap, heads: 2, width: 16, parts: true, ..Options::default() };
        check(&bench, &name, zorro(video, audio, fusion), &options);
    }
    let none = within(&[("a", &[3]), ("b", &[70])], &[(0, 1, Relation::All)]);
    check(&bench, "one reads nothing, one is read by nobody", none, &Options::default());
    let none = within(&[("a", &[3])], &[]);
    check(&bench, "nobody reads anything", none, &Options::default());
}

#[test]
fn absent_samples() {
    let Some(bench) = Bench::new() else { return };
    for absent in [
        vec![("audio", 0)],
        vec![("video", 0), ("video", 1), ("video", 2)],
        vec![("video", 0), ("audio", 1), ("fusion", 2)],
        vec![("video", 1), ("audio", 1), ("fusion", 1)],
    ] {
        let name = format!("absent {absent:?}");
        let options =
            Options { batch: 3, heads: 2, gap: 1, absent, parts: true, ..Options::default() };
        check(&bench, &name, zorro(66, 20, 5), &options);
    }
}

#[test]
fn relations() {
    let Some(bench) = Bench::new() else { return };
    let causal = || Relation::Causal;
    for (name, grid, relation) in [
        ("windows of 1 axis", &[20][..], windows(&[7], &[3])),
        ("windows of 2 axes", &[9, 14], windows(&[4, 7], &[2, 3])),
        ("windows of 3 axes", &[4, 7, 6], windows(&[2, 7, 3], &[1, 3, 1])),
        ("windows of more tokens than a tile", &[24, 12], windows(&[12, 12], &[0, 5])),
        ("a window larger than the grid", &[3, 5], windows(&[7, 7], &[3, 3])),
        ("groups", &[50], groups(7)),
        ("many groups", &[100], groups(33)),
        ("causal", &[1], causal()),
        ("causal", &[63], causal()),
        ("causal", &[131], causal()),
        ("causal windows", &[9, 14], causal_and(windows(&[4, 7], &[2, 3]))),
        ("causal windows of many tokens", &[10, 28], causal_and(windows(&[10, 14], &[0, 3]))),
        ("causal groups", &[100], causal_and(groups(2))),
    ] {
        let options = Options { heads: 2, batch: 2, gap: 1, ..Options::default() };
        check(&bench, &format!("{name}: {grid:?}"), alone(grid, relation), &options);
    }
}

#[test]
fn mixed_relations() {
    let Some(bench) = Bench::new() else { return };
    let causal = || Relation::Causal;
    let mixed = within(
        &[("a", &[6, 6]), ("b", &[90]), ("c", &[36])],
        &[
            (0, 0, windows(&[4, 4], &[1, 2])),
            (0, 1, groups(5)),
            (0, 2, causal()),
            (1, 2, groups(4)),
        ],
    );
    let options = Options { heads: 2, ..Options::default() };
    check(&bench, "several relations on one receiver", mixed, &options);
    let both = within(
        &[("a", &[40]), ("b", &[40])],
        &[(0, 0, causal()), (0, 1, Relation::All), (1, 0, causal()), (1, 1, causal())],
    );
    let absent = vec![("b", 1)];
    let options = Options { batch: 2, absent, ..Options::default() };
    check(&bench, "causal and not", both, &options);
    let empty = across(&[("q", &[3])], &[("k", &[10])], &[(0, 0, groups(10))]);
    check(&bench, "queries of groups without keys", empty, &Options::default());
    let empty = across(&[("q", &[10])], &[("k", &[3])], &[(0, 0, groups(10))]);
    check(
        &bench,
        "keys of groups without queries",
        empty,
        &Options { gap: 2, ..Options::default() },
    );
}

#[test]
fn score_bias() {
    let Some(bench) = Bench::new() else { return };
    for (grid, size, shift) in [
        (&[20][..], &[7][..], &[3][..]),
        (&[9, 14], &[4, 7], &[2, 3]),
        (&[4, 7, 6], &[2, 7, 3], &[1, 3, 1]),
        (&[3, 5], &[7, 7], &[3, 3]),
    ] {
        for causal in [false, true] {
            let relation = windows(size, shift);
            let relation = if causal { causal_and(relation) } else { relation };
            let window = Some(size.iter().map(|&size| size as usize).collect());
            let options = Options { window, heads: 2, batch: 2, gap: 1, ..Options::default() };
            let name = format!("bias on {grid:?}, causal {causal}");
            check(&bench, &name, alone(grid, relation), &options);
        }
    }
    let window = Some(vec![4, 4]);
    let absent = vec![("x", 1)];
    let options = Options { window, absent, heads: 3, batch: 3, ..Options::default() };
    check(&bench, "bias, a sample absent", alone(&[8, 8], windows(&[4, 4], &[2, 2])), &options);
}
