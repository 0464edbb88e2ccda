//! Bodies with reductions across rows: columns, products, sums of rows for ids.

use super::*;
use crate::compiler::graph::{Binary, Reduction, Unary};
use crate::compiler::plan::{Column, Contract};

fn column(outer: usize, length: usize, inner: usize) -> Case {
    let before = tape(vec![
        dense(0, &[outer * length, inner]),
        Instruction::Binary(Binary::Multiply, r(0), r(0)),
    ]);
    let mut scale = Access::of(&[1, inner]);
    scale.broadcast(&[outer, inner]);
    let after = tape(vec![
        Instruction::Reduced(0),
        Instruction::Reduced(1),
        load(1, scale),
        Instruction::Binary(Binary::Multiply, r(1), r(2)),
        Instruction::Binary(Binary::Add, r(0), r(3)),
    ]);
    let stores = kept(&after, &[outer, inner]);
    let reductions = vec![(Reduction::Sum, r(1)), (Reduction::Max, r(0))];
    let body = Body::Column(Column { outer, length, inner, before, reductions, after, stores });
    Case::new(
        body,
        vec![fed(outer * length * inner, 1), fed(inner, 2)],
        &[Written::New(outer * inner)],
    )
}

#[test]
fn columns() {
    let sizes = [
        (1, 1, 1),
        (1, 100_000, 1),
        (2, 40_000, 3),
        (1, 992, 768),
        (3, 65, 257),
        (40, 2, 31),
        (1, 64, 256),
        (5, 7, 1),
        (1, 5500, 17),
        (2, 129, 1000),
    ];
    for (outer, length, inner) in sizes {
        // Sums of up to a hundred thousand squares, chunk by chunk.
        check(&column(outer, length, inner), 1e-4);
    }
}

#[test]
fn sums_for_ids() {
    for (rows, vocabulary, width) in [(1, 1, 1), (50, 7, 33), (300, 1000, 5)] {
        let ids: Vec<usize> = (0..rows).map(|row| row * 13 % vocabulary).collect();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by_key(|row| ids[*row as usize]);
        let start = |id: usize| ids.iter().filter(|other| **other < id).count() as u32;
        let starts = (0..=vocabulary).map(start).collect();
        let body = Body::LookupSum { rows, vocabulary, width };
        let reads = vec![fed(rows * width, 1), Fed::Ids(order), Fed::Ids(starts)];
        check(&Case::new(body, reads, &[Written::New(vocabulary * width)]), 1e-5);
    }
}

/// How an operand of a product is made.
#[derive(Debug, Clone, Copy)]
enum Made {
    /// A matrix as it lies.
    Plain,
    /// A matrix that lies transposed.
    Turned,
    /// An expression of a matrix.
    Expression,
    /// An expression of a matrix that lies transposed.
    TurnedExpression,
}

const MADE: [Made; 4] = [Made::Plain, Made::Turned, Made::Expression, Made::TurnedExpression];

fn side(read: usize, made: Made, rows: usize, depth: usize) -> Tape {
    let mut turned = Access::of(&[depth, rows]);
    turned.permute(&[1, 0]);
    let expression = |access| tape(vec![load(read, access), Instruction::Unary(Unary::Tanh, r(0))]);
    match made {
        Made::Plain => tape(vec![dense(read, &[rows, depth])]),
        Made::Turned => tape(vec![load(read, turned)]),
        Made::Expression => expression(Access::of(&[rows, depth])),
        Made::TurnedExpression => expression(turned),
    }
}

/// A product, then a bias and what stood there before, in place.
fn contract([m, n, k]: [usize; 3], a: Made, b: Made) -> Case {
    let mut bias = Access::of(&[1, n]);
    bias.broadcast(&[m, n]);
    let after = tape(vec![
        Instruction::Reduced(0),
        load(2, bias),
        Instruction::Binary(Binary::Add, r(0), r(1)),
        dense(3, &[m, n]),
        Instruction::Binary(Binary::Add, r(2), r(3)),
    ]);
    let stores = kept(&after, &[m, n]);
    let (a, b) = (side(0, a, m, k), side(1, b, n, k));
    let body = Body::Contract(Contract { m, n, k, a, b, after, stores });
    let reads = vec![fed(m * k, 1), fed(n * k, 2), fed(n, 3), fed(m * n, 4)];
    Case::new(body, reads, &[Written::Over(3)])
}

#[test]
fn products() {
    let sizes = [
        [1, 1, 1],
        [1, 70, 5],
        [7, 1, 300],
        [2, 3, 2],
        [125, 65, 64],
        [127, 17, 513],
        [253, 130, 31],
        [40, 800, 100],
        [5, 9, 4097],
    ];
    for size in sizes {
        for (a, b) in MADE.into_iter().flat_map(|a| MADE.map(|b| (a, b))) {
            // Sums of some thousand products.
            check(&contract(size, a, b), 1e-4);
        }
    }
}

#[test]
fn rows_of_products_know_nothing_of_each_other() {
    for (a, b) in MADE.into_iter().flat_map(|a| [(a, Made::Plain), (a, Made::Expression)]) {
        // Rows of the turned operand lie otherwise when there are more of them.
        if matches!(a, Made::Turned | Made::TurnedExpression) {
            continue;
        }
        let run = |m: usize| {
            let mut case = contract([m, 90, 600], a, b);
            case.reads[3] = Fed::Numbers(vec![0.0; m * 90]);
            case.run(3).swap_remove(0)
        };
        let (one, few, many) = (run(1), run(7), run(300));
        assert!(one == many[..one.len()] && few == many[..few.len()], "{a:?} {b:?}");
    }
}
