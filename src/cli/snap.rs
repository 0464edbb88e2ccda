//! `zorro snap`: snapshot tests of masks and flows, for users who write no Rust.
//!
//! In: specs, and the `.snap` files that stand in their `snapshots` folder. Out: what differs, as `.snap.new`
//! files that cargo-insta can review too. Deliberately not here: how a mask is written down.

use std::path::PathBuf;

use super::Failure;
use super::options::Settings;

/// Compare masks and flows with stored snapshots
///
/// What differs is written beside the snapshot as .snap.new, and the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro snap models/*.zorro\n  \
    zorro snap models/*.zorro --accept")]
pub(super) struct Args {
    /// The .zorro files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,

    /// Make the .snap.new files of an earlier run the snapshots
    #[arg(long, conflicts_with = "update")]
    accept: bool,

    /// Make what comes out now the snapshots, without a review
    #[arg(long)]
    update: bool,

    #[command(flatten)]
    settings: Settings,

    /// Where the snapshots are [default: `snapshots` beside each spec]
    #[arg(short = 'o', long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Args { specs: _, accept: _, update: _, settings: _, dir: _ } = args;
    Err(Failure::Work("internal error: `zorro snap` has no body".to_owned()))
}
