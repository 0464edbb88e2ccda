//! Clipping by the norm of all gradients.
//!
//! In: all parts. Out: their gradients times `min(1, limit / (norm + 1e-6))`, and the norm as a root. Deliberately not here:
//! what to do about a norm that is no number: it spreads, and the host sees it.
//!
//! Sums of squares run over rows of some thousand numbers, and then over their sums, in a fixed order. Rows need no padding:
//! what is left behind the last whole row is a row of its own, so that all is read as it lies.

use crate::graph::{Binary, Graph, NodeId, RootKind, Unary};

use super::Part;

/// Numbers of a row of a sum.
pub(super) const COLUMNS: usize = 4096;

/// As PyTorch: keeps the factor finite where all gradients are zero.
const TINY: f64 = 1e-6;

/// Makes gradients shorter where all of them together are longer than the limit.
pub(super) fn clip(graph: &mut Graph, parts: &mut [Part], limit: f64) {
    let sums: Vec<NodeId> =
        parts.iter().map(|part| sum_of_squares(graph, part.gradient, COLUMNS)).collect();
    let total = sums.into_iter().reduce(|total, sum| graph.add(total, sum));
    let norm = graph.unary(Unary::Sqrt, total.expect("there are gradients to be clipped"));
    graph.root(RootKind::GradientNorm, "", norm);
    let shape = graph.shape(norm).to_vec();
    let limit = graph.constant(limit, &shape);
    let longer = graph.plus(norm, TINY);
    let factor = graph.divide(limit, longer);
    let one = graph.constant(1.0, &shape);
    // In this order: of a number and what is none, `Min` gives the second.
    let factor = graph.binary(Binary::Min, one, factor);
    for part in parts {
        let shape = graph.shape(part.gradient).to_vec();
        let factor = graph.broadcast(factor, &shape);
        part.gradient = graph.multiply(part.gradient, factor);
    }
}

/// The sum of squares of a list of numbers, `[1]`.
pub(super) fn sum_of_squares(graph: &mut Graph, numbers: NodeId, columns: usize) -> NodeId {
    sum(graph, numbers, columns, true)
}

fn sum(graph: &mut Graph, numbers: NodeId, columns: usize, squares: bool) -> NodeId {
    let length = graph.numbers(numbers);
    let rows = length / columns;
    if rows == 0 || length == columns {
        return row_sums(graph, numbers, 1, squares);
    }
    let whole = graph.slice(numbers, 0, 0, rows * columns);
    let sums = row_sums(graph, whole, rows, squares);
    let total = sum(graph, sums, columns, false);
    let left = length - rows * columns;
    if left == 0 {
        return total;
    }
    let rest = graph.slice(numbers, 0, rows * columns, left);
    let rest = row_sums(graph, rest, 1, squares);
    graph.add(total, rest)
}

/// A list of the sums of so many equal rows of a list.
fn row_sums(graph: &mut Graph, numbers: NodeId, rows: usize, squares: bool) -> NodeId {
    let columns = graph.numbers(numbers) / rows;
    let mut matrix = graph.reshape(numbers, &[rows, columns]);
    if squares {
        matrix = graph.multiply(matrix, matrix);
    }
    let sums = graph.sum(matrix, 1);
    graph.reshape(sums, &[rows])
}
