//! What a checkpoint says of itself.
//!
//! In: `manifest.json`. Out: a [`Manifest`], and the model that its spec's texts make. Deliberately not here: tensors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::compiler::{Loader, Options, Outcome, check};

use super::CheckpointError;

/// The names of its files.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const WEIGHTS: &str = "weights.safetensors";
pub(super) const OPTIMIZER: &str = "optimizer.safetensors";

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u64 = 1;

/// What a checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this form.
    pub version: u64,
    /// The program that wrote it.
    pub program: String,
    /// Steps that were made.
    pub step: u64,
    /// The seed of the run.
    pub seed: u64,
    /// What was minimized.
    pub objective: String,
    /// The best evaluation so far.
    pub best: Option<Best>,
    /// The model.
    pub spec: Spec,
    /// The text of the run's configuration.
    pub config: String,
    /// The folder from which the paths of the configuration start, where it has a name in UTF-8.
    #[serde(default)]
    pub base: Option<PathBuf>,
    /// Its other files.
    pub(super) files: BTreeMap<String, FileEntry>,
}

/// The best evaluation of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Of the checkpoint of this step.
    pub step: u64,
    /// What was measured.
    pub metric: String,
    /// Larger is better.
    pub value: f64,
}

/// A spec with all texts that it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The spec, among the files.
    pub path: String,
    /// Texts by the path that the compiler asks for.
    pub files: BTreeMap<String, String>,
    /// Params that are set, with their values in the language.
    pub set: Vec<(String, String)>,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    bytes: u64,
    /// In hexadecimal digits.
    blake3: String,
}

impl Manifest {
    /// A manifest of the program that runs.
    #[must_use]
    pub fn new(spec: Spec, objective: &str, config: &str, seed: u64) -> Self {
        Self {
            version: VERSION,
            program: concat!("zorro ", env!("CARGO_PKG_VERSION")).to_owned(),
            step: 0,
            seed,
            objective: objective.to_owned(),
            best: None,
            spec,
            config: config.to_owned(),
            base: None,
            files: BTreeMap::new(),
        }
    }

    /// Reads the manifest of a checkpoint.
    ///
    /// # Errors
    ///
    /// What is missing, cannot be read, or is no manifest.
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(CheckpointError::Read { path, source }),
        };
        let damaged = |reason| CheckpointError::Damaged { path: path.clone(), reason };
        // The version first: the rest of a newer one may be anything.
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        match value["version"].as_u64() {
            Some(VERSION) => {}
            Some(found) if found > VERSION => return Err(CheckpointError::Version { path, found }),
            Some(_) | None => return Err(damaged("it has no version".to_owned())),
        }
        serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a manifest has text keys") + "\n"
    }
}

impl Spec {
    /// Checks the spec as it was when the checkpoint was written.
    #[must_use]
    pub fn check(&self) -> Outcome {
        struct Stored<'a>(&'a BTreeMap<String, String>);
        impl Loader for Stored<'_> {
            fn load(&mut self, path: &str) -> Result<String, String> {
                self.0
                    .get(path)
                    .cloned()
                    .ok_or_else(|| "the checkpoint does not have it".to_owned())
            }
        }
        check(&self.path, &mut Stored(&self.files), &Options { set: self.set.clone() })
    }
}

impl FileEntry {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
    }

    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 != self.bytes {
            return Err(format!(
                "it has {} bytes and was written with {}",
                bytes.len(),
                self.bytes
            ));
        }
        if *self == Self::of(bytes) {
            Ok(())
        } else {
            Err("its checksum is another one".to_owned())
        }
    }
}
