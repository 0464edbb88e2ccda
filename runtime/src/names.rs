//! Name maps: what the tensors of a foreign file are called in a model, and how they are laid out there.
//!
//! In: a YAML text (`docs/names.md` is its reference) and tensors under foreign names, or under a model's. Out: the
//! same numbers under the other names; one way and back is the same bits. Deliberately not here: files, and what the
//! numbers mean.

mod axes;
mod carry;
mod link;
mod parse;
mod pattern;

use std::fmt;

use crate::tensors::Tensors;
use link::Links;

/// A map between the tensors of a foreign file and those of a model.
#[derive(Debug, Clone, Default)]
pub struct NameMap {
    /// For messages.
    name: String,
    weights: Vec<Rule>,
    inputs: Vec<Rule>,
    outputs: Vec<Rule>,
    gradients: Vec<Rule>,
    /// Foreign tensors that the model does not have.
    ignore: Vec<Ignored>,
}

/// Which tensors of a model are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Its weights: every one must be found, and every foreign tensor be used or ignored.
    Weights,
    /// What it is fed: modalities and targets.
    Inputs,
    /// What it answers.
    Outputs,
    /// Gradients, under the names of weights and inputs. Where no rule of their own speaks of a weight, that of the
    /// weights holds.
    Gradients,
}

/// Where something stands in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    column: u64,
}

/// One line of a map.
#[derive(Debug, Clone)]
struct Rule {
    place: Place,
    model: pattern::Pattern,
    foreign: pattern::Pattern,
    axes: Option<axes::Axes>,
    /// Along which axis of the model's layout several tensors of one side are one of the other.
    axis: usize,
}

#[derive(Debug, Clone)]
struct Ignored {
    place: Place,
    pattern: pattern::Pattern,
}

/// What is wrong with a map, or with what it was used on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMapError {
    /// The map's name.
    pub map: String,
    /// Each thing that is wrong: the line and column where one is to blame, and the message.
    pub problems: Vec<(Option<(u64, u64)>, String)>,
}

impl fmt::Display for NameMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More problems than these are counted, not told.
        const TOLD: usize = 10;
        for (at, (place, message)) in self.problems.iter().take(TOLD).enumerate() {
            let break_before = if at == 0 { "" } else { "\n" };
            match place {
                Some((line, column)) => {
                    write!(f, "{break_before}{}:{line}:{column}: {message}", self.map)?;
                }
                None => write!(f, "{break_before}{}: {message}", self.map)?,
            }
        }
        match self.problems.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more like these"),
        }
    }
}

impl std::error::Error for NameMapError {}

impl NameMap {
    /// Reads a map; `name` is for messages.
    ///
    /// # Errors
    /// What is no YAML, no key of a map, no pattern or no `axes`, each with line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self, NameMapError> {
        parse::parse(name, text)
    }

    /// The tensors that the model wants, names and sizes, out of those of a foreign file.
    ///
    /// # Errors
    /// A wanted tensor has no source, or two; a source has other sizes; for weights, also a rule that matches nothing
    /// and a foreign tensor that nothing uses. All of them at once.
    pub fn import(
        &self,
        section: Section,
        foreign: &Tensors,
        wanted: &[(String, Vec<usize>)],
    ) -> Result<Tensors, NameMapError> {
        let names = wanted.iter().map(|(name, _)| name.as_str());
        let (links, mut problems) = self.links(section, names);
        let sizes = wanted.iter().map(|(name, sizes)| (name.as_str(), sizes.as_slice())).collect();
        let mut found = Tensors::new();
        for link in &links.links {
            match carry::import(link, foreign, &sizes) {
                Ok(tensors) => found = tensors.into_iter().fold(found, with),
                Err(message) => problems.push((link.place(), message)),
            }
        }
        if section == Section::Weights {
            self.unused(&links, foreign, &mut problems);
        }
        self.settle(found, problems)
    }

    /// The foreign tensors of which one of the model's is made.
    ///
    /// # Errors
    /// Two rules for it.
    pub fn sources(&self, section: Section, name: &str) -> Result<Vec<String>, NameMapError> {
        let (links, problems) = self.links(section, [name].into_iter());
        let foreign = links.links.iter().flat_map(|link| link.foreign.iter().cloned());
        let foreign: Vec<String> = foreign.collect();
        // Other sections' rules that fit no name of the model are no concern of this one.
        let problems = if section == Section::Weights { Vec::new() } else { problems };
        if problems.is_empty() {
            Ok(foreign)
        } else {
            Err(NameMapError { map: self.name.clone(), problems })
        }
    }

    /// The tensors of a model under their foreign names, laid out as there.
    ///
    /// `base` is a foreign file of the same kind: what the model does not have is taken from it, and sizes that the map
    /// does not say. Without it such a tensor is left out, or is an error where its other parts are there.
    ///
    /// # Errors
    /// Two rules for one tensor, sizes that do not fit, a part that the model does not have. All of them at once.
    pub fn export(
        &self,
        section: Section,
        ours: &Tensors,
        base: Option<&Tensors>,
    ) -> Result<Tensors, NameMapError> {
        let (links, mut problems) = self.links(section, ours.names());
        let mut found = base.cloned().unwrap_or_default();
        for link in &links.links {
            match carry::export(link, ours, base) {
                Ok(tensors) => found = tensors.into_iter().fold(found, with),
                Err(message) => problems.push((link.place(), message)),
            }
        }
        self.settle(found, problems)
    }

    /// Which foreign tensor is which of the model's, for these names.
    fn links<'a>(
        &self,
        section: Section,
        names: impl Iterator<Item = &'a str>,
    ) -> (Links<'_>, Vec<Problem>) {
        let names: Vec<&str> = names.collect();
        match section {
            Section::Weights => {
                let (links, mut problems) = link::links(&[&self.weights], &names);
                for rule in &links.idle {
                    let message = format!("`{}` matches no weight of the model", rule.model);
                    problems.push((rule.place.told(), message));
                }
                (links, problems)
            }
            Section::Inputs => link::links(&[&self.inputs], &names),
            Section::Outputs => link::links(&[&self.outputs], &names),
            Section::Gradients => link::links(&[&self.gradients, &self.weights], &names),
        }
    }

    /// Complains of foreign tensors that no link reads and no `ignore` names.
    fn unused(&self, links: &Links<'_>, foreign: &Tensors, problems: &mut Vec<Problem>) {
        let used: std::collections::BTreeSet<&str> =
            links.links.iter().flat_map(|link| link.foreign.iter().map(String::as_str)).collect();
        for name in foreign.names().filter(|name| !used.contains(name)) {
            if !self.ignore.iter().any(|ignored| ignored.pattern.matches(name).is_some()) {
                let message = format!(
                    "nothing uses `{name}` of the foreign file; if the model is right not to have it, list it under \
                     `ignore`"
                );
                problems.push((None, message));
            }
        }
        for ignored in &self.ignore {
            if let Some(name) = used.iter().find(|name| ignored.pattern.matches(name).is_some()) {
                let message = format!("`{}` ignores `{name}`, which a rule uses", ignored.pattern);
                problems.push((ignored.place.told(), message));
            }
        }
    }

    fn settle(&self, found: Tensors, problems: Vec<Problem>) -> Result<Tensors, NameMapError> {
        if problems.is_empty() {
            Ok(found)
        } else {
            Err(NameMapError { map: self.name.clone(), problems })
        }
    }
}

/// A place, where one is to blame, and a message.
type Problem = (Option<(u64, u64)>, String);

impl Place {
    fn told(self) -> Option<(u64, u64)> {
        Some((self.line, self.column))
    }
}

fn with(mut tensors: Tensors, (name, tensor): (String, crate::Tensor)) -> Tensors {
    tensors.insert(name, tensor);
    tensors
}

#[cfg(test)]
mod tests;
