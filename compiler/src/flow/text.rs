//! The text form of the flow.
//!
//! In: a flow and its model. Out: for every group what it sees from where on, for every output and
//! objective what it sees and when it is there. Deliberately not here: groups that no layer has in
//! scope; they are what outputs and objectives are made of.

use std::fmt::{self, Write};

use indexmap::IndexMap;

use crate::model::{Model, ValueId};

use super::{Flow, ModalitySet, starts};

/// What a group sees, and since when: `None` from its declaration, else after this apply.
type Sights<'a> = Vec<(Option<&'a str>, ModalitySet)>;

impl Flow {
    /// The text form.
    pub fn display(&self, model: &Model) -> impl fmt::Display {
        let mut text = String::from("flow\n");
        let groups = self.sights(model);
        let width = groups.keys().map(|name| name.len()).max().unwrap_or(0);
        for (name, sights) in &groups {
            for (at, (since, set)) in sights.iter().enumerate() {
                let set = set.display(model).to_string();
                let (name, start) =
                    if at == 0 { (*name, "at first") } else { ("", "in a new scope") };
                let since = since.map_or(start.to_owned(), |path| format!("after {path}"));
                line(&mut text, format_args!("  {name:width$}  {set:20}  {since}"));
            }
        }
        let outputs = model.outputs.iter().map(|output| {
            (output.name.as_str(), self.sees(output.value), self.presence(output.value))
        });
        let objectives = model.objectives.iter().enumerate().map(|(at, objective)| {
            let (sees, presence) = self.objective(at);
            (objective.name.as_str(), sees, presence)
        });
        for (title, rows) in
            [("outputs", outputs.collect::<Vec<_>>()), ("objectives", objectives.collect())]
        {
            if !rows.is_empty() {
                line(&mut text, format_args!("{title}"));
            }
            let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
            for (name, sees, presence) in rows {
                let (sees, presence) = (sees.display(model).to_string(), presence.display(model));
                line(
                    &mut text,
                    format_args!("  {name:width$}  sees {sees:20}  present {presence}"),
                );
            }
        }
        text
    }

    /// By name, as groups of one name in different scopes are rarely there at the same time.
    fn sights<'a>(&self, model: &'a Model) -> IndexMap<&'a str, Sights<'a>> {
        let mut rows: IndexMap<&str, Sights<'a>> = IndexMap::new();
        let mut started = vec![false; model.groups.len()];
        let starts = starts(model);
        let mut push = |name: &'a str, since: Option<&'a str>, value: ValueId| {
            let sights = rows.entry(name).or_default();
            let set = self.sees(value);
            if sights.last().is_none_or(|(_, last)| *last != set) {
                sights.push((since, set));
            }
        };
        for apply in &model.applies {
            for (group, value) in &apply.after {
                let name = model.group_name(*group);
                let start = starts[group.index()];
                if let Some(start) = start.filter(|_| !started[group.index()]) {
                    push(name, None, start);
                }
                started[group.index()] = true;
                push(name, Some(&apply.path), *value);
            }
        }
        if model.applies.is_empty() {
            for (group, start) in model.groups.iter().zip(starts) {
                start.into_iter().for_each(|start| push(&group.name, None, start));
            }
        }
        rows
    }
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("writing to a string does not fail");
}
