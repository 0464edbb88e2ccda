//! Tapes: expressions of a kernel as instructions.
//!
//! In: the members of a cluster. Out: instructions with the operands and arguments that they name, in the order of their first
//! use. Deliberately not here: what belongs to a kernel (`cluster`).

use std::collections::BTreeMap;

use crate::graph::{Graph, Leaf, NodeId, Op, Segment};

use super::cluster::Clusters;
use super::memory::Memory;
use super::store::{Stored, is_flat, is_memory, is_row_reduce};
use super::{Access, Arena, Instruction, Region, Register, Tape, Value};

/// What tapes of one kernel share.
pub(super) struct Operands<'a> {
    pub(super) graph: &'a Graph,
    pub(super) stored: &'a Stored,
    pub(super) clusters: &'a Clusters,
    pub(super) memory: &'a Memory,
    /// The cluster.
    pub(super) at: usize,
    pub(super) reads: Vec<Region>,
    pub(super) arguments: Vec<Value>,
    argument_of: BTreeMap<NodeId, usize>,
    /// What the body reduces outside of tapes, in order.
    pub(super) reduced: Vec<NodeId>,
}

impl<'a> Operands<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        stored: &'a Stored,
        clusters: &'a Clusters,
        memory: &'a Memory,
        at: usize,
    ) -> Self {
        Self {
            graph,
            stored,
            clusters,
            memory,
            at,
            reads: Vec::new(),
            arguments: Vec::new(),
            argument_of: BTreeMap::new(),
            reduced: Vec::new(),
        }
    }

    /// The number of a read; equal beginnings are one.
    pub(super) fn read(&mut self, region: Region) -> usize {
        let same = |found: &Region| found.arena == region.arena && found.offset == region.offset;
        match self.reads.iter().position(same) {
            Some(at) => {
                self.reads[at].numbers = self.reads[at].numbers.max(region.numbers);
                at
            }
            None => {
                self.reads.push(region);
                self.reads.len() - 1
            }
        }
    }

    fn argument(&mut self, id: NodeId, value: Value) -> usize {
        *self.argument_of.entry(id).or_insert_with(|| {
            self.arguments.push(value);
            self.arguments.len() - 1
        })
    }

    /// Whether a node is made by this kernel.
    fn is_own(&self, id: NodeId) -> bool {
        self.clusters.of[id.index()] == Some(self.at)
    }
}

/// Something between a node and the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A view.
    View(NodeId),
    /// One number a row for all columns of it.
    Spread,
}

/// One tape in the making.
pub(super) struct Builder<'a, 'b> {
    operands: &'b mut Operands<'a>,
    rows: usize,
    columns: usize,
    tape: Tape,
    /// What was made before: a node under views.
    known: BTreeMap<(NodeId, Vec<Step>), Register>,
}

impl<'a, 'b> Builder<'a, 'b> {
    /// A tape on a domain of so many rows and columns.
    pub(super) fn new(operands: &'b mut Operands<'a>, (rows, columns): (usize, usize)) -> Self {
        Self { operands, rows, columns, tape: Tape::default(), known: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> Tape {
        self.tape
    }

    /// The register of an instruction; equal ones are one.
    fn push(&mut self, instruction: Instruction) -> Register {
        let known = self.tape.instructions.iter().position(|known| *known == instruction);
        if let Some(known) = known {
            return Register(u32::try_from(known).expect("tapes are short"));
        }
        let by_row = match &instruction {
            Instruction::Load { access, .. }
            | Instruction::LoadRow { access, .. }
            | Instruction::Random { access, .. }
            | Instruction::Holds { access, .. }
            | Instruction::Present { access, .. }
            | Instruction::Inside { access } => access.is_by_row(self.columns),
            Instruction::Constant(_) | Instruction::Argument(_) | Instruction::Reduce(..) => true,
            Instruction::Reduced(_) => self.columns == 1,
            Instruction::Unary(..) | Instruction::Binary(..) | Instruction::Select(..) => {
                instruction.operands().iter().all(|of| self.tape.by_row[of.0 as usize])
            }
        };
        self.tape.instructions.push(instruction);
        self.tape.by_row.push(by_row);
        self.tape.last()
    }

    /// The value of a node for every element.
    pub(super) fn value(&mut self, id: NodeId) -> Register {
        self.make(id, &[])
    }

    /// The value of a node that has one number a row.
    pub(super) fn row_value(&mut self, id: NodeId) -> Register {
        self.make(id, &[Step::Spread])
    }

    /// The value of a node under views: `views` are the nodes between it and the domain, the nearest to the domain first.
    fn make(&mut self, id: NodeId, views: &[Step]) -> Register {
        let flat = views.iter().all(|step| self.is_flat(*step));
        let views: Vec<Step> = if flat { Vec::new() } else { views.to_vec() };
        let key = (id, views);
        if let Some(register) = self.known.get(&key) {
            return *register;
        }
        let register = self.made(id, &key.1);
        self.known.insert(key, register);
        register
    }

    fn made(&mut self, id: NodeId, views: &[Step]) -> Register {
        let graph = self.operands.graph;
        let node = graph.node(id);
        if let Some(at) = self.operands.reduced.iter().position(|reduced| *reduced == id)
            && views.is_empty()
        {
            return self.push(Instruction::Reduced(at));
        }
        let is_inside = self.operands.is_own(id) && (views.is_empty() || is_row_reduce(graph, id));
        let lies = self.operands.stored.stored[id.index()] || is_memory(&node.op);
        if lies && !is_inside && !self.is_row_member(id, views) {
            return self.load(id, views);
        }
        match &node.op {
            Op::Leaf(Leaf::Argument(argument)) => {
                let at = self.operands.argument(id, Value::Number(*argument));
                self.push(Instruction::Argument(at))
            }
            Op::Constant(value) => self.push(Instruction::Constant(*value)),
            Op::Unary(function) => {
                let a = self.make(node.inputs[0], views);
                self.push(Instruction::Unary(*function, a))
            }
            Op::Binary(function) => {
                let a = self.make(node.inputs[0], views);
                let b = self.make(node.inputs[1], views);
                self.push(Instruction::Binary(*function, a, b))
            }
            Op::Select => {
                let condition = self.make(node.inputs[0], views);
                let a = self.make(node.inputs[1], views);
                let b = self.make(node.inputs[2], views);
                self.push(Instruction::Select(condition, a, b))
            }
            Op::Detach | Op::Reshape | Op::Permute(_) | Op::Broadcast | Op::Slice { .. } => {
                let mut views = views.to_vec();
                views.push(Step::View(id));
                self.make(node.inputs[0], &views)
            }
            Op::Pad { .. } => self.padded(id, views),
            Op::Gather(_) | Op::Lookup => self.load_row(id, views),
            Op::Random { site, by_sample, groups } => {
                let site = self.operands.argument(id, Value::Site(*site));
                let (by_sample, groups) = (*by_sample, groups.clone());
                let (access, width) = (self.access(id, views), node.shape[1]);
                self.push(Instruction::Random { site, by_sample, groups, width, access })
            }
            Op::Present(segments) => {
                let access = self.access(id, views);
                if let [Segment { present: Some(condition), tokens }] = **segments {
                    let condition = self.operands.argument(id, Value::Condition(condition));
                    return self.push(Instruction::Holds { condition, tokens, access });
                }
                self.push(Instruction::Present { segments: segments.clone(), access })
            }
            Op::Reduce(reduction, _) if is_row_reduce(graph, id) => {
                let a = self.make(node.inputs[0], &[]);
                self.push(Instruction::Reduce(*reduction, a))
            }
            Op::Leaf(_)
            | Op::Concat(_)
            | Op::Reduce(..)
            | Op::Contract
            | Op::LookupSum
            | Op::Attend(_)
            | Op::AttendStatistics(_)
            | Op::AttendGradient(..) => {
                unreachable!("node {} is stored or made here: {:?}", id.0, node.op)
            }
        }
    }

    fn is_flat(&self, step: Step) -> bool {
        match step {
            Step::View(id) => is_flat(&self.operands.graph.node(id).op),
            Step::Spread => false,
        }
    }

    fn spreads(&self, step: Step) -> bool {
        match step {
            Step::View(id) => self.operands.graph.node(id).op == Op::Broadcast,
            Step::Spread => true,
        }
    }

    /// Whether a node of one number a row is made by this kernel and spread over the row here.
    fn is_row_member(&self, id: NodeId, views: &[Step]) -> bool {
        let graph = self.operands.graph;
        self.operands.is_own(id)
            && views.iter().all(|step| self.is_flat(*step) || self.spreads(*step))
            && self.columns > 1
            && graph.numbers(id) == self.rows
    }

    /// Padding of an expression: what is padded must not be evaluated where there is nothing, so memory alone is padded
    /// by its access; an expression is chosen by what its padding would be.
    fn padded(&mut self, id: NodeId, views: &[Step]) -> Register {
        let mut below = views.to_vec();
        below.push(Step::View(id));
        let inner = self.make(self.operands.graph.node(id).inputs[0], &below);
        let tape = &self.tape;
        if let Instruction::Load { .. } | Instruction::LoadRow { .. } = tape.instruction(inner) {
            return inner;
        }
        let access = self.access_of_ones(id, views);
        let ones = self.push(Instruction::Inside { access });
        let zero = self.push(Instruction::Constant(crate::graph::Scalar(0.0)));
        self.push(Instruction::Select(ones, inner, zero))
    }

    /// The access to a node of one number, which is everywhere but in a padding.
    fn access_of_ones(&self, id: NodeId, views: &[Step]) -> Access {
        let graph = self.operands.graph;
        let inner = graph.shape(graph.node(id).inputs[0]).to_vec();
        let mut access = Access::of(&vec![1; inner.len()]);
        access.broadcast(&inner);
        self.through(&mut access, Step::View(id));
        for step in views.iter().rev() {
            self.through(&mut access, *step);
        }
        access.simplified()
    }

    fn access(&self, id: NodeId, views: &[Step]) -> Access {
        let mut access = Access::of(self.operands.graph.shape(id));
        for step in views.iter().rev() {
            self.through(&mut access, *step);
        }
        access.simplified()
    }

    /// An access through one more view.
    fn through(&self, access: &mut Access, step: Step) {
        let Step::View(id) = step else {
            let rows = access.shape().iter().product();
            access.reshape(&[rows, 1]);
            access.broadcast(&[rows, self.columns]);
            return;
        };
        let node = self.operands.graph.node(id);
        match &node.op {
            Op::Detach => {}
            Op::Reshape => access.reshape(&node.shape),
            Op::Permute(axes) => access.permute(axes),
            Op::Broadcast => access.broadcast(&node.shape),
            Op::Slice { axis, start } => access.slice(*axis, *start, node.shape[*axis]),
            Op::Pad { axis, before } => access.pad(*axis, *before, node.shape[*axis]),
            Op::Leaf(_)
            | Op::Constant(_)
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::Concat(_)
            | Op::Reduce(..)
            | Op::Contract
            | Op::Gather(_)
            | Op::Lookup
            | Op::LookupSum
            | Op::Attend(_)
            | Op::AttendStatistics(_)
            | Op::AttendGradient(..)
            | Op::Random { .. }
            | Op::Present(_) => unreachable!("node {} is no view", id.0),
        }
    }

    fn load(&mut self, id: NodeId, views: &[Step]) -> Register {
        let mut access = self.access(id, views);
        let whole = self.operands.memory.region(self.operands.graph, self.operands.stored, id);
        // Of buffers of weights a kernel reads a part; equal layers read other parts in the same way.
        let region = if let Arena::Parameters(..) = whole.arena {
            let offset = whole.offset + access.take_offset();
            Region { offset, numbers: access.extent(), ..whole }
        } else {
            whole
        };
        let read = self.operands.read(region);
        self.push(Instruction::Load { read, access })
    }

    fn load_row(&mut self, id: NodeId, views: &[Step]) -> Register {
        let graph = self.operands.graph;
        let (memory, stored) = (self.operands.memory, self.operands.stored);
        let node = graph.node(id);
        let rows = memory.region_of_view(graph, stored, node.inputs[0]);
        let index = if let Op::Gather(table) = node.op {
            Region { arena: Arena::Table(table), offset: 0, numbers: node.shape[0], half: false }
        } else {
            memory.region_of_view(graph, stored, node.inputs[1])
        };
        let (read, index) = (self.operands.read(rows), self.operands.read(index));
        let access = self.access(id, views);
        self.push(Instruction::LoadRow { read, index, width: node.shape[1], access })
    }
}

/// The memory that a kernel reads as it lies.
pub(super) fn plain_reads(operands: &mut Operands<'_>, id: NodeId) {
    for input in operands.graph.node(id).inputs.clone() {
        let (graph, stored) = (operands.graph, operands.stored);
        let region = operands.memory.region_of_view(graph, stored, input);
        // Operands have fixed places here: none is shared.
        operands.reads.push(region);
    }
}
