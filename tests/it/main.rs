//! All tests that need more than one module; the only integration binary.

mod cli;
mod commands;
mod diagnostics;
mod errors;
mod garbage;
mod mask;
mod semantics;
mod stages;
mod tidy;
