//! Data: from files of pictures, sounds and videos to batches that a session takes.
//!
//! In: a [`config::DataConfig`] and a model, whose modalities say what is done to a file until it can be fed. Out: batches,
//! the same for the same seed whatever the number of threads, from any step on. A sample that cannot be read is named,
//! counted and replaced by the next. Deliberately not here: what is done with batches, and reading settings.

mod augment;
pub mod config;
mod draw;
mod error;
mod files;
mod host;
mod json;
mod loader;
pub mod media;
mod mix;
mod order;
mod recipe;
mod source;
pub mod survey;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zorro_compiler::model::Model;

use crate::Batch;
use config::{Clip, DataConfig};
use draw::Draw;
use error::NAMED;
pub use error::{DataError, Problems};
use host::Feed;
pub use loader::Loader;
use loader::{Once, Row, Wanted};
use media::video::Programs;
use order::{Order, Pick};
use recipe::{Recipe, setting};
pub use source::fingerprint::{Fingerprint, SourceFingerprint};
use source::{Opening, Source};

/// How training data is loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadOptions {
    /// Samples a batch.
    pub batch: usize,
    /// What is random follows from it.
    pub seed: u64,
    /// The number of the first batch, from 0: what was loaded before a run was interrupted is not loaded again.
    pub first_step: u64,
    /// Threads that load ahead; with 0, batches are made when they are asked for.
    pub threads: usize,
    /// Pairs of samples are mixed, by a share drawn from the beta distribution of this parameter twice.
    pub mixup: Option<f64>,
    /// How often a sample loses a modality, by modality; never all that it has.
    pub modality_dropout: BTreeMap<String, f64>,
}

/// One batch with what is known of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is fed: modalities and targets that at least one sample has, with `NAME.present` for all. Class targets are
    /// distributions `[batch, classes]`.
    pub batch: Batch,
    /// The key of each sample.
    pub keys: Vec<String>,
    /// The place of each sample in the row of all that are drawn: in evaluation its number among all. Clips of one sample
    /// share it, and lie one after the other.
    pub places: Vec<u64>,
    /// How often all samples were seen before the first of these, from 0.
    pub epoch: u64,
}

/// Samples that were found, none of them read yet.
#[derive(Debug, Clone)]
pub struct Collection {
    found: Arc<Found>,
}

/// What a collection and its loaders share.
#[derive(Debug)]
struct Found {
    recipe: Recipe,
    sources: Vec<Source>,
    broken: f64,
    clip: Clip,
    /// How many clips evaluation takes of each sample.
    clips: u64,
    skipped: Mutex<Skipped>,
}

/// What was skipped so far.
#[derive(Debug)]
struct Skipped {
    problems: Problems,
    /// Samples that are counted: source and number.
    known: BTreeSet<(usize, usize)>,
    /// Samples that were tried, by all loaders together, each as often as it was.
    tried: u64,
}

/// How many clips of a sample may be evaluated.
const MAX_CLIPS: u64 = 1000;
/// Before so many samples were drawn, nobody can say which part of them is broken.
const FEW: u64 = 100;

impl Collection {
    /// Looks for samples: reads the headers of shards, tables and lists of keys. Paths start from `base`. Headers may take
    /// minutes: `stop`, set by another thread, ends that.
    ///
    /// # Errors
    ///
    /// Settings that make no sense for the model, files that are not there, too many broken shards, no samples; told to
    /// stop.
    pub fn open(
        config: &DataConfig,
        base: &Path,
        model: &Model,
        stop: &AtomicBool,
    ) -> Result<Self, DataError> {
        if !(0.0..=1.0).contains(&config.broken) {
            return Err(setting("broken", "a part, 0 to 1"));
        }
        if !(0.001..=1e6).contains(&config.timeout) {
            return Err(setting("timeout", "0.001 to 1000000 seconds"));
        }
        let clips = config.clips.unwrap_or(1);
        if !(1..=MAX_CLIPS).contains(&clips) {
            return Err(setting("clips", format!("1 to {MAX_CLIPS}")));
        }
        if config.sources.is_empty() {
            return Err(setting("sources", "name at least one source"));
        }
        let folder = config.ffmpeg.as_ref().map(|folder| base.join(folder));
        let timeout = Duration::from_secs_f64(config.timeout);
        let mut recipe = Recipe::new(model, Programs { folder, timeout });
        recipe.set(config)?;
        let mut problems = Problems::default();
        let mut sources = Vec::new();
        for (at, source) in config.sources.iter().enumerate() {
            let place = format!("sources[{at}]");
            let opening = Opening { place: &place, base, broken: config.broken, stop };
            let source = Source::open(source, opening, &recipe, &mut problems)?;
            if source.len() == 0 {
                let looked = format!("{}{}", source.told(), unused(&source.counts().unused));
                return Err(DataError::NoSamples { looked, problems });
            }
            sources.push(source);
            if stop.load(Ordering::Relaxed) {
                return Err(DataError::Stopped);
            }
        }
        let skipped = Mutex::new(Skipped { problems, known: BTreeSet::new(), tried: 0 });
        let (broken, clip) = (config.broken, config.clip);
        Ok(Self { found: Arc::new(Found { recipe, sources, broken, clip, clips, skipped }) })
    }

    /// How many samples.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.found.len()
    }

    /// Whether there are none; a collection that opened has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches for training: shuffled, changed at random as set, epoch after epoch without end.
    ///
    /// # Errors
    ///
    /// Options that make no sense for the model; no threads.
    pub fn training(&self, options: &LoadOptions) -> Result<Loader, DataError> {
        let LoadOptions { batch, seed, first_step, threads, mixup, modality_dropout } = options;
        check_batch(*batch)?;
        if mixup.is_some_and(|alpha| !(alpha > 0.0 && alpha <= 1e6)) {
            return Err(setting("mixup", "above 0, such as 0.3"));
        }
        let text = |host: &&host::Host| matches!(host.feed, Feed::Text { .. });
        if let (Some(_), Some(host)) = (mixup, self.found.recipe.hosts.iter().find(text)) {
            let message = format!("the ids of `{}` cannot be mixed; leave it out", host.name);
            return Err(setting("mixup", message));
        }
        let dropout = mix::rates(modality_dropout, &self.found.recipe)?;
        let first = first_step.checked_mul(*batch as u64);
        let first = first.ok_or_else(|| setting("first_step", "beyond all numbers"))?;
        let sources: Vec<(usize, f64)> =
            self.found.sources.iter().map(|source| (source.len(), source.weight)).collect();
        let row = Row::Training(Order::new(*seed, &sources, first));
        let wanted = Wanted { batch: *batch, seed: *seed, mixup: *mixup, dropout, row };
        Loader::new(Arc::clone(&self.found), wanted, *threads)
    }

    /// Each sample once, in order, without random changes; as often as `clips` says, one clip after the other. A batch is
    /// shorter where a sample cannot be read, and at the end; the session fills it up with samples that count in nothing.
    /// Noise that is set is the same every time.
    ///
    /// # Errors
    ///
    /// A batch of no samples; no threads.
    pub fn evaluation(&self, batch: usize, threads: usize) -> Result<Loader, DataError> {
        self.once(batch, threads, Once::default())
    }

    /// As [`Self::evaluation`], but only so many samples: of as many equal parts of the set one each, always the same ones.
    ///
    /// # Errors
    ///
    /// A batch of no samples; no threads.
    pub fn some(&self, batch: usize, threads: usize, samples: u64) -> Result<Loader, DataError> {
        let len = self.len();
        if samples >= len {
            return self.evaluation(batch, threads);
        }
        // Anywhere in its part: what stands at equal distances may be of one kind.
        let begin = |part: u64| u128::from(part) * u128::from(len) / u128::from(samples);
        let begin = |part: u64| u64::try_from(begin(part)).expect("at most the length");
        let chosen = (0..samples).map(|part| {
            let width = begin(part + 1) - begin(part);
            begin(part) + Draw::new(0, "data.some", part).below(width)
        });
        self.once(batch, threads, Once::chosen(chosen.collect()))
    }

    fn once(&self, batch: usize, threads: usize, row: Once) -> Result<Loader, DataError> {
        check_batch(batch)?;
        let row = Row::Evaluation(row);
        let wanted = Wanted { batch, seed: 0, mixup: None, dropout: None, row };
        Loader::new(Arc::clone(&self.found), wanted, threads)
    }

    /// What the data looked like: two collections of the same have the same, and [`Fingerprint::changes`] says what differs
    /// between others. Only the index is looked at, and when files were written.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint { sources: self.found.sources.iter().map(Source::fingerprint).collect() }
    }

    /// What was skipped so far, here and by the loaders.
    #[must_use]
    pub fn problems(&self) -> Problems {
        self.found.skipped().problems.clone()
    }
}

/// What was found and is nothing, for messages.
fn unused(names: &BTreeMap<String, u64>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let some = names.iter().take(NAMED).map(|(name, n)| format!("`{name}` ({n})"));
    let more = if names.len() > NAMED { " and others" } else { "" };
    format!(", of which nothing uses {}{more}", some.collect::<Vec<_>>().join(", "))
}

fn check_batch(batch: usize) -> Result<(), DataError> {
    // More would not fit any plan.
    if (1..=1 << 24).contains(&batch) { Ok(()) } else { Err(setting("batch", "1 to 16777216")) }
}

/// How many of so many may be broken.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a count")]
fn allowed(part: f64, of: u64) -> u64 {
    (part * of as f64).ceil() as u64
}

impl Found {
    fn len(&self) -> u64 {
        self.sources.iter().map(|source| source.len() as u64).sum()
    }

    fn skipped(&self) -> MutexGuard<'_, Skipped> {
        // Nothing that can panic runs under the lock.
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sample by its number among those of all sources, one source after the other.
    fn sample(&self, number: u64) -> Option<Pick> {
        let mut rest = number;
        for (source, found) in self.sources.iter().enumerate() {
            if rest < found.len() as u64 {
                let place = usize::try_from(rest).expect("below a length");
                return Some(Pick { source, number: place, at: number, clip: 0 });
            }
            rest -= found.len() as u64;
        }
        None
    }

    /// Counts and names samples that could not be read among so many more that were tried.
    fn note(&self, broken: Vec<(usize, usize, String)>, tried: u64) -> Result<(), DataError> {
        let mut skipped = self.skipped();
        skipped.tried += tried;
        if broken.is_empty() {
            return Ok(());
        }
        for (source, number, why) in broken {
            if skipped.known.insert((source, number)) {
                skipped.problems.samples += 1;
                let name = self.sources[source].name(number);
                skipped.problems.name(format!("{name}: {why}"));
            }
        }
        // Each of the broken was tried, so there are never more of them.
        let of = skipped.tried.max(FEW).min(self.len());
        let (broken, allowed) = (skipped.known.len() as u64, allowed(self.broken, of));
        if broken <= allowed {
            return Ok(());
        }
        let problems = skipped.problems.clone();
        Err(DataError::TooManyBroken { what: "samples", broken, of, allowed, problems })
    }

    fn nothing_left(&self) -> DataError {
        let looked: Vec<String> = self.sources.iter().map(Source::told).collect();
        let problems = self.skipped().problems.clone();
        DataError::NoSamples { looked: looked.join(", "), problems }
    }
}

#[cfg(test)]
mod tests;
