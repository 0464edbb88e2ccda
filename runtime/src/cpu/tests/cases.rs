//! Expressions: every instruction, awkward sizes, every kind of operand.

use super::*;
use crate::compiler::graph::{Binary, Drawn, PresenceId, Reduction, Unary};

/// Around the sizes of strips, tasks and long rows.
const SIZES: &[(usize, usize)] = &[
    (1, 1),
    (1, 7),
    (3, 1),
    (5, 3),
    (1, 1025),
    (1025, 1),
    (2, 1023),
    (3, 1024),
    (37, 31),
    (700, 40),
    (2, 16_385),
    (1, 40_000),
    (3, 4096),
    (2, 4097),
];

/// A matrix, one number a row, one a column, one number: what broadcasting makes of them.
fn operand(read: usize, kind: usize, rows: usize, columns: usize) -> (Instruction, Fed) {
    let shape = [[rows, columns], [rows, 1], [1, columns], [1, 1]][kind];
    let mut access = Access::of(&shape);
    access.broadcast(&[rows, columns]);
    (load(read, access), fed(shape[0] * shape[1], read as u32 + 10 * kind as u32))
}

fn map(rows: usize, columns: usize, instructions: Vec<Instruction>, reads: Vec<Fed>) -> Case {
    let body = Body::Map(tile(rows, columns, instructions));
    Case::new(body, reads, &[Written::New(rows * columns)])
}

#[test]
fn binaries_of_every_kind_of_operand() {
    for &(rows, columns) in SIZES {
        for (a_kind, b_kind) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
            let (a, a_fed) = operand(0, a_kind, rows, columns);
            let (b, b_fed) = operand(1, b_kind, rows, columns);
            let binary = Binary::ALL[(a_kind + 4 * b_kind + rows) % Binary::ALL.len()];
            let instructions = vec![a, b, Instruction::Binary(binary, r(0), r(1))];
            // Each operation is rounded once.
            check(&map(rows, columns, instructions, vec![a_fed, b_fed]), 1e-6);
        }
    }
}

#[test]
fn unaries() {
    for (i, unary) in Unary::ALL.iter().enumerate() {
        let instructions = vec![dense(0, &[33, 50]), Instruction::Unary(*unary, r(0))];
        // Functions are within 2 units of the last place; logarithms near 1 lose no digits, for their values are small.
        check(&map(33, 50, instructions, vec![fed(33 * 50, i as u32)]), 1e-6);
    }
}

#[test]
fn selects_of_every_kind_of_operand() {
    for kind in 0..64 {
        let (rows, columns) = SIZES[kind % SIZES.len()];
        let (a, a_fed) = operand(0, kind % 4, rows, columns);
        let (b, b_fed) = operand(1, kind / 4 % 4, rows, columns);
        let (c, c_fed) = operand(2, kind / 16, rows, columns);
        let instructions = vec![
            a,
            b,
            c,
            Instruction::Constant(Scalar(0.0)),
            Instruction::Binary(Binary::Less, r(3), r(0)),
            Instruction::Select(r(4), r(1), r(2)),
        ];
        check(&map(rows, columns, instructions, vec![a_fed, b_fed, c_fed]), 0.0);
    }
}

#[test]
fn what_select_leaves_out_does_not_matter() {
    let condition: Vec<f32> = (0..2000).map(|i| (i % 3 % 2) as f32).collect();
    let unselected = |yes: bool| {
        let numbers = condition.iter().map(|c| if (*c != 0.0) == yes { 3.0 } else { f32::NAN });
        Fed::Numbers(numbers.collect())
    };
    let instructions = vec![
        dense(0, &[2, 1000]),
        dense(1, &[2, 1000]),
        dense(2, &[2, 1000]),
        Instruction::Select(r(0), r(1), r(2)),
    ];
    let case = map(
        2,
        1000,
        instructions,
        vec![Fed::Numbers(condition.clone()), unselected(true), unselected(false)],
    );
    assert!(case.run(2)[0].iter().all(|number| *number == 3.0));
}

#[test]
fn arguments_and_constants() {
    let instructions = vec![
        Instruction::Argument(0),
        Instruction::Argument(2),
        Instruction::Constant(Scalar(0.1)),
        Instruction::Binary(Binary::Add, r(0), r(1)),
        Instruction::Binary(Binary::Multiply, r(3), r(2)),
    ];
    check(&map(3, 700, instructions, vec![]), 1e-6);
}

#[test]
fn views() {
    let mut cases: Vec<(usize, usize, usize, Access)> = Vec::new();
    let mut transposed = Access::of(&[70, 30]);
    transposed.permute(&[1, 0]);
    cases.push((2100, 30, 70, transposed));
    // Patches of 2 by 3 on a grid of 8 by 9 with 5 channels, of two images.
    let mut patches = Access::of(&[2, 4, 2, 3, 3, 5]);
    patches.permute(&[0, 1, 3, 2, 4, 5]);
    patches.reshape(&[24, 30]);
    cases.push((720, 24, 30, patches));
    // A position for each of 12 tokens of 3 samples.
    let mut position = Access::of(&[1, 12, 40]);
    position.broadcast(&[3, 12, 40]);
    position.reshape(&[36, 40]);
    cases.push((480, 36, 40, position));
    let mut padded = Access::of(&[11, 90]);
    padded.pad(0, 2, 15);
    padded.pad(1, 7, 100);
    cases.push((990, 15, 100, padded));
    // Padding under another view: patches of a padded image.
    let mut image = Access::of(&[2, 7, 8]);
    image.pad(1, 1, 10);
    image.pad(2, 0, 9);
    image.reshape(&[2, 5, 2, 3, 3]);
    image.permute(&[0, 1, 3, 2, 4]);
    image.reshape(&[30, 6]);
    assert!(image.views().len() > 1, "several views");
    cases.push((112, 30, 6, image));
    for (numbers, rows, columns, access) in cases {
        let instructions = vec![load(0, access), Instruction::Unary(Unary::Negate, r(0))];
        check(&map(rows, columns, instructions, vec![fed(numbers, 3)]), 0.0);
    }
}

#[test]
fn stores_through_views() {
    let tape = tape(vec![dense(0, &[30, 70]), Instruction::Unary(Unary::Negate, r(0))]);
    let mut turned = Access::of(&[70, 30]);
    turned.permute(&[1, 0]);
    // The second half of rows of 140 numbers.
    let mut half = Access::of(&[30, 140]);
    half.slice(1, 70, 70);
    let stores = vec![
        Store { register: r(1), write: 0, access: turned, by_row: false },
        Store { register: r(0), write: 1, access: half, by_row: false },
    ];
    let body = Body::Map(Tile { rows: 30, columns: 70, tape, stores });
    check(&Case::new(body, vec![fed(2100, 4)], &[Written::New(2100), Written::New(4200)]), 0.0);
}

#[test]
fn gathered_rows() {
    let ids: Vec<u32> = (0..90).map(|i| i * 7 % 11).collect();
    let mut access = Access::of(&[90, 20]);
    access.slice(1, 3, 16);
    let instructions = vec![Instruction::LoadRow { read: 0, index: 1, width: 20, access }];
    check(&map(90, 16, instructions, vec![fed(11 * 20, 5), Fed::Ids(ids.clone())]), 0.0);
    let mut across = Access::of(&[90, 20]);
    across.permute(&[1, 0]);
    let instructions = vec![Instruction::LoadRow { read: 0, index: 1, width: 20, access: across }];
    check(&map(20, 90, instructions, vec![fed(11 * 20, 5), Fed::Ids(ids)]), 0.0);
}

#[test]
fn random_numbers() {
    for (by_sample, width, first) in
        [(false, 37, 0), (false, 1100, 0), (true, 8, 0), (false, 37, 5), (true, 1, 0)]
    {
        let groups =
            [(0, 3), (9, 1), (u32::MAX, 5)].map(|(group, tokens)| Drawn { group, tokens }).to_vec();
        let mut access = Access::of(&[18, width]);
        access.slice(1, first, width - first);
        let random = Instruction::Random { site: 1, by_sample, groups, width, access };
        check(&map(18, width - first, vec![random], vec![]), 0.0);
    }
}

#[test]
fn present_rows() {
    let segments = vec![
        Segment { present: None, tokens: 2 },
        Segment { present: Some(PresenceId(1)), tokens: 3 },
        Segment { present: Some(PresenceId(0)), tokens: 1 },
    ];
    let mut access = Access::of(&[12, 1]);
    access.broadcast(&[12, 200]);
    let instructions = vec![
        Instruction::Present { segments, access },
        dense(0, &[12, 200]),
        Instruction::Constant(Scalar(0.0)),
        Instruction::Select(r(0), r(1), r(2)),
    ];
    check(&map(12, 200, instructions, vec![fed(2400, 6)]), 0.0);
}

/// A norm: mean, variance, and what they are for; the mean is kept too.
#[test]
fn rows() {
    for &(rows, columns) in SIZES {
        let mut scale = Access::of(&[1, columns]);
        scale.broadcast(&[rows, columns]);
        let tape = tape(vec![
            dense(0, &[rows, columns]),
            Instruction::Reduce(Reduction::Sum, r(0)),
            Instruction::Constant(Scalar(1.0 / columns as f64)),
            Instruction::Binary(Binary::Multiply, r(1), r(2)),
            Instruction::Binary(Binary::Subtract, r(0), r(3)),
            Instruction::Binary(Binary::Multiply, r(4), r(4)),
            Instruction::Reduce(Reduction::Sum, r(5)),
            Instruction::Binary(Binary::Multiply, r(6), r(2)),
            Instruction::Constant(Scalar(0.01)),
            Instruction::Binary(Binary::Add, r(7), r(8)),
            Instruction::Unary(Unary::Rsqrt, r(9)),
            Instruction::Binary(Binary::Multiply, r(4), r(10)),
            load(1, scale),
            Instruction::Binary(Binary::Multiply, r(11), r(12)),
            Instruction::Reduce(Reduction::Max, r(13)),
        ]);
        let store = |register, write, by_row: bool| Store {
            register,
            write,
            access: if by_row { Access::of(&[rows]) } else { Access::of(&[rows, columns]) },
            by_row,
        };
        let stores = vec![store(r(13), 0, false), store(r(3), 1, true), store(r(14), 2, true)];
        let body = Body::Row(Tile { rows, columns, tape, stores });
        let writes = [rows * columns, rows, rows].map(Written::New);
        let case = Case::new(body, vec![fed(rows * columns, 8), fed(columns, 9)], &writes);
        // Sums of some ten thousand numbers in 16 lanes.
        check(&case, 2e-5);
    }
}

/// The state of an optimizer, moved in place.
#[test]
fn updates_in_place() {
    for columns in [1, 1000, 1025, 50_001] {
        let shape = [1, columns];
        let tape = tape(vec![
            dense(0, &shape),
            dense(1, &shape),
            Instruction::Argument(2),
            Instruction::Binary(Binary::Multiply, r(1), r(2)),
            Instruction::Binary(Binary::Add, r(0), r(3)),
            Instruction::Binary(Binary::Subtract, r(1), r(4)),
        ]);
        let store =
            |register, write| Store { register, write, access: Access::of(&shape), by_row: false };
        let body = Body::Map(Tile {
            rows: 1,
            columns,
            tape,
            stores: vec![store(r(4), 0), store(r(5), 1)],
        });
        let reads = vec![fed(columns, 1), fed(columns, 2)];
        check(&Case::new(body, reads, &[Written::Over(0), Written::Over(1)]), 1e-6);
    }
}

/// The bits of a row do not depend on how many rows there are.
#[test]
fn rows_know_nothing_of_each_other() {
    for columns in [3, 300, 1500, 5000] {
        let run = |rows: usize| {
            let body = Body::Row(tile(
                rows,
                columns,
                vec![
                    dense(0, &[rows, columns]),
                    Instruction::Unary(Unary::Exp, r(0)),
                    Instruction::Reduce(Reduction::Sum, r(1)),
                    Instruction::Binary(Binary::Divide, r(1), r(2)),
                ],
            ));
            let reads = vec![fed(rows * columns, 1)];
            Case::new(body, reads, &[Written::New(rows * columns)]).run(2).swap_remove(0)
        };
        let (few, many) = (run(2), run(41));
        assert!(few == many[..few.len()], "{columns} columns");
    }
}
