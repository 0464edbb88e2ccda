//! Products on a device, in all forms that shaders of them have, held to the interpreter of graphs.
//!
//! Sums of n products in single precision are off by some 1e-7 of their norm; 1e-5 is far below what one product more or
//! less would do, and a number that is none in what is not kept would show at once.

use std::sync::Arc;

use zorro_runtime::compiler::graph::interpret::{Feed, interpret};
use zorro_runtime::compiler::graph::{
    Graph, Input, InputKind, NodeId, Parameters, Phase, RootKind, Unary,
};
use zorro_runtime::compiler::plan::{Body, plan};
use zorro_runtime::compiler::random_model::Random;
use zorro_runtime::device::Feature;
use zorro_runtime::gpu::{Gpu, GpuExecutor, GpuOptions, tested_adapter};

use super::super::execute::step;
use super::turn;

const TOLERANCE: f64 = 1e-5;

/// Sizes about those of tiles, and primes.
const SIZES: [usize; 15] = [1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 129, 200];

/// What is fused into a product.
#[derive(Debug, Clone, Copy)]
enum Case {
    /// `[m, k]` and `[n, k]`.
    Rows,
    /// `[k, m]` and `[k, n]`: gradients of weights.
    Columns,
    /// `[m, k]` and `[k, n]`.
    Mixed,
    /// A function of what is loaded.
    Computed,
    /// Of parts of tensors.
    Sliced,
    /// Padded along k and along the rows.
    Padded,
    /// Two tensors side by side along k.
    Joined,
    /// One row for all, and one number a row.
    Broadcast,
    /// Two halves of k apart from each other.
    Permuted,
    /// A bias, a function and a sum with another tensor follow.
    Followed,
    /// The sum of all that follows, by row.
    Scaled,
}

const CASES: [Case; 11] = [
    Case::Rows,
    Case::Columns,
    Case::Mixed,
    Case::Computed,
    Case::Sliced,
    Case::Padded,
    Case::Joined,
    Case::Broadcast,
    Case::Permuted,
    Case::Followed,
    Case::Scaled,
];

struct Builder {
    graph: Graph,
}

impl Builder {
    fn fed(&mut self, shape: &[usize]) -> NodeId {
        let name = format!("fed{}", self.graph.inputs.len());
        self.graph.input(Input { kind: InputKind::Modality, name, shape: shape.to_vec() })
    }

    /// The operands and what follows: a result `[m, n]`.
    fn product(&mut self, case: Case, (m, n, k): (usize, usize, usize)) -> NodeId {
        let (left, right) = match case {
            Case::Rows | Case::Followed | Case::Scaled => (self.fed(&[m, k]), self.fed(&[n, k])),
            Case::Columns => {
                let (a, b) = (self.fed(&[k, m]), self.fed(&[k, n]));
                (self.graph.transpose(a), self.graph.transpose(b))
            }
            Case::Mixed => {
                let (a, b) = (self.fed(&[m, k]), self.fed(&[k, n]));
                (a, self.graph.transpose(b))
            }
            Case::Computed => {
                let (a, b) = (self.fed(&[m, k]), self.fed(&[n, k]));
                (self.graph.unary(Unary::Erf, a), self.graph.times(b, 0.5))
            }
            Case::Sliced => {
                let (a, b) = (self.fed(&[m + 3, k + 5]), self.fed(&[n, k + 1]));
                let a = self.graph.slice(a, 0, 2, m);
                (self.graph.slice(a, 1, 4, k), self.graph.slice(b, 1, 1, k))
            }
            Case::Padded => {
                let (a, b) = (self.fed(&[m, k.div_ceil(2)]), self.fed(&[n.div_ceil(2), k]));
                (self.graph.pad(a, 1, k / 2, k), self.graph.pad(b, 0, 0, n))
            }
            Case::Joined => {
                let first = k.div_ceil(3);
                let parts = [self.fed(&[m, first]), self.fed(&[m, (k - first).max(1)])];
                let joined = if k > first { self.graph.concat(&parts, 1) } else { parts[0] };
                (joined, self.fed(&[n, k]))
            }
            Case::Broadcast => {
                let (a, b) = (self.fed(&[1, k]), self.fed(&[n, 1]));
                (self.graph.broadcast(a, &[m, k]), self.graph.broadcast(b, &[n, k]))
            }
            Case::Permuted => {
                let (a, b) = (self.fed(&[2, m, k]), self.fed(&[n, 2 * k]));
                let a = self.graph.permute(a, &[1, 0, 2]);
                (self.graph.reshape(a, &[m, 2 * k]), b)
            }
        };
        let product = self.graph.contract(left, right);
        match case {
            Case::Followed => {
                let (bias, other) = (self.fed(&[1, n]), self.fed(&[m, n]));
                let bias = self.graph.broadcast(bias, &[m, n]);
                let sum = self.graph.add(product, bias);
                let function = self.graph.unary(Unary::Tanh, sum);
                self.graph.add(function, other)
            }
            Case::Scaled => {
                let scale = self.fed(&[m, 1]);
                let scale = self.graph.broadcast(scale, &[m, n]);
                self.graph.multiply(product, scale)
            }
            Case::Rows
            | Case::Columns
            | Case::Mixed
            | Case::Computed
            | Case::Sliced
            | Case::Padded
            | Case::Joined
            | Case::Broadcast
            | Case::Permuted => product,
        }
    }
}

fn built(case: Case, sizes: (usize, usize, usize), random: &mut Random) -> (Graph, Feed) {
    let parameters = Parameters { buffers: vec![], places: vec![], names: vec![], scale: None };
    let mut builder = Builder { graph: Graph::new("products", 1, parameters) };
    builder.graph.at("product", Phase::Forward);
    let product = builder.product(case, sizes);
    builder.graph.root(RootKind::Output, "product", product);
    let mut feed = Feed::zeros(&builder.graph);
    for number in feed.inputs.iter_mut().flatten() {
        *number = random.real();
    }
    (builder.graph, feed)
}

/// How far off a device is, of the norm.
fn error(gpu: &Gpu, graph: &Graph, feed: &Feed) -> f64 {
    let plan = Arc::new(plan(graph));
    assert!(plan.bodies.iter().any(|body| matches!(body, Body::Contract(_))), "there is a product");
    let mut executor = GpuExecutor::new(Arc::clone(&plan), gpu).expect("the device takes it");
    let ids = (0..).map(zorro_runtime::compiler::graph::InputId);
    for (id, numbers) in ids.zip(&feed.inputs) {
        let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
        executor.feed(id, &numbers).expect("it fits");
    }
    executor.run(&step(feed)).expect("it runs");
    let found = executor.result(0).expect("it comes back");
    let expected = interpret(graph, feed);
    let expected = expected[graph.roots[0].node.index()].as_ref().expect("roots are computed");
    let norm =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|it| it * it).sum::<f64>().sqrt();
    let mut differences = found.iter().zip(expected).map(|(a, b)| f64::from(*a) - b);
    // Of one number a sum at least: a single sum may be near zero.
    let least = (expected.len() as f64).sqrt();
    norm(&mut differences) / norm(&mut expected.iter().copied()).max(least)
}

/// The adapter of these tests, if there is one.
fn gpu(shares: bool, without: &[Feature]) -> Option<Gpu> {
    let index = tested_adapter()?;
    let options =
        GpuOptions { without: without.to_vec(), shares: Some(shares), ..GpuOptions::default() };
    Some(Gpu::open(index, &options).expect("what is listed can be opened"))
}

/// Tries products of some sizes and of random ones.
fn check(shares: bool, without: &[Feature], seed: u64) {
    let Some(gpu) = gpu(shares, without) else { return };
    let _turn = turn();
    let mut random = Random::new(seed);
    let tried =
        std::env::var("ZORRO_RANDOM_PRODUCTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let mut wrong = Vec::new();
    for case in CASES {
        let fixed = [(1, 1, 300), (17, 9, 33), (65, 40, 70), (68, 44, 72)];
        let some = (0..tried).map(|_| [(); 3].map(|()| random.one_of(&SIZES)));
        let some: Vec<(usize, usize, usize)> = some.map(|[m, n, k]| (m, n, k)).collect();
        for sizes in fixed.into_iter().chain(some) {
            let (graph, feed) = built(case, sizes, &mut random);
            let error = error(&gpu, &graph, &feed);
            if error.is_nan() || error > TOLERANCE {
                wrong.push(format!("{case:?} {sizes:?}: {error:.1e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn through_workgroup_memory() {
    check(true, &[], 1);
}

#[test]
fn in_subgroups() {
    check(false, &[], 2);
}

#[test]
fn alone() {
    check(false, &[Feature::Subgroups], 3);
}
