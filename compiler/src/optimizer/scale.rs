//! Loss scaling, for gradients of which a part is stored in half precision.
//!
//! In: all parts, whose gradients are those of the loss times a scale. Out: their gradients divided by it, and whether they are
//! numbers at all; where they are not, every weight and every state stays as it is, and the scale is halved. After
//! [`PATIENCE`] steps without that it is doubled (Micikevicius et al., 2018, section 3.2, with the numbers of PyTorch). The
//! scale and the steps since it changed live beside the weights, in a buffer of their own, so that no step waits for
//! the host.
//!
//! Deliberately not here: where the scale comes in, which is the seed of autodiff; what is stored in half precision, which
//! is the planner's.

use super::clip::{COLUMNS, sum_of_squares};
use super::{News, Part};
use crate::graph::{
    Binary, BufferId, Graph, Leaf, NodeId, Op, ParameterBuffer, Phase, RootKind, Slot,
};

/// The scale at the beginning.
pub const FIRST_SCALE: f32 = 65_536.0;

/// Steps without overflow before the scale is doubled.
const PATIENCE: f64 = 2000.0;

/// Scales stay within these, so that they and their reciprocals are normal numbers.
const SMALLEST: f64 = 1.0;
const LARGEST: f64 = 16_777_216.0;

/// What sums of squares of numbers stay below.
const OVERFLOW: f64 = 3.0e38;

/// Adds the buffer of the scale, which the host fills with [`FIRST_SCALE`].
pub fn scale_loss(graph: &mut Graph) {
    let id = BufferId(u32::try_from(graph.parameters.buffers.len()).expect("few buffers"));
    graph.parameters.buffers.push(ParameterBuffer {
        decays: false,
        frozen: false,
        numbers: 1,
        weights: Vec::new(),
    });
    graph.parameters.scale = Some(id);
}

/// The scale, `[1]`.
pub(crate) fn loss_scale(graph: &mut Graph) -> Option<NodeId> {
    let buffer = graph.parameters.scale?;
    Some(graph.push(Op::Leaf(Leaf::Parameters(buffer)), vec![], vec![1]))
}

/// Divides gradients by the scale. Gives 1 where all of them are numbers, else 0: `[1]`.
pub(super) fn divide(graph: &mut Graph, parts: &mut [Part]) -> Option<NodeId> {
    let scale = loss_scale(graph)?;
    for part in &mut *parts {
        let shape = graph.shape(part.gradient).to_vec();
        let scale = graph.broadcast(scale, &shape);
        part.gradient = graph.divide(part.gradient, scale);
    }
    // Made before all updates, which share it: it is stored, once.
    graph.at("optimizer", Phase::Backward);
    let sums: Vec<NodeId> =
        parts.iter().map(|part| sum_of_squares(graph, part.gradient, COLUMNS)).collect();
    let total = sums.into_iter().reduce(|total, sum| graph.add(total, sum))?;
    let shape = graph.shape(total).to_vec();
    let overflow = graph.constant(OVERFLOW, &shape);
    // What is no number is less than nothing.
    let finite = graph.binary(Binary::Less, total, overflow);
    graph.at("optimizer", Phase::Update);
    Some(finite)
}

/// New values where gradients are numbers, else the old ones.
pub(super) fn guard(graph: &mut Graph, part: &Part, finite: NodeId, news: News) -> News {
    let mut guarded = Vec::new();
    for (slot, new) in news {
        let old = part.old(graph, slot);
        let shape = graph.shape(new).to_vec();
        let finite = graph.broadcast(finite, &shape);
        guarded.push((slot, graph.select(finite, new, old)));
    }
    guarded
}

/// The next scale, and the steps since it changed, as roots.
pub(super) fn next(graph: &mut Graph, finite: NodeId) {
    let buffer = graph.parameters.scale.expect("gradients are scaled");
    let scale = loss_scale(graph).expect("gradients are scaled");
    let steps = graph.push(Op::Leaf(Leaf::State(buffer, Slot::First)), vec![], vec![1]);
    let [zero, patience, smallest, largest] =
        [0.0, PATIENCE, SMALLEST, LARGEST].map(|number| graph.constant(number, &[1]));
    let after = graph.plus(steps, 1.0);
    let waits = graph.binary(Binary::Less, after, patience);
    let doubled = graph.times(scale, 2.0);
    let doubled = graph.binary(Binary::Min, doubled, largest);
    let halved = graph.times(scale, 0.5);
    let halved = graph.binary(Binary::Max, halved, smallest);
    let larger = graph.select(waits, scale, doubled);
    let next = graph.select(finite, larger, halved);
    let after = graph.select(waits, after, zero);
    let after = graph.select(finite, after, zero);
    graph.root(RootKind::Update(buffer, Slot::First, 0), "", after);
    graph.root(RootKind::Update(buffer, Slot::Weight, 0), "", next);
}
