//! `zorro licenses`: what the program is made of.
//!
//! In: nothing. Out: the notice of all crates with their licenses and where their source is, which the program carries.
//! Deliberately not here: the notice itself; a test writes `THIRD-PARTY.md` from the lock file.

use super::{Failure, print};

/// Show the crates that this program contains, with their licenses
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  zorro licenses\n  zorro licenses | grep MPL")]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Result<(), Failure> {
    print(include_str!("../../THIRD-PARTY.md"))
}
