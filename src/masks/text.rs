//! All masks of a model as one text, made for snapshots.
//!
//! In: a model. Out: every different mask once, under the attentions that use it, a line for each receiver.
//! Deliberately not here: the table of groups of a single mask, which is its `Display`; with the grids beside the
//! names, a model of twenty masks still fits on a screen or two.

use zorro_compiler::Model;
use zorro_compiler::routing::{Mask, Relation, Side};

use super::masks;

/// Every different mask with the attentions that use it, in the order of their first use.
#[must_use]
pub fn masks_text(model: &Model) -> String {
    let texts = masks(model).into_iter();
    let texts = texts.map(|used| format!("used by {}\n{}", used.places(), lines(&used.mask)));
    texts.collect::<Vec<_>>().join("\n")
}

/// A mask, with the grid of a group where it is first mentioned.
fn lines(mask: &Mask) -> String {
    let mut known = Vec::new();
    let receivers = mask.receivers.iter().map(|side| mention(side, &mut known));
    let mut receivers: Vec<String> = receivers.collect();
    let mut separators = vec![" <- "; receivers.len()];
    for pair in &mask.pairs {
        receivers[pair.receiver] += std::mem::replace(&mut separators[pair.receiver], ", ");
        receivers[pair.receiver] += &mention(&mask.reads[pair.read], &mut known);
        if pair.relation != Relation::All {
            receivers[pair.receiver] += &format!(" within {}", pair.relation);
        }
    }
    let (density, allowed, total) = (mask.density(), mask.allowed(), mask.total());
    format!("{}\ndensity {density:.3} ({allowed} of {total} pairs)\n", receivers.join("\n"))
}

fn mention<'a>(side: &'a Side, known: &mut Vec<&'a Side>) -> String {
    let Side { name, grid } = side;
    if known.contains(&side) {
        return name.clone();
    }
    known.push(side);
    let grid: Vec<String> = grid.iter().map(u64::to_string).collect();
    format!("{name} {}", if grid.is_empty() { "1".to_owned() } else { grid.join("x") })
}
