//! The device executor, held to the processor's.
//!
//! In: plans and feeds. Out: for every result how far off the device is, held to the tolerances of [`super::compare`]: what the
//! processor gives stands for the definition, and rounding for what both do differently. Deliberately not here: the definition
//! itself, which the processor is held to.
//!
//! Without an adapter these tests say so and pass, unless `ZORRO_GPU=require`. `ZORRO_DEVICE` names the adapter, by its place in
//! the list or a part of its name; otherwise it is the first.

mod buffers;
mod checks;
mod mixed;
mod models;
mod products;
mod purity;
mod random;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zorro_runtime::Device;
use zorro_runtime::Executor;
use zorro_runtime::compiler::Model;
use zorro_runtime::compiler::graph::Graph;
use zorro_runtime::compiler::graph::interpret::Feed;
use zorro_runtime::compiler::plan::plan_within;
use zorro_runtime::device::Feature;
use zorro_runtime::gpu::{Gpu, GpuOptions, tested_adapter};

use super::compare::{Old, Worst, compare};
use super::execute::{Results, executed, fill, results, rounded, step};

/// What devices are opened with.
const WITHOUT: &[&[Feature]] =
    &[&[], &[Feature::Subgroups, Feature::F16, Feature::Timestamps, Feature::Limits]];

/// The adapter of these tests, opened with all that it has and with nothing of it; none where there is none.
fn gpus() -> Vec<Gpu> {
    static OPENED: OnceLock<Vec<Gpu>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| {
        let Some(index) = tested_adapter() else { return Vec::new() };
        let open = |without: &&[Feature]| {
            let options = GpuOptions { without: without.to_vec(), ..GpuOptions::default() };
            Gpu::open(index, &options).expect("what is listed can be opened")
        };
        WITHOUT.iter().map(open).collect()
    });
    opened.clone()
}

/// Software adapters use all processors by themselves, and drivers compile one kernel at a time: tests take turns.
fn turn() -> impl Drop {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a graph gives on a device.
fn on_device(model: &Model, graph: &Graph, feed: &Feed, gpu: &Gpu) -> Results {
    let plan = Arc::new(plan_within(graph, gpu.limits()));
    let mut executor = Executor::new(plan, &Device::Gpu(gpu.clone())).expect("it can run");
    fill(&mut executor, feed);
    executor.run(&step(feed)).expect("it runs");
    results(model, &executor)
}

/// Holds a device to the processor.
fn gpu_equals_cpu(
    model: &Model,
    graph: &Graph,
    feed: &Feed,
    old: &Old,
    gpu: &Gpu,
) -> Result<Worst, String> {
    let expected = executed(model, graph, feed, 2);
    let found = on_device(model, graph, feed, gpu);
    compare(&expected, || rounded(model, graph, feed), &found, old)
}
