//! Schedules against the oracle, small ones by hand, and large ones by their counts.

use proptest::prelude::*;

use super::{definition, properties};
use crate::routing::{
    Direction, Groups, Mask, Order, Pair, Relation, Schedule, Side, Tile, Windows,
};

fn side(name: &str, grid: &[u64]) -> Side {
    Side { name: name.to_owned(), grid: grid.to_vec() }
}

fn pair(receiver: usize, read: usize, relation: Relation) -> Pair {
    Pair { receiver, read, relation }
}

/// A group that reads itself.
fn own(grid: &[u64], relation: Relation) -> Mask {
    let side = side("x", grid);
    Mask::new(vec![side.clone()], vec![side], vec![pair(0, 0, relation)])
}

fn windows(size: &[u64], shift: &[u64]) -> Relation {
    Relation::Windows(Windows::shifted(size.to_vec(), shift.to_vec()))
}

fn groups(count: u64) -> Relation {
    Relation::Groups(Groups::new(count))
}

/// Whether an owner's token may visit another side's token.
fn allows(mask: &Mask, direction: Direction, owner: (u32, u32), other: (u32, u32)) -> bool {
    let (receiver, read) = match direction {
        Direction::Forward => (owner, other),
        Direction::Transposed => (other, owner),
    };
    let [query, key] = [receiver.1, read.1].map(u64::from);
    definition::mask_allows(mask, receiver.0 as usize, query, read.0 as usize, key)
}

fn is_order(order: &Order, n_tokens: u32) -> bool {
    match order {
        Order::Natural => true,
        Order::Table(tokens) => {
            let mut sorted = tokens.clone();
            sorted.sort_unstable();
            sorted.iter().copied().eq(0..n_tokens) && sorted != *tokens
        }
    }
}

/// Holds the stored form to its invariants.
fn check_form(mask: &Mask, schedule: &Schedule) -> Result<(), TestCaseError> {
    let (owners, others) = match schedule.direction {
        Direction::Forward => (&mask.receivers, &mask.reads),
        Direction::Transposed => (&mask.reads, &mask.receivers),
    };
    prop_assert_eq!((schedule.owners.len(), schedule.others.len()), (owners.len(), others.len()));
    prop_assert_eq!(schedule.pairs.len(), mask.pairs.len());
    for (owner, side) in schedule.owners.iter().zip(owners) {
        prop_assert_eq!(u64::from(owner.tokens()), side.tokens());
        prop_assert!(is_order(&owner.order, owner.tokens()));
        let inverse = owner.order.inverse();
        prop_assert!((0..owner.tokens()).all(|at| inverse.token(owner.order.token(at)) == at));
        let mut next = 0;
        for band in &owner.bands {
            prop_assert!(band.owners.start == next && !band.owners.is_empty());
            next = band.owners.end;
            prop_assert!(band.visits.windows(2).all(|pair| pair[0].pair < pair[1].pair));
            let tokens: Vec<u32> = band.owners.clone().map(|at| owner.order.token(at)).collect();
            prop_assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
    for pair in &schedule.pairs {
        let other = &schedule.others[pair.other as usize];
        prop_assert_eq!(u64::from(other.tokens), others[pair.other as usize].tokens());
        prop_assert_eq!(pair.tokens(), other.tokens);
        prop_assert!(is_order(&pair.order, pair.tokens()));
        prop_assert!(pair.ends.windows(2).all(|ends| ends[0] < ends[1]));
    }
    Ok(())
}

/// Every pair of tokens, visited or not, as the oracle says.
fn check_reach(mask: &Mask, schedule: &Schedule) -> Result<(), TestCaseError> {
    for (i, owner) in (0u32..).zip(&schedule.owners) {
        for band in &owner.bands {
            for position in band.owners.clone() {
                let token = owner.order.token(position);
                let mut n_allowed = 0;
                for visit in &band.visits {
                    let pair = &schedule.pairs[visit.pair as usize];
                    prop_assert_eq!(pair.owner, i);
                    prop_assert!(!visit.others.is_empty());
                    prop_assert!(pair.ends.contains(&visit.others.end));
                    let reach = schedule.reach(i as usize, position, visit);
                    for other in visit.others.clone() {
                        let other_token = pair.order.token(other);
                        let allowed =
                            allows(mask, schedule.direction, (i, token), (pair.other, other_token));
                        prop_assert_eq!(reach.contains(&other), allowed);
                        n_allowed += u64::from(allowed);
                    }
                }
                let mut n_defined = 0;
                for (j, other) in (0u32..).zip(&schedule.others) {
                    let allowed =
                        |&other: &u32| allows(mask, schedule.direction, (i, token), (j, other));
                    n_defined += (0..other.tokens).filter(allowed).count() as u64;
                }
                prop_assert_eq!(n_allowed, n_defined);
            }
        }
    }
    Ok(())
}

/// Cuts every visit into tiles and counts them by looking at each pair of tokens.
fn check_tiles(mask: &Mask, schedule: &Schedule, tile: Tile) -> Result<(), TestCaseError> {
    let (n_owners, n_others) = match schedule.direction {
        Direction::Forward => (tile.queries as u32, tile.keys as u32),
        Direction::Transposed => (tile.keys as u32, tile.queries as u32),
    };
    let (mut n_full, mut n_partial) = (0, 0);
    for (i, band, visit) in schedule.visits() {
        let pair = &schedule.pairs[visit.pair as usize];
        for start in band.owners.clone().step_by(n_owners as usize) {
            let owners = start..band.owners.end.min(start + n_owners);
            let reach = schedule.tile_reach(i, owners.clone(), visit);
            for start in visit.others.clone().step_by(n_others as usize) {
                let others = start..visit.others.end.min(start + n_others);
                let (mut n, mut n_all) = (0, 0);
                for (owner, other) in
                    owners.clone().flat_map(|owner| others.clone().map(move |other| (owner, other)))
                {
                    let owner = (i as u32, schedule.owners[i].order.token(owner));
                    let token = (pair.other, pair.order.token(other));
                    let allowed = allows(mask, schedule.direction, owner, token);
                    prop_assert!(!allowed || reach.some.contains(&other));
                    prop_assert!(allowed || !reach.all.contains(&other));
                    (n, n_all) = (n + u64::from(allowed), n_all + 1);
                }
                n_full += u128::from(n == n_all);
                n_partial += u128::from(n > 0 && n < n_all);
            }
        }
    }
    let counts = schedule.tiles(tile);
    prop_assert_eq!((counts.full, counts.partial), (n_full, n_partial));
    Ok(())
}

proptest! {
    #![proptest_config(properties::config())]

    #[test]
    fn schedules_are_as_defined(mask in properties::masks()) {
        for schedule in [Schedule::of(&mask), Schedule::transposed(&mask)] {
            check_form(&mask, &schedule)?;
            check_reach(&mask, &schedule)?;
            prop_assert_eq!(schedule.allowed(), mask.allowed());
        }
    }

    #[test]
    fn tiles_are_as_defined(mask in properties::masks(), tile in properties::tiles()) {
        for schedule in [Schedule::of(&mask), Schedule::transposed(&mask)] {
            check_tiles(&mask, &schedule, tile)?;
        }
        // With tiles of one token nothing is cut, and all is counted once.
        let unit = Tile { queries: 1, keys: 1 };
        let counts = Schedule::of(&mask).tiles(unit);
        prop_assert_eq!(counts.full, mask.allowed());
        prop_assert_eq!((counts.partial, counts.total()), (0, mask.total()));
    }
}

#[test]
fn a_table_is_made_only_where_it_is_needed() {
    let natural = [
        own(&[7], Relation::All),
        own(&[7], Relation::Causal),
        own(&[7], groups(3)),
        own(&[10], windows(&[4], &[2])),
        own(&[10], windows(&[4], &[2]).and(groups(3)).and(Relation::Causal)),
        own(&[4, 5, 6], windows(&[1, 3, 6], &[0, 1, 0])),
        own(&[4, 5, 6], windows(&[2, 5, 9], &[1, 0, 0])),
        own(&[4, 5, 6], windows(&[1, 1, 4], &[0, 0, 3])),
    ];
    for mask in natural {
        for schedule in [Schedule::of(&mask), Schedule::transposed(&mask)] {
            assert_eq!(schedule.owners[0].order, Order::Natural, "{mask}");
            assert_eq!(schedule.pairs[0].order, Order::Natural, "{mask}");
        }
    }
    for relation in [windows(&[2, 3], &[0, 0]), windows(&[3, 1], &[1, 0])] {
        let mask = own(&[4, 5], relation);
        let schedule = Schedule::of(&mask);
        assert!(matches!(schedule.owners[0].order, Order::Table(_)), "{mask}");
        assert_eq!(schedule.owners[0].order, schedule.pairs[0].order, "{mask}");
    }
}

#[test]
fn shifted_windows() {
    let mask = own(&[4, 4], windows(&[2, 2], &[1, 1]));
    let schedule = Schedule::of(&mask);
    // Rows and columns are cut 1, 2, 1.
    let table = vec![0, 1, 2, 3, 4, 8, 5, 6, 9, 10, 7, 11, 12, 13, 14, 15];
    assert_eq!(schedule.owners[0].order, Order::Table(table));
    let bands: Vec<_> = schedule.owners[0].bands.iter().map(|band| band.owners.clone()).collect();
    assert_eq!(bands, [0..1, 1..3, 3..4, 4..6, 6..10, 10..12, 12..13, 13..15, 15..16]);
    assert!(schedule.visits().all(|(_, band, visit)| visit.others == band.owners));
    insta::assert_snapshot!(schedule, @"
    x: 16 tokens, ordered by table
      4 bands of 1 token read 1 of x by table
      4 bands of 2 tokens read 2 of x by table
      1 band of 4 tokens reads 4 of x by table
    ");
    insta::assert_snapshot!(schedule.tiles(Tile { queries: 2, keys: 3 }), @"12 of 100 tiles visited (12 full, 0 partial), 88 skipped");
}

#[test]
fn groups_that_do_not_divide() {
    let sides = (vec![side("q", &[7])], vec![side("k", &[4])]);
    let mask = Mask::new(sides.0, sides.1, vec![pair(0, 0, groups(3))]);
    insta::assert_snapshot!(Schedule::of(&mask), @"
    q: 7 tokens, natural order
      2 bands of 3 tokens read 2 of k
      1 band of 1 token reads nothing
    ");
    insta::assert_snapshot!(Schedule::transposed(&mask), @"
    k: 4 tokens, natural order
      2 bands of 2 tokens are read by 3 of q
    ");
    assert_eq!(Schedule::of(&mask).pairs[0].ends, [2, 4]);
}

#[test]
fn causal_windows() {
    let mask = own(&[3, 4], windows(&[2, 2], &[0, 0]).and(Relation::Causal));
    let schedule = Schedule::of(&mask);
    insta::assert_snapshot!(schedule, @"
    x: 12 tokens, ordered by table
      2 bands of 4 tokens read 4 of x by table causally
      2 bands of 2 tokens read 2 of x by table causally
    ");
    let tokens = |position: u32| -> Vec<u32> {
        let band = schedule.owners[0].bands.iter().find(|band| band.owners.contains(&position));
        let band = band.expect("every position is in a band");
        let reach = schedule.reach(0, position, &band.visits[0]);
        reach.map(|other| schedule.pairs[0].order.token(other)).collect()
    };
    // Token 5 lies in the window of 0, 1, 4 and 5.
    assert_eq!(schedule.owners[0].order.token(2), 4);
    assert_eq!(tokens(2), [0, 1, 4]);
    assert_eq!(tokens(3), [0, 1, 4, 5]);
    let transposed = Schedule::transposed(&mask);
    let visit = &transposed.owners[0].bands[0].visits[0];
    assert_eq!(transposed.reach(0, 2, visit), 2..4);
    insta::assert_snapshot!(transposed, @"
    x: 12 tokens, ordered by table
      2 bands of 4 tokens are read by 4 of x by table causally
      2 bands of 2 tokens are read by 2 of x by table causally
    ");
}

#[test]
fn a_receiver_that_reads_all_of_another_group() {
    let receivers = vec![side("text", &[10]), side("idle", &[3])];
    let reads = vec![side("text", &[10]), side("image", &[2, 3]), side("unread", &[5])];
    let pairs = vec![pair(0, 0, groups(4)), pair(0, 1, Relation::All)];
    let mask = Mask::new(receivers, reads, pairs);
    insta::assert_snapshot!(Schedule::of(&mask), @"
    text: 10 tokens, natural order
      3 bands of 3 tokens read 3 of text, 6 of image
      1 band of 1 token reads 1 of text, 6 of image
    idle: 3 tokens, natural order
      1 band of 3 tokens reads nothing
    ");
    insta::assert_snapshot!(Schedule::transposed(&mask), @"
    text: 10 tokens, natural order
      3 bands of 3 tokens are read by 3 of text
      1 band of 1 token is read by 1 of text
    image: 6 tokens, natural order
      1 band of 6 tokens is read by 10 of text
    unread: 5 tokens, natural order
      1 band of 5 tokens is read by nobody
    ");
    insta::assert_snapshot!(Schedule::of(&mask).tiles(Tile { queries: 2, keys: 4 }), @"21 of 70 tiles visited (21 full, 0 partial), 49 skipped");
}

#[test]
fn two_relations_cut_one_receiver() {
    let (x, other) = (side("x", &[4, 4]), side("other", &[8]));
    let pairs = vec![pair(0, 0, windows(&[4, 2], &[0, 0])), pair(0, 1, groups(2))];
    let mask = Mask::new(vec![x.clone()], vec![x, other], pairs);
    let schedule = Schedule::of(&mask);
    insta::assert_snapshot!(schedule, @"
    x: 16 tokens, ordered by table
      4 bands of 4 tokens read 8 of x by table, 4 of other
    ");
    // Visits are positions in the pair's own order, which its own classes alone make.
    let Order::Table(keys) = &schedule.pairs[0].order else { panic!("windows cut rows") };
    assert_eq!(keys[..8], [0, 1, 4, 5, 8, 9, 12, 13]);
    let Order::Table(queries) = &schedule.owners[0].order else { panic!("windows cut rows") };
    assert_eq!(queries[..8], [0, 1, 4, 5, 2, 3, 6, 7]);
}

#[test]
fn nothing_to_do() {
    let empty = own(&[0], Relation::Causal);
    let schedule = Schedule::of(&empty);
    assert_eq!((schedule.n_bands(), schedule.allowed(), schedule.max_owners()), (0, 0, 0));
    insta::assert_snapshot!(schedule, @"x: 0 tokens, natural order");
    let silent = Mask::new(vec![side("a", &[3])], vec![side("b", &[2])], vec![]);
    let schedule = Schedule::of(&silent);
    insta::assert_snapshot!(schedule, @"
    a: 3 tokens, natural order
      1 band of 3 tokens reads nothing
    ");
    assert_eq!(schedule.tiles(Tile { queries: 2, keys: 2 }).skipped, 2);
}

#[test]
fn large_masks_have_few_bands() {
    let grid = [32, 56, 56];
    let n = 32 * 56 * 56;
    let tile = Tile { queries: 64, keys: 64 };
    let check = |relation: Relation, expected: (usize, u32, u32, usize)| {
        let mask = own(&grid, relation);
        for schedule in [Schedule::of(&mask), Schedule::transposed(&mask)] {
            let largest = (schedule.max_owners(), schedule.max_others(), schedule.max_visits());
            assert_eq!((schedule.n_bands(), largest.0, largest.1, largest.2), expected, "{mask}");
            assert_eq!(schedule.allowed(), mask.allowed(), "{mask}");
            assert!(schedule.tiles(tile).visited() * 64 * 64 >= mask.allowed(), "{mask}");
        }
    };
    check(Relation::All, (1, n, n, 1));
    check(Relation::Causal, (1, n, n, 1));
    check(windows(&[8, 7, 7], &[0, 0, 0]), (4 * 8 * 8, 392, 392, 1));
    check(windows(&[8, 7, 7], &[4, 3, 3]), (5 * 9 * 9, 392, 392, 1));
    // 64 groups are half a plane each: none cuts a window across.
    check(windows(&[8, 7, 7], &[0, 0, 0]).and(groups(64)), (64 * 4 * 8, 49, 49, 1));
    check(windows(&[8, 7, 7], &[4, 3, 3]).and(Relation::Causal), (5 * 9 * 9, 392, 392, 1));
}
