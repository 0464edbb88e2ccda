//! Manifests that were changed, and old ones.

use std::fs;

use super::super::{Best, Checkpoint, Folder};
use super::{checkpoint, same, write};

/// Numbers that are as good as random, the same every time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from((state >> 33) % below as u64).expect("below a length")
    }
}

/// A text with one thing changed in it: a bit, a digit, a stretch gone, the end gone, two names that changed places, a line gone.
fn mutated(text: &str, below: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = below(bytes.len());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match below(6) {
        0 => bytes[at] ^= 1 << below(8),
        1 => {
            let digits: Vec<usize> =
                (0..text.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            bytes[digits[below(digits.len())]] = b'0' + u8::try_from(below(10)).expect("a digit");
        }
        2 => drop(bytes.drain(at..(at + 1 + below(40)).min(text.len()))),
        3 => bytes.truncate(at),
        4 => {
            let (one, other) = (below(lines.len()), below(lines.len()));
            if let (Some((first, own)), Some((second, others))) =
                (lines[one].clone().split_once(": "), lines[other].clone().split_once(": "))
            {
                (lines[one], lines[other]) =
                    (format!("{second}: {own}"), format!("{first}: {others}"));
            }
            bytes = (lines.join("\n") + "\n").into_bytes();
        }
        _ => {
            lines.remove(below(lines.len()));
            bytes = (lines.join("\n") + "\n").into_bytes();
        }
    }
    bytes
}

#[test]
fn none_that_was_changed_goes_on() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    let mut last = checkpoint(8);
    last.manifest.config = "rate: 2000\nsteps: 3\n".to_owned();
    last.manifest.best = Some(Best { step: 3, metric: "-loss".to_owned(), value: -0.1 - 0.2 });
    last.manifest.base = Some("/home/a/b".into());
    write(&mut folder, [3]);
    folder.keep(&last, 3).expect("there is room");
    let path = folder.checkpoint(8).join("manifest.json");
    let text = fs::read_to_string(&path).expect("it is there");
    let (mut below, mut changed) = (numbers(), 0);
    while changed < 1000 {
        let bytes = mutated(&text, &mut below);
        if bytes == text.as_bytes() {
            continue;
        }
        changed += 1;
        fs::write(&path, &bytes).expect("it is written");
        let newest = folder.newest().expect("one is whole").expect("there is one");
        let told = String::from_utf8_lossy(&bytes);
        assert_eq!((newest.checkpoint.manifest.step, newest.skipped.len()), (3, 1), "{told}");
    }
    for (from, to) in [("rate: 2000", "rate: 9000"), ("\"step\": 8", "\"step\": 0")] {
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).expect("it is written");
        let error = Checkpoint::read(&folder.checkpoint(8)).expect_err("it was changed");
        assert!(error.to_string().contains("its checksum is another one"), "{error}");
    }
    // One of another step, whole as it is.
    let other = fs::read(folder.checkpoint(3).join("manifest.json")).expect("it is there");
    fs::write(&path, other).expect("it is written");
    let error = Checkpoint::read(&folder.checkpoint(8)).expect_err("it is another one's");
    assert!(error.to_string().contains("of step 3, in the folder of step 8"), "{error}");
    fs::write(&path, &text).expect("it is written");
    let found = Checkpoint::read(&folder.checkpoint(8)).expect("it is as it was");
    assert_eq!(found.manifest.best, last.manifest.best, "to the last bit");
}

/// Of the version before manifests had a checksum.
#[test]
fn old_ones_are_read() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    write(&mut folder, [4]);
    let path = folder.checkpoint(4).join("manifest.json");
    let text = fs::read_to_string(&path).expect("it is there");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut old = serde_json::json!({ "version": 1 });
    for key in ["program", "step", "seed", "objective", "best", "spec", "config", "files"] {
        old[key] = value[key].clone();
    }
    fs::write(&path, format!("{old:#}\n")).expect("it is written");
    let found = Checkpoint::read(&folder.checkpoint(4)).expect("it is read");
    same(&found, &checkpoint(4));
    assert!(found.manifest.is_unsealed() && !checkpoint(4).manifest.is_unsealed());
    // A newer one that has lost its checksum is none of that version.
    let mut newer = value;
    newer["version"] = 1.into();
    newer.as_object_mut().expect("an object").shift_remove("blake3");
    fs::write(&path, format!("{newer:#}\n")).expect("it is written");
    assert!(Checkpoint::read(&folder.checkpoint(4)).is_err());
    // Written anew, it has one.
    write(&mut folder, [4]);
    assert!(!folder.newest().expect("whole").expect("there").checkpoint.manifest.is_unsealed());
}
