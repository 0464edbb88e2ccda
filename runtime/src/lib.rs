//! The Zorro runtime: compiled model in, numbers out.
//!
//! Deliberately nearly empty: the executors join when the compiler plans kernels.

#![deny(unsafe_code)]

pub mod cpu;

pub use zorro_compiler as compiler;
