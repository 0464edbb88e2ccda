//! `zorro diff`: what changes between two specs.
//!
//! In: two specs. Out: who gained or lost sight of whom, and what it costs. Deliberately not here: comparing,
//! which is the compiler's, and differences of texts.

use std::path::{Path, PathBuf};

use zorro::{Checked, Cost, diff, summary};

use super::options::{Format, Settings};
use super::{Failure, print, print_quoting, spec};

/// Say who gained or lost sight of whom between two specs, and what it costs
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro diff models/bottleneck.zorro models/zorro_vit.zorro\n  \
    zorro diff old.zorro new.zorro --set depth=2 --format json")]
pub(super) struct Args {
    /// The .zorro file before the change, or `-` for standard input
    old: PathBuf,

    /// The .zorro file after it, or `-` for standard input
    new: PathBuf,

    #[command(flatten)]
    settings: Settings,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Exit with 1 when there is a difference
    #[arg(long)]
    exit_code: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if [&args.old, &args.new].iter().all(|spec| *spec == Path::new("-")) {
        return Err(Failure::Usage("`-` can be given once".to_owned()));
    }
    // What is wrong with the second one is said even when the first one is wrong.
    let (old, new) = (spec::seen(&args.old, &args.settings), spec::seen(&args.new, &args.settings));
    let ((old, old_refused), (new, new_refused)) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => return Err(failure),
        (Err(first), Err(second)) => {
            first.show();
            return Err(second);
        }
    };
    let cost = |checked: &Checked| Cost::of(&checked.model);
    let diff =
        diff::diff((&old.model, &old.flow, &cost(&old)), (&new.model, &new.flow, &cost(&new)));
    match args.format {
        Format::Text => print_quoting(&diff.to_string())?,
        Format::Json => print(&format!("{:#}\n", summary::diff_json(&diff)))?,
    }
    let is_failure = old_refused || new_refused || (args.exit_code && !diff.is_empty());
    if is_failure { Err(Failure::Diagnosed) } else { Ok(()) }
}
