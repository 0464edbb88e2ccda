//! `zorro check`: diagnostics and a summary.
//!
//! In: specs. Out: what is wrong with each, and for those that are right their tokens, costs and flows.
//! Deliberately not here: any judgement, which the compiler has made, and the form of the summary.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zorro::{Outcome, report, summary};
use zorro_grammar::{Diagnostic, Severity};

use super::options::{Format, Settings};
use super::{Failure, complain, note, print, print_quoting, show, spec};

/// Check specs and print a summary of each
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro check models/zorro_vit.zorro\n  \
    zorro check models/*.zorro --set depth=2 --format json")]
pub(super) struct Args {
    /// The .zorro files, or `-` for standard input
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Exit with 1 when there are warnings, too
    #[arg(long)]
    deny_warnings: bool,
}

/// What has been found so far, in all specs.
#[derive(Default)]
struct Found {
    n_errors: usize,
    n_warnings: usize,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let stdin = Path::new("-");
    if args.specs.iter().filter(|spec| *spec == stdin).count() > 1 {
        return Err(Failure::Usage("`-` can be given once".to_owned()));
    }
    let mut found = Found::default();
    match args.format {
        Format::Text => text(args, &mut found)?,
        Format::Json => {
            let specs = args.specs.iter().map(|path| entry(path, args, &mut found));
            let specs = specs.collect::<Result<Vec<Value>, Failure>>()?;
            print(&format!("{:#}\n", json!({ "version": summary::VERSION, "specs": specs })))?;
        }
    }
    if found.n_errors > 0 || args.deny_warnings && found.n_warnings > 0 {
        return Err(Failure::Diagnosed);
    }
    Ok(())
}

fn text(args: &Args, found: &mut Found) -> Result<(), Failure> {
    let mut summaries = Vec::new();
    for path in &args.specs {
        match spec::outcome(path, &args.settings) {
            Ok(outcome) => {
                found.count(&outcome.diagnostics);
                show(&outcome.sources, &outcome.diagnostics);
                summaries.extend(outcome.checked.as_ref().map(summary::text));
            }
            // The other specs are checked all the same.
            Err(Failure::Work(message)) => {
                found.n_errors += 1;
                complain(&message);
            }
            Err(other @ (Failure::Usage(_) | Failure::Diagnosed)) => return Err(other),
        }
    }
    print_quoting(&summaries.join("\n"))?;
    if found.n_errors + found.n_warnings > 0 {
        note(&found.line());
    }
    Ok(())
}

/// A spec in the document for programs.
fn entry(path: &Path, args: &Args, found: &mut Found) -> Result<Value, Failure> {
    let name = path.display().to_string();
    match spec::outcome(path, &args.settings) {
        Ok(Outcome { sources, diagnostics, checked, refused: _ }) => {
            found.count(&diagnostics);
            Ok(json!({
                "spec": name,
                "diagnostics": report::json(&sources, &diagnostics),
                "model": checked.as_ref().map(summary::json),
            }))
        }
        Err(Failure::Work(message)) => {
            found.n_errors += 1;
            Ok(json!({ "spec": name, "failure": message, "diagnostics": [], "model": null }))
        }
        Err(other @ (Failure::Usage(_) | Failure::Diagnosed)) => Err(other),
    }
}

impl Found {
    fn count(&mut self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            match diagnostic.severity() {
                Severity::Error => self.n_errors += 1,
                Severity::Warning => self.n_warnings += 1,
            }
        }
    }

    /// `2 errors, 1 warning`
    fn line(&self) -> String {
        let counts = [(self.n_errors, "error"), (self.n_warnings, "warning")];
        let counts = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| match n {
            1 => format!("1 {noun}"),
            _ => format!("{n} {noun}s"),
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}
