//! Which tokens of one group read which tokens of another.
//!
//! In: the grids of both sides. Out: for a query its sorted key intervals, and the same as a
//! predicate. Deliberately not here: who reads whom (`mask`), and tiles (`blocks`).

use std::fmt;
use std::ops::Range;

use super::classes::Classes;
use super::groups::Groups;
use super::part::{Cut, Part, Place};
use super::windows::Windows;

/// A relation between queries and keys, on grids that are given when it is asked.
///
/// A grid is a row-major list of sizes, and a token is its row-major index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Every query reads every key.
    All,
    /// Queries read the keys in their window.
    Windows(Windows),
    /// Queries read the keys in the group of the same number.
    Groups(Groups),
    /// Queries read the keys up to their own index.
    Causal,
    /// Both sides are parts of wholes, which have windows or groups. No spec says this.
    Part(Part),
    /// All of these hold.
    And(Vec<Self>),
}

impl Relation {
    /// Both hold: flattened, without `All` and duplicates, in the order of first mention.
    pub fn and(self, other: Self) -> Self {
        let mut parts = Vec::new();
        for relation in [self, other] {
            relation.flatten(&mut parts);
        }
        match parts.len() {
            0 => Self::All,
            1 => parts.remove(0),
            2.. => Self::And(parts),
        }
    }

    /// Whether queries read no key behind their own index.
    #[must_use]
    pub fn is_causal(&self) -> bool {
        match self {
            Self::Causal => true,
            Self::And(relations) => relations.iter().any(Self::is_causal),
            Self::All | Self::Windows(_) | Self::Groups(_) | Self::Part(_) => false,
        }
    }

    fn flatten(self, parts: &mut Vec<Self>) {
        match self {
            Self::All => {}
            Self::And(relations) => {
                for relation in relations {
                    relation.flatten(parts);
                }
            }
            Self::Windows(_) | Self::Groups(_) | Self::Causal | Self::Part(_) => {
                if !parts.contains(&self) {
                    parts.push(self);
                }
            }
        }
    }

    /// Why the relation does not fit these grids: a label for the user, without full stop.
    pub fn fit(&self, query: &[u64], key: &[u64]) -> Result<(), String> {
        match self {
            Self::All => Ok(()),
            Self::Windows(windows) => windows.fit(query, key),
            Self::Groups(groups) => groups.fit(),
            Self::Part(part) => part.fit(query, key),
            Self::Causal => {
                let (n_queries, n_keys) = (n_tokens(query), n_tokens(key));
                if n_queries == n_keys {
                    return Ok(());
                }
                let n_queries = plural(n_queries, "token");
                Err(format!(
                    "`causal` needs as many keys as queries, the query has {n_queries}, the key {n_keys}"
                ))
            }
            Self::And(relations) => {
                relations.iter().try_for_each(|relation| relation.fit(query, key))
            }
        }
    }

    /// Sorted, disjoint, non-adjacent intervals of the keys that `query` may read.
    ///
    /// # Panics
    ///
    /// Where the relation does not [`fit`](Self::fit), or the grid has no such query.
    pub fn intervals(&self, query_grid: &[u64], key_grid: &[u64], query: u64) -> Vec<Range<u64>> {
        let classes = Classes::new(self, query_grid, key_grid);
        assert!(query < classes.n_queries, "query {query} is outside its grid");
        let (mut pieces, mut intervals) = (Vec::new(), Vec::new());
        classes.pieces(query..query + 1, &mut pieces);
        classes.intervals(&pieces, query + 1, &mut intervals);
        intervals
    }

    /// The relation between some of the queries and some of the keys of two sides of so many tokens; none where it allows no
    /// pair. Where it is causal, the two ranges are the same or do not overlap.
    pub(crate) fn between(
        &self,
        queries: &Range<u64>,
        keys: &Range<u64>,
        (n_queries, n_keys): (u64, u64),
    ) -> Option<Self> {
        let place = |range: &Range<u64>, whole: u64| Place {
            first: range.start,
            tokens: range.end - range.start,
            whole,
        };
        let part = |cut: Cut| {
            let part = Part { cut, queries: place(queries, n_queries), keys: place(keys, n_keys) };
            if (queries, keys) == (&(0..n_queries), &(0..n_keys)) {
                return Some(self.clone());
            }
            part.is_read().then_some(Self::Part(part))
        };
        match self {
            Self::All => Some(Self::All),
            Self::Causal if queries == keys => Some(Self::Causal),
            Self::Causal => (keys.end <= queries.start).then_some(Self::All),
            Self::Windows(windows) => part(Cut::Windows(windows.clone())),
            Self::Groups(groups) => part(Cut::Groups(groups.clone())),
            Self::Part(_) => unreachable!("a part is not cut again"),
            Self::And(all) => all.iter().try_fold(Self::All, |all, one| {
                Some(all.and(one.between(queries, keys, (n_queries, n_keys))?))
            }),
        }
    }

    /// Whether some of these queries may read some of these keys. Of several relations each is asked alone.
    pub(crate) fn reaches(
        &self,
        queries: &Range<u64>,
        keys: &Range<u64>,
        sizes: (u64, u64),
    ) -> bool {
        match self {
            Self::All => true,
            Self::Causal => keys.start < queries.end,
            Self::Windows(_) | Self::Groups(_) | Self::Part(_) => {
                self.between(queries, keys, sizes).is_some()
            }
            Self::And(all) => all.iter().all(|one| one.reaches(queries, keys, sizes)),
        }
    }

    /// For every query whether it may read any key.
    pub(crate) fn readers(&self, query_grid: &[u64], key_grid: &[u64]) -> Vec<bool> {
        let classes = Classes::new(self, query_grid, key_grid);
        let mut readers = Vec::new();
        let mut query = 0;
        while query < classes.n_queries {
            let run = classes.query_run(query);
            readers.extend((query..run.end).map(|_| run.class.is_some()));
            query = run.end;
        }
        readers
    }

    /// Whether `query` may read `key`: what kernels test in partial blocks. The grids must
    /// [`fit`](Self::fit) and hold both tokens.
    pub fn allows(&self, query_grid: &[u64], key_grid: &[u64], query: u64, key: u64) -> bool {
        match self {
            Self::All => true,
            Self::Windows(windows) => windows.allows(query_grid, query, key),
            Self::Groups(groups) => {
                groups.allows(n_tokens(query_grid), n_tokens(key_grid), query, key)
            }
            Self::Causal => key <= query,
            Self::Part(part) => part.allows(query, key),
            Self::And(relations) => {
                relations.iter().all(|relation| relation.allows(query_grid, key_grid, query, key))
            }
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::Windows(windows) => write!(f, "{windows}"),
            Self::Groups(groups) => write!(f, "{groups}"),
            Self::Causal => write!(f, "causal"),
            Self::Part(part) => write!(f, "{part}"),
            Self::And(relations) => {
                for (i, relation) in relations.iter().enumerate() {
                    let separator = if i == 0 { "" } else { " & " };
                    write!(f, "{separator}{relation}")?;
                }
                if relations.is_empty() { write!(f, "all") } else { Ok(()) }
            }
        }
    }
}

/// Tokens of a grid; a grid without axes is one token.
pub(super) fn n_tokens(grid: &[u64]) -> u64 {
    grid.iter().product()
}

/// `8x14x14`; a grid without axes is written as its one token.
pub(super) fn grid_text(grid: &[u64]) -> String {
    if grid.is_empty() {
        return "1".to_owned();
    }
    grid.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}

/// `1 token`, `2 tokens`.
pub(super) fn plural(n: impl fmt::Display + PartialEq + From<u8>, noun: &str) -> String {
    let ending = if n == 1.into() { "" } else { "s" };
    format!("{n} {noun}{ending}")
}
