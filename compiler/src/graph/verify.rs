//! What a well-formed graph is. This list is complete; what breaks it is our mistake.
//!
//! In: a graph. Out: nothing, or which invariant it breaks, and where.
//!
//! - Operands exist and come before what uses them. Roots exist.
//! - The number and the shapes of operands and result are what the operation says.
//! - Ids of origins, inputs, buffers, tables, conditions and attentions are in range; places of weights lie within their buffers
//!   and do not overlap.
//! - Each side of an attention has a place and a condition, heads divide its width, and windows have no size of 0.
//! - Integers are read by lookups alone, and where these want them.
//! - An update has the shape of a part of its buffer; no two updates of one buffer overlap.

use std::ops::Range;

use super::tokens;
use super::{
    Attention, AttentionId, Gradient, Graph, Leaf, Node, NodeId, Op, RootKind, Slot, Table,
    TermPart,
};
use crate::routing::Side;

type Checked = Result<(), String>;

fn ensure(condition: bool, text: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(text()) }
}

/// Checks the list above.
///
/// # Errors
///
/// The first invariant found broken, with the place.
pub fn verify(graph: &Graph) -> Result<(), String> {
    places(graph)?;
    for (at, found) in graph.attentions.iter().enumerate() {
        attention(graph, found).map_err(|text| format!("attention {at}: {text}"))?;
    }
    for id in graph.ids() {
        let origin = graph.node(id).origin.0 as usize;
        ensure(origin < graph.origins.len(), || format!("node {} has no origin", id.0))?;
        node(graph, id).map_err(|text| {
            format!("node {} ({}, {}): {text}", id.0, graph.op_text(id), graph.origin(id).path)
        })?;
    }
    let mut updates = Vec::new();
    for root in &graph.roots {
        ensure(root.node.index() < graph.nodes.len(), || "a root exists".to_owned())?;
        let numbers = graph.numbers(root.node);
        match root.kind {
            RootKind::Update(buffer, slot, start) => {
                updates.push((buffer, slot, start, start + numbers));
                in_buffer(graph, buffer.0 as usize, start + numbers)?;
            }
            RootKind::ParameterGradient(buffer, start) => {
                in_buffer(graph, buffer.0 as usize, start + numbers)?;
            }
            RootKind::Loss | RootKind::GradientNorm | RootKind::Term(_, TermPart::Temperature) => {
                ensure(numbers == 1, || format!("{} is one number", root.name))?;
            }
            RootKind::Term(_, TermPart::Losses | TermPart::Left | TermPart::Right) => {
                let batch = graph.batch;
                ensure(numbers.is_multiple_of(batch), || {
                    format!("{} is of {batch} samples", root.name)
                })?;
            }
            RootKind::Output | RootKind::InputGradient => {}
        }
    }
    updates.sort_unstable();
    let disjoint = updates
        .windows(2)
        .all(|pair| (pair[0].0, pair[0].1) != (pair[1].0, pair[1].1) || pair[0].3 <= pair[1].2);
    ensure(disjoint, || "two updates overlap".to_owned())
}

fn in_buffer(graph: &Graph, buffer: usize, end: usize) -> Checked {
    let numbers = graph.parameters.buffers.get(buffer).map_or(0, |buffer| buffer.numbers);
    ensure(end <= numbers, || format!("{end} numbers of a buffer of {numbers}"))
}

fn places(graph: &Graph) -> Checked {
    let mut all: Vec<_> = graph.parameters.places.iter().flatten().copied().collect();
    all.sort_unstable();
    for place in &all {
        in_buffer(graph, place.buffer.0 as usize, place.offset + place.numbers)?;
    }
    let disjoint = all.windows(2).all(|pair| {
        pair[0].buffer != pair[1].buffer || pair[0].offset + pair[0].numbers <= pair[1].offset
    });
    ensure(disjoint, || "two weights overlap".to_owned())
}

/// Which operands hold integers.
fn integers(op: &Op) -> Range<usize> {
    match op {
        Op::Lookup => 1..2,
        Op::LookupSum => 1..3,
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
        | Op::Concat(_)
        | Op::Reduce(..)
        | Op::Contract
        | Op::Gather(_)
        | Op::Attend(_)
        | Op::AttendStatistics(_)
        | Op::AttendGradient(..)
        | Op::Random { .. }
        | Op::Present(_) => 0..0,
    }
}

/// A node with the shapes of its operands.
struct Shapes<'a> {
    node: &'a Node,
    inputs: Vec<&'a [usize]>,
}

fn node(graph: &Graph, id: NodeId) -> Checked {
    let node = graph.node(id);
    ensure(node.inputs.iter().all(|input| input.index() < id.index()), || {
        "an operand comes later".to_owned()
    })?;
    let inputs = node.inputs.iter().map(|input| graph.shape(*input)).collect();
    let shapes = Shapes { node, inputs };
    for (at, input) in node.inputs.iter().enumerate() {
        let fits = graph.is_integer(*input) == integers(&node.op).contains(&at);
        ensure(fits, || format!("operand {at} holds integers, or should"))?;
    }
    shapes.check(graph)
}

impl Shapes<'_> {
    fn arity(&self, n: usize) -> Checked {
        ensure(self.inputs.len() == n, || format!("{} operands, not {n}", self.inputs.len()))
    }

    fn result_is(&self, shape: &[usize]) -> Checked {
        ensure(self.node.shape == shape, || format!("makes {:?}, not {shape:?}", self.node.shape))
    }

    fn check(&self, graph: &Graph) -> Checked {
        let shape = &self.node.shape;
        match &self.node.op {
            Op::Leaf(leaf) => self.arity(0).and_then(|()| self.leaf(graph, leaf)),
            Op::Constant(_) => self.arity(0),
            Op::Unary(_) | Op::Detach => self.alike(1),
            Op::Binary(_) => self.alike(2),
            Op::Select => self.alike(3),
            Op::Reshape => {
                self.arity(1)?;
                let numbers = |shape: &[usize]| shape.iter().product::<usize>();
                ensure(numbers(self.inputs[0]) == numbers(shape), || "another size".to_owned())
            }
            Op::Permute(axes) => {
                self.arity(1)?;
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                let permutes = sorted.into_iter().eq(0..self.inputs[0].len());
                ensure(permutes, || format!("{axes:?} of {:?}", self.inputs[0]))?;
                let wanted: Vec<usize> = axes.iter().map(|axis| self.inputs[0][*axis]).collect();
                self.result_is(&wanted)
            }
            Op::Broadcast => {
                self.arity(1)?;
                let same_rank = self.inputs[0].len() == shape.len();
                let fits = self.inputs[0].iter().zip(shape).all(|(a, b)| a == b || *a == 1);
                ensure(same_rank && fits, || format!("{:?} repeated", self.inputs[0]))
            }
            Op::Slice { axis, start } => {
                self.resized(*axis, |before, after| start + after <= before)
            }
            Op::Pad { axis, before } => self.resized(*axis, |from, to| before + from <= to),
            Op::Concat(axis) => self.concat(*axis),
            Op::Reduce(_, axis) => self.resized(*axis, |_, after| after == 1),
            Op::Contract => {
                self.arity(2)?;
                let (a, b) = (self.inputs[0], self.inputs[1]);
                ensure(a.len() == 2 && b.len() == 2 && a[1] == b[1], || format!("{a:?} {b:?}"))?;
                self.result_is(&[a[0], b[0]])
            }
            Op::Gather(table) => {
                self.arity(1)?;
                let Some(Table::Rows(rows)) = graph.tables.get(table.0 as usize) else {
                    return Err("no table of rows".to_owned());
                };
                let [n_rows, width] = self.matrix(0)?;
                let exist = rows.iter().all(|row| (*row as usize) < n_rows);
                ensure(exist, || format!("a row that {n_rows} rows lack"))?;
                self.result_is(&[rows.len(), width])
            }
            Op::Lookup => {
                self.arity(2)?;
                let [_, width] = self.matrix(0)?;
                self.result_is(&[self.inputs[1].iter().product(), width])
            }
            Op::LookupSum => {
                self.arity(3)?;
                let [rows, width] = self.matrix(0)?;
                let numbers = |at: usize| self.inputs[at].iter().product::<usize>();
                let fits = numbers(1) == rows && numbers(2) > 0;
                ensure(fits, || format!("{rows} rows in an order of {}", numbers(1)))?;
                self.result_is(&[numbers(2) - 1, width])
            }
            Op::Attend(id) => self.attention(graph, *id, 0, None),
            Op::AttendStatistics(id) => self.attention(graph, *id, 0, Some(Gradient::Scores)),
            Op::AttendGradient(gradient, id) => self.attention(graph, *id, 3, Some(*gradient)),
            Op::Random { site: _, by_sample, groups } => {
                self.arity(0)?;
                let rows = graph.batch * groups.iter().map(|group| group.tokens).sum::<usize>();
                let fits = shape.len() == 2 && shape[0] == rows && (!by_sample || shape[1] == 1);
                ensure(fits, || format!("random numbers for {groups:?}"))
            }
            Op::Present(segments) => {
                self.arity(0)?;
                let known = segments.iter().filter_map(|segment| segment.present);
                let known = known.clone().all(|id| (id.0 as usize) < graph.presences.len());
                ensure(known, || "a condition does not exist".to_owned())?;
                let tokens = segments.iter().map(|segment| segment.tokens).sum::<usize>();
                self.result_is(&[graph.batch * tokens, 1])
            }
        }
    }

    fn leaf(&self, graph: &Graph, leaf: &Leaf) -> Checked {
        match leaf {
            Leaf::Input(id) => {
                let input = graph.inputs.get(id.0 as usize).ok_or("no such input")?;
                self.result_is(&input.shape)
            }
            Leaf::Parameters(buffer)
            | Leaf::State(buffer, Slot::First | Slot::Second | Slot::Gradient) => {
                let found = graph.parameters.buffers.get(buffer.0 as usize);
                self.result_is(&[found.ok_or("no such buffer")?.numbers])
            }
            Leaf::State(_, Slot::Weight) => Err("weights are parameters".to_owned()),
            Leaf::Argument(_) => Ok(()),
            Leaf::Table(id) => match graph.tables.get(id.0 as usize) {
                Some(Table::Numbers(numbers)) => {
                    let wanted = self.node.shape.iter().product::<usize>();
                    ensure(numbers.len() == wanted, || "a table of another size".to_owned())
                }
                Some(Table::Rows(_)) | None => Err("no such table".to_owned()),
            },
        }
    }

    fn matrix(&self, at: usize) -> Result<[usize; 2], String> {
        let found = self.inputs[at].try_into();
        found.map_err(|_| format!("{:?} is no matrix", self.inputs[at]))
    }

    fn concat(&self, axis: usize) -> Checked {
        let shape = &self.node.shape;
        let others = |part: &[usize]| {
            part.len() == shape.len()
                && (0..shape.len()).all(|at| at == axis || part[at] == shape[at])
        };
        let fits = axis < shape.len() && self.inputs.iter().all(|part| others(part));
        ensure(fits, || format!("{:?} on axis {axis}", self.inputs))?;
        let total = self.inputs.iter().map(|part| part[axis]).sum::<usize>();
        ensure(total == shape[axis], || format!("{total} on axis {axis}"))
    }

    fn alike(&self, n: usize) -> Checked {
        self.arity(n)?;
        self.inputs.iter().try_for_each(|input| self.result_is(input))
    }

    fn resized(&self, axis: usize, fits: impl Fn(usize, usize) -> bool) -> Checked {
        self.arity(1)?;
        let (before, after) = (self.inputs[0], &self.node.shape);
        let others = axis < after.len()
            && before.len() == after.len()
            && (0..after.len()).all(|at| at == axis || before[at] == after[at]);
        ensure(others && fits(before[axis], after[axis]), || format!("{before:?} to {after:?}"))
    }

    /// `extra` operands are there for a gradient alone; `wanted` is the operand whose gradient has the result's shape.
    fn attention(
        &self,
        graph: &Graph,
        id: AttentionId,
        extra: usize,
        wanted: Option<Gradient>,
    ) -> Checked {
        let attention = graph.attentions.get(id.0 as usize).ok_or("no such attention")?;
        self.arity(3 + usize::from(attention.window.is_some()) + extra)?;
        let wide = self.inputs[..3].iter().all(|a| a.len() == 2 && a[1] == attention.width);
        ensure(wide, || format!("operands of width {}", attention.width))?;
        let (queries, width) = (attention.n_queries(graph.batch), attention.width);
        let result = match (extra, wanted) {
            (0, None) | (_, Some(Gradient::Queries)) => vec![queries, width],
            (0, Some(_)) => vec![queries, attention.heads],
            (_, Some(Gradient::Keys | Gradient::Values)) => {
                vec![attention.n_keys(graph.batch), width]
            }
            (_, None | Some(Gradient::Scores)) => vec![attention.heads, attention.n_positions()],
        };
        self.result_is(&result)?;
        let bias = [attention.heads, attention.n_positions()];
        let behind = [[queries, attention.heads], [queries, attention.heads], [queries, width]];
        let wanted = attention.window.iter().map(|_| bias).chain(behind);
        for (found, wanted) in self.inputs[3..].iter().zip(wanted) {
            ensure(**found == wanted, || format!("an operand is {found:?}, not {wanted:?}"))?;
        }
        self.rows(graph, 0, &attention.mask.receivers, &attention.queries)?;
        self.rows(graph, 1, &attention.mask.reads, &attention.keys)?;
        self.rows(graph, 2, &attention.mask.reads, &attention.keys)
    }

    /// An operand has all rows of some groups that begin at these rows.
    fn rows(&self, graph: &Graph, operand: usize, sides: &[Side], starts: &[usize]) -> Checked {
        let [rows, _] = self.matrix(operand)?;
        let mut ends =
            sides.iter().zip(starts).map(|(side, start)| start + graph.batch * tokens(side));
        ensure(ends.all(|end| end <= rows), || format!("operand {operand} lacks rows"))
    }
}

/// The parts of an attention fit one another.
fn attention(graph: &Graph, attention: &Attention) -> Checked {
    let Attention { heads, width, mask, .. } = attention;
    ensure(*heads > 0 && width.is_multiple_of(*heads), || format!("{heads} heads of {width}"))?;
    let (receivers, reads) = (mask.receivers.len(), mask.reads.len());
    let mut sizes = attention.window.iter().flatten();
    ensure(sizes.all(|size| *size > 0), || "a window of size 0".to_owned())?;
    let fits = attention.queries.len() == receivers
        && attention.query_present.len() == receivers
        && attention.keys.len() == reads
        && attention.key_present.len() == reads;
    ensure(fits, || "sides without a place".to_owned())?;
    let conditions = attention.query_present.iter().chain(&attention.key_present);
    ensure(conditions.flatten().all(|id| (id.0 as usize) < graph.presences.len()), || {
        "a condition does not exist".to_owned()
    })
}
