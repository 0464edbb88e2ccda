//! Losses, sample by sample.

use super::{How, PLAIN, Run, close, dot, mean, rows};
use crate::graph::Sample;

/// Logits, targets and samples that have both, only one, or neither.
fn classified(kind: &str, loss: &str, batch: usize) -> Run {
    let statements = format!(
        "modality u = tensor([1, 4])\nmodality y = tensor([1, 4])\ntarget t = {kind}(4)
         output o = u + 0\nobjective l = {loss}"
    );
    let mut run = Run::new(&statements, How { batch, ..PLAIN });
    let targets = rows(&run.input("t"), 4);
    // Distributions, as of a mixture of two samples.
    let whole: Vec<f64> = targets
        .iter()
        .flat_map(|row| {
            let sum: f64 = row.iter().map(|n| n.abs()).sum();
            row.iter().map(|n| n.abs() / sum).collect::<Vec<f64>>()
        })
        .collect();
    run.input_mut("t").copy_from_slice(&whole);
    run
}

fn cross_entropy(logits: &[f64], target: &[f64], smoothing: f64) -> f64 {
    let sum: f64 = logits.iter().map(|a| a.exp()).sum();
    let n = logits.len() as f64;
    logits
        .iter()
        .zip(target)
        .map(|(a, t)| -(t * (1.0 - smoothing) + smoothing / n) * (a.exp() / sum).ln())
        .sum()
}

fn sigmoid_cross_entropy(logits: &[f64], target: &[f64]) -> f64 {
    let one = |a: f64, t: f64| {
        let p = 1.0 / (1.0 + (-a).exp());
        -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
    };
    mean(&logits.iter().zip(target).map(|(a, t)| one(*a, *t)).collect::<Vec<f64>>())
}

#[test]
fn classes() {
    for (kind, text, smoothing) in [
        ("class", "cross_entropy(o, t)", Some(0.0)),
        ("class", "cross_entropy(o, t, smoothing: 0.2)", Some(0.2)),
        ("class", "cross_entropy(o, t, smoothing: 1)", Some(1.0)),
        ("classes", "sigmoid_cross_entropy(o, t)", None),
    ] {
        let mut run = classified(kind, text, 5);
        let samples: &[(&[&str], &[&str])] =
            &[(&["u"], &["t"]), (&["u"], &[]), (&["y"], &["t"]), (&["u", "y"], &["t"]), (&[], &[])];
        run.have(samples);
        let (x, t) = (run.rows("u", 4), run.rows("t", 4));
        let one = |at: usize| match smoothing {
            Some(smoothing) => cross_entropy(&x[at], &t[at], smoothing),
            None => sigmoid_cross_entropy(&x[at], &t[at]),
        };
        close(&[run.loss("l")], &[mean(&[one(0), one(3)])]);
        // What only fills the batch does not count, though it has all.
        run.feed.samples[3].counted = false;
        close(&[run.loss("l")], &[one(0)]);
        run.feed.samples = vec![Sample::filler(); 5];
        close(&[run.loss("l")], &[0.0]);
    }
}

#[test]
fn large_logits_stay_finite() {
    for (kind, text, expected) in [
        ("class", "cross_entropy(1000 * o, t)", 3000.0),
        ("classes", "sigmoid_cross_entropy(1000 * o, t)", (2000.0 + 1000.0) / 4.0),
    ] {
        let mut run = classified(kind, text, 1);
        run.input_mut("u").copy_from_slice(&[1.0, 0.0, -2.0, -1000.0]);
        run.input_mut("t").copy_from_slice(&[0.0, 0.0, 1.0, 0.0]);
        let found = run.loss("l");
        assert!((found - expected).abs() < 1.0, "{found} near {expected}");
    }
}

fn cosines(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let one = |a: &Vec<f64>, b: &Vec<f64>| dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt());
    a.iter().map(|a| b.iter().map(|b| one(a, b)).collect()).collect()
}

/// Equation 2, over the samples that have both.
fn nce(a: &[Vec<f64>], b: &[Vec<f64>], temperature: f64, negatives: &str) -> f64 {
    let scores: Vec<Vec<f64>> = cosines(a, b)
        .into_iter()
        .map(|row| row.into_iter().map(|score| (score / temperature).exp()).collect())
        .collect();
    let n = scores.len();
    let losses: Vec<f64> = (0..n)
        .map(|i| {
            let own = scores[i][i];
            let there: f64 = scores[i].iter().sum();
            let back: f64 = (0..n).map(|j| scores[j][i]).sum();
            match negatives {
                "forward" => -(own / there).ln(),
                "joint" => -(own / (there + back - own)).ln(),
                _ => -((own / there).ln() + (own / back).ln()) / 2.0,
            }
        })
        .collect();
    mean(&losses)
}

#[test]
fn contrast() {
    for (temperature, value) in [
        ("", 0.08),
        (", temperature: 0.5", 0.5),
        (", temperature: learned([], init: 0.3)", f64::NAN),
        (", temperature: exp(learned([], init: -1))", f64::NAN),
        (", temperature: mean(learned([], init: 0.5), learned([], init: 0.5))", 0.75),
    ] {
        for negatives in ["both", "forward", "joint"] {
            let statements = format!(
                "modality u = tensor([1, 4])\nmodality y = tensor([1, 4])
                 output a = u + 0\noutput b = y + 0
                 objective l = nce(a, b{temperature}, negatives: {negatives})"
            );
            let mut run = Run::new(&statements, How { batch: 5, ..PLAIN });
            let weights: Vec<String> =
                run.checked.model.weights.iter().map(|weight| weight.name.clone()).collect();
            for (at, name) in weights.iter().enumerate() {
                run.weight_mut(name)[0] = [0.5, 1.0][at];
            }
            let value = match (value.is_nan(), temperature.contains("exp")) {
                (false, _) => value,
                (true, false) => 0.5,
                (true, true) => 0.5_f64.exp(),
            };
            let (x, y) = (run.rows("u", 4), run.rows("y", 4));
            close(&[run.loss("l")], &[nce(&x, &y, value, negatives)]);
            // Who lacks a side, or only fills the batch, counts nowhere and is nobody's negative.
            run.have(&[
                (&["u", "y"], &[]),
                (&["u"], &[]),
                (&["u", "y"], &[]),
                (&["y"], &[]),
                (&["u", "y"], &[]),
            ]);
            let pick = |rows: &[Vec<f64>], at: &[usize]| -> Vec<Vec<f64>> {
                at.iter().map(|at| rows[*at].clone()).collect()
            };
            let of = |at: &[usize]| nce(&pick(&x, at), &pick(&y, at), value, negatives);
            close(&[run.loss("l")], &[of(&[0, 2, 4])]);
            run.feed.samples[2].counted = false;
            close(&[run.loss("l")], &[of(&[0, 4])]);
            // What the others are fed is of no matter.
            run.input_mut("u")[4..12].fill(1e30);
            run.input_mut("y")[12..16].fill(1e30);
            close(&[run.loss("l")], &[of(&[0, 4])]);
            run.feed.samples = vec![Sample::filler(); 5];
            close(&[run.loss("l")], &[0.0]);
        }
    }
}

#[test]
fn squares() {
    let statements = "modality u = tensor([3, 2])\nmodality y = tensor([3, 2])
        target t = tensor([3, 2])\noutput a = u + 0\noutput b = y * 2
        objective l = mse(a, t)\nobjective m = mse(a, b)";
    let mut run = Run::new(statements, How { batch: 3, ..PLAIN });
    run.have(&[(&["u", "y"], &["t"]), (&["u"], &["t"]), (&["u", "y"], &[])]);
    let (x, y, t) = (run.rows("u", 6), run.rows("y", 6), run.rows("t", 6));
    let squares = |a: &[f64], b: &[f64], factor: f64| {
        mean(&a.iter().zip(b).map(|(a, b)| (a - factor * b).powi(2)).collect::<Vec<f64>>())
    };
    let of_target = [squares(&x[0], &t[0], 1.0), squares(&x[1], &t[1], 1.0)];
    close(&[run.loss("l")], &[mean(&of_target)]);
    close(&[run.loss("m")], &[mean(&[squares(&x[0], &y[0], 2.0), squares(&x[2], &y[2], 2.0)])]);
}

#[test]
fn means_and_sums_of_losses() {
    let statements =
        "modality u = tensor([1, 2])\nmodality y = tensor([1, 2])\ntarget t = tensor([1, 2])
        output a = u + 0\noutput b = y + 0
        objective of_x = mse(a, t)\nobjective of_y = mse(b, t)
        objective average = mean(of_x, of_y)
        objective sum = of_x + 3 * of_y - of_x / 4
        objective nested = mean(2 * of_x + of_y, mean(of_y, of_y), of_x) * 0.5";
    let mut run = Run::new(statements, PLAIN);
    run.have(&[(&["u", "y"], &["t"]), (&["u"], &["t"])]);
    let (x, y) = (run.loss("of_x"), run.loss("of_y"));
    close(&[run.loss("average")], &[(x + y) / 2.0]);
    close(&[run.loss("sum")], &[0.75 * x + 3.0 * y]);
    close(&[run.loss("nested")], &[0.5 * ((2.0 * x + y) + y + x) / 3.0]);
    // No sample has y: a mean is over what there is, and in a sum it counts 0.
    run.have(&[(&["u"], &["t"]), (&["u"], &["t"])]);
    let x = run.loss("of_x");
    close(&[run.loss("of_y"), run.loss("average")], &[0.0, x]);
    close(&[run.loss("sum")], &[0.75 * x]);
    close(&[run.loss("nested")], &[0.5 * (2.0 * x + x) / 2.0]);
    run.feed.samples = vec![Sample::filler(); 2];
    close(&["average", "sum", "nested"].map(|name| run.loss(name)), &[0.0; 3]);
}
