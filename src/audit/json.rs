//! An audit for programs.
//!
//! In: an audit. Out: JSON. Names and meanings stay as they are within a version of the documents. Deliberately not here:
//! time, which the audit does not know.

use serde_json::{Map, Value, json};

use super::{Audit, Evidence, Failure, Replacement, Row, What};

/// The facts of the text form, as an object.
#[must_use]
pub fn json(audit: &Audit) -> Value {
    json!({
        "model": audit.model,
        "batch": audit.batch,
        "seed": audit.seed,
        "passed": audit.passed(),
        "modalities": audit.modalities,
        "outputs": audit.outputs.iter().map(|row| output(audit, row)).collect::<Value>(),
        "causal": audit.causal.iter().map(|found| json!({
            "output": found.output,
            "modality": audit.modalities[found.modality.index()],
            "positions": found.positions,
        })).collect::<Value>(),
        "failures": audit.failures.iter().map(|found| failure(audit, found)).collect::<Value>(),
        "notes": audit.notes,
        "compared": {
            "tensors": audit.compared.tensors,
            "numbers": audit.compared.numbers,
            "runs": audit.compared.runs,
        },
    })
}

fn output(audit: &Audit, row: &Row) -> Value {
    let names = || audit.modalities.iter().cloned();
    let cells: Map<String, Value> =
        names().zip(row.cells.iter().map(|cell| json!(cell.name()))).collect();
    let grounds = row.grounds.iter().map(|ground| ground.map(|ground| json!(ground.name())));
    let grounds: Map<String, Value> =
        names().zip(grounds).filter_map(|(name, ground)| Some((name, ground?))).collect();
    json!({ "name": row.name, "modalities": cells, "held_by": grounds })
}

fn failure(audit: &Audit, failure: &Failure) -> Value {
    json!({
        "output": failure.output,
        "modality": failure.modality.map(|id| audit.modalities[id.index()].clone()),
        "changes": failure.evidence.iter().map(evidence).collect::<Value>(),
        "path": failure.path,
    })
}

fn evidence(evidence: &Evidence) -> Value {
    let Evidence { replacement, what, change } = evidence;
    let (kind, of) = match what {
        What::Output => ("output", None),
        What::Presence => ("presence", None),
        What::Neighbors => ("neighbors", None),
        What::Only(names) => ("only", Some(json!(names))),
        What::Together(names) => ("together", Some(json!(names))),
        What::Earlier(position) => ("earlier tokens", Some(json!(position))),
        What::Weight(name) => ("gradient of weight", Some(json!(name))),
        What::Input(name) => ("gradient of modality", Some(json!(name))),
        What::Own => ("gradient of itself", None),
    };
    let replacement = match replacement {
        Replacement::Nothing => "nothing",
        Replacement::Noise => "noise",
        Replacement::Nan => "nan",
        Replacement::Absent => "absent",
        Replacement::Mixed => "mixed",
    };
    json!({
        "replacement": replacement,
        "what": kind,
        "of": of,
        "changed": change.changed,
        "numbers": change.numbers,
        "largest": change.largest,
        "not_finite": change.not_finite,
    })
}
