//! Docs to lines.
//!
//! In: [`Doc`]s. Out: lines of at most [`WIDTH`] characters where the docs allow it. Deliberately not here: anything
//! that looks at two lines at once.

use super::doc::{Align, Body, Doc, Entry, Lead, List, Part, width};
use super::{INDENT, WIDTH};

/// The lines so far; the last one is being written.
#[derive(Default)]
pub(super) struct Page {
    pub(super) lines: Vec<Line>,
}

/// A line.
#[derive(Default)]
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) text: String,
    /// The width of the text, counted as it grows: a long line is not read again for each piece that is added.
    width: usize,
    /// The comment at its end.
    pub(super) comment: Option<String>,
    pub(super) align: Option<Align>,
}

impl Page {
    /// The whole file: entries without braces.
    pub(super) fn file(&mut self, body: &Body) {
        for entry in &body.entries {
            self.entry(entry, 0);
        }
        self.leads(&body.dangling, 0);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            if !line.text.is_empty() {
                text.push_str(&" ".repeat(line.indent));
                text.push_str(&line.text);
            }
            if let Some(comment) = &line.comment {
                text.push_str("  ");
                text.push_str(comment);
            }
            text.push('\n');
        }
        text
    }

    fn line(&mut self, indent: usize) {
        self.lines.push(Line { indent, ..Line::default() });
    }

    fn own_line(&mut self, indent: usize, text: &str) {
        self.line(indent);
        self.push(text);
    }

    fn push(&mut self, text: &str) {
        if self.lines.is_empty() {
            self.line(0);
        }
        if let Some(line) = self.lines.last_mut() {
            line.text.push_str(text);
            line.width += width(text);
        }
    }

    /// Puts a comment at the end of the line; a second one gets a line of its own.
    fn comment(&mut self, comment: Option<&String>, indent: usize) {
        let Some(comment) = comment else { return };
        match self.lines.last_mut() {
            Some(line) if line.comment.is_none() => line.comment = Some(comment.clone()),
            Some(_) | None => self.own_line(indent, comment),
        }
    }

    /// Writes the doc on this line if it fits with `rest` more characters.
    fn flat(&mut self, doc: &Doc, rest: usize) -> bool {
        let mut text = String::new();
        let column = self.lines.last().map_or(0, |line| line.indent + line.width);
        let fits = doc.flat(&mut text) && column + width(&text) + rest <= WIDTH;
        if fits {
            self.push(&text);
        }
        fits
    }

    /// Writes a doc that stands in a line indented by `indent`, and is followed by at least `rest` characters.
    fn doc(&mut self, doc: &Doc, indent: usize, rest: usize) {
        match doc {
            Doc::Text(text) => self.push(text),
            Doc::Seq(docs) => self.seq(doc, docs, indent, rest),
            Doc::List(list) => {
                if !self.flat(doc, rest) {
                    self.list(list, indent);
                }
            }
            Doc::Chain(parts) => {
                if !self.flat(doc, rest) {
                    self.chain(parts, indent, rest);
                }
            }
            Doc::Body(body) if body.is_empty() => self.push("{}"),
            Doc::Body(body) => self.body(body, indent),
        }
    }

    fn seq(&mut self, doc: &Doc, docs: &[Doc], indent: usize, rest: usize) {
        // Bodies of one statement are on one line together or not at all.
        if docs.iter().any(|doc| matches!(doc, Doc::Body(_))) && self.flat(doc, rest) {
            return;
        }
        // From the end on, what follows each doc up to the next place where the line may break.
        let mut follows = vec![rest; docs.len()];
        for index in (1..docs.len()).rev() {
            let mut width = 0;
            let breaks = docs[index].head(&mut width);
            follows[index - 1] = if breaks { width } else { width + follows[index] };
        }
        for (doc, follows) in docs.iter().zip(follows) {
            self.doc(doc, indent, follows);
        }
    }

    fn list(&mut self, list: &List, indent: usize) {
        let inside = indent + INDENT;
        self.push(list.open.encode_utf8(&mut [0; 4]));
        self.comment(list.opening.as_ref(), inside);
        for part in &list.parts {
            self.part_start(part, inside);
            self.doc(&part.doc, inside, 1);
            self.push(",");
            self.comment(part.trail.as_ref(), inside);
        }
        for comment in &list.dangling {
            self.own_line(inside, comment);
        }
        self.own_line(indent, list.close.encode_utf8(&mut [0; 4]));
    }

    fn chain(&mut self, parts: &[Part], indent: usize, rest: usize) {
        let inside = indent + INDENT;
        for (index, part) in parts.iter().enumerate() {
            let rest = if index + 1 == parts.len() { rest } else { 0 };
            if index == 0 {
                self.doc(&part.doc, indent, rest);
            } else {
                self.part_start(part, inside);
                self.doc(&part.doc, inside, rest);
            }
            self.comment(part.trail.as_ref(), inside);
        }
    }

    fn part_start(&mut self, part: &Part, indent: usize) {
        for comment in &part.lead {
            self.own_line(indent, comment);
        }
        self.line(indent);
    }

    fn body(&mut self, body: &Body, indent: usize) {
        let inside = indent + INDENT;
        self.push("{");
        self.comment(body.opening.as_ref(), inside);
        for entry in &body.entries {
            self.entry(entry, inside);
        }
        self.leads(&body.dangling, inside);
        self.own_line(indent, "}");
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        self.leads(&entry.lead, indent);
        self.blank(entry.blank);
        self.line(indent);
        let first = self.lines.len();
        self.doc(&entry.doc, indent, 0);
        let on_one_line = self.lines.len() == first;
        if let Some(line) = self.lines.last_mut().filter(|_| on_one_line) {
            line.align = entry.align;
        }
        self.comment(entry.trail.as_ref(), indent);
    }

    fn leads(&mut self, leads: &[Lead], indent: usize) {
        for lead in leads {
            self.blank(lead.blank);
            self.own_line(indent, &lead.text);
        }
    }

    fn blank(&mut self, wanted: bool) {
        if wanted {
            self.line(0);
        }
    }
}
