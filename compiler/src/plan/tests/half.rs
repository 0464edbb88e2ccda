//! Mixed precision: how far it is from single, and what it saves.
//!
//! Numbers in half precision are rounded by up to 2^-11 = 4.9e-4 of themselves; rounding errors are independent, and grow by the
//! root of how many follow each other. What is held: results in the norm, 2e-3 for outputs and losses, 1e-2 for gradients.

use super::models::{LISTS, SMALL, everything, model, training};
use crate::graph::interpret::Feed;
use crate::graph::{Precision, RootKind};
use crate::plan::{Plan, interpret, plan, verify};
use crate::random_model::{random_feed, random_samples};

const VALUES: f64 = 2e-3;
const GRADIENTS: f64 = 1e-2;

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

/// The worst relative error of values and of gradients.
fn errors(single: &Plan, mixed: &Plan, feed: &Feed) -> (f64, f64) {
    let (expected, found) = (interpret(single, feed), interpret(mixed, feed));
    let largest = expected.iter().map(|numbers| norm(numbers)).fold(0.0, f64::max);
    let mut worst = (0.0_f64, 0.0_f64);
    for ((result, expected), found) in single.results.iter().zip(&expected).zip(&found) {
        let off: Vec<f64> = expected.iter().zip(found).map(|(a, b)| a - b).collect();
        let gradient = matches!(result.kind, RootKind::ParameterGradient(..));
        // Gradients that are small beside others come of cancellation.
        let of = if gradient { norm(expected).max(largest * 1e-2) } else { norm(expected) };
        let error = norm(&off) / of.max(1e-30);
        if gradient {
            worst.1 = worst.1.max(error);
        } else {
            worst.0 = worst.0.max(error);
        }
    }
    worst
}

fn check(name: &str, set: &[(&str, &str)]) {
    let checked = model(name, set);
    let samples = random_samples(&checked.model, 4, 3);
    let mut graph = training(&everything(&checked, 4, false));
    let feed = random_feed(&checked.model, &graph, &samples, 2);
    let single = plan(&graph);
    graph.precision = Precision::Mixed;
    let mixed = plan(&graph);
    assert_eq!(verify(&mixed), Ok(()), "{name}");
    let halves = mixed.kernels.iter().flat_map(|kernel| &kernel.writes).filter(|write| write.half);
    let halves = halves.count();
    let (values, gradients) = errors(&single, &mixed, &feed);
    let saved = 1.0 - mixed.activations as f64 / single.activations as f64;
    eprintln!(
        "{name}: values {values:.1e}, gradients {gradients:.1e}, {halves} halves, {:.0} % saved",
        100.0 * saved
    );
    assert!(halves > 0, "{name}: products read what is stored");
    assert!(values <= VALUES && gradients <= GRADIENTS, "{name}: {values:.1e}, {gradients:.1e}");
}

#[test]
fn mixed_precision_is_near() {
    for name in [
        "bottleneck",
        "clip",
        "input_level",
        "mbt",
        "perceiver",
        "trimodal",
        "two_streams",
        "vit",
        "zorro_vit",
        "zorro_vit_streams",
    ] {
        check(name, SMALL);
    }
    check("zorro_swin", LISTS);
    check("zorro_hip", LISTS);
}
