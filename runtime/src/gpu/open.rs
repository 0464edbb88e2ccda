//! An opened device.
//!
//! In: an adapter, and what of it is not to be used. Out: a [`Gpu`], cheap to copy, that many executors may share. Deliberately
//! not here: which adapter; buffers and kernels.

use std::sync::Arc;

use wgpu::{Adapter, Device, DeviceDescriptor, Features, MemoryHints, Queue};

use super::adapters::{AdapterFacts, AdapterKind, adapters, facts, listed};
use super::faults::{Fault, Faults, guarded, now};
use crate::RuntimeError;
use crate::compiler::plan::{ALIGNMENT, Limits};
use crate::compiler::program::Target;
use crate::device::Feature;

/// How a device is opened.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// What is not used, whether it is there or not.
    pub without: Vec<Feature>,
    /// The most bytes of a buffer; none for what the device says.
    pub buffer_bytes: Option<u64>,
    /// Whether kernels share through workgroup memory; none for what suits the device.
    pub shares: Option<bool>,
}

/// An opened device.
#[derive(Debug, Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    device: Device,
    queue: Queue,
    facts: AdapterFacts,
    target: Target,
    limits: Limits,
    timestamps: bool,
    faults: Faults,
}

impl Gpu {
    /// Opens an adapter, by its place in the list.
    ///
    /// # Errors
    ///
    /// If there is none such, or it cannot be opened.
    pub fn open(index: usize, options: &GpuOptions) -> Result<Self, RuntimeError> {
        let mut all = listed();
        if index >= all.len() {
            let known = adapters().into_iter().map(|adapter| adapter.name).collect();
            return Err(RuntimeError::NoDevice { wanted: index.to_string(), known });
        }
        let adapter = all.swap_remove(index);
        let facts = facts(index, &adapter);
        let features = features(&adapter, options);
        let limits = limits(&adapter, options);
        let descriptor = DeviceDescriptor {
            label: Some("zorro"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: MemoryHints::MemoryUsage,
            ..DeviceDescriptor::default()
        };
        let (device, queue) = now(adapter.request_device(&descriptor)).map_err(|error| {
            let (device, why) = (facts.name.clone(), error.to_string());
            RuntimeError::Device { device, doing: "it was opened".to_owned(), why }
        })?;
        let target = target(&facts, features, &limits, options);
        let numbers = |bytes: u64| usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        let buffer = options.buffer_bytes.unwrap_or(u64::MAX).min(limits.max_buffer_size);
        let binding = limits.max_storage_buffer_binding_size.min(buffer);
        let buffer_numbers = (numbers(buffer) / ALIGNMENT * ALIGNMENT).max(ALIGNMENT);
        let shared = Shared {
            faults: Faults::of(&device),
            limits: Limits::NONE.and(&Limits { buffer_numbers, binding_numbers: numbers(binding) }),
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            device,
            queue,
            facts,
            target,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What it is.
    #[must_use]
    pub fn facts(&self) -> &AdapterFacts {
        &self.shared.facts
    }

    /// What shaders are written for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// What its buffers hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Whether kernels can be timed.
    #[must_use]
    pub fn times_kernels(&self) -> bool {
        self.shared.timestamps
    }

    pub(super) fn device(&self) -> &Device {
        &self.shared.device
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.shared.queue
    }

    /// Does something, and says what went wrong in it or before.
    pub(super) fn guarded<T>(
        &self,
        doing: &str,
        action: impl FnOnce() -> T,
    ) -> Result<T, RuntimeError> {
        self.healthy(doing)?;
        let given = guarded(self.device(), action).map_err(|fault| self.error(fault, doing))?;
        self.healthy(doing)?;
        Ok(given)
    }

    /// What went wrong behind our back.
    pub(super) fn healthy(&self, doing: &str) -> Result<(), RuntimeError> {
        // A lost device tells so when it is polled, and takes everything in silence until then.
        if let Err(error) = self.device().poll(wgpu::PollType::Poll) {
            return Err(self.error(Fault::Other(error.to_string()), doing));
        }
        match self.shared.faults.first() {
            Some(fault) => Err(self.error(fault, doing)),
            None => Ok(()),
        }
    }

    pub(super) fn error(&self, fault: Fault, doing: &str) -> RuntimeError {
        let device = self.facts().name.clone();
        match fault {
            Fault::Lost(why) => RuntimeError::DeviceLost { device, why },
            Fault::Memory | Fault::Other(_) => {
                RuntimeError::Device { device, doing: doing.to_owned(), why: fault.to_string() }
            }
        }
    }

    /// Waits until something has been done.
    pub(super) fn wait(&self, until: Option<wgpu::SubmissionIndex>) -> Result<(), RuntimeError> {
        let poll = wgpu::PollType::Wait { submission_index: until, timeout: None };
        let waited = self.device().poll(poll);
        self.healthy("it computed")?;
        waited
            .map(|_| ())
            .map_err(|error| self.error(Fault::Other(error.to_string()), "it computed"))
    }
}

/// What is used of what the adapter has.
fn features(adapter: &Adapter, options: &GpuOptions) -> Features {
    let used = Feature::ALL.iter().filter(|feature| !options.without.contains(feature));
    let wanted = used.fold(Features::empty(), |wanted, feature| {
        wanted
            | match feature {
                Feature::Subgroups => Features::SUBGROUP,
                Feature::F16 => Features::SHADER_F16,
                Feature::Timestamps => Features::TIMESTAMP_QUERY,
                Feature::Limits => Features::empty(),
            }
    });
    wanted & adapter.features()
}

/// All that the adapter gives, or what every device of WebGPU does.
fn limits(adapter: &Adapter, options: &GpuOptions) -> wgpu::Limits {
    let all = adapter.limits();
    if options.without.contains(&Feature::Limits) {
        let mut limits = wgpu::Limits::default().or_worse_values_from(&all);
        // Smaller alignments are better ones, and none of a shader's business.
        limits.min_storage_buffer_offset_alignment = 256;
        limits.min_uniform_buffer_offset_alignment = 256;
        return limits;
    }
    all
}

fn target(
    facts: &AdapterFacts,
    features: Features,
    limits: &wgpu::Limits,
    options: &GpuOptions,
) -> Target {
    let subgroups = facts.subgroups.filter(|(min, max)| min == max);
    Target {
        subgroup: subgroups.filter(|_| features.contains(Features::SUBGROUP)).map(|(size, _)| size),
        f16: features.contains(Features::SHADER_F16),
        shares: options.shares.unwrap_or(facts.kind != AdapterKind::Software),
        invocations: limits.max_compute_invocations_per_workgroup,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        workgroups: limits.max_compute_workgroups_per_dimension,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
    }
}
