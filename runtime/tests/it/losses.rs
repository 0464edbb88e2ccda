//! Losses of samples that lack something, by hand: 1e-6 for sums of few numbers near 1.

use zorro_runtime::compiler::{CompileOptions, Mode};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensors};

use super::models::{of_text, tensor};

/// Outputs are what is fed.
const SPEC: &str = "model m {
  modality a = tensor([1, 2])
  modality b = tensor([1, 2])
  output oa = a
  output ob = b
  target ta = class(2)
  target tb = class(2)
  target tc = classes(2)
  target tm = tensor([1, 2])
  objective plain = cross_entropy(oa, ta)
  objective averaged = mean(cross_entropy(oa, ta), cross_entropy(ob, tb))
  objective summed = cross_entropy(oa, ta) + 0.5 * cross_entropy(ob, tb)
  objective smoothed = cross_entropy(oa, ta, smoothing: 0.2)
  objective sigmoids = sigmoid_cross_entropy(ob, tc)
  objective squares = mse(oa, tm)
  objective both = nce(oa, ob, temperature: 0.5)
  objective forward = nce(oa, ob, temperature: 0.5, negatives: forward)
  objective joint = nce(oa, ob, temperature: 0.5, negatives: joint)
}";

/// Four samples and a filler. Each number is a sample's; presence is in the names.
const A: [[f32; 2]; 4] = [[1.0, 0.0], [0.5, -0.5], [2.0, 1.0], [-1.0, 0.25]];
const B: [[f32; 2]; 4] = [[0.0, 1.0], [1.0, 1.0], [-0.5, 0.5], [0.75, -1.5]];
const CLASS_A: [usize; 4] = [0, 1, 1, 0];
const CLASS_B: [usize; 4] = [1, 1, 0, 0];

/// Who has what: a bit for each sample.
#[derive(Debug, Clone, Copy)]
struct Has {
    a: [bool; 4],
    b: [bool; 4],
    targets: [bool; 4],
}

/// Each objective's loss, and whether some sample has it.
fn found(has: Has) -> Vec<(String, f32, bool)> {
    let checked = of_text(SPEC);
    let objectives = checked.model.objectives.iter().map(|objective| objective.name.clone());
    let mode = Mode::Forward { objectives: objectives.collect() };
    let options = CompileOptions { batch: 5, mode, ..CompileOptions::default() };
    let mut session = Session::new(&checked, &options, &Device::cpu(2)).expect("it compiles");
    let mut tensors = Tensors::new();
    let bits =
        |bits: [bool; 4]| tensor(&[4], bits.iter().map(|bit| f32::from(u8::from(*bit))).collect());
    // What is absent must not be looked at.
    let fed = |numbers: [[f32; 2]; 4], has: [bool; 4]| {
        let rows = numbers.iter().zip(has);
        rows.flat_map(|(row, has)| if has { *row } else { [f32::NAN; 2] }).collect::<Vec<f32>>()
    };
    let hot = |classes: [usize; 4]| {
        let rows = classes.iter().zip(has.targets);
        let row = |(class, has): (&usize, bool)| match (has, class) {
            (false, _) => [f32::NAN; 2],
            (true, 0) => [1.0, 0.0],
            (true, _) => [0.0, 1.0],
        };
        rows.flat_map(row).collect::<Vec<f32>>()
    };
    tensors.insert("a", tensor(&[4, 1, 2], fed(A, has.a)));
    tensors.insert("b", tensor(&[4, 1, 2], fed(B, has.b)));
    tensors.insert("a.present", bits(has.a));
    tensors.insert("b.present", bits(has.b));
    tensors.insert("ta", tensor(&[4, 2], hot(CLASS_A)));
    tensors.insert("tb", tensor(&[4, 2], hot(CLASS_B)));
    tensors.insert("tc", tensor(&[4, 2], hot(CLASS_A)));
    tensors.insert("tm", tensor(&[4, 1, 2], fed(B, has.targets)));
    for target in ["ta", "tb", "tc", "tm"] {
        tensors.insert(format!("{target}.present"), bits(has.targets));
    }
    let results = session.run(&Batch { tensors }, &RunOptions::default()).expect("it runs");
    let losses = results.losses().expect("it comes back").into_iter();
    losses
        .map(|(name, loss)| {
            let has = results.has_loss(&name);
            (name, loss, has)
        })
        .collect()
}

fn wide(row: [f32; 2]) -> [f64; 2] {
    row.map(f64::from)
}

fn log_sum(logits: &[f64]) -> f64 {
    logits.iter().map(|logit| logit.exp()).sum::<f64>().ln()
}

/// The mean over samples; none of none.
fn mean(of: impl Iterator<Item = f64>) -> Option<f64> {
    let all: Vec<f64> = of.collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

fn entropy(logits: [[f32; 2]; 4], classes: [usize; 4], has: impl Fn(usize) -> bool) -> Option<f64> {
    mean((0..4).filter(|at| has(*at)).map(|at| {
        let row = wide(logits[at]);
        log_sum(&row) - row[classes[at]]
    }))
}

fn similarity(a: [f32; 2], b: [f32; 2]) -> f64 {
    let ([a0, a1], [b0, b1]) = (wide(a), wide(b));
    (a0 * b0 + a1 * b1) / (a0.hypot(a1) * b0.hypot(b1)) / 0.5
}

/// Rows of one side against the other: those of `who` alone.
fn against(who: &[usize], swap: bool) -> Option<f64> {
    let of =
        |i: usize, j: usize| if swap { similarity(A[j], B[i]) } else { similarity(A[i], B[j]) };
    mean(who.iter().map(|i| {
        let all: Vec<f64> = who.iter().map(|j| of(*i, *j)).collect();
        log_sum(&all) - of(*i, *i)
    }))
}

fn expected(has: Has, objective: &str) -> Option<f64> {
    let with_a = |at: usize| has.a[at] && has.targets[at];
    let with_b = |at: usize| has.b[at] && has.targets[at];
    let first = entropy(A, CLASS_A, with_a);
    let second = entropy(B, CLASS_B, with_b);
    let who: Vec<usize> = (0..4).filter(|at| has.a[*at] && has.b[*at]).collect();
    match objective {
        "plain" => first,
        "averaged" => mean(first.into_iter().chain(second)),
        "summed" => {
            let sum = first.unwrap_or(0.0) + 0.5 * second.unwrap_or(0.0);
            first.or(second).map(|_| sum)
        }
        "smoothed" => mean((0..4).filter(|at| with_a(*at)).map(|at| {
            let row = wide(A[at]);
            log_sum(&row) - 0.8 * row[CLASS_A[at]] - 0.1 * (row[0] + row[1])
        })),
        "sigmoids" => mean((0..4).filter(|at| with_b(*at)).map(|at| {
            let row = wide(B[at]);
            let one = |i: usize| {
                let target = f64::from(u8::from(CLASS_A[at] == i));
                row[i].exp().ln_1p() - target * row[i]
            };
            (one(0) + one(1)) / 2.0
        })),
        "squares" => mean((0..4).filter(|at| with_a(*at)).map(|at| {
            let (a, b) = (wide(A[at]), wide(B[at]));
            ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)) / 2.0
        })),
        "both" => mean(against(&who, false).into_iter().chain(against(&who, true))),
        "forward" => against(&who, false),
        "joint" => {
            // Both directions in one softmax, the pair itself once; see the definition of `nce`.
            let row = |i: &usize| {
                let one = who.iter().map(|j| similarity(A[*i], B[*j]));
                let other = who.iter().filter(|j| *j != i).map(|j| similarity(A[*j], B[*i]));
                log_sum(&one.chain(other).collect::<Vec<_>>()) - similarity(A[*i], B[*i])
            };
            mean(who.iter().map(row))
        }
        _ => unreachable!("the objectives of the spec"),
    }
}

fn check(a: [u8; 4], b: [u8; 4], targets: [u8; 4]) {
    let bits = |bits: [u8; 4]| bits.map(|bit| bit == 1);
    let has = Has { a: bits(a), b: bits(b), targets: bits(targets) };
    let pairs = (0..4).filter(|at| has.a[*at] && has.b[*at]).count();
    for (objective, found, is_there) in found(has) {
        let expected = expected(has, &objective);
        // A pair alone has nothing that it could be told from.
        let is_lonely = ["both", "forward", "joint"].contains(&objective.as_str()) && pairs == 1;
        assert_eq!(is_there, expected.is_some() && !is_lonely, "{objective} with {has:?}");
        let expected = expected.unwrap_or(0.0);
        assert!(
            (f64::from(found) - expected).abs() <= 1e-6,
            "{objective} is {found} and not {expected} with {has:?}"
        );
    }
}

#[test]
fn samples_that_lack_something() {
    let (all, none) = ([1; 4], [0; 4]);
    check(all, all, all);
    check([1, 1, 0, 1], all, all);
    check([1, 1, 0, 0], [0, 1, 1, 0], all);
    check([1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1]);
    check(all, none, [0, 1, 1, 1]);
    check(none, all, all);
    check(all, all, none);
    check(none, none, none);
    check([1, 0, 0, 0], [1, 0, 0, 0], all);
}
