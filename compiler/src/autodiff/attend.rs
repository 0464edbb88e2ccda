//! The gradient of attention.
//!
//! In: an attention and the cotangent of its result, perhaps for some of the receivers alone. Out: contributions to
//! queries, keys, values and score bias. Scores are computed again from the statistics of each row; what no receiver with a
//! cotangent reads gets none. Deliberately not here: the kernels that do it.
//!
//! With `p = exp(score - statistic)` and `d` the sum over a head of result times cotangent: `dv = p g`,
//! `ds = p (g v - d)`, `dq = scale ds k`, `dk = scale ds q` (Dao et al. 2022, appendix B).

use crate::graph::{Attention, AttentionId, Gradient, Graph, NodeId, tokens};
use crate::routing::{Mask, Pair, Schedule};

use super::pieces::{Piece, rows_of};
use super::rules::Contribution;

pub(super) fn pull_back(
    graph: &mut Graph,
    (id, attention): (NodeId, AttentionId),
    pieces: &[Piece],
    active: &[bool],
) -> Vec<Contribution> {
    let inputs = graph.node(id).inputs.clone();
    let whole = graph.attention(attention).clone();
    let starts = starts(&whole, graph.batch);
    let covered: Vec<usize> = (0..whole.mask.receivers.len())
        .filter(|at| {
            let rows = starts[*at]..starts[at + 1];
            pieces.iter().any(|piece| {
                let found = piece.rows(graph);
                found.start < rows.end && rows.start < found.end
            })
        })
        .collect();
    let all = covered.len() == whole.mask.receivers.len();
    let part = if all { whole.clone() } else { restricted(&whole, &covered) };
    if part.mask.pairs.is_empty() {
        return Vec::new();
    }
    let part_id = if all { attention } else { graph.add_attention(part.clone()) };
    let rows = |at: &usize| starts[*at]..starts[*at + 1];
    let cut = |graph: &mut Graph, node: NodeId| {
        let parts: Vec<NodeId> =
            covered.iter().map(|at| graph.slice(node, 0, rows(at).start, rows(at).len())).collect();
        graph.concat(&parts, 0)
    };
    let statistics = graph.attend_statistics(attention, &inputs);
    let (statistics, result) =
        if all { (statistics, id) } else { (cut(graph, statistics), cut(graph, id)) };
    let cotangents: Vec<NodeId> =
        covered.iter().map(|at| rows_of(graph, id, pieces, rows(at))).collect();
    let cotangent = if all {
        let n_rows = starts[starts.len() - 1];
        rows_of(graph, id, pieces, 0..n_rows)
    } else {
        graph.concat(&cotangents, 0)
    };
    let delta = delta(graph, &part, result, cotangent);
    let mut operands = inputs.clone();
    operands.extend([statistics, delta, cotangent]);
    contributions(graph, (part_id, &part), &inputs, &operands, active)
}

/// Contributions to every active operand.
fn contributions(
    graph: &mut Graph,
    (id, attention): (AttentionId, &Attention),
    inputs: &[NodeId],
    operands: &[NodeId],
    active: &[bool],
) -> Vec<Contribution> {
    let batch = graph.batch;
    let receivers: Vec<usize> =
        attention.mask.receivers.iter().map(|s| batch * tokens(s)).collect();
    let reads: Vec<usize> = attention.mask.reads.iter().map(|s| batch * tokens(s)).collect();
    let mut out = Vec::new();
    let sides = [
        (Gradient::Queries, &attention.queries, &receivers),
        (Gradient::Keys, &attention.keys, &reads),
        (Gradient::Values, &attention.keys, &reads),
    ];
    for ((gradient, starts, rows), input) in sides.into_iter().zip(inputs) {
        if active[input.index()] {
            let made = graph.attend_gradient(gradient, id, operands);
            for piece in spread(graph, made, starts, rows) {
                out.push((*input, piece));
            }
        }
    }
    if let Some(bias) = inputs.get(3)
        && active[bias.index()]
    {
        let made = graph.attend_gradient(Gradient::Scores, id, operands);
        out.push((*bias, Piece { start: 0, node: made }));
    }
    out
}

/// Compact rows, group after group, as pieces where the groups lie.
fn spread(graph: &mut Graph, made: NodeId, starts: &[usize], rows: &[usize]) -> Vec<Piece> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    let mut from = 0;
    for (start, rows) in starts.iter().zip(rows) {
        match runs.last_mut() {
            Some((first, _, n)) if *first + *n == *start => *n += rows,
            Some(_) | None => runs.push((*start, from, *rows)),
        }
        from += rows;
    }
    runs.into_iter()
        .map(|(start, from, rows)| Piece { start, node: graph.slice(made, 0, from, rows) })
        .collect()
}

/// For each row and head the sum of result times cotangent.
fn delta(graph: &mut Graph, part: &Attention, result: NodeId, cotangent: NodeId) -> NodeId {
    let rows = graph.shape(result)[0];
    let product = graph.multiply(result, cotangent);
    let by_head = graph.reshape(product, &[rows * part.heads, part.head_width()]);
    let sums = graph.sum(by_head, 1);
    graph.reshape(sums, &[rows, part.heads])
}

/// The first row of each receiver in the result, and the end.
fn starts(attention: &Attention, batch: usize) -> Vec<usize> {
    let mut starts = vec![0];
    let mut end = 0;
    for side in &attention.mask.receivers {
        end += batch * tokens(side);
        starts.push(end);
    }
    starts
}

/// Some of the receivers, and what they read.
fn restricted(whole: &Attention, covered: &[usize]) -> Attention {
    let is_read = |read: usize| {
        whole.mask.pairs.iter().any(|pair| pair.read == read && covered.contains(&pair.receiver))
    };
    let reads: Vec<usize> = (0..whole.mask.reads.len()).filter(|read| is_read(*read)).collect();
    let place = |list: &[usize], at: usize| list.iter().position(|found| *found == at);
    let pairs = whole.mask.pairs.iter().filter_map(|pair| {
        let (receiver, read) = (place(covered, pair.receiver)?, place(&reads, pair.read)?);
        Some(Pair { receiver, read, relation: pair.relation.clone() })
    });
    let mask = Mask::new(
        covered.iter().map(|at| whole.mask.receivers[*at].clone()).collect(),
        reads.iter().map(|at| whole.mask.reads[*at].clone()).collect(),
        pairs.collect(),
    );
    Attention {
        heads: whole.heads,
        width: whole.width,
        forward: Schedule::of(&mask),
        backward: Schedule::transposed(&mask),
        mask,
        queries: covered.iter().map(|at| whole.queries[*at]).collect(),
        keys: reads.iter().map(|at| whole.keys[*at]).collect(),
        query_present: covered.iter().map(|at| whole.query_present[*at]).collect(),
        key_present: reads.iter().map(|at| whole.key_present[*at]).collect(),
        window: whole.window.clone(),
    }
}
