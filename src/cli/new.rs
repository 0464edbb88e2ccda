//! `zorro new`: a spec to start from.
//!
//! In: a name. Out: a folder of that name with a spec that works at once. Deliberately not here: changing
//! anything that is already there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zorro::files::reason;
use zorro_grammar::SourceMap;
use zorro_grammar::parse::parse;

use super::{Failure, print};

/// A spec like any other; its model is renamed.
const TEMPLATE: &str = include_str!("new/template.zorro");

/// Create a folder with a spec that works at once
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    zorro new first && zorro check first/first.zorro")]
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
    let path = folder.join(format!("{}.zorro", args.name));
    if let Err(error) = fs::write(&path, spec(&args.name)) {
        remove(&path, folder);
        let path = path.display();
        return Err(Failure::Work(format!("cannot write `{path}`: {}", reason(&error))));
    }
    let path = path.display();
    print(&format!("created {path}\n\nNow try:\n  zorro check {path}\n  zorro mask {path}\n"))
}

fn remove(path: &PathBuf, folder: &Path) {
    // The failure that led here is the one to report.
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(folder);
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
