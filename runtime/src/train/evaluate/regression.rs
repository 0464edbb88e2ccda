//! Logistic regression on fixed features.
//!
//! In: features and true distributions of samples. Out: a linear map to logits. What is minimized is the mean over samples of
//! the cross-entropy (for classes that do not exclude each other the sum of those of the classes), and half the decay times
//! the squared weights; biases do not decay. Features are standardized by the mean and deviation of those that are fitted.
//! All in doubles; sums have one order whatever the number of threads. Deliberately not here: whose features they are.

use rayon::prelude::*;

use super::minimize::{Minimum, Stop, minimize};
use crate::train::scores::Metric;

/// Samples are gone through in at most so many parts, each with a gradient of its own.
const N_PARTS: usize = 32;
/// A part has at least so many samples.
const FEW: usize = 64;
/// Deviations below this are those of features that say nothing.
const FLAT: f64 = 1e-9;
/// When a fit is good enough, and when it is given up.
const STOP: Stop = Stop { gradient: 1e-6, steps: 1000 };

/// Samples to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    /// Numbers of each sample.
    pub(super) width: usize,
    pub(super) classes: usize,
    /// `[samples, width]`.
    pub(super) features: &'a [f32],
    /// `[samples, classes]`.
    pub(super) truths: &'a [f32],
    /// Whether classes exclude each other.
    pub(super) metric: Metric,
    /// How strongly weights are kept small.
    pub(super) decay: f64,
}

/// A map from features to logits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    /// What is taken off each feature, and what it is then multiplied by.
    means: Vec<f64>,
    scales: Vec<f64>,
    /// `[classes, width + 1]`, the bias last.
    weights: Vec<f64>,
    pub(super) converged: bool,
    pub(super) steps: usize,
}

impl Fit {
    pub(super) fn of(samples: Samples<'_>) -> Self {
        let (means, scales) = standards(samples.width, samples.features);
        let standard = standardized(samples.features, &means, &scales);
        let start = vec![0.0; samples.classes * (samples.width + 1)];
        let function = |weights: &[f64]| samples.loss(&standard, weights);
        let Minimum { at: weights, converged, steps, .. } = minimize(function, start, STOP);
        Self { means, scales, weights, converged, steps }
    }

    /// What it says of the features of one sample.
    pub(super) fn logits(&self, features: &[f32]) -> Vec<f32> {
        let standard = standardized(features, &self.means, &self.scales);
        let rows = self.weights.chunks_exact(self.means.len() + 1);
        #[expect(clippy::cast_possible_truncation, reason = "rounds")]
        rows.map(|row| logit(row, &standard) as f32).collect()
    }
}

/// The mean of each feature, and 1 over its deviation; 0 for those that are all the same.
#[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
fn standards(width: usize, features: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let rows = || features.chunks_exact(width.max(1));
    let n = rows().count().max(1) as f64;
    let (mut means, mut squares) = (vec![0.0; width], vec![0.0; width]);
    for row in rows() {
        means.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / n);
    }
    for row in rows() {
        for ((square, mean), x) in squares.iter_mut().zip(&means).zip(row) {
            *square += (f64::from(*x) - mean).powi(2) / n;
        }
    }
    let scale = |square: f64, mean: f64| {
        let deviation = square.sqrt();
        if deviation > FLAT * mean.abs().max(1e-12) { 1.0 / deviation } else { 0.0 }
    };
    let scales = squares.into_iter().zip(&means).map(|(square, mean)| scale(square, *mean));
    let scales = scales.collect();
    (means, scales)
}

fn standardized(features: &[f32], means: &[f64], scales: &[f64]) -> Vec<f64> {
    let rows = features.chunks_exact(means.len().max(1));
    let standard = |((x, mean), scale): ((&f32, &f64), &f64)| (f64::from(*x) - mean) * scale;
    rows.flat_map(|row| row.iter().zip(means).zip(scales).map(standard)).collect()
}

/// A row of weights with its bias times a sample.
fn logit(row: &[f64], features: &[f64]) -> f64 {
    let (weights, bias) = row.split_at(features.len());
    product(weights, features) + bias[0]
}

/// A product in sums of one order, several at once.
pub(super) fn product(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

impl Samples<'_> {
    fn len(&self) -> usize {
        self.truths.len() / self.classes.max(1)
    }

    /// What is minimized, and its gradient by the weights.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
    fn loss(&self, standard: &[f64], weights: &[f64]) -> (f64, Vec<f64>) {
        let size = self.len().div_ceil(N_PARTS).max(FEW);
        let rows = standard.par_chunks(size * self.width);
        let truths = self.truths.par_chunks(size * self.classes);
        let parts: Vec<(f64, Vec<f64>)> =
            rows.zip(truths).map(|(rows, truths)| self.part(rows, truths, weights)).collect();
        let n = self.len().max(1) as f64;
        let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
        for (part, own) in parts {
            loss += part / n;
            gradient.iter_mut().zip(own).for_each(|(sum, own)| *sum += own / n);
        }
        let rows = weights.chunks_exact(self.width + 1);
        for (row, gradient) in rows.zip(gradient.chunks_exact_mut(self.width + 1)) {
            for (weight, gradient) in row[..self.width].iter().zip(gradient) {
                loss += self.decay * weight * weight / 2.0;
                *gradient += self.decay * weight;
            }
        }
        (loss, gradient)
    }

    /// The sum of the losses of some samples, and its gradient.
    fn part(&self, features: &[f64], truths: &[f32], weights: &[f64]) -> (f64, Vec<f64>) {
        let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
        let samples = features.chunks_exact(self.width).zip(truths.chunks_exact(self.classes));
        for (features, truth) in samples {
            let rows = weights.chunks_exact(self.width + 1);
            let mut errors: Vec<f64> = rows.map(|row| logit(row, features)).collect();
            loss += match self.metric {
                Metric::Accuracy => softmax_loss(&mut errors, truth),
                Metric::MeanAveragePrecision => sigmoid_loss(&mut errors, truth),
            };
            for (row, error) in gradient.chunks_exact_mut(self.width + 1).zip(errors) {
                row.iter_mut().zip(features).for_each(|(sum, x)| *sum += error * x);
                row[self.width] += error;
            }
        }
        (loss, gradient)
    }
}

/// The cross-entropy with a distribution; logits become its gradient.
fn softmax_loss(logits: &mut [f64], truth: &[f32]) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| libm::exp(logit - top)).sum();
    let log = top + libm::log(sum);
    let all: f64 = truth.iter().copied().map(f64::from).sum();
    let mut loss = 0.0;
    for (logit, truth) in logits.iter_mut().zip(truth) {
        let truth = f64::from(*truth);
        loss += truth * (log - *logit);
        *logit = all * libm::exp(*logit - log) - truth;
    }
    loss
}

/// The sum of the cross-entropies of the classes; logits become its gradient.
fn sigmoid_loss(logits: &mut [f64], truth: &[f32]) -> f64 {
    let mut loss = 0.0;
    for (logit, truth) in logits.iter_mut().zip(truth) {
        let (x, truth) = (*logit, f64::from(*truth));
        loss += x.max(0.0) - x * truth + libm::log1p(libm::exp(-x.abs()));
        *logit = 1.0 / (1.0 + libm::exp(-x)) - truth;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::{Fit, STOP, Samples, standardized, standards};
    use crate::compiler::random::uniform;
    use crate::train::scores::Metric;

    /// Samples of three classes whose features say something of their class, more than one part of them.
    fn made(n: u32, width: u32) -> (Vec<f32>, Vec<f32>) {
        let (mut features, mut truths) = (Vec::new(), Vec::new());
        for at in 0..n {
            for k in 0..width {
                let noise = uniform(3, [at, k, 0, 0])[0] - 0.5;
                features.push(3.0 + 10.0 * noise + if at % 3 == k % 3 { 2.0 } else { 0.0 });
            }
            truths.extend((0..3).map(|class| f32::from(u8::from(class == at % 3))));
        }
        (features, truths)
    }

    #[test]
    fn gradients_are_those_of_the_loss() {
        let (features, truths) = made(150, 5);
        for metric in [Metric::Accuracy, Metric::MeanAveragePrecision] {
            let (features, truths) = (features.as_slice(), truths.as_slice());
            let samples = Samples { width: 5, classes: 3, features, truths, metric, decay: 0.3 };
            let (means, scales) = standards(5, features);
            let standard = standardized(features, &means, &scales);
            let weights: Vec<f64> =
                (0..18).map(|at| f64::from(uniform(9, [at, 0, 0, 0])[0]) - 0.5).collect();
            let (_, gradient) = samples.loss(&standard, &weights);
            for at in 0..weights.len() {
                let moved = |by: f64| {
                    let mut weights = weights.clone();
                    weights[at] += by;
                    samples.loss(&standard, &weights).0
                };
                let step = 1e-5;
                let expected = (moved(step) - moved(-step)) / (2.0 * step);
                // The error is of the order of the squared step, and of 1e-16 over the step.
                assert!((gradient[at] - expected).abs() < 1e-9, "{metric:?}, {at}: {expected}");
            }
        }
    }

    #[test]
    fn the_optimum_is_found() {
        let (features, truths) = made(300, 7);
        for metric in [Metric::Accuracy, Metric::MeanAveragePrecision] {
            let (features, truths) = (features.as_slice(), truths.as_slice());
            let samples = Samples { width: 7, classes: 3, features, truths, metric, decay: 1e-3 };
            let fit = Fit::of(samples);
            assert!(fit.converged && fit.steps < 100, "{} steps", fit.steps);
            let standard = standardized(features, &fit.means, &fit.scales);
            let (value, gradient) = samples.loss(&standard, &fit.weights);
            // What is minimized is strictly convex in the weights: where the gradient is 0, it is smallest.
            assert!(gradient.iter().all(|gradient| gradient.abs() <= STOP.gradient));
            assert!(value < samples.loss(&standard, &[0.0; 24]).0);
            let right = features.chunks(7).zip(truths.chunks(3)).filter(|(features, truth)| {
                let logits = fit.logits(features);
                let own = logits.iter().zip(*truth).find(|(_, truth)| **truth > 0.0);
                logits.iter().all(|logit| Some(logit) <= own.map(|(own, _)| own))
            });
            assert!(right.count() > 150);
        }
    }

    #[test]
    fn an_optimum_that_is_known() {
        // Features that say nothing: the bias alone is left, and the probabilities are how often classes occur.
        let features = vec![4.0; 2 * 10];
        let truths: Vec<f32> =
            (0..10).flat_map(|at| if at < 7 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
        let samples = Samples {
            width: 2,
            classes: 2,
            features: &features,
            truths: &truths,
            metric: Metric::Accuracy,
            decay: 1.0,
        };
        let fit = Fit::of(samples);
        let logits = fit.logits(&[4.0, 9.0]);
        let expected = libm::log(7.0 / 3.0);
        // The gradient is at most 1e-6, and the curvature by the biases 0.21.
        assert!((f64::from(logits[0] - logits[1]) - expected).abs() < 1e-5, "{logits:?}");
        // One feature of two values, weights that hardly decay: again the probabilities are how often classes occur.
        let features: Vec<f32> = (0..10).map(|at| if at < 5 { -2.0 } else { 2.0 }).collect();
        let truths: Vec<f32> = (0..10)
            .flat_map(|at| if [0, 1, 2, 3, 5].contains(&at) { [1.0, 0.0] } else { [0.0, 1.0] })
            .collect();
        let fit = Fit::of(Samples {
            width: 1,
            features: &features,
            truths: &truths,
            decay: 1e-9,
            ..samples
        });
        for (feature, odds) in [(-2.0, 4.0), (2.0, 0.25)] {
            let logits = fit.logits(&[feature]);
            let found = f64::from(logits[0] - logits[1]);
            assert!((found - libm::log(odds)).abs() < 1e-4, "{logits:?}");
        }
    }
}
