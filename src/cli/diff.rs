//! `zorro diff`: what changes between two specs.
//!
//! In: two specs. Out: who gained or lost sight of whom, and what it costs. Deliberately not here: differences
//! of their texts.

use std::path::PathBuf;

use super::Failure;
use super::options::{Format, Settings};

/// Say who gained or lost sight of whom between two specs, and what it costs
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro diff models/bottleneck.zorro models/zorro_vit.zorro\n  \
    zorro diff old.zorro new.zorro --set depth=2 --format json")]
pub(super) struct Args {
    /// The .zorro file before the change
    old: PathBuf,

    /// The .zorro file after it
    new: PathBuf,

    #[command(flatten)]
    settings: Settings,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Args { old: _, new: _, settings: _, format: _ } = args;
    Err(Failure::Work("internal error: `zorro diff` has no body".to_owned()))
}
