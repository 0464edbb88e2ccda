//! Attention of many groups: whole pairs, causal ones, uneven ones, and such that some samples lack.

use super::case::Options;
use super::cases::{across, windows};
use super::{Bench, check};
use crate::compiler::routing::{Mask, Relation};

/// Who reads whom, of so many groups.
#[derive(Clone, Copy)]
enum Route {
    All,
    /// Those before, and itself up to each token.
    Causal,
    /// Itself and those before.
    Before,
    /// Every third, as many ranges as there are.
    Third,
}

/// Names of groups: cases say by name who is absent.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("g{at}")).collect()
}

fn mask(count: usize, tokens: &[u64], route: Route) -> Mask {
    let names = names(count);
    let grids: Vec<[u64; 1]> = (0..count).map(|at| [tokens[at % tokens.len()]]).collect();
    let groups: Vec<(&str, &[u64])> =
        names.iter().zip(&grids).map(|(name, grid)| (name.as_str(), grid.as_slice())).collect();
    let mut pairs = Vec::new();
    for receiver in 0..count {
        for read in 0..count {
            let relation = match route {
                Route::All => Some(Relation::All),
                Route::Causal if read == receiver => Some(Relation::Causal),
                Route::Causal | Route::Before => (read <= receiver).then_some(Relation::All),
                Route::Third => (receiver + read).is_multiple_of(3).then_some(Relation::All),
            };
            pairs.extend(relation.map(|relation| (receiver, read, relation)));
        }
    }
    across(&groups, &groups, &pairs)
}

#[test]
fn many_groups() {
    let Some(bench) = Bench::new() else { return };
    let plain = Options { heads: 2, width: 4, ..Options::default() };
    let two = Options { batch: 2, ..plain.clone() };
    let apart = Options { gap: 1, ..two.clone() };
    let absent = vec![("g3", 0), ("g4", 0), ("g9", 1)];
    let lacking = Options { absent, batch: 2, ..plain.clone() };
    for (count, tokens, route, options) in [
        (9, &[1][..], Route::All, &two),
        (9, &[2, 1, 5], Route::All, &two),
        (16, &[3], Route::Causal, &two),
        (16, &[3, 1], Route::Causal, &lacking),
        (16, &[2], Route::Third, &apart),
        (64, &[2], Route::Before, &plain),
        (64, &[1, 2], Route::All, &lacking),
        (128, &[1], Route::Third, &two),
        (256, &[1, 1, 2], Route::All, &two),
    ] {
        let name = format!("{count} groups of {tokens:?}");
        check(&bench, &name, mask(count, tokens, route), options);
    }
}

#[test]
fn many_groups_with_a_score_bias() {
    let Some(bench) = Bench::new() else { return };
    let names = names(90);
    for grids in [&[&[4_u64, 3][..]][..], &[&[4, 3], &[2, 3]]] {
        let grid = |at: usize| grids[at % grids.len()];
        let groups: Vec<(&str, &[u64])> =
            names.iter().enumerate().map(|(at, name)| (name.as_str(), grid(at))).collect();
        let pairs = (0..names.len()).map(|at| (at, at, windows(&[2, 2], &[1, 0])));
        let mask = across(&groups, &groups, &pairs.collect::<Vec<_>>());
        let window = Some(vec![2, 2]);
        let absent = vec![("g7", 1)];
        let options = Options { window, absent, batch: 2, heads: 2, ..Options::default() };
        check(&bench, &format!("biases on {grids:?}"), mask, &options);
    }
}
