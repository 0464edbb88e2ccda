//! Every kernel against the definition, and what it visits against its schedule.

use super::masks::{across, alone, causal_and, groups, windows, within, zorro};
use super::{Case, Options, pool};
use crate::compiler::graph::Attention;
use crate::compiler::plan::AttendKind;
use crate::compiler::routing::{Mask, Relation, Schedule, Tile};
use crate::cpu::attend::{OTHERS, OWNERS};

/// Of a norm. Sums of some hundred numbers in f32 keep about 5e-7; statistics and delta in f32 add their half ulp.
const TOLERANCE: f64 = 2e-6;

fn check(name: &str, mask: Mask, options: &Options) {
    let case = Case::new(mask, options);
    let (exact, cotangent) = case.exact();
    let results = case.run(&cotangent, &pool(2));
    for ((part, found), exact) in results.parts().into_iter().zip(exact.parts()) {
        assert_eq!(found.len(), exact.len(), "{name}: {part}");
        let norm_of =
            |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
        // Gradients of who reads one token alone cancel, to roundings of the cotangent.
        let present = cotangent.cotangent.iter().map(|&x| f64::from(x)).filter(|x| !x.is_nan());
        let cotangents = norm_of(&mut present.into_iter());
        let norm = norm_of(&mut exact.iter().copied());
        let norm = if norm < 1e-6 * cotangents { cotangents } else { norm };
        let distances = found.iter().zip(exact).map(|(&x, y)| (f64::from(x) - y).powi(2));
        let error = distances.sum::<f64>().sqrt();
        assert!(error <= TOLERANCE * norm, "{name}: {part} is off by {error:e} of {norm:e}");
        let zeros = found.iter().zip(exact).filter(|(_, y)| **y == 0.0);
        assert!(zeros.clone().all(|(x, _)| *x == 0.0), "{name}: {part} has numbers for nothing");
    }
    if options.absent.is_empty() {
        visits(name, &case);
    }
}

/// Kernels visit the blocks and pairs that the schedule says, for each sample.
fn visits(name: &str, case: &Case) {
    let Attention { width, heads, forward, backward, .. } = &case.attention;
    let (_, cotangent) = case.exact();
    let (queries, keys) = (case.attention.n_queries(case.batch), case.attention.n_keys(case.batch));
    let check = |kind, cotangent, lengths: &[usize], schedule: &Schedule, tile| {
        let (_, visits) = case.kernel(kind, cotangent, lengths, &pool(2));
        let blocks = schedule.tiles(tile).visited() * case.batch as u128;
        assert_eq!(u128::from(visits.blocks()), blocks, "{name}: blocks of {kind:?}");
        let pairs = schedule.allowed() * case.batch as u128;
        assert_eq!(u128::from(visits.pairs()), pairs, "{name}: pairs of {kind:?}");
    };
    let (owners, others) = (OWNERS as u64, OTHERS as u64);
    let tile = Tile { queries: owners, keys: others };
    let plain = AttendKind::Forward { result: true, statistics: false };
    check(plain, None, &[queries * width], forward, tile);
    check(AttendKind::Queries, Some(&cotangent), &[queries * width], forward, tile);
    if case.attention.window.is_some() {
        let table = heads * case.attention.n_positions();
        check(AttendKind::Scores, Some(&cotangent), &[table], forward, tile);
    }
    let tile = Tile { queries: others, keys: owners };
    for (of_keys, of_values) in [(true, false), (false, true), (true, true)] {
        let kind = AttendKind::KeysValues { keys: of_keys, values: of_values };
        let lengths = vec![keys * width; usize::from(of_keys) + usize::from(of_values)];
        check(kind, Some(&cotangent), &lengths, backward, tile);
    }
}

#[test]
fn dense_token_counts() {
    for tokens in [1, 2, 63, 64, 65, 257] {
        check(&format!("{tokens} tokens"), alone(&[tokens], Relation::All), &Options::default());
    }
    for (queries, keys) in [(1, 257), (257, 1), (17, 130), (3, 64)] {
        let mask = across(&[("q", &[queries])], &[("k", &[keys])], &[(0, 0, Relation::All)]);
        let options = Options { heads: 2, width: 5, batch: 2, gap: 3, ..Options::default() };
        check(&format!("{queries} read {keys}"), mask, &options);
    }
}

#[test]
fn widths_and_heads() {
    for (heads, width) in [(1, 1), (2, 3), (3, 16), (1, 17), (2, 32), (3, 64), (1, 80), (1, 128)] {
        let options = Options { heads, width, batch: 2, ..Options::default() };
        check(&format!("{heads} heads of {width}"), alone(&[70], Relation::All), &options);
    }
}

#[test]
fn routes() {
    for (video, audio, fusion) in [(10, 6, 2), (130, 65, 16), (1, 1, 1), (200, 64, 8)] {
        for batch in [1, 2, 3] {
            for gap in [0, 2] {
                let name = format!("zorro {video}+{audio}+{fusion}, batch {batch}");
                let options = Options { batch, gap, heads: 2, width: 16, ..Options::default() };
                check(&name, zorro(video, audio, fusion), &options);
            }
        }
    }
    let none = within(&[("a", &[3]), ("b", &[70])], &[(0, 1, Relation::All)]);
    check("one reads nothing, one is read by nobody", none, &Options::default());
}

#[test]
fn absent_samples() {
    for absent in [
        vec![("audio", 0)],
        vec![("video", 0), ("video", 1), ("video", 2)],
        vec![("video", 0), ("audio", 1), ("fusion", 2)],
        vec![("video", 1), ("audio", 1), ("fusion", 1)],
    ] {
        let name = format!("absent {absent:?}");
        let options = Options { batch: 3, heads: 2, gap: 1, absent, ..Options::default() };
        check(&name, zorro(66, 20, 5), &options);
    }
}

#[test]
fn relations() {
    let causal = || Relation::Causal;
    for (name, grid, relation) in [
        ("windows of 1 axis", &[20][..], windows(&[7], &[3])),
        ("windows of 2 axes", &[9, 14], windows(&[4, 7], &[2, 3])),
        ("windows of 3 axes", &[4, 7, 6], windows(&[2, 7, 3], &[1, 3, 1])),
        ("windows of more tokens than a tile", &[24, 12], windows(&[12, 12], &[0, 5])),
        ("a window larger than the grid", &[3, 5], windows(&[7, 7], &[3, 3])),
        ("groups", &[50], groups(7)),
        ("groups of more tokens than a block", &[600], groups(2)),
        ("causal", &[1], causal()),
        ("causal", &[63], causal()),
        ("causal", &[200], causal()),
        ("causal", &[333], causal()),
        ("causal windows", &[9, 14], causal_and(windows(&[4, 7], &[2, 3]))),
        ("causal windows of many tokens", &[20, 28], causal_and(windows(&[20, 14], &[0, 3]))),
        ("causal groups", &[300], causal_and(groups(2))),
    ] {
        let options = Options { heads: 2, batch: 2, gap: 1, ..Options::default() };
        check(&format!("{name}: {grid:?}"), alone(grid, relation), &options);
    }
    let mixed = within(
        &[("a", &[6, 6]), ("b", &[90]), ("c", &[36])],
        &[
            (0, 0, windows(&[4, 4], &[1, 2])),
            (0, 1, groups(5)),
            (0, 2, causal()),
            (1, 2, groups(4)),
        ],
    );
    check("several relations on one receiver", mixed, &Options { heads: 2, ..Options::default() });
    let empty = across(&[("q", &[3])], &[("k", &[10])], &[(0, 0, groups(10))]);
    check("queries of groups without keys", empty, &Options::default());
    let empty = across(&[("q", &[10])], &[("k", &[3])], &[(0, 0, groups(10))]);
    check("keys of groups without queries", empty, &Options { gap: 2, ..Options::default() });
}

#[test]
fn score_bias() {
    for (grid, size, shift) in [
        (&[20][..], &[7][..], &[3][..]),
        (&[9, 14], &[4, 7], &[2, 3]),
        (&[4, 7, 6], &[2, 7, 3], &[1, 3, 1]),
        (&[16, 12], &[12, 12], &[0, 5]),
        (&[3, 5], &[7, 7], &[3, 3]),
    ] {
        for causal in [false, true] {
            let relation = windows(size, shift);
            let relation = if causal { causal_and(relation) } else { relation };
            let window = Some(size.iter().map(|&size| size as usize).collect());
            let options = Options { window, heads: 2, batch: 2, gap: 1, ..Options::default() };
            check(&format!("bias on {grid:?}, causal {causal}"), alone(grid, relation), &options);
        }
    }
    let window = Some(vec![4, 4]);
    let absent = vec![("x", 1)];
    let options = Options { window, absent, heads: 3, batch: 3, ..Options::default() };
    check("bias with an absent sample", alone(&[8, 8], windows(&[4, 4], &[2, 2])), &options);
}
