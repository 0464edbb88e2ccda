//! Several batches for one step: gradients are added up, and what is made of their average counts at the last one.
//!
//! In: parts with the gradients of one batch, then their updates. Out: parts with the average of the gradients since the
//! last step, then updates that keep what was there but at the last batch, when the sums begin anew. Sums are made before any
//! update, since the norm of all of them may be needed first. Deliberately not here: which batch is the last, an argument.

use crate::graph::{Argument, Graph, NodeId, Phase, Slot};

use super::{News, Part};

/// Makes gradients the averages of so many batches. Gives the sums, part by part; none where one batch makes a step.
pub(super) fn add_up(graph: &mut Graph, parts: &mut [Part], batches: u32) -> Vec<NodeId> {
    if batches <= 1 {
        return Vec::new();
    }
    let mut sums = Vec::new();
    for part in parts {
        // What updates read is stored before any of them runs; what they do themselves is not.
        graph.at("optimizer", Phase::Backward);
        let old = part.old(graph, Slot::Gradient);
        let sum = graph.add(old, part.gradient);
        sums.push(sum);
        graph.at("optimizer", Phase::Update);
        part.gradient = graph.times(sum, 1.0 / f64::from(batches));
    }
    sums
}

/// The updates where weights are updated, else what was there; and the sum for the next batch.
pub(super) fn only_at_last(graph: &mut Graph, part: &Part, news: News, sum: NodeId) -> News {
    let shape = graph.shape(sum).to_vec();
    let updates = graph.argument(Argument::Updates, &shape);
    let zeros = graph.constant(0.0, &shape);
    let mut chosen = vec![(Slot::Gradient, graph.select(updates, zeros, sum))];
    for (slot, new) in news {
        let old = part.old(graph, slot);
        chosen.push((slot, graph.select(updates, new, old)));
    }
    chosen
}
