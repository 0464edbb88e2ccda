//! The commands, each in a file of its own, and what they share.
//!
//! In: arguments. Out: an exit code. A command gives back a [`Failure`]; only this module prints it.
//! Deliberately not here: what a command does.

mod audit;
mod bench;
mod check;
mod compile;
mod completions;
mod data;
mod devices;
mod diff;
mod eval;
mod explain;
mod fmt;
mod graph;
mod infer;
mod licenses;
mod mask;
mod new;
mod options;
mod run;
mod signals;
mod snap;
mod spec;
mod tensors;
mod train;
mod wanted;
mod weights;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::{Parser, Subcommand, ValueEnum};
use zorro::report;
use zorro_grammar::{Diagnostic, SourceMap};

#[derive(Parser)]
#[command(
    name = "zorro",
    version,
    about = "A compiler for masked multimodal transformers",
    long_about = "A compiler for masked multimodal transformers.\n\n\
        A .zorro file says which token groups a model has and who may read whom. zorro derives the \
        attention masks from that and proves which outputs can see which modalities.",
    after_help = "Examples:\n  \
        zorro new first\n  \
        zorro check first/first.zorro\n  \
        zorro explain E0701\n\n\
        Exit codes: 0, 1 (the work failed), 2 (wrong use)."
)]
struct Cli {
    /// Color the output; `auto` does on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    #[arg(global = true, display_order = 900)]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    New(new::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Mask(mask::Args),
    Graph(graph::Args),
    Diff(diff::Args),
    Snap(snap::Args),
    Compile(compile::Args),
    Run(run::Args),
    Data(data::Args),
    Train(train::Args),
    Eval(eval::Args),
    Infer(infer::Args),
    Bench(bench::Args),
    Weights(weights::Args),
    Audit(audit::Args),
    Devices(devices::Args),
    Explain(explain::Args),
    Licenses(licenses::Args),
    Completions(completions::Args),
}

/// Why a command did not do its work.
#[derive(Debug)]
enum Failure {
    /// It was asked for something that cannot be asked for.
    Usage(String),
    /// It failed for the reason given.
    Work(String),
    /// It failed, and what is wrong has been printed.
    Diagnosed,
}

impl Failure {
    /// Prints what is still to be said, and gives the exit code.
    fn show(&self) -> u8 {
        match self {
            Self::Usage(message) => {
                complain(message);
                2
            }
            Self::Work(message) => {
                complain(message);
                1
            }
            Self::Diagnosed => 1,
        }
    }
}

/// Runs the command that the arguments ask for.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell when this cannot be printed.
            let _ = error.print();
            return exit_code(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
    signals::let_large_files_fail();
    match run(cli.command) {
        Ok(()) => exit_code(0),
        Err(failure) => exit_code(failure.show()),
    }
}

fn exit_code(code: u8) -> ExitCode {
    ExitCode::from(code)
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Mask(args) => mask::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Snap(args) => snap::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Infer(args) => infer::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Licenses(args) => licenses::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// That a result is not written over what it was made from.
fn spares<'a>(
    output: Option<&Path>,
    inputs: impl IntoIterator<Item = Option<&'a Path>>,
) -> Result<(), Failure> {
    // What is not there yet is no input.
    let Some(real) = output.and_then(|output| output.canonicalize().ok()) else { return Ok(()) };
    let is_read = |input: &Path| input.canonicalize().is_ok_and(|input| input == real);
    match inputs.into_iter().flatten().find(|input| is_read(input)) {
        None => Ok(()),
        Some(input) => {
            let input = input.display();
            let message =
                format!("`{input}` is read, and would be overwritten: write to another file");
            Err(Failure::Usage(message))
        }
    }
}

/// Prints a result. A reader that has seen enough (`zorro explain | head`) is no failure.
fn print(result: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(result.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Work(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a result that quotes a spec or the name of a file: neither must speak to the terminal.
fn print_quoting(result: &str) -> Result<(), Failure> {
    print(&result.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}"))
}

/// Prints diagnostics on standard error.
fn show(sources: &SourceMap, diagnostics: &[Diagnostic]) {
    let color = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let text = report::render(sources, diagnostics, color);
    // Nobody is left to tell when standard error is closed; here and below.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Prints one line on standard error that is no error by itself.
fn note(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Prints one line on standard error in the form of a diagnostic.
fn complain(message: &str) {
    // File names and arguments must not speak to the terminal; lines after the first are indented, so that none of them
    // looks like a message of its own.
    let message = message.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    let message = message.replace('\n', "\n  ");
    let _ = writeln!(anstream::stderr(), "\u{1b}[1;91merror\u{1b}[0m: {message}");
}
