//! Which stored tensors are kept in half precision.
//!
//! In: a graph that asks for mixed precision, and what is stored. Out: of each node whether its numbers take two bytes. So
//! are operands of products and of attention, and their results on the way to others; all are computed with in single
//! precision. Streams that layers add to stay in single precision, as sums of many small steps must, and so
//! do what a forward norm reduces, statistics, losses, results, and all that weights become.
//!
//! Deliberately not here: loss scales, which the optimizer has; arithmetic, which is single everywhere.

use std::collections::BTreeSet;

use super::store::{Stored, is_memory, is_row_reduce};
use crate::graph::{Binary, Gradient, Graph, NodeId, Op, Phase};

/// Whether each node is stored in half precision.
pub(super) fn decide(graph: &Graph, stored: &Stored) -> Vec<bool> {
    let mut analysis = Analysis { graph, stored, readers: readers(graph, stored) };
    graph.ids().map(|id| analysis.is_half(id)).collect()
}

struct Analysis<'a> {
    graph: &'a Graph,
    stored: &'a Stored,
    readers: Vec<Readers>,
}

/// Who reads a node, directly or through what is not stored.
#[derive(Debug, Clone, Copy, Default)]
struct Readers {
    product: bool,
    forward_norm: bool,
    /// Something that reads memory as it lies, and is no attention.
    plain: bool,
}

impl Readers {
    fn and(self, other: Self) -> Self {
        Self {
            product: self.product || other.product,
            forward_norm: self.forward_norm || other.forward_norm,
            plain: self.plain || other.plain,
        }
    }
}

fn readers(graph: &Graph, stored: &Stored) -> Vec<Readers> {
    let mut readers = vec![Readers::default(); graph.nodes.len()];
    for root in &graph.roots {
        readers[root.node.index()].plain = true;
    }
    for id in graph.ids().rev().filter(|id| stored.live[id.index()]) {
        let node = graph.node(id);
        let passed = readers[id.index()];
        for input in &node.inputs {
            let read = match node.op {
                // Gradients of weights on their way to an update.
                _ if graph.origin(id).phase == Phase::Update => {
                    Readers { plain: true, ..Readers::default() }
                }
                Op::Contract | Op::Attend(_) | Op::AttendGradient(..) => {
                    Readers { product: true, ..Readers::default() }
                }
                Op::Reduce(..) if is_row_reduce(graph, id) => Readers {
                    forward_norm: graph.origin(id).phase == Phase::Forward,
                    ..Readers::default()
                },
                Op::AttendStatistics(_) | Op::Reduce(..) => Readers::default(),
                Op::Concat(_) | Op::LookupSum | Op::Gather(_) | Op::Lookup => {
                    Readers { plain: true, ..Readers::default() }
                }
                // Results are read as they lie, through whatever views.
                Op::Reshape | Op::Detach | Op::Slice { .. } if !stored.stored[id.index()] => passed,
                Op::Leaf(_)
                | Op::Constant(_)
                | Op::Unary(_)
                | Op::Binary(_)
                | Op::Select
                | Op::Detach
                | Op::Reshape
                | Op::Permute(_)
                | Op::Broadcast
                | Op::Slice { .. }
                | Op::Pad { .. }
                | Op::Random { .. }
                | Op::Present(_) => {
                    if stored.stored[id.index()] {
                        Readers::default()
                    } else {
                        Readers { plain: false, ..passed }
                    }
                }
            };
            readers[input.index()] = readers[input.index()].and(read);
        }
    }
    readers
}

impl Analysis<'_> {
    fn is_half(&mut self, id: NodeId) -> bool {
        let (graph, at) = (self.graph, id.index());
        let node = graph.node(id);
        let [rows, width] = node.shape.as_slice() else { return false };
        let lies = self.stored.stored[at]
            && self.stored.live[at]
            && !is_memory(&node.op)
            && self.stored.placed[at].is_none();
        let Readers { product, forward_norm, plain } = self.readers[at];
        let is_made_so = match node.op {
            Op::Attend(_)
            | Op::AttendGradient(Gradient::Queries | Gradient::Keys | Gradient::Values, _) => true,
            Op::Contract | Op::Unary(_) | Op::Binary(_) | Op::Select => !self.is_stream(id),
            Op::AttendGradient(Gradient::Scores, _)
            | Op::AttendStatistics(_)
            | Op::Leaf(_)
            | Op::Constant(_)
            | Op::Detach
            | Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Concat(_)
            | Op::Reduce(..)
            | Op::Gather(_)
            | Op::Lookup
            | Op::LookupSum
            | Op::Random { .. }
            | Op::Present(_) => false,
        };
        // Rows are cut between tensors of two bytes at even places alone.
        let is_even = *rows > 1 && width.is_multiple_of(2);
        let is_weight = graph.origin(id).phase == Phase::Update;
        let is_operand = product || self.is_product(id);
        lies && is_even && is_operand && !forward_norm && !plain && is_made_so && !is_weight
    }

    /// Whether an expression goes on from a product.
    fn is_product(&self, id: NodeId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            let node = self.graph.node(at);
            if node.op == Op::Contract {
                return true;
            }
            if seen.insert(at) && node.op.is_elementwise() {
                let inside = |input: &&NodeId| !self.stored.stored[input.index()];
                open.extend(node.inputs.iter().filter(inside));
            }
        }
        false
    }

    /// Whether an expression adds tensors as large as itself: a residual, or a gradient that several ways have made.
    fn is_stream(&self, id: NodeId) -> bool {
        let size = self.graph.numbers(id);
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            if !seen.insert(at) || (at != id && self.stored.stored[at.index()]) {
                continue;
            }
            let node = self.graph.node(at);
            if let Op::Binary(Binary::Add | Binary::Subtract) = node.op {
                let tensors = node.inputs.iter().map(|input| self.tensors(*input, size));
                let tensors: Vec<BTreeSet<NodeId>> = tensors.collect();
                let adds = tensors.iter().all(|own| !own.is_empty());
                if adds && tensors.iter().flatten().collect::<BTreeSet<_>>().len() > 1 {
                    return true;
                }
            }
            if node.op.is_elementwise() {
                open.extend(&node.inputs);
            }
        }
        false
    }

    /// The tensors of a size that an expression is made of.
    fn tensors(&self, id: NodeId, size: usize) -> BTreeSet<NodeId> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            let node = self.graph.node(at);
            let lies = self.stored.stored[at.index()] || is_memory(&node.op);
            if lies || node.op == Op::Contract {
                if self.graph.numbers(at) >= size {
                    found.insert(at);
                }
            } else if node.op.is_elementwise() || node.op.is_view() {
                open.extend(&node.inputs);
            }
        }
        found
    }
}
