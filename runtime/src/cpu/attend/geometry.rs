//! Where attention's rows lie and in which blocks they meet. In: an attention, a batch, a direction. Out: groups, tiles
//! of owners, and the blocks of others that each visits.
//!
//! Blocks are cut from the start of each visit, so that neither the batch nor another group moves a cut. Deliberately
//! not here: any number of a tensor.

use std::ops::Range;

use super::bias::Positions;
use super::product::STEP;
use super::{OTHERS, OWNERS};
use crate::compiler::graph::{Attention, PresenceId};
use crate::compiler::routing::{Band, Direction, Order, Schedule, Side, Visit};
use crate::cpu::present::Present;

/// One side's group of tokens.
pub(super) struct Group<'a> {
    pub(super) tokens: usize,
    grid: &'a [u64],
    /// The first row in queries, or in keys and values.
    operand: usize,
    /// The first row in what has the groups of this side and nothing else.
    compact: usize,
    present: Option<PresenceId>,
}

/// Everything about a kernel but its numbers.
pub(super) struct Geometry<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) heads: usize,
    /// Numbers of a head.
    pub(super) width: usize,
    /// The same up to whole strips.
    pub(super) padded: usize,
    /// What scores are multiplied by.
    pub(super) scale: f32,
    pub(super) batch: usize,
    pub(super) owners: Vec<Group<'a>>,
    pub(super) others: Vec<Group<'a>>,
    pub(super) positions: Option<Positions>,
    present: &'a Present,
}

/// Neighboring owners of one band, in one sample.
#[derive(Clone)]
pub(super) struct Tile<'a> {
    pub(super) owner: usize,
    pub(super) sample: usize,
    /// Positions in the owner's order, at most [`OWNERS`].
    pub(super) owners: Range<u32>,
    band: &'a Band,
}

/// Some of what a tile visits.
pub(super) struct Block<'a> {
    pub(super) pair: u32,
    other: usize,
    order: &'a Order,
    /// Positions in the pair's order of the other side, at most [`OTHERS`].
    pub(super) others: Range<u32>,
    /// Where causality cuts the block: for each owner which rows of it are allowed.
    pub(super) allowed: Option<Vec<Range<usize>>>,
}

/// Rows of an operand, by token.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// Of queries, or of keys and values.
    Operand,
    /// Of results, statistics, cotangents.
    Compact,
}

impl<'a> Geometry<'a> {
    pub(super) fn new(
        attention: &'a Attention,
        direction: Direction,
        batch: usize,
        present: &'a Present,
    ) -> Self {
        let Attention { mask, queries, keys, query_present, key_present, .. } = attention;
        let receivers = groups(&mask.receivers, queries, query_present, batch);
        let reads = groups(&mask.reads, keys, key_present, batch);
        let (schedule, owners, others) = match direction {
            Direction::Forward => (&attention.forward, receivers, reads),
            Direction::Transposed => (&attention.backward, reads, receivers),
        };
        let width = attention.head_width();
        Self {
            schedule,
            heads: attention.heads,
            width,
            padded: width.next_multiple_of(STEP),
            scale: 1.0 / (width as f32).sqrt(),
            batch,
            owners,
            others,
            positions: attention.window.as_deref().map(Positions::new),
            present,
        }
    }

    /// Whether an owner exists for a sample.
    pub(super) fn has_owner(&self, owner: usize, sample: usize) -> bool {
        self.present.holds(self.owners[owner].present, sample)
    }

    /// The tiles of an owner; together they are all of its tokens, once.
    pub(super) fn tiles(&self, owner: usize, sample: usize) -> impl Iterator<Item = Tile<'a>> {
        self.schedule.owners[owner].bands.iter().flat_map(move |band| {
            cuts(band.owners.clone(), OWNERS).map(move |owners| Tile {
                owner,
                sample,
                owners,
                band,
            })
        })
    }

    /// What a tile visits, in order.
    pub(super) fn blocks(&self, tile: &Tile<'a>) -> Vec<Block<'a>> {
        let mut blocks = Vec::new();
        for visit in &tile.band.visits {
            let pair = &self.schedule.pairs[visit.pair as usize];
            let other = pair.other as usize;
            if !self.present.holds(self.others[other].present, tile.sample) {
                continue;
            }
            let reach = self.schedule.tile_reach(tile.owner, tile.owners.clone(), visit);
            for cut in cuts(visit.others.clone(), OTHERS) {
                let others = cut.start.max(reach.some.start)..cut.end.min(reach.some.end);
                if others.is_empty() {
                    continue;
                }
                let whole = reach.all.start <= others.start && others.end <= reach.all.end;
                let allowed = (!whole).then(|| self.allowed(tile, visit, &others));
                blocks.push(Block { pair: visit.pair, other, order: &pair.order, others, allowed });
            }
        }
        blocks
    }

    fn allowed(&self, tile: &Tile<'a>, visit: &Visit, others: &Range<u32>) -> Vec<Range<usize>> {
        let row =
            |position: u32| (position.clamp(others.start, others.end) - others.start) as usize;
        let reaches =
            tile.owners.clone().map(|position| self.schedule.reach(tile.owner, position, visit));
        reaches.map(|reach| row(reach.start)..row(reach.end)).collect()
    }

    /// The tokens of a tile, in order.
    pub(super) fn owner_tokens(&self, tile: &Tile<'a>) -> impl Iterator<Item = u32> {
        let order = &self.schedule.owners[tile.owner].order;
        tile.owners.clone().map(|position| order.token(position))
    }

    /// The rows of a tile's tokens, in order.
    pub(super) fn owner_rows(&self, tile: &Tile<'a>, rows: Rows) -> impl Iterator<Item = usize> {
        let first = self.owners[tile.owner].first(rows, tile.sample);
        self.owner_tokens(tile).map(move |token| first + token as usize)
    }

    /// The rows of a block's tokens, in order.
    pub(super) fn other_rows(
        &self,
        block: &Block<'a>,
        sample: usize,
        rows: Rows,
    ) -> impl Iterator<Item = usize> {
        let first = self.others[block.other].first(rows, sample);
        block.tokens().map(move |token| first + token as usize)
    }

    /// The terms of a tile's positions.
    pub(super) fn owner_terms(&self, tile: &Tile<'a>, positions: &Positions) -> Vec<isize> {
        let grid = self.owners[tile.owner].grid;
        self.owner_tokens(tile).map(|token| positions.term(grid, token)).collect()
    }

    /// The terms of a block's positions.
    pub(super) fn other_terms(&self, block: &Block<'a>, positions: &Positions) -> Vec<isize> {
        let grid = self.others[block.other].grid;
        block.tokens().map(|token| positions.term(grid, token)).collect()
    }
}

impl Group<'_> {
    fn first(&self, rows: Rows, sample: usize) -> usize {
        let first = match rows {
            Rows::Operand => self.operand,
            Rows::Compact => self.compact,
        };
        first + sample * self.tokens
    }
}

impl Tile<'_> {
    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    /// Owners up to whole strips.
    pub(super) fn lanes(&self) -> usize {
        self.len().next_multiple_of(STEP)
    }
}

impl<'a> Block<'a> {
    pub(super) fn len(&self) -> usize {
        self.others.len()
    }

    fn tokens(&self) -> impl Iterator<Item = u32> + use<'a> {
        let order = self.order;
        self.others.clone().map(|position| order.token(position))
    }

    /// How many pairs of tokens are allowed, of a tile of so many owners.
    pub(super) fn pairs(&self, owners: usize) -> usize {
        match &self.allowed {
            None => owners * self.len(),
            Some(allowed) => allowed.iter().map(ExactSizeIterator::len).sum(),
        }
    }
}

fn groups<'a>(
    sides: &'a [Side],
    operands: &[usize],
    present: &[Option<PresenceId>],
    batch: usize,
) -> Vec<Group<'a>> {
    let mut compact = 0;
    let mut groups = Vec::with_capacity(sides.len());
    for ((side, &operand), &present) in sides.iter().zip(operands).zip(present) {
        let tokens = usize::try_from(side.tokens()).expect("tokens of a group are 32 bits");
        groups.push(Group { tokens, grid: &side.grid, operand, compact, present });
        compact += batch * tokens;
    }
    groups
}

/// A range in parts of `size`, the last one perhaps shorter.
fn cuts(range: Range<u32>, size: usize) -> impl Iterator<Item = Range<u32>> {
    let end = range.end;
    range.step_by(size).map(move |start| {
        let next = start.saturating_add(u32::try_from(size).expect("tiles are small"));
        start..next.min(end)
    })
}
