//! Events for `TensorBoard`: numbers by step, in its own file format.
//!
//! In: named numbers. Out: a file of records, each a protocol buffer `Event` between checksums, encoded by hand: a few fields are
//! all there is to it. Deliberately not here: pictures, graphs, histograms.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file of events.
#[derive(Debug)]
pub(super) struct Events(File);

impl Events {
    /// A new file in a folder. What earlier files say of the step and later ones is void.
    pub(super) fn begin(folder: &Path, step: u64) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("events.out.tfevents.{}.{:09}.zorro", now.as_secs(), now.subsec_nanos());
        let mut events = Self(File::create_new(folder.join(name))?);
        events.record(0, &bytes_field(3, b"brain.Event:2"))?;
        // `session_log { status: START }`: readers then forget later steps.
        events.record(step, &bytes_field(7, &[0x08, 0x01]))?;
        Ok(events)
    }

    /// Numbers of a step.
    pub(super) fn write(&mut self, step: u64, numbers: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (name, number) in numbers {
            let mut value = bytes_field(1, name.as_bytes());
            value.push(0x15); // field 2, four bytes
            #[expect(clippy::cast_possible_truncation, reason = "the format's numbers are single")]
            value.extend((*number as f32).to_le_bytes());
            summary.extend(bytes_field(1, &value));
        }
        self.record(step, &bytes_field(5, &summary))
    }

    fn record(&mut self, step: u64, what: &[u8]) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut event = vec![0x09]; // field 1, eight bytes
        event.extend(now.as_secs_f64().to_le_bytes());
        event.push(0x10); // field 2, a varint
        varint(&mut event, step);
        event.extend(what);
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc(&length).to_le_bytes());
        let sum = masked_crc(&event);
        record.extend(event);
        record.extend(sum.to_le_bytes());
        self.0.write_all(&record)
    }
}

fn bytes_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(&mut field, bytes.len() as u64);
    field.extend(bytes);
    field
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

/// CRC-32C, masked as the format wants it.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::{masked_crc, varint};

    #[test]
    fn known_answers() {
        // CRC-32C of "123456789" is 0xe3069283.
        let unmasked = masked_crc(b"123456789").wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked, 0xe306_9283);
        let mut bytes = Vec::new();
        varint(&mut bytes, 300);
        assert_eq!(bytes, [0xac, 0x02]);
    }
}
