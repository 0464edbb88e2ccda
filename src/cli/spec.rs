//! A spec as commands want it: checked.
//!
//! In: the path of a spec, and the params that the user sets. Out: the model with its proofs; what is wrong or
//! doubtful is on standard error by then, under the names of files as the user would write them. Deliberately
//! not here: what a command does with the model.

use std::path::Path;

use zorro::files::Disk;
use zorro_compiler::{Checked, Options, Outcome, STANDARD, check};
use zorro_grammar::SourceMap;

use super::options::Settings;
use super::{Failure, show};

/// Checks a spec, shows what is to be said about it, and gives back the model where nothing is wrong.
pub(super) fn checked(path: &Path, settings: &Settings) -> Result<(SourceMap, Checked), Failure> {
    let Outcome { sources, diagnostics, checked } = outcome(path, settings)?;
    show(&sources, &diagnostics);
    checked.map(|checked| (sources, checked)).ok_or(Failure::Diagnosed)
}

/// Checks a spec and shows nothing.
pub(super) fn outcome(path: &Path, settings: &Settings) -> Result<Outcome, Failure> {
    let (mut disk, name) = Disk::of_spec(path)
        .map_err(|reason| Failure::Work(format!("cannot read `{}`: {reason}", path.display())))?;
    let settings = &settings.settings;
    let set =
        settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
    let mut outcome = check(&name, &mut disk, &Options { set });
    outcome.sources = as_user_writes(&outcome.sources, &disk, settings.len());
    Ok(outcome)
}

/// The same sources; files on disk are called what the user would call them.
fn as_user_writes(sources: &SourceMap, disk: &Disk, n_settings: usize) -> SourceMap {
    // The compiler adds what it loads first, then the standard blocks, then the settings.
    let n_loaded = sources.files().count() - STANDARD.len() - n_settings;
    let mut renamed = SourceMap::new();
    for (id, file) in sources.files() {
        let is_loaded = (id.0 as usize) < n_loaded;
        let name = if is_loaded { disk.shown(&file.name) } else { file.name.clone() };
        renamed.add(name, file.text.clone());
    }
    renamed
}
