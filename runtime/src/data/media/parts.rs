//! Files without some of their streams: what an audit of the way from a file to what is fed needs.
//!
//! In: a file. Out: the same file without its frames or without its sound, when its clip begins, and what is fed of it from
//! another time on. Deliberately not here: comparing.

use std::path::{Path, PathBuf};

use zorro_compiler::model::Model;

use super::{DataError, Kind, Moment, Told, Trouble, clip, open, read_by, recipe_of, roles_of};
use crate::Tensors;

/// Containers round to thousandths, seconds.
const ROUNDING: f64 = 0.002;

/// What can be taken out of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The frames.
    Frames,
    /// The sound.
    Sound,
}

impl Stream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Frames, Self::Sound];

    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Sound => "sound",
        }
    }
}

/// When the clip begins that [`super::read`] takes of a video, seconds on the clock of the file; `None` for files of other
/// kinds.
///
/// # Errors
///
/// A file that cannot be read, or that the model has no modality for.
pub fn begins(model: &Model, path: &Path) -> Result<Option<f64>, DataError> {
    let recipe = recipe_of(model);
    let found = roles_of(path, &recipe).and_then(|Told { kind, hosts, .. }| match kind {
        Kind::Video => clip::begins(path, &hosts, &recipe, &Moment::still()),
        Kind::Picture | Kind::Sound | Kind::Json | Kind::Text => Ok(None),
    });
    found.map_err(|trouble| trouble.error(path.display().to_string()))
}

/// As [`super::read`], with clips of videos that begin at a time on the clock of the file.
///
/// # Errors
///
/// Those of [`super::read`].
pub fn read_from(model: &Model, files: &[PathBuf], begin: f64) -> Result<Tensors, DataError> {
    let mut recipe = recipe_of(model);
    recipe.begin = Some(begin);
    read_by(&recipe, files)
}

/// Writes a video without one of its streams to a file of the same kind in a folder; what stays is copied bit for bit, at
/// its times. `None` where there is no such stream, or nothing beside it.
///
/// # Errors
///
/// A file that cannot be read, or not be written.
pub fn without(
    model: &Model,
    path: &Path,
    stream: Stream,
    folder: &Path,
) -> Result<Option<PathBuf>, DataError> {
    let recipe = recipe_of(model);
    let made = || {
        let Told { kind, .. } = roles_of(path, &recipe)?;
        if kind != Kind::Video {
            return Ok(None);
        }
        open(path)?;
        let video = recipe.programs.probe(path)?;
        let (Some(pictures), Some(sound)) = (&video.pictures, &video.sound) else {
            return Ok(None);
        };
        let kept = match stream {
            Stream::Frames => &sound.track,
            Stream::Sound => &pictures.track,
        };
        // The name says the kind and the modality, so it stays.
        let below = folder.join(format!("without-{}", stream.name()));
        let failed = |error: std::io::Error| Trouble::Machine(error.to_string());
        std::fs::create_dir_all(&below).map_err(failed)?;
        let to = below.join(path.file_name().unwrap_or_default());
        recipe.programs.copy(path, kept, &to)?;
        let copied = recipe.programs.probe(&to)?;
        let alone = match stream {
            Stream::Frames => copied.sound.map(|sound| sound.track),
            Stream::Sound => copied.pictures.map(|pictures| pictures.track),
        };
        let moved = alone.map_or(f64::INFINITY, |alone| (alone.starts() - kept.starts()).abs());
        if moved > ROUNDING {
            let why = format!(
                "without its {} the rest does not keep its times: files of this kind cannot hold it alone; make an mkv of it",
                stream.name()
            );
            return Err(Trouble::Declared(why));
        }
        Ok(Some(to))
    };
    made().map_err(|trouble: Trouble| trouble.error(path.display().to_string()))
}
