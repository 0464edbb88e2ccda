//! NaN in one token reaches whoever meets it, and nobody else.

use super::masks::{alone, causal_and, groups, windows, zorro};
use super::{Case, Options, pool};
use crate::compiler::routing::{Mask, Relation};

/// Poisons single tokens of each side, one after another, and compares rows of the other side.
fn check(name: &str, mask: Mask, step: usize) {
    let options = Options { heads: 2, width: 16, batch: 2, ..Options::default() };
    let clean = Case::new(mask.clone(), &options);
    let (_, cotangent) = clean.exact();
    let before = clean.run(&cotangent, &pool(2));
    for of_receivers in [false, true] {
        for (group, side) in clean.sides(of_receivers).to_vec().iter().enumerate() {
            for token in (0..side.tokens() as usize).step_by(step) {
                let mut case = Case::new(mask.clone(), &options);
                let row = case.rows(of_receivers, group, 1, false).start + token;
                let width = case.attention.width;
                for operand in if of_receivers { 0..1 } else { 1..3 } {
                    case.operands[operand][row * width..][..width].fill(f32::NAN);
                }
                let (_, mut cotangent) = clean.exact();
                if of_receivers {
                    let row = case.rows(true, group, 1, true).start + token;
                    cotangent.cotangent[row * width..][..width].fill(f32::NAN);
                    let heads = case.attention.heads;
                    cotangent.statistics[row * heads..][..heads].fill(f32::NAN);
                    cotangent.delta[row * heads..][..heads].fill(f32::NAN);
                }
                let after = case.run(&cotangent, &pool(2));
                let meets = |other: usize, of_other: usize, sample: usize| {
                    let (token, of_other) = (token as u64, of_other as u64);
                    sample == 1
                        && if of_receivers {
                            mask.allows(group, token, other, of_other)
                        } else {
                            mask.allows(other, of_other, group, token)
                        }
                };
                let name = format!("{name}: {} {token}", side.name);
                if of_receivers {
                    same_rows(&name, &case, false, (&before.keys, &after.keys), meets);
                    same_rows(&name, &case, false, (&before.values, &after.values), meets);
                } else {
                    same_rows(&name, &case, true, (&before.result, &after.result), meets);
                    same_rows(&name, &case, true, (&before.queries, &after.queries), meets);
                }
            }
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
        for sample in 0..case.batch {
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
    check("zorro", zorro(20, 12, 3), 5);
    check("zorro", zorro(70, 66, 17), 23);
    check("windows", alone(&[6, 9], windows(&[4, 4], &[1, 2])), 7);
    check("groups", alone(&[40], groups(3)), 9);
    check("causal", alone(&[150], Relation::Causal), 29);
    check("causal", alone(&[37], Relation::Causal), 5);
    check("causal windows", alone(&[9, 8], causal_and(windows(&[9, 6], &[0, 2]))), 11);
}
