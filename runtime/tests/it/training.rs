//! Runs: the same bits however often they are interrupted, and what a run does when something goes wrong.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zorro_runtime::checkpoint::{Checkpoint, Spec, find};
use zorro_runtime::data::DataError;
use zorro_runtime::names::{Outcome, Row};
use zorro_runtime::train::config::parse;
use zorro_runtime::train::{Event, Finished, LOG, Setup, TrainError, read_log, train};

const SPEC: &str = "model m {
  param width = 8
  modality photo = image(size: 8)
  modality sound = wave(rate: 1000, seconds: 0.064) |> logmel(bins: 4, window: 16, hop: 8) |> crop(4, 4)
  tokens photo = photo |> patches(4, 4) |> linear(width) |> position()
  tokens sound = sound |> patches(4, 2) |> linear(width) |> position()
  tokens both = latents(1, width)
  body: repeat 2 { apply vit(heads: 2, drop: 0.3) over { photo <- photo; sound <- sound; both <- * } }
  target label = class(10)
  output photo_logits = photo |> pool(mean) |> linear(10)
  output sound_logits = sound |> pool(mean) |> linear(10)
  output logits = both |> linear(10)
  output unused = both |> linear(3)
  objective loss = mean(cross_entropy(logits, label), cross_entropy(photo_logits, label), cross_entropy(sound_logits, label))
}";

const CONFIG: &str = "\
spec: m.zorro
data:
  train: { sources: [ { synthetic: { samples: 20, size: 8 } } ] }
  eval: { sources: [ { synthetic: { samples: 7, first: 1000, size: 8 } } ] }
batch: 4
steps: 9
rate: { peak: 0.01, warmup: 2 }
optimizer: { weight_decay: 0.1, clip: 1 }
mixup: 0.5
modality_dropout: { sound: 0.3 }
threads: 2
device: cpu
log: { every: 2 }
checkpoints: { every: 3, keep: 2 }
eval: { every: 4 }
";

fn setup(folder: &Path, config: &str, resume: bool) -> Setup {
    setup_of(SPEC, folder, config, resume)
}

fn setup_of(text: &str, folder: &Path, config: &str, resume: bool) -> Setup {
    let files = [("m.zorro".to_owned(), text.to_owned())].into();
    let text = config.to_owned();
    let config = parse("run.yaml", &text).expect("nothing is wrong");
    let spec = Spec {
        path: "m.zorro".to_owned(),
        files,
        set: config.set.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
    };
    let checked = spec.check().checked.expect("nothing is wrong");
    let folder = folder.to_owned();
    Setup {
        config,
        file: "run.yaml".to_owned(),
        text,
        base: folder.clone(),
        spec,
        checked,
        folder,
        resume,
    }
}

fn run(folder: &Path, config: &str, resume: bool) -> Result<(Finished, Vec<String>), TrainError> {
    run_until(folder, config, resume, u64::MAX)
}

/// Runs until after a step the flag says stop.
fn run_until(
    folder: &Path,
    config: &str,
    resume: bool,
    until: u64,
) -> Result<(Finished, Vec<String>), TrainError> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut notes = Vec::new();
    let mut watch = |event: &Event<'_>| {
        if let Event::Note(note) = event {
            notes.push(note.clone());
        }
        if let Event::Step(step) = event
            && step.step >= until
        {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let finished = train(&setup(folder, config, resume), &mut watch, &stop)?;
    Ok((finished, notes))
}

fn files(finished: &Finished) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(finished.checkpoint.join(name)).expect("it is there");
    (read("weights.safetensors"), read("optimizer.safetensors"))
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Interrupted once after this step; with a stop, with the last checkpoint lost, and with another number of threads.
#[track_caller]
fn check_resume(config: &str) {
    let whole = temporary();
    let (expected, _) = run(whole.path(), config, false).expect("it runs");
    assert_eq!((expected.step, expected.of), (9, 9));
    for until in [1, 3, 5, 8] {
        let folder = temporary();
        let (stopped, _) = run_until(folder.path(), config, false, until).expect("it runs");
        assert_eq!(stopped.step, until);
        let other = config.replace("threads: 2", "threads: 1");
        let (found, _) = run(folder.path(), &other, true).expect("it goes on");
        assert!(files(&found) == files(&expected), "stopped after step {until}");
    }
    // As after a kill in step 8: the last checkpoint is that of step 6, and half of another one is there.
    let folder = temporary();
    run_until(folder.path(), config, false, 8).expect("it runs");
    let checkpoints = folder.path().join("checkpoints");
    std::fs::rename(checkpoints.join("step-000000008"), checkpoints.join(".writing-x"))
        .expect("it is there");
    let (found, _) = run(folder.path(), config, true).expect("it goes on");
    assert!(files(&found) == files(&expected), "after a kill");
    assert!(!checkpoints.join(".writing-x").exists());
    let steps = |folder: &Path| -> Vec<u64> {
        let lines = read_log(&folder.join(LOG)).expect("a log");
        lines.iter().filter_map(|line| line["step"].as_u64()).collect()
    };
    assert_eq!(steps(folder.path()), steps(whole.path()), "no step is logged twice");
}

#[test]
fn resumed_runs_have_the_same_bits() {
    check_resume(CONFIG);
}

#[test]
fn so_have_runs_that_accumulate() {
    check_resume(&CONFIG.replace("batch: 4", "batch: 2\naccumulate: 3"));
}

#[test]
fn so_have_runs_with_momentum_and_frozen_parts() {
    let config =
        CONFIG.replace("weight_decay: 0.1", "kind: sgd, nesterov: true, weight_decay: 0.1");
    check_resume(&format!("{config}frozen: [body.0, '*bias']\n"));
}

#[test]
fn frozen_weights_stay_and_others_move() {
    let folder = temporary();
    let (finished, _) =
        run(folder.path(), &format!("{CONFIG}frozen: [body.0]\n"), false).expect("it runs");
    let start = temporary();
    // Told to stop before its first step.
    let stop = Arc::new(AtomicBool::new(false));
    let mut watch = |event: &Event<'_>| {
        if let Event::Begins(_) = event {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let before = train(&setup(start.path(), CONFIG, false), &mut watch, &stop).expect("it begins");
    let before = Checkpoint::read(&before.checkpoint).expect("it is whole");
    let after = Checkpoint::read(&finished.checkpoint).expect("it is whole");
    let mut moved = 0;
    for (name, weight) in after.weights.iter() {
        let same = before.weights.get(name).expect("the same model").data().to_f32()
            == weight.data().to_f32();
        if name.starts_with("body.0.") || name.starts_with("unused") {
            assert!(same, "{name}");
        } else {
            moved += u32::from(!same);
        }
    }
    assert!(moved > 5, "{moved}");
    assert!(after.optimizer.names().all(|name| !name.contains("body.0.")));
}

#[test]
fn accumulated_batches_are_one_step() {
    // Without what is random by sample: two batches of two are one of four, but for rounding.
    let plain = CONFIG
        .replace("mixup: 0.5\nmodality_dropout: { sound: 0.3 }\n", "")
        .replace("steps: 9", "steps: 2");
    let weights = |config: &str| {
        let folder = temporary();
        let (finished, _) = run(folder.path(), config, false).expect("it runs");
        Checkpoint::read(&finished.checkpoint).expect("it is whole").weights
    };
    let one = weights(&plain);
    let two = weights(&plain.replace("batch: 4", "batch: 2\naccumulate: 2"));
    for (name, weight) in one.iter() {
        let other = two.get(name).expect("the same model").data().to_f32();
        for (a, b) in weight.data().to_f32().iter().zip(other) {
            // Adam divides by the gradient's size: where that is all rounding, a step is anything up to the rate.
            assert!((a - b).abs() <= 0.02, "{name}: {a}, {b}");
        }
    }
}

#[test]
fn an_unreadable_checkpoint_falls_back() {
    let whole = temporary();
    let (expected, _) = run(whole.path(), CONFIG, false).expect("it runs");
    let folder = temporary();
    run_until(folder.path(), CONFIG, false, 8).expect("it runs");
    let path = folder.path().join("checkpoints/step-000000008/weights.safetensors");
    std::fs::write(&path, "rubbish").expect("it is written");
    let (found, notes) = run(folder.path(), CONFIG, true).expect("it goes on");
    assert!(
        notes.iter().any(|note| note.contains("step-000000008") && note.contains("damaged")),
        "{notes:?}"
    );
    assert!(files(&found) == files(&expected));
}

#[test]
fn numbers_that_are_none_stop_a_run() {
    let folder = temporary();
    let wild = CONFIG
        .replace("peak: 0.01, warmup: 2", "peak: 1e30, schedule: constant")
        .replace("weight_decay: 0.1, clip: 1", "kind: sgd");
    let wild = wild.replace("every: 3, keep: 2", "every: 1, keep: 2");
    let error = run(folder.path(), &wild, false).expect_err("it runs away");
    assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
    let told = error.to_string();
    assert!(told.contains("in step") && told.contains("rate.peak"), "{told}");
    for line in std::fs::read_dir(folder.path().join("checkpoints")).expect("it is there") {
        let path = line.expect("it is listed").path();
        let checkpoint = Checkpoint::read(&path).expect("it is whole");
        let finite = |numbers: Vec<f32>| numbers.iter().all(|number| number.is_finite());
        assert!(checkpoint.weights.iter().all(|(_, weight)| finite(weight.data().to_f32())));
    }
}

#[test]
fn folders_are_not_mixed_up() {
    let folder = temporary();
    assert!(matches!(run(folder.path(), CONFIG, true), Err(TrainError::NothingToResume(_))));
    run_until(folder.path(), CONFIG, false, 2).expect("it runs");
    let again = run(folder.path(), CONFIG, false);
    assert!(matches!(again, Err(TrainError::Begun { step: 2, .. })));
}

#[test]
fn weights_from_another_run_are_reported() {
    let first = temporary();
    run_until(first.path(), CONFIG, false, 2).expect("it runs");
    let second = temporary();
    let from = first.path().display();
    let config = format!("{CONFIG}set: {{ width: 16 }}\ninit: {{ from: '{from}' }}\n");
    let mut seen = None;
    let stop = Arc::new(AtomicBool::new(false));
    let mut watch = |event: &Event<'_>| {
        if let Event::Loaded(loaded) = event {
            seen = Some((*loaded).clone());
        }
        if let Event::Begins(_) = event {
            stop.store(true, Ordering::Relaxed);
        }
    };
    train(&setup(second.path(), &config, false), &mut watch, &stop).expect("it begins");
    let seen = seen.expect("weights were loaded");
    // What is as wide as the classes alone is as in the other model.
    assert!(seen.report.taken().any(|row| row.name.contains("logits")), "{seen:?}");
    let other = |row: &&Row| matches!(row.outcome, Outcome::OtherSize(_));
    let (fresh, others) = (seen.report.fresh().count(), seen.report.fresh().filter(other).count());
    assert!(others > 10 && others == fresh, "{seen:?}");
    // What is of another shape is not used, and told.
    assert!(seen.report.warnings()[0].starts_with("nothing uses `"), "{seen:?}");
    assert_eq!(find(second.path()).expect("a checkpoint").checkpoint.manifest.step, 0);
}

#[test]
fn what_the_model_does_not_have_is_told_with_its_place() {
    let check = |added: &str, words: &str| {
        let folder = temporary();
        let config = format!("{CONFIG}{added}\n");
        let error = run(folder.path(), &config, false).expect_err("it is wrong").to_string();
        assert!(error.starts_with("run.yaml:1") && error.contains(words), "{error}");
    };
    check("objective: los", "did you mean `loss`?");
    check("frozen: [bdoy]", "no weight of the model is named like `bdoy`");
    check("recompute: [bdoy.0]", "did you mean `body.0`?");
    check("precision: mixed", "needs a GPU");
    let folder = temporary();
    let config = CONFIG.replace("sound: 0.3", "sonud: 0.3");
    let error = run(folder.path(), &config, false).expect_err("it is wrong").to_string();
    assert!(error.contains("did you mean `sound`?"), "{error}");
}

/// Runs to the end, with the loss of every step.
fn losses(
    spec: &str,
    folder: &Path,
    config: &str,
) -> (Result<Finished, TrainError>, Vec<Option<f64>>) {
    let (stop, mut losses) = (Arc::new(AtomicBool::new(false)), Vec::new());
    let mut watch = |event: &Event<'_>| {
        if let Event::Step(step) = event {
            losses.push(step.loss);
        }
    };
    let finished = train(&setup_of(spec, folder, config, false), &mut watch, &stop);
    (finished, losses)
}

#[test]
fn a_loss_of_nothing_is_none() {
    let (head, _) = SPEC.split_once("objective loss").expect("it has one");
    let alone = format!("{head}objective loss = cross_entropy(photo_logits, label)\n}}");
    let config = |rate: &str| {
        let config =
            CONFIG.replace("sound: 0.3", &format!("photo: {rate}")).replace("every: 2", "every: 1");
        config.replace("batch: 4", "batch: 1").replace("mixup: 0.5\n", "")
    };
    let folder = temporary();
    let (finished, found) = losses(&alone, folder.path(), &config("0.7"));
    finished.expect("some steps have a loss");
    let none = found.iter().filter(|loss| loss.is_none()).count();
    assert!(none > 0 && none < 9, "{found:?}");
    let lines = read_log(&folder.path().join(LOG)).expect("a log");
    let logged = lines.iter().filter(|line| line["rate"].is_number());
    let logged: Vec<Option<f64>> = logged.map(|line| line["loss"].as_f64()).collect();
    assert_eq!(logged, found);
    // Whatever a sample has, it keeps the sound, and the photo goes.
    let folder = temporary();
    let (finished, found) = losses(&alone, folder.path(), &config("1"));
    let told = finished.expect_err("nothing is learned").to_string();
    assert!(
        told.starts_with("9 steps in a row had nothing to learn from")
            && told.contains("of 9 samples, 0 have `photo`, 9 have `sound`, 9 have `label`"),
        "{told}"
    );
    assert_eq!(found, [None; 8], "the last one is the error");
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let pair = "modality a = image(size: 8)
  modality b = wave(rate: 1000, seconds: 0.064) |> logmel(bins: 4, window: 16, hop: 8) |> crop(4, 4)
  target label = class(10)
  output u = a |> patches(8, 8) |> linear(2)
  output v = b |> patches(4, 4) |> linear(2)
  output w = a |> patches(8, 8) |> linear(10)";
    let nce = format!("model m {{\n  {pair}\n  objective loss = nce(u, v, temperature: 0.1)\n}}");
    let both = nce.replace("0.1)", "0.1) + cross_entropy(w, label)");
    let base = CONFIG.replace("{ sound: 0.3 }", "{ a: 0.3 }").replace("mixup: 0.5\n", "");
    let refused = |spec: &str, config: &str, words: &str| {
        let (finished, _) = losses(spec, temporary().path(), config);
        let told = finished.expect_err("it is refused").to_string();
        assert!(told.starts_with("run.yaml:") && told.contains(words), "{told}");
    };
    refused(&nce, &base.replace("batch: 4", "batch: 1"), "in a batch of 1 there are none");
    refused(&nce, &base.replace("a: 0.3", "a: 1"), "never together in a sample");
    refused(&nce, &format!("{base}frozen: ['**']\n"), "are frozen");
    refused(&nce, &format!("{base}frozen: [u, v]\n"), "are frozen");
    refused(&nce, &format!("{base}frozen: ['*']\n"), "are frozen");
    for fine in [base.replace("batch: 4", "batch: 1"), base.replace("a: 0.3", "b: 1")] {
        let (finished, _) = losses(&both, temporary().path(), &fine);
        finished.expect("the other term is learned");
    }
}

/// A second of sound, too short to be heard.
fn wave(path: &Path) {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + 128_u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([1000_u32, 2000].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend(128_u32.to_le_bytes());
    bytes.extend((0..64_i16).flat_map(|at| (at * 100).to_le_bytes()));
    std::fs::write(path, bytes).expect("it is written");
}

#[test]
fn a_checkpoint_comes_before_its_evaluation() {
    let (folder, whole) = (temporary(), temporary());
    for folder in [&folder, &whole] {
        for name in ["a.wav", "b.wav"] {
            wave(&folder.path().join(name));
        }
        std::fs::write(folder.path().join("eval.csv"), "sound,label\na.wav,1\nb.wav,2\n")
            .expect("written");
    }
    let config = CONFIG
        .replace("synthetic: { samples: 7, first: 1000, size: 8 }", "table: eval.csv")
        .replace("every: 3, keep: 2", "every: 4, keep: 3");
    let (expected, _) = run(whole.path(), &config, false).expect("it runs");
    // The files of the evaluation are gone when it comes.
    let away = |from: &str, to: &str| {
        for name in ["a", "b"] {
            let path = |end: &str| folder.path().join(format!("{name}.{end}"));
            std::fs::rename(path(from), path(to)).expect("it is there");
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut watch = |event: &Event<'_>| {
        if let Event::Begins(_) = event {
            away("wav", "gone");
        }
    };
    let failed = train(&setup(folder.path(), &config, false), &mut watch, &stop);
    let told = failed.expect_err("nothing can be evaluated").to_string();
    assert!(told.contains("a.wav"), "{told}");
    let checkpoint = find(folder.path()).expect("it was written first").checkpoint;
    assert_eq!((checkpoint.manifest.step, checkpoint.manifest.to_evaluate), (4, true));
    away("gone", "wav");
    let (found, _) = run(folder.path(), &config, true).expect("it goes on");
    assert!(files(&found) == files(&expected) && found.best == expected.best);
    let evaluated = |folder: &Path| -> Vec<(u64, f64)> {
        let lines = read_log(&folder.join(LOG)).expect("a log");
        let lines = lines
            .iter()
            .filter_map(|line| Some((line["step"].as_u64()?, line["eval/loss"].as_f64()?)));
        lines.collect()
    };
    assert_eq!(evaluated(folder.path()), evaluated(whole.path()));
    assert_eq!(evaluated(folder.path()).len(), 3);
    let last = Checkpoint::read(&found.checkpoint).expect("it is whole").manifest;
    assert!(last.best == found.best && !last.to_evaluate);
}

#[test]
fn what_changed_meanwhile_is_told() {
    let folder = temporary();
    run_until(folder.path(), CONFIG, false, 3).expect("it runs");
    let config = CONFIG.replace("steps: 9", "steps: 12").replace("samples: 20", "samples: 24");
    let (_, notes) = run(folder.path(), &config, true).expect("it goes on");
    for words in
        ["the configuration has changed", "now has 12 steps, and had 9", "`data.train` is not"]
    {
        assert!(notes.iter().any(|note| note.contains(words)), "{words}: {notes:?}");
    }
}

#[test]
fn whoever_stops_before_the_beginning_leaves_nothing() {
    let folder = temporary();
    let path = folder.path().join("run");
    let stop = Arc::new(AtomicBool::new(true));
    let stopped = train(&setup(&path, CONFIG, false), &mut |_| {}, &stop);
    assert!(matches!(stopped, Err(TrainError::Data(DataError::Stopped))), "{stopped:?}");
    assert!(!path.exists());
}

/// What has no end is not opened.
#[cfg(unix)]
#[test]
fn weights_to_begin_from_are_files() {
    for device in ["/dev/zero", "/dev/null"] {
        let config = format!("{CONFIG}init: {{ from: {device} }}\n");
        let told = run(temporary().path(), &config, false).expect_err("it is no file").to_string();
        assert!(
            told.starts_with("run.yaml:16:") && told.contains("neither file nor folder"),
            "{told}"
        );
    }
}
