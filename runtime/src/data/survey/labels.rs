//! Values of targets, counted.
//!
//! In: what targets are fed, sample by sample. Out: how often each class, or which numbers. Deliberately not here: reading
//! them.

use zorro_compiler::model::TargetKind;

use crate::data::targets::Target;

/// What was read of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Its name.
    pub target: String,
    /// Samples that were looked at.
    pub read: u64,
    /// Those of them that have a value.
    pub with: u64,
    /// How the values are spread.
    pub spread: Spread,
}

/// How values are spread.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Classes that exclude each other: how often each, and how many samples are a mixture of some.
    Class {
        /// By class.
        counts: Vec<u64>,
        /// Samples with a distribution over several.
        mixed: u64,
    },
    /// Any classes: how many samples have each, and the fewest, the most and all that samples have.
    Classes {
        /// By class.
        counts: Vec<u64>,
        /// The fewest of a sample.
        fewest: u64,
        /// The most of a sample.
        most: u64,
    },
    /// Numbers: the least, the mean, the most.
    Numbers {
        /// The least.
        least: f64,
        /// The sum.
        sum: f64,
        /// The most.
        most: f64,
        /// How many.
        n: u64,
    },
}

impl Values {
    /// Nothing yet of a target.
    pub(in crate::data) fn of(target: &Target) -> Self {
        let counts = || vec![0; target.shape.first().copied().unwrap_or(0)];
        let spread = match target.kind {
            TargetKind::Class(_) => Spread::Class { counts: counts(), mixed: 0 },
            TargetKind::Classes(_) => {
                Spread::Classes { counts: counts(), fewest: u64::MAX, most: 0 }
            }
            TargetKind::Tensor(_) => {
                Spread::Numbers { least: f64::INFINITY, sum: 0.0, most: f64::NEG_INFINITY, n: 0 }
            }
        };
        Self { target: target.name.clone(), read: 0, with: 0, spread }
    }

    /// Adds what one sample has.
    pub(in crate::data) fn add(&mut self, value: Option<&[f32]>) {
        self.read += 1;
        let Some(value) = value else { return };
        self.with += 1;
        let hot = || (0..value.len()).filter(|at| value[*at] != 0.0);
        match &mut self.spread {
            Spread::Class { counts, mixed } => match (hot().count(), hot().next()) {
                (1, Some(class)) => counts[class] += 1,
                _ => *mixed += 1,
            },
            Spread::Classes { counts, fewest, most } => {
                hot().for_each(|class| counts[class] += 1);
                let n = hot().count() as u64;
                (*fewest, *most) = ((*fewest).min(n), (*most).max(n));
            }
            Spread::Numbers { least, sum, most, n } => {
                for number in value.iter().map(|number| f64::from(*number)) {
                    (*least, *most, *sum) = (least.min(number), most.max(number), *sum + number);
                }
                *n += value.len() as u64;
            }
        }
    }
}
