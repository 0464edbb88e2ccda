//! `zorro new`: a spec and a run to start from.
//!
//! In: a name. Out: a folder of that name with a spec and a run's configuration that work at once. Deliberately not here: changing
//! anything that is already there.

use std::fs;
use std::io;
use std::path::Path;

use zorro::files::reason;
use zorro_grammar::SourceMap;
use zorro_grammar::parse::parse;

use super::{Failure, print};

/// A spec like any other; its model is renamed.
const TEMPLATE: &str = include_str!("new/template.zorro");
/// A configuration like any other; its spec is renamed.
const RUN: &str = include_str!("new/run.yaml");

/// Create a folder with a spec and a run's configuration that work at once
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro new first && zorro check first/first.zorro\n  \
    zorro new first && zorro train first/run.yaml")]
pub(super) struct Args {
    /// The name of the folder and of the model: letters, digits and `_`
    #[arg(value_parser = name)]
    name: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folder = Path::new(&args.name);
    // Creating the folder is also the test that there is none, so nothing can come between the two.
    fs::create_dir(folder).map_err(|error| {
        let already = error.kind() == io::ErrorKind::AlreadyExists;
        let reason = if already { "it is already there".to_owned() } else { reason(&error) };
        Failure::Work(format!("cannot create `{}`: {reason}", args.name))
    })?;
    let spec_path = folder.join(format!("{}.zorro", args.name));
    let run_path = folder.join("run.yaml");
    for (path, text) in [(&spec_path, spec(&args.name)), (&run_path, run_of(&args.name))] {
        if let Err(error) = fs::write(path, text) {
            remove(&[&spec_path, &run_path], folder);
            let path = path.display();
            return Err(Failure::Work(format!("cannot write `{path}`: {}", reason(&error))));
        }
    }
    let (spec, run) = (spec_path.display(), run_path.display());
    print(&format!(
        "created {spec} and {run}\n\nNow try:\n  zorro check {spec}\n  zorro mask {spec}\n  zorro train {run}\n"
    ))
}

fn remove(files: &[&Path], folder: &Path) {
    // The failure that led here is the one to report.
    for file in files {
        let _ = fs::remove_file(file);
    }
    let _ = fs::remove_dir(folder);
}

fn run_of(name: &str) -> String {
    RUN.replacen("spec: template.zorro", &format!("spec: {name}.zorro"), 1)
}

fn spec(name: &str) -> String {
    TEMPLATE.replacen("model template {", &format!("model {name} {{"), 1)
}

/// A name that a model can have.
fn name(text: &str) -> Result<String, String> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("a name is letters, digits and `_`, not beginning with a digit".to_owned());
    }
    if text.len() > 100 {
        return Err("a name has at most 100 characters".to_owned());
    }
    // Asking the parser, so that there is one list of reserved words; it does not know these two, which
    // are names that blocks have.
    let mut sources = SourceMap::new();
    let file = sources.add("name", format!("model {text} {{}}"));
    if !parse(&sources, file).1.is_empty() || matches!(text, "x" | "from") {
        return Err(format!("`{text}` is a word of the language"));
    }
    Ok(text.to_owned())
}
