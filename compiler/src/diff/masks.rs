//! Changes of attention masks.
//!
//! In: two models. Out: for each attention and pair of groups the pairs of tokens that it allows, before
//! and after, layers of equal changes together. Deliberately not here: which tokens they are.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::cost::Pairs;
use crate::model::{Model, Op};

/// Attention allows other pairs of tokens between two groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskChange {
    /// The attention: `layers.0..11.attend`.
    pub path: String,
    /// The group that reads.
    pub receiver: String,
    /// The group that is read.
    pub read: String,
    /// Pairs of tokens allowed before; `None` where the receiver did not read the group.
    pub before: Option<u128>,
    /// Pairs of tokens allowed now.
    pub after: Option<u128>,
}

/// Path, receiver, read.
type Place = (String, String, String);

pub(super) fn changes(old: &Model, new: &Model) -> Vec<MaskChange> {
    let (before, after) = (allowed(old), allowed(new));
    let gone = before.keys().filter(|place| !after.contains_key(*place));
    let mut changes = Vec::new();
    for place in after.keys().chain(gone) {
        let (before, after) = (before.get(place).copied(), after.get(place).copied());
        if before != after {
            let (path, receiver, read) = place.clone();
            changes.push(MaskChange { path, receiver, read, before, after });
        }
    }
    let depth = changes.iter().map(|change| change.path.split('.').count()).max().unwrap_or(0);
    (0..depth).rev().fold(changes, fold_at)
}

fn allowed(model: &Model) -> IndexMap<Place, u128> {
    let (mut counts, mut pairs) = (IndexMap::new(), Pairs::default());
    for step in model.steps.iter().filter(|step| matches!(step.op, Op::Attend { .. })) {
        for lane in &step.lanes {
            let query = &model.shape(lane.operands[0]).grid;
            let receiver = model.value(lane.result).group;
            for (read, key) in lane.reads.iter().zip(lane.keys()) {
                let name = |group: Option<crate::model::GroupId>| {
                    group.map_or("self", |group| model.group_name(group)).to_owned()
                };
                let place = (step.path.clone(), name(receiver), name(read.group));
                let key = &model.shape(key).grid;
                *counts.entry(place).or_insert(0) += pairs.allowed(&read.relation, query, key);
            }
        }
    }
    counts
}

/// A change without the number: the path's components, receiver, read, before and after.
type Kind = (Vec<String>, String, String, [Option<u128>; 2]);

/// Changes that differ in nothing but the number at this place of their paths become one.
fn fold_at(changes: Vec<MaskChange>, at: usize) -> Vec<MaskChange> {
    let mut kinds: IndexMap<Kind, BTreeSet<u64>> = IndexMap::new();
    for MaskChange { path, receiver, read, before, after } in changes {
        let mut path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let number = path.get(at).and_then(|part| part.parse::<u64>().ok());
        if number.is_some() {
            path[at].clear();
        }
        kinds.entry((path, receiver, read, [before, after])).or_default().extend(number);
    }
    let kinds = kinds.into_iter().flat_map(|((path, receiver, read, [before, after]), numbers)| {
        let ranges = ranges(&numbers);
        let paths: Vec<String> = if ranges.is_empty() {
            vec![path.join(".")]
        } else {
            let with = |range: &String| {
                let mut path = path.clone();
                path[at].clone_from(range);
                path.join(".")
            };
            ranges.iter().map(with).collect()
        };
        paths.into_iter().map(move |path| {
            let (receiver, read) = (receiver.clone(), read.clone());
            MaskChange { path, receiver, read, before, after }
        })
    });
    kinds.collect()
}

/// `0..11`, `13`. A range holds no dots that paths are split at after it is made: outer numbers come
/// later and stand before it.
fn ranges(numbers: &BTreeSet<u64>) -> Vec<String> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => ranges.push((number, number)),
        }
    }
    let text = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}..{last}") }
    };
    ranges.iter().map(text).collect()
}
