//! Attention against a matrix for each sample and head, and its gradients against differences.
//!
//! Differences of size 1e-5 are right to about 1e-9 here; 1e-7 leaves room.

mod dense;

use super::{Feed, close, graph, interpret, value};
use crate::flow::{ModalitySet, Presence};
use crate::graph::tokens;
use crate::graph::{
    Attention, AttentionId, Binary, Gradient, Graph, NodeId, PresenceId, Sample, Table,
};
use crate::model::ModalityId;
use crate::routing::{Groups, Mask, Pair, Relation, Schedule, Side, Windows};

const BATCH: usize = 3;
const HEADS: usize = 2;
const WIDTH: usize = 6;
const HEAD: usize = WIDTH / HEADS;

/// Whether a token of a receiver may read a token of a read.
type Allow<'a> = dyn Fn((usize, usize), (usize, usize)) -> bool + 'a;

struct Case<'a> {
    receivers: &'a [&'a [u64]],
    reads: &'a [&'a [u64]],
    pairs: Vec<(usize, usize, Relation)>,
    /// The same, told once more.
    allow: &'a Allow<'a>,
    window: Option<Vec<usize>>,
    /// Which receivers and reads only exist with the first modality, which the second sample lacks.
    absent: (&'a [usize], &'a [usize]),
    /// By how much scores are larger than usual.
    scale: f64,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            receivers: &[&[4]],
            reads: &[&[4]],
            pairs: vec![(0, 0, Relation::All)],
            allow: &|_, _| true,
            window: None,
            absent: (&[], &[]),
            scale: 1.0,
        }
    }
}

/// Numbers around 0, different for each place.
fn numbers(n: usize, salt: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919 + salt * 104_729) % 1013) as f64 / 506.0 - 1.0).collect()
}

fn sides(grids: &[&[u64]]) -> Vec<Side> {
    let named = grids.iter().enumerate();
    named.map(|(at, grid)| Side { name: format!("g{at}"), grid: grid.to_vec() }).collect()
}

/// First rows, with two rows of nobody between groups, the last group first.
fn starts(sides: &[Side]) -> (Vec<usize>, usize) {
    let mut starts = vec![0; sides.len()];
    let mut row = 1;
    for (at, side) in sides.iter().enumerate().rev() {
        starts[at] = row;
        row += BATCH * tokens(side) + 2;
    }
    (starts, row)
}

/// An attention in a graph, with its operands as numbers and nodes.
struct Built {
    graph: Graph,
    id: AttentionId,
    operands: Vec<NodeId>,
    numbers: Vec<Vec<f64>>,
}

fn build(case: &Case<'_>) -> Built {
    let mut graph = graph(BATCH);
    let video = graph.present_if(&Presence::with(ModalityId(0)));
    let (receivers, reads) = (sides(case.receivers), sides(case.reads));
    let (queries, n_queries) = starts(&receivers);
    let (keys, n_keys) = starts(&reads);
    let present = |n: usize, absent: &[usize]| -> Vec<Option<PresenceId>> {
        (0..n).map(|at| video.filter(|_| absent.contains(&at))).collect()
    };
    let pairs = case.pairs.iter().map(|(receiver, read, relation)| Pair {
        receiver: *receiver,
        read: *read,
        relation: relation.clone(),
    });
    let query_present = present(receivers.len(), case.absent.0);
    let key_present = present(reads.len(), case.absent.1);
    let mask = Mask::new(receivers, reads, pairs.collect());
    let attention = Attention {
        heads: HEADS,
        width: WIDTH,
        queries,
        keys,
        query_present,
        key_present,
        window: case.window.clone(),
        forward: Schedule::of(&mask),
        backward: Schedule::transposed(&mask),
        mask,
    };
    let mut operands = vec![
        (numbers(n_queries * WIDTH, 1), vec![n_queries, WIDTH]),
        (numbers(n_keys * WIDTH, 2), vec![n_keys, WIDTH]),
        (numbers(n_keys * WIDTH, 3), vec![n_keys, WIDTH]),
    ];
    operands[0].0.iter_mut().for_each(|number| *number *= case.scale);
    if attention.window.is_some() {
        let positions = attention.n_positions();
        operands.push((numbers(HEADS * positions, 4), vec![HEADS, positions]));
    }
    let id = graph.add_attention(attention);
    let nodes = operands.iter().map(|(numbers, shape)| graph.table(numbers.clone(), shape));
    let nodes = nodes.collect();
    let numbers = operands.into_iter().map(|operand| operand.0).collect();
    Built { graph, id, operands: nodes, numbers }
}

fn has_video(sample: usize) -> bool {
    sample != 1
}

fn samples(feed: &mut Feed) {
    for (at, sample) in feed.samples.iter_mut().enumerate() {
        let modalities =
            if has_video(at) { ModalitySet::only(ModalityId(0)) } else { ModalitySet::EMPTY };
        *sample = Sample { modalities, ..Sample::whole(0, 0) };
    }
}

#[track_caller]
fn check(case: &Case<'_>) {
    let mut built = build(case);
    let (results, statistics) = dense::attend(case, &built);
    let graph = &mut built.graph;
    let result = graph.attend(built.id, &built.operands);
    let statistic = graph.attend_statistics(built.id, &built.operands);
    close(&value(graph, result, samples), &results, 1e-12);
    close(&value(graph, statistic, samples), &statistics, 1e-11);
    gradients(&mut built, result, statistic);
}

/// The gradient of the sum of results times a cotangent, with respect to every number of every operand.
#[track_caller]
fn gradients(built: &mut Built, result: NodeId, statistic: NodeId) {
    let graph = &mut built.graph;
    let rows = graph.shape(result)[0];
    let weights = numbers(rows * WIDTH, 5);
    let cotangent = graph.table(weights.clone(), &[rows, WIDTH]);
    let products = graph.binary(Binary::Multiply, result, cotangent);
    let products = graph.reshape(products, &[rows * HEADS, HEAD]);
    let delta = graph.sum(products, 1);
    let delta = graph.reshape(delta, &[rows, HEADS]);
    let operands = [built.operands.as_slice(), &[statistic, delta, cotangent]].concat();
    let kinds = [Gradient::Queries, Gradient::Keys, Gradient::Values, Gradient::Scores];
    for (kind, operand) in kinds.into_iter().zip(0..built.operands.len()) {
        let node = built.graph.attend_gradient(kind, built.id, &operands);
        let found = value(&mut built.graph, node, samples);
        let expected = differences(built, operand, &weights, result);
        close(&found, &compact(built, kind, expected), 1e-7);
    }
}

fn differences(built: &Built, operand: usize, weights: &[f64], result: NodeId) -> Vec<f64> {
    let mut graph = built.graph.clone();
    graph.roots.truncate(1);
    assert_eq!(graph.roots[0].node, result);
    let mut feed = Feed::zeros(&graph);
    samples(&mut feed);
    let table = graph
        .tables
        .iter()
        .position(|table| *table == Table::Numbers(built.numbers[operand].clone()));
    let table = table.expect("the operand is a table");
    let mut loss = |at: usize, step: f64| -> f64 {
        let mut moved = built.numbers[operand].clone();
        moved[at] += step;
        graph.tables[table] = Table::Numbers(moved);
        let found = interpret(&graph, &feed)[result.index()].clone().expect("a root");
        found.iter().zip(weights).map(|(a, b)| a * b).sum()
    };
    let step = 1e-5;
    (0..built.numbers[operand].len())
        .map(|at| (loss(at, step) - loss(at, -step)) / (2.0 * step))
        .collect()
}

/// Rows of groups after one another, without what lies between them.
fn compact(built: &Built, kind: Gradient, full: Vec<f64>) -> Vec<f64> {
    let attention = built.graph.attention(built.id);
    let (sides, starts) = match kind {
        Gradient::Queries => (&attention.mask.receivers, &attention.queries),
        Gradient::Keys | Gradient::Values => (&attention.mask.reads, &attention.keys),
        Gradient::Scores => return full,
    };
    let groups = sides
        .iter()
        .zip(starts)
        .map(|(side, start)| &full[start * WIDTH..(start + BATCH * tokens(side)) * WIDTH]);
    groups.collect::<Vec<_>>().concat()
}

#[test]
fn everyone_reads_everyone() {
    check(&Case::default());
    check(&Case { scale: 1000.0, reads: &[&[1]], ..Case::default() });
}

#[test]
fn large_scores_stay_finite() {
    let mut built = build(&Case { scale: 1e4, ..Case::default() });
    let result = built.graph.attend(built.id, &built.operands);
    let (results, _) = dense::attend(&Case { scale: 1e4, ..Case::default() }, &built);
    close(&value(&mut built.graph, result, samples), &results, 1e-9);
    assert!(results.iter().all(|number| number.is_finite()));
}

/// Two streams and a fusion that reads all; nobody reads the fusion but itself.
fn zorro<'a>() -> Case<'a> {
    let pairs = [(0, 0), (1, 1), (2, 0), (2, 1), (2, 2)];
    Case {
        receivers: &[&[2], &[3], &[2]],
        reads: &[&[2], &[3], &[2]],
        pairs: pairs.map(|(receiver, read)| (receiver, read, Relation::All)).to_vec(),
        allow: &|(receiver, _), (read, _)| receiver == read || receiver == 2,
        ..Case::default()
    }
}

#[test]
fn groups_read_by_their_route() {
    check(&zorro());
}

#[test]
fn absent_samples_read_nothing_and_are_not_read() {
    check(&Case { absent: (&[0], &[0]), ..zorro() });
    check(&Case { absent: (&[], &[0, 1, 2]), ..zorro() });
    check(&Case { absent: (&[2], &[]), ..zorro() });
}

#[test]
fn tokens_read_up_to_themselves() {
    check(&Case {
        pairs: vec![(0, 0, Relation::Causal)],
        allow: &|(_, query), (_, key)| key <= query,
        ..Case::default()
    });
}

#[test]
fn some_rows_read_nothing() {
    // Of three groups the keys fill two only.
    check(&Case {
        receivers: &[&[3]],
        reads: &[&[2]],
        pairs: vec![(0, 0, Relation::Groups(Groups::new(3)))],
        allow: &|(_, query), (_, key)| query == key,
        ..Case::default()
    });
    check(&Case {
        receivers: &[&[2], &[3]],
        pairs: vec![(1, 0, Relation::All)],
        allow: &|(receiver, _), _| receiver == 1,
        ..Case::default()
    });
}

#[test]
fn scores_have_a_bias_by_relative_position() {
    let in_window = |query: usize, key: usize, shift: usize| {
        // A first row and column of the shift, then cells of 2.
        let cell = |at: usize| (at + shift) / 2;
        cell(query / 3) == cell(key / 3) && cell(query % 3) == cell(key % 3)
    };
    check(&Case {
        receivers: &[&[4, 3]],
        reads: &[&[4, 3]],
        pairs: vec![(0, 0, Relation::Windows(Windows::new(vec![2, 2])))],
        allow: &|(_, query), (_, key)| in_window(query, key, 0),
        window: Some(vec![2, 2]),
        ..Case::default()
    });
    check(&Case {
        receivers: &[&[4, 3]],
        reads: &[&[4, 3]],
        pairs: vec![(0, 0, Relation::Windows(Windows::shifted(vec![2, 2], vec![1, 1])))],
        allow: &|(_, query), (_, key)| in_window(query, key, 1),
        window: Some(vec![2, 2]),
        ..Case::default()
    });
    check(&Case {
        receivers: &[&[2, 2]],
        reads: &[&[2, 2]],
        window: Some(vec![2, 3]),
        ..Case::default()
    });
}

#[test]
fn what_is_further_apart_than_the_window_has_no_bias() {
    check(&Case { window: Some(vec![2]), ..Case::default() });
}

#[test]
fn what_nobody_may_read_does_not_spread() {
    let case = Case { absent: (&[], &[0]), ..zorro() };
    let mut built = build(&case);
    let result = built.graph.attend(built.id, &built.operands);
    let clean = value(&mut built.graph, result, samples);
    let attention = built.graph.attention(built.id).clone();
    for table in &mut built.graph.tables[1..3] {
        let Table::Numbers(numbers) = table else { panic!("operands are numbers") };
        let start = (attention.keys[0] + 2) * WIDTH;
        numbers[start..start + 2 * WIDTH].fill(f64::NAN);
    }
    close(&value(&mut built.graph, result, samples), &clean, 0.0);
}
