//! The picture as characters.
//!
//! In: a mask. Out: one character a pair of tokens, or a block of pairs where they are too many; groups named
//! beside rows and above columns, with lines between them. The same mask is the same text for ever: snapshots hold
//! it. Deliberately not here: colors, and the table of groups, which is the mask's own text.

use std::fmt::Write;
use std::ops::Range;

use zorro_compiler::routing::{BlockKind, Mask, MaskBlocks, Side};

use super::cells::{TOKENS, areas, by_tokens, fitting, n_cells};

/// Characters across, without names and lines, and rows where each is a token.
const MAX_CELLS: u64 = 80;

/// Rows where each is a block: a character is about twice as high as wide.
const MAX_ROWS: u64 = 40;

/// Draws a mask with characters. Ends in a newline.
#[must_use]
pub fn text(mask: &Mask) -> String {
    let blocks = by_tokens(mask, MAX_CELLS, usize::MAX)
        .unwrap_or_else(|| fitting(mask, MAX_ROWS, MAX_CELLS));
    let tile = blocks.tile;
    let mut text = if tile == TOKENS {
        "one character = 1 token; # allowed, . not\n".to_owned()
    } else {
        let size = format!("{}x{} tokens", tile.queries, tile.keys);
        format!("one character = {size}; # all, + some, . none\n")
    };
    let names = mask.receivers.iter().map(|side| side.name.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> =
        mask.reads.iter().map(|side| side.tokens().div_ceil(tile.keys) as usize).collect();
    header(&mut text, &mask.reads, &widths, names);
    let line = rule(&widths, names);
    for (receiver, side) in mask.receivers.iter().enumerate() {
        text.push_str(&line);
        for (row, cells) in rows(mask, &blocks, receiver).iter().enumerate() {
            let name = if row == 0 { &side.name } else { "" };
            // Writing to a String cannot fail; here and below.
            let _ = write!(text, "{name:>names$} |");
            let mut cells = cells.iter();
            for width in &widths {
                text.extend(cells.by_ref().take(*width));
                text.push('|');
            }
            text.push('\n');
        }
    }
    text.push_str(&line);
    text
}

/// The names above their columns: on one line, or each on its own where they are wider than their groups.
fn header(text: &mut String, reads: &[Side], widths: &[usize], names: usize) {
    let indent = " ".repeat(names + 2);
    let is_fitting = |(side, width): (&Side, &usize)| side.name.chars().count() <= *width;
    let n_lines = if reads.iter().zip(widths).all(is_fitting) { 1 } else { reads.len() };
    for line in 0..n_lines {
        let mut row = indent.clone();
        for (column, (side, width)) in reads.iter().zip(widths).enumerate() {
            if n_lines == 1 || line == column {
                let _ = write!(row, "{:<1$}", side.name, width + 1);
            } else if column < line {
                let _ = write!(row, "{:<1$}", ":", width + 1);
            }
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
}

fn rule(widths: &[usize], names: usize) -> String {
    let mut line = " ".repeat(names + 1) + "+";
    for width in widths {
        line.push_str(&"-".repeat(*width));
        line.push('+');
    }
    line.push('\n');
    line
}

/// The characters of a receiver: a row for each of its tiles.
fn rows(mask: &Mask, blocks: &MaskBlocks, receiver: usize) -> Vec<Vec<char>> {
    let tile = blocks.tile;
    let n_rows = n_cells(&mask.receivers[receiver..=receiver], tile.queries) as usize;
    let mut rows = vec![vec!['.'; n_cells(&mask.reads, tile.keys) as usize]; n_rows];
    for (index, pair) in mask.pairs.iter().enumerate() {
        if pair.receiver != receiver {
            continue;
        }
        let left = n_cells(&mask.reads[..pair.read], tile.keys);
        for area in areas(mask, blocks, index) {
            let character = match area.kind {
                BlockKind::Empty => '.',
                BlockKind::Full => '#',
                BlockKind::Partial => '+',
            };
            let cells = |tokens: Range<u64>, tile: u64, first: u64| {
                (first + tokens.start / tile) as usize..(first + tokens.end.div_ceil(tile)) as usize
            };
            let keys = cells(area.keys, tile.keys, left);
            for row in &mut rows[cells(area.queries, tile.queries, 0)] {
                row[keys.clone()].fill(character);
            }
        }
    }
    rows
}
