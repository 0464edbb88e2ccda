//! Evaluations for programs.
//!
//! In: scores. Out: JSON; scores are 0 to 1, `null` where they cannot be had, each with its number of samples. Deliberately
//! not here: what stands around it.

use serde_json::{Map, Value, json};
use zorro_runtime::train::{
    Condition, Counts, Evaluation, FIRST, Probe, ProbeScores, Score, TargetScores,
};

/// All scores, each with the samples that it is of, how well outputs find each other, and the loss. What is neither `given` nor
/// `zeroed` was dropped; `complete` is the same on the samples that have all modalities.
#[must_use]
pub fn json(evaluation: &Evaluation) -> Value {
    let conditions = &evaluation.conditions;
    let targets = evaluation.targets.iter().map(|target| of_target(target, conditions));
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
            "among": one.answers,
            "recall": recall
        })
    });
    let terms = evaluation.terms.iter().map(|term| {
        json!({ "term": term.term, "loss": term.loss, "samples": term.samples, "group": term.group })
    });
    json!({
        "objective": evaluation.objective,
        "samples": evaluation.samples,
        "loss": evaluation.loss,
        "loss_samples": evaluation.loss_samples,
        "terms": terms.collect::<Vec<Value>>(),
        "targets": targets.collect::<Vec<Value>>(),
        "retrieval": retrieval.collect::<Vec<Value>>()
    })
}

fn of_target(target: &TargetScores, conditions: &[Condition]) -> Value {
    let TargetScores { scores: all, complete, .. } = target;
    let mut scores = Vec::new();
    for ((output, own), (_, of_complete)) in all.outputs.iter().zip(&complete.outputs) {
        for ((condition, score), complete) in conditions.iter().zip(own).zip(of_complete) {
            let mut row = row(output, condition);
            add(&mut row, ["score", "top5", "samples", "classes"], *score);
            add(&mut row["complete"], ["score", "top5", "samples", "classes"], *complete);
            scores.push(row);
        }
    }
    let counts = conditions.iter().zip(all.counts.iter().zip(&complete.counts));
    let counts = counts.map(|(condition, (all, complete))| {
        let mut row = count(*all);
        row["given"] = json!(condition.given);
        row["zeroed"] = json!(condition.zeroed);
        row["complete"] = count(*complete);
        row
    });
    json!({
        "target": target.target,
        "metric": target.metric.name(),
        "classes": target.classes,
        "counts": counts.collect::<Vec<Value>>(),
        "scores": scores
    })
}

/// All probes.
#[must_use]
pub fn probe_json(probes: &ProbeScores) -> Value {
    let mut scores = Vec::new();
    let both = probes.table.outputs.iter().zip(&probes.complete.outputs);
    for ((output, own), (_, of_complete)) in both {
        for ((condition, probe), complete) in probes.conditions.iter().zip(own).zip(of_complete) {
            let mut row = row(output, condition);
            add_probe(&mut row, *probe);
            add_probe(&mut row["complete"], *complete);
            scores.push(row);
        }
    }
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

fn count(counts: Counts) -> Value {
    json!({ "samples": counts.samples, "classes": counts.classes })
}

fn row(output: &str, condition: &Condition) -> Value {
    json!({ "output": output, "given": condition.given, "zeroed": condition.zeroed })
}

/// A score, and of what it is, under these names.
fn add(row: &mut Value, [value, top5, samples, classes]: [&str; 4], score: Option<Score>) {
    row[value] = json!(score.map(|score| score.value));
    row[top5] = json!(score.and_then(|score| score.top5));
    row[samples] = json!(score.map_or(0, |score| score.counts.samples));
    row[classes] = json!(score.and_then(|score| score.counts.classes));
}

fn add_probe(row: &mut Value, probe: Option<Probe>) {
    let train = ["train", "train_top5", "train_samples", "train_classes"];
    add(row, train, probe.map(|probe| probe.train));
    add(row, ["score", "top5", "samples", "classes"], probe.and_then(|probe| probe.eval));
    row["converged"] = json!(probe.map(|probe| probe.converged));
}
