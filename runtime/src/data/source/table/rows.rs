//! The rows of a table.
//!
//! In: a text, and what separates its cells. Out: the cells of each row, with the number of its line. As RFC 4180 has it,
//! and Python's `csv` with `strict=True`: a quote that opens a cell is closed, doubled within it, and followed by the end of
//! the cell; stricter than that, a cell that does not begin with a quote has none. Lines end with LF, CR LF or CR. Lines
//! that are blank are no rows. Deliberately not here: what cells mean.

use std::borrow::Cow;
use std::iter;

use crate::data::config::Separator;
use crate::data::error::Why;

/// Rows from the first to the last, or to the first that is none.
#[derive(Debug, Clone)]
pub(super) struct Rows<'a> {
    rest: &'a str,
    line: u64,
    separator: char,
    has_quotes: bool,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The line that it begins in.
    pub(super) line: u64,
    pub(super) cells: Vec<Cow<'a, str>>,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) why: Why,
}

const SEPARATORS: [Separator; 4] =
    [Separator::Comma, Separator::Semicolon, Separator::Tab, Separator::Pipe];

fn character(separator: Separator) -> char {
    match separator {
        Separator::Comma => ',',
        Separator::Semicolon => ';',
        Separator::Tab => '\t',
        Separator::Pipe => '|',
    }
}

fn told(separator: Separator) -> &'static str {
    match separator {
        Separator::Comma => "`,` (`separator: comma`)",
        Separator::Semicolon => "`;` (`separator: semicolon`)",
        Separator::Tab => "tabs (`separator: tab`)",
        Separator::Pipe => "`|` (`separator: pipe`)",
    }
}

impl<'a> Rows<'a> {
    /// The rows of a text. Where nothing is said, cells are separated by what the first row has.
    pub(super) fn new(
        text: &'a str,
        separator: Option<Separator>,
        has_quotes: bool,
    ) -> Result<Self, Fault> {
        let separator = match separator {
            Some(separator) => separator,
            None => of_first_row(text, has_quotes)?,
        };
        Ok(Self { rest: text, line: 1, separator: character(separator), has_quotes })
    }

    fn row(&mut self) -> Result<Vec<Cow<'a, str>>, Fault> {
        let mut cells = Vec::new();
        loop {
            cells.push(match self.has_quotes && self.rest.starts_with('"') {
                true => self.quoted()?,
                false => self.bare()?,
            });
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => {
                    self.rest = after_line(self.rest);
                    self.line += 1;
                    return Ok(cells);
                }
            }
        }
    }

    fn is_end(&self, character: char) -> bool {
        character == self.separator || matches!(character, '\n' | '\r')
    }

    fn bare(&mut self) -> Result<Cow<'a, str>, Fault> {
        let is_end = |character| self.is_end(character) || (self.has_quotes && character == '"');
        let (cell, rest) = self.rest.split_at(self.rest.find(is_end).unwrap_or(self.rest.len()));
        if rest.starts_with('"') && self.has_quotes {
            let why = "a quote within a cell that does not begin with one: write \"..\" around the cell and \
                       double the quote, or say `quotes: false` where quotes are characters like others";
            return Err(Fault { line: self.line, why: why.to_owned() });
        }
        self.rest = rest;
        Ok(cell.into())
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, Fault> {
        let (line, mut rest) = (self.line, &self.rest[1..]);
        let mut cell = Cow::Borrowed("");
        loop {
            let Some((inside, after)) = rest.split_once('"') else {
                let why = "a quote that is opened here is not closed; say `quotes: false` where quotes are \
                           characters like others";
                return Err(Fault { line, why: why.to_owned() });
            };
            cell += inside;
            self.line += n_lines(inside);
            match after.strip_prefix('"') {
                Some(after) => {
                    cell += "\"";
                    rest = after;
                }
                None if after.is_empty() || after.starts_with(|end| self.is_end(end)) => {
                    self.rest = after;
                    return Ok(cell);
                }
                None => {
                    let why = format!(
                        "text after the quote that closes a cell, which was opened in line {line}: double a quote \
                         within a cell, or say `quotes: false` where quotes are characters like others"
                    );
                    return Err(Fault { line: self.line, why });
                }
            }
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let line = self.line;
            match self.row() {
                Ok(cells) if cells.len() == 1 && cells[0].trim().is_empty() => {}
                Ok(cells) => return Some(Ok(Row { line, cells })),
                Err(fault) => {
                    self.rest = "";
                    return Some(Err(fault));
                }
            }
        }
        None
    }
}

/// What separates the cells of the first row: the only one that it has outside of quotes, or a comma where it has none.
fn of_first_row(text: &str, has_quotes: bool) -> Result<Separator, Fault> {
    let mut is_quoted = false;
    let (mut line, mut is_blank) = (1, true);
    let mut found = Vec::new();
    for part in lines(text) {
        for character in part.chars() {
            is_quoted ^= has_quotes && character == '"';
            let separator = SEPARATORS.into_iter().find(|one| self::character(*one) == character);
            let separator = separator.filter(|one| !is_quoted && !found.contains(one));
            found.extend(separator);
            is_blank &= character.is_whitespace() && separator.is_none();
        }
        if !is_quoted && !is_blank {
            break;
        }
        line += 1;
    }
    match found.as_slice() {
        [] => Ok(Separator::Comma),
        [one] => Ok(*one),
        several => {
            let several: Vec<&str> = several.iter().copied().map(told).collect();
            let why = format!("what separates the names of columns, {}?", several.join(" or "));
            Err(Fault { line, why })
        }
    }
}

/// The lines of a text, with their ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        let after = after_line(rest);
        let line = &rest[..rest.len() - after.len()];
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// What comes after the end of the line.
fn after_line(text: &str) -> &str {
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    let rest = &text[end..];
    rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r'])).unwrap_or(rest)
}

/// How many lines end in a text.
pub(super) fn n_lines(text: &str) -> u64 {
    let ends = text.matches(['\n', '\r']).count() - text.matches("\r\n").count();
    ends as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines and their cells.
    type Found<'a> = Vec<(u64, Vec<Cow<'a, str>>)>;

    fn rows(text: &str, has_quotes: bool) -> Result<Found<'_>, Fault> {
        let rows = Rows::new(text, None, has_quotes)?;
        rows.map(|row| row.map(|row| (row.line, row.cells))).collect()
    }

    #[test]
    fn rows_are_read() {
        for (text, wanted) in [
            ("a,b\r\n1,2", vec![(1, vec!["a", "b"]), (2, vec!["1", "2"])]),
            ("\"a,\"\"b\"\"\nc\",d\n\n,\n", vec![(1, vec!["a,\"b\"\nc", "d"]), (4, vec!["", ""])]),
            (
                "a,b\r1,\r\r\n 2,\"\"",
                vec![(1, vec!["a", "b"]), (2, vec!["1", ""]), (4, vec![" 2", ""])],
            ),
            ("\n\na;b,c\n\"1;2\";3", vec![]),
            ("\n \n\"a,\r\n\";b\n1,2;3\n", vec![(3, vec!["a,\r\n", "b"]), (5, vec!["1,2", "3"])]),
            ("a\tb\n\t\n", vec![(1, vec!["a", "b"]), (2, vec!["", ""])]),
            ("a|b", vec![(1, vec!["a", "b"])]),
            ("a\n1;2\n", vec![(1, vec!["a"]), (2, vec!["1;2"])]),
            ("", vec![]),
        ] {
            let wanted: Vec<(u64, Vec<Cow<'_, str>>)> = wanted
                .into_iter()
                .map(|(line, row)| (line, row.into_iter().map(Cow::from).collect()))
                .collect();
            assert_eq!(rows(text, true).unwrap_or_default(), wanted, "{text:?}");
        }
        let wanted =
            vec![(1, vec!["a".into(), "b".into()]), (2, vec!["\"x".into(), "y\"z".into()])];
        assert_eq!(rows("a\tb\n\"x\ty\"z", false), Ok(wanted));
    }

    #[test]
    fn quotes_are_closed_and_separators_are_known() {
        for (text, line, words) in [
            ("a,b\n1,\"2\n3,4\n", 2, "a quote that is opened here is not closed"),
            ("a,b\n\n1,2\"\n", 3, "a quote within a cell"),
            ("a,b\n1, \"2\"\n", 2, "a quote within a cell"),
            ("a,b\n\"1\r\n\r2\" ,3\n", 4, "opened in line 2"),
            ("a,b\n\"1\"\"\",\"2\"x\n", 2, "text after the quote"),
            ("\n\"a;b\",c\td", 2, "`,` (`separator: comma`) or tabs (`separator: tab`)?"),
        ] {
            let fault = rows(text, true).expect_err(text);
            assert!(fault.line == line && fault.why.contains(words), "{text:?}: {fault:?}");
        }
    }
}
