//! Attention under every relation, with what samples lack, and with receivers that nobody asks for.

use super::Case;
use crate::flow::{ModalitySet, Presence};
use crate::graph::interpret::Feed;
use crate::graph::{Attention, Graph, Sample, tokens};
use crate::model::ModalityId;
use crate::routing::{Groups, Mask, Pair, Relation, Schedule, Side, Windows};

const BATCH: usize = 2;

struct Attend<'a> {
    receivers: &'a [&'a [u64]],
    reads: &'a [&'a [u64]],
    pairs: Vec<(usize, usize, Relation)>,
    window: Option<Vec<usize>>,
    /// Receivers and reads that the second sample lacks.
    absent: (&'a [usize], &'a [usize]),
    /// The receivers whose results the loss uses; none for all.
    used: Option<&'a [usize]>,
    /// Whether queries, keys and values are one tensor.
    one: bool,
}

impl Default for Attend<'_> {
    fn default() -> Self {
        Self {
            receivers: &[&[3]],
            reads: &[&[4]],
            pairs: vec![(0, 0, Relation::All)],
            window: None,
            absent: (&[], &[]),
            used: None,
            one: false,
        }
    }
}

/// Where sides lie: the last first, with a row of nobody before each.
fn places(sides: &[Side]) -> (Vec<usize>, usize) {
    let (mut starts, mut row) = (vec![0; sides.len()], 0);
    for (at, side) in sides.iter().enumerate().rev() {
        starts[at] = row + 1;
        row += 1 + BATCH * tokens(side);
    }
    (starts, row)
}

fn samples(_: &Graph, feed: &mut Feed) {
    feed.samples =
        vec![Sample::whole(1, 0), Sample { modalities: ModalitySet::EMPTY, ..Sample::whole(0, 0) }];
}

#[track_caller]
fn check(attend: &Attend<'_>) {
    let (heads, width) = (2, 4);
    let mut case = Case::new(BATCH);
    let sides = |grids: &[&[u64]]| -> Vec<Side> {
        grids.iter().map(|grid| Side { name: "g".to_owned(), grid: grid.to_vec() }).collect()
    };
    let (receivers, reads) = (sides(attend.receivers), sides(attend.reads));
    let ((queries, n_queries), (keys, n_keys)) = (places(&receivers), places(&reads));
    let video = case.graph.present_if(&Presence::with(ModalityId(0)));
    let present = |n: usize, absent: &[usize]| -> Vec<_> {
        (0..n).map(|at| video.filter(|_| absent.contains(&at))).collect()
    };
    let (query_present, key_present) =
        (present(receivers.len(), attend.absent.0), present(reads.len(), attend.absent.1));
    let pairs = attend.pairs.iter().map(|(receiver, read, relation)| Pair {
        receiver: *receiver,
        read: *read,
        relation: relation.clone(),
    });
    let rows: Vec<usize> = receivers.iter().map(|side| BATCH * tokens(side)).collect();
    let mask = Mask::new(receivers, reads, pairs.collect());
    let attention = Attention {
        heads,
        width,
        queries,
        keys,
        query_present,
        key_present,
        window: attend.window.clone(),
        forward: Schedule::of(&mask),
        backward: Schedule::transposed(&mask),
        mask,
    };
    let positions = attention.n_positions();
    let id = case.graph.add_attention(attention);
    let first = case.operand(&[n_queries, width]);
    let mut operands = if attend.one {
        vec![first; 3]
    } else {
        vec![first, case.operand(&[n_keys, width]), case.operand(&[n_keys, width])]
    };
    if attend.window.is_some() {
        operands.push(case.operand(&[heads, positions]));
    }
    let mut made = case.graph.attend(id, &operands);
    if let Some(used) = attend.used {
        let parts: Vec<_> = used
            .iter()
            .map(|at| {
                let start = rows[..*at].iter().sum();
                case.graph.slice(made, 0, start, rows[*at])
            })
            .collect();
        made = case.graph.concat(&parts, 0);
    }
    case.lose(made);
    case.check(&samples);
}

/// One group that reads itself by a relation.
#[track_caller]
fn check_own(grid: &[u64], relation: Relation, window: Option<Vec<usize>>) {
    let sides: &[&[u64]] = &[grid];
    for one in [false, true] {
        check(&Attend {
            receivers: sides,
            reads: sides,
            pairs: vec![(0, 0, relation.clone())],
            window: window.clone(),
            one,
            ..Attend::default()
        });
    }
}

#[test]
fn all() {
    check(&Attend::default());
    check(&Attend { reads: &[&[1]], ..Attend::default() });
    check_own(&[4], Relation::All, None);
}

#[test]
fn windows_in_one_to_three_dimensions() {
    let plain = |size: &[u64]| Relation::Windows(Windows::new(size.to_vec()));
    let shifted = |size: &[u64], shift: &[u64]| {
        Relation::Windows(Windows::shifted(size.to_vec(), shift.to_vec()))
    };
    check_own(&[5], plain(&[2]), None);
    check_own(&[5], shifted(&[3], &[1]), Some(vec![3]));
    check_own(&[3, 4], plain(&[2, 2]), Some(vec![2, 2]));
    check_own(&[3, 4], shifted(&[2, 3], &[1, 2]), Some(vec![2, 3]));
    check_own(&[2, 2, 3], plain(&[1, 2, 2]), Some(vec![1, 2, 2]));
    check_own(&[2, 3, 2], shifted(&[2, 2, 2], &[1, 1, 1]), Some(vec![2, 2, 2]));
}

#[test]
fn groups_causal_and_both() {
    let groups = |n| Relation::Groups(Groups::new(n));
    check_own(&[5], groups(2), None);
    check_own(&[5], Relation::Causal, None);
    check_own(&[5], Relation::Causal.and(groups(2)), None);
    check_own(
        &[2, 3],
        Relation::Windows(Windows::new(vec![2, 2])).and(Relation::Causal),
        Some(vec![2, 2]),
    );
    // Groups of unequal sides; of the second, the last has no keys: its rows read nothing.
    let pairs = vec![(0, 0, groups(2))];
    check(&Attend { reads: &[&[5]], pairs, ..Attend::default() });
    let pairs = vec![(0, 0, groups(3))];
    check(&Attend { reads: &[&[2]], pairs, ..Attend::default() });
}

/// Two streams and a fusion that reads all.
fn zorro<'a>() -> Attend<'a> {
    let pairs = [(0, 0), (1, 1), (2, 0), (2, 1), (2, 2)];
    Attend {
        receivers: &[&[2], &[3], &[2]],
        reads: &[&[2], &[3], &[2]],
        pairs: pairs.map(|(receiver, read)| (receiver, read, Relation::All)).to_vec(),
        ..Attend::default()
    }
}

#[test]
fn routes() {
    check(&zorro());
    check(&Attend { one: true, ..zorro() });
    let pairs = vec![(0, 1, Relation::All), (1, 0, Relation::Causal), (1, 1, Relation::All)];
    check(&Attend { receivers: &[&[2], &[3]], reads: &[&[3], &[2]], pairs, ..Attend::default() });
}

#[test]
fn absent_samples() {
    for absent in [
        (&[][..], &[0][..]),
        (&[0], &[0]),
        (&[1, 2], &[1]),
        (&[], &[0, 1, 2]),
        (&[0, 1, 2], &[0, 1, 2]),
    ] {
        check(&Attend { absent, ..zorro() });
        check(&Attend { absent, used: Some(&[2]), ..zorro() });
    }
}

#[test]
fn receivers_without_a_cotangent() {
    for used in [&[0][..], &[1], &[2], &[0, 2], &[2, 1], &[1, 0]] {
        check(&Attend { used: Some(used), ..zorro() });
        check(&Attend { used: Some(used), one: true, ..zorro() });
    }
    // One who reads nothing at all.
    let pairs = vec![(1, 0, Relation::All)];
    for used in [None, Some(&[0][..]), Some(&[1])] {
        check(&Attend {
            receivers: &[&[2], &[3]],
            pairs: pairs.clone(),
            used,
            ..Attend::default()
        });
    }
}
