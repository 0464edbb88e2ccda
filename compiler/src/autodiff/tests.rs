//! Every derivative against central differences, in doubles.
//!
//! Each operation stands in the middle of a graph: its operands are nonlinear functions of fed numbers, and its result goes on with
//! coefficients that are different for each number and not 1, through another function, so that a cotangent that is dropped, or
//! taken for 1, cannot hide. Steps are 1e-5, so that the error of a difference is about 1e-10 for values near 1; 1e-7 relative to the
//! largest gradient leaves room.

mod attention;
mod structure;

use super::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{
    Binary, Graph, Input, InputKind, NodeId, Op, Parameters, Reduction, RootKind, Unary, verify,
};
use crate::random_model::{Random, id_order};

const WANTED: Wanted = Wanted { parameters: true, inputs: true };

/// A graph whose inputs are what is differentiated.
struct Case {
    graph: Graph,
    random: Random,
    /// The numbers of each operand, before the function that it goes through.
    fed: Vec<Vec<f64>>,
}

impl Case {
    fn new(batch: usize) -> Self {
        let graph = Graph::new("g", batch, Parameters::default());
        Self { graph, random: Random::new(7), fed: Vec::new() }
    }

    /// A fed tensor.
    fn fed(&mut self, shape: &[usize]) -> NodeId {
        let name = format!("in{}", self.fed.len());
        let n = shape.iter().product();
        self.fed.push((0..n).map(|_| self.random.real()).collect());
        let input = Input { kind: InputKind::Modality, name, shape: shape.to_vec() };
        self.graph.input(input)
    }

    /// An operand: a nonlinear function of fed numbers, with values around 0 and no two alike.
    fn operand(&mut self, shape: &[usize]) -> NodeId {
        let fed = self.fed(shape);
        let tanh = self.graph.unary(Unary::Tanh, fed);
        self.graph.times(tanh, 1.5)
    }

    /// An operand with values from 0.5 to 2.
    fn positive(&mut self, shape: &[usize]) -> NodeId {
        let fed = self.fed(shape);
        let half = self.graph.times(fed, 0.5);
        self.graph.unary(Unary::Exp, half)
    }

    /// Numbers that are known, between 0.5 and 1.5.
    fn coefficients(&mut self, shape: &[usize]) -> NodeId {
        let n = shape.iter().product();
        let numbers = (0..n).map(|_| 1.0 + 0.5 * self.random.real()).collect();
        self.graph.table(numbers, shape)
    }

    /// A loss that uses each number of a node in its own way.
    fn lose(&mut self, node: NodeId) -> NodeId {
        let shape = self.graph.shape(node).to_vec();
        let coefficients = self.coefficients(&shape);
        let product = self.graph.multiply(node, coefficients);
        let shifted = self.graph.plus(product, 0.3);
        let function = self.graph.unary(Unary::Sigmoid, shifted);
        let square = self.graph.multiply(function, function);
        let n: usize = shape.iter().product();
        let flat = self.graph.reshape(square, &[n, 1]);
        let sum = self.graph.sum(flat, 0);
        let loss = self.graph.times(sum, 1.7);
        self.graph.root(RootKind::Loss, "loss", loss);
        loss
    }

    fn feed(&self, graph: &Graph) -> Feed {
        let mut feed = Feed::zeros(graph);
        for (input, fed) in graph.inputs.iter().zip(&mut feed.inputs) {
            if let Some(at) = input.name.strip_prefix("in").and_then(|at| at.parse::<usize>().ok())
            {
                fed.clone_from(&self.fed[at]);
            }
        }
        feed
    }

    /// Gradients of all fed tensors against differences; `complete` adds what else is fed.
    #[track_caller]
    fn check(self, complete: &dyn Fn(&Graph, &mut Feed)) {
        let forward = &self.graph;
        assert_eq!(verify(forward), Ok(()));
        let loss = forward.roots[0].node;
        let whole = differentiate(forward.clone(), &Seed::Loss("loss".to_owned()), WANTED);
        assert_eq!(verify(&whole), Ok(()));
        let mut feed = self.feed(&whole);
        complete(&whole, &mut feed);
        let values = interpret(&whole, &feed);
        let mut feed = self.feed(forward);
        complete(forward, &mut feed);
        for root in whole.roots.iter().filter(|root| root.kind == RootKind::InputGradient) {
            let found = values[root.node.index()].clone().expect("a root");
            let at = forward.inputs.iter().position(|input| input.name == root.name);
            let at = at.expect("gradients are those of inputs");
            let mut value = |number: usize, step: f64| {
                let before = feed.inputs[at][number];
                feed.inputs[at][number] = before + step;
                let loss = interpret(forward, &feed)[loss.index()].clone().expect("a root")[0];
                feed.inputs[at][number] = before;
                loss
            };
            let step = 1e-5;
            let expected: Vec<f64> = (0..found.len())
                .map(|number| (value(number, step) - value(number, -step)) / (2.0 * step))
                .collect();
            let largest = expected.iter().fold(0.1_f64, |largest, one| largest.max(one.abs()));
            let fits = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-7 * largest);
            assert!(fits, "{}\nfound    {found:?}\nexpected {expected:?}\n{whole}", root.name);
        }
    }
}

/// An operation between operands and a loss.
#[track_caller]
fn check(make: impl FnOnce(&mut Case) -> NodeId) {
    let mut case = Case::new(2);
    let node = make(&mut case);
    case.lose(node);
    case.check(&|_, _| {});
}

#[test]
fn functions_of_a_number() {
    for function in Unary::ALL {
        check(|case| {
            let a = match function {
                Unary::Log | Unary::Sqrt | Unary::Rsqrt | Unary::Reciprocal => {
                    case.positive(&[3, 4])
                }
                Unary::Negate | Unary::Exp | Unary::Tanh | Unary::Erf | Unary::Sigmoid => {
                    case.operand(&[3, 4])
                }
            };
            case.graph.unary(*function, a)
        });
    }
}

#[test]
fn functions_of_two_numbers() {
    for function in Binary::ALL {
        check(|case| {
            let (a, b) = (case.positive(&[3, 4]), case.positive(&[3, 4]));
            case.graph.binary(*function, a, b)
        });
        // The same operand twice, and one that is known.
        check(|case| {
            let a = case.positive(&[3, 4]);
            let twice = if matches!(function, Binary::Max | Binary::Min) {
                // A maximum of two equal numbers has no derivative by halves: the second operand has it all.
                a
            } else {
                case.graph.binary(*function, a, a)
            };
            let known = case.coefficients(&[3, 4]);
            let (left, right) =
                (case.graph.binary(*function, known, a), case.graph.binary(*function, a, known));
            let sum = case.graph.add(left, right);
            case.graph.add(sum, twice)
        });
    }
}

#[test]
fn choices() {
    check(|case| {
        let (a, b) = (case.operand(&[3, 4]), case.operand(&[3, 4]));
        let (c, d) = (case.operand(&[3, 4]), case.operand(&[3, 4]));
        let less = case.graph.binary(Binary::Less, a, b);
        case.graph.select(less, c, d)
    });
    check(|case| {
        let (a, b) = (case.operand(&[5]), case.operand(&[5]));
        let less = case.graph.binary(Binary::Less, a, b);
        case.graph.only_where(less, a)
    });
}

#[test]
fn what_is_detached_has_no_gradient() {
    let mut case = Case::new(1);
    let a = case.operand(&[3]);
    let constant = case.graph.detach(a);
    let square = case.graph.multiply(constant, constant);
    case.lose(square);
    let whole = differentiate(case.graph.clone(), &Seed::Loss("loss".to_owned()), WANTED);
    let gradient = whole.roots.iter().find(|root| root.kind == RootKind::InputGradient);
    let gradient = gradient.expect("inputs that nothing depends on have zeros");
    assert_eq!(whole.constant_value(gradient.node), Some(0.0));
    // Beside a way that is not detached, that way alone counts: a function of a, times the a of now.
    let mut case = Case::new(1);
    let a = case.operand(&[3]);
    let constant = case.graph.detach(a);
    let (product, twice) = (case.graph.multiply(a, constant), case.graph.multiply(a, a));
    let detached = case.graph.sum(product, 0);
    let plain = case.graph.sum(twice, 0);
    let gradient = |node: NodeId| {
        let mut graph = case.graph.clone();
        let loss = graph.reshape(node, &[1, 1]);
        graph.root(RootKind::Loss, "loss", loss);
        let whole = differentiate(graph, &Seed::Loss("loss".to_owned()), WANTED);
        let values = interpret(&whole, &case.feed(&whole));
        let root = whole.roots.iter().find(|root| root.kind == RootKind::InputGradient);
        values[root.expect("an input").node.index()].clone().expect("a root")
    };
    let (half, whole) = (gradient(detached), gradient(plain));
    assert!(half.iter().zip(&whole).all(|(half, whole)| (2.0 * half - whole).abs() < 1e-14));
}

#[test]
fn views() {
    check(|case| {
        let a = case.operand(&[3, 4]);
        case.graph.reshape(a, &[2, 3, 2])
    });
    for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        check(|case| {
            let a = case.operand(&[2, 3, 4]);
            case.graph.permute(a, &axes)
        });
    }
    for (from, to) in [
        (&[1, 4][..], &[3, 4][..]),
        (&[3, 1], &[3, 4]),
        (&[1, 1], &[3, 4]),
        (&[2, 1, 3], &[2, 4, 3]),
        (&[1, 2, 1], &[5, 2, 3]),
        (&[1, 1], &[1, 3]),
    ] {
        check(|case| {
            let a = case.operand(from);
            case.graph.broadcast(a, to)
        });
    }
    for axis in 0..3 {
        for start in 0..3 {
            check(|case| {
                let a = case.operand(&[4, 4, 4]);
                case.graph.slice(a, axis, start, 2)
            });
            check(|case| {
                let a = case.operand(&[2, 2, 2]);
                case.graph.pad(a, axis, start, 5)
            });
        }
    }
}

#[test]
fn several_after_one_another() {
    for axis in 0..3 {
        check(|case| {
            let mut parts = Vec::new();
            for size in [2, 1, 3] {
                let mut shape = [2, 2, 2];
                shape[axis] = size;
                parts.push(case.operand(&shape));
            }
            parts.push(parts[1]);
            case.graph.concat(&parts, axis)
        });
    }
}

#[test]
fn reductions() {
    for reduction in [Reduction::Sum, Reduction::Max] {
        for axis in 0..3 {
            check(|case| {
                let a = case.operand(&[3, 4, 2]);
                case.graph.reduce(reduction, a, axis)
            });
        }
    }
}

#[test]
fn contractions() {
    check(|case| {
        let (a, b) = (case.operand(&[3, 4]), case.operand(&[5, 4]));
        case.graph.contract(a, b)
    });
    // As many rows on both sides, one side known, and both the same.
    check(|case| {
        let (a, b) = (case.operand(&[4, 4]), case.operand(&[4, 4]));
        case.graph.contract(a, b)
    });
    check(|case| {
        let (a, b) = (case.operand(&[3, 2]), case.coefficients(&[4, 2]));
        let (there, back) = (case.graph.contract(a, b), case.graph.contract(b, a));
        let back = case.graph.transpose(back);
        case.graph.multiply(there, back)
    });
    check(|case| {
        let a = case.operand(&[3, 2]);
        case.graph.contract(a, a)
    });
}

#[test]
fn rows_by_a_table() {
    for rows in [vec![0, 1, 2, 3], vec![2], vec![3, 3, 0, 3, 1, 0], vec![1; 7]] {
        check(|case| {
            let a = case.operand(&[4, 3]);
            case.graph.gather(a, rows)
        });
    }
}

#[test]
fn rows_by_ids() {
    for ids in [[0.0, 1.0, 2.0, 3.0], [2.0, 2.0, 2.0, 2.0], [3.0, 0.0, 3.0, 1.0]] {
        let mut case = Case::new(2);
        let table = case.operand(&[5, 3]);
        let fed = Input { kind: InputKind::Ids, name: "text".to_owned(), shape: vec![2, 2] };
        let fed = case.graph.input(fed);
        let found = case.graph.push(Op::Lookup, vec![table, fed], vec![4, 3]);
        case.lose(found);
        case.check(&|graph, feed| {
            let (order, starts) = id_order(&ids, 5);
            for (input, numbers) in graph.inputs.iter().zip(&mut feed.inputs) {
                match input.kind {
                    InputKind::Ids => *numbers = ids.to_vec(),
                    InputKind::IdOrder => numbers.clone_from(&order),
                    InputKind::IdStarts => numbers.clone_from(&starts),
                    InputKind::Modality | InputKind::Target | InputKind::Cotangent => {}
                }
            }
        });
    }
}

#[test]
fn one_value_used_by_many() {
    // Rows that overlap, rows that do not, and the whole.
    check(|case| {
        let a = case.operand(&[6, 2]);
        let parts: Vec<NodeId> =
            [(0, 3), (2, 3), (5, 1)].map(|(start, n)| case.graph.slice(a, 0, start, n)).to_vec();
        let made: Vec<NodeId> =
            parts.into_iter().map(|part| case.graph.unary(Unary::Sigmoid, part)).collect();
        let made = case.graph.concat(&made, 0);
        let whole = case.graph.unary(Unary::Erf, a);
        case.graph.concat(&[made, whole], 0)
    });
    check(|case| {
        let a = case.operand(&[6, 2]);
        let (first, last) = (case.graph.slice(a, 0, 0, 2), case.graph.slice(a, 0, 4, 2));
        case.graph.multiply(first, last)
    });
    // Operations by rows of which only some are used.
    check(|case| {
        let (a, b) = (case.operand(&[6, 4]), case.operand(&[3, 4]));
        let (row, column) = (case.operand(&[1, 3]), case.operand(&[6, 1]));
        let product = case.graph.contract(a, b);
        let row = case.graph.broadcast(row, &[6, 3]);
        let column = case.graph.broadcast(column, &[6, 3]);
        let sum = case.graph.add(product, row);
        let product = case.graph.multiply(sum, column);
        let squares = case.graph.multiply(product, product);
        let sums = case.graph.sum(squares, 1);
        let sums = case.graph.broadcast(sums, &[6, 3]);
        let quotient = case.graph.divide(product, sums);
        let padded = case.graph.pad(quotient, 1, 1, 5);
        let turned = case.graph.reshape(padded, &[6, 5, 1]);
        let turned = case.graph.permute(turned, &[0, 2, 1]);
        let turned = case.graph.reshape(turned, &[6, 5]);
        case.graph.slice(turned, 0, 2, 3)
    });
}
