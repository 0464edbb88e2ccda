//! Graphs with recomputation against those without: the same numbers to the last bit, less memory, more work.

use super::{group, recompute};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, InputKind, Phase, RootKind};
use crate::lower::{Decay, Request, lower};
use crate::optimizer::{Optimizer, Rule, optimize};
use crate::plan::{Body, Plan, plan, verify};
use crate::{Options, check_text};

const MODELS: [(&str, &str); 8] = [
    ("zorro_vit", include_str!("../../../models/zorro_vit.zorro")),
    ("zorro_swin", include_str!("../../../models/zorro_swin.zorro")),
    ("mbt", include_str!("../../../models/mbt.zorro")),
    ("perceiver", include_str!("../../../models/perceiver.zorro")),
    ("zorro_hip", include_str!("../../../models/zorro_hip.zorro")),
    ("zorro_vit_streams", include_str!("../../../models/zorro_vit_streams.zorro")),
    ("vit", include_str!("../../../models/vit.zorro")),
    ("clip", include_str!("../../../models/clip.zorro")),
];

fn text_of(name: &str) -> &'static str {
    let found = MODELS.iter().find(|(known, _)| *known == name);
    found.expect("it is in the list").1
}

/// A model of the repository in training.
fn training(name: &str, set: &[(&str, &str)], batch: usize) -> Graph {
    trained(text_of(name), set, batch)
}

/// A model in training.
fn trained(text: &str, set: &[(&str, &str)], batch: usize) -> Graph {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let outcome = check_text(text, &Options { set });
    let checked = outcome.checked.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
    let request = Request {
        batch,
        outputs: Vec::new(),
        objectives: vec![0],
        terms: None,
        only: None,
        random: true,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 40,
    };
    let graph = lower(&checked, &request).expect("everything is there");
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
        values[node.index()]
            .as_ref()
            .expect("roots are made")
            .iter()
            .map(|value| value.to_bits())
            .collect()
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
}

#[test]
fn numbers_stay_the_same_with_an_update_behind_them() {
    let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(1.0), accumulate: 1 };
    let before = optimize(small("2", 2), &optimizer);
    let after = check(&before, &|_| true);
    assert_eq!(verify(&plan(&after)), Ok(()));
    let first = optimize(recompute(&small("2", 2), &|_| true), &optimizer);
    assert_eq!(results(&first, &feed(&before)), results(&before, &feed(&before)));
}

/// Streams of their own in every layer, which hand on several values.
#[test]
fn numbers_stay_the_same_with_several_streams() {
    let mut set = SMALL.to_vec();
    set.extend([("depth", "3"), ("fusion_start", "1")]);
    let before = training("mbt", &set, 2);
    check(&before, &is_layer);
    check(&before, &|_| true);
}

#[test]
fn nothing_chosen_changes_nothing() {
    let before = small("2", 2);
    let after = recompute(&before, &|_| false);
    let (before, after) = (plan(&before), plan(&after));
    assert_eq!(before.kernels, after.kernels);
    assert_eq!(before.activations, after.activations);
}

/// Of depths 8 and 12: what the layers between cost by themselves is four times what one costs.
#[test]
fn memory_falls_and_work_rises() {
    let plans = ["8", "12"].map(|depth| {
        let before = small(depth, 4);
        let after = recompute(&before, &is_layer);
        [plan(&before), plan(&after)]
    });
    for [before, after] in &plans {
        assert_eq!(verify(after), Ok(()));
        assert!(after.activations < before.activations * 3 / 5);
        assert!(products(after) > products(before));
    }
    let [[before, after], [deeper_before, deeper_after]] = &plans;
    assert_eq!(after.bodies.len(), deeper_after.bodies.len(), "depth costs no bodies");
    // Of 14 tokens a sample in 4 samples a layer keeps what it was handed, beside the gradients of its weights.
    let kept = (deeper_after.activations - after.activations) / 4;
    let weights = |plan: &Plan| plan.parameters.buffers.iter().map(|b| b.numbers).sum::<usize>();
    let gradients = (weights(deeper_before) - weights(before)) / 4;
    assert_eq!(kept, gradients + 14 * 4 * 16);
    // A product of rows, and its two gradients; a third of all is in the last product of the MLP, whose result nothing needs.
    let layer = (products(deeper_before) - products(before)) / 4;
    let again = (products(deeper_after) - products(after)) / 4 - layer;
    assert_eq!(again, layer / 3 * 2 / 3);
}

/// Layers that share their weights are computed again as others are: beside the gradients that are handed on, which cost as much as one
/// more layer, each costs no more.
#[test]
fn a_tied_trunk_needs_as_little() {
    let plans = ["", "weights trunk"].map(|tie| {
        [6, 12].map(|depth| {
            let text = format!(
                "model m {{
                   modality words = tensor([16, 5])
                   tokens words = words |> linear(8)
                   layers: repeat {depth} {{ apply vit(2) over {{ words <- words }} {tie} }}
                   target y = class(3)
                   output logits = words |> pool(mean) |> linear(3)
                   objective ce = cross_entropy(logits, y)
                 }}"
            );
            let before = trained(&text, &[], 4);
            let after = check(&before, &is_layer);
            [plan(&before).activations, plan(&after).activations]
        })
    });
    let [[[_, untied], [_, untied_deeper]], [[_, tied], [before, tied_deeper]]] = plans;
    assert!(tied_deeper - tied <= untied_deeper - untied, "{tied_deeper} {tied}");
    assert!(tied_deeper < before * 3 / 5, "{tied_deeper} of {before}");
}

#[test]
fn what_is_computed_again_stands_between_the_passes() {
    let after = plan(&recompute(&small("3", 2), &is_layer));
    let last = after
        .kernels
        .iter()
        .rposition(|kernel| kernel.phase == Phase::Forward)
        .expect("a forward pass");
    let first =
        after.kernels.iter().position(|kernel| kernel.phase == Phase::Again).expect("a second one");
    assert!(last < first, "{last} {first}");
    let again = after.kernels.iter().filter(|kernel| kernel.phase == Phase::Again);
    assert!(again.into_iter().all(|kernel| is_layer(&kernel.path)));
}

/// Whole models of all kinds: every layer once more, and still less memory.
#[test]
fn models_need_less() {
    for (name, _) in MODELS {
        let before = training(name, &[], 2);
        let is_repeated = |path: &str| group(path).ends_with(|last: char| last.is_ascii_digit());
        let after = plan(&recompute(&before, &is_repeated));
        assert_eq!(verify(&after), Ok(()), "{name}");
        let before = plan(&before);
        let (less, more) =
            (after.activations < before.activations, products(&after) > products(&before));
        assert!(less && more, "{name}");
    }
}
