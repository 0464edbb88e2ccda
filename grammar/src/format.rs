//! The one layout of the language.
//!
//! In: the tree of a file that parsed without errors, and its text, for what the tree does not say: where
//! comments and blank lines stand, and which bodies were written on one line. Out: the text again, as it should be.
//! Deliberately not here: changes of meaning; the tree of the result is the tree of the input.
//!
//! The tree becomes a `doc::Doc`, which says where lines may break; `page` breaks the lines that are too
//! long; `align` puts signs of neighboring lines under each other.

mod align;
mod comments;
mod doc;
mod expr;
mod page;
mod stmt;

use crate::ast;
use crate::source::SourceMap;

/// The longest line, not counting a comment at its end.
const WIDTH: usize = 100;
/// Blanks for each level.
const INDENT: usize = 2;

/// Formats a file. It must have parsed without errors, since an item with an error is not in the tree.
#[must_use]
pub fn format(sources: &SourceMap, file: &ast::File) -> String {
    let text = sources.file(file.id).text.as_str();
    let mut builder = stmt::Builder::new(text, &file.comments);
    let mut page = page::Page::default();
    page.file(&builder.file(&file.items));
    align::align(&mut page.lines);
    page.text()
}

#[cfg(test)]
mod tests;
