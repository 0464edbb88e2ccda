//! Whole models on both executors: the processor's is held to the interpreter of graphs, a device's to the processor's, and both
//! to what must not move a bit.
//!
//! Every model is a spec, random or of `models/`; every property a `check` over many of them. Deliberately not here: single
//! kernels, which the executor's own tests hold to loops; the compiler's passes, which the compiler's tests do.

mod batches;
mod compare;
mod determinism;
mod evaluation;
mod evaluation_loss;
mod execute;
mod gpu;
mod losses;
mod models;
mod nothing_read;
mod purity;
mod random_specs;
mod training;
mod visits;
mod whole_models;
