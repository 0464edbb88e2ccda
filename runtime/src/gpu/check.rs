//! Every kernel of a plan, on the device and on the processor.
//!
//! In: a plan and what it is fed. Out: for each kernel how far off the device is. The processor runs the plan; before each of its
//! kernels the device is given what that kernel reads, so that errors do not add up, and a wrong kernel is found as such.
//! Deliberately not here: models to try; what is too far.

use std::sync::Arc;

use super::{Gpu, GpuExecutor};
use crate::RuntimeError;
use crate::compiler::graph::interpret::Feed;
use crate::compiler::graph::{BufferId, InputId, Slot};
use crate::compiler::plan::{AttendKind, Body, Kernel, Plan};
use crate::cpu::{CpuExecutor, Step};

/// What has been found of one kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What kind of kernel it is.
    pub kind: &'static str,
    /// Its place in the model.
    pub path: String,
    /// The root of the mean squared difference of what it writes, over that of what it writes or, where this is larger, a tenth of
    /// that of what it reads: sums of large numbers may be small. Infinite where one is not a number and the other is.
    pub error: f64,
}

/// What a result's error is measured by at least, of what is read.
const OF_READS: f64 = 0.1;

/// Holds all kernels of a plan to the processor.
///
/// # Errors
///
/// If the plan cannot be run on either.
///
/// # Panics
///
/// If the feed is not that of the plan's graph.
pub fn check(gpu: &Gpu, plan: &Arc<Plan>, feed: &Feed) -> Result<Vec<Found>, RuntimeError> {
    let mut cpu = CpuExecutor::new(Arc::clone(plan), 1)?;
    fill(&mut cpu, plan, feed)?;
    let mut device = GpuExecutor::new(Arc::clone(plan), gpu)?;
    let step = Step {
        samples: feed.samples.clone(),
        seed: feed.seed,
        first_sample: feed.first_sample,
        learning_rate: feed.learning_rate as f32,
        first_correction: feed.first_correction as f32,
        second_correction: feed.second_correction as f32,
        updates: feed.updates,
    };
    let mut all = Vec::new();
    for (at, kernel) in plan.kernels.iter().enumerate() {
        let mut largest: f64 = 0.0;
        for region in kernel.reads.iter().chain(&kernel.writes) {
            device.set_region(*region, cpu.region(*region))?;
        }
        for read in &kernel.reads {
            largest = largest.max(size(cpu.region(*read)));
        }
        device.run_kernel(at, &step)?;
        cpu.run_kernels(&step, at..at + 1)?;
        let mut error: f64 = 0.0;
        for write in &kernel.writes {
            let found = device.region(*write)?;
            error = error.max(distance(cpu.region(*write), &found, OF_READS * largest));
        }
        all.push(Found { kind: kind(plan, kernel), path: kernel.path.clone(), error });
    }
    Ok(all)
}

fn kind(plan: &Plan, kernel: &Kernel) -> &'static str {
    match plan.body(kernel) {
        Body::Map(_) => "map",
        Body::Row(_) => "rows",
        Body::Column(_) => "columns",
        Body::Contract(_) => "product",
        Body::Attend(AttendKind::Forward { .. }, _) => "attend",
        Body::Attend(AttendKind::Queries, _) => "attend, queries",
        Body::Attend(AttendKind::KeysValues { .. }, _) => "attend, keys and values",
        Body::Attend(AttendKind::Scores, _) => "attend, scores",
        Body::LookupSum { .. } => "lookup",
    }
}

fn fill(cpu: &mut CpuExecutor, plan: &Plan, feed: &Feed) -> Result<(), RuntimeError> {
    let single = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect::<Vec<_>>();
    for ((id, (input, _)), numbers) in (0..).map(InputId).zip(&plan.inputs).zip(&feed.inputs) {
        if input.kind.is_integer() {
            let ids: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
            cpu.feed_ids(id, &ids)?;
        } else {
            cpu.feed(id, &single(numbers))?;
        }
    }
    for (id, numbers) in (0..).map(BufferId).zip(&feed.parameters) {
        cpu.parameters_mut(id, Slot::Weight).copy_from_slice(&single(numbers));
    }
    for ((buffer, slot), numbers) in &feed.states {
        cpu.parameters_mut(*buffer, *slot).copy_from_slice(&single(numbers));
    }
    Ok(())
}

/// The root of the mean square of the numbers that are finite: bits of ids and of padding are no numbers.
fn size(numbers: &[f32]) -> f64 {
    let finite = || numbers.iter().filter(|number| number.is_finite());
    let sum: f64 = finite().map(|number| f64::from(*number) * f64::from(*number)).sum();
    (sum / finite().count().max(1) as f64).sqrt()
}

fn distance(expected: &[f32], found: &[f32], least: f64) -> f64 {
    let differ = |(a, b): (&f32, &f32)| {
        let alike = a == b || a.is_nan() && b.is_nan();
        if alike { 0.0 } else { f64::from(*a) - f64::from(*b) }
    };
    let squares = expected.iter().zip(found).map(differ).map(|difference| difference * difference);
    let squares: f64 = squares.sum();
    if squares == 0.0 {
        return 0.0;
    }
    let error = (squares / expected.len() as f64).sqrt() / size(expected).max(least);
    if error.is_nan() { f64::INFINITY } else { error }
}
