//! The codes of one block of a JPEG file.
//!
//! In: bits and tables. Out: that they are codes, and which coefficients they make other than zero. Deliberately not here:
//! which block it is, and what the coefficients are.

use super::Band;
use crate::data::error::Why;

/// How many bits are looked up at once.
const AT_ONCE: u32 = 9;

/// A Huffman table.
pub(super) struct Table {
    /// By the next bits: the length of the code, then its symbol; 0 for longer codes.
    near: Box<[u16; 1 << AT_ONCE]>,
    /// By length: the first 16 bits that are too much for a code of it, and what has to be added to find its symbol.
    ends: [u32; 17],
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

/// The bits of a scan up to the next marker; zeros after it, so that nobody has to look at every bit.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The last bits are the next ones to be read.
    buffer: u64,
    left: u32,
    /// How many of these are not in the file.
    made_up: u32,
}

/// What is wrong with a block; small, because it is asked for at every code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    NoTable,
    NoCode,
    TooMany,
    TooFar,
}

/// The mean of the blocks of a color so far, in the steps of its table, and how far from gray it can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) now: i32,
    pub(super) reach: i32,
}

impl From<Damage> for Why {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::NoTable => "damaged: a table is missing",
            Damage::NoCode => "damaged: a code that its table lacks",
            Damage::TooMany => "damaged: a block of more than 64 numbers",
            Damage::TooFar => "damaged: brighter than white or darker than black",
        }
        .to_owned()
    }
}

impl Table {
    /// A table, and what comes after it.
    pub(super) fn read(segment: &[u8]) -> Result<(Self, &[u8]), Why> {
        let (counts, rest) =
            segment.split_first_chunk::<16>().ok_or("damaged: a table is too short")?;
        let n = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(n).ok_or("damaged: a table is too short")?;
        let mut near = Box::new([0; 1 << AT_ONCE]);
        let (mut ends, mut offsets) = ([0; 17], [0; 17]);
        let (mut code, mut index) = (0_u32, 0_usize);
        for length in 1..=16_u32 {
            let count = usize::from(counts[length as usize - 1]);
            offsets[length as usize] = index as i32 - code as i32;
            for symbol in &symbols[index..index + count] {
                if code >> length != 0 {
                    return Err("damaged: a table has too many codes".to_owned());
                }
                if length <= AT_ONCE {
                    let first = (code << (AT_ONCE - length)) as usize;
                    let entry = (length as u16) << 8 | u16::from(*symbol);
                    near[first..first + (1 << (AT_ONCE - length))].fill(entry);
                }
                code += 1;
            }
            index += count;
            ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok((Self { near, ends, offsets, symbols: symbols.to_vec() }, rest))
    }
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, left: 0, made_up: 0 }
    }

    /// The place of the next marker, once all bits have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether more bits were read than there are.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left < self.made_up
    }

    /// At least 32 bits: a code and what belongs to it.
    #[inline]
    fn fill(&mut self) {
        if self.left >= 32 {
            return;
        }
        if let Some(four) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<4>)
            && !four.contains(&0xff)
        {
            self.buffer = self.buffer << 32 | u64::from(u32::from_be_bytes(*four));
            self.left += 32;
            self.at += 4;
            return;
        }
        self.fill_slowly();
    }

    /// Byte by byte, where one of them may be a marker's, or the last.
    fn fill_slowly(&mut self) {
        while self.left < 32 {
            let (byte, taken, made_up) = match self.bytes.get(self.at..) {
                Some([0xff, 0, ..]) => (0xff, 2, 0),
                Some([0xff, ..] | []) | None => (0, 0, 8),
                Some([byte, ..]) => (*byte, 1, 0),
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.left += 8;
            self.at += taken;
            self.made_up += made_up;
        }
    }

    /// Passes over up to 16 bits, of those that are there after `fill`.
    #[inline]
    fn skip(&mut self, n: u32) {
        self.left -= n;
    }

    /// Up to 16 bits, likewise.
    fn take(&mut self, n: u32) -> u32 {
        self.left -= n;
        (self.buffer >> self.left) as u32 & ((1 << n) - 1)
    }

    /// The first coefficient of a block: its difference to the one before.
    #[inline]
    fn first(&mut self, table: &Table, level: &mut Level) -> Result<(), Damage> {
        let size = u32::from(self.symbol(table)? & 15);
        let value = self.take(size) as i32;
        let is_below = size > 0 && value >> (size - 1) == 0;
        level.now += if is_below { value + 1 - (1 << size) } else { value };
        if level.now.abs() > level.reach { Err(Damage::TooFar) } else { Ok(()) }
    }

    #[inline]
    fn symbol(&mut self, table: &Table) -> Result<u8, Damage> {
        self.fill();
        let next = (self.buffer >> (self.left - 16)) as u32 & 0xffff;
        let near = table.near[(next >> (16 - AT_ONCE)) as usize];
        if near != 0 {
            self.left -= u32::from(near >> 8);
            return Ok(near.to_be_bytes()[1]);
        }
        self.far(table, next)
    }

    /// A code that is longer than what is looked up at once.
    #[cold]
    fn far(&mut self, table: &Table, next: u32) -> Result<u8, Damage> {
        let mut lengths = AT_ONCE as usize + 1..=16;
        let length = lengths.find(|length| next < table.ends[*length]).ok_or(Damage::NoCode)?;
        let code = next >> (16 - length);
        let index = usize::try_from(code as i32 + table.offsets[length]);
        let symbol = index.ok().and_then(|index| table.symbols.get(index));
        self.left -= length as u32;
        symbol.copied().ok_or(Damage::NoCode)
    }

    /// Leaves all bits up to the next marker; how many whole bytes that is, those of value 0 aside.
    pub(super) fn left_over(&mut self) -> usize {
        self.left -= self.left % 8;
        let mut n = 0;
        while self.left != self.made_up || self.made_up == 0 {
            self.fill();
            if self.left > self.made_up {
                n += usize::from(self.take(8) != 0);
            }
        }
        n
    }

    /// Goes on behind a marker, if it is the next one.
    pub(super) fn restart(&mut self, wanted: u8) -> bool {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        if fill == 0 || rest.get(fill) != Some(&wanted) {
            return false;
        }
        *self = Self::new(self.bytes, self.at + fill + 1);
        true
    }
}

/// A block of a file that has each block in one piece.
#[inline]
pub(super) fn baseline(
    bits: &mut Bits<'_>,
    first: Option<&Table>,
    others: Option<&Table>,
    level: &mut Level,
) -> Result<(), Damage> {
    let (first, others) = first.zip(others).ok_or(Damage::NoTable)?;
    bits.first(first, level)?;
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol(others)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if zeros < 15 {
                return Ok(());
            }
            at += 16;
        } else {
            at += zeros + 1;
            bits.skip(size);
        }
    }
    if at > 64 { Err(Damage::TooMany) } else { Ok(()) }
}

/// What a scan of a progressive file has of a block. `run` is how many blocks have nothing more in it.
pub(super) fn progressive(
    bits: &mut Bits<'_>,
    first: Option<&Table>,
    others: Option<&Table>,
    band: Band,
    block: (&mut u64, &mut Level),
    run: &mut u32,
) -> Result<(), Damage> {
    let (known, level) = block;
    match (band.first, band.is_finer) {
        (0, false) => bits.first(first.ok_or(Damage::NoTable)?, level),
        (0, true) => {
            bits.fill();
            bits.skip(1);
            Ok(())
        }
        (_, false) => coarse(bits, others.ok_or(Damage::NoTable)?, band, known, run),
        (_, true) => finer(bits, others.ok_or(Damage::NoTable)?, band, known, run),
    }
}

/// Coefficients that begin (figure G.3).
fn coarse(
    bits: &mut Bits<'_>,
    table: &Table,
    band: Band,
    known: &mut u64,
    run: &mut u32,
) -> Result<(), Damage> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut at = band.first;
    while at <= band.last {
        let symbol = bits.symbol(table)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && zeros < 15 {
            // This block and so many after it.
            *run = (1 << zeros) - 1 + bits.take(u32::from(symbol >> 4));
            return Ok(());
        }
        at += zeros;
        if size > 0 && at <= band.last {
            *known |= 1 << at;
            bits.skip(size);
        }
        at += 1;
    }
    if at > band.last + 1 { Err(Damage::TooMany) } else { Ok(()) }
}

/// Coefficients that get a bit more, and those that begin with it (figure G.7).
fn finer(
    bits: &mut Bits<'_>,
    table: &Table,
    band: Band,
    known: &mut u64,
    run: &mut u32,
) -> Result<(), Damage> {
    let mut at = band.first;
    let before = *known;
    // A bit for each that is not zero, up to and without a place.
    let more = |bits: &mut Bits<'_>, at: usize| {
        bits.fill();
        bits.skip(u32::from(before >> at & 1 == 1));
    };
    while *run == 0 && at <= band.last {
        let symbol = bits.symbol(table)?;
        let (mut zeros, size) = (symbol >> 4, symbol & 15);
        if size == 0 && zeros < 15 {
            *run = (1 << zeros) + bits.take(u32::from(zeros));
            break;
        }
        if size > 0 {
            bits.skip(1);
        }
        // Zeros are passed over until the one that begins.
        while at <= band.last && (before >> at & 1 == 1 || zeros > 0) {
            if before >> at & 1 == 0 {
                zeros -= 1;
            }
            more(bits, at);
            at += 1;
        }
        if at > band.last {
            return if size > 0 || zeros > 0 { Err(Damage::TooMany) } else { Ok(()) };
        }
        if size > 0 {
            *known |= 1 << at;
        }
        at += 1;
    }
    if *run > 0 {
        for at in at..=band.last {
            more(bits, at);
        }
        *run -= 1;
    }
    Ok(())
}
