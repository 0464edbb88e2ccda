//! Text to syntax tree. The only place that knows pest.
//!
//! In: the text of one file. Out: an [`ast::File`] and the syntax errors, at most one for each top-level
//! item; the items without an error are in the tree all the same. Deliberately not here: whether a
//! statement is allowed where it stands, and what any name means.

#[expect(clippy::wildcard_enum_match_arm, reason = "the grammar says which rules can come here")]
mod build;
mod errors;
mod slips;

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pairs;

use crate::ast;
use crate::diagnostic::{Code, Diagnostic};
use crate::scan::{self, Piece};
use crate::source::{FileId, SourceMap};

/// The largest file that is read.
pub const MAX_FILE_BYTES: usize = 1 << 20;

// The derive has its own module so that what it generates is not part of ours.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "zorro.pest"]
    pub(super) struct ZorroParser;
}
use grammar::{Rule, ZorroParser};

/// Parses a file of the map.
#[must_use]
pub fn parse(sources: &SourceMap, file: FileId) -> (ast::File, Vec<Diagnostic>) {
    let text = sources.file(file).text.as_str();
    let mut parsed = ast::File { id: file, items: Vec::new(), comments: Vec::new() };
    if text.len() > MAX_FILE_BYTES {
        return (parsed, vec![too_large(file, text.len())]);
    }
    let scan = scan::scan(file, text);
    parsed.comments = scan.comments;
    let mut diagnostics = Vec::new();
    for piece in scan.pieces {
        match parse_piece(file, text, piece, &parsed.comments) {
            Ok(items) => parsed.items.extend(items),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    (parsed, diagnostics)
}

/// Parses a file of the map that is `name = value`, as `--set` takes it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_setting(sources: &SourceMap, file: FileId) -> Result<ast::Binding, Diagnostic> {
    let text = sources.file(file).text.as_str();
    if text.len() > MAX_FILE_BYTES {
        return Err(too_large(file, text.len()));
    }
    let scan = scan::scan(file, text);
    if let Some(diagnostic) = scan.pieces.into_iter().find_map(|piece| piece.brackets) {
        return Err(diagnostic);
    }
    let pairs = pairs(Rule::setting, file, text, 0..text.len())?;
    let mut builder = build::Builder::new(file, 0, text, &scan.comments);
    let binding = builder.setting(pairs);
    builder.problem.map_or(Ok(binding), Err)
}

fn parse_piece(
    file: FileId,
    text: &str,
    piece: Piece,
    comments: &[ast::Comment],
) -> Result<Vec<ast::Item>, Diagnostic> {
    if let Some(diagnostic) = piece.brackets {
        let slip = slips::integer_division(text, piece.start..piece.end);
        return Err(slip.map_or(diagnostic, |slip| slip.diagnostic(file)));
    }
    let pairs = pairs(Rule::file, file, text, piece.start..piece.end)?;
    let mut builder = build::Builder::new(file, piece.start, text, comments);
    let items = builder.items(pairs);
    builder.problem.map_or(Ok(items), Err)
}

/// Runs the grammar over a part of a file.
fn pairs(
    rule: Rule,
    file: FileId,
    text: &str,
    part: Range<usize>,
) -> Result<Pairs<'_, Rule>, Diagnostic> {
    // Without this, pest reports only failures of named rules, which may lie before the real one.
    pest::set_error_detail(true);
    ZorroParser::parse(rule, &text[part.clone()])
        .map_err(|error| errors::syntax_error(file, text, part.clone(), &error))
}

fn too_large(file: FileId, bytes: usize) -> Diagnostic {
    let message = format!("the file has {bytes} bytes; a spec has at most {MAX_FILE_BYTES}");
    Diagnostic::new(Code::FileTooLarge, message, scan::span(file, 0, 0), "this file")
}

#[cfg(test)]
mod tests;
