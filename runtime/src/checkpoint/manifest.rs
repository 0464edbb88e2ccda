//! What a checkpoint says of itself.
//!
//! In: `manifest.json`. Out: a [`Manifest`], and the model that its spec's texts make. The last line of the file is the checksum
//! of all that stands before it, so that no byte of it changes without being seen. Deliberately not here: tensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::compiler::{Loader, Options, Outcome, check};

use super::CheckpointError;
use crate::data::Fingerprint;
use crate::files;

/// The names of its files.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const WEIGHTS: &str = "weights.safetensors";
pub(super) const OPTIMIZER: &str = "optimizer.safetensors";

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u64 = 2;
/// The version before manifests had a checksum, and the keys that it had: it is read where it has these alone, since otherwise it
/// is a newer one that has lost its checksum.
const UNSEALED: u64 = 1;
const UNSEALED_KEYS: [&str; 9] =
    ["version", "program", "step", "seed", "objective", "best", "spec", "config", "files"];
/// Texts of specs and configurations are of a MiB at most, and a source of data is told in a few hundred bytes.
const MOST_BYTES: u64 = 1 << 28;
/// What stands around the checksum, at the end of the file.
const SEAL: (&str, &str) = (",\n  \"blake3\": \"", "\"\n}\n");
/// The digits of a checksum.
const DIGITS: usize = 2 * blake3::OUT_LEN;

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
    /// What the data looked like when the run began or went on: `train`, and `eval` where there is one.
    #[serde(default)]
    pub data: BTreeMap<String, Fingerprint>,
    /// All steps of the run, as they were set.
    #[serde(default)]
    pub steps: Option<u64>,
    /// Whether the model is still to be evaluated after this step: the checkpoint is written first.
    #[serde(default)]
    pub to_evaluate: bool,
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
            data: BTreeMap::new(),
            steps: None,
            to_evaluate: false,
            files: BTreeMap::new(),
        }
    }

    /// Whether it was written before manifests had a checksum: whoever goes on from it cannot know that nobody changed it.
    #[must_use]
    pub fn is_unsealed(&self) -> bool {
        self.version == UNSEALED
    }

    /// Reads the manifest of a checkpoint.
    ///
    /// # Errors
    ///
    /// What is missing, cannot be read, or is no manifest.
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(MANIFEST);
        let text = match files::text(&path, MOST_BYTES) {
            Ok(text) => text,
            Err(source) => return Err(CheckpointError::Read { path, source }),
        };
        let damaged = |reason: &str| {
            let reason = reason.to_owned();
            CheckpointError::Damaged { path: path.clone(), reason }
        };
        let sealed = match seal(&text) {
            Some((body, digits)) => checksum(body) == digits,
            None => false,
        };
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| damaged(&error.to_string()))?;
        // The version first: the rest of a newer one may be anything.
        match value["version"].as_u64() {
            Some(VERSION) if sealed => {}
            Some(VERSION) => return Err(damaged("its checksum is another one")),
            Some(UNSEALED) if has_keys_of_the_first(&value) => {}
            Some(found) if found > VERSION => return Err(CheckpointError::Version { path, found }),
            Some(_) | None => return Err(damaged("it has no version that there was")),
        }
        let found: Self =
            serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))?;
        let named = folder.file_name().and_then(|name| super::step_of(name.to_str()?));
        match named {
            Some(step) if step != found.step => {
                Err(damaged(&format!("it is of step {}, in the folder of step {step}", found.step)))
            }
            Some(_) | None => Ok(found),
        }
    }

    /// The text of the file, in the form that is written today.
    pub(super) fn to_json(&self) -> String {
        let current = Self { version: VERSION, ..self.clone() };
        let body = serde_json::to_string_pretty(&current).expect("a manifest has text keys");
        let body = body.strip_suffix("\n}").expect("an object of several lines");
        format!("{body}{}{}{}", SEAL.0, checksum(body), SEAL.1)
    }
}

/// What a manifest says before its checksum, and that.
fn seal(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_suffix(SEAL.1)?;
    let (body, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((body.strip_suffix(SEAL.0)?, digits))
}

fn checksum(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().to_string()
}

fn has_keys_of_the_first(value: &serde_json::Value) -> bool {
    value.as_object().is_some_and(|entries| {
        entries.len() == UNSEALED_KEYS.len()
            && UNSEALED_KEYS.iter().all(|key| entries.contains_key(*key))
    })
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

    pub(super) fn check_length(&self, bytes: u64) -> Result<(), String> {
        if bytes == self.bytes {
            Ok(())
        } else {
            Err(format!("it has {bytes} bytes and was written with {}", self.bytes))
        }
    }

    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        self.check_length(bytes.len() as u64)?;
        if *self == Self::of(bytes) {
            Ok(())
        } else {
            Err("its checksum is another one".to_owned())
        }
    }
}
