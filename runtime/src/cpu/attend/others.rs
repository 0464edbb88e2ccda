//! The rows that a tile visits, brought together and kept for the next tile. In: a block. Out: dense copies of one head
//! of its rows.
//!
//! Tiles of one band and head visit the same blocks one after another: gathering rows of a wide tensor for each of them
//! took a fifth of the time. Deliberately not here: the owners' rows.

use std::ops::Range;

use super::geometry::{Block, Rows};
use super::tile::Work;
use crate::compiler::routing::Direction;

/// Blocks that are kept; further ones are gathered each time. With heads of 64 numbers they take 1 MiB, what second-level
/// caches hold.
const KEPT: usize = 16;

/// What a thread has gathered.
#[derive(Default)]
pub(super) struct Kept(Vec<Others>);

/// The rows of a block.
#[derive(Default)]
pub(super) struct Others {
    block: Option<(usize, usize, u32, Range<u32>)>,
    /// `[others, padded]`: what makes scores, and what is weighted or makes gradients of weights: keys and values, or
    /// queries and cotangents.
    pub(super) rows: [Vec<f32>; 2],
    /// For receivers: statistics and delta.
    pub(super) numbers: [Vec<f32>; 2],
}

impl Kept {
    /// The rows of a tile's block of this number.
    pub(super) fn fetch(&mut self, work: &Work<'_>, at: usize, block: &Block<'_>) -> &Others {
        let at = at.min(KEPT - 1);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, Others::default);
        }
        let others = &mut self.0[at];
        let name = (work.tile.sample, work.head, block.pair, block.others.clone());
        if others.block.as_ref() != Some(&name) {
            others.gather(work, block);
            others.block = Some(name);
        }
        others
    }
}

impl Others {
    fn gather(&mut self, work: &Work<'_>, block: &Block<'_>) {
        let Work { geometry, operands, head, .. } = work;
        let rows = |rows| geometry.other_rows(block, work.tile.sample, rows);
        let [first, second] = &mut self.rows;
        match geometry.schedule.direction {
            Direction::Forward => {
                work.head_of(operands.keys).copy(rows(Rows::Operand), geometry.padded, first);
                work.head_of(operands.values).copy(rows(Rows::Operand), geometry.padded, second);
            }
            Direction::Transposed => {
                let gradient = work.gradient();
                let cotangent = work.head_of(gradient.cotangent);
                work.head_of(operands.queries).copy(rows(Rows::Operand), geometry.padded, first);
                cotangent.copy(rows(Rows::Compact), geometry.padded, second);
                for (numbers, of_all) in
                    self.numbers.iter_mut().zip([gradient.statistics, gradient.delta])
                {
                    numbers.clear();
                    let number = |row| of_all[row * geometry.heads + head];
                    numbers.extend(rows(Rows::Compact).map(number));
                }
            }
        }
    }
}
