//! Plans against graphs, and what must be true of every plan.
//!
//! Both interpreters add the same numbers in the same order, so that results are equal to the last bit; the sign of a zero
//! alone is not held, because what is added to a padding may lose it.

mod access;
mod depth;
mod half;
mod limits;
mod models;
mod random_graph;
mod random_graphs;

use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, RootKind};

use super::{Limits, Plan, plan_within, verify};

/// The plan of a graph, which computes the same.
fn agree(graph: &Graph, feed: &Feed) -> Result<Plan, String> {
    agree_within(graph, feed, &Limits::NONE)
}

/// The plan of a graph for a device of such limits, which computes the same.
fn agree_within(graph: &Graph, feed: &Feed, limits: &Limits) -> Result<Plan, String> {
    let plan = plan_within(graph, limits);
    verify(&plan)?;
    let expected = interpret(graph, feed);
    let found = super::interpret(&plan, feed);
    for (root, found) in graph.roots.iter().zip(&found) {
        let expected = expected[root.node.index()].as_ref().expect("roots are evaluated");
        let alike = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
        if found.len() != expected.len() || !found.iter().zip(expected).all(alike) {
            let n = root.node.0;
            return Err(format!(
                "{:?} {} (node {n}):\nfound    {found:?}\nexpected {expected:?}",
                root.kind, root.name
            ));
        }
    }
    Ok(plan)
}

fn loss(graph: &Graph) -> Option<String> {
    let loss = graph.roots.iter().find(|root| root.kind == RootKind::Loss);
    loss.map(|root| root.name.clone())
}
