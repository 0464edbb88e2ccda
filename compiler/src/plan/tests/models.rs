//! The models that users start from, at small sizes.

use super::{agree, loss};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::Graph;
use crate::lower::{Decay, Request, lower};
use crate::random_model::{random_feed, random_samples};
use crate::{Checked, Options, check_text};

/// What makes a model small, where it has such a param.
pub(super) const SMALL: &[(&str, &str)] = &[
    ("dim", "8"),
    ("depth", "2"),
    ("heads", "2"),
    ("patch", "16"),
    ("size", "32"),
    ("n_frames", "2"),
    ("seconds", "0.64"),
    ("bins", "32"),
    ("classes", "3"),
    ("hidden", "8"),
    ("embed_dim", "8"),
    ("fusion_tokens", "2"),
    ("fusion_start", "1"),
    ("photo_dim", "8"),
    ("photo_depth", "2"),
    ("photo_heads", "2"),
    ("text_dim", "8"),
    ("text_depth", "2"),
    ("text_heads", "2"),
    ("length", "4"),
    ("vocabulary", "5"),
    ("n_latents", "6"),
    ("bands", "2"),
];

/// The same for those whose params are lists.
pub(super) const LISTS: &[(&str, &str)] = &[
    ("size", "32"),
    ("n_frames", "4"),
    ("seconds", "0.64"),
    ("bins", "32"),
    ("classes", "3"),
    ("hidden", "8"),
    ("embed_dim", "8"),
    ("fusion_tokens", "2"),
    ("bands", "2"),
    ("base", "4"),
    ("depths", "[2, 2, 1, 1]"),
    ("heads", "[1, 1, 2, 2]"),
    ("video_window", "[2, 2, 2]"),
    ("audio_window", "[2, 4]"),
    ("channels", "[4, 4, 8, 8]"),
    ("n_groups", "[4, 2, 1, 1]"),
    ("n_latents", "[4, 4, 4, 2]"),
    ("self_attends", "[1, 1, 1, 1]"),
];

/// A model with other params; those that it does not have are left out.
pub(super) fn model(name: &str, set: &[(&str, &str)]) -> Checked {
    #[expect(clippy::disallowed_methods, reason = "models are files")]
    let text =
        std::fs::read_to_string(format!("{}/../models/{name}.zorro", env!("CARGO_MANIFEST_DIR")));
    let text = text.expect("a model of the repository");
    let has = |name: &str| text.contains(&format!("  param {name} "));
    let set = set.iter().filter(|(name, _)| has(name));
    let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let outcome = check_text(&text, &Options { set });
    outcome.checked.unwrap_or_else(|| panic!("{name}: {:#?}", outcome.diagnostics))
}

/// Everything that a model has.
pub(super) fn everything(checked: &Checked, batch: usize, random: bool) -> Graph {
    let request = Request {
        batch,
        outputs: (0..checked.model.outputs.len()).collect(),
        objectives: (0..checked.model.objectives.len()).collect(),
        terms: None,
        only: None,
        random,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 40,
    };
    lower(checked, &request).expect("nothing is missing")
}

/// The gradients of its first loss, or of its outputs.
pub(super) fn training(graph: &Graph) -> Graph {
    let seed = loss(graph).map_or(Seed::Outputs, Seed::Loss);
    differentiate(graph.clone(), &seed, Wanted { parameters: true, inputs: false })
}

fn check(name: &str, set: &[(&str, &str)]) {
    let checked = model(name, set);
    let samples = random_samples(&checked.model, 2, 3);
    for random in [false, true] {
        let graph = everything(&checked, 2, random);
        let feed = random_feed(&checked.model, &graph, &samples, 1);
        agree(&graph, &feed).unwrap_or_else(|text| panic!("{name} forward: {text}"));
        let whole = training(&graph);
        let feed = random_feed(&checked.model, &whole, &samples, 2);
        agree(&whole, &feed).unwrap_or_else(|text| panic!("{name} training: {text}"));
    }
}

#[test]
fn plans_of_models_compute_the_same() {
    let names = [
        "bottleneck",
        "clip",
        "input_level",
        "mbt",
        "perceiver",
        "trimodal",
        "two_streams",
        "vit",
        "zorro_vit",
        "zorro_vit_late",
        "zorro_vit_streams",
    ];
    for name in names {
        check(name, SMALL);
    }
}

#[test]
fn plans_of_models_with_levels_compute_the_same() {
    check("zorro_swin", LISTS);
    check("zorro_hip", LISTS);
}
