//! Which kernel computes what, and in which order.
//!
//! In: a graph and what of it is stored. Out: clusters, each a domain and the nodes that are computed on it, in an order in
//! which everything is made before it is read. A node joins the kernel of what it goes on from; else the youngest kernel on the
//! same domain that it has something in common with; else it begins one. Deliberately not here: tapes (`tapes`), memory.

mod refer;

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{BufferId, Gradient, Graph, NodeId, Op, RootKind, Slot};

use super::store::{Stored, is_flat, is_row_reduce};
use refer::{Level, References};

/// The most tensors that a kernel reads and writes.
pub(super) const MAX_OPERANDS: usize = 8;
/// How many of the youngest kernels are looked at for something in common.
const N_YOUNGEST: usize = 6;

/// A kernel to be.
#[derive(Debug)]
pub(super) struct Cluster {
    /// What it runs over.
    pub(super) domain: Domain,
    /// What it computes and keeps, or uses for what it keeps, in order.
    pub(super) members: Vec<Member>,
    /// Its place in the order: it runs after all clusters of lower places.
    pub(super) place: (NodeId, usize),
    /// Whether another kernel reads what it keeps, so that it cannot be moved.
    closed: bool,
    /// What it reads.
    pub(super) loads: BTreeSet<NodeId>,
}

/// What a kernel runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// So many elements.
    Map { rows: usize, columns: usize },
    /// Rows along which it reduces.
    Row { rows: usize, columns: usize },
    /// A reduction along another axis, and its results.
    Column(NodeId),
    /// A product, and its results.
    Contract(NodeId),
    /// Attention or a gradient of it.
    Attend,
    /// Sums of rows by ids.
    LookupSum,
}

/// Something that a kernel keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// The node.
    pub(super) node: NodeId,
    /// Where it goes.
    pub(super) target: Target,
}

/// Where a member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Where the node lies.
    Own,
    /// Into a concatenation as the part of this number.
    Part(NodeId, usize),
    /// Into a buffer of weights or state, from this number on.
    Buffer(BufferId, Slot, usize),
    /// Nowhere, unless another kernel asks for it: a reduction along rows.
    Inside,
}

pub(super) struct Clusters {
    pub(super) all: Vec<Cluster>,
    /// By node: the cluster that computes it, where it is a member.
    pub(super) of: Vec<Option<usize>>,
}

struct Clustering<'a> {
    graph: &'a Graph,
    stored: &'a mut Stored,
    all: Vec<Cluster>,
    of: Vec<Option<usize>>,
    /// By concatenation: the clusters that copy parts of it.
    copies: BTreeMap<NodeId, Vec<usize>>,
    /// By product or column reduction that is not stored: its cluster.
    open: Vec<Option<usize>>,
    /// By what they read: the clusters of attention.
    attends: BTreeMap<Vec<NodeId>, Vec<usize>>,
}

/// Makes clusters, in the order in which they run.
pub(super) fn cluster(graph: &Graph, stored: &mut Stored) -> Clusters {
    let n = graph.nodes.len();
    let mut clustering = Clustering {
        graph,
        stored,
        all: Vec::new(),
        of: vec![None; n],
        copies: BTreeMap::new(),
        open: vec![None; n],
        attends: BTreeMap::new(),
    };
    let updates = updates(graph);
    let updated: BTreeSet<NodeId> = updates.values().flatten().map(|member| member.node).collect();
    for id in graph.ids() {
        if clustering.stored.live[id.index()] && !updated.contains(&id) {
            clustering.node(id);
        }
    }
    for members in updates.into_values() {
        clustering.update(members);
    }
    let (mut all, of) = (clustering.all, clustering.of);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| all[*at].place);
    let mut place = vec![0; all.len()];
    for (to, from) in order.iter().enumerate() {
        place[*from] = to;
    }
    let mut sorted: Vec<(usize, Cluster)> = all.drain(..).enumerate().collect();
    sorted.sort_by_key(|(at, _)| place[*at]);
    Clusters {
        all: sorted.into_iter().map(|(_, cluster)| cluster).collect(),
        of: of.into_iter().map(|at| at.map(|at| place[at])).collect(),
    }
}

/// New weights and state, buffer by buffer: what belongs together is one kernel, which reads the old and writes the new
/// in one pass.
fn updates(graph: &Graph) -> BTreeMap<(BufferId, usize), Vec<Member>> {
    let mut updates: BTreeMap<(BufferId, usize), Vec<Member>> = BTreeMap::new();
    for root in &graph.roots {
        if let RootKind::Update(buffer, slot, start) = root.kind {
            let target = Target::Buffer(buffer, slot, start);
            updates.entry((buffer, start)).or_default().push(Member { node: root.node, target });
        }
    }
    updates
}

impl Clustering<'_> {
    fn node(&mut self, id: NodeId) {
        let stored = self.stored.stored[id.index()];
        let node = self.graph.node(id);
        match &node.op {
            Op::Contract => self.begin(id, Domain::Contract(id), stored),
            Op::Reduce(..) if is_row_reduce(self.graph, id) => self.row_reduce(id),
            Op::Reduce(..) => self.column(id, stored),
            Op::Attend(_) | Op::AttendStatistics(_) | Op::AttendGradient(..) => self.attend(id),
            Op::LookupSum => self.begin(id, Domain::LookupSum, true),
            Op::Concat(_) => self.concat(id),
            Op::Leaf(_)
            | Op::Constant(_)
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::Detach
            | Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Gather(_)
            | Op::Lookup
            | Op::Random { .. }
            | Op::Present(_) => {
                if stored {
                    self.expression(id, Target::Own);
                }
            }
        }
    }

    /// A kernel of its own.
    fn begin(&mut self, id: NodeId, domain: Domain, stored: bool) {
        let mut loads = BTreeSet::new();
        for input in &self.graph.node(id).inputs {
            let references = self.references(*input, &domain);
            loads.extend(references.into_iter().map(|(node, _)| node));
        }
        self.close(&loads);
        let members =
            if stored { vec![Member { node: id, target: Target::Own }] } else { Vec::new() };
        let at = self.all.len();
        self.all.push(Cluster { domain, members, place: (id, 0), closed: false, loads });
        self.open[id.index()] = Some(at);
        if stored {
            self.of[id.index()] = Some(at);
        }
    }

    /// Kernels that make what is read can no longer be moved.
    fn close(&mut self, loads: &BTreeSet<NodeId>) {
        for id in loads {
            if let Some(at) = self.of[id.index()] {
                self.all[at].closed = true;
                if is_row_reduce(self.graph, *id) {
                    self.stored.stored[id.index()] = true;
                }
            }
            if let Op::Concat(_) = self.graph.node(*id).op {
                for at in self.copies.get(id).cloned().unwrap_or_default() {
                    self.all[at].closed = true;
                }
                let parts = self.parts(*id).into_iter().collect();
                self.close(&parts);
            }
        }
    }

    /// Whether an expression with these references can be computed in a kernel, and the kernel's place then.
    fn fits(&self, at: usize, id: NodeId, references: &References) -> Option<(NodeId, usize)> {
        let cluster = &self.all[at];
        let mut latest = None;
        let mut new = 0;
        for (node, level) in references {
            let inside = self.of[node.index()].or(self.open[node.index()]) == Some(at);
            if inside {
                let reduced = is_row_reduce(self.graph, *node);
                let alike = match level {
                    Level::Element => true,
                    Level::Row => reduced || self.is_row_level(*node, &cluster.domain),
                    Level::Other => false,
                };
                if !alike {
                    return None;
                }
                continue;
            }
            if self.touches(*node, at) {
                return None;
            }
            if !cluster.loads.contains(node) {
                new += 1;
            }
            latest = latest.max(self.place_of(*node));
        }
        // What is inside now may have to be kept later.
        if cluster.loads.len() + cluster.members.len() + new + 1 > MAX_OPERANDS {
            return None;
        }
        if latest.is_none_or(|latest| latest < cluster.place) {
            return Some(cluster.place);
        }
        (!cluster.closed).then_some((id, 0))
    }

    fn join(&mut self, at: usize, member: Member, place: (NodeId, usize), references: &References) {
        let outside: BTreeSet<NodeId> = references
            .iter()
            .map(|(node, _)| *node)
            .filter(|node| self.of[node.index()].or(self.open[node.index()]) != Some(at))
            .collect();
        self.close(&outside);
        let cluster = &mut self.all[at];
        cluster.place = place;
        cluster.members.push(member);
        cluster.loads.extend(outside);
        match member.target {
            Target::Part(whole, _) => self.copies.entry(whole).or_default().push(at),
            Target::Own | Target::Buffer(..) | Target::Inside => {
                self.of[member.node.index()] = Some(at);
            }
        }
    }

    /// A new kernel of one member.
    fn found(&mut self, domain: Domain, member: Member, place: NodeId, references: &References) {
        let order = self.all.len();
        self.all.push(Cluster {
            domain,
            members: Vec::new(),
            place: (place, order),
            closed: false,
            loads: BTreeSet::new(),
        });
        self.join(order, member, (place, order), references);
    }

    /// A reduction along rows joins others on the same rows.
    fn row_reduce(&mut self, id: NodeId) {
        let input = self.graph.node(id).inputs[0];
        let rows = self.graph.numbers(id);
        let columns = self.graph.numbers(input) / rows;
        let domain = Domain::Row { rows, columns };
        let references = self.references(input, &domain);
        let stored = self.stored.stored[id.index()];
        let target = if stored { Target::Own } else { Target::Inside };
        let member = Member { node: id, target };
        for at in self.youngest() {
            let same = match self.all[at].domain {
                Domain::Row { rows: r, columns: c } | Domain::Map { rows: r, columns: c } => {
                    (r, c) == (rows, columns)
                }
                Domain::Column(_) | Domain::Contract(_) | Domain::Attend | Domain::LookupSum => {
                    false
                }
            };
            if same
                && self.shares(at, &references)
                && let Some(place) = self.fits(at, id, &references)
            {
                self.all[at].domain = domain;
                self.join(at, member, place, &references);
                return;
            }
        }
        self.found(domain, member, id, &references);
    }

    /// The youngest kernels, and before them those that an expression goes on from.
    fn youngest(&self) -> Vec<usize> {
        (0..self.all.len()).rev().take(N_YOUNGEST).collect()
    }

    fn shares(&self, at: usize, references: &References) -> bool {
        references.iter().any(|(node, _)| {
            self.all[at].loads.contains(node)
                || self.of[node.index()].or(self.open[node.index()]) == Some(at)
        })
    }

    fn column(&mut self, id: NodeId, stored: bool) {
        let Op::Reduce(_, axis) = self.graph.node(id).op else { return };
        let input = self.graph.node(id).inputs[0];
        let domain = Domain::Column(id);
        let references = self.references(input, &domain);
        if stored {
            for at in self.youngest() {
                let Domain::Column(other) = self.all[at].domain else { continue };
                let Op::Reduce(_, other_axis) = self.graph.node(other).op else { continue };
                let other_input = self.graph.node(other).inputs[0];
                let same = axis == other_axis
                    && self.graph.shape(input) == self.graph.shape(other_input)
                    && self.stored.stored[other.index()]
                    && self.all[at].members.iter().all(|member| self.is_reduce(member.node));
                let inside = references
                    .iter()
                    .any(|(node, _)| self.of[node.index()].or(self.open[node.index()]) == Some(at));
                if same
                    && !inside
                    && self.shares(at, &references)
                    && let Some(place) = self.fits(at, id, &references)
                {
                    let member = Member { node: id, target: Target::Own };
                    self.join(at, member, place, &references);
                    self.open[id.index()] = Some(at);
                    return;
                }
            }
        }
        self.begin(id, domain, stored);
    }

    fn is_reduce(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).op, Op::Reduce(..))
    }

    /// Results of attention that read the same are made by one kernel.
    fn attend(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let joins = |other: &Op| match (&node.op, other) {
            (Op::AttendStatistics(a), Op::Attend(b)) => a == b,
            (Op::AttendGradient(Gradient::Values, a), Op::AttendGradient(Gradient::Keys, b)) => {
                a == b
            }
            _pair => false,
        };
        let mut alike = self.attends.get(&node.inputs).into_iter().flatten().rev().copied();
        let found = alike.find(|at| {
            let cluster = &self.all[*at];
            cluster.members.len() == 1
                && joins(&self.graph.node(cluster.members[0].node).op)
                && node.inputs.len() + 2 <= MAX_OPERANDS
        });
        match found {
            Some(at) => {
                self.all[at].members.push(Member { node: id, target: Target::Own });
                self.of[id.index()] = Some(at);
            }
            None => {
                let inputs = node.inputs.clone();
                self.attends.entry(inputs).or_default().push(self.all.len());
                self.begin(id, Domain::Attend, true);
            }
        }
    }

    /// Parts that are not made in place are copied.
    fn concat(&mut self, id: NodeId) {
        let parts = self.parts(id);
        for (at, input) in self.graph.node(id).inputs.clone().into_iter().enumerate() {
            let mut base = input;
            while is_flat(&self.graph.node(base).op) && !self.stored.stored[base.index()] {
                base = self.graph.node(base).inputs[0];
            }
            let first = self.graph.node(id).inputs.iter().position(|other| *other == input);
            if parts.contains(&base) && first == Some(at) {
                continue;
            }
            let domain = self.map_domain(input);
            let references = self.references(input, &domain);
            let member = Member { node: input, target: Target::Part(id, at) };
            self.found(domain, member, id, &references);
        }
    }

    fn map_domain(&self, id: NodeId) -> Domain {
        let columns = self.graph.shape(id).last().copied().unwrap_or(1);
        Domain::Map { rows: self.graph.numbers(id) / columns.max(1), columns }
    }

    /// An expression that is stored.
    fn expression(&mut self, id: NodeId, target: Target) {
        let member = Member { node: id, target };
        let map = self.map_domain(id);
        let references = self.own_references(id, Level::Element, &map);
        let from = references.iter().filter_map(|(node, _)| self.open[node.index()]).max();
        // What goes on from a product that is not stored must go on there.
        let must = references
            .iter()
            .filter(|(node, _)| {
                self.open[node.index()].is_some() && !self.stored.stored[node.index()]
            })
            .filter_map(|(node, _)| self.open[node.index()])
            .max();
        if let Some(at) = must {
            let place = self.fits(at, id, &references).unwrap_or((id, 0));
            self.join(at, member, place, &references);
            return;
        }
        let mut candidates: Vec<usize> =
            references.iter().filter_map(|(node, _)| self.of[node.index()]).collect();
        candidates.extend(from);
        candidates.sort_unstable();
        candidates.dedup();
        candidates.reverse();
        candidates.extend(self.youngest());
        for at in candidates {
            if let Some((place, references)) = self.hosts(at, id) {
                self.join(at, member, place, &references);
                return;
            }
        }
        self.found(map, member, id, &references);
    }

    /// Whether a kernel can compute an expression as well, and what the expression refers to there.
    fn hosts(&self, at: usize, id: NodeId) -> Option<((NodeId, usize), References)> {
        let domain = self.all[at].domain;
        let numbers = self.graph.numbers(id);
        let level = match domain {
            Domain::Map { rows, columns } if rows * columns == numbers => Level::Element,
            Domain::Row { rows, columns } => {
                if rows * columns == numbers && self.graph.shape(id).last() == Some(&columns) {
                    Level::Element
                } else if rows == numbers {
                    Level::Row
                } else {
                    return None;
                }
            }
            Domain::Contract(product) | Domain::Column(product)
                if self.graph.numbers(product) == numbers && self.has_one_end(at) =>
            {
                Level::Element
            }
            Domain::Map { .. }
            | Domain::Contract(_)
            | Domain::Column(_)
            | Domain::Attend
            | Domain::LookupSum => return None,
        };
        let references = self.own_references(id, level, &domain);
        if !self.shares(at, &references) {
            return None;
        }
        if let Domain::Contract(_) | Domain::Column(_) = domain {
            // Only what goes on from the result: what is merely read by both would make the kernel larger.
            let goes_on = references
                .iter()
                .any(|(node, _)| self.of[node.index()].or(self.open[node.index()]) == Some(at));
            if !goes_on {
                return None;
            }
        }
        let place = self.fits(at, id, &references)?;
        Some((place, references))
    }

    /// Whether a product or column reduction has one result to go on from.
    fn has_one_end(&self, at: usize) -> bool {
        let reductions =
            self.all[at].members.iter().filter(|member| self.is_reduce(member.node)).count();
        reductions <= 1
    }

    fn update(&mut self, members: Vec<Member>) {
        let last = members.iter().map(|member| member.node).max().expect("a group has members");
        let domain = self.map_domain(last);
        let order = self.all.len();
        let place = (last, order);
        self.all.push(Cluster {
            domain,
            members: Vec::new(),
            place,
            closed: false,
            loads: BTreeSet::new(),
        });
        for member in &members {
            self.of[member.node.index()] = Some(order);
        }
        for member in members {
            let references = self.own_references(member.node, Level::Element, &domain);
            self.join(order, member, place, &references);
        }
    }
}
