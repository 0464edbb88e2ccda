//! Zorro, a compiler for masked multimodal transformers: what its command line is made of.
//!
//! In: specs on disk. Out: what people read ([`report`], [`picture`]), and specs for the compiler, which opens no file
//! itself ([`files`]). Deliberately not here: the language and its meaning, which are
//! `zorro-grammar` and `zorro-compiler`.

#![forbid(unsafe_code)]

pub mod files;
pub mod picture;
pub mod report;
