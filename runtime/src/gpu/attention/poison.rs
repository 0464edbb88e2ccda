//! NaN in one token reaches whoever meets it, and nobody else.

use std::sync::Arc;

use super::Bench;
use super::case::{Case, Options};
use super::cases::{alone, causal_and, windows, zorro};
use crate::compiler::routing::{Mask, Relation};

/// Poisons single tokens of each side, one after another, and compares rows of the other side.
fn check(name: &str, mask: &Mask, step: usize) {
    let Some(bench) = Bench::new() else { return };
    let options = Options { heads: 2, width: 4, batch: 2, ..Options::default() };
    for (sharing, target) in &bench.targets {
        let clean = Case::new(mask.clone(), &options);
        let plan = Arc::new(clean.plan());
        let before = bench.run(&clean, &plan, target);
        for of_receivers in [false, true] {
            for (group, side) in clean.sides(of_receivers).iter().enumerate() {
                for token in (0..side.tokens() as usize).step_by(step) {
                    let mut case = Case::new(mask.clone(), &options);
                    poison(&mut case, of_receivers, group, token);
                    let after = bench.run(&case, &plan, target);
                    let meets = |other: usize, of_other: usize, sample: usize| {
                        let (token, of_other) = (token as u64, of_other as u64);
                        sample == 1
                            && if of_receivers {
                                mask.allows(group, token, other, of_other)
                            } else {
                                mask.allows(other, of_other, group, token)
                            }
                    };
                    let results = if of_receivers { [3, 4] } else { [0, 2] };
                    for at in results {
                        let name = format!("{name}, {sharing}: {} {token}", side.name);
                        let both = (&*before[at], &*after[at]);
                        same_rows(&name, &case, !of_receivers, both, meets);
                    }
                }
            }
        }
    }
}

fn poison(case: &mut Case, of_receivers: bool, group: usize, token: usize) {
    let (width, heads) = (case.attention.width, case.attention.heads);
    let row = case.rows(of_receivers, group, 1, false).start + token;
    for operand in if of_receivers { 0..1 } else { 1..3 } {
        case.inputs[operand][row * width..][..width].fill(f32::NAN);
    }
    if of_receivers {
        let row = case.rows(true, group, 1, true).start + token;
        for (operand, width) in [(3, heads), (4, heads), (5, width)] {
            case.inputs[operand][row * width..][..width].fill(f32::NAN);
        }
    }
}

/// Rows of all groups of a side: NaN where they meet the poison, else the bits that were there before.
fn same_rows(
    name: &str,
    case: &Case,
    of_receivers: bool,
    (before, after): (&[f32], &[f32]),
    meets: impl Fn(usize, usize, usize) -> bool,
) {
    let width = case.attention.width;
    for group in 0..case.sides(of_receivers).len() {
        for sample in 0..2 {
            let rows = case.rows(of_receivers, group, sample, true);
            for (token, row) in rows.enumerate() {
                let [before, after] = [before, after].map(|all| &all[row * width..][..width]);
                if meets(group, token, sample) {
                    assert!(after.iter().all(|x| x.is_nan()), "{name}: {group} {token} is whole");
                } else {
                    assert_eq!(before, after, "{name}: {group} {token} is touched");
                }
            }
        }
    }
}

#[test]
fn of_single_tokens() {
    check("zorro", &zorro(20, 12, 3), 9);
    check("windows", &alone(&[6, 9], windows(&[4, 4], &[1, 2])), 17);
    check("causal", &alone(&[70], Relation::Causal), 29);
    check("causal windows", &alone(&[9, 8], causal_and(windows(&[9, 6], &[0, 2]))), 31);
}
