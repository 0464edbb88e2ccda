//! The oracle against results by hand. Sums of a few small numbers are exact but for functions, hence 1e-12.

mod attention;

use super::{Feed, interpret};
use crate::flow::{ModalitySet, Presence};
use crate::graph::{
    Argument, Binary, BufferId, Drawn, Graph, Input, InputKind, Leaf, NodeId, Op, ParameterBuffer,
    Parameters, Reduction, RootKind, Sample, Segment, Slot, Unary, verify,
};
use crate::model::{ModalityId, TargetId};

/// One buffer of three numbers.
fn graph(batch: usize) -> Graph {
    let buffer = ParameterBuffer { decays: true, frozen: false, numbers: 3, weights: Vec::new() };
    Graph::new(
        "g",
        batch,
        Parameters { buffers: vec![buffer], places: Vec::new(), names: Vec::new(), scale: None },
    )
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    let alike =
        |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= tolerance || a.is_nan() && b.is_nan();
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(alike);
    assert!(fits, "found    {found:?}\nexpected {expected:?}");
}

#[track_caller]
fn value(graph: &mut Graph, node: NodeId, feed: impl FnOnce(&mut Feed)) -> Vec<f64> {
    graph.root(RootKind::Output, "out", node);
    assert_eq!(verify(graph), Ok(()));
    let mut zeros = Feed::zeros(graph);
    feed(&mut zeros);
    interpret(graph, &zeros)[node.index()].clone().expect("a root is evaluated")
}

#[track_caller]
fn check(make: impl FnOnce(&mut Graph) -> NodeId, expected: &[f64]) {
    let mut graph = graph(2);
    let node = make(&mut graph);
    close(&value(&mut graph, node, |_| {}), expected, 1e-12);
}

/// 0, 1, 2 and so on.
fn counted(graph: &mut Graph, shape: &[usize]) -> NodeId {
    let n: usize = shape.iter().product();
    graph.table((0..n).map(|i| i as f64).collect(), shape)
}

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

#[test]
fn functions_of_a_number() {
    let e = std::f64::consts::E;
    let cases = [
        (Unary::Negate, [0.5, -2.0], [-0.5, 2.0]),
        (Unary::Reciprocal, [0.5, -4.0], [2.0, -0.25]),
        (Unary::Exp, [0.0, 1.0], [1.0, e]),
        (Unary::Log, [1.0, e], [0.0, 1.0]),
        (Unary::Log, [0.0, -1.0], [-INFINITY, NAN]),
        (Unary::Sqrt, [4.0, 0.25], [2.0, 0.5]),
        (Unary::Rsqrt, [4.0, 0.25], [0.5, 2.0]),
        (Unary::Tanh, [0.0, 0.549_306_144_334_054_8], [0.0, 0.5]),
        (Unary::Erf, [0.0, 1.0], [0.0, 0.842_700_792_949_714_9]),
        (Unary::Sigmoid, [0.0, 1.098_612_288_668_109_8], [0.5, 0.75]),
        (Unary::Sigmoid, [-1000.0, 1000.0], [0.0, 1.0]),
    ];
    for (function, operand, expected) in cases {
        let make = |graph: &mut Graph| {
            let a = graph.table(operand.to_vec(), &[2]);
            graph.unary(function, a)
        };
        check(make, &expected);
    }
    assert!(Unary::ALL.iter().all(|function| cases.iter().any(|case| case.0 == *function)));
}

#[test]
fn functions_of_two_numbers() {
    let cases = [
        (Binary::Add, [3.5, 1.5, 2.0, 3.0]),
        (Binary::Subtract, [-0.5, 2.5, 0.0, -7.0]),
        (Binary::Multiply, [3.0, -1.0, 1.0, -10.0]),
        (Binary::Divide, [0.75, -4.0, 1.0, -0.4]),
        (Binary::Max, [2.0, 2.0, 1.0, 5.0]),
        (Binary::Min, [1.5, -0.5, 1.0, -2.0]),
        (Binary::Less, [1.0, 0.0, 0.0, 1.0]),
    ];
    for (function, expected) in cases {
        let make = |graph: &mut Graph| {
            let a = graph.table(vec![1.5, 2.0, 1.0, -2.0], &[2, 2]);
            let b = graph.table(vec![2.0, -0.5, 1.0, 5.0], &[2, 2]);
            graph.binary(function, a, b)
        };
        check(make, &expected);
    }
    assert_eq!(cases.map(|case| case.0).as_slice(), Binary::ALL);
}

#[test]
fn what_is_not_a_number() {
    let cases = [
        (Binary::Add, [NAN, NAN]),
        (Binary::Max, [1.0, NAN]),
        (Binary::Min, [1.0, NAN]),
        (Binary::Less, [0.0, 0.0]),
    ];
    for (function, expected) in cases {
        let make = |graph: &mut Graph| {
            let a = graph.table(vec![NAN, 1.0], &[2]);
            let b = graph.table(vec![1.0, NAN], &[2]);
            graph.binary(function, a, b)
        };
        check(make, &expected);
    }
}

#[test]
fn what_is_not_chosen_does_not_spread() {
    let make = |graph: &mut Graph| {
        let condition = graph.table(vec![1.0, 0.0, -0.0, NAN], &[4]);
        let a = graph.table(vec![1.0, NAN, INFINITY, 4.0], &[4]);
        let b = graph.table(vec![NAN, 2.0, 3.0, NAN], &[4]);
        graph.select(condition, a, b)
    };
    check(make, &[1.0, 2.0, 3.0, 4.0]);
    let make = |graph: &mut Graph| {
        let condition = graph.table(vec![0.0, 1.0], &[2]);
        let a = graph.table(vec![NAN, 7.0], &[2]);
        graph.only_where(condition, a)
    };
    check(make, &[0.0, 7.0]);
}

#[test]
fn where_numbers_lie() {
    let permuted = [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0];
    check(
        |graph| {
            let a = counted(graph, &[4, 3]);
            graph.transpose(a)
        },
        &permuted,
    );
    check(
        |graph| {
            let a = counted(graph, &[2, 1, 3, 2]);
            graph.permute(a, &[2, 0, 3, 1])
        },
        &[0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0, 4.0, 5.0, 10.0, 11.0],
    );
    check(
        |graph| {
            let a = counted(graph, &[2, 1]);
            let a = graph.broadcast(a, &[2, 3]);
            let a = graph.detach(a);
            graph.reshape(a, &[3, 1, 2])
        },
        &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    );
    check(
        |graph| {
            let a = counted(graph, &[1, 2, 1]);
            graph.broadcast(a, &[2, 2, 2])
        },
        &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
    );
    check(
        |graph| {
            let a = counted(graph, &[2, 3, 2]);
            graph.slice(a, 1, 1, 2)
        },
        &[2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0],
    );
    check(
        |graph| {
            let a = counted(graph, &[2, 2]);
            graph.pad(a, 1, 1, 4)
        },
        &[0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 3.0, 0.0],
    );
    check(
        |graph| {
            let (a, b) = (counted(graph, &[2, 1]), counted(graph, &[2, 2]));
            graph.concat(&[a, b, a], 1)
        },
        &[0.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 1.0],
    );
    check(
        |graph| {
            let (a, b) = (counted(graph, &[1, 2]), counted(graph, &[2, 2]));
            graph.concat(&[b, a], 0)
        },
        &[0.0, 1.0, 2.0, 3.0, 0.0, 1.0],
    );
}

#[test]
fn many_numbers_become_one() {
    let reduced = |reduction, axis| {
        move |graph: &mut Graph| {
            let a = counted(graph, &[2, 3, 2]);
            let a = graph.unary(Unary::Negate, a);
            graph.reduce(reduction, a, axis)
        }
    };
    check(reduced(Reduction::Sum, 0), &[-6.0, -8.0, -10.0, -12.0, -14.0, -16.0]);
    check(reduced(Reduction::Sum, 1), &[-6.0, -9.0, -24.0, -27.0]);
    check(reduced(Reduction::Sum, 2), &[-1.0, -5.0, -9.0, -13.0, -17.0, -21.0]);
    check(reduced(Reduction::Max, 1), &[0.0, -1.0, -6.0, -7.0]);
    check(
        |graph| {
            let (a, b) = (counted(graph, &[2, 3]), counted(graph, &[1, 3]));
            graph.contract(a, b)
        },
        &[5.0, 14.0],
    );
}

#[test]
fn contractions_are_loops() {
    let mut graph = graph(1);
    let (a, b) = (counted(&mut graph, &[4, 3]), counted(&mut graph, &[5, 3]));
    let node = graph.contract(a, b);
    let mut expected = Vec::new();
    for i in 0..4 {
        for j in 0..5 {
            expected.push((0..3).map(|k| f64::from((3 * i + k) * (3 * j + k))).sum());
        }
    }
    close(&value(&mut graph, node, |_| {}), &expected, 0.0);
}

#[test]
fn rows_are_found_and_summed() {
    check(
        |graph| {
            let a = counted(graph, &[3, 2]);
            graph.gather(a, vec![2, 0, 2])
        },
        &[4.0, 5.0, 0.0, 1.0, 4.0, 5.0],
    );
    let mut graph = graph(2);
    let integers = [(InputKind::Ids, 4), (InputKind::IdOrder, 4), (InputKind::IdStarts, 4)];
    let [ids, order, starts] = integers
        .map(|(kind, n)| graph.input(Input { kind, name: "text".to_owned(), shape: vec![n] }));
    let a = counted(&mut graph, &[3, 2]);
    let found = graph.push(Op::Lookup, vec![a, ids], vec![4, 2]);
    let sums = graph.push(Op::LookupSum, vec![found, order, starts], vec![3, 2]);
    graph.root(RootKind::Output, "found", found);
    // Ids 2, 0, 2, 2: in their order the positions 1, 0, 2, 3; id 1 does not occur.
    let inputs = |feed: &mut Feed| {
        feed.inputs =
            vec![vec![2.0, 0.0, 2.0, 2.0], vec![1.0, 0.0, 2.0, 3.0], vec![0.0, 1.0, 1.0, 4.0]];
    };
    close(&value(&mut graph, sums, inputs), &[0.0, 1.0, 0.0, 0.0, 12.0, 15.0], 0.0);
    close(&value(&mut graph, found, inputs), &[4.0, 5.0, 0.0, 1.0, 4.0, 5.0, 4.0, 5.0], 0.0);
}

#[test]
fn leaves_are_fed() {
    let mut graph = graph(2);
    let kind = InputKind::Modality;
    let input = graph.input(Input { kind, name: "x".to_owned(), shape: vec![3] });
    let buffer = BufferId(0);
    let leaf = |graph: &mut Graph, leaf| graph.push(Op::Leaf(leaf), vec![], vec![3]);
    let parts = [
        input,
        leaf(&mut graph, Leaf::Parameters(buffer)),
        leaf(&mut graph, Leaf::State(buffer, Slot::First)),
        leaf(&mut graph, Leaf::State(buffer, Slot::Second)),
        leaf(&mut graph, Leaf::Argument(Argument::LearningRate)),
        leaf(&mut graph, Leaf::Argument(Argument::FirstCorrection)),
        leaf(&mut graph, Leaf::Argument(Argument::SecondCorrection)),
        leaf(&mut graph, Leaf::Argument(Argument::Given(crate::graph::Scalar(0.25)))),
    ];
    let unneeded = graph.constant(7.0, &[2]);
    let all = graph.concat(&parts, 0);
    let all = graph.reshape(all, &[8, 3]);
    let one = graph.slice(all, 1, 1, 1);
    let fed = |feed: &mut Feed| {
        feed.inputs[0] = vec![1.0, 2.0, 3.0];
        feed.parameters[0] = vec![4.0, 5.0, 6.0];
        feed.states.insert((buffer, Slot::First), vec![7.0, 8.0, 9.0]);
        feed.states.insert((buffer, Slot::Second), vec![10.0, 11.0, 12.0]);
        (feed.learning_rate, feed.first_correction, feed.second_correction) = (0.1, 0.2, 0.3);
    };
    let expected = [2.0, 5.0, 8.0, 11.0, 0.1, 0.2, 0.3, 0.25];
    close(&value(&mut graph, one, fed), &expected, 0.0);
    assert_eq!(interpret(&graph, &Feed::zeros(&graph))[unneeded.index()], None);
}

#[test]
fn presence_is_asked_sample_by_sample() {
    let mut graph = graph(3);
    let video = graph.present_if(&Presence::with(ModalityId(0)));
    let labeled = graph.condition(crate::graph::Condition {
        presence: Presence::always(),
        targets: vec![TargetId(1)],
        counted: true,
    });
    let segments = [
        Segment { present: video, tokens: 2 },
        Segment { present: None, tokens: 1 },
        Segment { present: labeled, tokens: 1 },
    ];
    let node = graph.present(&segments).expect("some may be absent");
    let samples = vec![
        Sample { targets: vec![TargetId(0)], ..Sample::whole(2, 0) },
        Sample { modalities: ModalitySet::only(ModalityId(1)), ..Sample::whole(0, 2) },
        Sample { counted: false, ..Sample::whole(2, 2) },
    ];
    let expected = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0];
    close(&value(&mut graph, node, |feed| feed.samples = samples), &expected, 0.0);
    assert!(graph.present(&[Segment { present: None, tokens: 1 }]).is_none());
}

#[test]
fn random_numbers_know_their_place_in_the_run() {
    let drawn = |batch: usize, first_sample: u32, by_sample: bool, width: usize| {
        let mut graph = graph(batch);
        let groups = vec![Drawn { group: 0, tokens: 2 }, Drawn { group: 5, tokens: 1 }];
        let op = Op::Random { site: 77, by_sample, groups };
        let node = graph.push(op, vec![], vec![3 * batch, width]);
        value(&mut graph, node, |feed| (feed.seed, feed.first_sample) = (5, first_sample))
    };
    let uniform = |site, sample, token, channel| {
        f64::from(crate::random::site_uniform(5, sample, site, token, channel))
    };
    let mut expected = Vec::new();
    // The site as the group has it, the sample, its token.
    for (site, sample, token) in
        [(77, 8, 0), (77, 8, 1), (77, 9, 0), (77, 9, 1), (77 ^ 5, 8, 0), (77 ^ 5, 9, 0)]
    {
        expected.extend([0, 1].map(|channel| uniform(site, sample, token, channel)));
    }
    let found = drawn(2, 8, false, 2);
    close(&found, &expected, 0.0);
    assert!(found.iter().all(|number| (0.0..1.0).contains(number)));
    // A batch that begins one sample later draws the same for the sample that both have.
    assert_eq!(drawn(1, 9, false, 2)[..4], found[4..8]);
    let by_sample = [(77, 8), (77, 8), (77, 9), (77, 9), (77 ^ 5, 8), (77 ^ 5, 9)];
    let by_sample = by_sample.map(|(site, sample)| uniform(site, sample, 0, 0));
    close(&drawn(2, 8, true, 1), &by_sample, 0.0);
}
