//! A mask cut into the cells of a picture.
//!
//! In: a mask, and how many cells a picture can hold. Out: its blocks by a tile for which they fit, token by token
//! where that is possible. Deliberately not here: where a cell is drawn. Nothing of size tokens by tokens is made.

use std::ops::Range;

use zorro_compiler::routing::{BlockKind, Mask, MaskBlocks, Run, Side, Tile};

/// A rectangle of equal cells in tokens: queries, then keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) queries: Range<u64>,
    pub(super) keys: Range<u64>,
    pub(super) kind: BlockKind,
}

/// One token of each side.
pub(super) const TOKENS: Tile = Tile { queries: 1, keys: 1 };

/// Token by token where no side has more tokens than that and the rectangles are not too many.
pub(super) fn by_tokens(mask: &Mask, max_side: u64, max_areas: usize) -> Option<MaskBlocks> {
    if tokens(&mask.receivers).max(tokens(&mask.reads)) > max_side {
        return None;
    }
    let blocks = mask.classify(TOKENS);
    let n_areas: usize = (0..mask.pairs.len()).map(|pair| n_areas(&blocks, pair)).sum();
    (n_areas <= max_areas).then_some(blocks)
}

/// By a tile for which the cells are at most so many on either side, if each group can be one cell. Among tiles of
/// about the same size the one that shows most precisely what is not allowed.
pub(super) fn fitting(mask: &Mask, max_rows: u64, max_columns: u64) -> MaskBlocks {
    let is_square = tokens(&mask.receivers) == tokens(&mask.reads);
    let fits = |queries: u64| n_cells(&mask.receivers, queries) <= max_rows;
    let tiles = candidates(&mask.reads, max_columns).into_iter().map(|keys| {
        // Cells that fit a grid along one side do so along the other.
        let multiples = [keys, keys.saturating_mul(2)].into_iter().filter(|_| is_square);
        let queries = multiples.into_iter().find(|&queries| fits(queries));
        Tile { queries: queries.unwrap_or_else(|| smallest(&mask.receivers, max_rows)), keys }
    });
    let blocks = tiles.map(|tile| mask.classify(tile));
    let best = blocks.min_by_key(|blocks| touched(mask, blocks));
    best.unwrap_or_else(|| mask.classify(TOKENS))
}

/// The rectangles of a pair of groups, by its index in the mask.
pub(super) fn areas<'a>(
    mask: &Mask,
    blocks: &'a MaskBlocks,
    pair: usize,
) -> impl Iterator<Item = Area> + 'a {
    let tile = blocks.tile;
    let sides = &mask.pairs[pair];
    let n_queries = mask.receivers[sides.receiver].tokens();
    let n_keys = mask.reads[sides.read].tokens();
    let tokens = |tiles: &Range<u64>, tile: u64, n: u64| {
        tiles.start * tile..tiles.end.saturating_mul(tile).min(n)
    };
    bands(blocks, pair).into_iter().flat_map(move |(band, runs)| {
        let queries = tokens(&band, tile.queries, n_queries);
        runs.iter().map(move |run| Area {
            queries: queries.clone(),
            keys: tokens(&run.tiles, tile.keys, n_keys),
            kind: run.kind,
        })
    })
}

/// Query tiles with the same runs, as many together as there are: blocks keep some apart.
fn bands(blocks: &MaskBlocks, pair: usize) -> Vec<(Range<u64>, &[Run])> {
    let mut bands: Vec<(Range<u64>, &[Run])> = Vec::new();
    for (band, runs) in blocks.pairs[pair].bands() {
        match bands.last_mut() {
            Some((last, same)) if *same == runs => last.end = band.end,
            Some(_) | None => bands.push((band, runs)),
        }
    }
    bands
}

/// Cells of these groups, which are cut one by one.
pub(super) fn n_cells(sides: &[Side], tile: u64) -> u64 {
    sides.iter().map(|side| side.tokens().div_ceil(tile)).fold(0, u64::saturating_add)
}

fn tokens(sides: &[Side]) -> u64 {
    sides.iter().map(Side::tokens).fold(0, u64::saturating_add)
}

fn n_areas(blocks: &MaskBlocks, pair: usize) -> usize {
    bands(blocks, pair).iter().map(|(_, runs)| runs.len()).sum()
}

/// The smallest power of two that fits.
fn smallest(sides: &[Side], max_cells: u64) -> u64 {
    let most = sides.iter().map(Side::tokens).max().unwrap_or(1);
    let mut tile = 1;
    // A tile of a whole group makes nothing smaller.
    while tile < most && n_cells(sides, tile) > max_cells {
        tile *= 2;
    }
    tile
}

/// Powers of two and rows of the groups' grids that fit, up to four times the smallest.
fn candidates(sides: &[Side], max_cells: u64) -> Vec<u64> {
    let smallest = smallest(sides, max_cells);
    let mut candidates = vec![smallest];
    if smallest == 1 {
        return candidates;
    }
    for side in sides {
        let mut row = 1_u64;
        for size in side.grid.iter().rev() {
            row = row.saturating_mul(*size);
            let fits = n_cells(sides, row) <= max_cells && row <= smallest * 4;
            if fits && !candidates.contains(&row) && candidates.len() < 16 {
                candidates.push(row);
            }
        }
    }
    candidates.sort_unstable();
    candidates
}

/// Pairs of tokens in cells that allow something.
fn touched(mask: &Mask, blocks: &MaskBlocks) -> u128 {
    let n_tokens = |area: Area| {
        let queries = u128::from(area.queries.end - area.queries.start);
        queries * u128::from(area.keys.end - area.keys.start)
    };
    (0..mask.pairs.len()).flat_map(|pair| areas(mask, blocks, pair)).map(n_tokens).sum()
}
