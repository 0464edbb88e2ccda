//! An order of tokens in which every class is contiguous.
//!
//! In: the runs of a side. Out: its [`Order`] and the positions of each class. Classes stand in the order of their
//! first tokens and tokens ascend within each, so that the natural order is kept wherever it already works.
//! Deliberately not here: what a class reads.

use std::ops::Range;

use super::runs::Run;

/// The token at each position of a side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Order {
    /// Every token stands where it is.
    Natural,
    /// Position to token: a permutation, never the natural one.
    Table(Vec<u32>),
}

impl Order {
    /// The token at a position.
    pub fn token(&self, position: u32) -> u32 {
        match self {
            Self::Natural => position,
            Self::Table(tokens) => tokens[position as usize],
        }
    }

    /// The position of each token, the inverse of the table.
    pub fn inverse(&self) -> Self {
        match self {
            Self::Natural => Self::Natural,
            Self::Table(tokens) => {
                let mut positions = vec![0; tokens.len()];
                for (position, &token) in (0..).zip(tokens) {
                    positions[token as usize] = position;
                }
                Self::Table(positions)
            }
        }
    }

    /// The first of these positions whose token is `token` or larger, or their end; tokens ascend within them.
    pub(super) fn before(&self, positions: Range<u32>, token: u64) -> u32 {
        match self {
            Self::Natural => {
                let token = u32::try_from(token).unwrap_or(u32::MAX);
                token.clamp(positions.start, positions.end)
            }
            Self::Table(tokens) => {
                let tokens = &tokens[positions.start as usize..positions.end as usize];
                let n_before = tokens.partition_point(|&other| u64::from(other) < token);
                positions.start + u32::try_from(n_before).expect("positions are 32 bits")
            }
        }
    }
}

/// A side in order.
pub(super) struct Arrangement<K> {
    pub(super) order: Order,
    /// By position; together they are all positions.
    pub(super) classes: Vec<Arranged<K>>,
}

/// The place of a class.
pub(super) struct Arranged<K> {
    pub(super) class: K,
    /// Its first token.
    pub(super) first: u32,
    pub(super) positions: Range<u32>,
}

/// Orders a side by class; the runs are sorted and without gaps.
pub(super) fn arrange<K: Copy + Ord>(runs: &[Run<K>]) -> Arrangement<K> {
    let mut by_class: Vec<&Run<K>> = runs.iter().collect();
    by_class.sort_unstable_by_key(|run| (run.class, run.tokens.start));
    let mut groups: Vec<&[&Run<K>]> =
        by_class.chunk_by(|run, next| run.class == next.class).collect();
    groups.sort_unstable_by_key(|group| group[0].tokens.start);
    let (mut position, mut natural) = (0, true);
    let mut classes = Vec::with_capacity(groups.len());
    for group in &groups {
        let start = position;
        for run in *group {
            natural &= run.tokens.start == position;
            position += run.tokens.end - run.tokens.start;
        }
        let (class, first) = (group[0].class, group[0].tokens.start);
        classes.push(Arranged { class, first, positions: start..position });
    }
    let tokens = || groups.iter().flat_map(|group| *group).flat_map(|run| run.tokens.clone());
    let order = if natural { Order::Natural } else { Order::Table(tokens().collect()) };
    Arrangement { order, classes }
}
