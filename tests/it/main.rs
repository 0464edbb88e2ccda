//! All tests that need more than one module; the only integration binary.

mod cli;
mod errors;
mod mask;
