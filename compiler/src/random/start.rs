//! How weights start.
//!
//! In: a weight's name, shape and [`Init`], and the seed. Out: its numbers. Each depends on seed, name and its own
//! index alone, so that neither the order of weights, nor other weights, nor the number of threads matters.
//! Deliberately not here: threads; callers split the range.

use std::ops::Range;

use super::{key, normal, path_hash, philox};
use crate::model::Init;

/// A start with its numbers worked out.
#[derive(Clone, Copy)]
enum Law {
    Constant(f32),
    /// Between minus and plus this bound.
    Uniform(f64),
    /// Of this deviation.
    Normal(f64),
    /// Of this deviation, drawn again where it lies beyond two of them.
    Truncated(f64),
}

/// The seed and name of a weight, as the generator sees them.
#[derive(Clone, Copy)]
struct Stream {
    key: [u32; 2],
    name: [u32; 2],
}

/// All numbers of a weight, row-major.
///
/// # Panics
///
/// Where the weight has more than 2^34 elements.
pub fn initial(name: &str, shape: &[u64], init: &Init, seed: u64) -> Vec<f32> {
    let n: u64 = shape.iter().product();
    let mut out = vec![0.0; usize::try_from(n).expect("a weight that is made fits into memory")];
    fill(name, shape, init, seed, 0..n, &mut out);
    out
}

/// The elements of a range of a weight's row-major numbers, the same as [`initial`] has there.
///
/// # Panics
///
/// Where `out` is not as long as the range, or the range passes the end of the weight or 2^34.
pub fn fill(name: &str, shape: &[u64], init: &Init, seed: u64, range: Range<u64>, out: &mut [f32]) {
    assert_eq!(range.end - range.start, out.len() as u64, "the range is what is filled");
    assert!(range.end <= shape.iter().product(), "the range lies in the weight");
    assert!(range.end <= 1 << 34, "a weight has at most 2^34 elements");
    let hash = path_hash(name);
    let stream = Stream { key: key(seed), name: [hash as u32, (hash >> 32) as u32] };
    match Law::of(init, shape) {
        Law::Constant(value) => out.fill(value),
        Law::Uniform(bound) => {
            stream.blocks(range, out, |block| {
                stream.words(block, 0).map(|word| {
                    // Exact up to the product: centered between the bounds, never on them.
                    let centered = (f64::from(word) + 0.5) / 2_147_483_648.0 - 1.0;
                    (bound * centered) as f32
                })
            });
        }
        Law::Normal(deviation) => {
            stream.blocks(range, out, |block| {
                stream.normals(block, 0).map(|value| (deviation * value) as f32)
            });
        }
        Law::Truncated(deviation) => {
            stream.blocks(range, out, |block| {
                stream.truncated(block).map(|value| (deviation * value) as f32)
            });
        }
    }
}

impl Law {
    fn of(init: &Init, shape: &[u64]) -> Self {
        match init {
            Init::Constant(value) => Self::Constant(value.to_f64() as f32),
            Init::Truncated(deviation) => Self::Truncated(deviation.to_f64()),
            Init::Normal(deviation) => Self::Normal(deviation.to_f64()),
            Init::Uniform(bound) => Self::Uniform(bound.to_f64()),
            Init::Xavier => Self::Uniform(xavier_bound(shape)),
        }
    }
}

/// sqrt(6 / (in + out)) of a matrix [out, in]; the last size is `in`, what stands before it is `out`, 1 where there
/// is nothing.
fn xavier_bound(shape: &[u64]) -> f64 {
    let (n_in, outer) = shape.split_last().map_or((1, shape), |(n_in, outer)| (*n_in, outer));
    let n_out: u64 = outer.iter().product();
    (6.0 / (n_in + n_out) as f64).sqrt()
}

impl Stream {
    /// Fills a range from blocks of four elements.
    #[inline]
    fn blocks(self, range: Range<u64>, out: &mut [f32], values: impl Fn(u32) -> [f32; 4]) {
        let (mut next, mut out) = (range.start, out);
        while !out.is_empty() {
            let block = u32::try_from(next / 4).expect("a weight has at most 2^34 elements");
            let skipped = (next % 4) as usize;
            let n = out.len().min(4 - skipped);
            let (now, rest) = out.split_at_mut(n);
            now.copy_from_slice(&values(block)[skipped..skipped + n]);
            (next, out) = (next + n as u64, rest);
        }
    }

    #[inline]
    fn words(self, block: u32, attempt: u32) -> [u32; 4] {
        philox([block, self.name[0], self.name[1], (1 << 31) | attempt], self.key)
    }

    #[inline]
    fn normals(self, block: u32, attempt: u32) -> [f64; 4] {
        let [a, b, c, d] = self.words(block, attempt);
        let ([first, second], [third, fourth]) = (normal(a, b), normal(c, d));
        [first, second, third, fourth]
    }

    /// Each element is drawn again, by the next attempt's word, until it lies within two deviations.
    #[inline]
    fn truncated(self, block: u32) -> [f64; 4] {
        let mut values = self.normals(block, 0);
        let mut attempt = 1;
        while values.iter().any(|&value| beyond(value)) {
            let again = self.normals(block, attempt);
            for (value, again) in values.iter_mut().zip(again) {
                if beyond(*value) {
                    *value = again;
                }
            }
            attempt += 1;
        }
        values
    }
}

fn beyond(value: f64) -> bool {
    value.abs() > 2.0
}
