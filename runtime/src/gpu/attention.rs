//! Attention's shaders against its definition, token by token in doubles.
//!
//! In: cases, each a mask with where its groups lie, who is absent, and sizes. Out: assertions, for each way in which lanes can
//! share rows. Rows between groups, rows of absent groups and rows that nobody meets are NaN in every case. Where there is no
//! adapter, nothing is checked.

mod case;
mod cases;
mod many;
mod poison;

use std::sync::Arc;

use super::{Gpu, GpuExecutor, GpuOptions, tested_adapter};
use crate::compiler::plan::{Plan, interpret};
use crate::compiler::program::Target;
use case::{Case, Options};

/// The device, and what shaders are written for: every way of sharing rows that it can run.
struct Bench {
    gpu: Gpu,
    targets: Vec<(&'static str, Target)>,
}

impl Bench {
    /// None without an adapter.
    fn new() -> Option<Self> {
        let gpu = Gpu::open(tested_adapter()?, &GpuOptions::default()).unwrap();
        let real = *gpu.target();
        let mut targets = vec![
            ("staged", Target { shares: true, ..real }),
            ("alone", Target { shares: false, subgroup: None, ..real }),
            // As few bindings as there may be.
            ("staged, 8 buffers", Target { shares: true, storage_buffers: 8, ..real }),
        ];
        if real.subgroup.is_some() {
            targets.push(("broadcast", Target { shares: false, ..real }));
        }
        Some(Self { gpu, targets })
    }

    fn run(&self, case: &Case, plan: &Arc<Plan>, target: &Target) -> Vec<Vec<f32>> {
        let mut executor = GpuExecutor::written_for(Arc::clone(plan), &self.gpu, target).unwrap();
        for (at, numbers) in case.inputs.iter().enumerate() {
            let (input, offset) = &plan.inputs[at];
            let region = crate::compiler::plan::Region {
                half: false,
                arena: crate::compiler::plan::Arena::Inputs,
                offset: *offset,
                numbers: input.shape.iter().product(),
            };
            executor.set_region(region, numbers).unwrap();
        }
        // What is not written would show.
        let numbers = plan.activations;
        let arena = crate::compiler::plan::Arena::Activations;
        let all = crate::compiler::plan::Region { arena, offset: 0, numbers, half: false };
        executor.set_region(all, &vec![f32::NAN; numbers]).unwrap();
        executor.run(&case.step()).unwrap();
        (0..plan.results.len()).map(|at| executor.result(at).unwrap().into_owned()).collect()
    }
}

/// Of the norm of a result: sums of some hundred numbers in f32 keep about 5e-7, and exponentials and their scores on devices
/// about ten times that.
const OF_RESULT: f64 = 1e-5;

/// Of the norm of a gradient: they are differences of such results.
const OF_GRADIENT: f64 = 1e-4;

/// Compares all kernels of a case with their definition.
fn check_on(bench: &Bench, name: &str, case: &Case) {
    let plan = Arc::new(case.plan());
    let exact = interpret(&plan, &case.feed());
    for (sharing, target) in &bench.targets {
        let found = bench.run(case, &plan, target);
        for ((result, found), exact) in plan.results.iter().zip(&found).zip(&exact) {
            let name = format!("{name}, {sharing}: {}", result.name);
            let is_forward = matches!(&*result.name, "result" | "statistics");
            near(&name, found, exact, if is_forward { OF_RESULT } else { OF_GRADIENT }, case);
        }
    }
}

fn near(name: &str, found: &[f32], exact: &[f64], tolerance: f64, case: &Case) {
    let norm_of =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    // Gradients of who reads one token alone cancel, to roundings of the cotangent.
    let cotangent = case.cotangent().iter().map(|x| f64::from(*x)).filter(|x| !x.is_nan());
    let cotangents = norm_of(&mut cotangent.into_iter());
    let norm = norm_of(&mut exact.iter().copied());
    let norm = if norm < 1e-6 * cotangents { cotangents } else { norm };
    let distances = found.iter().zip(exact).map(|(x, y)| f64::from(*x) - y);
    let error = norm_of(&mut distances.into_iter());
    assert!(error <= tolerance * norm, "{name} is off by {error:e} of {norm:e}");
    let zeros = found.iter().zip(exact).filter(|(_, y)| **y == 0.0);
    assert!(zeros.clone().all(|(x, _)| *x == 0.0), "{name} has numbers for nothing");
}

fn check(bench: &Bench, name: &str, mask: crate::compiler::routing::Mask, options: &Options) {
    check_on(bench, name, &Case::new(mask, options));
}
