//! `zorro completions`: a script that completes zorro's commands in a shell.
//!
//! In: the shell. Out: its script. Deliberately not here: installing it.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Failure, print};

/// Print a script that completes zorro's commands in your shell
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro completions bash > ~/.local/share/bash-completion/completions/zorro\n  \
    zorro completions fish > ~/.config/fish/completions/zorro.fish")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    // Not straight to standard output: clap panics when that is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "zorro", &mut script);
    print(&String::from_utf8_lossy(&script))
}
