//! Name maps: what the tensors of a foreign file are called in a model, and how they are laid out there.
//!
//! In: a YAML text (`docs/names.md` is its reference) and tensors under foreign names, or under a model's. Out: the
//! same numbers under the other names; one way and back is the same bits, where a rule does not say that numbers change.
//! Deliberately not here: files, and what the numbers mean.

mod adopt;
mod axes;
mod carry;
mod change;
mod link;
mod parse;
mod pattern;
mod resize;
mod shipped;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use zorro_compiler::Model;
use zorro_compiler::grids::weight_grids;

pub use adopt::{Adopted, Outcome, Report, Row};
pub use shipped::{SHIPPED, Shipped};

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
    /// Beginnings of foreign names that may be there or not.
    strip: Vec<String>,
    /// Whether it comes with this program, for many models and files: then rules may match nothing, and where several speak of a
    /// weight, the first counts that has its tensor.
    is_shipped: bool,
}

/// A tensor of a model that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// The grids behind each axis, after one another; see [`weight_grids`]. Empty where they are not known.
    pub grids: Vec<Vec<Vec<usize>>>,
}

impl Wanted {
    /// A tensor of which only name and sizes are known.
    #[must_use]
    pub fn plain(name: &str, shape: &[usize]) -> Self {
        Self { name: name.to_owned(), shape: shape.to_vec(), grids: Vec::new() }
    }

    /// All weights of a model.
    #[must_use]
    pub fn weights(model: &Model) -> Vec<Self> {
        let number = |size: &u64| usize::try_from(*size).unwrap_or(usize::MAX);
        let grids = |axis: Vec<Vec<u64>>| {
            axis.iter().map(|grid| grid.iter().map(number).collect()).collect()
        };
        let weights = model.weights.iter().zip(weight_grids(model));
        let wanted = weights.map(|(weight, axes)| Self {
            name: weight.name.clone(),
            shape: weight.shape.iter().map(number).collect(),
            grids: axes.into_iter().map(grids).collect(),
        });
        wanted.collect()
    }
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
    /// None where it gives zeros.
    foreign: Option<pattern::Pattern>,
    axes: Option<axes::Axes>,
    /// Along which axis of the model's layout several tensors of one side are one of the other, and positions are resized.
    axis: usize,
    resize: Option<resize::Resize>,
    scale: Option<f64>,
    /// Whether there are zeros where the foreign file lacks the tensor.
    zeros: bool,
    join: Join,
}

/// How several foreign tensors are one of the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// After one another along an axis.
    Concat,
    /// Added.
    Sum,
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

    /// A map in which everything keeps its name; `name` is for messages.
    #[must_use]
    pub fn same(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The tensors that the model wants out of those of a foreign file, all of them.
    ///
    /// # Errors
    /// A wanted tensor has no source, or two; a source has other sizes; for weights, also a rule that matches nothing
    /// and a foreign tensor that nothing uses. All of them at once.
    pub fn import(
        &self,
        section: Section,
        foreign: &Tensors,
        wanted: &[Wanted],
    ) -> Result<Tensors, NameMapError> {
        let foreign = &*self.stripped(foreign);
        let names = wanted.iter().map(|wanted| wanted.name.as_str());
        let (links, mut problems) = self.links(section, names, Some(foreign));
        let by_name = by_name(wanted);
        let mut found = Tensors::new();
        for link in &links.links {
            match carry::import(link, foreign, &by_name) {
                Ok(carried) => found.extend(carried.found),
                Err(unfit) => problems.push((link.place(), unfit.message())),
            }
        }
        if section == Section::Weights && !self.is_shipped {
            problems.extend(idle(&links));
            self.unused(&links, foreign, &mut problems);
        }
        self.settle(found, problems)
    }

    /// The foreign tensors of which one of the model's is made.
    ///
    /// # Errors
    /// Two rules for it.
    pub fn sources(&self, section: Section, name: &str) -> Result<Vec<String>, NameMapError> {
        let (links, problems) = self.links(section, [name].into_iter(), None);
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
    /// Two rules for one tensor, sizes that do not fit, a part that the model does not have, copies of one foreign tensor that
    /// are not alike any more. All of them at once.
    pub fn export(
        &self,
        section: Section,
        ours: &Tensors,
        base: Option<&Tensors>,
        wanted: &[Wanted],
    ) -> Result<Tensors, NameMapError> {
        let base = base.map(|base| self.stripped(base));
        let base = base.as_deref();
        let (links, mut problems) = self.links(section, ours.names(), base);
        if section == Section::Weights && !self.is_shipped {
            problems.extend(idle(&links));
        }
        let is_gradient = section == Section::Gradients;
        let by_name = by_name(wanted);
        let known = carry::Known { base, wanted: &by_name, is_gradient };
        let mut found = Tensors::new();
        for link in &links.links {
            match carry::export(link, ours, known) {
                Ok(tensors) => {
                    for (name, tensor) in tensors {
                        let together = together(&found, &name, tensor, is_gradient);
                        match together {
                            Ok(tensor) => drop(found.insert(name, tensor)),
                            Err(message) => problems.push((link.place(), message)),
                        }
                    }
                }
                Err(message) => problems.push((link.place(), message)),
            }
        }
        let rest = base.filter(|_| !is_gradient).into_iter().flat_map(Tensors::iter);
        for (name, tensor) in rest {
            if found.get(name).is_none() {
                found.insert(name, tensor.clone());
            }
        }
        self.settle(found, problems)
    }

    /// Which foreign tensor is which of the model's, for these names.
    fn links<'a>(
        &self,
        section: Section,
        names: impl Iterator<Item = &'a str>,
        foreign: Option<&Tensors>,
    ) -> (Links<'_>, Vec<Problem>) {
        let names: Vec<&str> = names.collect();
        let is_there = |name: &str| foreign.is_none_or(|foreign| foreign.get(name).is_some());
        let there: Option<&dyn Fn(&str) -> bool> =
            if self.is_shipped { Some(&is_there) } else { None };
        match section {
            Section::Weights => link::links(&[&self.weights], &names, there),
            Section::Inputs => link::links(&[&self.inputs], &names, there),
            Section::Outputs => link::links(&[&self.outputs], &names, there),
            Section::Gradients => link::links(&[&self.gradients, &self.weights], &names, there),
        }
    }

    /// Complains of foreign tensors that no link reads and no `ignore` names.
    fn unused(&self, links: &Links<'_>, foreign: &Tensors, problems: &mut Vec<Problem>) {
        let used: std::collections::BTreeSet<&str> =
            links.links.iter().flat_map(|link| link.foreign.iter().map(String::as_str)).collect();
        for name in foreign.names().filter(|name| !used.contains(name)) {
            if !self.is_ignored(name) {
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

    /// The foreign tensors without the beginnings of names that the map strips.
    fn stripped<'a>(&self, foreign: &'a Tensors) -> Cow<'a, Tensors> {
        let short = |name: &'a str| {
            self.strip.iter().find_map(|prefix| name.strip_prefix(prefix.as_str())).unwrap_or(name)
        };
        if foreign.names().all(|name| short(name) == name) {
            return Cow::Borrowed(foreign);
        }
        Cow::Owned(foreign.iter().map(|(name, tensor)| (short(name), tensor.clone())).collect())
    }

    fn is_ignored(&self, name: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored.pattern.matches(name).is_some())
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

fn by_name(wanted: &[Wanted]) -> BTreeMap<&str, &Wanted> {
    wanted.iter().map(|wanted| (wanted.name.as_str(), wanted)).collect()
}

/// Complains of rules that match nothing.
fn idle(links: &Links<'_>) -> Vec<Problem> {
    let idle = links.idle.iter().map(|rule| {
        (rule.place.told(), format!("`{}` matches no weight of the model", rule.model))
    });
    idle.collect()
}

/// A foreign tensor of which the model has copies: gradients are added, and weights must be alike.
fn together(
    found: &Tensors,
    name: &str,
    tensor: crate::Tensor,
    is_gradient: bool,
) -> Result<crate::Tensor, String> {
    let Some(before) = found.get(name) else { return Ok(tensor) };
    if is_gradient {
        let sum = change::added(&[before.clone(), tensor]);
        return sum.ok_or_else(|| format!("the copies of `{name}` have other sizes than it"));
    }
    if before.same_bits(&tensor) {
        return Ok(tensor);
    }
    Err(format!("the model's copies of `{name}` are not alike; one tensor cannot be both"))
}

#[cfg(test)]
mod tests;
