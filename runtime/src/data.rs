//! Data: from files of pictures, sounds and videos to batches that a session takes.
//!
//! In: a [`config::DataConfig`] and a model, whose modalities say what is done to a file until it can be fed. Out: batches,
//! the same for the same seed whatever the number of threads, from any step on. A sample that cannot be read is named,
//! counted and replaced by the next. Deliberately not here: what is done with batches, and reading settings.

pub mod config;
mod error;
pub mod media;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use zorro_compiler::model::Model;

use crate::Batch;
use config::DataConfig;
pub use error::{DataError, Problems};

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
    /// How often all samples were seen before the first of these, from 0.
    pub epoch: u64,
}

/// Samples that were found, none of them read yet.
#[derive(Debug)]
pub struct Collection {}

/// Batches, one after the other.
#[derive(Debug)]
pub struct Loader {}

impl Collection {
    /// Looks for samples: reads the headers of shards, tables and lists of keys. Paths start from `base`.
    ///
    /// # Errors
    ///
    /// Settings that make no sense for the model, files that are not there, too many broken shards, no samples.
    pub fn open(_config: &DataConfig, _base: &Path, _model: &Model) -> Result<Self, DataError> {
        Ok(Self {})
    }

    /// How many samples.
    #[must_use]
    pub fn len(&self) -> u64 {
        0
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
    pub fn training(&self, _options: &LoadOptions) -> Result<Loader, DataError> {
        Ok(Loader {})
    }

    /// Each sample once, in order, as it is. A batch is shorter where a sample cannot be read, and at the end; the session
    /// fills it up with samples that count in nothing.
    ///
    /// # Errors
    ///
    /// A batch of no samples; no threads.
    pub fn evaluation(&self, _batch: usize, _threads: usize) -> Result<Loader, DataError> {
        Ok(Loader {})
    }

    /// What was skipped so far, here and by the loaders.
    #[must_use]
    pub fn problems(&self) -> Problems {
        Problems::default()
    }
}

impl Loader {
    /// The next batch; `None` after the last, which training does not have.
    ///
    /// # Errors
    ///
    /// Too many samples are broken; a program is missing.
    pub fn next(&mut self) -> Result<Option<Loaded>, DataError> {
        Ok(None)
    }

    /// How long [`Self::next`] has waited for data, all in all.
    #[must_use]
    pub fn blocked(&self) -> Duration {
        Duration::ZERO
    }
}
