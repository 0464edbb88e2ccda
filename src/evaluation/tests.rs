//! Tables, JSON and pictures of scores that are made up.

use serde_json::json;
use zorro_runtime::train::{
    Condition, Evaluation, Metric, Probe, ProbeScores, Retrieval, Score, TargetScores,
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

fn score(value: f64) -> Option<Score> {
    Some(Score { value, top5: Some(1.0) })
}

fn made_up(classes: usize) -> Evaluation {
    let target = TargetScores {
        target: "label".to_owned(),
        classes,
        metric: Metric::Accuracy,
        outputs: vec![
            ("video_logits".to_owned(), vec![score(0.5), score(0.5), None]),
            ("mean".to_owned(), vec![score(1.0), score(0.25), score(0.125)]),
        ],
    };
    let retrieval = |condition: usize, by: Option<&str>| Retrieval {
        from: "video_z".to_owned(),
        to: "audio_z".to_owned(),
        by: by.map(str::to_owned),
        condition,
        queries: 8,
        recall: [0.125, 0.5, 1.0],
    };
    Evaluation {
        objective: "all".to_owned(),
        samples: 8,
        loss: 1.5,
        conditions: conditions(),
        targets: vec![target],
        retrieval: vec![retrieval(0, Some("label")), retrieval(2, None)],
    }
}

fn probes() -> ProbeScores {
    let probe = |converged: bool| {
        let train = Score { value: 0.75, top5: Some(1.0) };
        Some(Probe { train, eval: score(0.5), converged })
    };
    ProbeScores {
        target: "label".to_owned(),
        classes: 5,
        metric: Metric::Accuracy,
        decay: 0.001,
        samples: [20, 8],
        conditions: conditions(),
        outputs: vec![
            ("video_z".to_owned(), vec![probe(true), probe(false), None]),
            ("mean".to_owned(), vec![probe(true), probe(false), None]),
        ],
    }
}

#[test]
fn tables() {
    let expected = "\
accuracy of label, %    all  video alone  audio, video zeroed
video_logits           50.0         50.0                    -
mean of all outputs   100.0         25.0                 12.5

recall by label, %  at 1  at 5  at 10
video_z to audio_z  12.5  50.0  100.0

recall by pair, audio, video zeroed, %  at 1  at 5  at 10
video_z to audio_z                      12.5  50.0  100.0
loss 1.5000 on 8 samples
";
    assert_eq!(evaluation::text(&made_up(6)), expected);
    let expected = "
label in top 5, %      all  video alone  audio, video zeroed
video_logits         100.0        100.0                    -
mean of all outputs  100.0        100.0                100.0
";
    assert_eq!(evaluation::top5_text(&made_up(6)), expected);
    assert_eq!(evaluation::top5_text(&made_up(5)), "");
    let expected = "\
accuracy of label by probes, %          all  video alone  audio, video zeroed
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
        "output": "mean", "given": ["audio"], "zeroed": ["video"], "score": 0.125, "top5": 1.0
    });
    assert_eq!(scores.as_array().map(Vec::len), Some(6));
    assert_eq!(scores[5], row);
    assert!(scores[2]["score"].is_null() && scores[2]["top5"].is_null());
    let row = json!({
        "from": "video_z", "to": "audio_z", "by": null, "given": ["audio"], "zeroed": ["video"],
        "queries": 8, "recall": { "1": 0.125, "5": 0.5, "10": 1.0 }
    });
    assert_eq!(found["retrieval"][1], row);
    let found = evaluation::probe_json(&probes());
    let row = json!({
        "output": "video_z", "given": ["video"], "zeroed": [], "train": 0.75, "train_top5": 1.0,
        "score": 0.5, "top5": 1.0, "converged": false
    });
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
