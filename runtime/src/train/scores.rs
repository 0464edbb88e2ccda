//! How good predictions are: accuracy, and mean average precision.
//!
//! In: predictions and what is true, sample by sample. Out: one number, and of how many samples it is. Deliberately not here:
//! models.

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

    /// Probabilities of the classes.
    pub(super) fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Self::Accuracy => softmax(logits),
            Self::MeanAveragePrecision => sigmoid(logits),
        }
    }
}

/// Of what samples a score is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many.
    pub samples: u64,
    /// For mean average precision, how many classes are true of any of them; the others are not in the mean.
    pub classes: Option<u64>,
}

/// How good predictions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// What the metric says, 0 to 1.
    pub value: f64,
    /// For accuracies the part of samples whose true class is among the five most probable, 0 to 1.
    pub top5: Option<f64>,
    /// The samples.
    pub counts: Counts,
}

/// Which of the samples that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// All.
    All,
    /// Those that have all modalities.
    Complete,
}

/// What is true of some samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Truths {
    samples: [u64; 2],
    /// Which classes are true of any sample.
    classes: [Vec<bool>; 2],
}

impl Truths {
    pub(super) fn add(&mut self, truth: &[f32], is_complete: bool) {
        let both = self.samples.iter_mut().zip(&mut self.classes);
        for (samples, classes) in both.take(1 + usize::from(is_complete)) {
            *samples += 1;
            classes.resize(truth.len(), false);
            classes.iter_mut().zip(truth).for_each(|(class, truth)| *class |= *truth > 0.5);
        }
    }

    pub(super) fn counts(&self, metric: Metric, among: Among) -> Counts {
        let at = among as usize;
        let classes = self.classes[at].iter().filter(|class| **class).count() as u64;
        let classes = (metric == Metric::MeanAveragePrecision).then_some(classes);
        Counts { samples: self.samples[at], classes }
    }
}

/// Predictions of one output under one set of modalities.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    counted: Truths,
    right: [u64; 2],
    /// The true class is among the first five.
    near: [u64; 2],
    /// For average precision, sample by sample: probabilities, truths, and whether it has all modalities.
    probabilities: Vec<f32>,
    truths: Vec<bool>,
    complete: Vec<bool>,
}

impl Tally {
    pub(super) fn add(
        &mut self,
        metric: Metric,
        probabilities: &[f32],
        truth: &[f32],
        is_complete: bool,
    ) {
        self.counted.add(truth, is_complete);
        match metric {
            Metric::Accuracy => {
                let place = place(probabilities, largest(truth));
                let both = self.right.iter_mut().zip(&mut self.near);
                for (right, near) in both.take(1 + usize::from(is_complete)) {
                    *right += u64::from(place == 0);
                    *near += u64::from(place < 5);
                }
            }
            Metric::MeanAveragePrecision => {
                self.probabilities.extend(probabilities);
                self.truths.extend(truth.iter().map(|truth| *truth > 0.5));
                self.complete.push(is_complete);
            }
        }
    }

    /// None where nothing was predicted, or no class occurs.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
    pub(super) fn score(&self, metric: Metric, among: Among) -> Option<Score> {
        let counts = self.counted.counts(metric, among);
        if counts.samples == 0 {
            return None;
        }
        let at = among as usize;
        match metric {
            Metric::Accuracy => {
                let part = |count: u64| count as f64 / counts.samples as f64;
                let top5 = Some(part(self.near[at]));
                Some(Score { value: part(self.right[at]), top5, counts })
            }
            Metric::MeanAveragePrecision => {
                let samples = self.complete.len();
                let classes = self.probabilities.len() / samples;
                let is_wanted = |at: &usize| among == Among::All || self.complete[*at];
                let of_class = |class: usize| {
                    let scored = (0..samples).filter(is_wanted).map(|at| at * classes + class);
                    let scored = scored.map(|at| (self.probabilities[at], self.truths[at]));
                    average_precision(scored.collect())
                };
                let found: Vec<f64> = (0..classes).filter_map(of_class).collect();
                let mean = found.iter().sum::<f64>() / found.len() as f64;
                (!found.is_empty()).then_some(Score { value: mean, top5: None, counts })
            }
        }
    }
}

/// The first of the largest numbers.
pub(super) fn largest(numbers: &[f32]) -> usize {
    let mut best = 0;
    for (at, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = at;
        }
    }
    best
}

/// How many classes come before one when the most probable is first; of equals the first one comes first. What is no number
/// comes first in any case.
fn place(numbers: &[f32], class: usize) -> usize {
    let own = numbers[class];
    let comes_before = |(at, number): &(usize, &f32)| {
        *at != class && (*number > &own || (number == &&own && *at < class) || number.is_nan())
    };
    if own.is_nan() {
        numbers.len()
    } else {
        numbers.iter().enumerate().filter(comes_before).count()
    }
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
fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| libm::exp(f64::from(logit - top))).collect();
    let sum: f64 = powers.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "rounds")]
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// Probabilities of classes, each by itself.
fn sigmoid(logits: &[f32]) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "rounds")]
    logits.iter().map(|logit| (1.0 / (1.0 + libm::exp(-f64::from(*logit)))) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::{Among, Counts, Metric, Score, Tally, average_precision, place, softmax};

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
    fn places_by_hand() {
        let check = |numbers: &[f32], expected: &[usize]| {
            let found: Vec<usize> = (0..numbers.len()).map(|class| place(numbers, class)).collect();
            assert_eq!(found, expected, "{numbers:?}");
        };
        check(&[0.1, 0.6, 0.3], &[2, 0, 1]);
        // Of equals the first comes first, as where one class is chosen.
        check(&[0.5; 4], &[0, 1, 2, 3]);
        check(&[0.2, f32::NAN, 0.8], &[2, 3, 1]);
        let mut tally = Tally::default();
        for class in 0..7 {
            let truth: Vec<f32> = (0..7).map(|at| f32::from(u8::from(at == class))).collect();
            tally.add(Metric::Accuracy, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &truth, true);
        }
        let score = tally.score(Metric::Accuracy, Among::All).expect("there are samples");
        let counts = Counts { samples: 7, classes: None };
        assert_eq!(score, Score { value: 1.0 / 7.0, top5: Some(5.0 / 7.0), counts });
    }

    #[test]
    fn tallies() {
        let mut tally = Tally::default();
        assert_eq!(tally.score(Metric::Accuracy, Among::All), None);
        tally.add(Metric::Accuracy, &[0.1, 0.9], &[0.0, 1.0], true);
        tally.add(Metric::Accuracy, &[0.6, 0.4], &[0.0, 1.0], false);
        let counts = |samples, classes| Counts { samples, classes };
        let score = tally.score(Metric::Accuracy, Among::All);
        let half = Score { value: 0.5, top5: Some(1.0), counts: counts(2, None) };
        assert_eq!(score, Some(half));
        let score = tally.score(Metric::Accuracy, Among::Complete);
        let whole = Score { value: 1.0, top5: Some(1.0), counts: counts(1, None) };
        assert_eq!(score, Some(whole));
        let mut tally = Tally::default();
        tally.add(Metric::MeanAveragePrecision, &[0.9, 0.1, 0.3], &[1.0, 0.0, 0.0], false);
        tally.add(Metric::MeanAveragePrecision, &[0.8, 0.2, 0.3], &[0.0, 1.0, 0.0], true);
        // The third class never occurs.
        let score = tally.score(Metric::MeanAveragePrecision, Among::All);
        let all = Score { value: 1.0, top5: None, counts: counts(2, Some(2)) };
        assert_eq!(score, Some(all));
        let score = tally.score(Metric::MeanAveragePrecision, Among::Complete);
        assert_eq!(score, Some(Score { counts: counts(1, Some(1)), ..all }));
        assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
    }
}
