//! What a file is, by its first bytes.
//!
//! In: the beginning of a file. Out: its kind, the extension that such files have, and who decodes it. What its name says
//! counts where the bytes say nothing. Deliberately not here: decoding, and what the file is for.

use super::{Decoder, Kind, Trouble};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) struct Sniffed {
    pub(in crate::data) kind: Kind,
    pub(in crate::data) extension: &'static str,
}

/// What stands at which place in files of an extension.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (0, b"II*\0", "tif"),
    (0, b"MM\0*", "tif"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (8, b"WAVE", "wav"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b"fLaC", "flac"),
    (0, b"FORM", "aiff"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
    (0, b"#!AMR", "amr"),
    (0, b"TTA1", "tta"),
    (8, b"AVI ", "avi"),
    (0, b"\x1a\x45\xdf\xa3", "mkv"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (0, b"\0\0\x01\xba", "mpg"),
    (0, b"\0\0\x01\xb3", "mpg"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
    (0, b".RMF", "rm"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
];
/// The second word of a RIFF file is its size, of a FORM file, too.
const RIFF: [&[u8]; 5] = [b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"];

/// What a file is; `None` where its bytes are those of nothing that is known. `extension` is that of its name.
pub(in crate::data) fn sniff(head: &[u8], extension: &str) -> Result<Option<Sniffed>, Trouble> {
    if let Some(why) = stand_in(head) {
        return Err(Trouble::Why(why.to_owned()));
    }
    let found = of_magic(head).or_else(|| of_container(head)).or_else(|| of_sync(head, extension));
    // Files of sound alone have names of their own, but not bytes of their own.
    let is_sound = Kind::of(extension) == Some(Kind::Sound);
    let found = found.map(|found| match found {
        "mp4" | "mov" if is_sound => "m4a",
        "mkv" if is_sound => "mka",
        "wmv" if is_sound => "wma",
        found => found,
    });
    Ok(found.and_then(|extension| Some(Sniffed { kind: Kind::of(extension)?, extension })))
}

/// Files that stand where another should, as left by what did not fetch it.
fn stand_in(head: &[u8]) -> Option<&'static str> {
    let start = String::from_utf8_lossy(&head[..head.len().min(64)]).to_ascii_lowercase();
    if start.starts_with("version https://git-lfs") {
        return Some("a pointer of Git LFS, not the file: `git lfs pull` fetches it");
    }
    if start.starts_with("/annex/objects/") {
        return Some("a pointer of git-annex, not the file: `git annex get` fetches it");
    }
    let start = start.trim_start_matches(|character: char| character.is_whitespace());
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some("a web page, as a download that failed leaves");
    }
    None
}

fn of_magic(head: &[u8]) -> Option<&'static str> {
    let is_it = |(at, magic, _): &&(usize, &[u8], &str)| {
        let is_riff = RIFF.iter().any(|name| head.starts_with(name));
        (*at != 8 || is_riff) && head.get(*at..).is_some_and(|rest| rest.starts_with(magic))
    };
    let extension = MAGIC.iter().find(is_it)?.2;
    let is_aiff = || head.get(8..).is_some_and(|rest| rest.starts_with(b"AIF"));
    (extension != "aiff" || is_aiff()).then_some(extension)
}

/// Containers whose content must be looked at.
fn of_container(head: &[u8]) -> Option<&'static str> {
    let has = |magic: &[u8]| head.windows(magic.len()).take(256).any(|window| window == magic);
    if head.starts_with(b"OggS") {
        // The first page has the header of the first stream.
        return Some(match () {
            () if has(b"\x80theora") || has(b"fishead") => "ogv",
            () if has(b"OpusHead") => "opus",
            () if has(b"Speex   ") => "spx",
            () => "ogg",
        });
    }
    if head.get(4..8) == Some(b"ftyp") {
        return Some(match head.get(8..12) {
            Some(b"avif" | b"avis") => "avif",
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1") => "heic",
            Some(b"M4A " | b"M4B ") => "m4a",
            Some(b"qt  ") => "mov",
            Some(_) | None => "mp4",
        });
    }
    let is_bitmap = head.starts_with(b"BM")
        && head.get(6..10) == Some(&[0; 4])
        && matches!(head.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]));
    if is_bitmap {
        return Some("bmp");
    }
    // Packets of 188 bytes, in some files with four more before each.
    let is_stream = |first: usize, step: usize| {
        (0..3).all(|packet| head.get(first + packet * step) == Some(&0x47))
    };
    (is_stream(0, 188) || is_stream(4, 192)).then_some("ts")
}

/// Streams of sound, which begin with tags or with few bits that are always the same: they count where the name does not say
/// that it is something else.
fn of_sync(head: &[u8], extension: &str) -> Option<&'static str> {
    if let Some(rest) = head.strip_prefix(b"ID3") {
        let size =
            rest.get(3..7)?.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let behind = head.get(10 + size..).unwrap_or(&[]);
        return of_magic(behind).or_else(|| of_sync(behind, "")).or(Some("mp3"));
    }
    if !matches!(Kind::of(extension), None | Some(Kind::Sound)) {
        return None;
    }
    match head {
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("aac"),
        [0xff, second, third, ..] if second & 0xe6 == 0xe2 && third & 0xf0 != 0xf0 => Some("mp3"),
        [0x0b, 0x77, ..] => Some("ac3"),
        _ => None,
    }
}

/// What is to be decoded how: by content, else by the extension of the name, else by `ffmpeg`, which knows more.
pub(in crate::data) fn way(
    head: &[u8],
    extension: &str,
) -> Result<(Kind, Decoder, String), Trouble> {
    let (kind, extension) = match sniff(head, extension)? {
        Some(Sniffed { kind, extension }) => (kind, extension),
        None => {
            (Kind::of(extension).filter(|kind| kind.is_media()).unwrap_or(Kind::Video), extension)
        }
    };
    // Big-endian RIFF is what only `ffmpeg` reads.
    let decoder =
        if head.starts_with(b"RIFX") { Decoder::Program } else { kind.decoder(extension) };
    Ok((kind, decoder, extension.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_what_a_file_is() {
        let with = |start: &[u8], at: usize, then: &[u8]| {
            let mut head = start.to_vec();
            head.resize(at, 0);
            head.extend(then);
            head.resize(600, 0);
            head
        };
        let stream = {
            let mut head = vec![0; 600];
            for at in [0, 188, 376] {
                head[at] = 0x47;
            }
            head
        };
        for (head, name, wanted) in [
            (with(b"\x89PNG\r\n\x1a\n", 8, b""), "jpg", Some("png")),
            (with(b"\xff\xd8\xff\xe0", 4, b""), "png", Some("jpg")),
            (with(b"RIFF", 8, b"WEBP"), "", Some("webp")),
            (with(b"RIFF", 8, b"WAVE"), "", Some("wav")),
            (with(b"RF64", 8, b"WAVE"), "mp3", Some("wav")),
            (with(b"RIFF", 8, b"AVI "), "", Some("avi")),
            (with(b"RIFF", 8, b"ACON"), "", None),
            (with(b"XXXX", 8, b"WAVE"), "", None),
            (with(b"FORM", 8, b"AIFC"), "", Some("aiff")),
            (with(b"FORM", 8, b"ILBM"), "", None),
            (with(b"OggS", 28, b"\x01vorbis"), "", Some("ogg")),
            (with(b"OggS", 28, b"OpusHead"), "ogg", Some("opus")),
            (with(b"OggS", 28, b"\x80theora"), "ogg", Some("ogv")),
            (with(b"\0\0\0\x18", 4, b"ftypisom"), "", Some("mp4")),
            (with(b"\0\0\0\x18", 4, b"ftypM4A "), "mp4", Some("m4a")),
            (with(b"\0\0\0\x18", 4, b"ftypisom"), "mp3", Some("m4a")),
            (with(b"\x1a\x45\xdf\xa3", 4, b""), "weba", Some("mka")),
            (with(b"\0\0\0\x18", 4, b"ftypavif"), "png", Some("avif")),
            (with(b"\x1a\x45\xdf\xa3", 4, b""), "bin", Some("mkv")),
            (with(b"\0\0\x01\xba", 4, b""), "", Some("mpg")),
            (with(b"BM\x36\x03\0\0\0\0\0\0\x36\0\0\0\x28", 18, b""), "", Some("bmp")),
            (with(b"BMW is a car", 12, b""), "", None),
            (with(b"ID3\x04\0\0\0\0\0\x0a", 20, b"\xff\xfb\x90"), "wav", Some("mp3")),
            (with(b"ID3\x04\0\0\0\0\0\x0a", 20, b"fLaC"), "mp3", Some("flac")),
            (with(b"\xff\xfb\x90\x64", 4, b""), "wav", Some("mp3")),
            (with(b"\xff\xf1\x50\x80", 4, b""), "", Some("aac")),
            (with(b"\xff\xfb\x90\x64", 4, b""), "mp4", None),
            (stream, "", Some("ts")),
            (b"plain words".to_vec(), "", None),
            (Vec::new(), "", None),
        ] {
            let found = sniff(&head, name).unwrap().map(|found| found.extension);
            assert_eq!(found, wanted, "{:?}", String::from_utf8_lossy(&head[..head.len().min(24)]));
        }
        for (head, words) in [
            ("version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
            ("\n <!DOCTYPE html>", "web page"),
            ("/annex/objects/SHA256E-s3", "git annex get"),
        ] {
            let said = sniff(head.as_bytes(), "png").unwrap_err();
            assert!(matches!(&said, Trouble::Why(why) if why.contains(words)), "{said:?}");
        }
    }

    #[test]
    fn every_way_is_of_a_known_extension() {
        for (_, _, extension) in MAGIC {
            assert!(Kind::of(extension).is_some_and(Kind::is_media), "{extension}");
        }
    }
}
