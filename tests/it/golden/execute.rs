//! The executors against golden numbers.

use zorro_compiler::autodiff::Seed;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::{CompileOptions, Mode};
use zorro_runtime::{Device, RunOptions, Session, Tensors};

use crate::adapter;

use super::case::{Case, Gradient, Loaded, Optimization, OptimizerKind, Scalar};
use super::compare::Comparison;
use super::graph::batch;

fn session(loaded: &Loaded, outputs: Vec<String>, mode: Mode, device: &Device) -> Session {
    let options = CompileOptions {
        batch: loaded.batch,
        outputs: Some(outputs),
        mode,
        ..CompileOptions::default()
    };
    let mut session = Session::new(&loaded.checked, &options, device).expect("it compiles");
    session.set_weights(&loaded.weights).expect("the weights fit");
    session
}

fn compare(case: &Case, loaded: &Loaded, device: &Device, comparison: &mut Comparison) {
    if !loaded.outputs.is_empty() || !loaded.losses.is_empty() {
        compare_forward(case, loaded, device, comparison);
    }
    for gradient in &loaded.gradients {
        compare_gradient(case, loaded, gradient, device, comparison);
    }
    for optimization in &loaded.optimizations {
        train(case, loaded, optimization, device, comparison);
    }
}

fn compare_forward(case: &Case, loaded: &Loaded, device: &Device, comparison: &mut Comparison) {
    let tolerance = loaded.tolerance;
    let values = (tolerance.value, tolerance.absolute);
    let only = loaded.outputs.names().map(str::to_owned).collect();
    let objectives = loaded.losses.keys().cloned().collect();
    let mut forward = session(loaded, only, Mode::Forward { objectives }, device);
    let run = RunOptions::default();
    let results = forward.run(&batch(loaded, None), &run).expect("it runs");
    let what = format!("{}: output", case.name);
    comparison.tensors(&what, &results.outputs().expect("it comes back"), &loaded.outputs, values);
    for (name, loss) in results.losses().expect("it comes back") {
        let what = format!("{}: loss {name}", case.name);
        comparison.numbers(&what, &[f64::from(loss)], &[loaded.losses[&name]], values);
    }
}

fn compare_gradient(
    case: &Case,
    loaded: &Loaded,
    gradient: &Gradient,
    device: &Device,
    comparison: &mut Comparison,
) {
    let (run, tolerance) = (RunOptions::default(), loaded.tolerance);
    let (seed, outputs, cotangents) = match &gradient.of {
        Scalar::Objective(name) => (Seed::Loss(name.clone()), Vec::new(), None),
        Scalar::Cotangents(tensors) => {
            (Seed::Outputs, tensors.names().map(str::to_owned).collect(), Some(tensors))
        }
    };
    let mut session = session(loaded, outputs, Mode::Gradients(seed), device);
    let results = session.run(&batch(loaded, cotangents), &run).expect("it runs");
    let ours: Tensors = [
        results.weight_gradients().expect("it comes back"),
        results.input_gradients().expect("it comes back"),
    ]
    .iter()
    .flat_map(Tensors::iter)
    .map(|(name, tensor)| (name.to_owned(), tensor.clone()))
    .collect();
    // A weight that nothing differentiated needs has no gradient; the golden one is zero.
    let golden = gradient.tensors.iter().filter(|(name, tensor)| {
        let is_zero = tensor.data().to_f32().iter().all(|number| *number == 0.0);
        ours.get(name).is_some() || !is_zero
    });
    let golden: Tensors = golden.map(|(name, tensor)| (name, tensor.clone())).collect();
    let limits = (tolerance.gradient, tolerance.absolute);
    comparison.tensors(&format!("{}: gradient", case.name), &ours, &golden, limits);
}

/// Steps of training on the one batch.
fn train(
    case: &Case,
    loaded: &Loaded,
    told: &Optimization,
    device: &Device,
    comparison: &mut Comparison,
) {
    let (rule, weight_decay) = match told.kind {
        OptimizerKind::Adamw { beta1, beta2, epsilon, decay } => {
            (Rule::AdamW { first: beta1, second: beta2, eps: epsilon }, decay)
        }
        OptimizerKind::Sgd { momentum, decay } => (Rule::Sgd { momentum, nesterov: false }, decay),
    };
    let optimizer = Optimizer { rule, weight_decay, clip: None, accumulate: 1 };
    let objective = told.objective.clone();
    let mode = Mode::Training { objective, optimizer, decay: Decay::All, frozen: Vec::new() };
    let mut session = session(loaded, Vec::new(), mode, device);
    let values = (loaded.tolerance.value, loaded.tolerance.absolute);
    let batch = batch(loaded, None);
    for (at, step) in (1..).zip(&told.steps) {
        let run = RunOptions {
            learning_rate: step.rate,
            corrections: optimizer.corrections(at),
            ..RunOptions::default()
        };
        let results = session.run(&batch, &run).expect("it runs");
        let loss = f64::from(results.losses().expect("it comes back")[&told.objective]);
        let what = format!("{}: loss before step {at}", case.name);
        comparison.numbers(&what, &[loss], &[step.loss_before], values);
        // Weights that the objective does not reach are no part of a step and stay what they are; the golden ones decay.
        let ours = session.weights().expect("it comes back");
        let golden = step.weights.iter().filter(|(name, _)| {
            ours.get(name).is_some() && !told.unstable.iter().any(|other| other == name)
        });
        let golden: Tensors = golden.map(|(name, tensor)| (name, tensor.clone())).collect();
        let what = format!("{}: after step {at}", case.name);
        comparison.tensors(&what, &ours, &golden, values);
    }
}

/// Holds a device to all golden numbers.
fn check(device: &Device) {
    let mut comparison = Comparison::default();
    for case in Case::all() {
        compare(&case, &case.load(), device, &mut comparison);
    }
    assert!(comparison.complaints.is_empty(), "\n{}", comparison.complaints.join("\n"));
    assert!(comparison.n_tensors > 1900, "{} tensors", comparison.n_tensors);
    eprintln!("{} tensors, worst {:?}", comparison.n_tensors, comparison.worst);
}

#[test]
fn the_processor_gives_the_golden_numbers() {
    check(&Device::cpu(2));
}

#[test]
fn devices_give_the_golden_numbers() {
    if let Some(device) = adapter::device() {
        check(&device);
    }
}
