//! The oracle: what a graph means, node by node, in doubles and with plain loops.
//!
//! In: a graph and what the host feeds it. Out: for each node that some root needs its numbers, row-major; integers as
//! numbers. A graph that [`verify`](super::verify) refuses, or a feed that does not fit it, is our mistake and panics.
//! Deliberately not here: speed, memory, schedules; every other executor is held to this one.

mod attention;
mod rows;
mod tensor;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{
    Argument, BufferId, Condition, Graph, Leaf, NodeId, Op, PresenceId, Sample, Scalar, Slot, Table,
};

pub(crate) use tensor::{dot, integer, lookup_sum, reduce};

/// What a graph is evaluated on.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// What the host feeds, by [`InputId`](super::InputId).
    pub inputs: Vec<Vec<f64>>,
    /// The weights, by [`BufferId`].
    pub parameters: Vec<Vec<f64>>,
    /// The states of the optimizer.
    pub states: BTreeMap<(BufferId, Slot), Vec<f64>>,
    /// What each sample of the batch has.
    pub samples: Vec<Sample>,
    /// The key of all random numbers.
    pub seed: u64,
    /// The number of the batch's first sample in the whole run.
    pub first_sample: u32,
    /// Of this step.
    pub learning_rate: f64,
    /// `1 - beta^t` of the first moment.
    pub first_correction: f64,
    /// `1 - beta^t` of the second moment.
    pub second_correction: f64,
    /// Whether weights are updated, or gradients only added up.
    pub updates: bool,
}

impl Feed {
    /// Zeros for everything that the graph reads, and samples that have all that its conditions ask for.
    #[must_use]
    pub fn zeros(graph: &Graph) -> Self {
        let zeros = |shape: &[usize]| vec![0.0; shape.iter().product()];
        let buffers = &graph.parameters.buffers;
        let mut states = BTreeMap::new();
        for node in &graph.nodes {
            if let Op::Leaf(Leaf::State(buffer, slot)) = node.op {
                states.insert((buffer, slot), zeros(&node.shape));
            }
        }
        Self {
            inputs: graph.inputs.iter().map(|input| zeros(&input.shape)).collect(),
            parameters: buffers.iter().map(|buffer| vec![0.0; buffer.numbers]).collect(),
            states,
            samples: vec![Self::whole_sample(graph); graph.batch],
            seed: 0,
            first_sample: 0,
            learning_rate: 0.0,
            first_correction: 1.0,
            second_correction: 1.0,
            updates: true,
        }
    }

    /// The number of an argument.
    #[must_use]
    pub fn argument(&self, argument: Argument) -> f64 {
        match argument {
            Argument::Given(Scalar(value)) => value,
            Argument::LearningRate => self.learning_rate,
            Argument::FirstCorrection => self.first_correction,
            Argument::SecondCorrection => self.second_correction,
            Argument::Updates => f64::from(u8::from(self.updates)),
        }
    }

    fn whole_sample(graph: &Graph) -> Sample {
        let mut sample = Sample { counted: true, ..Sample::filler() };
        for condition in &graph.presences {
            for term in condition.presence.terms() {
                sample.modalities = sample.modalities.union(*term);
            }
            sample.targets.extend(&condition.targets);
        }
        sample.targets.sort_unstable();
        sample.targets.dedup();
        sample
    }
}

/// The numbers of each node; none for nodes that no root needs.
///
/// # Panics
///
/// Where the graph is not well-formed or the feed does not fit it.
#[must_use]
pub fn interpret(graph: &Graph, feed: &Feed) -> Vec<Option<Vec<f64>>> {
    interpret_rounded(graph, feed, |number| number)
}

/// The same where every number that a node makes is rounded: how far off the results are then is what roundings do.
///
/// # Panics
///
/// As [`interpret`].
#[must_use]
pub fn interpret_rounded(
    graph: &Graph,
    feed: &Feed,
    round: impl Fn(f64) -> f64,
) -> Vec<Option<Vec<f64>>> {
    assert_eq!(feed.samples.len(), graph.batch, "a feed has all samples of the batch");
    let mut evaluation = Evaluation { graph, feed, values: Vec::with_capacity(graph.nodes.len()) };
    for (id, live) in graph.ids().zip(graph.live()) {
        let mut value = live.then(|| evaluation.evaluate(id));
        if let Some(value) = &mut value {
            assert_eq!(value.len(), graph.numbers(id), "{} fills its shape", graph.op_text(id));
            value.iter_mut().for_each(|number| *number = round(*number));
        }
        evaluation.values.push(value);
    }
    evaluation.values
}

/// The numbers of a tensor, and its sizes.
#[derive(Clone, Copy)]
struct Tensor<'a> {
    numbers: &'a [f64],
    shape: &'a [usize],
}

/// What depends on samples: for this interpreter, and for that of plans.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// How many samples.
    pub(crate) size: usize,
    /// Under which conditions they have values.
    pub(crate) presences: &'a [Condition],
    pub(crate) feed: &'a Feed,
}

impl Batch<'_> {
    fn present(&self, condition: Option<PresenceId>, sample: usize) -> bool {
        condition.is_none_or(|id| self.presences[id.0 as usize].holds(&self.feed.samples[sample]))
    }
}

struct Evaluation<'a> {
    graph: &'a Graph,
    feed: &'a Feed,
    values: Vec<Option<Vec<f64>>>,
}

impl Evaluation<'_> {
    fn tensor(&self, id: NodeId) -> Tensor<'_> {
        let numbers = self.values[id.index()].as_deref();
        let numbers = numbers.expect("operands of what is needed are needed, and come first");
        Tensor { numbers, shape: self.graph.shape(id) }
    }

    fn batch(&self) -> Batch<'_> {
        let Self { graph, feed, .. } = self;
        Batch { size: graph.batch, presences: &graph.presences, feed }
    }

    fn evaluate(&self, id: NodeId) -> Vec<f64> {
        let node = self.graph.node(id);
        let shape = node.shape.as_slice();
        let operands: Vec<Tensor<'_>> = node.inputs.iter().map(|id| self.tensor(*id)).collect();
        let plain: Vec<&[f64]> = operands.iter().map(|operand| operand.numbers).collect();
        let operand = |at: usize| plain[at];
        match &node.op {
            Op::Leaf(leaf) => self.leaf(leaf, shape.iter().product()),
            Op::Constant(Scalar(value)) => vec![*value; shape.iter().product()],
            Op::Unary(function) => operand(0).iter().map(|a| function.apply(*a)).collect(),
            Op::Binary(function) => {
                let pairs = operand(0).iter().zip(operand(1));
                pairs.map(|(a, b)| function.apply(*a, *b)).collect()
            }
            Op::Select => {
                let branches = operand(1).iter().zip(operand(2));
                let choices = operand(0).iter().zip(branches);
                choices.map(|(condition, (a, b))| if *condition != 0.0 { *a } else { *b }).collect()
            }
            Op::Detach | Op::Reshape => operand(0).to_vec(),
            Op::Permute(axes) => tensor::permute(operands[0], axes),
            Op::Broadcast => tensor::broadcast(operands[0], shape),
            Op::Slice { axis, start } => tensor::slice(operands[0], *axis, *start, shape),
            Op::Pad { axis, before } => tensor::pad(operands[0], *axis, *before, shape),
            Op::Concat(axis) => tensor::concat(&operands, *axis, shape),
            Op::Reduce(reduction, axis) => tensor::reduce_axis(operands[0], *reduction, *axis),
            Op::Contract => tensor::contract(operands[0], operands[1]),
            Op::Gather(table) => {
                let Table::Rows(rows) = &self.graph.tables[table.0 as usize] else {
                    panic!("a gather has a table of rows");
                };
                tensor::rows(operands[0], rows.iter().map(|row| *row as usize))
            }
            Op::Lookup => tensor::rows(operands[0], operand(1).iter().map(|id| integer(*id))),
            Op::LookupSum => lookup_sum(operand(0), shape[1], operand(1), operand(2)),
            Op::Attend(id) => self.batch().attend(self.graph.attention(*id), &plain),
            Op::AttendStatistics(id) => {
                self.batch().attend_statistics(self.graph.attention(*id), &plain)
            }
            Op::AttendGradient(gradient, id) => {
                self.batch().attend_gradient(*gradient, self.graph.attention(*id), &plain)
            }
            Op::Random { site, by_sample, groups } => {
                self.batch().random(*site, *by_sample, groups, shape[1])
            }
            Op::Present(segments) => self.batch().present_rows(segments),
        }
    }

    fn leaf(&self, leaf: &Leaf, numbers: usize) -> Vec<f64> {
        match leaf {
            Leaf::Input(input) => self.feed.inputs[input.0 as usize].clone(),
            Leaf::Parameters(buffer) => self.feed.parameters[buffer.0 as usize].clone(),
            Leaf::State(buffer, slot) => {
                let state = self.feed.states.get(&(*buffer, *slot));
                state.expect("a feed has all states that the graph reads").clone()
            }
            Leaf::Argument(argument) => vec![self.feed.argument(*argument); numbers],
            Leaf::Table(table) => match &self.graph.tables[table.0 as usize] {
                Table::Numbers(numbers) => numbers.clone(),
                Table::Rows(_) => panic!("a tensor is made of a table of numbers"),
            },
        }
    }
}
