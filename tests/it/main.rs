//! All tests that need more than one module; the only integration binary.

mod adapter;
mod audit;
mod bench;
mod cli;
mod commands;
mod compile;
mod data;
mod devices;
mod diagnostics;
mod docs;
mod errors;
mod evaluation;
mod garbage;
mod golden;
mod guide;
mod licenses;
mod mask;
mod pattern;
mod run;
mod run_schema;
mod schema;
mod semantics;
mod shaders;
mod stages;
mod tidy;
mod train;
