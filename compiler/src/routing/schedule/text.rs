//! A schedule as text, for snapshots.
//!
//! In: a schedule. Out: a line for each owner, and one for all of its bands of the same sizes. Deliberately not here:
//! the tables.

use std::collections::BTreeMap;
use std::fmt;

use super::{Band, Direction, Order, Owner, Schedule, Visit};
use crate::routing::relation::plural;

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, owner) in self.owners.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            let tokens = plural(u64::from(owner.tokens()), "token");
            let order = match owner.order {
                Order::Natural => "natural order",
                Order::Table(_) => "ordered by table",
            };
            write!(f, "{separator}{}: {tokens}, {order}", owner.name)?;
            self.fmt_bands(f, owner)?;
        }
        Ok(())
    }
}

impl Schedule {
    /// Bands of the same sizes together, in the order of their first.
    fn fmt_bands(&self, f: &mut fmt::Formatter<'_>, owner: &Owner) -> fmt::Result {
        let mut lines: Vec<(&Band, u64)> = Vec::new();
        let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for band in &owner.bands {
            let line = *known.entry(sizes(band)).or_insert_with(|| {
                lines.push((band, 0));
                lines.len() - 1
            });
            lines[line].1 += 1;
        }
        let (one, many, none) = match self.direction {
            Direction::Forward => ("reads", "read", "nothing"),
            Direction::Transposed => ("is read by", "are read by", "nobody"),
        };
        for (band, n) in lines {
            let verb = if n == 1 { one } else { many };
            let tokens = plural(u64::from(band.owners.end - band.owners.start), "token");
            let visits: Vec<String> =
                band.visits.iter().map(|visit| self.visit_text(visit)).collect();
            let visits = if visits.is_empty() { none.to_owned() } else { visits.join(", ") };
            write!(f, "\n  {} of {tokens} {verb} {visits}", plural(n, "band"))?;
        }
        Ok(())
    }

    fn visit_text(&self, visit: &Visit) -> String {
        let pair = &self.pairs[visit.pair as usize];
        let (n, name) =
            (visit.others.end - visit.others.start, &self.others[pair.other as usize].name);
        let order = match pair.order {
            Order::Natural => "",
            Order::Table(_) => " by table",
        };
        let causal = if visit.causal { " causally" } else { "" };
        format!("{n} of {name}{order}{causal}")
    }
}

/// What makes bands alike: tokens, then pair and tokens of each visit; a pair is causal or is not.
fn sizes(band: &Band) -> Vec<u32> {
    let mut sizes = vec![band.owners.end - band.owners.start];
    for visit in &band.visits {
        sizes.extend([visit.pair, visit.others.end - visit.others.start]);
    }
    sizes
}
