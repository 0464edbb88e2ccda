//! Where everything lies.
//!
//! In: clusters in their order. Out: a region for every stored node. Activations share one arena: what is no longer read
//! makes room for what comes later. Deliberately not here: what is stored.

use std::collections::BTreeMap;

use crate::graph::{Graph, Leaf, NodeId, Op, RootKind, Slot};

use super::cluster::{Clusters, Target};
use super::store::{Stored, is_contiguous_slice, is_flat, is_memory};
use super::{Arena, Limits, Region};

/// Regions begin at multiples of this many numbers: 256 bytes, the largest alignment that a device asks for.
pub const ALIGNMENT: usize = 64;

/// Where stored nodes lie.
pub(super) struct Memory {
    /// By node: its first number in the arena of activations, where it lies there by itself.
    offsets: Vec<Option<usize>>,
    /// Numbers of the arena of activations.
    pub(super) activations: usize,
    /// By input: its first number in the arena of inputs.
    pub(super) inputs: Vec<usize>,
    /// Numbers of the arena of inputs.
    pub(super) input_numbers: usize,
    /// Nodes that are made where weights or state lie.
    buffers: BTreeMap<NodeId, Region>,
}

impl Memory {
    /// Finds a place for everything.
    pub(super) fn of(graph: &Graph, stored: &Stored, clusters: &Clusters, limits: &Limits) -> Self {
        let mut inputs = Vec::new();
        let mut input_numbers = 0;
        for input in &graph.inputs {
            let numbers = aligned(input.shape.iter().product());
            let offset = limits.start(input_numbers, numbers);
            inputs.push(offset);
            input_numbers = offset + numbers;
        }
        let mut buffers = BTreeMap::new();
        for root in &graph.roots {
            if let RootKind::Update(buffer, slot, offset) = root.kind {
                let arena = Arena::Parameters(buffer, slot);
                let numbers = graph.numbers(root.node);
                buffers.insert(root.node, Region { arena, offset, numbers, half: false });
            }
        }
        let mut memory = Self {
            offsets: vec![None; graph.nodes.len()],
            activations: 0,
            inputs,
            input_numbers,
            buffers,
        };
        memory.allocate(graph, stored, clusters, limits);
        memory
    }

    fn allocate(&mut self, graph: &Graph, stored: &Stored, clusters: &Clusters, limits: &Limits) {
        let lives = self.lives(graph, stored, clusters);
        let mut ending: Vec<Vec<NodeId>> = vec![Vec::new(); clusters.all.len()];
        let mut beginning: Vec<Vec<NodeId>> = vec![Vec::new(); clusters.all.len()];
        for (node, (first, last)) in &lives {
            beginning[*first].push(*node);
            if let Some(last) = last {
                ending[*last].push(*node);
            }
        }
        let mut free = Free::default();
        for at in 0..clusters.all.len() {
            for node in &beginning[at] {
                let numbers = size(graph, stored, *node);
                self.offsets[node.index()] = Some(free.take(numbers, limits));
            }
            for node in &ending[at] {
                let offset = self.offsets[node.index()].expect("it began before it ends");
                free.give(offset, size(graph, stored, *node));
            }
        }
        self.activations = free.end;
    }

    /// For everything that lies by itself, the first cluster that writes and the last that reads it; none for roots.
    fn lives(
        &self,
        graph: &Graph,
        stored: &Stored,
        clusters: &Clusters,
    ) -> BTreeMap<NodeId, (usize, Option<usize>)> {
        let mut lives: BTreeMap<NodeId, (usize, Option<usize>)> = BTreeMap::new();
        let mut touch = |node: NodeId, at: usize| {
            let whole = whole(stored, node);
            if !is_memory(&graph.node(whole).op) && !self.buffers.contains_key(&whole) {
                let life = lives.entry(whole).or_insert((at, Some(at)));
                life.0 = life.0.min(at);
                life.1 = life.1.map(|last| last.max(at));
            }
        };
        for (at, cluster) in clusters.all.iter().enumerate() {
            for member in &cluster.members {
                match member.target {
                    Target::Own => touch(member.node, at),
                    Target::Inside if stored.stored[member.node.index()] => touch(member.node, at),
                    Target::Part(concat, _) => touch(concat, at),
                    Target::Inside | Target::Buffer(..) => {}
                }
            }
            // A gather that is not stored stands for its table.
            let stored = |load: &&NodeId| stored.stored[load.index()];
            for load in cluster.loads.iter().filter(stored) {
                touch(*load, at);
            }
        }
        for root in &graph.roots {
            let base = whole(stored, base(graph, stored, root.node).0);
            if let Some(life) = lives.get_mut(&base) {
                life.1 = None;
            }
        }
        lives
    }

    /// Where a stored node lies, or memory.
    pub(super) fn region(&self, graph: &Graph, stored: &Stored, id: NodeId) -> Region {
        let numbers = graph.numbers(id);
        let half = stored.half[id.index()];
        let at = |arena: Arena, offset: usize| Region { arena, offset, numbers, half };
        if let Some(region) = self.buffers.get(&id) {
            return *region;
        }
        if let Op::Leaf(leaf) = &graph.node(id).op {
            match leaf {
                Leaf::Input(input) => return at(Arena::Inputs, self.inputs[input.0 as usize]),
                Leaf::Parameters(buffer) => {
                    return at(Arena::Parameters(*buffer, Slot::Weight), 0);
                }
                Leaf::State(buffer, slot) => return at(Arena::Parameters(*buffer, *slot), 0),
                Leaf::Table(table) => return at(Arena::Table(*table), 0),
                // Computed like anything else, where it is stored.
                Leaf::Argument(_) => {}
            }
        }
        if let Some((concat, offset)) = stored.placed[id.index()] {
            let whole = self.region(graph, stored, concat);
            return at(whole.arena, whole.offset + offset);
        }
        let offset = self.offsets[id.index()];
        at(Arena::Activations, offset.expect("what is stored and lives has a place"))
    }

    /// Where something lies that is stored, memory, or a part of these in one piece.
    pub(super) fn region_of_view(&self, graph: &Graph, stored: &Stored, id: NodeId) -> Region {
        let (base, offset) = base(graph, stored, id);
        let whole = self.region(graph, stored, base);
        let offset = if whole.half { offset / 2 } else { offset };
        Region { offset: whole.offset + offset, numbers: graph.numbers(id), ..whole }
    }
}

/// What lies in memory below views that leave it in one piece, and where in it they begin.
pub(super) fn base(graph: &Graph, stored: &Stored, id: NodeId) -> (NodeId, usize) {
    let (mut at, mut offset) = (id, 0);
    while !stored.stored[at.index()] && !is_memory(&graph.node(at).op) {
        let node = graph.node(at);
        assert!(
            is_flat(&node.op) || is_contiguous_slice(graph, at),
            "what is read as it lies is stored: node {} is {:?}",
            at.0,
            node.op
        );
        let input = node.inputs[0];
        if let Op::Slice { axis, start } = node.op {
            offset += start * graph.shape(input)[axis + 1..].iter().product::<usize>();
        }
        at = input;
    }
    (at, offset)
}

/// The concatenation, of whatever depth, in which something is made.
fn whole(stored: &Stored, id: NodeId) -> NodeId {
    let mut at = id;
    while let Some((concat, _)) = stored.placed[at.index()] {
        at = concat;
    }
    at
}

/// How many words of the arena a node takes.
fn size(graph: &Graph, stored: &Stored, id: NodeId) -> usize {
    let numbers = graph.numbers(id);
    aligned(if stored.half[id.index()] { numbers.div_ceil(2) } else { numbers })
}

fn aligned(numbers: usize) -> usize {
    numbers.next_multiple_of(ALIGNMENT)
}

/// The free parts of an arena that grows where none is large enough.
#[derive(Debug, Default)]
pub(super) struct Free {
    /// First number to size, without neighbors.
    pub(super) parts: BTreeMap<usize, usize>,
    pub(super) end: usize,
}

impl Free {
    /// The smallest part that is large enough, or some of it where all of it would lie across the end of a buffer.
    pub(super) fn take(&mut self, numbers: usize, limits: &Limits) -> usize {
        let start = |offset: usize| limits.start(offset, numbers);
        let fits = self
            .parts
            .iter()
            .filter(|(offset, size)| start(**offset) + numbers <= **offset + **size);
        if let Some((offset, size)) =
            fits.min_by_key(|(offset, size)| (**size, **offset)).map(|(a, b)| (*a, *b))
        {
            self.parts.remove(&offset);
            let (taken, end) = (start(offset), offset + size);
            self.keep(offset, taken);
            self.keep(taken + numbers, end);
            return taken;
        }
        // The last part grows, if the arena ends in one.
        let last = self.parts.last_key_value().map(|(offset, size)| (*offset, *size));
        let offset = match last {
            Some((offset, size)) if offset + size == self.end => {
                self.parts.remove(&offset);
                offset
            }
            Some(_) | None => self.end,
        };
        let taken = start(offset);
        self.keep(offset, taken);
        self.end = taken + numbers;
        taken
    }

    /// A part that is free, without free neighbors.
    fn keep(&mut self, start: usize, end: usize) {
        if end > start {
            self.parts.insert(start, end - start);
        }
    }

    pub(super) fn give(&mut self, offset: usize, numbers: usize) {
        let (mut start, mut end) = (offset, offset + numbers);
        if let Some((before, size)) = self.parts.range(..offset).next_back()
            && before + size == offset
        {
            start = *before;
        }
        if let Some(size) = self.parts.remove(&end) {
            end += size;
        }
        self.parts.insert(start, end - start);
    }
}
