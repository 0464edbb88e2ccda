//! What goes wrong in a spec, as data.
//!
//! In: what the parser and the resolver found. Out: [`Diagnostic`]s with a stable [`Code`], labelled
//! spans and help. Deliberately not here: drawing them; that is the command line's affair.

use crate::source::Span;

pub use crate::codes::Code;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The spec is refused.
    Error,
    /// The spec works, but something in it is probably not meant.
    Warning,
}

/// A place and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is wrong here, or what this has to do with it.
    pub text: String,
}

/// A change of the text that a help line offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; where it is empty, something is put in.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code; it also gives the severity.
    pub code: Code,
    /// One line, without a full stop.
    pub message: String,
    /// The first label is where it goes wrong; the others are causes elsewhere.
    pub labels: Vec<Label>,
    /// Lines that say what to write instead.
    pub help: Vec<String>,
    /// What a help line offers, as changes that are to be made together; they do not overlap.
    pub edits: Vec<Edit>,
}

impl Diagnostic {
    /// A diagnostic with its main label.
    #[must_use]
    pub fn new(
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        let labels = vec![Label { span, text: label.into() }];
        Self { code, message: message.into(), labels, help: Vec::new(), edits: Vec::new() }
    }

    /// Adds a label for a cause that stands elsewhere.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a help line.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a help line that says what to write in place of a part of the text.
    #[must_use]
    pub fn write(self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.help(format!("write `{text}`")).edit(span, text)
    }

    /// Adds a change that a help line tells in other words.
    #[must_use]
    pub fn edit(mut self, span: Span, text: impl Into<String>) -> Self {
        self.edits.push(Edit { span, text: text.into() });
        self
    }

    /// Error or warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Where it goes wrong: the span of the first label.
    #[must_use]
    pub fn span(&self) -> Span {
        self.labels[0].span
    }
}

/// The most candidates that are looked at closely; no spec that somebody wrote has more names.
const MAX_CANDIDATES: usize = 1000;

/// The candidate nearest to a misspelled name, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    // One letter in three may be wrong, and a name of one letter is no typo of another.
    let limit = (length / 3).clamp(usize::from(length > 1), 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .take(MAX_CANDIDATES)
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two names, where swapping two neighbors counts as one (optimal string alignment).
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_finds_typos_and_leaves_strangers_alone() {
        assert_eq!(nearest("vidoe", ["audio", "video", "fusion"]), Some("video"));
        assert_eq!(nearest("linaer", ["linear", "norm"]), Some("linear"));
        assert_eq!(nearest("lidar", ["video", "audio"]), None);
    }
}
