//! A mask: who reads whom, and by which relation.
//!
//! In: token groups as receivers and as what they read, and a relation for each pair that may read.
//! Out: counts, blocks, and a text that snapshots hold. Deliberately not here: `nothing` as a
//! relation (a pair that is not listed does not read), and anything of size tokens by tokens.

use std::fmt;

use super::blocks::{MaskBlocks, MaskCounts, Tile, classify, count};
use super::classes::Classes;
use super::relation::{Relation, grid_text, n_tokens};

/// A token group on one side of a mask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side {
    /// The group's name.
    pub name: String,
    /// Its sizes, row-major.
    pub grid: Vec<u64>,
}

impl Side {
    /// Tokens of the group.
    pub fn tokens(&self) -> u64 {
        n_tokens(&self.grid)
    }
}

/// `receiver` may read `read` where `relation` holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Index of the receiver, whose tokens are the queries.
    pub receiver: usize,
    /// Index of the group it reads, whose tokens are the keys.
    pub read: usize,
    /// Which key each query may read.
    pub relation: Relation,
}

/// Who may read whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask {
    /// The groups that read.
    pub receivers: Vec<Side>,
    /// The groups that are read.
    pub reads: Vec<Side>,
    /// Sorted by receiver and read; at most one for each.
    pub pairs: Vec<Pair>,
}

impl Mask {
    /// A mask of these pairs, in any order.
    ///
    /// # Panics
    ///
    /// Where two pairs have the same sides, a side does not exist, or a relation does not
    /// [`fit`](Relation::fit) its grids: the caller has reported these to the user before.
    pub fn new(receivers: Vec<Side>, reads: Vec<Side>, mut pairs: Vec<Pair>) -> Self {
        pairs.sort_by_key(|pair| (pair.receiver, pair.read));
        for pair in &pairs {
            assert!(
                pair.receiver < receivers.len() && pair.read < reads.len(),
                "the sides of a pair exist: {pair:?}"
            );
            let (receiver, read) = (&receivers[pair.receiver], &reads[pair.read]);
            if let Err(reason) = pair.relation.fit(&receiver.grid, &read.grid) {
                panic!("the relation of a pair fits its grids: {reason}");
            }
        }
        for twins in pairs.windows(2) {
            let is_new = (twins[0].receiver, twins[0].read) != (twins[1].receiver, twins[1].read);
            assert!(is_new, "a receiver and a read have at most one pair: {twins:?}");
        }
        Self { receivers, reads, pairs }
    }

    /// The pair of these sides, where the receiver may read at all.
    pub fn pair(&self, receiver: usize, read: usize) -> Option<&Pair> {
        let key = (receiver, read);
        let at = self.pairs.binary_search_by_key(&key, |pair| (pair.receiver, pair.read));
        at.ok().map(|i| &self.pairs[i])
    }

    /// `allow[query, key]` for one token of each side.
    pub fn allows(&self, receiver: usize, query: u64, read: usize, key: u64) -> bool {
        let (query_grid, key_grid) = (&self.receivers[receiver].grid, &self.reads[read].grid);
        self.pair(receiver, read)
            .is_some_and(|pair| pair.relation.allows(query_grid, key_grid, query, key))
    }

    /// How many pairs of tokens may read.
    pub fn allowed(&self) -> u128 {
        self.pairs.iter().map(|pair| self.pair_allowed(pair)).sum()
    }

    /// How many of a pair's tokens may read.
    pub fn pair_allowed(&self, pair: &Pair) -> u128 {
        self.classes(pair).n_allowed()
    }

    /// All pairs of tokens, of groups that do not read each other too.
    pub fn total(&self) -> u128 {
        n_side_tokens(&self.receivers) * n_side_tokens(&self.reads)
    }

    /// The share of pairs that may read; 0 where there are none.
    pub fn density(&self) -> f64 {
        let total = self.total();
        if total == 0 { 0.0 } else { self.allowed() as f64 / total as f64 }
    }

    /// The blocks of every pair. Tiles are cut at group boundaries.
    pub fn classify(&self, tile: Tile) -> MaskBlocks {
        let pairs = self.pairs.iter().map(|pair| classify(&self.classes(pair), tile)).collect();
        MaskBlocks { tile, pairs, n_blocks: self.n_blocks(tile) }
    }

    /// How many blocks there are of each kind, as [`Self::classify`] has them, without keeping them.
    pub fn count_blocks(&self, tile: Tile) -> MaskCounts {
        let pairs = self.pairs.iter().map(|pair| count(&self.classes(pair), tile)).collect();
        MaskCounts::new(tile, pairs, self.n_blocks(tile))
    }

    fn n_blocks(&self, tile: Tile) -> u128 {
        let n_tiles = |sides: &[Side], tile: u64| -> u128 {
            sides.iter().map(|side| u128::from(side.tokens().div_ceil(tile))).sum()
        };
        n_tiles(&self.receivers, tile.queries) * n_tiles(&self.reads, tile.keys)
    }

    pub(super) fn classes<'a>(&self, pair: &'a Pair) -> Classes<'a> {
        let (receiver, read) = (&self.receivers[pair.receiver], &self.reads[pair.read]);
        Classes::new(&pair.relation, &receiver.grid, &read.grid)
    }
}

fn n_side_tokens(sides: &[Side]) -> u128 {
    sides.iter().map(|side| u128::from(side.tokens())).sum()
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_groups(f)?;
        for (i, receiver) in self.receivers.iter().enumerate() {
            write!(f, "{}", receiver.name)?;
            let pairs = self.pairs.iter().filter(|pair| pair.receiver == i);
            for (i, pair) in pairs.enumerate() {
                let separator = if i == 0 { " <- " } else { ", " };
                write!(f, "{separator}{}", self.reads[pair.read].name)?;
                if pair.relation != Relation::All {
                    write!(f, " within {}", pair.relation)?;
                }
            }
            writeln!(f)?;
        }
        let (density, allowed, total) = (self.density(), self.allowed(), self.total());
        write!(f, "density {density:.3} ({allowed} of {total} pairs)")
    }
}

impl Mask {
    /// The table of groups: receivers, then what else is read.
    fn fmt_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.reads.iter().filter(|side| !self.receivers.contains(side));
        let sides: Vec<&Side> = self.receivers.iter().chain(others).collect();
        let mut rows = vec![["group", "grid", "tokens"].map(str::to_owned)];
        rows.extend(
            sides
                .iter()
                .map(|side| [side.name.clone(), grid_text(&side.grid), side.tokens().to_string()]),
        );
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (names, grids, tokens) = (width(0), width(1), width(2));
        for [name, grid, n_tokens] in &rows {
            writeln!(f, "{name:<names$}  {grid:<grids$}  {n_tokens:>tokens$}")?;
        }
        Ok(())
    }
}
