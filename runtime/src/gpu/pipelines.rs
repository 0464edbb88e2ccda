//! Shaders made ready.
//!
//! In: a program. Out: for each of its shaders a pipeline and the layout of what it is bound to. Drivers take long to compile
//! what is long, so threads share the work. Deliberately not here: buffers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType,
    BufferBindingType, ComputePipeline, ComputePipelineDescriptor, PipelineCompilationOptions,
    PipelineLayoutDescriptor, ShaderModuleDescriptor, ShaderSource, ShaderStages,
};

use super::Gpu;
use super::faults::guarded;
use crate::RuntimeError;
use crate::compiler::plan::Plan;
use crate::compiler::program::{Program, Shader};

/// Long shaders are read recursively.
const STACK_BYTES: usize = 16 << 20;

/// A shader made ready.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) pipeline: ComputePipeline,
    pub(super) layout: BindGroupLayout,
}

/// Makes all shaders ready.
pub(super) fn pipelines(
    gpu: &Gpu,
    plan: &Plan,
    program: &Program,
) -> Result<Vec<Ready>, RuntimeError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(shader) = program.shaders.get(at) else { return made };
            made.push((at, ready(gpu, plan, program, at, shader)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all = thread::scope(|scope| {
        let start = |_| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, work).map_err(|why| RuntimeError::Threads(why.to_string()))
        };
        let workers = (0..threads.min(program.shaders.len())).map(start);
        let workers = workers.collect::<Result<Vec<_>, _>>()?;
        let mut all = Vec::new();
        for worker in workers {
            let made = worker.join().map_err(|_| RuntimeError::Device {
                device: gpu.facts().name.clone(),
                doing: "its kernels were compiled".to_owned(),
                why: "a thread ended early".to_owned(),
            })?;
            all.extend(made);
        }
        Ok(all)
    })?;
    gpu.healthy("its kernels were compiled")?;
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, made)| made).collect()
}

fn ready(
    gpu: &Gpu,
    plan: &Plan,
    program: &Program,
    at: usize,
    shader: &Shader,
) -> Result<Ready, RuntimeError> {
    guarded(gpu.device(), || compile(gpu, shader)).map_err(|fault| {
        let first = program.dispatches.iter().find(|dispatch| dispatch.shader.0 as usize == at);
        RuntimeError::Kernel {
            device: gpu.facts().name.clone(),
            path: first.map_or(&shader.name, |first| &plan.kernels[first.kernel].path).clone(),
            why: fault.to_string(),
        }
    })
}

fn compile(gpu: &Gpu, shader: &Shader) -> Ready {
    let (device, label) = (gpu.device(), Some(&*shader.name));
    let module = device.create_shader_module(ShaderModuleDescriptor {
        label,
        source: ShaderSource::Wgsl((&*shader.text).into()),
    });
    let entries = entries(shader);
    let layout =
        device.create_bind_group_layout(&BindGroupLayoutDescriptor { label, entries: &entries });
    let whole = device.create_pipeline_layout(&PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&ComputePipelineDescriptor {
        label,
        layout: Some(&whole),
        module: &module,
        entry_point: Some("main"),
        compilation_options: PipelineCompilationOptions {
            constants: &[],
            // No skeleton reads what it has not written.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Ready { pipeline, layout }
}

/// Storage buffers, then the arguments, then the step.
fn entries(shader: &Shader) -> Vec<BindGroupLayoutEntry> {
    let storage = shader
        .storage
        .iter()
        .map(|storage| BufferBindingType::Storage { read_only: !storage.writable });
    let arguments = (shader.argument_words > 0).then_some(BufferBindingType::Uniform);
    let step = shader.reads_step.then_some(BufferBindingType::Uniform);
    let kinds = storage.chain(arguments).chain(step);
    let entry = |(binding, ty)| BindGroupLayoutEntry {
        binding,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    (0..).zip(kinds).map(entry).collect()
}
