//! The Zorro runtime: compiled model in, numbers out.
//!
//! In: plans, files of tensors, and maps between their names and a model's. Out: numbers. Deliberately not here: the
//! language and the compiler, which know no device and do no IO.

#![deny(unsafe_code)]

pub mod batch;
pub mod checkpoint;
pub mod cpu;
pub mod data;
pub mod device;
mod error;
pub mod executor;
mod feed;
mod files;
pub mod gpu;
mod memory;
pub mod names;
pub mod session;
pub mod tensors;
pub mod train;

pub use batch::Batch;
pub use device::{Device, DeviceChoice};
pub use error::RuntimeError;
pub use executor::Executor;
pub use names::NameMap;
pub use session::{RunOptions, Session};
pub use tensors::{Tensor, TensorData, Tensors};
pub use zorro_compiler as compiler;
