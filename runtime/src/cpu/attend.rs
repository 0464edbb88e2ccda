//! Attention on the CPU: its result and its gradients, visiting nothing that the mask forbids.
//!
//! In: an [`Attention`], whole operands, which samples have what. Out: every row of what is asked for; 0 for receivers
//! that read nothing and reads that nobody reads. The work is cut into tiles of [`OWNERS`] tokens of one band, sample and
//! head, each of which visits blocks of [`OTHERS`] tokens; a block of scores is the most that is ever stored. Forbidden
//! numbers are left out, never multiplied by zero: where causality cuts a block, each owner sums its own rows.
//!
//! The bits of a row depend on its own operands and on what it visits, block after block, and on nothing else: not on
//! the threads, the batch, other groups, or tokens beside it in its tile. Gradients of the score bias are summed tile
//! after tile in each sample, then sample after sample.
//!
//! Deliberately not here: masks (a schedule says it all), dropout, the sums over result times cotangent (`delta`).

mod bias;
mod gather;
mod geometry;
mod others;
mod product;
mod softmax;
mod tile;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, iter::IndexedParallelIterator};

use super::present::Present;
use crate::compiler::graph::Attention;
use crate::compiler::plan::AttendKind;
use crate::compiler::routing::Direction;
use geometry::{Geometry, Tile};
use tile::{Cotangent, Operands, Scratch, Wanted, Work};

/// Tokens of a tile of owners. 64, 128 and 256 took the same time within 5 %; the smallest makes the most tasks.
pub const OWNERS: usize = 64;

/// Tokens of a block of others. 64 took 3 to 6 % longer, for sums are added up once a block; 256 took as long or 5 %
/// longer, and more second-level cache. It decides in which parts sums are added, so it must be one number everywhere.
pub const OTHERS: usize = 128;

/// Into how many parts for each thread the tasks of a group and sample are cut.
const PARTS: usize = 8;

/// Tasks of such a part.
const MOST_TASKS: usize = 64;

/// What kernels visited, once for all heads and once for each sample that has both sides.
#[derive(Debug, Default)]
pub struct Visits {
    blocks: AtomicU64,
    pairs: AtomicU64,
}

impl Visits {
    /// Blocks of [`OWNERS`] by [`OTHERS`] tokens, smaller at the ends of bands and visits.
    pub fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::Relaxed)
    }

    /// Pairs of tokens that may read within these blocks. In a block that causality cuts, scores of forbidden pairs are
    /// computed with the others and thrown away; they are not counted.
    pub fn pairs(&self) -> u64 {
        self.pairs.load(Ordering::Relaxed)
    }

    fn add(&self, pairs: usize) {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.pairs.fetch_add(pairs as u64, Ordering::Relaxed);
    }
}

/// What a kernel is run on, but for its kind and its operands.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Who reads whom, and where they lie.
    pub attention: &'a Attention,
    /// Samples.
    pub batch: usize,
    /// Which of them have what.
    pub present: &'a Present,
    /// The threads.
    pub pool: &'a ThreadPool,
    /// Where blocks are counted.
    pub visits: &'a Visits,
}

/// Runs an attention kernel.
///
/// `reads`: queries, keys, values `[rows, width]`; with a window then the score bias `[heads, positions]`; for gradients
/// then, of the receivers' rows alone, statistics and delta `[rows, heads]` and the cotangent `[rows, width]`. `writes`:
/// what the kind says, in its order; every number is written.
///
/// # Panics
///
/// If reads, writes or their lengths are not those of the attention.
pub fn run(kind: AttendKind, setting: Setting<'_>, reads: &[&[f32]], writes: &mut [&mut [f32]]) {
    if let AttendKind::Forward { result: false, statistics: true } = kind {
        // Statistics come out of the same pass as the result, which nobody asked for here.
        let rows = setting.attention.n_queries(setting.batch);
        let mut result = vec![0.0; rows * setting.attention.width];
        let whole = AttendKind::Forward { result: true, statistics: true };
        return run(whole, setting, reads, &mut [&mut result, &mut *writes[0]]);
    }
    let kernel = Kernel::new(kind, setting, reads);
    setting.pool.install(|| match kind {
        AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::KeysValues { .. } => {
            kernel.rows(writes);
        }
        AttendKind::Scores => kernel.biases(writes),
    });
}

/// One call.
struct Kernel<'a> {
    kind: AttendKind,
    geometry: Geometry<'a>,
    operands: Operands<'a>,
    cotangent: Option<Cotangent<'a>>,
    visits: &'a Visits,
    threads: usize,
}

/// All rows of one owner and sample, in each of the results.
struct Region<'w> {
    owner: usize,
    sample: usize,
    writes: Vec<&'w mut [f32]>,
}

/// One head of one tile, and the places of its results: of each, a part of a row for each owner.
struct Task<'a, 'w> {
    tile: Tile<'a>,
    head: usize,
    writes: Vec<Vec<&'w mut [f32]>>,
}

impl<'a> Kernel<'a> {
    fn new(kind: AttendKind, setting: Setting<'a>, reads: &[&'a [f32]]) -> Self {
        let Setting { attention, batch, present, visits, pool } = setting;
        let direction = match kind {
            AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::Scores => {
                Direction::Forward
            }
            AttendKind::KeysValues { .. } => Direction::Transposed,
        };
        let is_gradient = match kind {
            AttendKind::Forward { .. } => false,
            AttendKind::Queries | AttendKind::KeysValues { .. } | AttendKind::Scores => true,
        };
        let (operands, rest) = reads.split_at(3 + usize::from(attention.window.is_some()));
        let cotangent = match rest {
            [] if !is_gradient => None,
            &[statistics, delta, cotangent] if is_gradient => {
                Some(Cotangent { statistics, delta, cotangent })
            }
            _ => panic!("{kind:?} reads {} operands more", rest.len()),
        };
        let [queries, keys, values] = [operands[0], operands[1], operands[2]];
        let operands = Operands { queries, keys, values, bias: operands.get(3).copied() };
        let geometry = Geometry::new(attention, direction, batch, present);
        let threads = pool.current_num_threads();
        Self { kind, geometry, operands, cotangent, visits, threads }
    }

    /// Numbers of a head in each result.
    fn columns(&self) -> Vec<usize> {
        let width = self.geometry.width;
        match self.kind {
            AttendKind::Forward { statistics: true, .. } => vec![width, 1],
            AttendKind::Forward { statistics: false, .. } | AttendKind::Queries => vec![width],
            AttendKind::KeysValues { keys, values } => {
                vec![width; usize::from(keys) + usize::from(values)]
            }
            AttendKind::Scores => vec![],
        }
    }

    fn rows(&self, writes: &mut [&mut [f32]]) {
        let columns = self.columns();
        assert_eq!(writes.len(), columns.len(), "results of {:?}", self.kind);
        let regions = self.regions(&columns, writes);
        regions.into_par_iter().with_max_len(1).for_each(|region| self.region(&columns, region));
    }

    /// Cuts the results, whose rows are owner after owner and in each sample after sample.
    fn regions<'w>(&self, columns: &[usize], writes: &'w mut [&mut [f32]]) -> Vec<Region<'w>> {
        let mut rests: Vec<&mut [f32]> = writes.iter_mut().map(|write| &mut **write).collect();
        let mut regions = Vec::new();
        for (owner, group) in self.geometry.owners.iter().enumerate() {
            for sample in 0..self.geometry.batch {
                let mut writes = Vec::with_capacity(columns.len());
                for (rest, columns) in rests.iter_mut().zip(columns) {
                    let length = group.tokens * self.geometry.heads * columns;
                    let part = rest.split_off_mut(..length).expect("results have all rows");
                    writes.push(part);
                }
                regions.push(Region { owner, sample, writes });
            }
        }
        assert!(rests.iter().all(|rest| rest.is_empty()), "results have no further rows");
        regions
    }

    fn region(&self, columns: &[usize], mut region: Region<'_>) {
        if !self.geometry.has_owner(region.owner, region.sample) {
            return region.writes.iter_mut().for_each(|write| write.fill(0.0));
        }
        let tasks = self.tasks(columns, region);
        // Neighbors share what a thread works in; some parts for each thread are enough to be even.
        let part = tasks.len().div_ceil(PARTS * self.threads).clamp(1, MOST_TASKS);
        tasks
            .into_par_iter()
            .with_max_len(part)
            .for_each_init(Scratch::default, |scratch, task| self.task(task, scratch));
    }

    /// The tasks of a region. Heads are outermost, so that neighbors visit the same rows.
    fn tasks<'w>(&self, columns: &[usize], region: Region<'w>) -> Vec<Task<'a, 'w>> {
        let Self { geometry, .. } = self;
        let (heads, group) = (geometry.heads, &geometry.owners[region.owner]);
        let parts = region.writes.into_iter().zip(columns);
        let mut parts: Vec<Vec<Option<&mut [f32]>>> =
            parts.map(|(write, columns)| write.chunks_mut(*columns).map(Some).collect()).collect();
        debug_assert!(parts.iter().all(|parts| parts.len() == group.tokens * heads));
        let mut tasks = Vec::new();
        for head in 0..heads {
            for tile in geometry.tiles(region.owner, region.sample) {
                let mut take = |parts: &mut Vec<Option<&'w mut [f32]>>| -> Vec<&'w mut [f32]> {
                    let tokens = geometry.owner_tokens(&tile);
                    let part = |token: u32| parts[token as usize * heads + head].take();
                    tokens.map(part).map(|part| part.expect("a token is in one tile")).collect()
                };
                let writes = parts.iter_mut().map(&mut take).collect();
                tasks.push(Task { tile, head, writes });
            }
        }
        tasks
    }

    fn task(&self, task: Task<'a, '_>, scratch: &mut Scratch) {
        let Task { tile, head, writes } = task;
        let Self { geometry, operands, cotangent, visits, .. } = self;
        let (operands, cotangent) = (*operands, *cotangent);
        let work = Work { geometry, operands, cotangent, tile, head, visits };
        let mut writes = writes.into_iter();
        let mut store = |sums: &[f32]| {
            let rows = writes.next().expect("a result for each of the columns");
            for (row, sums) in rows.into_iter().zip(sums.chunks_exact(geometry.padded)) {
                row.copy_from_slice(&sums[..geometry.width]);
            }
        };
        match self.kind {
            AttendKind::Forward { .. } => {
                let statistics = work.forward(scratch);
                store(&scratch.sums[0]);
                let rows = writes.next().into_iter().flatten();
                rows.zip(statistics).for_each(|(row, statistic)| row[0] = statistic);
            }
            AttendKind::Queries => {
                let wanted = Wanted { scores: true, values: false };
                work.backward(wanted, None, scratch);
                store(&scratch.sums[0]);
            }
            AttendKind::KeysValues { keys, values } => {
                let wanted = Wanted { scores: keys, values };
                work.backward(wanted, None, scratch);
                for (wanted, sums) in [keys, values].into_iter().zip(&scratch.sums) {
                    if wanted {
                        store(sums);
                    }
                }
            }
            AttendKind::Scores => unreachable!("they have no rows"),
        }
    }

    /// The gradients of the score bias, `[heads, positions]`.
    fn biases(&self, writes: &mut [&mut [f32]]) {
        let [write] = writes else { panic!("one result of {:?}", self.kind) };
        let Geometry { heads, batch, .. } = self.geometry;
        let table = write.len() / heads;
        assert_eq!(
            self.operands.bias.map(<[f32]>::len),
            Some(write.len()),
            "gradients of the bias"
        );
        let tasks: Vec<(usize, usize)> =
            (0..heads).flat_map(|head| (0..batch).map(move |sample| (head, sample))).collect();
        let of_task = |scratch: &mut Scratch, (head, sample)| {
            let mut biases = vec![0.0; table];
            self.bias_sums(head, sample, &mut biases, scratch);
            biases
        };
        let parts: Vec<Vec<f64>> =
            tasks.into_par_iter().with_max_len(1).map_init(Scratch::default, of_task).collect();
        for (line, parts) in write.chunks_mut(table.max(1)).zip(parts.chunks(batch.max(1))) {
            for (at, number) in line.iter_mut().enumerate() {
                *number = parts.iter().map(|part| part[at]).sum::<f64>() as f32;
            }
        }
    }

    fn bias_sums(&self, head: usize, sample: usize, biases: &mut [f64], scratch: &mut Scratch) {
        let Self { geometry, operands, cotangent, visits, .. } = self;
        let (operands, cotangent) = (*operands, *cotangent);
        for owner in 0..geometry.owners.len() {
            if !geometry.has_owner(owner, sample) {
                continue;
            }
            for tile in geometry.tiles(owner, sample) {
                let work = Work { geometry, operands, cotangent, tile, head, visits };
                let wanted = Wanted { scores: false, values: false };
                work.backward(wanted, Some(biases), scratch);
            }
        }
    }
}
