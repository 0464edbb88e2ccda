//! What is proved about positions: asserts of causality hold, and causal groups stay so.
//!
//! In: an expanded model with its asserts. Out: errors with the way on which a later position comes back, and warnings of
//! groups that are causal by their own edge alone. Deliberately not here: how far tokens look, which is
//! `flow::horizon`'s.

use std::collections::BTreeMap;

use zorro_grammar::ast::Name;
use zorro_grammar::{Code, Diagnostic};

use crate::flow::{Ahead, Horizon, Origin, causal_loops, unit};
use crate::model::{Assert, Claim, ModalityId, ValueId};

use super::prove::tell;
use super::{Resolver, Result, grid_text};

impl Resolver<'_> {
    /// Refuses to compare positions of a sequence with those of a grid that has lost the axis.
    pub(super) fn check_positions(
        &self,
        (name, value): (&Name, ValueId),
        (of, modality): (&Name, ModalityId),
    ) -> Result<()> {
        let fed = &self.model.modalities[modality.index()].shape.grid;
        let grid = &self.model.shape(value).grid;
        if fed.is_empty() {
            let message = format!("`{}` is one token: it has no positions", of.text);
            let label = "no later position";
            return Err(Diagnostic::new(Code::WrongRank, message, of.span, label)
                .help("`causal in` speaks of a sequence: a text, a sound, a video, or a tensor with tokens")
                .into());
        }
        if fed.len() < 2 || grid.is_empty() || grid.len() == fed.len() {
            return Ok(());
        }
        let (fed, grid) = (grid_text(fed), grid_text(grid));
        let message =
            format!("positions of `{}` ({grid}) are not those of `{}` ({fed})", name.text, of.text);
        let label = format!("tokens in a row, where `{}` has a grid", of.text);
        Err(Diagnostic::new(Code::WrongRank, message, name.span, label)
            .help(
                "assert it of tokens that keep the grid, before they are put together with others",
            )
            .into())
    }

    /// Checks the asserts that speak of positions.
    pub(super) fn prove_causality(&mut self) {
        let mut horizons: BTreeMap<ModalityId, Option<Horizon>> = BTreeMap::new();
        for assert in self.model.asserts.clone() {
            let Claim::Causal(modality) = assert.claim else { continue };
            if self.errors >= super::MAX_ERRORS {
                break;
            }
            let horizon = horizons
                .entry(modality)
                .or_insert_with(|| Horizon::of(&self.model, Origin::Modality(modality)));
            let diagnostic = match horizon {
                Some(horizon) => self.ahead(&assert, modality, horizon),
                None => {
                    let message =
                        format!("whether `{}` is causal takes too long to prove", assert.name);
                    let label = "too many tokens and relations";
                    Some(Diagnostic::new(Code::TooLarge, message, assert.span, label))
                }
            };
            if let Some(diagnostic) = diagnostic {
                self.push(diagnostic);
            }
        }
    }

    /// What is wrong with an assert of causality: the error, or the warning that it holds at its place alone.
    fn ahead(
        &self,
        assert: &Assert,
        modality: ModalityId,
        horizon: &Horizon,
    ) -> Option<Diagnostic> {
        let name = &assert.name;
        let words = &self.model.modalities[modality.index()].name;
        if let Some(found) = horizon.ahead(&self.model, assert.value) {
            let message = format!("`{name}` is not causal in `{words}`");
            let label = self.later(modality, found);
            let diagnostic = Diagnostic::new(Code::LooksAhead, message, assert.span, label);
            let hops = horizon.way(&self.model, assert.value, found.token);
            let advice = if hops.iter().any(|hop| hop.is_edge) {
                "take one of these edges out of its route, or put `within causal` on it"
            } else {
                "let a token be made of earlier ones alone"
            };
            return Some(tell(diagnostic, &hops).help(advice));
        }
        let last = self.last_value(assert);
        let found = horizon.ahead(&self.model, last)?;
        let message = format!("`{name}` is not causal in `{words}` after this assert");
        let label = "holds here, and not at the end of the model";
        let diagnostic = Diagnostic::new(Code::EarlyAssert, message, assert.span, label);
        let hops = horizon.way(&self.model, last, found.token);
        Some(tell(diagnostic, &hops).help(
            "an assert holds where it stands: for what the model ends with, write it after the layers",
        ))
    }

    /// In words: position 0 depends on position 3 of `words`.
    fn later(&self, modality: ModalityId, found: Ahead) -> String {
        let name = &self.model.modalities[modality.index()].name;
        let (Ahead { position, sees, .. }, unit) = (found, unit(&self.model, modality));
        let of =
            if unit > 1 { format!("`{name}` in patches of {unit}") } else { format!("`{name}`") };
        format!("position {position} depends on position {sees} of {of}")
    }

    /// Warns of groups that read themselves causally, and others that have read all of them.
    pub(super) fn warn_of_loops(&self, found: &mut Vec<Diagnostic>) {
        for back in causal_loops(&self.model) {
            let name = self.model.group_name(back.group);
            let message = format!("`{name}` is causal, and learns of its later tokens");
            let label = match back.through {
                Some(through) => {
                    let through = self.model.group_name(through);
                    format!("`{through}` is read here, and has read `{name}`")
                }
                None => format!("what is read here has read `{name}`"),
            };
            let diagnostic = Diagnostic::new(Code::CausalLoop, message, back.span, label);
            found.push(
                tell(diagnostic, &back.hops)
                    .help("let one of the two not read the other")
                    .help("`assert NAME causal in MODALITY` proves that none looks ahead"),
            );
        }
    }
}
