//! The CPU executor: a plan in, numbers out.
//!
//! In: a [`Plan`](crate::compiler::plan::Plan), what the host feeds, a [`Step`]. Out: results, and weights moved in
//! place. The bits depend on the plan and the data alone: not on how many threads there are, nor, for a row, on how many
//! rows stand beside it. A kernel is cut into tasks, each task into strips of some hundred elements over which the
//! expressions run, one instruction at a time.
//!
//! `attend`, `gemm` and `math` are the arithmetic under it, public for measuring; they are not an API boundary. Deliberately not
//! here: what kernels mean (the compiler's `plan`), data, checkpoints.

mod arena;
pub mod attend;
mod check;
mod column;
mod contract;
mod evaluate;
mod executor;
pub mod gemm;
mod lent;
mod lookup;
mod map;
pub mod math;
pub mod present;
mod random;
mod row;
mod store;
mod strip;
mod tape;
mod team;
#[cfg(test)]
mod tests;
mod walk;

pub use executor::{CpuExecutor, Step};
pub use present::Present;
