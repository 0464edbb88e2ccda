//! How near results must be.
//!
//! In: results by the definition and results of an executor. Out: the worst relative errors, or which result is how far off.
//!
//! A result's error is the norm of its difference over its norm. Sums of `f32` are rounded by about 1e-7 of their largest
//! terms, and some hundred roundings follow each other in these models: 1e-5 for values, 1e-4 for gradients, which multiply
//! what twice as many operations have rounded. Some gradients are zero by cancellation: softmax does not see what the
//! bias of keys adds, nor a norm what is added to all channels. There the error stays that of the terms, which are as large
//! as the gradients of what stands beside it; so a gradient may also be off by [`FLOOR`] of the largest gradient's norm.

use std::collections::BTreeMap;

use zorro_runtime::compiler::graph::Slot;

use super::execute::{Name, Results};

/// Of outputs and losses.
pub(crate) const VALUES: f64 = 1e-5;
/// Of gradients and what follows from them.
pub(crate) const GRADIENTS: f64 = 1e-4;
/// Of the largest gradient, for each.
pub(crate) const FLOOR: f64 = 1e-6;

/// The worst errors so far: relative, beside the floor.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Worst {
    pub(crate) outputs: f64,
    pub(crate) losses: f64,
    pub(crate) gradients: f64,
    pub(crate) updates: f64,
}

impl Worst {
    /// The worse of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            outputs: self.outputs.max(other.outputs),
            losses: self.losses.max(other.losses),
            gradients: self.gradients.max(other.gradients),
            updates: self.updates.max(other.updates),
        }
    }
}

/// Weights and states before an update, by name.
pub(crate) type Old = BTreeMap<(String, Slot), Vec<f64>>;

/// Holds what was found to what is expected.
pub(crate) fn compare(
    expected: &Results,
    found: &Results,
    old: &Old,
    worst: &mut Worst,
) -> Result<(), String> {
    let names = |results: &Results| results.keys().cloned().collect::<Vec<_>>();
    if names(expected) != names(found) {
        return Err(format!("results {:?} and {:?}", names(expected), names(found)));
    }
    let gradients = expected.iter().filter(|(name, _)| is_gradient(name));
    let largest = gradients.map(|(_, numbers)| norm(numbers)).fold(0.0, f64::max);
    for (name, expected) in expected {
        let found = &found[name];
        if expected.len() != found.len() {
            return Err(format!("{name:?}: {} numbers and {}", expected.len(), found.len()));
        }
        let off = distance(expected, found);
        let (size, tolerance, floor, seen) = match name {
            Name::Output(_) => (norm(expected), VALUES, 1e-6, &mut worst.outputs),
            Name::Loss(_) => (norm(expected), VALUES, 1e-6, &mut worst.losses),
            Name::InputGradient(_) | Name::WeightGradient(_) => {
                (norm(expected), GRADIENTS, FLOOR * largest, &mut worst.gradients)
            }
            // A weight's new value is near its old one, so its change is what is held; the sum is rounded.
            Name::Update(weight, slot) => {
                let old = &old[&(weight.clone(), *slot)];
                let floor = f64::from(f32::EPSILON) * norm(old);
                (distance(expected, old), GRADIENTS, floor + 1e-7, &mut worst.updates)
            }
            Name::GradientNorm => (norm(expected), GRADIENTS, 0.0, &mut worst.gradients),
        };
        let error = (off - floor).max(0.0) / size.max(f64::MIN_POSITIVE);
        // Not a number fails, too.
        if !(off <= floor || error <= tolerance) {
            return Err(format!(
                "{name:?}: off by {off:e} of {size:e}, relative {error:e}; the floor is {floor:e}\n{}",
                first_difference(expected, found)
            ));
        }
        *seen = seen.max(error);
    }
    Ok(())
}

fn is_gradient(name: &Name) -> bool {
    match name {
        Name::InputGradient(_) | Name::WeightGradient(_) => true,
        Name::Output(_) | Name::Loss(_) | Name::Update(..) | Name::GradientNorm => false,
    }
}

fn first_difference(expected: &[f64], found: &[f64]) -> String {
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
