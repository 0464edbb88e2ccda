//! Numbers before and after, bit for bit.
//!
//! In: two lists of numbers. Out: how many changed and by how much. Deliberately not here: any tolerance.

/// How much of a tensor is not what it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Numbers that have other bits.
    pub changed: usize,
    /// Numbers there are.
    pub numbers: usize,
    /// The largest difference of those that are finite before and after.
    pub largest: f64,
    /// Numbers that are not finite afterwards.
    pub not_finite: usize,
}

/// What changed; `None` where every bit is as it was.
pub(super) fn changed(before: &[f32], after: &[f32]) -> Option<Change> {
    assert_eq!(before.len(), after.len(), "the same tensor is as large in every run");
    let mut change = Change { changed: 0, numbers: after.len(), largest: 0.0, not_finite: 0 };
    for (before, after) in before.iter().zip(after) {
        if before.to_bits() == after.to_bits() {
            continue;
        }
        change.changed += 1;
        let difference = (f64::from(*after) - f64::from(*before)).abs();
        if !after.is_finite() {
            change.not_finite += 1;
        } else if difference.is_finite() {
            change.largest = change.largest.max(difference);
        }
    }
    (change.changed > 0).then_some(change)
}

/// What is not zero, of either sign; `None` where all is.
pub(super) fn not_zero(numbers: &[f32]) -> Option<Change> {
    let zeros: Vec<f32> =
        numbers.iter().map(|number| if *number == 0.0 { *number } else { 0.0 }).collect();
    changed(&zeros, numbers)
}
