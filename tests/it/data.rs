//! `zorro data`, and what a run looks at before it begins, from outside.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cli::{Run, zorro};
use super::guide::{png, wav};

/// Sound and picture, by themselves and compared.
const SPEC: &str = "model m {
  modality image = image(size: 8)
  modality sound = wave(rate: 8000, seconds: 0.25)
  modality spare = tensor([1, 2])
  tokens image = image |> patches(4, 4) |> linear(8)
  tokens sound = sound |> patches(200) |> linear(8)
  tokens spare = spare |> linear(8)
  target label = class(3)
  target value = tensor([1, 2])
  output seen    = image |> pool(mean) |> linear(3)
  output heard   = sound |> pool(mean) |> linear(3)
  output guessed = sound |> pool(mean) |> linear(2)
  tokens a = image |> pool(mean) |> linear(4)
  tokens b = sound |> pool(mean) |> linear(4)
  output from_spare = spare |> pool(mean) |> linear(3)
  output a_vector = a
  output b_vector = b
  objective both     = mean(cross_entropy(seen, label), cross_entropy(heard, label))
  objective compared = nce(a_vector, b_vector, temperature: 0.1)
  objective rest     = mean(cross_entropy(heard, label), mse(guessed, value))
}";

/// Writes a table with these lines, and a run of it for an objective.
fn made(folder: &Path, objective: &str, lines: &str, more: &str) {
    fs::write(folder.join("m.zorro"), SPEC).expect("it is written");
    for at in 0..4 {
        fs::write(folder.join(format!("{at}.wav")), wav(at)).expect("it is written");
        fs::write(folder.join(format!("{at}.png")), png(at)).expect("it is written");
    }
    fs::write(folder.join("set.csv"), lines).expect("it is written");
    let run = format!(
        "spec: m.zorro\nobjective: {objective}\ndata:\n  train: {{ sources: [ {{ table: set.csv }} ] }}\n{more}\
         batch: 2\nsteps: 2\nrate: {{ peak: 1e-3 }}\ndevice: cpu\n"
    );
    fs::write(folder.join("run.yaml"), run).expect("it is written");
}

fn data(folder: &Path, args: &[&str]) -> Run {
    zorro(folder, &[&["data", "run.yaml"], args].concat(), "")
}

/// Both `train` and `data` refuse this, with these words.
#[track_caller]
fn refused(objective: &str, lines: &str, more: &str, words: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    made(folder.path(), objective, lines, more);
    let train = zorro(folder.path(), &["train", "run.yaml"], "");
    let data = data(folder.path(), &[]);
    for run in [&train, &data] {
        assert_eq!(run.code, 1, "{}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "no `{word}` in: {}", run.stderr);
        }
    }
    assert!(!folder.path().join("run/log.jsonl").exists(), "nothing was trained");
}

#[test]
fn a_run_on_nothing_does_not_begin() {
    let found = "image,sound,Category\n0.png,0.wav,0\n1.png,1.wav,1\n";
    refused(
        "both",
        found,
        "",
        &["no sample has a value of `label`", "`Category`", "roles: { Category: label }"],
    );
    let pathless = "file_path,label\n0.png,0\n1.png,1\n";
    refused("both", pathless, "", &["nothing that the model is fed", "`file_path`", "roles:"]);
    let typo = "image,sound,labell\n0.png,0.wav,0\n";
    refused("both", typo, "", &["roles: { labell: label }"]);
    let alone = "image,label\n0.png,0\n1.png,1\n";
    refused("compared", alone, "", &["no sample has the modality `sound`"]);
    let never_both = "image,sound,label\n0.png,,0\n,1.wav,1\n";
    refused("compared", never_both, "", &["no sample has all", "image and sound in one sample"]);
    let eval = "  eval: { sources: [ { table: other.csv } ] }\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    made(folder.path(), "both", "image,label\n0.png,0\n1.png,1\n", eval);
    fs::write(folder.path().join("other.csv"), "image,klass\n0.png,0\n").expect("it is written");
    let run = zorro(folder.path(), &["train", "run.yaml"], "");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("data.eval: 1 sample of other.csv"), "{}", run.stderr);
    assert!(run.stderr.contains("no sample has a value of `label`"), "{}", run.stderr);
}

#[test]
fn what_only_some_terms_lack_is_a_note() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    made(folder.path(), "rest", "sound,label\n0.wav,0\n1.wav,1\n", "");
    let run = zorro(folder.path(), &["train", "run.yaml"], "");
    assert_eq!(run.code, 0, "{}", run.stderr);
    for word in [
        "data.train: 2 samples of set.csv: image none, sound all, spare none, label all, value none",
        "note: data.train: no sample has a value of `value`: `mse(guessed, value)` counts nowhere",
        "no sample has the modality `image` or the modality `spare`, which `rest` does not need",
    ] {
        assert!(run.stderr.contains(word), "no `{word}` in: {}", run.stderr);
    }
}

#[test]
fn the_first_samples_are_decoded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines = "image,label\nm.zorro,0\nnone.png,1\n";
    made(folder.path(), "both", lines, "");
    fs::write(folder.path().join("none.png"), "no picture").expect("it is written");
    let lines = "image,label\nnone.png,0\nnone.png,1\n";
    fs::write(folder.path().join("set.csv"), lines).expect("it is written");
    let run = zorro(folder.path(), &["train", "run.yaml"], "");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("the first 2 of set.csv") && run.stderr.contains("image: "),
        "{}",
        run.stderr
    );
}

#[test]
fn a_set_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines = "key,image,sound,label,fold\na,0.png,0.wav,0,1\nb,1.png,1.wav,1,1\nc,2.png,,1,2\na,bad.png,3.wav,1,2\n";
    made(folder.path(), "both", lines, "  eval: { sources: [ { table: set.csv } ] }\n");
    fs::write(folder.path().join("bad.png"), "no picture").expect("it is written");
    let run = data(folder.path(), &["-o", "look"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for word in [
        "data.train: 4 samples of set.csv: image all, sound 3, spare none, label all, value none",
        "value: no value in 4 samples",
        "not used: fold",
        "label: one of 3 classes, read of 4 samples",
        "  0  1  ███████████\n  1  3  ████████████████████████████████\n",
        "never seen (1): 2",
        "always saying `1` is right in 75.0 %",
        "all 4 samples were read",
        "image + sound",
        "  files: 24 x 18 pixels",
        "  files: 8,000 Hz",
        "broken: 1 of 4 (25.0 %); `broken: 0.1` allows that",
        "keys of other samples: 1 sample, such as a",
        "in data.train, too: 4 samples, such as 0.png 0.wav",
        "loading: about",
    ] {
        assert!(run.stdout.contains(word), "no `{word}` in: {}", run.stdout);
    }
    let page = fs::read_to_string(folder.path().join("look/data.html")).expect("a page");
    assert!(page.contains("data:image/png;base64,") && page.contains("<svg"), "pictures and waves");
    assert!(!page.contains("<script") && !page.contains("http"), "nothing from elsewhere");
    assert!(page.contains("absent") && page.contains("broken: "));
    for set in ["train", "eval"] {
        let png = fs::read(folder.path().join(format!("look/{set}.png"))).expect("a sheet");
        assert!(png.starts_with(b"\x89PNG"));
    }
    let json = data(folder.path(), &["--set-of", "train", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let set = &json["sets"][0];
    assert!(set["sources"][0]["not_used"]["fold"].is_number(), "{set}");
    assert_eq!(set["targets"][0]["counts"], serde_json::json!([1, 3, 0]));
    assert_eq!(set["survey"]["broken"], 1);
    assert_eq!(
        set["survey"]["modalities"]["sound"]["files"]["rates"],
        serde_json::json!([[8000, 2]])
    );
    let again = data(folder.path(), &["--samples", "2", "--show", "1"]);
    let other = data(folder.path(), &["--samples", "2", "--show", "1"]);
    let until = |run: &Run| run.stdout.split("loading:").next().map(str::to_owned);
    assert_eq!(until(&again), until(&other), "the same samples again");
    assert!(again.stdout.contains("of 4 samples 2 were read, spread over all"), "{}", again.stdout);
    let page = data(folder.path(), &["--format", "html"]);
    assert!(page.stdout.starts_with("<!DOCTYPE html>"));
}
