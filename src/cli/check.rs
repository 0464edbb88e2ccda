//! `zorro check`: diagnostics and a summary.
//!
//! In: specs. Out: what is wrong with each, and for those that are right their tokens, parameters, masks and
//! flows. Deliberately not here: any judgement; the compiler has made it.

use std::path::PathBuf;

use super::Failure;
use super::options::{Format, Settings};

/// Check specs and print a summary of each
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro check models/zorro_vit.zorro\n  \
    zorro check models/*.zorro --set depth=2 --format json")]
pub(super) struct Args {
    /// The .zorro files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Args { specs: _, settings: _, format: _ } = args;
    Err(Failure::Work("internal error: `zorro check` has no body".to_owned()))
}
