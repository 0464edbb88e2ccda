//! From a file to what a check found.
//!
//! In: the path of a spec, or its text with a name. Out: the compiler's [`Outcome`], in which files have the
//! names that the user knows them by. Deliberately not here: any judgement, which is the compiler's, and
//! printing.

use std::path::Path;

use zorro_compiler::{Loader, Options, Outcome, check};
use zorro_grammar::SourceMap;
use zorro_runtime::checkpoint::Spec;

use crate::files::Disk;

/// Checks a spec on disk with all that it uses.
///
/// # Errors
///
/// The reason in words, to follow the file's name, when the spec itself cannot be read. What is wrong with
/// its text or with a file that it uses is in the outcome.
///
/// ```no_run
/// let outcome = zorro::check_file("models/zorro_vit.zorro", &zorro::Options::default())?;
/// assert!(outcome.diagnostics.is_empty());
/// # Ok::<(), String>(())
/// ```
pub fn check_file(path: impl AsRef<Path>, options: &Options) -> Result<Outcome, String> {
    Ok(check_file_and_texts(path, options)?.0)
}

/// Checks a spec on disk, and gives the texts that it is made of, too: what a checkpoint keeps.
///
/// # Errors
///
/// As for [`check_file`].
pub fn check_file_and_texts(
    path: impl AsRef<Path>,
    options: &Options,
) -> Result<(Outcome, Spec), String> {
    let (mut disk, name) = Disk::of_spec(path.as_ref())?;
    let text = disk.load(&name)?;
    // A file may be called what no `use` can say; the compiler then knows it by a name that no `use` finds.
    let name = name.replace([':', '\\'], "\u{fffd}");
    let mut loader = Watched { disk: Some(disk), spec: (name.clone(), text), loaded: Vec::new() };
    let outcome = check(&name, &mut loader, options);
    let files = loader.loaded.iter().cloned().collect();
    let spec = Spec { path: name, files, set: options.set.clone() };
    let mut shown: Vec<String> = loader.loaded.into_iter().map(|(path, _)| path).collect();
    if let (Some(disk), [_, used @ ..]) = (&loader.disk, shown.as_mut_slice()) {
        used.iter_mut().for_each(|path| *path = disk.shown(path));
    }
    if let Some(spec) = shown.first_mut() {
        *spec = path.as_ref().display().to_string();
    }
    Ok((rename(outcome, shown), spec))
}

/// Checks a text that stands in no file, under a name for messages. It uses no files.
#[must_use]
pub fn check_named(name: &str, text: String, options: &Options) -> Outcome {
    let place = "spec.zorro".to_owned();
    let mut loader = Watched { disk: None, spec: (place.clone(), text), loaded: Vec::new() };
    rename(check(&place, &mut loader, options), vec![name.to_owned()])
}

/// Gives the spec as it was read, so that it is read once; other files from disk, where there is one.
struct Watched {
    disk: Option<Disk>,
    spec: (String, String),
    /// What has been given, path and text, in this order: the first files of the source map.
    loaded: Vec<(String, String)>,
}

impl Loader for Watched {
    fn load(&mut self, path: &str) -> Result<String, String> {
        let text = match &mut self.disk {
            Some(_) | None if path == self.spec.0 => self.spec.1.clone(),
            Some(disk) => disk.load(path)?,
            None => return Err("a spec that is no file uses no files".to_owned()),
        };
        self.loaded.push((path.to_owned(), text.clone()));
        Ok(text)
    }
}

/// The outcome with other names for the first files; ids stay as they are.
fn rename(mut outcome: Outcome, names: Vec<String>) -> Outcome {
    let mut sources = SourceMap::new();
    let mut names = names.into_iter();
    for (_, file) in outcome.sources.files() {
        sources.add(names.next().unwrap_or_else(|| file.name.clone()), file.text.clone());
    }
    outcome.sources = sources;
    outcome
}
