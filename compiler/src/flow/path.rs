//! The way by which a modality reaches a value.
//!
//! In: a model, a modality, a value. Out: the places where its information passes from one group to
//! the next, of a way with as few of them as there is. Deliberately not here: whether that is
//! allowed. petgraph is used here and nowhere else in the flow.

use std::ops::Range;

use petgraph::algo::astar;
use petgraph::graph::{DiGraph, NodeIndex};
use zorro_grammar::Span;

use crate::model::{GroupId, Lane, ModalityId, Model, Op, Read, Step, ValueId};

use super::{Flow, ranges, sources};

/// Information passes from one group to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The step: `layers.3.attend`.
    pub path: String,
    /// The group that learns something; `None` for a value of no group.
    pub to: Option<GroupId>,
    /// The group it learns it from; `None` for the modality itself.
    pub from: Option<GroupId>,
    /// For attention the edge of the route that allows it, else the operation.
    pub span: Span,
    /// In words: "`fusion` reads `audio`".
    pub text: String,
    /// Whether an edge of a route allows it; else an operation does it.
    pub is_edge: bool,
}

/// What a passage between groups costs: more than any way without one.
const PASSAGE: u64 = 1 << 48;
/// What it costs more for each step before it: of equal ways, the one that leaks first is told.
const LATER: u64 = 1 << 16;

/// How a modality reaches a value, from the modality on; empty if it does not.
#[must_use]
pub fn path(model: &Model, flow: &Flow, from: ModalityId, to: ValueId) -> Vec<Hop> {
    let mut graph: DiGraph<Option<ValueId>, u64, u32> = DiGraph::new();
    let nodes: Vec<Vec<NodeIndex>> = (0..model.values.len())
        .map(|at| {
            let value = ValueId::next(at);
            flow.parts(value).iter().map(|_| graph.add_node(Some(value))).collect()
        })
        .collect();
    let (fed, end) = (graph.add_node(None), graph.add_node(None));
    for (index, step) in (0u64..).zip(&model.steps) {
        for lane in &step.lanes {
            let results = &nodes[lane.result.index()];
            if step.op == Op::Input(from) {
                graph.add_edge(fed, results[0], 1);
            }
            let tokens = ranges(flow.parts(lane.result).iter().map(|part| part.end));
            for (result, tokens) in results.iter().zip(tokens) {
                for (at, part) in read_parts(model, flow, (&step.op, lane), &tokens) {
                    let passes = source(model, lane, at) != model.value(lane.result).group;
                    let cost = if passes { PASSAGE + index * LATER } else { 1 };
                    graph.add_edge(nodes[lane.operands[at].index()][part], *result, cost);
                }
            }
        }
    }
    for node in &nodes[to.index()] {
        graph.add_edge(*node, end, 0);
    }
    let way = astar(&graph, fed, |node| node == end, |edge| *edge.weight(), |_| 0);
    let way = way.map_or(Vec::new(), |(_, nodes)| nodes);
    let way: Vec<ValueId> = way.iter().filter_map(|node| graph[*node]).collect();
    hops(model, from, &way)
}

/// The parts of operands, by their places, from which some tokens of a result come.
fn read_parts(
    model: &Model,
    flow: &Flow,
    (op, lane): (&Op, &Lane),
    tokens: &Range<u64>,
) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, range) in sources(model, (op, lane), tokens) {
        let operand = lane.operands[at];
        let parts = flow.parts(operand);
        let read = at.checked_sub(1).and_then(|at| lane.reads.get(at / 2));
        let n_queries = || model.shape(lane.operands[0]).tokens();
        for (part, own) in ranges(parts.iter().map(|part| part.end)).enumerate() {
            let meets = own.start < range.end && range.start < own.end;
            let is_whole = parts.len() == 1 && flow.parts(lane.result).len() == 1;
            let is_read = read.is_none_or(|read| {
                let sizes = || (n_queries(), model.shape(operand).tokens());
                is_whole || read.relation.reaches(tokens, &own, sizes())
            });
            if meets && is_read {
                found.push((at, part));
            }
        }
    }
    found
}

/// The group from which a lane's operand brings something.
fn source(model: &Model, lane: &Lane, operand: usize) -> Option<GroupId> {
    let read = operand.checked_sub(1).and_then(|at| lane.reads.get(at / 2));
    let group = model.value(lane.operands[operand]).group;
    read.map_or(group, |read| read.group.or(group))
}

/// Where a way leaves the group that it was in last.
struct Exit<'a> {
    step: &'a Step,
    /// The read, where attention leaves it.
    read: Option<&'a Read>,
    from: Option<GroupId>,
}

fn hops(model: &Model, modality: ModalityId, way: &[ValueId]) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    let mut last: Option<GroupId> = None;
    let mut exit: Option<Exit<'_>> = None;
    for (at, value) in way.iter().enumerate() {
        let (step, lane) = model.made_by(*value);
        let before = at.checked_sub(1).map(|before| way[before]);
        let operand =
            before.and_then(|before| lane.operands.iter().position(|operand| *operand == before));
        // The keys and values of a read can be made on behalf of the reader.
        let from = operand.and_then(|operand| source(model, lane, operand)).or(last);
        let read = operand.and_then(|at| at.checked_sub(1)).and_then(|at| lane.reads.get(at / 2));
        let exit_here = Exit { step, read, from };
        let Some(to) = model.value(*value).group else {
            // Values of no group lie between two groups; the first of them is the passage. Where no group was left,
            // it is the first that mixes.
            if exit.as_ref().is_none_or(|exit| exit.from.is_none() && !exit.step.op.is_mixing()) {
                exit = Some(exit_here);
            }
            last = from;
            continue;
        };
        let exit = exit.take().unwrap_or(exit_here);
        if last.is_none() && from.is_none_or(|from| from == to) {
            let name = &model.modalities[modality.index()].name;
            let text = format!("`{}` is made of the modality `{name}`", model.group_name(to));
            let (path, span) = (step.path.clone(), step.span);
            hops.push(Hop { path, to: Some(to), from, span, text, is_edge: false });
        } else if from != Some(to) {
            hops.push(passage(model, &exit, to));
        }
        last = Some(to);
    }
    // The way ends in a value of no group, such as an output: told where it may be another group's, too.
    if let Some(exit) = exit.filter(|exit| exit.read.is_some() || exit.step.op.is_mixing()) {
        let fed = model.modalities[modality.index()].name.as_str();
        let name = exit.from.map_or(fed, |from| model.group_name(from));
        let by = exit.step.op.name();
        let (span, text) = match exit.read {
            Some(read) => (read.span, format!("`{name}` is read")),
            None => (exit.step.span, format!("`{name}` is mixed in by `{by}`")),
        };
        let (path, is_edge) = (exit.step.path.clone(), exit.read.is_some());
        hops.push(Hop { path, to: None, from: exit.from, span, text, is_edge });
    }
    hops
}

fn passage(model: &Model, exit: &Exit<'_>, to: GroupId) -> Hop {
    let Exit { step, read, from } = exit;
    let name = from.map_or("self", |from| model.group_name(from));
    let receiver = model.group_name(to);
    let (span, text) = match read {
        Some(read) => (read.span, format!("`{receiver}` reads `{name}`")),
        None => (step.span, format!("`{receiver}` is made of `{name}` by `{}`", step.op.name())),
    };
    let (path, is_edge) = (step.path.clone(), read.is_some());
    Hop { path, to: Some(to), from: *from, span, text, is_edge }
}
