//! The loss of an objective over any number of samples.
//!
//! In: batch by batch what the objective's terms are made of. Out: for each term the mean over the samples that have it, and
//! the objective of these means. It depends neither on how samples fall into batches nor on threads: sums are in doubles, in
//! the order of the samples. A sample of several clips counts once, by the mean over them. What `nce` says of a sample depends
//! on whom it is compared with: with the samples of its group, so many consecutive ones of the set. Deliberately not here:
//! other losses of single samples, which the compiled program makes.

use rayon::prelude::*;

use super::reader::TermSaid;
use super::regression::product;
use crate::compiler::model::{Loss, Model, Negatives};

/// Below every squared norm that is not 0; as in the compiled program.
const TINY: f64 = 1e-24;

/// The mean of a term of the objective.
#[derive(Debug, Clone, PartialEq)]
pub struct TermLoss {
    /// As the model's text form has it, such as `cross_entropy(logits, label, smoothing: 0)`.
    pub term: String,
    /// The mean over the samples that have it; none where none has.
    pub loss: Option<f64>,
    /// How many samples have it. For `nce` those that have somebody in their group to be compared with.
    pub samples: u64,
    /// For `nce`, of how many samples a group is.
    pub group: Option<usize>,
}

/// The losses of all samples so far.
#[derive(Debug)]
pub(super) struct Losses {
    loss: Loss,
    texts: Vec<String>,
    terms: Vec<Sum>,
    /// The sample whose clips come now.
    open: Option<u64>,
    /// Samples that have at least one term.
    samples: u64,
    /// Samples of a group of `nce`.
    group: usize,
}

/// A term so far.
#[derive(Debug, Default)]
struct Sum {
    /// What the clips of the open sample say: a loss, or the two sides of `nce`; and how many of them do.
    clips: Vec<Vec<f64>>,
    n_clips: u32,
    losses: f64,
    samples: u64,
    group: Group,
}

/// The samples of one group of `nce` so far.
#[derive(Debug, Default)]
struct Group {
    number: u64,
    /// The two sides of each sample, vectors of length 1.
    sides: Vec<Vec<Vec<f64>>>,
    temperature: f64,
}

impl Losses {
    pub(super) fn new(model: &Model, loss: &Loss, group: usize) -> Self {
        let texts = model.term_texts(loss);
        let terms = texts.iter().map(|_| Sum::default()).collect();
        Self { loss: loss.clone(), texts, terms, open: None, samples: 0, group }
    }

    /// Takes a batch: the samples' places in the set, those of clips one after the other, and what is said of each term.
    pub(super) fn add(&mut self, places: &[u64], said: &[TermSaid]) {
        for (row, place) in places.iter().enumerate() {
            if self.open != Some(*place) {
                self.close();
                self.open = Some(*place);
            }
            for (term, said) in self.terms.iter_mut().zip(said) {
                if said.has(row) {
                    term.group.temperature = said.temperature;
                    term.add_clip(said.of(row));
                }
            }
        }
    }

    /// Ends the sample whose clips came last.
    fn close(&mut self) {
        let Some(place) = self.open.take() else { return };
        let group = place / self.group.max(1) as u64;
        self.samples += u64::from(self.terms.iter().any(|term| term.n_clips > 0));
        for (term, loss) in self.terms.iter_mut().zip(self.loss.terms()) {
            term.close(loss, group);
        }
    }

    /// The objective, how many samples have any of it, and its terms.
    pub(super) fn finish(mut self) -> (Option<f64>, u64, Vec<TermLoss>) {
        self.close();
        let Self { loss, texts, terms, samples, group, .. } = self;
        let ends = terms.into_iter().zip(texts).zip(loss.terms());
        let found: Vec<TermLoss> = ends
            .map(|((mut sum, term), loss)| {
                let negatives = negatives(loss);
                if let Some(negatives) = negatives {
                    sum.compare(negatives);
                }
                #[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
                let mean = (sum.samples > 0).then(|| sum.losses / sum.samples as f64);
                let group = negatives.map(|_| group);
                TermLoss { term, loss: mean, samples: sum.samples, group }
            })
            .collect();
        let objective = combined(&loss, &mut found.iter().map(|term| term.loss));
        let samples = match found.as_slice() {
            [term] => term.samples,
            _ if objective.is_none() => 0,
            _ => samples,
        };
        (objective, samples, found)
    }
}

/// The negatives of `nce`.
fn negatives(term: &Loss) -> Option<Negatives> {
    if let Loss::Nce { negatives, .. } = term { Some(*negatives) } else { None }
}

/// The means and sums of terms as the compiled program has them: means over the terms that there are.
fn combined(loss: &Loss, terms: &mut impl Iterator<Item = Option<f64>>) -> Option<f64> {
    match loss {
        Loss::Mean(parts) => {
            let found: Vec<f64> = parts.iter().filter_map(|part| combined(part, terms)).collect();
            #[expect(clippy::cast_precision_loss, reason = "losses have few terms")]
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        }
        Loss::Sum(parts) => {
            let mut sum = None;
            for (factor, part) in parts {
                if let Some(part) = combined(part, terms) {
                    sum = Some(sum.unwrap_or(0.0) + factor.to_f64() * part);
                }
            }
            sum
        }
        Loss::CrossEntropy { .. }
        | Loss::SigmoidCrossEntropy { .. }
        | Loss::Nce { .. }
        | Loss::Mse { .. } => terms.next().expect("every term has a mean, or none"),
    }
}

impl Sum {
    /// Adds what a clip says.
    fn add_clip(&mut self, parts: Vec<Vec<f64>>) {
        self.n_clips += 1;
        if self.n_clips == 1 {
            self.clips = parts;
            return;
        }
        for (sums, numbers) in self.clips.iter_mut().zip(parts) {
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        }
    }

    /// Ends a sample of a group.
    fn close(&mut self, term: &Loss, group: u64) {
        if self.n_clips == 0 {
            return;
        }
        let n = f64::from(std::mem::take(&mut self.n_clips));
        let mut parts = std::mem::take(&mut self.clips);
        parts.iter_mut().flatten().for_each(|sum| *sum /= n);
        let Some(negatives) = negatives(term) else {
            self.losses += parts.iter().flatten().sum::<f64>();
            self.samples += 1;
            return;
        };
        if self.group.number != group {
            self.compare(negatives);
            self.group.number = group;
        }
        self.group.sides.push(parts.into_iter().map(unit).collect());
    }

    /// Ends a group. A sample alone has nothing that it could be told from.
    fn compare(&mut self, negatives: Negatives) {
        let losses = self.group.losses(negatives);
        self.group.sides.clear();
        if losses.len() > 1 {
            self.samples += losses.len() as u64;
            self.losses += losses.iter().sum::<f64>();
        }
    }
}

impl Group {
    /// Equation 2 of the paper, for each sample.
    fn losses(&self, negatives: Negatives) -> Vec<f64> {
        let rows = (0..self.sides.len()).into_par_iter();
        rows.map(|at| {
            let [own_left, own_right] = [0, 1].map(|side| &self.sides[at][side]);
            let score = |a: &[f64], b: &[f64]| product(a, b) / self.temperature;
            let others = self.sides.iter();
            let mut forward: Vec<f64> =
                others.clone().map(|other| score(own_left, &other[1])).collect();
            let own = forward[at];
            if negatives == Negatives::Forward {
                return log_sum(&forward) - own;
            }
            let mut backward: Vec<f64> = others.map(|other| score(&other[0], own_right)).collect();
            if negatives == Negatives::Both {
                return (log_sum(&forward) + log_sum(&backward)) / 2.0 - own;
            }
            backward.remove(at);
            forward.append(&mut backward);
            log_sum(&forward) - own
        })
        .collect()
    }
}

/// The logarithm of the sum of exponentials.
fn log_sum(scores: &[f64]) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| libm::exp(score - largest)).sum();
    largest + libm::log(sum)
}

/// A vector of length 1, or of zeros.
pub(super) fn unit(mut vector: Vec<f64>) -> Vec<f64> {
    let length = product(&vector, &vector).max(TINY).sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}
