//! Slips that everyone makes who comes from another language, found in the text where the grammar gave up.
//!
//! In: the text, and where the grammar did not go on. Out: a [`Slip`], with what to write. Deliberately not here: what pest
//! says (`errors`), and the words of other frameworks ([`crate::foreign`]). A slip is looked for after an error alone, so
//! that what is said here cannot change what the language is.

mod expressions;
mod items;
mod routes;
mod statements;
mod text;

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::scan;
use crate::source::FileId;

use text::{begins_call, extent, is_letter, word};

/// What somebody meant.
#[derive(Debug)]
pub(super) struct Slip {
    at: Range<usize>,
    message: String,
    label: String,
    help: Vec<String>,
    edits: Vec<(Range<usize>, String)>,
}

impl Slip {
    fn new(at: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        let (help, edits) = (Vec::new(), Vec::new());
        Self { at, message: message.into(), label: label.into(), help, edits }
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Says what to write in place of a part of the text.
    fn write(self, at: Range<usize>, text: impl Into<String>) -> Self {
        let text = text.into();
        self.help(format!("write `{text}`")).edit(at, text)
    }

    /// The same, where the help says it in other words.
    fn edit(mut self, at: Range<usize>, text: impl Into<String>) -> Self {
        self.edits.push((at, text.into()));
        self
    }

    pub(super) fn diagnostic(self, file: FileId) -> Diagnostic {
        let span = |at: Range<usize>| scan::span(file, at.start, at.end);
        let diagnostic = Diagnostic::new(Code::Syntax, self.message, span(self.at), self.label);
        let diagnostic = self.help.into_iter().fold(diagnostic, Diagnostic::help);
        self.edits
            .into_iter()
            .fold(diagnostic, |diagnostic, (at, text)| diagnostic.edit(span(at), text))
    }
}

/// In which brackets the error stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// In none, beside the items of the file.
    File,
    /// In the braces of a model, a block, or a part of them.
    Body,
    /// In the braces of a route.
    Route,
    /// In the parentheses of a call, which open here.
    Call(usize),
    /// In parentheses that group.
    Parens(usize),
    /// In the brackets of an index.
    Index(usize),
    /// In the brackets of a list.
    List,
}

/// Where the grammar gave up.
#[derive(Debug)]
struct Place<'t> {
    text: &'t str,
    piece: Range<usize>,
    /// Where the error is.
    at: usize,
    /// The word or sign that is not understood.
    found: &'t str,
    inside: Inside,
    /// The statement or edge, without a label, to the end of its line.
    stmt: Range<usize>,
}

impl<'t> Place<'t> {
    fn of(text: &'t str, piece: Range<usize>, at: usize, found: &'t str) -> Self {
        // Nothing is looked for beyond the piece.
        let text = &text[..piece.end];
        let mut stack: Vec<(char, usize, usize)> = Vec::new();
        let mut start = piece.start;
        let mut offset = piece.start;
        while offset < at {
            let rest = &text[offset..at];
            let Some(c) = rest.chars().next() else { break };
            let length = text::skipped(rest).unwrap_or(c.len_utf8());
            match c {
                '(' | '[' | '{' => stack.push((c, offset, start)),
                ')' | ']' | '}' => start = stack.pop().map_or(start, |(.., before)| before),
                _ => {}
            }
            let in_body = stack.last().is_none_or(|(open, ..)| *open == '{');
            if in_body && matches!(c, '\n' | ';' | '{') {
                start = offset + 1;
            }
            offset += length;
        }
        let inside = match stack.last() {
            None => Inside::File,
            Some(('{', open, _)) if text::opens_route(&text[piece.start..*open]) => Inside::Route,
            Some(('{', ..)) => Inside::Body,
            Some(('(', open, _)) if begins_call(&text[piece.start..*open]) => Inside::Call(*open),
            Some(('(', open, _)) => Inside::Parens(*open),
            Some((_, open, _)) if begins_call(&text[piece.start..*open]) => Inside::Index(*open),
            Some(_) => Inside::List,
        };
        start = text::skip_blanks(text, start).min(at);
        start = (start + label_length(&text[start..])).min(at);
        let end = extent(text, start..piece.end, &[';']).max(at);
        Self { text, piece, at, found, inside, stmt: start..end }
    }

    /// The text of a part.
    fn part(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    /// The first word of the statement.
    fn word(&self) -> &'t str {
        word(&self.text[self.stmt.start..self.piece.end])
    }

    /// What is said to the right of the error, on the same statement.
    fn rest(&self) -> &'t str {
        &self.text[self.at..self.piece.end]
    }

    /// The word or sign that is not understood.
    fn here(&self) -> Range<usize> {
        self.at..self.at + self.found.trim_end_matches('\n').len()
    }
}

/// How long `layers: ` is, where a statement follows.
fn label_length(statement: &str) -> usize {
    let name = word(statement);
    let Some(rest) = statement[name.len()..].strip_prefix(':') else { return 0 };
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let is_label = matches!(word(rest.trim_start()), "repeat" | "apply" | "for" | "while");
    if is_label && !name.is_empty() { name.len() + 1 + blanks } else { 0 }
}

/// The slip behind a syntax error, if it is one that is known.
pub(super) fn find(text: &str, piece: Range<usize>, at: usize, found: &str) -> Option<Slip> {
    let place = Place::of(text, piece, at, found);
    comment(&place)
        .or_else(|| routes::find(&place))
        .or_else(|| statements::find(&place))
        .or_else(|| expressions::find(&place))
        .or_else(|| statements::begun_elsewhere(&place))
}

/// Comments and texts in the ways of other languages.
fn comment(place: &Place<'_>) -> Option<Slip> {
    let rest = place.rest();
    let quotes = rest.get(..3).filter(|quotes| matches!(*quotes, "\"\"\"" | "'''"));
    let slip = |message: &str| Slip::new(place.here(), message, "not a comment here");
    if let Some(quotes) = quotes {
        let slip =
            Slip::new(place.at..place.at + 3, "comments have no quotes", "not a comment here");
        let inner = &rest[3..];
        let Some(end) = inner.find(quotes) else {
            return Some(slip.help("comments begin with `//`"));
        };
        let lines = inner[..end].trim().lines().map(|line| format!("/// {}", line.trim()));
        let all = place.at..place.at + 3 + end + 3;
        return Some(slip.write(all, lines.collect::<Vec<_>>().join("\n")));
    }
    if rest.starts_with('#') {
        let mut slip = slip("comments begin with `//`").help("write `//` in place of `#`");
        let mut offset = place.at;
        while let Some(c) = place.text[offset..place.piece.end].chars().next() {
            if c == '#' {
                slip = slip.edit(offset..offset + 1, "//");
                offset = extent_of_line(place.text, offset);
            } else {
                offset += text::skipped(&place.text[offset..]).unwrap_or(c.len_utf8());
            }
        }
        return Some(slip);
    }
    let marks = ["--", "%", "/*"];
    let mark =
        marks.into_iter().find(|mark| rest.starts_with(mark) && place.at == place.stmt.start)?;
    let line = place.at..extent_of_line(place.text, place.at);
    let said =
        place.part(line.clone()).trim_start_matches(mark).trim_end().trim_end_matches("*/").trim();
    Some(slip("comments begin with `//`").write(line, format!("// {said}")))
}

/// Where the line ends.
fn extent_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

/// `//` where integer division was meant: what follows is a comment, and the brackets no longer match.
pub(super) fn integer_division(text: &str, piece: Range<usize>) -> Option<Slip> {
    for (line, start) in text::lines(text, piece) {
        let Some(slashes) = line.find("//").filter(|at| !line[*at..].starts_with("///")) else {
            continue;
        };
        let (before, after) = (&line[..slashes], &line[slashes + 2..]);
        let opened = before.matches(['(', '[']).count() > before.matches([')', ']']).count();
        let closes = after.contains([')', ']']);
        if !opened || !closes || !before.trim_end().ends_with(|c: char| is_letter(c) || c == ')') {
            continue;
        }
        let at = start + slashes;
        let (left, right) = (text::operand_before(text, at), text::operand_after(text, at + 2));
        let label = "from here to the end of the line is a comment";
        let slip = Slip::new(at..at + 2, "`//` begins a comment", label);
        let written = format!("floor({} / {})", &text[left.clone()], &text[right.clone()]);
        return Some(slip.write(left.start..right.end, written));
    }
    None
}
