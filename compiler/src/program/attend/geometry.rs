//! Where the groups of an attention lie, and its owners in tiles.
//!
//! In: an attention in one direction. Out: groups, tiles with what each visits, terms of the score bias. Deliberately not
//! here: text.

use std::ops::Range;

use super::compact_rows;
use crate::graph::{Attention, PresenceId, tokens};
use crate::program::kit::Kit;
use crate::routing::{Direction, Order, Schedule, Side, Visit};

/// One side's group of tokens.
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    pub(super) tokens: usize,
    pub(super) grid: &'a [u64],
    /// The first row in queries, or in keys and values.
    pub(super) row: usize,
    /// The first row in what has the groups of this side and nothing else.
    pub(super) compact: usize,
    /// The number of the first sample's bit, if not all samples have it.
    pub(super) present: Option<usize>,
}

/// An attention as its owners see it.
pub(super) struct Geometry<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) owners: Vec<Group<'a>>,
    pub(super) others: Vec<Group<'a>>,
    pub(super) window: Option<&'a [usize]>,
    /// Samples of a batch.
    pub(super) batch: usize,
}

/// Neighboring owners of one band.
pub(super) struct Tile<'a> {
    pub(super) owner: usize,
    /// Positions in the owner's order.
    pub(super) positions: Range<u32>,
    /// The band's number in its owner, and what it visits.
    pub(super) band: usize,
    pub(super) visits: &'a [Visit],
}

impl<'a> Geometry<'a> {
    pub(super) fn new(kit: &Kit<'_>, attention: &'a Attention, direction: Direction) -> Self {
        let Attention { mask, queries, keys, query_present, key_present, .. } = attention;
        let batch = kit.plan.batch;
        let receivers = groups(&mask.receivers, queries, query_present, batch);
        let reads = groups(&mask.reads, keys, key_present, batch);
        let (schedule, owners, others) = match direction {
            Direction::Forward => (&attention.forward, receivers, reads),
            Direction::Transposed => (&attention.backward, reads, receivers),
        };
        Self { schedule, owners, others, window: attention.window.as_deref(), batch }
    }

    /// The tiles of at most so many owners, in order; together they are all owners, once.
    pub(super) fn tiles(&self, size: usize) -> Vec<Tile<'a>> {
        let mut tiles = Vec::new();
        for (owner, side) in self.schedule.owners.iter().enumerate() {
            for (number, band) in side.bands.iter().enumerate() {
                let end = band.owners.end;
                tiles.extend(band.owners.clone().step_by(size).map(|start| {
                    let next = start.saturating_add(u32::try_from(size).expect("tiles are small"));
                    let positions = start..next.min(end);
                    Tile { owner, positions, band: number, visits: &band.visits }
                }));
            }
        }
        tiles
    }

    /// Whether causality keeps some owner from a part of what its band visits.
    pub(super) fn is_causal(&self) -> bool {
        self.schedule.visits().any(|(.., visit)| visit.causal)
    }
}

impl Group<'_> {
    /// The terms of score biases at each position: a pair's bias is at the query's term plus that of the center, minus the
    /// key's.
    pub(super) fn terms(&self, order: &Order, window: &[usize]) -> Vec<u32> {
        let strides = strides(window);
        let term = |token: u32| {
            let (mut rest, mut term) = (u64::from(token), 0);
            for (size, stride) in self.grid.iter().zip(&strides).rev() {
                term += (rest % size) * stride;
                rest /= size;
            }
            u32::try_from(term).expect("tables of biases are below 2^32 numbers")
        };
        let positions = 0..u32::try_from(self.tokens).expect("tokens of a group are 32 bits");
        positions.map(|position| term(order.token(position))).collect()
    }
}

/// Positions of the bias per step on each axis.
pub(super) fn strides(window: &[usize]) -> Vec<u64> {
    let mut strides = vec![1; window.len()];
    for axis in (1..window.len()).rev() {
        strides[axis - 1] = strides[axis] * (2 * window[axis] as u64 - 1);
    }
    strides
}

/// The position of the bias of equal coordinates.
pub(super) fn center(window: &[usize]) -> u64 {
    strides(window).iter().zip(window).map(|(stride, size)| stride * (*size as u64 - 1)).sum()
}

fn groups<'a>(
    sides: &'a [Side],
    rows: &[usize],
    present: &[Option<PresenceId>],
    batch: usize,
) -> Vec<Group<'a>> {
    let places = rows.iter().zip(compact_rows(sides, batch)).zip(present);
    let groups = sides.iter().zip(places).map(|(side, ((row, compact), present))| Group {
        name: &side.name,
        tokens: tokens(side),
        grid: &side.grid,
        row: *row,
        compact,
        present: present.map(|id| id.0 as usize * batch),
    });
    groups.collect()
}
