//! Outputs: what changes with which modality.
//!
//! In: an audit. Out: in it, what each output changes with, and what it should not have changed with. One program with all
//! outputs runs for every replacement, and one for each set of modalities that some output sees. Deliberately not here:
//! gradients.

use std::collections::BTreeSet;

use zorro_compiler::CompileOptions;
use zorro_compiler::flow::ModalitySet;
use zorro_compiler::model::ModalityId;
use zorro_runtime::{Batch, RunOptions, RuntimeError, Session, Tensor, TensorData};

use super::compare::changed;
use super::data::has_in_mixed;
use super::{AuditError, Auditor, Change, Evidence, Replacement, What, causality};

/// So many sets of modalities are replaced together at most.
const MAX_SETS: usize = 64;

/// What has come out of a run: for each output of the model its numbers and the samples that have it.
pub(super) type Outcome = Vec<Option<(Vec<f32>, Vec<bool>)>>;

/// An output's numbers and the samples that have it.
type Found<'a> = (&'a [f32], &'a [bool]);

/// Holds all outputs.
pub(super) fn hold(auditor: &mut Auditor<'_>) -> Result<(), AuditError> {
    let mut session = session(auditor, CompileOptions::default()).map_err(AuditError::Runtime)?;
    let base = run(auditor, &mut session, &auditor.data.base()).map_err(AuditError::Runtime)?;
    finite(auditor, &base)?;
    for modality in auditor.modalities() {
        for replacement in Replacement::ALL {
            let Some(batch) = auditor.data.replaced([modality], replacement) else { continue };
            let now = run(auditor, &mut session, &batch).map_err(AuditError::Runtime)?;
            for at in 0..auditor.promises.len() {
                let pair = (pair(&base, at), pair(&now, at));
                hold_output(auditor, at, modality, replacement, pair);
            }
        }
    }
    together(auditor, &mut session, &base).map_err(AuditError::Runtime)?;
    causality::hold(auditor, &mut session, &base).map_err(AuditError::Runtime)?;
    if auditor.options.batch < 2 {
        auditor.note("a batch of 1 says nothing of samples beside others".to_owned());
    }
    only(auditor, &mut session).map_err(AuditError::Runtime)
}

pub(super) fn pair(outcome: &Outcome, at: usize) -> Found<'_> {
    let (numbers, has) = outcome[at].as_ref().expect("the program has all outputs");
    (numbers, has)
}

/// A program with the audit's weights.
pub(super) fn session(
    auditor: &Auditor<'_>,
    options: CompileOptions,
) -> Result<Session, RuntimeError> {
    let options = CompileOptions { batch: auditor.options.batch, ..options };
    let mut session = Session::new(auditor.checked, &options, &auditor.options.device)?;
    session.set_weights(&auditor.data.weights)?;
    Ok(session)
}

pub(super) fn run(
    auditor: &mut Auditor<'_>,
    session: &mut Session,
    batch: &Batch,
) -> Result<Outcome, RuntimeError> {
    auditor.compared.runs += 1;
    let results = session.run(batch, &RunOptions::default())?;
    let outputs = results.outputs()?;
    let names = auditor.promises.iter().map(|promise| &promise.name);
    let outcome = names.map(|name| {
        let has = results.has_output(&auditor.checked.flow, name);
        outputs.get(name).map(|tensor| (numbers(tensor).to_vec(), has))
    });
    Ok(outcome.collect())
}

/// The numbers of a result.
pub(super) fn numbers(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        TensorData::F32(numbers) => numbers,
        TensorData::F64(_)
        | TensorData::F16(_)
        | TensorData::Bf16(_)
        | TensorData::I64(_)
        | TensorData::I32(_)
        | TensorData::U32(_)
        | TensorData::U8(_)
        | TensorData::Bool(_) => unreachable!("programs give f32"),
    }
}

/// Where numbers are not finite before anything is replaced, equal bits say nothing.
fn finite(auditor: &Auditor<'_>, base: &Outcome) -> Result<(), AuditError> {
    let is_finite = |at: &usize| pair(base, *at).0.iter().all(|number| number.is_finite());
    match (0..base.len()).find(|at| !is_finite(at)) {
        Some(at) => Err(AuditError::NotFinite(auditor.promises[at].name.clone())),
        None => Ok(()),
    }
}

/// Compares one output before and after a replacement.
fn hold_output(
    auditor: &mut Auditor<'_>,
    at: usize,
    modality: ModalityId,
    replacement: Replacement,
    (before, after): (Found<'_>, Found<'_>),
) {
    let is_held = auditor.promises[at].ground(modality).is_some();
    let mut found = Vec::new();
    if is_held {
        let lost = before.1.iter().zip(after.1).filter(|(before, after)| before != after).count();
        if lost > 0 {
            let change =
                Change { changed: lost, numbers: before.1.len(), largest: 0.0, not_finite: 0 };
            found.push((What::Presence, change));
        } else {
            found.extend(auditor.same(before.0, after.0).map(|change| (What::Output, change)));
        }
    } else if replacement == Replacement::Mixed {
        let kept = (rows(before.0, before.1.len()), rows(after.0, after.1.len()));
        found.extend(auditor.same(&kept.0, &kept.1).map(|change| (What::Neighbors, change)));
    } else if replacement != Replacement::Absent && changed(before.0, after.0).is_some() {
        auditor.seen[at] = auditor.seen[at].union(ModalitySet::only(modality));
    }
    for (what, change) in found {
        auditor.fail(at, Some(modality), Evidence { replacement, what, change });
    }
}

/// What an output may not see is replaced together: all of it, and every two.
fn together(
    auditor: &mut Auditor<'_>,
    session: &mut Session,
    base: &Outcome,
) -> Result<(), RuntimeError> {
    let kept = |auditor: &Auditor<'_>, at: usize| -> Vec<ModalityId> {
        let is_kept = |id: &ModalityId| auditor.promises[at].ground(*id).is_some();
        auditor.modalities().into_iter().filter(is_kept).collect()
    };
    let mut sets = BTreeSet::new();
    for at in 0..auditor.promises.len() {
        let kept = kept(auditor, at);
        let pairs = kept.iter().enumerate();
        let pairs = pairs.flat_map(|(at, a)| kept[at + 1..].iter().map(move |b| vec![*a, *b]));
        sets.extend(pairs.filter(|_| kept.len() > 2));
        if kept.len() > 1 {
            sets.insert(kept.clone());
        }
    }
    if sets.len() > MAX_SETS {
        auditor.note(format!(
            "of {} sets of modalities that are replaced together, {MAX_SETS} were tried",
            sets.len()
        ));
    }
    for set in sets.into_iter().take(MAX_SETS) {
        let is_news = |at: &usize| {
            let promise = &auditor.promises[*at];
            set.iter().all(|id| promise.ground(*id).is_some() && !auditor.has_failed(*at, *id))
        };
        let outputs: Vec<usize> = (0..auditor.promises.len()).filter(is_news).collect();
        let model = &auditor.checked.model;
        let names = set.iter().map(|id| model.modalities[id.index()].name.clone());
        let names: Vec<String> = names.collect();
        for replacement in Replacement::ALL {
            let batch = auditor.data.replaced(set.iter().copied(), replacement);
            let Some(batch) = batch.filter(|_| !outputs.is_empty()) else { continue };
            let now = run(auditor, session, &batch)?;
            for at in outputs.iter().copied() {
                let (before, after) = (pair(base, at), pair(&now, at));
                let lost = before.1.iter().zip(after.1).filter(|(a, b)| a != b).count();
                let numbers = before.1.len();
                let change = match lost {
                    0 => auditor.same(before.0, after.0),
                    _ => Some(Change { changed: lost, numbers, largest: 0.0, not_finite: 0 }),
                };
                if let Some(change) = change {
                    let what = What::Together(names.clone());
                    auditor.fail(at, None, Evidence { replacement, what, change });
                }
            }
        }
    }
    Ok(())
}

/// The rows of the samples that have what they had in a mixed batch.
fn rows(numbers: &[f32], samples: usize) -> Vec<f32> {
    let row = (numbers.len() / samples).max(1);
    let rows = numbers.chunks(row).enumerate().filter(|(sample, _)| has_in_mixed(*sample));
    rows.flat_map(|(_, row)| row.iter().copied()).collect()
}

/// Programs for some modalities alone against the whole without the others.
fn only(auditor: &mut Auditor<'_>, whole: &mut Session) -> Result<(), RuntimeError> {
    let all = ModalitySet::of(auditor.modalities());
    let sets: BTreeSet<ModalitySet> = auditor.promises.iter().map(|promise| promise.sees).collect();
    for set in sets.into_iter().filter(|set| *set != all && !set.is_empty()) {
        let names: Vec<String> = set
            .iter()
            .map(|id| auditor.checked.model.modalities[id.index()].name.clone())
            .collect();
        let options = CompileOptions { only: Some(names.clone()), ..CompileOptions::default() };
        let batch = auditor.data.only(set);
        let of_whole = run(auditor, whole, &batch)?;
        let mut part = session(auditor, options)?;
        let of_part = run(auditor, &mut part, &batch)?;
        for (at, found) in of_part.into_iter().enumerate() {
            let Some((found, _)) = found else { continue };
            if let Some(change) = auditor.same(pair(&of_whole, at).0, &found) {
                let (replacement, what) = (Replacement::Nothing, What::Only(names.clone()));
                auditor.fail(at, None, Evidence { replacement, what, change });
            }
        }
    }
    Ok(())
}
