//! Tables, JSON and pictures of scores that are made up.

use serde_json::json;
use zorro_runtime::train::{
    Condition, Counts, Evaluation, Metric, Probe, ProbeScores, ProbeTable, Retrieval, Score,
    Scores, TargetScores, TermLoss,
};

use crate::evaluation;
use crate::picture;

fn condition(given: &[&str], zeroed: &[&str]) -> Condition {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let is_all = given.len() == 2;
    Condition { given: names(given), zeroed: names(zeroed), is_all }
}

fn conditions() -> Vec<Condition> {
    vec![
        condition(&["video", "audio"], &[]),
        condition(&["video"], &[]),
        condition(&["audio"], &["video"]),
    ]
}

fn counts(samples: u64) -> Counts {
    Counts { samples, classes: None }
}

fn score(value: f64) -> Option<Score> {
    Some(Score { value, top5: Some(1.0), counts: counts(8) })
}

fn term(term: &str, loss: Option<f64>, samples: u64, group: Option<usize>) -> TermLoss {
    TermLoss { term: term.to_owned(), loss, samples, group }
}

fn made_up(classes: usize) -> Evaluation {
    let scores = Scores {
        counts: vec![counts(8); 3],
        outputs: vec![
            ("video_logits".to_owned(), vec![score(0.5), score(0.5), None]),
            ("mean".to_owned(), vec![score(1.0), score(0.25), score(0.125)]),
        ],
    };
    let target = TargetScores {
        target: "label".to_owned(),
        classes,
        metric: Metric::Accuracy,
        complete: scores.clone(),
        scores,
    };
    let retrieval = |condition: usize, by: Option<&str>| Retrieval {
        from: "video_z".to_owned(),
        to: "audio_z".to_owned(),
        by: by.map(str::to_owned),
        condition,
        queries: 8,
        answers: 9,
        recall: [0.125, 0.5, 1.0],
    };
    Evaluation {
        objective: "all".to_owned(),
        samples: 8,
        loss: Some(1.5),
        loss_samples: 8,
        terms: vec![term("mse(a, b)", Some(1.5), 8, None)],
        conditions: conditions(),
        targets: vec![target],
        retrieval: vec![retrieval(0, Some("label")), retrieval(2, None)],
    }
}

fn probes() -> ProbeScores {
    let probe = |converged: bool| {
        let train = Score { value: 0.75, top5: Some(1.0), counts: counts(20) };
        Some(Probe { train, eval: score(0.5), converged })
    };
    let table = ProbeTable {
        counts: vec![[counts(20), counts(8)]; 3],
        outputs: vec![
            ("video_z".to_owned(), vec![probe(true), probe(false), None]),
            ("mean".to_owned(), vec![probe(true), probe(false), None]),
        ],
    };
    ProbeScores {
        target: "label".to_owned(),
        classes: 5,
        metric: Metric::Accuracy,
        decay: 0.001,
        samples: [20, 8],
        conditions: conditions(),
        complete: table.clone(),
        table,
    }
}

/// Samples of which some lack a modality, and classes that do not exclude each other.
fn uneven() -> Evaluation {
    let counts = |samples: u64, classes: u64| Counts { samples, classes: Some(classes) };
    let score = |value: f64, samples: u64, classes: u64| {
        Some(Score { value, top5: None, counts: counts(samples, classes) })
    };
    let scores = Scores {
        counts: vec![counts(60, 9), counts(51, 9), counts(28, 7)],
        outputs: vec![
            ("video_logits".to_owned(), vec![score(0.5, 51, 9), score(0.5, 51, 9), None]),
            ("audio_logits".to_owned(), vec![score(0.5, 28, 7), None, score(0.5, 28, 7)]),
        ],
    };
    let complete = Scores {
        counts: vec![counts(19, 6); 3],
        outputs: vec![
            ("video_logits".to_owned(), vec![score(1.0, 19, 6), score(1.0, 19, 6), None]),
            ("audio_logits".to_owned(), vec![score(0.25, 19, 6), None, score(0.25, 19, 6)]),
        ],
    };
    let metric = Metric::MeanAveragePrecision;
    let (target, classes) = ("tags".to_owned(), 10);
    Evaluation {
        samples: 64,
        loss: Some(2.0),
        loss_samples: 60,
        terms: vec![
            term("nce(video_z, audio_z)", Some(2.5), 18, Some(32)),
            term("sigmoid_cross_entropy(video_logits, tags)", Some(1.5), 51, None),
            term("mse(video_z, x)", None, 0, None),
        ],
        targets: vec![TargetScores { target, classes, metric, scores, complete }],
        retrieval: vec![],
        ..made_up(10)
    }
}

#[test]
fn numbers_say_of_how_many_samples_they_are() {
    let expected = "\
mAP of tags, %                  all  video alone  audio, video zeroed
samples                          60           51                   28
classes that occur                9            9                    7
video_logits             50.0 of 51         50.0                    -
audio_logits        50.0 of 28 in 7            -                 50.0

mAP of tags on samples with all modalities, %    all  video alone  audio, video zeroed
samples                                           19           19                   19
classes that occur                                 6            6                    6
video_logits                                   100.0        100.0                    -
audio_logits                                    25.0            -                 25.0
loss 2.0000 on 60 of 64 samples, nce in groups of 32
  nce(video_z, audio_z)                      2.5000  on 18
  sigmoid_cross_entropy(video_logits, tags)  1.5000  on 51
  mse(video_z, x)                                 -   on 0
";
    assert_eq!(evaluation::text(&uneven()), expected);
    let found = evaluation::json(&uneven());
    let row = json!({
        "output": "audio_logits", "given": ["video", "audio"], "zeroed": [],
        "score": 0.5, "top5": null, "samples": 28, "classes": 7,
        "complete": { "score": 0.25, "top5": null, "samples": 19, "classes": 6 }
    });
    assert_eq!(found["targets"][0]["scores"][3], row);
    let row = json!({
        "given": ["video"], "zeroed": [], "samples": 51, "classes": 9,
        "complete": { "samples": 19, "classes": 6 }
    });
    assert_eq!(found["targets"][0]["counts"][1], row);
    let row = json!({ "term": "mse(video_z, x)", "loss": null, "samples": 0, "group": null });
    assert_eq!((&found["terms"][2], &found["loss_samples"]), (&row, &json!(60)));
    // A loss that no sample has is no number.
    let none = Evaluation { loss: None, loss_samples: 0, targets: vec![], ..made_up(6) };
    let text = evaluation::text(&Evaluation { retrieval: vec![], ..none.clone() });
    assert_eq!(text, "loss - on 0 of 8 samples\n");
    assert!(evaluation::json(&none)["loss"].is_null());
}

#[test]
fn tables() {
    let expected = "\
accuracy of label, %    all  video alone  audio, video zeroed
samples                   8            8                    8
video_logits           50.0         50.0                    -
mean of all outputs   100.0         25.0                 12.5

recall by label, %  queries  among  at 1  at 5  at 10
video_z to audio_z        8      9  12.5  50.0  100.0

recall by pair, audio, video zeroed, %  queries  among  at 1  at 5  at 10
video_z to audio_z                            8      9  12.5  50.0  100.0
loss 1.5000 on 8 samples
";
    assert_eq!(evaluation::text(&made_up(6)), expected);
    let expected = "
label in top 5, %      all  video alone  audio, video zeroed
samples                  8            8                    8
video_logits         100.0        100.0                    -
mean of all outputs  100.0        100.0                100.0
";
    assert_eq!(evaluation::top5_text(&made_up(6)), expected);
    assert_eq!(evaluation::top5_text(&made_up(5)), "");
    let expected = "\
accuracy of label by probes, %          all  video alone  audio, video zeroed
samples                              8 (20)       8 (20)               8 (20)
video_z                         50.0 (75.0)  50.0 (75.0)                    -
mean of all outputs             50.0 (75.0)  50.0 (75.0)                    -
on 8 samples (in brackets: on the 20 that were fitted); decay 0.001
not converged: video_z (video alone); a larger decay helps
";
    assert_eq!(evaluation::probe_text(&probes()), expected);
}

#[test]
fn documents() {
    let found = evaluation::json(&made_up(6));
    assert_eq!(found["objective"], "all");
    let scores = &found["targets"][0]["scores"];
    let row = json!({
        "output": "mean", "given": ["audio"], "zeroed": ["video"], "score": 0.125, "top5": 1.0,
        "samples": 8, "classes": null,
        "complete": { "score": 0.125, "top5": 1.0, "samples": 8, "classes": null }
    });
    assert_eq!(scores.as_array().map(Vec::len), Some(6));
    assert_eq!(scores[5], row);
    assert!(scores[2]["score"].is_null() && scores[2]["top5"].is_null());
    let row = json!({
        "from": "video_z", "to": "audio_z", "by": null, "given": ["audio"], "zeroed": ["video"],
        "queries": 8, "among": 9, "recall": { "1": 0.125, "5": 0.5, "10": 1.0 }
    });
    assert_eq!(found["retrieval"][1], row);
    let found = evaluation::probe_json(&probes());
    let probe = json!({
        "train": 0.75, "train_top5": 1.0, "train_samples": 20, "train_classes": null,
        "score": 0.5, "top5": 1.0, "samples": 8, "classes": null, "converged": false
    });
    let mut row = probe.clone();
    row["output"] = json!("video_z");
    row["given"] = json!(["video"]);
    row["zeroed"] = json!([]);
    row["complete"] = probe;
    assert_eq!(found["scores"][1], row);
    assert_eq!(found["samples"], json!({ "train": 20, "eval": 8 }));
}

#[test]
fn bars_have_the_height_of_their_scores() {
    let charts = evaluation::bars(&made_up(6), Some(&probes()));
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    let expected = [
        "accuracy of label",
        "recall by label, all",
        "recall by pair, audio, video zeroed",
        "accuracy of label by probes",
    ];
    assert_eq!(titles, expected);
    let svg = picture::bars_svg("a < b", &charts);
    assert!(svg.starts_with("<svg ") && svg.contains("a &lt; b"));
    // Five scores, twice three parts, four probes; each a bar, and one for every name of a bar.
    let bars = svg.matches("<rect x=").count();
    assert_eq!(bars, (5 + 2) + 2 * (3 + 1) + (4 + 2), "{svg}");
    // A bar of 12.5 percent of 180.
    assert!(svg.contains("height=\"22.5\"") && svg.contains("video alone"));
    let png = picture::bars_png("a < b", &charts).expect("it is small");
    assert!(png.starts_with(&[0x89, b'P', b'N', b'G']));
    assert!(
        evaluation::bars(&Evaluation { targets: vec![], retrieval: vec![], ..made_up(6) }, None)
            .is_empty()
    );
}
