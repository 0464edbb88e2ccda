//! How long the compiler takes until a model is proved, and until a large mask is classified.
//!
//! In: nothing. Out: divan's table. Deliberately not here: devices.

use divan::{AllocProfiler, Bencher, black_box};
use zorro::routing::{Groups, Mask, Pair, Relation, Side, Tile, Windows};
use zorro::{Options, check_text, masks_text};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const ZORRO_VIT: &str = include_str!("../models/zorro_vit.zorro");

/// About 100,000 tokens. Planes are no multiple of the tile, nor of the windows, so that tiles do not repeat from
/// plane to plane.
const UNEVEN: [u64; 3] = [17, 76, 78];

/// As many, with planes of 100 whole tiles: what repeats is classified once.
const EVEN: [u64; 3] = [16, 80, 80];

fn main() {
    divan::main();
}

#[divan::bench]
fn check_zorro_vit() {
    let outcome = check_text(black_box(ZORRO_VIT), &Options::default());
    assert!(black_box(outcome).checked.is_some());
}

#[divan::bench]
fn masks_of_zorro_vit(bencher: Bencher<'_, '_>) {
    let outcome = check_text(ZORRO_VIT, &Options::default());
    let model = outcome.checked.expect("the model is right").model;
    bencher.bench(|| masks_text(black_box(&model)));
}

const RELATIONS: [&str; 6] = ["all", "windows", "shifted", "groups", "causal", "windows & causal"];

#[divan::bench(args = RELATIONS)]
fn mask_of_100_000_tokens_uneven(bencher: Bencher<'_, '_>, name: &str) {
    classify(bencher, name, UNEVEN);
}

#[divan::bench(args = RELATIONS)]
fn mask_of_100_000_tokens_even(bencher: Bencher<'_, '_>, name: &str) {
    classify(bencher, name, EVEN);
}

fn classify(bencher: Bencher<'_, '_>, name: &str, grid: [u64; 3]) {
    let mask = mask(name, grid);
    let tile = Tile { queries: 64, keys: 64 };
    bencher.bench(|| black_box(&mask).classify(tile).n_visited() + mask.allowed());
}

/// A group that reads itself.
fn mask(name: &str, grid: [u64; 3]) -> Mask {
    let windows = || Relation::Windows(Windows::new(vec![8, 7, 7]));
    let relation = match name {
        "all" => Relation::All,
        "windows" => windows(),
        "shifted" => Relation::Windows(Windows::shifted(vec![8, 7, 7], vec![4, 3, 3])),
        "groups" => Relation::Groups(Groups::new(16)),
        "causal" => Relation::Causal,
        "windows & causal" => windows().and(Relation::Causal),
        other => panic!("no relation is called {other}"),
    };
    let side = || vec![Side { name: "tokens".to_owned(), grid: grid.to_vec() }];
    Mask::new(side(), side(), vec![Pair { receiver: 0, read: 0, relation }])
}
