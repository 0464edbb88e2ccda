//! What comes back from a device.
//!
//! In: buffers. Out: numbers. What is small and read after every step is copied in the step's own submission to where the host
//! can read it; everything else is copied when it is asked for. Nothing waits before it is asked for.
//!
//! Deliberately not here: when to ask.

use std::sync::OnceLock;
use std::sync::mpsc::channel;

use wgpu::{
    Buffer, BufferUsages, CommandEncoder, CommandEncoderDescriptor, MapMode, SubmissionIndex,
};

use super::Gpu;
use super::buffers::{Buffers, CHUNK, NUMBER, buffer};
use super::faults::Fault;
use crate::RuntimeError;
use crate::compiler::graph::RootKind;
use crate::compiler::plan::{Plan, PlanResult, Region};
use crate::compiler::program::Memory;

/// A result of more numbers is copied when it is asked for.
const SMALL: usize = 1 << 18;

/// Results that are copied in every step.
#[derive(Debug)]
pub(super) struct Results {
    /// Of each result of the plan its first number in the staging buffer, where it is copied there.
    places: Vec<Option<usize>>,
    numbers: usize,
    staging: Option<Buffer>,
    read: OnceLock<Result<Vec<f32>, RuntimeError>>,
}

impl Results {
    pub(super) fn new(gpu: &Gpu, plan: &Plan) -> Result<Self, RuntimeError> {
        let mut numbers = 0;
        let places = plan.results.iter().map(|result| {
            let place = numbers;
            numbers += if is_copied(result) { result.region.numbers } else { 0 };
            is_copied(result).then_some(place)
        });
        let places = places.collect();
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = match numbers {
            0 => None,
            _ => Some(buffer(gpu, NUMBER * numbers as u64, usage, "results")?),
        };
        Ok(Self { places, numbers, staging, read: OnceLock::new() })
    }

    /// At the end of a step.
    pub(super) fn copy(&mut self, encoder: &mut CommandEncoder, plan: &Plan, buffers: &Buffers) {
        self.read = OnceLock::new();
        let Some(staging) = &self.staging else { return };
        for (result, place) in plan.results.iter().zip(&self.places) {
            let Region { arena, offset, numbers, half: _ } = result.region;
            let source = buffers.place(Memory::Plan(arena), offset, numbers);
            if let (Some(place), Some((source, begin))) = (place, source) {
                let (to, size) = (NUMBER * *place as u64, NUMBER * numbers as u64);
                encoder.copy_buffer_to_buffer(source, begin, staging, to, size);
            }
        }
    }

    /// A result of the last step, where it was copied; waits for it.
    pub(super) fn get(
        &self,
        gpu: &Gpu,
        at: usize,
        numbers: usize,
    ) -> Option<Result<&[f32], RuntimeError>> {
        let place = self.places[at]?;
        let staging = self.staging.as_ref()?;
        let size = NUMBER * self.numbers as u64;
        let all =
            self.read.get_or_init(|| mapped(gpu, staging, size, bytemuck::pod_collect_to_vec));
        Some(match all {
            Ok(all) => Ok(&all[place..place + numbers]),
            Err(error) => Err(error.clone()),
        })
    }
}

/// New weights stay where they are, and gradients are asked for together or not at all.
fn is_copied(result: &PlanResult) -> bool {
    let is_small = (1..=SMALL).contains(&result.region.numbers);
    match result.kind {
        RootKind::Output | RootKind::Loss | RootKind::Term(..) | RootKind::GradientNorm => is_small,
        RootKind::InputGradient | RootKind::ParameterGradient(..) | RootKind::Update(..) => false,
    }
}

/// What a buffer that the host can read holds, once the device has done all that it was told.
pub(super) fn mapped<T>(
    gpu: &Gpu,
    staging: &Buffer,
    size: u64,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<T, RuntimeError> {
    let doing = "results were read";
    let failed = |why: String| gpu.error(Fault::Other(why), doing);
    let slice = staging.slice(..size);
    let (sender, receiver) = channel();
    gpu.guarded(doing, || {
        slice.map_async(MapMode::Read, move |mapped| {
            // Nobody listens any more where the wait has failed.
            let _ = sender.send(mapped);
        });
    })?;
    gpu.wait(None)?;
    let answer = receiver.try_recv().map_err(|error| failed(error.to_string()))?;
    answer.map_err(|error| failed(error.to_string()))?;
    let view = slice.get_mapped_range().map_err(|error| failed(error.to_string()))?;
    let taken = take(&view);
    drop(view);
    staging.unmap();
    Ok(taken)
}

/// Numbers of a buffer, as they are after all that the device was told.
pub(super) fn read(
    gpu: &Gpu,
    source: &Buffer,
    begin: u64,
    numbers: usize,
) -> Result<Vec<f32>, RuntimeError> {
    let mut all = Vec::with_capacity(numbers);
    let size = NUMBER * numbers as u64;
    let step = size.min(CHUNK as u64);
    if size == 0 {
        return Ok(all);
    }
    let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
    let staging = buffer(gpu, step, usage, "results")?;
    let mut done = 0;
    while done < size {
        let part = step.min(size - done);
        gpu.guarded("results were read", || -> SubmissionIndex {
            let mut encoder =
                gpu.device().create_command_encoder(&CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(source, begin + done, &staging, 0, part);
            gpu.queue().submit([encoder.finish()])
        })?;
        let numbers: Vec<f32> = mapped(gpu, &staging, part, bytemuck::pod_collect_to_vec)?;
        all.extend(numbers);
        done += part;
    }
    Ok(all)
}
