//! Small plans made by hand, held to plain loops in doubles, and to themselves on other numbers of threads.

mod bodies;
mod cases;
mod errors;
mod oracle;
mod views;

use std::sync::Arc;

use super::{CpuExecutor, Step};
use crate::compiler::flow::Presence;
use crate::compiler::graph::{
    Argument, Condition, Input, InputId, InputKind, Parameters, Phase, RootKind, Sample, Scalar,
    Segment,
};
use crate::compiler::model::TargetId;
use crate::compiler::plan::{
    Access, Arena, Body, BodyId, Instruction, Kernel, Plan, PlanResult, Region, Register, Store,
    Tape, Tile, Value,
};
use crate::compiler::random::uniform;

/// An operand that is read.
#[derive(Debug, Clone)]
enum Fed {
    Numbers(Vec<f32>),
    Ids(Vec<u32>),
}

/// A result that is written.
#[derive(Debug, Clone, Copy)]
enum Written {
    /// So many numbers of its own.
    New(usize),
    /// Over this read.
    Over(usize),
}

/// A kernel on its own.
#[derive(Debug, Clone)]
struct Case {
    body: Body,
    reads: Vec<Fed>,
    writes: Vec<Written>,
    arguments: Vec<Value>,
    batch: usize,
}

impl Fed {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Ids(ids) => ids.len(),
        }
    }
}

impl Case {
    fn new(body: Body, reads: Vec<Fed>, writes: &[Written]) -> Self {
        let arguments = vec![
            Value::Number(Argument::Given(Scalar(1.5))),
            Value::Site(77),
            Value::Number(Argument::LearningRate),
        ];
        Self { body, reads, writes: writes.to_vec(), arguments, batch: 2 }
    }

    /// Reads are inputs, so that tests can feed them; results are activations, or lie over inputs.
    fn plan(&self) -> Plan {
        let (mut inputs, mut reads, mut offset) = (Vec::new(), Vec::new(), 0);
        for (i, fed) in self.reads.iter().enumerate() {
            let kind = match fed {
                Fed::Numbers(_) => InputKind::Modality,
                Fed::Ids(_) => InputKind::Ids,
            };
            inputs
                .push((Input { kind, name: format!("read {i}"), shape: vec![fed.len()] }, offset));
            reads.push(Region { arena: Arena::Inputs, offset, numbers: fed.len(), half: false });
            offset += fed.len();
        }
        let (mut writes, mut activations) = (Vec::new(), 0);
        for written in &self.writes {
            writes.push(match *written {
                Written::New(numbers) => {
                    activations += numbers;
                    Region {
                        arena: Arena::Activations,
                        offset: activations - numbers,
                        numbers,
                        half: false,
                    }
                }
                Written::Over(read) => reads[read],
            });
        }
        let result = |region: &Region| PlanResult {
            kind: RootKind::Output,
            name: String::new(),
            shape: vec![region.numbers],
            region: *region,
        };
        let condition =
            |targets| Condition { presence: Presence::always(), targets, counted: false };
        Plan {
            name: "test".to_owned(),
            batch: self.batch,
            results: writes.iter().map(result).collect(),
            kernels: vec![Kernel {
                body: BodyId(0),
                reads,
                writes,
                arguments: self.arguments.clone(),
                path: "test".to_owned(),
                phase: Phase::Forward,
            }],
            bodies: vec![self.body.clone()],
            activations,
            input_numbers: offset,
            inputs,
            parameters: Parameters::default(),
            states: vec![],
            tables: vec![],
            presences: vec![condition(vec![]), condition(vec![TargetId(0)])],
            attentions: vec![],
        }
    }

    /// The results on so many threads.
    fn run(&self, threads: usize) -> Vec<Vec<f32>> {
        let plan = Arc::new(self.plan());
        let mut executor = CpuExecutor::new(plan.clone(), threads).unwrap();
        for (id, fed) in (0..).map(InputId).zip(&self.reads) {
            match fed {
                Fed::Numbers(numbers) => executor.feed(id, numbers).unwrap(),
                Fed::Ids(ids) => executor.feed_ids(id, ids).unwrap(),
            }
        }
        executor.run(&step(self.batch)).unwrap();
        (0..plan.results.len()).map(|i| executor.result(i).to_vec()).collect()
    }
}

/// The last sample lacks the target.
fn step(batch: usize) -> Step {
    let mut samples = vec![Sample::whole(1, 1); batch];
    samples[batch - 1].targets.clear();
    Step {
        samples,
        seed: 0x1234_5678_9ABC,
        first_sample: 40,
        learning_rate: 0.25,
        first_correction: 0.5,
        second_correction: 0.125,
        updates: true,
    }
}

/// The same bits on any number of threads, and near the plain loops: `tolerance` of one and of the number.
#[track_caller]
fn check(case: &Case, tolerance: f64) {
    let found = case.run(1);
    let bits = |results: &[Vec<f32>]| -> Vec<Vec<u32>> {
        results
            .iter()
            .map(|result| result.iter().map(|number| number.to_bits()).collect())
            .collect()
    };
    for threads in [2, 3, 8] {
        assert!(bits(&found) == bits(&case.run(threads)), "{threads} threads make other bits");
    }
    let expected = oracle::results(case);
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let far = (f64::from(*found) - expected).abs();
            let near = far <= tolerance * (1.0 + expected.abs())
                || (found.is_nan() && expected.is_nan())
                || f64::from(*found) == *expected;
            assert!(near, "number {at} of result {i} is {found}, not {expected}\n{:?}", case.body);
        }
    }
}

/// Numbers from -2 to 2, none of them 0.
fn numbers(count: usize, salt: u32) -> Vec<f32> {
    let words = (0..).flat_map(|four| uniform(7, [four, salt, 0, 0]));
    words.take(count).map(|u| if u < 0.5 { 4.0 * u - 2.0 } else { 4.0 * u - 1.999 }).collect()
}

fn fed(count: usize, salt: u32) -> Fed {
    Fed::Numbers(numbers(count, salt))
}

fn tape(instructions: Vec<Instruction>) -> Tape {
    let by_row = vec![false; instructions.len()];
    Tape { instructions, by_row }
}

fn load(read: usize, access: Access) -> Instruction {
    Instruction::Load { read, access }
}

fn dense(read: usize, shape: &[usize]) -> Instruction {
    load(read, Access::of(shape))
}

/// All of the last register.
fn kept(tape: &Tape, shape: &[usize]) -> Vec<Store> {
    vec![Store { register: tape.last(), write: 0, access: Access::of(shape), by_row: false }]
}

fn tile(rows: usize, columns: usize, instructions: Vec<Instruction>) -> Tile {
    let tape = tape(instructions);
    let stores = kept(&tape, &[rows, columns]);
    Tile { rows, columns, tape, stores }
}

fn r(number: u32) -> Register {
    Register(number)
}
