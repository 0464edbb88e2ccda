//! `zorro graph`: a stage of the compiler as text or as a drawing.
//!
//! In: a spec. Out: the text form of a stage, or Graphviz. Deliberately not here: the stages.

use std::path::PathBuf;

use clap::ValueEnum;
use zorro::dot;

use super::options::Settings;
use super::{Failure, print_quoting, spec};

/// Print a stage of the compiler
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro graph models/zorro_vit.zorro --stage model\n  \
    zorro graph models/zorro_vit.zorro --stage model --format dot | dot -Tsvg > vit.svg")]
pub(super) struct Args {
    /// The .zorro file, or `-` for standard input
    spec: PathBuf,

    /// Which stage
    #[arg(long, value_enum, default_value_t = Stage::Model)]
    stage: Stage,

    /// As text, or for Graphviz
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Every name resolved, every block expanded
    Model,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    match (args.stage, args.format) {
        (Stage::Model, Format::Text) => print_quoting(&checked.model.to_string()),
        (Stage::Model, Format::Dot) => print_quoting(&dot(&checked.model)),
    }
}
