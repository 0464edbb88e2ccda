//! What can be wrong with data, and what was skipped.
//!
//! Deliberately not here: errors in specs, and batches that do not fit a model, which are [`crate::RuntimeError`]s.

use std::fmt;
use std::path::PathBuf;

/// Data cannot be had as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataError {
    /// A setting makes no sense, or not for this model.
    Setting {
        /// Where: `sources[0].take`.
        place: String,
        /// What is wrong and what to write.
        message: String,
    },
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// The system's words, or what is wrong in it.
        message: String,
    },
    /// One file or member of a shard cannot be used.
    Media {
        /// The file, or shard and member.
        name: String,
        /// Why.
        message: String,
    },
    /// A value that is not what the settings say, or that a table or its labels should not have: no damage to a sample, so
    /// nothing is skipped for it.
    Declared {
        /// The file, or shard and member, with the line.
        name: String,
        /// What is wrong and what to write.
        message: String,
    },
    /// The machine does not do what it should: a disk that does not read, no files, threads or memory left.
    Machine {
        /// What was to be read.
        name: String,
        /// The system's words.
        message: String,
    },
    /// A program that decodes videos is not there.
    NoDecoder {
        /// Its name.
        program: String,
    },
    /// Nothing is left to be loaded.
    NoSamples {
        /// What was looked at.
        looked: String,
        /// What was broken there.
        problems: Problems,
    },
    /// Too much is broken.
    TooManyBroken {
        /// `shards` or `samples`.
        what: &'static str,
        /// How many are broken.
        broken: u64,
        /// How many there were to be looked at.
        of: u64,
        /// How many may be.
        allowed: u64,
        /// The first of them.
        problems: Problems,
    },
    /// The system gave no threads; with its words.
    Threads(String),
    /// Somebody wants to stop.
    Stopped,
}

/// What was skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// Shards that are missing, cut short or damaged.
    pub shards: u64,
    /// Samples that cannot be used; each counts once, however often it was met.
    pub samples: u64,
    /// The first of both: what, and why.
    pub first: Vec<String>,
}

/// How many problems are named.
pub(crate) const NAMED: usize = 5;

impl Problems {
    pub(crate) fn name(&mut self, problem: String) {
        if self.first.len() < NAMED {
            self.first.push(problem);
        }
    }

    /// Whether nothing was skipped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards == 0 && self.samples == 0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match (count(self.shards, "shard"), count(self.samples, "sample")) {
            (shards, _) if self.samples == 0 && self.shards > 0 => write!(f, "{shards} skipped")?,
            (_, samples) if self.shards == 0 => write!(f, "{samples} skipped")?,
            (shards, samples) => write!(f, "{shards} and {samples} skipped")?,
        }
        for problem in &self.first {
            write!(f, "\n  {problem}")?;
        }
        let more = (self.shards + self.samples).saturating_sub(self.first.len() as u64);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { place, message } => write!(f, "{place}: {message}"),
            Self::File { path, message } => write!(f, "{}: {message}", path.display()),
            Self::Media { name, message }
            | Self::Declared { name, message }
            | Self::Machine { name, message } => write!(f, "{name}: {message}"),
            Self::NoDecoder { program } => write!(
                f,
                "`{program}` was not found, and videos need it: install ffmpeg (`apt install ffmpeg`, `brew install \
                 ffmpeg`, or https://ffmpeg.org/download.html), or name its folder as `ffmpeg:` in the data settings"
            ),
            Self::NoSamples { looked, problems } if problems.is_empty() => {
                write!(f, "no sample is left of {looked}")
            }
            Self::NoSamples { looked, problems } => {
                write!(f, "no sample is left of {looked}; {problems}")
            }
            Self::TooManyBroken { what, broken, of, allowed, problems } => write!(
                f,
                "too many {what} are broken: {broken} of {of}, {allowed} are allowed (`broken:` in the data settings); \
                 {problems}"
            ),
            Self::Threads(why) => write!(f, "the system gives no threads: {why}"),
            Self::Stopped => f.write_str("told to stop"),
        }
    }
}

impl std::error::Error for DataError {}

/// Why one file cannot be used; whoever asked for it knows its name.
pub(crate) type Why = String;
