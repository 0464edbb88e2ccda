//! What members and cells are for: read, broken and named, or nothing; never absent without a word.

use super::*;

fn jpeg(side: u32, value: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(side, side, image::Luma([value]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn sound() -> Vec<u8> {
    wav(8000, &[vec![0.1; 160]])
}

/// What the first sample has of picture, sound and label, or what is said where there is none.
fn first(yaml: &str, folder: &Path) -> Result<[bool; 3], String> {
    let yaml = format!("sources: [{{ {yaml} }}]\nbroken: 1");
    let collection = open(&yaml, folder, BOTH).map_err(|error| error.to_string())?;
    let mut loader = collection.evaluation(1, 0).unwrap();
    match loader.next().map_err(|error| error.to_string())? {
        Some(loaded) => Ok(["photo", "sound", "label"]
            .map(|name| numbers(&loaded, &format!("{name}.present")) == [1.0])),
        None => Err(collection.problems().to_string()),
    }
}

#[track_caller]
fn check(found: Result<[bool; 3], String>, wanted: Result<[bool; 3], &str>, what: &str) {
    match (found, wanted) {
        (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{what}"),
        // Whether or not there is a program that could know more.
        (Err(said), Err(words)) => assert!(said.contains(words), "{what}: {said}"),
        (found, wanted) => panic!("{what}: {found:?}, not {wanted:?}"),
    }
}

#[test]
fn members_are_read_or_broken() {
    let (photo, words) = (|| png(6, 20), || b"words".to_vec());
    let alone = Ok([true, false, false]);
    for (members, roles, wanted) in [
        (vec![("x.png", photo())], "", alone),
        (vec![("x.png", jpeg(6, 20))], "", alone),
        (vec![("x.wav", photo())], "", Err("wav: it is a picture")),
        (vec![("x.photo", photo())], "", alone),
        (vec![("x.photo.data", jpeg(6, 20))], "", alone),
        (vec![("x.photo.data", words())], "", Err("photo.data: neither its extension nor")),
        (vec![("x.Photo.PNG", photo())], "", alone),
        (vec![("x.webp", b"RIFF\0\0\0\0WEBPVP8 ".to_vec())], "", Err("x: webp: ")),
        (vec![("x.heic", words()), ("x.wav", sound())], "", Err("heic")),
        (vec![("x.label", b"3".to_vec()), ("x.png", photo())], "", Ok([true, false, true])),
        (vec![("x.md", words()), ("x.png", photo())], "", alone),
        // Points of a name.
        (vec![("x.v1.2.png", photo())], "", Err("nothing says what `v1.2.png` is")),
        (vec![("x.v1.2.png", photo()), ("x.wav", sound())], "", Err("`photo` is missing")),
        (vec![("x.v1.2.png", photo())], "v1.2.png: photo", alone),
        (vec![("x.mask.png", words()), ("x.png", photo())], "", alone),
        (vec![("x.mask.png", words()), ("x.png", photo())], "png: photo", alone),
        (vec![("x.png", photo()), ("x.mask.png", words())], "png: photo", alone),
        (vec![("x.mask.png", words()), ("x.wav", sound())], "png: photo", Err("nothing says")),
        (
            vec![("x.mask.png", words()), ("x.wav", sound())],
            "mask.png: []",
            Ok([false, true, false]),
        ),
        // Two for one.
        (
            vec![("x.png", photo()), ("x.jpg", photo())],
            "",
            Err("two members for `photo`: `png` and `jpg`"),
        ),
        (vec![("x.png", photo()), ("x.jpg", photo())], "jpg: []", alone),
        (vec![("x.png", photo()), ("x.photo.png", photo())], "", Err("`png` and `photo.png`")),
        (vec![("x.png", photo()), ("x.PNG", photo())], "", Err("two members `png`")),
        (vec![("x.wav", sound()), ("x.mp3", words())], "", Err("two members for `sound`")),
        (vec![("x.wav", sound()), ("x.mp4", words())], "", Err("two members for `sound`")),
        (vec![("x.wav", sound()), ("x.mp4", words())], "mp4: []", Ok([false, true, false])),
        (vec![("x.cls", b"1".to_vec()), ("x.label.txt", b"2".to_vec())], "", Err("`label`")),
        (
            vec![
                ("x.cls", b"1".to_vec()),
                ("x.json", b"{\"label\": 2}".to_vec()),
                ("x.png", photo()),
            ],
            "",
            Ok([true, false, true]),
        ),
        (
            vec![("x.a.json", b"1".to_vec()), ("x.b.json", b"2".to_vec())],
            "a.json: label, b.json: label",
            Err("two members for `label`: `a.json` and `b.json`"),
        ),
        // What stands in for a file.
        (
            vec![("x.png", b"version https://git-lfs.github.com/spec/v1".to_vec())],
            "",
            Err("git lfs pull"),
        ),
        (vec![("x.png", b"<!DOCTYPE html><html>".to_vec())], "", Err("png: a web page")),
    ] {
        let what =
            format!("{:?} {roles}", members.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let all: Vec<(String, Vec<u8>)> =
            members.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
        let yaml = format!("shards: a.tar, roles: {{ {roles} }}");
        check(first(&yaml, folder.path()), wanted, &what);
    }
}

#[test]
fn cells_are_read_or_broken() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    fs::create_dir(folder.path().join("m")).unwrap();
    for name in ["m/0", "a.v1.2.png", "a.data", "b.wav"] {
        write(name, png(6, 20));
    }
    write("m/1", sound());
    write("c.wav", sound());
    write("d.txt", b"words".to_vec());
    let alone = Ok([true, false, false]);
    for (header, row, roles, wanted) in [
        ("photo", "m/0", "", alone),
        ("photo", "a.v1.2.png", "", alone),
        ("photo", "a.data", "", alone),
        ("photo", "b.wav", "", alone),
        ("photo", "c.wav", "", Err("c.wav: photo: it is a sound")),
        ("photo", "d.txt", "", Err("neither its extension nor its content")),
        ("photo", "m", "", Err("photo: a folder")),
        ("photo", "m/2.png", "", Err("m/2.png: No such file")),
        ("photo", "m/2", "", Err("m/2: No such file")),
        ("photo", "https://example.org/a.png", "", Err("is an address")),
        ("photo,sound", "m/2.png,c.wav", "", Err("No such file")),
        ("path", "m/0", "", alone),
        ("path", "m/1", "", Ok([false, true, false])),
        ("path", "c.wav", "", Ok([false, true, false])),
        ("path,photo", "m/0,m/0", "", Err("two members for `photo`: `path` and `photo`")),
        ("one,two", "m/0,a.data", "one: photo, two: photo", Err("`one` and `two`")),
        ("one,two", "m/0,", "one: photo, two: photo", alone),
        ("photo,label", "m/0,4", "", Ok([true, false, true])),
    ] {
        if cfg!(windows) && wanted == Err("No such file") {
            continue;
        }
        write("list.csv", format!("{header}\n{row}\n").into_bytes());
        let yaml = format!("table: list.csv, roles: {{ {roles} }}");
        check(first(&yaml, folder.path()), wanted, &format!("{header}: {row} {roles}"));
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_a_tables_folder() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    for path in [&inside, &outside] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("b:1.png"), png(6, 20)).unwrap();
    }
    symlink("b:1.png", inside.join("near.png")).unwrap();
    symlink("../out/b:1.png", inside.join("far.png")).unwrap();
    symlink("../out", inside.join("far")).unwrap();
    symlink("round.png", inside.join("round.png")).unwrap();
    symlink("in", folder.path().join("link")).unwrap();
    let alone = Ok([true, false, false]);
    for (base, path, wanted) in [
        ("in", "b:1.png", alone),
        ("in", "near.png", alone),
        ("in", "far.png", Err("far.png: a link that leads out of `folder`")),
        ("in", "far/b:1.png", Err("a link that leads out of `folder`")),
        ("in", "round.png", Err("round.png: ")),
        ("link", "near.png", alone),
        ("link", "far.png", Err("a link that leads out")),
        (".", "in/far.png", alone),
    ] {
        fs::write(folder.path().join("list.csv"), format!("photo\n{path}\n")).unwrap();
        let yaml = format!("table: list.csv, folder: {base}");
        check(first(&yaml, folder.path()), wanted, &format!("{base} {path}"));
    }
    let said = first("table: list.csv, folder: nowhere", folder.path()).unwrap_err();
    assert!(said.starts_with("sources[0].folder: "), "{said}");
}

/// Frames and sound.
const CLIP: &str = "model m {
  modality video = frames(count: 2, fps: 1, size: 4)
  modality sound = wave(rate: 100, seconds: 0.1)
  tokens v = video |> patches(1, 4, 4) |> linear(2)
  tokens s = sound |> patches(5) |> linear(2)
  target label = class(2)
  output o = concat(v, s) |> pool(mean) |> linear(2)
  objective loss = cross_entropy(o, label)
}";

#[test]
fn what_a_source_has_is_counted_before_anything_is_read() {
    let (words, folder) = (|| b"0".to_vec(), TempDir::new().unwrap());
    for (members, wanted, json, unused) in [
        // A sound of its own goes before that of a video.
        (vec!["a.mp4", "a.wav", "a.cls", "b.mp4"], Ok(([2, 2], 1)), 0, vec![]),
        (vec!["a.wav", "a.mp4"], Ok(([1, 1], 0)), 0, vec![]),
        (vec!["a.m4a", "a.mp4"], Ok(([1, 1], 0)), 0, vec![]),
        (vec!["a.m4a"], Ok(([0, 1], 0)), 0, vec![]),
        (vec!["a.png", "b.webm"], Ok(([2, 1], 0)), 0, vec![]),
        (vec!["a.png", "a.mp4"], Err("two members for `video`: `png` and `mp4`"), 0, vec![]),
        (vec!["a.mkv", "a.mp4"], Err("two members for `video`: `mkv` and `mp4`"), 0, vec![]),
        (vec!["a.MPG", "a.json", "b.json"], Ok(([1, 1], 0)), 2, vec![]),
        (
            vec![
                "a.wav",
                "a.txt",
                "b.txt",
                "a.class",
                "._a.wav",
                "x/.DS_Store",
                "README",
                "a.cover.png",
                "a.png",
            ],
            Ok(([1, 1], 0)),
            0,
            vec![
                ("._*", 1),
                (".DS_Store", 1),
                ("class", 1),
                ("cover.png", 1),
                ("no extension", 1),
                ("txt", 2),
            ],
        ),
    ] {
        let all: Vec<(String, Vec<u8>)> =
            members.iter().map(|name| ((*name).to_owned(), words())).collect();
        fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
        let found = open("sources: [{ shards: a.tar }]", folder.path(), CLIP);
        match (found, wanted) {
            (Ok(collection), Ok((modalities, label))) => {
                let counts = collection.found.sources[0].counts();
                let unused: std::collections::BTreeMap<String, u64> =
                    unused.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
                assert_eq!(counts.modalities, modalities, "{members:?}");
                assert_eq!((counts.targets[0], counts.json), (label, json), "{members:?}");
                assert_eq!(counts.unused, unused, "{members:?}");
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, wanted) => panic!("{members:?}: {found:?}, not {wanted:?}"),
        }
    }
    // What is said to be nothing is no news.
    let all = ["a.wav", "a.txt", "a.md"].map(|name| (name.to_owned(), words()));
    fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
    let yaml = "sources: [{ shards: a.tar, roles: { txt: [] } }]";
    let unused = open(yaml, folder.path(), CLIP).unwrap().found.sources[0].counts().unused;
    assert_eq!(unused.into_iter().collect::<Vec<_>>(), [("md".to_owned(), 1)]);
    fs::write(folder.path().join("a.tar"), tar(&[("a.txt".to_owned(), words())])).unwrap();
    let said = open("sources: [{ shards: a.tar }]", folder.path(), CLIP).unwrap_err().to_string();
    assert!(said.contains("nothing uses `txt` (1)"), "{said}");
    fs::write(folder.path().join("a.csv"), "video,Category,key\na.mp4,1,k\nb.mp4,2,l\n").unwrap();
    let collection = open("sources: [{ table: a.csv }]", folder.path(), CLIP).unwrap();
    let counts = collection.found.sources[0].counts();
    assert_eq!((counts.samples, counts.modalities), (2, vec![2, 0]));
    assert_eq!(counts.unused.into_iter().collect::<Vec<_>>(), [("Category".to_owned(), 2)]);
}

#[test]
fn no_more_are_broken_than_were_tried() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..1500).map(|row| format!("{row}.png\n")).collect();
    fs::write(folder.path().join("list.csv"), format!("photo\n{rows}")).unwrap();
    for broken in ["0", "0.1", "0.999"] {
        let yaml = format!("sources: [{{ table: list.csv }}]\nbroken: {broken}");
        let collection = open(&yaml, folder.path(), BOTH).unwrap();
        let error = collection.training(&options(4, 0)).unwrap().next().unwrap_err();
        let DataError::TooManyBroken { broken, of, allowed, .. } = error else {
            panic!("{error}");
        };
        assert!(broken <= of && of <= 1500 && broken > allowed, "{broken} of {of}, {allowed}");
    }
}

#[test]
fn videos_give_what_they_are_named_for() {
    let folder = TempDir::new().unwrap();
    let make = |name: &str, arguments: &str| {
        let mut command = std::process::Command::new("ffmpeg");
        command.args(["-v", "quiet", "-nostdin", "-y"]).args(arguments.split_whitespace());
        let made = command.arg(folder.path().join(name)).status();
        made.is_ok_and(|status| status.success())
    };
    let (picture, tone) = ("-f lavfi -i testsrc=d=2:s=32x32:r=5", "-f lavfi -i sine=d=2");
    let is_made = make("both.mpg", &format!("-f lavfi -i testsrc=d=2:s=32x32:r=25 {tone}"))
        && make("silent.mp4", picture)
        && make("dark.mp4", tone);
    if !is_made {
        return;
    }
    fs::copy(folder.path().join("both.mpg"), folder.path().join("both")).unwrap();
    fs::copy(folder.path().join("both.mpg"), folder.path().join("both.MPG")).unwrap();
    fs::write(folder.path().join("a.wav"), wav(100, &[vec![0.1; 200]])).unwrap();
    for (header, row, wanted) in [
        ("path", "both.mpg", Ok([1.0, 1.0])),
        ("path", "both.MPG", Ok([1.0, 1.0])),
        ("path", "both", Ok([1.0, 1.0])),
        ("path", "silent.mp4", Ok([1.0, 0.0])),
        ("path", "dark.mp4", Ok([0.0, 1.0])),
        ("path,sound", "silent.mp4,a.wav", Ok([1.0, 1.0])),
        ("path,sound", "both.mpg,a.wav", Ok([1.0, 1.0])),
        ("path,sound", "both,a.wav", Ok([1.0, 1.0])),
        ("path,sound", "a.wav,a.wav", Err("two members for `sound`: `path` and `sound`")),
        ("video", "both", Ok([1.0, 0.0])),
        ("video", "dark.mp4", Err("video: there is nothing in it for `video`")),
        ("sound", "silent.mp4", Err("sound: there is nothing in it for `sound`")),
        ("video,sound", "both.mpg,silent.mp4", Err("there is nothing in it for `sound`")),
    ] {
        fs::write(folder.path().join("list.csv"), format!("{header}\n{row}\n")).unwrap();
        let yaml = "sources: [{ table: list.csv }]\nbroken: 1";
        let found = open(yaml, folder.path(), CLIP).map_err(|error| error.to_string());
        let found = found.and_then(|collection| match evaluation(&collection, 1, 0).first() {
            Some(loaded) => {
                Ok(["video.present", "sound.present"].map(|name| numbers(loaded, name)[0]))
            }
            None => Err(collection.problems().to_string()),
        });
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{header}: {row}"),
            (Err(said), Err(words)) => assert!(said.contains(words), "{header}: {row}: {said}"),
            (found, wanted) => panic!("{header}: {row}: {found:?}, not {wanted:?}"),
        }
    }
}
