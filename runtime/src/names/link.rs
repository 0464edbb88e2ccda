//! Rules applied to names: which foreign tensors are which of the model's.
//!
//! In: rules, and the names of a model's tensors. Out: links, each of whole tensors; every name is in one. A name of
//! which no rule speaks is linked to the same name. Deliberately not here: numbers and sizes.

use std::collections::{BTreeMap, BTreeSet};

use super::axes::Axes;
use super::pattern::Match;
use super::{Place, Problem, Rule};

/// All links of a section.
pub(super) struct Links<'a> {
    pub(super) links: Vec<Link<'a>>,
    /// Rules of which no name is.
    pub(super) idle: Vec<&'a Rule>,
}

/// One or several foreign tensors that are one or several of the model's.
pub(super) struct Link<'a> {
    pub(super) rule: Option<&'a Rule>,
    pub(super) foreign: Vec<String>,
    /// The parts in order; `None` for one that the model does not have.
    pub(super) model: Vec<Option<String>>,
}

impl Link<'_> {
    pub(super) fn place(&self) -> Option<(u64, u64)> {
        self.rule.and_then(|rule| rule.place.told())
    }

    pub(super) fn axes(&self) -> Option<&Axes> {
        self.rule.and_then(|rule| rule.axes.as_ref())
    }

    /// Whether the rule may be of names of which the model has only some.
    pub(super) fn is_copy(&self) -> bool {
        self.rule.is_some_and(|rule| rule.model.has_copies())
    }

    pub(super) fn axis(&self) -> usize {
        self.rule.map_or(0, |rule| rule.axis)
    }
}

/// Links names by rules; a name of which some earlier list of rules speaks is not looked up in later ones.
/// `there` tells which foreign tensors there are, where several rules may speak of a name and the first of those counts that have
/// their tensors.
pub(super) fn links<'a>(
    lists: &[&'a [Rule]],
    names: &[&str],
    there: Option<&dyn Fn(&str) -> bool>,
) -> (Links<'a>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut made: BTreeMap<(Place, Match), Link<'a>> = BTreeMap::new();
    let mut same = Vec::new();
    let mut spoken = BTreeSet::new();
    for name in names {
        let speaking =
            lists.iter().map(|rules| matching(rules, name)).find(|found| !found.is_empty());
        let mut found = speaking.unwrap_or_default();
        spoken.extend(found.iter().map(|(rule, _)| rule.place));
        if let Some(there) = there {
            let has = |(rule, found): &(&Rule, Match)| {
                link(rule, found, None).foreign.iter().any(|name| there(name))
            };
            let at = found.iter().position(has).unwrap_or(0);
            found = found.into_iter().skip(at).take(1).collect();
        }
        if let [(first, _), (second, _), ..] = found.as_slice() {
            let message = format!(
                "`{name}` is matched by `{}` here and by `{}` in line {}",
                second.model, first.model, first.place.line
            );
            problems.push((second.place.told(), message));
        }
        match found.into_iter().next() {
            Some((rule, found)) => {
                let theirs = rule.foreign.as_ref().map_or(1, |name| name.alternatives().len());
                let paired = theirs > 1 && rule.model.alternatives().len() > 1;
                let pair = if paired { found.alternative } else { 0 };
                let found = Match { alternative: pair, ..found };
                made.entry((rule.place, found.clone()))
                    .or_insert_with(|| link(rule, &found, paired.then_some(pair)));
            }
            None => same.push(Link {
                rule: None,
                foreign: vec![(*name).to_owned()],
                model: vec![Some((*name).to_owned())],
            }),
        }
    }
    let all = lists.iter().flat_map(|rules| rules.iter());
    let idle = all.filter(|rule| !spoken.contains(&rule.place)).collect();
    let links: Vec<Link<'a>> = made.into_values().chain(same).collect();
    (Links { links, idle }, problems)
}

fn matching<'a>(rules: &'a [Rule], name: &str) -> Vec<(&'a Rule, Match)> {
    rules.iter().filter_map(|rule| Some((rule, rule.model.matches(name)?))).collect()
}

/// What a rule links where its stars and brackets stand for these.
fn link<'a>(rule: &'a Rule, found: &Match, pair: Option<usize>) -> Link<'a> {
    let alternatives = |count: usize| match pair {
        Some(pair) => pair..pair + 1,
        None => 0..count,
    };
    let model = alternatives(rule.model.alternatives().len()).map(|at| rule.model.fill(found, at));
    let foreign = rule.foreign.iter().flat_map(|name| {
        alternatives(name.alternatives().len()).filter_map(|at| name.fill(found, at))
    });
    Link { rule: Some(rule), model: model.collect(), foreign: foreign.collect() }
}
