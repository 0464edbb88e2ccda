//! A set as JSON.
//!
//! In: what is known of it. Out: a document. Deliberately not here: text, pictures.

use serde_json::{Value, json};
use zorro_runtime::data::survey::{Count, Files, SourceLook, Spread, Survey, Values};

use super::SetReport;

/// A set as JSON.
#[must_use]
pub fn json(report: &SetReport<'_>) -> Value {
    let sources = report.look.map(|look| look.sources.iter().map(source).collect::<Vec<_>>());
    let targets = report
        .look
        .map(|look| look.values.iter().map(|values| target(report, values)).collect::<Vec<_>>());
    json!({
        "set": report.set,
        "error": report.wrong,
        "notes": report.notes,
        "sources": sources,
        "targets": targets,
        "survey": report.survey.map(survey),
        "repeated_keys": report.repeated.1,
        "shared_with_train": report.shared.1,
    })
}

fn counts(counts: &[Count]) -> Value {
    let one = |count: &Count| {
        (count.name.clone(), json!({ "at_least": count.least, "at_most": count.most }))
    };
    Value::Object(counts.iter().map(one).collect())
}

fn source(source: &SourceLook) -> Value {
    let pairs = |pairs: &[(String, u64)]| {
        Value::Object(pairs.iter().map(|(name, n)| (name.clone(), json!(n))).collect())
    };
    json!({
        "place": source.place,
        "files": source.told,
        "samples": source.samples,
        "modalities": counts(&source.modalities),
        "targets": counts(&source.targets),
        "not_used": pairs(&source.unused),
        "json_keys_not_used": pairs(&source.keys),
        "labels_read": source.read[0],
        "decoded": source.read[1],
    })
}

fn target(report: &SetReport<'_>, values: &Values) -> Value {
    let Values { target, read, with, spread } = values;
    let mut document = json!({ "target": target, "read": read, "with": with });
    if let Some(names) = report.classes.get(target) {
        document["names"] = json!(names);
    }
    match spread {
        Spread::Class { counts, mixed } => {
            document["counts"] = json!(counts);
            document["mixed"] = json!(mixed);
        }
        Spread::Classes { counts, fewest, most } => {
            document["counts"] = json!(counts);
            let fewest = (with > &0).then_some(fewest);
            document["classes_of_a_sample"] = json!([fewest, most]);
        }
        Spread::Numbers { least, sum, most, n } if *n > 0 => {
            document["range"] = json!([least, most]);
            document["mean"] = json!(sum / *n as f64);
        }
        Spread::Numbers { .. } => {}
    }
    document
}

fn survey(survey: &Survey) -> Value {
    let together = survey.together.iter().map(|(has, n)| {
        let names = survey.modalities.iter().zip(has).filter(|(_, has)| **has);
        let names: Vec<&String> = names.map(|(name, _)| name).collect();
        json!({ "modalities": names, "samples": n })
    });
    let reasons = survey.reasons.iter().map(
        |reason| json!({ "why": reason.why, "samples": reason.samples, "first": reason.names }),
    );
    let modalities = survey.modalities.iter().zip(&survey.tallies).map(|(name, tally)| {
        let fed = tally.fed.map(|range| {
            json!({
                "mean": rounded(range.mean),
                "deviation": rounded(range.deviation),
                "range": [range.least, range.most],
            })
        });
        (name.clone(), json!({ "files": files(&tally.files), "fed": fed }))
    });
    let parts = survey.speed.parts.iter().map(|(name, part)| (name.clone(), json!(rounded(*part))));
    json!({
        "samples": survey.of,
        "read": survey.read,
        "together": together.collect::<Vec<_>>(),
        "broken": survey.broken,
        "reasons": reasons.collect::<Vec<_>>(),
        "modalities": Value::Object(modalities.collect()),
        "loading": {
            "threads": survey.speed.threads,
            "samples_per_second": rounded(survey.speed.samples),
            "time": Value::Object(parts.collect()),
        },
        "shown": survey.shown.iter().map(|shown| &shown.key).collect::<Vec<_>>(),
    })
}

fn files(files: &Files) -> Value {
    let Files { sizes, colors, fps, rates, channels, .. } = files;
    let sizes = sizes.iter().map(|([height, width], n)| json!([height, width, n]));
    let pairs = |counts: &std::collections::BTreeMap<u64, u64>| {
        counts.iter().map(|(value, n)| json!([value, n])).collect::<Vec<_>>()
    };
    let fps = fps.iter().map(|(hundredths, n)| json!([*hundredths as f64 / 100.0, n]));
    json!({
        "sizes": sizes.collect::<Vec<_>>(),
        "colors": pairs(colors),
        "fps": fps.collect::<Vec<_>>(),
        "rates": pairs(rates),
        "channels": pairs(channels),
        "seconds": files.lengths(),
    })
}

/// To six digits that count: sums of several threads differ after that.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
