//! Reductions along an axis that is not the last.
//!
//! In: a [`Column`]. Out: its stores. The domain is cut into blocks of columns and, along the axis, into chunks, both a
//! function of the shape alone. A task takes the rows of a chunk in order; then the chunks are added in order, and the
//! expression of the results runs while they are warm. Deliberately not here: reductions along rows.

use super::evaluate::{Job, Reduced, Strip};
use super::map::{Cut, STRIP, TASK};
use super::store::{self, Stores};
use super::strip;
use super::tape::Program;
use super::team::{Needs, Team, Worker};
use super::walk::{Domain, Spread};
use crate::compiler::graph::Reduction;
use crate::compiler::plan::{Column, Register};

/// Columns of a block: a strip then has several rows, and what the strips are gathered into stays in registers.
const BLOCK: usize = 256;

/// Reductions along an axis, cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    outer: usize,
    length: usize,
    inner: usize,
    /// Columns of a block.
    block: usize,
    /// Rows of a chunk.
    chunk: usize,
    before: Program,
    reductions: Vec<Reduction>,
    after: Program,
    stores: Stores,
}

impl Columns {
    pub(super) fn new(column: &Column) -> Self {
        let Column { outer, length, inner, .. } = *column;
        let domain = Domain { rows: outer * length, columns: inner, transposed: false };
        let results = Domain { rows: outer, ..domain };
        let program = |tape, wanted: &[Register], domain| {
            Program::new(tape, wanted, domain, Spread::Full)
                .expect("a domain that is not transposed can be walked along")
        };
        let wanted: Vec<_> = column.reductions.iter().map(|(_, register)| *register).collect();
        let block = inner.clamp(1, BLOCK);
        Self {
            outer,
            length,
            inner,
            block,
            chunk: TASK / block,
            before: program(&column.before, &wanted, domain),
            reductions: column.reductions.iter().map(|(reduction, _)| *reduction).collect(),
            after: program(&column.after, &store::wanted(&column.stores), results),
            stores: Stores::new(&column.stores, results),
        }
    }

    fn blocks(&self) -> usize {
        self.inner.div_ceil(self.block)
    }

    fn chunks(&self) -> usize {
        self.length.div_ceil(self.chunk)
    }

    /// Numbers that a chunk of a block is reduced to.
    fn part(&self) -> usize {
        self.reductions.len() * self.block
    }

    pub(super) fn needs(&self) -> Needs {
        Needs {
            slots: self.before.slots.max(self.after.slots) + 1,
            strip: STRIP.max(self.block),
            shared: if self.chunks() > 1 {
                self.outer * self.blocks() * self.chunks() * self.part()
            } else {
                0
            },
            sums: self.part(),
            ..Needs::default()
        }
    }

    pub(super) fn run(&self, job: &Job<'_>, team: &Team, shared: &mut [f32]) {
        let (tasks, part) = (self.outer * self.blocks(), self.part());
        // A task of few numbers does not pay for handing it to a thread.
        let together = (TASK / (self.length * self.block).max(1)).max(1);
        if self.chunks() <= 1 {
            return team.each(tasks, together, |task, worker| {
                let mut sums = std::mem::take(&mut worker.sums);
                self.reduce(job, task, 0, &mut sums[..part], worker);
                self.finish(job, task, &sums[..part], worker);
                worker.sums = sums;
            });
        }
        let chunks = &mut shared[..tasks * self.chunks() * part];
        team.each_part(chunks, part, |task, part, worker| {
            self.reduce(job, task / self.chunks(), task % self.chunks(), part, worker);
        });
        let chunks = &*chunks;
        team.each(tasks, 1, |task, worker| {
            let mut sums = std::mem::take(&mut worker.sums);
            let size = part * self.chunks();
            self.join(&chunks[task * size..(task + 1) * size], &mut sums[..part]);
            self.finish(job, task, &sums[..part], worker);
            worker.sums = sums;
        });
    }

    fn columns(&self, task: usize) -> (usize, usize, usize) {
        let column = task % self.blocks() * self.block;
        (task / self.blocks(), column, self.block.min(self.inner - column))
    }

    /// The reductions of a chunk of a block, each with as many numbers as a block has columns.
    fn reduce(
        &self,
        job: &Job<'_>,
        task: usize,
        chunk: usize,
        sums: &mut [f32],
        worker: &mut Worker,
    ) {
        let (outer, column, columns) = self.columns(task);
        let (first, last) = (chunk * self.chunk, self.length.min((chunk + 1) * self.chunk));
        let part = Strip { row: outer * self.length + first, rows: last - first, column, columns };
        for (reduction, sums) in self.reductions.iter().zip(sums.chunks_mut(self.block)) {
            sums.fill(strip::neutral(*reduction));
        }
        self.before.begin(job, &mut worker.slots);
        for strip in Cut::of_elements(columns).strips(part) {
            let lent = self.before.run(job, strip, Reduced::None, &mut worker.slots);
            let all = self.reductions.iter().zip(sums.chunks_mut(self.block));
            for (result, (reduction, sums)) in all.enumerate() {
                let rows = self.before.full(result, strip, &mut worker.slots, &lent);
                strip::gather_rows(*reduction, rows, &mut sums[..columns]);
            }
        }
    }

    /// Adds chunks in order.
    fn join(&self, chunks: &[f32], sums: &mut [f32]) {
        sums.copy_from_slice(&chunks[..sums.len()]);
        for chunk in chunks.chunks(sums.len()).skip(1) {
            let all = self.reductions.iter().zip(sums.chunks_mut(self.block));
            for ((reduction, sums), chunk) in all.zip(chunk.chunks(self.block)) {
                strip::gather_rows(*reduction, chunk, sums);
            }
        }
    }

    fn finish(&self, job: &Job<'_>, task: usize, sums: &[f32], worker: &mut Worker) {
        let (row, column, columns) = self.columns(task);
        let strip = Strip { row, rows: 1, column, columns };
        let reduced =
            Reduced::Piece { numbers: sums, row, column, stride: self.block, each: self.block };
        self.after.begin(job, &mut worker.slots);
        let lent = self.after.run(job, strip, reduced, &mut worker.slots);
        self.stores.put(&self.after, job, strip, &mut worker.slots, &lent);
    }
}
