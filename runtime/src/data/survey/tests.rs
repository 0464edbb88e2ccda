//! Looks and surveys of small sets.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Lack, Limits, Look, Options, lacking};
use crate::compiler::{Checked, check_text};
use crate::data::config::{DataConfig, OneOrMany, SourceConfig};
use crate::data::tests::{png, wav};
use crate::data::{Collection, DataError};

/// A picture, a sound, a class, and ways to learn from them.
const SPEC: &str = "model m {
  modality photo = image(size: 6, channels: 1)
  modality sound = wave(rate: 8000, seconds: 0.02)
  tokens photo = photo |> patches(3, 3) |> linear(4)
  tokens sound = sound |> patches(40) |> linear(4)
  tokens a = photo |> pool(mean)
  tokens b = sound |> pool(mean)
  target label = class(4)
  output a_vector = a
  output b_vector = b
  output seen  = photo |> pool(mean) |> linear(4)
  output heard = sound |> pool(mean) |> linear(4)
  objective both    = mean(cross_entropy(seen, label), cross_entropy(heard, label))
  objective compare = nce(a_vector, b_vector, temperature: 0.1)
  objective all     = 1 * nce(a_vector, b_vector, temperature: 0.1) + 0.5 * cross_entropy(seen, label)
}";

fn checked() -> Checked {
    let outcome = check_text(SPEC, &crate::compiler::Options::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics))
}

/// A shard with these members; a name's extension says what is in it, and text may follow.
fn shard(folder: &Path, members: &[(String, String)]) -> Collection {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in members {
        let bytes = match name.rsplit('.').next() {
            _ if !text.is_empty() => text.clone().into_bytes(),
            Some("png") => png(6, 100),
            Some("wav") => wav(8000, &[vec![0.5; 160]]),
            _ => text.clone().into_bytes(),
        };
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    fs::write(folder.join("a.tar"), builder.into_inner().unwrap()).unwrap();
    let shards = Some(OneOrMany::One("a.tar".to_owned()));
    let sources = vec![SourceConfig { shards, ..SourceConfig::default() }];
    let config = DataConfig { sources, ..DataConfig::default() };
    Collection::open(&config, folder, &checked().model, &AtomicBool::new(false)).unwrap()
}

fn members(names: &[&str]) -> Vec<(String, String)> {
    let split = |name: &&str| {
        let (name, text) = name.split_once(' ').unwrap_or((name, ""));
        (name.to_owned(), text.to_owned())
    };
    names.iter().map(split).collect()
}

fn look(collection: &Collection) -> Result<Look, DataError> {
    collection.look(&Limits::default(), &AtomicBool::new(false))
}

#[test]
fn what_no_sample_has_is_told_term_by_term() {
    let folder = tempfile::tempdir().unwrap();
    let checked = checked();
    let check = |objective: &str, names: &[&str], wanted: &[(bool, &str)]| {
        let collection = shard(folder.path(), &members(names));
        let look = look(&collection).unwrap();
        let objective = checked.model.objectives.iter().find(|one| one.name == objective).unwrap();
        let found = lacking(&checked.model, &checked.flow, objective, &look);
        let said = |lack: &Lack| {
            let help = lack.help.as_deref().unwrap_or("");
            (lack.is_fatal, format!("{} | {help}", lack.message))
        };
        let found: Vec<(bool, String)> = found.iter().map(said).collect();
        assert_eq!(found.len(), wanted.len(), "{names:?}: {found:?}");
        for ((is_fatal, text), (wanted, word)) in found.iter().zip(wanted) {
            assert!(is_fatal == wanted && text.contains(word), "{names:?}: {text}");
        }
    };
    let json = "a.json {\"label\":1}";
    check("both", &["a.png", "a.wav", "a.cls 1"], &[]);
    check("both", &["a.png", "a.wav", json], &[]);
    check("both", &["a.png", "b.wav", "b.cls 1", "a.cls 1"], &[]);
    check(
        "both",
        &["a.png", "a.cls 1"],
        &[(false, "the modality `sound`: `cross_entropy(heard, label)`")],
    );
    check(
        "both",
        &["a.png", "b.wav", "b.cls 1"],
        &[(false, "wants photo and label in one sample")],
    );
    check("both", &["a.png", "a.wav", "a.txt 1"], &[(true, "a value of `label`")]);
    check(
        "both",
        &["a.png", "a.wav", "a.json {\"class\":1}"],
        &[(true, "if the key `class` is meant")],
    );
    check("both", &["a.png", "a.wav", "a.json {\"label\":null}"], &[(true, "a value of `label`")]);
    check("compare", &["a.png", "a.cls 1"], &[(true, "the modality `sound`")]);
    check(
        "compare",
        &["a.png", "b.wav"],
        &[(true, "`nce(a_vector, b_vector)` wants photo and sound in one sample")],
    );
    check("all", &["a.png", "a.cls 1"], &[(false, "`nce(a_vector, b_vector)` counts nowhere")]);
    check("all", &["a.wav", "a.cls 1"], &[(true, "the modality `photo`")]);
}

#[test]
fn labels_are_looked_for_until_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for at in 0..600 {
        all.push((format!("{at:04}.wav"), String::new()));
        let text = if at == 599 { "{\"label\": 2}" } else { "{\"other\": 2}" };
        all.push((format!("{at:04}.json"), text.to_owned()));
    }
    let collection = shard(folder.path(), &all);
    let limits = Limits { samples: 4, labels: 300, time: Duration::from_secs(2) };
    let look = collection.look(&limits, &AtomicBool::new(false)).unwrap();
    let label = look.count("label");
    assert!(label.least == 1, "{label:?}");
    assert_eq!(look.sources[0].keys, [("other".to_owned(), 5)]);
    assert_eq!((look.count("sound").least, look.count("photo").most), (600, 0));
}

#[test]
fn broken_beginnings_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let collection =
        shard(folder.path(), &members(&["a.png no", "a.cls 1", "b.png no", "b.cls 1"]));
    let error = look(&collection).unwrap_err().to_string();
    assert!(error.contains("the first 2 of") && error.contains("a.tar: a: png: "), "{error}");
    let stopped = collection.look(&Limits::default(), &AtomicBool::new(true)).unwrap();
    assert!(stopped.sources.is_empty(), "nothing was looked at");
}

#[test]
fn surveys_read_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for at in 0..40 {
        all.push((
            format!("{at:02}.wav"),
            if at % 10 == 3 { format!("no sound {at}") } else { String::new() },
        ));
        if at % 2 == 0 {
            all.push((format!("{at:02}.png"), String::new()));
        }
        all.push((format!("{at:02}.cls"), (at % 4).to_string()));
    }
    let collection = shard(folder.path(), &all);
    let survey = |samples: Option<u64>, seed: u64, threads: usize| {
        let options = Options { samples, shown: 5, seed, threads };
        collection.survey(&options, &AtomicBool::new(false)).unwrap()
    };
    let whole = survey(None, 0, 2);
    assert_eq!((whole.of, whole.read, whole.broken), (40, 40, 4));
    assert_eq!(whole.together, [(vec![true, true], 20), (vec![false, true], 16)]);
    let names: Vec<&str> =
        whole.reasons[0].names.iter().map(|name| name.rsplit(' ').next().unwrap()).collect();
    assert_eq!((whole.reasons.len(), names), (1, vec!["03", "13", "23"]));
    let sound = &whole.tallies[1];
    assert_eq!(sound.files.lengths(), Some([0.02; 3]));
    assert!(sound.fed.is_some_and(|fed| (fed.mean - 0.5).abs() < 1e-3 && fed.deviation < 1e-3));
    assert_eq!(whole.tallies[0].files.sizes.keys().collect::<Vec<_>>(), [&[6, 6]]);
    let keys = |seed: u64, threads: usize| -> Vec<String> {
        survey(Some(10), seed, threads).shown.iter().map(|shown| shown.key.clone()).collect()
    };
    assert_eq!(keys(1, 1), keys(1, 4));
    assert_ne!(keys(1, 1), keys(2, 1));
    assert_eq!(keys(1, 1).len(), 5);
}
