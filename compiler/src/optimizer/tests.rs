//! Optimizers against loops by hand, in doubles: a few steps of a few operations each, hence 1e-12.

use super::{Optimizer, Rule, clip, optimize, scale_loss};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{BufferId, Graph, Leaf, Op, ParameterBuffer, Parameters, Phase, RootKind, Slot};
use crate::lower::{Decay, Request, lower};
use crate::plan::{Arena, Body, plan, verify};
use crate::{Options, check_text};

const SGD: Rule = Rule::Sgd { momentum: 0.0, nesterov: false };
const MOMENTUM: Rule = Rule::Sgd { momentum: 0.9, nesterov: false };
const NESTEROV: Rule = Rule::Sgd { momentum: 0.8, nesterov: true };
const ADAM: Rule = Rule::Adam { first: 0.9, second: 0.99, eps: 1e-3 };
const ADAM_W: Rule = Rule::AdamW { first: 0.3, second: 0.999, eps: 1e-8 };
const RULES: [Rule; 5] = [SGD, MOMENTUM, NESTEROV, ADAM, ADAM_W];

/// What the loss draws the weights of the first buffer and of the second to; nothing where they are not used.
const TARGETS: [&[Option<f64>]; 2] =
    [&[Some(1.0), Some(-2.0), None, Some(0.5), Some(0.25)], &[None, Some(3.0), Some(0.0)]];
const BEGINNINGS: [&[f64]; 2] = [&[0.5, 0.75, 4.0, -1.0, 0.125], &[1.5, -0.5, 1.0]];
/// Parts of buffers that the loss uses: buffer, first number, how many.
const USED: [(u32, usize, usize); 3] = [(0, 0, 2), (0, 3, 2), (1, 1, 2)];

/// A loss scale: a power of two, so that it changes no bit.
const SCALE: f64 = 1024.0;

/// A loss of half the squared distances to targets. The first buffer decays.
fn distances(is_scaled: bool) -> Graph {
    let buffer =
        |decays, numbers| ParameterBuffer { decays, frozen: false, numbers, weights: Vec::new() };
    let buffers = vec![buffer(true, 5), buffer(false, 3)];
    let mut graph = Graph::new(
        "distances",
        1,
        Parameters { buffers, places: Vec::new(), names: Vec::new(), scale: None },
    );
    graph.at("loss", Phase::Forward);
    let mut loss = graph.constant(0.0, &[1]);
    for (buffer, start, length) in USED {
        let targets = TARGETS[buffer as usize];
        let leaf = Op::Leaf(Leaf::Parameters(BufferId(buffer)));
        let weights = graph.push(leaf, vec![], vec![targets.len()]);
        let weights = graph.slice(weights, 0, start, length);
        let targets = targets[start..start + length].iter().flatten().copied();
        let targets = graph.table(targets.collect(), &[length]);
        let distance = graph.subtract(weights, targets);
        let square = graph.multiply(distance, distance);
        let half = graph.times(square, 0.5);
        let sum = graph.sum(half, 0);
        loss = graph.add(loss, sum);
    }
    graph.root(RootKind::Loss, "loss", loss);
    if is_scaled {
        scale_loss(&mut graph);
    }
    differentiate(graph, &Seed::Loss("loss".to_owned()), Wanted { parameters: true, inputs: false })
}

/// Weights after each of some steps, by PyTorch's documentation of the rules, weight by weight.
struct Loop {
    optimizer: Optimizer,
    weights: Vec<Vec<f64>>,
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
}

impl Loop {
    fn new(optimizer: Optimizer) -> Self {
        let weights: Vec<Vec<f64>> = BEGINNINGS.iter().map(|begin| begin.to_vec()).collect();
        let zeros: Vec<Vec<f64>> = weights.iter().map(|list| vec![0.0; list.len()]).collect();
        Self { optimizer, weights, first: zeros.clone(), second: zeros }
    }

    /// The norm of all gradients.
    fn norm(&self) -> f64 {
        let mut sum = 0.0;
        for (weights, targets) in self.weights.iter().zip(TARGETS) {
            for (weight, target) in weights.iter().zip(targets) {
                sum += target.map_or(0.0, |target| (weight - target) * (weight - target));
            }
        }
        sum.sqrt()
    }

    fn step(&mut self, step: i32, rate: f64) {
        let limit = self.optimizer.clip;
        let factor = limit.map_or(1.0, |limit| (limit / (self.norm() + 1e-6)).min(1.0));
        for (buffer, targets) in TARGETS.iter().enumerate() {
            for (at, target) in targets.iter().enumerate() {
                if let Some(target) = target {
                    let gradient = (self.weights[buffer][at] - target) * factor;
                    self.weight((buffer, at), gradient, step, rate);
                }
            }
        }
    }

    fn weight(&mut self, (buffer, at): (usize, usize), mut gradient: f64, step: i32, rate: f64) {
        let weight = &mut self.weights[buffer][at];
        let (m, v) = (&mut self.first[buffer][at], &mut self.second[buffer][at]);
        let decay = if buffer == 0 { self.optimizer.weight_decay } else { 0.0 };
        match self.optimizer.rule {
            Rule::Sgd { momentum, nesterov } => {
                gradient += decay * *weight;
                // PyTorch: the first momentum is the gradient.
                *m = if step == 1 { gradient } else { momentum * *m + gradient };
                let direction = if nesterov { gradient + momentum * *m } else { *m };
                *weight -= rate * direction;
            }
            Rule::Adam { first, second, eps } | Rule::AdamW { first, second, eps } => {
                if let Rule::AdamW { .. } = self.optimizer.rule {
                    *weight -= rate * decay * *weight;
                } else {
                    gradient += decay * *weight;
                }
                *m = first * *m + (1.0 - first) * gradient;
                *v = second * *v + (1.0 - second) * gradient * gradient;
                let m_hat = *m / (1.0 - first.powi(step));
                let v_hat = *v / (1.0 - second.powi(step));
                *weight -= rate * m_hat / (v_hat.sqrt() + eps);
            }
        }
    }
}

/// Takes what a step made into what the next one is fed; gives the norm, if there is one.
fn advance(graph: &Graph, feed: &mut Feed) -> Option<f64> {
    let values = interpret(graph, feed);
    let mut norm = None;
    for root in &graph.roots {
        let made = values[root.node.index()].as_ref().expect("roots are made");
        match root.kind {
            RootKind::Update(buffer, Slot::Weight, start) => {
                let weights = &mut feed.parameters[buffer.0 as usize];
                weights[start..start + made.len()].copy_from_slice(made);
            }
            RootKind::Update(buffer, slot, start) => {
                let state = feed.states.get_mut(&(buffer, slot)).expect("states are fed");
                state[start..start + made.len()].copy_from_slice(made);
            }
            RootKind::GradientNorm => norm = Some(made[0]),
            RootKind::Loss => {}
            RootKind::Output
            | RootKind::Term(..)
            | RootKind::InputGradient
            | RootKind::ParameterGradient(..) => {
                panic!("{root:?} was not asked for")
            }
        }
    }
    norm
}

#[track_caller]
fn check(optimizer: Optimizer, is_scaled: bool) {
    let graph = optimize(distances(is_scaled), &optimizer);
    let mut feed = Feed::zeros(&graph);
    feed.parameters = BEGINNINGS.iter().map(|begin| begin.to_vec()).collect();
    if is_scaled {
        feed.parameters.push(vec![SCALE]);
    }
    let mut by_hand = Loop::new(optimizer);
    for (step, rate) in (1..).zip([0.1, 0.1, 0.2, 0.05, 0.3]) {
        feed.learning_rate = rate;
        (feed.first_correction, feed.second_correction) = optimizer.corrections(step);
        let expected = optimizer.clip.map(|_| by_hand.norm());
        by_hand.step(i32::try_from(step).expect("a few steps"), rate);
        for batch in 1..optimizer.accumulate {
            let before = feed.parameters.clone();
            feed.updates = false;
            advance(&graph, &mut feed);
            assert_eq!(feed.parameters, before, "batch {batch} of {}", optimizer.accumulate);
        }
        feed.updates = true;
        let norm = advance(&graph, &mut feed);
        assert_eq!(norm.is_some(), expected.is_some());
        let pairs = feed.parameters.iter().flatten().zip(by_hand.weights.iter().flatten());
        for (found, expected) in pairs.chain(norm.iter().zip(&expected)) {
            let is_close = (found - expected).abs() <= 1e-12;
            assert!(is_close, "{optimizer:?}, step {step}: {found}, expected {expected}");
        }
    }
    assert_eq!([feed.parameters[0][2], feed.parameters[1][0]], [4.0, 1.5], "not used, not moved");
}

#[test]
fn weights_follow_the_rules() {
    for rule in RULES {
        for weight_decay in [0.0, 0.25] {
            // The norm begins at 4.7 and falls: a limit that is never, one that is always and one that is not always
            // reached.
            for clip in [None, Some(100.0), Some(0.01), Some(3.5)] {
                for is_scaled in [false, true] {
                    for accumulate in [1, 3] {
                        check(Optimizer { rule, weight_decay, clip, accumulate }, is_scaled);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_no_number_moves_nothing_but_the_scale() {
    for rule in RULES {
        let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(1.0), accumulate: 1 };
        let graph = optimize(distances(true), &optimizer);
        let mut feed = Feed::zeros(&graph);
        feed.parameters = BEGINNINGS.iter().map(|begin| begin.to_vec()).collect();
        feed.parameters.push(vec![SCALE]);
        feed.learning_rate = 0.1;
        for bad in [f64::NAN, f64::INFINITY, 1e200] {
            feed.parameters[0][0] = bad;
            let before = feed.clone();
            advance(&graph, &mut feed);
            let bits = |feed: &Feed| -> Vec<u64> {
                let all = feed.parameters[..2].iter().chain(feed.states.values()).flatten();
                all.map(|number| number.to_bits()).collect()
            };
            assert_eq!(bits(&feed), bits(&before), "{rule:?}, {bad}");
            assert_eq!(feed.parameters[2][0], before.parameters[2][0] / 2.0);
        }
    }
}

#[test]
fn the_scale_grows_when_nothing_overflows_for_long() {
    let optimizer = Optimizer { rule: SGD, weight_decay: 0.0, clip: None, accumulate: 1 };
    let graph = optimize(distances(true), &optimizer);
    let mut feed = Feed::zeros(&graph);
    feed.parameters = BEGINNINGS.iter().map(|begin| begin.to_vec()).collect();
    feed.parameters.push(vec![SCALE]);
    for step in 1..=4000 {
        advance(&graph, &mut feed);
        let doublings = step / 2000;
        assert_eq!(feed.parameters[2][0], SCALE * f64::from(1 << doublings), "step {step}");
    }
}

#[test]
fn state_is_kept_where_the_rule_has_some() {
    let cases: [(Rule, &[Slot]); 5] = [
        (SGD, &[Slot::Weight]),
        (MOMENTUM, &[Slot::First, Slot::Weight]),
        (NESTEROV, &[Slot::First, Slot::Weight]),
        (ADAM, &[Slot::First, Slot::Second, Slot::Weight]),
        (ADAM_W, &[Slot::First, Slot::Second, Slot::Weight]),
    ];
    for (rule, slots) in cases {
        let optimizer = Optimizer { rule, weight_decay: 0.1, clip: None, accumulate: 1 };
        let graph = optimize(distances(false), &optimizer);
        let found: Vec<RootKind> = graph.roots[1..].iter().map(|root| root.kind).collect();
        let mut expected = Vec::new();
        // Gradients arrive at the last leaf first.
        for (buffer, start, _) in [USED[2], USED[0], USED[1]] {
            let update = |slot: &Slot| RootKind::Update(BufferId(buffer), *slot, start);
            expected.extend(slots.iter().map(update));
        }
        assert_eq!(found, expected, "{rule:?}");
    }
}

#[test]
fn corrections_count_from_one() {
    let of = |rule| Optimizer { rule, weight_decay: 0.0, clip: None, accumulate: 1 };
    let cases = [
        (MOMENTUM, 3, (1.0, 1.0)),
        (ADAM, 1, (0.1, 0.01)),
        (ADAM, 2, (0.19, 0.0199)),
        (ADAM_W, 2, (0.91, 1.0 - 0.998_001)),
        (ADAM_W, 1_000_000, (1.0, 1.0)),
    ];
    for (rule, step, expected) in cases {
        let found = of(rule).corrections(step);
        let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-15;
        assert!(
            is_close(found.0, expected.0) && is_close(found.1, expected.1),
            "{rule:?} {found:?}"
        );
    }
}

#[test]
fn a_norm_that_is_no_number_spreads() {
    let optimizer = Optimizer { rule: SGD, weight_decay: 0.0, clip: Some(1.0), accumulate: 1 };
    let graph = optimize(distances(false), &optimizer);
    let mut feed = Feed::zeros(&graph);
    feed.parameters[0][0] = f64::NAN;
    feed.learning_rate = 1.0;
    assert!(advance(&graph, &mut feed).expect("it clips").is_nan());
    assert!(feed.parameters[1][1].is_nan());
}

#[test]
fn sums_of_squares_at_the_ends_of_rows() {
    for n in [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 63, 64, 65, 1023, 1024, 1026] {
        let mut graph = Graph::new("sum", 1, Parameters::default());
        let numbers: Vec<f64> = (0..n).map(|i| f64::from(i % 11) - 4.0).collect();
        let expected: f64 = numbers.iter().map(|a| a * a).sum();
        let numbers = graph.table(numbers, &[n as usize]);
        let sum = clip::sum_of_squares(&mut graph, numbers, 4);
        graph.root(RootKind::GradientNorm, "", sum);
        // Sums of whole numbers are exact.
        let values = interpret(&graph, &Feed::zeros(&graph));
        assert_eq!(values[sum.index()].as_deref(), Some([expected].as_slice()), "{n}");
        for node in &graph.nodes {
            if let Op::Reduce(_, axis) = node.op {
                assert!(axis == 1 && graph.shape(node.inputs[0])[1] <= 4, "{n}");
            }
        }
    }
}

const MODELS: [&str; 5] = [
    include_str!("../../../models/vit.zorro"),
    include_str!("../../../models/mbt.zorro"),
    include_str!("../../../models/zorro_vit.zorro"),
    include_str!("../../../models/zorro_swin.zorro"),
    include_str!("../../../models/clip.zorro"),
];

/// A model of the repository in training.
fn training(text: &str, buffer_numbers: usize, optimizer: &Optimizer) -> Graph {
    let checked = check_text(text, &Options::default()).checked.expect("it has no errors");
    let request = Request {
        batch: 2,
        outputs: Vec::new(),
        objectives: vec![0],
        terms: None,
        only: None,
        random: true,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers,
    };
    let graph = lower(&checked, &request).expect("everything is there");
    let seed = Seed::Loss(checked.model.objectives[0].name.clone());
    let wanted = Wanted { parameters: true, inputs: false };
    optimize(differentiate(graph, &seed, wanted), optimizer)
}

/// Each part of a buffer is updated by one kernel that reads the gradient, the norm and what it writes.
fn check_plan(graph: &Graph, most_reads: usize) {
    let plan = plan(graph);
    assert_eq!(verify(&plan), Ok(()));
    let mut expected: Vec<(BufferId, usize, Vec<Slot>)> = Vec::new();
    for root in &graph.roots {
        if let RootKind::Update(buffer, slot, start) = root.kind {
            match expected.last_mut() {
                Some((b, s, slots)) if (*b, *s) == (buffer, start) => slots.push(slot),
                Some(_) | None => expected.push((buffer, start, vec![slot])),
            }
        }
    }
    let mut found = Vec::new();
    for kernel in plan.kernels.iter().filter(|kernel| kernel.phase == Phase::Update) {
        let mut slots = Vec::new();
        for write in &kernel.writes {
            if let Arena::Parameters(buffer, slot) = write.arena {
                slots.push((buffer, write.offset, slot));
            }
        }
        let Some((buffer, start, _)) = slots.first().copied() else {
            let is_small = kernel.writes.iter().all(|write| write.numbers < 1 << 16);
            assert!(is_small, "sums and the norm alone are made beside updates: {kernel:?}");
            continue;
        };
        assert!(kernel.reads.len() <= most_reads, "{} {kernel:?}", plan.name);
        assert!(matches!(plan.body(kernel), Body::Map(_)));
        found.push((buffer, start, slots.into_iter().map(|(_, _, slot)| slot).collect()));
    }
    found.sort();
    expected.iter_mut().for_each(|(_, _, slots)| slots.sort());
    found.iter_mut().for_each(|(_, _, slots): &mut (BufferId, usize, Vec<Slot>)| slots.sort());
    expected.sort();
    assert_eq!(found, expected, "{}", plan.name);
}

#[test]
fn updates_are_one_kernel_for_each_part() {
    for clip in [None, Some(1.0)] {
        let norm = usize::from(clip.is_some());
        for (rule, reads) in [(SGD, 2), (NESTEROV, 3), (ADAM, 4), (ADAM_W, 4)] {
            let optimizer = Optimizer { rule, weight_decay: 0.1, clip, accumulate: 1 };
            check_plan(&optimize(distances(false), &optimizer), reads + norm);
            for text in MODELS {
                check_plan(&training(text, 1 << 40, &optimizer), reads + norm);
            }
            check_plan(&training(MODELS[2], 1 << 21, &optimizer), reads + norm);
        }
    }
}
