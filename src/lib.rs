//! Zorro, a compiler for masked multimodal transformers, as a library.
//!
//! A spec goes through one pipeline, and this crate has a name for what comes out at each end of it:
//!
//! ```text
//! file -check_file-> Outcome -> Checked { model, flow } -> masks_text, summary, Cost, diff, dot, shaders, emit
//!                        \-> diagnostics -> report
//! ```
//!
//! [`check_file`] reads a spec from disk with all that it uses; [`check_text`] takes a text. Either gives an
//! [`Outcome`]: the diagnostics, and the proved model where there is no error.
//!
//! ```
//! use zorro::{Cost, Options, check_text, masks_text};
//!
//! let spec = "
//!   model two {
//!     modality video = image(size: 32)
//!     modality audio = wave(rate: 16000, seconds: 1) |> logmel(bins: 64, window: 400, hop: 160)
//!     tokens video  = video |> patches(16, 16) |> linear(8)
//!     tokens audio  = audio |> crop(64, 96) |> patches(16, 16) |> linear(8)
//!     tokens fusion = latents(2, 8)
//!     apply vit(heads: 2) over { video <- video; audio <- audio; fusion <- * }
//!     output a = audio |> pool(mean)
//!     output f = fusion |> pool(mean)
//!     assert a reads only audio
//!   }";
//! let outcome = check_text(spec, &Options::default());
//! let checked = outcome.checked.expect("nothing is wrong with it");
//! assert_eq!(checked.flow.sees(checked.model.outputs[1].value).len(), 2);
//! assert!(masks_text(&checked.model).contains("fusion 2 <- video, audio, fusion"));
//! assert!(Cost::of(&checked.model).total().flops > 0);
//! ```
//!
//! What is wrong comes out as diagnostics, which [`report`] draws for people and writes as JSON for
//! programs:
//!
//! ```
//! let outcome = zorro::check_text("model m { output a = b }", &zorro::Options::default());
//! let drawn = zorro::report::render(&outcome.sources, &outcome.diagnostics, false);
//! assert!(drawn.starts_with("error[E0201]: "), "{drawn}");
//! ```
//!
//! Deliberately not here: the language and its meaning, which are `zorro-grammar` and `zorro-compiler`, and
//! the command line, which is the binary's.

#![forbid(unsafe_code)]

pub mod audit;
pub mod bench;
mod check;
pub mod curves;
pub mod data_report;
pub mod devices;
pub mod emit;
pub mod evaluation;
pub mod files;
mod masks;
pub mod noise;
pub mod picture;
pub mod report;
mod shaders;
pub mod snapshot;
pub mod summary;

pub use zorro_compiler::flow::{ModalitySet, Presence};
pub use zorro_compiler::model::{dot, weights_table};
pub use zorro_compiler::program::{Program, Target};
pub use zorro_compiler::routing::{Mask, Relation, Tile};
pub use zorro_compiler::{
    Checked, CompileError, CompileOptions, Cost, Flow, Loader, Mode, Model, Options, Outcome,
    check_text, compile, cost, diff, flow, grammar, model, routing,
};

pub use zorro_runtime as runtime;

pub use audit::{Audit, AuditError, AuditOptions, Cell, audit};
pub use check::{check_file, check_file_and_texts, check_named};
pub use masks::{Use, masks, masks_text, masks_where};
pub use shaders::{Detail, Shaders, shaders};

/// The examples of `docs/running.md`.
#[cfg(doctest)]
#[doc = include_str!("../docs/running.md")]
struct Running;
