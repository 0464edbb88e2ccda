//! Which tokens of an operand a token is made of.
//!
//! In: a lane and one of its operands. Out: the tokens of that operand that may change a token of the lane's result, for every
//! operation. `flow/parts.rs` says it by ranges, for whole parts; a test holds it to this. Deliberately not here: what these
//! tokens depend on themselves.

use std::ops::Range;

use crate::model::{Lane, Model, Op, Pooling, Step};
use crate::routing::Relation;

/// For each token of a result, tokens of one operand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sources {
    /// The same token.
    Each,
    /// All of so many, for every token.
    Whole(u64),
    /// This one, for each token of the result.
    Listed(Vec<u64>),
    /// The tokens `start..start + length` are the operand's; the others have nothing of it.
    Part {
        /// The first.
        start: u64,
        /// How many.
        length: u64,
    },
    /// Those of a patch.
    Patch {
        /// Its sizes.
        sizes: Vec<u64>,
        /// The operand's grid.
        grid: Vec<u64>,
    },
    /// The token of the same coordinates, where there is one.
    Corner {
        /// The operand's grid.
        from: Vec<u64>,
        /// The result's.
        to: Vec<u64>,
    },
    /// Those that a relation lets it read.
    Read {
        /// The relation.
        relation: Relation,
        /// The grid of the queries.
        query: Vec<u64>,
        /// That of the keys.
        key: Vec<u64>,
    },
}

impl Sources {
    /// The sources of a lane among the tokens of the operand at this place.
    pub(super) fn of(model: &Model, step: &Step, lane: &Lane, at: usize) -> Self {
        let (operand, result) = (model.shape(lane.operands[at]), model.shape(lane.result));
        match &step.op {
            Op::Attend { .. } => match at.checked_sub(1) {
                // The query.
                None => Self::Each,
                Some(at) => Self::Read {
                    relation: lane.reads[at / 2].relation.clone(),
                    query: result.grid.clone(),
                    key: operand.grid.clone(),
                },
            },
            Op::Concat => {
                let before = lane.operands[..at].iter().map(|before| model.shape(*before).tokens());
                Self::Part { start: before.sum(), length: operand.tokens() }
            }
            Op::Slice(from, to) => Self::Listed((*from..*to).collect()),
            Op::Gather(ids) => Self::Listed(ids.clone()),
            Op::Pool(Pooling::Mean) => Self::Whole(operand.tokens()),
            Op::Pool(Pooling::First) => Self::Listed(vec![0]),
            Op::Pool(Pooling::Last) => Self::Listed(vec![operand.tokens().saturating_sub(1)]),
            Op::Patches(sizes) => Self::Patch { sizes: sizes.clone(), grid: operand.grid.clone() },
            Op::Pad | Op::Crop => {
                Self::Corner { from: operand.grid.clone(), to: result.grid.clone() }
            }
            // Token by token; one token counts for all of the other operand.
            Op::Linear
            | Op::Embed
            | Op::Position { .. }
            | Op::Absent
            | Op::Norm { .. }
            | Op::RmsNorm { .. }
            | Op::Scale
            | Op::Elementwise(_)
            | Op::Softmax
            | Op::Gated(_)
            | Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Affine { .. }
            | Op::Reciprocal(_)
            | Op::Mean
            | Op::Dropout(_)
            | Op::DropPath { .. }
            | Op::Join => {
                if operand.tokens() == result.tokens() {
                    Self::Each
                } else {
                    Self::Whole(operand.tokens())
                }
            }
            Op::Input(_) | Op::Latents | Op::Learned => {
                unreachable!("verified: these have no operands")
            }
        }
    }

    pub(super) fn is_read(&self) -> bool {
        match self {
            Self::Read { .. } => true,
            Self::Each
            | Self::Whole(_)
            | Self::Listed(_)
            | Self::Part { .. }
            | Self::Patch { .. }
            | Self::Corner { .. } => false,
        }
    }

    /// The operand's tokens of which a token is made.
    pub(super) fn ranges(&self, token: u64) -> Vec<Range<u64>> {
        match self {
            Self::Each => one(Some(token)),
            Self::Whole(tokens) => vec![0..*tokens; 1],
            Self::Listed(ids) => {
                let at = usize::try_from(token).ok();
                one(at.and_then(|at| ids.get(at)).copied())
            }
            Self::Part { start, length } => {
                one(token.checked_sub(*start).filter(|token| token < length))
            }
            Self::Patch { sizes, grid } => patch(sizes, grid, token),
            Self::Corner { from, to } => one(corner(from, to, token)),
            Self::Read { relation, query, key } => relation.intervals(query, key, token),
        }
    }
}

fn one(token: Option<u64>) -> Vec<Range<u64>> {
    token.map(|token| token..token + 1).into_iter().collect()
}

/// The tokens of a patch.
fn patch(sizes: &[u64], grid: &[u64], patch: u64) -> Vec<Range<u64>> {
    let mut rest = patch;
    let mut corner: Vec<u64> = sizes
        .iter()
        .zip(grid)
        .rev()
        .map(|(size, n)| {
            let patches = n / size;
            let place = rest % patches;
            rest /= patches;
            place * size
        })
        .collect();
    corner.reverse();
    let mut tokens = vec![0];
    for ((size, n), first) in sizes.iter().zip(grid).zip(corner) {
        let on_axis = |token: u64| (first..first + size).map(move |place| token * n + place);
        tokens = tokens.into_iter().flat_map(on_axis).collect();
    }
    tokens.into_iter().flat_map(|token| one(Some(token))).collect()
}

/// The token of one grid at the coordinates of a token of another.
fn corner(from: &[u64], to: &[u64], token: u64) -> Option<u64> {
    let (mut rest, mut found, mut step) = (token, 0, 1);
    for (inner, outer) in from.iter().zip(to).rev() {
        let place = rest % outer;
        rest /= outer;
        if place >= *inner {
            return None;
        }
        found += place * step;
        step *= inner;
    }
    Some(found)
}
