//! Tables: a CSV file whose first line names its columns.
//!
//! In: lines of a file. Out: for each the paths and values of a sample, and whether all labels are what they can be. What is
//! wrong with a table is an error at its line ([`DataError::Declared`]): rows that are misread have wrong labels, so none is
//! left out. Deliberately not here: reading the files that are named.

mod rows;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use zorro_compiler::grammar::diagnostic::nearest;

use crate::data::DataError;
use crate::data::config::SourceConfig;
use crate::data::error::{Problems, Why};
use crate::data::media::{Content, Kind, Trouble};
use crate::data::recipe::{Recipe, setting};
use crate::data::targets::{Label, Target};

use super::roles::{Role, Uses};
use super::{Entry, Piece, Source, What};
use rows::{Fault, Row, Rows};

const MAX_BYTES: u64 = 4 << 30;

/// Refuses what only tables have, where there is none, and encodings that nobody knows.
pub(super) fn check_settings(config: &SourceConfig, place: &str) -> Result<(), DataError> {
    let SourceConfig { table, separator, quotes, encoding, .. } = config;
    let said = [
        ("separator", separator.is_some()),
        ("quotes", quotes.is_some()),
        ("encoding", encoding.is_some()),
    ];
    if let Some((name, _)) = said.iter().find(|(_, is_said)| *is_said && table.is_none()) {
        return Err(setting(&format!("{place}.{name}"), format!("only a `table` has `{name}`")));
    }
    match encoding {
        Some(name) if text::encoding(name).is_none() => {
            let known = "`utf-8`, `windows-1252`, `iso-8859-2`, `shift_jis` or the like";
            let message = format!("`{name}` is no encoding of the web: write {known}");
            Err(setting(&format!("{place}.encoding"), message))
        }
        Some(_) | None => Ok(()),
    }
}

/// The samples of a table, in order.
pub(super) fn entries(
    path: &Path,
    config: &SourceConfig,
    uses: &mut Uses,
    recipe: &Recipe,
    problems: &mut Problems,
) -> Result<Vec<Entry>, DataError> {
    let wrong = |message: Why| DataError::File { path: path.to_owned(), message };
    let fault = |fault| declared(path, fault);
    if matches!(path.try_exists(), Ok(false)) {
        let message = format!("there is no file {}", path.display());
        return Err(setting(&format!("{}.table", uses.place()), message));
    }
    let bytes = Content::Path(path).bytes(MAX_BYTES).map_err(|trouble| trouble.of_file(path))?;
    let said = config.encoding.as_deref().and_then(text::encoding);
    let text::Text { text, doubt } = text::read(&bytes, said).map_err(fault)?;
    let rows = Rows::new(&text, config.separator, config.quotes.unwrap_or(true));
    let mut rows = rows.map_err(fault)?;
    let header = rows.next().ok_or_else(|| wrong("it is empty".to_owned()))?.map_err(fault)?;
    let columns = columns(&header).map_err(fault)?;
    let table = Table { path, columns, doubt, recipe };
    table.has_columns(config, uses.place())?;
    let mut entries = Vec::new();
    for row in rows {
        let row = row.map_err(fault)?;
        match table.entry(&row, uses)? {
            Ok(entry) => entries.push(entry),
            Err(why) => {
                problems.samples += 1;
                problems.name(format!("{}, line {}: {why}", path.display(), row.line));
            }
        }
    }
    table.feeds(&entries, uses)?;
    Ok(entries)
}

fn lower(name: &str) -> String {
    name.to_lowercase()
}

fn declared(path: &Path, fault: Fault) -> DataError {
    let name = format!("{}, line {}", path.display(), fault.line);
    DataError::Declared { name, message: fault.why }
}

/// What rows are read with.
struct Table<'a> {
    path: &'a Path,
    columns: Vec<String>,
    /// Where the text is not known to be what it says beyond ASCII.
    doubt: Option<Fault>,
    recipe: &'a Recipe,
}

impl Table<'_> {
    /// That the columns which `roles` speaks of are there.
    fn has_columns(&self, config: &SourceConfig, place: &str) -> Result<(), DataError> {
        let has = |name: &str| self.columns.iter().any(|column| lower(column) == lower(name));
        let Some(name) = config.roles.keys().find(|name| !has(name)) else { return Ok(()) };
        let columns = self.columns.iter().map(String::as_str);
        let help = match nearest(name, columns) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", self.names()),
        };
        let message = format!("{} has no column `{name}`; {help}", self.path.display());
        Err(setting(&format!("{place}.roles.{name}"), message))
    }

    /// That some row has something that the model is fed, where there are rows.
    fn feeds(&self, entries: &[Entry], uses: &Uses) -> Result<(), DataError> {
        let is_fed = |role: &Role| matches!(role, Role::Modality(_));
        // A JSON file may have what is fed, too.
        let is_fed = |piece: &Piece| {
            uses.kind(piece.what()) == Kind::Json || uses.roles(piece.what()).iter().any(is_fed)
        };
        if entries.is_empty() || entries.iter().any(|entry| entry.pieces.iter().any(is_fed)) {
            return Ok(());
        }
        let modalities: Vec<String> =
            self.recipe.hosts.iter().map(|host| format!("`{}`", host.name)).collect();
        let modalities = modalities.join(", ");
        let message = format!(
            "{} has nothing that the model is fed ({modalities}): its columns are {}; say which of them that is, as in \
             `roles: {{ COLUMN: [{}] }}`",
            self.path.display(),
            self.names(),
            modalities.replace('`', "")
        );
        Err(setting(uses.place(), message))
    }

    fn names(&self) -> String {
        let names = self.columns.iter().filter(|name| !name.is_empty());
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }

    /// The sample of a row, or why there is none.
    fn entry(&self, row: &Row<'_>, uses: &mut Uses) -> Result<Result<Entry, Why>, DataError> {
        let wrong = |why: Why| declared(self.path, Fault { line: row.line, why });
        let Row { line, cells } = row;
        if cells.len() != self.columns.len() {
            return Err(wrong(format!(
                "{} cells, but the first line names {} columns: a cell that has what separates cells stands in quotes",
                cells.len(),
                self.columns.len()
            )));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut key, mut first, mut is_climbing) = (None, None, false);
        for (column, cell) in self.columns.iter().zip(cells) {
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            let is_key = column.eq_ignore_ascii_case("key");
            if is_key {
                key = Some(cell.to_owned());
            }
            let Some((what, is_inline)) = uses.of_cell(column, cell, self.recipe)? else {
                self.is_certain(cell, is_key)?;
                continue;
            };
            self.is_certain(cell, true)?;
            if is_inline {
                pieces.push(Piece::Inline { what, text: cell.into() });
                continue;
            }
            is_climbing |= super::shards::is_climbing(cell);
            first.get_or_insert_with(|| cell.to_owned());
            pieces.push(Piece::File { what, path: cell.into() });
        }
        if is_climbing {
            return Ok(Err("a path leads out of `folder`".to_owned()));
        }
        let key = key.or(first).unwrap_or_else(|| format!("line {line}"));
        let at = u32::try_from(*line).map_err(|_| wrong("too many lines".to_owned()))?;
        Ok(Ok(Entry { key: key.into(), at, pieces: pieces.into() }))
    }

    /// Whether a cell that is used is known to be what it says.
    fn is_certain(&self, cell: &str, is_used: bool) -> Result<(), DataError> {
        match &self.doubt {
            Some(doubt) if is_used && !cell.is_ascii() => Err(declared(self.path, doubt.clone())),
            Some(_) | None => Ok(()),
        }
    }
}

/// The names of columns, each once, in whatever capitals. The first may have none: pandas writes its index so.
fn columns(header: &Row<'_>) -> Result<Vec<String>, Fault> {
    let columns: Vec<String> = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let mut known = BTreeMap::new();
    for (number, column) in (1..).zip(&columns) {
        let why = match known.insert(column.to_lowercase(), number) {
            Some(other) => {
                format!("columns {other} and {number} have one name, `{column}`; give each its own")
            }
            None if column.is_empty() && number > 1 => format!("column {number} has no name"),
            None => continue,
        };
        return Err(Fault { line: header.line, why });
    }
    Ok(columns)
}

/// What the labels of one target are like, looked at together.
#[derive(Debug, Default)]
struct Survey {
    /// The lowest and the highest number of a class.
    range: Option<(i64, i64)>,
    /// The first that is no class, with its place.
    outside: Option<(String, i64)>,
}

impl Survey {
    fn add(&mut self, target: &Target, classes: &[i64], place: impl Fn() -> String) {
        for class in classes {
            let (lowest, highest) = self.range.unwrap_or((*class, *class));
            self.range = Some((lowest.min(*class), highest.max(*class)));
            if !target.has(*class) {
                self.outside.get_or_insert_with(|| (place(), *class));
            }
        }
    }
}

/// Reads the labels of all samples that are taken of a table, before anything else of them is read.
pub(super) fn check_labels(source: &Source, recipe: &Recipe, broken: f64) -> Result<(), DataError> {
    if !matches!(source.what, What::Table { .. }) {
        return Ok(());
    }
    let mut surveys: Vec<Survey> = recipe.targets.iter().map(|_| Survey::default()).collect();
    let mut problems = Problems::default();
    for number in 0..source.len() {
        if let Some(why) = survey(source, number, recipe, &mut surveys)? {
            problems.samples += 1;
            problems.name(format!("{}: {why}", source.name(number)));
        }
    }
    for (survey, target) in surveys.into_iter().zip(&recipe.targets) {
        if let Some((name, class)) = survey.outside {
            let message = target.outside(class, survey.range);
            return Err(DataError::Declared { name, message });
        }
    }
    let (lost, of) = (problems.samples, source.len() as u64);
    let allowed = crate::data::allowed(broken, of);
    if lost > allowed {
        let what = "samples";
        return Err(DataError::TooManyBroken { what, broken: lost, of, allowed, problems });
    }
    // They are counted when the samples are read.
    Ok(())
}

/// Looks at the labels of one sample; says why it is broken, where it is.
fn survey(
    source: &Source,
    number: usize,
    recipe: &Recipe,
    surveys: &mut [Survey],
) -> Result<Option<Why>, DataError> {
    for piece in &source.entries[source.entry(number)].pieces {
        let Piece::Inline { what, text } = piece else { continue };
        let column = source.uses.name(*what);
        let place = || format!("{}: {column}", source.name(number));
        for role in source.uses.roles(*what) {
            let Role::Target(at) = role else { continue };
            match recipe.targets[*at].label(text) {
                Ok(Some(Label::Classes(classes))) => {
                    surveys[*at].add(&recipe.targets[*at], &classes, place);
                }
                Ok(Some(Label::Values(_)) | None) => {}
                Err(Trouble::Why(why)) => return Ok(Some(format!("{column}: {why}"))),
                Err(
                    trouble @ (Trouble::Declared(_) | Trouble::Machine(_) | Trouble::NoDecoder(_)),
                ) => return Err(trouble.error(place())),
            }
        }
    }
    Ok(None)
}
