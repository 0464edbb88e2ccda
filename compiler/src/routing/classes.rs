//! A relation in normal form: classes of queries that read the same keys, and causality on top.
//!
//! In: a relation and the grids of both sides. Out: what a range of queries reads, how far the class
//! of a query reaches, and how many pairs there are. Deliberately not here: rows. Windows and groups
//! cut queries and keys into classes that are equal or disjoint, and so does any conjunction of them;
//! a range of queries is therefore a few boxes of cells whatever its length, which is what makes a
//! mask of 100,000 tokens cheap. Causality is no such cut, but wherever it applies both sides are the
//! same tokens and every token is in its own class, and that is all `blocks` needs. A relation that
//! is neither (keys within a radius) would need a second form here.

use std::ops::Range;

use super::groups::Groups;
use super::part::Part;
use super::relation::{Relation, n_tokens};
use super::windows::Windows;

/// A relation on given grids, sorted by kind.
pub(super) struct Classes<'a> {
    windows: Vec<&'a Windows>,
    groups: Vec<&'a Groups>,
    parts: Vec<&'a Part>,
    pub(super) causal: bool,
    /// The query grid with leading 1s: windows have at most 3 dimensions.
    grid: [u64; 3],
    pub(super) n_queries: u64,
    pub(super) n_keys: u64,
}

/// What some queries read: a box of the grid where there are windows, within a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    keys: (u64, u64),
    cells: [(u64, u64); 3],
}

/// Neighboring tokens of one side in one class.
pub(super) struct ClassRun {
    /// The first token behind the run.
    pub(super) end: u64,
    /// The first query of the class's groups and the first token of its cell, the same for queries and
    /// keys; `None` where the other side has no token of the class.
    pub(super) class: Option<[u64; 2]>,
}

impl<'a> Classes<'a> {
    pub(super) fn new(relation: &'a Relation, query: &[u64], key: &[u64]) -> Self {
        if let Err(reason) = relation.fit(query, key) {
            panic!("relations are checked against their grids before they are asked: {reason}");
        }
        let mut classes = Self {
            windows: Vec::new(),
            groups: Vec::new(),
            parts: Vec::new(),
            causal: false,
            grid: [1; 3],
            n_queries: n_tokens(query),
            n_keys: n_tokens(key),
        };
        classes.insert(relation);
        if !classes.windows.is_empty() {
            classes.grid[3 - query.len()..].copy_from_slice(query);
        }
        classes
    }

    fn insert(&mut self, relation: &'a Relation) {
        match relation {
            Relation::All => {}
            Relation::Windows(windows) => self.windows.push(windows),
            Relation::Groups(groups) => self.groups.push(groups),
            Relation::Causal => self.causal = true,
            Relation::Part(part) => self.parts.push(part),
            Relation::And(relations) => relations.iter().for_each(|relation| self.insert(relation)),
        }
    }

    /// What `queries` read but for causality: sorted, without repetition, in as few boxes as their
    /// rows of the grid make.
    pub(super) fn pieces(&self, queries: Range<u64>, pieces: &mut Vec<Piece>) {
        pieces.clear();
        let mut query = queries.start;
        while query < queries.end {
            let (group, keys) = self.group(query);
            let end = group.end.min(queries.end);
            self.push_boxes(query..end, (keys.start, keys.end), pieces);
            query = end;
        }
        pieces.sort_unstable();
        pieces.dedup_by(|next, piece| {
            let [z, y, x] = next.cells;
            let same_rows = next.keys == piece.keys && [z, y] == piece.cells[..2];
            let joins = same_rows && x.0 <= piece.cells[2].1;
            if joins {
                piece.cells[2].1 = piece.cells[2].1.max(x.1);
            }
            joins
        });
    }

    fn push_boxes(&self, queries: Range<u64>, keys: (u64, u64), pieces: &mut Vec<Piece>) {
        if self.windows.is_empty() {
            pieces.push(Piece { keys, cells: [(0, 1); 3] });
            return;
        }
        let n_columns = self.grid[2];
        let mut query = queries.start;
        while query < queries.end {
            let row = query - query % n_columns;
            let end = queries.end.min(row + n_columns);
            let mut cells = self.cell(query);
            cells[2].1 = self.span(2, end - 1 - row).end;
            pieces.push(Piece { keys, cells: cells.map(|span| (span.0, span.1)) });
            query = end;
        }
    }

    /// Whether the queries that read these pieces all read the same keys.
    pub(super) fn is_one_class(&self, pieces: &[Piece]) -> bool {
        let [piece] = pieces else { return false };
        let x = piece.cells[2];
        self.windows.is_empty() || self.span(2, x.0).end == x.1
    }

    /// The keys of the pieces that lie before `limit` where causality says so: sorted, disjoint,
    /// non-adjacent.
    pub(super) fn intervals(&self, pieces: &[Piece], limit: u64, out: &mut Vec<Range<u64>>) {
        out.clear();
        let limit = if self.causal { limit } else { self.n_keys };
        for piece in pieces {
            let (start, end) = (piece.keys.0, piece.keys.1.min(limit));
            if self.windows.is_empty() {
                push_within(start..end, start..end, out);
            } else {
                self.push_box(&piece.cells, start..end, out);
            }
        }
        if pieces.len() > 1 {
            out.sort_unstable_by_key(|interval| interval.start);
        }
        out.dedup_by(|next, interval| {
            let joins = next.start <= interval.end;
            if joins {
                interval.end = interval.end.max(next.end);
            }
            joins
        });
    }

    /// The tokens of a box in as few intervals as whole rows and planes allow.
    fn push_box(&self, cells: &[(u64, u64); 3], limits: Range<u64>, out: &mut Vec<Range<u64>>) {
        let [z, y, x] = *cells;
        let [_, n_rows, n_columns] = self.grid;
        let plane = n_rows * n_columns;
        if x != (0, n_columns) {
            for z in z.0..z.1 {
                for row in y.0..y.1 {
                    let start = z * plane + row * n_columns;
                    push_within(start + x.0..start + x.1, limits.clone(), out);
                }
            }
        } else if y != (0, n_rows) {
            for z in z.0..z.1 {
                let start = z * plane;
                push_within(start + y.0 * n_columns..start + y.1 * n_columns, limits.clone(), out);
            }
        } else {
            push_within(z.0 * plane..z.1 * plane, limits, out);
        }
    }

    /// Whether both sides are cut at the same tokens.
    pub(super) fn are_cut_alike(&self) -> bool {
        self.n_queries == self.n_keys && self.parts.is_empty()
    }

    /// Whether distant queries may read the same keys, so that what they read is worth remembering.
    pub(super) fn repeats(&self) -> bool {
        !self.causal && !self.windows.is_empty()
    }

    /// Where the run of queries after `query` that are in its class ends.
    pub(super) fn run_end(&self, query: u64) -> u64 {
        let group = self.group(query).0;
        if self.windows.is_empty() {
            return group.end;
        }
        let [z, y, x] = self.cell(query);
        let [_, n_rows, n_columns] = self.grid;
        let plane = n_rows * n_columns;
        let end = if x != (0, n_columns) {
            query - query % n_columns + x.1
        } else if y != (0, n_rows) {
            query - query % plane + y.1 * n_columns
        } else {
            z.1 * plane
        };
        end.min(group.end)
    }

    /// The number of pairs that the relation allows.
    pub(super) fn n_allowed(&self) -> u128 {
        let n_same_class = match (self.windows.as_slice(), self.groups.as_slice()) {
            ([], [..]) if !self.parts.is_empty() => self.n_in_groups(),
            ([], []) => u128::from(self.n_queries) * u128::from(self.n_keys),
            ([], [groups]) => groups.product_sum(self.n_queries, self.n_keys),
            ([], [..]) => self.n_in_groups(),
            ([..], []) => (0..3).map(|axis| self.n_on_axis(axis)).product(),
            ([..], [..]) => self.n_in_groups_and_windows(),
        };
        if self.causal {
            // Classes are symmetric: half of the pairs off the diagonal, and the diagonal.
            (n_same_class + u128::from(self.n_queries)) / 2
        } else {
            n_same_class
        }
    }

    fn n_in_groups(&self) -> u128 {
        let (mut query, mut n_pairs) = (0, 0);
        while query < self.n_queries {
            let (group, keys) = self.group(query);
            n_pairs += u128::from(group.end - query) * u128::from(keys.end - keys.start);
            query = group.end;
        }
        n_pairs
    }

    fn n_on_axis(&self, axis: usize) -> u128 {
        let n = self.grid[axis];
        if let [windows] = self.windows.as_slice() {
            let n_leading = 3 - windows.size.len();
            return axis.checked_sub(n_leading).map_or(1, |axis| windows.square_sum(axis, n));
        }
        let (mut coordinate, mut n_pairs) = (0, 0);
        while coordinate < n {
            let span = self.span(axis, coordinate);
            n_pairs += u128::from(span.end - span.start).pow(2);
            coordinate = span.end;
        }
        n_pairs
    }

    /// Both sides are the same tokens here, because windows need equal grids.
    fn n_in_groups_and_windows(&self) -> u128 {
        let (mut query, mut n_pairs) = (0, 0);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        while query < self.n_queries {
            let group = self.group(query).0;
            runs.clear();
            while query < group.end {
                let end = self.run_end(query);
                let [z, y, x] = self.cell(query);
                let first = (z.0 * self.grid[1] + y.0) * self.grid[2] + x.0;
                runs.push((first, end - query));
                query = end;
            }
            runs.sort_unstable();
            for class in runs.chunk_by(|run, next| run.0 == next.0) {
                n_pairs += u128::from(class.iter().map(|run| run.1).sum::<u64>()).pow(2);
            }
        }
        n_pairs
    }

    /// The queries around `query` that groups do not separate, and the keys that groups let them read.
    fn group(&self, query: u64) -> (Range<u64>, Range<u64>) {
        let all = (0..self.n_queries, 0..self.n_keys);
        let all = self.groups.iter().fold(all, |(queries, keys), groups| {
            let spans = groups.spans(self.n_queries, self.n_keys, query);
            (intersect(queries, spans.0), intersect(keys, spans.1))
        });
        self.parts.iter().fold(all, |(queries, keys), part| {
            let spans = part.spans(query);
            (intersect(queries, spans.0), intersect(keys, spans.1))
        })
    }

    /// The keys around `key` that groups do not separate, and the queries that groups let read them.
    fn key_group(&self, key: u64) -> (Range<u64>, Range<u64>) {
        let all = (0..self.n_keys, 0..self.n_queries);
        let all = self.groups.iter().fold(all, |(keys, queries), groups| {
            let spans = groups.spans(self.n_keys, self.n_queries, key);
            (intersect(keys, spans.0), intersect(queries, spans.1))
        });
        self.parts.iter().fold(all, |(keys, queries), part| {
            let spans = part.key_spans(key);
            (intersect(keys, spans.0), intersect(queries, spans.1))
        })
    }

    /// The run of queries that starts at `query` and is in one class, and where that class begins.
    pub(super) fn query_run(&self, query: u64) -> ClassRun {
        let (queries, keys) = self.group(query);
        let class = (!keys.is_empty()).then_some(queries.start);
        self.run(query, queries.end, class)
    }

    /// The same for a key; classes of both sides are numbered alike.
    pub(super) fn key_run(&self, key: u64) -> ClassRun {
        let (keys, queries) = self.key_group(key);
        let class = (!queries.is_empty()).then_some(queries.start);
        self.run(key, keys.end, class)
    }

    fn run(&self, token: u64, group_end: u64, class: Option<u64>) -> ClassRun {
        if self.windows.is_empty() {
            return ClassRun { end: group_end, class: class.map(|class| [class, 0]) };
        }
        // Windows need equal grids: a key is the query of the same index.
        let [z, y, x] = self.cell(token);
        let cell = (z.0 * self.grid[1] + y.0) * self.grid[2] + x.0;
        ClassRun { end: self.run_end(token), class: class.map(|class| [class, cell]) }
    }

    /// The cell of a token on the grid.
    fn cell(&self, token: u64) -> [(u64, u64); 3] {
        let [_, n_rows, n_columns] = self.grid;
        let coordinates =
            [token / n_columns / n_rows, token / n_columns % n_rows, token % n_columns];
        [0, 1, 2].map(|axis| {
            let span = self.span(axis, coordinates[axis]);
            (span.start, span.end)
        })
    }

    /// The cell of a coordinate on one axis: the cells of several windows intersect to an interval.
    fn span(&self, axis: usize, coordinate: u64) -> Range<u64> {
        let n = self.grid[axis];
        self.windows.iter().fold(0..n, |span, windows| {
            match (axis + windows.size.len()).checked_sub(3) {
                Some(axis) => intersect(span, windows.span(axis, n, coordinate)),
                None => span,
            }
        })
    }
}

fn intersect(a: Range<u64>, b: Range<u64>) -> Range<u64> {
    // An empty intersection keeps start <= end, so that lengths can be taken.
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

fn push_within(interval: Range<u64>, limits: Range<u64>, out: &mut Vec<Range<u64>>) {
    let interval = intersect(interval, limits);
    if !interval.is_empty() {
        out.push(interval);
    }
}
