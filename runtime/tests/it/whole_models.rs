//! The models of the repository: the CPU executor against the interpreter, forward, backward and a step of training.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule};
use zorro_runtime::compiler::random_model::{random_feed, random_samples};
use zorro_runtime::compiler::{CompileOptions, Mode, compile_graph};

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
    println!("worst {worst:?}");
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
    let optimizer = Optimizer { rule, weight_decay: 0.05, clip: Some(1.0) };
    let decay = Decay::Matrices;
    check_all(|objective| Mode::Training { objective: objective.to_owned(), optimizer, decay });
}
