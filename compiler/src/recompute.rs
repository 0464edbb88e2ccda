//! Recomputation: a graph whose backward pass keeps less of the forward pass.
//!
//! In: a differentiated graph, and of which paths nothing is to be kept. Out: another graph with the same roots, the same
//! numbers and, in general, a smaller peak of memory. Chosen nodes fall into groups, one for each innermost round of a
//! repetition ([`group`]). What a group hands on to the rest of the forward pass is kept; what only its own backward pass
//! uses is computed again, just before its first use there, from what the group was handed. Random numbers belong to their
//! site and come out the same.
//!
//! Deliberately not here: which paths are worth it, which is the caller's; where results lie (`plan`).

use std::collections::{BTreeSet, VecDeque};

use crate::graph::{Graph, NodeId, Op, Phase, Root, verify};

/// Computes again what the backward pass needs of the paths chosen; `chosen` is asked for each path of the forward
/// pass.
#[must_use]
pub fn recompute(graph: &Graph, chosen: &dyn Fn(&str) -> bool) -> Graph {
    let live = graph.live();
    let rebuilding = Rebuilding {
        again: again(graph, &live, chosen),
        old: graph,
        new: graph.emptied(),
        first: vec![None; graph.nodes.len()],
        second: vec![None; graph.nodes.len()],
    };
    let made = rebuilding.run(&live);
    debug_assert_eq!(verify(&made), Ok(()), "recomputation makes well-formed graphs");
    made
}

/// The group of a path: up to its innermost round of a repetition (`stages.2.trunk.5` of `stages.2.trunk.5.mlp.linear`),
/// else its first name.
#[must_use]
pub fn group(path: &str) -> &str {
    let mut end = path.find('.').unwrap_or(path.len());
    let mut start = 0;
    for name in path.split('.') {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            end = start + name.len();
        }
        start += name.len() + 1;
    }
    &path[..end]
}

/// Which nodes are computed again where the backward pass needs them.
fn again(graph: &Graph, live: &[bool], chosen: &dyn Fn(&str) -> bool) -> Vec<bool> {
    let groups: Vec<Option<&str>> = graph
        .origins
        .iter()
        .map(|origin| {
            let is_chosen = origin.phase == Phase::Forward && chosen(&origin.path);
            is_chosen.then(|| group(&origin.path))
        })
        .collect();
    let group_of = |id: NodeId| groups[graph.node(id).origin.0 as usize];
    let handed_on = handed_on(graph, live, &group_of);
    let homes = homes(graph, live);
    let mut again = vec![false; graph.nodes.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        let node = graph.node(id);
        let only_moves = node.op.is_view() || moves_nothing(graph, &homes, id);
        let of_kept = only_moves && node.inputs.iter().all(|input| !again[input.index()]);
        let is_there = node.inputs.is_empty() || of_kept;
        again[id.index()] = group_of(id).is_some() && !handed_on[id.index()] && !is_there;
    }
    again
}

/// What is a root or used by the forward pass of another group.
fn handed_on<'a>(
    graph: &'a Graph,
    live: &[bool],
    group_of: &dyn Fn(NodeId) -> Option<&'a str>,
) -> Vec<bool> {
    let mut handed_on = vec![false; graph.nodes.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        if graph.origin(id).phase == Phase::Forward {
            for input in &graph.node(id).inputs {
                handed_on[input.index()] |= group_of(*input) != group_of(id);
            }
        }
    }
    for root in &graph.roots {
        handed_on[root.node.index()] = true;
    }
    handed_on
}

/// By node: the first concatenation that it is a part of, in which it can be made.
fn homes(graph: &Graph, live: &[bool]) -> Vec<Option<NodeId>> {
    let mut homes = vec![None; graph.nodes.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        if let Op::Concat(_) = graph.node(id).op {
            for part in &graph.node(id).inputs {
                homes[below(graph, *part).index()].get_or_insert(id);
            }
        }
    }
    homes
}

/// What lies below reshapes.
fn below(graph: &Graph, id: NodeId) -> NodeId {
    let mut at = id;
    while graph.node(at).op == Op::Reshape {
        at = graph.node(at).inputs[0];
    }
    at
}

/// Whether all parts of a concatenation are made in it: where they are kept, it is.
fn moves_nothing(graph: &Graph, homes: &[Option<NodeId>], id: NodeId) -> bool {
    let node = graph.node(id);
    let is_home = |part: &NodeId| homes[below(graph, *part).index()] == Some(id);
    matches!(node.op, Op::Concat(_)) && node.inputs.iter().all(is_home)
}

struct Rebuilding<'a> {
    old: &'a Graph,
    new: Graph,
    again: Vec<bool>,
    /// By old node: the new one.
    first: Vec<Option<NodeId>>,
    /// By old node: the one that computes it again.
    second: Vec<Option<NodeId>>,
}

impl Rebuilding<'_> {
    fn run(mut self, live: &[bool]) -> Graph {
        for id in self.old.ids().filter(|id| live[id.index()]) {
            let phase = self.old.origin(id).phase;
            if self.uses_again(phase) {
                for input in &self.old.node(id).inputs {
                    self.compute_again(*input);
                }
            }
            let made = self.copy(id, phase);
            self.first[id.index()] = Some(made);
        }
        self.new.roots = self
            .old
            .roots
            .iter()
            .map(|root| Root { node: self.made(root.node, Phase::Forward), ..root.clone() })
            .collect();
        self.new
    }

    /// Whether what is done in a phase uses what is computed again.
    fn uses_again(&self, phase: Phase) -> bool {
        match phase {
            Phase::Again | Phase::Backward => true,
            Phase::Forward | Phase::Update => false,
        }
    }

    /// The new node that something in a phase uses for an old one.
    fn made(&self, id: NodeId, phase: Phase) -> NodeId {
        let made = if self.uses_again(phase) && self.again[id.index()] {
            self.second[id.index()]
        } else {
            self.first[id.index()]
        };
        made.expect("operands come before what uses them")
    }

    /// A node in a phase.
    fn copy(&mut self, id: NodeId, phase: Phase) -> NodeId {
        let node = self.old.node(id);
        let inputs = node.inputs.iter().map(|input| self.made(*input, phase)).collect();
        self.new.at(&self.old.origin(id).path, phase);
        self.new.push(node.op.clone(), inputs, node.shape.clone())
    }

    /// Computes a node again with all that it needs, unless that has been done or it is kept.
    fn compute_again(&mut self, id: NodeId) {
        let mut needed = BTreeSet::new();
        let mut open = VecDeque::from([id]);
        while let Some(id) = open.pop_front() {
            let is_missing = self.again[id.index()] && self.second[id.index()].is_none();
            if is_missing && needed.insert(id) {
                open.extend(&self.old.node(id).inputs);
            }
        }
        for id in needed {
            self.second[id.index()] = Some(self.copy(id, Phase::Again));
        }
    }
}

#[cfg(test)]
mod tests;
