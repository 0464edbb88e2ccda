//! Signs of neighboring lines under each other.
//!
//! In: lines with marks. Out: the same lines with blanks put in. Deliberately not here: line breaks, which
//! must not depend on alignment, or formatting twice would give something else than formatting once.

use super::WIDTH;
use super::doc::width;
use super::page::Line;

/// A run whose signs are further apart than this stays as it is.
const MAX_PADDING: usize = 12;

/// Aligns `=` and `<-` of adjacent lines of one kind, then the comments at the ends of adjacent lines.
pub(super) fn align(lines: &mut [Line]) {
    let kind = |line: &Line| line.align.map(|align| (line.indent, align.word));
    for run in lines.chunk_by_mut(|a, b| kind(a).is_some() && kind(a) == kind(b)) {
        align_signs(run);
    }
    let has_comment = |line: &Line| line.comment.is_some() && !line.text.is_empty();
    let together = |a: &Line, b: &Line| has_comment(a) && has_comment(b) && a.indent == b.indent;
    for run in lines.chunk_by_mut(together) {
        align_comments(run);
    }
}

fn sign(line: &Line) -> Option<usize> {
    line.align.and_then(|align| align.column)
}

fn align_signs(run: &mut [Line]) {
    let Some(last) = run.iter().filter_map(sign).max() else { return };
    let fits = |line: &Line| {
        let padding = sign(line).map_or(0, |column| last - column);
        padding <= MAX_PADDING && line.indent + width(&line.text) + padding <= WIDTH
    };
    if !run.iter().all(fits) {
        return;
    }
    for line in run {
        if let Some(column) = sign(line) {
            let at = line.text.char_indices().nth(column).map_or(line.text.len(), |(at, _)| at);
            line.text.insert_str(at, &" ".repeat(last - column));
        }
    }
}

fn align_comments(run: &mut [Line]) {
    let last = run.iter().map(|line| width(&line.text)).max().unwrap_or(0);
    for line in run.iter_mut().filter(|line| line.comment.is_some()) {
        let padding = last - width(&line.text);
        line.text.push_str(&" ".repeat(padding));
    }
}
