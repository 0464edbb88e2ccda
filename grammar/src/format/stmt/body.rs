//! Bodies: what stands between braces, and the file itself.
//!
//! In: statements, edges or items. Out: entries with the comments and blank lines around them. Deliberately not
//! here: what an entry looks like inside.

use std::ops::Range;

use super::Builder;
use crate::ast::{Edge, Item, Stmt};
use crate::format::doc::{Align, Body, Doc, Entry, Lead};
use crate::source::Span;

/// What has lines of its own.
pub(super) trait Node {
    fn span(&self) -> Span;
    /// How many lines of `///` belong to it; none if it cannot have any.
    fn docs(&self) -> Option<usize>;
    fn doc(&self, builder: &mut Builder<'_>) -> (Doc, Option<Align>);
}

impl Node for Stmt {
    fn span(&self) -> Span {
        self.span
    }

    fn docs(&self) -> Option<usize> {
        Some(self.docs.len())
    }

    fn doc(&self, builder: &mut Builder<'_>) -> (Doc, Option<Align>) {
        builder.stmt(self)
    }
}

impl Node for Edge {
    fn span(&self) -> Span {
        self.span
    }

    fn docs(&self) -> Option<usize> {
        None
    }

    fn doc(&self, builder: &mut Builder<'_>) -> (Doc, Option<Align>) {
        builder.edge(self)
    }
}

impl Node for Item {
    fn span(&self) -> Span {
        match self {
            Self::Use(item) => item.span,
            Self::Model(model) => model.span,
            Self::Block(block) => block.span,
        }
    }

    fn docs(&self) -> Option<usize> {
        match self {
            Self::Use(_) => None,
            Self::Model(model) => Some(model.docs.len()),
            Self::Block(block) => Some(block.docs.len()),
        }
    }

    fn doc(&self, builder: &mut Builder<'_>) -> (Doc, Option<Align>) {
        (builder.item(self), None)
    }
}

impl Builder<'_> {
    /// The whole file, as a body without braces.
    pub(in crate::format) fn file(&mut self, items: &[Item]) -> Body {
        let mut body = self.body(0..self.comments.len(), items, Vec::new());
        let both_use =
            |index: usize| items[index - 1..=index].iter().all(|item| matches!(item, Item::Use(_)));
        for (index, entry) in body.entries.iter_mut().enumerate().skip(1) {
            if !both_use(index) {
                *entry.first_blank() = true;
            }
        }
        if let (Some(lead), false) = (body.dangling.first_mut(), items.is_empty()) {
            lead.blank = true;
        }
        body
    }

    /// The body that opens with the first brace from `from` on, and the place of its closing brace. It begins
    /// with the comments `before`.
    pub(super) fn braces(
        &mut self,
        from: usize,
        stmts: &[Stmt],
        before: Vec<Lead>,
    ) -> (Body, usize) {
        let open = self.comments.find(from, '{');
        let last = stmts.last().map_or(open + 1, |stmt| stmt.span.range().end);
        let close = self.comments.find(last, '}');
        (self.body(open + 1..close, stmts, before), close)
    }

    /// The nodes in `inside`, after the comments `before`.
    pub(super) fn body<T: Node>(
        &mut self,
        inside: Range<usize>,
        nodes: &[T],
        before: Vec<Lead>,
    ) -> Body {
        let inline = !self.comments.text(inside.clone()).contains('\n');
        let mut body = Body { opening: None, entries: Vec::new(), dangling: Vec::new(), inline };
        let (mut lead, mut end) = (before, inside.start);
        for node in nodes {
            let span = node.span().range();
            let gap = self.comments.gap(end..span.start);
            body.trail(gap.trail);
            lead.extend(gap.lead);
            let (doc, align) = node.doc(self);
            let mut entry = Entry { lead, blank: gap.blank, doc, trail: None, align };
            entry.hoist(self.comments.rest(span.clone()), node.docs());
            body.entries.push(entry);
            (lead, end) = (Vec::new(), span.end);
        }
        let gap = self.comments.gap(end..inside.end);
        body.trail(gap.trail);
        body.dangling = lead;
        body.dangling.extend(gap.lead);
        if let Some(entry) = body.entries.first_mut() {
            *entry.first_blank() = false;
        } else if let Some(lead) = body.dangling.first_mut() {
            lead.blank = false;
        }
        body
    }
}

impl Body {
    /// Puts a comment at the end of the line so far.
    fn trail(&mut self, comment: Option<String>) {
        match self.entries.last_mut() {
            Some(entry) => entry.trail = comment,
            None => self.opening = comment,
        }
    }
}

impl Entry {
    /// Whether a blank line stands before it and its comments.
    fn first_blank(&mut self) -> &mut bool {
        self.lead.first_mut().map_or(&mut self.blank, |lead| &mut lead.blank)
    }

    /// Whether a blank line stands before its comment number `index`, or before itself after the last.
    fn blank_at(&mut self, index: usize) -> &mut bool {
        self.lead.get_mut(index).map_or(&mut self.blank, |lead| &mut lead.blank)
    }

    /// Puts comments from inside it before it and its documentation, of which there are `docs` lines.
    fn hoist(&mut self, comments: Vec<String>, docs: Option<usize>) {
        let mut at = self.lead.len().saturating_sub(docs.unwrap_or(0));
        for text in comments {
            let blank = std::mem::take(self.blank_at(at));
            self.lead.insert(at, Lead { text, blank });
            at += 1;
        }
        // What was no documentation must not become some.
        let like_docs =
            at.checked_sub(1).is_some_and(|last| self.lead[last].text.starts_with("///"));
        if docs.is_some() && like_docs {
            *self.blank_at(at) = true;
        }
    }
}
