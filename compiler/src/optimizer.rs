//! Optimizers: a graph whose gradients of weights become new weights.
//!
//! In: a differentiated graph and a rule. Out: the same graph with an update of every part of a weight buffer, and of the
//! state beside it, in place of the gradient of that part; with clipping also the norm of all gradients. Rules are those of
//! PyTorch 2 with its defaults: no dampening, averages of squares and not their maxima, nothing maximized. State starts as
//! zeros.
//!
//! What belongs to one part of a buffer is computed in one pass over it, so an update reads gradients, old weights and old
//! state element by element, and beside these only the norm. Weights that no objective reaches have no gradient, and no
//! update: neither decay nor momentum moves them.
//!
//! Where several batches make a step, their gradients are added up in a state of its own, and weights and state change with the
//! last of them alone. Where the loss is scaled, a batch whose gradients are no numbers adds nothing, and makes no step.
//!
//! Deliberately not here: schedules of the learning rate, which is an argument.

mod accumulate;
mod adam;
mod clip;
mod scale;
mod sgd;

use crate::graph::{BufferId, Graph, Leaf, NodeId, Op, Phase, RootKind, Slot, verify};

pub(crate) use scale::loss_scale;
pub use scale::{FIRST_SCALE, scale_loss};

/// How weights follow gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimizer {
    /// The rule.
    pub rule: Rule,
    /// How much buffers whose weights decay do so; 0 for not at all.
    pub weight_decay: f64,
    /// The largest norm that all gradients together keep; none for no limit.
    pub clip: Option<f64>,
    /// How many batches make a step: their gradients are averaged. With 1 nothing is added up.
    pub accumulate: u32,
}

/// A rule by which weights follow gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent; weight decay is a part of the gradient.
    Sgd {
        /// How much of the last step's direction stays; 0 keeps no state.
        momentum: f64,
        /// Whether the direction looks one step ahead.
        nesterov: bool,
    },
    /// Adam; weight decay is a part of the gradient.
    Adam {
        /// How much of the average gradient stays.
        first: f64,
        /// How much of the average squared gradient stays.
        second: f64,
        /// What is added to the root of the average square.
        eps: f64,
    },
    /// Adam with weight decay apart from the gradient.
    AdamW {
        /// How much of the average gradient stays.
        first: f64,
        /// How much of the average squared gradient stays.
        second: f64,
        /// What is added to the root of the average square.
        eps: f64,
    },
}

/// A part of a buffer of weights, and its gradient.
#[derive(Debug, Clone, Copy)]
struct Part {
    buffer: BufferId,
    /// Its first number in the buffer.
    start: usize,
    /// After clipping.
    gradient: NodeId,
    /// 0 where weights do not decay.
    decay: f64,
}

/// New values of a part of a buffer.
type News = Vec<(Slot, NodeId)>;

/// Turns gradients of weights into updates.
#[must_use]
pub fn optimize(mut graph: Graph, optimizer: &Optimizer) -> Graph {
    graph.at("optimizer", Phase::Update);
    let mut parts = take_gradients(&mut graph, optimizer.weight_decay);
    let finite = scale::divide(&mut graph, &mut parts);
    let mut sums = accumulate::add_up(&mut graph, &mut parts, optimizer.accumulate).into_iter();
    if let Some(limit) = optimizer.clip
        && !parts.is_empty()
    {
        clip::clip(&mut graph, &mut parts, limit);
    }
    for part in &parts {
        let mut news = match optimizer.rule {
            Rule::Sgd { momentum, nesterov } => sgd::update(&mut graph, part, momentum, nesterov),
            Rule::Adam { first, second, eps } => {
                let decoupled = false;
                adam::Adam { first, second, eps, decoupled }.update(&mut graph, part)
            }
            Rule::AdamW { first, second, eps } => {
                let decoupled = true;
                adam::Adam { first, second, eps, decoupled }.update(&mut graph, part)
            }
        };
        if let Some(finite) = finite {
            news = scale::guard(&mut graph, part, finite, news);
        }
        if let Some(sum) = sums.next() {
            let mut sum = vec![(Slot::Gradient, sum)];
            if let Some(finite) = finite {
                sum = scale::guard(&mut graph, part, finite, sum);
            }
            news = accumulate::only_at_last(&mut graph, part, news, sum[0].1);
        }
        for (slot, node) in news {
            graph.root(RootKind::Update(part.buffer, slot, part.start), "", node);
        }
    }
    if let Some(finite) = finite {
        scale::next(&mut graph, finite);
    }
    debug_assert_eq!(verify(&graph), Ok(()), "optimizers make well-formed graphs");
    graph
}

/// Takes the roots that are gradients of weights, in their order.
fn take_gradients(graph: &mut Graph, decay: f64) -> Vec<Part> {
    let mut parts = Vec::new();
    for root in std::mem::take(&mut graph.roots) {
        match root.kind {
            RootKind::ParameterGradient(buffer, start) => {
                let decays = graph.parameters.buffers[buffer.0 as usize].decays;
                let decay = if decays { decay } else { 0.0 };
                parts.push(Part { buffer, start, gradient: root.node, decay });
            }
            RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::InputGradient
            | RootKind::Update(..)
            | RootKind::GradientNorm => graph.roots.push(root),
        }
    }
    parts
}

impl Optimizer {
    /// `1 - beta^step` of the first and second moment, which a host gives each step as arguments; steps count from 1.
    /// Both are 1 for rules without moments.
    ///
    /// # Panics
    ///
    /// At step 0, at which nothing has been averaged.
    #[must_use]
    pub fn corrections(&self, step: u64) -> (f64, f64) {
        assert!(step > 0, "steps of an optimizer count from 1");
        // Exact below 2^53 steps.
        let step = step as f64;
        match self.rule {
            Rule::Sgd { .. } => (1.0, 1.0),
            Rule::Adam { first, second, .. } | Rule::AdamW { first, second, .. } => {
                (1.0 - libm::pow(first, step), 1.0 - libm::pow(second, step))
            }
        }
    }
}

impl Part {
    /// The old values of the same part of the weights or of a state.
    fn old(&self, graph: &mut Graph, slot: Slot) -> NodeId {
        let leaf = match slot {
            Slot::Weight => Leaf::Parameters(self.buffer),
            Slot::First | Slot::Second | Slot::Gradient => Leaf::State(self.buffer, slot),
        };
        let size = graph.parameters.buffers[self.buffer.0 as usize].numbers;
        let whole = graph.push(Op::Leaf(leaf), vec![], vec![size]);
        let numbers = graph.numbers(self.gradient);
        graph.slice(whole, 0, self.start, numbers)
    }

    /// The gradient with weight decay as a part of it.
    fn decayed_gradient(&self, graph: &mut Graph, weight: NodeId) -> NodeId {
        if self.decay == 0.0 {
            return self.gradient;
        }
        let decay = graph.times(weight, self.decay);
        graph.add(self.gradient, decay)
    }
}

#[cfg(test)]
mod tests;
