//! Dispatches made ready.
//!
//! In: a program, its pipelines and buffers. Out: for each dispatch what it is bound to, once for all steps; or what of it a device
//! cannot do. Arguments of all dispatches lie in one uniform buffer, equal ones once. Deliberately not here: when they run.

use std::collections::BTreeMap;
use std::num::NonZero;

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding,
    BufferUsages,
};

use super::Gpu;
use super::buffers::{Buffers, NUMBER, buffer, write};
use super::pipelines::Ready;
use crate::RuntimeError;
use crate::compiler::plan::{Arena, Plan};
use crate::compiler::program::{Dispatch, Memory, Program};

/// A dispatch made ready.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kernel: usize,
    pub(super) pipeline: usize,
    pub(super) group: BindGroup,
    pub(super) workgroups: [u32; 3],
}

/// What no program may exceed, and no plan may leave out.
pub(super) fn check(gpu: &Gpu, plan: &Plan, program: &Program) -> Result<(), RuntimeError> {
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
            let what = match binding.memory {
                Memory::Plan(Arena::Table(_)) => "the table",
                Memory::Constants => "the list of who reads whom",
                Memory::Plan(_) | Memory::Scratch => "an operand",
            };
            limit(format!("the bytes of {what} of `{path}`"), 4 * binding.numbers, most)?;
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
pub(super) struct Bound<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) plan: &'a Plan,
    pub(super) program: &'a Program,
    pub(super) buffers: &'a Buffers,
    pub(super) step: &'a Buffer,
}

impl Bound<'_> {
    /// All dispatches, in their order.
    pub(super) fn calls(&self, pipelines: &[Ready]) -> Result<Vec<Call>, RuntimeError> {
        let arguments = Arguments::new(self.gpu, self.program)?;
        let dispatches = self.program.dispatches.iter();
        dispatches.map(|dispatch| self.call(dispatch, pipelines, &arguments)).collect()
    }

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
