//! All tests that need more than one module; the only integration binary.

mod cli;
mod commands;
mod errors;
mod mask;
mod stages;
mod tidy;
