//! Devices through wgpu: Vulkan, Metal and DirectX 12.
//!
//! In: a name, and plans. Out: an opened device, which many executors may share, and executors that run plans on it. This is
//! the only place that knows wgpu. Whatever it reports becomes a [`RuntimeError`](crate::RuntimeError) with the place in the
//! model; nothing of it panics.
//!
//! Deliberately not here: texts of shaders, which are the compiler's; which device a user means, which is `device`'s.

mod adapters;
#[cfg(test)]
mod attention;
mod bound;
mod buffers;
mod check;
mod executor;
mod faults;
#[cfg(test)]
mod functions;
mod open;
mod pipelines;
mod profile;
mod results;
mod tested;
#[cfg(test)]
mod tests;

pub use adapters::{AdapterFacts, AdapterKind, adapters};
pub use check::{Found, check};
pub use executor::GpuExecutor;
pub use open::{Gpu, GpuOptions};
pub use tested::tested_adapter;
