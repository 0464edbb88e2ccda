//! The masks of a model and where they are used.
//!
//! In: a model. Out: each distinct mask once, with the paths of the attention steps that have it, also folded as
//! people would write them. Deliberately not here: which of them a user wants to see.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use zorro_compiler::Model;
use zorro_compiler::routing::Mask;

pub use text::masks_text;

/// A mask and the steps that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The mask.
    pub mask: Mask,
    /// The paths of the attention steps, in the order in which they are computed: `layers.3.attend`.
    pub paths: Vec<String>,
    /// The named routes over which the blocks of these steps are applied.
    pub routes: BTreeSet<String>,
}

impl Use {
    /// The paths with numbers folded, without the `attend` at their ends: `layers.0..11, decoder`.
    #[must_use]
    pub fn places(&self) -> String {
        let layers = self.paths.iter().map(|path| path.strip_suffix(".attend").unwrap_or(path));
        folded(layers).join(", ")
    }
}

/// The distinct masks of a model, in the order of their first use.
#[must_use]
pub fn masks(model: &Model) -> Vec<Use> {
    masks_where(model, |_, _| true)
}

/// The same for those steps of which a condition holds, given the path and the route, if that has a name.
#[must_use]
pub fn masks_where(model: &Model, holds: impl Fn(&str, Option<&str>) -> bool) -> Vec<Use> {
    let mut routes = vec![None; model.steps.len()];
    for apply in &model.applies {
        routes[apply.steps.clone()].fill(apply.route.as_deref());
    }
    let (mut uses, mut known): (Vec<Use>, BTreeMap<Mask, usize>) = Default::default();
    for (step, route) in model.steps.iter().zip(routes) {
        if !holds(&step.path, route) {
            continue;
        }
        let Some(mask) = model.mask(step) else { continue };
        let at = *known.entry(mask).or_insert_with_key(|mask| {
            let mask = mask.clone();
            uses.push(Use { mask, paths: Vec::new(), routes: BTreeSet::new() });
            uses.len() - 1
        });
        uses[at].paths.push(step.path.clone());
        uses[at].routes.extend(route.map(str::to_owned));
    }
    uses
}

/// Paths that differ in one number become one, from the innermost number outwards.
fn folded<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut paths: Vec<Vec<String>> =
        paths.map(|path| path.split('.').map(str::to_owned).collect()).collect();
    paths.dedup();
    let n_parts = paths.iter().map(Vec::len).max().unwrap_or(0);
    for depth in (0..n_parts).rev() {
        // The other parts, and the numbers that stand at this depth.
        let mut merged: Vec<(Vec<String>, Vec<u64>)> = Vec::new();
        let mut at: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for mut path in paths {
            let number: Option<u64> = path.get(depth).and_then(|part| part.parse().ok());
            if number.is_some() {
                path[depth].clear();
            }
            let index = *at.entry(path).or_insert_with_key(|path| {
                merged.push((path.clone(), Vec::new()));
                merged.len() - 1
            });
            merged[index].1.extend(number);
        }
        paths = merged
            .into_iter()
            .map(|(mut path, numbers)| {
                if !numbers.is_empty() {
                    path[depth] = ranges(numbers);
                }
                path
            })
            .collect();
    }
    paths.into_iter().map(|path| path.join(".")).collect()
}

/// `3`, `0..11`, `{1,3..17}` (every second one), `{0,2,7}`.
fn ranges(mut numbers: Vec<u64>) -> String {
    numbers.sort_unstable();
    numbers.dedup();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    if numbers.len() == 1 {
        return first.to_string();
    }
    let step = numbers[1] - first;
    let is_even = numbers.windows(2).all(|pair| pair[1] - pair[0] == step);
    if is_even && step == 1 {
        return format!("{first}..{last}");
    }
    if is_even && numbers.len() > 3 {
        return format!("{{{first},{}..{last}}}", numbers[1]);
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[track_caller]
    fn check(paths: &[&str], expected: &[&str]) {
        assert_eq!(folded(paths.iter().copied()), expected);
    }

    #[test]
    fn numbers_fold() {
        check(&[], &[]);
        check(&["decoder"], &["decoder"]);
        check(&["layers.0", "layers.1", "layers.2", "decoder"], &["layers.0..2", "decoder"]);
        check(&["a.1.b.0", "a.1.b.1", "a.2.b.0", "a.2.b.1"], &["a.1..2.b.0..1"]);
        check(&["a.0.b.0", "a.1.b.0", "a.1.b.1"], &["a.0.b.0", "a.1.b.0..1"]);
        check(&["a.1", "a.3", "a.5", "a.7"], &["a.{1,3..7}"]);
        check(&["a.1", "a.3", "a.4"], &["a.{1,3,4}"]);
    }
}
