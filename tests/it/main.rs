//! All tests that need more than one module; the only integration binary.

mod cli;
mod commands;
mod errors;
mod stages;
mod tidy;
