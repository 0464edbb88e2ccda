//! A first look at the text, before the grammar sees it.
//!
//! In: the text of a file. Out: its comments, the pieces in which it is parsed (so that a syntax error
//! in one item does not hide those of the next), and brackets that do not match or nest too deeply.
//! Deliberately not here: anything that needs a grammar.

use crate::ast::Comment;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// The deepest nesting of brackets of all kinds.
pub(crate) const MAX_BRACKETS: usize = 64;

/// What the scan found.
pub(crate) struct Scan {
    /// All comments in order.
    pub(crate) comments: Vec<Comment>,
    /// Consecutive byte ranges that cover the file. Each begins where a line begins with `model`, `block` or `use`
    /// (or at the start of the file), and is parsed by itself.
    pub(crate) pieces: Vec<Piece>,
}

/// A part of the file that is parsed by itself.
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Why its brackets make no sense, if they do not.
    pub(crate) brackets: Option<Diagnostic>,
}

/// An open bracket and the indentation of its line.
struct Open {
    bracket: char,
    span: Span,
    indent: usize,
}

/// Where a line starts and how far it is indented.
struct Line {
    start: usize,
    indent: usize,
}

impl Line {
    fn at(text: &str, start: usize) -> Self {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        // Some editors begin files with a byte order mark.
        let mark =
            if start == 0 && text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
        let line = text.as_bytes()[start + mark..].iter();
        Self { start, indent: mark + line.take_while(|byte| is_blank(byte)).count() }
    }

    /// Whether nothing but blanks stands before `at` on this line.
    fn begins_at(&self, at: usize) -> bool {
        self.start + self.indent >= at
    }
}

/// Scans a file.
pub(crate) fn scan(file: FileId, text: &str) -> Scan {
    let starts = piece_starts(text);
    let mut scan = Scan { comments: Vec::new(), pieces: Vec::new() };
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let brackets = scan_piece(file, text, start..end, &mut scan.comments);
        scan.pieces.push(Piece { start, end, brackets });
    }
    scan
}

/// The offsets at which a line begins with a word that begins an item, and 0.
fn piece_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let word_end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &line[..word_end.unwrap_or(line.len())];
        if offset > 0 && matches!(word, "model" | "block" | "use") {
            starts.push(offset);
        }
        offset += line.len();
    }
    starts
}

/// Collects the comments of a piece and checks its brackets.
fn scan_piece(
    file: FileId,
    text: &str,
    piece: std::ops::Range<usize>,
    comments: &mut Vec<Comment>,
) -> Option<Diagnostic> {
    let mut stack: Vec<Open> = Vec::new();
    let mut problem = None;
    let mut suspect = None;
    let mut at = piece.start;
    let mut line = Line::at(text, at);
    while at < piece.end {
        let c = text[at..].chars().next().expect("at is inside the text");
        let span = span(file, at, at + c.len_utf8());
        let rest = &text[at..piece.end];
        match c {
            '/' if rest.starts_with("//") => {
                let comment = rest.lines().next().unwrap_or(rest);
                let trimmed = comment.trim_end();
                comments.push(Comment {
                    text: trimmed.to_owned(),
                    span: self::span(file, at, at + trimmed.len()),
                    own_line: line.begins_at(at),
                });
                at += comment.len();
                continue;
            }
            '"' => {
                let rest = rest.lines().next().unwrap_or(rest);
                at += rest[1..].find('"').map_or(rest.len(), |length| length + 2);
                continue;
            }
            '(' | '[' | '{' => {
                if stack.len() == MAX_BRACKETS && problem.is_none() {
                    problem = Some(too_deep(span));
                }
                stack.push(Open { bracket: c, span, indent: line.indent });
            }
            ')' | ']' | '}' => {
                let matching = stack.pop();
                match &matching {
                    Some(open) if closes(open.bracket) == c => {
                        let moved = line.begins_at(at) && line.indent != open.indent;
                        if moved && suspect.is_none() {
                            suspect = Some((open.span, span));
                        }
                    }
                    Some(_) | None => {
                        problem = problem.or_else(|| Some(unmatched(c, span, matching.as_ref())));
                        break;
                    }
                }
            }
            '\n' => line = Line::at(text, at + 1),
            _ => {}
        }
        at += c.len_utf8();
    }
    problem.or_else(|| stack.pop().map(|open| unclosed(&open, suspect)))
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("brackets nest more than {MAX_BRACKETS} deep");
    Diagnostic::new(Code::TooDeep, message, span, "this bracket is one too many")
        .help("name a part of the expression with `let`, or make it a block")
}

fn unmatched(c: char, span: Span, open: Option<&Open>) -> Diagnostic {
    match open {
        Some(open) => {
            let expected = closes(open.bracket);
            let message = format!("expected `{expected}`, found `{c}`");
            Diagnostic::new(
                Code::Syntax,
                message,
                span,
                format!("expected `{expected}` before this"),
            )
            .also(open.span, format!("to close this `{}`", open.bracket))
        }
        None => {
            let message = format!("`{c}` closes nothing");
            Diagnostic::new(Code::Syntax, message, span, "there is no open bracket for this")
        }
    }
}

fn unclosed(open: &Open, suspect: Option<(Span, Span)>) -> Diagnostic {
    let message = format!("`{}` is never closed", open.bracket);
    let diagnostic = Diagnostic::new(Code::Syntax, message, open.span, "this is never closed");
    match suspect {
        Some((opened, closed)) => diagnostic
            .also(opened, "perhaps it is this one that lacks its end")
            .also(closed, "since it is closed here, at another indentation"),
        None => diagnostic.help(format!("add `{}`", closes(open.bracket))),
    }
}

fn closes(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

pub(crate) fn span(file: FileId, start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).expect("files are smaller than 4 GiB");
    Span { file, start: offset(start), end: offset(end) }
}
