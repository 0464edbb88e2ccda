//! Media files to tensors.
//!
//! In: pictures, sounds and videos, as files or as bytes. Out: what a modality is fed of them. Deliberately not here: data
//! sets.

mod clip;
pub(super) mod facts;
mod length;
pub mod parts;
pub(super) mod picture;
mod process;
pub(super) mod sniff;
pub(super) mod sound;
pub(super) mod video;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zorro_compiler::model::Model;

use super::DataError;
use super::error::Why;
pub(super) use super::files::{Content, open};
use super::host::{Feed, Host, Moment};
use super::recipe::{Fed, Recipe};
use super::source::roles::{self, Role};
use crate::{Tensor, TensorData, Tensors};
use video::Programs;

/// A picture or sound is read into memory, and may not be larger; texts are small.
const MAX_MEDIA: u64 = 1 << 30;
const MAX_TEXT: u64 = 16 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One picture.
    Picture,
    /// Sound alone.
    Sound,
    /// Pictures that move, most often with sound; and what nobody knows.
    Video,
    /// Named values.
    Json,
    /// One value as text.
    Text,
}

/// Who decodes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// A crate.
    Crate,
    /// The user's `ffmpeg`.
    Program,
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

    /// The error of whoever needs a file.
    pub(super) fn of_file(self, path: &Path) -> DataError {
        match self {
            Self::Why(message) => DataError::File { path: path.to_owned(), message },
            trouble @ (Self::Declared(_) | Self::Machine(_) | Self::NoDecoder(_)) => {
                trouble.error(path.display().to_string())
            }
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

impl Kind {
    /// The kind of an extension in lower case; `None` for what is nothing that is known.
    pub(super) fn of(extension: &str) -> Option<Self> {
        match extension {
            "png" | "jpg" | "jpeg" | "jpe" | "jfif" | "webp" | "gif" | "bmp" | "tif" | "tiff"
            | "heic" | "heif" | "avif" | "jp2" | "jxl" => Some(Self::Picture),
            "wav" | "wave" | "flac" | "mp3" | "ogg" | "oga" | "aif" | "aiff" | "aifc" | "rf64" => {
                Some(Self::Sound)
            }
            "m4a" | "m4b" | "aac" | "opus" | "wma" | "ac3" | "amr" | "ape" | "au" | "caf"
            | "mka" | "mp2" | "snd" | "spx" | "tta" | "w64" | "weba" | "wv" => Some(Self::Sound),
            "mp4" | "m4v" | "webm" | "mkv" | "mov" | "qt" | "avi" | "mpg" | "mpeg" | "mpe"
            | "m2v" | "vob" | "ts" | "mts" | "m2ts" | "wmv" | "asf" | "flv" | "f4v" | "3gp"
            | "3g2" | "ogv" | "mxf" | "rm" | "rmvb" => Some(Self::Video),
            "json" => Some(Self::Json),
            "cls" | "txt" | "ids" => Some(Self::Text),
            _ => None,
        }
    }

    /// Whether it is decoded, and no text.
    pub(super) fn is_media(self) -> bool {
        matches!(self, Self::Picture | Self::Sound | Self::Video)
    }

    /// Who decodes files of an extension.
    fn decoder(self, extension: &str) -> Decoder {
        let is_ours = match self {
            Self::Picture => !matches!(extension, "heic" | "heif" | "avif" | "jp2" | "jxl"),
            Self::Sound => matches!(
                extension,
                "wav" | "wave" | "flac" | "mp3" | "ogg" | "oga" | "aif" | "aiff" | "aifc" | "rf64"
            ),
            Self::Video => false,
            Self::Json | Self::Text => true,
        };
        if is_ours { Decoder::Crate } else { Decoder::Program }
    }

    /// With its article, for messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Picture => "a picture",
            Self::Sound => "a sound",
            Self::Video => "a video",
            Self::Json => "JSON",
            Self::Text => "a text",
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

/// What modalities are fed of one file of pictures or sound, which its content tells before its name does. Modalities that
/// the file has nothing for are left out.
pub(super) fn decode(
    extension: &str,
    content: &Content<'_>,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Vec<(usize, Fed)>, Trouble> {
    let (kind, decoder, told) = sniff::way(&content.head()?, extension)?;
    let fits = |(at, _): &&(usize, &Host)| recipe.fits(kind, Role::Modality(*at));
    let fitting: Vec<(usize, &Host)> = hosts.iter().filter(fits).copied().collect();
    if fitting.is_empty() {
        let names: Vec<String> = hosts.iter().map(|(_, host)| format!("`{}`", host.name)).collect();
        let (kind, names) = (kind.word(), names.join(", "));
        return Err(Trouble::Why(format!("it is {kind}, and {names} is not made of such files")));
    }
    let hosts = fitting;
    let work = || match decoder {
        Decoder::Program => clip::videos(&told, content, &hosts, recipe, moment),
        Decoder::Crate => {
            let bytes = content.bytes(kind.limit())?;
            let mut all = Vec::new();
            for (at, host) in &hosts {
                let values = one(kind, &told, &bytes, host, recipe, moment);
                let Some(values) = values.map_err(Trouble::Why)? else {
                    return clip::videos(&told, content, &hosts, recipe, moment);
                };
                all.push((*at, Fed::Numbers(values)));
            }
            Ok(all)
        }
    };
    // Decoders are made for files from anywhere, but not all of them never panic.
    let decoded = std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Trouble::Why("its decoder failed".to_owned())));
    match decoded {
        // What nobody knows is no reason to install a program.
        Err(trouble) if Kind::of(&told).is_none_or(|kind| !kind.is_media()) => {
            let why = match trouble {
                Trouble::Why(why) => why,
                Trouble::NoDecoder(program) => {
                    format!("`{program}`, which may know it, is not there")
                }
                trouble @ (Trouble::Declared(_) | Trouble::Machine(_)) => return Err(trouble),
            };
            Err(Trouble::Why(format!(
                "neither its extension nor its content tells what it is; {why}"
            )))
        }
        decoded => decoded,
    }
}

/// What one modality is fed of a picture or sound; `None` where its codec is `ffmpeg`'s alone.
fn one(
    kind: Kind,
    extension: &str,
    bytes: &[u8],
    host: &Host,
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Option<Vec<f32>>, Why> {
    match (kind, host.feed) {
        (Kind::Picture, Feed::Pictures { channels, .. }) => {
            host.of_pictures(&[picture::decode(bytes, channels)?], moment).map(Some)
        }
        (Kind::Sound, Feed::Wave { rate, length, channels, .. }) => {
            let Some(sound) = sound::decode(bytes, extension, channels)? else { return Ok(None) };
            let start = moment.place() * (sound.seconds() - recipe.span).max(0.0);
            host.of_sound(sound.part(start, rate, length)?, moment).map(Some)
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
    let name = |path: &PathBuf| path.display().to_string();
    let told = files
        .iter()
        .map(|path| roles_of(path, recipe).map_err(|trouble| trouble.error(name(path))));
    let mut told = told.collect::<Result<Vec<_>, _>>()?;
    // As in data sets, a sound has its own file beside a video that has pictures to give.
    let sounds = told.iter().filter(|file| file.kind == Kind::Sound);
    let sounds: Vec<usize> = sounds.flat_map(|file| &file.hosts).map(|(at, _)| *at).collect();
    for file in &mut told {
        if file.kind == Kind::Video && file.hosts.len() > 1 {
            file.hosts.retain(|(at, _)| !sounds.contains(at));
        }
    }
    let mut tensors = Tensors::new();
    for (path, Told { extension, hosts, .. }) in files.iter().zip(&told) {
        let name = name(path);
        let decoded = whole(path, extension, hosts, recipe);
        for (at, fed) in decoded.map_err(|trouble| trouble.error(name.clone()))? {
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
fn whole(
    path: &Path,
    extension: &str,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
) -> Result<Vec<(usize, Fed)>, Trouble> {
    let decoded = decode(extension, &Content::Path(path), hosts, recipe, &Moment::still())?;
    if decoded.is_empty() {
        return Err(Trouble::Why("it has nothing that the model is fed".to_owned()));
    }
    Ok(decoded)
}

/// What a file is, and what it is for.
struct Told<'a> {
    kind: Kind,
    /// That of its name.
    extension: String,
    hosts: Vec<(usize, &'a Host)>,
}

/// What a file is, and of which modalities: `clip.NAME.wav` is what it names, any other sound the only sound there is.
fn roles_of<'a>(path: &Path, recipe: &'a Recipe) -> Result<Told<'a>, Trouble> {
    // Only extensions and names that the model has count, and those are UTF-8.
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let extension = part(path.extension()).to_lowercase();
    let (kind, _, told) = sniff::way(&Content::Path(path).head()?, &extension)?;
    let stem = part(path.file_stem());
    // Points of a name that say nothing about the model are only points of a name.
    let named = stem.rsplit_once('.').map(|(_, named)| format!("{named}.{told}"));
    let named = named.map(|named| roles::standard(&named, kind, recipe)).transpose();
    let roles = match named.map_err(Trouble::Why)? {
        Some(roles) if !roles.is_empty() => roles,
        Some(_) | None => roles::of_content(&told, kind, recipe).map_err(Trouble::Why)?,
    };
    let hosts = recipe.hosts_of(&roles);
    if hosts.is_empty() {
        let message =
            format!("it is {}, and the model has no modality for such a file", kind.word());
        return Err(Trouble::Why(message));
    }
    Ok(Told { kind, extension, hosts })
}

impl Recipe {
    /// The modalities among roles, with their numbers.
    pub(super) fn hosts_of(&self, roles: &[Role]) -> Vec<(usize, &Host)> {
        let host = |role: &Role| match role {
            Role::Modality(at) => Some((*at, &self.hosts[*at])),
            Role::Target(_) => None,
        };
        roles.iter().filter_map(host).collect()
    }

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
