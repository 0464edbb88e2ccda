//! Stochastic gradient descent with momentum.
//!
//! In: a part of a buffer and its gradient. Out: its new weights and momentum. The first step's momentum is the gradient,
//! because it starts as zeros and nothing is dampened. Deliberately not here: other parts.

use crate::graph::{Argument, Graph, Slot};

use super::{News, Part};

pub(super) fn update(graph: &mut Graph, part: &Part, momentum: f64, nesterov: bool) -> News {
    let weight = part.old(graph, Slot::Weight);
    let gradient = part.decayed_gradient(graph, weight);
    let mut news = News::new();
    let mut direction = gradient;
    if momentum != 0.0 {
        let old = part.old(graph, Slot::First);
        let kept = graph.times(old, momentum);
        let new = graph.add(kept, gradient);
        news.push((Slot::First, new));
        direction = new;
        if nesterov {
            let ahead = graph.times(new, momentum);
            direction = graph.add(gradient, ahead);
        }
    }
    let shape = graph.shape(weight).to_vec();
    let rate = graph.argument(Argument::LearningRate, &shape);
    let step = graph.multiply(rate, direction);
    news.push((Slot::Weight, graph.subtract(weight, step)));
    news
}
