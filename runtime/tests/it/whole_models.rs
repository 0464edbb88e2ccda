//! The models of the repository: the CPU executor against the interpreter, forward, backward and a step of training.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule};
use zorro_runtime::compiler::random_model::{random_feed, random_samples};
use zorro_runtime::compiler::{CompileOptions, Mode, compile_graph};
use zorro_runtime::{Device, RunOptions, Session, Tensors};

use super::compare::{Worst, compare};
use super::execute::{executed, interpreted, rounded};
use super::models;
use super::random_specs::{moving, old};

fn check(name: &str, mode: Mode, seed: u64) -> Worst {
    let checked = models::small(name);
    let options = CompileOptions { batch: 3, mode, random: true, ..CompileOptions::default() };
    let graph = compile_graph(&checked, &options).expect("it compiles");
    let model = &checked.model;
    let feed = random_feed(model, &graph, &random_samples(model, 3, seed), seed);
    let feed = moving(feed, seed);
    let expected = interpreted(model, &graph, &feed);
    let found = executed(model, &graph, &feed, 2);
    let rounded = || rounded(model, &graph, &feed);
    match compare(&expected, rounded, &found, &old(model, &graph, &feed)) {
        Ok(worst) => worst,
        Err(text) => panic!("{name}, {:?}, seed {seed}: {text}", options.mode),
    }
}

fn check_all(mode: impl Fn(&str) -> Mode) {
    let mut worst = Worst::default();
    for (seed, name) in (0..).zip(models::names()) {
        let objective = models::small(&name).model.objectives[0].name.clone();
        worst = worst.and(check(&name, mode(&objective), seed));
    }
    eprintln!("worst {worst:?}");
}

#[test]
fn gradients_of_objectives() {
    check_all(|objective| Mode::Gradients(Seed::Loss(objective.to_owned())));
}

#[test]
fn gradients_of_cotangents() {
    check_all(|_| Mode::Gradients(Seed::Outputs));
}

#[test]
fn all_objectives_and_outputs() {
    for (seed, name) in (100..).zip(models::names()) {
        let model = models::small(&name).model;
        let objectives = model.objectives.into_iter().map(|objective| objective.name);
        check(&name, Mode::Forward { objectives: objectives.collect() }, seed);
    }
}

#[test]
fn steps_of_training() {
    let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.05, clip: Some(1.0), accumulate: 1 };
    let decay = Decay::Matrices;
    check_all(|objective| Mode::Training {
        objective: objective.to_owned(),
        optimizer,
        decay,
        frozen: Vec::new(),
    });
}

/// Weights are moved in place; an output that is nothing but weights shows those that the step began with.
#[test]
fn outputs_of_weights_are_older_than_the_step() {
    let checked = models::of_text(
        "model m {
          modality a = tensor([2, 4])
          tokens z = latents(2, 4)
          output whole = z
          output part = z[1]
          output o = a |> linear(4)
          objective loss = mse(z, o)
        }",
    );
    let rule = Rule::Sgd { momentum: 0.9, nesterov: false };
    let optimizer = Optimizer { rule, weight_decay: 0.0, clip: None, accumulate: 1 };
    let mode = Mode::Training {
        objective: "loss".to_owned(),
        optimizer,
        decay: Decay::Matrices,
        frozen: Vec::new(),
    };
    let options = CompileOptions { batch: 1, mode, ..CompileOptions::default() };
    let mut session = Session::new(&checked, &options, &Device::cpu(1)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let numbers = |tensors: &Tensors, name: &str| tensors.get(name).expect("there").data().to_f32();
    let before = numbers(&session.weights().expect("it comes back"), "z.latents");
    let batch = models::random_batch(&checked.model, 1, 1);
    let step = RunOptions { learning_rate: 0.5, ..RunOptions::default() };
    let outputs = session.run(&batch, &step).expect("it runs").outputs().expect("it comes back");
    assert_eq!(numbers(&outputs, "whole"), before);
    assert_eq!(numbers(&outputs, "part"), before[4..]);
    assert_ne!(numbers(&session.weights().expect("it comes back"), "z.latents"), before);
}
