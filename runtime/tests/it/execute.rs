//! A graph and its feed, run by the interpreter and by the CPU executor.
//!
//! In: a graph, a feed. Out: its roots' numbers by name, weights apart from one another however the buffers are cut.
//! Deliberately not here: tolerances.

use std::collections::BTreeMap;
use std::sync::Arc;

use zorro_runtime::batch::FedTensor;
use zorro_runtime::compiler::Model;
use zorro_runtime::compiler::graph::interpret::{Feed, interpret, interpret_rounded};
use zorro_runtime::compiler::graph::{BufferId, Graph, InputId, Parameters, RootKind, Slot};
use zorro_runtime::compiler::plan::plan;
use zorro_runtime::cpu::Step;
use zorro_runtime::{Device, Executor};

/// What a result is, so that it can be compared as such.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Output(String),
    Loss(String),
    InputGradient(String),
    WeightGradient(String),
    Update(String, Slot),
    GradientNorm,
}

/// Results by name. Numbers of weights that have no gradient or update are left out.
pub(crate) type Results = BTreeMap<Name, Vec<f64>>;

/// By the definition, in doubles.
pub(crate) fn interpreted(model: &Model, graph: &Graph, feed: &Feed) -> Results {
    of_nodes(model, graph, interpret(graph, feed))
}

/// By its plan, in doubles but for what is stored in half precision.
pub(crate) fn planned(model: &Model, graph: &Graph, feed: &Feed) -> Results {
    let plan = plan(graph);
    let values = zorro_runtime::compiler::plan::interpret(&plan, feed);
    let results = plan.results.iter().zip(values);
    let results = results.map(|(result, numbers)| (result.kind, result.name.as_str(), numbers));
    by_name(model, &plan.parameters, results.collect::<Vec<_>>())
}

/// The same with every number rounded to `f32`.
pub(crate) fn rounded(model: &Model, graph: &Graph, feed: &Feed) -> Results {
    let round = |number: f64| f64::from(number as f32);
    of_nodes(model, graph, interpret_rounded(graph, feed, round))
}

fn of_nodes(model: &Model, graph: &Graph, values: Vec<Option<Vec<f64>>>) -> Results {
    let mut roots = Vec::new();
    for root in &graph.roots {
        let numbers = values[root.node.index()].as_ref().expect("roots are computed");
        roots.push((root.kind, root.name.as_str(), numbers.clone()));
    }
    by_name(model, &graph.parameters, roots)
}

/// On the CPU.
pub(crate) fn executed(model: &Model, graph: &Graph, feed: &Feed, threads: usize) -> Results {
    let device = Device::cpu(threads);
    let mut executor = Executor::new(Arc::new(plan(graph)), &device).expect("there is memory");
    fill(&mut executor, feed);
    executor.run(&step(feed)).expect("the feed fits");
    results(model, &executor)
}

/// What an executor has made, by name.
pub(crate) fn results(model: &Model, executor: &Executor) -> Results {
    let plan = executor.plan();
    let roots = plan.results.iter().enumerate().map(|(at, result)| {
        let numbers = executor.result(at).expect("it comes back");
        let numbers = numbers.iter().map(|number| f64::from(*number)).collect();
        (result.kind, result.name.as_str(), numbers)
    });
    by_name(model, &plan.parameters, roots.collect::<Vec<_>>())
}

/// Inputs, weights and states of a feed.
pub(crate) fn fill(executor: &mut Executor, feed: &Feed) {
    let inputs: Vec<_> = executor.plan().inputs.iter().map(|(input, _)| input.kind).collect();
    for ((id, kind), numbers) in (0..).map(InputId).zip(inputs).zip(&feed.inputs) {
        let fed = if kind.is_integer() {
            FedTensor::Integers(numbers.iter().map(|number| *number as u32).collect())
        } else {
            FedTensor::Numbers(single(numbers))
        };
        executor.feed(id, &fed).expect("the feed fits");
    }
    for (id, numbers) in (0..).map(BufferId).zip(&feed.parameters) {
        let numbers = single(numbers);
        executor.set_parameters(id, Slot::Weight, 0, &numbers).expect("they fit");
    }
    for ((buffer, slot), numbers) in &feed.states {
        let numbers = single(numbers);
        executor.set_parameters(*buffer, *slot, 0, &numbers).expect("they fit");
    }
}

/// The step that a feed says.
pub(crate) fn step(feed: &Feed) -> Step {
    Step {
        samples: feed.samples.clone(),
        seed: feed.seed,
        first_sample: feed.first_sample,
        learning_rate: feed.learning_rate as f32,
        first_correction: feed.first_correction as f32,
        second_correction: feed.second_correction as f32,
        updates: feed.updates,
    }
}

fn single(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

/// Cuts what is made of buffers into weights.
fn by_name(
    model: &Model,
    parameters: &Parameters,
    roots: Vec<(RootKind, &str, Vec<f64>)>,
) -> Results {
    let mut named = Results::new();
    for (kind, name, numbers) in roots {
        let name = name.to_owned();
        match kind {
            RootKind::Output => add(&mut named, Name::Output(name), &numbers),
            RootKind::Loss => add(&mut named, Name::Loss(name), &numbers),
            RootKind::InputGradient => add(&mut named, Name::InputGradient(name), &numbers),
            RootKind::GradientNorm => add(&mut named, Name::GradientNorm, &numbers),
            RootKind::Term(..) => panic!("{kind:?} was not asked for"),
            RootKind::ParameterGradient(buffer, start) => {
                for (weight, own) in weights(model, parameters, buffer, start, &numbers) {
                    add(&mut named, Name::WeightGradient(weight), own);
                }
            }
            RootKind::Update(buffer, slot, start) => {
                for (weight, own) in weights(model, parameters, buffer, start, &numbers) {
                    add(&mut named, Name::Update(weight, slot), own);
                }
            }
        }
    }
    named
}

/// The weights that a part of a buffer holds, and their numbers.
pub(crate) fn weights<'a, T>(
    model: &Model,
    parameters: &Parameters,
    buffer: BufferId,
    start: usize,
    numbers: &'a [T],
) -> Vec<(String, &'a [T])> {
    let places = model.weights.iter().zip(&parameters.places);
    let own = places.filter_map(|(weight, place)| {
        let place = (*place)?;
        let from = place.offset.max(start);
        let to = (place.offset + place.numbers).min(start + numbers.len());
        let holds = place.buffer == buffer && from < to;
        holds.then(|| (weight.name.clone(), &numbers[from - start..to - start]))
    });
    own.collect()
}

fn add(named: &mut Results, name: Name, numbers: &[f64]) {
    named.entry(name).or_default().extend(numbers);
}
