//! The manifest: all that a host needs to know.
//!
//! In: a compiled model. Out: JSON, as `docs/manifest.schema.json` describes it and `docs/compile.md` explains it. All
//! offsets and sizes are bytes. Deliberately not here: the parts of it, which have files of their own.

use serde_json::{Map, Value, json};
use zorro_compiler::Mode;
use zorro_compiler::autodiff::Seed;
use zorro_compiler::graph::Phase;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::program::{Dispatch, Target};

use super::preprocess::{modality, tagged, target};
use super::{Emitter, MANIFEST_VERSION};

impl Emitter<'_> {
    pub(super) fn manifest(&self, shaders: Value, buffers: Value) -> Value {
        let model = &self.checked.model;
        let program = &self.made.program;
        json!({
            "$schema": "manifest.schema.json",
            "version": MANIFEST_VERSION,
            "generator": concat!("zorro ", env!("CARGO_PKG_VERSION")),
            "model": model.name,
            "params": model.params.iter()
                .map(|param| (param.name.clone(), json!(param.value)))
                .collect::<Map<_, _>>(),
            "batch": self.made.plan.batch,
            "mode": self.mode(),
            "random": self.options.random,
            "only": self.options.only,
            "target": described(&program.target),
            "modalities": model.modalities.iter().map(modality).collect::<Value>(),
            "targets": model.targets.iter()
                .map(|found| target(&found.name, &found.kind))
                .collect::<Value>(),
            "buffers": buffers,
            "inputs": self.inputs(),
            "outputs": self.outputs(),
            "losses": self.losses(),
            "input_gradients": self.input_gradients(),
            "gradient_norm": self.gradient_norm(),
            "weights": self.weights(),
            "step": self.step(),
            "shaders": shaders,
            "dispatches": program.dispatches.iter().map(|it| self.dispatch(it)).collect::<Value>(),
        })
    }

    fn mode(&self) -> Value {
        match &self.options.mode {
            Mode::Forward { .. } => json!({ "kind": "forward" }),
            Mode::Terms { objective } => json!({ "kind": "terms", "objective": objective }),
            Mode::Gradients(Seed::Loss(objective)) => {
                json!({ "kind": "gradients", "of": "loss", "objective": objective })
            }
            Mode::Gradients(Seed::Outputs | Seed::Chosen(_)) => {
                json!({ "kind": "gradients", "of": "outputs" })
            }
            Mode::Training { objective, optimizer, decay: _, frozen: _ } => {
                json!({ "kind": "training", "objective": objective, "optimizer": rule(optimizer) })
            }
        }
    }

    fn dispatch(&self, dispatch: &Dispatch) -> Value {
        let kernel = &self.made.plan.kernels[dispatch.kernel];
        let phase = match kernel.phase {
            Phase::Forward => "forward",
            Phase::Again => "again",
            Phase::Backward => "backward",
            Phase::Update => "update",
        };
        let bindings = dispatch.bindings.iter();
        let bindings =
            bindings.map(|binding| self.placed(binding.memory, binding.offset, binding.numbers));
        json!({
            "shader": dispatch.shader.0,
            "place": kernel.path,
            "phase": phase,
            "workgroups": dispatch.workgroups,
            "bindings": bindings.collect::<Value>(),
            "arguments": dispatch.arguments,
        })
    }
}

fn described(target: &Target) -> Value {
    let Target { subgroup, f16, shares, invocations, workgroup_bytes, workgroups, storage_buffers } =
        target;
    json!({
        "subgroup": subgroup,
        "f16": f16,
        "shares": shares,
        "invocations": invocations,
        "workgroup_bytes": workgroup_bytes,
        "workgroups": workgroups,
        "storage_buffers": storage_buffers,
    })
}

fn rule(optimizer: &Optimizer) -> Value {
    let Optimizer { rule, weight_decay, clip, accumulate } = optimizer;
    let both = [
        ("weight_decay", json!(weight_decay)),
        ("clip", json!(clip)),
        ("accumulate", json!(accumulate)),
    ];
    let adam = |first: &f64, second: &f64, eps: &f64| {
        let own = [("first", json!(first)), ("second", json!(second)), ("eps", json!(eps))];
        own.into_iter().chain(both.clone()).collect::<Vec<_>>()
    };
    match rule {
        Rule::Sgd { momentum, nesterov } => {
            let own = [("momentum", json!(momentum)), ("nesterov", json!(nesterov))];
            tagged("rule", "sgd", &own.into_iter().chain(both).collect::<Vec<_>>())
        }
        Rule::Adam { first, second, eps } => tagged("rule", "adam", &adam(first, second, eps)),
        Rule::AdamW { first, second, eps } => tagged("rule", "adamw", &adam(first, second, eps)),
    }
}
