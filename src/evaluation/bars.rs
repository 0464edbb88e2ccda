//! Evaluations as bars.
//!
//! In: scores. Out: what a chart shows: bars of outputs, grouped by condition. Deliberately not here: drawing.

use zorro_runtime::train::{Condition, Evaluation, FIRST, ProbeScores, Retrieval};

use super::shown;
use crate::picture::Bars;

/// The charts of an evaluation and of probes, one below the other.
#[must_use]
pub fn bars(evaluation: &Evaluation, probes: Option<&ProbeScores>) -> Vec<Bars> {
    let mut all = Vec::new();
    for target in &evaluation.targets {
        let title = format!("{} of {}", target.metric.name(), target.target);
        let value = |at: usize, condition: usize| {
            target.scores.outputs[at].1[condition].map(|score| score.value)
        };
        all.push(grouped(title, &evaluation.conditions, names(&target.scores.outputs), value));
    }
    for (at, condition) in evaluation.conditions.iter().enumerate() {
        let own: Vec<&Retrieval> =
            evaluation.retrieval.iter().filter(|one| one.condition == at).collect();
        let Some(first) = own.first() else { continue };
        let by = first.by.as_deref().unwrap_or("pair");
        let title = format!("recall by {by}, {}", condition.heading());
        let groups = FIRST.iter().enumerate().map(|(place, first)| {
            let values = own.iter().map(|one| Some(one.recall[place]));
            (format!("at {first}"), values.collect())
        });
        let series = own.iter().map(|one| format!("{} to {}", one.from, one.to));
        all.push(Bars { title, series: series.collect(), groups: groups.collect() });
    }
    if let Some(probes) = probes {
        let title = format!("{} of {} by probes", probes.metric.name(), probes.target);
        let value =
            |at: usize, condition: usize| Some(probes.table.outputs[at].1[condition]?.eval?.value);
        all.push(grouped(title, &probes.conditions, names(&probes.table.outputs), value));
    }
    all
}

fn names<T>(outputs: &[(String, T)]) -> Vec<String> {
    outputs.iter().map(|(output, _)| shown(output)).collect()
}

fn grouped(
    title: String,
    conditions: &[Condition],
    series: Vec<String>,
    value: impl Fn(usize, usize) -> Option<f64>,
) -> Bars {
    let groups = conditions.iter().enumerate().map(|(condition, one)| {
        let values = (0..series.len()).map(|at| value(at, condition));
        (one.heading(), values.collect())
    });
    Bars { title, groups: groups.collect(), series }
}
