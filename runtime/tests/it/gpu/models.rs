//! The models of the repository on a device.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule};
use zorro_runtime::compiler::random_model::{random_feed, random_samples};
use zorro_runtime::compiler::{CompileOptions, Mode, compile_graph};

use super::super::compare::Worst;
use super::super::models;
use super::super::random_specs::{moving, old};
use super::{gpu_equals_cpu, gpus, turn};

fn check(name: &str, mode: impl Fn(&str) -> Mode, seed: u64) -> Worst {
    let checked = models::small(name);
    let model = &checked.model;
    let mode = mode(&model.objectives[0].name);
    let options = CompileOptions { batch: 3, mode, random: true, ..CompileOptions::default() };
    let graph = compile_graph(&checked, &options).expect("it compiles");
    let feed = random_feed(model, &graph, &random_samples(model, 3, seed), seed);
    let feed = moving(feed, seed);
    let old = old(model, &graph, &feed);
    let mut worst = Worst::default();
    for gpu in gpus() {
        match gpu_equals_cpu(model, &graph, &feed, &old, &gpu) {
            Ok(found) => worst = worst.and(found),
            Err(text) => {
                panic!("{name}, {:?}, seed {seed}, {:?}: {text}", options.mode, gpu.target())
            }
        }
    }
    worst
}

fn check_all(mode: impl Fn(&str) -> Mode) {
    let _turn = turn();
    let mut worst = Worst::default();
    for (seed, name) in (0..).zip(models::names()) {
        worst = worst.and(check(&name, &mode, seed));
    }
    eprintln!("worst {worst:?}");
}

#[test]
fn forward() {
    check_all(|objective| Mode::Forward { objectives: vec![objective.to_owned()] });
}

#[test]
fn gradients_of_cotangents() {
    check_all(|_| Mode::Gradients(Seed::Outputs));
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
