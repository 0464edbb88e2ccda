//! A spec as commands want it: checked.
//!
//! In: the path of a spec, and the params that the user sets. Out: the model with its proofs; what is wrong or
//! doubtful is on standard error by then. Deliberately not here: what a command does with the model.

use std::io;
use std::path::Path;

use zorro::{Checked, Options, Outcome, check_file, check_named, files};
use zorro_grammar::SourceMap;

use super::options::Settings;
use super::{Failure, show};

/// Checks a spec, shows what is to be said about it, and gives back the model where nothing is wrong.
pub(super) fn checked(path: &Path, settings: &Settings) -> Result<(SourceMap, Checked), Failure> {
    let Outcome { sources, diagnostics, checked, refused: _ } = outcome(path, settings)?;
    show(&sources, &diagnostics);
    checked.map(|checked| (sources, checked)).ok_or(Failure::Diagnosed)
}

/// The same for commands that only look at a model: one that leaks can be seen as well. True where it was refused.
pub(super) fn seen(path: &Path, settings: &Settings) -> Result<(Checked, bool), Failure> {
    let Outcome { sources, diagnostics, checked, refused } = outcome(path, settings)?;
    show(&sources, &diagnostics);
    let is_refused = refused.is_some();
    checked.or(refused).map(|model| (model, is_refused)).ok_or(Failure::Diagnosed)
}

/// Checks a spec, or standard input as `-`, and shows nothing.
pub(super) fn outcome(path: &Path, settings: &Settings) -> Result<Outcome, Failure> {
    let set = settings.settings.iter();
    let set = set.map(|setting| (setting.name.clone(), setting.value.clone())).collect();
    let options = Options { set };
    if path == Path::new("-") {
        let text = files::read_from(io::stdin().lock())
            .map_err(|reason| Failure::Work(format!("cannot read standard input: {reason}")))?;
        return Ok(check_named("<stdin>", text, &options));
    }
    check_file(path, &options)
        .map_err(|reason| Failure::Work(format!("cannot read `{}`: {reason}", path.display())))
}
