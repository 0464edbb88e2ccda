//! The Zorro runtime: compiled model in, numbers out.
//!
//! In: files of tensors, and maps between their names and a model's. Deliberately not here yet: the executors,
//! which join when the compiler plans kernels.

#![deny(unsafe_code)]

pub mod names;
pub mod tensors;

pub use names::NameMap;
pub use tensors::{Tensor, TensorData, Tensors};
pub use zorro_compiler as compiler;
