use std::fs;
use std::path::Path;

use zorro_compiler::Loader;

use super::{Disk, MAX_FILE_BYTES, read, replace};

/// A folder `inside` with a spec, and a file beside that folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir_all(inside.join("blocks")).unwrap();
    fs::write(inside.join("spec.zorro"), "the spec").unwrap();
    fs::write(inside.join("blocks/a.zorro"), "a block").unwrap();
    fs::write(folder.path().join("outside.zorro"), "secret").unwrap();
    folder
}

fn disk(folder: &Path) -> Disk {
    let (disk, name) = Disk::of_spec(&folder.join("inside/spec.zorro")).unwrap();
    assert_eq!(name, "spec.zorro");
    disk
}

#[test]
fn loads_what_lies_inside_and_nothing_else() {
    let folder = folder();
    let mut disk = disk(folder.path());
    let outside = folder.path().join("outside.zorro");
    let outside = outside.to_str().unwrap();
    let refused = "it lies outside the folder of the spec";
    for (path, expected) in [
        ("spec.zorro", Ok("the spec")),
        ("blocks/a.zorro", Ok("a block")),
        ("blocks", Err("it is a folder")),
        ("none.zorro", Err("there is no such file")),
        ("spec.zorro/a", Err("a part of its path is not a folder")),
        ("../outside.zorro", Err(refused)),
        ("blocks/../spec.zorro", Err(refused)),
        ("", Err("it is a folder")),
        (outside, Err(refused)),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(disk.load(path), expected, "{path}");
    }
}

#[test]
fn messages_name_files_as_the_user_would() {
    let (disk, _) = Disk::of_spec(Path::new("src/main.rs")).unwrap();
    assert_eq!(disk.shown("blocks/a.zorro"), "src/blocks/a.zorro");
    let (disk, _) = Disk::of_spec(Path::new("Cargo.toml")).unwrap();
    assert_eq!(disk.shown("a.zorro"), "a.zorro");
    assert_eq!(Disk::of_spec(Path::new("/")).unwrap_err(), "it is a folder");
}

#[test]
fn what_is_no_text_is_refused_with_the_place() {
    let folder = folder();
    let path = folder.path().join("odd.zorro");
    fs::write(&path, b"model \xff").unwrap();
    assert_eq!(read(&path), Err("it is not UTF-8: byte 6 is 0xff".to_owned()));
    fs::write(&path, " ".repeat(MAX_FILE_BYTES)).unwrap();
    assert_eq!(read(&path).map(|text| text.len()), Ok(MAX_FILE_BYTES));
    fs::write(&path, " ".repeat(MAX_FILE_BYTES + 1)).unwrap();
    assert_eq!(read(&path), Err("it has 1048577 bytes; a spec has at most 1048576".to_owned()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_before_they_are_judged() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    let inside = folder.path().join("inside");
    symlink("../outside.zorro", inside.join("leak.zorro")).unwrap();
    symlink("blocks/a.zorro", inside.join("fine.zorro")).unwrap();
    symlink("loop.zorro", inside.join("loop.zorro")).unwrap();
    let mut disk = disk(folder.path());
    assert_eq!(disk.load("fine.zorro"), Ok("a block".to_owned()));
    assert!(disk.load("leak.zorro").unwrap_err().contains("outside"));
    assert!(disk.load("loop.zorro").is_err());
    // The spec that the user names may be a link; it is read where it stands.
    let (mut disk, name) = Disk::of_spec(&inside.join("leak.zorro")).unwrap();
    assert_eq!(disk.load(&name), Ok("secret".to_owned()));
}

#[cfg(target_os = "linux")]
#[test]
fn devices_and_endless_files_are_refused() {
    assert_eq!(read(Path::new("/dev/zero")), Err("it is not a regular file".to_owned()));
    let folder = folder();
    let pipe = folder.path().join("inside/pipe.zorro");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut disk = disk(folder.path());
    assert_eq!(disk.load("pipe.zorro"), Err("it is not a regular file".to_owned()));
}

#[cfg(unix)]
#[test]
fn replacing_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder();
    let inside = folder.path().join("inside");
    let (file, link) = (inside.join("spec.zorro"), inside.join("link.zorro"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("spec.zorro", &link).unwrap();
    assert_eq!(replace(&link, "new"), Ok(()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(replace(&file, "newer"), Err("it is read-only".to_owned()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 3);
}
