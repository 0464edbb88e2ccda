//! The facts about a model for programs.
//!
//! In: a checked model. Out: JSON. Names and meanings stay as they are within a version. Deliberately not
//! here: steps and weights one by one.

use serde_json::{Map, Value, json};
use zorro_compiler::cost::PartCost;
use zorro_compiler::flow::{ModalitySet, Presence};
use zorro_compiler::model::{Apply, Claim, Model, Shape};
use zorro_compiler::{Checked, Cost, Flow};

/// The version of the documents that the commands write.
pub const VERSION: u32 = 1;

/// The facts of the text form, as an object.
#[must_use]
pub fn json(checked: &Checked) -> Value {
    let Checked { model, flow } = checked;
    let cost = Cost::of(model);
    let total = cost.total();
    json!({
        "name": model.name,
        "params": all(&model.params, |param| {
            json!({ "name": param.name, "value": param.value, "set": param.set })
        }),
        "modalities": all(&model.modalities, |modality| shaped(&modality.name, &modality.shape)),
        "tokens": all(&cost.groups, |(name, shape)| shaped(name, shape)),
        "parts": cost.parts.iter().map(|(name, cost)| part(Some(name), cost)).collect::<Value>(),
        "total": part(None, &total),
        "bytes": {
            "weights": count(cost.parameter_bytes()),
            "training": count(cost.training_bytes()),
            "activations": count(cost.activation_bytes()),
        },
        "layers": all(&model.applies, |apply| layer(model, flow, apply)),
        "outputs": all(&model.outputs, |output| {
            let mut entry = shaped(&output.name, model.shape(output.value));
            entry["sees"] = names(model, flow.sees(output.value));
            entry["present"] = present(model, flow.presence(output.value));
            entry
        }),
        "objectives": model.objectives.iter().enumerate().map(|(at, objective)| {
            let (sees, presence) = flow.objective(at);
            json!({
                "name": objective.name,
                "sees": names(model, sees),
                "present": present(model, presence),
            })
        }).collect::<Value>(),
        "asserts": all(&model.asserts, |assert| {
            let name = &assert.name;
            match &assert.claim {
                Claim::ReadsOnly(only) => {
                    let only = ModalitySet::of(only.iter().copied());
                    json!({ "name": name, "reads_only": names(model, only) })
                }
                Claim::Causal(modality) => {
                    let modality = &model.modalities[modality.index()].name;
                    json!({ "name": name, "causal_in": modality })
                }
            }
        }),
    })
}

fn all<T>(items: &[T], entry: impl FnMut(&T) -> Value) -> Value {
    items.iter().map(entry).collect()
}

fn shaped(name: &str, shape: &Shape) -> Value {
    json!({ "name": name, "grid": shape.grid, "tokens": shape.tokens(), "width": shape.width })
}

fn part(name: Option<&str>, cost: &PartCost) -> Value {
    let mut entry = Map::new();
    entry.extend(name.map(|name| ("name".to_owned(), json!(name))));
    entry.insert("parameters".to_owned(), count(cost.parameters));
    entry.insert("flops".to_owned(), count(cost.flops));
    entry.insert("dense_flops".to_owned(), count(cost.dense_flops));
    Value::Object(entry)
}

/// A count; beyond 64 bits, where readers of JSON have no integers either, the nearest float.
pub(super) fn count(n: u128) -> Value {
    u64::try_from(n).map_or_else(|_| json!(n as f64), |n| json!(n))
}

/// What every group in scope sees after a layer.
fn layer(model: &Model, flow: &Flow, apply: &Apply) -> Value {
    let sees = apply.after.iter().map(|(group, value)| {
        (model.group_name(*group).to_owned(), names(model, flow.sees(*value)))
    });
    json!({
        "path": apply.path,
        "block": apply.block,
        "route": apply.route,
        "sees": sees.collect::<Map<String, Value>>(),
    })
}

fn names(model: &Model, set: ModalitySet) -> Value {
    set.iter().map(|id| json!(model.modalities[id.index()].name)).collect()
}

/// The minimal sets of modalities with which a value exists: `[[]]` is always, `[]` is never.
fn present(model: &Model, presence: &Presence) -> Value {
    presence.terms().iter().map(|set| names(model, *set)).collect()
}
