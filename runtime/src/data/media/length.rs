//! Whether a file is as long as it says.
//!
//! In: a file that `ffmpeg` decodes. Out: an error where its container says that it goes on behind the end of the file.
//! `ffmpeg` gives what there is of such a file, so that its last frame would be held, and its sound be silent, for all that is
//! missing. What is written as it comes, into a pipe or by a program that was stopped, says no length, and is as long as
//! it is. Deliberately not here: formats that never say one, and damage within.

use std::fs::File;

use super::Trouble;
use crate::data::files::{patiently, read_at};

/// Boxes of MPEG-4 and `QuickTime` files that hold what is decoded. What has another name may be anything behind the end.
const BOXES: [&[u8]; 9] =
    [b"ftyp", b"moov", b"mdat", b"moof", b"meta", b"free", b"skip", b"wide", b"styp"];
/// A chunk may have its last byte, which fills it up to an even number, only in what it says.
const FILLED: u64 = 1;
const MATROSKA: &[u8] = b"\x1a\x45\xdf\xa3";
const SEGMENT: &[u8] = b"\x18\x53\x80\x67";
const WAVE_64: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";

/// A file, read here and there.
struct Places<'a> {
    file: &'a File,
    length: u64,
}

impl Places<'_> {
    /// Bytes at a place; `None` where the file has ended.
    fn at<const N: usize>(&self, place: u64) -> Result<Option<[u8; N]>, Trouble> {
        let mut bytes = [0; N];
        let read = read_at(self.file, place, &mut bytes)?;
        Ok((read == N).then_some(bytes))
    }
}

/// Refuses a file that is shorter than it says.
pub(super) fn check(file: &File) -> Result<(), Trouble> {
    let length = patiently(|| file.metadata())?.len();
    let places = Places { file, length };
    let Some(head) = places.at::<16>(0)? else { return Ok(()) };
    let said = match &head {
        head if head.starts_with(MATROSKA) => matroska(&places)?,
        head if head.starts_with(b"RIFF") && head[8..].starts_with(b"AVI ") => riff(&places)?,
        head if head.starts_with(b"caff") => caf(&places)?,
        head if head.starts_with(b".snd") => {
            let [offset, size] = [4, 8].map(|at| number(&head[at..at + 4]));
            Some(offset + size).filter(|_| ![0, u64::from(u32::MAX)].contains(&size))
        }
        head if head.starts_with(WAVE_64) => {
            let size = places.at::<8>(16)?.map(u64::from_le_bytes);
            size.filter(|size| ![0, u64::MAX].contains(size))
        }
        head if BOXES.contains(&&head[4..8]) => boxes(&places)?,
        _ => None,
    };
    match said {
        Some(said) if said > length => Err(Trouble::Why(format!(
            "cut short: it says that it has {said} bytes, and has {length}"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// A number of big-endian bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Where the boxes end that are known.
fn boxes(places: &Places<'_>) -> Result<Option<u64>, Trouble> {
    let mut place = 0_u64;
    while let Some(head) = places.at::<8>(place)? {
        let size = match number(&head[..4]) {
            1 => places.at::<8>(place + 8)?.map(u64::from_be_bytes),
            size => Some(size),
        };
        // Zero goes on to the end; less than its own head is no box.
        let Some(size) = size.filter(|size| *size >= 8) else { break };
        let end = place.saturating_add(size);
        if end > places.length {
            return Ok(Some(end).filter(|_| BOXES.contains(&&head[4..])));
        }
        place = end;
    }
    Ok(None)
}

/// Where the segment ends: what comes behind the head, whose sizes are written in as many bytes as their first bits say.
fn matroska(places: &Places<'_>) -> Result<Option<u64>, Trouble> {
    let size = |place: u64| -> Result<Option<(u64, u64)>, Trouble> {
        let Some(bytes) = places.at::<8>(place)? else { return Ok(None) };
        let count = bytes[0].leading_zeros() as usize + 1;
        let Some(bytes) = bytes.get(..count) else { return Ok(None) };
        let bits = (1_u64 << (7 * count)) - 1;
        let size = number(bytes) & bits;
        Ok((size != bits).then_some((size, place + count as u64)))
    };
    let Some((head, begin)) = size(4)? else { return Ok(None) };
    let segment = begin.saturating_add(head);
    if places.at::<4>(segment)?.is_none_or(|name| name != SEGMENT) {
        return Ok(None);
    }
    Ok(size(segment + 4)?.map(|(size, begin)| begin.saturating_add(size)))
}

/// Where the lists of an AVI file end; large ones have several.
fn riff(places: &Places<'_>) -> Result<Option<u64>, Trouble> {
    let mut place = 0_u64;
    while let Some(head) = places.at::<8>(place)? {
        let size = number(&[head[7], head[6], head[5], head[4]]);
        if !head.starts_with(b"RIFF") || [0, u64::from(u32::MAX)].contains(&size) {
            break;
        }
        let end = place + 8 + size;
        if end > places.length + FILLED {
            return Ok(Some(end));
        }
        place = end + size % 2;
    }
    Ok(None)
}

/// Where the chunks of a CAF file end; the last may say that it goes on to the end.
fn caf(places: &Places<'_>) -> Result<Option<u64>, Trouble> {
    let mut place = 8_u64;
    while let Some(head) = places.at::<12>(place)? {
        let size = number(&head[4..]);
        if size == u64::MAX {
            break;
        }
        place = place.saturating_add(12).saturating_add(size);
        if place > places.length {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn found(parts: &[&[u8]]) -> Result<(), Trouble> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&parts.concat()).unwrap();
        check(&file)
    }

    #[test]
    fn what_says_more_than_there_is_is_cut_short() {
        let ten = &[7; 10][..];
        let long = b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x1a";
        let head = b"\x1a\x45\xdf\xa3\x83abc";
        let wave = [WAVE_64, b"\x22\0\0\0\0\0\0\0"].concat();
        let caf = b"caff\0\x01\0\0data\0\0\0\0\0\0\0\x0a";
        let sound = b".snd\0\0\0\x10\0\0\0\x0a\0\0\0\x01";
        // Each is whole with ten bytes, and one too short with nine.
        for parts in [
            &[&b"\0\0\0\x10ftypisom\0\0\0\0"[..], b"\0\0\0\x12mdat"][..],
            &[b"\0\0\0\x10ftypisom\0\0\0\0", long],
            &[head, b"\x18\x53\x80\x67\x8a"],
            &[head, b"\x18\x53\x80\x67\x01\0\0\0\0\0\0\x0a"],
            &[caf],
            &[sound],
            &[&wave],
        ] {
            let parts = parts.concat();
            assert_eq!(found(&[&parts, ten]), Ok(()), "{parts:?}");
            let Err(Trouble::Why(why)) = found(&[&parts, &ten[1..]]) else {
                panic!("{parts:?} has a byte too few");
            };
            assert!(why.starts_with("cut short"), "{why}");
        }
        // The last byte of a chunk may be missing where it only fills it up.
        let list = b"RIFF\x0e\0\0\0AVI ";
        assert_eq!(found(&[list, &ten[1..]]), Ok(()));
        assert!(found(&[list, &ten[2..]]).is_err());
        assert!(found(&[b"RIFF\x0c\0\0\0AVI ", &ten[2..], b"RIFF\x20\0\0\0AVIX", ten]).is_err());
    }

    #[test]
    fn what_says_no_length_is_as_long_as_it_is() {
        let head = b"\x1a\x45\xdf\xa3\x83abc\x18\x53\x80\x67";
        for parts in [
            &[&b"\0\0\0\x08ftyp\0\0\0\0mdat"[..], b"1234567"][..],
            // What no program wrote as a box.
            &[b"\0\0\0\x08ftyp\0\0\0\x08mdat", b"\x7f\xff\xff\xffSEFT", b"1234567"],
            &[b"\0\0\0\x08ftyp\0\0\0\x08mdat", b"123"],
            &[head, b"\xff", b"123456789"],
            &[head, b"\x01\xff\xff\xff\xff\xff\xff\xff", b"123"],
            &[b"RIFF\0\0\0\0AVI ", b"LIST"],
            &[b"caff\0\x01\0\0data\xff\xff\xff\xff\xff\xff\xff\xff", b"1234"],
            &[b".snd\0\0\0\x18\xff\xff\xff\xff\0\0\0\x01", b"12345678"],
            &[WAVE_64, b"\xff\xff\xff\xff\xff\xff\xff\xff", b"1234"],
            &[b"OggS", b"whatever there may be"],
            &[b"", b""],
        ] {
            assert_eq!(found(parts), Ok(()), "{parts:?}");
        }
    }
}
