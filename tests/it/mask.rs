//! Pictures of masks: the text says what the mask says, files are what they claim to be, and the command line
//! selects and refuses.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use resvg::usvg::{Options, Tree};
use zorro::picture::{self, Panel};
use zorro_compiler::routing::{Groups, Mask, Pair, Relation, Side, Windows};

use super::cli::{Run, zorro};

/// A caption, read causally, and a photo; each with layers of its own, and one that reads both.
const SPEC: &str = "\
model small {
  modality caption = text(length: 5, vocabulary: 9)
  modality photo = image(size: 4)
  tokens caption = caption |> embed(8)
  tokens photo = photo |> patches(1, 2) |> linear(8)
  route apart {
    caption <- caption within causal
    photo <- photo within windows([2, 2], shift: [1, 1])
  }
  layers: repeat 3 { apply vit(2) over apart }
  tokens out = latents(1, 8)
  decoder: apply decoder(2) over { out <- caption, photo }
  output z = out |> linear(2)
}
";

fn run(args: &[&str]) -> (tempfile::TempDir, Run) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("small.zorro"), SPEC).expect("the folder can be written to");
    let run = zorro(folder.path(), &[&["mask"], args].concat(), "");
    (folder, run)
}

#[track_caller]
fn printed(args: &[&str]) -> String {
    let (_, Run { code, stdout, stderr }) = run(args);
    assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
    stdout
}

#[test]
fn text() {
    insta::assert_snapshot!(printed(&["small.zorro", "--tile", "4x2"]), @"
    # layers.0..2

    group    grid  tokens
    caption  5          5
    photo    4x2        8
    caption <- caption within causal
    photo <- photo within windows([2, 2], shift: [1, 1])
    density 0.231 (39 of 169 pairs)
    tile 4x2: 11 of 28 blocks visited (3 full, 8 partial), 17 skipped

    one character = 1 token; # allowed, . not
             caption
             :     photo
            +-----+--------+
    caption |#....|........|
            |##...|........|
            |###..|........|
            |####.|........|
            |#####|........|
            +-----+--------+
      photo |.....|##......|
            |.....|##......|
            |.....|..####..|
            |.....|..####..|
            |.....|..####..|
            |.....|..####..|
            |.....|......##|
            |.....|......##|
            +-----+--------+

    # decoder

    group    grid  tokens
    out      1          1
    caption  5          5
    photo    4x2        8
    out <- caption, photo
    density 1.000 (13 of 13 pairs)
    tile 4x2: 7 of 7 blocks visited (7 full, 0 partial), 0 skipped

    one character = 1 token; # allowed, . not
         caption
         :     photo
        +-----+--------+
    out |#####|########|
        +-----+--------+
    ");
}

#[test]
fn json() {
    let text = printed(&["small.zorro", "--route", "apart", "--format", "json"]);
    insta::assert_snapshot!(text, @r#"
    {
      "version": 1,
      "model": "small",
      "masks": [
        {
          "steps": [
            "layers.0.attend",
            "layers.1.attend",
            "layers.2.attend"
          ],
          "routes": [
            "apart"
          ],
          "receivers": [
            {
              "name": "caption",
              "grid": [
                5
              ],
              "tokens": 5
            },
            {
              "name": "photo",
              "grid": [
                4,
                2
              ],
              "tokens": 8
            }
          ],
          "reads": [
            {
              "name": "caption",
              "grid": [
                5
              ],
              "tokens": 5
            },
            {
              "name": "photo",
              "grid": [
                4,
                2
              ],
              "tokens": 8
            }
          ],
          "pairs": [
            {
              "receiver": 0,
              "read": 0,
              "relation": {
                "kind": "causal"
              },
              "allowed": 15,
              "blocks": {
                "full": 0,
                "partial": 1,
                "empty": 0
              }
            },
            {
              "receiver": 1,
              "read": 1,
              "relation": {
                "kind": "windows",
                "size": [
                  2,
                  2
                ],
                "shift": [
                  1,
                  1
                ]
              },
              "allowed": 24,
              "blocks": {
                "full": 0,
                "partial": 1,
                "empty": 0
              }
            }
          ],
          "allowed": 39,
          "total": 169,
          "density": 0.23076923076923078,
          "tile": {
            "queries": 64,
            "keys": 64
          },
          "blocks": {
            "full": 0,
            "partial": 2,
            "empty": 2
          }
        }
      ]
    }
    "#);
}

#[test]
fn selected_masks_are_named_after_what_selected_them() {
    let text = printed(&["small.zorro", "--layer", "layers.1"]);
    assert!(text.starts_with("# layers.1\n") && !text.contains("decoder"), "{text}");
    let text = printed(&["small.zorro", "--layer", "layers", "--route", "apart"]);
    assert!(text.starts_with("# layers.0..2\n") && !text.contains("decoder"), "{text}");
}

#[test]
fn what_is_not_there_is_refused_with_what_there_is() {
    for (args, code, expected) in [
        (&["small.zorro", "--route", "apert"][..], 1, "did you mean `apart`?; routes: apart"),
        (
            &["small.zorro", "--layer", "layer.1"],
            1,
            "no attention at `layer.1`; did you mean `layers.1`?; layers: layers.0..2, decoder",
        ),
        (&["small.zorro", "--layer", "layers.11"], 1, "did you mean `layers.1`?"),
        (&["small.zorro", "--layer", "decoder", "--route", "apart"], 1, "is over the route"),
        (&["small.zorro", "-o", "a.pdf"], 2, "no format is called `pdf`"),
        (&["small.zorro", "-o", "none/a.svg"], 1, "cannot write `none/a.svg`: there is no folder"),
        (&["none.zorro"], 1, "cannot read `none.zorro`: there is no such file"),
        (&["small.zorro", "--set", "size=1"], 1, "size"),
    ] {
        let (_, Run { code: found, stdout, stderr }) = run(args);
        assert_eq!((found, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}

#[test]
fn files_are_what_their_names_say() {
    for name in ["a.svg", "a.png", "a.json", "a.txt"] {
        let (folder, Run { code, stdout, stderr }) = run(&["small.zorro", "-o", name]);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""), "{name}");
        let bytes = fs::read(folder.path().join(name)).expect("the file is there");
        let n_files = fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(n_files, 2, "nothing else is left");
        match Path::new(name).extension().and_then(|extension| extension.to_str()) {
            Some("svg") => assert!(bytes.starts_with(b"<svg ")),
            Some("png") => assert!(bytes.starts_with(b"\x89PNG")),
            Some("json") => assert!(bytes.starts_with(b"{\n  \"version\": 1,")),
            Some(_) | None => assert!(bytes.starts_with(b"# layers.0..2\n")),
        }
    }
}

#[test]
fn a_result_replaces_an_older_one() {
    let (folder, _) = run(&["small.zorro", "-o", "a.txt"]);
    let args = ["mask", "small.zorro", "--layer", "decoder", "-o", "a.txt"];
    assert_eq!(zorro(folder.path(), &args, "").code, 0);
    let text = fs::read_to_string(folder.path().join("a.txt")).expect("the file is there");
    assert!(text.starts_with("# decoder\n"), "{text}");
}

fn side(name: &str, grid: Vec<u64>) -> Side {
    Side { name: name.to_owned(), grid }
}

#[test]
fn svg_is_well_formed_and_png_has_its_size() {
    let mask = Mask::new(
        vec![side("a name longer than its group <&>", vec![1]), side("b", vec![300])],
        vec![side("fusion", vec![8]), side("r\u{e9}sum\u{e9}\u{1}", vec![2, 2])],
        vec![Pair { receiver: 1, read: 0, relation: Relation::All }],
    );
    let empty = Mask::new(vec![side("alone", vec![3])], Vec::new(), Vec::new());
    let panel = |mask| Panel { title: "layers.0..11, decoder".to_owned(), mask };
    for panels in [vec![panel(&mask)], vec![panel(&empty)], vec![panel(&mask), panel(&empty)]] {
        let svg = picture::svg("m", &panels);
        let size = Tree::from_str(&svg, &Options::default()).expect("it is an SVG").size();
        let png = picture::png("m", &panels).expect("it is small");
        let number =
            |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
        let twice = |length: f32| (length * 2.0) as u32;
        assert_eq!((number(16), number(20)), (twice(size.width()), twice(size.height())));
    }
}

/// Masks of up to three groups on either side; relations that fit.
fn masks() -> impl Strategy<Value = Mask> {
    let grid = prop_oneof![
        (1..13_u64).prop_map(|n| vec![n]),
        (1..5_u64, 1..5_u64).prop_map(|(a, b)| vec![a, b]),
    ];
    let relation = (0..5_u64, 1..5_u64, 0..5_u64);
    let grids = prop::collection::vec(grid, 1..4);
    let relations = prop::collection::vec(prop::option::of(relation), 9);
    (grids, relations, any::<bool>()).prop_map(|(grids, relations, is_square)| {
        let reads: Vec<Side> = grids.iter().map(|grid| side("g", grid.clone())).collect();
        let receivers = if is_square { reads.clone() } else { vec![side("r", vec![7])] };
        let mut pairs = Vec::new();
        for (at, relation) in relations.into_iter().enumerate() {
            let (receiver, read) = (at / 3, at % 3);
            let Some((kind, size, shift)) = relation else { continue };
            if receiver >= receivers.len() || read >= reads.len() {
                continue;
            }
            let n_axes = reads[read].grid.len();
            let windows = Windows::shifted(vec![size; n_axes], vec![shift % size; n_axes]);
            let relation = match kind {
                0 => Relation::Causal,
                1 => Relation::Windows(windows),
                2 => Relation::Causal.and(Relation::Groups(Groups::new(size))),
                3 => Relation::Groups(Groups::new(size)),
                4.. => Relation::All,
            };
            let fits = relation.fit(&receivers[receiver].grid, &reads[read].grid).is_ok();
            let relation = if fits { relation } else { Relation::All };
            pairs.push(Pair { receiver, read, relation });
        }
        Mask::new(receivers, reads, pairs)
    })
}

proptest! {
    #[test]
    fn the_text_allows_what_the_mask_allows(mask in masks()) {
        let text = picture::text(&mask);
        prop_assert!(text.starts_with("one character = 1 token; # allowed, . not\n"));
        let is_row = |line: &&str| line.contains(" |");
        let cells = |line: &str| -> Vec<char> {
            line.chars().filter(|character| "#.".contains(*character)).collect()
        };
        let drawn: Vec<Vec<char>> = text.lines().filter(is_row).map(cells).collect();
        let mut expected = Vec::new();
        for (receiver, row) in mask.receivers.iter().enumerate() {
            for query in 0..row.tokens() {
                let mut line = Vec::new();
                for (read, column) in mask.reads.iter().enumerate() {
                    line.extend((0..column.tokens()).map(|key| {
                        if mask.allows(receiver, query, read, key) { '#' } else { '.' }
                    }));
                }
                expected.push(line);
            }
        }
        prop_assert_eq!(drawn, expected, "{}", text);
    }
}
