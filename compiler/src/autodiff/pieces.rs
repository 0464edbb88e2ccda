//! Cotangents in pieces.
//!
//! In: contributions to the cotangent of a node, each for some of its rows. Out: their sum, as few pieces as there are gaps.
//! Deliberately not here: where contributions come from.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::graph::{Graph, NodeId};

/// A cotangent for rows of a node, from `start` on as many as it has itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) node: NodeId,
}

impl Piece {
    /// The rows that it is for.
    pub(super) fn rows(&self, graph: &Graph) -> Range<usize> {
        self.start..self.start + graph.shape(self.node)[0]
    }
}

/// Contributions that have arrived, in their order.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    pub(super) fn push(&mut self, piece: Piece) {
        self.0.push(piece);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum: disjoint pieces in order, with gaps between them.
    pub(super) fn resolve(self, graph: &mut Graph, of: NodeId) -> Vec<Piece> {
        let mut by_rows: BTreeMap<(usize, usize), NodeId> = BTreeMap::new();
        for piece in self.0 {
            let rows = piece.rows(graph);
            let key = (rows.start, rows.end);
            let sum = match by_rows.get(&key) {
                Some(sum) => graph.add(*sum, piece.node),
                None => piece.node,
            };
            by_rows.insert(key, sum);
        }
        let mut clusters: Vec<Vec<Piece>> = Vec::new();
        let mut end = 0;
        for ((start, stop), node) in by_rows {
            let piece = Piece { start, node };
            match clusters.last_mut() {
                Some(cluster) if start <= end => cluster.push(piece),
                Some(_) | None => clusters.push(vec![piece]),
            }
            end = end.max(stop);
        }
        let width = graph.shape(of)[0];
        debug_assert!(end <= width, "a cotangent has the rows of its node");
        clusters.iter().map(|cluster| join(graph, cluster)).collect()
    }
}

/// Pieces without gaps between them as one: after one another where they do not overlap, else summed with zeros around
/// them.
fn join(graph: &mut Graph, pieces: &[Piece]) -> Piece {
    let start = pieces[0].start;
    let disjoint = pieces.windows(2).all(|pair| pair[0].rows(graph).end == pair[1].start);
    if disjoint {
        let nodes: Vec<NodeId> = pieces.iter().map(|piece| piece.node).collect();
        return Piece { start, node: graph.concat(&nodes, 0) };
    }
    let end = pieces.iter().map(|piece| piece.rows(graph).end).max().unwrap_or(start);
    let mut sum: Option<NodeId> = None;
    for piece in pieces {
        let padded = graph.pad(piece.node, 0, piece.start - start, end - start);
        sum = Some(match sum {
            Some(sum) => graph.add(sum, padded),
            None => padded,
        });
    }
    Piece { start, node: sum.expect("a cluster has a piece") }
}

/// The cotangent of all rows: zeros where there is no piece.
pub(super) fn whole(graph: &mut Graph, of: NodeId, pieces: &[Piece]) -> NodeId {
    let rows = graph.shape(of)[0];
    rows_of(graph, of, pieces, 0..rows)
}

/// The cotangent of some rows: zeros where there is no piece.
pub(super) fn rows_of(
    graph: &mut Graph,
    of: NodeId,
    pieces: &[Piece],
    rows: Range<usize>,
) -> NodeId {
    let mut shape = graph.shape(of).to_vec();
    let mut parts = Vec::new();
    let mut at = rows.start;
    for piece in pieces {
        let found = piece.rows(graph);
        let (start, end) = (found.start.max(at), found.end.min(rows.end));
        if start >= end {
            continue;
        }
        if at < start {
            shape[0] = start - at;
            parts.push(graph.constant(0.0, &shape));
        }
        parts.push(graph.slice(piece.node, 0, start - piece.start, end - start));
        at = end;
    }
    if at < rows.end {
        shape[0] = rows.end - at;
        parts.push(graph.constant(0.0, &shape));
    }
    graph.concat(&parts, 0)
}
