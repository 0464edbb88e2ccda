//! Adam, with weight decay as a part of the gradient or apart from it.
//!
//! In: a part of a buffer and its gradient. Out: its new weights and averages. Deliberately not here: other parts.

use crate::graph::{Argument, Graph, NodeId, Slot, Unary};

use super::{News, Part};

/// The numbers of the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adam {
    pub(super) first: f64,
    pub(super) second: f64,
    pub(super) eps: f64,
    /// Whether weights decay apart from the gradient.
    pub(super) decoupled: bool,
}

impl Adam {
    pub(super) fn update(&self, graph: &mut Graph, part: &Part) -> News {
        let old = part.old(graph, Slot::Weight);
        let shape = graph.shape(old).to_vec();
        let rate = graph.argument(Argument::LearningRate, &shape);
        let (weight, gradient) = if self.decoupled {
            (decayed(graph, old, rate, part.decay), part.gradient)
        } else {
            (old, part.decayed_gradient(graph, old))
        };
        let first = part.old(graph, Slot::First);
        let first = moved(graph, first, gradient, 1.0 - self.first);
        let second = part.old(graph, Slot::Second);
        let second = self.second_moment(graph, second, gradient);
        // The corrections are numbers of the step: their quotient and root are the same for all weights.
        let correction = graph.argument(Argument::FirstCorrection, &shape);
        let step_size = graph.divide(rate, correction);
        let correction = graph.argument(Argument::SecondCorrection, &shape);
        let correction = graph.unary(Unary::Sqrt, correction);
        let deviation = graph.unary(Unary::Sqrt, second);
        let deviation = graph.divide(deviation, correction);
        let deviation = graph.plus(deviation, self.eps);
        let direction = graph.divide(first, deviation);
        let step = graph.multiply(step_size, direction);
        let weight = graph.subtract(weight, step);
        vec![(Slot::First, first), (Slot::Second, second), (Slot::Weight, weight)]
    }

    fn second_moment(&self, graph: &mut Graph, old: NodeId, gradient: NodeId) -> NodeId {
        let kept = graph.times(old, self.second);
        let part = graph.times(gradient, 1.0 - self.second);
        let square = graph.multiply(part, gradient);
        graph.add(kept, square)
    }
}

/// `weight (1 - rate decay)`
fn decayed(graph: &mut Graph, weight: NodeId, rate: NodeId, decay: f64) -> NodeId {
    if decay == 0.0 {
        return weight;
    }
    let lost = graph.times(rate, -decay);
    let kept = graph.plus(lost, 1.0);
    graph.multiply(weight, kept)
}

/// From `a` a fraction of the way to `b`, counted from the nearer end, so that fractions of 0 and 1 are exact.
fn moved(graph: &mut Graph, a: NodeId, b: NodeId, fraction: f64) -> NodeId {
    let way = graph.subtract(b, a);
    if fraction < 0.5 {
        let part = graph.times(way, fraction);
        graph.add(a, part)
    } else {
        let part = graph.times(way, 1.0 - fraction);
        graph.subtract(b, part)
    }
}
