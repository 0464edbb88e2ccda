//! Shards of every format, compressed or not; files that may never end, disks that fail; what data looked like.

use std::io::Write;

use super::*;

/// A photo and a class under a name.
fn pair(name: &str) -> Vec<(String, Vec<u8>)> {
    vec![(format!("{name}.png"), png(6, 20)), (format!("{name}.cls"), b"3".to_vec())]
}

/// A header with a right checksum.
fn header(format: tar::Header, name: &[u8], kind: u8, size: u64) -> tar::Header {
    let mut header = format;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::new(kind));
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

fn member(format: tar::Header, name: &[u8], kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = header(format, name, kind, bytes.len() as u64).as_bytes().to_vec();
    all.extend(bytes);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length =
        (1..9).map(|digits| rest.len() + digits).find(|n| n.to_string().len() + rest.len() == *n);
    format!("{}{rest}", length.unwrap()).into_bytes()
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut all = members.concat();
    all.resize(all.len() + 1024, 0);
    all
}

/// How many samples a file named so has, and what is said of it.
fn look(name: &str, bytes: &[u8]) -> (u64, String) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let yaml = format!("sources: [{{ shards: '{name}' }}]\nbroken: 1");
    match open(&yaml, folder.path(), BOTH) {
        Ok(collection) => {
            let read = keys(&evaluation(&collection, 16, 0)).len() as u64;
            assert_eq!(read, collection.len(), "{}", collection.problems());
            let problems = collection.problems();
            (read, if problems.is_empty() { String::new() } else { problems.to_string() })
        }
        Err(error) => (0, error.to_string()),
    }
}

#[test]
fn every_format_is_read() {
    let (old, ustar, gnu) = (tar::Header::new_old, tar::Header::new_ustar, tar::Header::new_gnu);
    let photo = png(6, 20);
    let long = format!("{}/{}/s.png", "a".repeat(90), "b".repeat(90));
    let prefixed = {
        let mut header = ustar();
        header.set_path(&long).unwrap();
        header
    };
    let pax = |records: &[Vec<u8>]| member(ustar(), b"PaxHeaders/s", b'x', &records.concat());
    let real = |name: &str| member(ustar(), name.as_bytes(), b'0', &photo);
    for (what, members, n, words) in [
        ("v7", vec![member(old(), b"d/", 0, b""), member(old(), b"d/s.png", 0, &photo)], 1, ""),
        ("ustar", vec![member(prefixed, b"", b'0', &photo)], 1, ""),
        ("contiguous", vec![member(ustar(), b"s.png", b'7', &photo)], 1, ""),
        (
            "a long name",
            vec![
                member(gnu(), b"././@LongLink", b'L', format!("{long}\0").as_bytes()),
                member(gnu(), &long.as_bytes()[..100], b'0', &photo),
            ],
            1,
            "",
        ),
        ("pax", vec![pax(&[record("path", "x:y/ü ß.png")]), real("cut")], 1, ""),
        (
            "pax, an attribute with line feeds before the name",
            vec![pax(&[record("SCHILY.xattr.a", "1\n\n2"), record("path", "s.png")]), real("cut")],
            1,
            "",
        ),
        (
            "a size of pax",
            vec![
                pax(&[record("size", &photo.len().to_string()), record("path", "s.png")]),
                header(ustar(), b"s", b'0', 0).as_bytes().to_vec(),
                {
                    let mut bytes = photo.clone();
                    bytes.resize(bytes.len().next_multiple_of(512), 0);
                    bytes
                },
                real("t.png"),
            ],
            2,
            "",
        ),
        (
            "a global header",
            vec![
                member(ustar(), b"pax_global_header", b'g', &record("comment", "0123")),
                real("s.png"),
            ],
            1,
            "",
        ),
        (
            "a colon",
            vec![real("b:1.png"), real("12:30:00.png")],
            if cfg!(windows) { 0 } else { 2 },
            "",
        ),
        (
            "macOS",
            vec![real("./._s.png"), real("./s.png"), real(".DS_Store"), real("__MACOSX/s.png")],
            1,
            "",
        ),
        (
            "a link",
            vec![real("s.png"), member(ustar(), b"t.png", b'2', b"")],
            1,
            "t: `png` is a link to",
        ),
        (
            "a hard link",
            vec![real("s.png"), member(ustar(), b"t.png", b'1', b"")],
            1,
            "`png` is a hard link",
        ),
        (
            "a link beside a file",
            vec![real("s.png"), member(ustar(), b"s.cls", b'1', b""), real("t.png")],
            1,
            "s: `cls` is a hard link",
        ),
        (
            "a link that nothing uses",
            vec![real("s.png"), member(ustar(), b"s.md", b'2', b"")],
            1,
            "",
        ),
        (
            "a pipe",
            vec![real("s.png"), member(ustar(), b"t.png", b'6', b"")],
            1,
            "a device or pipe",
        ),
        (
            "holes",
            vec![member(gnu(), b"s.png", b'S', &[0; 512]), real("t.png")],
            1,
            "s: `png` is sparse",
        ),
        (
            "holes of pax",
            vec![
                pax(&[record("GNU.sparse.major", "1"), record("GNU.sparse.name", "s.png")]),
                real("GNUSparseFile.1/s.png"),
                real("t.png"),
            ],
            1,
            "s: `png` is sparse",
        ),
        (
            "two in one",
            vec![real("s.png"), vec![0; 1024], real("t.png")],
            1,
            "something follows its end",
        ),
        (
            "pax without its member",
            vec![real("s.png"), pax(&[record("path", "t.png")])],
            1,
            "a long name without its member",
        ),
        (
            "malformed pax",
            vec![real("s.png"), pax(&[b"99 path=t.png\n".to_vec()]), real("t.png")],
            1,
            "malformed",
        ),
        (
            "a name of no text",
            vec![real("s.png"), member(ustar(), b"\xff.png", b'0', &photo)],
            1,
            "no UTF-8",
        ),
    ] {
        let (found, said) = look("a.tar", &archive(&members));
        assert_eq!(found, n, "{what}: {said}");
        assert!(said.contains(words) && said.is_empty() == words.is_empty(), "{what}: {said}");
    }
}

#[test]
fn compressed_shards_are_unpacked() {
    let all: Vec<(String, Vec<u8>)> =
        (0..40).flat_map(|number| pair(&format!("{number:02}"))).collect();
    let whole = tar(&all);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    };
    let (half, rest) = whole.split_at(20_000);
    let mut wrong_sum = gzip(&whole);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let skipped = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&whole)].concat();
    let cut = zstd(&whole);
    for (name, bytes, n, words) in [
        ("a.tar.gz", gzip(&whole), 40..=40, ""),
        ("a.tgz", [gzip(half), gzip(rest)].concat(), 40..=40, ""),
        ("a.tar", gzip(&whole), 40..=40, ""),
        ("a.tar.zst", zstd(&whole), 40..=40, ""),
        ("a.tar.zst", [zstd(half), zstd(rest)].concat(), 40..=40, ""),
        ("a.tar.zst", skipped, 40..=40, ""),
        ("a.tar.gz", whole.clone(), 40..=40, ""),
        ("a.tar.gz", wrong_sum, 40..=40, "it cannot be unpacked"),
        ("a.tar.gz", gzip(half), 9..=10, "cut short"),
        ("a.tar.zst", cut[..cut.len() / 2].to_vec(), 0..=39, "cut short"),
        ("a.tar", b"PK\x03\x04 and more".to_vec(), 0..=0, "a zip file, not a tar file: unpack it"),
        ("a.tar.xz", b"\xfd7zXZ\0\0\0".to_vec(), 0..=0, "`unxz`"),
        ("a.tar.bz2", b"BZh91AY&SY".to_vec(), 0..=0, "`bunzip2`"),
    ] {
        let (found, said) = look(name, &bytes);
        assert!(n.contains(&found), "{name}: {found}: {said}");
        let is_cut = words == "cut short" && said.contains("it cannot be unpacked");
        assert!(is_cut || said.contains(words), "{name}: {said}");
        assert_eq!(said.is_empty(), words.is_empty(), "{name}: {said}");
    }
}

#[test]
fn who_has_enough_waits_for_no_shard() {
    let folder = shards(2);
    let yaml = "sources: [{ shards: 'a-{0..1}.tar' }]";
    let stopped = Collection::open(&config(yaml), folder.path(), &model(BOTH), &true.into());
    assert!(matches!(stopped, Err(DataError::Stopped)), "{stopped:?}");
}

#[test]
fn shards_that_are_not_there_are_told_at_their_setting() {
    let folder = shards(2);
    for (pattern, words) in [
        ("none.tar", "sources[0].shards: there is no file "),
        ("none-{0..7}.tar", "sources[0].shards: none of 8 files is there, from "),
    ] {
        let said = open(&format!("sources: [{{ shards: '{pattern}' }}]"), folder.path(), BOTH);
        let said = said.unwrap_err().to_string();
        assert!(said.starts_with(words) && said.contains("none"), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_fails_through_the_machine_is_no_broken_data() {
    use std::os::unix::fs::symlink;
    let folder = shards(1);
    // A file whose first bytes no process has: reading it is an error of input and output.
    symlink("/proc/self/mem", folder.path().join("disk.tar")).unwrap();
    symlink("/dev/zero", folder.path().join("zero.tar")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.tar")).status();
    assert!(made.unwrap().success());
    let yaml = |shards: &str| format!("sources: [{{ shards: [a-0.tar, {shards}] }}]\nbroken: 1");
    let error = open(&yaml("disk.tar"), folder.path(), BOTH).unwrap_err();
    assert!(
        matches!(&error, DataError::Machine { name, .. } if name.ends_with("disk.tar")),
        "{error:?}"
    );
    let collection = open(&yaml("zero.tar, pipe.tar"), folder.path(), BOTH).unwrap();
    assert_eq!(collection.problems().shards, 2);
    assert!(collection.problems().to_string().contains("pipe.tar: not a file: a pipe"));
    for (setting, words) in [
        ("table: pipe.tar", "pipe.tar: not a file"),
        ("shards: a-0.tar, include: pipe.tar", "pipe.tar: not a file"),
        ("shards: a-0.tar, exclude: zero.tar", "zero.tar: not a file"),
    ] {
        let said = open(&format!("sources: [{{ {setting} }}]"), folder.path(), BOTH).unwrap_err();
        assert!(said.to_string().contains(words), "{said}");
    }
}

#[test]
fn flipped_bits_of_a_picture_are_noticed() {
    let photo: Vec<u8> = {
        let picture = image::GrayImage::from_fn(6, 6, |x, y| image::Luma([(40 * x + 7 * y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let whole = tar(&[("s.png".to_owned(), photo.clone())]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.tar");
    let fed = || {
        let collection =
            open("sources: [{ shards: a.tar }]\nbroken: 1", folder.path(), BOTH).ok()?;
        evaluation(&collection, 1, 0).first().map(|loaded| numbers(loaded, "photo"))
    };
    fs::write(&path, &whole).unwrap();
    let right = fed().unwrap();
    for bit in (0..photo.len() * 8).step_by(11) {
        let mut flipped = whole.clone();
        flipped[512 + bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let found = fed();
        assert!(found.is_none() || found.as_ref() == Some(&right), "bit {bit}: {found:?}");
    }
}

#[test]
fn what_data_looked_like_is_remembered() {
    let folder = shards(2);
    let yaml =
        "sources: [{ shards: 'a-{0..1}.tar' }, { table: list.csv }, { synthetic: { samples: 5 } }]";
    let table = |text: &str| fs::write(folder.path().join("list.csv"), text).unwrap();
    let look = || open(yaml, folder.path(), BOTH).unwrap().fingerprint();
    let times = |of: Fingerprint| -> Fingerprint {
        // Files that are written within one second have one time.
        let still = |source: SourceFingerprint| SourceFingerprint { written: 7, ..source };
        Fingerprint { sources: of.sources.into_iter().map(still).collect() }
    };
    table("photo,label\na.png,1\n");
    let before = times(look());
    assert_eq!(before, times(look()));
    assert_eq!(
        serde_json::from_value::<Fingerprint>(serde_json::to_value(&before).unwrap()).unwrap(),
        before
    );
    table("photo,label\na.png,2\n");
    let changes = before.changes(&times(look()));
    assert!(
        changes.len() == 1 && changes[0].contains("list.csv) has other members or cells"),
        "{changes:?}"
    );
    table("photo,label\na.png,1\n");
    let fewer: Vec<(String, Vec<u8>)> = (10..19).flat_map(members).collect();
    fs::write(folder.path().join("a-1.tar"), tar(&fewer)).unwrap();
    let changes = before.changes(&times(look()));
    assert!(changes.len() == 1 && changes[0].contains("had 20 samples, and has 19"), "{changes:?}");
    let mut later = before.clone();
    later.sources[0].written = 8;
    assert!(before.changes(&later)[0].contains("was written anew"));
    later.sources.pop();
    assert_eq!(before.changes(&later), ["there were 3 sources, and there are 2"]);
    assert!(before.changes(&before).is_empty());
}
