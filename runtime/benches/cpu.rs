//! How fast the CPU's products and functions are on one core, and products on two.
//!
//! In: nothing. Out: divan's table; items are floating-point operations or numbers. Deliberately not here: kernels.

use std::thread;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use zorro_runtime::cpu::gemm::{MatrixMut, MatrixRef, PANEL_ROWS, multiply, transpose};
use zorro_runtime::cpu::math;

fn main() {
    divan::main();
}

fn noise(length: usize) -> Vec<f32> {
    (0..length as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

/// M, N, K of `[M, K]` tokens by `[N, K]` weights.
const LINEAR: [(usize, usize, usize); 9] = [
    (64, 768, 768),
    (PANEL_ROWS, 768, 768),
    (2 * PANEL_ROWS, 768, 768),
    (992, 768, 768),
    (PANEL_ROWS, 3072, 768),
    (PANEL_ROWS, 768, 3072),
    (992, 768, 3072),
    (PANEL_ROWS, 192, 192),
    (1, 768, 768),
];

fn product(bencher: Bencher<'_, '_>, (m, n, k): (usize, usize, usize), columns_contiguous: bool) {
    let (a, b, mut c) = (noise(m * k), noise(n * k), vec![0.0; m * n]);
    let a = MatrixRef::new(&a, m, k);
    let b = if columns_contiguous {
        MatrixRef::new(&b, n, k)
    } else {
        MatrixRef::new(&b, k, n).transposed()
    };
    bencher
        .counter(ItemsCount::new(2 * m * n * k))
        .bench_local(|| multiply(black_box(a), black_box(b), MatrixMut::new(&mut c, m, n), false));
}

/// Weights laid out as `[K, N]`, the fast layout.
#[divan::bench(args = LINEAR)]
fn linear(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    product(bencher, shape, false);
}

/// Weights laid out as `[N, K]`.
#[divan::bench(args = LINEAR)]
fn linear_slow_layout(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    product(bencher, shape, true);
}

/// Queries by keys, and weights by values, of one head.
#[divan::bench(args = [(64, 784, 64), (64, 64, 784)])]
fn attention(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    product(bencher, shape, false);
}

/// The gradient of a weight, `c += a^T b` over 992 rows of tokens.
#[divan::bench(args = [(768, 768), (3072, 768)])]
fn weight_gradient(bencher: Bencher<'_, '_>, (m, n): (usize, usize)) {
    const ROWS: usize = 992;
    let (a, b, mut c) = (noise(m * ROWS), noise(n * ROWS), vec![0.0; m * n]);
    let (a, b) =
        (MatrixRef::new(&a, ROWS, m).transposed(), MatrixRef::new(&b, ROWS, n).transposed());
    bencher
        .counter(ItemsCount::new(2 * m * n * ROWS))
        .bench_local(|| multiply(black_box(a), black_box(b), MatrixMut::new(&mut c, m, n), true));
}

/// 992 x 768 x 3072 in panels, two threads taking them in turns.
#[divan::bench(args = [PANEL_ROWS, 2 * PANEL_ROWS, 4 * PANEL_ROWS])]
fn two_threads(bencher: Bencher<'_, '_>, panel: usize) {
    let (m, n, k) = (992, 768, 3072);
    let (a, b, mut c) = (noise(m * k), noise(n * k), vec![0.0; m * n]);
    let (a, b) = (MatrixRef::new(&a, m, k), MatrixRef::new(&b, k, n).transposed());
    bencher.counter(ItemsCount::new(2 * m * n * k)).bench_local(|| {
        let mut halves = [Vec::new(), Vec::new()];
        for (i, c) in c.chunks_mut(panel * n).enumerate() {
            halves[i % 2].push((i * panel, c));
        }
        thread::scope(|scope| {
            for half in halves {
                scope.spawn(move || {
                    for (first, c) in half {
                        let rows = c.len() / n;
                        multiply(
                            a.row_range(first..first + rows),
                            b,
                            MatrixMut::new(c, rows, n),
                            false,
                        );
                    }
                });
            }
        });
    });
}

#[divan::bench(args = [(768, 768), (768, 3072)])]
fn transposition(bencher: Bencher<'_, '_>, (rows, columns): (usize, usize)) {
    let (input, mut output) = (noise(rows * columns), vec![0.0; rows * columns]);
    bencher
        .counter(ItemsCount::new(rows * columns))
        .bench_local(|| transpose(black_box(MatrixRef::new(&input, rows, columns)), &mut output));
}

const STRIP: usize = 256;

type Function = fn(&[f32], &mut [f32]);

#[divan::bench(args = ["exp", "ln", "erf", "tanh", "sigmoid", "rsqrt", "abs"])]
fn strip(bencher: Bencher<'_, '_>, name: &str) {
    let functions: [(&str, Function); 7] = [
        ("exp", math::exp),
        ("ln", math::ln),
        ("erf", math::erf),
        ("tanh", math::tanh),
        ("sigmoid", math::sigmoid),
        ("rsqrt", math::rsqrt),
        ("abs", math::abs),
    ];
    let function = functions
        .iter()
        .find(|(known, _)| *known == name)
        .expect("the names are those of the table")
        .1;
    let (input, mut output) = (noise(STRIP), [0.0; STRIP]);
    bencher
        .counter(ItemsCount::new(STRIP))
        .bench_local(|| function(black_box(&input), black_box(&mut output)));
}

#[divan::bench]
fn strip_mul_add(bencher: Bencher<'_, '_>) {
    let (input, mut output) = (noise(STRIP), [0.0; STRIP]);
    bencher
        .counter(ItemsCount::new(STRIP))
        .bench_local(|| math::mul_add(black_box(&input), &input, &input, black_box(&mut output)));
}

#[divan::bench]
fn strip_sum(bencher: Bencher<'_, '_>) {
    let input = noise(STRIP);
    bencher.counter(ItemsCount::new(STRIP)).bench_local(|| math::sum(black_box(&input)));
}

#[divan::bench]
fn strip_max(bencher: Bencher<'_, '_>) {
    let input = noise(STRIP);
    bencher.counter(ItemsCount::new(STRIP)).bench_local(|| math::max_of(black_box(&input)));
}
