//! The models of the repository at sizes that a test can run, and random batches of them.
//!
//! In: names, lines to add, seeds. Out: checked models, batches by name. Deliberately not here: what is asked of them.

use zorro_runtime::compiler::model::{Model, Source, TargetKind};
use zorro_runtime::compiler::random_model::Random;
use zorro_runtime::compiler::{Checked, Options, check_text};
use zorro_runtime::{Batch, Tensor, TensorData, Tensors};

/// For every model that has the param.
const SMALL: &[(&str, &str)] = &[
    ("dim", "16"),
    ("depth", "2"),
    ("heads", "2"),
    ("fusion_tokens", "3"),
    ("classes", "5"),
    ("hidden", "8"),
    ("embed_dim", "6"),
    ("n_frames", "2"),
    ("size", "32"),
    ("seconds", "0.32"),
    ("vocabulary", "11"),
    ("length", "5"),
    ("bins", "32"),
    ("drop", "0.3"),
];

/// For single models; they win.
const OWN: &[(&str, &[(&str, &str)])] = &[
    (
        "clip",
        &[
            ("photo_dim", "16"),
            ("photo_depth", "1"),
            ("photo_heads", "2"),
            ("text_dim", "8"),
            ("text_depth", "2"),
            ("text_heads", "2"),
        ],
    ),
    ("mbt", &[("fusion_start", "1")]),
    ("perceiver", &[("n_latents", "8"), ("cycles", "1"), ("bands", "4")]),
    (
        "zorro_hip",
        &[
            ("channels", "[8, 16, 16, 16]"),
            ("n_groups", "[4, 2, 1, 1]"),
            ("n_latents", "[2, 4, 4, 2]"),
            ("self_attends", "[1, 1, 2, 1]"),
            ("heads", "[1, 2, 2, 4]"),
            ("bands", "4"),
        ],
    ),
    (
        "zorro_swin",
        &[
            ("base", "4"),
            ("depths", "[2, 2, 2]"),
            ("heads", "[1, 2, 2]"),
            ("video_window", "[1, 3, 3]"),
            ("audio_window", "[4, 2]"),
        ],
    ),
    ("zorro_vit_late", &[("fusion_start", "1")]),
];

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// All names, in order.
pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).expect("the folder is there");
    let mut names: Vec<String> = files
        .map(|file| file.expect("readable").file_name().into_string().expect("a name"))
        .filter_map(|name| name.strip_suffix(".zorro").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 13, "{names:?}");
    names
}

/// A model made small.
pub(crate) fn small(name: &str) -> Checked {
    with(name, "")
}

/// A model made small, with lines added at its end.
pub(crate) fn with(name: &str, lines: &str) -> Checked {
    let path = folder().join(format!("{name}.zorro"));
    let text = std::fs::read_to_string(path).expect("readable");
    let end = text.find("\n}").expect("a model ends");
    let text = format!("{}\n{lines}{}", &text[..end], &text[end..]);
    let own = OWN.iter().find(|(model, _)| *model == name).map_or(&[][..], |(_, set)| *set);
    let declared = |param: &str| text.contains(&format!("param {param} "));
    let set = SMALL.iter().filter(|(param, _)| !own.iter().any(|(other, _)| other == param));
    let set = set.filter(|(param, _)| declared(param)).chain(own);
    let set = set.map(|(param, value)| ((*param).to_owned(), (*value).to_owned())).collect();
    let outcome = check_text(&text, &Options { set });
    outcome.checked.unwrap_or_else(|| panic!("{name}: {:?}", outcome.diagnostics))
}

/// A model of a text.
pub(crate) fn of_text(text: &str) -> Checked {
    let outcome = check_text(text, &Options::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}\n{text}", outcome.diagnostics))
}

/// `f32` numbers as a tensor.
pub(crate) fn tensor(shape: &[usize], numbers: Vec<f32>) -> Tensor {
    Tensor::new(shape.to_vec(), TensorData::F32(numbers)).expect("as many as the shape says")
}

/// A random batch that has everything.
pub(crate) fn random_batch(model: &Model, batch: usize, seed: u64) -> Batch {
    let mut random = Random::new(seed);
    let mut tensors = Tensors::new();
    for modality in &model.modalities {
        tensors.insert(modality.name.as_str(), random_modality(model, &modality.name, batch, seed));
    }
    for target in &model.targets {
        let (shape, numbers) = match &target.kind {
            TargetKind::Class(classes) => {
                let classes = usize::try_from(*classes).expect("few");
                (vec![batch], (0..batch).map(|_| random.below(classes) as f32).collect())
            }
            TargetKind::Classes(classes) => {
                let classes = usize::try_from(*classes).expect("few");
                let n = batch * classes;
                (vec![batch, classes], (0..n).map(|_| random.below(2) as f32).collect())
            }
            TargetKind::Tensor(_) => unreachable!("no model of the repository has one"),
        };
        let made = match &target.kind {
            TargetKind::Class(_) => {
                let numbers: Vec<f32> = numbers;
                let classes = numbers.iter().map(|class| *class as i64).collect();
                Tensor::new(shape, TensorData::I64(classes)).expect("as many as samples")
            }
            TargetKind::Classes(_) | TargetKind::Tensor(_) => tensor(&shape, numbers),
        };
        tensors.insert(target.name.as_str(), made);
    }
    Batch { tensors }
}

/// A random tensor for a modality, another for every seed.
pub(crate) fn random_modality(model: &Model, name: &str, batch: usize, seed: u64) -> Tensor {
    let mut random = Random::new(seed ^ 0x000D_A7A5);
    let modality = model.modalities.iter().find(|modality| modality.name == name);
    let modality = modality.expect("a modality of the model");
    let size = |n: &u64| usize::try_from(*n).expect("small");
    let mut shape = vec![batch];
    shape.extend(modality.shape.grid.iter().map(size));
    let numbers: usize = shape.iter().product();
    if let Source::Text { vocabulary, .. } = modality.source {
        let ids = (0..numbers).map(|_| random.below(size(&vocabulary)) as i64).collect();
        return Tensor::new(shape, TensorData::I64(ids)).expect("as many as tokens");
    }
    shape.push(size(&modality.shape.width));
    let numbers: usize = shape.iter().product();
    tensor(&shape, (0..numbers).map(|_| random.real() as f32).collect())
}
