//! All tests that need more than one module; the only integration binary.

mod cli;
mod diagnostics;
mod errors;
mod garbage;
mod semantics;
