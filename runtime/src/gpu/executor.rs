//! A plan on a device.
//!
//! In: a plan, once; data and a [`Step`], each time. Out: results, and moved weights. Everything that a step needs but the
//! words of the step is made once: memory, pipelines, bind groups. A step is one pass of one submission, and
//! [`GpuExecutor::run`] does not wait for it. Deliberately not here: texts of shaders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding,
    BufferUsages, CommandEncoder, CommandEncoderDescriptor, ComputePass, ComputePassDescriptor,
    SubmissionIndex,
};

use super::Gpu;
use super::buffers::{Buffers, NUMBER, buffer, write};
use super::pipelines::{Ready, pipelines};
use super::profile::Profile;
use super::results::{Results, read};
use crate::RuntimeError;
use crate::compiler::graph::{BufferId, InputId, Slot};
use crate::compiler::plan::{Arena, Plan, Region};
use crate::compiler::program::{
    Dispatch, Memory, Program, StepNumbers, Target, program, step_words,
};
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

/// A dispatch made ready.
#[derive(Debug)]
struct Call {
    kernel: usize,
    pipeline: usize,
    group: BindGroup,
    workgroups: [u32; 3],
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
        let arguments = Arguments::new(gpu, &program)?;
        let bound = Bound { gpu, plan: &plan, program: &program, buffers: &buffers, step: &step };
        let calls = program.dispatches.iter();
        let calls = calls.map(|dispatch| bound.call(dispatch, &pipelines, &arguments));
        let calls = calls.collect::<Result<_, _>>()?;
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

/// What no program may exceed, and no plan may leave out.
fn check(gpu: &Gpu, plan: &Plan, program: &Program) -> Result<(), RuntimeError> {
    let (limits, device) = (gpu.device().limits(), gpu.facts().name.clone());
    let limit = |what: String, needs: usize, most: u64| match needs as u64 <= most {
        true => Ok(()),
        false => {
            Err(RuntimeError::Limit { device: device.clone(), what, needs: needs as u64, most })
        }
    };
    let uniform = limits.max_uniform_buffer_binding_size;
    limit("the bytes of the step's block".to_owned(), 4 * program.step_words, uniform)?;
    for dispatch in &program.dispatches {
        let path = &plan.kernels[dispatch.kernel].path;
        let most = limits.max_compute_workgroups_per_dimension;
        for size in dispatch.workgroups {
            limit(format!("the workgroups of `{path}`"), size as usize, u64::from(most))?;
        }
        for binding in &dispatch.bindings {
            let most = limits.max_storage_buffer_binding_size;
            limit(format!("the bytes of an operand of `{path}`"), 4 * binding.numbers, most)?;
        }
    }
    let mut has_shader = vec![false; plan.kernels.len()];
    program.dispatches.iter().for_each(|dispatch| has_shader[dispatch.kernel] = true);
    match has_shader.iter().position(|has| !has) {
        None => Ok(()),
        Some(missing) => Err(RuntimeError::Kernel {
            device,
            path: plan.kernels[missing].path.clone(),
            why: "there is no shader for it".to_owned(),
        }),
    }
}

/// The arguments of all dispatches, equal ones once.
struct Arguments {
    buffer: Option<Buffer>,
    offsets: BTreeMap<Vec<u32>, u64>,
}

impl Arguments {
    fn new(gpu: &Gpu, program: &Program) -> Result<Self, RuntimeError> {
        let alignment = gpu.device().limits().min_uniform_buffer_offset_alignment.max(16);
        let alignment = alignment as usize / 4;
        let (mut offsets, mut words) = (BTreeMap::new(), Vec::new());
        for dispatch in program.dispatches.iter().filter(|dispatch| !dispatch.arguments.is_empty())
        {
            offsets.entry(dispatch.arguments.clone()).or_insert_with(|| {
                let offset = NUMBER * words.len() as u64;
                words.extend(&dispatch.arguments);
                words.resize(words.len().next_multiple_of(alignment), 0);
                offset
            });
        }
        if words.is_empty() {
            return Ok(Self { buffer: None, offsets });
        }
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let made = buffer(gpu, NUMBER * words.len() as u64, usage, "arguments")?;
        write(gpu, &made, 0, bytemuck::cast_slice(&words))?;
        Ok(Self { buffer: Some(made), offsets })
    }

    /// The block of a dispatch; sizes of blocks are multiples of 16 bytes.
    fn of(&self, dispatch: &Dispatch) -> Option<BufferBinding<'_>> {
        let offset = *self.offsets.get(&dispatch.arguments)?;
        let size = NonZero::new(NUMBER * dispatch.arguments.len().next_multiple_of(4) as u64);
        Some(BufferBinding { buffer: self.buffer.as_ref()?, offset, size })
    }
}

/// What dispatches are bound to.
struct Bound<'a> {
    gpu: &'a Gpu,
    plan: &'a Plan,
    program: &'a Program,
    buffers: &'a Buffers,
    step: &'a Buffer,
}

impl Bound<'_> {
    fn call(
        &self,
        dispatch: &Dispatch,
        pipelines: &[Ready],
        arguments: &Arguments,
    ) -> Result<Call, RuntimeError> {
        let failed = |why: String| RuntimeError::Kernel {
            device: self.gpu.facts().name.clone(),
            path: self.plan.kernels[dispatch.kernel].path.clone(),
            why,
        };
        let shader = self.program.shader(dispatch);
        let mut bound = Vec::new();
        for binding in &dispatch.bindings {
            let found = self.buffers.place(binding.memory, binding.offset, binding.numbers);
            let (buffer, offset) = found.ok_or_else(|| {
                failed("its operands lie across buffers of the device".to_owned())
            })?;
            let size = NonZero::new(NUMBER * binding.numbers as u64);
            bound.push(BufferBinding { buffer, offset, size });
        }
        bound.extend(arguments.of(dispatch));
        if shader.reads_step {
            bound.push(BufferBinding { buffer: self.step, offset: 0, size: None });
        }
        let entries: Vec<BindGroupEntry<'_>> = (0..)
            .zip(bound)
            .map(|(binding, bound)| BindGroupEntry {
                binding,
                resource: BindingResource::Buffer(bound),
            })
            .collect();
        let pipeline = dispatch.shader.0 as usize;
        let descriptor = BindGroupDescriptor {
            label: Some(&shader.name),
            layout: &pipelines[pipeline].layout,
            entries: &entries,
        };
        let make = || self.gpu.device().create_bind_group(&descriptor);
        let group = super::faults::guarded(self.gpu.device(), make);
        let group = group.map_err(|fault| failed(fault.to_string()))?;
        Ok(Call { kernel: dispatch.kernel, pipeline, group, workgroups: dispatch.workgroups })
    }
}
