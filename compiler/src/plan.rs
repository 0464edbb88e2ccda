//! The plan: kernels in order, and where everything lies.
//!
//! In: a graph. Out: a [`Plan`], which every executor runs as it stands: few bodies, many kernels that use them with other
//! operands and arguments, and flat arenas whose sizes are known before anything is allocated. Equal layers have equal bodies,
//! so that depth costs kernels but no shaders.
//!
//! Deliberately not here: tiles, threads and workgroups, which are the executors' (the plan holds exact ranges); texts
//! of shaders; numbers.

mod access;
mod body;
mod cluster;
mod cost;
mod display;
mod emit;
mod half;
mod interpret;
mod limits;
mod memory;
mod store;
mod tapes;
#[cfg(test)]
mod tests;
mod verify;

use crate::graph::{
    Argument, Attention, BufferId, Condition, Input, InputId, Parameters, Phase, Precision,
    PresenceId, RootKind, Slot, Table, TableId,
};

use indexmap::IndexSet;

use crate::graph::{Graph, Leaf, Op};

pub use access::{Access, View};
pub use body::{AttendKind, Body, Column, Contract, Instruction, Register, Store, Tape, Tile};

pub use cost::{Memory, TooMuchMemory, Work, check_memory};
pub use interpret::interpret;
pub use limits::{BeyondLimits, Limits, check_limits};
pub use memory::ALIGNMENT;
pub use verify::verify;

/// An element of [`Plan::bodies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId(pub u32);

/// A computation as kernels.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name of the model.
    pub name: String,
    /// Samples of a batch.
    pub batch: usize,
    /// What is to be done, in this order.
    pub kernels: Vec<Kernel>,
    /// The different bodies of kernels.
    pub bodies: Vec<Body>,
    /// Numbers of the arena of activations.
    pub activations: usize,
    /// What the host feeds, and for each where it lies in the arena of inputs (numbers or integers of 4 bytes).
    pub inputs: Vec<(Input, usize)>,
    /// Numbers of the arena of inputs.
    pub input_numbers: usize,
    /// Where the weights lie.
    pub parameters: Parameters,
    /// The optimizer's state beside the weights.
    pub states: Vec<(BufferId, Slot)>,
    /// Tables that are known at compile time.
    pub tables: Vec<Table>,
    /// Under which conditions samples have values.
    pub presences: Vec<Condition>,
    /// The attentions.
    pub attentions: Vec<Attention>,
    /// What comes out.
    pub results: Vec<PlanResult>,
}

/// Something that comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanResult {
    /// What it is.
    pub kind: RootKind,
    /// Its name: of an output, objective or modality.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Where it lies.
    pub region: Region,
}

/// One dispatch: a body with operands.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// What is done.
    pub body: BodyId,
    /// Where the operands lie that it reads, as its body numbers them.
    pub reads: Vec<Region>,
    /// Where the results go, as its body numbers them. No part of them is also read, but for updates in place.
    pub writes: Vec<Region>,
    /// Numbers that are no part of the body.
    pub arguments: Vec<Value>,
    /// The place in the model that it computes.
    pub path: String,
    /// The part of the work.
    pub phase: Phase,
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number, perhaps of the step.
    Number(Argument),
    /// The hash of a random site.
    Site(u32),
    /// A condition on samples.
    Condition(PresenceId),
}

/// Some numbers of an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// The arena.
    pub arena: Arena,
    /// The first number: of the arena's, which are of four bytes.
    pub offset: usize,
    /// How many.
    pub numbers: usize,
    /// Whether they are in half precision: then two of them take the place of one.
    pub half: bool,
}

/// Flat memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arena {
    /// What kernels make.
    Activations,
    /// What the host feeds.
    Inputs,
    /// A buffer of weights, or of state beside it.
    Parameters(BufferId, Slot),
    /// A table.
    Table(TableId),
}

/// Plans a graph for the processor.
#[must_use]
pub fn plan(graph: &Graph) -> Plan {
    plan_within(graph, &Limits::NONE)
}

/// Plans a graph for a device of such limits. What is too large for it is found by [`check_limits`].
#[must_use]
pub fn plan_within(graph: &Graph, limits: &Limits) -> Plan {
    let mut stored = store::decide(graph);
    let clusters = cluster::cluster(graph, &mut stored);
    if graph.precision == Precision::Mixed {
        stored.half = half::decide(graph, &stored);
    }
    let memory = memory::Memory::of(graph, &stored, &clusters, limits);
    let mut bodies = IndexSet::new();
    let kernels = clusters
        .all
        .iter()
        .enumerate()
        .map(|(at, cluster)| {
            let operands = tapes::Operands::new(graph, &stored, &clusters, &memory, at);
            emit::kernel(operands, cluster, &mut bodies)
        })
        .collect();
    let results = graph.roots.iter().map(|root| PlanResult {
        kind: root.kind,
        name: root.name.clone(),
        shape: graph.shape(root.node).to_vec(),
        region: memory.region_of_view(graph, &stored, root.node),
    });
    let plan = Plan {
        name: graph.name.clone(),
        batch: graph.batch,
        kernels,
        bodies: bodies.into_iter().collect(),
        activations: memory.activations,
        inputs: graph.inputs.iter().cloned().zip(memory.inputs.iter().copied()).collect(),
        input_numbers: memory.input_numbers,
        parameters: graph.parameters.clone(),
        states: states(graph),
        tables: graph.tables.clone(),
        presences: graph.presences.clone(),
        attentions: graph.attentions.clone(),
        results: results.collect(),
    };
    debug_assert_eq!(verify(&plan), Ok(()), "plans are well-formed");
    plan
}

/// The optimizer's state that some node reads.
fn states(graph: &Graph) -> Vec<(BufferId, Slot)> {
    let mut states: Vec<(BufferId, Slot)> = graph
        .nodes
        .iter()
        .filter_map(|node| {
            let Op::Leaf(Leaf::State(buffer, slot)) = node.op else { return None };
            Some((buffer, slot))
        })
        .collect();
    states.sort_unstable();
    states.dedup();
    states
}

impl Region {
    /// How many words of four bytes it takes.
    #[must_use]
    pub fn words(&self) -> usize {
        if self.half { self.numbers.div_ceil(2) } else { self.numbers }
    }

    /// The word behind the last.
    #[must_use]
    pub fn end(&self) -> usize {
        self.offset + self.words()
    }

    /// Whether both have a number in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.arena == other.arena && self.offset < other.end() && other.offset < self.end()
    }
}

impl Plan {
    /// The body of a kernel.
    #[must_use]
    pub fn body(&self, kernel: &Kernel) -> &Body {
        &self.bodies[kernel.body.0 as usize]
    }

    /// Whether some tensor is in half precision.
    #[must_use]
    pub fn has_halves(&self) -> bool {
        self.kernels.iter().any(|kernel| kernel.writes.iter().any(|write| write.half))
    }

    /// Where a fed tensor lies.
    #[must_use]
    pub fn input(&self, id: InputId) -> Region {
        let (input, offset) = &self.inputs[id.0 as usize];
        let numbers = input.shape.iter().product();
        Region { arena: Arena::Inputs, offset: *offset, numbers, half: false }
    }
}
