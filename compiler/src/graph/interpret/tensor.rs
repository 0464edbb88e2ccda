//! Where numbers lie, sums and rows.
//!
//! In: operands with their sizes, row-major. Out: the numbers of the result, row-major. Deliberately not here: anything
//! that knows of samples.

use super::Tensor;
use crate::graph::{Binary, Reduction};

/// How far apart neighbors on each axis are.
fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// For each index of `shape`, row-major: `start` and the sum of index times stride over the axes.
fn places(shape: &[usize], strides: &[usize], start: usize) -> Vec<usize> {
    let mut places = vec![start];
    for (size, stride) in shape.iter().zip(strides) {
        let before = std::mem::take(&mut places);
        places.reserve(before.len() * size);
        for place in before {
            places.extend((0..*size).map(|index| place + index * stride));
        }
    }
    places
}

fn picked(a: Tensor<'_>, places: &[usize]) -> Vec<f64> {
    places.iter().map(|place| a.numbers[*place]).collect()
}

/// The axes of `a` in this order.
pub(super) fn permute(a: Tensor<'_>, axes: &[usize]) -> Vec<f64> {
    let from = strides(a.shape);
    let shape: Vec<usize> = axes.iter().map(|axis| a.shape[*axis]).collect();
    let steps: Vec<usize> = axes.iter().map(|axis| from[*axis]).collect();
    picked(a, &places(&shape, &steps, 0))
}

/// `a` repeated along axes where its size is 1.
pub(super) fn broadcast(a: Tensor<'_>, shape: &[usize]) -> Vec<f64> {
    let steps = strides(a.shape).into_iter().zip(a.shape);
    let steps: Vec<usize> = steps.map(|(step, size)| if *size == 1 { 0 } else { step }).collect();
    picked(a, &places(shape, &steps, 0))
}

/// A part of an axis.
pub(super) fn slice(a: Tensor<'_>, axis: usize, start: usize, shape: &[usize]) -> Vec<f64> {
    let steps = strides(a.shape);
    picked(a, &places(shape, &steps, start * steps[axis]))
}

/// `a` with zeros around it on an axis.
pub(super) fn pad(a: Tensor<'_>, axis: usize, before: usize, shape: &[usize]) -> Vec<f64> {
    let mut result = vec![0.0; shape.iter().product()];
    put(&mut result, shape, a, axis, before);
    result
}

/// All parts after one another on an axis.
pub(super) fn concat(parts: &[Tensor<'_>], axis: usize, shape: &[usize]) -> Vec<f64> {
    let mut result = vec![f64::NAN; shape.iter().product()];
    let mut before = 0;
    for part in parts {
        put(&mut result, shape, *part, axis, before);
        before += part.shape[axis];
    }
    result
}

/// Writes `part` into a tensor of this shape, from `before` on on an axis.
fn put(result: &mut [f64], shape: &[usize], part: Tensor<'_>, axis: usize, before: usize) {
    let steps = strides(shape);
    let places = places(part.shape, &steps, before * steps[axis]);
    for (place, number) in places.into_iter().zip(part.numbers) {
        result[place] = *number;
    }
}

/// The numbers along an axis become one, from the first to the last.
pub(super) fn reduce_axis(a: Tensor<'_>, reduction: Reduction, axis: usize) -> Vec<f64> {
    let steps = strides(a.shape);
    let mut shape = a.shape.to_vec();
    shape[axis] = 1;
    let firsts = places(&shape, &steps, 0).into_iter();
    let numbers = firsts.map(|first| {
        let along = (0..a.shape[axis]).map(|index| a.numbers[first + index * steps[axis]]);
        reduce(reduction, along)
    });
    numbers.collect()
}

/// Numbers in order become one.
pub(crate) fn reduce(reduction: Reduction, along: impl Iterator<Item = f64>) -> f64 {
    match reduction {
        Reduction::Sum => along.sum(),
        Reduction::Max => along.fold(f64::NEG_INFINITY, |max, a| Binary::Max.apply(max, a)),
    }
}

/// Of `[m, k]` and `[n, k]`: `[m, n]`, sums over `k` of products.
pub(super) fn contract(a: Tensor<'_>, b: Tensor<'_>) -> Vec<f64> {
    let (m, n, k) = (a.shape[0], b.shape[0], a.shape[1]);
    let mut result = Vec::with_capacity(m * n);
    for i in 0..m {
        for j in 0..n {
            result.push(dot(&a.numbers[i * k..(i + 1) * k], &b.numbers[j * k..(j + 1) * k]));
        }
    }
    result
}

/// The sum of products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// These rows of a matrix.
pub(super) fn rows(a: Tensor<'_>, rows: impl Iterator<Item = usize>) -> Vec<f64> {
    let width = a.shape[1];
    rows.flat_map(|row| &a.numbers[row * width..(row + 1) * width]).copied().collect()
}

/// For each id the sum of the rows that `order` names from its start to the next one's.
pub(crate) fn lookup_sum(a: &[f64], width: usize, order: &[f64], starts: &[f64]) -> Vec<f64> {
    let mut result = Vec::new();
    for bounds in starts.windows(2) {
        let mut sums = vec![0.0; width];
        for place in &order[integer(bounds[0])..integer(bounds[1])] {
            let row = integer(*place);
            for (sum, number) in sums.iter_mut().zip(&a[row * width..(row + 1) * width]) {
                *sum += number;
            }
        }
        result.extend(sums);
    }
    result
}

/// A number of a tensor of integers.
pub(crate) fn integer(number: f64) -> usize {
    assert!(number >= 0.0 && number.fract() == 0.0, "{number} is an integer");
    number as usize
}
