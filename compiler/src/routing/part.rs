//! A relation of which each side has a part.
//!
//! In: windows or groups on two wholes of one axis, and which tokens of them there are. Out: the class of a token, as far as
//! it lies in these parts. Deliberately not here: causality, which between parts is all, nothing, or causality again.

use std::fmt;
use std::ops::Range;

use super::groups::Groups;
use super::relation::n_tokens;
use super::windows::Windows;

/// Windows or groups of two wholes, between a part of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    pub(super) cut: Cut,
    pub(super) queries: Place,
    pub(super) keys: Place,
}

/// What cuts both wholes into classes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cut {
    Windows(Windows),
    Groups(Groups),
}

/// Some tokens of a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) first: u64,
    pub(super) tokens: u64,
    pub(super) whole: u64,
}

impl Place {
    /// A range of the whole, as far as it lies in the part, counted from the part's first token.
    fn within(&self, range: &Range<u64>) -> Range<u64> {
        let end = self.first + self.tokens;
        let clamp = |token: u64| token.clamp(self.first, end) - self.first;
        clamp(range.start)..clamp(range.end)
    }
}

impl Part {
    pub(super) fn fit(&self, query: &[u64], key: &[u64]) -> Result<(), String> {
        if (n_tokens(query), n_tokens(key)) == (self.queries.tokens, self.keys.tokens) {
            return Ok(());
        }
        Err(format!("`{self}` is between parts of other sizes"))
    }

    pub(super) fn allows(&self, query: u64, key: u64) -> bool {
        let (query, key) = (query + self.queries.first, key + self.keys.first);
        match &self.cut {
            Cut::Windows(windows) => windows.allows(&[self.queries.whole], query, key),
            Cut::Groups(groups) => groups.allows(self.queries.whole, self.keys.whole, query, key),
        }
    }

    /// The queries in the class of `query`, and the keys they read.
    pub(super) fn spans(&self, query: u64) -> (Range<u64>, Range<u64>) {
        self.of_sides(&self.queries, &self.keys, query)
    }

    /// The keys in the class of `key`, and the queries that read them.
    pub(super) fn key_spans(&self, key: u64) -> (Range<u64>, Range<u64>) {
        self.of_sides(&self.keys, &self.queries, key)
    }

    fn of_sides(&self, own: &Place, other: &Place, token: u64) -> (Range<u64>, Range<u64>) {
        let token = token + own.first;
        let (mine, theirs) = match &self.cut {
            Cut::Windows(windows) => {
                let span = windows.span(0, own.whole, token);
                (span.clone(), span)
            }
            Cut::Groups(groups) => groups.spans(own.whole, other.whole, token),
        };
        (own.within(&mine), other.within(&theirs))
    }

    /// Whether any query reads any key.
    pub(super) fn is_read(&self) -> bool {
        let mut query = 0;
        while query < self.queries.tokens {
            let (queries, keys) = self.spans(query);
            if !keys.is_empty() {
                return true;
            }
            query = queries.end;
        }
        false
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cut {
            Cut::Windows(windows) => windows.fmt(f)?,
            Cut::Groups(groups) => groups.fmt(f)?,
        }
        let Self { queries, keys, .. } = self;
        write!(
            f,
            " of {} from {}, {} from {}",
            queries.whole, queries.first, keys.whole, keys.first
        )
    }
}
