//! The loss of an evaluation against the same computed once more from its definition, in doubles, for samples that lack
//! labels and modalities; and of how many samples each number is. It is the same for every batch, to the last bit.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use zorro_compiler::model::Loss;
use zorro_compiler::random::uniform;
use zorro_compiler::{Checked, CompileOptions, Mode, check_text};
use zorro_runtime::checkpoint::Best;
use zorro_runtime::data::Collection;
use zorro_runtime::data::config::{DataConfig, SourceConfig};
use zorro_runtime::device::Device;
use zorro_runtime::train::{Absence, EvaluateOptions, Evaluation, Evaluator, Machine};
use zorro_runtime::{RunOptions, Session, Tensors};

/// Outputs are what is fed.
const SPEC: &str = "model m {
  modality a = tensor([1, 4])
  modality b = tensor([1, 4])
  tokens a = a + learned([4])
  tokens b = b + learned([4])
  tokens f = latents(1, 4)
  apply vit(2) over { f <- f, a, b }
  output oa = a
  output ob = b
  output of = f
  target ta = class(4)
  target tb = class(4)
  target tc = classes(4)
  target tm = tensor([1, 4])
  objective plain = cross_entropy(oa, ta)
  objective smoothed = cross_entropy(ob, tb, smoothing: 0.2)
  objective sigmoids = sigmoid_cross_entropy(ob, tc)
  objective squares = mse(oa, tm)
  objective pulls = mse(oa, ob)
  objective both = nce(oa, ob, temperature: 0.5)
  objective forward = nce(oa, ob, temperature: 0.5, negatives: forward)
  objective joint = nce(oa, ob, temperature: 0.5, negatives: joint)
  objective learned = nce(oa, ob, temperature: learned([], init: 0.3))
  objective averaged = mean(plain, smoothed, both)
  objective summed = 2 * plain + 0.5 * squares - joint / 4
  objective nested = mean(2 * plain + sigmoids, mean(pulls, squares), smoothed) * 0.5
  objective scored = mean(cross_entropy(oa, ta), cross_entropy(ob, ta), cross_entropy(of, ta))
}";

/// So many numbers a sample.
const WIDTH: usize = 4;
/// Samples that `nce` compares.
const GROUP: usize = 5;

/// A sample as it stands in the table.
#[derive(Debug, Clone, Default)]
struct Row {
    a: Option<Vec<f32>>,
    b: Option<Vec<f32>>,
    ta: Option<usize>,
    tb: Option<usize>,
    /// One number for each class; in the table the classes that are true, never as many numbers as there are classes.
    tc: Option<Vec<f32>>,
    tm: Option<Vec<f32>>,
}

/// Samples of which about a third lacks each thing, but none both modalities.
fn rows(n: u32, seed: u64) -> Vec<Row> {
    let one = |at: u32| {
        let draw = |what: u32| uniform(seed, [at, what, 0, 0]);
        let has = |what: u32| draw(what)[0] > 0.33;
        let numbers = |what: u32| draw(what).map(|number| 4.0 * number - 2.0).to_vec();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 3")]
        let class = |what: u32| (3.99 * draw(what)[1]) as usize;
        let [first, second, ..] = draw(9).map(|number| number > 0.5);
        let tags =
            if first { [f32::from(u8::from(second)), 0.0, 1.0, 0.0] } else { [0.0, 0.0, 0.0, 1.0] };
        Row {
            a: (has(0) || !has(1)).then(|| numbers(10)),
            b: has(1).then(|| numbers(11)),
            ta: has(2).then(|| class(2)),
            tb: has(3).then(|| class(3)),
            tc: has(4).then(|| tags.to_vec()),
            tm: has(5).then(|| numbers(12)),
        }
    };
    (0..n).map(one).collect()
}

fn table(rows: &[Row]) -> String {
    let list = |numbers: &Option<Vec<f32>>| {
        let numbers = numbers.iter().flatten().map(f32::to_string);
        numbers.collect::<Vec<String>>().join(" ")
    };
    let class = |class: Option<usize>| class.map_or_else(String::new, |class| class.to_string());
    let true_ones = |tags: &Option<Vec<f32>>| {
        let tags = tags.iter().flatten().enumerate().filter(|(_, tag)| **tag > 0.5);
        tags.map(|(class, _)| class.to_string()).collect::<Vec<String>>().join(" ")
    };
    let mut text = "a,b,ta,tb,tc,tm\n".to_owned();
    for Row { a, b, ta, tb, tc, tm } in rows {
        let cells = [list(a), list(b), class(*ta), class(*tb), true_ones(tc), list(tm)];
        writeln!(text, "{}", cells.join(",")).expect("texts have room");
    }
    text
}

fn checked() -> Checked {
    let outcome = check_text(SPEC, &Default::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics))
}

fn collection(checked: &Checked, rows: &[Row]) -> (tempfile::TempDir, Collection) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("t.csv"), table(rows)).expect("it is written");
    let source = SourceConfig { table: Some("t.csv".into()), ..SourceConfig::default() };
    let config = DataConfig { sources: vec![source], broken: 0.0, ..DataConfig::default() };
    let collection =
        Collection::open(&config, folder.path(), &checked.model, &AtomicBool::new(false))
            .expect("it opens");
    (folder, collection)
}

fn weights(checked: &Checked) -> Tensors {
    let objectives = checked.model.objectives.iter().map(|found| found.name.clone()).collect();
    let options =
        CompileOptions { mode: Mode::Forward { objectives }, ..CompileOptions::default() };
    let mut session = Session::new(checked, &options, &Device::cpu(1)).expect("it compiles");
    session.initialize(3).expect("there is a processor");
    session.weights().expect("there is a processor")
}

fn evaluated(
    checked: &Checked,
    samples: &Collection,
    objective: &str,
    (batch, group, threads): (usize, usize, usize),
) -> Evaluation {
    let absences = vec![Absence::Dropped, Absence::Zeroed];
    let options = EvaluateOptions { batch, group, absences, retrieval: u64::MAX };
    let machine = Machine::single(Device::Cpu { threads });
    let mut evaluator =
        Evaluator::new(checked, objective, &options, &machine).expect("it compiles");
    let mut loader = samples.evaluation(batch, threads).expect("there are threads");
    evaluator.evaluate(&weights(checked), &mut loader).expect("it works")
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}

fn log_sum(scores: impl Iterator<Item = f64>) -> f64 {
    scores.map(f64::exp).sum::<f64>().ln()
}

fn mean(losses: &[f64]) -> Option<f64> {
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

fn entropy(logits: &[f32], class: usize, smoothing: f64) -> f64 {
    let logits = wide(logits);
    let sum = log_sum(logits.iter().copied());
    let of = |at: usize| {
        let truth = f64::from(u8::from(at == class)) * (1.0 - smoothing) + smoothing / 4.0;
        truth * (sum - logits[at])
    };
    (0..WIDTH).map(of).sum()
}

fn square(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (wide(a), wide(b));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 4.0
}

fn sigmoids(logits: &[f32], truths: &[f32]) -> f64 {
    let one = |(x, t): (f64, f64)| {
        let p = 1.0 / (1.0 + (-x).exp());
        -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
    };
    wide(logits).into_iter().zip(wide(truths)).map(one).sum::<f64>() / 4.0
}

/// Equation 2 over consecutive samples; who is alone in a group has no loss.
fn nce(rows: &[Row], group: usize, temperature: f64, negatives: &str) -> Vec<f64> {
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() / temperature
    };
    let mut losses = Vec::new();
    for group in rows.chunks(group) {
        let pairs: Vec<(Vec<f64>, Vec<f64>)> = group
            .iter()
            .filter_map(|row| Some((wide(row.a.as_ref()?), wide(row.b.as_ref()?))))
            .collect();
        if pairs.len() < 2 {
            continue;
        }
        for (at, (a, b)) in pairs.iter().enumerate() {
            let own = cosine(a, b);
            let there: Vec<f64> = pairs.iter().map(|(_, other)| cosine(a, other)).collect();
            let mut back: Vec<f64> = pairs.iter().map(|(other, _)| cosine(other, b)).collect();
            losses.push(match negatives {
                "forward" => log_sum(there.into_iter()) - own,
                "joint" => {
                    back.remove(at);
                    log_sum(there.into_iter().chain(back)) - own
                }
                _ => (log_sum(there.into_iter()) + log_sum(back.into_iter())) / 2.0 - own,
            });
        }
    }
    losses
}

/// The objective by its definition, and of how many samples each of its terms is.
fn expected(rows: &[Row], objective: &str, group: usize) -> (Option<f64>, Vec<usize>) {
    let each = |of: &dyn Fn(&Row) -> Option<f64>| rows.iter().filter_map(of).collect::<Vec<f64>>();
    let plain = each(&|row| Some(entropy(row.a.as_ref()?, row.ta?, 0.0)));
    let smoothed = each(&|row| Some(entropy(row.b.as_ref()?, row.tb?, 0.2)));
    let sigmoids = each(&|row| Some(sigmoids(row.b.as_ref()?, row.tc.as_ref()?)));
    let squares = each(&|row| Some(square(row.a.as_ref()?, row.tm.as_ref()?)));
    let pulls = each(&|row| Some(square(row.a.as_ref()?, row.b.as_ref()?)));
    let [both, forward, joint] =
        ["both", "forward", "joint"].map(|negatives| nce(rows, group, 0.5, negatives));
    let learned = nce(rows, group, f64::from(0.3_f32), "both");
    let sum = |terms: &[(f64, Option<f64>)]| {
        let there = terms.iter().filter_map(|(factor, term)| Some(factor * (*term)?));
        terms.iter().any(|(_, term)| term.is_some()).then(|| there.sum::<f64>())
    };
    let average =
        |terms: &[Option<f64>]| mean(&terms.iter().flatten().copied().collect::<Vec<_>>());
    let m = |losses: &Vec<f64>| mean(losses);
    let (found, terms): (Option<f64>, Vec<&Vec<f64>>) = match objective {
        "plain" => (m(&plain), vec![&plain]),
        "smoothed" => (m(&smoothed), vec![&smoothed]),
        "sigmoids" => (m(&sigmoids), vec![&sigmoids]),
        "squares" => (m(&squares), vec![&squares]),
        "pulls" => (m(&pulls), vec![&pulls]),
        "both" => (m(&both), vec![&both]),
        "forward" => (m(&forward), vec![&forward]),
        "joint" => (m(&joint), vec![&joint]),
        "learned" => (m(&learned), vec![&learned]),
        "averaged" => {
            let terms = vec![&plain, &smoothed, &both];
            (average(&[m(&plain), m(&smoothed), m(&both)]), terms)
        }
        "summed" => {
            let terms = [(2.0, m(&plain)), (0.5, m(&squares)), (-0.25, m(&joint))];
            (sum(&terms), vec![&plain, &squares, &joint])
        }
        "nested" => {
            let first = sum(&[(2.0, m(&plain)), (1.0, m(&sigmoids))]);
            let second = average(&[m(&pulls), m(&squares)]);
            let whole = average(&[first, second, m(&smoothed)]).map(|loss| 0.5 * loss);
            (whole, vec![&plain, &sigmoids, &pulls, &squares, &smoothed])
        }
        other => unreachable!("`{other}` is no objective of this test"),
    };
    (found, terms.into_iter().map(Vec::len).collect())
}

const OBJECTIVES: [&str; 12] = [
    "plain", "smoothed", "sigmoids", "squares", "pulls", "both", "forward", "joint", "learned",
    "averaged", "summed", "nested",
];

#[track_caller]
fn close(found: Option<f64>, expected: Option<f64>, what: &str) {
    let same = match (found, expected) {
        // The program computes the loss of a sample in single precision.
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-6 * expected.abs().max(1.0),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    assert!(same, "{what} is {found:?} and not {expected:?}");
}

#[test]
fn losses_are_means_over_samples_whatever_the_batch() {
    let checked = checked();
    let rows = rows(23, 5);
    let (_folder, samples) = collection(&checked, &rows);
    for objective in OBJECTIVES {
        let (loss, counts) = expected(&rows, objective, GROUP);
        let mut first: Option<Evaluation> = None;
        for (batch, threads) in [(1, 1), (2, 2), (3, 1), (7, 2), (64, 2)] {
            let found = evaluated(&checked, &samples, objective, (batch, GROUP, threads));
            close(found.loss, loss, objective);
            let own: Vec<usize> = found
                .terms
                .iter()
                .map(|term| usize::try_from(term.samples).expect("few"))
                .collect();
            assert_eq!(own, counts, "{objective}");
            let is_compared = ["both", "forward", "joint", "learned", "averaged", "summed"];
            assert_eq!(found.group(), is_compared.contains(&objective).then_some(GROUP));
            // All else is the same, too: scores, counts, recall.
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{objective}, {batch}");
        }
    }
}

#[test]
fn what_no_sample_has_has_no_loss() {
    let checked = checked();
    let mut rows = rows(9, 6);
    for row in &mut rows {
        (row.ta, row.tm) = (None, None);
        if row.a.is_some() {
            row.b = None;
        }
    }
    let (_folder, samples) = collection(&checked, &rows);
    for objective in OBJECTIVES {
        let found = evaluated(&checked, &samples, objective, (4, GROUP, 1));
        let (loss, _) = expected(&rows, objective, GROUP);
        close(found.loss, loss, objective);
        if loss.is_none() {
            assert_eq!((found.loss_samples, found.overall()), (0, None), "{objective}");
            assert_eq!(found.is_best(1, None), None, "nothing is never the best");
        }
    }
}

#[test]
fn the_best_is_of_one_measure() {
    let of = |loss: Option<f64>| Evaluation {
        objective: "l".to_owned(),
        samples: 1,
        loss,
        loss_samples: 1,
        terms: Vec::new(),
        conditions: Vec::new(),
        targets: Vec::new(),
        retrieval: Vec::new(),
    };
    let best = of(Some(2.0)).is_best(1, None).expect("there was none before");
    assert_eq!((best.step, best.metric.as_str(), best.value), (1, "-loss", -2.0));
    assert!(of(Some(1.0)).is_best(2, Some(&best)).is_some());
    for loss in [Some(2.0), Some(3.0), Some(f64::NAN), Some(f64::INFINITY), None] {
        assert_eq!(of(loss).is_best(2, Some(&best)), None, "{loss:?}");
    }
    // An accuracy of 90 % and a loss of 2 cannot be compared: what is measured now begins anew.
    let other = Best { step: 1, metric: "accuracy".to_owned(), value: 0.9 };
    assert!(of(Some(2.0)).is_best(2, Some(&other)).is_some());
}

/// Where a group is all that a batch has, it is what the program itself says.
#[test]
fn groups_of_a_batch_are_those_of_the_program() {
    let checked = checked();
    let rows = rows(23, 7);
    let (_folder, samples) = collection(&checked, &rows);
    let is_nce = |loss: &Loss| matches!(loss, Loss::Nce { .. });
    let objectives: Vec<String> = checked
        .model
        .objectives
        .iter()
        .filter(|found| is_nce(&found.loss))
        .map(|found| found.name.clone())
        .collect();
    let mode = Mode::Forward { objectives: objectives.clone() };
    let options = CompileOptions { batch: 23, mode, ..CompileOptions::default() };
    let mut session = Session::new(&checked, &options, &Device::cpu(1)).expect("it compiles");
    session.set_weights(&weights(&checked)).expect("they are the model's");
    let mut loader = samples.evaluation(23, 0).expect("no threads");
    let batch = loader.next().expect("it is read").expect("there is one").batch;
    let results = session.run(&batch, &RunOptions::default()).expect("it runs");
    let losses = results.losses().expect("it comes back");
    for objective in objectives {
        let found = evaluated(&checked, &samples, &objective, (4, 23, 2)).loss;
        // Its sums are in single precision.
        close(found.map(|loss| loss / 4.0), Some(f64::from(losses[&objective]) / 4.0), &objective);
    }
}

#[test]
fn scores_say_of_how_many_samples_they_are() {
    let checked = checked();
    let rows = rows(40, 8);
    let (_folder, samples) = collection(&checked, &rows);
    let found = evaluated(&checked, &samples, "scored", (7, GROUP, 2));
    let [target] = found.targets.as_slice() else { panic!("one target") };
    let count = |has: &dyn Fn(&Row) -> bool| {
        rows.iter().filter(|row| row.ta.is_some() && has(row)).count() as u64
    };
    let (a, b) = (count(&|row| row.a.is_some()), count(&|row| row.b.is_some()));
    let (any, whole) = (count(&|_| true), count(&|row| row.a.is_some() && row.b.is_some()));
    assert!(whole < a && whole < b && a < any && b < any, "they differ: {any} {a} {b} {whole}");
    let of = |counts: &[zorro_runtime::train::Counts]| -> Vec<u64> {
        counts.iter().map(|counts| counts.samples).collect()
    };
    // All, each alone, each with the other zeroed: who has none of what is given counts nowhere.
    assert_eq!(of(&target.scores.counts), [any, a, b, a, b]);
    assert_eq!(of(&target.complete.counts), [whole; 5]);
    let samples = |output: &str, scores: &zorro_runtime::train::Scores| -> Vec<u64> {
        let (_, cells) = scores.outputs.iter().find(|(name, _)| name == output).expect(output);
        cells.iter().map(|score| score.map_or(0, |score| score.counts.samples)).collect()
    };
    assert_eq!(samples("oa", &target.scores), [a, a, 0, a, b]);
    assert_eq!(samples("ob", &target.scores), [b, 0, b, a, b]);
    // It is there for everybody, also for whom nothing is left.
    for output in ["of", "mean"] {
        assert_eq!(samples(output, &target.scores), [any, a, b, a, b]);
        assert_eq!(samples(output, &target.complete), [whole; 5]);
    }
    assert_eq!(samples("oa", &target.complete), [whole, whole, 0, whole, whole]);
    // The right ones, counted by hand.
    let best = |numbers: &[f32]| (0..WIDTH).max_by(|x, y| numbers[*x].total_cmp(&numbers[*y]));
    let right = |row: &&Row| row.ta.is_some() && row.a.as_deref().and_then(best) == row.ta;
    let right = rows.iter().filter(right).count();
    let score = target.scores.outputs[0].1[0].expect("samples have it").value;
    assert!((score - right as f64 / a as f64).abs() < 1e-12, "{score}");
}
