//! The definition: a loop over pairs of tokens, in f64.

use super::{Case, Cotangent, noise};
use crate::compiler::graph::Attention;

/// What [`Results`](super::Results) should be.
#[derive(Default)]
pub(super) struct Exact {
    pub(super) result: Vec<f64>,
    pub(super) statistics: Vec<f64>,
    pub(super) queries: Vec<f64>,
    pub(super) keys: Vec<f64>,
    pub(super) values: Vec<f64>,
    pub(super) scores: Vec<f64>,
}

/// A pair of tokens that may read, in one sample.
struct Meeting {
    query: usize,
    key: usize,
    compact_query: usize,
    compact_key: usize,
    position: Option<usize>,
}

impl Exact {
    pub(super) fn parts(&self) -> [&[f64]; 6] {
        [&self.result, &self.statistics, &self.queries, &self.keys, &self.values, &self.scores]
    }
}

impl Case {
    fn meetings(&self) -> Vec<Meeting> {
        let Attention { mask, window, .. } = &self.attention;
        let mut meetings = Vec::new();
        for sample in 0..self.batch {
            for pair in &mask.pairs {
                let (receiver, read) = (pair.receiver, pair.read);
                if !self.has(true, receiver, sample) || !self.has(false, read, sample) {
                    continue;
                }
                let rows = |compact| {
                    (
                        self.rows(true, receiver, sample, compact).start,
                        self.rows(false, read, sample, compact).start,
                    )
                };
                let (query, key) = rows(false);
                let (compact_query, compact_key) = rows(true);
                let grid = &mask.reads[read].grid;
                for i in 0..mask.receivers[receiver].tokens() {
                    for j in 0..mask.reads[read].tokens() {
                        if mask.allows(receiver, i, read, j) {
                            let (row, column) = (i as usize, j as usize);
                            meetings.push(Meeting {
                                query: query + row,
                                key: key + column,
                                compact_query: compact_query + row,
                                compact_key: compact_key + column,
                                position: window
                                    .as_ref()
                                    .map(|window| position(grid, window, i, j)),
                            });
                        }
                    }
                }
            }
        }
        meetings
    }

    /// The result with its statistics, a cotangent, and from them the gradients; statistics and delta are rounded
    /// between, as they are for the kernels.
    pub(super) fn exact(&self) -> (Exact, Cotangent) {
        let Attention { heads, width, .. } = self.attention;
        let rows = self.attention.n_queries(self.batch);
        let meetings = self.meetings();
        let mut exact = Exact {
            result: vec![0.0; rows * width],
            statistics: vec![0.0; rows * heads],
            ..Exact::default()
        };
        for head in 0..heads {
            self.exact_forward(&meetings, head, &mut exact);
        }
        let cotangent = self.cotangent(&exact);
        let keys = self.attention.n_keys(self.batch);
        exact.queries = vec![0.0; rows * width];
        exact.keys = vec![0.0; keys * width];
        exact.values = vec![0.0; keys * width];
        exact.scores = vec![0.0; heads * self.attention.n_positions()];
        for head in 0..heads {
            self.exact_backward(&meetings, head, &cotangent, &mut exact);
        }
        (exact, cotangent)
    }

    /// Of one head of a row of an operand.
    fn numbers(&self, operand: usize, row: usize, head: usize) -> impl Iterator<Item = f64> + '_ {
        let (all, width) = (self.attention.width, self.attention.head_width());
        let numbers = &self.operands[operand][row * all + head * width..][..width];
        numbers.iter().map(|&x| f64::from(x))
    }

    fn score(&self, meeting: &Meeting, head: usize) -> f64 {
        let products = self.numbers(0, meeting.query, head).zip(self.numbers(1, meeting.key, head));
        let product: f64 = products.map(|(q, k)| q * k).sum();
        let table = self.attention.n_positions();
        let bias =
            meeting.position.map_or(0.0, |at| f64::from(self.operands[3][head * table + at]));
        product / (self.attention.head_width() as f64).sqrt() + bias
    }

    fn exact_forward(&self, meetings: &[Meeting], head: usize, exact: &mut Exact) {
        let (heads, all, width) =
            (self.attention.heads, self.attention.width, self.attention.head_width());
        let mut sums = vec![0.0; exact.statistics.len() / heads];
        for meeting in meetings {
            sums[meeting.compact_query] += self.score(meeting, head).exp();
        }
        for (row, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
            exact.statistics[row * heads + head] = sum.ln();
        }
        for meeting in meetings {
            let row = meeting.compact_query;
            let weight = self.score(meeting, head).exp() / sums[row];
            let result = &mut exact.result[row * all + head * width..][..width];
            for (result, v) in result.iter_mut().zip(self.numbers(2, meeting.key, head)) {
                *result += weight * v;
            }
        }
    }

    /// Rows of absent receivers are NaN.
    fn cotangent(&self, exact: &Exact) -> Cotangent {
        let (heads, width) = (self.attention.heads, self.attention.head_width());
        let mut cotangent = vec![f32::NAN; exact.result.len()];
        let mut statistics = vec![f32::NAN; exact.statistics.len()];
        let mut delta = statistics.clone();
        for group in 0..self.attention.mask.receivers.len() {
            for sample in (0..self.batch).filter(|&sample| self.has(true, group, sample)) {
                let name = format!("g {} {sample}", self.attention.mask.receivers[group].name);
                let rows = self.rows(true, group, sample, true);
                for (i, row) in rows.enumerate() {
                    for head in 0..heads {
                        let at = (row * heads + head) * width..(row * heads + head + 1) * width;
                        for (channel, at) in at.clone().enumerate() {
                            cotangent[at] = noise(&name, (i * heads + head) * width + channel);
                        }
                        let numbers = exact.result[at.clone()].iter().zip(&cotangent[at]);
                        let sum: f64 = numbers.map(|(o, &g)| o * f64::from(g)).sum();
                        delta[row * heads + head] = sum as f32;
                        statistics[row * heads + head] =
                            exact.statistics[row * heads + head] as f32;
                    }
                }
            }
        }
        Cotangent { statistics, delta, cotangent }
    }

    fn exact_backward(
        &self,
        meetings: &[Meeting],
        head: usize,
        cotangent: &Cotangent,
        exact: &mut Exact,
    ) {
        let (heads, all, width) =
            (self.attention.heads, self.attention.width, self.attention.head_width());
        let scale = 1.0 / (width as f64).sqrt();
        for meeting in meetings {
            let row = meeting.compact_query * heads + head;
            let weight = (self.score(meeting, head) - f64::from(cotangent.statistics[row])).exp();
            let cotangents = &cotangent.cotangent[row * width..][..width];
            let products = cotangents.iter().zip(self.numbers(2, meeting.key, head));
            let product: f64 = products.map(|(&g, v)| f64::from(g) * v).sum();
            let gradient = weight * (product - f64::from(cotangent.delta[row]));
            let key = meeting.compact_key * all + head * width;
            for (at, &g) in cotangents.iter().enumerate() {
                exact.values[key + at] += weight * f64::from(g);
            }
            for (at, k) in self.numbers(1, meeting.key, head).enumerate() {
                exact.queries[row * width + at] += gradient * k * scale;
            }
            for (at, q) in self.numbers(0, meeting.query, head).enumerate() {
                exact.keys[key + at] += gradient * q * scale;
            }
            if let Some(at) = meeting.position {
                exact.scores[head * self.attention.n_positions() + at] += gradient;
            }
        }
    }
}

/// Row-major over `2 w - 1` positions on each axis.
fn position(grid: &[u64], window: &[usize], query: u64, key: u64) -> usize {
    let coordinates = |token: u64| {
        let mut rest = token;
        let mut coordinates: Vec<u64> = Vec::new();
        for size in grid.iter().rev() {
            coordinates.insert(0, rest % size);
            rest /= size;
        }
        coordinates
    };
    let mut position = 0;
    for ((q, k), w) in coordinates(query).into_iter().zip(coordinates(key)).zip(window) {
        position = position * (2 * w - 1) + (q + *w as u64 - 1 - k) as usize;
    }
    position
}
