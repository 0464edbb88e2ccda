//! Tables: a CSV file whose first line names its columns.
//!
//! In: lines of a file. Out: for each the paths and values of a sample. Quotes as in RFC 4180. Deliberately not here:
//! reading the files that are named.

use std::path::Path;

use crate::data::DataError;
use crate::data::error::{Problems, Why};
use crate::data::media::Content;
use crate::data::recipe::{Recipe, setting};

use super::roles::Uses;
use super::{Entry, Piece};

const MAX_BYTES: u64 = 4 << 30;

/// The samples of a table, in order.
pub(super) fn entries(
    path: &Path,
    uses: &mut Uses,
    recipe: &Recipe,
    problems: &mut Problems,
) -> Result<Vec<Entry>, DataError> {
    let wrong = |message: Why| DataError::File { path: path.to_owned(), message };
    let bytes = Content::Path(path).bytes(MAX_BYTES).map_err(|trouble| trouble.of_file(path))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    let mut rows = Rows::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let Some((_, header)) = rows.next() else { return Err(wrong("it is empty".to_owned())) };
    let columns: Vec<String> = header.iter().map(|cell| cell.trim().to_owned()).collect();
    let mut entries = Vec::new();
    for (line, row) in rows {
        let mut name = |why: &str| {
            problems.samples += 1;
            problems.name(format!("{}, line {line}: {why}", path.display()));
        };
        if row.len() != columns.len() {
            name(&format!("{} cells in {} columns", row.len(), columns.len()));
            continue;
        }
        let mut pieces = Vec::new();
        let (mut key, mut first, mut is_climbing) = (None, None, false);
        for (column, cell) in columns.iter().zip(&row) {
            let cell = cell.trim();
            if column.eq_ignore_ascii_case("key") {
                key = Some(cell.to_owned());
            }
            if cell.is_empty() {
                continue;
            }
            let Some((what, is_inline)) = uses.of_cell(column, cell, recipe)? else { continue };
            if is_inline {
                pieces.push(Piece::Inline { what, text: cell.into() });
                continue;
            }
            is_climbing |= super::shards::is_climbing(cell);
            first.get_or_insert_with(|| cell.to_owned());
            pieces.push(Piece::File { what, path: cell.into() });
        }
        if is_climbing {
            name("a path leads out of `folder`");
            continue;
        }
        let key = key.or(first).unwrap_or_else(|| format!("line {line}"));
        let at = u32::try_from(line).map_err(|_| wrong("too many lines".to_owned()))?;
        entries.push(Entry { key: key.into(), at, pieces: pieces.into() });
    }
    if entries.iter().all(|entry| entry.pieces.is_empty()) && !entries.is_empty() {
        let message = format!(
            "no column is a modality or target of the model ({}); say what columns are in `roles`",
            recipe.names().join(", ")
        );
        return Err(setting(&path.display().to_string(), message));
    }
    Ok(entries)
}

/// The rows of a CSV text, with the numbers of their lines.
struct Rows<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let mut row = vec![String::new()];
            let mut is_quoted = false;
            let mut characters = self.rest.char_indices().peekable();
            let mut end = self.rest.len();
            while let Some((at, character)) = characters.next() {
                let cell = row.last_mut().expect("never empty");
                match character {
                    '"' if is_quoted && characters.peek().is_some_and(|next| next.1 == '"') => {
                        cell.push('"');
                        characters.next();
                    }
                    '"' if is_quoted => is_quoted = false,
                    '"' if cell.is_empty() => is_quoted = true,
                    ',' if !is_quoted => row.push(String::new()),
                    '\n' => {
                        self.line += 1;
                        if is_quoted {
                            cell.push('\n');
                        } else {
                            end = at + 1;
                            break;
                        }
                    }
                    '\r' if !is_quoted => {}
                    other => cell.push(other),
                }
            }
            self.rest = &self.rest[end..];
            if row.len() > 1 || !row[0].trim().is_empty() {
                return Some((line, row));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        for (text, wanted) in [
            ("a,b\r\n1,2", vec![(1, vec!["a", "b"]), (2, vec!["1", "2"])]),
            ("\"a,\"\"b\"\"\nc\",d\n\n,\n", vec![(1, vec!["a,\"b\"\nc", "d"]), (4, vec!["", ""])]),
            ("\"open", vec![(1, vec!["open"])]),
            ("", vec![]),
        ] {
            let found: Vec<(u64, Vec<String>)> = Rows::new(text).collect();
            let found: Vec<(u64, Vec<&str>)> = found
                .iter()
                .map(|(line, row)| (*line, row.iter().map(String::as_str).collect()))
                .collect();
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
