//! What happens to a block of scores, element by element. In: scores `[others, lanes]`, a lane for each owner. Out:
//! weights, or weights and gradients of scores, in their place.
//!
//! Lanes never meet: each owner's numbers depend on its own lane alone, row after row. Deliberately not here: products,
//! and which scores are allowed: forbidden ones are minus infinity here, or never looked at afterwards.

use pulp::NullaryFnOnce;

use super::OWNERS;
use super::product::{ARCH, STEP};
use crate::cpu::math::elementary::{exp, max};

/// What is known of the owners' softmax so far.
pub(super) struct Running {
    /// The largest score.
    pub(super) max: [f32; OWNERS],
    /// The sum of exponentials, relative to the largest.
    pub(super) sum: [f32; OWNERS],
    /// By what the last block shrank what stood before.
    pub(super) shrink: [f32; OWNERS],
}

impl Running {
    pub(super) fn new() -> Self {
        Self { max: [f32::NEG_INFINITY; OWNERS], sum: [0.0; OWNERS], shrink: [0.0; OWNERS] }
    }

    /// Turns the scores of a block `[others, lanes]` into weights relative to the largest score so far.
    pub(super) fn block(&mut self, scores: &mut [f32], lanes: usize) {
        ARCH.dispatch(Block { running: self, scores, lanes });
    }
}

struct Block<'a> {
    running: &'a mut Running,
    scores: &'a mut [f32],
    lanes: usize,
}

impl NullaryFnOnce for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { running, scores, lanes } = self;
        for at in (0..lanes).step_by(STEP) {
            let mut top = strip(&running.max, at);
            for row in scores.chunks_exact(lanes) {
                let row = strip(row, at);
                for i in 0..STEP {
                    top[i] = max(top[i], row[i]);
                }
            }
            // Where nothing is allowed yet, any base does: all weights are 0.
            let mut base = top;
            for base in &mut base {
                *base = if *base == f32::NEG_INFINITY { 0.0 } else { *base };
            }
            let mut sum = [0.0; STEP];
            for row in scores.chunks_exact_mut(lanes) {
                let row = strip_mut(row, at);
                for i in 0..STEP {
                    row[i] = exp(row[i] - base[i]);
                    sum[i] += row[i];
                }
            }
            let before = strip(&running.max, at);
            let shrink = strip_mut(&mut running.shrink, at);
            for i in 0..STEP {
                shrink[i] = exp(before[i] - base[i]);
            }
            let total = strip_mut(&mut running.sum, at);
            for i in 0..STEP {
                total[i] = total[i].mul_add(shrink[i], sum[i]);
            }
            *strip_mut(&mut running.max, at) = top;
        }
    }
}

/// A number for each owner or for each other.
#[derive(Clone, Copy)]
pub(super) enum Each<'a> {
    /// One for each lane.
    Owner(&'a [f32]),
    /// One for each row.
    Other(&'a [f32]),
}

/// Scores become weights: `exp(score - statistic)`.
pub(super) fn weights(scores: &mut [f32], lanes: usize, statistics: Each<'_>) {
    ARCH.dispatch(Weights { scores, lanes, statistics });
}

/// Gradients of weights become gradients of scores: `weight * (gradient - delta)`.
pub(super) fn score_gradients(
    weights: &[f32],
    gradients: &mut [f32],
    lanes: usize,
    delta: Each<'_>,
) {
    ARCH.dispatch(Gradients { weights, gradients, lanes, delta });
}

struct Weights<'a> {
    scores: &'a mut [f32],
    lanes: usize,
    statistics: Each<'a>,
}

impl NullaryFnOnce for Weights<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { scores, lanes, statistics } = self;
        for (j, row) in scores.chunks_exact_mut(lanes).enumerate() {
            for at in (0..lanes).step_by(STEP) {
                let statistic = each(statistics, j, at);
                let row = strip_mut(row, at);
                for i in 0..STEP {
                    row[i] = exp(row[i] - statistic[i]);
                }
            }
        }
    }
}

struct Gradients<'a> {
    weights: &'a [f32],
    gradients: &'a mut [f32],
    lanes: usize,
    delta: Each<'a>,
}

impl NullaryFnOnce for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { weights, gradients, lanes, delta } = self;
        let rows = weights.chunks_exact(lanes).zip(gradients.chunks_exact_mut(lanes));
        for (j, (weights, gradients)) in rows.enumerate() {
            for at in (0..lanes).step_by(STEP) {
                let (weight, delta) = (strip(weights, at), each(delta, j, at));
                let gradient = strip_mut(gradients, at);
                for i in 0..STEP {
                    gradient[i] = weight[i] * (gradient[i] - delta[i]);
                }
            }
        }
    }
}

/// `total = total * factor + block`, with a factor for each row.
pub(super) fn add_shrunk(total: &mut [f32], factors: &[f32], block: &[f32], columns: usize) {
    ARCH.dispatch(AddShrunk { total, factors, block, columns });
}

struct AddShrunk<'a> {
    total: &'a mut [f32],
    factors: &'a [f32],
    block: &'a [f32],
    columns: usize,
}

impl NullaryFnOnce for AddShrunk<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { total, factors, block, columns } = self;
        let rows = total.chunks_exact_mut(columns).zip(block.chunks_exact(columns));
        for ((total, block), &factor) in rows.zip(factors) {
            for at in (0..columns).step_by(STEP) {
                let (total, block) = (strip_mut(total, at), strip(block, at));
                for i in 0..STEP {
                    total[i] = total[i].mul_add(factor, block[i]);
                }
            }
        }
    }
}

#[inline(always)]
fn each(numbers: Each<'_>, row: usize, at: usize) -> [f32; STEP] {
    match numbers {
        Each::Owner(numbers) => strip(numbers, at),
        Each::Other(numbers) => [numbers[row]; STEP],
    }
}

#[inline(always)]
fn strip(numbers: &[f32], at: usize) -> [f32; STEP] {
    *numbers[at..].first_chunk().expect("lanes are padded to whole strips")
}

#[inline(always)]
fn strip_mut(numbers: &mut [f32], at: usize) -> &mut [f32; STEP] {
    numbers[at..].first_chunk_mut().expect("lanes are padded to whole strips")
}
