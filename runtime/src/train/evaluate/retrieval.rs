//! How well samples are found by what is said of them: recall among the first few.
//!
//! In: for two outputs the vectors of all samples, and their classes where these are known. Out: for each direction the part of
//! queries that have a right answer among the first 1, 5, 10. Vectors are compared as `nce` does it, by cosine. Deliberately
//! not here: where vectors come from.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::compiler::model::{Loss, Model, ValueId};

/// Among so many of the first an answer is looked for.
pub const FIRST: [usize; 3] = [1, 5, 10];

/// So many queries are compared at a time.
const ROWS: usize = 64;
/// Below every squared norm that is not 0; as in the loss.
const TINY: f64 = 1e-24;

/// Recall for a pair of outputs under one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// What is asked with.
    pub from: String,
    /// What is looked through.
    pub to: String,
    /// The target whose classes say what is a right answer; without one, it is the other output of the same sample.
    pub by: Option<String>,
    /// The condition, by its place among those of the evaluation.
    pub condition: usize,
    /// How many samples asked: those for which there is a right answer to be found.
    pub queries: u64,
    /// How many samples were looked through.
    pub answers: u64,
    /// The part of them that found it among the first [`FIRST`], 0 to 1.
    pub recall: [f64; 3],
}

/// Two outputs that an objective compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) a: String,
    pub(super) b: String,
}

/// The pairs of outputs that an objective's `nce` terms compare, each once, and whether it compares what is no output.
pub(super) fn pairs(model: &Model, objective: &str) -> (Vec<Pair>, bool) {
    let mut found: Vec<(ValueId, ValueId)> = Vec::new();
    for other in model.objectives.iter().filter(|other| other.name == objective) {
        collect(&other.loss, &mut found);
    }
    let output = |value: ValueId| {
        model.outputs.iter().find(|output| output.value == value).map(|output| output.name.clone())
    };
    let (mut pairs, mut hidden) = (Vec::new(), false);
    for (a, b) in found {
        let (Some(a), Some(b)) = (output(a), output(b)) else {
            hidden = true;
            continue;
        };
        let pair = Pair { a, b };
        // Both directions are looked at in any case.
        let known = |other: &Pair| *other == pair || (other.a == pair.b && other.b == pair.a);
        if !pairs.iter().any(known) {
            pairs.push(pair);
        }
    }
    (pairs, hidden)
}

fn collect(loss: &Loss, found: &mut Vec<(ValueId, ValueId)>) {
    match loss {
        Loss::Nce { a, b, .. } => found.push((*a, *b)),
        Loss::CrossEntropy { .. } | Loss::SigmoidCrossEntropy { .. } | Loss::Mse { .. } => {}
        Loss::Mean(terms) => terms.iter().for_each(|term| collect(term, found)),
        Loss::Sum(terms) => terms.iter().for_each(|(_, term)| collect(term, found)),
    }
}

/// A vector of length 1, or of zeros.
pub(super) fn unit(vector: &[f32]) -> Vec<f32> {
    let square: f64 = vector.iter().map(|number| f64::from(*number).powi(2)).sum();
    let length = square.max(TINY).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "rounds")]
    vector.iter().map(|number| (f64::from(*number) / length) as f32).collect()
}

/// The classes of samples, where they are known.
pub(super) type Classes = BTreeMap<u64, usize>;

/// One output of all samples that have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Gallery {
    samples: Vec<u64>,
    /// One after the other.
    vectors: Vec<f32>,
}

impl Gallery {
    pub(super) fn add(&mut self, sample: u64, vector: &[f32]) {
        self.samples.push(sample);
        self.vectors.extend(vector);
    }

    /// How many samples there are to be found.
    pub(super) fn known(&self, classes: Option<&Classes>) -> u64 {
        self.marks(classes).iter().flatten().count() as u64
    }

    fn width(&self) -> usize {
        self.vectors.len().checked_div(self.samples.len()).unwrap_or(0)
    }

    /// What a right answer shares with its query: the class, or being the same sample.
    fn marks(&self, classes: Option<&Classes>) -> Vec<Option<u64>> {
        let mark = |sample: &u64| match classes {
            Some(classes) => classes.get(sample).map(|class| *class as u64),
            None => Some(*sample),
        };
        self.samples.iter().map(mark).collect()
    }
}

/// The part of queries that find a right answer among the first few, and how many asked; none where nobody could. Samples
/// without a known class are left out where classes are given. What is as near as the nearest right answer counts as nearer.
pub(super) fn recall(
    from: &Gallery,
    to: &Gallery,
    classes: Option<&Classes>,
) -> Option<(u64, [f64; 3])> {
    let width = from.width();
    if width == 0 || width != to.width() {
        return None;
    }
    let asked: Vec<(Option<u64>, &[f32])> =
        from.marks(classes).into_iter().zip(from.vectors.chunks_exact(width)).collect();
    let answers: Vec<(u64, &[f32])> = to
        .marks(classes)
        .into_iter()
        .zip(to.vectors.chunks_exact(width))
        .filter_map(|(mark, vector)| Some((mark?, vector)))
        .collect();
    let ranks: Vec<Vec<usize>> = asked
        .par_chunks(ROWS)
        .map(|queries| {
            let mut near = vec![0.0; answers.len()];
            let ranks = queries.iter().filter_map(|(mark, query)| {
                let mark = (*mark)?;
                for (near, (_, answer)) in near.iter_mut().zip(&answers) {
                    *near = product(query, answer);
                }
                rank(mark, &answers, &near)
            });
            ranks.collect()
        })
        .collect();
    let (mut queries, mut hits) = (0_u64, [0_u64; 3]);
    for rank in ranks.into_iter().flatten() {
        queries += 1;
        for (hits, first) in hits.iter_mut().zip(FIRST) {
            *hits += u64::from(rank <= first);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
    let part = |hits: u64| hits as f64 / queries as f64;
    (queries > 0).then(|| (queries, hits.map(part)))
}

/// The place of the nearest right answer, from 1; none where there is no right answer. What is no number is as far away as
/// can be where it is right, and near where it is wrong.
fn rank(mark: u64, answers: &[(u64, &[f32])], near: &[f32]) -> Option<usize> {
    let right = answers.iter().zip(near).filter(|((own, _), _)| *own == mark);
    let right = right.map(|(_, near)| if near.is_nan() { f32::NEG_INFINITY } else { *near });
    let best = right
        .fold(None, |best: Option<f32>, near| Some(best.map_or(near, |best| best.max(near))))?;
    let wrong = answers.iter().zip(near).filter(|((own, _), _)| *own != mark);
    let before = wrong.filter(|(_, near)| near.is_nan() || **near >= best).count();
    Some(before + 1)
}

/// The product of two vectors; the same order of sums on every machine.
fn product(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests;
