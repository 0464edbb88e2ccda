//! Specs on disk.
//!
//! In: paths. Out: texts, or the reason in words why there is none. A spec is a regular file of at most
//! [`MAX_FILE_BYTES`] of UTF-8; whatever else a path may lead to is refused before it is read, so that no
//! pipe blocks and no device fills the memory. Deliberately not here: what the texts say.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use zorro_compiler::Loader;
use zorro_grammar::parse::MAX_FILE_BYTES;

/// The files below the folder of one spec. Symbolic links are followed before a path is judged: a link that
/// leads outside is refused, and a spec that is itself a link stands where it leads.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    /// The folder as the user wrote it, for messages.
    shown: PathBuf,
}

impl Disk {
    /// The folder of a spec, and the path that [`Loader::load`] knows the spec by.
    ///
    /// # Errors
    ///
    /// The reason in words why there is no such file.
    pub fn of_spec(spec: &Path) -> Result<(Self, String), String> {
        let real = spec.canonicalize().map_err(|error| reason(&error))?;
        let (Some(root), Some(name)) = (real.parent(), real.file_name()) else {
            return Err("it is a folder".to_owned());
        };
        let name = name.to_str().ok_or("its name is not UTF-8")?.to_owned();
        let shown = spec.parent().unwrap_or(Path::new("")).to_owned();
        Ok((Self { root: root.to_owned(), shown }, name))
    }

    /// A path of [`Loader::load`] as the user would write it.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        self.shown.join(path).display().to_string()
    }
}

impl Loader for Disk {
    fn load(&mut self, path: &str) -> Result<String, String> {
        let outside = || Err("it lies outside the folder of the spec".to_owned());
        let relative = Path::new(path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return outside();
        }
        let real = self.root.join(relative).canonicalize().map_err(|error| reason(&error))?;
        if real.starts_with(&self.root) { read(&real) } else { outside() }
    }
}

/// The text of the file at a path.
///
/// # Errors
///
/// The reason in words, to follow the file's name.
pub fn read(path: &Path) -> Result<String, String> {
    read_limited(path, MAX_FILE_BYTES)
}

/// The text of a file that this program has written itself: longer than a spec, but not without end.
///
/// # Errors
///
/// The reason in words, to follow the file's name.
pub fn read_output(path: &Path) -> Result<String, String> {
    read_limited(path, 256 * MAX_FILE_BYTES)
}

fn read_limited(path: &Path, limit: usize) -> Result<String, String> {
    // Asked before opening, since opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(|error| reason(&error))?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let bytes = metadata.len();
    if bytes > limit as u64 {
        return Err(format!("it has {bytes} bytes; at most {limit} are read"));
    }
    stream_limited(File::open(path).map_err(|error| reason(&error))?, limit)
}

/// The text of a stream, such as standard input.
///
/// # Errors
///
/// The reason in words, to follow the stream's name.
pub fn read_from(stream: impl Read) -> Result<String, String> {
    stream_limited(stream, MAX_FILE_BYTES)
}

fn stream_limited(stream: impl Read, limit: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() > limit {
        return Err(format!("it has more than the {limit} bytes that are read"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is not UTF-8: byte {at} is 0x{:02x}", error.as_bytes()[at])
    })
}

/// Replaces the text of a file as a whole: whoever reads it sees the old text or the new one.
///
/// # Errors
///
/// The reason in words, to follow the file's name; the file is then as it was.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    // A link is to stay a link: what it leads to is replaced.
    let real = path.canonicalize().map_err(|error| reason(&error))?;
    let permissions = fs::metadata(&real).map_err(|error| reason(&error))?.permissions();
    if permissions.readonly() {
        return Err("it is read-only".to_owned());
    }
    write_beside(&real, text.as_bytes(), Some(permissions)).map_err(|error| reason(&error))
}

/// Writes a result as a whole, over what is there: whoever reads the file sees the old bytes or the new ones. What is
/// no regular file, such as a device, is written to directly.
///
/// # Errors
///
/// The reason in words, to follow the file's name; a regular file is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let written = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.exists()) {
                return Err(format!("there is no folder `{}`", folder.display()));
            }
            write_beside(path, bytes, None)
        }
        Err(error) => Err(error),
        Ok(metadata) if !metadata.is_file() => fs::write(path, bytes),
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err("it is read-only".to_owned());
        }
        Ok(metadata) => path
            .canonicalize()
            .and_then(|real| write_beside(&real, bytes, Some(metadata.permissions()))),
    };
    written.map_err(|error| reason(&error))
}

/// Without permissions, the file gets those of any new file.
fn write_beside(path: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::IsADirectory)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut aside = new_file(folder)?;
    aside.write_all(bytes)?;
    if let Some(permissions) = permissions {
        aside.as_file().set_permissions(permissions)?;
    }
    aside.as_file().sync_all()?;
    aside.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    // Not those of a secret; the umask takes away what the user does not want.
    let permissions = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().permissions(permissions).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}

/// An error of the system in the words of a message.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::NotFound, "there is no such file"),
        (io::ErrorKind::PermissionDenied, "permission denied"),
        (io::ErrorKind::NotADirectory, "a part of its path is not a folder"),
    ];
    let found = known.iter().find(|(kind, _)| *kind == error.kind());
    found.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests;
