//! Whole files, and what is left of them.

use super::*;
use crate::data::media::picture::decode;

/// Row, column and color.
type Pixel = (usize, usize, [u8; 3]);

/// Files of Pillow 13.0.0, and what it reads at three places: row, column and color.
const FILES: &[(&str, [Pixel; 3])] = &[
    ("baseline", [(20, 28, [224, 70, 132]), (3, 50, [59, 198, 141]), (33, 7, [35, 183, 105])]),
    ("progressive", [(20, 28, [234, 65, 134]), (3, 50, [56, 199, 146]), (33, 7, [33, 184, 105])]),
    (
        "progressive-420",
        [(20, 28, [224, 70, 132]), (3, 50, [59, 198, 141]), (33, 7, [35, 183, 105])],
    ),
    ("restart", [(20, 28, [224, 70, 132]), (3, 50, [59, 198, 141]), (33, 7, [35, 183, 105])]),
    ("gray", [(20, 28, [123; 3]), (3, 50, [150; 3]), (33, 7, [130; 3])]),
    ("cmyk", [(20, 28, [239, 71, 123]), (3, 50, [38, 207, 143]), (33, 7, [29, 188, 115])]),
];

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/pictures/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

#[test]
fn whole_files_have_their_colors() {
    for (name, places) in FILES {
        let bytes = file(name);
        assert_eq!(check(&bytes), Ok(()), "{name}");
        let picture = decode(&bytes, 3).unwrap();
        for (row, column, wanted) in places {
            let found = &picture.values[(row * picture.width + column) * 3..][..3];
            for (found, wanted) in found.iter().zip(wanted) {
                // Decoders round in different places.
                assert!(found.abs_diff(*wanted) <= 4, "{name}: {found} {wanted}");
            }
        }
        // What comes behind the end is not the picture's.
        assert_eq!(check(&[&bytes[..], b"and more \xff\xd8\xff"].concat()), Ok(()), "{name}");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_broken() {
    for (name, _) in FILES {
        let bytes = file(name);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], 3).is_err(), "{name} cut at {end}");
        }
        // With an end in its place it is no better, wherever data is missing.
        let data = bytes.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
        for end in data..bytes.len() - 10 {
            let ended = [&bytes[..end], &[0xff, END]].concat();
            let is_between = *name == "progressive" || *name == "progressive-420";
            // A progressive file may end after any scan.
            assert!(is_between || check(&ended).is_err(), "{name} ended at {end}");
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let baseline = file("baseline");
    let data = baseline.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 14;
    let restart = file("restart");
    let marker = restart.windows(2).position(|two| two == [0xff, 0xd1]).unwrap();
    let changed = |file: &[u8], at: usize, new: &[u8]| {
        let mut file = file.to_vec();
        file[at..at + new.len()].copy_from_slice(new);
        file
    };
    let longer = |new: &[u8]| {
        let end = baseline.len() - 2;
        [&baseline[..end], new, &baseline[end..]].concat()
    };
    for (bytes, words) in [
        (baseline[..data - 14].to_vec(), "the end of the picture is missing"),
        (changed(&baseline, data + 40, &[0; 90]), "brighter than white or darker"),
        (changed(&baseline, data + 40, &[0xff, END]), "the data ends in row 1 of 3"),
        (changed(&restart, marker, &[0xff, 0xd5]), "restart marker 1 is missing"),
        (longer(&[7; 30]), "30 bytes are left over"),
        (b"\xff\xd8\xff\xd9".to_vec(), "there is no picture in it"),
        (b"\xff\xd8\xff\xc3\0\x08".to_vec(), "not read"),
    ] {
        let said = check(&bytes).unwrap_err();
        assert!(said.contains(words), "{said}, not {words}");
    }
    // What fills up, and a byte or two, harm nobody.
    assert_eq!(check(&longer(&[0; 64])), Ok(()));
    assert_eq!(check(&longer(&[9])), Ok(()));
}
