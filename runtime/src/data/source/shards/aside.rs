//! Compressed shards: unpacked once, into files without a name that end with the process.
//!
//! In: gzip or zstd files. Out: where in which file their bytes lie, as members of a compressed file cannot be sought. Each
//! thread fills a file of its own. Deliberately not here: what is in them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::data::error::Why;
use crate::data::files::{read_at, trouble};
use crate::data::media::Trouble;

/// All shards of a source may take so much unpacked: it is done again by every run, so more is better done once and for all.
const MAX_UNPACKED: u64 = 64 << 30;
/// Windows of zstd beyond take too much memory.
const MAX_WINDOW: u64 = 256 << 20;
const CHUNK: usize = 1 << 20;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

/// A shard that was unpacked.
#[derive(Debug, Clone)]
pub(super) struct Unpacked {
    pub(super) file: Arc<File>,
    pub(super) base: u64,
    pub(super) length: u64,
}

/// Files that are being filled.
#[derive(Debug)]
pub(super) struct Spools<'a> {
    idle: Mutex<Vec<(Arc<File>, u64)>>,
    taken: AtomicU64,
    stop: &'a AtomicBool,
}

/// How a file is compressed; none where it is not. What is compressed in ways that are not read, or no tar file for another
/// reason that is known, says what to do.
pub(super) fn packing(file: &File) -> Result<Option<Packing>, Trouble> {
    let mut head = [0; 8];
    let n = read_at(file, 0, &mut head)?;
    let head = &head[..n];
    let told = |why: &str| Err(Trouble::Why(why.to_owned()));
    match head {
        [0x1f, 0x8b, ..] => Ok(Some(Packing::Gzip)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Ok(Some(Packing::Zstd))
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            told("a zip file, not a tar file: unpack it (`unzip`) and pack it anew (`tar cf`)")
        }
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
            told("compressed by bzip2, which is not read: unpack it (`bunzip2`)")
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            told("compressed by xz, which is not read: unpack it (`unxz`)")
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => {
            told("compressed by lz4, which is not read: unpack it (`unlz4`)")
        }
        [b'7', b'z', 0xbc, 0xaf, ..] | [b'R', b'a', b'r', b'!', ..] => {
            told("not a tar file: unpack it and pack it anew (`tar cf`)")
        }
        _ => Ok(None),
    }
}

impl<'a> Spools<'a> {
    pub(super) fn new(stop: &'a AtomicBool) -> Self {
        Self { idle: Mutex::default(), taken: AtomicU64::new(0), stop }
    }

    /// Whether somebody still wants to know what shards have; where nobody does, what was found is of no use.
    pub(super) fn go_on(&self) -> ControlFlow<()> {
        if self.stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Unpacks a file. Where it is damaged, what comes before the damage is kept.
    pub(super) fn unpack(
        &self,
        file: &File,
        packing: Packing,
    ) -> Result<(Unpacked, Option<Why>), Trouble> {
        let spool = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (spool, base) = match spool {
            Some(spool) => spool,
            None => (Arc::new(tempfile::tempfile().map_err(|error| no_room(&error))?), 0),
        };
        (&*spool).seek(SeekFrom::Start(base)).map_err(|error| no_room(&error))?;
        let reader = BufReader::with_capacity(CHUNK, file);
        let mut unpacking = Unpacking { spool: &spool, of: self, length: 0 };
        let wrong = match packing {
            Packing::Gzip => unpacking.copy(MultiGzDecoder::new(reader))?,
            Packing::Zstd => unpacking.frames(reader)?,
        };
        let length = unpacking.length;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((Arc::clone(&spool), base + length));
        Ok((Unpacked { file: spool, base, length }, wrong))
    }
}

/// A file that grows by what is unpacked.
struct Unpacking<'a> {
    spool: &'a File,
    of: &'a Spools<'a>,
    length: u64,
}

impl Unpacking<'_> {
    /// Writes all that a decoder gives, up to what is damaged.
    fn copy(&mut self, mut from: impl Read) -> Result<Option<Why>, Trouble> {
        let mut bytes = vec![0; CHUNK];
        loop {
            if self.of.go_on().is_break() {
                return Ok(None);
            }
            let n = match from.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return match trouble(&error) {
                        Trouble::Why(why) => Ok(Some(format!("it cannot be unpacked: {why}"))),
                        trouble @ (Trouble::Declared(_)
                        | Trouble::Machine(_)
                        | Trouble::NoDecoder(_)) => Err(trouble),
                    };
                }
            };
            if self.of.taken.fetch_add(n as u64, Ordering::Relaxed) + n as u64 > MAX_UNPACKED {
                let limit = MAX_UNPACKED >> 30;
                return Err(Trouble::Declared(format!(
                    "unpacked, the compressed shards of the source take more than {limit} GiB, at every start anew: unpack \
                     them once (`gunzip`, `unzstd`)"
                )));
            }
            self.spool.write_all(&bytes[..n]).map_err(|error| no_room(&error))?;
            self.length += n as u64;
        }
    }

    /// Writes what all frames of a zstd file hold; programs that work in parallel write several.
    fn frames(&mut self, mut from: impl BufRead) -> Result<Option<Why>, Trouble> {
        let damaged = |why: String| Ok(Some(format!("it cannot be unpacked: {why}")));
        while self.of.go_on().is_continue() {
            match from.fill_buf() {
                Ok([]) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(trouble(&error)),
            }
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(MAX_WINDOW);
            let mut frame = match StreamingDecoder::new_with_decoder(&mut from, decoder) {
                Ok(frame) => frame,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped =
                        io::copy(&mut (&mut from).take(u64::from(length)), &mut io::sink());
                    match skipped {
                        Ok(n) if n == u64::from(length) => continue,
                        Ok(_) => return damaged("cut short".to_owned()),
                        Err(error) => return Err(trouble(&error)),
                    }
                }
                Err(error) => return damaged(error.to_string()),
            };
            if let Some(why) = self.copy(&mut frame)? {
                return Ok(Some(why));
            }
            let decoder = frame.into_frame_decoder();
            let (said, found) =
                (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
            if said.is_some() && said != found {
                return damaged("its checksum is wrong".to_owned());
            }
        }
        Ok(None)
    }
}

fn no_room(error: &io::Error) -> Trouble {
    let folder = std::env::temp_dir();
    Trouble::Machine(format!(
        "cannot be unpacked into {}: {error}; let TMPDIR name a folder with more room, or unpack the shards once",
        folder.display()
    ))
}
