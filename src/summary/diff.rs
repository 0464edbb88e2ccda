//! A difference for programs.
//!
//! In: what changed between two models. Out: JSON; every list is empty where nothing did. Deliberately not
//! here: comparing.

use serde_json::{Map, Value, json};
use zorro_compiler::cost::PartCost;
use zorro_compiler::diff::{CostChange, Diff, MaskChange};

use super::json::{VERSION, count};

/// The difference as a document with its version.
#[must_use]
pub fn diff_json(diff: &Diff) -> Value {
    let Diff { members, sights, presence, masks, costs } = diff;
    json!({
        "version": VERSION,
        "members": members.iter().map(|change| {
            json!({ "kind": change.kind.to_string(), "name": change.name, "added": change.added })
        }).collect::<Value>(),
        "sights": sights.iter().map(|change| json!({
            "kind": change.kind.to_string(),
            "name": change.name,
            "gained": change.gained,
            "lost": change.lost,
        })).collect::<Value>(),
        "presence": presence.iter().map(|change| json!({
            "kind": change.kind.to_string(),
            "name": change.name,
            "before": change.before,
            "after": change.after,
        })).collect::<Value>(),
        "masks": masks.iter().map(mask).collect::<Value>(),
        "costs": costs.iter().map(cost).collect::<Value>(),
    })
}

fn mask(change: &MaskChange) -> Value {
    json!({
        "path": change.path,
        "receiver": change.receiver,
        "read": change.read,
        "before": change.before.map(count),
        "after": change.after.map(count),
    })
}

fn cost(change: &CostChange) -> Value {
    let numbers = |cost: &PartCost| {
        let counts = [
            ("parameters", cost.parameters),
            ("flops", cost.flops),
            ("dense_flops", cost.dense_flops),
        ];
        counts.map(|(name, n)| (name.to_owned(), count(n))).into_iter().collect::<Map<_, _>>()
    };
    json!({
        "part": change.part,
        "before": numbers(&change.before),
        "after": numbers(&change.after),
    })
}
