//! Media files to tensors.
//!
//! In: pictures, sounds and videos, as files or as bytes. Out: what a modality is fed of them. Deliberately not here: data
//! sets.

mod clip;
pub mod parts;
pub(super) mod picture;
mod process;
pub(super) mod sound;
pub(super) mod video;

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zorro_compiler::model::Model;

use super::DataError;
use super::error::Why;
use super::host::{Feed, Host, Moment};
use super::recipe::{Fed, Recipe};
use super::source::roles::{self, Role};
use crate::{Tensor, TensorData, Tensors};
use video::Programs;

/// A picture or sound is read into memory, and may not be larger; texts are small.
const MAX_MEDIA: u64 = 1 << 30;
const MAX_TEXT: u64 = 16 << 20;

/// What a file is, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// PNG or JPEG.
    Picture,
    /// WAV, FLAC, MP3, Ogg Vorbis.
    Sound,
    /// What `ffmpeg` decodes.
    Video,
    /// Named values.
    Json,
    /// One value as text.
    Text,
}

/// Why there is nothing, by who is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The sample: it is broken, which `broken:` forgives.
    Why(Why),
    /// What the settings, the table or the labels say. No sample is damaged, so nothing is forgiven.
    Declared(Why),
    /// The machine: it does not read, or has no files, threads or memory left.
    Machine(Why),
    /// The machine: a program is not there.
    NoDecoder(String),
}

impl Trouble {
    /// The same trouble, said with what it is about.
    pub(super) fn about(self, name: &str) -> Self {
        match self {
            Self::Why(why) => Self::Why(format!("{name}: {why}")),
            Self::Declared(why) => Self::Declared(format!("{name}: {why}")),
            Self::Machine(why) => Self::Machine(format!("{name}: {why}")),
            Self::NoDecoder(program) => Self::NoDecoder(program),
        }
    }

    /// The error of whoever wanted what has this name.
    pub(super) fn error(self, name: String) -> DataError {
        match self {
            Self::Why(message) => DataError::Media { name, message },
            Self::Declared(message) => DataError::Declared { name, message },
            Self::Machine(message) => DataError::Machine { name, message },
            Self::NoDecoder(program) => DataError::NoDecoder { program },
        }
    }
}

/// Where a file lies.
#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    /// In a file of its own.
    Path(&'a Path),
    /// In memory.
    Bytes(&'a [u8]),
}

impl Kind {
    /// The kind of an extension in lower case; `None` for what is nothing that is known.
    pub(super) fn of(extension: &str) -> Option<Self> {
        match extension {
            "png" | "jpg" | "jpeg" => Some(Self::Picture),
            "wav" | "flac" | "mp3" | "ogg" | "oga" => Some(Self::Sound),
            "mp4" | "m4v" | "webm" | "mkv" | "mka" | "mov" | "avi" | "mpg" | "mpeg" | "vob"
            | "ts" | "mts" | "m2ts" | "wmv" | "asf" | "flv" | "3gp" | "3g2" | "ogv" | "mxf"
            | "m4a" | "m4b" | "aac" | "opus" | "wma" | "amr" | "ac3" | "caf" => Some(Self::Video),
            "json" => Some(Self::Json),
            "cls" | "txt" | "ids" => Some(Self::Text),
            _ => None,
        }
    }

    /// The most bytes that a file of the kind may have.
    pub(super) fn limit(self) -> u64 {
        match self {
            Self::Picture | Self::Sound => MAX_MEDIA,
            Self::Video => u64::MAX,
            Self::Json | Self::Text => MAX_TEXT,
        }
    }
}

impl<'a> Content<'a> {
    /// All bytes; files beyond a limit are refused, and what is no file.
    pub(super) fn bytes(&self, limit: u64) -> Result<Cow<'a, [u8]>, Why> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Path(path) => {
                let file = open(path)?;
                let mut bytes = Vec::new();
                let taken = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
                taken.map_err(|error| error.to_string())?;
                if bytes.len() as u64 > limit {
                    return Err(format!("larger than {limit} bytes"));
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

/// A file that is one: pipes and devices may never end.
pub(super) fn open(path: &Path) -> Result<File, Why> {
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !data.is_file() {
        return Err("not a file".to_owned());
    }
    File::open(path).map_err(|error| error.to_string())
}

/// What modalities are fed of one file of pictures or sound. Modalities that the file has nothing for are left out.
pub(super) fn decode(
    kind: Kind,
    extension: &str,
    content: &Content<'_>,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Vec<(usize, Fed)>, Trouble> {
    let work = || match kind {
        Kind::Video => clip::videos(extension, content, hosts, recipe, moment),
        Kind::Picture | Kind::Sound | Kind::Json | Kind::Text => {
            let bytes = content.bytes(kind.limit()).map_err(Trouble::Why)?;
            let mut all = Vec::new();
            for (at, host) in hosts {
                let values = one(kind, extension, &bytes, host, recipe, moment);
                all.push((*at, Fed::Numbers(values.map_err(Trouble::Why)?)));
            }
            Ok(all)
        }
    };
    // Decoders are made for files from anywhere, but not all of them never panic.
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Trouble::Why("its decoder failed".to_owned())))
}

fn one(
    kind: Kind,
    extension: &str,
    bytes: &[u8],
    host: &Host,
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Vec<f32>, Why> {
    match (kind, host.feed) {
        (Kind::Picture, Feed::Pictures { channels, .. }) => {
            host.of_pictures(&[picture::decode(bytes, channels)?], moment)
        }
        (Kind::Sound, Feed::Wave { rate, length, channels, .. }) => {
            let sound = sound::decode(bytes, extension, channels)?;
            let start = moment.place() * (sound.seconds() - recipe.span).max(0.0);
            host.of_sound(sound.part(start, rate, length)?, moment)
        }
        _ => Err(format!("`{}` is not made of such files", host.name)),
    }
}

/// The tensors of one sample, `[1, grid.., width]` by modality, of files: a sound, a picture, a video with its sound, or
/// several that belong together. What no file has is left out. Of what is longer than the model is fed, the middle is
/// taken.
///
/// # Errors
///
/// A file that cannot be read, or that the model has no modality for; two files for one modality.
pub fn read(model: &Model, files: &[PathBuf]) -> Result<Tensors, DataError> {
    read_by(&recipe_of(model), files)
}

/// The recipe of files that somebody names.
fn recipe_of(model: &Model) -> Recipe {
    let programs = Programs { folder: None, timeout: Duration::from_secs(300) };
    Recipe::new(model, programs)
}

fn read_by(recipe: &Recipe, files: &[PathBuf]) -> Result<Tensors, DataError> {
    let mut tensors = Tensors::new();
    for path in files {
        let name = path.display().to_string();
        let decoded = whole(path, recipe).map_err(|trouble| trouble.error(name.clone()))?;
        for (at, fed) in decoded {
            let host = &recipe.hosts[at];
            let shape = std::iter::once(1).chain(host.shape.iter().copied()).collect();
            let Fed::Numbers(values) = fed else { continue };
            let tensor = Tensor::new(shape, TensorData::F32(values));
            let tensor = tensor.expect("the host makes as many numbers as the shape has");
            if tensors.insert(host.name.clone(), tensor).is_some() {
                let message = format!("another file is the `{}` already", host.name);
                return Err(DataError::Media { name, message });
            }
        }
    }
    Ok(tensors)
}

/// What the model is fed of one file.
fn whole(path: &Path, recipe: &Recipe) -> Result<Vec<(usize, Fed)>, Trouble> {
    let (kind, extension, hosts) = roles_of(path, recipe)?;
    let content = Content::Path(path);
    let decoded = decode(kind, &extension, &content, &hosts, recipe, &Moment::still())?;
    if decoded.is_empty() {
        return Err(Trouble::Why("it has nothing that the model is fed".to_owned()));
    }
    Ok(decoded)
}

/// What a file is, its extension, and what is fed of it.
type Roles<'a> = (Kind, String, Vec<(usize, &'a Host)>);

/// What a file is by its name, and of which modalities: `clip.NAME.wav` is what it names.
fn roles_of<'a>(path: &Path, recipe: &'a Recipe) -> Result<Roles<'a>, Trouble> {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.and_then(|part| part.to_str()).unwrap_or("").to_owned()
    };
    let extension = part(path.extension()).to_ascii_lowercase();
    let kind = Kind::of(&extension)
        .filter(|kind| matches!(kind, Kind::Picture | Kind::Sound | Kind::Video))
        .ok_or_else(|| {
            let known = "png, jpg, wav, flac, mp3, ogg, mp4, webm, mkv, mov";
            Trouble::Why(format!("its extension is none of {known}"))
        })?;
    let stem = part(path.file_stem());
    // Points of a name that say nothing about the model are only points of a name.
    let named = stem.rsplit_once('.').map(|(_, named)| format!("{named}.{extension}"));
    let named = named.map(|named| roles::standard(&named, kind, recipe)).transpose();
    let roles = match named.map_err(Trouble::Why)? {
        Some(roles) if !roles.is_empty() => roles,
        Some(_) | None => roles::standard(&extension, kind, recipe).map_err(Trouble::Why)?,
    };
    let host = |role: &Role| match role {
        Role::Modality(at) => Some((*at, &recipe.hosts[*at])),
        Role::Target(_) => None,
    };
    let hosts: Vec<(usize, &Host)> = roles.iter().filter_map(host).collect();
    if hosts.is_empty() {
        return Err(Trouble::Why("the model has no modality for such a file".to_owned()));
    }
    Ok((kind, extension, hosts))
}

impl Recipe {
    /// Whether a kind of file can be what a role says.
    pub(super) fn fits(&self, kind: Kind, role: Role) -> bool {
        match role {
            Role::Modality(at) => match self.hosts[at].feed {
                Feed::Pictures { .. } => matches!(kind, Kind::Picture | Kind::Video),
                Feed::Wave { .. } => matches!(kind, Kind::Sound | Kind::Video),
                Feed::Text { .. } | Feed::Tensor => matches!(kind, Kind::Json | Kind::Text),
            },
            Role::Target(_) => matches!(kind, Kind::Json | Kind::Text),
        }
    }
}

#[cfg(test)]
mod tests;
