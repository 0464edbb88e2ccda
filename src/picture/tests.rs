use std::ops::Range;

use zorro_compiler::routing::{Groups, Mask, Pair, Relation, Side, Windows};

use super::cells::{areas, by_tokens, fitting};
use super::draw::matrix;
use super::layout::{ALONE, Span, layout};
use super::scene::{Item, Letters, Short};
use super::{Panel, font, plan};

fn side(name: &str, grid: &[u64]) -> Side {
    Side { name: name.to_owned(), grid: grid.to_vec() }
}

/// Three groups; everything that a relation can be, and a pair that does not read.
fn mask() -> Mask {
    let sides = vec![side("video", &[2, 6, 6]), side("caption", &[9]), side("fusion", &[2])];
    let windows = Relation::Windows(Windows::shifted(vec![2, 4, 4], vec![0, 2, 2]));
    let pairs = [
        (0, 0, windows),
        (0, 1, Relation::Groups(Groups::new(4))),
        (1, 1, Relation::Causal),
        (2, 0, Relation::All),
        (2, 2, Relation::Causal.and(Relation::Groups(Groups::new(2)))),
    ];
    let pair = |(receiver, read, relation)| Pair { receiver, read, relation };
    Mask::new(sides.clone(), sides, pairs.map(pair).to_vec())
}

/// The numbers in the data of a path, whatever the letters between them.
fn numbers(data: &str) -> Vec<f64> {
    let parts = data.split(|c: char| c.is_ascii_alphabetic() || c == ' ');
    parts.filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect()
}

#[test]
fn a_drawing_allows_what_the_mask_allows() {
    let mask = mask();
    let layout = layout(&mask, ALONE);
    let blocks = by_tokens(&mask, 100, usize::MAX).unwrap();
    let scene = matrix(&mask, &blocks, &layout);
    let mut drawn: Vec<[Range<f64>; 2]> = Vec::new();
    for item in &scene.items {
        let Item::Area { data, .. } = item else { continue };
        for rect in data.split_terminator('z') {
            let [x, y, width, height, left] = numbers(rect)[..] else { panic!("{rect}") };
            assert_eq!(left, x, "a rectangle ends where it begins");
            drawn.push([y..y + height, x..x + width]);
        }
    }
    let middle = |span: &Span, token: u64| span.at(token) + span.token() / 2.0;
    for (receiver, row) in layout.rows.spans.iter().enumerate() {
        for (read, column) in layout.columns.spans.iter().enumerate() {
            for (query, key) in
                (0..row.tokens).flat_map(|q| (0..column.tokens).map(move |k| (q, k)))
            {
                let (y, x) = (middle(row, query), middle(column, key));
                let n_drawn =
                    drawn.iter().filter(|[ys, xs]| ys.contains(&y) && xs.contains(&x)).count();
                let allows = mask.allows(receiver, query, read, key);
                assert_eq!(n_drawn, usize::from(allows), "{receiver}.{query} <- {read}.{key}");
            }
        }
    }
}

#[test]
fn small_groups_keep_room_and_the_drawing_says_so() {
    let sides = vec![side("video", &[8, 14, 14]), side("fusion", &[8])];
    let all = |(receiver, read)| Pair { receiver, read, relation: Relation::All };
    let mask = Mask::new(sides.clone(), sides, [(0, 0), (1, 0), (1, 1)].map(all).to_vec());
    let layout = layout(&mask, ALONE);
    assert_eq!(layout.enlarged, ["fusion"]);
    let fusion = layout.columns.spans[1].size;
    assert!(fusion > font::width("fusion", 11.0), "its label fits");
    assert_eq!(fusion, layout.rows.spans[1].size, "a group is a square where it reads itself");
    let panel = Panel { title: "a <b> & c".to_owned(), mask: &mask };
    let svg = plan::sheet("m", &[panel]).svg(Letters::Text);
    assert!(svg.contains("Not to scale: fusion is enlarged."), "{svg}");
    assert!(svg.contains("<title>m: a &lt;b&gt; &amp; c</title>"), "{svg}");
}

#[test]
fn too_fine_a_mask_is_cut_along_the_rows_of_its_grid() {
    let sides = vec![side("video", &[4, 56, 56])];
    let relation = Relation::Windows(Windows::new(vec![4, 7, 7]));
    let mask = Mask::new(sides.clone(), sides, vec![Pair { receiver: 0, read: 0, relation }]);
    assert_eq!(by_tokens(&mask, 4096, 8000), None);
    let blocks = fitting(&mask, 230, 230);
    assert_eq!((blocks.tile.queries, blocks.tile.keys), (56, 56));
    assert!(areas(&mask, &blocks, 0).count() < 200);
    let svg = plan::sheet("m", &[Panel { title: "t".to_owned(), mask: &mask }]).svg(Letters::Text);
    assert!(svg.contains("A cell is 56x56 tokens.") && svg.len() < 20_000, "{svg}");
}

#[test]
fn numbers_are_short() {
    for (number, text) in
        [(0.0, "0"), (-0.001, "0"), (12.5, "12.5"), (-1.25, "-1.25"), (3.04, "3.04"), (7.999, "8")]
    {
        assert_eq!(Short(number).to_string(), text);
    }
}

#[test]
fn every_printable_character_has_strokes() {
    let text: String = (' '..='~').collect();
    assert_eq!(font::strokes(&text).len(), 94, "all but the space");
    assert_eq!(font::strokes("\u{e9}").len(), 1, "a box");
    assert!(font::width("mm", 10.0) > font::width("ll", 10.0));
    assert_eq!(font::width("", 10.0), 0.0);
}
