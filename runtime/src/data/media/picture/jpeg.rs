//! Whether a JPEG file holds all of its picture.
//!
//! In: the bytes of a file. Out: nothing, or what is missing. Decoders of pictures show what there is: where data ends too
//! soon or makes no sense they fill in gray, or go on with what they take for color, and say nothing. So all codes are read
//! before (ITU-T T.81, annexes F and G), without making a picture of them: every scan must have all its blocks and its
//! restart markers, no code may be one that its table lacks, no block brighter than white, nothing may be left over, and the
//! end of the picture must be there. What comes after the end does not matter. Damage that happens to leave as many blocks
//! as there were cannot be told from a picture. Deliberately not here: pixels.

mod codes;

use super::MAX_SIDE;
use crate::data::error::Why;
use codes::{Bits, Level, Table};

/// Bytes that some writers leave between the last block and the next marker; zeros are not counted.
const MAX_LEFT_OVER: usize = 3;

/// A scan can say much in a few bytes.
const MAX_SCANS: usize = 100;

const RESTART: u8 = 0xd0;
const END: u8 = 0xd9;

/// Something in one color, at its own resolution.
struct Component {
    name: u8,
    /// Blocks in a unit of all components, along each axis.
    across: usize,
    down: usize,
    /// Blocks that hold the picture.
    columns: usize,
    rows: usize,
    /// Blocks of a row with those that fill up the last unit.
    stride: usize,
    /// The number of its table of steps.
    steps: usize,
    level: Level,
    is_seen: bool,
    /// In progressive files: the coefficients of each block that are not zero so far.
    known: Vec<u64>,
}

struct Frame {
    is_progressive: bool,
    /// Units of all components.
    across: usize,
    down: usize,
    components: Vec<Component>,
}

/// What a scan has of each block.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    /// Whether it makes coefficients finer that scans before began.
    is_finer: bool,
    /// How many bits of a coefficient come later.
    low: u32,
}

/// A file, as far as it is read.
struct File<'a> {
    bytes: &'a [u8],
    at: usize,
    /// By class (0 for the first coefficient, 1 for the others) and number.
    tables: [[Option<Table>; 4]; 2],
    /// By number: the step of the first coefficient.
    steps: [Option<u16>; 4],
    /// Units between restart markers; 0 for none.
    interval: usize,
    frame: Option<Frame>,
    n_scans: usize,
}

/// Holds a file to what it says of itself.
pub(super) fn check(bytes: &[u8]) -> Result<(), Why> {
    let tables = [const { [const { None }; 4] }; 2];
    let mut file =
        File { bytes, at: 2, tables, steps: [None; 4], interval: 0, frame: None, n_scans: 0 };
    loop {
        match file.marker()? {
            END => break,
            0x01 | RESTART..=0xd8 => {}
            0xc4 => file.read_tables()?,
            marker @ 0xc0..=0xc2 => file.read_frame(marker == 0xc2)?,
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(
                    "a kind of JPEG that is not read: lossless, layered or arithmetic".to_owned()
                );
            }
            0xda => file.read_scan()?,
            0xdb => file.read_steps()?,
            0xdd => {
                let segment = file.segment()?;
                file.interval = usize::from(short(segment, 0)?);
            }
            _ => {
                file.segment()?;
            }
        }
    }
    let frame = file.frame.as_ref().ok_or("there is no picture in it")?;
    let is_whole = frame.components.iter().all(|component| component.is_seen);
    if is_whole { Ok(()) } else { Err("cut short: it ends before every color is there".to_owned()) }
}

fn cut_short() -> Why {
    "cut short: the end of the picture is missing".to_owned()
}

fn byte(segment: &[u8], at: usize) -> Result<u8, Why> {
    segment.get(at).copied().ok_or_else(|| "damaged: a segment is too short".to_owned())
}

fn short(segment: &[u8], at: usize) -> Result<u16, Why> {
    Ok(u16::from_be_bytes([byte(segment, at)?, byte(segment, at + 1)?]))
}

/// The two halves of a byte.
fn halves(byte: u8) -> (usize, usize) {
    (usize::from(byte >> 4), usize::from(byte & 15))
}

impl<'a> File<'a> {
    /// The next marker, whatever stands before it.
    fn marker(&mut self) -> Result<u8, Why> {
        let found = self.bytes.get(self.at..).and_then(|rest| {
            rest.windows(2).position(|two| two[0] == 0xff && !matches!(two[1], 0 | 0xff))
        });
        self.at += found.ok_or_else(cut_short)? + 2;
        Ok(self.bytes[self.at - 1])
    }

    /// What stands behind a marker.
    fn segment(&mut self) -> Result<&'a [u8], Why> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let length = usize::from(short(rest, 0).map_err(|_| cut_short())?);
        let segment = rest.get(2..length).ok_or_else(cut_short)?;
        self.at += length;
        Ok(segment)
    }

    fn read_tables(&mut self) -> Result<(), Why> {
        let mut rest = self.segment()?;
        while !rest.is_empty() {
            let (class, number) = halves(rest[0]);
            let (table, after) = Table::read(&rest[1..])?;
            let place = self.tables.get_mut(class).and_then(|tables| tables.get_mut(number));
            *place.ok_or("damaged: a table has no such number")? = Some(table);
            rest = after;
        }
        Ok(())
    }

    fn read_steps(&mut self) -> Result<(), Why> {
        let mut rest = self.segment()?;
        while !rest.is_empty() {
            let (is_wide, number) = halves(rest[0]);
            let first = if is_wide == 0 { byte(rest, 1)?.into() } else { short(rest, 1)? };
            let place = self.steps.get_mut(number).ok_or("damaged: a table has no such number")?;
            *place = Some(first);
            rest = rest.get(if is_wide == 0 { 65 } else { 129 }..).unwrap_or(&[]);
        }
        Ok(())
    }

    fn read_frame(&mut self, is_progressive: bool) -> Result<(), Why> {
        let segment = self.segment()?;
        if self.frame.is_some() {
            return Err("damaged: two pictures in one".to_owned());
        }
        let (height, width) = (usize::from(short(segment, 1)?), usize::from(short(segment, 3)?));
        let n = usize::from(byte(segment, 5)?);
        let mut samplings = Vec::new();
        for at in 0..n {
            let (across, down) = halves(byte(segment, 7 + 3 * at)?);
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return Err("damaged: a color has an impossible resolution".to_owned());
            }
            let steps = usize::from(byte(segment, 8 + 3 * at)?);
            samplings.push((byte(segment, 6 + 3 * at)?, across, down, steps));
        }
        let most_across = samplings.iter().map(|(_, across, ..)| *across).max();
        let most_down = samplings.iter().map(|(_, _, down, _)| *down).max();
        let (Some(most_across), Some(most_down)) = (most_across, most_down) else {
            return Err("damaged: it has no colors".to_owned());
        };
        if height == 0 || width == 0 || n > 4 {
            return Err("damaged: it has no size".to_owned());
        }
        if height.max(width) > MAX_SIDE as usize {
            return Err(format!("more than {MAX_SIDE} pixels a side"));
        }
        let across_all = width.div_ceil(8 * most_across);
        let down_all = height.div_ceil(8 * most_down);
        let component = |(name, across, down, steps): (u8, usize, usize, usize)| {
            let stride = across_all * across;
            let blocks = if is_progressive { stride * down_all * down } else { 0 };
            Component {
                name,
                across,
                down,
                columns: (width * across).div_ceil(8 * most_across),
                rows: (height * down).div_ceil(8 * most_down),
                stride,
                steps,
                level: Level { now: 0, reach: 0 },
                is_seen: false,
                known: vec![0; blocks],
            }
        };
        let components = samplings.into_iter().map(component).collect();
        let frame = Frame { is_progressive, across: across_all, down: down_all, components };
        self.frame = Some(frame);
        Ok(())
    }

    fn read_scan(&mut self) -> Result<(), Why> {
        let segment = self.segment()?;
        self.n_scans += 1;
        if self.n_scans > MAX_SCANS {
            return Err(format!("more than {MAX_SCANS} scans"));
        }
        let frame = self.frame.as_mut().ok_or("damaged: data comes before its size")?;
        let n = usize::from(byte(segment, 0)?);
        let mut parts = Vec::new();
        for at in 0..n {
            let name = byte(segment, 1 + 2 * at)?;
            let (first, others) = halves(byte(segment, 2 + 2 * at)?);
            let index = frame.components.iter().position(|component| component.name == name);
            let index = index.ok_or("damaged: data of a color that it does not have")?;
            let of = |class: usize, number: usize| self.tables[class].get(number)?.as_ref();
            parts.push((index, of(0, first), of(1, others)));
        }
        let mut band = Band { first: 0, last: 63, is_finer: false, low: 0 };
        if frame.is_progressive {
            let (first, last) = (byte(segment, 1 + 2 * n)?, byte(segment, 2 + 2 * n)?);
            let (high, low) = halves(byte(segment, 3 + 2 * n)?);
            let (first, last, low) = (first.into(), last.into(), (low as u32).min(13));
            band = Band { first, last, is_finer: high > 0, low };
        }
        let is_possible = if frame.is_progressive && band.first == 0 {
            band.last == 0
        } else {
            band.first <= band.last && band.last < 64 && (!frame.is_progressive || n == 1)
        };
        if parts.is_empty() || !is_possible {
            return Err("damaged: data of an impossible kind".to_owned());
        }
        for (index, ..) in &parts {
            let component = &mut frame.components[*index];
            let step = self.steps.get(component.steps).copied().flatten();
            let step = i32::from(step.ok_or("damaged: a table is missing")?).max(1);
            // Eight times 128, and an eighth for encoders that go beyond white to make edges sharp.
            component.level = Level { now: 0, reach: ((1152 / step + 1) >> band.low) + 1 };
        }
        let mut bits = Bits::new(self.bytes, self.at);
        scan(frame, &parts, band, self.interval, &mut bits)?;
        for (index, ..) in &parts {
            frame.components[*index].is_seen |= band.first == 0;
        }
        self.at = bits.at();
        Ok(())
    }
}

type Part<'a> = (usize, Option<&'a Table>, Option<&'a Table>);

/// All blocks of a scan, unit by unit.
fn scan(
    frame: &mut Frame,
    parts: &[Part<'_>],
    band: Band,
    interval: usize,
    bits: &mut Bits<'_>,
) -> Result<(), Why> {
    // Of one component, a unit is one block; of several, what covers the same part of the picture.
    let alone = if let [(index, ..)] = parts { Some(&frame.components[*index]) } else { None };
    let (across, down) = alone.map_or((frame.across, frame.down), |one| (one.columns, one.rows));
    let is_alone = alone.is_some();
    let mut run = 0;
    for unit in 0..across * down {
        if interval > 0 && unit > 0 && unit % interval == 0 {
            left_over(bits)?;
            let number = (unit / interval - 1) % 8;
            if !bits.restart(RESTART + u8::try_from(number).expect("below 8")) {
                return Err(format!("damaged: restart marker {number} is missing"));
            }
            run = 0;
            for (index, ..) in parts {
                frame.components[*index].level.now = 0;
            }
        }
        let (row, column) = (unit / across, unit % across);
        for (index, first, others) in parts {
            let component = &mut frame.components[*index];
            let (high, wide) = if is_alone { (1, 1) } else { (component.down, component.across) };
            for block in 0..high * wide {
                let place =
                    (row * high + block / wide) * component.stride + column * wide + block % wide;
                let read = if frame.is_progressive {
                    let known = component.known.get_mut(place);
                    let known = known.ok_or("damaged: data beside the picture")?;
                    let block = (known, &mut component.level);
                    codes::progressive(bits, *first, *others, band, block, &mut run)
                } else {
                    codes::baseline(bits, *first, *others, &mut component.level)
                };
                read?;
            }
        }
        if bits.is_exhausted() {
            return Err(format!("cut short: the data ends in row {} of {down}", row + 1));
        }
    }
    left_over(bits)
}

/// Nothing but what fills up the last byte may stand before the next marker.
fn left_over(bits: &mut Bits<'_>) -> Result<(), Why> {
    let n = bits.left_over();
    if n <= MAX_LEFT_OVER {
        return Ok(());
    }
    Err(format!("damaged: {n} bytes are left over behind the last block"))
}

#[cfg(test)]
mod tests;
