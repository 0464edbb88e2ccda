//! Mixed precision on a device, and its loss scale.
//!
//! The plan says what is rounded to 16 bits, and its interpreter does the same in doubles. A device differs from that where a
//! number lies so near the middle of two that its 32 bits round to the other, by one step, and the rest follows. Both
//! are about as far from single precision, so they may be twice as far apart, in the norm of each result, or a step. How far that is is said for each
//! model where plans are tested.

use std::collections::BTreeMap;

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::graph::Precision;
use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{FIRST_SCALE, Optimizer, Rule};
use zorro_runtime::compiler::random_model::{random_feed, random_samples};
use zorro_runtime::compiler::{CompileOptions, Mode, compile_graph};
use zorro_runtime::gpu::Gpu;
use zorro_runtime::{Device, RunOptions, RuntimeError, Session, Tensor, TensorData, Tensors};

use super::super::execute::{Name, interpreted, planned};
use super::super::models::{names, random_batch, small};
use super::{gpus, on_device, turn};

/// Of a number: the step from one of 16 bits to the next.
const STEP: f64 = 9.8e-4;
/// Of the largest result: terms that cancel are as large as other results, and are rounded by 4.9e-4 of themselves.
const FLOOR: f64 = 4.9e-4;

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

/// How far apart two lists are.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
}

/// The worst part of what is allowed.
fn worst(name: &str, gpu: &Gpu) -> f64 {
    let checked = small(name);
    let model = &checked.model;
    let mode = Mode::Gradients(Seed::Loss(model.objectives[0].name.clone()));
    let options = CompileOptions { batch: 3, mode, ..CompileOptions::default() };
    let mut graph = compile_graph(&checked, &options).expect("it compiles");
    let feed = random_feed(model, &graph, &random_samples(model, 3, 1), 1);
    let single = interpreted(model, &graph, &feed);
    graph.precision = Precision::Mixed;
    let mixed = planned(model, &graph, &feed);
    let found = on_device(model, &graph, &feed, gpu);
    let largest = single.values().map(|numbers| norm(numbers)).fold(1.0, f64::max);
    let part = |name: &Name| {
        let rounding = apart(&single[name], &mixed[name]);
        let allowed = (2.0 * rounding).max(STEP * norm(&single[name])).max(FLOOR * largest);
        apart(&mixed[name], &found[name]) / allowed
    };
    mixed.keys().map(part).fold(0.0, f64::max)
}

#[test]
fn models_are_what_their_plans_say() {
    let _turn = turn();
    for gpu in gpus().into_iter().filter(|gpu| gpu.target().f16) {
        for name in names() {
            let worst = worst(&name, &gpu);
            eprintln!("{name}: {worst:.2} of what is allowed");
            assert!(worst <= 1.0, "{name}: {worst:.2} of what is allowed");
        }
    }
}

fn session(gpu: &Gpu) -> Result<Session, RuntimeError> {
    let checked = small("zorro_vit");
    let objective = checked.model.objectives[0].name.clone();
    let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(1.0), accumulate: 1 };
    let mode = Mode::Training { objective, optimizer, decay: Decay::Matrices, frozen: Vec::new() };
    let precision = Precision::Mixed;
    let options = CompileOptions { batch: 3, mode, precision, ..CompileOptions::default() };
    let mut session = Session::new(&checked, &options, &Device::Gpu(gpu.clone()))?;
    session.initialize(1)?;
    Ok(session)
}

fn bits(weights: &Tensors) -> BTreeMap<String, Vec<u32>> {
    let bits = |tensor: &Tensor| tensor.data().to_f32().iter().map(|it| it.to_bits()).collect();
    weights.iter().map(|(name, tensor)| (name.to_owned(), bits(tensor))).collect()
}

#[test]
fn a_step_that_overflows_moves_nothing_but_the_scale() {
    let _turn = turn();
    for gpu in gpus().into_iter().filter(|gpu| gpu.target().f16) {
        let mut session = session(&gpu).expect("it compiles");
        let run =
            RunOptions { learning_rate: 1e-3, corrections: (0.1, 0.001), ..RunOptions::default() };
        let batch = random_batch(session.model(), 3, 1);
        assert_eq!(session.loss_scale().expect("it comes back"), Some(FIRST_SCALE));
        let before = bits(&session.weights().expect("they come back"));
        session.run(&batch, &run).expect("it runs");
        let after = bits(&session.weights().expect("they come back"));
        assert_ne!(before, after, "a step moves weights");
        assert_eq!(session.loss_scale().expect("it comes back"), Some(FIRST_SCALE));
        let mut bad = batch.clone();
        let (name, tensor) = bad.tensors.iter().next().expect("something is fed");
        let numbers = vec![f32::INFINITY; tensor.data().to_f32().len()];
        let tensor = Tensor::new(tensor.shape().to_vec(), TensorData::F32(numbers));
        let name = name.to_owned();
        bad.tensors.insert(&name, tensor.expect("as many numbers"));
        session.run(&bad, &run).expect("it runs");
        assert_eq!(bits(&session.weights().expect("they come back")), after, "nothing moves");
        assert_eq!(session.loss_scale().expect("it comes back"), Some(FIRST_SCALE / 2.0));
    }
}

#[test]
fn devices_without_halves_say_so() {
    let _turn = turn();
    for gpu in gpus().into_iter().filter(|gpu| !gpu.target().f16) {
        let error = session(&gpu).expect_err("there are no halves");
        assert!(error.to_string().contains("half precision"), "{error}");
    }
}
