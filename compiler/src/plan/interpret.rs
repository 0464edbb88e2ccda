//! What a plan means, kernel by kernel, in doubles and with plain loops.
//!
//! In: a plan and what the host feeds it. Out: the numbers of each result. Arenas are as large as the plan says, and that of
//! activations holds NaN until something is written, so that what is read before it is made, or after its place was given
//! away, shows. A plan that [`verify`](super::verify) refuses, or a feed that does not fit it, is our mistake and panics.
//! Deliberately not here: speed, and the order in which executors visit elements: a kernel that needs one is wrong.

mod tape;

use std::collections::BTreeMap;

use super::{Arena, AttendKind, Body, Column, Contract, Kernel, Plan, Region, Store, Tape, Tile};
use crate::graph::interpret::{Batch, Feed, dot, lookup_sum, reduce};
use crate::graph::{AttentionId, BufferId, Gradient, Slot, Table};
use tape::{Row, registers};

/// The numbers of each result of a plan, in the plan's order.
///
/// # Panics
///
/// Where the plan is not well-formed or the feed does not fit it.
#[must_use]
pub fn interpret(plan: &Plan, feed: &Feed) -> Vec<Vec<f64>> {
    assert_eq!(feed.samples.len(), plan.batch, "a feed has all samples of the batch");
    let mut machine = Machine::new(plan, feed);
    for kernel in &plan.kernels {
        machine.run(kernel);
    }
    plan.results.iter().map(|result| machine.memory.region(&result.region).to_vec()).collect()
}

/// All arenas.
struct Memory {
    activations: Vec<f64>,
    /// The same words as numbers in half precision, two a word. Of both, the one written later holds numbers.
    halves: Vec<f64>,
    inputs: Vec<f64>,
    parameters: BTreeMap<(BufferId, Slot), Vec<f64>>,
    tables: Vec<Vec<f64>>,
}

impl Memory {
    fn region(&self, region: &Region) -> &[f64] {
        let arena = match region.arena {
            Arena::Activations if region.half => {
                let start = 2 * region.offset;
                return &self.halves[start..start + region.numbers];
            }
            Arena::Activations => &self.activations,
            Arena::Inputs => &self.inputs,
            Arena::Parameters(buffer, slot) => {
                self.parameters.get(&(buffer, slot)).expect("a plan names its states")
            }
            Arena::Table(table) => &self.tables[table.0 as usize],
        };
        &arena[region.offset..region.end()]
    }

    fn write(&mut self, region: &Region, at: usize, number: f64) {
        assert!(at < region.numbers, "a kernel writes within its results");
        let number = if region.half { half(number) } else { number };
        let arena = match region.arena {
            Arena::Activations if region.half => {
                let at = 2 * region.offset + at;
                self.activations[at / 2] = f64::NAN;
                self.halves[at] = number;
                return;
            }
            Arena::Activations => {
                let at = region.offset + at;
                self.halves[2 * at..2 * at + 2].fill(f64::NAN);
                &mut self.activations
            }
            Arena::Parameters(buffer, slot) => {
                self.parameters.get_mut(&(buffer, slot)).expect("a plan names its states")
            }
            Arena::Inputs | Arena::Table(_) => panic!("kernels do not write to {region:?}"),
        };
        arena[region.offset + at] = number;
    }
}

/// The nearest number of half precision: 11 bits, exponents from -14 to 15; to even where two are as near.
fn half(number: f64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let exponent = i32::try_from((number.to_bits() >> 52) & 0x7FF).expect("11 bits") - 1023;
    let step = 2.0_f64.powi(exponent.max(-14) - 10);
    let rounded = (number / step).round_ties_even() * step;
    if rounded.abs() > 65_504.0 { f64::INFINITY.copysign(number) } else { rounded }
}

struct Machine<'a> {
    plan: &'a Plan,
    batch: Batch<'a>,
    memory: Memory,
}

impl<'a> Machine<'a> {
    fn new(plan: &'a Plan, feed: &'a Feed) -> Self {
        let mut inputs = vec![f64::NAN; plan.input_numbers];
        for ((input, offset), numbers) in plan.inputs.iter().zip(&feed.inputs) {
            assert_eq!(numbers.len(), input.shape.iter().product::<usize>(), "{}", input.name);
            inputs[*offset..*offset + numbers.len()].copy_from_slice(numbers);
        }
        let weights = (0..).map(|at| (BufferId(at), Slot::Weight)).zip(&feed.parameters);
        let mut parameters: BTreeMap<(BufferId, Slot), Vec<f64>> =
            weights.map(|(key, numbers)| (key, numbers.clone())).collect();
        for key in &plan.states {
            parameters.insert(*key, feed.states.get(key).expect("a feed has all states").clone());
        }
        let table = |table: &Table| match table {
            Table::Numbers(numbers) => numbers.clone(),
            Table::Rows(rows) => rows.iter().map(|row| f64::from(*row)).collect(),
        };
        let memory = Memory {
            activations: vec![f64::NAN; plan.activations],
            halves: vec![f64::NAN; 2 * plan.activations],
            inputs,
            parameters,
            tables: plan.tables.iter().map(table).collect(),
        };
        let batch = Batch { size: plan.batch, presences: &plan.presences, feed };
        Self { plan, batch, memory }
    }

    fn run(&mut self, kernel: &Kernel) {
        match self.plan.body(kernel) {
            Body::Map(tile) | Body::Row(tile) => self.tile(kernel, tile),
            Body::Column(column) => self.column(kernel, column),
            Body::Contract(contract) => self.contract(kernel, contract),
            Body::Attend(kind, id) => self.attend(kernel, *kind, *id),
            Body::LookupSum { rows, vocabulary, width } => {
                let operands = self.operands(kernel);
                assert_eq!(operands[0].len(), rows * width, "rows of a sum fill their shape");
                let sums = lookup_sum(operands[0], *width, operands[1], operands[2]);
                assert_eq!(sums.len(), vocabulary * width, "sums fill their shape");
                self.keep(kernel, 0, &sums);
            }
        }
    }

    fn operands(&self, kernel: &Kernel) -> Vec<&[f64]> {
        kernel.reads.iter().map(|region| self.memory.region(region)).collect()
    }

    fn row<'b>(
        &'b self,
        kernel: &'b Kernel,
        row: usize,
        columns: usize,
        reduced: &'b [Vec<f64>],
    ) -> Row<'b> {
        let operands = self.operands(kernel);
        Row { batch: self.batch, operands, arguments: &kernel.arguments, row, columns, reduced }
    }

    fn keep(&mut self, kernel: &Kernel, write: usize, numbers: &[f64]) {
        let region = &kernel.writes[write];
        assert_eq!(numbers.len(), region.numbers, "a result fills its region");
        for (at, number) in numbers.iter().enumerate() {
            self.memory.write(region, at, *number);
        }
    }

    /// Keeps what is kept of a row.
    fn store(
        &mut self,
        kernel: &Kernel,
        stores: &[Store],
        (row, columns): (usize, usize),
        registers: &[Vec<f64>],
    ) {
        for store in stores {
            let numbers = &registers[store.register.0 as usize];
            let region = &kernel.writes[store.write];
            let mut write = |element: usize, number: f64| {
                if let Some(at) = store.access.at(element) {
                    self.memory.write(region, at, number);
                }
            };
            if store.by_row {
                write(row, numbers[0]);
            } else {
                for (column, number) in numbers.iter().enumerate() {
                    write(row * columns + column, *number);
                }
            }
        }
    }

    fn tile(&mut self, kernel: &Kernel, tile: &Tile) {
        for row in 0..tile.rows {
            let registers = registers(&tile.tape, &self.row(kernel, row, tile.columns, &[]));
            self.store(kernel, &tile.stores, (row, tile.columns), &registers);
        }
    }

    /// The registers of a tape in each row of its domain.
    fn rows(
        &self,
        kernel: &Kernel,
        tape: &Tape,
        (rows, columns): (usize, usize),
    ) -> Vec<Vec<Vec<f64>>> {
        (0..rows).map(|row| registers(tape, &self.row(kernel, row, columns, &[]))).collect()
    }

    fn column(&mut self, kernel: &Kernel, column: &Column) {
        let Column { outer, length, inner, before, reductions, after, stores } = column;
        let rows = self.rows(kernel, before, (outer * length, *inner));
        for row in 0..*outer {
            let along = &rows[row * length..(row + 1) * length];
            let reduced: Vec<Vec<f64>> = reductions
                .iter()
                .map(|(reduction, register)| {
                    let of = |at: usize| along.iter().map(move |row| row[register.0 as usize][at]);
                    (0..*inner).map(|at| reduce(*reduction, of(at))).collect()
                })
                .collect();
            let registers = registers(after, &self.row(kernel, row, *inner, &reduced));
            self.store(kernel, stores, (row, *inner), &registers);
        }
    }

    fn contract(&mut self, kernel: &Kernel, contract: &Contract) {
        let Contract { m, n, k, a, b, after, stores } = contract;
        let last = |tape: &Tape, rows: usize| -> Vec<Vec<f64>> {
            let registers = self.rows(kernel, tape, (rows, *k)).into_iter();
            registers.map(|mut row| row.pop().expect("a tape has instructions")).collect()
        };
        let (a, b) = (last(a, *m), last(b, *n));
        for (row, a) in a.iter().enumerate() {
            let reduced = [b.iter().map(|b| dot(a, b)).collect()];
            let registers = registers(after, &self.row(kernel, row, *n, &reduced));
            self.store(kernel, stores, (row, *n), &registers);
        }
    }

    fn attend(&mut self, kernel: &Kernel, kind: AttendKind, id: AttentionId) {
        let attention = &self.plan.attentions[id.0 as usize];
        let (operands, batch) = (self.operands(kernel), self.batch);
        let gradient = |gradient| batch.attend_gradient(gradient, attention, &operands);
        let results: Vec<Vec<f64>> = match kind {
            AttendKind::Forward { result, statistics } => {
                let first = result.then(|| batch.attend(attention, &operands));
                let second = statistics.then(|| batch.attend_statistics(attention, &operands));
                first.into_iter().chain(second).collect()
            }
            AttendKind::Queries => vec![gradient(Gradient::Queries)],
            AttendKind::KeysValues { keys, values } => {
                let first = keys.then(|| gradient(Gradient::Keys));
                let second = values.then(|| gradient(Gradient::Values));
                first.into_iter().chain(second).collect()
            }
            AttendKind::Scores => vec![gradient(Gradient::Scores)],
        };
        assert_eq!(results.len(), kernel.writes.len(), "attention writes what is wanted");
        for (at, result) in results.iter().enumerate() {
            self.keep(kernel, at, result);
        }
    }
}
