//! Wave files: where their samples lie, and how many there are.
//!
//! In: the bytes of a RIFF, RF64 or BW64 file. Out: the same samples behind a plain header that is right. A program that
//! writes into a pipe, or that is stopped, cannot go back and say how long the sound became: it leaves one of a few usual
//! sizes, and the samples go on to the end of the file. Any other size that the file does not have means that it was cut
//! short. The number of samples in a `fact` chunk is not taken: writers count otherwise than they should, and neither `ffmpeg`
//! nor libsndfile believe them. Deliberately not here: decoding.

use std::ops::RangeInclusive;

use crate::data::error::Why;

/// Sizes that stand for a size that was not known, besides 0: `arecord`, `sox` and others write what is near 2^31, as a limit
/// of theirs, `ffmpeg` and others 2^32 - 1, some less what the header takes. None that can be in a file that is read.
const UNKNOWN: [RangeInclusive<u64>; 4] = [
    0x7fff_0000..=0x8000_ffff,
    0xffff_0000..=0xffff_ffff,
    0x7fff_ffff_ffff_0000..=0x8000_0000_0000_ffff,
    0xffff_ffff_ffff_0000..=u64::MAX,
];

/// More channels than this are no sound.
const CHANNELS: RangeInclusive<u16> = 1..=64;
/// The format tags whose header is 16 bytes and nothing more.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The tag that stands for one further behind.
const EXTENSIBLE: u16 = 0xfffe;

/// A wave file that is read.
#[derive(Debug, PartialEq)]
pub(super) struct Wave<'a> {
    /// All that stands before the samples, with the sizes that there are.
    pub(super) header: Vec<u8>,
    pub(super) samples: &'a [u8],
}

/// A chunk: its name, where it begins and how large it says that it is.
struct Chunk {
    name: [u8; 4],
    start: usize,
    size: u64,
}

/// The samples of a wave file; `None` where it is none.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Wave<'_>>, Why> {
    let is_wave = bytes.get(8..12) == Some(b"WAVE");
    if !is_wave || ![b"RIFF", b"RF64", b"BW64"].iter().any(|name| bytes.starts_with(*name)) {
        return Ok(None);
    }
    let (mut format, mut wide) = (None, None);
    let mut at = 12;
    while let Some(chunk) = chunk(bytes, at) {
        let body = bytes.get(chunk.start..).unwrap_or(&[]);
        match &chunk.name {
            b"fmt " => {
                let size = usize::try_from(chunk.size).unwrap_or(usize::MAX);
                format = Some(plain(body.get(..size).ok_or("cut short within its header")?)?);
            }
            b"ds64" => wide = number::<8>(body, 8),
            b"data" => {
                let format = format.ok_or("no format stands before its samples")?;
                let size = if chunk.size == u64::from(u32::MAX) { wide } else { None };
                let samples = samples(bytes, &Chunk { size: size.unwrap_or(chunk.size), ..chunk })?;
                return Ok(Some(Wave { header: header(&format, samples.len()), samples }));
            }
            _ => {}
        }
        at = end(bytes, &chunk);
    }
    Err("cut short: its header ends before any sample".to_owned())
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + N)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn chunk(bytes: &[u8], at: usize) -> Option<Chunk> {
    let name = bytes.get(at..at + 4)?.try_into().expect("four bytes");
    Some(Chunk { name, start: at + 8, size: number::<4>(bytes, at + 4)? })
}

/// Where the next chunk begins. One of an odd size is followed by a byte that fills up; some writers leave it out.
fn end(bytes: &[u8], chunk: &Chunk) -> usize {
    let size = usize::try_from(chunk.size).unwrap_or(usize::MAX);
    let end = chunk.start.saturating_add(size);
    if size % 2 == 0 || is_name(bytes, end) { end } else { end.saturating_add(1) }
}

/// Whether the name of a chunk can stand here.
fn is_name(bytes: &[u8], at: usize) -> bool {
    let name = bytes.get(at..at.saturating_add(4));
    name.is_some_and(|name| name.iter().all(|byte| (b' '..=b'~').contains(byte)))
}

/// The bytes of the samples.
fn samples<'a>(bytes: &'a [u8], data: &Chunk) -> Result<&'a [u8], Why> {
    let (rest, declared) = (&bytes[data.start.min(bytes.len())..], data.size);
    let (file, riff) = (bytes.len() as u64, number::<4>(bytes, 4).unwrap_or(0) + 8);
    // No samples, and other chunks up to the end that the header knows: then it means 0.
    let is_empty = declared == 0 && riff == file && is_name(rest, 0);
    let is_unknown = UNKNOWN.iter().any(|sizes| sizes.contains(&declared));
    if is_unknown || declared == 0 && !is_empty {
        return Ok(rest);
    }
    let there = usize::try_from(declared).ok().and_then(|size| rest.get(..size));
    let Some(there) = there else {
        return Err(format!(
            "cut short: by its header {declared} bytes of samples, of which {} are there (only sizes that stand for an unknown one \
             are read to the end: 0, and those close to 2^31 or 2^32)",
            rest.len()
        ));
    };
    // Chunks may follow, or zeros that fill up.
    let next = end(bytes, data);
    let behind = bytes.get(next..).unwrap_or(&[]);
    let is_filled = behind.iter().all(|byte| *byte == 0);
    if riff == file && behind.len() >= 8 && !is_name(behind, 0) && !is_filled {
        return Err(format!(
            "its header contradicts itself: {declared} bytes of samples, behind which no chunk begins, in a file that is {file} \
             bytes long"
        ));
    }
    Ok(there)
}

fn tag(format: &[u8]) -> u16 {
    u16::from_le_bytes([format[0], format[1]])
}

/// A format without what says nothing more about samples: extensions, masks of channels, valid bits, which are the upper ones.
fn plain(format: &[u8]) -> Result<Vec<u8>, Why> {
    let short = || "cut short within its header".to_owned();
    let mut plain = format.get(..16).ok_or_else(short)?.to_vec();
    if tag(format) == EXTENSIBLE {
        plain[..2].copy_from_slice(format.get(24..26).ok_or_else(short)?);
    }
    let [channels, block] = [2, 12].map(|at| u16::from_le_bytes([plain[at], plain[at + 1]]));
    if !CHANNELS.contains(&channels) {
        return Err(format!("by its header a sound of {channels} channels"));
    }
    match tag(&plain) {
        PCM => {
            let bits = block.checked_div(channels).unwrap_or(0).saturating_mul(8);
            let said = u16::from_le_bytes([plain[14], plain[15]]);
            if said.div_ceil(8) * 8 == bits {
                plain[14..].copy_from_slice(&bits.to_le_bytes());
            }
        }
        FLOAT => {}
        A_LAW | MU_LAW => plain.extend([0, 0]),
        _ => return Ok(format.to_vec()),
    }
    Ok(plain)
}

fn header(format: &[u8], samples: usize) -> Vec<u8> {
    let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let mut header = Vec::with_capacity(28 + format.len());
    header.extend(b"RIFF");
    header.extend(size((20 + format.len()).saturating_add(samples)));
    header.extend(b"WAVEfmt ");
    header.extend(size(format.len()));
    header.extend(format);
    header.extend(b"data");
    header.extend(size(samples));
    header
}
