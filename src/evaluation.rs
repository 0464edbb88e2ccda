//! Evaluations as people and programs read them.
//!
//! In: scores. Out: tables, JSON, or a picture. Deliberately not here: how they are measured.

mod bars;
mod json;

use zorro_runtime::train::{
    Condition, Counts, Evaluation, FIRST, MEAN, Metric, Probe, ProbeScores, ProbeTable, Retrieval,
    Score, Scores, TargetScores,
};

pub use bars::bars;
pub use json::{json, probe_json};

/// Outputs with a cell for each condition.
type Rows<T> = [(String, Vec<Option<T>>)];

/// A table for each target: a column for each condition, with the number of samples that it leaves something of; a row for each
/// output, in percent, with the number of samples where that is another one. A second table has the scores on the samples
/// that have all modalities, where some have not. Then how well outputs find each other, and the loss. Ends in a newline.
#[must_use]
pub fn text(evaluation: &Evaluation) -> String {
    let value = |score: &Score| Some(score.value);
    let mut tables = Vec::new();
    for target in &evaluation.targets {
        let title = format!("{} of {}", target.metric.name(), target.target);
        tables.extend(both(&title, &evaluation.conditions, target, value));
    }
    for (at, condition) in evaluation.conditions.iter().enumerate() {
        let own: Vec<&Retrieval> =
            evaluation.retrieval.iter().filter(|one| one.condition == at).collect();
        if let Some(first) = own.first() {
            tables.push(recalls(first, &own, condition));
        }
    }
    let mut text = tables.join("\n");
    text.push_str(&loss(evaluation));
    text
}

/// A number of a loss, or a dash where there is none.
#[must_use]
pub fn number(loss: Option<f64>) -> String {
    loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"))
}

/// The loss, and its terms where they are of other samples.
fn loss(evaluation: &Evaluation) -> String {
    let Evaluation { samples, loss, loss_samples, terms, .. } = evaluation;
    let of = if loss_samples == samples { String::new() } else { format!(" of {samples}") };
    let group = evaluation.group();
    let group = group.map_or_else(String::new, |group| format!(", nce in groups of {group}"));
    let mut text = format!("loss {} on {loss_samples}{of} samples{group}\n", number(*loss));
    if terms.iter().any(|term| term.samples != *loss_samples) && terms.len() > 1 {
        let rows = terms.iter().map(|term| {
            let on = format!("on {}", term.samples);
            vec![format!("  {}", term.term), number(term.loss), on]
        });
        text.push_str(&aligned(&rows.collect::<Vec<_>>()));
    }
    text
}

/// A table for each target of more than five classes: how often the right one is among the five most probable. Each begins with
/// an empty line; there is nothing without such targets.
#[must_use]
pub fn top5_text(evaluation: &Evaluation) -> String {
    let wanted = evaluation.targets.iter().filter(|one| has_top5(one.metric, one.classes));
    let tables = wanted.flat_map(|target| {
        let title = format!("{} in top 5", target.target);
        both(&title, &evaluation.conditions, target, |score: &Score| score.top5)
    });
    tables.map(|table| format!("\n{table}")).collect()
}

/// The table on all samples, and that on those that have all modalities, where these are others.
fn both(
    title: &str,
    conditions: &[Condition],
    target: &TargetScores,
    value: impl Fn(&Score) -> Option<f64>,
) -> Vec<String> {
    let table = |title: &str, scores: &Scores| {
        let columns = rows(&scores.counts, |counts| counts.samples.to_string(), |one| one.classes);
        let cell = |at: usize, score: &Score| percent_of(value(score), score, scores.counts[at]);
        table(title, conditions, columns, &scores.outputs, cell)
    };
    let mut tables = vec![table(&format!("{title}, %"), &target.scores)];
    if target.complete.counts != target.scores.counts {
        tables.push(table(&format!("{title} {COMPLETE}, %"), &target.complete));
    }
    tables
}

/// What the second table is of.
const COMPLETE: &str = "on samples with all modalities";

/// A table of probes: what they say of the samples that were kept apart, and in brackets of those that they were fitted to.
/// Ends in a newline.
#[must_use]
pub fn probe_text(probes: &ProbeScores) -> String {
    let ProbeScores { target, metric, decay, samples: [fitted, judged], conditions, .. } = probes;
    let mut tables = Vec::new();
    let mut add = |title: &str, value: fn(&Score) -> Option<f64>| {
        tables.push(probe_table(&format!("{title}, %"), conditions, &probes.table, value));
        if probes.complete.counts != probes.table.counts {
            let title = format!("{title} {COMPLETE}, %");
            tables.push(probe_table(&title, conditions, &probes.complete, value));
        }
    };
    add(&format!("{} of {target} by probes", metric.name()), |score| Some(score.value));
    if has_top5(*metric, probes.classes) {
        add(&format!("{target} in top 5 by probes"), |score| score.top5);
    }
    let mut text = tables.join("\n");
    text.push_str(&format!(
        "on {judged} samples (in brackets: on the {fitted} that were fitted); decay {decay}\n"
    ));
    for (output, probes) in probes.table.outputs.iter().filter(|(output, _)| output != MEAN) {
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

fn probe_table(
    title: &str,
    conditions: &[Condition],
    found: &ProbeTable,
    value: fn(&Score) -> Option<f64>,
) -> String {
    let samples = |[train, eval]: &[Counts; 2]| format!("{} ({})", eval.samples, train.samples);
    let columns = rows(&found.counts, samples, |[_, eval]| eval.classes);
    let cell = |at: usize, probe: &Probe| {
        let [train, eval] = found.counts[at];
        let judged = probe.eval.map(|score| percent_of(value(&score), &score, eval));
        let judged = judged.unwrap_or_else(|| percent(None));
        format!("{judged} ({})", percent_of(value(&probe.train), &probe.train, train))
    };
    table(title, conditions, columns, &found.outputs, cell)
}

/// The rows that say of what each column is: samples, and for mean average precision classes that occur.
fn rows<T>(
    columns: &[T],
    samples: impl Fn(&T) -> String,
    classes: impl Fn(&T) -> Option<u64>,
) -> Vec<Vec<String>> {
    let cells = columns.iter().map(samples);
    let mut rows = vec![std::iter::once("samples".to_owned()).chain(cells).collect()];
    let classes: Option<Vec<u64>> = columns.iter().map(classes).collect();
    if let Some(classes) = classes {
        let cells = classes.iter().map(u64::to_string);
        rows.push(std::iter::once("classes that occur".to_owned()).chain(cells).collect());
    }
    rows
}

/// With five classes or fewer every class is among the first five.
fn has_top5(metric: Metric, classes: usize) -> bool {
    metric == Metric::Accuracy && classes > 5
}

fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| "-".to_owned(), |part| format!("{:.1}", 100.0 * part))
}

/// A score, and of what it is where its column is of something else.
fn percent_of(part: Option<f64>, score: &Score, column: Counts) -> String {
    let Counts { samples, classes } = score.counts;
    let mut text = percent(part);
    if samples != column.samples {
        text.push_str(&format!(" of {samples}"));
    }
    if let Some(classes) = classes.filter(|_| classes != column.classes) {
        text.push_str(&format!(" in {classes}"));
    }
    text
}

/// An output's name in tables.
fn shown(output: &str) -> String {
    if output == MEAN { "mean of all outputs".to_owned() } else { output.to_owned() }
}

fn table<T>(
    title: &str,
    conditions: &[Condition],
    columns: Vec<Vec<String>>,
    outputs: &Rows<T>,
    cell: impl Fn(usize, &T) -> String,
) -> String {
    let heads = conditions.iter().map(Condition::heading);
    let mut rows: Vec<Vec<String>> = vec![std::iter::once(title.to_owned()).chain(heads).collect()];
    rows.extend(columns);
    for (output, cells) in outputs {
        let cells = cells.iter().enumerate();
        let cells =
            cells.map(|(at, one)| one.as_ref().map_or_else(|| percent(None), |one| cell(at, one)));
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
    let mut rows = vec![[title, "queries".to_owned(), "among".to_owned()].to_vec()];
    rows[0].extend(heads);
    for one in all {
        let name = format!("{} to {}", one.from, one.to);
        let mut row = vec![name, one.queries.to_string(), one.answers.to_string()];
        row.extend(one.recall.iter().map(|recall| percent(Some(*recall))));
        rows.push(row);
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
