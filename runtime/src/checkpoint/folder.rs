//! The folder of a run: its checkpoints in order.
//!
//! In: a path. Out: the newest checkpoint that can be read, with those that cannot. Old ones are deleted here; what was half
//! written or half deleted when a run was killed is cleared away by the next. Deliberately not here: logs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::{Best, Checkpoint, CheckpointError, manifest::MANIFEST, name, step_of};

/// Checkpoints lie in this folder of a run's folder.
const CHECKPOINTS: &str = "checkpoints";
/// How their names begin.
pub(super) const STEP: &str = "step-";
/// How names begin of what is not whole yet, or not any more.
pub(super) const WRITING: &str = ".writing-";
pub(super) const DELETING: &str = ".deleting-";

/// The folder of a run that works in it: nobody else does.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Lock,
}

/// The newest checkpoint that can be read.
#[derive(Debug)]
pub struct Newest {
    /// Where it lies.
    pub path: PathBuf,
    /// It.
    pub checkpoint: Checkpoint,
    /// Newer ones that cannot be read, and why.
    pub skipped: Vec<(PathBuf, CheckpointError)>,
}

impl Folder {
    /// Makes the folder where it is not there, and takes it.
    ///
    /// # Errors
    ///
    /// Another run works in it, or it cannot be made.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let failed = |source| CheckpointError::Write { path: path.to_owned(), source };
        let checkpoints = path.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints).map_err(failed)?;
        let lock = Lock::take(path)?;
        for entry in fs::read_dir(&checkpoints).map_err(failed)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(WRITING) || name.starts_with(DELETING) {
                // What cannot be cleared away only takes room.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The steps of its checkpoints, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<u64> {
        steps(&self.path.join(CHECKPOINTS))
    }

    /// Where the checkpoint of a step lies.
    #[must_use]
    pub fn checkpoint(&self, step: u64) -> PathBuf {
        self.path.join(CHECKPOINTS).join(name(step))
    }

    /// The newest checkpoint that can be read; none where there is none at all.
    ///
    /// # Errors
    ///
    /// Where there are some, and none can be read: what is wrong with the newest.
    pub fn newest(&self) -> Result<Option<Newest>, CheckpointError> {
        newest(&self.path.join(CHECKPOINTS), Checkpoint::read)
    }

    /// Writes a checkpoint, and deletes of those up to it all but the last so many and the best.
    ///
    /// # Errors
    ///
    /// What the system says, and that another run has the folder; what was there before is untouched then.
    pub fn keep(
        &mut self,
        checkpoint: &Checkpoint,
        last: usize,
    ) -> Result<PathBuf, CheckpointError> {
        self.lock.hold()?;
        let path = self.checkpoint(checkpoint.manifest.step);
        checkpoint.write(&path)?;
        self.prune(checkpoint.manifest.step, checkpoint.manifest.best.as_ref(), last);
        Ok(path)
    }

    /// Writes into a checkpoint that the model was evaluated after it, and which is the best since; then deletes as
    /// [`Self::keep`].
    ///
    /// # Errors
    ///
    /// As [`Self::keep`].
    pub fn evaluated(
        &mut self,
        step: u64,
        best: Option<&Best>,
        last: usize,
    ) -> Result<(), CheckpointError> {
        self.lock.hold()?;
        Checkpoint::amend(&self.checkpoint(step), |manifest| {
            manifest.best = best.cloned();
            manifest.to_evaluate = false;
        })?;
        self.prune(step, best, last);
        Ok(())
    }

    /// Those of later steps could not be read when the run went on before them: they are no reason to delete one that can be.
    fn prune(&self, written: u64, best: Option<&Best>, last: usize) {
        let mut steps = self.steps();
        steps.retain(|step| *step <= written);
        for step in &steps[..steps.len().saturating_sub(last)] {
            if best.is_none_or(|best| best.step != *step) {
                self.delete(*step);
            }
        }
    }

    /// Under another name first: half of a checkpoint is none. One that cannot be deleted is no reason to stop.
    fn delete(&self, step: u64) {
        let checkpoints = self.path.join(CHECKPOINTS);
        let Ok(grave) = new_folder(&checkpoints, DELETING) else { return };
        let _ = fs::rename(checkpoints.join(name(step)), grave.path().join("old"));
    }
}

/// A folder that is deleted when it is dropped, with the permissions that any new folder has.
pub(super) fn new_folder(parent: &Path, prefix: &str) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.prefix(prefix).tempdir_in(parent)
}

/// The steps of the checkpoints in a folder, in order.
fn steps(checkpoints: &Path) -> Vec<u64> {
    let entries = fs::read_dir(checkpoints).into_iter().flatten().flatten();
    let mut steps: Vec<u64> =
        entries.filter_map(|entry| step_of(entry.file_name().to_str()?)).collect();
    steps.sort_unstable();
    steps
}

fn newest(
    checkpoints: &Path,
    read: impl Fn(&Path) -> Result<Checkpoint, CheckpointError>,
) -> Result<Option<Newest>, CheckpointError> {
    let mut skipped = Vec::new();
    for step in steps(checkpoints).into_iter().rev() {
        let path = checkpoints.join(name(step));
        match read(&path) {
            Ok(checkpoint) => return Ok(Some(Newest { path, checkpoint, skipped })),
            // With more memory or rights it can be read: to go on from an older one would lose steps for nothing.
            Err(error) if error.is_the_machines() => return Err(error),
            Err(error) => skipped.push((path, error)),
        }
    }
    match skipped.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(None),
    }
}

/// The checkpoint that a path means, for its weights: the path is a checkpoint, the folder of a run, or of checkpoints.
///
/// # Errors
///
/// There is none, or none can be read.
pub fn find(path: &Path) -> Result<Newest, CheckpointError> {
    if path.join(MANIFEST).exists() {
        let checkpoint = Checkpoint::read_weights(path)?;
        return Ok(Newest { path: path.to_owned(), checkpoint, skipped: Vec::new() });
    }
    for folder in [path.join(CHECKPOINTS), path.to_owned()] {
        if let Some(found) = newest(&folder, Checkpoint::read_weights)? {
            return Ok(found);
        }
    }
    Err(CheckpointError::None(path.to_owned()))
}
