//! How failures become diagnostics: each once, told where the user wrote something.

use zorro_grammar::{Diagnostic, Label, Severity, Span};

use super::{Fail, Frame, MAX_ERRORS, Resolver};

impl<'a> Resolver<'a> {
    /// Reports the failure of a statement, unless the same was said of the same place.
    pub(super) fn report(&mut self, frame: &Frame<'a>, fail: Fail) {
        self.failed = true;
        match fail {
            Fail::Report(diagnostic) => {
                let diagnostic = self.with_application(frame, *diagnostic);
                self.push(diagnostic);
            }
            Fail::Silent => {}
        }
    }

    /// Adds where the block was applied. An error in a standard block is an error of its application.
    pub(super) fn with_application(
        &self,
        frame: &Frame<'a>,
        mut diagnostic: Diagnostic,
    ) -> Diagnostic {
        let (Some(block), Some(from)) = (frame.block, frame.from) else { return diagnostic };
        let text = format!("in this application of `{}`", block.name.text);
        let told = diagnostic.labels.iter().position(|label| label.span == from);
        let label = match told {
            Some(at) => diagnostic.labels.remove(at),
            None => Label { span: from, text },
        };
        let is_standard = |span: Span| self.standard.contains(&span.file);
        let is_inner = diagnostic.labels.first().is_some_and(|label| is_standard(label.span));
        let at = match told {
            _ if is_inner && !is_standard(from) => 0,
            Some(at) => at,
            None => diagnostic.labels.len(),
        };
        diagnostic.labels.insert(at, label);
        diagnostic
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity() {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *count < MAX_ERRORS && self.seen.insert((diagnostic.code, diagnostic.span())) {
            *count += 1;
            self.diagnostics.push(diagnostic);
        }
        self.exhausted |= self.errors >= MAX_ERRORS;
    }
}
