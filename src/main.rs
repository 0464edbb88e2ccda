//! The command line `zorro`.
//!
//! In: arguments. Out: results on standard output, errors on standard error, and an exit code: 0, 1 (the
//! work failed) or 2 (wrong use). Deliberately not here: the work itself.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
