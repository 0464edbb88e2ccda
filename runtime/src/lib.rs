//! The Zorro runtime: compiled model in, numbers out.
//!
//! So far the arithmetic of the CPU executor; the executors join when the compiler plans kernels.

#![deny(unsafe_code)]

pub mod cpu;

pub use zorro_compiler as compiler;
