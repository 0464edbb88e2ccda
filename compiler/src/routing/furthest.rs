//! The largest of what a query may read.
//!
//! In: a relation on its grids, and a number for each key. Out: for each query the largest number among the keys that it may
//! read, 0 where it reads none. Queries of one class are asked once. Deliberately not here: what the numbers mean.

use std::ops::Range;

use super::classes::Classes;
use super::relation::Relation;

/// For each query the largest number among the keys that it may read. The grids must [`fit`](Relation::fit).
pub(crate) fn furthest(
    relation: &Relation,
    query_grid: &[u64],
    key_grid: &[u64],
    numbers: &[u32],
) -> Vec<u32> {
    let classes = Classes::new(relation, query_grid, key_grid);
    let n_queries = classes.n_queries;
    let mut found = Vec::new();
    if *relation == Relation::All {
        let largest = numbers.iter().copied().max().unwrap_or(0);
        found.resize(index(n_queries), largest);
        return found;
    }
    let maxima = Maxima::of(numbers);
    let (mut pieces, mut intervals) = (Vec::new(), Vec::new());
    let mut query = 0;
    while query < n_queries {
        let end = if classes.causal { query + 1 } else { classes.run_end(query).max(query + 1) };
        classes.pieces(query..query + 1, &mut pieces);
        classes.intervals(&pieces, query + 1, &mut intervals);
        let largest = intervals.iter().map(|keys| maxima.within(keys)).max();
        found.resize(index(end), largest.unwrap_or(0));
        query = end;
    }
    found
}

/// The largest numbers of all ranges whose length is a power of two.
struct Maxima {
    /// At `n` those of ranges of 2^n numbers, by where they begin.
    levels: Vec<Vec<u32>>,
}

impl Maxima {
    fn of(numbers: &[u32]) -> Self {
        let mut levels = vec![numbers.to_vec()];
        let mut half = 1;
        while 2 * half <= numbers.len() {
            let last = levels.last().expect("there is a first level");
            let next = last.iter().zip(&last[half..]).map(|(a, b)| *a.max(b)).collect();
            levels.push(next);
            half *= 2;
        }
        Self { levels }
    }

    /// The largest number of a range: of two that cover it, one from each end.
    fn within(&self, range: &Range<u64>) -> u32 {
        let (start, end) = (index(range.start), index(range.end));
        let Some(level) = (end - start).checked_ilog2() else { return 0 };
        let numbers = &self.levels[level as usize];
        numbers[start].max(numbers[end - (1 << level)])
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a number for each token is in memory")
}
