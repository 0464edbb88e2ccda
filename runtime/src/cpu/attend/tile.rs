//! One tile of one head. In: operands, a tile. Out: its owners' results or gradients, one row an owner.
//!
//! Owners are lanes of the scores and rows of the sums, so that no lane meets another and nothing is turned around but
//! the owners' own rows. Deliberately not here: which tiles there are, and where results are stored.

use std::ops::Range;

use super::bias::Positions;
use super::gather::Head;
use super::geometry::{Block, Geometry, Rows, Tile};
use super::others::Kept;
use super::product::{Left, product};
use super::softmax::{Each, Running, add_shrunk, score_gradients, weights};
use super::{OWNERS, Visits};
use crate::compiler::routing::Direction;
use crate::cpu::math;

/// The operands of a kernel, whole tensors.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) queries: &'a [f32],
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    /// `[heads, positions]`.
    pub(super) bias: Option<&'a [f32]>,
}

/// The further operands of gradients, `[rows of receivers, ..]`.
#[derive(Clone, Copy)]
pub(super) struct Cotangent<'a> {
    pub(super) statistics: &'a [f32],
    pub(super) delta: &'a [f32],
    pub(super) cotangent: &'a [f32],
}

/// What a thread needs to work on a tile; used again for the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// Owners' rows as columns: what scores, and what gradients of weights are made of.
    panels: [Vec<f32>; 2],
    /// Others' rows.
    kept: Kept,
    /// `[others, lanes]`: scores, then weights.
    scores: Vec<f32>,
    /// `[others, lanes]`: gradients of weights, then of scores.
    gradients: Vec<f32>,
    /// `[owners, padded]`: the sums of one block.
    block: Vec<f32>,
    /// `[owners, padded]`: the sums of all blocks. Of queries or keys, then of values.
    pub(super) sums: [Vec<f32>; 2],
}

/// Which sums a gradient kernel wants.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Of gradients of scores times others' rows.
    pub(super) scores: bool,
    /// Of weights times others' cotangents.
    pub(super) values: bool,
}

/// One head of one tile.
pub(super) struct Work<'a> {
    pub(super) geometry: &'a Geometry<'a>,
    pub(super) operands: Operands<'a>,
    /// For gradients.
    pub(super) cotangent: Option<Cotangent<'a>>,
    pub(super) tile: Tile<'a>,
    pub(super) head: usize,
    pub(super) visits: &'a Visits,
}

impl<'a> Work<'a> {
    pub(super) fn head_of(&self, data: &'a [f32]) -> Head<'a> {
        Head::new(data, self.geometry.heads, self.geometry.width, self.head)
    }

    pub(super) fn gradient(&self) -> Cotangent<'a> {
        self.cotangent.expect("gradients have the operands of gradients")
    }

    /// Counted once for all heads.
    fn count(&self, block: &Block<'_>) {
        if self.head == 0 {
            self.visits.add(block.pairs(self.tile.len()));
        }
    }

    /// Results into `scratch.sums[0]`, and the logarithms of sums; all 0 for owners that visit nothing.
    pub(super) fn forward(&self, scratch: &mut Scratch) -> [f32; OWNERS] {
        let Self { geometry, operands, tile, .. } = self;
        let (lanes, padded) = (tile.lanes(), geometry.padded);
        let blocks = geometry.blocks(tile);
        clear(&mut scratch.sums[0], tile.len() * padded);
        if blocks.is_empty() {
            return [0.0; OWNERS];
        }
        let rows = geometry.owner_rows(tile, Rows::Operand);
        self.head_of(operands.queries).turn(rows, lanes, geometry.scale, &mut scratch.panels[0]);
        let mut running = Running::new();
        let mut seen = [false; OWNERS];
        for (at, block) in blocks.iter().enumerate() {
            self.count(block);
            let Scratch { panels, kept, scores, block: sums, .. } = &mut *scratch;
            let others = kept.fetch(self, at, block);
            self.products(&others.rows[0], &panels[0], block.len(), scores);
            self.add_bias(block, scores);
            forbid(block.allowed.as_deref(), lanes, scores, &mut seen[..tile.len()]);
            running.block(scores, lanes);
            self.sum(scores, &others.rows[1], block, sums);
            add_shrunk(&mut scratch.sums[0], &running.shrink, &scratch.block, padded);
        }
        let mut statistics = [0.0; OWNERS];
        math::ln(&running.sum, &mut statistics);
        let sums = scratch.sums[0].chunks_exact_mut(padded);
        for (i, sums) in sums.enumerate() {
            let over = if seen[i] { running.sum[i] } else { 1.0 };
            statistics[i] = if seen[i] { statistics[i] + running.max[i] } else { 0.0 };
            for sum in sums {
                *sum /= over;
            }
        }
        statistics
    }

    /// Gradients into `scratch.sums`; with `biases` also those of the score bias, added there.
    pub(super) fn backward(
        &self,
        wanted: Wanted,
        mut biases: Option<&mut [f64]>,
        scratch: &mut Scratch,
    ) {
        let Self { geometry, tile, .. } = self;
        let padded = geometry.padded;
        for sums in &mut scratch.sums {
            clear(sums, tile.len() * padded);
        }
        let blocks = geometry.blocks(tile);
        if blocks.is_empty() {
            return;
        }
        let owner = self.owner_sides(scratch);
        let of_scores = wanted.scores || biases.is_some();
        for (at, block) in blocks.iter().enumerate() {
            self.count(block);
            let Scratch { panels, kept, scores, gradients, block: sums, sums: totals } =
                &mut *scratch;
            let others = kept.fetch(self, at, block);
            let [statistics, delta] = match geometry.schedule.direction {
                Direction::Forward => owner.each_ref().map(|numbers| Each::Owner(numbers)),
                Direction::Transposed => {
                    others.numbers.each_ref().map(|numbers| Each::Other(numbers))
                }
            };
            self.products(&others.rows[0], &panels[0], block.len(), scores);
            self.add_bias(block, scores);
            weights(scores, tile.lanes(), statistics);
            if of_scores {
                self.products(&others.rows[1], &panels[1], block.len(), gradients);
                score_gradients(scores, gradients, tile.lanes(), delta);
            }
            if wanted.scores {
                self.sum(gradients, &others.rows[0], block, sums);
                add_shrunk(&mut totals[0], &[1.0; OWNERS], sums, padded);
            }
            if wanted.values {
                self.sum(scores, &others.rows[1], block, sums);
                add_shrunk(&mut totals[1], &[1.0; OWNERS], sums, padded);
            }
            if let Some(biases) = biases.as_deref_mut() {
                self.spread(block, gradients, biases);
            }
        }
        for sum in &mut scratch.sums[0] {
            *sum *= geometry.scale;
        }
    }

    /// Both panels of the owners; their statistics and delta where they are receivers.
    fn owner_sides(&self, scratch: &mut Scratch) -> [[f32; OWNERS]; 2] {
        let Self { geometry, operands, tile, .. } = self;
        let (lanes, scale) = (tile.lanes(), geometry.scale);
        let rows = |rows| geometry.owner_rows(tile, rows);
        let [scoring, weighing] = &mut scratch.panels;
        let mut numbers = [[0.0; OWNERS]; 2];
        match geometry.schedule.direction {
            Direction::Forward => {
                let cotangent = self.gradient();
                self.head_of(operands.queries).turn(rows(Rows::Operand), lanes, scale, scoring);
                let gradients = self.head_of(cotangent.cotangent);
                gradients.turn(rows(Rows::Compact), lanes, 1.0, weighing);
                for (i, row) in rows(Rows::Compact).enumerate() {
                    numbers[0][i] = cotangent.statistics[row * geometry.heads + self.head];
                    numbers[1][i] = cotangent.delta[row * geometry.heads + self.head];
                }
            }
            Direction::Transposed => {
                self.head_of(operands.keys).turn(rows(Rows::Operand), lanes, scale, scoring);
                self.head_of(operands.values).turn(rows(Rows::Operand), lanes, 1.0, weighing);
            }
        }
        numbers
    }

    /// Every other's row with every owner's: `[others, lanes]`.
    fn products(&self, rows: &[f32], panel: &[f32], others: usize, out: &mut Vec<f32>) {
        let (Geometry { width, padded, .. }, lanes) = (self.geometry, self.tile.lanes());
        out.resize(others * lanes, 0.0);
        product(Left::ByRow(rows, *padded), [others, *width, lanes], panel, out, false);
    }

    /// For every owner the sum of the others' rows, each times its factor: `[owners, padded]`. Rows that an owner may
    /// not visit are not touched for it.
    fn sum(&self, factors: &[f32], rows: &[f32], block: &Block<'_>, out: &mut Vec<f32>) {
        let (Geometry { padded, .. }, lanes) = (self.geometry, self.tile.lanes());
        let (owners, padded) = (self.tile.len(), *padded);
        out.resize(owners * padded, 0.0);
        let mut some = |owners: Range<usize>, others: Range<usize>, resume: bool| {
            let out = &mut out[owners.start * padded..owners.end * padded];
            if others.is_empty() {
                let kept = if resume { out.len() } else { 0 };
                return out[kept..].fill(0.0);
            }
            let left = Left::ByDepth(&factors[others.start * lanes + owners.start..], lanes);
            let shape = [owners.len(), others.len(), padded];
            product(left, shape, &rows[others.start * padded..], out, resume);
        };
        let Some(allowed) = &block.allowed else {
            return some(0..owners, 0..block.len(), false);
        };
        for start in (0..owners).step_by(SHARED) {
            let end = owners.min(start + SHARED);
            let first = allowed[start..end].iter().map(|rows| rows.start).max().unwrap_or(0);
            let last = allowed[start..end].iter().map(|rows| rows.end).min().unwrap_or(0);
            let shared = first..last.max(first);
            for (i, rows) in (start..end).zip(&allowed[start..end]) {
                some(i..i + 1, rows.start..rows.end.min(shared.start), false);
            }
            some(start..end, shared.clone(), true);
            for (i, rows) in (start..end).zip(&allowed[start..end]) {
                some(i..i + 1, rows.start.max(shared.end)..rows.end, true);
            }
        }
    }

    /// Adds the score bias of every pair of tokens.
    fn add_bias(&self, block: &Block<'a>, scores: &mut [f32]) {
        let (Some(bias), Some(positions)) = (self.operands.bias, &self.geometry.positions) else {
            return;
        };
        let table = bias.len() / self.geometry.heads;
        let bias = &bias[self.head * table..][..table];
        self.each_position(positions, block, |at, position| scores[at] += bias[position]);
    }

    /// Adds gradients of scores to those of the biases.
    fn spread(&self, block: &Block<'a>, gradients: &[f32], biases: &mut [f64]) {
        let Some(positions) = &self.geometry.positions else { return };
        let lanes = self.tile.lanes();
        let allowed = block.allowed.as_deref();
        self.each_position(positions, block, |at, position| {
            if allowed.is_none_or(|allowed| allowed[at % lanes].contains(&(at / lanes))) {
                biases[position] += f64::from(gradients[at]);
            }
        });
    }

    /// Calls with each place of the scores and the position of its pair of tokens.
    fn each_position(
        &self,
        positions: &Positions,
        block: &Block<'a>,
        mut call: impl FnMut(usize, usize),
    ) {
        let owners = self.geometry.owner_terms(&self.tile, positions);
        let others = self.geometry.other_terms(block, positions);
        let lanes = self.tile.lanes();
        for (j, &other) in others.iter().enumerate() {
            for (lane, &owner) in owners.iter().enumerate() {
                let position = match self.geometry.schedule.direction {
                    Direction::Forward => positions.position(owner, other),
                    Direction::Transposed => positions.position(other, owner),
                };
                call(j * lanes + lane, position);
            }
        }
    }
}

/// How many owners share a product in a block that causality cuts.
const SHARED: usize = 6;

/// Makes forbidden scores minus infinity, and notes who has an allowed one.
fn forbid(allowed: Option<&[Range<usize>]>, lanes: usize, scores: &mut [f32], seen: &mut [bool]) {
    let Some(allowed) = allowed else { return seen.fill(true) };
    for (lane, (allowed, seen)) in allowed.iter().zip(seen).enumerate() {
        *seen |= !allowed.is_empty();
        for (j, row) in scores.chunks_exact_mut(lanes).enumerate() {
            row[lane] = if allowed.contains(&j) { row[lane] } else { f32::NEG_INFINITY };
        }
    }
}

fn clear(numbers: &mut Vec<f32>, length: usize) {
    numbers.clear();
    numbers.resize(length, 0.0);
}
