//! Files that are read as a whole.
//!
//! In: a path. Out: its bytes. What is no regular file is refused before it is opened: opening a pipe waits for its writer, and
//! a device may never end. Memory is asked for before it is filled, so that a file that does not fit is an error. Deliberately
//! not here: what the bytes mean, and writing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file, with its length.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, not a file"));
    }
    if !found.is_file() {
        return Err(io::Error::other("not a file: a pipe or device may never end"));
    }
    Ok((File::open(path)?, found.len()))
}

/// All bytes of a regular file of at most so many.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, bytes) = open(path)?;
    if bytes > limit {
        return Err(io::Error::other(format!("it has {bytes} bytes; at most {limit} are read")));
    }
    rest(file, bytes, Vec::new())
}

/// The text of a regular file of at most so many bytes.
pub(crate) fn text(path: &Path, limit: u64) -> io::Result<String> {
    let bytes = read(path, limit)?;
    String::from_utf8(bytes).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is no UTF-8: {}", error.utf8_error()),
        )
    })
}

/// What follows the bytes that were read of a file of so many.
pub(crate) fn rest(file: File, bytes: u64, mut before: Vec<u8>) -> io::Result<Vec<u8>> {
    let left = bytes.saturating_sub(before.len() as u64);
    let room = usize::try_from(left).map_err(|_| io::ErrorKind::OutOfMemory)?;
    before.try_reserve_exact(room).map_err(|_| {
        let message = format!("there is no memory for its {bytes} bytes");
        io::Error::new(io::ErrorKind::OutOfMemory, message)
    })?;
    // No more than the file had: one that grows meanwhile is cut short, which whoever knows its form will see.
    file.take(left).read_to_end(&mut before)?;
    Ok(before)
}
