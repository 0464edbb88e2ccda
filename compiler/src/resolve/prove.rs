//! What is proved about a model once it is expanded: asserts hold, contrastive losses cannot collapse, nothing is
//! left over.

use zorro_grammar::{Code, Diagnostic, Span};

use crate::flow::{Flow, Hop, ModalitySet, live, path};
use crate::model::{Assert, Loss, ModalityId, ValueId};

use super::Resolver;

/// The most steps of a leak that are told; the ends of a longer path tell the story.
const MAX_HOPS: usize = 8;
/// Values and reads that are looked at to tell all leaks; one path through the largest model, or many through others.
const PATH_WORK: usize = 3_000_000;

impl Resolver<'_> {
    /// Checks asserts and objectives, and warns of what reaches nothing. The flow, if it could be computed.
    pub(super) fn prove(&mut self) -> Option<Flow> {
        let flow = match Flow::of(&self.model) {
            Ok(flow) => flow,
            Err(value) => {
                let span = self.model.made_by(value).0.span;
                let message = "when this is present depends on too many modalities";
                let label = "too many combinations";
                self.push(Diagnostic::new(Code::TooLarge, message, span, label));
                return None;
            }
        };
        let mut budget = PATH_WORK;
        for assert in self.model.asserts.clone() {
            if self.errors >= super::MAX_ERRORS {
                break;
            }
            let allowed = ModalitySet::of(assert.only.iter().copied());
            for modality in flow.sees(assert.value).without(allowed).iter() {
                let diagnostic = self.leak(&assert, modality, &mut budget);
                self.push(diagnostic);
            }
        }
        let mut diagnostics = Vec::new();
        for objective in &self.model.objectives {
            self.collapses(&flow, &objective.loss, &mut budget, &mut diagnostics);
        }
        if !self.failed && !self.incomplete && self.errors == 0 {
            // In a broken model much is unused because its use is broken.
            self.unreached(&mut diagnostics);
        }
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
        Some(flow)
    }

    /// The error for a modality that reaches what an assert keeps it from.
    fn leak(&self, assert: &Assert, modality: ModalityId, budget: &mut usize) -> Diagnostic {
        let leaked = &self.model.modalities[modality.index()].name;
        let message = format!("`{}` reads `{leaked}`", assert.name);
        let promised: Vec<String> = assert
            .only
            .iter()
            .map(|modality| format!("`{}`", self.model.modalities[modality.index()].name))
            .collect();
        let label = match promised.as_slice() {
            [] => "asserted to read nothing".to_owned(),
            some => format!("asserted to read only {}", some.join(", ")),
        };
        let mut diagnostic = Diagnostic::new(Code::Leak, message, assert.span, label);
        let hops = self.path(modality, assert.value, budget);
        let told = |index: usize| index < MAX_HOPS / 2 || index + MAX_HOPS / 2 >= hops.len();
        let mut steps: Vec<String> = Vec::new();
        for (index, hop) in hops.iter().enumerate() {
            if told(index) {
                diagnostic = diagnostic.also(hop.span, format!("{}. {}", index + 1, hop.text));
                steps.push(format!("{}. {}: {}", index + 1, hop.path, hop.text));
            } else if steps.last().is_none_or(|step| step != "..") {
                steps.push("..".to_owned());
            }
        }
        if !steps.is_empty() {
            let story = format!("the path of `{leaked}`:\n{}", steps.join("\n"));
            diagnostic = diagnostic.help(story);
        }
        diagnostic.help(format!(
            "take one of these edges out of its route, or let `{}` read `{leaked}`, too",
            assert.name
        ))
    }

    /// How a modality reaches a value; nothing once too much work went into such stories.
    fn path(&self, modality: ModalityId, value: ValueId, budget: &mut usize) -> Vec<Hop> {
        match budget.checked_sub(self.model.values.len() + self.lanes) {
            Some(rest) => {
                *budget = rest;
                path(&self.model, modality, value)
            }
            None => Vec::new(),
        }
    }

    /// The errors for contrastive losses whose sides see the same.
    fn collapses(&self, flow: &Flow, loss: &Loss, budget: &mut usize, found: &mut Vec<Diagnostic>) {
        match loss {
            Loss::Nce { a, b, span, .. } => {
                let (left, right) = (flow.sees(*a), flow.sees(*b));
                if left == right && !self.collapse_allowed.contains(span) {
                    found.push(self.collapse(*span, (*a, *b), left, budget));
                }
            }
            Loss::Mean(terms) => {
                terms.iter().for_each(|term| self.collapses(flow, term, budget, found));
            }
            Loss::Sum(terms) => {
                terms.iter().for_each(|(_, term)| self.collapses(flow, term, budget, found));
            }
            Loss::CrossEntropy { .. } | Loss::SigmoidCrossEntropy { .. } | Loss::Mse { .. } => {}
        }
    }

    fn collapse(
        &self,
        span: Span,
        sides: (ValueId, ValueId),
        sees: ModalitySet,
        budget: &mut usize,
    ) -> Diagnostic {
        let sees_text = format!("{}", sees.display(&self.model));
        let message = "this contrastive loss would collapse";
        let label = if sees.is_empty() {
            "neither side reads any modality".to_owned()
        } else {
            format!("both sides read {sees_text}")
        };
        let mut diagnostic = Diagnostic::new(Code::Collapse, message, span, label);
        if sees.len() > 1 {
            // Where the two got mixed: the last crossing on the way of each modality to each side.
            let mut told: Vec<Span> = Vec::new();
            for (side, value) in [("first", sides.0), ("second", sides.1)] {
                for modality in sees.iter() {
                    let hops = self.path(modality, value, budget);
                    let crossing = hops.iter().find(|hop| hop.from.is_some() && hop.to.is_some());
                    if let Some(hop) = crossing.filter(|hop| !told.contains(&hop.span)) {
                        told.push(hop.span);
                        let text = format!("{} (on the way to the {side} side)", hop.text);
                        diagnostic = diagnostic.also(hop.span, text);
                    }
                }
            }
        }
        diagnostic
            .help("contrast two streams that do not read each other, as in models/zorro_vit.zorro")
            .help("to reproduce the collapse on purpose, write `collapse: allow`")
    }

    /// Warns of tokens and modalities that reach no output and no objective.
    fn unreached(&self, found: &mut Vec<Diagnostic>) {
        let live = live(&self.model);
        for (group, values) in self.model.groups.iter().zip(&self.bound) {
            if values.iter().any(|value| live[value.index()]) {
                continue;
            }
            let message = format!("tokens `{}` reach no output and no objective", group.name);
            if !found.iter().any(|d: &Diagnostic| d.span() == group.span) {
                let label = "computed for nothing";
                found.push(
                    Diagnostic::new(Code::UnusedTokens, message, group.span, label)
                        .help("let an output or an objective read them, or take them out"),
                );
            }
        }
        for (modality, input) in self.model.modalities.iter().zip(&self.inputs) {
            if input.is_some_and(|value| live[value.index()]) {
                continue;
            }
            let message =
                format!("modality `{}` reaches no output and no objective", modality.name);
            let label = "fed for nothing";
            found.push(Diagnostic::new(Code::UnusedModality, message, modality.span, label));
        }
    }
}
