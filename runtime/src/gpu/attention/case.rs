//! A case as a plan of attention's kernels alone.
//!
//! In: a mask and sizes. Out: a plan that is fed all operands, a feed, a step. Deliberately not here: what should come out.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::compiler::flow::{ModalitySet, Presence};
use crate::compiler::graph::interpret::Feed;
use crate::compiler::graph::{
    Attention, AttentionId, Condition, Input, InputKind, Parameters, Phase, PresenceId, RootKind,
    Sample,
};
use crate::compiler::model::ModalityId;
use crate::compiler::plan::{
    ALIGNMENT, Arena, AttendKind, Body, BodyId, Kernel, Plan, PlanResult, Region, interpret,
};
use crate::compiler::routing::{Mask, Schedule, Side};
use crate::cpu::Step;

/// How a case differs from the plainest.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) width: usize,
    /// Rows between groups; the groups then stand in reverse order, too.
    pub(super) gap: usize,
    pub(super) window: Option<Vec<usize>>,
    /// Groups by name, and samples that lack them.
    pub(super) absent: Vec<(&'static str, usize)>,
    /// Whether the kernels that write two results are there for each of them alone, too.
    pub(super) parts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 1, heads: 1, width: 8, gap: 0, window: None, absent: vec![], parts: false }
    }
}

/// What kernels run on.
pub(super) struct Case {
    pub(super) attention: Attention,
    options: Options,
    conditions: Vec<Condition>,
    samples: Vec<Sample>,
    /// Queries, keys, values, perhaps the bias; then statistics, delta, cotangent.
    pub(super) inputs: Vec<Vec<f32>>,
}

/// Numbers from -1 to 1, different for each name and place in it, not for anything else.
fn noise(name: &str, at: usize) -> f32 {
    let mut state = name.bytes().fold(at as u32 ^ 0x9E37_79B9, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    });
    for _ in 0..2 {
        state = (state ^ (state >> 15)).wrapping_mul(0x2C1B_3C6D);
    }
    (state >> 8) as f32 / 8_388_608.0 - 1.0
}

/// The first row of each group, and all rows.
fn layout(sides: &[Side], options: &Options) -> (Vec<usize>, usize) {
    let mut starts = vec![0; sides.len()];
    let mut row = options.gap;
    let mut order: Vec<usize> = (0..sides.len()).collect();
    if options.gap > 0 {
        order.reverse();
    }
    for at in order {
        starts[at] = row;
        row += options.batch * sides[at].tokens() as usize + options.gap;
    }
    (starts, row)
}

impl Case {
    pub(super) fn new(mask: Mask, options: &Options) -> Self {
        // What all samples have needs no condition.
        let mut names: Vec<&str> = options.absent.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let id = |side: &Side| {
            let at = names.iter().position(|name| *name == side.name);
            at.map(|at| PresenceId(at as u32))
        };
        let condition = |at| Condition {
            presence: Presence::with(ModalityId(at)),
            targets: vec![],
            counted: false,
        };
        let conditions = (0..names.len() as u32).map(condition).collect();
        let has = |sample: usize, at: usize| !options.absent.contains(&(names[at], sample));
        let sample = |sample: usize| Sample {
            modalities: ModalitySet::of(
                (0..names.len()).filter(|&at| has(sample, at)).map(|at| ModalityId(at as u32)),
            ),
            targets: vec![],
            counted: true,
        };
        let samples = (0..options.batch).map(sample).collect();
        let (queries, query_rows) = layout(&mask.receivers, options);
        let (keys, key_rows) = layout(&mask.reads, options);
        let attention = Attention {
            heads: options.heads,
            width: options.width * options.heads,
            queries,
            keys,
            query_present: mask.receivers.iter().map(id).collect(),
            key_present: mask.reads.iter().map(id).collect(),
            window: options.window.clone(),
            forward: Schedule::of(&mask),
            backward: Schedule::transposed(&mask),
            mask,
        };
        let options = options.clone();
        let mut case = Self { attention, options, conditions, samples, inputs: vec![] };
        case.inputs = vec![
            case.fill("queries", true, query_rows, false),
            case.fill("keys", false, key_rows, false),
            case.fill("values", false, key_rows, false),
        ];
        if case.attention.window.is_some() {
            let table = case.attention.heads * case.attention.n_positions();
            case.inputs.push((0..table).map(|at| noise("bias", at)).collect());
        }
        case.complete();
        case
    }

    /// The further operands of gradients.
    fn complete(&mut self) {
        let (width, heads) = (self.attention.width, self.attention.heads);
        let rows = self.attention.n_queries(self.options.batch);
        let cotangent = self.fill("cotangent", true, rows, true);
        let first = self.inputs.len();
        let nothing = vec![f32::NAN; rows * heads];
        self.inputs.extend([nothing.clone(), nothing, cotangent]);
        let exact = interpret(&self.forward(), &self.feed());
        let cotangent = &self.inputs[first + 2];
        let products: Vec<f64> =
            exact[0].iter().zip(cotangent).map(|(x, g)| x * f64::from(*g)).collect();
        let delta =
            products.chunks(width / heads).map(|of_head| of_head.iter().sum::<f64>() as f32);
        let mut delta: Vec<f32> = delta.collect();
        let mut statistics: Vec<f32> = exact[1].iter().map(|x| *x as f32).collect();
        for at in 0..rows * heads {
            if cotangent[at * (width / heads)].is_nan() {
                (statistics[at], delta[at]) = (f32::NAN, f32::NAN);
            }
        }
        (self.inputs[first], self.inputs[first + 1]) = (statistics, delta);
    }

    pub(super) fn cotangent(&self) -> &[f32] {
        self.inputs.last().unwrap()
    }

    /// A tensor of so many rows: NaN but for present groups, whose numbers depend on group, sample, token, channel.
    fn fill(&self, name: &str, of_receivers: bool, rows: usize, compact: bool) -> Vec<f32> {
        let width = self.attention.width;
        let mut tensor = vec![f32::NAN; rows * width];
        for (group, side) in self.sides(of_receivers).iter().enumerate() {
            for sample in 0..self.options.batch {
                if self.options.absent.iter().any(|at| (at.0, at.1) == (&*side.name, sample)) {
                    continue;
                }
                let name = format!("{name} {} {sample}", side.name);
                let rows = self.rows(of_receivers, group, sample, compact);
                let part = &mut tensor[rows.start * width..rows.end * width];
                part.iter_mut().enumerate().for_each(|(at, x)| *x = 2.0 * noise(&name, at));
            }
        }
        tensor
    }

    pub(super) fn sides(&self, receivers: bool) -> &[Side] {
        if receivers { &self.attention.mask.receivers } else { &self.attention.mask.reads }
    }

    /// The rows of a group in one sample, in operands or in what holds one side alone.
    pub(super) fn rows(
        &self,
        receivers: bool,
        group: usize,
        sample: usize,
        compact: bool,
    ) -> Range<usize> {
        let sides = self.sides(receivers);
        let tokens = |side: &Side| side.tokens() as usize;
        let start = match (compact, receivers) {
            (true, _) => self.options.batch * sides[..group].iter().map(tokens).sum::<usize>(),
            (false, true) => self.attention.queries[group],
            (false, false) => self.attention.keys[group],
        };
        let start = start + sample * tokens(&sides[group]);
        start..start + tokens(&sides[group])
    }

    pub(super) fn feed(&self) -> Feed {
        let doubles = |numbers: &Vec<f32>| numbers.iter().map(|x| f64::from(*x)).collect();
        Feed {
            inputs: self.inputs.iter().map(doubles).collect(),
            parameters: vec![],
            states: BTreeMap::new(),
            samples: self.samples.clone(),
            seed: 0,
            first_sample: 0,
            learning_rate: 0.0,
            first_correction: 1.0,
            second_correction: 1.0,
            updates: true,
        }
    }

    pub(super) fn step(&self) -> Step {
        Step {
            samples: self.samples.clone(),
            seed: 0,
            first_sample: 0,
            learning_rate: 0.0,
            first_correction: 1.0,
            second_correction: 1.0,
            updates: true,
        }
    }

    /// The forward kernel alone.
    fn forward(&self) -> Plan {
        let mut kernels = self.kernels();
        kernels.truncate(1);
        self.plan_of(kernels)
    }

    /// All kernels.
    pub(super) fn plan(&self) -> Plan {
        self.plan_of(self.kernels())
    }

    /// Kinds, and names and sizes of what they write.
    fn kernels(&self) -> Vec<(AttendKind, Vec<(&'static str, usize)>)> {
        let Self { attention, options, .. } = self;
        let (queries, keys) = (attention.n_queries(options.batch), attention.n_keys(options.batch));
        let result = ("result", queries * attention.width);
        let statistics = ("statistics", queries * attention.heads);
        let of_keys = ("gradient of keys", keys * attention.width);
        let of_values = ("gradient of values", keys * attention.width);
        let forward = |result, statistics| AttendKind::Forward { result, statistics };
        let others = |keys, values| AttendKind::KeysValues { keys, values };
        let mut all = vec![
            (forward(true, true), vec![result, statistics]),
            (AttendKind::Queries, vec![("gradient of queries", queries * attention.width)]),
        ];
        // With a bias two results are more operands than a kernel may have.
        if options.parts || attention.window.is_some() {
            all.push((others(true, false), vec![of_keys]));
            all.push((others(false, true), vec![of_values]));
        }
        if options.parts {
            all.push((forward(true, false), vec![result]));
            all.push((forward(false, true), vec![statistics]));
        }
        if attention.window.is_some() {
            let table = attention.heads * attention.n_positions();
            all.push((AttendKind::Scores, vec![("gradient of scores", table)]));
        } else {
            all.push((others(true, true), vec![of_keys, of_values]));
        }
        all
    }

    fn plan_of(&self, kernels: Vec<(AttendKind, Vec<(&'static str, usize)>)>) -> Plan {
        let (mut inputs, mut offset) = (Vec::new(), 0);
        for (at, numbers) in self.inputs.iter().enumerate() {
            let shape = vec![numbers.len()];
            let name = format!("operand {at}");
            inputs.push((Input { kind: InputKind::Modality, name, shape }, offset));
            offset = (offset + numbers.len()).next_multiple_of(ALIGNMENT);
        }
        let region = |(input, offset): &(Input, usize)| Region {
            arena: Arena::Inputs,
            offset: *offset,
            numbers: input.shape[0],
            half: false,
        };
        let operands: Vec<Region> = inputs.iter().map(region).collect();
        let (mut results, mut all, mut activations) = (Vec::new(), Vec::new(), 0);
        for (at, (kind, written)) in (0..).zip(&kernels) {
            let mut writes = Vec::new();
            for (name, numbers) in written {
                let region = Region {
                    arena: Arena::Activations,
                    offset: activations,
                    numbers: *numbers,
                    half: false,
                };
                activations = region.end().next_multiple_of(ALIGNMENT);
                writes.push(region);
                let name = (*name).to_owned();
                let shape = vec![*numbers];
                results.push(PlanResult { kind: RootKind::Output, name, shape, region });
            }
            let n_reads = match kind {
                AttendKind::Forward { .. } => operands.len() - 3,
                AttendKind::Queries | AttendKind::KeysValues { .. } | AttendKind::Scores => {
                    operands.len()
                }
            };
            all.push(Kernel {
                body: BodyId(at),
                reads: operands[..n_reads].to_vec(),
                writes,
                arguments: vec![],
                path: "block.attend".to_owned(),
                phase: Phase::Forward,
            });
        }
        Plan {
            name: "a case".to_owned(),
            batch: self.options.batch,
            kernels: all,
            bodies: kernels.iter().map(|(kind, _)| Body::Attend(*kind, AttentionId(0))).collect(),
            activations,
            inputs,
            input_numbers: offset,
            parameters: Parameters::default(),
            states: vec![],
            tables: vec![],
            presences: self.conditions.clone(),
            attentions: vec![self.attention.clone()],
            results,
        }
    }
}
