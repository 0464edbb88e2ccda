//! What expressions refer to.
//!
//! In: an expression and the domain on which it is to be computed. Out: what it reads of what is stored or reduced elsewhere,
//! and how; and when that is there. Deliberately not here: who computes it.

use std::collections::BTreeSet;

use super::{Clustering, Domain};
use crate::graph::{NodeId, Op};
use crate::plan::store::{is_flat, is_memory, is_row_reduce};

/// How an expression refers to something that is stored or reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Element by element.
    Element,
    /// Once a row.
    Row,
    /// In another order.
    Other,
}

/// What an expression refers to.
pub(super) type References = BTreeSet<(NodeId, Level)>;

impl Clustering<'_> {
    /// What an expression that computes a node refers to.
    pub(super) fn references(&self, id: NodeId, domain: &Domain) -> References {
        let mut references = References::new();
        let mut seen = BTreeSet::new();
        self.refer(id, Level::Element, domain, &mut seen, &mut references);
        references
    }

    /// The same for the node's own operands: what it is itself is being made.
    pub(super) fn own_references(&self, id: NodeId, level: Level, domain: &Domain) -> References {
        let mut references = References::new();
        let mut seen = BTreeSet::new();
        let level = self.below(id, level, domain);
        if let Op::Gather(_) = self.graph.node(id).op {
            references.insert((id, Level::Other));
        }
        for input in self.graph.node(id).inputs.clone() {
            self.refer(input, level, domain, &mut seen, &mut references);
        }
        references
    }

    fn refer(
        &self,
        id: NodeId,
        level: Level,
        domain: &Domain,
        seen: &mut BTreeSet<(NodeId, Level)>,
        references: &mut References,
    ) {
        if !seen.insert((id, level)) {
            return;
        }
        let op = &self.graph.node(id).op;
        if self.stored.stored[id.index()]
            || is_memory(op)
            || self.open[id.index()].is_some()
            || is_row_reduce(self.graph, id)
        {
            references.insert((id, level));
            return;
        }
        if let Op::Gather(_) = op {
            // It stands for its table, which is read too.
            references.insert((id, Level::Other));
        }
        let below = self.below(id, level, domain);
        for input in &self.graph.node(id).inputs {
            self.refer(*input, below, domain, seen, references);
        }
    }

    /// How the operands of a node are referred to, where the node is.
    fn below(&self, id: NodeId, level: Level, domain: &Domain) -> Level {
        let node = self.graph.node(id);
        if matches!(node.op, Op::Gather(_) | Op::Lookup) {
            return Level::Other;
        }
        if !node.op.is_view() || is_flat(&node.op) {
            return level;
        }
        let Domain::Row { rows, columns } = *domain else { return Level::Other };
        let from = self.graph.shape(node.inputs[0]);
        let spreads = node.op == Op::Broadcast
            && level == Level::Element
            && from.last() == Some(&1)
            && node.shape.last() == Some(&columns)
            && from.iter().product::<usize>() == rows
            && from[..from.len() - 1] == node.shape[..node.shape.len() - 1];
        if spreads { Level::Row } else { Level::Other }
    }

    /// The place behind which something that is referred to is there.
    pub(super) fn place_of(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let own = self.of[id.index()].or(self.open[id.index()]).map(|at| self.all[at].place);
        if let Op::Concat(_) = self.graph.node(id).op {
            let copies = self.copies.get(&id).into_iter().flatten();
            let copies = copies.map(|at| self.all[*at].place);
            let parts = self.parts(id).into_iter().filter_map(|part| self.place_of(part));
            return copies.chain(parts).max();
        }
        own
    }

    /// The parts of a concatenation that are made in place.
    pub(super) fn parts(&self, id: NodeId) -> Vec<NodeId> {
        let mut parts = Vec::new();
        for input in &self.graph.node(id).inputs {
            let mut at = *input;
            while is_flat(&self.graph.node(at).op) && !self.stored.stored[at.index()] {
                at = self.graph.node(at).inputs[0];
            }
            if self.stored.placed[at.index()].is_some_and(|(whole, _)| whole == id) {
                parts.push(at);
            }
        }
        parts
    }

    /// Whether a concatenation has parts that the kernel makes: it cannot be read there.
    pub(super) fn touches(&self, id: NodeId, at: usize) -> bool {
        if let Op::Concat(_) = self.graph.node(id).op {
            self.copies.get(&id).is_some_and(|copies| copies.contains(&at))
                || self
                    .parts(id)
                    .into_iter()
                    .any(|part| self.of[part.index()] == Some(at) || self.touches(part, at))
        } else {
            false
        }
    }

    pub(super) fn is_row_level(&self, id: NodeId, domain: &Domain) -> bool {
        match domain {
            Domain::Row { rows, columns } => self.graph.numbers(id) == *rows && *columns > 1,
            Domain::Map { .. }
            | Domain::Column(_)
            | Domain::Contract(_)
            | Domain::Attend
            | Domain::LookupSum => false,
        }
    }
}
