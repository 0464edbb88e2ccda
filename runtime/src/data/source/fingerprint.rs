//! What a source looked like: whether two parts of a run saw the same data.
//!
//! In: a source that was looked at. Out: a few words that fit into a checkpoint, and what differs between two of them.
//! Deliberately not here: reading media, so a file of the same size and time that holds something else is not noticed.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{Entry, Piece, Source, What};

/// What the sources of a collection looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// In the order of the settings.
    pub sources: Vec<SourceFingerprint>,
}

/// What one source looked like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFingerprint {
    /// Its shards or table, for messages: they may lie elsewhere the next time.
    pub name: String,
    /// How many samples are taken.
    pub samples: u64,
    /// A hash of the keys, and of the names, places and sizes of members, or of the cells of the table, of all samples that
    /// are taken, in hexadecimal digits.
    pub index: String,
    /// When the newest of its shards, or its table, was written, in seconds since 1970; 0 where nobody knows.
    pub written: u64,
}

impl Fingerprint {
    /// What is not as it was, in words; nothing where all is the same. Where only a time differs, it is said that the index
    /// is the same.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let (n, n_now) = (self.sources.len(), now.sources.len());
        if n != n_now {
            return vec![format!("there were {n} sources, and there are {n_now}")];
        }
        let mut changes = Vec::new();
        for (at, (before, now)) in self.sources.iter().zip(&now.sources).enumerate() {
            let place = format!("sources[{at}] ({})", now.name);
            if before.samples != now.samples {
                let (samples, new) = (before.samples, now.samples);
                changes.push(format!("{place} had {samples} samples, and has {new}"));
            } else if before.index != now.index {
                changes.push(format!("{place} has other members or cells than before"));
            } else if before.written != now.written {
                changes.push(format!(
                    "{place} was written anew, with members of the same names and sizes"
                ));
            }
        }
        changes
    }
}

impl Source {
    /// What the source looks like.
    pub(in crate::data) fn fingerprint(&self) -> SourceFingerprint {
        let mut hasher = blake3::Hasher::new();
        let mut newest = 0;
        match &self.what {
            What::Synthetic(maker) => {
                hasher.update(format!("{maker:?}").as_bytes());
            }
            What::Shards(shards) => {
                newest = shards.iter().map(|path| written(path)).max().unwrap_or(0);
            }
            What::Table { path, .. } => newest = written(path),
        }
        for number in 0..self.len() {
            match &self.what {
                What::Synthetic(_) => hasher.update(&(self.entry(number) as u64).to_le_bytes()),
                What::Shards(_) | What::Table { .. } => {
                    let text = self.line(&self.entries[self.entry(number)]);
                    hasher.update(text.as_bytes())
                }
            };
        }
        let (name, samples) = (self.told(), self.len() as u64);
        SourceFingerprint {
            name,
            samples,
            index: hasher.finalize().to_hex().to_string(),
            written: newest,
        }
    }

    /// All that the index knows of a sample.
    fn line(&self, entry: &Entry) -> String {
        let mut line = format!("{:?} {}", entry.key, entry.at);
        for piece in &entry.pieces {
            let name = self.uses.name(piece.what());
            let more = match piece {
                Piece::Member { offset, size, .. } => format!(" {name:?} {offset} {size}"),
                Piece::File { path, .. } => format!(" {name:?} {path:?}"),
                Piece::Inline { text, .. } => format!(" {name:?} = {text:?}"),
            };
            line.push_str(&more);
        }
        line.push('\n');
        line
    }
}

fn written(path: &Path) -> u64 {
    let time = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_secs())
}
