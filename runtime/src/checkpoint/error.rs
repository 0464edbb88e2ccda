//! What is wrong with a checkpoint.
//!
//! Deliberately not here: what to do about it, which who asked for it knows.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A checkpoint cannot be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system does not let it be written.
    Write {
        /// The checkpoint.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of it cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it is seen.
        reason: String,
    },
    /// A newer program has written it.
    Version {
        /// The manifest.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// There is none.
    None(PathBuf),
    /// Another run works in the folder.
    Locked(PathBuf),
    /// The folder is another one than when the run began to work in it.
    Moved(PathBuf),
}

/// What systems say where too many files are open: in a process, on the machine.
const TOO_MANY_FILES: [Option<i32>; 2] = [Some(24), Some(23)];

impl CheckpointError {
    /// Whether it says nothing about the checkpoint, but about a machine that does not read it now.
    pub(super) fn is_the_machines(&self) -> bool {
        let Self::Read { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::PermissionDenied)
            || (cfg!(unix) && TOO_MANY_FILES.contains(&source.raw_os_error()))
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, source } => {
                write!(f, "cannot write `{}`: {source}", path.display())
            }
            Self::Read { path, source } => write!(f, "cannot read `{}`: {source}", path.display()),
            Self::Damaged { path, reason } => {
                write!(f, "`{}` is damaged: {reason}", path.display())
            }
            Self::Version { path, found } => write!(
                f,
                "`{}` has version {found}, and this program knows {}: it takes a newer one",
                path.display(),
                super::manifest::VERSION
            ),
            Self::None(path) => write!(f, "there is no checkpoint in `{}`", path.display()),
            Self::Locked(path) => {
                write!(
                    f,
                    "another run works in `{}`: wait for it, or take another folder",
                    path.display()
                )
            }
            Self::Moved(path) => write!(
                f,
                "`{}` is another folder than when the run began: the one that it worked in was renamed or replaced; go on \
                 with the run there",
                path.display()
            ),
        }
    }
}

impl std::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write { source, .. } | Self::Read { source, .. } => Some(source),
            Self::Damaged { .. }
            | Self::Version { .. }
            | Self::None(_)
            | Self::Locked(_)
            | Self::Moved(_) => None,
        }
    }
}
