//! Which sample is drawn when.
//!
//! In: the sizes and weights of sources, a seed. Out: for each place in the endless row of drawn samples its source and its
//! number there. Which source is drawn depends on the seed and the place alone; within a source, samples come shuffled,
//! each once before any comes again. Deliberately not here: reading.

use std::sync::Arc;

use super::draw::Draw;

/// One draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) source: usize,
    /// The number in the source.
    pub(super) number: usize,
    /// The place in the row of all draws.
    pub(super) at: u64,
    /// Which clip of it, from 0; only evaluation takes several.
    pub(super) clip: u64,
}

/// The row of draws, from a place on.
#[derive(Debug)]
pub(super) struct Order {
    seed: u64,
    /// Samples of each source, none of them 0.
    sizes: Vec<usize>,
    /// Sums of shares: source k is drawn for numbers below the k-th that are not below the one before.
    ends: Vec<f64>,
    /// How many were drawn of each source.
    drawn: Vec<u64>,
    /// The pass of each source that is shuffled now.
    passes: Vec<Option<(u64, Arc<Vec<u32>>)>>,
    next: u64,
}

impl Order {
    /// The row from a place on.
    pub(super) fn new(seed: u64, sources: &[(usize, f64)], first: u64) -> Self {
        let total: f64 = sources.iter().map(|(_, weight)| weight).sum();
        let mut end = 0.0;
        let ends = sources.iter().map(|(_, weight)| {
            end += weight / total;
            end
        });
        let mut order = Self {
            seed,
            sizes: sources.iter().map(|(size, _)| *size).collect(),
            ends: ends.collect(),
            drawn: vec![0; sources.len()],
            passes: vec![None; sources.len()],
            next: 0,
        };
        if sources.len() == 1 {
            (order.drawn[0], order.next) = (first, first);
        }
        while order.next < first {
            let source = order.source(order.next);
            order.drawn[source] += 1;
            order.next += 1;
        }
        order
    }

    fn source(&self, at: u64) -> usize {
        if self.sizes.len() == 1 {
            return 0;
        }
        let value = Draw::new(self.seed, "data.source", at).uniform();
        let last = self.sizes.len() - 1;
        self.ends.iter().position(|end| value < *end).unwrap_or(last)
    }

    /// The next draw.
    pub(super) fn next(&mut self) -> Pick {
        let at = self.next;
        let source = self.source(at);
        let size = self.sizes[source];
        let (pass, place) = (self.drawn[source] / size as u64, self.drawn[source] % size as u64);
        let shuffled = match &self.passes[source] {
            Some((known, shuffled)) if *known == pass => Arc::clone(shuffled),
            Some(_) | None => {
                let purpose = format!("data.shuffle.{source}");
                let shuffled = Draw::new(self.seed, &purpose, pass).permutation(size);
                let shuffled = Arc::new(shuffled);
                self.passes[source] = Some((pass, Arc::clone(&shuffled)));
                shuffled
            }
        };
        self.drawn[source] += 1;
        self.next += 1;
        let place = usize::try_from(place).expect("below the size");
        Pick { source, number: shuffled[place] as usize, at, clip: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(sources: &[(usize, f64)], seed: u64, first: u64, n: usize) -> Vec<Pick> {
        let mut order = Order::new(seed, sources, first);
        (0..n).map(|_| order.next()).collect()
    }

    #[test]
    fn any_place_can_be_the_first() {
        for sources in [&[(7, 1.0)][..], &[(7, 1.0), (3, 2.5), (50, 0.2)]] {
            let all = take(sources, 9, 0, 200);
            for first in [0, 1, 13, 150] {
                let later = take(sources, 9, first, 50);
                assert_eq!(later, all[first as usize..first as usize + 50]);
            }
            assert_ne!(all, take(sources, 10, 0, 200));
        }
    }

    #[test]
    fn passes_hold_every_sample_once() {
        let all = take(&[(40, 1.0)], 1, 0, 120);
        let mut orders = Vec::new();
        for pass in all.chunks(40) {
            let mut numbers: Vec<usize> = pass.iter().map(|pick| pick.number).collect();
            orders.push(numbers.clone());
            numbers.sort_unstable();
            assert_eq!(numbers, (0..40).collect::<Vec<_>>());
        }
        assert_ne!(orders[0], orders[1]);
    }

    #[test]
    fn sources_have_their_shares() {
        let all = take(&[(10, 3.0), (1000, 1.0)], 2, 0, 20_000);
        let first = all.iter().filter(|pick| pick.source == 0).count() as f64 / 20_000.0;
        // Four deviations of a share of 20,000 draws.
        assert!((first - 0.75).abs() < 0.0123, "{first}");
    }
}
