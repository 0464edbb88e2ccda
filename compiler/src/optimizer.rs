//! placeholder
use crate::graph::Graph;
/// x
#[derive(Debug, Clone)]
pub struct Optimizer;
/// x
#[must_use]
pub fn optimize(graph: Graph, _o: &Optimizer) -> Graph {
    graph
}
