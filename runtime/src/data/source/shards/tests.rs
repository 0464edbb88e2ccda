//! Patterns and names; archives that were damaged, of which nothing is taken for something else.

use std::io::{Seek, Write};
use std::ops::ControlFlow;

use super::walk::{Is, Region, walk};
use super::{expanded, is_climbing, split};
use crate::data::draw::Draw;
use crate::data::media::Trouble;

/// What a plain reader sees: name, place and size of each member, and whether it comes to an end.
type Listing = (Vec<(Vec<u8>, u64, u64)>, bool);

/// A reader of plain tar files, written for nothing but this.
fn plain(bytes: &[u8]) -> Listing {
    let (mut members, mut at) = (Vec::new(), 0);
    let octal = |field: &[u8]| {
        let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']).to_owned();
        u64::from_str_radix(&text, 8).ok()
    };
    while let Some(block) = bytes.get(at..at + 512) {
        if block.iter().all(|byte| *byte == 0) {
            return (members, bytes[at..].iter().all(|byte| *byte == 0));
        }
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            - block[148..156].iter().map(|byte| u64::from(*byte)).sum::<u64>()
            + 8 * 32;
        let (Some(said), Some(size)) = (octal(&block[148..156]), octal(&block[124..136])) else {
            break;
        };
        let end = (at as u64 + 512).saturating_add(size);
        if said != sum || end > bytes.len() as u64 || ![0, b'0'].contains(&block[156]) {
            break;
        }
        let name = block[..100].split(|byte| *byte == 0).next().unwrap().to_vec();
        members.push((name, at as u64 + 512, size));
        at = (end as usize).next_multiple_of(512);
    }
    (members, false)
}

fn ours(bytes: &[u8]) -> Listing {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let (mut members, length) = (Vec::new(), bytes.len() as u64);
    let walked = walk(Region { file: &file, base: 0, length }, |found| {
        if found.is == Is::File && found.offset + found.size <= length {
            members.push((found.name, found.offset, found.size));
        }
        ControlFlow::Continue(())
    });
    assert!(!matches!(walked, Err(Trouble::Machine(_))), "{walked:?}");
    (members, walked.is_ok())
}

#[test]
fn damaged_archives_are_no_other_archives() {
    let files: Vec<(String, Vec<u8>)> = (0..8)
        .flat_map(|n| {
            let text = n.to_string().into_bytes();
            [(format!("s{n}.cls"), text), (format!("s{n}.bin"), vec![7; 300 * n])]
        })
        .collect();
    let whole = crate::data::tests::tar(&files);
    let (right, is_whole) = plain(&whole);
    assert!(is_whole && right.len() == 16);
    assert_eq!(ours(&whole), (right.clone(), true));
    let headers: Vec<usize> = right.iter().map(|(_, offset, _)| *offset as usize - 512).collect();
    let (mut n_noticed, mut n_harmless) = (0, 0);
    for case in 0..1000 {
        let mut draw = Draw::new(case, "tar", 0);
        let mut below = |n: usize| draw.below(n as u64) as usize;
        let mut bytes = whole.clone();
        let header = headers[below(headers.len())];
        let what = match case % 6 {
            0 | 1 => {
                let at = header + below(512);
                bytes[at] ^= 1 << below(8);
                format!("a bit of byte {} of a header", at - header)
            }
            2 => {
                bytes.truncate(below(bytes.len()));
                format!("{} bytes are left", bytes.len())
            }
            3 => {
                let other = headers[below(headers.len())];
                for at in 124..136 {
                    bytes.swap(header + at, other + at);
                }
                format!("sizes swapped: {header} {other}")
            }
            4 => {
                bytes[header..header + 512].fill(0);
                format!("no header at {header}")
            }
            _ => {
                let at = below(bytes.len());
                let n = below(2000).min(bytes.len() - at);
                bytes.drain(at..at + n);
                format!("{n} bytes gone at {at}")
            }
        };
        let (found, is_whole) = ours(&bytes);
        let (wanted, _) = plain(&bytes);
        // What is found is what a plain reader finds, up to where it stops.
        assert_eq!(found, wanted, "{case}: {what}");
        if is_whole {
            // What is taken as whole has all that there was, as it was: only bytes that mean nothing were changed, or what a
            // member holds, which has no checksum in a tar file.
            let same = |(name, _, size): &(Vec<u8>, u64, u64)| (name.clone(), *size);
            assert!(found.iter().map(same).eq(right.iter().map(same)), "{case}: {what}: {found:?}");
            n_harmless += 1;
        } else {
            n_noticed += 1;
        }
    }
    assert!(n_noticed > 700 && n_harmless > 20, "{n_noticed} {n_harmless}");
}

#[test]
fn ranges_are_written_out() {
    for (pattern, wanted) in [
        ("a.tar", Some(vec!["a.tar"])),
        ("a-{08..11}.tar", Some(vec!["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"])),
        ("{9..10}", Some(vec!["9", "10"])),
        ("{x,y}-{0..1}", Some(vec!["x-0", "x-1", "y-0", "y-1"])),
        ("{2..1}", None),
        ("{0..99999999999}", None),
        ("{0..999}{0..999}{0..999}", None),
        ("{a..b}", None),
        ("{1..2", None),
    ] {
        let wanted: Option<Vec<String>> =
            wanted.map(|all| all.into_iter().map(str::to_owned).collect());
        assert_eq!(expanded(pattern).ok(), wanted, "{pattern}");
    }
}

#[test]
fn names_are_split_at_the_first_point() {
    for (name, wanted) in [
        ("a.png", Ok(("a", "png"))),
        ("x.y/a.left.PNG", Ok(("x.y/a", "left.png"))),
        ("a", Err("no extension")),
        ("a.", Err("no extension")),
        ("x/.hidden", Err(".hidden")),
        ("x/.DS_Store", Err(".DS_Store")),
        ("x/._a.png", Err("._*")),
        ("PaxHeaders.7/a.png", Err("PaxHeaders.7/")),
        ("__MACOSX/x/a.png", Err("__MACOSX/")),
    ] {
        let found = split(name);
        let found = found.as_ref().map(|(key, extension)| (key.as_str(), extension.as_str()));
        assert_eq!(found.map_err(String::as_str), wanted, "{name}");
    }
    for (name, wanted) in [
        ("a/../b", true),
        ("/a", true),
        ("C:\\a", cfg!(windows)),
        ("b:1.png", cfg!(windows)),
        ("..\\a", cfg!(windows)),
        ("a..b/c", false),
    ] {
        assert_eq!(is_climbing(name), wanted, "{name}");
    }
}
