//! `.safetensors` files.
//!
//! In: a path. Out: tensors, or which file is wrong and how. A file is read into memory as a whole, and written
//! aside, synced and renamed, so that a crash leaves the old one or the new one. Deliberately not here: what the
//! tensors mean.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};

use super::data::numbers;
use super::{Tensor, TensorData, Tensors, shards};
use crate::{files, memory};

/// The length of the header stands in so many bytes.
const HEAD: u64 = 8;

/// What is wrong with a file of tensors.
#[derive(Debug)]
pub enum TensorsError {
    /// It cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what a `.safetensors` file is.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// It is a file of another kind.
    Another {
        /// The file.
        path: PathBuf,
        /// Which, and what to do, in words.
        reason: String,
    },
    /// An index of several files is not what such an index is.
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// A tensor has numbers of a type that is not known here.
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type, as the file says it.
        dtype: String,
    },
    /// It cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for TensorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Malformed { path, reason } => {
                write!(f, "{} is not a whole .safetensors file: {reason}", path.display())
            }
            Self::Another { path, reason } => write!(f, "{} {reason}", path.display()),
            Self::Index { path, reason } => {
                write!(f, "{} is no index of .safetensors files: {reason}", path.display())
            }
            Self::Unsupported { path, tensor, dtype } => write!(
                f,
                "{}: tensor `{tensor}` has numbers of type {dtype}; known are F32, F64, F16, BF16, I64, I32, U32, \
                 U8 and BOOL",
                path.display()
            ),
            Self::Write { path, source } => {
                write!(f, "cannot write {}: {source}; what was there is untouched", path.display())
            }
        }
    }
}

impl std::error::Error for TensorsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Malformed { .. }
            | Self::Another { .. }
            | Self::Index { .. }
            | Self::Unsupported { .. } => None,
        }
    }
}

impl Tensors {
    /// Reads a file into memory; where it is an index of several files, all of them. A folder stands for the weights in it as
    /// model hubs name them.
    ///
    /// # Errors
    /// The file is missing, unreadable, cut short or no `.safetensors` file, or has numbers of a type not known here.
    pub fn read(path: &Path) -> Result<Self, TensorsError> {
        match shards::in_folder(path) {
            Some(inside) => Self::read(&inside),
            None if shards::is_index(path) => shards::read(path),
            None => read(path),
        }
    }

    /// Whether a path means a folder with weights as model hubs name them.
    #[must_use]
    pub fn is_folder(path: &Path) -> bool {
        shards::in_folder(path).is_some()
    }

    /// The tensors in the bytes of a file; the path is for messages alone.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, TensorsError> {
        let malformed = |reason| TensorsError::Malformed { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| malformed(in_words(&error, bytes.len())))?;
        let mut tensors = Self::new();
        for (name, view) in file.iter() {
            let Some(data) = decode(view.dtype(), view.data()) else {
                let (tensor, dtype) = (name.to_owned(), view.dtype().to_string());
                return Err(TensorsError::Unsupported { path: path.to_owned(), tensor, dtype });
            };
            let tensor = Tensor::new(view.shape().to_vec(), data)
                .ok_or_else(|| malformed(format!("tensor `{name}` is cut short")))?;
            tensors.insert(name, tensor);
        }
        Ok(tensors)
    }

    /// The bytes of a file, the same for the same tensors.
    ///
    /// # Errors
    /// Why the format cannot hold them, in words.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        // What makes them aborts where there is no memory.
        let size = self.iter().map(|(_, tensor)| tensor.data().size()).sum();
        memory::room(size, "a file of tensors").map_err(|error| error.to_string())?;
        // Some readers ask for this entry. One alone keeps the bytes of a file the same on every run.
        let metadata = [("format".to_owned(), "pt".to_owned())].into();
        safetensors::serialize(self.iter(), Some(metadata)).map_err(|error| error.to_string())
    }

    /// Writes a file: aside, synced, renamed. Links are followed; what is no file, such as a pipe, is written to as it is.
    ///
    /// # Errors
    /// What the system says, such as that the disk is full; then the file that was there is untouched.
    pub fn write(&self, path: &Path) -> Result<(), TensorsError> {
        let failed = |source| TensorsError::Write { path: path.to_owned(), source };
        let bytes = self.to_bytes().map_err(|reason| failed(io::Error::other(reason)))?;
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&target).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return fs::write(&target, bytes).map_err(failed);
        }
        let path = target.as_path();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let mut aside = aside(folder).map_err(failed)?;
        aside.write_all(&bytes).map_err(failed)?;
        aside.as_file().sync_all().map_err(failed)?;
        aside.persist(path).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)
    }
}

/// Reads one file into memory.
pub(super) fn read(path: &Path) -> Result<Tensors, TensorsError> {
    let failed = |source| TensorsError::Read { path: path.to_owned(), source };
    let (mut file, bytes) = files::open(path).map_err(failed)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(failed)?;
    let another = |reason| TensorsError::Another { path: path.to_owned(), reason };
    match kind(&head) {
        Kind::Tensors => {}
        Kind::Pointer => {
            return Err(another(
                "is a pointer of git-LFS, and not the file that it stands for: `git lfs pull` fetches that".to_owned(),
            ));
        }
        Kind::Pickle => return Err(another(pickle(path))),
    }
    // The file says first how long its header is. Where that cannot be, the rest is not read: it may be of any size.
    if let Ok(header) = head.as_slice().try_into().map(u64::from_le_bytes)
        && !(2..=bytes.saturating_sub(HEAD)).contains(&header)
    {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let reason = in_words(&SafeTensorError::InvalidHeaderLength, length);
        return Err(TensorsError::Malformed { path: path.to_owned(), reason });
    }
    Tensors::from_bytes(path, &files::rest(file, bytes, head).map_err(failed)?)
}

/// What a file is by its first bytes.
enum Kind {
    /// Tensors, as far as can be seen.
    Tensors,
    /// What git has in place of a large file.
    Pointer,
    /// What `torch.save` writes: an archive, or in old files a pickle.
    Pickle,
}

fn kind(head: &[u8]) -> Kind {
    if head == b"version " {
        Kind::Pointer
    } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"\x80\x02\x8a\x0a") {
        Kind::Pickle
    } else {
        Kind::Tensors
    }
}

/// What to do with a file of `torch.save`. Reading it would be to run what it says, or a reader of its own for a format that is
/// going away.
fn pickle(path: &Path) -> String {
    let (from, to) = (path.display(), path.with_extension("safetensors"));
    format!(
        "is a file of `torch.save`, which may run any program when it is read. Where PyTorch is, this line makes a \
         .safetensors file of it:\n  python -c \"import torch; from safetensors.torch import save_file; s = \
         torch.load('{from}', map_location='cpu', weights_only=True); s = s.get('state_dict', s.get('model', s)); \
         save_file({{k: v.contiguous().clone() for k, v in s.items() if torch.is_tensor(v)}}, '{}')\"",
        to.display()
    )
}

/// A new file in the folder, with the permissions that any new file has.
fn aside(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Makes the renaming last, where folders can be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self.data {
            TensorData::F32(_) => Dtype::F32,
            TensorData::F64(_) => Dtype::F64,
            TensorData::F16(_) => Dtype::F16,
            TensorData::Bf16(_) => Dtype::BF16,
            TensorData::I64(_) => Dtype::I64,
            TensorData::I32(_) => Dtype::I32,
            TensorData::U32(_) => Dtype::U32,
            TensorData::U8(_) => Dtype::U8,
            TensorData::Bool(_) => Dtype::BOOL,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.bytes()
    }

    fn data_len(&self) -> usize {
        self.data.len() * self.dtype().bitsize() / 8
    }
}

/// The numbers of a tensor; `None` for types not known here.
fn decode(dtype: Dtype, bytes: &[u8]) -> Option<TensorData> {
    // Not a `match`: the format's list of types is open.
    Some(if dtype == Dtype::F32 {
        TensorData::F32(numbers(bytes, f32::from_le_bytes))
    } else if dtype == Dtype::F64 {
        TensorData::F64(numbers(bytes, f64::from_le_bytes))
    } else if dtype == Dtype::F16 {
        TensorData::F16(numbers(bytes, u16::from_le_bytes))
    } else if dtype == Dtype::BF16 {
        TensorData::Bf16(numbers(bytes, u16::from_le_bytes))
    } else if dtype == Dtype::I64 {
        TensorData::I64(numbers(bytes, i64::from_le_bytes))
    } else if dtype == Dtype::I32 {
        TensorData::I32(numbers(bytes, i32::from_le_bytes))
    } else if dtype == Dtype::U32 {
        TensorData::U32(numbers(bytes, u32::from_le_bytes))
    } else if dtype == Dtype::U8 {
        TensorData::U8(bytes.to_vec())
    } else if dtype == Dtype::BOOL {
        TensorData::Bool(bytes.to_vec())
    } else {
        return None;
    })
}

/// What the reader of the format complains of, for somebody who only knows the file.
fn in_words(error: &SafeTensorError, length: usize) -> String {
    if matches!(error, SafeTensorError::HeaderTooSmall) {
        format!("it has only {length} bytes")
    } else if matches!(error, SafeTensorError::HeaderTooLarge) {
        "its header claims an absurd length; is it another kind of file?".to_owned()
    } else if matches!(error, SafeTensorError::InvalidHeaderLength) {
        format!(
            "its header would be longer than the file of {length} bytes: it is cut short, or another kind of file"
        )
    } else if matches!(error, SafeTensorError::MetadataIncompleteBuffer) {
        format!(
            "its {length} bytes are not as many as its header speaks of: it is cut short, or was overwritten"
        )
    } else {
        error.to_string()
    }
}
