//! How good predictions are: accuracy, and mean average precision.
//!
//! In: predictions and what is true, sample by sample. Out: one number. Deliberately not here: models.

use std::cmp::Ordering;

/// What is measured of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The part of samples whose most probable class is the true one.
    Accuracy,
    /// The mean over classes of the average precision.
    MeanAveragePrecision,
}

impl Metric {
    /// As tables and logs call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MeanAveragePrecision => "mAP",
        }
    }
}

/// Predictions of one output under one set of modalities.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    samples: u64,
    right: u64,
    /// For average precision: probabilities and truths, sample by sample.
    probabilities: Vec<f32>,
    truths: Vec<bool>,
}

impl Tally {
    pub(super) fn add(&mut self, metric: Metric, probabilities: &[f32], truth: &[f32]) {
        self.samples += 1;
        match metric {
            Metric::Accuracy => self.right += u64::from(largest(probabilities) == largest(truth)),
            Metric::MeanAveragePrecision => {
                self.probabilities.extend(probabilities);
                self.truths.extend(truth.iter().map(|truth| *truth > 0.5));
            }
        }
    }

    /// 0 to 1; none where nothing was predicted, or no class occurs.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
    pub(super) fn score(&self, metric: Metric) -> Option<f64> {
        let samples = usize::try_from(self.samples).ok().filter(|samples| *samples > 0)?;
        match metric {
            Metric::Accuracy => Some(self.right as f64 / samples as f64),
            Metric::MeanAveragePrecision => {
                let classes = self.probabilities.len() / samples;
                let of_class = |class: usize| {
                    let scores = (0..samples).map(|at| self.probabilities[at * classes + class]);
                    let truths = (0..samples).map(|at| self.truths[at * classes + class]);
                    average_precision(scores.zip(truths).collect())
                };
                let found: Vec<f64> = (0..classes).filter_map(of_class).collect();
                (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
            }
        }
    }
}

/// The first of the largest numbers.
fn largest(numbers: &[f32]) -> usize {
    let mut best = 0;
    for (at, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = at;
        }
    }
    best
}

/// The mean of the precision at each true sample, the most probable first; those of one probability count as one step, so
/// that their order does not matter. None where nothing is true.
#[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
fn average_precision(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    let positives = scored.iter().filter(|(_, truth)| *truth).count();
    if positives == 0 {
        return None;
    }
    let (mut seen, mut hits, mut sum) = (0_usize, 0_usize, 0.0);
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        let new = group.iter().filter(|(_, truth)| *truth).count();
        seen += group.len();
        hits += new;
        sum += new as f64 * hits as f64 / seen as f64;
    }
    Some(sum / positives as f64)
}

/// Probabilities of classes that exclude each other.
pub(super) fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| libm::exp(f64::from(logit - top))).collect();
    let sum: f64 = powers.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "rounds")]
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// Probabilities of classes, each by itself.
pub(super) fn sigmoid(logits: &[f32]) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "rounds")]
    logits.iter().map(|logit| (1.0 / (1.0 + libm::exp(-f64::from(*logit)))) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::{Metric, Tally, average_precision, softmax};

    #[test]
    fn precision_by_hand() {
        let check = |scored: &[(f32, bool)], expected: Option<f64>| {
            let found = average_precision(scored.to_vec());
            // Few sums of small fractions.
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(same, "{scored:?}: {found:?}, expected {expected:?}");
        };
        check(&[(0.9, true), (0.8, false), (0.7, true)], Some((1.0 + 2.0 / 3.0) / 2.0));
        check(&[(0.1, true), (0.9, false)], Some(0.5));
        check(&[(0.5, true), (0.5, false), (0.5, false), (0.5, true)], Some(0.5));
        check(&[(0.5, false)], None);
    }

    #[test]
    fn tallies() {
        let mut tally = Tally::default();
        assert_eq!(tally.score(Metric::Accuracy), None);
        tally.add(Metric::Accuracy, &[0.1, 0.9], &[0.0, 1.0]);
        tally.add(Metric::Accuracy, &[0.6, 0.4], &[0.0, 1.0]);
        assert_eq!(tally.score(Metric::Accuracy), Some(0.5));
        let mut tally = Tally::default();
        tally.add(Metric::MeanAveragePrecision, &[0.9, 0.1, 0.3], &[1.0, 0.0, 0.0]);
        tally.add(Metric::MeanAveragePrecision, &[0.8, 0.2, 0.3], &[0.0, 1.0, 0.0]);
        // The third class never occurs.
        assert_eq!(tally.score(Metric::MeanAveragePrecision), Some(1.0));
        assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
    }
}
