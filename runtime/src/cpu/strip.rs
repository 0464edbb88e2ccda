//! Arithmetic over strips whose operands may be one number, one a row, or one an element.
//!
//! In: operands. Out: a strip. The loops are compiled for several machines and the best is chosen once a strip, as in
//! [`super::math`]; every operation is rounded exactly, so that the bits are the same everywhere. Deliberately not here:
//! functions of one number (`math`), memory.

use super::math::{self, NullaryFnOnce, vectorized};
use crate::compiler::graph::{Binary, Reduction, Unary};

/// A value of a strip.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operand<'a> {
    /// One number for each element.
    Full(&'a [f32]),
    /// One for each row.
    ByRow(&'a [f32]),
    /// One number.
    One(f32),
}

struct Zip<'a, F> {
    function: F,
    a: Operand<'a>,
    b: Operand<'a>,
    output: &'a mut [f32],
    columns: usize,
}

impl<F: Fn(f32, f32) -> f32> NullaryFnOnce for Zip<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { function, a, b, output, columns } = self;
        match (a, b) {
            (Operand::Full(a), Operand::Full(b)) => {
                for ((out, a), b) in output.iter_mut().zip(a).zip(b) {
                    *out = function(*a, *b);
                }
            }
            (Operand::Full(a), Operand::One(b)) => {
                for (out, a) in output.iter_mut().zip(a) {
                    *out = function(*a, b);
                }
            }
            (Operand::One(a), Operand::Full(b)) => {
                for (out, b) in output.iter_mut().zip(b) {
                    *out = function(a, *b);
                }
            }
            (Operand::Full(a), Operand::ByRow(b)) => {
                for ((out, a), b) in output.chunks_mut(columns).zip(a.chunks(columns)).zip(b) {
                    for (out, a) in out.iter_mut().zip(a) {
                        *out = function(*a, *b);
                    }
                }
            }
            (Operand::ByRow(a), Operand::Full(b)) => {
                for ((out, a), b) in output.chunks_mut(columns).zip(a).zip(b.chunks(columns)) {
                    for (out, b) in out.iter_mut().zip(b) {
                        *out = function(*a, *b);
                    }
                }
            }
            (Operand::ByRow(_) | Operand::One(_), Operand::ByRow(_) | Operand::One(_)) => {
                unreachable!("a strip has a full operand")
            }
        }
    }
}

struct Choose<'a> {
    operands: [Operand<'a>; 3],
    output: &'a mut [f32],
    columns: usize,
}

impl NullaryFnOnce for Choose<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { operands, output, columns } = self;
        for (row, out) in output.chunks_mut(columns).enumerate() {
            let [condition, yes, no] = operands.map(|operand| operand.row(row, columns));
            match condition {
                Operand::Full(condition) => choose_each(condition, yes, no, out),
                Operand::ByRow(_) => unreachable!("a row of a value is full or one number"),
                Operand::One(condition) => match if condition != 0.0 { yes } else { no } {
                    Operand::Full(chosen) => out.copy_from_slice(chosen),
                    Operand::ByRow(_) => unreachable!("a row of a value is full or one number"),
                    Operand::One(chosen) => out.fill(chosen),
                },
            }
        }
    }
}

#[inline(always)]
fn choose_each(condition: &[f32], yes: Operand<'_>, no: Operand<'_>, output: &mut [f32]) {
    let pick = |condition: f32, yes: f32, no: f32| if condition != 0.0 { yes } else { no };
    let places = output.iter_mut().zip(condition);
    match (yes, no) {
        (Operand::Full(yes), Operand::Full(no)) => {
            places.zip(yes).zip(no).for_each(|(((out, c), yes), no)| *out = pick(*c, *yes, *no));
        }
        (Operand::Full(yes), Operand::One(no)) => {
            places.zip(yes).for_each(|((out, c), yes)| *out = pick(*c, *yes, no));
        }
        (Operand::One(yes), Operand::Full(no)) => {
            places.zip(no).for_each(|((out, c), no)| *out = pick(*c, yes, *no));
        }
        (Operand::One(yes), Operand::One(no)) => {
            places.for_each(|(out, c)| *out = pick(*c, yes, no));
        }
        (Operand::ByRow(_), _) | (_, Operand::ByRow(_)) => {
            unreachable!("a row of a value is full or one number")
        }
    }
}

impl<'a> Operand<'a> {
    /// Of one row.
    #[inline(always)]
    fn row(self, row: usize, columns: usize) -> Self {
        match self {
            Self::Full(numbers) => Self::Full(&numbers[row * columns..(row + 1) * columns]),
            Self::ByRow(numbers) => Self::One(numbers[row]),
            Self::One(number) => Self::One(number),
        }
    }

    /// Writes one number for each element.
    pub(super) fn spread(self, columns: usize, output: &mut [f32]) {
        match self {
            Self::Full(numbers) => output.copy_from_slice(numbers),
            Self::ByRow(numbers) => {
                for (out, number) in output.chunks_mut(columns).zip(numbers) {
                    out.fill(*number);
                }
            }
            Self::One(number) => output.fill(number),
        }
    }
}

fn zip(
    function: impl Fn(f32, f32) -> f32,
    [a, b]: [Operand<'_>; 2],
    columns: usize,
    output: &mut [f32],
) {
    vectorized(Zip { function, a, b, output, columns });
}

/// A function of two values, one of which has a number for each element.
pub(super) fn binary(
    binary: Binary,
    operands: [Operand<'_>; 2],
    columns: usize,
    output: &mut [f32],
) {
    match binary {
        Binary::Add => zip(|a, b| a + b, operands, columns, output),
        Binary::Subtract => zip(|a, b| a - b, operands, columns, output),
        Binary::Multiply => zip(|a, b| a * b, operands, columns, output),
        Binary::Divide => zip(|a, b| a / b, operands, columns, output),
        Binary::Max => zip(|a, b| if a > b { a } else { b }, operands, columns, output),
        Binary::Min => zip(|a, b| if a < b { a } else { b }, operands, columns, output),
        Binary::Less => zip(|a, b| f32::from(a < b), operands, columns, output),
    }
}

/// A function of each number.
pub(super) fn unary(unary: Unary, input: &[f32], output: &mut [f32]) {
    match unary {
        Unary::Negate => math::neg(input, output),
        Unary::Reciprocal => math::recip(input, output),
        Unary::Exp => math::exp(input, output),
        Unary::Log => math::ln(input, output),
        Unary::Sqrt => math::sqrt(input, output),
        Unary::Rsqrt => math::rsqrt(input, output),
        Unary::Tanh => math::tanh(input, output),
        Unary::Erf => math::erf(input, output),
        Unary::Sigmoid => math::sigmoid(input, output),
    }
}

/// Where the first is not 0, the second, else the third.
pub(super) fn select(operands: [Operand<'_>; 3], columns: usize, output: &mut [f32]) {
    vectorized(Choose { operands, output, columns });
}

/// All numbers as one, in the fixed order of `math`.
pub(super) fn reduce(reduction: Reduction, input: &[f32]) -> f32 {
    match reduction {
        Reduction::Sum => math::sum(input),
        Reduction::Max => math::max_of(input),
    }
}

/// What a reduction of nothing is.
pub(super) fn neutral(reduction: Reduction) -> f32 {
    match reduction {
        Reduction::Sum => 0.0,
        Reduction::Max => f32::NEG_INFINITY,
    }
}

/// Two results of a reduction as one; NaN if either is.
pub(super) fn join(reduction: Reduction, a: f32, b: f32) -> f32 {
    match reduction {
        Reduction::Sum => a + b,
        Reduction::Max => larger(a, b),
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

struct Gather<'a, F> {
    function: F,
    rows: &'a [f32],
    sums: &'a mut [f32],
}

impl<F: Fn(f32, f32) -> f32> NullaryFnOnce for Gather<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks(self.sums.len()) {
            for (sum, number) in self.sums.iter_mut().zip(row) {
                *sum = (self.function)(*sum, *number);
            }
        }
    }
}

/// Takes rows, one after another, into the reductions of their columns.
pub(super) fn gather_rows(reduction: Reduction, rows: &[f32], sums: &mut [f32]) {
    if let [sum] = sums {
        *sum = join(reduction, *sum, reduce(reduction, rows));
        return;
    }
    match reduction {
        Reduction::Sum => vectorized(Gather { function: |sum, x| sum + x, rows, sums }),
        Reduction::Max => vectorized(Gather { function: larger, rows, sums }),
    }
}
