//! How fast attention's kernels are on two threads.
//!
//! In: nothing. Out: divan's table; items are floating-point operations of what the mask allows: two for each product in
//! `q k` and `p v`, forward two products a pair of tokens and channel, for dQ three, for dK and dV four. Deliberately not
//! here: dense masks.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rayon::{ThreadPool, ThreadPoolBuilder};
use zorro_runtime::compiler::graph::Attention;
use zorro_runtime::compiler::plan::AttendKind;
use zorro_runtime::compiler::routing::{Mask, Pair, Relation, Schedule, Side, Windows};
use zorro_runtime::cpu::attend::{Setting, Visits, run};
use zorro_runtime::cpu::present::Present;

fn main() {
    divan::main();
}

const WIDTH: usize = 64;

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Three groups, as the model of the paper has them.
    Zorro,
    /// Outputs of one query each.
    Decoder,
    /// Windows of 49 tokens with a score bias.
    Windows,
    /// Causal.
    Causal,
}

const SHAPES: [Shape; 4] = [Shape::Zorro, Shape::Decoder, Shape::Windows, Shape::Causal];

fn sides(groups: &[(&str, &[u64])]) -> Vec<Side> {
    groups
        .iter()
        .map(|(name, grid)| Side { name: (*name).to_owned(), grid: grid.to_vec() })
        .collect()
}

fn mask(
    receivers: &[(&str, &[u64])],
    reads: &[(&str, &[u64])],
    pairs: &[(usize, usize)],
    relation: &Relation,
) -> Mask {
    let pair = |&(receiver, read)| Pair { receiver, read, relation: relation.clone() };
    Mask::new(sides(receivers), sides(reads), pairs.iter().map(pair).collect())
}

struct Kernel {
    attention: Attention,
    operands: Vec<Vec<f32>>,
    gradient: Vec<Vec<f32>>,
    pool: ThreadPool,
    present: Present,
}

fn noise(length: usize) -> Vec<f32> {
    (0..length as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

impl Kernel {
    fn new(shape: Shape) -> Self {
        let pack: [(&str, &[u64]); 3] = [("video", &[784]), ("audio", &[192]), ("fusion", &[16])];
        let outputs: [(&str, &[u64]); 4] = [("v", &[1]), ("a", &[1]), ("f", &[1]), ("g", &[1])];
        let all = Relation::All;
        let swin = Relation::Windows(Windows::shifted(vec![7, 7], vec![3, 3]));
        let (mask, heads, window) = match shape {
            Shape::Zorro => {
                (mask(&pack, &pack, &[(0, 0), (1, 1), (2, 0), (2, 1), (2, 2)], &all), 12, None)
            }
            Shape::Decoder => (
                mask(&outputs, &pack, &[(0, 0), (1, 1), (2, 2), (3, 0), (3, 1), (3, 2)], &all),
                12,
                None,
            ),
            Shape::Windows => (
                mask(&[("x", &[56, 56])], &[("x", &[56, 56])], &[(0, 0)], &swin),
                4,
                Some(vec![7, 7]),
            ),
            Shape::Causal => {
                (mask(&[("x", &[784])], &[("x", &[784])], &[(0, 0)], &Relation::Causal), 12, None)
            }
        };
        let starts = |sides: &[Side]| -> Vec<usize> {
            let mut row = 0;
            let mut next = |side: &Side| {
                row += side.tokens() as usize;
                row - side.tokens() as usize
            };
            sides.iter().map(&mut next).collect()
        };
        let attention = Attention {
            heads,
            width: heads * WIDTH,
            queries: starts(&mask.receivers),
            keys: starts(&mask.reads),
            query_present: vec![None; mask.receivers.len()],
            key_present: vec![None; mask.reads.len()],
            window,
            forward: Schedule::of(&mask),
            backward: Schedule::transposed(&mask),
            mask,
        };
        let (queries, keys, width) = (attention.n_queries(1), attention.n_keys(1), heads * WIDTH);
        let mut operands = vec![noise(queries * width), noise(keys * width), noise(keys * width)];
        if attention.window.is_some() {
            operands.push(noise(heads * attention.n_positions()));
        }
        let gradient =
            vec![vec![6.0; queries * heads], vec![0.0; queries * heads], noise(queries * width)];
        let pool = ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
        let sample = zorro_runtime::compiler::graph::Sample::whole(0, 0);
        Self { attention, operands, gradient, pool, present: Present::new(&[], &[sample]) }
    }

    fn bench(&self, bencher: Bencher<'_, '_>, kind: AttendKind, products: u64, lengths: &[usize]) {
        let is_gradient = !matches!(kind, AttendKind::Forward { .. });
        let gradient = self.gradient.iter().filter(|_| is_gradient);
        let reads: Vec<&[f32]> = self.operands.iter().chain(gradient).map(Vec::as_slice).collect();
        let mut writes: Vec<Vec<f32>> = lengths.iter().map(|&length| vec![0.0; length]).collect();
        let flops =
            2 * products * self.attention.width as u64 * self.attention.mask.allowed() as u64;
        bencher.counter(ItemsCount::new(flops)).bench_local(|| {
            let mut writes: Vec<&mut [f32]> = writes.iter_mut().map(Vec::as_mut_slice).collect();
            let visits = Visits::default();
            let Self { attention, present, pool, .. } = self;
            let setting = Setting { attention, batch: 1, present, pool, visits: &visits };
            run(kind, setting, black_box(&reads), &mut writes);
        });
    }
}

#[divan::bench(args = SHAPES)]
fn forward(bencher: Bencher<'_, '_>, shape: Shape) {
    let kernel = Kernel::new(shape);
    let rows = kernel.attention.n_queries(1);
    let lengths = [rows * kernel.attention.width, rows * kernel.attention.heads];
    kernel.bench(bencher, AttendKind::Forward { result: true, statistics: true }, 2, &lengths);
}

#[divan::bench(args = SHAPES)]
fn queries(bencher: Bencher<'_, '_>, shape: Shape) {
    let kernel = Kernel::new(shape);
    let lengths = [kernel.attention.n_queries(1) * kernel.attention.width];
    kernel.bench(bencher, AttendKind::Queries, 3, &lengths);
}

#[divan::bench(args = SHAPES)]
fn keys_values(bencher: Bencher<'_, '_>, shape: Shape) {
    let kernel = Kernel::new(shape);
    let lengths = [kernel.attention.n_keys(1) * kernel.attention.width; 2];
    kernel.bench(bencher, AttendKind::KeysValues { keys: true, values: true }, 4, &lengths);
}

#[divan::bench]
fn scores(bencher: Bencher<'_, '_>) {
    let kernel = Kernel::new(Shape::Windows);
    let lengths = [kernel.attention.heads * kernel.attention.n_positions()];
    kernel.bench(bencher, AttendKind::Scores, 2, &lengths);
}
