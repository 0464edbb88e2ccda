//! Random grids, routes, relations and tiles against the oracle.

use proptest::prelude::*;

use super::definition;
use crate::routing::{BlockKind, Blocks, Groups, Mask, Pair, Relation, Side, Tile, Windows};

/// Half of the cases go to each of the two properties.
pub(super) fn config() -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "the number of cases is the tests' option")]
    let cases = std::env::var("ZORRO_PROPTEST_CASES");
    let cases =
        cases.map_or(2_000, |cases| cases.parse().expect("ZORRO_PROPTEST_CASES is a number"));
    ProptestConfig {
        cases: u32::div_ceil(cases, 2),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn grids() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        (1..=60u64).prop_map(|n| vec![n]),
        (1..=10u64, 1..=6u64).prop_map(|(rows, columns)| vec![rows, columns]),
        (1..=4u64, 1..=5u64, 1..=3u64)
            .prop_map(|(planes, rows, columns)| vec![planes, rows, columns]),
    ]
}

/// A second grid: any, or the same, or the same tokens in another shape.
pub(super) fn grid_pairs() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    (grids(), grids(), 0..4).prop_map(|(query, other, choice)| {
        let key = match choice {
            0 => other,
            1 => vec![query.iter().product()],
            2.. => query.clone(),
            ..0 => unreachable!("choices are not negative"),
        };
        (query, key)
    })
}

/// Up to three relations, made for grids that are not known yet.
type Parts = Vec<(u8, [u64; 3], [u64; 3], u64)>;

fn parts() -> impl Strategy<Value = Parts> {
    let size = || prop_oneof![4 => 1..=5u64, 1 => 1..=12u64];
    let part = (0..4u8, [size(), size(), size()], [0..12u64, 0..12, 0..12], 1..=16u64);
    prop::collection::vec(part, 0..=3)
}

/// The conjunction of those parts that fit.
fn relation(parts: &Parts, query: &[u64], key: &[u64]) -> Relation {
    parts.iter().fold(Relation::All, |relation, (kind, size, shift, count)| {
        let part = match kind {
            0 => Relation::Causal,
            1 => Relation::Groups(Groups::new(*count)),
            2.. => {
                let size = size[..query.len()].to_vec();
                let shift = shift.iter().zip(&size).map(|(shift, size)| shift % size).collect();
                Relation::Windows(Windows::shifted(size, shift))
            }
        };
        if part.fit(query, key).is_ok() { relation.and(part) } else { relation }
    })
}

pub(super) fn tiles() -> impl Strategy<Value = Tile> {
    let size = || prop::sample::select(vec![1, 2, 3, 5, 7, 16, 64]);
    (size(), size()).prop_map(|(queries, keys)| Tile { queries, keys })
}

fn side(name: String, grid: Vec<u64>) -> Side {
    Side { name, grid }
}

pub(super) fn masks() -> impl Strategy<Value = Mask> {
    (prop::collection::vec(grids(), 1..=3), prop::collection::vec(grids(), 0..=1)).prop_flat_map(
        |(groups, others)| {
            let receivers: Vec<Side> = groups
                .into_iter()
                .enumerate()
                .map(|(i, grid)| side(format!("g{i}"), grid))
                .collect();
            let mut reads = receivers.clone();
            reads.extend(others.into_iter().map(|grid| side("other".to_owned(), grid)));
            let n_pairs = receivers.len() * reads.len();
            prop::collection::vec(prop::option::weighted(0.7, parts()), n_pairs).prop_map(
                move |routes| {
                    let pairs = routes.iter().enumerate().filter_map(|(i, parts)| {
                        let (receiver, read) = (i / reads.len(), i % reads.len());
                        let (query, key) = (&receivers[receiver].grid, &reads[read].grid);
                        parts.as_ref().map(|parts| Pair {
                            receiver,
                            read,
                            relation: relation(parts, query, key),
                        })
                    });
                    // Backwards, so that the mask has something to sort.
                    Mask::new(receivers.clone(), reads.clone(), pairs.rev().collect())
                },
            )
        },
    )
}

/// One block by the oracle, which says for each pair of tokens whether it is allowed.
fn block_kind(
    tile: Tile,
    block: (u64, u64),
    (n_queries, n_keys): (u64, u64),
    allows: impl Fn(u64, u64) -> bool,
) -> BlockKind {
    let queries = block.0 * tile.queries..n_queries.min((block.0 + 1) * tile.queries);
    let keys = block.1 * tile.keys..n_keys.min((block.1 + 1) * tile.keys);
    let n_all = queries.clone().count() * keys.clone().count();
    let n =
        queries.map(|query| keys.clone().filter(|&key| allows(query, key)).count()).sum::<usize>();
    match n {
        0 => BlockKind::Empty,
        n if n == n_all => BlockKind::Full,
        1.. => BlockKind::Partial,
    }
}

/// Holds the stored form of one pair to its invariants.
fn check_form(blocks: &Blocks) -> Result<(), TestCaseError> {
    let mut next = 0;
    for (band, runs) in blocks.bands() {
        prop_assert!(band.start == next && band.start < band.end);
        next = band.end;
        for query_tile in band {
            prop_assert_eq!(blocks.runs(query_tile), runs);
        }
        for run in runs {
            prop_assert!(run.kind != BlockKind::Empty && run.tiles.start < run.tiles.end);
        }
        for pair in runs.windows(2) {
            prop_assert!(pair[0].tiles.end <= pair[1].tiles.start);
            prop_assert!(pair[0].tiles.end < pair[1].tiles.start || pair[0].kind != pair[1].kind);
        }
    }
    prop_assert_eq!(next, blocks.query_tiles);
    Ok(())
}

fn count(kinds: &[BlockKind], kind: BlockKind) -> u128 {
    kinds.iter().filter(|&&other| other == kind).count() as u128
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_pair_is_as_defined((query_grid, key_grid) in grid_pairs(), parts in parts(), tile in tiles()) {
        let relation = relation(&parts, &query_grid, &key_grid);
        let sides = [side("q".to_owned(), query_grid.clone()), side("k".to_owned(), key_grid.clone())];
        let (n_queries, n_keys) = (sides[0].tokens(), sides[1].tokens());
        let allowed: Vec<Vec<bool>> = (0..n_queries)
            .map(|query| {
                let allows = |key| definition::allows(&relation, &query_grid, &key_grid, query, key);
                (0..n_keys).map(allows).collect()
            })
            .collect();
        for (query, row) in (0..n_queries).zip(&allowed) {
            let intervals = relation.intervals(&query_grid, &key_grid, query);
            prop_assert!(intervals.iter().all(|interval| interval.start < interval.end));
            prop_assert!(intervals.windows(2).all(|pair| pair[0].end < pair[1].start));
            for (key, &allowed) in (0..n_keys).zip(row) {
                prop_assert_eq!(relation.allows(&query_grid, &key_grid, query, key), allowed);
                prop_assert_eq!(intervals.iter().any(|interval| interval.contains(&key)), allowed);
            }
        }
        let [query, key] = sides;
        let mask = Mask::new(vec![query], vec![key], vec![Pair { receiver: 0, read: 0, relation }]);
        prop_assert_eq!(mask.allowed(), allowed.iter().flatten().filter(|&&allowed| allowed).count() as u128);
        let blocks = &mask.classify(tile).pairs[0];
        check_form(blocks)?;
        prop_assert_eq!(mask.count_blocks(tile).pairs[0], blocks.counts());
        for query_tile in 0..n_queries.div_ceil(tile.queries) {
            for key_tile in 0..n_keys.div_ceil(tile.keys) {
                let expected = block_kind(tile, (query_tile, key_tile), (n_queries, n_keys), |query, key| {
                    allowed[query as usize][key as usize]
                });
                prop_assert_eq!(blocks.kind(query_tile, key_tile), expected);
            }
        }
    }

    #[test]
    fn masks_are_as_defined(mask in masks(), tile in tiles()) {
        let (mut n_allowed, mut n_total, mut all_kinds) = (0, 0, Vec::new());
        let blocks = mask.classify(tile);
        prop_assert_eq!(mask.count_blocks(tile), blocks.counts());
        for (receiver, query_side) in mask.receivers.iter().enumerate() {
            for (read, key_side) in mask.reads.iter().enumerate() {
                let (n_queries, n_keys) = (query_side.tokens(), key_side.tokens());
                let allows = |query, key| definition::mask_allows(&mask, receiver, query, read, key);
                let at = mask.pairs.iter().position(|pair| (pair.receiver, pair.read) == (receiver, read));
                prop_assert_eq!(mask.pair(receiver, read), at.map(|at| &mask.pairs[at]));
                let mut n_pair_allowed = 0;
                for (query, key) in (0..n_queries).flat_map(|query| (0..n_keys).map(move |key| (query, key))) {
                    prop_assert_eq!(mask.allows(receiver, query, read, key), allows(query, key));
                    n_pair_allowed += u128::from(allows(query, key));
                }
                prop_assert_eq!(at.map_or(0, |at| mask.pair_allowed(&mask.pairs[at])), n_pair_allowed);
                n_allowed += n_pair_allowed;
                n_total += u128::from(n_queries * n_keys);
                let mut kinds = Vec::new();
                for query_tile in 0..n_queries.div_ceil(tile.queries) {
                    for key_tile in 0..n_keys.div_ceil(tile.keys) {
                        let kind = block_kind(tile, (query_tile, key_tile), (n_queries, n_keys), allows);
                        let found = at.map(|at| blocks.pairs[at].kind(query_tile, key_tile));
                        prop_assert_eq!(found.unwrap_or(BlockKind::Empty), kind);
                        kinds.push(kind);
                    }
                }
                if let Some(blocks) = at.map(|at| &blocks.pairs[at]) {
                    prop_assert_eq!(blocks.n_empty(), count(&kinds, BlockKind::Empty));
                    prop_assert_eq!(blocks.n_full(), count(&kinds, BlockKind::Full));
                    prop_assert_eq!(blocks.n_partial(), count(&kinds, BlockKind::Partial));
                    prop_assert_eq!(blocks.n_visited() + blocks.n_empty(), blocks.n_blocks());
                }
                all_kinds.extend(kinds);
            }
        }
        prop_assert_eq!((mask.allowed(), mask.total()), (n_allowed, n_total));
        prop_assert_eq!(blocks.n_blocks(), all_kinds.len() as u128);
        prop_assert_eq!(blocks.n_empty(), count(&all_kinds, BlockKind::Empty));
        prop_assert_eq!(blocks.n_full(), count(&all_kinds, BlockKind::Full));
        prop_assert_eq!(blocks.n_partial(), count(&all_kinds, BlockKind::Partial));
    }
}
