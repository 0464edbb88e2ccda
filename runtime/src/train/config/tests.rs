//! Configurations, right and wrong.

use super::{Length, OptimizerKind, Setting, parse};

const SMALL: &str = "\
spec: m.zorro
data:
  train: { sources: [ { synthetic: {} } ] }
batch: 8
steps: 10
rate: { peak: 1e-3 }
";

/// A configuration with lines added, and where and how it is wrong.
#[track_caller]
fn wrong(added: &str, place: (usize, usize), words: &str) {
    let error = parse("run.yaml", &format!("{SMALL}{added}\n")).expect_err("it is wrong");
    let problem = &error.problems[0];
    let told = error.to_string();
    assert_eq!(problem.place, Some(place), "{told}");
    assert!(told.contains(words), "{told}");
}

#[test]
fn defaults() {
    let config = parse("run.yaml", SMALL).expect("nothing is wrong");
    assert_eq!(config.optimizer.kind, OptimizerKind::Adamw);
    assert_eq!((config.accumulate, config.seed, config.device.as_str()), (1, 0, "auto"));
    assert_eq!(config.checkpoints.every, Length::Epochs(1.0));
    assert!(config.log.tensorboard);
}

/// The order of names gives classes their numbers: evaluation has that of training.
#[test]
fn classes_are_said_once_or_alike() {
    let run = |train: &str, eval: &str| {
        let source = "sources: [ { synthetic: {} } ]";
        format!(
            "spec: m.zorro\ndata:\n  train: {{ {source}{train} }}\n  eval: {{ {source}{eval} }}\nbatch: 8\nsteps: 1\n\
             rate: {{ peak: 1e-3 }}\n"
        )
    };
    let named = ", classes: { label: [leaf, sea] }";
    for eval in ["", named] {
        let config = parse("run.yaml", &run(named, eval)).expect("nothing is wrong");
        assert_eq!(config.data.eval.expect("it has one").classes["label"], ["leaf", "sea"]);
    }
    let other = run(named, ", classes: { label: [sea, leaf] }");
    let error = parse("run.yaml", &other).expect_err("the order is another");
    assert_eq!(error.problems[0].place.map(|place| place.0), Some(4));
    assert!(error.to_string().contains("class 0 of `label` is `sea` here and `leaf` in training"));
}

#[test]
fn params_are_expressions() {
    let text =
        format!("{SMALL}set: {{ dim: 64, drop: 0.1, deep: true, sizes: [2, 2], sum: '3 + 4' }}\n");
    let config = parse("run.yaml", &text).expect("nothing is wrong");
    let set: Vec<String> =
        config.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(set, ["deep=true", "dim=64", "drop=0.1", "sizes=[2, 2]", "sum=3 + 4"]);
    assert_eq!(config.set["dim"], Setting::Whole(64));
}

#[test]
fn mistakes_have_their_place() {
    wrong("epoch: 3", (7, 1), "did you mean `epochs`?");
    wrong("optimizer: { knid: sgd }", (7, 14), "did you mean `kind`?");
    wrong("learning_rate: 1e-3", (7, 1), "that is `rate: { peak: 1e-3 }`");
    wrong("batch_size: 8", (7, 1), "that is `batch: 64`, of the whole run");
    wrong("optimizer: { lr: 1e-3 }", (7, 14), "that is `rate: { peak: 1e-3 }`");
    wrong("device: cuda:0", (7, 9), "write `gpu`, through Vulkan");
    wrong("recompute: layers", (7, 12), "expected a list, as in `[a, b]`");
    wrong("optimizer: { kind: adma }", (7, 20), "did you mean `adam`?");
    wrong("zzz: 3", (7, 1), "known here: spec, set,");
    wrong("epochs: 3", (5, 8), "exclude each other");
    wrong("accumulate: 0", (7, 13), "at least 1");
    wrong("mixup: -1", (7, 8), "more than 0");
    wrong("optimizer:\n  kind: sgd\n  beta1: 0.9", (9, 10), "`beta1` is a number of `adam`");
    wrong("optimizer: { beta2: 1 }", (7, 21), "less than 1");
    wrong("modality_dropout: { video: 2 }", (7, 28), "0 to 1");
    wrong("checkpoints: { every: 3 parsecs }", (7, 23), "a length such as");
    wrong("eval: { every: 0 epochs }", (7, 16), "at least 1 step");
    wrong("eval: { group: 1 }", (7, 16), "2 to 1048576");
    wrong("seed: -1", (7, 7), "");
    wrong("batch: 9", (7, 1), "duplicate");
    wrong("threads: 65535", (7, 10), "at most 1024");
    wrong("eval: { batch: 9999999 }", (7, 16), "at most 1048576");
}

/// Numbers that are none, nothing or everything in single precision.
#[test]
fn what_moves_nothing() {
    for (setting, words) in [
        ("eps: 1e39", "1e-30"),
        ("eps: 1e20", "steps vanish"),
        ("eps: 1e-46", "a number in single precision"),
        ("clip: 1e-46", "no weight moves"),
        ("clip: 1e-40", "no weight moves"),
        ("clip: 1e39", "leave it out"),
        ("weight_decay: 1e-46", "1e-30"),
        ("weight_decay: 1e39", "1e30"),
        ("beta1: 0.99999999999", "at most 0.9999999"),
        ("beta2: 1e-46", "less than 1"),
        ("kind: sgd, momentum: 0.99999999999", "at most 0.9999999"),
    ] {
        let text = format!("{SMALL}optimizer: {{ {setting} }}\n");
        let told = parse("run.yaml", &text).expect_err(setting).to_string();
        assert!(told.starts_with("run.yaml:7:") && told.contains(words), "{setting}: {told}");
    }
    for peak in ["1e-46", "1e-20", "1e39", "1e-11, per_batch: 1000"] {
        let text = SMALL.replace("1e-3", peak);
        let told = parse("run.yaml", &text).expect_err(peak).to_string();
        assert!(told.starts_with("run.yaml:6:") && told.contains("1e-12"), "{peak}: {told}");
    }
    for fine in [
        "eps: 1",
        "eps: 1e-16",
        "clip: 1e-6",
        "clip: 1e9",
        "beta1: 0, beta2: 0.9999999",
        "weight_decay: 0",
    ] {
        let text = format!("{SMALL}optimizer: {{ {fine} }}\n").replace("1e-3", "1e-9");
        parse("run.yaml", &text).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
}

#[test]
fn mistakes_inside_data() {
    let text = SMALL.replace("synthetic: {}", "synthetic: { sample: 3 }");
    let error = parse("run.yaml", &text).expect_err("it is wrong");
    assert_eq!(error.problems[0].help.as_deref(), Some("did you mean `samples`?"));
    assert_eq!(error.problems[0].place.map(|place| place.0), Some(3));
    let text = SMALL.replace("train: {", "train: { clips: 3,");
    let error = parse("run.yaml", &text).expect_err("it is wrong");
    assert!(error.problems[0].message.contains("`clips` is for `data.eval`"), "{error}");
    assert_eq!(error.problems[0].place, Some((3, 19)));
}

#[test]
fn all_wrong_numbers_at_once() {
    let text = SMALL.replace("1e-3", "-1").replace("batch: 8", "batch: 0");
    let error = parse("run.yaml", &text).expect_err("it is wrong");
    assert_eq!(error.problems.len(), 2, "{error}");
}

#[test]
fn garbage() {
    for text in [
        "",
        "[",
        "a: b: c",
        "- 1",
        "spec: [1]",
        "\u{0}",
        "spec: &a [*a]",
        "batch: 99999999999999999999",
    ] {
        assert!(parse("run.yaml", text).is_err(), "{text:?}");
    }
}
