//! Who may read whom, token by token, and never as a matrix.
//!
//! In: token groups with their grids, who reads whom, and the relations on those edges. Out: a
//! [`Mask`], which answers for one pair of tokens, counts what it allows, and classifies its tiles
//! as empty, full or partial. Deliberately not here: names and spans of the source (`resolve` looks
//! groups up and reports what does not fit), tile sizes (executors choose them), any tensor.
//!
//! The convention is `allow[query, key]`: a row is the receiver.

mod blocks;
mod classes;
mod furthest;
mod groups;
mod mask;
mod of_model;
mod part;
mod relation;
mod schedule;
mod windows;

#[cfg(test)]
mod tests;

pub use blocks::{BlockCounts, BlockKind, Blocks, MaskBlocks, MaskCounts, Run, Tile};
pub(crate) use furthest::furthest;
pub use groups::Groups;
pub use mask::{Mask, Pair, Side};
pub(crate) use of_model::mask_of;
pub use part::Part;
pub use relation::Relation;
pub use schedule::{
    Band, Direction, Order, Other, Owner, PairOrder, Schedule, TileCounts, TileReach, Visit,
};
pub use windows::Windows;
