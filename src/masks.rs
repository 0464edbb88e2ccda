//! The masks of a model as text.
//!
//! In: a model. Out: every different mask once, under the attentions that use it, a line for each receiver.
//! Deliberately not here: pictures, and the table of groups of a single mask, which is its `Display`: with
//! the grids beside the names, a model of twenty masks still fits on a screen or two.

use std::collections::BTreeMap;

use zorro_compiler::Model;
use zorro_compiler::routing::{Mask, Relation, Side};

/// Every different mask with the attentions that use it, in the order of their first use.
#[must_use]
pub fn masks_text(model: &Model) -> String {
    let mut masks: Vec<(Mask, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<Mask, usize> = BTreeMap::new();
    for step in &model.steps {
        let Some(mask) = model.mask(step) else { continue };
        let at = *known.entry(mask).or_insert_with_key(|mask| {
            masks.push((mask.clone(), Vec::new()));
            masks.len() - 1
        });
        masks[at].1.push(&step.path);
    }
    let texts =
        masks.iter().map(|(mask, paths)| format!("used by {}\n{}", folded(paths), lines(mask)));
    texts.collect::<Vec<_>>().join("\n")
}

/// A mask, with the grid of a group where it is first mentioned.
fn lines(mask: &Mask) -> String {
    let mut known = Vec::new();
    let receivers = mask.receivers.iter().map(|side| mention(side, &mut known));
    let mut receivers: Vec<String> = receivers.collect();
    let mut separators = vec![" <- "; receivers.len()];
    for pair in &mask.pairs {
        receivers[pair.receiver] += std::mem::replace(&mut separators[pair.receiver], ", ");
        receivers[pair.receiver] += &mention(&mask.reads[pair.read], &mut known);
        if pair.relation != Relation::All {
            receivers[pair.receiver] += &format!(" within {}", pair.relation);
        }
    }
    let (density, allowed, total) = (mask.density(), mask.allowed(), mask.total());
    format!("{}\ndensity {density:.3} ({allowed} of {total} pairs)\n", receivers.join("\n"))
}

fn mention<'a>(side: &'a Side, known: &mut Vec<&'a Side>) -> String {
    let Side { name, grid } = side;
    if known.contains(&side) {
        return name.clone();
    }
    known.push(side);
    let grid: Vec<String> = grid.iter().map(u64::to_string).collect();
    format!("{name} {}", if grid.is_empty() { "1".to_owned() } else { grid.join("x") })
}

/// Paths in which only numbers differ, told once: `layers.0..11.attend`, `layers.0,2,4.attend`.
fn folded(paths: &[&str]) -> String {
    let mut paths: Vec<Vec<String>> =
        paths.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect();
    let depth = paths.iter().map(Vec::len).max().unwrap_or(0);
    // From the inside, so that loops with equal insides can become one.
    for at in (0..depth).rev() {
        paths = fold_at(at, paths);
    }
    paths.iter().map(|path| path.join(".")).collect::<Vec<_>>().join(", ")
}

fn fold_at(at: usize, paths: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut folded: Vec<(Vec<String>, Vec<u64>)> = Vec::new();
    let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for mut path in paths {
        let Some(n) = path.get(at).and_then(|part| part.parse().ok()) else {
            folded.push((path, Vec::new()));
            continue;
        };
        path[at].clear();
        let place = *known.entry(path).or_insert_with_key(|path| {
            folded.push((path.clone(), Vec::new()));
            folded.len() - 1
        });
        folded[place].1.push(n);
    }
    for (path, numbers) in &mut folded {
        if !numbers.is_empty() {
            path[at] = ranges(numbers);
        }
    }
    folded.into_iter().map(|(path, _)| path).collect()
}

/// `0..3,5`: three and more that follow one another are a range.
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{first}..{last}")],
        few => few.iter().map(u64::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn paths_are_folded() {
        for (paths, text) in [
            (&["a"][..], "a"),
            (&["l.0.attend", "l.1.attend", "l.2.attend"], "l.0..2.attend"),
            (&["l.0.attend", "l.2.attend", "d.attend"], "l.0,2.attend, d.attend"),
            (&["l.0.m.0", "l.0.m.1", "l.1.m.0", "l.1.m.1"], "l.0,1.m.0,1"),
            (&["l.3.a", "l.3.a_2"], "l.3.a, l.3.a_2"),
        ] {
            assert_eq!(folded(paths), text);
        }
    }
}
