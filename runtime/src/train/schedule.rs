//! The learning rate, step by step.
//!
//! In: what the user wrote, and how many steps there are. Out: the rate of a step. It rises in a straight line from
//! nothing, which is before the first step, to the highest rate, and falls by half a cosine to what it ends at, after the
//! last step. The cosine is `libm`'s: the same bits on every machine. Deliberately not here: optimizers.

use super::config::{RateConfig, ScheduleKind};

/// The rate of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest rate, for the batch of the run.
    pub peak: f64,
    /// The last rate.
    pub end: f64,
    /// Steps until the highest.
    pub warmup: u64,
    /// All steps.
    pub steps: u64,
    /// How it falls.
    pub kind: ScheduleKind,
}

impl Schedule {
    /// The schedule of a run of so many steps, so many samples each.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "batches and steps are far below 2^53")]
    pub fn new(rate: &RateConfig, samples: u64, steps: u64, steps_of_epoch: f64) -> Self {
        let scale = rate.per_batch.map_or(1.0, |batch| samples as f64 / batch as f64);
        let peak = rate.peak * scale;
        let warmup = rate.warmup.steps(steps_of_epoch, steps).min(steps);
        Self { peak, end: peak * rate.end, warmup, steps, kind: rate.schedule }
    }

    /// The rate of a step, counted from 0.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 steps")]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        match self.kind {
            ScheduleKind::Constant => self.peak,
            ScheduleKind::Cosine => {
                let (at, of) = ((step - self.warmup) as f64, (self.steps - self.warmup) as f64);
                let turn = std::f64::consts::PI * (at / of.max(1.0)).min(1.0);
                self.end + (self.peak - self.end) * (1.0 + libm::cos(turn)) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, ScheduleKind};

    #[test]
    fn rises_and_falls() {
        let mut schedule =
            Schedule { peak: 2.0, end: 0.5, warmup: 4, steps: 12, kind: ScheduleKind::Cosine };
        // Of few operations on small numbers.
        let check = |schedule: &Schedule, step: u64, expected: f64| {
            let found = schedule.rate(step);
            assert!((found - expected).abs() < 1e-12, "step {step}: {found}, expected {expected}");
        };
        for (step, expected) in [(0, 0.5), (3, 2.0), (4, 2.0), (8, 1.25), (12, 0.5), (99, 0.5)] {
            check(&schedule, step, expected);
        }
        schedule.kind = ScheduleKind::Constant;
        check(&schedule, 0, 0.5);
        check(&schedule, 11, 2.0);
        schedule.warmup = 0;
        check(&schedule, 0, 2.0);
        let all_warmup = Schedule { warmup: 12, ..schedule };
        check(&all_warmup, 11, 2.0);
    }
}
