//! Corners that random cases do not reach: normal forms, empty groups, huge groups, broken invariants.

use crate::routing::{BlockKind, Groups, Mask, Pair, Relation, Run, Side, Tile, Windows};

fn mask(query: &[u64], key: &[u64], relation: Relation) -> Mask {
    let side = |name: &str, grid: &[u64]| Side { name: name.to_owned(), grid: grid.to_vec() };
    Mask::new(
        vec![side("q", query)],
        vec![side("k", key)],
        vec![Pair { receiver: 0, read: 0, relation }],
    )
}

#[test]
fn conjunctions_are_flat() {
    let windows = Relation::Windows(Windows::new(vec![4]));
    let groups = Relation::Groups(Groups::new(2));
    assert_eq!(Relation::All.and(Relation::All), Relation::All);
    assert_eq!(Relation::All.and(windows.clone()), windows);
    assert_eq!(windows.clone().and(windows.clone()), windows);
    let first = groups.clone().and(Relation::Causal);
    let both = windows.clone().and(groups.clone()).and(first.clone());
    assert_eq!(both, Relation::And(vec![windows.clone(), groups.clone(), Relation::Causal]));
    assert_eq!(first.and(windows.clone()), Relation::And(vec![groups, Relation::Causal, windows]));
}

#[test]
fn hand_made_conjunctions_hold_too() {
    let nested =
        Relation::And(vec![Relation::And(vec![Relation::Causal, Relation::Causal]), Relation::All]);
    assert_eq!(nested.intervals(&[5], &[5], 2), vec![0..3; 1]);
    assert_eq!(Relation::And(vec![]).to_string(), "all");
    assert_eq!(Relation::And(vec![]).intervals(&[5], &[7], 2), vec![0..7; 1]);
}

#[test]
fn causality_cuts_the_diagonal() {
    let mask = mask(&[10], &[10], Relation::Causal);
    let blocks = &mask.classify(Tile { queries: 4, keys: 2 }).pairs[0];
    let run = |tiles, kind| Run { tiles, kind };
    assert_eq!(blocks.runs(0), [run(0..2, BlockKind::Partial)]);
    assert_eq!(blocks.runs(1), [run(0..2, BlockKind::Full), run(2..4, BlockKind::Partial)]);
    assert_eq!(blocks.runs(2), [run(0..4, BlockKind::Full), run(4..5, BlockKind::Partial)]);
    assert_eq!(mask.allowed(), 55);
}

#[test]
fn more_groups_than_tokens() {
    let mask = mask(&[5], &[3], Relation::Groups(Groups::new(100)));
    assert_eq!(mask.allowed(), 3);
    assert_eq!(mask.classify(Tile { queries: 1, keys: 1 }).n_full(), 3);
}

#[test]
fn empty_groups_have_no_blocks() {
    let relations = [Relation::All, Relation::Causal, Relation::Groups(Groups::new(3))];
    for relation in relations {
        let mask = mask(&[0], &[0], relation);
        let blocks = mask.classify(Tile { queries: 64, keys: 64 });
        assert_eq!((mask.allowed(), mask.total(), blocks.n_blocks()), (0, 0, 0));
        assert!(mask.density().abs() < f64::EPSILON);
    }
    let mask = mask(&[0, 4], &[0, 4], Relation::Windows(Windows::new(vec![2, 2])));
    assert_eq!((mask.allowed(), mask.classify(Tile { queries: 3, keys: 3 }).n_visited()), (0, 0));
}

#[test]
fn huge_masks_count_without_rows() {
    let n = 1u64 << 40;
    let tile = Tile { queries: 64, keys: 64 };
    let all = mask(&[n], &[n], Relation::All);
    assert_eq!(all.allowed(), 1 << 80);
    assert_eq!(all.classify(tile).n_full(), 1 << 68);
    let groups = mask(&[n], &[n], Relation::Groups(Groups::new(16)));
    assert_eq!(groups.allowed(), 1 << 76);
    assert_eq!(groups.classify(tile).n_full(), 1 << 64);
    assert_eq!(mask(&[n], &[n], Relation::Causal).allowed(), (1 << 79) + (1 << 39));
    let windows = Relation::Windows(Windows::shifted(vec![2, 1 << 10], vec![1, 1]));
    let grid = [1 << 20, 1 << 20];
    let n_rows = ((1u128 << 19) - 1) * 4 + 2;
    let n_columns = ((1u128 << 10) - 1) * (1 << 20) + 1 + ((1 << 10) - 1) * ((1 << 10) - 1);
    assert_eq!(mask(&grid, &grid, windows).allowed(), n_rows * n_columns);
    let whole = all.classify(Tile { queries: u64::MAX, keys: u64::MAX });
    assert_eq!((whole.n_blocks(), whole.n_full()), (1, 1));
}

#[test]
fn equal_rows_are_stored_once() {
    let grid = [10_000, 2];
    let mask = mask(&grid, &grid, Relation::Windows(Windows::new(vec![10_000, 1])));
    let blocks = &mask.classify(Tile { queries: 1, keys: 1 }).pairs[0];
    assert_eq!(blocks.n_full(), 2 * 10_000 * 10_000);
    let [even, odd] = [blocks.runs(4), blocks.runs(5)];
    assert!(std::ptr::eq(even, blocks.runs(6)) && std::ptr::eq(odd, blocks.runs(7)));
}

/// The message of the panic that names our own bug.
fn bug(make: impl FnOnce() -> Mask + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(make).expect_err("a broken invariant is noticed");
    *panic.downcast::<String>().expect("the message is formatted")
}

#[test]
fn broken_invariants_are_noticed() {
    let two_pairs = bug(|| {
        let pair = Pair { receiver: 0, read: 0, relation: Relation::All };
        let side = Side { name: "a".to_owned(), grid: vec![4] };
        Mask::new(vec![side.clone()], vec![side], vec![pair.clone(), pair])
    });
    assert!(two_pairs.contains("at most one pair"), "{two_pairs}");
    let misfit = bug(|| mask(&[4], &[5], Relation::Causal));
    assert!(misfit.contains("`causal` needs as many keys as queries"), "{misfit}");
}
