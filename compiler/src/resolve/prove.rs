//! What is proved about a model once it is expanded: asserts hold, losses between two learned sides cannot collapse, nothing is
//! left over.

use std::collections::BTreeSet;

use zorro_grammar::{Code, Diagnostic, Span};

use crate::flow::{Flow, Hop, ModalitySet, live, path};
use crate::model::{Assert, GroupId, ModalityId, Model, Op, ValueId};

use super::{Compared, Resolver};

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
            let Some(only) = assert.only() else { continue };
            let allowed = ModalitySet::of(only.iter().copied());
            let leaked = flow.sees(assert.value).without(allowed);
            let later = self.last_value(&assert);
            let leaks_later = flow.sees(later).without(allowed);
            if !leaked.is_empty() {
                let diagnostic = self.leak(&flow, &assert, leaked, &mut budget);
                self.push(diagnostic);
            } else if !leaks_later.is_empty() {
                let diagnostic =
                    self.leaks_later(&flow, &assert, (later, leaks_later), &mut budget);
                self.push(diagnostic);
            }
        }
        self.prove_causality();
        let mut diagnostics = Vec::new();
        self.scores_apart(&flow, &mut diagnostics);
        self.collapses(&flow, &mut budget, &mut diagnostics);
        if !self.failed && !self.incomplete && self.errors == 0 {
            // In a broken model much is unused because its use is broken.
            self.unreached(&flow, &mut diagnostics);
            diagnostics.extend(self.without_order());
            self.warn_of_loops(&mut diagnostics);
            self.apart(&flow, &mut diagnostics);
        }
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
        Some(flow)
    }

    /// What the name of an assert stands for at the end of the model; an assert holds where it stands.
    pub(super) fn last_value(&self, assert: &Assert) -> ValueId {
        // By its name, too: another group may have been bound to the same value.
        let mut groups = self.model.groups.iter().zip(&self.bound);
        let of_name = groups
            .find(|(group, values)| group.name == assert.name && values.contains(&assert.value));
        of_name.and_then(|(_, values)| values.last()).copied().unwrap_or(assert.value)
    }

    fn names(&self, modalities: impl Iterator<Item = ModalityId>) -> String {
        let quoted = modalities.map(|id| format!("`{}`", self.model.modalities[id.index()].name));
        quoted.collect::<Vec<_>>().join(", ")
    }

    /// The warning for an assert that holds where it stands, and would not at the end of the model.
    fn leaks_later(
        &self,
        flow: &Flow,
        assert: &Assert,
        (later, leaked): (ValueId, ModalitySet),
        budget: &mut usize,
    ) -> Diagnostic {
        let name = &assert.name;
        let message = format!("`{name}` reads {} after this assert", self.names(leaked.iter()));
        let label = "holds here, and not at the end of the model";
        let diagnostic = Diagnostic::new(Code::EarlyAssert, message, assert.span, label);
        let first = leaked.iter().next().expect("something leaks");
        let hops = self.path(flow, (first, later), budget);
        tell(diagnostic, &hops)
            .help("an assert holds where it stands: for what the model ends with, write it after the layers")
            .help(format!(
                "if it is meant for this place alone, give that a name: `tokens early_{name} = {name}`, and assert that"
            ))
    }

    /// The error for modalities that reach what an assert keeps them from, with the path of the first, layer by layer.
    fn leak(
        &self,
        flow: &Flow,
        assert: &Assert,
        leaked: ModalitySet,
        budget: &mut usize,
    ) -> Diagnostic {
        let message = format!("`{}` reads {}", assert.name, self.names(leaked.iter()));
        let label = match assert.only().unwrap_or_default() {
            [] => "asserted to read nothing".to_owned(),
            only => format!("asserted to read only {}", self.names(only.iter().copied())),
        };
        let diagnostic = Diagnostic::new(Code::Leak, message, assert.span, label);
        let first = leaked.iter().next().expect("something leaks");
        let hops = self.path(flow, (first, assert.value), budget);
        let mut diagnostic = tell(diagnostic, &hops);
        if leaked.len() > 1 && !hops.is_empty() {
            let (first, others) =
                (self.names(std::iter::once(first)), self.names(leaked.iter().skip(1)));
            diagnostic = diagnostic
                .help(format!("this is how {first} gets there; the same holds for {others}"));
        }
        let (name, leaked) = (&assert.name, self.names(leaked.iter()));
        let is_mixed = hops.len() > 1 || hops.iter().any(|hop| hop.to.is_none());
        diagnostic.help(if hops.iter().any(|hop| hop.is_edge) {
            format!("take one of these edges out of its route, or let `{name}` read {leaked}, too")
        } else if is_mixed {
            format!("keep these apart, or let `{name}` read {leaked}, too")
        } else {
            format!("is it meant to read {leaked}? then say so in the assert")
        })
    }

    /// How a modality reaches a value; nothing once too much work went into such stories.
    fn path(
        &self,
        flow: &Flow,
        (modality, value): (ModalityId, ValueId),
        budget: &mut usize,
    ) -> Vec<Hop> {
        match budget.checked_sub(self.model.values.len() + self.lanes) {
            Some(rest) => {
                *budget = rest;
                path(&self.model, flow, modality, value)
            }
            None => Vec::new(),
        }
    }

    /// The errors for losses between two learned sides that see the same.
    fn collapses(&self, flow: &Flow, budget: &mut usize, found: &mut Vec<Diagnostic>) {
        for Compared { sides, span } in &self.compared {
            let sees = flow.sees(sides.0);
            let is_learned = |value| is_learned(&self.model, value);
            if sees == flow.sees(sides.1) && is_learned(sides.0) && is_learned(sides.1) {
                found.push(self.collapse(flow, *span, *sides, budget));
            }
        }
    }

    fn collapse(
        &self,
        flow: &Flow,
        span: Span,
        sides: (ValueId, ValueId),
        budget: &mut usize,
    ) -> Diagnostic {
        let sees = flow.sees(sides.0);
        let sees_text = format!("{}", sees.display(&self.model));
        let message = "this loss between two learned sides would collapse";
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
                    let hops = self.path(flow, (modality, value), budget);
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
            .help("compare two streams that do not read each other, as in models/zorro_vit.zorro")
            .help("to reproduce the collapse on purpose, write `collapse: allow`")
    }

    /// The error for relative scores of tokens that are not present together: their positions are those of one grid.
    fn scores_apart(&self, flow: &Flow, found: &mut Vec<Diagnostic>) {
        for step in &self.model.steps {
            let Op::Attend { window: Some(_), .. } = step.op else { continue };
            let operands = step.lanes.iter().flat_map(|lane| &lane.operands);
            let is_apart = |value: &ValueId| {
                let parts = flow.parts(*value);
                parts.iter().any(|part| !part.is_present_as(&parts[0]))
            };
            if operands.into_iter().any(is_apart) {
                let message = "relative scores between tokens that are not present together";
                let label = "a sample may have some of these tokens and lack others";
                let diagnostic =
                    Diagnostic::new(Code::RelationDoesNotFit, message, step.span, label);
                found.push(diagnostic.help("make each part a group of its own, or let `absent(learned)` stand in for what is missing"));
            }
        }
    }

    /// Warns where samples may have one part of a `concat` and not another.
    fn apart(&self, flow: &Flow, found: &mut Vec<Diagnostic>) {
        let mut told: BTreeSet<Span> = BTreeSet::new();
        for step in self.model.steps.iter().filter(|step| step.op == Op::Concat) {
            for lane in &step.lanes {
                let mut when: Vec<String> = Vec::new();
                for part in flow.parts(lane.result) {
                    let text = flow.part_presence(part).display(&self.model).to_string();
                    if !when.contains(&text) {
                        when.push(text);
                    }
                }
                if when.len() < 2 || !told.insert(step.span) {
                    continue;
                }
                let message = "the parts of this `concat` are not present together";
                let label = format!("present when {}", when.join("; when "));
                found.push(
                    Diagnostic::new(Code::PartsApart, message, step.span, label)
                        .help("a part that a sample lacks is not read, is in no mean, and is 0 in an output")
                        .help("for tokens that stand in for it, write `|> absent(learned)` behind the part"),
                );
            }
        }
    }

    /// Warns of tokens and modalities that reach no output and no objective.
    fn unreached(&self, flow: &Flow, found: &mut Vec<Diagnostic>) {
        let live = live(&self.model);
        let reversed = self.warn_reversed(&live, flow, found);
        self.warn_constant(flow, found);
        let start = |group: &GroupId| self.model.groups[group.index()].start;
        let told: Vec<ModalitySet> = reversed.iter().map(|group| flow.sees(start(group))).collect();
        for (index, (group, values)) in self.model.groups.iter().zip(&self.bound).enumerate() {
            let is_told = reversed.iter().any(|group| group.index() == index);
            if is_told || values.iter().any(|value| live[value.index()]) {
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
        for (index, (modality, input)) in self.model.modalities.iter().zip(&self.inputs).enumerate()
        {
            let is_told = told.iter().any(|sees| sees.contains(ModalityId::next(index)));
            if is_told || input.is_some_and(|value| live[value.index()]) {
                continue;
            }
            let message =
                format!("modality `{}` reaches no output and no objective", modality.name);
            let label = "fed for nothing";
            found.push(Diagnostic::new(Code::UnusedModality, message, modality.span, label));
        }
    }
}

/// Whether training changes a value: a weight reaches it.
fn is_learned(model: &Model, value: ValueId) -> bool {
    let mut looked_at = vec![false; model.values.len()];
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        if !std::mem::replace(&mut looked_at[value.index()], true) {
            let (_, lane) = model.made_by(value);
            if !lane.weights.is_empty() {
                return true;
            }
            waiting.extend(&lane.operands);
        }
    }
    false
}

/// Adds the steps by which something leaks.
pub(super) fn tell(mut diagnostic: Diagnostic, hops: &[Hop]) -> Diagnostic {
    let told = |index: usize| index < MAX_HOPS / 2 || index + MAX_HOPS / 2 >= hops.len();
    for (index, hop) in hops.iter().enumerate().filter(|(index, _)| told(*index)) {
        let text = format!("{}. {} ({})", index + 1, hop.text, hop.path);
        diagnostic = diagnostic.also(hop.span, text);
    }
    match hops.len().checked_sub(MAX_HOPS) {
        Some(left_out) if left_out > 0 => {
            diagnostic.help(format!("{left_out} steps between these are left out"))
        }
        Some(_) | None => diagnostic,
    }
}
