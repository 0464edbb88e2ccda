//! A measurement for programs.
//!
//! In: what was measured. Out: a JSON value. Deliberately not here: measuring.

use serde_json::{Value, json};

use super::{Group, Measured};

/// The measurement as JSON: milliseconds, bytes, operations.
#[must_use]
pub fn json(measured: &Measured) -> Value {
    let ms = |part: f64| 1e3 * measured.quantile(part);
    let memory = &measured.memory;
    let group = |group: &Group| {
        json!({
            "place": group.path,
            "phase": group.phase,
            "kind": group.kind,
            "kernels": group.kernels,
            "ms": 1e3 * group.seconds,
            "operations": group.operations as f64,
        })
    };
    json!({
        "mode": measured.work.name(),
        "batch": measured.batch,
        "device": measured.device,
        "threads": measured.threads,
        "parameters": measured.parameters,
        "runs": measured.seconds.len(),
        "ms": { "median": ms(0.5), "min": ms(0.0), "p90": ms(0.9), "cpu": measured.cpu_seconds.map(|cpu| 1e3 * cpu) },
        "samples_per_second": measured.samples_a_second(),
        "operations": measured.operations as f64,
        "operations_per_second": measured.operations_a_second(),
        "product_operations_per_second": measured.peak,
        "share_of_product": measured.peak.map(|peak| measured.operations_a_second() / peak),
        "memory": {
            "plan": memory.plan.total(),
            "activations": memory.plan.activations,
            "inputs": memory.plan.inputs,
            "weights": memory.plan.parameters,
            "states": memory.plan.states,
            "tables": memory.plan.tables,
            "scratch": memory.scratch,
            "process": memory.process,
        },
        "kernels": measured.groups.iter().map(group).collect::<Vec<_>>(),
    })
}
