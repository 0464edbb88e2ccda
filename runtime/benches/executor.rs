//! How fast the CPU executor runs bodies, each a plan of one kernel, beside the arithmetic under it.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use zorro_runtime::compiler::graph::{
    Argument, Binary, Drawn, Input, InputId, InputKind, Parameters, Phase, Reduction, Sample,
    Scalar, Unary,
};
use zorro_runtime::compiler::plan::{
    Access, Arena, Body, BodyId, Column, Contract, Instruction, Kernel, Plan, Region, Register,
    Store, Tape, Tile, Value,
};
use zorro_runtime::cpu::gemm::{MatrixMut, MatrixRef, multiply};
use zorro_runtime::cpu::{CpuExecutor, Step};

fn main() {
    divan::main();
}

fn tape(instructions: Vec<Instruction>) -> Tape {
    let by_row = vec![false; instructions.len()];
    Tape { instructions, by_row }
}

fn load(read: usize, access: Access) -> Instruction {
    Instruction::Load { read, access }
}

fn r(number: u32) -> Register {
    Register(number)
}

fn store(register: Register, write: usize, shape: &[usize]) -> Store {
    Store { register, write, access: Access::of(shape), by_row: false }
}

/// A kernel of reads of so many numbers; results are new, or lie over reads.
fn executor(
    body: Body,
    reads: &[usize],
    over: &[usize],
    new: usize,
    threads: usize,
) -> CpuExecutor {
    let (mut inputs, mut regions, mut offset) = (Vec::new(), Vec::new(), 0);
    for numbers in reads {
        let kind = InputKind::Modality;
        inputs.push((Input { kind, name: String::new(), shape: vec![*numbers] }, offset));
        regions.push(Region { arena: Arena::Inputs, offset, numbers: *numbers, half: false });
        offset += numbers;
    }
    let own = Region { arena: Arena::Activations, offset: 0, numbers: new, half: false };
    let mut writes: Vec<_> = over.iter().map(|read| regions[*read]).collect();
    writes.extend((new > 0).then_some(own));
    let number = |number| Value::Number(Argument::Given(Scalar(number)));
    let plan = Plan {
        name: String::new(),
        batch: 1,
        kernels: vec![Kernel {
            body: BodyId(0),
            reads: regions,
            writes,
            arguments: vec![number(0.9), number(0.1), number(1e-3), number(1e-8), Value::Site(7)],
            path: String::new(),
            phase: Phase::Forward,
        }],
        bodies: vec![body],
        activations: new,
        input_numbers: offset,
        inputs,
        parameters: Parameters::default(),
        states: vec![],
        tables: vec![],
        presences: vec![],
        attentions: vec![],
        results: vec![],
    };
    let mut executor = CpuExecutor::new(Arc::new(plan), threads).expect("there is memory");
    for (id, numbers) in (0..).map(InputId).zip(reads) {
        let fed: Vec<f32> = (0..*numbers).map(|i| (i % 97) as f32 / 97.0 + 0.1).collect();
        executor.feed(id, &fed).expect("it fits");
    }
    executor
}

fn step() -> Step {
    Step {
        samples: vec![Sample::whole(0, 0)],
        seed: 1,
        first_sample: 0,
        learning_rate: 0.0,
        first_correction: 1.0,
        second_correction: 1.0,
        updates: true,
    }
}

fn bench(bencher: Bencher<'_, '_>, items: usize, mut executor: CpuExecutor) {
    let step = step();
    bencher.counter(ItemsCount::new(items)).bench_local(|| executor.run(&step).expect("it runs"));
}

fn map(
    rows: usize,
    columns: usize,
    instructions: Vec<Instruction>,
    reads: &[usize],
) -> CpuExecutor {
    let tape = tape(instructions);
    let stores = vec![store(tape.last(), 0, &[rows, columns])];
    executor(Body::Map(Tile { rows, columns, tape, stores }), reads, &[], rows * columns, 1)
}

/// The exact gelu of `[992, 3072]`.
#[divan::bench]
fn gelu(bencher: Bencher<'_, '_>) {
    let constant = |number| Instruction::Constant(Scalar(number));
    let instructions = vec![
        load(0, Access::of(&[992, 3072])),
        constant(std::f64::consts::FRAC_1_SQRT_2),
        Instruction::Binary(Binary::Multiply, r(0), r(1)),
        Instruction::Unary(Unary::Erf, r(2)),
        constant(1.0),
        Instruction::Binary(Binary::Add, r(3), r(4)),
        constant(0.5),
        Instruction::Binary(Binary::Multiply, r(5), r(6)),
        Instruction::Binary(Binary::Multiply, r(7), r(0)),
    ];
    bench(bencher, 992 * 3072, map(992, 3072, instructions, &[992 * 3072]));
}

/// A copy of `[992, 3072]`: what loading and storing cost.
#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    let instructions = vec![load(0, Access::of(&[992, 3072]))];
    bench(bencher, 992 * 3072, map(992, 3072, instructions, &[992 * 3072]));
}

/// Random numbers for `[992, 768]`.
#[divan::bench]
fn random(bencher: Bencher<'_, '_>) {
    let access = Access::of(&[992, 768]);
    let groups = vec![Drawn { group: 0, tokens: 992 }];
    let random = Instruction::Random { site: 4, by_sample: false, groups, width: 768, access };
    bench(bencher, 992 * 768, map(992, 768, vec![random], &[]));
}

/// Adam over ten million numbers.
#[divan::bench(args = [1, 2])]
fn adam(bencher: Bencher<'_, '_>, threads: usize) {
    let n = 10_000_000;
    let one = |read| load(read, Access::of(&[1, n]));
    let binary = |binary, a, b| Instruction::Binary(binary, r(a), r(b));
    let tape = tape(vec![
        one(0),
        one(1),
        one(2),
        one(3),
        Instruction::Argument(0),
        Instruction::Argument(1),
        binary(Binary::Multiply, 2, 4),
        binary(Binary::Multiply, 1, 5),
        binary(Binary::Add, 6, 7),
        binary(Binary::Multiply, 1, 1),
        binary(Binary::Multiply, 3, 4),
        binary(Binary::Multiply, 9, 5),
        binary(Binary::Add, 10, 11),
        Instruction::Unary(Unary::Sqrt, r(12)),
        Instruction::Argument(3),
        binary(Binary::Add, 13, 14),
        binary(Binary::Divide, 8, 15),
        Instruction::Argument(2),
        binary(Binary::Multiply, 16, 17),
        binary(Binary::Subtract, 0, 18),
    ]);
    let shape = [1, n];
    let stores = vec![store(r(19), 0, &shape), store(r(8), 1, &shape), store(r(12), 2, &shape)];
    let body = Body::Map(Tile { rows: 1, columns: n, tape, stores });
    bench(bencher, n, executor(body, &[n; 4], &[0, 2, 3], 0, threads));
}

/// A norm without scale of `[992, 768]`.
#[divan::bench]
fn norm(bencher: Bencher<'_, '_>) {
    let tape = tape(vec![
        load(0, Access::of(&[992, 768])),
        Instruction::Reduce(Reduction::Sum, r(0)),
        Instruction::Constant(Scalar(1.0 / 768.0)),
        Instruction::Binary(Binary::Multiply, r(1), r(2)),
        Instruction::Binary(Binary::Subtract, r(0), r(3)),
        Instruction::Binary(Binary::Multiply, r(4), r(4)),
        Instruction::Reduce(Reduction::Sum, r(5)),
        Instruction::Binary(Binary::Multiply, r(6), r(2)),
        Instruction::Unary(Unary::Rsqrt, r(7)),
        Instruction::Binary(Binary::Multiply, r(4), r(8)),
    ]);
    let stores = vec![store(r(9), 0, &[992, 768])];
    let body = Body::Row(Tile { rows: 992, columns: 768, tape, stores });
    bench(bencher, 992 * 768, executor(body, &[992 * 768], &[], 992 * 768, 1));
}

/// Sums over 992 rows of 768 numbers.
#[divan::bench]
fn bias_gradient(bencher: Bencher<'_, '_>) {
    let before = tape(vec![load(0, Access::of(&[992, 768]))]);
    let after = tape(vec![Instruction::Reduced(0)]);
    let (reductions, stores) = (vec![(Reduction::Sum, r(0))], vec![store(r(0), 0, &[1, 768])]);
    let body = Body::Column(Column {
        outer: 1,
        length: 992,
        inner: 768,
        before,
        reductions,
        after,
        stores,
    });
    bench(bencher, 992 * 768, executor(body, &[992 * 768], &[], 768, 1));
}

const SIZES: [[usize; 3]; 3] = [[992, 768, 768], [992, 3072, 768], [992, 768, 3072]];

/// A linear layer with its bias; items are products.
#[divan::bench(args = SIZES)]
fn linear(bencher: Bencher<'_, '_>, [m, n, k]: [usize; 3]) {
    let mut bias = Access::of(&[1, n]);
    bias.broadcast(&[m, n]);
    let after = tape(vec![
        Instruction::Reduced(0),
        load(2, bias),
        Instruction::Binary(Binary::Add, r(0), r(1)),
    ]);
    let (a, b) =
        (tape(vec![load(0, Access::of(&[m, k]))]), tape(vec![load(1, Access::of(&[n, k]))]));
    let stores = vec![store(r(2), 0, &[m, n])];
    let body = Body::Contract(Contract { m, n, k, a, b, after, stores });
    bench(bencher, m * n * k, executor(body, &[m * k, n * k, n], &[], m * n, 1));
}

/// The gradient of its weight: over rows of tokens.
#[divan::bench(args = SIZES)]
fn weight_gradient(bencher: Bencher<'_, '_>, [k, n, m]: [usize; 3]) {
    let turned = |read, width| {
        let mut access = Access::of(&[k, width]);
        access.permute(&[1, 0]);
        tape(vec![load(read, access)])
    };
    let after = tape(vec![Instruction::Reduced(0)]);
    let stores = vec![store(r(0), 0, &[m, n])];
    let body =
        Body::Contract(Contract { m, n, k, a: turned(0, m), b: turned(1, n), after, stores });
    bench(bencher, m * n * k, executor(body, &[m * k, n * k], &[], m * n, 1));
}

/// The product alone, in one go, with the right operand in its fast layout.
#[divan::bench(args = SIZES)]
fn raw(bencher: Bencher<'_, '_>, [m, n, k]: [usize; 3]) {
    let (a, b, mut c) = (vec![0.5; m * k], vec![0.25; n * k], vec![0.0; m * n]);
    bencher.counter(ItemsCount::new(m * n * k)).bench_local(|| {
        let b = MatrixRef::new(&b, k, n).transposed();
        multiply(MatrixRef::new(&a, m, k), b, MatrixMut::new(&mut c, m, n), false);
    });
}
