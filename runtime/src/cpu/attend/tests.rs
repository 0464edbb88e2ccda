//! Attention's kernels against their definition, token by token in f64.
//!
//! In: cases, each a mask with where its groups lie, who is absent, and sizes. Out: assertions. Rows between groups and
//! rows of absent groups are NaN in every case.

mod bits;
mod masks;
mod oracle;
mod poison;
mod products;
mod table;

use std::ops::Range;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Setting, Visits, run};
use crate::compiler::flow::{ModalitySet, Presence};
use crate::compiler::graph::{Attention, Condition, PresenceId, Sample};
use crate::compiler::model::ModalityId;
use crate::compiler::plan::AttendKind;
use crate::compiler::routing::{Mask, Schedule, Side};
use crate::cpu::present::Present;

/// What kernels run on.
struct Case {
    attention: Attention,
    batch: usize,
    present: Present,
    /// Queries, keys, values, perhaps the bias.
    operands: Vec<Vec<f32>>,
}

/// How a case differs from the plainest.
#[derive(Clone)]
struct Options {
    batch: usize,
    heads: usize,
    width: usize,
    /// Rows between groups; the groups then stand in reverse order, too.
    gap: usize,
    window: Option<Vec<usize>>,
    /// Groups by name, and samples that lack them.
    absent: Vec<(&'static str, usize)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 1, heads: 1, width: 8, gap: 0, window: None, absent: vec![] }
    }
}

/// Everything that kernels make of a case.
#[derive(Clone, Default)]
struct Results {
    result: Vec<f32>,
    statistics: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    scores: Vec<f32>,
}

/// The further operands of gradients.
struct Cotangent {
    statistics: Vec<f32>,
    delta: Vec<f32>,
    cotangent: Vec<f32>,
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
    fn new(mask: Mask, options: &Options) -> Self {
        let Options { batch, heads, width, .. } = *options;
        let width = width * heads;
        let mut names: Vec<&str> =
            mask.receivers.iter().chain(&mask.reads).map(|side| side.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let id = |side: &Side| {
            let at = names.iter().position(|name| *name == side.name).unwrap();
            Some(PresenceId(at as u32))
        };
        let conditions: Vec<Condition> = (0..names.len() as u32)
            .map(|at| Condition {
                presence: Presence::with(ModalityId(at)),
                targets: vec![],
                counted: false,
            })
            .collect();
        let has = |sample: usize, at: usize| !options.absent.contains(&(names[at], sample));
        let sample = |sample: usize| Sample {
            modalities: ModalitySet::of(
                (0..names.len()).filter(|&at| has(sample, at)).map(|at| ModalityId(at as u32)),
            ),
            targets: vec![],
            counted: true,
        };
        let samples: Vec<Sample> = (0..batch).map(sample).collect();
        let (queries, query_rows) = layout(&mask.receivers, options);
        let (keys, key_rows) = layout(&mask.reads, options);
        let attention = Attention {
            heads,
            width,
            queries,
            keys,
            query_present: mask.receivers.iter().map(id).collect(),
            key_present: mask.reads.iter().map(id).collect(),
            window: options.window.clone(),
            forward: Schedule::of(&mask),
            backward: Schedule::transposed(&mask),
            mask,
        };
        let present = Present::new(&conditions, &samples);
        let mut case = Self { attention, batch, present, operands: vec![] };
        case.operands = vec![
            case.fill("queries", true, query_rows),
            case.fill("keys", false, key_rows),
            case.fill("values", false, key_rows),
        ];
        if options.window.is_some() {
            let table = heads * case.attention.n_positions();
            case.operands.push((0..table).map(|at| noise("bias", at)).collect());
        }
        case
    }

    /// A tensor of so many rows: NaN but for present groups, whose numbers depend on group, sample, token, channel.
    fn fill(&self, name: &str, of_receivers: bool, rows: usize) -> Vec<f32> {
        let width = self.attention.width;
        let mut tensor = vec![f32::NAN; rows * width];
        for (group, side) in self.sides(of_receivers).iter().enumerate() {
            for sample in (0..self.batch).filter(|&sample| self.has(of_receivers, group, sample)) {
                let name = format!("{name} {} {sample}", side.name);
                let rows = self.rows(of_receivers, group, sample, false);
                let part = &mut tensor[rows.start * width..rows.end * width];
                part.iter_mut().enumerate().for_each(|(at, x)| *x = 2.0 * noise(&name, at));
            }
        }
        tensor
    }

    fn sides(&self, receivers: bool) -> &[Side] {
        if receivers { &self.attention.mask.receivers } else { &self.attention.mask.reads }
    }

    fn has(&self, of_receivers: bool, group: usize, sample: usize) -> bool {
        let present =
            if of_receivers { &self.attention.query_present } else { &self.attention.key_present };
        self.present.holds(present[group], sample)
    }

    /// The rows of a group in one sample, in operands or in what holds one side alone.
    fn rows(&self, receivers: bool, group: usize, sample: usize, compact: bool) -> Range<usize> {
        let sides = self.sides(receivers);
        let tokens = |side: &Side| side.tokens() as usize;
        let start = match (compact, receivers) {
            (true, _) => self.batch * sides[..group].iter().map(tokens).sum::<usize>(),
            (false, true) => self.attention.queries[group],
            (false, false) => self.attention.keys[group],
        };
        let start = start + sample * tokens(&sides[group]);
        start..start + tokens(&sides[group])
    }

    fn kernel(
        &self,
        kind: AttendKind,
        cotangent: Option<&Cotangent>,
        lengths: &[usize],
        pool: &ThreadPool,
    ) -> (Vec<Vec<f32>>, Visits) {
        let mut reads: Vec<&[f32]> = self.operands.iter().map(Vec::as_slice).collect();
        if let Some(Cotangent { statistics, delta, cotangent }) = cotangent {
            reads.extend([&statistics[..], &delta[..], &cotangent[..]]);
        }
        // What is not written would show.
        let mut writes: Vec<Vec<f32>> = lengths.iter().map(|&n| vec![f32::NAN; n]).collect();
        let mut parts: Vec<&mut [f32]> = writes.iter_mut().map(Vec::as_mut_slice).collect();
        let visits = Visits::default();
        let Self { attention, batch, present, .. } = self;
        let setting = Setting { attention, batch: *batch, present, pool, visits: &visits };
        run(kind, setting, &reads, &mut parts);
        (writes, visits)
    }

    /// All kernels, each of which must visit what its schedule says if nothing is absent.
    fn run(&self, cotangent: &Cotangent, pool: &ThreadPool) -> Results {
        let Attention { width, heads, .. } = self.attention;
        let (queries, keys) =
            (self.attention.n_queries(self.batch), self.attention.n_keys(self.batch));
        let rows = [queries * width, queries * heads];
        let forward = AttendKind::Forward { result: true, statistics: true };
        let (mut forward, _) = self.kernel(forward, None, &rows, pool);
        let (mut of_queries, _) =
            self.kernel(AttendKind::Queries, Some(cotangent), &rows[..1], pool);
        let both = AttendKind::KeysValues { keys: true, values: true };
        let (mut both, _) = self.kernel(both, Some(cotangent), &[keys * width; 2], pool);
        let mut scores = vec![];
        if self.attention.window.is_some() {
            let table = heads * self.attention.n_positions();
            (scores, _) = self.kernel(AttendKind::Scores, Some(cotangent), &[table], pool);
        }
        let take = |from: &mut Vec<Vec<f32>>| from.remove(0);
        Results {
            result: take(&mut forward),
            statistics: take(&mut forward),
            queries: take(&mut of_queries),
            keys: take(&mut both),
            values: take(&mut both),
            scores: scores.pop().unwrap_or_default(),
        }
    }
}

impl Results {
    fn parts(&self) -> [(&'static str, &[f32]); 6] {
        [
            ("result", &self.result),
            ("statistics", &self.statistics),
            ("queries", &self.queries),
            ("keys", &self.keys),
            ("values", &self.values),
            ("scores", &self.scores),
        ]
    }
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}
