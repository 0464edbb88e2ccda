//! Which tiles of a mask are empty, full or partial.
//!
//! In: a relation in normal form and a tile. Out: for each query tile, the sorted runs of key tiles
//! that are not empty. Deliberately not here: a grid of blocks. Query tiles with the same runs share
//! them, and what is empty is not stored.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::classes::{Classes, Piece};

/// How many queries and keys a block holds; the last block of a group is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Queries per block, at least 1.
    pub queries: u64,
    /// Keys per block, at least 1.
    pub keys: u64,
}

/// What a mask allows in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockKind {
    /// No pair of tokens: kernels do not visit it.
    Empty,
    /// Every pair: kernels do not test it.
    Full,
    /// Some pairs: kernels test each.
    Partial,
}

/// Neighboring key tiles of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// The key tiles.
    pub tiles: Range<u64>,
    /// Their kind, never `Empty`.
    pub kind: BlockKind,
}

/// The blocks of one pair of token groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Tiles of the receiver.
    pub query_tiles: u64,
    /// Tiles of the group it reads.
    pub key_tiles: u64,
    bands: Vec<Band>,
    runs: Vec<Run>,
    counts: BlockCounts,
}

/// How many blocks there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// Blocks that allow every pair.
    pub full: u128,
    /// Blocks that allow some pairs.
    pub partial: u128,
    /// Blocks that allow nothing.
    pub empty: u128,
}

impl BlockCounts {
    /// Blocks that are not empty.
    pub fn visited(&self) -> u128 {
        self.full + self.partial
    }

    /// All blocks.
    pub fn all(&self) -> u128 {
        self.visited() + self.empty
    }
}

/// Neighboring query tiles with the same runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Band {
    /// The first query tile behind the band.
    end: u64,
    runs: Range<usize>,
}

impl Blocks {
    /// The kind of one block.
    pub fn kind(&self, query_tile: u64, key_tile: u64) -> BlockKind {
        let runs = self.runs(query_tile);
        match runs.get(runs.partition_point(|run| run.tiles.end <= key_tile)) {
            Some(run) if run.tiles.contains(&key_tile) => run.kind,
            Some(_) | None => BlockKind::Empty,
        }
    }

    /// The sorted, disjoint runs of non-empty key tiles; neighbors differ in kind.
    pub fn runs(&self, query_tile: u64) -> &[Run] {
        assert!(query_tile < self.query_tiles, "query tile {query_tile} of {}", self.query_tiles);
        let band = self.bands.partition_point(|band| band.end <= query_tile);
        &self.runs[self.bands[band].runs.clone()]
    }

    /// All query tiles in order, neighbors with the same runs together.
    pub fn bands(&self) -> impl Iterator<Item = (Range<u64>, &[Run])> {
        let starts = std::iter::once(0).chain(self.bands.iter().map(|band| band.end));
        starts
            .zip(&self.bands)
            .map(|(start, band)| (start..band.end, &self.runs[band.runs.clone()]))
    }

    /// All blocks.
    pub fn n_blocks(&self) -> u128 {
        u128::from(self.query_tiles) * u128::from(self.key_tiles)
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> BlockCounts {
        self.counts
    }

    /// Blocks that allow nothing.
    pub fn n_empty(&self) -> u128 {
        self.counts.empty
    }

    /// Blocks that allow every pair.
    pub fn n_full(&self) -> u128 {
        self.counts.full
    }

    /// Blocks that allow some pairs.
    pub fn n_partial(&self) -> u128 {
        self.counts.partial
    }

    /// Blocks that are not empty.
    pub fn n_visited(&self) -> u128 {
        self.counts.visited()
    }
}

/// What one query tile visits.
#[derive(Clone)]
struct Row {
    runs: Range<usize>,
    n_full: u128,
    n_partial: u128,
}

/// A row of so few intervals is made again rather than looked up.
const N_SHORT: usize = 4;

/// Classifies every block of a pair.
///
/// A block is touched where its keys meet what its queries read, and full where they are all of one
/// class and the keys lie within it. Causality cuts the first at the tile's last query (each key in
/// the tile's own range is read by the query of the same index) and the second at its first query.
///
/// With causality no two query tiles are alike, and each stores what it visits: many small tiles on
/// windows that are large but narrow are the one case that takes space.
pub(super) fn classify(classes: &Classes<'_>, tile: Tile) -> Blocks {
    blocks(classes, tile, |_, _| {})
}

/// Counts the blocks of a pair. Nothing is kept of a query tile but its counts, so that causality over billions of tokens
/// takes time, and no memory.
pub(super) fn count(classes: &Classes<'_>, tile: Tile) -> BlockCounts {
    let forget = |blocks: &mut Blocks, first_unknown: usize| {
        blocks.runs.truncate(first_unknown);
        let last = blocks.bands.len() - 1;
        blocks.bands.drain(..last);
    };
    blocks(classes, tile, forget).counts
}

/// Goes through the query tiles. After each, somebody may forget bands, and the runs from a number on: those of rows that
/// will not be looked up again.
fn blocks(classes: &Classes<'_>, tile: Tile, after: impl Fn(&mut Blocks, usize)) -> Blocks {
    assert!(tile.queries > 0 && tile.keys > 0, "a tile holds at least one query and one key");
    let query_tiles = classes.n_queries.div_ceil(tile.queries);
    let key_tiles = classes.n_keys.div_ceil(tile.keys);
    let (bands, runs, counts) = (Vec::new(), Vec::new(), BlockCounts::default());
    let mut blocks = Blocks { query_tiles, key_tiles, bands, runs, counts };
    let mut first_unknown = 0;
    let (mut pieces, mut intervals) = (Vec::new(), Vec::new());
    let mut known: BTreeMap<Vec<Piece>, Row> = BTreeMap::new();
    let mut query_tile = 0;
    while query_tile < query_tiles {
        let start = query_tile * tile.queries;
        let queries = start..start.saturating_add(tile.queries).min(classes.n_queries);
        classes.pieces(queries.clone(), &mut pieces);
        let one_class = classes.is_one_class(&pieces);
        let row = known.get(&pieces).cloned().unwrap_or_else(|| {
            classes.intervals(&pieces, queries.end, &mut intervals);
            let n_full_keys = match (one_class, classes.causal) {
                (true, true) => start + 1,
                (true, false) => classes.n_keys,
                (false, _) => 0,
            };
            let row = blocks.push_row(&intervals, n_full_keys, tile.keys, classes.n_keys);
            if classes.repeats() && intervals.len() > N_SHORT {
                known.insert(pieces.clone(), row.clone());
                first_unknown = blocks.runs.len();
            }
            row
        });
        query_tile += 1;
        if one_class && !classes.causal {
            let end = classes.run_end(start);
            query_tile = query_tile.max(whole_tiles(end, tile.queries, classes.n_queries));
        }
        blocks.push_band(query_tile, row);
        after(&mut blocks, first_unknown);
    }
    blocks.counts.empty = blocks.n_blocks() - blocks.counts.visited();
    blocks
}

impl Blocks {
    fn push_band(&mut self, end: u64, row: Row) {
        let start = self.bands.last().map_or(0, |band| band.end);
        self.counts.full += u128::from(end - start) * row.n_full;
        self.counts.partial += u128::from(end - start) * row.n_partial;
        match self.bands.last_mut() {
            Some(band) if band.runs == row.runs => band.end = end,
            Some(_) | None => self.bands.push(Band { end, runs: row.runs }),
        }
    }

    /// The runs of one query tile: key tiles that the intervals touch, full where an interval covers
    /// them and they lie before `n_full_keys`.
    fn push_row(
        &mut self,
        intervals: &[Range<u64>],
        n_full_keys: u64,
        tile: u64,
        n_keys: u64,
    ) -> Row {
        let first = self.runs.len();
        for interval in intervals {
            let touched = interval.start / tile..interval.end.div_ceil(tile);
            let full_start = interval.start.div_ceil(tile);
            let full_end = whole_tiles(interval.end.min(n_full_keys), tile, n_keys).max(full_start);
            push_run(&mut self.runs, first, touched.start..full_start, BlockKind::Partial);
            push_run(&mut self.runs, first, full_start..full_end, BlockKind::Full);
            push_run(&mut self.runs, first, full_end..touched.end, BlockKind::Partial);
        }
        let count = |kind: BlockKind| -> u128 {
            let runs = self.runs[first..].iter().filter(|run| run.kind == kind);
            runs.map(|run| u128::from(run.tiles.end - run.tiles.start)).sum()
        };
        let (n_full, n_partial) = (count(BlockKind::Full), count(BlockKind::Partial));
        Row { runs: first..self.runs.len(), n_full, n_partial }
    }
}

fn push_run(runs: &mut Vec<Run>, row: usize, tiles: Range<u64>, kind: BlockKind) {
    // Two intervals may end and begin in one tile; it is partial for both.
    let last = runs[row..].last_mut();
    let start = last.as_ref().map_or(0, |run| run.tiles.end).max(tiles.start);
    if start >= tiles.end {
        return;
    }
    match last {
        Some(run) if run.kind == kind && run.tiles.end == start => run.tiles.end = tiles.end,
        Some(_) | None => runs.push(Run { tiles: start..tiles.end, kind }),
    }
}

/// Tiles that lie wholly before `end`, the short last one included.
fn whole_tiles(end: u64, tile: u64, n_tokens: u64) -> u64 {
    if end == n_tokens { end.div_ceil(tile) } else { end / tile }
}

/// The blocks of a mask, and how many of them kernels visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskBlocks {
    /// The tile they were cut by.
    pub tile: Tile,
    /// The blocks of each pair, in the order of the mask's pairs.
    pub pairs: Vec<Blocks>,
    pub(super) n_blocks: u128,
}

impl MaskBlocks {
    /// How many there are of each kind.
    pub fn counts(&self) -> MaskCounts {
        let pairs = self.pairs.iter().map(Blocks::counts).collect();
        MaskCounts::new(self.tile, pairs, self.n_blocks)
    }

    /// All blocks, those between groups that do not read each other included.
    pub fn n_blocks(&self) -> u128 {
        self.n_blocks
    }

    /// Blocks that kernels skip.
    pub fn n_empty(&self) -> u128 {
        self.n_blocks - self.n_visited()
    }

    /// Blocks that allow every pair.
    pub fn n_full(&self) -> u128 {
        self.pairs.iter().map(Blocks::n_full).sum()
    }

    /// Blocks that allow some pairs.
    pub fn n_partial(&self) -> u128 {
        self.pairs.iter().map(Blocks::n_partial).sum()
    }

    /// Blocks that kernels visit.
    pub fn n_visited(&self) -> u128 {
        self.n_full() + self.n_partial()
    }
}

impl fmt::Display for MaskBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}

/// How many blocks of a mask there are of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskCounts {
    /// The tile they were cut by.
    pub tile: Tile,
    /// Those of each pair, in the order of the mask's pairs.
    pub pairs: Vec<BlockCounts>,
    /// Those of the whole mask; blocks between groups that do not read each other are empty.
    pub whole: BlockCounts,
}

impl MaskCounts {
    pub(super) fn new(tile: Tile, pairs: Vec<BlockCounts>, n_blocks: u128) -> Self {
        let full = pairs.iter().map(|pair| pair.full).sum();
        let partial = pairs.iter().map(|pair| pair.partial).sum();
        let empty = n_blocks - full - partial;
        Self { tile, pairs, whole: BlockCounts { full, partial, empty } }
    }
}

impl fmt::Display for MaskCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tile { queries, keys } = self.tile;
        let BlockCounts { full, partial, empty } = self.whole;
        let (visited, all) = (self.whole.visited(), self.whole.all());
        write!(
            f,
            "tile {queries}x{keys}: {visited} of {all} blocks visited ({full} full, {partial} partial), {empty} skipped"
        )
    }
}
