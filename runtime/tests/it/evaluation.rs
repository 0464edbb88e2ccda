//! Evaluation of models: conditions, retrieval, probes, clips.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use zorro_compiler::{Checked, check_text};
use zorro_runtime::data::Collection;
use zorro_runtime::data::config::{DataConfig, NoiseConfig, SourceConfig, SyntheticConfig};
use zorro_runtime::device::Device;
use zorro_runtime::train::{
    Absence, EvaluateOptions, Evaluation, Evaluator, Machine, Metric, ProbeOptions, ProbeScores,
    probe,
};
use zorro_runtime::{Session, Tensors};

const SPEC: &str = "model m {
  modality photo = image(size: 16)
  modality sound = wave(rate: 8000, seconds: 0.128) |> logmel(bins: 16, window: 256, hop: 128) |> crop(16, 8)
  tokens photo = photo |> patches(4, 4) |> linear(16) |> position()
  tokens sound = sound |> patches(16, 2) |> linear(16) |> position()
  photo = photo |> pool(mean)
  sound = sound |> pool(mean)
  tokens both = latents(1, 16)
  apply decoder(2) over { both <- photo, sound }
  target label = class(10)
  target tags = classes(10)
  output photo_logits = photo |> linear(10)
  output sound_logits = sound |> linear(10)
  output both_logits = both |> linear(10)
  output photo_z = photo
  output sound_z = sound
  output both_z = both
  objective supervised = mean(cross_entropy(photo_logits, label), cross_entropy(sound_logits, label), cross_entropy(both_logits, label))
  objective contrastive = nce(photo_z, sound_z)
  objective tagged = sigmoid_cross_entropy(both_logits, tags)
}";

fn of_text(spec: &str) -> Checked {
    check_text(spec, &Default::default()).checked.expect("nothing is wrong")
}

fn checked() -> Checked {
    of_text(SPEC)
}

fn machine() -> Machine {
    Machine::single(Device::Cpu { threads: 2 })
}

/// Weights as they start: also a random map of a picture tells which digit it is.
fn weights(checked: &Checked) -> Tensors {
    let options = zorro_compiler::CompileOptions::default();
    let mut session = Session::new(checked, &options, &machine().device).expect("it compiles");
    session.initialize(3).expect("there is a processor");
    session.weights().expect("there is a processor")
}

fn data(samples: u64, first: u64) -> DataConfig {
    let synthetic = SyntheticConfig {
        samples,
        first,
        noise: 0.1,
        blank: 0.0,
        size: 16,
        ..SyntheticConfig::default()
    };
    let source = SourceConfig { synthetic: Some(synthetic), ..SourceConfig::default() };
    DataConfig { sources: vec![source], ..DataConfig::default() }
}

fn collection(checked: &Checked, config: &DataConfig) -> Collection {
    Collection::open(config, Path::new("."), &checked.model, &AtomicBool::new(false))
        .expect("it opens")
}

fn evaluated(checked: &Checked, objective: &str, batch: usize, config: &DataConfig) -> Evaluation {
    let absences = vec![Absence::Dropped, Absence::Zeroed];
    let options = EvaluateOptions { batch, group: batch, absences, retrieval: u64::MAX };
    let mut evaluator =
        Evaluator::new(checked, objective, &options, &machine()).expect("it compiles");
    let mut loader = collection(checked, config).evaluation(batch, 1).expect("there are threads");
    evaluator.evaluate(&weights(checked), &mut loader).expect("it works")
}

#[test]
fn what_is_zeroed_is_there() {
    let checked = checked();
    let found = evaluated(&checked, "supervised", 7, &data(40, 0));
    let headings: Vec<String> = found.conditions.iter().map(|one| one.heading()).collect();
    let expected =
        ["all", "photo alone", "sound alone", "photo, sound zeroed", "sound, photo zeroed"];
    assert_eq!(headings, expected);
    assert_eq!((found.samples, found.retrieval.len()), (40, 0));
    let [target] = found.targets.as_slice() else { panic!("one target") };
    assert_eq!((target.target.as_str(), target.metric), ("label", Metric::Accuracy));
    let scores = |name: &str| -> Vec<Option<f64>> {
        let (_, scores) =
            target.scores.outputs.iter().find(|(output, _)| output == name).expect(name);
        assert!(scores.iter().flatten().all(|score| score.top5 >= Some(score.value)));
        scores.iter().map(|score| score.map(|score| score.value)).collect()
    };
    let (photo, sound) = (scores("photo_logits"), scores("sound_logits"));
    // What does not see a modality does not care what becomes of it; what reads a zeroed one is there and says something.
    assert!(photo[0].is_some() && photo[0] == photo[1] && photo[0] == photo[3], "{photo:?}");
    assert!(photo[2].is_none() && photo[4].is_some(), "{photo:?}");
    assert!(sound[1].is_none() && sound[0] == sound[2] && sound[0] == sound[4], "{sound:?}");
    // Everybody is fed the same silence: one class of ten is named, and every tenth sample is of it.
    assert_eq!((sound[3], photo[4]), (Some(0.1), Some(0.1)));
    assert!(scores("both_logits").iter().all(Option::is_some));
    assert!(scores("mean").iter().all(Option::is_some));
}

#[test]
fn retrieval_by_class_and_by_pair() {
    let checked = checked();
    let config = data(40, 0);
    let by_class = evaluated(&checked, "contrastive", 8, &config);
    assert!(by_class.targets.is_empty() && by_class.overall().map(|best| best.0) == Some("-loss"));
    // Both directions with all modalities; alone, there is one side only; zeroed, there are both.
    let seen: Vec<(&str, usize, u64)> = by_class
        .retrieval
        .iter()
        .map(|one| (one.from.as_str(), one.condition, one.queries))
        .collect();
    let expected = [0, 3, 4].map(|at| [("photo_z", at, 40), ("sound_z", at, 40)]);
    assert_eq!(seen, expected.concat());
    for one in &by_class.retrieval {
        assert_eq!(one.by.as_deref(), Some("label"));
        assert!(one.recall.is_sorted() && one.recall[2] <= 1.0, "{one:?}");
        if one.condition == 3 && one.from == "photo_z" {
            // All answers are the same: the 36 wrong ones count as nearer.
            assert_eq!(one.recall, [0.0; 3]);
        }
    }
    // The same model without classes: each finds its own partner, or does not.
    let nameless: Vec<&str> = SPEC
        .lines()
        .filter(|line| !["label", "tags", "logits"].iter().any(|word| line.contains(word)))
        .collect();
    let nameless = of_text(&nameless.join("\n"));
    let by_pair = evaluated(&nameless, "contrastive", 8, &config);
    assert_eq!(by_pair.loss, by_class.loss);
    for (pair, class) in by_pair.retrieval.iter().zip(&by_class.retrieval) {
        assert_eq!((pair.by.as_deref(), pair.queries, pair.answers), (None, 40, 40));
        // The own partner is one of the class, too, but ties with others of it count against it.
        assert!(pair.recall.iter().zip(class.recall).all(|(pair, class)| *pair <= class));
    }
}

fn probed(
    checked: &Checked,
    target: &str,
    outputs: Option<&[&str]>,
    clips: Option<u64>,
) -> ProbeScores {
    let options = ProbeOptions {
        target: target.to_owned(),
        outputs: outputs.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        objective: "contrastive".to_owned(),
        decay: 1e-3,
        batch: 16,
        absences: vec![Absence::Dropped, Absence::Zeroed],
    };
    let train = collection(checked, &data(400, 0));
    let mut config = data(100, 10_000);
    config.clips = clips;
    let eval = collection(checked, &config);
    let mut train = train.some(16, 1, 200).expect("there are threads");
    let mut eval = eval.evaluation(16, 1).expect("there are threads");
    let loaders = [&mut train, &mut eval];
    probe(checked, &weights(checked), &options, &machine(), loaders).expect("it works")
}

#[test]
fn probes_tell_what_features_know() {
    let checked = checked();
    let found = probed(&checked, "label", None, None);
    assert_eq!(found.samples, [200, 100]);
    let names: Vec<&str> = found.table.outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["photo_z", "sound_z", "mean"]);
    let of = |output: usize, condition: usize| found.table.outputs[output].1[condition];
    let eval = |output, condition| Some(of(output, condition)?.eval?.value);
    let [photo, sound] = [0, 1].map(|output| of(output, 0).expect("all have it"));
    assert!(photo.converged && sound.converged, "{found:?}");
    // By chance it would be a tenth. A few random numbers of a picture say little, of a spectrum much.
    assert!(photo.train.value > 0.2 && sound.train.value > 0.5, "{found:?}");
    assert!(eval(1, 0) > Some(0.4), "{found:?}");
    // The same features, the same probe; none where there is no output; nothing to be known of zeros.
    assert_eq!(of(0, 1), of(0, 0));
    assert_eq!(of(0, 3), of(0, 0));
    assert_eq!(of(1, 1), None);
    assert_eq!(of(2, 1), of(0, 0));
    assert!(eval(1, 3) <= Some(0.2));
    assert!(of(2, 0).expect("all have it").eval.is_some());
    assert_eq!(found, probed(&checked, "label", None, None));
}

#[test]
fn what_cannot_be_probed_is_told() {
    let checked = checked();
    let check = |target: &str, outputs: Option<&[&str]>, words: &str| {
        let options = ProbeOptions {
            target: target.to_owned(),
            outputs: outputs.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            objective: "supervised".to_owned(),
            decay: 1e-3,
            batch: 4,
            absences: vec![Absence::Dropped],
        };
        let set = collection(&checked, &data(20, 0));
        let [mut train, mut eval] =
            [set.evaluation(4, 0), set.evaluation(4, 0)].map(|loader| loader.expect("no threads"));
        let weights = weights(&checked);
        let found = probe(&checked, &weights, &options, &machine(), [&mut train, &mut eval]);
        let error = found.expect_err("it is wrong").to_string();
        assert!(error.contains(words), "{error}");
    };
    check("lable", None, "did you mean `label`?");
    check("label", Some(&["photo"]), "no output `photo`");
}

#[test]
fn clips_are_one_sample() {
    // Made-up samples are as long as what the model is fed: all clips are the same, and so is the answer, but for rounding.
    let checked = checked();
    let mut config = data(30, 0);
    config.noise.insert("photo".to_owned(), NoiseConfig { sigma: Some(0.1), snr: None });
    let one = evaluated(&checked, "supervised", 7, &config);
    config.clips = Some(3);
    let three = evaluated(&checked, "supervised", 7, &config);
    assert_eq!((one.samples, three.samples), (30, 30));
    assert_eq!(one.targets, three.targets);
    // The mean over the clips of each sample; they are the same but for rounding.
    let loss = |found: &Evaluation| found.loss.expect("samples have it");
    assert!((loss(&one) - loss(&three)).abs() < 1e-6);
    assert_eq!((one.loss_samples, three.loss_samples), (30, 30));
    // Also where they are more than a batch.
    config.clips = Some(10);
    assert_eq!(one.targets, evaluated(&checked, "supervised", 4, &config).targets);
    assert_eq!(probed(&checked, "label", None, Some(2)), probed(&checked, "label", None, None));
}
