//! What lowered models compute, against the same computed once more, in the plainest way.
//!
//! Sums of some ten numbers near 1 in doubles: 1e-12 leaves room for their order.

mod attend;
mod loss;
mod models;
mod parts;
mod presence;
mod random;
mod rows;
mod tokens;

use crate::flow::ModalitySet;
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, InputKind, RootKind, Sample};
use crate::lower::{Decay, Request, Unavailable, lower};
use crate::model::TargetId;
use crate::random_model::{Random, random_feed};
use crate::{Checked, Options, check_text};

/// A model, its graph, and what that is fed.
struct Run {
    checked: Checked,
    graph: Graph,
    feed: Feed,
}

/// How a model is lowered.
#[derive(Clone, Copy)]
struct How<'a> {
    batch: usize,
    random: bool,
    /// The modalities that there are, and the outputs that are wanted; none for all.
    only: Option<(&'a [&'a str], &'a [&'a str])>,
}

const PLAIN: How<'_> = How { batch: 2, random: false, only: None };

fn checked(statements: &str) -> Checked {
    let outcome = check_text(&format!("model m {{\n{statements}\n}}"), &Options::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}\n{statements}", outcome.diagnostics))
}

fn lowered(checked: &Checked, how: How<'_>) -> Result<Graph, Vec<Unavailable>> {
    let model = &checked.model;
    let all = (0..model.outputs.len()).collect();
    let (only, outputs) = match how.only {
        None => (None, all),
        Some((modalities, outputs)) => {
            let ids = modalities.iter().map(|name| model.modality(name).expect("a modality"));
            let at = |name: &&str| model.outputs.iter().position(|output| output.name == **name);
            let outputs = outputs.iter().map(|name| at(name).expect("an output")).collect();
            (Some(ModalitySet::of(ids)), outputs)
        }
    };
    let request = Request {
        batch: how.batch,
        outputs,
        objectives: if only.is_some() { vec![] } else { (0..model.objectives.len()).collect() },
        terms: None,
        only,
        random: how.random,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 20,
    };
    lower(checked, &request)
}

impl Run {
    /// Random weights, inputs and targets; samples have everything.
    fn new(statements: &str, how: How<'_>) -> Self {
        Self::of(checked(statements), how)
    }

    fn of(checked: Checked, how: How<'_>) -> Self {
        let graph = lowered(&checked, how).expect("all is there");
        let mut feed = random_feed(&checked.model, &graph, &vec![Sample::filler(); how.batch], 11);
        let (modalities, targets) = (checked.model.modalities.len(), checked.model.targets.len());
        feed.samples = vec![Sample::whole(modalities, targets); how.batch];
        for (input, numbers) in graph.inputs.iter().zip(&mut feed.inputs) {
            // By name, so that another graph of the model is fed the same.
            let mut random =
                Random::new(input.name.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte)));
            match input.kind {
                InputKind::Modality | InputKind::Target => {
                    numbers.iter_mut().for_each(|number| *number = random.real());
                }
                InputKind::Ids => {
                    numbers.iter_mut().for_each(|id| *id = f64::from(u8::from(random.chance(50))));
                }
                InputKind::IdOrder | InputKind::IdStarts | InputKind::Cotangent => {}
            }
        }
        Self { checked, graph, feed }
    }

    /// The numbers of a weight, as they lie in its buffer.
    fn weight_mut(&mut self, name: &str) -> &mut [f64] {
        let weights = &self.checked.model.weights;
        let at = weights.iter().position(|weight| weight.name == name);
        let at = at.unwrap_or_else(|| {
            panic!("{name} of {:?}", weights.iter().map(|weight| &weight.name).collect::<Vec<_>>())
        });
        let place = self.graph.parameters.places[at].expect("a weight that is needed");
        let buffer = &mut self.feed.parameters[place.buffer.0 as usize];
        &mut buffer[place.offset..place.offset + place.numbers]
    }

    fn weight(&mut self, name: &str) -> Vec<f64> {
        self.weight_mut(name).to_vec()
    }

    fn input_mut(&mut self, name: &str) -> &mut Vec<f64> {
        let at = self.graph.inputs.iter().position(|input| input.name == name);
        &mut self.feed.inputs[at.expect("an input")]
    }

    fn input(&mut self, name: &str) -> Vec<f64> {
        self.input_mut(name).clone()
    }

    /// A fed tensor as rows of a width.
    fn rows(&mut self, name: &str, width: usize) -> Vec<Vec<f64>> {
        rows(&self.input(name), width)
    }

    /// Says which modalities and which targets each sample has; what it lacks is fed as zeros.
    fn have(&mut self, samples: &[(&[&str], &[&str])]) {
        let model = &self.checked.model;
        self.feed.samples = samples
            .iter()
            .map(|(modalities, targets)| Sample {
                modalities: ModalitySet::of(
                    modalities.iter().map(|name| model.modality(name).expect("a modality")),
                ),
                targets: (0..)
                    .zip(&model.targets)
                    .filter(|(_, target)| targets.contains(&target.name.as_str()))
                    .map(|(at, _)| TargetId(at))
                    .collect(),
                counted: true,
            })
            .collect();
        let batch = self.graph.batch;
        for (input, numbers) in self.graph.inputs.iter().zip(&mut self.feed.inputs) {
            let each = numbers.len() / batch;
            for (numbers, (modalities, targets)) in numbers.chunks_mut(each).zip(samples) {
                let name = input.name.as_str();
                if !modalities.contains(&name) && !targets.contains(&name) {
                    numbers.fill(0.0);
                }
            }
        }
    }

    fn root(&self, kind: RootKind, name: &str) -> Vec<f64> {
        let root = self.graph.roots.iter().find(|root| root.kind == kind && root.name == name);
        let node = root.unwrap_or_else(|| panic!("no {name}")).node;
        interpret(&self.graph, &self.feed)[node.index()].clone().expect("a root")
    }

    fn output(&self, name: &str) -> Vec<f64> {
        self.root(RootKind::Output, name)
    }

    /// The numbers of an output that are of one sample.
    fn of_sample(&self, name: &str, sample: usize) -> Vec<f64> {
        let all = self.output(name);
        let each = all.len() / self.graph.batch;
        all[sample * each..(sample + 1) * each].to_vec()
    }

    fn loss(&self, name: &str) -> f64 {
        self.root(RootKind::Loss, name)[0]
    }
}

fn rows(numbers: &[f64], width: usize) -> Vec<Vec<f64>> {
    numbers.chunks(width).map(<[f64]>::to_vec).collect()
}

/// `[out, in]` times each row, plus the bias if there is one.
fn linear(rows: &[Vec<f64>], matrix: &[f64], bias: Option<&[f64]>) -> Vec<Vec<f64>> {
    let width = rows[0].len();
    let one = |row: &Vec<f64>| {
        let products = matrix.chunks(width).map(|weights| dot(weights, row));
        products.enumerate().map(|(at, sum)| sum + bias.map_or(0.0, |bias| bias[at])).collect()
    };
    rows.iter().map(one).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0));
    assert!(fits, "found    {found:?}\nexpected {expected:?}");
}
