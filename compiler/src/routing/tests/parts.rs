//! Relations between parts against their wholes, token by token.

use std::ops::Range;

use crate::routing::{Groups, Mask, Pair, Relation, Schedule, Side, Windows};

fn side(range: &Range<u64>) -> Side {
    Side { name: format!("{range:?}"), grid: vec![range.end - range.start] }
}

fn check(relation: &Relation, (queries, keys): (u64, u64), cuts: [&[Range<u64>]; 2]) {
    let mut pairs = Vec::new();
    for (receiver, of_queries) in cuts[0].iter().enumerate() {
        for (read, of_keys) in cuts[1].iter().enumerate() {
            if let Some(relation) = relation.between(of_queries, of_keys, (queries, keys)) {
                pairs.push(Pair { receiver, read, relation });
            }
            let pairs =
                of_queries.clone().flat_map(|query| of_keys.clone().map(move |key| (query, key)));
            let any = pairs
                .into_iter()
                .any(|(query, key)| relation.allows(&[queries], &[keys], query, key));
            let reaches = relation.reaches(of_queries, of_keys, (queries, keys));
            assert!(reaches || !any, "{relation}: {of_queries:?} {of_keys:?}");
        }
    }
    let sides = cuts.map(|cuts| cuts.iter().map(side).collect::<Vec<_>>());
    let [receivers, reads] = sides;
    let mask = Mask::new(receivers, reads, pairs);
    let schedule = Schedule::of(&mask);
    let whole = |query: u64, key: u64| relation.allows(&[queries], &[keys], query, key);
    for (receiver, of_queries) in cuts[0].iter().enumerate() {
        for (read, of_keys) in cuts[1].iter().enumerate() {
            for query in of_queries.clone() {
                for key in of_keys.clone() {
                    let found =
                        mask.allows(receiver, query - of_queries.start, read, key - of_keys.start);
                    assert_eq!(found, whole(query, key), "{relation}: {query} {key} of {mask:?}");
                }
            }
        }
    }
    for pair in &mask.pairs {
        let (own, other) = (&cuts[0][pair.receiver], &cuts[1][pair.read]);
        let any = |query: u64| other.clone().any(|key| whole(query, key));
        let expected: Vec<bool> = own.clone().map(any).collect();
        let sides = (&mask.receivers[pair.receiver].grid, &mask.reads[pair.read].grid);
        assert_eq!(pair.relation.readers(sides.0, sides.1), expected, "{relation}");
    }
    let all = (0..queries).flat_map(|query| (0..keys).map(move |key| (query, key)));
    let allowed = all.filter(|(query, key)| whole(*query, *key)).count() as u128;
    assert_eq!((mask.allowed(), schedule.allowed()), (allowed, allowed), "{relation}: {mask:?}");
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "the whole as its only part")]
fn parts_read_what_they_read_in_the_whole() {
    let cuts: &[&[Range<u64>]] = &[&[0..9], &[0..4, 4..9], &[0..1, 1..3, 3..8, 8..9]];
    let windows = |size, shift| Relation::Windows(Windows::shifted(vec![size], vec![shift]));
    let groups = |count| Relation::Groups(Groups::new(count));
    let relations = [
        Relation::All,
        Relation::Causal,
        windows(3, 0),
        windows(4, 1),
        groups(2),
        groups(4),
        groups(20),
        groups(3).and(Relation::Causal),
        windows(4, 2).and(groups(2)),
    ];
    for relation in &relations {
        for queries in cuts {
            for keys in cuts {
                if !relation.is_causal() || queries == keys {
                    check(relation, (9, 9), [queries, keys]);
                }
            }
        }
    }
    for count in [1, 2, 3, 5, 7] {
        for queries in cuts {
            check(&groups(count), (9, 5), [queries, &[0..2, 2..5]]);
            check(&groups(count), (5, 9), [&[0..3, 3..5], queries]);
        }
    }
}
