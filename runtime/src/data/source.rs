//! One source of samples: what it has, and how one of its samples is read.
//!
//! In: its settings. Out: an index of samples made by one look at the headers of shards or at the lines of a table, and
//! samples by their number. Deliberately not here: order, mixing of sources, batches.

pub(super) mod counts;
pub(super) mod fingerprint;
pub(super) mod look;
pub(super) mod roles;
mod select;
mod settle;
mod shards;
mod synthetic;
mod table;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiter::JsonValue;

use super::DataError;
use super::config::{SourceConfig, SyntheticConfig};
use super::error::{Problems, Why};
use super::files::patiently;
use super::host::Moment;
use super::json::{self, Document};
use super::media::{self, Content, Kind, Trouble, sniff};
use super::recipe::{Fed, Recipe, Sample, setting};
use super::targets;
use counts::Counts;
use roles::{Role, Said, Uses};
use settle::Sorted;
use shards::Shards;

/// A source that was looked at.
#[derive(Debug)]
pub(super) struct Source {
    /// For messages: `sources[0]`.
    pub(super) place: String,
    pub(super) weight: f64,
    what: What,
    uses: Uses,
    entries: Vec<Entry>,
    /// The samples that are taken, by their numbers; `None` for all.
    chosen: Option<Vec<u32>>,
    counts: Counts,
}

/// What is true of a source before it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    /// For messages: `sources[0]`.
    pub(super) place: &'a str,
    /// Where paths start.
    pub(super) base: &'a Path,
    /// The part that may be broken.
    pub(super) broken: f64,
    /// Whoever waits has enough.
    pub(super) stop: &'a AtomicBool,
}

/// What kind of source it is.
#[derive(Debug)]
enum What {
    Shards(Shards),
    /// `root` is the folder without links: no path leads out of it.
    Table {
        path: PathBuf,
        folder: PathBuf,
        root: PathBuf,
    },
    Synthetic(synthetic::Maker),
}

/// Where one sample lies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: Box<str>,
    /// The shard, or the line of the table.
    at: u32,
    pieces: Box<[Piece]>,
}

/// One file or value of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// These bytes of the shard.
    Member { what: u16, offset: u64, size: u64 },
    /// A file of the table's folder.
    File { what: u16, path: Box<str> },
    /// The text itself.
    Inline { what: u16, text: Box<str> },
}

/// A member is read into memory, and may not be larger, whatever it is.
const MAX_MEMBER: u64 = 16 << 30;
/// How many samples a source may have.
const MAX_SAMPLES: u64 = 1 << 31;

impl Source {
    /// Looks at a source.
    pub(super) fn open(
        config: &SourceConfig,
        opening: Opening<'_>,
        recipe: &Recipe,
        problems: &mut Problems,
    ) -> Result<Self, DataError> {
        let Opening { place, base, broken, .. } = opening;
        let weight = config.weight.unwrap_or(1.0);
        if !(weight.is_finite() && weight > 0.0) {
            return Err(setting(&format!("{place}.weight"), "a weight is above 0"));
        }
        let before = problems.samples;
        let mut uses = Uses::new(config, place, recipe)?;
        table::check_settings(config, place)?;
        if config.folder.is_some() && config.table.is_none() {
            return Err(setting(&format!("{place}.folder"), "only a `table` has a folder"));
        }
        let (what, found) = match (&config.shards, &config.table, &config.synthetic) {
            (Some(shards), None, None) => {
                let paths = shards::paths(shards.all(), place, base)?;
                shards::scan(paths, &mut uses, opening, recipe, problems)
                    .map(|(shards, entries)| (What::Shards(shards), entries))?
            }
            (None, Some(table), None) => {
                let path = base.join(table);
                let folder = match &config.folder {
                    Some(folder) => base.join(folder),
                    None => path.parent().map(Path::to_path_buf).unwrap_or_default(),
                };
                let entries = table::entries(&path, config, &mut uses, recipe, problems)?;
                // The folder of `list.csv` is no name, but the one that the run stands in.
                let begin = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
                let root = patiently(|| begin.canonicalize()).map_err(|trouble| match trouble {
                    Trouble::Why(why) => {
                        setting(&format!("{place}.folder"), format!("{}: {why}", folder.display()))
                    }
                    trouble @ (Trouble::Declared(_)
                    | Trouble::Machine(_)
                    | Trouble::NoDecoder(_)) => trouble.error(folder.display().to_string()),
                })?;
                (What::Table { path, folder, root }, entries)
            }
            (None, None, Some(synthetic)) => {
                check_synthetic(synthetic, place)?;
                (What::Synthetic(synthetic::Maker::new(synthetic, place, recipe)?), Vec::new())
            }
            _ => {
                let message = "name one of `shards`, `table` and `synthetic`";
                return Err(setting(place, message));
            }
        };
        let Sorted { left: entries, clashing } = settle::settle(found, &mut uses, recipe)?;
        for (entry, why) in &clashing {
            problems.samples += 1;
            problems.name(format!("{}: {why}", what.name(entry)));
        }
        let lost = problems.samples - before;
        let of = entries.len() as u64 + lost;
        let allowed = super::allowed(broken, of);
        // Where nothing is left, that is the error.
        if lost > allowed && !entries.is_empty() {
            let (what, problems) = ("samples", problems.clone());
            return Err(DataError::TooManyBroken { what, broken: lost, of, allowed, problems });
        }
        if entries.len() as u64 >= MAX_SAMPLES {
            return Err(setting(place, format!("more than {MAX_SAMPLES} samples")));
        }
        let (place, counts) = (place.to_owned(), Counts::default());
        let mut source = Self { place, weight, what, uses, entries, chosen: None, counts };
        source.chosen = select::chosen(&source, config, base, recipe)?;
        source.counts = source.counted(recipe);
        table::check_labels(&source, recipe, broken)?;
        Ok(source)
    }

    /// How many samples are taken.
    pub(super) fn len(&self) -> usize {
        self.chosen.as_ref().map_or_else(|| self.all(), Vec::len)
    }

    /// How many samples there are, taken or not.
    fn all(&self) -> usize {
        match &self.what {
            What::Shards(_) | What::Table { .. } => self.entries.len(),
            What::Synthetic(maker) => maker.len(),
        }
    }

    /// What the source is, for messages.
    pub(super) fn told(&self) -> String {
        match &self.what {
            What::Shards(shards) => match shards.paths.as_slice() {
                [one] => one.display().to_string(),
                [first, .., last] => format!("{} to {}", first.display(), last.display()),
                [] => "no shards".to_owned(),
            },
            What::Table { path, .. } => path.display().to_string(),
            What::Synthetic(_) => "made-up samples".to_owned(),
        }
    }

    fn entry(&self, number: usize) -> usize {
        self.chosen.as_ref().map_or(number, |chosen| chosen[number] as usize)
    }

    /// The key of a sample that is taken.
    pub(super) fn key(&self, number: usize) -> String {
        self.key_of(self.entry(number))
    }

    fn key_of(&self, entry: usize) -> String {
        match &self.what {
            What::Shards(_) | What::Table { .. } => self.entries[entry].key.to_string(),
            What::Synthetic(maker) => maker.key(entry),
        }
    }

    /// Where a sample lies, for messages.
    pub(super) fn name(&self, number: usize) -> String {
        let entry = self.entry(number);
        match &self.what {
            What::Shards(_) | What::Table { .. } => self.what.name(&self.entries[entry]),
            What::Synthetic(maker) => maker.key(entry),
        }
    }

    /// Reads a sample that is taken.
    pub(super) fn read(
        &self,
        number: usize,
        recipe: &Recipe,
        moment: &Moment,
    ) -> Result<Sample, Trouble> {
        let at = self.entry(number);
        let mut sample = Sample::of_nothing(recipe);
        match &self.what {
            What::Synthetic(maker) => {
                maker.make(at, recipe, moment, &mut sample).map_err(Trouble::Why)?;
            }
            What::Shards(_) | What::Table { .. } => {
                let entry = &self.entries[at];
                let mut shard = None;
                // Values of JSON files count where no file of its own says otherwise, so they come last.
                for is_json in [false, true] {
                    for piece in &entry.pieces {
                        if (self.uses.kind(piece.what()) == Kind::Json) == is_json {
                            self.add(entry, piece, &mut shard, recipe, moment, &mut sample)?;
                        }
                    }
                }
            }
        }
        if sample.is_empty() {
            return Err(Trouble::Why("it has nothing that the model is fed".to_owned()));
        }
        Ok(sample)
    }

    /// Reads one piece.
    fn add(
        &self,
        entry: &Entry,
        piece: &Piece,
        shard: &mut Option<File>,
        recipe: &Recipe,
        moment: &Moment,
        sample: &mut Sample,
    ) -> Result<(), Trouble> {
        let what = piece.what();
        let (name, kind) = (self.uses.name(what), self.uses.kind(what));
        let named = |why: Why| Trouble::Why(format!("{name}: {why}"));
        let bytes;
        let path;
        let content = match piece {
            Piece::Inline { text, .. } => Content::Bytes(text.as_bytes()),
            Piece::File { path: below, .. } => {
                path = self.what.file(below).map_err(|trouble| trouble.about(name))?;
                Content::Path(&path)
            }
            Piece::Member { offset, size, .. } => {
                let limit = kind.limit().min(MAX_MEMBER);
                if *size > limit {
                    return Err(named(format!("larger than {limit} bytes")));
                }
                let read = self.member(entry, shard, *offset, *size);
                bytes = read.map_err(|trouble| trouble.about(name))?;
                Content::Bytes(&bytes)
            }
        };
        match kind {
            Kind::Json | Kind::Text => {
                let bytes = content.bytes(kind.limit()).map_err(|trouble| trouble.about(name))?;
                let text = std::str::from_utf8(&bytes).map_err(|error| named(error.to_string()))?;
                let told = told(kind, text, self.uses.roles(what), recipe, moment, sample);
                told.map_err(|trouble| trouble.about(name))
            }
            Kind::Picture | Kind::Sound | Kind::Video => {
                let decoded = self.decoded(what, &content, recipe, moment);
                for (at, fed) in decoded.map_err(|trouble| trouble.about(name))? {
                    sample.modalities[at] = Some(fed);
                }
                Ok(())
            }
        }
    }

    /// What a picture, sound or video gives of that which it is for.
    fn decoded(
        &self,
        what: u16,
        content: &Content<'_>,
        recipe: &Recipe,
        moment: &Moment,
    ) -> Result<Vec<(usize, Fed)>, Trouble> {
        let (extension, said) = (self.uses.extension(what), self.uses.said(what));
        let by_content;
        let roles = match said {
            Said::Name | Said::Extension => self.uses.roles(what),
            Said::Content => {
                let (kind, _, extension) = sniff::way(&content.head()?, extension)?;
                let all = roles::of_content(&extension, kind, recipe).map_err(Trouble::Declared)?;
                // Another member may be for some of it.
                let own = self.uses.roles(what);
                by_content = all.into_iter().filter(|role| own.contains(role)).collect::<Vec<_>>();
                &by_content
            }
        };
        let decoded = media::decode(extension, content, &recipe.hosts_of(roles), recipe, moment)?;
        let wanted = match roles {
            [only] if said == Said::Name => format!("`{}`", roles::name(*only, recipe)),
            _ => "the model".to_owned(),
        };
        if decoded.is_empty() {
            Err(Trouble::Why(format!("there is nothing in it for {wanted}")))
        } else {
            Ok(decoded)
        }
    }

    /// Bytes of a shard.
    fn member(
        &self,
        entry: &Entry,
        shard: &mut Option<File>,
        offset: u64,
        size: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let What::Shards(shards) = &self.what else { unreachable!("only shards have members") };
        shards.member(entry.at, shard, offset, size)
    }

    /// The class of a sample, where a target has exactly one, without reading its media.
    fn class(&self, at: usize, recipe: &Recipe) -> Result<Option<usize>, Trouble> {
        if let What::Synthetic(maker) = &self.what {
            return Ok(Some(maker.class(at)));
        }
        let mut sample = Sample::of_nothing(recipe);
        let entry = &self.entries[at];
        let (mut shard, moment) = (None, Moment::still());
        for piece in &entry.pieces {
            let is_target = |role: &Role| matches!(role, Role::Target(_));
            if self.uses.roles(piece.what()).iter().any(is_target) {
                match self.add(entry, piece, &mut shard, recipe, &moment, &mut sample) {
                    // What is broken has no class; it is noticed when the sample is read.
                    Ok(()) | Err(Trouble::Why(_)) => {}
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        let found = recipe.targets.iter().zip(&sample.targets);
        Ok(found.filter_map(|(target, value)| target.class_of(value.as_ref()?)).next())
    }
}

impl What {
    /// Where a sample lies, for messages.
    fn name(&self, entry: &Entry) -> String {
        match self {
            Self::Shards(shards) => {
                format!("{}: {}", shards.paths[entry.at as usize].display(), entry.key)
            }
            Self::Table { path, .. } => {
                let line = format!("line {}", entry.at);
                // Where a row has no key, its line is its key.
                let key = Some(&*entry.key).filter(|key| *key != line);
                let key = key.map_or_else(String::new, |key| format!(": {key}"));
                format!("{}, {line}{key}", path.display())
            }
            Self::Synthetic(_) => entry.key.to_string(),
        }
    }

    /// The file that a cell of a table names.
    fn file(&self, below: &str) -> Result<PathBuf, Trouble> {
        let Self::Table { folder, root, .. } = self else { unreachable!("only tables name files") };
        if below.contains("://") {
            return Err(Trouble::Why(format!("`{below}` is an address, and nothing is fetched")));
        }
        let path = folder.join(below);
        let real = patiently(|| path.canonicalize()).map_err(|trouble| trouble.about(below))?;
        if real.starts_with(root) {
            return Ok(path);
        }
        Err(Trouble::Why(format!(
            "{below}: a link that leads out of `folder`, to {}",
            real.display()
        )))
    }
}

impl Piece {
    fn set_what(&mut self, new: u16) {
        match self {
            Self::Member { what, .. } | Self::File { what, .. } | Self::Inline { what, .. } => {
                *what = new;
            }
        }
    }

    fn what(&self) -> u16 {
        match self {
            Self::Member { what, .. } | Self::File { what, .. } | Self::Inline { what, .. } => {
                *what
            }
        }
    }
}

/// Values in a text.
fn told(
    kind: Kind,
    text: &str,
    roles: &[Role],
    recipe: &Recipe,
    moment: &Moment,
    sample: &mut Sample,
) -> Result<(), Trouble> {
    let document = match kind {
        Kind::Json => {
            let names: Vec<&str> = roles.iter().map(|role| roles::name(*role, recipe)).collect();
            Some(json::document(text, &names).map_err(Trouble::Why)?)
        }
        Kind::Text | Kind::Picture | Kind::Sound | Kind::Video => None,
    };
    let text = json::unmarked(text);
    for role in roles {
        let name = roles::name(*role, recipe);
        // What is one value is named by whoever asks for it.
        let named = |trouble: Trouble| match &document {
            Some(_) => trouble.about(name),
            None => trouble,
        };
        // A JSON object has a value for each name; what it lacks, the sample lacks.
        let value = match &document {
            Some(Document::Fields(fields)) => match json::value(fields, name)? {
                None => continue,
                Some(value) => Some(value),
            },
            Some(Document::Value(JsonValue::Null)) => continue,
            Some(Document::Value(value)) => Some(value),
            None => None,
        };
        match role {
            Role::Target(at) if sample.targets[*at].is_none() => {
                let target = &recipe.targets[*at];
                let found =
                    value.map_or_else(|| target.of_text(text), |value| target.of_json(value));
                sample.targets[*at] = Some(found.map_err(named)?);
            }
            Role::Modality(at) if sample.modalities[*at].is_none() => {
                let host = &recipe.hosts[*at];
                let found = match value {
                    Some(value) => targets::fed_of_json(host, value, moment),
                    None => targets::fed_of_text(host, text, moment),
                };
                sample.modalities[*at] = Some(found.map_err(Trouble::Why).map_err(named)?);
            }
            Role::Target(_) | Role::Modality(_) => {}
        }
    }
    Ok(())
}

fn check_synthetic(config: &SyntheticConfig, place: &str) -> Result<(), DataError> {
    let wrong = |name: &str, message: &str| {
        Err(setting(&format!("{place}.synthetic.{name}"), message.to_owned()))
    };
    if !(1..MAX_SAMPLES).contains(&config.samples) {
        return wrong("samples", "1 to 2147483647 samples");
    }
    if config.first > 1 << 62 {
        return wrong("first", "below 2^62");
    }
    if !(0.0..=100.0).contains(&config.noise) {
        return wrong("noise", "0 to 100");
    }
    if !(0.0..=1.0).contains(&config.blank) {
        return wrong("blank", "a probability, 0 to 1");
    }
    if !(8..=1024).contains(&config.size) {
        return wrong("size", "8 to 1024 pixels");
    }
    Ok(())
}
