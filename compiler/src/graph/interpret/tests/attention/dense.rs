//! Attention by way of a matrix of scores for each sample and head.
//!
//! In: a case and its operands. Out: results and statistics. It takes nothing from the oracle but where groups lie.

use super::{BATCH, Built, Case, HEAD, HEADS, WIDTH, has_video};
use crate::graph::tokens;
use crate::routing::Side;

/// All tokens of some sides: side, token, coordinates.
fn all_tokens(sides: &[Side]) -> Vec<(usize, usize, Vec<i64>)> {
    let mut all = Vec::new();
    for (at, side) in sides.iter().enumerate() {
        let mut coordinates: Vec<Vec<i64>> = vec![Vec::new()];
        for size in &side.grid {
            let longer = coordinates.iter().flat_map(|prefix| {
                (0..*size as i64).map(move |next| [prefix.as_slice(), &[next]].concat())
            });
            coordinates = longer.collect();
        }
        all.extend(coordinates.into_iter().enumerate().map(|(token, place)| (at, token, place)));
    }
    all
}

/// Results and statistics by way of a matrix of scores, sample by sample and head by head.
pub(super) fn attend(case: &Case<'_>, built: &Built) -> (Vec<f64>, Vec<f64>) {
    let attention = built.graph.attention(built.id);
    let (receivers, reads) = (&attention.mask.receivers, &attention.mask.reads);
    let (queries, keys) = (all_tokens(receivers), all_tokens(reads));
    let number = |operand: usize, row: usize, head: usize, at: usize| {
        built.numbers[operand][row * WIDTH + head * HEAD + at]
    };
    let mut results = vec![0.0; queries.len() * BATCH * WIDTH];
    let mut statistics = vec![0.0; queries.len() * BATCH * HEADS];
    for (sample, head) in (0..BATCH).flat_map(|sample| (0..HEADS).map(move |head| (sample, head))) {
        let exists = |absent: &[usize], at| has_video(sample) || !absent.contains(&at);
        for (receiver, query, place) in &queries {
            let row = attention.queries[*receiver] + sample * tokens(&receivers[*receiver]) + query;
            let key_row = |read: usize, key: usize| {
                attention.keys[read] + sample * tokens(&reads[read]) + key
            };
            let scores: Vec<f64> = keys
                .iter()
                .map(|(read, key, key_place)| {
                    let exists = exists(case.absent.0, *receiver) && exists(case.absent.1, *read);
                    if !exists || !(case.allow)((*receiver, *query), (*read, *key)) {
                        return f64::NEG_INFINITY;
                    }
                    let products = (0..HEAD).map(|at| {
                        number(0, row, head, at) * number(1, key_row(*read, *key), head, at)
                    });
                    let product = products.sum::<f64>() / (HEAD as f64).sqrt();
                    product
                        + case
                            .window
                            .as_ref()
                            .map_or(0.0, |window| bias(built, window, head, place, key_place))
                })
                .collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if max == f64::NEG_INFINITY {
                continue;
            }
            let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
            let before: usize = receivers[..*receiver].iter().map(tokens).sum();
            let compact = before * BATCH + sample * tokens(&receivers[*receiver]) + query;
            statistics[compact * HEADS + head] = max + sum.ln();
            for at in 0..HEAD {
                results[compact * WIDTH + head * HEAD + at] = keys
                    .iter()
                    .zip(&scores)
                    .map(|((read, key, _), score)| {
                        (score - max).exp() / sum * number(2, key_row(*read, *key), head, at)
                    })
                    .sum();
            }
        }
    }
    (results, statistics)
}

/// As the table of relative positions is indexed: shifted to start from 0, times the sizes of later axes.
fn bias(built: &Built, window: &[usize], head: usize, query: &[i64], key: &[i64]) -> f64 {
    let positions: usize = window.iter().map(|size| 2 * size - 1).product();
    let mut index = 0;
    for axis in 0..window.len() {
        let later: i64 = window[axis + 1..].iter().map(|size| 2 * *size as i64 - 1).product();
        let difference = query[axis] - key[axis];
        if difference.abs() >= window[axis] as i64 {
            return 0.0;
        }
        index += (difference + window[axis] as i64 - 1) * later;
    }
    built.numbers[3][head * positions + index as usize]
}
