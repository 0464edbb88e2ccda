//! Tapes, row by row.
//!
//! In: a tape, its operands, and a row of its domain. Out: all registers, each with a number for each column.

use crate::graph::interpret::{Batch, integer, reduce};
use crate::graph::{Reduction, Segment};
use crate::plan::{Instruction, Register, Tape, Value};

/// One row of a domain.
pub(super) struct Row<'a> {
    pub(super) batch: Batch<'a>,
    pub(super) operands: Vec<&'a [f64]>,
    pub(super) arguments: &'a [Value],
    pub(super) row: usize,
    pub(super) columns: usize,
    /// What the body has reduced outside of the tape, in this row.
    pub(super) reduced: &'a [Vec<f64>],
}

/// The registers of a tape.
pub(super) fn registers(tape: &Tape, row: &Row<'_>) -> Vec<Vec<f64>> {
    let mut registers: Vec<Vec<f64>> = Vec::new();
    for (instruction, by_row) in tape.instructions.iter().zip(&tape.by_row) {
        let numbers = row.instruction(instruction, &registers);
        let alike = numbers.iter().all(|number| number.to_bits() == numbers[0].to_bits());
        assert!(!by_row || alike, "{instruction:?} is the same for all columns: {numbers:?}");
        registers.push(numbers);
    }
    registers
}

impl Row<'_> {
    fn instruction(&self, instruction: &Instruction, registers: &[Vec<f64>]) -> Vec<f64> {
        let of = |register: &Register| registers[register.0 as usize].as_slice();
        let each = |number: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..self.columns).map(|column| number(self.row * self.columns + column)).collect()
        };
        match instruction {
            Instruction::Load { read, access } => {
                each(&|element| access.at(element).map_or(0.0, |at| self.operands[*read][at]))
            }
            Instruction::LoadRow { read, index, width, access } => each(&|element| {
                access.at(element).map_or(0.0, |at| {
                    let row = integer(self.operands[*index][at / width]);
                    self.operands[*read][row * width + at % width]
                })
            }),
            Instruction::Constant(value) => vec![value.0; self.columns],
            Instruction::Argument(argument) => match self.arguments[*argument] {
                Value::Number(argument) => vec![self.batch.feed.argument(argument); self.columns],
                Value::Site(_) | Value::Condition(_) => panic!("an argument is no number"),
            },
            Instruction::Unary(function, a) => of(a).iter().map(|a| function.apply(*a)).collect(),
            Instruction::Binary(function, a, b) => {
                of(a).iter().zip(of(b)).map(|(a, b)| function.apply(*a, *b)).collect()
            }
            Instruction::Select(condition, a, b) => {
                let branches = of(a).iter().zip(of(b));
                let choices = of(condition).iter().zip(branches);
                choices.map(|(c, (a, b))| if *c != 0.0 { *a } else { *b }).collect()
            }
            Instruction::Random { site, by_sample, groups, width, access } => {
                let Value::Site(site) = self.arguments[*site] else {
                    panic!("random numbers have a site");
                };
                let pack = self.batch.random(site, *by_sample, groups, *width);
                each(&|element| access.at(element).map_or(0.0, |at| pack[at]))
            }
            Instruction::Holds { condition, tokens, access } => {
                let Value::Condition(condition) = self.arguments[*condition] else {
                    panic!("an argument is no condition");
                };
                let segment = Segment { present: Some(condition), tokens: *tokens };
                let pack = self.batch.present_rows(&[segment]);
                each(&|element| access.at(element).map_or(0.0, |at| pack[at]))
            }
            Instruction::Present { segments, access } => {
                let pack = self.batch.present_rows(segments);
                each(&|element| access.at(element).map_or(0.0, |at| pack[at]))
            }
            Instruction::Inside { access } => {
                each(&|element| f64::from(u8::from(access.at(element).is_some())))
            }
            Instruction::Reduce(reduction, a) => vec![self.along(*reduction, of(a)); self.columns],
            Instruction::Reduced(at) => self.reduced[*at].clone(),
        }
    }

    fn along(&self, reduction: Reduction, numbers: &[f64]) -> f64 {
        reduce(reduction, numbers.iter().copied())
    }
}
