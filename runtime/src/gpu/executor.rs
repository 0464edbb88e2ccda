//! A plan on a device.
//!
//! In: a plan, once; data and a [`Step`], each time. Out: results, and moved weights. Everything that a step needs but the
//! words of the step is made once: memory, pipelines, bind groups. A step is one pass of one submission, and
//! [`GpuExecutor::run`] does not wait for it. Deliberately not here: texts of shaders.

use std::borrow::Cow;
use std::sync::Arc;

use wgpu::{
    Buffer, BufferUsages, CommandEncoder, CommandEncoderDescriptor, ComputePass,
    ComputePassDescriptor, SubmissionIndex,
};

use super::Gpu;
use super::bound::{Bound, Call, check};
use super::buffers::{Buffers, NUMBER, buffer, write};
use super::pipelines::{Ready, pipelines};
use super::profile::Profile;
use super::results::{Results, read};
use crate::RuntimeError;
use crate::compiler::graph::{BufferId, InputId, Slot};
use crate::compiler::plan::{Arena, Plan, Region};
use crate::compiler::program::{Memory, StepNumbers, Target, program, step_words};
use crate::cpu::Step;
use crate::feed;

/// Runs a plan on a device.
#[derive(Debug)]
pub struct GpuExecutor {
    gpu: Gpu,
    plan: Arc<Plan>,
    buffers: Buffers,
    pipelines: Vec<Ready>,
    calls: Vec<Call>,
    step: Buffer,
    results: Results,
    largest_ids: Vec<Option<u32>>,
    /// The last step but one that may not have ended.
    before: Option<SubmissionIndex>,
    last: Option<SubmissionIndex>,
    profile: Option<Profile>,
}

impl GpuExecutor {
    /// Makes a plan ready: all memory is taken here. Weights and state are zeros.
    ///
    /// # Errors
    ///
    /// If the device has not the memory, its limits are exceeded, or its driver refuses a kernel.
    pub fn new(plan: Arc<Plan>, gpu: &Gpu) -> Result<Self, RuntimeError> {
        Self::written_for(plan, gpu, gpu.target())
    }

    /// The same, with shaders that are written for another device, which this one can run.
    pub(super) fn written_for(
        plan: Arc<Plan>,
        gpu: &Gpu,
        target: &Target,
    ) -> Result<Self, RuntimeError> {
        if plan.has_halves() && !gpu.target().f16 {
            return Err(RuntimeError::Half { device: gpu.facts().name.clone() });
        }
        let program = program(&plan, target);
        check(gpu, &plan, &program)?;
        let buffers = Buffers::new(gpu, &plan, &program)?;
        let pipelines = pipelines(gpu, &plan, &program)?;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let size = NUMBER * program.step_words.next_multiple_of(4) as u64;
        let step = buffer(gpu, size, usage, "the step")?;
        let bound = Bound { gpu, plan: &plan, program: &program, buffers: &buffers, step: &step };
        let calls = bound.calls(&pipelines)?;
        Ok(Self {
            results: Results::new(gpu, &plan)?,
            largest_ids: feed::largest_ids(&plan),
            gpu: gpu.clone(),
            plan,
            buffers,
            pipelines,
            calls,
            step,
            before: None,
            last: None,
            profile: None,
        })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Bytes of the plan's arenas on the device.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.buffers.bytes()
    }

    /// Bytes of what kernels work in, beside the arenas.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        self.buffers.scratch_bytes()
    }

    /// How many dispatches a step has.
    #[must_use]
    pub fn n_dispatches(&self) -> usize {
        self.calls.len()
    }

    /// How many shaders were compiled.
    #[must_use]
    pub fn n_shaders(&self) -> usize {
        self.pipelines.len()
    }

    /// A part of a buffer of weights, or of the optimizer's state beside it.
    ///
    /// # Errors
    ///
    /// If the device does not give it.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    pub fn parameters(
        &self,
        buffer: BufferId,
        slot: Slot,
        offset: usize,
        numbers: usize,
    ) -> Result<Vec<f32>, RuntimeError> {
        self.region(Region { arena: Arena::Parameters(buffer, slot), offset, numbers, half: false })
    }

    /// Writes a part of such a buffer.
    ///
    /// # Errors
    ///
    /// If the device does not take it.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    pub fn set_parameters(
        &mut self,
        buffer: BufferId,
        slot: Slot,
        offset: usize,
        numbers: &[f32],
    ) -> Result<(), RuntimeError> {
        let arena = Arena::Parameters(buffer, slot);
        self.set_region(Region { arena, offset, numbers: numbers.len(), half: false }, numbers)
    }

    /// Feeds numbers: a modality, a target, a cotangent. They stay until they are fed again.
    ///
    /// # Errors
    ///
    /// If there are not as many as its shape says, it takes integers, or the device does not take them.
    pub fn feed(&mut self, input: InputId, numbers: &[f32]) -> Result<(), RuntimeError> {
        feed::fits(&self.plan, input, false, numbers.len())?;
        self.set_region(self.plan.input(input), numbers)
    }

    /// Feeds integers: ids, their order, their starts.
    ///
    /// # Errors
    ///
    /// As [`Self::feed`], and if one points beyond the table that it is for.
    pub fn feed_ids(&mut self, input: InputId, ids: &[u32]) -> Result<(), RuntimeError> {
        feed::fits(&self.plan, input, true, ids.len())?;
        feed::ids_exist(&self.plan, input, self.largest_ids[input.0 as usize], ids)?;
        self.set_words(self.plan.input(input), ids)
    }

    /// Numbers as they lie on the device.
    pub(super) fn region(&self, region: Region) -> Result<Vec<f32>, RuntimeError> {
        let (buffer, begin) = self.place(region);
        read(&self.gpu, buffer, begin, region.numbers)
    }

    pub(super) fn set_region(
        &mut self,
        region: Region,
        numbers: &[f32],
    ) -> Result<(), RuntimeError> {
        let (buffer, begin) = self.place(region);
        write(&self.gpu, buffer, begin, bytemuck::cast_slice(numbers))
    }

    fn set_words(&mut self, region: Region, words: &[u32]) -> Result<(), RuntimeError> {
        let (buffer, begin) = self.place(region);
        write(&self.gpu, buffer, begin, bytemuck::cast_slice(words))
    }

    fn place(&self, region: Region) -> (&Buffer, u64) {
        let found = self.buffers.place(Memory::Plan(region.arena), region.offset, region.words());
        found.expect("a plan names its own arenas, and what lies in one piece")
    }

    /// Runs all kernels in their order, and returns when the device has been told.
    ///
    /// # Errors
    ///
    /// If the step has another number of samples than the batch, or the device fails.
    pub fn run(&mut self, step: &Step) -> Result<(), RuntimeError> {
        self.run_kernels(step, |_| true)?;
        if let Some(profile) = &mut self.profile {
            profile.read(&self.gpu, self.calls.iter().map(|call| call.kernel))?;
        }
        Ok(())
    }

    /// Runs one kernel.
    pub(super) fn run_kernel(&mut self, at: usize, step: &Step) -> Result<(), RuntimeError> {
        self.run_kernels(step, |kernel| kernel == at)
    }

    fn run_kernels(
        &mut self,
        step: &Step,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<(), RuntimeError> {
        let (expected, found) = (self.plan.batch, step.samples.len());
        if expected != found {
            return Err(RuntimeError::Samples { expected, found });
        }
        // The device is never more than two steps behind, or else all that is fed meanwhile would pile up.
        if let Some(before) = self.before.take() {
            self.gpu.wait(Some(before))?;
        }
        let words = words(&self.plan, step);
        let gpu = self.gpu.clone();
        let submitted = gpu.guarded("it was to compute", || {
            gpu.queue().write_buffer(&self.step, 0, bytemuck::cast_slice(&words));
            let label = Some("step");
            let mut encoder =
                gpu.device().create_command_encoder(&CommandEncoderDescriptor { label });
            self.encode(&mut encoder, wanted);
            self.results.copy(&mut encoder, &self.plan, &self.buffers);
            gpu.queue().submit([encoder.finish()])
        })?;
        self.before = self.last.replace(submitted);
        Ok(())
    }

    fn encode(&self, encoder: &mut CommandEncoder, wanted: impl Fn(usize) -> bool) {
        let label = Some("step");
        if let Some(profile) = &self.profile {
            for (at, call) in self.calls.iter().enumerate() {
                let timestamp_writes = Some(profile.of(at));
                let descriptor = ComputePassDescriptor { label, timestamp_writes };
                self.dispatch(&mut encoder.begin_compute_pass(&descriptor), call);
            }
            profile.finish(encoder, self.calls.len());
            return;
        }
        let descriptor = ComputePassDescriptor { label, timestamp_writes: None };
        let mut pass = encoder.begin_compute_pass(&descriptor);
        for call in self.calls.iter().filter(|call| wanted(call.kernel)) {
            self.dispatch(&mut pass, call);
        }
    }

    fn dispatch(&self, pass: &mut ComputePass<'_>, call: &Call) {
        let [x, y, z] = call.workgroups;
        pass.set_pipeline(&self.pipelines[call.pipeline].pipeline);
        pass.set_bind_group(0, &call.group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }

    /// Waits until the device has done what it was told.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn wait(&self) -> Result<(), RuntimeError> {
        self.gpu.wait(None)
    }

    /// A result of the last run, by its place among the plan's; waits for it.
    ///
    /// # Errors
    ///
    /// If the device fails.
    ///
    /// # Panics
    ///
    /// If the plan has not as many.
    pub fn result(&self, index: usize) -> Result<Cow<'_, [f32]>, RuntimeError> {
        let region = self.plan.results[index].region;
        match self.results.get(&self.gpu, index, region.numbers) {
            Some(copied) => copied.map(Cow::Borrowed),
            None => self.region(region).map(Cow::Owned),
        }
    }

    /// From now on measures how long kernels take, from zero, where the device can; or measures no more. Runs that are measured
    /// take longer as a whole.
    ///
    /// # Errors
    ///
    /// If the device has not the memory.
    pub fn profile(&mut self, on: bool) -> Result<(), RuntimeError> {
        let times = on && self.gpu.times_kernels();
        self.profile = match times {
            true => Some(Profile::new(&self.gpu, self.calls.len(), self.plan.kernels.len())?),
            false => None,
        };
        Ok(())
    }

    /// Seconds that each kernel took, in the plan's order, in all runs since [`Self::profile`]; none if that is off, or the
    /// device does not tell.
    #[must_use]
    pub fn seconds(&self) -> Option<&[f64]> {
        self.profile.as_ref().map(|profile| &*profile.seconds)
    }
}

fn words(plan: &Plan, step: &Step) -> Vec<u32> {
    let numbers = StepNumbers {
        samples: &step.samples,
        seed: step.seed,
        first_sample: step.first_sample,
        learning_rate: step.learning_rate,
        first_correction: step.first_correction,
        second_correction: step.second_correction,
        updates: step.updates,
    };
    step_words(plan, &numbers)
}
