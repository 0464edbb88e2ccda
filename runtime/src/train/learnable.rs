//! Whether settings leave anything to be learned.
//!
//! In: a setup, its plan. Out: nothing, notes on terms of the objective that can count nowhere, or an error where that is all of them
//! or where no weight can move. Deliberately not here: what the data has, and numbers that make no sense by themselves.

use crate::compiler::flow::ModalitySet;
use crate::compiler::graph::{RootKind, Slot};
use crate::compiler::model::{Loss, ModalityId, Model, MseTarget, ValueId};
use crate::compiler::plan::Plan;

use super::TrainError;
use super::plan::Setup;

/// Why a term can count nowhere, and the setting that makes it so.
struct Vain {
    setting: &'static str,
    why: String,
    help: &'static str,
}

impl Setup {
    /// Notes on terms that count nowhere.
    ///
    /// # Errors
    ///
    /// That all of them do.
    pub(super) fn vain_terms(&self, objective: &str) -> Result<Vec<String>, TrainError> {
        let model = &self.checked.model;
        let found = model.objectives.iter().find(|found| found.name == objective);
        let terms = found.map(|found| found.loss.terms()).unwrap_or_default();
        let mut counts = Vec::new();
        if let Some(found) = found {
            factors(&found.loss, 1.0, &mut counts);
        }
        let vain: Vec<Option<Vain>> = terms
            .iter()
            .zip(counts)
            .map(|(term, factor)| self.vain(term).or_else(|| uncounted(model, term, factor)))
            .collect();
        if let Some(Some(first)) = vain.first()
            && vain.iter().all(Option::is_some)
        {
            let message = format!("nothing can be learned of `{objective}`: {}", first.why);
            return Err(self.wrong(first.setting, message, Some(first.help.to_owned())));
        }
        let notes = vain.into_iter().flatten();
        Ok(notes
            .map(|vain| format!("a term counts nowhere: {} ({})", vain.why, vain.help))
            .collect())
    }

    fn vain(&self, term: &Loss) -> Option<Vain> {
        let (model, flow) = (&self.checked.model, &self.checked.flow);
        if matches!(term, Loss::Nce { .. }) && self.config.batch == 1 {
            let why = format!(
                "`{}` tells a sample from the others of its batch, and in a batch of 1 there are none: its loss is 0",
                told(model, term)
            );
            return Some(Vain { setting: "batch", why, help: "write `batch: 2` or more" });
        }
        let presence = flow.term(term);
        let exists = |kept: &ModalitySet| presence.holds(*kept);
        let all = ModalitySet::of((0..).map(ModalityId).take(model.modalities.len()));
        if !exists(&all) || self.kept().iter().any(exists) {
            return None;
        }
        let why = format!(
            "what `{}` reads is never together in a sample, since one of it is always dropped",
            told(model, term)
        );
        Some(Vain { setting: "modality_dropout", why, help: "write rates below 1" })
    }

    /// The largest sets of modalities that dropout may leave of a sample, whatever it has: all that are not always dropped, and each
    /// alone, which stays where nothing else would.
    fn kept(&self) -> Vec<ModalitySet> {
        let modalities = &self.checked.model.modalities;
        let falls =
            |name: &str| self.config.modality_dropout.get(name).is_some_and(|rate| *rate >= 1.0);
        let ids = || (0..).map(ModalityId).zip(modalities);
        let stays = ids().filter(|(_, modality)| !falls(&modality.name)).map(|(id, _)| id);
        let alone = ids().map(|(id, _)| ModalitySet::only(id));
        std::iter::once(ModalitySet::of(stays)).chain(alone).collect()
    }

    /// That some weight moves.
    ///
    /// # Errors
    ///
    /// All that the objective reaches are frozen, or it reaches none.
    pub(super) fn can_move(&self, plan: &Plan, objective: &str) -> Result<(), TrainError> {
        let moves = |kind: RootKind| matches!(kind, RootKind::Update(buffer, Slot::Weight, _) if Some(buffer) != plan.parameters.scale);
        if plan.results.iter().any(|result| moves(result.kind)) {
            return Ok(());
        }
        if self.config.frozen.is_empty() {
            let message =
                format!("`{objective}` depends on no weight of the model: nothing can be learned");
            return Err(self.wrong("spec", message, None));
        }
        let message =
            format!("all weights that `{objective}` depends on are frozen: nothing can be learned");
        let help = "leave some out; `zorro weights show SPEC` lists them".to_owned();
        Err(self.wrong("frozen", message, Some(help)))
    }
}

/// What each term of a loss is multiplied by, in the order of its terms.
fn factors(loss: &Loss, of: f64, all: &mut Vec<f64>) {
    match loss {
        Loss::Mean(parts) => parts.iter().for_each(|part| factors(part, of, all)),
        Loss::Sum(parts) => {
            for (factor, part) in parts {
                factors(part, of * factor.to_f64(), all);
            }
        }
        Loss::CrossEntropy { .. }
        | Loss::SigmoidCrossEntropy { .. }
        | Loss::Nce { .. }
        | Loss::Mse { .. } => all.push(of),
    }
}

/// A term whose factor is 0, in single precision too.
fn uncounted(model: &Model, term: &Loss, factor: f64) -> Option<Vain> {
    #[expect(clippy::cast_possible_truncation, reason = "this is what is asked")]
    let is_nothing = factor as f32 == 0.0;
    let why = format!("the factor of `{}` is {factor}", told(model, term));
    is_nothing.then_some(Vain { setting: "spec", why, help: "give it another factor" })
}

/// A term as it stands in a spec, where its operands are outputs.
fn told(model: &Model, term: &Loss) -> String {
    let name = |value: &ValueId| {
        let output = model.outputs.iter().find(|output| output.value == *value);
        output.map_or("..", |output| output.name.as_str())
    };
    let function = match term {
        Loss::CrossEntropy { .. } => "cross_entropy",
        Loss::SigmoidCrossEntropy { .. } => "sigmoid_cross_entropy",
        Loss::Nce { .. } => "nce",
        Loss::Mse { b: MseTarget::Target(_) | MseTarget::Value(_), .. } => "mse",
        Loss::Mean(_) => "mean",
        Loss::Sum(_) => "sum",
    };
    let mut operands: Vec<&str> = term.operands().iter().map(name).collect();
    operands
        .extend(term.targets().iter().map(|target| model.targets[target.index()].name.as_str()));
    format!("{function}({})", operands.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_as_they_stand() {
        let text = "model m {
  modality a = tensor([1, 2])
  modality b = tensor([1, 2])
  tokens p = a |> linear(2)
  tokens q = b |> linear(2)
  target t = class(2)
  output u = p
  output v = q
  objective o = mean(nce(u, v, temperature: 0.1), cross_entropy(u, t), mse(u, v))
}";
        let checked =
            crate::compiler::check_text(text, &crate::compiler::Options::default()).checked;
        let checked = checked.expect("nothing is wrong");
        let terms = checked.model.objectives[0].loss.terms();
        let told: Vec<String> = terms.iter().map(|term| told(&checked.model, term)).collect();
        assert_eq!(told, ["nce(u, v)", "cross_entropy(u, t)", "mse(u, v)"]);
    }

    #[test]
    fn terms_that_are_multiplied_by_nothing() {
        let text = "model m {
  modality a = tensor([1, 2])
  tokens p = a |> linear(2)
  target t = class(2)
  target r = tensor([2])
  output u = p |> pool(mean)
  objective o = 0 * cross_entropy(u, t) + 2 * mean(mse(u, r), cross_entropy(u, t))
}";
        let checked =
            crate::compiler::check_text(text, &crate::compiler::Options::default()).checked;
        let model = checked.expect("nothing is wrong").model;
        let loss = &model.objectives[0].loss;
        let mut found = Vec::new();
        factors(loss, 1.0, &mut found);
        let vain = loss.terms().into_iter().zip(found);
        let vain = vain.map(|(term, factor)| uncounted(&model, term, factor).map(|vain| vain.why));
        let expected = Some("the factor of `cross_entropy(u, t)` is 0".to_owned());
        assert_eq!(vain.collect::<Vec<_>>(), [expected, None, None]);
    }
}
