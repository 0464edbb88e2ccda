//! Evaluations for programs.
//!
//! In: scores. Out: JSON; scores are 0 to 1, `null` where they cannot be had. Deliberately not here: what stands around it.

use serde_json::{Map, Value, json};
use zorro_runtime::train::{Condition, Evaluation, FIRST, Probe, ProbeScores, Score};

/// All scores, and how well outputs find each other. What is neither `given` nor `zeroed` was dropped.
#[must_use]
pub fn json(evaluation: &Evaluation) -> Value {
    let conditions = &evaluation.conditions;
    let targets = evaluation.targets.iter().map(|target| {
        let of_output = |(output, scores): &(String, Vec<Option<Score>>)| -> Vec<Value> {
            let all = conditions.iter().zip(scores);
            all.map(|(condition, score)| {
                let mut row = row(output, condition);
                add(&mut row, ["score", "top5"], *score);
                row
            })
            .collect()
        };
        let scores: Vec<Value> = target.outputs.iter().flat_map(of_output).collect();
        json!({
            "target": target.target,
            "metric": target.metric.name(),
            "classes": target.classes,
            "scores": scores
        })
    });
    let retrieval = evaluation.retrieval.iter().map(|one| {
        let condition = &conditions[one.condition];
        let recall: Map<String, Value> =
            FIRST.iter().zip(one.recall).map(|(at, part)| (at.to_string(), json!(part))).collect();
        json!({
            "from": one.from,
            "to": one.to,
            "by": one.by,
            "given": condition.given,
            "zeroed": condition.zeroed,
            "queries": one.queries,
            "recall": recall
        })
    });
    json!({
        "objective": evaluation.objective,
        "samples": evaluation.samples,
        "loss": evaluation.loss,
        "targets": targets.collect::<Vec<Value>>(),
        "retrieval": retrieval.collect::<Vec<Value>>()
    })
}

/// All probes.
#[must_use]
pub fn probe_json(probes: &ProbeScores) -> Value {
    let of_output = |(output, found): &(String, Vec<Option<Probe>>)| -> Vec<Value> {
        let all = probes.conditions.iter().zip(found);
        all.map(|(condition, probe)| {
            let mut row = row(output, condition);
            add(&mut row, ["train", "train_top5"], probe.map(|probe| probe.train));
            add(&mut row, ["score", "top5"], probe.and_then(|probe| probe.eval));
            row["converged"] = json!(probe.map(|probe| probe.converged));
            row
        })
        .collect()
    };
    let scores: Vec<Value> = probes.outputs.iter().flat_map(of_output).collect();
    let [train, eval] = probes.samples;
    json!({
        "target": probes.target,
        "metric": probes.metric.name(),
        "classes": probes.classes,
        "decay": probes.decay,
        "samples": { "train": train, "eval": eval },
        "scores": scores
    })
}

fn row(output: &str, condition: &Condition) -> Value {
    json!({ "output": output, "given": condition.given, "zeroed": condition.zeroed })
}

/// A score under two names.
fn add(row: &mut Value, [value, top5]: [&str; 2], score: Option<Score>) {
    row[value] = json!(score.map(|score| score.value));
    row[top5] = json!(score.and_then(|score| score.top5));
}
