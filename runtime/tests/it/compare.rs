//! How near results must be.
//!
//! In: results by the definition and results of an executor. Out: the worst relative errors, or which result is how far off.
//!
//! A result's error is the norm of its difference over its norm. Sums of `f32` are rounded by about 1e-7 of their largest
//! terms, and some hundred roundings follow each other in these models: 1e-5 for values, 1e-4 for gradients, which multiply
//! what twice as many operations have rounded.
//!
//! Some gradients are zero by cancellation: softmax does not see what the bias of keys adds, nor a norm what is added to all
//! channels, nor a loss over one class anything. There the error stays that of the terms that cancel. How large these are, the
//! definition says itself: a result may be [`ROUNDINGS`] times as far off as the definition is when every number that it
//! makes is rounded to `f32`, and [`FLOOR`] of the largest gradient (at least of 1, the cotangent of the loss), for the
//! rounding of a single number may happen to be none.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use zorro_runtime::compiler::graph::Slot;

use super::execute::{Name, Results};

/// Of outputs and losses.
pub(crate) const VALUES: f64 = 1e-5;
/// Of gradients and what follows from them.
pub(crate) const GRADIENTS: f64 = 1e-4;
/// Of losses: terms such as similarities over a temperature of 0.08 are near 12, and cancel where a sample has no other.
pub(crate) const LOSS_FLOOR: f64 = 2e-6;
/// Of the largest gradient, for each.
pub(crate) const FLOOR: f64 = 1e-6;
/// Times what roundings do. Norms and products of an executor add up in other orders, and more of them.
pub(crate) const ROUNDINGS: f64 = 16.0;

/// The worst errors so far: relative, beside the floor.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Worst {
    pub(crate) outputs: f64,
    pub(crate) losses: f64,
    pub(crate) gradients: f64,
    pub(crate) updates: f64,
    /// Times what roundings do, where that is what is allowed.
    pub(crate) roundings: f64,
}

impl Worst {
    /// The worse of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            outputs: self.outputs.max(other.outputs),
            losses: self.losses.max(other.losses),
            gradients: self.gradients.max(other.gradients),
            updates: self.updates.max(other.updates),
            roundings: self.roundings.max(other.roundings),
        }
    }
}

/// Weights and states before an update, by name.
pub(crate) type Old = BTreeMap<(String, Slot), Vec<f64>>;

/// Holds what was found to what is expected.
pub(crate) fn compare(
    expected: &Results,
    rounded: impl FnOnce() -> Results,
    found: &Results,
    old: &Old,
) -> Result<Worst, String> {
    let names = |results: &Results| results.keys().cloned().collect::<Vec<_>>();
    if names(expected) != names(found) {
        return Err(format!("results {:?} and {:?}", names(expected), names(found)));
    }
    let gradients = expected.iter().filter(|(name, _)| is_gradient(name));
    let largest = gradients.map(|(_, numbers)| norm(numbers)).fold(1.0, f64::max);
    let rounded = LazyCell::new(rounded);
    let mut worst = Worst::default();
    for (name, expected) in expected {
        let found = &found[name];
        if expected.len() != found.len() {
            return Err(format!("{name:?}: {} numbers and {}", expected.len(), found.len()));
        }
        let off = distance(expected, found);
        // Of a weight's new value its change is what is held; the new value is rounded.
        let (size, tolerance, floor, seen) = match name {
            Name::Output(_) => (norm(expected), VALUES, 0.0, &mut worst.outputs),
            Name::Loss(_) => (norm(expected), VALUES, LOSS_FLOOR, &mut worst.losses),
            Name::InputGradient(_) | Name::WeightGradient(_) | Name::GradientNorm => {
                (norm(expected), GRADIENTS, FLOOR * largest, &mut worst.gradients)
            }
            Name::Update(weight, slot) => {
                let old = &old[&(weight.clone(), *slot)];
                let floor = 2.0 * f64::from(f32::EPSILON) * norm(old);
                (distance(expected, old), GRADIENTS, floor, &mut worst.updates)
            }
        };
        if off <= floor {
            continue;
        }
        let error = off / size;
        if error <= tolerance {
            *seen = seen.max(error);
            continue;
        }
        // Not a number fails, too.
        let by_rounding = distance(expected, &rounded[name]);
        if off <= ROUNDINGS * by_rounding {
            worst.roundings = worst.roundings.max(off / by_rounding);
            continue;
        }
        return Err(format!(
            "{name:?}: off by {off:.1e} of {size:.1e}; floor {floor:.1e}, roundings {by_rounding:.1e}; {}",
            largest_difference(expected, found)
        ));
    }
    Ok(worst)
}

fn is_gradient(name: &Name) -> bool {
    match name {
        Name::InputGradient(_) | Name::WeightGradient(_) => true,
        Name::Output(_) | Name::Loss(_) | Name::Update(..) | Name::GradientNorm => false,
    }
}

fn largest_difference(expected: &[f64], found: &[f64]) -> String {
    let pairs = expected.iter().zip(found).enumerate();
    let largest = pairs.max_by(|a, b| (a.1.0 - a.1.1).abs().total_cmp(&(b.1.0 - b.1.1).abs()));
    let Some((at, (expected, found))) = largest else { return String::new() };
    format!("number {at} is {found:e} and not {expected:e}")
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
