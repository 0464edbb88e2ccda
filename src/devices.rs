//! Devices, as lists and held to the processor.
//!
//! In: adapters, or an opened device. Out: a table, JSON, and for each kind of kernel how far off the device is on small models.
//! Deliberately not here: opening devices, which is the runtime's.

mod awkward;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use zorro_compiler::autodiff::Seed;
use zorro_compiler::cost::bytes;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::plan::plan_within;
use zorro_compiler::random_model::{random_feed, random_samples, random_spec};
use zorro_compiler::{Checked, CompileOptions, Mode, Options, check_text, compile_graph};
use zorro_runtime::RuntimeError;
use zorro_runtime::gpu::{AdapterFacts, Gpu, check as check_kernels};

/// How far a kernel may be off, see [`zorro_runtime::gpu::Found::error`]: sums of some thousand numbers of `f32` in another order.
pub const TOLERANCE: f64 = 1e-4;

/// Models that are tried beside random ones, and what makes them small.
const MODELS: &[(&str, &[(&str, &str)])] = &[
    (
        include_str!("../models/zorro_vit.zorro"),
        &[("dim", "32"), ("depth", "2"), ("heads", "2"), ("n_frames", "2"), ("size", "32")],
    ),
    (
        include_str!("../models/clip.zorro"),
        &[
            ("photo_dim", "32"),
            ("photo_depth", "1"),
            ("photo_heads", "2"),
            ("text_dim", "16"),
            ("text_depth", "1"),
            ("text_heads", "2"),
            ("size", "32"),
            ("vocabulary", "50"),
            ("length", "9"),
            ("embed_dim", "8"),
        ],
    ),
    (
        include_str!("../models/zorro_swin.zorro"),
        &[
            ("base", "8"),
            ("depths", "[1, 2, 1]"),
            ("heads", "[1, 2, 2]"),
            ("video_window", "[1, 3, 3]"),
            ("audio_window", "[4, 2]"),
            ("n_frames", "2"),
            ("size", "32"),
            ("seconds", "0.32"),
            ("bins", "32"),
        ],
    ),
];

/// Random models that are tried.
const RANDOM: u64 = 8;

/// What has been found of a kind of kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// The kind.
    pub name: &'static str,
    /// Kernels that were tried.
    pub kernels: usize,
    /// The worst error of all.
    pub worst: f64,
    /// The place of that kernel: model and path.
    pub path: String,
}

impl Kind {
    /// Whether the device computes such kernels as the processor does.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.worst <= TOLERANCE
    }
}

/// Holds a device to the processor, kernel by kernel, on small models, some of them awkward.
///
/// # Errors
///
/// If the device fails.
pub fn check(gpu: &Gpu) -> Result<Vec<Kind>, RuntimeError> {
    let texts = MODELS.iter().map(|(text, set)| ((*text).to_owned(), *set));
    let random = (0..RANDOM).map(|seed| (random_spec(seed), &[][..]));
    let mut kinds = BTreeMap::new();
    let awkward = awkward::specs().into_iter().map(|text| (text, &[][..]));
    for (seed, (text, set)) in (1..).zip(texts.chain(random).chain(awkward)) {
        let declared = |name: &str| text.contains(&format!("param {name} "));
        let set = set.iter().filter(|(name, _)| declared(name));
        let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let outcome = check_text(&text, &Options { set });
        let checked = outcome.checked.expect("the models of this house are right");
        check_model(gpu, &checked, seed, &mut kinds)?;
    }
    Ok(kinds.into_values().collect())
}

fn check_model(
    gpu: &Gpu,
    checked: &Checked,
    seed: u64,
    kinds: &mut BTreeMap<&'static str, Kind>,
) -> Result<(), RuntimeError> {
    let model = &checked.model;
    let rule = Rule::AdamW { first: 0.9, second: 0.99, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(1.0), accumulate: 1 };
    let mode = match model.objectives.first() {
        Some(objective) => Mode::Training {
            objective: objective.name.clone(),
            optimizer,
            decay: Decay::Matrices,
            frozen: Vec::new(),
        },
        None => Mode::Gradients(Seed::Outputs),
    };
    let options = CompileOptions {
        batch: 3,
        mode,
        random: true,
        limits: *gpu.limits(),
        ..CompileOptions::default()
    };
    let graph = compile_graph(checked, &options).map_err(RuntimeError::Compile)?;
    let feed = random_feed(model, &graph, &random_samples(model, options.batch, seed), seed);
    let plan = Arc::new(plan_within(&graph, gpu.limits()));
    for found in check_kernels(gpu, &plan, &feed)? {
        let kind = kinds.entry(found.kind).or_insert_with(|| Kind {
            name: found.kind,
            kernels: 0,
            worst: 0.0,
            path: String::new(),
        });
        kind.kernels += 1;
        if found.error > kind.worst {
            kind.worst = found.error;
            kind.path = format!("{}: {}", model.name, found.path);
        }
    }
    Ok(())
}

/// What was found, as text.
#[must_use]
pub fn kinds_text(kinds: &[Kind]) -> String {
    let line = |kind: &Kind| {
        let verdict = if kind.is_right() { "ok" } else { "WRONG" };
        let Kind { name, kernels, worst, path } = kind;
        format!("{verdict:<6} {name:<24} {kernels:>5} kernels, worst {worst:.1e}  {path}\n")
    };
    kinds.iter().map(line).map(|line| format!("{}\n", line.trim_end())).collect()
}

/// What was found, as JSON.
#[must_use]
pub fn kinds_json(kinds: &[Kind]) -> Value {
    let one = |kind: &Kind| {
        let Kind { name, kernels, worst, path } = kind;
        json!({ "kind": name, "ok": kind.is_right(), "kernels": kernels, "worst": worst, "place": path })
    };
    kinds.iter().map(one).collect()
}

/// Adapters as text.
#[must_use]
pub fn text(adapters: &[AdapterFacts]) -> String {
    let mut text = String::new();
    for adapter in adapters {
        let size = |number: u64| bytes(u128::from(number));
        let yes = |is: bool| if is { "yes" } else { "no" };
        let subgroups = match adapter.subgroups {
            None => "no".to_owned(),
            Some((min, max)) if min == max => format!("of {min}"),
            Some((min, max)) => format!("of {min} to {max}, not used"),
        };
        let matrices = match adapter.cooperative_matrices.as_slice() {
            [] => "no".to_owned(),
            all => format!("{}, not used", all.join(", ")),
        };
        text += &format!(
            "{}  {}, {}, {}\n",
            adapter.index,
            adapter.name,
            adapter.kind.name(),
            adapter.backend
        );
        let rows = [
            ("driver", adapter.driver.clone()),
            ("memory", adapter.memory.map_or_else(|| "not told".to_owned(), size)),
            (
                "buffers",
                format!(
                    "{}, of which a kernel sees {}; {} a kernel",
                    size(adapter.buffer_bytes),
                    size(adapter.binding_bytes),
                    adapter.storage_buffers
                ),
            ),
            (
                "workgroups",
                format!(
                    "{} invocations, {} of memory; {} a dimension",
                    adapter.invocations,
                    size(u64::from(adapter.workgroup_bytes)),
                    adapter.workgroups
                ),
            ),
            ("subgroups", subgroups),
            ("f16", yes(adapter.f16).to_owned()),
            ("timestamps", yes(adapter.timestamps).to_owned()),
            ("matrices", matrices),
        ];
        for (name, value) in rows {
            text += &format!("   {name:<11} {value}\n");
        }
    }
    if adapters.is_empty() {
        text += "no devices beside the processor\n";
    }
    text
}

/// Adapters as JSON.
#[must_use]
pub fn json(adapters: &[AdapterFacts]) -> Value {
    let one = |adapter: &AdapterFacts| {
        json!({
            "index": adapter.index,
            "name": adapter.name,
            "kind": adapter.kind.name(),
            "backend": adapter.backend,
            "driver": adapter.driver,
            "memory": adapter.memory,
            "buffer_bytes": adapter.buffer_bytes,
            "binding_bytes": adapter.binding_bytes,
            "storage_buffers": adapter.storage_buffers,
            "invocations": adapter.invocations,
            "workgroup_bytes": adapter.workgroup_bytes,
            "workgroups": adapter.workgroups,
            "subgroups": adapter.subgroups.map(|(min, max)| json!({ "min": min, "max": max })),
            "f16": adapter.f16,
            "timestamps": adapter.timestamps,
            "cooperative_matrices": adapter.cooperative_matrices,
        })
    };
    adapters.iter().map(one).collect()
}
