//! Equal parts of a sequence, each side cut by its own length.
//!
//! In: a number of groups. Out: the group of a token, and the tokens of a group. Deliberately not
//! here: grids, because groups follow the row-major token order whatever the grid is.

use std::fmt;
use std::ops::Range;

/// Tokens read those in the group of the same number; with fewer tokens than groups, or a length
/// that does not divide, the last groups are short or empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Groups {
    /// How many groups each side is cut into, at least 1.
    pub count: u64,
}

impl Groups {
    /// So many groups.
    pub fn new(count: u64) -> Self {
        Self { count }
    }

    /// Why the groups do not fit: there are none.
    pub(super) fn fit(&self) -> Result<(), String> {
        if self.count == 0 { Err(format!("`{self}` has no groups")) } else { Ok(()) }
    }

    /// The predicate, as kernels compute it: by the number of the group.
    pub(super) fn allows(&self, n_queries: u64, n_keys: u64, query: u64, key: u64) -> bool {
        query / n_queries.div_ceil(self.count) == key / n_keys.div_ceil(self.count)
    }

    /// The queries in the group of `query`, and the keys they read.
    pub(super) fn spans(
        &self,
        n_queries: u64,
        n_keys: u64,
        query: u64,
    ) -> (Range<u64>, Range<u64>) {
        let size = self.size(n_queries);
        let group = query / size;
        (span(group, size, n_queries), span(group, self.size(n_keys), n_keys))
    }

    /// The sum over groups of queries times keys, in closed form: as many groups as are whole on
    /// both sides, then at most one group that is cut short on either.
    pub(super) fn product_sum(&self, n_queries: u64, n_keys: u64) -> u128 {
        let (queries, keys) = (self.size(n_queries), self.size(n_keys));
        let n_whole = (n_queries / queries).min(n_keys / keys);
        let n_last_queries = queries.min(n_queries - n_whole * queries);
        let n_last_keys = keys.min(n_keys - n_whole * keys);
        u128::from(n_whole) * u128::from(queries) * u128::from(keys)
            + u128::from(n_last_queries) * u128::from(n_last_keys)
    }

    /// Tokens per group; at least 1, so that an empty side needs no special case.
    fn size(&self, n: u64) -> u64 {
        n.div_ceil(self.count).max(1)
    }
}

fn span(group: u64, size: u64, n: u64) -> Range<u64> {
    // `group` counts groups of the other side and may lie far behind this side's last token.
    let start = group.saturating_mul(size).min(n);
    start..start.saturating_add(size).min(n)
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "groups({})", self.count)
    }
}
