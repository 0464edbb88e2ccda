//! `zorro fmt`: the one layout.
//!
//! In: specs, or standard input as `-`. Out: the same specs laid out, or the difference. Deliberately not here:
//! the layout. A spec with a syntax error is reported and left alone.

use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;
use zorro::files;
use zorro_grammar::parse::parse;
use zorro_grammar::{SourceMap, format};

use super::{Failure, complain, print, show};

/// Lay out specs
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro fmt models/*.zorro\n  \
    zorro fmt --check models/*.zorro\n  \
    zorro fmt - < models/vit.zorro")]
pub(super) struct Args {
    /// The .zorro files, or `-` for standard input to standard output
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,

    /// Change nothing; print what would change, and exit with 1 if anything would
    #[arg(long)]
    check: bool,
}

/// What has become of a spec.
enum Done {
    /// It is laid out now, and was so before.
    Fine,
    /// Its layout has changed.
    Changed,
    /// Its layout would change.
    WouldChange,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let stdin = Path::new("-");
    if args.specs.len() > 1 && args.specs.iter().any(|spec| spec == stdin) {
        return Err(Failure::Usage("`-` stands alone".to_owned()));
    }
    let (mut failed, mut n_would_change) = (false, 0);
    for spec in &args.specs {
        let done = if spec == stdin { stream(args.check) } else { file(spec, args.check) };
        match done {
            Ok(Done::Fine | Done::Changed) => {}
            Ok(Done::WouldChange) => n_would_change += 1,
            Err(Failure::Diagnosed) => failed = true,
            // The other specs are laid out all the same.
            Err(Failure::Usage(message) | Failure::Work(message)) => {
                complain(&message);
                failed = true;
            }
        }
    }
    match n_would_change {
        0 if failed => Err(Failure::Diagnosed),
        0 => Ok(()),
        1 => Err(Failure::Work("the layout of 1 spec would change".to_owned())),
        n => Err(Failure::Work(format!("the layout of {n} specs would change"))),
    }
}

fn stream(check: bool) -> Result<Done, Failure> {
    let name = "<stdin>";
    let text = files::read_from(io::stdin().lock())
        .map_err(|reason| Failure::Work(format!("cannot read standard input: {reason}")))?;
    let formatted = formatted(name, &text)?;
    if check {
        return compare(name, &text, &formatted);
    }
    print(&formatted)?;
    Ok(Done::Changed)
}

fn file(path: &Path, check: bool) -> Result<Done, Failure> {
    let name = path.display().to_string();
    let failure = |verb| {
        let name = name.clone();
        move |reason| Failure::Work(format!("cannot {verb} `{name}`: {reason}"))
    };
    let text = files::read(path).map_err(failure("read"))?;
    let formatted = formatted(&name, &text)?;
    if check {
        return compare(&name, &text, &formatted);
    }
    if formatted == text {
        return Ok(Done::Fine);
    }
    files::replace(path, &formatted).map_err(failure("write"))?;
    Ok(Done::Changed)
}

fn compare(name: &str, text: &str, formatted: &str) -> Result<Done, Failure> {
    if formatted == text {
        return Ok(Done::Fine);
    }
    let diff = TextDiff::from_lines(text, formatted);
    print(&diff.unified_diff().header(name, name).to_string())?;
    Ok(Done::WouldChange)
}

fn formatted(name: &str, text: &str) -> Result<String, Failure> {
    let mut sources = SourceMap::new();
    let id = sources.add(name, text);
    let (file, diagnostics) = parse(&sources, id);
    if !diagnostics.is_empty() {
        show(&sources, &diagnostics);
        return Err(Failure::Diagnosed);
    }
    Ok(format(&sources, &file))
}
