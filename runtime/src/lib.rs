//! The Zorro runtime: compiled model in, numbers out.
//!
//! So far the CPU executor, which runs any plan as it stands.

#![deny(unsafe_code)]

pub mod cpu;
mod error;

pub use error::RuntimeError;
pub use zorro_compiler as compiler;
