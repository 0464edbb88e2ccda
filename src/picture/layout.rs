//! Where the groups of a mask lie on a drawing.
//!
//! In: a mask. Out: for either axis the place of each group, and which groups are larger than their share. Sizes
//! follow the numbers of tokens, but no group is smaller than its label, and one that is on both axes has the same
//! size on both. Deliberately not here: drawing.

use zorro_compiler::routing::{Mask, Side};

use super::font;

/// The longer axis of a mask that stands alone, and of one among others; unless many labels need more.
pub(super) const ALONE: f64 = 460.0;
pub(super) const AMONG_OTHERS: f64 = 340.0;
/// The largest a token is drawn.
const MAX_TOKEN: f64 = 18.0;
/// Between two groups.
const GAP: f64 = 2.5;
/// Font sizes of the labels of groups: their names, and their sizes below.
pub(super) const NAME: f64 = 11.0;
pub(super) const SIZES: f64 = 9.0;

/// The places of the groups of one axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) spans: Vec<Span>,
    pub(super) length: f64,
}

/// The place of a group on an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: f64,
    pub(super) size: f64,
    pub(super) tokens: u64,
}

impl Span {
    /// Where a token begins.
    pub(super) fn at(&self, token: u64) -> f64 {
        self.start + token as f64 * self.token()
    }

    /// How large a token is.
    pub(super) fn token(&self) -> f64 {
        self.size / self.tokens.max(1) as f64
    }
}

/// Both axes of a mask.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) rows: Axis,
    pub(super) columns: Axis,
    /// The groups that are larger than their share.
    pub(super) enlarged: Vec<String>,
}

/// Lays out both axes, the longer one about this long.
pub(super) fn layout(mask: &Mask, longest: f64) -> Layout {
    let rows: Vec<f64> = mask.receivers.iter().map(|side| smallest(mask, side)).collect();
    let columns: Vec<f64> = mask.reads.iter().map(|side| smallest(mask, side)).collect();
    let length = |sides: &[Side], floors: &[f64], token: f64| -> f64 {
        sides.iter().zip(floors).map(|(side, floor)| size(side, *floor, token)).sum()
    };
    let (mut low, mut high) = (0.0, MAX_TOKEN);
    // The largest scale at which both axes fit; halving is precise enough after so many steps.
    for _ in 0..50 {
        let token = f64::midpoint(low, high);
        let longer =
            length(&mask.receivers, &rows, token).max(length(&mask.reads, &columns, token));
        if longer <= longest { low = token } else { high = token }
    }
    let token = low;
    let mut enlarged: Vec<String> = Vec::new();
    for (side, floor) in mask.reads.iter().zip(&columns).chain(mask.receivers.iter().zip(&rows)) {
        let is_enlarged = *floor > side.tokens() as f64 * token * 1.02;
        if is_enlarged && !enlarged.contains(&side.name) {
            enlarged.push(side.name.clone());
        }
    }
    let (rows, columns) = (axis(&mask.receivers, &rows, token), axis(&mask.reads, &columns, token));
    // Where all groups have one size by their tokens, too, nothing is out of scale.
    let mut spans = rows.spans.iter().chain(&columns.spans);
    let first = spans.next().map_or(0.0, Span::token);
    if spans.all(|span| (span.token() - first).abs() <= first * 0.02) {
        enlarged.clear();
    }
    Layout { rows, columns, enlarged }
}

/// `8x14x14 = 1568`
pub(super) fn sizes(side: &Side) -> String {
    if side.grid.len() < 2 {
        return side.tokens().to_string();
    }
    let grid: Vec<String> = side.grid.iter().map(u64::to_string).collect();
    format!("{} = {}", grid.join("x"), side.tokens())
}

fn axis(sides: &[Side], floors: &[f64], token: f64) -> Axis {
    let (mut spans, mut start) = (Vec::new(), 0.0);
    for (side, floor) in sides.iter().zip(floors) {
        let size = size(side, *floor, token);
        spans.push(Span { start, size, tokens: side.tokens() });
        start += size + GAP;
    }
    Axis { spans, length: (start - GAP).max(0.0) }
}

fn size(side: &Side, floor: f64, token: f64) -> f64 {
    floor.max(side.tokens() as f64 * token)
}

/// A group has room for its label, which stands above a column and beside a row.
fn smallest(mask: &Mask, side: &Side) -> f64 {
    if mask.reads.len().max(mask.receivers.len()) > 10 {
        return 18.0;
    }
    if !mask.reads.contains(side) {
        return 27.0;
    }
    let label = font::room(&side.name, NAME).max(font::room(&sizes(side), SIZES));
    label.clamp(27.0, 84.0)
}
