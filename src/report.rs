//! Diagnostics as people and programs read them.
//!
//! In: the sources and the diagnostics. Out: text with the lines in question drawn, or JSON. Deliberately
//! not here: where it is printed, and whether the terminal has colors. The only place that knows
//! annotate-snippets.

mod config;
mod lines;

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet,
    normalize_untrusted_str as printable,
};
use serde_json::{Value, json};
use zorro_grammar::{Diagnostic, FileId, Label, Severity, SourceMap, Span};

pub use config::render as render_config;
use lines::Lines;

/// Draws the diagnostics, in the order of file and place. Ends in a newline unless there is nothing.
#[must_use]
pub fn render(sources: &SourceMap, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let report = Report::new(sources);
    let drawn: Vec<String> = in_order(diagnostics)
        .into_iter()
        .map(|diagnostic| renderer.render(&[report.group(diagnostic)]) + "\n")
        .collect();
    drawn.join("\n")
}

/// The diagnostics as an array for programs, in the same order. Lines and columns count from 1, columns in
/// characters; `start` and `end` are bytes.
#[must_use]
pub fn json(sources: &SourceMap, diagnostics: &[Diagnostic]) -> Value {
    let report = Report::new(sources);
    in_order(diagnostics).into_iter().map(|diagnostic| report.entry(diagnostic)).collect()
}

fn in_order(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    // Stable, so that what is said of one place stays in the order in which it was found.
    ordered.sort_by_key(|diagnostic| {
        diagnostic.labels.first().map(|label| (label.span.file, label.span.start))
    });
    ordered
}

/// The sources and where their lines begin.
struct Report<'a> {
    sources: &'a SourceMap,
    lines: Vec<Lines<'a>>,
}

// Whatever may quote the spec is made `printable`: a spec must not speak to the terminal. Titles and
// source lines annotate-snippets cleans by itself.
impl<'a> Report<'a> {
    fn new(sources: &'a SourceMap) -> Self {
        let lines = sources.files().map(|(_, file)| Lines::new(&file.text)).collect();
        Self { sources, lines }
    }

    fn lines(&self, file: FileId) -> &Lines<'a> {
        &self.lines[file.0 as usize]
    }

    fn group(&self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&diagnostic.message).id(diagnostic.code.as_str());
        let mut files: Vec<FileId> = Vec::new();
        for label in &diagnostic.labels {
            if !files.contains(&label.span.file) {
                files.push(label.span.file);
            }
        }
        let snippets = files.into_iter().map(|file| self.snippet(file, &diagnostic.labels));
        let help = diagnostic.help.iter().map(|text| Level::HELP.message(printable(text)));
        title.elements(snippets).elements(help)
    }

    /// What the labels say about one file.
    fn snippet(&self, file: FileId, labels: &'a [Label]) -> Snippet<'a, Annotation<'a>> {
        let source = self.sources.file(file);
        let lines = self.lines(file);
        let mut here: Vec<(AnnotationKind, Range<usize>, &str)> = Vec::new();
        for (index, label) in labels.iter().enumerate() {
            if label.span.file == file {
                let kind =
                    if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                here.push((kind, clamp(&source.text, label.span), &label.text));
            }
        }
        // Only the lines concerned, since annotate-snippets reads through all that it is given.
        let first = here.iter().map(|(_, range, _)| lines.line(range.start)).min().unwrap_or(0);
        let last = here.iter().map(|(_, range, _)| lines.line(range.end)).max().unwrap_or(0);
        let shown = lines.range(first, last);
        let annotations = here.into_iter().map(|(kind, range, text)| {
            let annotation = kind.span(range.start - shown.start..range.end - shown.start);
            if text.is_empty() { annotation } else { annotation.label(printable(text)) }
        });
        Snippet::source(&source.text[shown.clone()])
            .line_start(first + 1)
            .path(printable(&source.name))
            .annotations(annotations)
    }

    fn entry(&self, diagnostic: &Diagnostic) -> Value {
        let severity = match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let labels: Vec<Value> =
            diagnostic.labels.iter().map(|label| self.label_entry(label)).collect();
        json!({
            "code": diagnostic.code.as_str(),
            "severity": severity,
            "message": diagnostic.message,
            "labels": labels,
            "help": diagnostic.help,
        })
    }

    fn label_entry(&self, label: &Label) -> Value {
        let source = self.sources.file(label.span.file);
        let Range { start, end } = clamp(&source.text, label.span);
        let lines = self.lines(label.span.file);
        let ((line, column), (end_line, end_column)) = (lines.place(start), lines.place(end));
        json!({
            "file": source.name,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "start": start,
            "end": end,
            "text": label.text,
        })
    }
}

/// The span inside the text, on character boundaries. annotate-snippets panics on anything else, and a
/// wrong span must not cost the user the message.
fn clamp(text: &str, span: Span) -> Range<usize> {
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary(span.end as usize);
    start..end.max(start)
}

#[cfg(test)]
mod tests;
