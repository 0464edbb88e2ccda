//! The derivative of every primitive.
//!
//! In: a node and the cotangent of its result. Out: contributions to the cotangents of its operands. Operations that treat
//! rows apart are differentiated piece by piece, on these rows alone; others get a cotangent of all rows. Deliberately not
//! here: attention.

use crate::graph::{
    Binary, Graph, Input, InputKind, Leaf, NodeId, Op, Reduction, Table, TableId, Unary,
};

use super::attend;
use super::pieces::{Piece, whole};

/// A contribution to the cotangent of a node.
pub(super) type Contribution = (NodeId, Piece);

/// Contributions of a node to the cotangents of those of its operands that are active.
pub(super) fn pull_back(
    graph: &mut Graph,
    id: NodeId,
    pieces: &[Piece],
    active: &[bool],
) -> Vec<Contribution> {
    let node = graph.node(id).clone();
    if let Op::Attend(attention) = node.op {
        return attend::pull_back(graph, (id, attention), pieces, active);
    }
    if let Op::Slice { axis: 0, start } = node.op {
        let moved = pieces.iter().map(|piece| Piece { start: piece.start + start, ..*piece });
        return moved.map(|piece| (node.inputs[0], piece)).collect();
    }
    if node.op == Op::Concat(0) {
        return parts(graph, &node.inputs, pieces, active);
    }
    let rows = node.shape[0];
    let is_whole = matches!(pieces, [piece] if piece.rows(graph) == (0..rows));
    let pieces = if is_whole || by_rows(&node.op) {
        pieces.to_vec()
    } else {
        vec![Piece { start: 0, node: whole(graph, id, pieces) }]
    };
    let mut contributions = Vec::new();
    for piece in pieces {
        let range = piece.rows(graph);
        let length = range.end - range.start;
        // Operands with as many rows are cut to these rows; others are there for every row.
        let aligned = |graph: &Graph, at: usize, input: NodeId| {
            graph.shape(input).first() == Some(&rows) && !(node.op == Op::Contract && at == 1)
        };
        let inputs: Vec<NodeId> = node
            .inputs
            .iter()
            .enumerate()
            .map(|(at, input)| {
                if length < rows && aligned(graph, at, *input) {
                    graph.slice(*input, 0, range.start, length)
                } else {
                    *input
                }
            })
            .collect();
        let result = graph.slice(id, 0, range.start, length);
        let wanted = |at: usize| active[node.inputs[at].index()];
        for (at, start, cotangent) in rule(graph, &node.op, &inputs, (result, piece.node), &wanted)
        {
            let operand = node.inputs[at];
            let offset = if length < rows && aligned(graph, at, operand) { range.start } else { 0 };
            contributions.push((operand, Piece { start: start + offset, node: cotangent }));
        }
    }
    contributions
}

/// Each piece of rows after one another goes to the operands that these rows are of, and to no other.
fn parts(
    graph: &mut Graph,
    inputs: &[NodeId],
    pieces: &[Piece],
    active: &[bool],
) -> Vec<Contribution> {
    let mut contributions = Vec::new();
    let mut first = 0;
    for input in inputs {
        let end = first + graph.shape(*input)[0];
        for piece in pieces.iter().filter(|_| active[input.index()]) {
            let rows = piece.rows(graph);
            let (from, to) = (rows.start.max(first), rows.end.min(end));
            if from < to {
                let node = graph.slice(piece.node, 0, from - rows.start, to - from);
                contributions.push((*input, Piece { start: from - first, node }));
            }
        }
        first = end;
    }
    contributions
}

/// Whether rows of the result depend only on the same rows of the operands that have as many.
fn by_rows(op: &Op) -> bool {
    match op {
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Broadcast | Op::Contract => true,
        Op::Slice { axis, .. } | Op::Pad { axis, .. } | Op::Concat(axis) | Op::Reduce(_, axis) => {
            *axis > 0
        }
        Op::Permute(axes) => axes[0] == 0,
        Op::Leaf(_)
        | Op::Constant(_)
        | Op::Detach
        | Op::Reshape
        | Op::Gather(_)
        | Op::Lookup
        | Op::LookupSum
        | Op::Attend(_)
        | Op::AttendStatistics(_)
        | Op::AttendGradient(..)
        | Op::Random { .. }
        | Op::Present(_) => false,
    }
}

/// For operands that are wanted: which, from which row on, and the contribution.
fn rule(
    graph: &mut Graph,
    op: &Op,
    inputs: &[NodeId],
    (result, cotangent): (NodeId, NodeId),
    wanted: &dyn Fn(usize) -> bool,
) -> Vec<(usize, usize, NodeId)> {
    let mut out: Vec<(usize, usize, NodeId)> = Vec::new();
    match op {
        Op::Unary(function) => {
            out.push((0, 0, unary(graph, *function, inputs[0], result, cotangent)));
        }
        Op::Binary(function) => {
            for at in (0..2).filter(|at| wanted(*at)) {
                if let Some(made) = binary(graph, *function, inputs, (result, cotangent), at) {
                    out.push((at, 0, made));
                }
            }
        }
        Op::Select => {
            let shape = graph.shape(cotangent).to_vec();
            let zero = graph.constant(0.0, &shape);
            if wanted(1) {
                out.push((1, 0, graph.select(inputs[0], cotangent, zero)));
            }
            if wanted(2) {
                out.push((2, 0, graph.select(inputs[0], zero, cotangent)));
            }
        }
        Op::Reshape => {
            let shape = graph.shape(inputs[0]).to_vec();
            out.push((0, 0, graph.reshape(cotangent, &shape)));
        }
        Op::Permute(axes) => {
            let mut inverse = vec![0; axes.len()];
            for (to, from) in axes.iter().enumerate() {
                inverse[*from] = to;
            }
            out.push((0, 0, graph.permute(cotangent, &inverse)));
        }
        Op::Broadcast => {
            let from = graph.shape(inputs[0]).to_vec();
            let mut sum = cotangent;
            for (axis, size) in from.iter().enumerate() {
                if *size == 1 {
                    sum = graph.sum(sum, axis);
                }
            }
            out.push((0, 0, sum));
        }
        Op::Slice { axis, start } => {
            let length = graph.shape(inputs[0])[*axis];
            out.push((0, 0, graph.pad(cotangent, *axis, *start, length)));
        }
        Op::Pad { axis, before } => {
            let length = graph.shape(inputs[0])[*axis];
            out.push((0, 0, graph.slice(cotangent, *axis, *before, length)));
        }
        Op::Concat(axis) => {
            let mut start = 0;
            for (at, input) in inputs.iter().enumerate() {
                let length = graph.shape(*input)[*axis];
                if wanted(at) {
                    out.push((at, 0, graph.slice(cotangent, *axis, start, length)));
                }
                start += length;
            }
        }
        Op::Reduce(Reduction::Sum, _) => {
            let shape = graph.shape(inputs[0]).to_vec();
            out.push((0, 0, graph.broadcast(cotangent, &shape)));
        }
        Op::Reduce(Reduction::Max, _) => {
            // All that are as large as the largest get the cotangent.
            let shape = graph.shape(inputs[0]).to_vec();
            let largest = graph.broadcast(result, &shape);
            let is_less = graph.binary(Binary::Less, inputs[0], largest);
            let all = graph.broadcast(cotangent, &shape);
            let zero = graph.constant(0.0, &shape);
            out.push((0, 0, graph.select(is_less, zero, all)));
        }
        Op::Contract => {
            if wanted(0) {
                let b = graph.transpose(inputs[1]);
                out.push((0, 0, graph.contract(cotangent, b)));
            }
            if wanted(1) {
                let (rows, a) = (graph.transpose(cotangent), graph.transpose(inputs[0]));
                out.push((1, 0, graph.contract(rows, a)));
            }
        }
        Op::Gather(table) => {
            let rows = graph.shape(inputs[0])[0];
            out.push((0, 0, scattered(graph, *table, cotangent, rows)));
        }
        Op::Lookup => {
            if wanted(0) {
                out.push((0, 0, lookup_sum(graph, inputs, cotangent)));
            }
        }
        Op::Leaf(_) | Op::Constant(_) | Op::Detach | Op::Random { .. } | Op::Present(_) => {}
        Op::LookupSum | Op::Attend(_) | Op::AttendStatistics(_) | Op::AttendGradient(..) => {
            unreachable!("forward graphs have no gradients of gradients: {op:?}")
        }
    }
    out
}

fn unary(graph: &mut Graph, function: Unary, a: NodeId, y: NodeId, cotangent: NodeId) -> NodeId {
    let derivative = match function {
        Unary::Negate => return graph.unary(Unary::Negate, cotangent),
        Unary::Reciprocal => {
            let square = graph.multiply(y, y);
            graph.unary(Unary::Negate, square)
        }
        Unary::Exp => y,
        Unary::Log => return graph.divide(cotangent, a),
        Unary::Sqrt => {
            let half = graph.times(cotangent, 0.5);
            return graph.divide(half, y);
        }
        Unary::Rsqrt => {
            let square = graph.multiply(y, y);
            let cube = graph.multiply(square, y);
            graph.times(cube, -0.5)
        }
        Unary::Tanh => {
            let square = graph.multiply(y, y);
            let negated = graph.unary(Unary::Negate, square);
            graph.plus(negated, 1.0)
        }
        Unary::Erf => {
            let square = graph.multiply(a, a);
            let negated = graph.unary(Unary::Negate, square);
            let power = graph.unary(Unary::Exp, negated);
            graph.times(power, std::f64::consts::FRAC_2_SQRT_PI)
        }
        Unary::Sigmoid => {
            let negated = graph.unary(Unary::Negate, y);
            let rest = graph.plus(negated, 1.0);
            graph.multiply(y, rest)
        }
    };
    graph.multiply(cotangent, derivative)
}

fn binary(
    graph: &mut Graph,
    function: Binary,
    inputs: &[NodeId],
    (result, cotangent): (NodeId, NodeId),
    at: usize,
) -> Option<NodeId> {
    let (own, other) = (inputs[at], inputs[1 - at]);
    Some(match (function, at) {
        (Binary::Add, _) | (Binary::Subtract, 0) => cotangent,
        (Binary::Subtract, _) => graph.unary(Unary::Negate, cotangent),
        (Binary::Multiply, _) => graph.multiply(cotangent, other),
        (Binary::Divide, 0) => graph.divide(cotangent, other),
        (Binary::Divide, _) => {
            let product = graph.multiply(cotangent, result);
            let quotient = graph.divide(product, own);
            graph.unary(Unary::Negate, quotient)
        }
        // As in the definition, the second operand is taken where neither is the larger or smaller one.
        (Binary::Max, _) => chosen(graph, (inputs[1], inputs[0]), cotangent, at),
        (Binary::Min, _) => chosen(graph, (inputs[0], inputs[1]), cotangent, at),
        (Binary::Less, _) => return None,
    })
}

/// The cotangent where the first operand was taken (`lower < upper`), or where it was not.
fn chosen(
    graph: &mut Graph,
    (lower, upper): (NodeId, NodeId),
    cotangent: NodeId,
    at: usize,
) -> NodeId {
    let shape = graph.shape(cotangent).to_vec();
    let first = graph.binary(Binary::Less, lower, upper);
    let zero = graph.constant(0.0, &shape);
    if at == 0 {
        graph.select(first, cotangent, zero)
    } else {
        graph.select(first, zero, cotangent)
    }
}

/// The transpose of a gather: for each row of the operand the sum of the rows that were made of it. The table is turned
/// around, once for each time that the most frequent row occurs; what there is no row for reads a row of zeros.
fn scattered(graph: &mut Graph, table: TableId, cotangent: NodeId, rows: usize) -> NodeId {
    let Table::Rows(from) = graph.tables[table.0 as usize].clone() else {
        unreachable!("verified: a gather has a table of rows");
    };
    let zeros = u32::try_from(from.len()).expect("tables have less than 2^32 rows");
    let mut tables: Vec<Vec<u32>> = Vec::new();
    let mut seen = vec![0; rows];
    for (to, row) in (0..).zip(&from) {
        let row = *row as usize;
        if seen[row] == tables.len() {
            tables.push(vec![zeros; rows]);
        }
        tables[seen[row]][row] = to;
        seen[row] += 1;
    }
    let padded = graph.pad(cotangent, 0, 0, from.len() + 1);
    let width = graph.shape(cotangent)[1];
    let mut sum = graph.constant(0.0, &[rows, width]);
    for table in tables {
        let gathered = graph.gather(padded, table);
        sum = graph.add(sum, gathered);
    }
    sum
}

/// The gradient of a table of vectors for ids.
fn lookup_sum(graph: &mut Graph, inputs: &[NodeId], cotangent: NodeId) -> NodeId {
    let (table, ids) = (inputs[0], inputs[1]);
    let Op::Leaf(Leaf::Input(input)) = graph.node(ids).op else {
        unreachable!("ids are fed");
    };
    let name = graph.inputs[input.0 as usize].name.clone();
    let shape = graph.shape(table).to_vec();
    let rows = graph.shape(cotangent)[0];
    let order = Input { kind: InputKind::IdOrder, name: name.clone(), shape: vec![rows] };
    let starts = Input { kind: InputKind::IdStarts, name, shape: vec![shape[0] + 1] };
    let (order, starts) = (graph.input(order), graph.input(starts));
    graph.push(Op::LookupSum, vec![cotangent, order, starts], shape)
}
