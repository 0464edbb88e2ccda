//! The text form of the flow.
//!
//! In: a flow and its model. Out: for every group what it sees from where on, for every output and
//! objective what it sees and when it is there. Deliberately not here: groups that no layer has in
//! scope; they are what outputs and objectives are made of.

use std::fmt;

use indexmap::IndexMap;

use crate::model::{Model, ValueId, columns};

use super::{Flow, ModalitySet, Presence};

/// What a group sees, and since when.
type Sights = Vec<(String, ModalitySet)>;

impl Flow {
    /// The text form.
    pub fn display(&self, model: &Model) -> impl fmt::Display {
        let mut text = String::from("flow\n");
        let mut rows = Vec::new();
        for (name, sights) in self.sights(model) {
            for (at, (since, set)) in sights.into_iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                rows.push([name.to_owned(), set.display(model).to_string(), since]);
            }
        }
        text += &columns(2, &rows);
        let row = |name: &str, sees: ModalitySet, presence: &Presence| {
            let presence = presence.display(model).to_string();
            let when = if presence == "always" || presence == "never" { "" } else { "when " };
            let sees = format!("sees {}", sees.display(model));
            [name.to_owned(), sees, format!("present {when}{presence}")]
        };
        let outputs = model
            .outputs
            .iter()
            .map(|output| row(&output.name, self.sees(output.value), self.presence(output.value)));
        let objectives = model.objectives.iter().enumerate().map(|(at, objective)| {
            let (sees, presence) = self.objective(at);
            row(&objective.name, sees, presence)
        });
        let (outputs, objectives) = (outputs.collect::<Vec<_>>(), objectives.collect::<Vec<_>>());
        for (title, rows) in [("outputs\n", outputs), ("objectives\n", objectives)] {
            if !rows.is_empty() {
                text += title;
                text += &columns(2, &rows);
            }
        }
        text
    }

    /// By name, as groups of one name in different scopes are rarely there at the same time.
    fn sights<'a>(&self, model: &'a Model) -> IndexMap<&'a str, Sights> {
        let mut rows: IndexMap<&str, Sights> = IndexMap::new();
        let mut started = vec![false; model.groups.len()];
        let mut push = |name: &'a str, since: &dyn Fn(bool) -> String, value: ValueId| {
            let sights = rows.entry(name).or_default();
            let set = self.sees(value);
            if sights.last().is_none_or(|(_, last)| *last != set) {
                sights.push((since(sights.is_empty()), set));
            }
        };
        let first = |is_first| if is_first { "at first" } else { "in a new scope" }.to_owned();
        for apply in &model.applies {
            for (group, value) in &apply.after {
                let name = model.group_name(*group);
                if !started[group.index()] {
                    push(name, &first, model.groups[group.index()].start);
                }
                started[group.index()] = true;
                // What an assignment between two applies made was there before the second.
                let is_made_here = apply.steps.contains(&model.value(*value).step.index());
                let word = if is_made_here { "after" } else { "before" };
                push(name, &|_| format!("{word} {}", apply.path), *value);
            }
        }
        if model.applies.is_empty() {
            for group in &model.groups {
                push(&group.name, &first, group.start);
            }
        }
        rows
    }
}
