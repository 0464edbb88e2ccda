//! The Zorro language: text in, syntax tree out.
//!
//! In: the text of `.zorro` files. Out: an [`ast::File`] with spans, or [`Diagnostic`]s.
//! Deliberately not here: meaning. This crate knows no tensors, no masks, and opens no file.

#![forbid(unsafe_code)]

pub mod ast;
mod codes;
pub mod diagnostic;
pub mod dump;
pub mod foreign;
pub mod format;
pub mod parse;
mod scan;
pub mod source;

pub use diagnostic::{Code, Diagnostic, Edit, Label, Severity};
pub use dump::dump;
pub use format::format;
pub use source::{FileId, SourceMap, Span};

#[cfg(test)]
mod random_spec;
