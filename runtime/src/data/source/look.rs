//! A look at samples without feeding them: what they can have, what they have, what their files are.
//!
//! In: a source and the number of a sample that is taken. Out: which kinds of files samples are made of, values of targets
//! without any media, keys of JSON, facts of files, and how long each file takes. Deliberately not here: which samples are
//! looked at, and what is said of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::roles::Role;
use super::{Entry, Piece, Source, What};
use crate::data::host::Moment;
use crate::data::media::facts::{self, Facts};
use crate::data::media::{Content, Kind, Trouble};
use crate::data::recipe::{Recipe, Sample};

/// What a sample has, in the order of the model's modalities and targets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::data) struct Has {
    pub(in crate::data) modalities: Vec<bool>,
    pub(in crate::data) targets: Vec<bool>,
}

/// What a sample may have by the kinds of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) struct May {
    /// What has a file or a cell of its own.
    pub(in crate::data) surely: Has,
    /// What can stand in its JSON.
    pub(in crate::data) in_json: Has,
    /// What its videos can be: pictures, sound, or both.
    pub(in crate::data) in_video: Has,
}

/// How long files took, by what they are.
pub(in crate::data) type Times = BTreeMap<String, Duration>;

impl Has {
    pub(in crate::data) fn nothing(recipe: &Recipe) -> Self {
        let (modalities, targets) = (recipe.hosts.len(), recipe.targets.len());
        Self { modalities: vec![false; modalities], targets: vec![false; targets] }
    }

    /// What a sample has that was read.
    pub(in crate::data) fn of(sample: &Sample) -> Self {
        Self {
            modalities: sample.modalities.iter().map(Option::is_some).collect(),
            targets: sample.targets.iter().map(Option::is_some).collect(),
        }
    }

    /// What is in one of two.
    pub(in crate::data) fn or(&self, other: &Self) -> Self {
        let either = |one: &[bool], other: &[bool]| -> Vec<bool> {
            one.iter().zip(other).map(|(one, other)| *one || *other).collect()
        };
        Self {
            modalities: either(&self.modalities, &other.modalities),
            targets: either(&self.targets, &other.targets),
        }
    }

    fn add(&mut self, roles: &[Role]) {
        for role in roles {
            match role {
                Role::Modality(at) => self.modalities[*at] = true,
                Role::Target(at) => self.targets[*at] = true,
            }
        }
    }
}

impl May {
    fn nothing(recipe: &Recipe) -> Self {
        let nothing = Has::nothing(recipe);
        Self { surely: nothing.clone(), in_json: nothing.clone(), in_video: nothing }
    }
}

impl Source {
    /// How many samples there are of each sort, by what they may have.
    pub(in crate::data) fn sorts(&self, recipe: &Recipe) -> Vec<(May, u64)> {
        if let What::Synthetic(_) = self.what {
            let made = self.read(0, recipe, &Moment::still());
            let surely = made.map_or_else(|_| Has::nothing(recipe), |made| Has::of(&made));
            return vec![(May { surely, ..May::nothing(recipe) }, self.len() as u64)];
        }
        // There are few sorts, however many samples.
        let mut sorts: BTreeMap<Vec<u16>, u64> = BTreeMap::new();
        let mut whats = Vec::new();
        for number in 0..self.len() {
            whats.clear();
            whats.extend(self.entries[self.entry(number)].pieces.iter().map(Piece::what));
            whats.sort_unstable();
            match sorts.get_mut(&whats) {
                Some(n) => *n += 1,
                None => drop(sorts.insert(whats.clone(), 1)),
            }
        }
        let sort = |(whats, samples): (Vec<u16>, u64)| {
            let mut may = May::nothing(recipe);
            whats.into_iter().for_each(|what| self.add_kind(what, &mut may));
            (may, samples)
        };
        sorts.into_iter().map(sort).collect()
    }

    /// What a sample may have by the kinds of its files.
    pub(in crate::data) fn may(&self, number: usize, recipe: &Recipe) -> May {
        let mut may = May::nothing(recipe);
        if let What::Shards(_) | What::Table { .. } = self.what {
            let pieces = &self.entries[self.entry(number)].pieces;
            pieces.iter().for_each(|piece| self.add_kind(piece.what(), &mut may));
        }
        may
    }

    fn add_kind(&self, what: u16, may: &mut May) {
        let roles = self.uses.roles(what);
        match self.uses.kind(what) {
            Kind::Json => may.in_json.add(roles),
            Kind::Video => may.in_video.add(roles),
            Kind::Picture | Kind::Sound | Kind::Text => may.surely.add(roles),
        }
    }

    /// Whether it is a table, whose files have columns, not extensions.
    pub(in crate::data) fn is_table(&self) -> bool {
        matches!(self.what, What::Table { .. })
    }

    /// What tells a sample from all others, in whatever set it is: its files, or where it lies.
    pub(in crate::data) fn identity(&self, number: usize) -> String {
        match &self.what {
            What::Table { folder, .. } => {
                let entry = &self.entries[self.entry(number)];
                let file = |piece: &Piece| match piece {
                    Piece::File { path, .. } => Some(folder.join(&**path).display().to_string()),
                    Piece::Member { .. } | Piece::Inline { .. } => None,
                };
                let files: Vec<String> = entry.pieces.iter().filter_map(file).collect();
                if files.is_empty() { self.name(number) } else { files.join(" ") }
            }
            What::Shards(_) => self.name(number),
            What::Synthetic(maker) => maker.identity(self.entry(number)),
        }
    }

    /// Reads the targets of a sample and its JSON, but no media.
    pub(in crate::data) fn values(
        &self,
        number: usize,
        recipe: &Recipe,
    ) -> Result<Sample, Trouble> {
        let mut sample = Sample::of_nothing(recipe);
        if let What::Synthetic(maker) = &self.what {
            maker.label(self.entry(number), recipe, &mut sample);
            return Ok(sample);
        }
        let entry = &self.entries[self.entry(number)];
        let (mut shard, moment) = (None, Moment::still());
        for is_json in [false, true] {
            for piece in &entry.pieces {
                let is_target = |role: &Role| matches!(role, Role::Target(_));
                let kind = self.uses.kind(piece.what());
                let is_wanted = is_json || self.uses.roles(piece.what()).iter().any(is_target);
                if is_wanted && (kind == Kind::Json) == is_json {
                    self.add(entry, piece, &mut shard, recipe, &moment, &mut sample)?;
                }
            }
        }
        Ok(sample)
    }

    /// Reads a sample as it is fed, and adds how long each of its files took.
    pub(in crate::data) fn read_timed(
        &self,
        number: usize,
        recipe: &Recipe,
        moment: &Moment,
        times: &mut Times,
    ) -> Result<Sample, Trouble> {
        let mut spend = |name: &str, begin: Instant| {
            *times.entry(name.to_owned()).or_default() += begin.elapsed();
        };
        if let What::Synthetic(_) = self.what {
            let begin = Instant::now();
            let made = self.read(number, recipe, moment);
            spend("made-up samples", begin);
            return made;
        }
        let entry = &self.entries[self.entry(number)];
        let mut sample = Sample::of_nothing(recipe);
        let mut shard = None;
        for is_json in [false, true] {
            for piece in &entry.pieces {
                if (self.uses.kind(piece.what()) == Kind::Json) != is_json {
                    continue;
                }
                let begin = Instant::now();
                let added = self.add(entry, piece, &mut shard, recipe, moment, &mut sample);
                spend(self.uses.name(piece.what()), begin);
                added?;
            }
        }
        if sample.is_empty() {
            return Err(Trouble::Why("it has nothing that the model is fed".to_owned()));
        }
        Ok(sample)
    }

    /// The keys of a sample's JSON objects that are the name of nothing that they could be.
    pub(in crate::data) fn unused_keys(&self, number: usize, recipe: &Recipe) -> Vec<String> {
        let mut keys = Vec::new();
        if let What::Synthetic(_) = self.what {
            return keys;
        }
        let entry = &self.entries[self.entry(number)];
        for piece in &entry.pieces {
            if self.uses.kind(piece.what()) != Kind::Json {
                continue;
            }
            let parsed = self.with_content(entry, piece, |content| {
                let bytes = content.bytes(Kind::Json.limit()).ok()?;
                serde_json::from_slice::<Value>(&bytes).ok()
            });
            let Some(Value::Object(object)) = parsed else { continue };
            let roles = self.uses.roles(piece.what());
            let is_used =
                |key: &str| roles.iter().any(|role| super::roles::name(*role, recipe) == key);
            keys.extend(object.keys().filter(|key| !is_used(key)).cloned());
        }
        keys
    }

    /// What the files of a sample are, with the modalities that are made of them.
    pub(in crate::data) fn facts(
        &self,
        number: usize,
        recipe: &Recipe,
    ) -> Vec<(Vec<usize>, Facts)> {
        if let What::Synthetic(_) = self.what {
            return Vec::new();
        }
        let entry = &self.entries[self.entry(number)];
        let mut all = Vec::new();
        for piece in &entry.pieces {
            let what = piece.what();
            let modality = |role: &Role| match role {
                Role::Modality(at) => Some(*at),
                Role::Target(_) => None,
            };
            let modalities: Vec<usize> =
                self.uses.roles(what).iter().filter_map(modality).collect();
            let found = self.with_content(entry, piece, |content| {
                facts::of(self.uses.kind(what), self.uses.extension(what), content, recipe)
            });
            all.extend(found.map(|facts| (modalities, facts)));
        }
        all
    }

    /// Does something with a file or value as it lies there; nothing where it cannot be opened, which is noticed when the sample
    /// is read.
    fn with_content<T>(
        &self,
        entry: &Entry,
        piece: &Piece,
        work: impl FnOnce(&Content<'_>) -> Option<T>,
    ) -> Option<T> {
        match (piece, &self.what) {
            (Piece::Inline { text, .. }, _) => work(&Content::Bytes(text.as_bytes())),
            (Piece::File { path, .. }, What::Table { folder, .. }) => {
                work(&Content::Path(&folder.join(&**path)))
            }
            (Piece::Member { offset, size, .. }, _) => {
                let mut shard: Option<File> = None;
                let bytes = self.member(entry, &mut shard, *offset, *size).ok()?;
                work(&Content::Bytes(&bytes))
            }
            (Piece::File { .. }, What::Shards(_) | What::Synthetic(_)) => {
                unreachable!("only tables name files")
            }
        }
    }
}
