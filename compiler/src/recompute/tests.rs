//! Graphs with recomputation against those without: the same numbers to the last bit, less memory, more work.

use super::{group, recompute};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, InputKind, Phase, RootKind};
use crate::lower::{Decay, Request, lower};
use crate::optimizer::{Optimizer, Rule, optimize};
use crate::plan::{Body, Plan, plan, verify};
use crate::{Options, check_text};

/// A model of the repository in training.
fn training(name: &str, set: &[(&str, &str)], batch: usize) -> Graph {
    let path = format!("{}/../models/{name}.zorro", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let outcome = check_text(&text, &Options { set });
    let checked = outcome.checked.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
    let request = Request {
        batch,
        outputs: Vec::new(),
        objectives: vec![0],
        only: None,
        random: true,
        decay: Decay::Matrices,
        buffer_numbers: 1 << 40,
    };
    let graph = lower(&checked, &request).unwrap();
    let seed = Seed::Loss(checked.model.objectives[0].name.clone());
    differentiate(graph, &seed, Wanted { parameters: true, inputs: false })
}

const SMALL: &[(&str, &str)] = &[
    ("dim", "16"),
    ("heads", "2"),
    ("patch", "16"),
    ("size", "32"),
    ("n_frames", "2"),
    ("seconds", "0.32"),
    ("bins", "32"),
    ("classes", "5"),
    ("drop", "0.4"),
    ("fusion_tokens", "2"),
];

fn small(depth: &str, batch: usize) -> Graph {
    let mut set = SMALL.to_vec();
    set.push(("depth", depth));
    training("zorro_vit", &set, batch)
}

fn is_layer(path: &str) -> bool {
    path.starts_with("layers.")
}

/// Numbers between -0.5 and 0.5 without a pattern.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
    };
    (0..n).map(|_| next()).collect()
}

fn feed(graph: &Graph) -> Feed {
    let mut feed = Feed::zeros(graph);
    for (at, input) in feed.inputs.iter_mut().enumerate() {
        *input = match graph.inputs[at].kind {
            InputKind::Target => {
                (0..input.len()).map(|i| f64::from(u8::from(i % 3 == 0))).collect()
            }
            InputKind::Modality
            | InputKind::Ids
            | InputKind::IdOrder
            | InputKind::IdStarts
            | InputKind::Cotangent => noise(at as u64, input.len()),
        };
    }
    for (at, weights) in feed.parameters.iter_mut().enumerate() {
        *weights = noise(100 + at as u64, weights.len());
    }
    feed.seed = 7;
    feed
}

/// By root: its kind, and the bits of its numbers.
fn results(graph: &Graph, feed: &Feed) -> Vec<(RootKind, Vec<u64>)> {
    let values = interpret(graph, feed);
    let bits = |node: crate::graph::NodeId| {
        values[node.index()].as_ref().unwrap().iter().map(|value| value.to_bits()).collect()
    };
    graph.roots.iter().map(|root| (root.kind, bits(root.node))).collect()
}

#[track_caller]
fn check(before: &Graph, chosen: &dyn Fn(&str) -> bool) -> Graph {
    let after = recompute(before, chosen);
    let feed = feed(before);
    let (found, expected) = (results(&after, &feed), results(before, &feed));
    assert!(expected.iter().any(|(_, bits)| bits.iter().any(|bits| *bits << 1 != 0)));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found == expected, "{:?} differs", expected.0);
    }
    after
}

/// Multiplications of products.
fn products(plan: &Plan) -> usize {
    let of = |body: &Body| match body {
        Body::Contract(contract) => contract.m * contract.n * contract.k,
        Body::Map(_)
        | Body::Row(_)
        | Body::Column(_)
        | Body::Attend(..)
        | Body::LookupSum { .. } => 0,
    };
    plan.kernels.iter().map(|kernel| of(plan.body(kernel))).sum()
}

#[test]
fn groups_are_the_innermost_rounds() {
    let cases = [
        ("layers.3.attend.q", "layers.3"),
        ("layers.12", "layers.12"),
        ("stages.2.trunk.5.video_layer.mlp.linear_2", "stages.2.trunk.5"),
        ("stages.2.read.add", "stages.2"),
        ("video.linear_3", "video"),
        ("final", "final"),
        ("", ""),
    ];
    for (path, expected) in cases {
        assert_eq!(group(path), expected, "{path}");
    }
}

#[test]
fn numbers_stay_the_same() {
    let before = small("3", 2);
    check(&before, &|_| false);
    check(&before, &|path| path.starts_with("layers.1."));
    check(&before, &is_layer);
    check(&before, &|_| true);
    for name in ["mbt"] {
        let _ = name;
    }
}

#[test]
fn nothing_chosen_changes_nothing() {
    let before = small("2", 2);
    let after = recompute(&before, &|_| false);
    let (before, after) = (plan(&before), plan(&after));
    assert_eq!(before.kernels, after.kernels);
    assert_eq!(before.activations, after.activations);
}

#[test]
fn memory_falls_and_work_rises() {
    for (depth, batch) in [("8", 4), ("12", 4)] {
        let before = small(depth, batch);
        let after = recompute(&before, &is_layer);
        let (before, after) = (plan(&before), plan(&after));
        assert_eq!(verify(&after), Ok(()));
        println!(
            "depth {depth}: activations {} -> {}, products {} -> {}, kernels {} -> {}, bodies {} -> {}",
            before.activations,
            after.activations,
            products(&before),
            products(&after),
            before.kernels.len(),
            after.kernels.len(),
            before.bodies.len(),
            after.bodies.len(),
        );
    }
}
