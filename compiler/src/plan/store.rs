//! Which nodes are stored, and which are only parts of the expressions of others.
//!
//! In: a graph. Out: for every node whether its result lies in memory. What is not stored is an expression that is
//! evaluated wherever it is used, or the end of a product or reduction that goes on in the same kernel. Deliberately not here:
//! which kernel computes what (`cluster`), where it lies (`memory`).
//!
//! The rules, in the order in which they matter:
//! - Roots, and operands of attention, lookups and concatenations, are stored: these read memory as it lies.
//! - What updates read is stored, too, but for weights and state: when they run, weights that it depends on may be new
//!   already. Between these and its results an update stores nothing.
//! - An expression of several users that reads much is stored.
//! - An expression of few cheap instructions over stored tensors is never stored: it is evaluated again. So is any other,
//!   but as an operand of a product, which would evaluate it many times.
//! - What a product or a column reduction ends in is stored where it has several users, or one that cannot go on in the same
//!   kernel.
//! - Reductions along rows are decided by `cluster`: they are stored where another kernel uses them.

use std::collections::BTreeSet;

use crate::graph::{BufferId, Graph, Leaf, NodeId, Op, Phase, RootKind, Unary};

/// The most instructions of an expression.
const MAX_INSTRUCTIONS: usize = 48;
/// The most tensors that an expression reads: with its results they must fit the bindings of a kernel.
const MAX_LOADS: usize = 6;
/// An expression that reads so many and has several users is not evaluated again for each.
const SHARED_LOADS: usize = 4;
/// The same for an operand of a product.
const CHEAP_INSTRUCTIONS: usize = 6;
const CHEAP_LOADS: usize = 3;

/// What is stored.
#[derive(Debug)]
pub(super) struct Stored {
    /// By node: whether it is stored.
    pub(super) stored: Vec<bool>,
    /// By node: the concatenation in which it is made in place, and its first number there.
    pub(super) placed: Vec<Option<(NodeId, usize)>>,
    /// By node: whether some root needs it.
    pub(super) live: Vec<bool>,
    /// By node: whether it is stored in half precision, once that is decided.
    pub(super) half: Vec<bool>,
}

/// An expression that is not stored.
#[derive(Debug, Clone, Default)]
struct Inline {
    /// Its instructions: nodes, each with the views through which it is computed, by their hash. What is computed through several
    /// is several instructions.
    nodes: BTreeSet<(NodeId, u64)>,
    /// The stored tensors that it reads.
    loads: BTreeSet<NodeId>,
    /// The product or column reduction that it goes on from.
    from: Option<NodeId>,
}

/// The hash of no views.
const AS_IT_IS: u64 = 0;

impl Inline {
    /// The same through one more view.
    fn through(self, view: NodeId) -> Self {
        let hash = |(node, views): (NodeId, u64)| {
            (node, (views ^ (1 + u64::from(view.0))).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        };
        Self { nodes: self.nodes.into_iter().map(hash).collect(), ..self }
    }
}

struct Analysis<'a> {
    graph: &'a Graph,
    stored: Vec<bool>,
    placed: Vec<Option<(NodeId, usize)>>,
    /// By node: how many different nodes and roots use it.
    users: Vec<usize>,
    inline: Vec<Inline>,
}

/// Decides what is stored.
pub(super) fn decide(graph: &Graph) -> Stored {
    let live = graph.live();
    let mut users = vec![0; graph.nodes.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        let inputs: BTreeSet<NodeId> = graph.node(id).inputs.iter().copied().collect();
        for input in inputs {
            users[input.index()] += 1;
        }
    }
    for root in &graph.roots {
        users[root.node.index()] += 1;
    }
    let n = graph.nodes.len();
    let mut analysis = Analysis {
        graph,
        stored: vec![false; n],
        placed: vec![None; n],
        users,
        inline: vec![Inline::default(); n],
    };
    let read = read_by_updates(graph);
    for id in graph.ids().filter(|id| live[id.index()]) {
        analysis.node(id);
        if read[id.index()] && is_part_of_weights(graph, id) {
            analysis.store(id);
        } else if read[id.index()] {
            analysis.need_memory(id);
        }
    }
    let updates = graph.roots.iter().any(|root| matches!(root.kind, RootKind::Update(..)));
    for root in &graph.roots {
        if let RootKind::Update(..) = root.kind {
            analysis.stored[root.node.index()] = true;
        } else {
            if updates && is_part_of_weights(graph, root.node) {
                // Whoever asks for it afterwards would find the new weights there.
                analysis.store(root.node);
            }
            analysis.need_memory(root.node);
        }
    }
    let half = vec![false; n];
    Stored { stored: analysis.stored, placed: analysis.placed, live, half }
}

/// What updates read of what is made before them, but for the weights and the state that each writes itself. It is stored before
/// any update: weights that are read afterwards are others.
fn read_by_updates(graph: &Graph) -> Vec<bool> {
    let mut read = vec![false; graph.nodes.len()];
    for root in &graph.roots {
        match root.kind {
            RootKind::Update(buffer, _, start) => {
                let own = (buffer, start, graph.numbers(root.node));
                let mut open = vec![root.node];
                let mut seen = BTreeSet::new();
                while let Some(id) = open.pop() {
                    if !seen.insert(id) || is_own(graph, id, own) {
                        continue;
                    }
                    if graph.origin(id).phase == Phase::Update {
                        open.extend(&graph.node(id).inputs);
                    } else {
                        read[id.index()] |= !graph.node(id).inputs.is_empty();
                    }
                }
            }
            RootKind::GradientNorm => read[root.node.index()] = true,
            RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::InputGradient
            | RootKind::ParameterGradient(..) => {}
        }
    }
    read
}

/// Whether a node is so many numbers of a buffer or its state from a start on, as they lie.
fn is_own(graph: &Graph, id: NodeId, (buffer, start, numbers): (BufferId, usize, usize)) -> bool {
    let (mut at, mut offset) = (id, 0);
    loop {
        let node = graph.node(at);
        if let Op::Leaf(Leaf::Parameters(found) | Leaf::State(found, _)) = node.op {
            return found == buffer && offset == start && graph.numbers(id) == numbers;
        }
        if !is_flat(&node.op) && !is_contiguous_slice(graph, at) {
            return false;
        }
        if let Op::Slice { axis, start } = node.op {
            let inner = &graph.shape(node.inputs[0])[axis + 1..];
            offset += start * inner.iter().product::<usize>();
        }
        at = node.inputs[0];
    }
}

/// Whether a result is some of the weights, as they lie or otherwise.
fn is_part_of_weights(graph: &Graph, id: NodeId) -> bool {
    let mut at = id;
    while graph.node(at).op.is_view() {
        at = graph.node(at).inputs[0];
    }
    at != id && matches!(graph.node(at).op, Op::Leaf(Leaf::Parameters(_) | Leaf::State(..)))
}

/// Whether a view leaves the numbers in their order.
pub(super) fn is_flat(op: &Op) -> bool {
    matches!(op, Op::Reshape | Op::Detach)
}

/// Whether a node is a part of its operand that lies in one piece.
pub(super) fn is_contiguous_slice(graph: &Graph, id: NodeId) -> bool {
    if let Op::Slice { axis, .. } = graph.node(id).op {
        graph.shape(id)[..axis].iter().all(|size| *size == 1)
    } else {
        false
    }
}

/// Whether a reduction runs along rows: nothing lies behind its axis.
pub(super) fn is_row_reduce(graph: &Graph, id: NodeId) -> bool {
    if let Op::Reduce(_, axis) = graph.node(id).op {
        graph.shape(id)[axis + 1..].iter().all(|size| *size == 1)
    } else {
        false
    }
}

/// Whether something lies in memory before the computation.
pub(super) fn is_memory(op: &Op) -> bool {
    matches!(op, Op::Leaf(Leaf::Input(_) | Leaf::Parameters(_) | Leaf::State(..) | Leaf::Table(_)))
}

fn is_dear(op: &Op) -> bool {
    matches!(op, Op::Unary(Unary::Exp | Unary::Log | Unary::Tanh | Unary::Erf | Unary::Sigmoid))
}

impl Analysis<'_> {
    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id).clone();
        match &node.op {
            Op::Leaf(_) | Op::Constant(_) | Op::Random { .. } | Op::Present(_) => {
                let inline = &mut self.inline[id.index()];
                if is_memory(&node.op) {
                    inline.loads.insert(id);
                } else {
                    inline.nodes.insert((id, AS_IT_IS));
                }
            }
            Op::Detach
            | Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Slice { .. }
            | Op::Pad { .. } => {
                let passes = is_flat(&node.op) && self.users[node.inputs[0].index()] == 1;
                if !passes {
                    self.end_here(node.inputs[0]);
                }
                let inline = self.reference(node.inputs[0]);
                self.inline[id.index()] =
                    if is_flat(&node.op) { inline } else { inline.through(id) };
            }
            Op::Unary(_) | Op::Binary(_) | Op::Select => self.elementwise(id, &node.inputs),
            Op::Contract => {
                for input in &node.inputs {
                    self.end_here(*input);
                    self.cheap(*input);
                }
                self.inline[id.index()].from = Some(id);
            }
            Op::Reduce(..) => {
                self.end_here(node.inputs[0]);
                let inline = &mut self.inline[id.index()];
                if is_row_reduce(self.graph, id) {
                    inline.loads.insert(id);
                } else {
                    inline.from = Some(id);
                }
            }
            Op::Gather(_) | Op::Lookup => {
                for input in &node.inputs {
                    self.need_memory(*input);
                }
                let mut inline = self.joined(id, &node.inputs);
                // It reads its table too.
                inline.loads.insert(id);
                self.inline[id.index()] = inline;
            }
            Op::Concat(axis) => self.concat(id, *axis, &node.inputs),
            Op::LookupSum | Op::Attend(_) | Op::AttendStatistics(_) | Op::AttendGradient(..) => {
                for input in &node.inputs {
                    self.need_memory(*input);
                }
                self.store(id);
            }
        }
    }

    /// What an expression that uses a node is made of because of that.
    fn reference(&self, id: NodeId) -> Inline {
        if self.stored[id.index()] {
            Inline { loads: BTreeSet::from([id]), ..Inline::default() }
        } else {
            self.inline[id.index()].clone()
        }
    }

    fn store(&mut self, id: NodeId) {
        self.stored[id.index()] = true;
    }

    /// Stores what a node is a view of.
    fn store_below(&mut self, id: NodeId) {
        let mut at = id;
        while self.graph.node(at).op.is_view() && !self.stored[at.index()] {
            at = self.graph.node(at).inputs[0];
        }
        if !is_memory(&self.graph.node(at).op) {
            self.store(at);
        }
        self.read_instead(id, at);
    }

    /// Views above what is stored were perhaps made before that was known: they are read there, and not computed again.
    fn read_instead(&mut self, view: NodeId, stored: NodeId) {
        let mut above = view;
        while above != stored {
            self.inline[above.index()] =
                Inline { loads: BTreeSet::from([stored]), ..Inline::default() };
            above = self.graph.node(above).inputs[0];
        }
    }

    /// What is used here and is the end of a product or column reduction cannot go on: it is stored.
    fn end_here(&mut self, id: NodeId) {
        if self.reference(id).from.is_some() {
            self.store_below(id);
        }
    }

    fn elementwise(&mut self, id: NodeId, inputs: &[NodeId]) {
        let is_update = self.graph.origin(id).phase == Phase::Update;
        let latest = inputs
            .iter()
            .filter(|input| self.users[input.index()] == 1 && !is_update)
            .filter_map(|input| self.reference(*input).from)
            .max();
        for input in inputs {
            let from = self.reference(*input).from;
            if from.is_some() && (from != latest || self.users[input.index()] > 1 || is_update) {
                self.store_below(*input);
            }
        }
        let mut inline = self.joined(id, inputs);
        while inline.nodes.len() > MAX_INSTRUCTIONS || self.n_loads(&inline) > MAX_LOADS {
            let largest = inputs
                .iter()
                .filter(|input| self.reference(**input).nodes.len() > 1)
                .filter(|input| self.reference(**input).from.is_none())
                .max_by_key(|input| {
                    let part = self.reference(**input);
                    (part.loads.len(), part.nodes.len())
                });
            // Where nothing else helps, what it goes on from ends there.
            let ends = || inputs.iter().find(|input| self.reference(**input).from.is_some());
            let Some(largest) = largest.or_else(ends) else { break };
            self.store_below(*largest);
            inline = self.joined(id, inputs);
        }
        let is_shared =
            self.users[id.index()] > 1 && inline.loads.len() >= SHARED_LOADS && !is_update;
        self.inline[id.index()] = inline;
        if is_shared {
            self.store(id);
        }
    }

    /// How many tensors a kernel reads that computes an expression, with what it goes on from.
    fn n_loads(&self, inline: &Inline) -> usize {
        let mut loads = inline.loads.clone();
        for input in inline.from.iter().flat_map(|from| &self.graph.node(*from).inputs) {
            loads.extend(self.reference(*input).loads);
        }
        loads.len()
    }

    fn joined(&self, id: NodeId, inputs: &[NodeId]) -> Inline {
        let mut inline = Inline { nodes: BTreeSet::from([(id, AS_IT_IS)]), ..Inline::default() };
        for input in inputs {
            let part = self.reference(*input);
            inline.nodes.extend(part.nodes);
            inline.loads.extend(part.loads);
            inline.from = inline.from.or(part.from);
        }
        inline
    }

    /// An operand of a product: views of memory and little more.
    fn cheap(&mut self, id: NodeId) {
        let inline = self.reference(id);
        let is_cheap = inline.nodes.len() <= CHEAP_INSTRUCTIONS
            && inline.loads.len() <= CHEAP_LOADS
            && !inline.nodes.iter().any(|(node, _)| is_dear(&self.graph.node(*node).op));
        if !is_cheap {
            self.store_below(id);
        }
    }

    /// Something that is read as it lies: stored, or a part of what is.
    fn need_memory(&mut self, id: NodeId) {
        let mut at = id;
        while !self.stored[at.index()] {
            let op = &self.graph.node(at).op;
            if is_flat(op) || is_contiguous_slice(self.graph, at) {
                at = self.graph.node(at).inputs[0];
            } else if is_memory(op) {
                break;
            } else {
                if op.is_view() {
                    self.end_here(self.graph.node(at).inputs[0]);
                }
                self.store(at);
            }
        }
        self.read_instead(id, at);
    }

    /// Parts that are computed anyway are made in place; others are copied.
    fn concat(&mut self, id: NodeId, axis: usize, parts: &[NodeId]) {
        let in_place = self.graph.shape(id)[..axis].iter().all(|size| *size == 1);
        let mut offset = 0;
        for part in parts {
            let mut at = *part;
            while is_flat(&self.graph.node(at).op) && !self.stored[at.index()] {
                at = self.graph.node(at).inputs[0];
            }
            let op = &self.graph.node(at).op;
            let is_made = match op {
                Op::Unary(_)
                | Op::Binary(_)
                | Op::Select
                | Op::Reduce(..)
                | Op::Contract
                | Op::Gather(_)
                | Op::Lookup
                | Op::LookupSum
                | Op::Attend(_)
                | Op::AttendStatistics(_)
                | Op::AttendGradient(..)
                | Op::Concat(_) => true,
                Op::Leaf(_)
                | Op::Constant(_)
                | Op::Detach
                | Op::Reshape
                | Op::Permute(_)
                | Op::Broadcast
                | Op::Slice { .. }
                | Op::Pad { .. }
                | Op::Random { .. }
                | Op::Present(_) => false,
            };
            if in_place && is_made && self.placed[at.index()].is_none() {
                self.store(at);
                self.placed[at.index()] = Some((id, offset));
            } else {
                self.end_here(*part);
            }
            offset += self.graph.numbers(*part);
        }
        self.store(id);
    }
}
