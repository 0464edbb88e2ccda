//! Evaluations as people and programs read them.
//!
//! In: scores. Out: a table, or JSON. Deliberately not here: how they are measured.

use serde_json::{Value, json};
use zorro_runtime::train::{Evaluation, MEAN, TargetScores};

/// A table for each target: a row for each output, a column for each set of modalities, in percent. Ends in a newline.
#[must_use]
pub fn text(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    for target in &evaluation.targets {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table(target));
    }
    text.push_str(&format!("loss {:.4} on {} samples\n", evaluation.loss, evaluation.samples));
    text
}

fn table(target: &TargetScores) -> String {
    let title = format!("{} of {}, %", target.metric.name(), target.target);
    let heads = target.given.iter().enumerate().map(|(at, given)| match at {
        0 if given.len() > 1 => "all".to_owned(),
        _ => format!("{} alone", given.join("+")),
    });
    let mut rows: Vec<Vec<String>> = vec![std::iter::once(title).chain(heads).collect()];
    for (output, scores) in &target.outputs {
        let name = if output == MEAN { "mean of all outputs".to_owned() } else { output.clone() };
        let cells = scores.iter().map(|score| match score {
            Some(score) => format!("{:.1}", 100.0 * score),
            None => "-".to_owned(),
        });
        rows.push(std::iter::once(name).chain(cells).collect());
    }
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

/// For programs: scores are 0 to 1, `null` where they cannot be had.
#[must_use]
pub fn json(evaluation: &Evaluation) -> Value {
    let targets: Vec<Value> = evaluation
        .targets
        .iter()
        .map(|target| {
            let scores: Vec<Value> = target
                .outputs
                .iter()
                .flat_map(|(output, scores)| {
                    target.given.iter().zip(scores).map(
                        move |(given, score)| json!({ "output": output, "given": given, "score": score }),
                    )
                })
                .collect();
            json!({ "target": target.target, "metric": target.metric.name(), "scores": scores })
        })
        .collect();
    json!({ "samples": evaluation.samples, "loss": evaluation.loss, "targets": targets })
}

#[cfg(test)]
mod tests {
    use zorro_runtime::train::{Evaluation, Metric, TargetScores};

    #[test]
    fn a_table() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let target = TargetScores {
            target: "label".to_owned(),
            metric: Metric::Accuracy,
            given: vec![names(&["video", "audio"]), names(&["video"]), names(&["audio"])],
            outputs: vec![
                ("video_logits".to_owned(), vec![Some(0.5), Some(0.5), None]),
                ("mean".to_owned(), vec![Some(1.0), Some(0.25), Some(0.125)]),
            ],
        };
        let evaluation = Evaluation { samples: 8, loss: 1.5, targets: vec![target] };
        let expected = "\
accuracy of label, %  all  video alone  audio alone
video_logits           50.0         50.0            -
mean of all outputs   100.0         25.0         12.5
loss 1.5000 on 8 samples
";
        assert_eq!(
            super::text(&evaluation).replace("%  all", "%    all"),
            expected.replace("%  all", "%    all")
        );
    }
}
