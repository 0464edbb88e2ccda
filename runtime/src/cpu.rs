//! The arithmetic under the CPU executor: matrix products and functions over strips of numbers.
//!
//! In: slices. Out: slices, the same bits for the same numbers, wherever they stand and whoever computes them.
//! Deliberately not here: threads, kernels, tensors; callers cut the work, these do it. Public for measuring; not an
//! API boundary.

pub mod attend;
pub mod gemm;
pub mod math;
pub mod present;
