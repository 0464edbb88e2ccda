//! What a model takes of a foreign file, and what it does not.
//!
//! In: a map, a foreign file, and the weights that a model wants. Out: those that the file has, with a table of what became of
//! each, and warnings. Deliberately not here: what the others start as.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::carry::{self, Carried, Unfit};
use super::link::Link;
use super::{NameMap, NameMapError, Section, Wanted, by_name, idle};
use crate::tensors::Tensors;

/// Weights that were taken, and the report.
#[derive(Debug, Clone, Default)]
pub struct Adopted {
    /// The weights.
    pub weights: Tensors,
    /// What became of each.
    pub report: Report,
}

/// What became of the weights of a model and of the tensors of a foreign file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Every weight of the model, by name.
    pub rows: Vec<Row>,
    /// Foreign tensors that nothing uses and no `ignore` names.
    pub unused: Vec<String>,
    /// Rules that match nothing.
    idle: Vec<String>,
}

/// A weight of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// How many numbers it has.
    pub numbers: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken {
        /// From these foreign tensors.
        from: Vec<String>,
        /// What was done to them.
        how: Vec<String>,
    },
    /// The file has nothing for it.
    Missing(String),
    /// What the file has for it is of another size.
    OtherSize(String),
}

impl NameMap {
    /// The weights that a foreign file has for a model; what it does not have is left out, and reported.
    ///
    /// # Errors
    /// Two rules for one weight, a rule that contradicts what it is of, and numbers that are none. All of them at once.
    pub fn adopt(&self, foreign: &Tensors, wanted: &[Wanted]) -> Result<Adopted, NameMapError> {
        let foreign = &*self.stripped(foreign);
        let names = wanted.iter().map(|wanted| wanted.name.as_str());
        let (links, mut problems) = self.links(Section::Weights, names, Some(foreign));
        let by_name = by_name(wanted);
        let mut weights = Tensors::new();
        let mut outcomes = BTreeMap::new();
        let mut used = BTreeSet::new();
        for link in &links.links {
            match carry::import(link, foreign, &by_name) {
                Ok(carried) => {
                    used.extend(link.foreign.iter().map(String::as_str));
                    let message = not_finite(link, &carried);
                    problems.extend(message.map(|message| (link.place(), message)));
                    let from: Vec<String> =
                        if carried.how == ["zeros"] { Vec::new() } else { link.foreign.clone() };
                    let outcome = Outcome::Taken { from, how: carried.how };
                    for (name, tensor) in carried.found {
                        outcomes.insert(name.clone(), outcome.clone());
                        weights.insert(name, tensor);
                    }
                }
                Err(Unfit::Missing(_)) if link.rule.is_none() => {
                    let why = "the file has nothing of this name";
                    left(link, &Outcome::Missing(why.to_owned()), &mut outcomes);
                }
                Err(Unfit::Missing(why)) => left(link, &Outcome::Missing(why), &mut outcomes),
                Err(Unfit::Sizes(why)) => left(link, &Outcome::OtherSize(why), &mut outcomes),
                Err(Unfit::Wrong(message)) => problems.push((link.place(), message)),
            }
        }
        if !problems.is_empty() {
            return Err(NameMapError { map: self.name.clone(), problems });
        }
        let rows = wanted.iter().filter_map(|wanted| {
            let outcome = outcomes.remove(&wanted.name)?;
            let numbers = wanted.shape.iter().product();
            Some(Row { name: wanted.name.clone(), numbers, outcome })
        });
        let rows = rows.collect();
        let unused = foreign.names().filter(|name| !used.contains(name) && !self.is_ignored(name));
        let unused = unused.map(str::to_owned).collect();
        let idle = if self.is_shipped { Vec::new() } else { idle(&links) };
        let idle = idle.into_iter().map(|(place, message)| match place {
            Some((line, column)) => format!("{}:{line}:{column}: {message}", self.name),
            None => format!("{}: {message}", self.name),
        });
        Ok(Adopted { weights, report: Report { rows, unused, idle: idle.collect() } })
    }
}

fn left(link: &Link<'_>, outcome: &Outcome, outcomes: &mut BTreeMap<String, Outcome>) {
    for name in link.model.iter().flatten() {
        outcomes.insert(name.clone(), outcome.clone());
    }
}

/// A model that begins with NaN never ends with anything else.
fn not_finite(link: &Link<'_>, carried: &Carried) -> Option<String> {
    carried.found.iter().find_map(|(name, tensor)| {
        let values = tensor.data().to_f32();
        let wrong = values.iter().filter(|value| !value.is_finite()).count();
        let from = link.foreign.join("`, `");
        (wrong > 0).then(|| {
            format!(
                "`{name}` would begin with {wrong} of {} numbers NaN or infinite; they come from `{from}` of the \
                 foreign file",
                values.len()
            )
        })
    })
}

impl Report {
    /// Weights that were taken.
    pub fn taken(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome.is_taken())
    }

    /// Weights that the file has nothing for, or nothing that fits.
    pub fn fresh(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.outcome.is_taken())
    }

    /// What should not go unnoticed.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.idle.clone();
        if !self.unused.is_empty() {
            warnings.push(format!(
                "nothing uses {} of the foreign file; where the model is right not to have them, a map lists them under \
                 `ignore`",
                folded(self.unused.iter().map(String::as_str))
            ));
        }
        let mut blocks: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
        for row in &self.rows {
            let (is_taken, fresh) = blocks.entry(block(&row.name)).or_default();
            *is_taken |= row.outcome.is_taken();
            if !row.outcome.is_taken() {
                fresh.push(&row.name);
            }
        }
        let parts = blocks.into_values().filter(|(is_taken, _)| *is_taken);
        let parts: Vec<&str> = parts.flat_map(|(_, fresh)| fresh).collect();
        if !parts.is_empty() {
            warnings.push(format!(
                "{} start fresh, while other weights of the same blocks were taken",
                folded(parts)
            ));
        }
        warnings
    }
}

impl Outcome {
    /// Whether the weight was taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Taken { .. } => true,
            Self::Missing(_) | Self::OtherSize(_) => false,
        }
    }

    /// Where it comes from, or why it does not.
    fn told(&self) -> String {
        match self {
            Self::Taken { from, how } => {
                let from = (!from.is_empty()).then(|| from.join(" + "));
                from.into_iter().chain(how.iter().cloned()).collect::<Vec<_>>().join(", ")
            }
            Self::Missing(why) | Self::OtherSize(why) => why.clone(),
        }
    }
}

/// The repetition that a weight stands in, else the first part of its name.
fn block(name: &str) -> &str {
    let mut end = name.find('.').unwrap_or(name.len());
    let mut start = 0;
    for part in name.split('.') {
        if is_number(part) {
            end = start + part.len();
        }
        start += part.len() + 1;
    }
    &name[..end]
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text with numbers between dots as `*`.
fn fold(text: &str) -> String {
    let parts = text.split('.').map(|part| if is_number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// Names in backticks, those that differ in numbers as one.
fn folded<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    /// More are counted, not told.
    const TOLD: usize = 12;
    let mut counts: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for name in names {
        counts.entry(fold(name)).or_insert((0, name)).0 += 1;
    }
    let shown = counts.iter().take(TOLD).map(|(folded, (count, name))| match count {
        1 => format!("`{name}`"),
        _ => format!("`{folded}` ({count})"),
    });
    let shown: Vec<String> = shown.collect();
    let more = counts.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more like these") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, all) = (self.taken().count(), self.rows.len());
        let numbers = |rows: Vec<&Row>| rows.iter().map(|row| row.numbers).sum::<usize>();
        writeln!(
            f,
            "taken: {taken} of {all} weights, {} of {} numbers",
            numbers(self.taken().collect()),
            numbers(self.rows.iter().collect())
        )?;
        table(f, self.taken())?;
        if taken < all {
            writeln!(f, "left as they start: {}", all - taken)?;
            table(f, self.fresh())?;
        }
        Ok(())
    }
}

/// Weights, how many there are of a kind, and what became of them.
fn table<'a>(f: &mut fmt::Formatter<'_>, rows: impl Iterator<Item = &'a Row>) -> fmt::Result {
    let mut lines: Vec<(&str, usize, String)> = Vec::new();
    for row in rows {
        let told = row.outcome.told();
        let is_alike = |(name, _, other): &&mut (&str, usize, String)| {
            fold(name) == fold(&row.name) && fold(other) == fold(&told)
        };
        match lines.iter_mut().find(is_alike) {
            Some((_, count, _)) => *count += 1,
            None => lines.push((&row.name, 1, told)),
        }
    }
    let folded = lines.into_iter().map(|(name, count, told)| match count {
        1 => (name.to_owned(), count, told),
        _ => (fold(name), count, fold(&told)),
    });
    let lines: Vec<(String, usize, String)> = folded.collect();
    let wide = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, count, told) in lines {
        writeln!(f, "  {name:wide$} {count:>4}  {told}")?;
    }
    Ok(())
}
