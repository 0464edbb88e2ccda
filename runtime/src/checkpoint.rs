//! Checkpoints: what a run or an answer needs, as a folder on disk.
//!
//! In: weights, the optimizer's state and a [`Manifest`]. Out: a folder `step-000001000` that is there as a whole or not at all:
//! it is written aside, synced and renamed. The manifest has the checksums of the other files and of itself, so that damage is
//! seen when a checkpoint is read, and the texts of the spec, so that a checkpoint answers alone. Deliberately not here: when
//! checkpoints are written, and what is done with weights.

mod error;
mod folder;
mod lock;
mod manifest;
mod names;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use error::CheckpointError;
pub use folder::{Folder, Newest, find};
pub use manifest::{Best, Manifest, Spec};
pub use names::current;

use crate::{Tensors, files, memory};
use manifest::{FileEntry, MANIFEST, OPTIMIZER, WEIGHTS};

/// A checkpoint in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it is.
    pub manifest: Manifest,
    /// The weights by name.
    pub weights: Tensors,
    /// The optimizer's state by name; empty where none is needed.
    pub optimizer: Tensors,
}

impl Checkpoint {
    /// Writes it as a folder, over what may be there.
    ///
    /// # Errors
    ///
    /// What the system says, such as that the disk is full; what was there is untouched then.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let failed = |source| CheckpointError::Write { path: path.to_owned(), source };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let aside = folder::new_folder(parent, folder::WRITING).map_err(failed)?;
        self.fill(aside.path()).map_err(failed)?;
        if path.exists() {
            // A folder does not replace one that has files; between the two renamings others are found.
            let old = folder::new_folder(parent, folder::DELETING).map_err(failed)?;
            fs::rename(path, old.path().join("old")).map_err(failed)?;
        }
        fs::rename(aside.keep(), path).map_err(failed)?;
        sync(parent).map_err(failed)
    }

    fn fill(&self, folder: &Path) -> io::Result<()> {
        let mut manifest = self.manifest.clone();
        manifest.files.clear();
        for (name, tensors) in [(WEIGHTS, &self.weights), (OPTIMIZER, &self.optimizer)] {
            let bytes = tensors.to_bytes().map_err(io::Error::other)?;
            write_synced(&folder.join(name), &bytes)?;
            manifest.files.insert(name.to_owned(), FileEntry::of(&bytes));
        }
        write_synced(&folder.join(MANIFEST), manifest.to_json().as_bytes())?;
        sync(folder)
    }

    /// Writes the manifest of a checkpoint anew, all at once, with what is changed of it.
    fn amend(path: &Path, change: impl FnOnce(&mut Manifest)) -> Result<(), CheckpointError> {
        let mut manifest = Manifest::read(path)?;
        change(&mut manifest);
        let failed = |source| CheckpointError::Write { path: path.join(MANIFEST), source };
        let parent = path.parent().expect("checkpoints lie in a folder");
        let aside = folder::new_folder(parent, folder::WRITING).map_err(failed)?;
        let new = aside.path().join(MANIFEST);
        write_synced(&new, manifest.to_json().as_bytes()).map_err(failed)?;
        fs::rename(new, path.join(MANIFEST)).map_err(failed)?;
        sync(path).map_err(failed)
    }

    /// Reads a folder.
    ///
    /// # Errors
    ///
    /// What is missing, cannot be read, or is not as it was written.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let manifest = Manifest::read(path)?;
        let weights = tensors(path, &manifest, WEIGHTS)?;
        let optimizer = tensors(path, &manifest, OPTIMIZER)?;
        Ok(Self { manifest, weights, optimizer })
    }

    /// Reads weights and manifest alone.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_weights(path: &Path) -> Result<Self, CheckpointError> {
        let manifest = Manifest::read(path)?;
        let weights = tensors(path, &manifest, WEIGHTS)?;
        Ok(Self { manifest, weights, optimizer: Tensors::new() })
    }
}

fn tensors(folder: &Path, manifest: &Manifest, name: &str) -> Result<Tensors, CheckpointError> {
    let path = folder.join(name);
    let unread = |source| CheckpointError::Read { path: path.clone(), source };
    let damaged = |reason: String| CheckpointError::Damaged { path: path.clone(), reason };
    let entry = manifest.files.get(name);
    let entry = entry.ok_or_else(|| damaged("its manifest does not know it".to_owned()))?;
    let (file, length) = files::open(&path).map_err(unread)?;
    // Before memory is asked for: for another file there may be none.
    entry.check_length(length).map_err(damaged)?;
    let bytes = files::rest(file, length, Vec::new()).map_err(unread)?;
    memory::room(bytes.len(), "a checkpoint")
        .map_err(|_| unread(io::ErrorKind::OutOfMemory.into()))?;
    entry.check(&bytes).map_err(damaged)?;
    Tensors::from_bytes(&path, &bytes).map_err(|error| damaged(error.to_string()))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes what was made or renamed in a folder last, where folders can be synced.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The name of the checkpoint of a step.
#[must_use]
pub fn name(step: u64) -> PathBuf {
    PathBuf::from(format!("{}{step:09}", folder::STEP))
}

/// The step whose checkpoint is called so.
fn step_of(called: &str) -> Option<u64> {
    let step = called.strip_prefix(folder::STEP)?.parse().ok()?;
    (name(step) == Path::new(called)).then_some(step)
}

#[cfg(test)]
mod tests;
