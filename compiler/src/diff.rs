//! What changed from one model to another.
//!
//! In: two models with their flows and costs. Out: who gained or lost sight of whom, when results are
//! there, which pairs of tokens attention allows, and what it costs. Deliberately not here: the text
//! of the specs, weights one by one, anything that is the same.

mod masks;
mod text;

use indexmap::IndexMap;

use crate::cost::{Cost, PartCost};
use crate::flow::{Flow, ModalitySet, Presence};
use crate::model::Model;

pub use masks::MaskChange;

/// What changed; everything is empty where nothing did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Groups (as they are after the last layer that has them), outputs and objectives that one of
    /// the models lacks.
    pub members: Vec<MemberChange>,
    /// Who sees something else.
    pub sights: Vec<SightChange>,
    /// Outputs and objectives that are there for other samples.
    pub presence: Vec<PresenceChange>,
    /// Attention that allows other pairs of tokens.
    pub masks: Vec<MaskChange>,
    /// Parts of another cost; the last one is `total`.
    pub costs: Vec<CostChange>,
}

/// What has a name and is seen by modalities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A modality.
    Modality,
    /// A token group after the last layer that has it in scope.
    Group,
    /// An output.
    Output,
    /// An objective.
    Objective,
}

/// Something is there in one of the models only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Whether the new model has it.
    pub added: bool,
}

/// Something sees other modalities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightChange {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The names of modalities that reach it now and did not.
    pub gained: Vec<String>,
    /// The names of modalities that reached it and do not now.
    pub lost: Vec<String>,
}

/// Something is there for other samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceChange {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The formula before.
    pub before: String,
    /// The formula now.
    pub after: String,
}

/// A part costs something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostChange {
    /// The part.
    pub part: String,
    /// Its cost before.
    pub before: PartCost,
    /// Its cost now.
    pub after: PartCost,
}

impl Diff {
    /// Whether nothing changed that a diff tells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A model with what is derived from it.
type Facts<'a> = (&'a Model, &'a Flow, &'a Cost);

/// What changed from the old model to the new one.
#[must_use]
pub fn diff(old: Facts<'_>, new: Facts<'_>) -> Diff {
    let mut diff = Diff::default();
    let (before, after) = (members(old), members(new));
    for (key, new_member) in &after {
        match before.get(key) {
            Some(old_member) => compare(&mut diff, key, old_member, new_member),
            None => diff.members.push(member(key, true)),
        }
    }
    diff.members.extend(
        before.keys().filter(|key| !after.contains_key(*key)).map(|key| member(key, false)),
    );
    diff.masks = masks::changes(old.0, new.0);
    diff.costs = costs(old.2, new.2);
    diff
}

fn member((kind, name): &(Kind, String), added: bool) -> MemberChange {
    MemberChange { kind: *kind, name: name.clone(), added }
}

/// What a member sees, by name, and when it is there. Names alone connect two models.
struct Member {
    sees: Vec<String>,
    presence: String,
}

fn members((model, flow, _): Facts<'_>) -> IndexMap<(Kind, String), Member> {
    let facts = |sees: ModalitySet, presence: &Presence| Member {
        sees: sees.iter().map(|id| model.modalities[id.index()].name.clone()).collect(),
        presence: presence.display(model).to_string(),
    };
    let mut members = IndexMap::new();
    for modality in &model.modalities {
        let nothing = facts(ModalitySet::EMPTY, &Presence::always());
        members.insert((Kind::Modality, modality.name.clone()), nothing);
    }
    for (group, value) in model.applies.iter().flat_map(|apply| &apply.after) {
        let name = model.group_name(*group).to_owned();
        let facts = facts(flow.sees(*value), flow.presence(*value));
        members.insert((Kind::Group, name), facts);
    }
    for output in &model.outputs {
        let facts = facts(flow.sees(output.value), flow.presence(output.value));
        members.insert((Kind::Output, output.name.clone()), facts);
    }
    for (at, objective) in model.objectives.iter().enumerate() {
        let (sees, presence) = flow.objective(at);
        members.insert((Kind::Objective, objective.name.clone()), facts(sees, presence));
    }
    members
}

fn compare(diff: &mut Diff, (kind, name): &(Kind, String), old: &Member, new: &Member) {
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        of.iter().filter(|name| !from.contains(name)).cloned().collect()
    };
    let (gained, lost) = (missing(&old.sees, &new.sees), missing(&new.sees, &old.sees));
    let (kind, name) = (*kind, name.clone());
    if old.presence != new.presence {
        let (before, after) = (old.presence.clone(), new.presence.clone());
        diff.presence.push(PresenceChange { kind, name: name.clone(), before, after });
    }
    if !gained.is_empty() || !lost.is_empty() {
        diff.sights.push(SightChange { kind, name, gained, lost });
    }
}

fn costs(old: &Cost, new: &Cost) -> Vec<CostChange> {
    let gone = old.parts.keys().filter(|name| !new.parts.contains_key(*name));
    let names = new.parts.keys().chain(gone);
    let of = |cost: &Cost, part: &str| cost.parts.get(part).copied().unwrap_or_default();
    let parts = names.map(|name| CostChange {
        part: name.clone(),
        before: of(old, name),
        after: of(new, name),
    });
    let total = CostChange { part: "total".to_owned(), before: old.total(), after: new.total() };
    let mut changes: Vec<CostChange> =
        parts.filter(|change| change.before != change.after).collect();
    if !changes.is_empty() {
        changes.push(total);
    }
    changes
}

#[cfg(test)]
mod tests;
