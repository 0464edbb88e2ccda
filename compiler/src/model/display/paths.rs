//! Names of values.
//!
//! In: a model. Out: a unique name for each step, and by it for each value, as seen from a line.
//! Deliberately not here: ids.

use std::collections::BTreeMap;

use super::super::fold::{Refer, components, number, refer};
use super::super::{GroupId, Model, StepId, ValueId};

/// The unique path of every step.
pub(super) struct Paths {
    pub(super) steps: Vec<Vec<String>>,
    /// With `last` for the number of a loop's last repetition.
    shown: Vec<Vec<String>>,
}

impl Paths {
    /// Steps of one path are told apart by a number behind `#`.
    pub(super) fn of(model: &Model) -> Self {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut steps = Vec::with_capacity(model.steps.len());
        let mut lasts: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for step in &model.steps {
            let n = seen.entry(&step.path).or_default();
            *n += 1;
            let mut path = components(&step.path);
            if *n > 1 {
                path.last_mut().expect("a split has a last part").push_str(&format!("#{n}"));
            }
            for (at, n) in path.iter().enumerate().filter_map(|(at, n)| Some((at, number(n)?))) {
                let last = lasts.entry(path[..at].to_vec()).or_default();
                *last = n.max(*last);
            }
            steps.push(path);
        }
        let shown = steps.iter().map(|path| {
            let part = |(at, part): (usize, &String)| {
                let is_last = number(part).is_some_and(|n| lasts.get(&path[..at]) == Some(&n));
                if is_last { "last".to_owned() } else { part.clone() }
            };
            path.iter().enumerate().map(part).collect()
        });
        let shown = shown.collect();
        Self { steps, shown }
    }

    /// A value, seen from outside of all steps.
    pub(super) fn value(&self, model: &Model, value: ValueId) -> String {
        let name = self.shown[model.value(value).step.index()].join(".");
        format!("{name}{}", lane_suffix(model, value, None))
    }

    /// A step, seen from a line.
    pub(super) fn refer(&self, from: &[String], to: StepId) -> Refer {
        refer(from, &self.steps[to.index()], &self.shown[to.index()])
    }
}

/// `@group` where a step has several lanes and this is not the one of `reader`.
pub(super) fn lane_suffix(model: &Model, value: ValueId, reader: Option<GroupId>) -> String {
    let (step, lane) = model.made_by(value);
    let group = model.value(value).group;
    if step.lanes.len() == 1 || (group.is_some() && group == reader) {
        return String::new();
    }
    match group {
        Some(group) => format!("@{}", model.group_name(group)),
        None => {
            let at = step.lanes.iter().position(|other| other.result == lane.result);
            format!("@{}", at.unwrap_or(0))
        }
    }
}
