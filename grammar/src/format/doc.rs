//! A text whose line breaks are not decided yet.
//!
//! In: what the builder makes of the tree. Out: the text on one line, where that is possible, and widths.
//! Deliberately not here: the decision; that is the page's.

/// A piece of text.
pub(super) enum Doc {
    /// Never broken.
    Text(String),
    /// One after the other.
    Seq(Vec<Self>),
    /// Elements between brackets.
    List(List),
    /// Parts with a blank between them, or one a line and all but the first indented.
    Chain(Vec<Part>),
    /// Statements or edges between braces.
    Body(Body),
}

/// An element with its comments.
pub(super) struct Part {
    /// On lines of their own before it.
    pub(super) lead: Vec<String>,
    pub(super) doc: Doc,
    /// At the end of its line.
    pub(super) trail: Option<String>,
}

/// Elements between brackets, with commas.
pub(super) struct List {
    pub(super) open: char,
    pub(super) close: char,
    /// The comment after the open bracket.
    pub(super) opening: Option<String>,
    pub(super) parts: Vec<Part>,
    /// Comments before the closing bracket.
    pub(super) dangling: Vec<String>,
}

/// Lines between braces.
pub(super) struct Body {
    /// The comment after the open brace.
    pub(super) opening: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// Comments before the closing brace.
    pub(super) dangling: Vec<Lead>,
    /// Whether it was written on one line.
    pub(super) inline: bool,
}

/// A statement, edge or item with what belongs to it.
pub(super) struct Entry {
    pub(super) lead: Vec<Lead>,
    /// Whether a blank line stands directly before it.
    pub(super) blank: bool,
    pub(super) doc: Doc,
    pub(super) trail: Option<String>,
    pub(super) align: Option<Align>,
}

/// A comment on a line of its own.
pub(super) struct Lead {
    pub(super) text: String,
    /// Whether a blank line stands before it.
    pub(super) blank: bool,
}

/// What is aligned with the lines around.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Align {
    /// Lines with the same word are aligned with each other.
    pub(super) word: &'static str,
    /// Where blanks can be put in, as characters from the start of the line; none if nowhere.
    pub(super) column: Option<usize>,
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Appends the text on one line, or returns false if it needs several. What is appended then means nothing.
    pub(super) fn flat(&self, out: &mut String) -> bool {
        match self {
            Self::Text(text) => {
                out.push_str(text);
                true
            }
            Self::Seq(docs) => docs.iter().all(|doc| doc.flat(out)),
            Self::List(list) => {
                out.push(list.open);
                let flat = !list.has_comments() && flat_parts(&list.parts, ", ", out);
                out.push(list.close);
                flat
            }
            Self::Chain(parts) => flat_parts(parts, " ", out),
            Self::Body(body) => body.flat(out),
        }
    }

    /// Adds the width up to the first place where the line may break; returns whether there is one.
    pub(super) fn head(&self, total: &mut usize) -> bool {
        let bracketed = |empty: bool, total: &mut usize| {
            *total += if empty { 2 } else { 1 };
            !empty
        };
        match self {
            Self::Text(text) => {
                *total += width(text);
                false
            }
            Self::Seq(docs) => docs.iter().any(|doc| doc.head(total)),
            Self::List(list) => bracketed(list.is_empty(), total),
            Self::Chain(parts) => {
                parts.first().is_some_and(|part| part.doc.head(total)) || parts.len() > 1
            }
            Self::Body(body) => bracketed(body.is_empty(), total),
        }
    }

    /// Whether it has a place where the line may break.
    pub(super) fn can_break(&self) -> bool {
        self.head(&mut 0)
    }
}

fn flat_parts(parts: &[Part], separator: &str, out: &mut String) -> bool {
    parts.iter().enumerate().all(|(index, part)| {
        if index > 0 {
            out.push_str(separator);
        }
        !part.has_comments() && part.doc.flat(out)
    })
}

impl Part {
    pub(super) fn has_comments(&self) -> bool {
        !self.lead.is_empty() || self.trail.is_some()
    }
}

impl List {
    fn has_comments(&self) -> bool {
        self.opening.is_some() || !self.dangling.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty() && !self.has_comments()
    }
}

impl Body {
    /// Whether nothing stands between the braces.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.opening.is_none() && self.dangling.is_empty()
    }

    fn flat(&self, out: &mut String) -> bool {
        if self.is_empty() {
            out.push_str("{}");
            return true;
        }
        out.push_str("{ ");
        let bare = self.inline && self.opening.is_none() && self.dangling.is_empty();
        let flat = self.entries.iter().enumerate().all(|(index, entry)| {
            if index > 0 {
                out.push_str("; ");
            }
            entry.lead.is_empty() && entry.trail.is_none() && entry.doc.flat(out)
        });
        out.push_str(" }");
        bare && flat
    }
}

/// Characters, since every one takes one column in the fonts that code is read in.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}
