//! Evaluations as people and programs read them.
//!
//! In: scores. Out: tables, JSON, or a picture. Deliberately not here: how they are measured.

mod bars;
mod json;

use zorro_runtime::train::{
    Condition, Evaluation, FIRST, MEAN, Metric, Probe, ProbeScores, Retrieval, Score, TargetScores,
};

pub use bars::bars;
pub use json::{json, probe_json};

/// Outputs with a cell for each condition.
type Rows<T> = [(String, Vec<Option<T>>)];

/// A table for each target: a row for each output, a column for each condition, in percent; then how well outputs find each
/// other, and the loss. Ends in a newline.
#[must_use]
pub fn text(evaluation: &Evaluation) -> String {
    let mut tables: Vec<String> = evaluation
        .targets
        .iter()
        .map(|TargetScores { target, metric, outputs, .. }| {
            let title = format!("{} of {target}, %", metric.name());
            table(&title, &evaluation.conditions, outputs, |score| percent(Some(score.value)))
        })
        .collect();
    for (at, condition) in evaluation.conditions.iter().enumerate() {
        let own: Vec<&Retrieval> =
            evaluation.retrieval.iter().filter(|one| one.condition == at).collect();
        if let Some(first) = own.first() {
            tables.push(recalls(first, &own, condition));
        }
    }
    let mut text = tables.join("\n");
    text.push_str(&format!("loss {:.4} on {} samples\n", evaluation.loss, evaluation.samples));
    text
}

/// A table for each target of more than five classes: how often the right one is among the five most probable. Each begins with
/// an empty line; there is nothing without such targets.
#[must_use]
pub fn top5_text(evaluation: &Evaluation) -> String {
    let wanted = evaluation.targets.iter().filter(|one| has_top5(one.metric, one.classes));
    let tables = wanted.map(|TargetScores { target, outputs, .. }| {
        let title = format!("{target} in top 5, %");
        let cells = |score: &Score| percent(score.top5);
        format!("\n{}", table(&title, &evaluation.conditions, outputs, cells))
    });
    tables.collect()
}

/// A table of probes: what they say of the samples that were kept apart, and in brackets of those that they were fitted to.
/// Ends in a newline.
#[must_use]
pub fn probe_text(probes: &ProbeScores) -> String {
    let ProbeScores {
        target, metric, decay, samples: [fitted, judged], conditions, outputs, ..
    } = probes;
    let title = format!("{} of {target} by probes, %", metric.name());
    let both = |value: fn(&Score) -> Option<f64>| {
        move |probe: &Probe| {
            let cell = |score: Option<Score>| percent(score.as_ref().and_then(value));
            format!("{} ({})", cell(probe.eval), cell(Some(probe.train)))
        }
    };
    let mut text = table(&title, conditions, outputs, both(|score| Some(score.value)));
    if has_top5(*metric, probes.classes) {
        let title = format!("{target} in top 5 by probes, %");
        text.push_str(&format!(
            "\n{}",
            table(&title, conditions, outputs, both(|score| score.top5))
        ));
    }
    text.push_str(&format!(
        "on {judged} samples (in brackets: on the {fitted} that were fitted); decay {decay}\n"
    ));
    for (output, probes) in outputs.iter().filter(|(output, _)| output != MEAN) {
        let late = |(at, probe): (usize, &Option<Probe>)| {
            probe.is_some_and(|probe| !probe.converged).then(|| conditions[at].heading())
        };
        let late: Vec<String> = probes.iter().enumerate().filter_map(late).collect();
        if !late.is_empty() {
            let late = late.join("; ");
            text.push_str(&format!("not converged: {output} ({late}); a larger decay helps\n"));
        }
    }
    text
}

/// With five classes or fewer every class is among the first five.
fn has_top5(metric: Metric, classes: usize) -> bool {
    metric == Metric::Accuracy && classes > 5
}

fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| "-".to_owned(), |part| format!("{:.1}", 100.0 * part))
}

/// An output's name in tables.
fn shown(output: &str) -> String {
    if output == MEAN { "mean of all outputs".to_owned() } else { output.to_owned() }
}

fn table<T>(
    title: &str,
    conditions: &[Condition],
    outputs: &Rows<T>,
    cell: impl Fn(&T) -> String,
) -> String {
    let heads = conditions.iter().map(Condition::heading);
    let mut rows: Vec<Vec<String>> = vec![std::iter::once(title.to_owned()).chain(heads).collect()];
    for (output, cells) in outputs {
        let cells = cells.iter().map(|one| one.as_ref().map_or_else(|| "-".to_owned(), &cell));
        rows.push(std::iter::once(shown(output)).chain(cells).collect());
    }
    aligned(&rows)
}

fn recalls(first: &Retrieval, all: &[&Retrieval], condition: &Condition) -> String {
    let by = first.by.as_deref().unwrap_or("pair");
    let title = match condition.is_all {
        true => format!("recall by {by}, %"),
        false => format!("recall by {by}, {}, %", condition.heading()),
    };
    let heads = FIRST.iter().map(|first| format!("at {first}"));
    let mut rows: Vec<Vec<String>> = vec![std::iter::once(title).chain(heads).collect()];
    for one in all {
        let name = format!("{} to {}", one.from, one.to);
        let cells = one.recall.iter().map(|recall| percent(Some(*recall)));
        rows.push(std::iter::once(name).chain(cells).collect());
    }
    aligned(&rows)
}

/// Columns of one width each, the first one to the left.
fn aligned(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<String>>().join("  ") + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
