//! Reverse-mode differentiation: a graph with the gradients of its roots appended.
//!
//! In: a forward graph, and what is differentiated. Out: the same graph with gradients of weights and of fed tensors as
//! further roots. All rules stand in one table (`rules`); those of attention, which is one operation, in `attend`.
//!
//! A cotangent is a list of pieces, each for some rows of its node. Rows that no piece covers have a gradient that is
//! zero by structure: nothing is computed for them, so that a NaN in one token group cannot reach the gradient of what does
//! not see that group, and the gradient of a flat buffer of weights is made of those of its weights.
//!
//! Deliberately not here: second derivatives; what the backward pass stores or computes again (`plan`, `recompute`).

mod attend;
mod pieces;
mod rules;

use crate::graph::{Graph, Input, InputKind, Leaf, NodeId, Op, Phase, Root, RootKind, verify};

use crate::optimizer::loss_scale;
use crate::recompute::group;
use pieces::{Piece, Pieces};

/// What is differentiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// The loss of this name, times the loss scale if there is one.
    Loss(String),
    /// The sum over all outputs of output times a fed cotangent.
    Outputs,
    /// The same sum over some outputs, by name; what the others are made of is computed but not differentiated.
    Chosen(Vec<String>),
}

/// With respect to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Weights.
    pub parameters: bool,
    /// Fed tensors of numbers.
    pub inputs: bool,
}

/// Appends gradients.
///
/// # Panics
///
/// Where the graph has no loss of that name, or is no forward graph: the caller asked for it.
#[must_use]
pub fn differentiate(mut graph: Graph, seed: &Seed, wanted: Wanted) -> Graph {
    let end = graph.nodes.len();
    let active = active(&graph, wanted);
    let mut arrived = Arrived {
        cotangents: (0..end).map(|_| Pieces::default()).collect(),
        from: vec![None; end],
        active,
    };
    for (node, cotangent) in seeds(&mut graph, seed) {
        arrived.cotangents[node.index()].push(Piece { start: 0, node: cotangent });
    }
    for at in (0..end).rev() {
        let id = NodeId(u32::try_from(at).expect("limits keep graphs below 2^32 nodes"));
        if !arrived.active[at] || arrived.cotangents[at].is_empty() {
            continue;
        }
        let path = graph.origin(id).path.clone();
        graph.at(&path, Phase::Backward);
        let pieces = std::mem::take(&mut arrived.cotangents[at]).resolve(&mut graph, id);
        if let Op::Leaf(leaf) = graph.node(id).op.clone() {
            leaf_root(&mut graph, &leaf, id, &pieces);
            continue;
        }
        let turn = group(&path);
        for (input, piece) in rules::pull_back(&mut graph, id, &pieces, &arrived.active) {
            arrived.arrive(&mut graph, input, piece, turn);
        }
    }
    if wanted.inputs {
        complete_inputs(&mut graph);
    }
    debug_assert_eq!(verify(&graph), Ok(()), "autodiff makes well-formed graphs");
    graph
}

/// What has arrived of cotangents so far.
struct Arrived {
    cotangents: Vec<Pieces>,
    /// By node: the layer from which the last contribution came.
    from: Vec<Option<String>>,
    active: Vec<bool>,
}

impl Arrived {
    /// Takes a contribution to a node from a layer. What is spread over rows, as a bias that several layers share, hands on what
    /// one layer has brought before the next comes, so that rows of all layers need not be kept until the last.
    fn arrive(&mut self, graph: &mut Graph, node: NodeId, piece: Piece, layer: &str) {
        let at = node.index();
        if is_spread(graph, node) {
            let before = self.from[at].replace(layer.to_owned());
            if let Some(before) = before.filter(|before| before != layer)
                && !self.cotangents[at].is_empty()
            {
                let pieces = std::mem::take(&mut self.cotangents[at]).resolve(graph, node);
                for (input, piece) in rules::pull_back(graph, node, &pieces, &self.active) {
                    self.arrive(graph, input, piece, &before);
                }
            }
        }
        self.cotangents[at].push(piece);
    }
}

/// Whether a node is a broadcast, or a view of one.
fn is_spread(graph: &Graph, id: NodeId) -> bool {
    let mut id = id;
    loop {
        let node = graph.node(id);
        if node.op != Op::Reshape {
            return node.op == Op::Broadcast;
        }
        id = node.inputs[0];
    }
}

/// Which nodes depend on something whose gradient is wanted.
fn active(graph: &Graph, wanted: Wanted) -> Vec<bool> {
    let mut active = vec![false; graph.nodes.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        active[id.index()] = if let Op::Leaf(Leaf::Parameters(buffer)) = node.op {
            wanted.parameters && !graph.parameters.buffers[buffer.0 as usize].frozen
        } else if let Op::Leaf(Leaf::Input(input)) = node.op {
            wanted.inputs && graph.inputs[input.0 as usize].kind == InputKind::Modality
        } else {
            // Other leaves have no operands.
            node.op != Op::Detach && node.inputs.iter().any(|input| active[input.index()])
        };
    }
    active
}

/// The nodes from which gradients flow back, with their cotangents.
fn seeds(graph: &mut Graph, seed: &Seed) -> Vec<(NodeId, NodeId)> {
    let roots = graph.roots.clone();
    let mut seeds = Vec::new();
    for root in roots {
        match (seed, root.kind) {
            (Seed::Loss(name), RootKind::Loss) if *name == root.name => {
                graph.at(name, Phase::Backward);
                let shape = graph.shape(root.node).to_vec();
                let one = match loss_scale(graph) {
                    Some(scale) => graph.reshape(scale, &shape),
                    None => graph.constant(1.0, &shape),
                };
                seeds.push((root.node, one));
            }
            (Seed::Outputs, RootKind::Output) => seeds.push(cotangent(graph, root)),
            (Seed::Chosen(names), RootKind::Output) if names.contains(&root.name) => {
                seeds.push(cotangent(graph, root));
            }
            (Seed::Loss(_) | Seed::Outputs | Seed::Chosen(_), _) => {}
        }
    }
    assert!(!seeds.is_empty(), "there is something to differentiate: {seed:?}");
    seeds
}

/// An output with a cotangent that is fed.
fn cotangent(graph: &mut Graph, output: Root) -> (NodeId, NodeId) {
    graph.at(&output.name, Phase::Backward);
    let shape = graph.shape(output.node).to_vec();
    let input = Input { kind: InputKind::Cotangent, name: output.name, shape };
    (output.node, graph.input(input))
}

/// What has arrived at a leaf becomes a root.
fn leaf_root(graph: &mut Graph, leaf: &Leaf, id: NodeId, pieces: &[Piece]) {
    match leaf {
        Leaf::Parameters(buffer) => {
            for piece in pieces {
                let kind = RootKind::ParameterGradient(*buffer, piece.start);
                graph.root(kind, "", piece.node);
            }
        }
        Leaf::Input(input) => {
            let name = graph.inputs[input.0 as usize].name.clone();
            let whole = pieces::whole(graph, id, pieces);
            graph.root(RootKind::InputGradient, &name, whole);
        }
        Leaf::State(..) | Leaf::Argument(_) | Leaf::Table(_) => {
            unreachable!("no gradient is wanted of {leaf:?}")
        }
    }
}

/// Fed tensors that nothing depends on have a gradient, too: zeros.
fn complete_inputs(graph: &mut Graph) {
    for input in graph.inputs.clone() {
        let has = |graph: &Graph| {
            graph
                .roots
                .iter()
                .any(|root| root.kind == RootKind::InputGradient && root.name == input.name)
        };
        if input.kind == InputKind::Modality && !has(graph) {
            let zeros = graph.constant(0.0, &input.shape);
            graph.root(RootKind::InputGradient, &input.name, zeros);
        }
    }
}

#[cfg(test)]
mod tests;
