//! Files: opened where they are files, and read with patience.
//!
//! In: paths. Out: open files and their bytes, or who is at fault that there are none. A disk or network that fails for a
//! moment is asked again. Deliberately not here: what is in files.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::media::Trouble;
use crate::files;

/// What fails through the machine is tried again after each of these waits.
const WAITS: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(100), Duration::from_millis(500)];
/// So many bytes tell what a file is.
const HEAD: u64 = 4096;
/// Too many links from one to the next: the standard library has no stable name for it.
#[cfg(unix)]
const LOOP: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };

/// Where a file lies.
#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    /// In a file of its own.
    Path(&'a Path),
    /// In memory.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// All bytes; files beyond a limit are refused, and what is no file.
    pub(super) fn bytes(&self, limit: u64) -> Result<Cow<'a, [u8]>, Trouble> {
        let path = match self {
            Self::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Self::Path(path) => path,
        };
        let file = open(path)?;
        let too_large = || Trouble::Why(format!("larger than {limit} bytes"));
        if patiently(|| file.metadata())?.len() > limit {
            return Err(too_large());
        }
        // Files of some systems say that they are empty, and are not.
        let bytes = first(&file, limit.saturating_add(1))?;
        if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(Cow::Owned(bytes)) }
    }

    /// Enough bytes to tell what it is.
    pub(super) fn head(&self) -> Result<Cow<'a, [u8]>, Trouble> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Path(path) => first(&open(path)?, HEAD).map(Cow::Owned),
        }
    }
}

fn first(mut file: &File, n: u64) -> Result<Vec<u8>, Trouble> {
    patiently(|| {
        file.rewind()?;
        let mut bytes = Vec::new();
        file.take(n).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// A regular file: pipes and devices may never end.
pub(super) fn open(path: &Path) -> Result<File, Trouble> {
    patiently(|| files::open(path)).map(|(file, _)| file)
}

/// Bytes from a place in a file on, as many as are there; nothing else that reads the file is disturbed.
pub(super) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> Result<usize, Trouble> {
    let mut read = 0;
    while read < bytes.len() {
        match patiently(|| once_at(file, offset + read as u64, &mut bytes[read..]))? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}

#[cfg(unix)]
fn once_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn once_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// Does what may fail through the machine, several times where it does.
pub(super) fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> Result<T, Trouble> {
    for wait in WAITS {
        match work() {
            Ok(done) => return Ok(done),
            Err(error) if is_of_file(&error) => return Err(trouble(&error)),
            Err(_) => thread::sleep(wait),
        }
    }
    work().map_err(|error| trouble(&error))
}

/// Whose fault an error is: that of the file that was asked for, or else the machine's.
pub(super) fn trouble(error: &io::Error) -> Trouble {
    if is_of_file(error) {
        return Trouble::Why(error.to_string());
    }
    Trouble::Machine(format!("{error}; no fault of the data, so nothing is skipped for it"))
}

fn is_of_file(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(LOOP) {
        return true;
    }
    // What no system said is the word of a decoder.
    let is_said_by_a_decoder = error.raw_os_error().is_none() && error.kind() == ErrorKind::Other;
    is_said_by_a_decoder
        || matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::InvalidFilename
                | ErrorKind::InvalidInput
                | ErrorKind::InvalidData
                | ErrorKind::UnexpectedEof
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_machines_are_told_apart() {
        // Numbers of Linux: no such file, no permission, no folder, a folder, a name too long, a loop of links.
        let of_files: &[i32] =
            if cfg!(target_os = "linux") { &[2, 13, 20, 21, 36, 40] } else { &[] };
        // Interrupted, a disk that does not read, try again, no memory, too many files (two of them), no room, a network
        // file that is gone, a limit of size, and a limit of the user.
        let of_machines: &[i32] =
            if cfg!(target_os = "linux") { &[4, 5, 11, 12, 23, 24, 27, 28, 116, 122] } else { &[] };
        for (numbers, is_file) in [(of_files, true), (of_machines, false)] {
            for number in numbers {
                let found = trouble(&io::Error::from_raw_os_error(*number));
                assert_eq!(matches!(found, Trouble::Why(_)), is_file, "{number}: {found:?}");
            }
        }
        let words = io::Error::other("a decoder's");
        assert_eq!(trouble(&words), Trouble::Why("a decoder's".to_owned()));
        let memory = io::Error::from(ErrorKind::OutOfMemory);
        assert!(matches!(trouble(&memory), Trouble::Machine(_)));
    }

    #[test]
    fn machines_are_asked_again_and_files_are_not() {
        for (kind, fails, tries, is_there) in [
            (ErrorKind::TimedOut, 2, 3, true),
            (ErrorKind::TimedOut, 9, 4, false),
            (ErrorKind::NotFound, 9, 1, false),
        ] {
            let mut tried = 0;
            let found = patiently(|| {
                tried += 1;
                if tried > fails { Ok(()) } else { Err(io::Error::from(kind)) }
            });
            assert_eq!((tried, found.is_ok()), (tries, is_there), "{kind:?}");
        }
    }

    #[test]
    fn what_may_never_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
            let said = open(path);
            assert!(said.is_err(), "{}", path.display());
        }
        let path = folder.path().join("large");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        // A file of holes: it is refused before it is read.
        let said = Content::Path(&path).bytes(1 << 30).unwrap_err();
        assert_eq!(said, Trouble::Why("larger than 1073741824 bytes".to_owned()));
        assert_eq!(Content::Path(&path).head().unwrap().len(), 4096);
    }
}
