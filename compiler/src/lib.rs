//! The Zorro compiler: syntax tree in, proved model out.
//!
//! In: an `ast::File` and the files it uses. Out: a model with its masks, flows and costs, or
//! diagnostics. Deliberately not here: devices, files, clocks, environment variables. The compiler
//! is a pure function.

#![forbid(unsafe_code)]

pub mod routing;
