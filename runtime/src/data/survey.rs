//! What a data set has: counted before anything is computed, and measured sample by sample where somebody asks.
//!
//! In: a collection. Out: a [`Look`], in seconds: counts by source, labels, the first samples decoded; and with
//! [`Collection::survey`] a [`Survey`] of as many samples as are wanted. What an objective lacks is said by [`lacking`].
//! Deliberately not here: batches, and how any of it is shown.

mod first;
mod labels;
mod lacks;
mod reading;
mod tally;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use labels::{Spread, Values};
pub use lacks::{Lack, lacking};
pub use reading::{Options, Range, Reason, Shown, Speed, Survey};
pub use tally::{Files, Tally};

use super::source::Source;
use super::source::look::Has;
use super::{Collection, DataError};

/// What is known of a collection before its samples are fed.
#[derive(Debug, Clone)]
pub struct Look {
    /// By source.
    pub sources: Vec<SourceLook>,
    /// What was read of each target, over all sources.
    pub values: Vec<Values>,
    /// The first samples that cannot be used, with why.
    pub broken: Vec<String>,
}

/// What is known of one source.
#[derive(Debug, Clone)]
pub struct SourceLook {
    /// `sources[0]`
    pub place: String,
    /// Its files, or that it is made up.
    pub told: String,
    /// Whether it is a table, which has columns instead of extensions.
    pub is_table: bool,
    /// How many samples are taken of it.
    pub samples: u64,
    /// How many of them have each modality.
    pub modalities: Vec<Count>,
    /// How many of them have each target.
    pub targets: Vec<Count>,
    /// Extensions or columns that nothing uses, with how often they are there.
    pub unused: Vec<(String, u64)>,
    /// Keys of JSON that nothing uses, with how many of the first samples have them.
    pub keys: Vec<(String, u64)>,
    /// Samples of which labels were read, and that were decoded.
    pub read: [u64; 2],
    /// What some samples have.
    seen: Vec<Has>,
    /// What some samples may have, as far as was looked.
    possible: Vec<Has>,
}

/// How many samples have something. Where files would have to be opened to know, only some were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Of what.
    pub name: String,
    /// At least so many.
    pub least: u64,
    /// At most so many.
    pub most: u64,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Samples of a source that are decoded.
    pub samples: usize,
    /// Samples of shards whose labels are read. Those of tables are all read, where time allows.
    pub labels: usize,
    /// How long each of the two may take, over all sources, once a few samples of each are done.
    pub time: Duration,
}

/// Names are compared of so many samples at most.
const MANY: usize = 5_000_000;
/// So many examples are given.
const EXAMPLES: usize = 3;

impl Default for Limits {
    /// What is done before every run.
    fn default() -> Self {
        Self { samples: 32, labels: 4096, time: Duration::from_secs(2) }
    }
}

impl Collection {
    /// Looks at every source: counts, labels, the first samples. Ends early, with what is known by then, when told to stop.
    ///
    /// # Errors
    ///
    /// Values that are not what the settings say, too much that is broken, sources of whose first samples none can be used,
    /// a machine that does not read.
    pub fn look(&self, limits: &Limits, stop: &AtomicBool) -> Result<Look, DataError> {
        let found = &self.found;
        let mut values: Vec<Values> = found.recipe.targets.iter().map(Values::of).collect();
        let (mut sources, mut broken) = (Vec::new(), Vec::new());
        let n = u32::try_from(found.sources.len()).unwrap_or(u32::MAX).max(1);
        let limits = &Limits { time: limits.time / n, ..*limits };
        for at in 0..found.sources.len() {
            if !stop.load(Ordering::Relaxed) {
                sources.push(first::look(found, at, limits, &mut values, &mut broken, stop)?);
            }
        }
        Ok(Look { sources, values, broken })
    }

    /// Some keys that several samples of one source have, and how many samples have the key of one before. Nothing is said of very
    /// large sets.
    #[must_use]
    pub fn repeated_keys(&self) -> (Vec<String>, u64) {
        let mut repeated = BTreeSet::new();
        let mut n = 0;
        for source in self.found.sources.iter().filter(|source| source.len() <= MANY) {
            let mut known = BTreeSet::new();
            for number in 0..source.len() {
                if let Some(key) = known.replace(source.key(number)) {
                    n += 1;
                    repeated.insert(key);
                }
            }
        }
        (repeated.into_iter().take(EXAMPLES).collect(), n)
    }

    /// Some samples that are in another collection, too, and how many: the same files, or the same place in a shard. Nothing is said
    /// of very large sets.
    #[must_use]
    pub fn shared(&self, other: &Self) -> (Vec<String>, u64) {
        if self.len().max(other.len()) > MANY as u64 {
            return (Vec::new(), 0);
        }
        let identities = |collection: &Self| -> BTreeSet<String> {
            let sources = collection.found.sources.iter();
            let of = |source| {
                (0..Source::len(source)).map(move |number| Source::identity(source, number))
            };
            sources.flat_map(of).collect()
        };
        let (own, others) = (identities(self), identities(other));
        let shared: Vec<&String> = own.intersection(&others).collect();
        (shared.iter().take(EXAMPLES).map(|name| (*name).clone()).collect(), shared.len() as u64)
    }

    /// The names of the model's modalities.
    fn modalities(&self) -> Vec<String> {
        self.found.recipe.hosts.iter().map(|host| host.name.clone()).collect()
    }
}

impl Look {
    /// How many samples, over all sources.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.sources.iter().map(|source| source.samples).sum()
    }

    /// How many samples have a modality or target, over all sources.
    #[must_use]
    pub fn count(&self, name: &str) -> Count {
        let all =
            self.sources.iter().flat_map(|source| source.modalities.iter().chain(&source.targets));
        let mut sum = Count { name: name.to_owned(), least: 0, most: 0 };
        for count in all.filter(|count| count.name == name) {
            (sum.least, sum.most) = (sum.least + count.least, sum.most + count.most);
        }
        sum
    }
}

#[cfg(test)]
mod tests;
