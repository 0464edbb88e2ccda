//! Attention from its definition, token by token.
//!
//! In: queries, keys, values and perhaps the score bias; for gradients also the statistics, the sums of result times
//! cotangent, and the cotangent. Out: results and gradients without the gaps that operands may have between groups. A row that
//! may read nothing, because of the mask or because of what its sample lacks, gives 0 and so do its statistic and its
//! gradients. Scores of tokens that are further apart than the window have no bias. Deliberately not here: schedules.

use super::Batch;
use super::tensor::dot;
use crate::graph::tokens;
use crate::graph::{Attention, Gradient};

/// A token of a receiver in a sample, and what it reads.
struct Query {
    /// Its row in the queries.
    row: usize,
    /// Its row in the result.
    compact: usize,
    keys: Vec<Key>,
}

/// A token that is read.
struct Key {
    /// Its row in keys and values.
    row: usize,
    /// Its row in their gradients.
    compact: usize,
    /// Where its bias lies in a row of the table.
    position: Option<usize>,
}

impl Batch<'_> {
    /// Scores become weights, and these sums of values.
    pub(crate) fn attend(&self, attention: &Attention, operands: &[&[f64]]) -> Vec<f64> {
        let operands = Operands::new(attention, operands);
        let mut result = vec![0.0; attention.n_queries(self.size) * attention.width];
        self.each_query(attention, &mut |query| {
            for head in 0..attention.heads {
                let statistic = operands.statistic(query, head);
                let sums = operands.head_mut(&mut result, query.compact, head);
                for key in &query.keys {
                    let weight = libm::exp(operands.score(query, key, head) - statistic);
                    add(sums, weight, operands.head(operands.values, key.row, head));
                }
            }
        });
        result
    }

    /// The logarithm of each row's sum of exponentials, by head.
    pub(crate) fn attend_statistics(&self, attention: &Attention, operands: &[&[f64]]) -> Vec<f64> {
        let operands = Operands::new(attention, operands);
        let mut result = vec![0.0; attention.n_queries(self.size) * attention.heads];
        self.each_query(attention, &mut |query| {
            for head in 0..attention.heads {
                result[query.compact * attention.heads + head] = operands.statistic(query, head);
            }
        });
        result
    }

    /// The gradient with respect to one operand.
    pub(crate) fn attend_gradient(
        &self,
        gradient: Gradient,
        attention: &Attention,
        tensors: &[&[f64]],
    ) -> Vec<f64> {
        let operands = Operands::new(attention, tensors);
        let [.., statistics, deltas, cotangents] = tensors else {
            panic!("a gradient has statistics, sums and a cotangent");
        };
        let positions = attention.n_positions();
        let numbers = match gradient {
            Gradient::Queries => attention.n_queries(self.size) * attention.width,
            Gradient::Keys | Gradient::Values => attention.n_keys(self.size) * attention.width,
            Gradient::Scores => attention.heads * positions,
        };
        let mut result = vec![0.0; numbers];
        self.each_query(attention, &mut |query| {
            for head in 0..attention.heads {
                let at = query.compact * attention.heads + head;
                let (statistic, delta) = (statistics[at], deltas[at]);
                let cotangent = operands.head(cotangents, query.compact, head);
                for key in &query.keys {
                    let weight = libm::exp(operands.score(query, key, head) - statistic);
                    let of_weight = dot(cotangent, operands.head(operands.values, key.row, head));
                    let of_score = weight * (of_weight - delta);
                    let of_product = of_score * operands.scale();
                    match gradient {
                        Gradient::Queries => {
                            let sums = operands.head_mut(&mut result, query.compact, head);
                            add(sums, of_product, operands.head(operands.keys, key.row, head));
                        }
                        Gradient::Keys => {
                            let sums = operands.head_mut(&mut result, key.compact, head);
                            add(sums, of_product, operands.head(operands.queries, query.row, head));
                        }
                        Gradient::Values => {
                            let sums = operands.head_mut(&mut result, key.compact, head);
                            add(sums, weight, cotangent);
                        }
                        Gradient::Scores => {
                            if let Some(position) = key.position {
                                result[head * positions + position] += of_score;
                            }
                        }
                    }
                }
            }
        });
        result
    }

    /// Calls `visit` for each row of the result, in order.
    fn each_query(&self, attention: &Attention, visit: &mut dyn FnMut(&Query)) {
        let mut compact = 0;
        for (receiver, side) in attention.mask.receivers.iter().enumerate() {
            for sample in 0..self.size {
                let present = self.present(attention.query_present[receiver], sample);
                for token in 0..tokens(side) {
                    let row = attention.queries[receiver] + sample * tokens(side) + token;
                    let keys = if present {
                        self.keys(attention, receiver, sample, token)
                    } else {
                        Vec::new()
                    };
                    visit(&Query { row, compact, keys });
                    compact += 1;
                }
            }
        }
    }

    /// What a token of a receiver reads.
    fn keys(
        &self,
        attention: &Attention,
        receiver: usize,
        sample: usize,
        query: usize,
    ) -> Vec<Key> {
        let mask = &attention.mask;
        let mut keys = Vec::new();
        let mut start = 0;
        for (read, side) in mask.reads.iter().enumerate() {
            let first = sample * tokens(side);
            if self.present(attention.key_present[read], sample) {
                for key in 0..tokens(side) {
                    if mask.allows(receiver, query as u64, read, key as u64) {
                        let grids = (&mask.receivers[receiver].grid, &side.grid);
                        let position = position(attention, grids, query, key);
                        let row = attention.keys[read] + first + key;
                        keys.push(Key { row, compact: start + first + key, position });
                    }
                }
            }
            start += self.size * tokens(side);
        }
        keys
    }
}

/// The index of a relative position: on each axis query minus key, from `1 - window` on, row-major. None without a
/// window and outside of it.
fn position(
    attention: &Attention,
    (query_grid, key_grid): (&Vec<u64>, &Vec<u64>),
    query: usize,
    key: usize,
) -> Option<usize> {
    let window = attention.window.as_ref()?;
    let (query, key) = (coordinates(query_grid, query), coordinates(key_grid, key));
    if query.len() != window.len() || key.len() != window.len() {
        return None;
    }
    let mut position = 0;
    for ((query, key), size) in query.into_iter().zip(key).zip(window) {
        let offset = (query + size - 1).checked_sub(key).filter(|offset| *offset < 2 * size - 1)?;
        position = position * (2 * size - 1) + offset;
    }
    Some(position)
}

/// Of a token on a grid.
fn coordinates(grid: &[u64], token: usize) -> Vec<usize> {
    let mut rest = token;
    let mut coordinates = Vec::new();
    for size in grid.iter().rev() {
        let size = usize::try_from(*size).expect("a grid has at most 2^32 tokens");
        coordinates.push(rest % size);
        rest /= size;
    }
    coordinates.reverse();
    coordinates
}

fn add(sums: &mut [f64], factor: f64, numbers: &[f64]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += factor * number;
    }
}

/// The operands of an attention as rows and heads.
struct Operands<'a> {
    attention: &'a Attention,
    queries: &'a [f64],
    keys: &'a [f64],
    values: &'a [f64],
    bias: Option<&'a [f64]>,
}

impl<'a> Operands<'a> {
    fn new(attention: &'a Attention, operands: &[&'a [f64]]) -> Self {
        Self {
            attention,
            queries: operands[0],
            keys: operands[1],
            values: operands[2],
            bias: attention.window.as_ref().map(|_| operands[3]),
        }
    }

    /// One over the square root of the numbers of a head.
    fn scale(&self) -> f64 {
        1.0 / (self.attention.head_width() as f64).sqrt()
    }

    fn span(&self, row: usize, head: usize) -> std::ops::Range<usize> {
        let width = self.attention.head_width();
        let start = row * self.attention.width + head * width;
        start..start + width
    }

    fn head<'b>(&self, tensor: &'b [f64], row: usize, head: usize) -> &'b [f64] {
        &tensor[self.span(row, head)]
    }

    fn head_mut<'b>(&self, tensor: &'b mut [f64], row: usize, head: usize) -> &'b mut [f64] {
        &mut tensor[self.span(row, head)]
    }

    fn score(&self, query: &Query, key: &Key, head: usize) -> f64 {
        let query = self.head(self.queries, query.row, head);
        let product = dot(query, self.head(self.keys, key.row, head)) * self.scale();
        match (self.bias, key.position) {
            (Some(bias), Some(position)) => {
                product + bias[head * self.attention.n_positions() + position]
            }
            (Some(_) | None, None) | (None, Some(_)) => product,
        }
    }

    /// The logarithm of the sum of exponentials of the scores; 0 where nothing is read.
    fn statistic(&self, query: &Query, head: usize) -> f64 {
        let scores: Vec<f64> = query.keys.iter().map(|key| self.score(query, key, head)).collect();
        let Some(max) = scores.iter().copied().reduce(f64::max) else { return 0.0 };
        // The largest score is taken out first, because the exponential of a large one is not finite.
        max + libm::log(scores.iter().map(|score| libm::exp(score - max)).sum())
    }
}
