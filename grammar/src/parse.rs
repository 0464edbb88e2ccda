//! Text to syntax tree. The only place that knows pest.
//!
//! In: the text of one file. Out: an [`ast::File`] and the syntax errors, at most one for each top-level
//! item; the items without an error are in the tree all the same. Deliberately not here: whether a
//! statement is allowed where it stands, and what any name means.

#[expect(clippy::wildcard_enum_match_arm, reason = "the grammar says which rules can come here")]
mod build;
mod errors;

use pest::Parser;

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

fn parse_piece(
    file: FileId,
    text: &str,
    piece: Piece,
    comments: &[ast::Comment],
) -> Result<Vec<ast::Item>, Diagnostic> {
    if let Some(diagnostic) = piece.brackets {
        return Err(diagnostic);
    }
    let source = &text[piece.start..piece.end];
    // Without this, pest reports only failures of named rules, which may lie before the real one.
    pest::set_error_detail(true);
    let pairs = ZorroParser::parse(Rule::file, source)
        .map_err(|error| errors::syntax_error(file, text, piece.start, &error))?;
    let mut builder = build::Builder::new(file, piece.start, text, comments);
    let items = builder.items(pairs);
    match builder.problem {
        Some(diagnostic) => Err(diagnostic),
        None => Ok(items),
    }
}

fn too_large(file: FileId, bytes: usize) -> Diagnostic {
    let message = format!("the file has {bytes} bytes; a spec has at most {MAX_FILE_BYTES}");
    Diagnostic::new(Code::FileTooLarge, message, scan::span(file, 0, 0), "this file")
}

#[cfg(test)]
mod tests;
