//! Bodies as plain loops in doubles, number by number, from the definitions.

use super::{Case, Fed, Written, step};
use crate::compiler::graph::{Argument, Drawn, Reduction, Segment};
use crate::compiler::plan::{
    Access, Body, Column, Contract, Instruction, Register, Store, Tape, Value,
};
use crate::compiler::random::site_uniform;
use crate::cpu::Present;

fn reduce(reduction: Reduction, numbers: impl Iterator<Item = f64>) -> f64 {
    match reduction {
        Reduction::Sum => numbers.sum(),
        Reduction::Max => numbers.fold(f64::NEG_INFINITY, f64::max),
    }
}

/// What a case writes.
pub(super) fn results(case: &Case) -> Vec<Vec<f64>> {
    let before = case.writes.iter().map(|written| match written {
        Written::New(numbers) => vec![0.0; *numbers],
        Written::Over(read) => {
            (0..case.reads[*read].len()).map(|i| number(case, *read, i)).collect()
        }
    });
    let mut writes: Vec<Vec<f64>> = before.collect();
    match &case.body {
        Body::Map(tile) | Body::Row(tile) => {
            for row in 0..tile.rows {
                let registers = row_of(case, &tile.tape, row, tile.columns, &[]);
                keep(&tile.stores, row, tile.columns, &registers, &mut writes);
            }
        }
        Body::Column(column) => columns(case, column, &mut writes),
        Body::Contract(contract) => product(case, contract, &mut writes),
        Body::LookupSum { rows, vocabulary, width } => {
            for id in 0..*vocabulary {
                for place in integer(case, 2, id)..integer(case, 2, id + 1) {
                    let row = integer(case, 1, place);
                    assert!(row < *rows);
                    for i in 0..*width {
                        writes[0][id * width + i] += number(case, 0, row * width + i);
                    }
                }
            }
        }
        Body::Attend(..) => unreachable!("attention has its own tests"),
    }
    writes
}

fn number(case: &Case, read: usize, at: usize) -> f64 {
    match &case.reads[read] {
        Fed::Numbers(numbers) => f64::from(numbers[at]),
        Fed::Ids(_) => panic!("integers are no numbers"),
    }
}

fn integer(case: &Case, read: usize, at: usize) -> usize {
    match &case.reads[read] {
        Fed::Ids(ids) => ids[at] as usize,
        Fed::Numbers(_) => panic!("numbers are no integers"),
    }
}

fn keep(
    stores: &[Store],
    row: usize,
    columns: usize,
    registers: &[Vec<f64>],
    writes: &mut [Vec<f64>],
) {
    for store in stores {
        let values = &registers[store.register.0 as usize];
        if store.by_row {
            writes[store.write][store.access.at(row).unwrap()] = values[0];
        } else {
            for (column, value) in values.iter().enumerate() {
                writes[store.write][store.access.at(row * columns + column).unwrap()] = *value;
            }
        }
    }
}

fn columns(case: &Case, column: &Column, writes: &mut [Vec<f64>]) {
    for outer in 0..column.outer {
        let rows = (0..column.length)
            .map(|i| row_of(case, &column.before, outer * column.length + i, column.inner, &[]));
        let rows: Vec<_> = rows.collect();
        let reduced = column.reductions.iter().map(|(reduction, register)| {
            let along = |i: usize| rows.iter().map(move |row| row[register.0 as usize][i]);
            (0..column.inner).map(|i| reduce(*reduction, along(i))).collect()
        });
        let reduced: Vec<Vec<f64>> = reduced.collect();
        let registers = row_of(case, &column.after, outer, column.inner, &reduced);
        keep(&column.stores, outer, column.inner, &registers, writes);
    }
}

fn product(case: &Case, contract: &Contract, writes: &mut [Vec<f64>]) {
    let last = |tape: &Tape, row: usize| row_of(case, tape, row, contract.k, &[]).pop().unwrap();
    let b: Vec<_> = (0..contract.n).map(|row| last(&contract.b, row)).collect();
    for row in 0..contract.m {
        let a = last(&contract.a, row);
        let sums = b.iter().map(|b| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect();
        let registers = row_of(case, &contract.after, row, contract.n, &[sums]);
        keep(&contract.stores, row, contract.n, &registers, writes);
    }
}

/// All registers for all columns of a row.
fn row_of(
    case: &Case,
    tape: &Tape,
    row: usize,
    columns: usize,
    reduced: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    let mut registers: Vec<Vec<f64>> = Vec::new();
    for instruction in &tape.instructions {
        let of = |register: &Register, c: usize| registers[register.0 as usize][c];
        let made = (0..columns).map(|c| {
            let at = |access: &Access| access.at(row * columns + c);
            match instruction {
                Instruction::Load { read, access } => {
                    at(access).map_or(0.0, |at| number(case, *read, at))
                }
                Instruction::LoadRow { read, index, width, access } => {
                    at(access).map_or(0.0, |at| {
                        let row = integer(case, *index, at / width);
                        number(case, *read, row * width + at % width)
                    })
                }
                Instruction::Constant(scalar) => scalar.0,
                Instruction::Argument(argument) => argument_of(case, *argument),
                Instruction::Unary(unary, a) => unary.apply(of(a, c)),
                Instruction::Binary(binary, a, b) => binary.apply(of(a, c), of(b, c)),
                Instruction::Select(a, b, d) => {
                    if of(a, c) != 0.0 {
                        of(b, c)
                    } else {
                        of(d, c)
                    }
                }
                Instruction::Random { site, by_sample, groups, width, access } => at(access)
                    .map_or(0.0, |at| {
                        random(case, *site, *by_sample, groups, at / width, at % width)
                    }),
                Instruction::Holds { condition, tokens, access } => at(access).map_or(0.0, |row| {
                    let Value::Condition(condition) = case.arguments[*condition] else {
                        panic!("an argument is no condition")
                    };
                    present(case, &[Segment { present: Some(condition), tokens: *tokens }], row)
                }),
                Instruction::Present { segments, access } => {
                    at(access).map_or(0.0, |row| present(case, segments, row))
                }
                Instruction::Inside { access } => at(access).map_or(0.0, |_| 1.0),
                Instruction::Reduce(reduction, a) => {
                    reduce(*reduction, registers[a.0 as usize].iter().copied())
                }
                Instruction::Reduced(number) => reduced[*number][c],
            }
        });
        let made = made.collect();
        registers.push(made);
    }
    registers
}

fn argument_of(case: &Case, argument: usize) -> f64 {
    match case.arguments[argument] {
        Value::Number(Argument::Given(scalar)) => scalar.0,
        Value::Number(Argument::LearningRate) => 0.25,
        Value::Number(Argument::FirstCorrection) => 0.5,
        Value::Number(Argument::SecondCorrection) => 0.125,
        Value::Number(Argument::Updates) => 1.0,
        Value::Site(_) | Value::Condition(_) => panic!("an argument is no number"),
    }
}

/// Group, sample and token of every row of a pack, in order.
fn rows(batch: usize, tokens: &[usize]) -> Vec<(usize, usize, usize)> {
    let groups = tokens.iter().enumerate();
    let rows = groups.flat_map(|(group, tokens)| {
        (0..batch).flat_map(move |sample| (0..*tokens).map(move |token| (group, sample, token)))
    });
    rows.collect()
}

fn random(
    case: &Case,
    site: usize,
    by_sample: bool,
    groups: &[Drawn],
    row: usize,
    channel: usize,
) -> f64 {
    let tokens: Vec<_> = groups.iter().map(|group| group.tokens).collect();
    let (group, sample, token) = rows(case.batch, &tokens)[row];
    let Value::Site(site) = case.arguments[site] else { panic!("a number is no site") };
    let site = site ^ groups[group].group;
    let token = if by_sample { 0 } else { token as u32 };
    let sample = 40 + sample as u32;
    f64::from(site_uniform(step(case.batch).seed, sample, site, token, channel as u32))
}

fn present(case: &Case, segments: &[Segment], row: usize) -> f64 {
    let tokens: Vec<_> = segments.iter().map(|segment| segment.tokens).collect();
    let (group, sample, _) = rows(case.batch, &tokens)[row];
    let table = Present::new(&case.plan().presences, &step(case.batch).samples);
    f64::from(u8::from(table.holds(segments[group].present, sample)))
}
