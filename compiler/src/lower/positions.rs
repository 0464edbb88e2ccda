//! Positions: learned, sinusoidal, Fourier; added to the features or joined to them.
//!
//! Sinusoidal: the axes share the width evenly; of an axis with `2 h` numbers, number `i < h` is `sin(c * 10000^(-i / h))` of
//! the coordinate `c`, and number `h + i` the cosine (Vaswani et al. 2017, an axis at a time). Fourier: for each axis the
//! coordinate in -1..1, then the sines and then the cosines of `pi * f * c` for `bands` frequencies `f` evenly from 1 to
//! the highest, half the axis's size if that is 0 (Jaegle et al. 2021). Deliberately not here: which widths fit.

use std::f64::consts::PI;

use crate::graph::NodeId;
use crate::model::{Lane, PositionKind};

use super::{Lowering, number};

impl Lowering<'_> {
    pub(super) fn position(&mut self, lane: &Lane, kind: &PositionKind, join: bool) -> NodeId {
        let operand = lane.operands[0];
        let (tokens, own) = self.size(operand);
        let features = self.sequence(operand);
        // A part has the positions that it has in the whole.
        let (first, grid) = match self.portion(operand) {
            Some((first, whole)) => {
                (number(first), whole.grid.iter().copied().map(number).collect())
            }
            None => (0, self.grid(operand)),
        };
        let all: usize = grid.iter().product();
        let table = match kind {
            PositionKind::Learned => {
                let width = self.size(lane.result).1 - if join { own } else { 0 };
                self.weight_as(lane.weights[0], &[1, all, width])
            }
            PositionKind::Sinusoidal => {
                let numbers = sinusoidal(&grid, own);
                self.graph.table(numbers, &[1, all, own])
            }
            PositionKind::Fourier { bands, max } => {
                let numbers = fourier(&grid, number(*bands), max.to_f64());
                let width = numbers.len() / all;
                self.graph.table(numbers, &[1, all, width])
            }
        };
        let table = self.graph.slice(table, 1, first, tokens);
        let width = self.graph.shape(table)[2];
        let table = self.graph.broadcast(table, &[self.request.batch, tokens, width]);
        if join {
            self.graph.concat(&[features, table], 2)
        } else {
            self.graph.add(features, table)
        }
    }
}

/// The coordinates of every token of a grid.
fn coordinates(grid: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..grid.iter().product::<usize>()).map(move |token| {
        let mut rest = token;
        let mut coordinates: Vec<usize> = grid
            .iter()
            .rev()
            .map(|n| {
                let coordinate = rest % n;
                rest /= n;
                coordinate
            })
            .collect();
        coordinates.reverse();
        coordinates
    })
}

#[expect(clippy::cast_precision_loss, reason = "coordinates are far below 2^53")]
fn sinusoidal(grid: &[usize], width: usize) -> Vec<f64> {
    let half = width / (2 * grid.len());
    let mut numbers = Vec::new();
    for token in coordinates(grid) {
        for coordinate in token {
            let angle = |i: usize| coordinate as f64 * libm::pow(1e4, -(i as f64) / half as f64);
            numbers.extend((0..half).map(|i| libm::sin(angle(i))));
            numbers.extend((0..half).map(|i| libm::cos(angle(i))));
        }
    }
    numbers
}

#[expect(clippy::cast_precision_loss, reason = "coordinates are far below 2^53")]
fn fourier(grid: &[usize], bands: usize, max: f64) -> Vec<f64> {
    let mut numbers = Vec::new();
    for token in coordinates(grid) {
        for (coordinate, n) in token.into_iter().zip(grid) {
            let place = if *n == 1 { 0.0 } else { 2.0 * coordinate as f64 / (n - 1) as f64 - 1.0 };
            let top = if max == 0.0 { *n as f64 / 2.0 } else { max };
            let frequency = |i: usize| {
                if bands == 1 { 1.0 } else { 1.0 + (top - 1.0) * i as f64 / (bands - 1) as f64 }
            };
            numbers.push(place);
            numbers.extend((0..bands).map(|i| libm::sin(PI * frequency(i) * place)));
            numbers.extend((0..bands).map(|i| libm::cos(PI * frequency(i) * place)));
        }
    }
    numbers
}
