//! The text of a table.
//!
//! In: the bytes of a file, and its encoding where that is said. Out: a text, and whether it is known to be that. A mark at
//! the begin tells UTF-8 and UTF-16; anything else is UTF-8 unless it is said. Deliberately not here: guessing which of the
//! old encodings a file has; where a byte that is no UTF-8 matters, that is for the settings to say.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, WINDOWS_1252};

use super::rows::{Fault, n_lines};

/// What a file says.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    /// The first byte that is no UTF-8, where nothing says what it is. All characters beyond ASCII are doubtful then, and
    /// all others are right.
    pub(super) doubt: Option<Fault>,
}

/// The encoding of a name.
pub(super) fn encoding(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.as_bytes())
}

/// Reads the bytes of a file.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    said: Option<&'static Encoding>,
) -> Result<Text<'a>, Fault> {
    let marked = Encoding::for_bom(bytes);
    let body = &bytes[marked.map_or(0, |(_, length)| length)..];
    let (text, doubt) = match (marked.map(|(encoding, _)| encoding).or(said), str::from_utf8(body))
    {
        (None, Ok(text)) => (Cow::Borrowed(text), None),
        (None, Err(error)) => {
            // Whatever the encoding is, of those in use it has ASCII in common with this one.
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(body);
            (text, Some(doubt(body, error.valid_up_to())))
        }
        (Some(encoding), _) => (decoded(body, encoding)?, None),
    };
    if let Some(at) = text.find('\0') {
        let why =
            "it has a NUL character, which no table has; is it `encoding: utf-16le` or `utf-16be`?";
        return Err(Fault { line: 1 + n_lines(&text[..at]), why: why.to_owned() });
    }
    Ok(Text { text, doubt })
}

fn doubt(bytes: &[u8], at: usize) -> Fault {
    let before = str::from_utf8(&bytes[..at]).expect("valid up to there");
    let byte = bytes[at];
    let (meant, _) = WINDOWS_1252.decode_without_bom_handling(&bytes[at..=at]);
    let why = format!(
        "the byte 0x{byte:02X} is no UTF-8: say the `encoding` of the table, such as `windows-1252` (Latin-1) if it is \
         `{}`",
        meant.escape_debug()
    );
    Fault { line: 1 + n_lines(before), why }
}

fn decoded<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, Fault> {
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text);
    }
    // Once more, for the place.
    let mut text = String::with_capacity(bytes.len() * 3 + 16);
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    let byte = match result {
        DecoderResult::Malformed(length, after) => {
            bytes.get(read - usize::from(length) - usize::from(after))
        }
        DecoderResult::InputEmpty | DecoderResult::OutputFull => None,
    };
    let byte = byte.map(|byte| format!("0x{byte:02X} ")).unwrap_or_default();
    let why = format!("the byte {byte}is no {}", encoding.name());
    Err(Fault { line: 1 + n_lines(&text), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_where_they_are_certain() {
        let utf16 = |text: &str, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(to).collect()
        };
        for (bytes, said, wanted) in [
            (b"caf\xc3\xa9".to_vec(), None, Ok(("café", false))),
            (b"\xef\xbb\xbfcaf\xc3\xa9".to_vec(), None, Ok(("café", false))),
            (utf16("a,é\n", u16::to_le_bytes), None, Ok(("a,é\n", false))),
            (utf16("a,é\n", u16::to_be_bytes), Some("latin1"), Ok(("a,é\n", false))),
            (b"caf\xe9".to_vec(), Some("latin1"), Ok(("café", false))),
            (b"caf\xe9".to_vec(), None, Ok(("café", true))),
            (b"a\r\nb\rcaf\xe9".to_vec(), Some("utf-8"), Err((3, "the byte 0xE9 is no UTF-8"))),
            (b"a\n\0b\0".to_vec(), None, Err((2, "a NUL character"))),
            (b"\xff\xfea\0\n\0\x00\xd8a\0".to_vec(), None, Err((2, "is no UTF-16LE"))),
        ] {
            let found = read(&bytes, said.map(|name| encoding(name).unwrap()));
            match (found, wanted) {
                (Ok(found), Ok((text, is_doubtful))) => {
                    assert_eq!((&*found.text, found.doubt.is_some()), (text, is_doubtful));
                }
                (Err(fault), Err((line, words))) => {
                    assert!(fault.line == line && fault.why.contains(words), "{fault:?}");
                }
                (found, wanted) => panic!("{found:?}, not {wanted:?}"),
            }
        }
        let doubt = read(b"a\nb\xe9", None).unwrap().doubt.unwrap();
        assert!(
            doubt.line == 2 && doubt.why.contains("0xE9") && doubt.why.contains("`é`"),
            "{doubt:?}"
        );
    }
}
