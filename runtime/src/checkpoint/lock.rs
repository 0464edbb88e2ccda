//! Who works in a folder: one run at a time.
//!
//! In: a folder. Out: a [`Lock`], which the system lets go when the run ends, however it does. What is held are files, not their
//! names: the folder itself, where the system locks folders, and `.lock` in it, which network drives and Windows lock, too. Both
//! can be renamed or deleted by anybody meanwhile, so whoever writes asks again first. Deliberately not here: what is written.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::CheckpointError;

const LOCK: &str = ".lock";

/// A folder that is held.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    file: File,
    /// The folder itself, where it can be opened.
    itself: Option<File>,
}

impl Lock {
    /// Takes a folder that is there.
    pub(super) fn take(folder: &Path) -> Result<Self, CheckpointError> {
        let itself = File::open(folder).ok();
        if let Some(itself) = &itself {
            match itself.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(CheckpointError::Locked(folder.to_owned()));
                }
                // Not every system locks folders: the file in it is left.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
        }
        Ok(Self { file: locked(folder)?, itself, folder: folder.to_owned() })
    }

    /// That it is still what was taken. A `.lock` that was deleted is made and held anew.
    pub(super) fn hold(&mut self) -> Result<(), CheckpointError> {
        if let Some(itself) = &self.itself
            && !is_named(itself, &self.folder)?
        {
            return Err(CheckpointError::Moved(self.folder.clone()));
        }
        let path = self.folder.join(LOCK);
        if !path.exists() || !is_named(&self.file, &path)? {
            self.file = locked(&self.folder)?;
        }
        Ok(())
    }
}

fn locked(folder: &Path) -> Result<File, CheckpointError> {
    let path = folder.join(LOCK);
    let failed = |source| CheckpointError::Write { path: path.clone(), source };
    // Opening a pipe waits for its other end.
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(failed(io::Error::other("it is no regular file, and in the way: delete it")));
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        // Others may read and write it, but not delete or rename it.
        options.share_mode(1 | 2);
    }
    let file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CheckpointError::Locked(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether a name is still that of a file which is open, where the system tells files apart.
fn is_named(file: &File, path: &Path) -> Result<bool, CheckpointError> {
    let failed = |source| CheckpointError::Write { path: path.to_owned(), source };
    let (held, named) = (file.metadata().map_err(failed)?, fs::metadata(path).map_err(failed)?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok((held.dev(), held.ino()) == (named.dev(), named.ino()))
    }
    #[cfg(not(unix))]
    {
        Ok(held.is_dir() == named.is_dir())
    }
}
