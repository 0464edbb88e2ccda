//! Random graphs, which mean nothing.
//!
//! In: a seed. Out: a graph of every operation in odd company, and a feed for it. Numbers stay near 1, so that nothing
//! hides behind an infinity.

use crate::flow::Presence;
use crate::graph::interpret::Feed;
use crate::graph::{
    Argument, Attention, AttentionId, Binary, BufferId, Drawn, Gradient, Graph, Input, InputKind,
    Leaf, NodeId, Op, ParameterBuffer, Parameters, Phase, Reduction, RootKind, Scalar, Segment,
    Slot, Unary,
};
use crate::model::ModalityId;
use crate::random_model::{Random, id_order};
use crate::routing::{Mask, Pair, Relation, Schedule, Side};

/// Numbers of the parameter buffer.
const PARAMETERS: usize = 48;
/// Different ids.
const VOCABULARY: usize = 3;
/// Samples of a batch.
const BATCH: usize = 2;
/// The width of what is attended to, and its heads.
const WIDTH: usize = 4;
const HEADS: usize = 2;

/// A random graph and what it is fed.
pub(super) fn random_graph(seed: u64) -> (Graph, Feed) {
    let buffer =
        ParameterBuffer { decays: true, frozen: false, numbers: PARAMETERS, weights: Vec::new() };
    let parameters =
        Parameters { buffers: vec![buffer], places: Vec::new(), names: Vec::new(), scale: None };
    let mut graph = Graph::new("random", BATCH, parameters);
    let mut random = Random::new(seed);
    let weights = Op::Leaf(Leaf::Parameters(BufferId(0)));
    let weights = graph.push(weights, vec![], vec![PARAMETERS]);
    let present = graph.present_if(&Presence::with(ModalityId(0)));
    let text = |kind, n| Input { kind, name: "text".to_owned(), shape: vec![n] };
    let ids = graph.input(text(InputKind::Ids, 4));
    let order = graph.input(text(InputKind::IdOrder, 4));
    let starts = graph.input(text(InputKind::IdStarts, VOCABULARY + 1));
    let attention = attention(&mut graph, &mut random);
    let segments = [Segment { present, tokens: 1 }, Segment { present: None, tokens: 2 }];
    let mut writer =
        Writer { graph, random, weights, ids: [ids, order, starts], attention, pool: Vec::new() };
    for at in 0..3 {
        writer.input(at);
    }
    let present = writer.graph.present(&segments).expect("may be absent");
    writer.pool.push(present);
    for _ in 0..writer.random.within(3, 40) {
        let made = writer.operation();
        writer.pool.push(made);
    }
    writer.roots();
    let Writer { graph, mut random, .. } = writer;
    let feed = feed(&graph, &mut random);
    (graph, feed)
}

fn attention(graph: &mut Graph, random: &mut Random) -> AttentionId {
    let side = |name: &str, tokens| Side { name: name.to_owned(), grid: vec![tokens] };
    let (first, second) = (side("a", 1), side("b", 2));
    let pair = |receiver, read, relation| Pair { receiver, read, relation };
    let pairs =
        vec![pair(0, 0, Relation::All), pair(0, 1, Relation::All), pair(1, 1, Relation::Causal)];
    let mask = Mask::new(vec![first.clone(), second.clone()], vec![first, second], pairs);
    let present = graph.present_if(&Presence::with(ModalityId(0)));
    graph.add_attention(Attention {
        heads: HEADS,
        width: WIDTH,
        queries: vec![0, 2],
        keys: vec![0, 2],
        query_present: vec![present, None],
        key_present: vec![present, None],
        window: random.chance(50).then(|| vec![2]),
        forward: Schedule::of(&mask),
        backward: Schedule::transposed(&mask),
        mask,
    })
}

fn feed(graph: &Graph, random: &mut Random) -> Feed {
    let mut feed = Feed::zeros(graph);
    feed.seed = random.bits();
    feed.first_sample = 5;
    feed.learning_rate = 0.5;
    if random.chance(50) {
        feed.samples[1].modalities = crate::flow::ModalitySet::default();
    }
    feed.parameters[0].iter_mut().for_each(|number| *number = random.real());
    for state in feed.states.values_mut() {
        state.iter_mut().for_each(|number| *number = random.real());
    }
    let ids: Vec<f64> = (0..4).map(|_| random.one_of(&[0.0, 1.0, 2.0])).collect();
    let (order, starts) = id_order(&ids, VOCABULARY);
    for (input, numbers) in graph.inputs.iter().zip(&mut feed.inputs) {
        match input.kind {
            InputKind::Ids => numbers.clone_from(&ids),
            InputKind::IdOrder => numbers.clone_from(&order),
            InputKind::IdStarts => numbers.clone_from(&starts),
            InputKind::Modality | InputKind::Target | InputKind::Cotangent => {
                numbers.iter_mut().for_each(|number| *number = random.real());
            }
        }
    }
    feed
}

struct Writer {
    graph: Graph,
    random: Random,
    weights: NodeId,
    /// Ids, their order, and where each begins in it.
    ids: [NodeId; 3],
    attention: AttentionId,
    /// What there is to use.
    pool: Vec<NodeId>,
}

impl Writer {
    fn input(&mut self, at: usize) {
        let shape = self.shape();
        let name = format!("input{at}");
        let node = self.graph.input(Input { kind: InputKind::Modality, name, shape });
        self.pool.push(node);
    }

    fn shape(&mut self) -> Vec<usize> {
        let shapes: &[&[usize]] = &[
            &[6, 4],
            &[6, 4],
            &[6, 4],
            &[6, 1],
            &[4, 6],
            &[2, 3, 4],
            &[2, 3, 4],
            &[2, 3, 1],
            &[2, 1, 4],
            &[1, 4],
            &[3, 8],
            &[24],
            &[2, 2, 3, 2],
            &[1],
            &[],
        ];
        self.random.one_of(shapes).to_vec()
    }

    /// Something that there is; the latest more often.
    fn any(&mut self) -> NodeId {
        let n = self.pool.len();
        let at = if self.random.chance(60) {
            n - 1 - self.random.below(n.min(5))
        } else {
            self.random.below(n)
        };
        self.pool[at]
    }

    /// A part of the weights.
    fn weight(&mut self, shape: &[usize]) -> NodeId {
        let n: usize = shape.iter().product();
        let start = self.random.below(PARAMETERS - n + 1);
        let part = self.graph.slice(self.weights, 0, start, n);
        self.graph.reshape(part, shape)
    }

    /// Something of a shape, perhaps after a few views.
    fn shaped(&mut self, shape: &[usize]) -> NodeId {
        let n: usize = shape.iter().product();
        if self.random.chance(20) && n <= PARAMETERS {
            return self.weight(shape);
        }
        for _ in 0..6 {
            let node = self.any();
            if self.graph.shape(node) == shape {
                return node;
            }
        }
        let node = self.any();
        let found = self.graph.shape(node).to_vec();
        let spreads = found.len() == shape.len()
            && found.iter().zip(shape).all(|(from, to)| from == to || *from == 1);
        if spreads {
            return self.graph.broadcast(node, shape);
        }
        let numbers = self.graph.numbers(node);
        let flat = self.graph.reshape(node, &[numbers]);
        let flat = if numbers >= n {
            let start = self.random.below(numbers - n + 1);
            self.graph.slice(flat, 0, start, n)
        } else {
            let before = self.random.below(n - numbers + 1);
            self.graph.pad(flat, 0, before, n)
        };
        self.graph.reshape(flat, shape)
    }

    fn operation(&mut self) -> NodeId {
        match self.random.below(20) {
            0 | 1 => self.unary(),
            2..=5 => self.binary(),
            6 => self.select(),
            7 => self.leaf(),
            8..=10 => self.view(),
            11 => self.pad(),
            12 | 13 => self.concat(),
            14 | 15 => self.reduce(),
            16 => self.contract(),
            17 => self.rows(),
            18 => self.attend(),
            _ => self.normalized(),
        }
    }

    fn unary(&mut self) -> NodeId {
        let a = self.any();
        let function = self.random.one_of(Unary::ALL);
        let a = self.graph.unary(Unary::Tanh, a);
        match function {
            Unary::Negate | Unary::Exp | Unary::Tanh | Unary::Erf | Unary::Sigmoid => {
                self.graph.unary(function, a)
            }
            Unary::Reciprocal | Unary::Log | Unary::Sqrt | Unary::Rsqrt => {
                let a = self.graph.plus(a, 1.5);
                self.graph.unary(function, a)
            }
        }
    }

    fn binary(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        let b = self.shaped(&shape);
        match self.random.one_of(Binary::ALL) {
            Binary::Divide => {
                let b = self.graph.unary(Unary::Exp, b);
                let b = self.graph.plus(b, 1.0);
                self.graph.divide(a, b)
            }
            Binary::Multiply => {
                let b = self.graph.unary(Unary::Sigmoid, b);
                self.graph.multiply(a, b)
            }
            function @ (Binary::Add
            | Binary::Subtract
            | Binary::Max
            | Binary::Min
            | Binary::Less) => self.graph.binary(function, a, b),
        }
    }

    fn select(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        let (b, c) = (self.shaped(&shape), self.shaped(&shape));
        let condition = self.graph.binary(Binary::Less, b, c);
        self.graph.select(condition, a, b)
    }

    fn leaf(&mut self) -> NodeId {
        let shape = self.shape();
        let n: usize = shape.iter().product();
        match self.random.below(5) {
            0 => self.graph.constant(0.25, &shape),
            1 => self.graph.argument(Argument::LearningRate, &shape),
            2 => self.graph.argument(Argument::Given(Scalar(0.75)), &shape),
            3 => {
                let numbers = (0..n).map(|_| self.random.real()).collect();
                self.graph.table(numbers, &shape)
            }
            _ => {
                let by_sample = self.random.chance(40);
                let width = if by_sample { 1 } else { WIDTH };
                let site = u32::try_from(self.random.below(3)).expect("below 3");
                self.graph.push(
                    Op::Random {
                        site,
                        by_sample,
                        groups: vec![Drawn { group: 0, tokens: 1 }, Drawn { group: 6, tokens: 2 }],
                    },
                    vec![],
                    vec![3 * BATCH, width],
                )
            }
        }
    }

    fn view(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        let numbers: usize = shape.iter().product();
        match self.random.below(5) {
            0 => {
                let wanted = self.shape();
                if wanted.iter().product::<usize>() == numbers {
                    self.graph.reshape(a, &wanted)
                } else {
                    self.graph.reshape(a, &[1, numbers])
                }
            }
            1 => {
                let mut axes: Vec<usize> = (0..shape.len()).collect();
                for at in (1..axes.len()).rev() {
                    axes.swap(at, self.random.below(at + 1));
                }
                self.graph.permute(a, &axes)
            }
            2 => {
                let axes: Vec<usize> = (0..shape.len()).filter(|axis| shape[*axis] == 1).collect();
                let mut shape = shape;
                if numbers <= 24 && !axes.is_empty() {
                    let axis = self.random.one_of(&axes);
                    shape[axis] = self.random.within(2, 4);
                }
                self.graph.broadcast(a, &shape)
            }
            3 => self.graph.detach(a),
            _ => {
                if shape.is_empty() {
                    return a;
                }
                let axis = self.random.below(shape.len());
                let length = self.random.within(1, shape[axis]);
                let start = self.random.below(shape[axis] - length + 1);
                self.graph.slice(a, axis, start, length)
            }
        }
    }

    fn pad(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        if shape.is_empty() || self.graph.numbers(a) > 100 {
            return a;
        }
        let axis = self.random.below(shape.len());
        let (before, after) = (self.random.below(3), self.random.below(3));
        self.graph.pad(a, axis, before, before + shape[axis] + after)
    }

    fn concat(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        if shape.is_empty() || self.graph.numbers(a) > 50 {
            return a;
        }
        let axis = self.random.below(shape.len());
        let n = self.random.within(1, 2);
        let mut parts = vec![a];
        for _ in 0..n {
            let mut shape = shape.clone();
            shape[axis] = self.random.within(1, 3);
            let part = if self.random.chance(15) { a } else { self.shaped(&shape) };
            let part =
                if self.random.chance(50) { self.graph.unary(Unary::Tanh, part) } else { part };
            let at = self.random.below(parts.len() + 1);
            parts.insert(at, part);
        }
        self.graph.concat(&parts, axis)
    }

    fn reduce(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        if shape.is_empty() {
            return a;
        }
        let last = shape.len() - 1;
        let axis = if self.random.chance(60) { last } else { self.random.below(shape.len()) };
        let reduction = self.random.one_of(&[Reduction::Sum, Reduction::Max]);
        let a = self.graph.reduce(reduction, a, axis);
        self.graph.unary(Unary::Tanh, a)
    }

    fn contract(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        let columns = shape.last().copied().unwrap_or(1);
        let rows = self.graph.numbers(a) / columns;
        let a = self.graph.reshape(a, &[rows, columns]);
        let n = self.random.within(1, 6);
        let b = if self.random.chance(30) {
            let b = self.shaped(&[columns, n]);
            self.graph.transpose(b)
        } else {
            self.shaped(&[n, columns])
        };
        self.graph.contract(a, b)
    }

    fn rows(&mut self) -> NodeId {
        let [ids, order, starts] = self.ids;
        match self.random.below(3) {
            0 => {
                let a = self.shaped(&[6, 4]);
                let n = self.random.within(2, 6);
                let rows = (0..n).map(|_| u32::try_from(self.random.below(6)).expect("below 6"));
                let rows = rows.collect();
                self.graph.gather(a, rows)
            }
            1 => {
                let table = self.shaped(&[VOCABULARY, 4]);
                self.graph.push(Op::Lookup, vec![table, ids], vec![4, 4])
            }
            _ => {
                let rows = self.shaped(&[4, 4]);
                self.graph.push(Op::LookupSum, vec![rows, order, starts], vec![VOCABULARY, 4])
            }
        }
    }

    fn attend(&mut self) -> NodeId {
        let id = self.attention;
        let rows = 3 * BATCH;
        let mut operands: Vec<NodeId> = (0..3).map(|_| self.shaped(&[rows, WIDTH])).collect();
        // Scores stay small.
        for operand in &mut operands[..2] {
            *operand = self.graph.unary(Unary::Tanh, *operand);
        }
        if self.graph.attention(id).window.is_some() {
            let positions = self.graph.attention(id).n_positions();
            let bias = self.shaped(&[HEADS, positions]);
            operands.push(self.graph.unary(Unary::Tanh, bias));
        }
        let result = self.graph.attend(id, &operands);
        if self.random.chance(50) {
            return result;
        }
        self.pool.push(result);
        let statistics = self.graph.attend_statistics(id, &operands);
        let deltas = self.shaped(&[rows, HEADS]);
        let cotangent = self.shaped(&[rows, WIDTH]);
        operands.extend([statistics, deltas, cotangent]);
        let mut gradients = vec![Gradient::Queries, Gradient::Keys, Gradient::Values];
        if self.graph.attention(id).window.is_some() {
            gradients.push(Gradient::Scores);
        }
        for gradient in gradients {
            if self.random.chance(60) {
                let made = self.graph.attend_gradient(gradient, id, &operands);
                self.pool.push(made);
            }
        }
        statistics
    }

    /// What norms and softmax do.
    fn normalized(&mut self) -> NodeId {
        let a = self.any();
        let shape = self.graph.shape(a).to_vec();
        if shape.is_empty() {
            return a;
        }
        let axis = shape.len() - 1;
        let max = self.graph.reduce(Reduction::Max, a, axis);
        let max = self.graph.broadcast(max, &shape);
        let a = self.graph.subtract(a, max);
        let exp = self.graph.unary(Unary::Exp, a);
        let sum = self.graph.sum(exp, axis);
        let sum = self.graph.broadcast(sum, &shape);
        self.graph.divide(exp, sum)
    }

    fn roots(&mut self) {
        for at in 0..self.random.within(1, 4) {
            let node = self.any();
            if !self.graph.is_integer(node) {
                self.graph.root(RootKind::Output, &format!("root{at}"), node);
            }
        }
        if self.random.chance(30) {
            self.updates();
        }
    }

    /// New weights of two parts, with a state beside them.
    fn updates(&mut self) {
        let parts = [(0, 16), (16, 32)];
        let state = Op::Leaf(Leaf::State(BufferId(0), Slot::First));
        let state = self.graph.push(state, vec![], vec![PARAMETERS]);
        let gradients = parts.map(|(_, n)| self.shaped(&[n]));
        self.graph.at("update", Phase::Update);
        for ((start, n), gradient) in parts.into_iter().zip(gradients) {
            let old = self.graph.slice(self.weights, 0, start, n);
            let moment = self.graph.slice(state, 0, start, n);
            let moment = self.graph.times(moment, 0.875);
            let moment = self.graph.add(moment, gradient);
            let step = self.graph.argument(Argument::LearningRate, &[n]);
            let step = self.graph.multiply(step, moment);
            let new = self.graph.subtract(old, step);
            let kind = |slot| RootKind::Update(BufferId(0), slot, start);
            self.graph.root(kind(Slot::Weight), "weights", new);
            self.graph.root(kind(Slot::First), "moments", moment);
        }
    }
}
