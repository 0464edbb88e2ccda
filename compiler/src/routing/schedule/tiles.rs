//! Which tiles of a schedule kernels visit.
//!
//! In: a schedule and a tile size. Out: counts, and for some neighboring owners what all and what any of them reach.
//! Tiles of owners start where a band starts, tiles of others where a class starts, so that only causality makes
//! a tile partial. Deliberately not here: lists of tiles.

use std::fmt;
use std::ops::Range;

use super::{Band, Direction, Schedule, Visit};
use crate::routing::blocks::Tile;

/// What neighboring owners of one band reach of a visit, in positions of the other side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TileReach {
    /// Some owner reaches each of these.
    pub some: Range<u32>,
    /// Every owner reaches each of these: a part of `some`, or empty within the visit.
    pub all: Range<u32>,
}

/// How many tiles kernels visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TileCounts {
    /// Tiles that allow every pair of tokens.
    pub full: u128,
    /// Tiles that allow some pairs: causality cuts them.
    pub partial: u128,
    /// Tiles that allow none, those between groups that do not read each other included.
    pub skipped: u128,
}

impl TileCounts {
    /// Tiles that are not skipped.
    pub fn visited(&self) -> u128 {
        self.full + self.partial
    }

    /// All tiles.
    pub fn total(&self) -> u128 {
        self.visited() + self.skipped
    }
}

impl Schedule {
    /// What the owners at these positions, which lie in one band and are at least one, reach of a visit.
    pub fn tile_reach(&self, owner: usize, positions: Range<u32>, visit: &Visit) -> TileReach {
        if !visit.causal {
            return TileReach { some: visit.others.clone(), all: visit.others.clone() };
        }
        let first = self.reach(owner, positions.start, visit);
        let last = self.reach(owner, positions.end - 1, visit);
        // Tokens ascend within a band: later queries reach more, later keys are reached by fewer.
        match self.direction {
            Direction::Forward => TileReach { some: last, all: first },
            Direction::Transposed => TileReach { some: first, all: last },
        }
    }

    /// The tiles of all owners with all other sides. The tile's queries cut receivers and its keys cut reads, in
    /// both directions.
    ///
    /// # Panics
    ///
    /// Where the tile holds no query or no key.
    pub fn tiles(&self, tile: Tile) -> TileCounts {
        assert!(tile.queries > 0 && tile.keys > 0, "a tile holds at least one query and one key");
        let (n_owners, n_others) = match self.direction {
            Direction::Forward => (tile.queries, tile.keys),
            Direction::Transposed => (tile.keys, tile.queries),
        };
        let mut counts = TileCounts::default();
        for (owner, band, visit) in self.visits() {
            let (full, visited) = self.visit_tiles((owner, band, visit), (n_owners, n_others));
            counts.full += full;
            counts.partial += visited - full;
        }
        counts.skipped = self.n_tiles(n_owners, n_others) - counts.visited();
        counts
    }

    /// Full and visited tiles of one visit.
    fn visit_tiles(
        &self,
        (owner, band, visit): (usize, &Band, &Visit),
        (n_owners, n_others): (u64, u64),
    ) -> (u128, u128) {
        if !visit.causal {
            let n = u128::from(n_cuts(&band.owners, n_owners) * n_cuts(&visit.others, n_others));
            return (n, n);
        }
        let (mut full, mut visited) = (0, 0);
        let mut start = u64::from(band.owners.start);
        while start < u64::from(band.owners.end) {
            let end = start.saturating_add(n_owners).min(u64::from(band.owners.end));
            let narrow = |position: u64| u32::try_from(position).expect("it is in a band");
            let reach = self.tile_reach(owner, narrow(start)..narrow(end), visit);
            visited += u128::from(n_touched(&reach.some, &visit.others, n_others));
            full += u128::from(n_whole(&reach.all, &visit.others, n_others));
            start = end;
        }
        (full, visited)
    }

    /// All tiles: of a pair as its classes cut it, of sides without a pair as they are.
    fn n_tiles(&self, n_owners: u64, n_others: u64) -> u128 {
        let owner_tiles = |owner: usize| -> u128 {
            let bands = self.owners[owner].bands.iter();
            bands.map(|band| u128::from(n_cuts(&band.owners, n_owners))).sum()
        };
        let whole = |other: usize| u128::from(n_cuts(&(0..self.others[other].tokens), n_others));
        let plain: u128 = (0..self.others.len()).map(whole).sum();
        let mut other_tiles = vec![plain; self.owners.len()];
        for pair in &self.pairs {
            let starts = std::iter::once(0).chain(pair.ends.iter().copied());
            let classes = starts.zip(&pair.ends).map(|(start, &end)| start..end);
            let cut: u128 = classes.map(|class| u128::from(n_cuts(&class, n_others))).sum();
            let tiles = &mut other_tiles[pair.owner as usize];
            *tiles = *tiles + cut - whole(pair.other as usize);
        }
        let tiles = other_tiles.iter().enumerate();
        tiles.map(|(owner, others)| owner_tiles(owner) * others).sum()
    }
}

fn n_cuts(range: &Range<u32>, size: u64) -> u64 {
    u64::from(range.end - range.start).div_ceil(size)
}

/// Tiles of `whole` that `part` touches.
fn n_touched(part: &Range<u32>, whole: &Range<u32>, size: u64) -> u64 {
    if part.is_empty() {
        return 0;
    }
    let [start, end] = [part.start, part.end].map(|position| u64::from(position - whole.start));
    end.div_ceil(size) - start / size
}

/// Tiles of `whole` that lie within `part`, the short last one included.
fn n_whole(part: &Range<u32>, whole: &Range<u32>, size: u64) -> u64 {
    let [start, end] = [part.start, part.end].map(|position| u64::from(position - whole.start));
    let end = if part.end == whole.end { end.div_ceil(size) } else { end / size };
    end.saturating_sub(start.div_ceil(size))
}

impl fmt::Display for TileCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (visited, total) = (self.visited(), self.total());
        let Self { full, partial, skipped } = self;
        write!(
            f,
            "{visited} of {total} tiles visited ({full} full, {partial} partial), {skipped} skipped"
        )
    }
}
