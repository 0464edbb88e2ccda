//! What users see of masks.

use crate::routing::{Groups, Mask, Pair, Relation, Side, Tile, Windows};

fn side(name: &str, grid: &[u64]) -> Side {
    Side { name: name.to_owned(), grid: grid.to_vec() }
}

fn pair(receiver: usize, read: usize, relation: Relation) -> Pair {
    Pair { receiver, read, relation }
}

#[test]
fn zorro() {
    let sides = vec![side("video", &[8, 14, 14]), side("audio", &[8, 16]), side("fusion", &[16])];
    let routes = [(0, 0), (1, 1), (2, 0), (2, 1), (2, 2)];
    let pairs = routes.map(|(receiver, read)| pair(receiver, read, Relation::All)).to_vec();
    let mask = Mask::new(sides.clone(), sides, pairs);
    insta::assert_snapshot!(mask, @"
    group   grid     tokens
    video   8x14x14    1568
    audio   8x16        128
    fusion  16           16
    video <- video
    audio <- audio
    fusion <- video, audio, fusion
    density 0.854 (2502400 of 2930944 pairs)
    ");
    insta::assert_snapshot!(mask.classify(Tile { queries: 64, keys: 64 }), @"tile 64x64: 657 of 784 blocks visited (657 full, 0 partial), 127 skipped");
}

#[test]
fn relations_on_edges() {
    let receivers = vec![side("text", &[12]), side("norm", &[])];
    let reads = vec![side("image", &[3, 4]), side("text", &[12])];
    let windows = Relation::Windows(Windows::shifted(vec![4], vec![2]));
    let causal = windows.and(Relation::Causal);
    let mask = Mask::new(receivers, reads, vec![pair(0, 1, causal), pair(0, 0, Relation::All)]);
    insta::assert_snapshot!(mask, @"
    group  grid  tokens
    text   12        12
    norm   1          1
    image  3x4       12
    text <- image, text within windows([4], shift: [2]) & causal
    norm
    density 0.545 (170 of 312 pairs)
    ");
    insta::assert_snapshot!(mask.classify(Tile { queries: 4, keys: 5 }), @"tile 4x5: 14 of 24 blocks visited (9 full, 5 partial), 10 skipped");
}

#[test]
fn relations() {
    let windows = Relation::Windows(Windows::new(vec![8, 7, 7]));
    let shifted = Relation::Windows(Windows::shifted(vec![4, 4], vec![2, 2]));
    let groups = Relation::Groups(Groups::new(16));
    let text = [windows, shifted, groups, Relation::Causal, Relation::All]
        .map(|relation| relation.to_string());
    insta::assert_snapshot!(text.join("\n"), @"
    windows([8, 7, 7])
    windows([4, 4], shift: [2, 2])
    groups(16)
    causal
    all
    ");
}

#[test]
fn misfits() {
    let windows = |size: &[u64], shift: &[u64]| {
        Relation::Windows(Windows::shifted(size.to_vec(), shift.to_vec()))
    };
    let cases: [(Relation, &[u64], &[u64]); 10] = [
        (windows(&[8, 8], &[0, 0]), &[128], &[128]),
        (windows(&[8], &[0]), &[128], &[8, 16]),
        (windows(&[8], &[4]), &[128], &[64]),
        (windows(&[], &[]), &[], &[]),
        (windows(&[2, 2, 2, 2], &[0; 4]), &[4; 4], &[4; 4]),
        (windows(&[8, 8], &[4]), &[16, 16], &[16, 16]),
        (windows(&[0], &[0]), &[16], &[16]),
        (windows(&[4], &[4]), &[16], &[16]),
        (Relation::Groups(Groups::new(0)), &[16], &[16]),
        (Relation::Groups(Groups::new(4)).and(Relation::Causal), &[1], &[8, 16]),
    ];
    let text = cases.map(|(relation, query, key)| relation.fit(query, key).expect_err("misfits"));
    insta::assert_snapshot!(text.join("\n"), @"
    `windows([8, 8])` has 2 dimensions, the grid of the query is 1-D (128)
    `windows([8])` has 1 dimension, the grid of the key is 2-D (8x16)
    `windows([8], shift: [4])` needs equal grids, the query has 128, the key 64
    `windows([])` has 0 dimensions, not 1 to 3
    `windows([2, 2, 2, 2])` has 4 dimensions, not 1 to 3
    `windows([8, 8], shift: [4])` has 2 dimensions and a shift of 1 dimension
    `windows([0])` has a window of size 0
    `windows([4], shift: [4])` shifts by 4, not less than its window of 4
    `groups(0)` has no groups
    `causal` needs as many keys as queries, the query has 1 token, the key 128
    ");
}
