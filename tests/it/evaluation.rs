//! What `zorro train` and `zorro eval` say of evaluations, from outside: losses are means over the samples that have them, and
//! what no sample has is no number.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cli::zorro;

/// The logits stand in the data.
const SPEC: &str = "\
model one {
  modality scores = tensor([1, 4])
  modality other = tensor([1, 4])
  tokens s = scores + learned([4])
  tokens o = other + learned([4])
  target label = class(4)
  output logits = s
  output other_logits = o
  objective loss = cross_entropy(logits, label)
  objective pairs = nce(logits, other_logits, temperature: 0.5)
}
";

const RUN: &str = "\
spec: one.zorro
objective: loss
data:
  train: { sources: [ { table: uneven.csv } ], broken: 0 }
  eval: { sources: [ { table: uneven.csv } ], broken: 0 }
batch: 6
steps: 1
rate: { peak: 1e-9 }
device: cpu
log: { every: 1, tensorboard: false }
";

/// A sample whose logits are wrong, seven without a label, eight whose logits say nothing.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flat = "0 0 0 0,1 0 0 0";
    let rows = |label: &str, n: usize| format!("{flat},{label}\n").repeat(n);
    let table = format!("scores,other,label\n9 0 0 0,1 0 0 0,1\n{}{}", rows("", 7), rows("1", 8));
    write(folder.path(), "uneven.csv", &table);
    write(folder.path(), "nameless.csv", &format!("scores,other,label\n{}", rows("", 5)));
    write(folder.path(), "one.zorro", SPEC);
    write(folder.path(), "run.yaml", RUN);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("it is written");
}

#[track_caller]
fn works(folder: &Path, line: &str) -> String {
    let run = zorro(folder, &line.split(' ').collect::<Vec<_>>(), "");
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.stdout
}

#[test]
fn the_batch_does_not_matter() {
    let folder = folder();
    let folder = folder.path();
    // ln(e^9 + 3) for one, ln 4 for eight.
    let told = "loss 2.2323 on 9 of 16 samples\n";
    let trained = works(folder, "train run.yaml --folder far/away/run");
    assert!(trained.contains(told), "{trained}");
    for batch in [1, 2, 5, 7, 16, 64] {
        let text = works(folder, &format!("eval far/away/run --base . --batch {batch}"));
        assert!(text.contains(told), "{batch}: {text}");
    }
    let text = works(folder, "eval far/away/run --base . --objective pairs --format json");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let term = &json["evaluation"]["terms"][0];
    // Groups of a batch of training, by default; the last one has four samples.
    assert_eq!((&term["group"], &term["samples"]), (&6.into(), &16.into()), "{term}");
    let text = works(folder, "eval far/away/run --base . --objective pairs --group 5 --batch 3");
    // The last of sixteen is alone.
    assert!(text.contains(" on 15 of 16 samples, nce in groups of 5\n"), "{text}");
    let run = zorro(folder, &["eval", "far/away/run", "--base", "far"], "");
    assert!(
        run.code == 1 && run.stderr.contains("start from `far`; `--base DIR`"),
        "{}",
        run.stderr
    );
    let run = zorro(folder, &["eval", "run.yaml", "--group", "1"], "");
    assert!(run.code == 2 && run.stderr.contains("--group"), "{}", run.stderr);
}

#[test]
fn what_no_sample_has_is_no_number() {
    let folder = folder();
    let folder = folder.path();
    write(
        folder,
        "run.yaml",
        &RUN.replace(
            "  eval: { sources: [ { table: uneven.csv",
            "  eval: { sources: [ { table: nameless.csv",
        ),
    );
    let run = zorro(folder, &["train", "run.yaml"], "");
    if run.code != 0 {
        // It may be refused before anything is done; then it is told why.
        assert!(run.stderr.contains("label"), "{}", run.stderr);
        return;
    }
    assert!(run.stdout.contains("loss - on 0 of 5 samples\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("best") && run.stderr.contains("evaluation loss -"));
    let log = fs::read_to_string(folder.join("run/log.jsonl")).expect("a log");
    assert!(!log.contains("eval/loss"), "{log}");
    let manifest = folder.join("run/checkpoints/step-000000001/manifest.json");
    let manifest = fs::read_to_string(manifest).expect("a checkpoint");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert!(manifest["best"].is_null(), "nothing is never the best");
    let run = zorro(folder, &["eval", "run.yaml", "--format", "json"], "");
    let told = "none of 5 samples has what a term of `loss` reads and is held to: \
                `cross_entropy(logits, label, smoothing: 0)`";
    assert!(run.code == 1 && run.stderr.contains(told), "{}", run.stderr);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let found = &json["evaluation"];
    assert!(found["loss"].is_null() && found["loss_samples"] == 0, "{found}");
    let score = &found["targets"][0]["scores"][0];
    assert!(score["score"].is_null() && score["samples"] == 0, "{score}");
}
