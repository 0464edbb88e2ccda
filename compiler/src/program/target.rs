//! What shaders may ask of a device.
//!
//! In: what an adapter says of itself, as the runtime has read it. Out: choices of the writer. Deliberately not here:
//! adapters.

/// What a device can do, as far as shaders depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The size of subgroups, where there are some and all are of one size; else shaders use none.
    pub subgroup: Option<u32>,
    /// Whether 16-bit floats can be stored and computed with.
    pub f16: bool,
    /// Whether sharing through workgroup memory is cheaper than loading again. It is on GPUs; where a processor plays the
    /// device, barriers are a loss, and shaders work in registers alone.
    pub shares: bool,
    /// Most invocations of a workgroup.
    pub invocations: u32,
    /// Most bytes of a workgroup's own memory.
    pub workgroup_bytes: u32,
    /// Most workgroups in a dimension.
    pub workgroups: u32,
    /// Most storage buffers of a shader.
    pub storage_buffers: u32,
}

impl Target {
    /// What every WebGPU device can do: the default limits, no optional feature.
    pub const PORTABLE: Self = Self {
        subgroup: None,
        f16: false,
        shares: true,
        invocations: 256,
        workgroup_bytes: 16_384,
        workgroups: 65_535,
        storage_buffers: 8,
    };
}

impl Default for Target {
    fn default() -> Self {
        Self::PORTABLE
    }
}
