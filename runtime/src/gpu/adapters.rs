//! What adapters there are, and what they can do.
//!
//! In: nothing. Out: facts, in the order in which the system lists adapters. Deliberately not here: opening them.

use wgpu::{Adapter, Backend, Backends, DeviceType, Features, Instance, InstanceDescriptor};
use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, InstanceFlags};

use super::faults::now;

/// An adapter: a device before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFacts {
    /// Its place in the list, by which users may name it.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`.
    pub backend: &'static str,
    /// The driver and its version.
    pub driver: String,
    /// What it is.
    pub kind: AdapterKind,
    /// The smallest and the largest size of subgroups; none where there are no subgroups.
    pub subgroups: Option<(u32, u32)>,
    /// Whether shaders can compute with 16-bit floats.
    pub f16: bool,
    /// Whether it tells how long a kernel takes.
    pub timestamps: bool,
    /// Products of small matrices that it offers, such as `16x16x16 f16 f32`: m x n x k, the type of the operands, and that of
    /// the sum. They are experimental, and nothing uses them.
    pub cooperative_matrices: Vec<String>,
    /// Most bytes of a buffer.
    pub buffer_bytes: u64,
    /// Most bytes of a buffer that a kernel sees at once.
    pub binding_bytes: u64,
    /// Most storage buffers of a shader.
    pub storage_buffers: u32,
    /// Most invocations of a workgroup.
    pub invocations: u32,
    /// Most bytes of a workgroup's own memory.
    pub workgroup_bytes: u32,
    /// Most workgroups in a dimension.
    pub workgroups: u32,
    /// Bytes of its memory, where the system tells.
    pub memory: Option<u64>,
}

/// What an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU of a virtual machine.
    Virtual,
    /// A processor that plays one.
    Software,
    /// It does not say.
    Other,
}

impl AdapterKind {
    /// As tables show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete GPU",
            Self::Integrated => "integrated GPU",
            Self::Virtual => "virtual GPU",
            Self::Software => "software",
            Self::Other => "other",
        }
    }

    /// Among GPUs the best is the one that comes first; none for what is taken only where it is named.
    #[must_use]
    pub fn rank(self) -> Option<u8> {
        match self {
            Self::Discrete => Some(0),
            Self::Virtual => Some(1),
            Self::Integrated => Some(2),
            Self::Software | Self::Other => None,
        }
    }
}

/// All adapters of this machine.
#[must_use]
pub fn adapters() -> Vec<AdapterFacts> {
    listed().iter().enumerate().map(|(index, adapter)| facts(index, adapter)).collect()
}

/// All adapters, to be opened.
pub(super) fn listed() -> Vec<Adapter> {
    let backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
    let instance = Instance::new(InstanceDescriptor {
        backends,
        flags: InstanceFlags::empty(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    now(instance.enumerate_adapters(backends))
}

/// What an adapter says of itself.
pub(super) fn facts(index: usize, adapter: &Adapter) -> AdapterFacts {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let subgroups = features.contains(Features::SUBGROUP);
    let driver = format!("{} {}", info.driver, info.driver_info);
    AdapterFacts {
        index,
        kind: match info.device_type {
            DeviceType::DiscreteGpu => AdapterKind::Discrete,
            DeviceType::IntegratedGpu => AdapterKind::Integrated,
            DeviceType::VirtualGpu => AdapterKind::Virtual,
            DeviceType::Cpu => AdapterKind::Software,
            DeviceType::Other => AdapterKind::Other,
        },
        backend: match info.backend {
            Backend::Vulkan => "vulkan",
            Backend::Metal => "metal",
            Backend::Dx12 => "dx12",
            Backend::Gl => "gl",
            Backend::BrowserWebGpu => "webgpu",
            Backend::Noop => "noop",
        },
        driver: driver.trim().to_owned(),
        subgroups: subgroups.then_some((info.subgroup_min_size, info.subgroup_max_size)),
        f16: features.contains(Features::SHADER_F16),
        timestamps: features.contains(Features::TIMESTAMP_QUERY),
        cooperative_matrices: matrices(adapter),
        buffer_bytes: limits.max_buffer_size,
        binding_bytes: limits.max_storage_buffer_binding_size,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
        invocations: limits.max_compute_invocations_per_workgroup,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        workgroups: limits.max_compute_workgroups_per_dimension,
        memory: memory(&info.device_pci_bus_id),
        name: info.name,
    }
}

fn matrices(adapter: &Adapter) -> Vec<String> {
    if !adapter.features().contains(Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        return Vec::new();
    }
    let word = |scalar: CooperativeScalarType| match scalar {
        CooperativeScalarType::F32 => "f32",
        CooperativeScalarType::F16 => "f16",
        CooperativeScalarType::I32 => "i32",
        CooperativeScalarType::U32 => "u32",
    };
    let text = |found: &CooperativeMatrixProperties| {
        let (m, n, k) = (found.m_size, found.n_size, found.k_size);
        format!("{m}x{n}x{k} {} {}", word(found.ab_type), word(found.cr_type))
    };
    let mut all: Vec<String> = adapter.cooperative_matrix_properties().iter().map(text).collect();
    all.sort();
    all.dedup();
    all
}

/// wgpu does not tell; some drivers of Linux do, in a file.
fn memory(bus: &str) -> Option<u64> {
    let path = format!("/sys/bus/pci/devices/{}/mem_info_vram_total", bus.to_lowercase());
    let is_address =
        !bus.is_empty() && bus.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c));
    let text = is_address.then(|| std::fs::read_to_string(path).ok()).flatten()?;
    text.trim().parse().ok()
}
