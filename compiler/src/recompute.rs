//! placeholder
use crate::graph::Graph;
/// x
#[must_use]
pub fn recompute(graph: &Graph, _c: &dyn Fn(&str) -> Option<String>) -> Graph {
    graph.clone()
}
