//! The models of the repository: as they stand they lower, differentiate and are well-formed; made small, they compute.

use std::path::PathBuf;

use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::interpret;
use crate::graph::{Graph, RootKind, verify};
use crate::lower::{Decay, Request, lower};
use crate::random_model::{random_feed, random_samples};
use crate::{Checked, Options, check_text};

/// Params that make models small, where a model has them.
const SMALL: &[(&str, &str)] = &[
    ("dim", "8"),
    ("photo_dim", "8"),
    ("text_dim", "4"),
    ("depth", "2"),
    ("photo_depth", "1"),
    ("text_depth", "2"),
    ("heads", "2"),
    ("photo_heads", "2"),
    ("text_heads", "1"),
    ("size", "32"),
    ("n_frames", "2"),
    ("seconds", "0.32"),
    ("bins", "32"),
    ("classes", "5"),
    ("hidden", "6"),
    ("embed_dim", "4"),
    ("fusion_tokens", "2"),
    ("fusion_start", "1"),
    ("bands", "2"),
    ("n_latents", "4"),
    ("cycles", "2"),
    ("length", "4"),
    ("vocabulary", "7"),
];

/// What some models have instead.
const OWN: &[(&str, &[(&str, &str)])] = &[
    (
        "zorro_hip",
        &[
            ("channels", "[8, 12]"),
            ("n_groups", "[2, 1]"),
            ("n_latents", "[2, 3]"),
            ("self_attends", "[1, 1]"),
            ("heads", "[2, 4]"),
        ],
    ),
    (
        "zorro_swin",
        &[
            ("base", "4"),
            ("depths", "[2, 1]"),
            ("heads", "[1, 2]"),
            ("video_window", "[2, 4, 4]"),
            ("audio_window", "[4, 4]"),
        ],
    ),
];

#[expect(
    clippy::disallowed_methods,
    reason = "the compiler reads no files, but the test is of files"
)]
fn models() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut models: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the repository has models")
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a text"))
        })
        .collect();
    models.sort();
    models
}

fn settings(name: &str, text: &str) -> Vec<(String, String)> {
    let own = OWN.iter().find(|own| own.0 == name).map_or(&[][..], |own| own.1);
    let has = |param: &str| {
        text.lines().any(|line| {
            line.trim().strip_prefix("param ").is_some_and(|rest| {
                rest.split('=').next().is_some_and(|found| found.trim() == param)
            })
        })
    };
    SMALL
        .iter()
        .chain(own)
        .filter(|(param, _)| has(param))
        .map(|(param, value)| ((*param).to_owned(), (*value).to_owned()))
        .collect()
}

fn checked(name: &str, text: &str, set: Vec<(String, String)>) -> Checked {
    let outcome = check_text(text, &Options { set });
    outcome.checked.unwrap_or_else(|| panic!("{name}: {:?}", outcome.diagnostics))
}

fn forward(checked: &Checked) -> Graph {
    let request = Request {
        batch: 2,
        outputs: (0..checked.model.outputs.len()).collect(),
        objectives: (0..checked.model.objectives.len()).collect(),
        terms: None,
        only: None,
        random: true,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 27,
    };
    lower(checked, &request).expect("all is there")
}

/// The graphs with the gradient of each objective; of all outputs where there is none.
fn backward(checked: &Checked, graph: &Graph) -> Vec<Graph> {
    let mut seeds: Vec<Seed> =
        checked.model.objectives.iter().map(|one| Seed::Loss(one.name.clone())).collect();
    if seeds.is_empty() {
        seeds.push(Seed::Outputs);
    }
    let wanted = Wanted { parameters: true, inputs: true };
    seeds.iter().map(|seed| differentiate(graph.clone(), seed, wanted)).collect()
}

#[test]
fn models_as_they_stand_are_well_formed() {
    for (name, text) in models() {
        let checked = checked(&name, &text, Vec::new());
        let graph = forward(&checked);
        for graph in std::iter::once(&graph).chain(&backward(&checked, &graph)) {
            assert_eq!(verify(graph), Ok(()), "{name}");
        }
    }
}

#[test]
fn small_models_compute() {
    for (name, text) in models() {
        let checked = checked(&name, &text, settings(&name, &text));
        let graph = forward(&checked);
        for graph in backward(&checked, &graph) {
            assert_eq!(verify(&graph), Ok(()), "{name}");
            let samples = random_samples(&checked.model, graph.batch, 1);
            let values = interpret(&graph, &random_feed(&checked.model, &graph, &samples, 1));
            for root in &graph.roots {
                let found = values[root.node.index()].as_ref().expect("a root");
                let finite = found.iter().all(|number| number.is_finite());
                assert!(finite, "{name}: {:?} {}", root.kind, root.name);
            }
            let gradients = graph.roots.iter().filter(|root| match root.kind {
                RootKind::ParameterGradient(..) => true,
                RootKind::Output
                | RootKind::Loss
                | RootKind::Term(..)
                | RootKind::InputGradient
                | RootKind::Update(..)
                | RootKind::GradientNorm => false,
            });
            assert!(gradients.count() > 0, "{name} learns");
        }
    }
}
