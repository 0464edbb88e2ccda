//! Gradients: what outputs that may not see a modality pass on.
//!
//! In: an audit. Out: in it, gradients that changed with a modality though their outputs may not see it. Outputs that see the
//! same and may see the same share a program: all that the model computes, differentiated by the sum of these outputs times
//! fixed noise. Deliberately not here: gradients of objectives.

use zorro_compiler::autodiff::Seed;
use zorro_compiler::model::ModalityId;
use zorro_compiler::{CompileOptions, Mode};
use zorro_runtime::{Batch, RunOptions, RuntimeError, Session, Tensors};

use super::compare::not_zero;
use super::outputs::{numbers, session};
use super::{Auditor, Change, Evidence, Replacement, What};

/// Gradients with respect to weights, and to modalities.
struct Gradients {
    weights: Tensors,
    inputs: Tensors,
}

/// Holds all gradients.
pub(super) fn hold(auditor: &mut Auditor<'_>) -> Result<(), RuntimeError> {
    for outputs in groups(auditor) {
        let first = &auditor.promises[outputs[0]];
        let kept: Vec<ModalityId> = auditor
            .modalities()
            .into_iter()
            .filter(|modality| first.ground(*modality).is_some())
            .collect();
        if !kept.is_empty() {
            hold_group(auditor, &outputs, &kept)?;
        }
    }
    Ok(())
}

/// Outputs by what they see and what they may not see, as indices.
fn groups(auditor: &Auditor<'_>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, promise) in auditor.promises.iter().enumerate() {
        let held = |at: usize| -> Vec<bool> {
            auditor.promises[at].grounds.iter().map(Option::is_some).collect()
        };
        let same = groups.iter_mut().find(|group| {
            auditor.promises[group[0]].sees == promise.sees && held(group[0]) == held(at)
        });
        match same {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

fn hold_group(
    auditor: &mut Auditor<'_>,
    outputs: &[usize],
    kept: &[ModalityId],
) -> Result<(), RuntimeError> {
    let names: Vec<String> = outputs.iter().map(|at| auditor.promises[*at].name.clone()).collect();
    let mode = Mode::Gradients(Seed::Chosen(names.clone()));
    let mut session = session(auditor, CompileOptions { mode, ..CompileOptions::default() })?;
    let batch = auditor.data.with_cotangents(auditor.data.base(), &names);
    let base = run(auditor, &mut session, &batch)?;
    note_zeros(auditor, &base, &names);
    for modality in kept.iter().copied() {
        own(auditor, outputs, modality, Replacement::Nothing, &base);
        for replacement in Replacement::ALL {
            let Some(batch) = auditor.data.replaced([modality], replacement) else { continue };
            let batch = auditor.data.with_cotangents(batch, &names);
            let now = run(auditor, &mut session, &batch)?;
            own(auditor, outputs, modality, replacement, &now);
            for (name, tensor) in now.weights.iter() {
                let before = base.weights.get(name).expect("weights stay");
                let change = auditor.same(numbers(before), numbers(tensor));
                let what = || What::Weight(name.to_owned());
                blame(auditor, outputs, modality, replacement, change, what);
            }
            let own_name = auditor.checked.model.modalities[modality.index()].name.clone();
            for (name, tensor) in now.inputs.iter().filter(|(name, _)| *name != own_name) {
                let before = base.inputs.get(name).expect("modalities stay");
                let change = auditor.same(numbers(before), numbers(tensor));
                let what = || What::Input(name.to_owned());
                blame(auditor, outputs, modality, replacement, change, what);
            }
        }
    }
    Ok(())
}

fn run(
    auditor: &mut Auditor<'_>,
    session: &mut Session,
    batch: &Batch,
) -> Result<Gradients, RuntimeError> {
    auditor.compared.runs += 1;
    let results = session.run(batch, &RunOptions::default())?;
    Ok(Gradients { weights: results.weight_gradients()?, inputs: results.input_gradients()? })
}

/// The gradient with respect to a modality that may not be seen is zero, whatever it is. Ids have none.
fn own(
    auditor: &mut Auditor<'_>,
    outputs: &[usize],
    modality: ModalityId,
    replacement: Replacement,
    gradients: &Gradients,
) {
    let name = &auditor.checked.model.modalities[modality.index()].name;
    let Some(tensor) = gradients.inputs.get(name) else { return };
    let numbers = numbers(tensor);
    auditor.compared.tensors += 1;
    auditor.compared.numbers += numbers.len() as u64;
    blame(auditor, outputs, modality, replacement, not_zero(numbers), || What::Own);
}

/// A gradient of a sum of outputs belongs to those that changed themselves; to all where none did.
fn blame(
    auditor: &mut Auditor<'_>,
    outputs: &[usize],
    modality: ModalityId,
    replacement: Replacement,
    change: Option<Change>,
    what: impl Fn() -> What,
) {
    let Some(change) = change else { return };
    let changed: Vec<usize> =
        outputs.iter().copied().filter(|at| auditor.has_failed(*at, modality)).collect();
    let blamed = if changed.is_empty() { outputs } else { &changed };
    for at in blamed {
        auditor.fail(*at, Some(modality), Evidence { replacement, what: what(), change });
    }
}

/// Gradients that are all zero hold nothing.
fn note_zeros(auditor: &mut Auditor<'_>, base: &Gradients, names: &[String]) {
    let all = || base.weights.iter().chain(base.inputs.iter());
    if all().all(|(_, tensor)| not_zero(numbers(tensor)).is_none()) {
        auditor.note(format!("all gradients of {} are zero", names.join(", ")));
    }
    if all().any(|(_, tensor)| numbers(tensor).iter().any(|number| !number.is_finite())) {
        let names = names.join(", ");
        auditor.note(format!(
            "gradients of {names} are not finite before anything is replaced: look at the weights"
        ));
    }
}
