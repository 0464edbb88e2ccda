//! Causality, measured: later positions are replaced, and earlier tokens of outputs must keep their bits.
//!
//! In: an audit with what came out before anything was replaced. Out: in it, for each output and modality whether its tokens
//! see no later position, and what changed that may not. The compiler says how far each token looks; every output is held to
//! that, and those that are promised to be causal to their own position. Deliberately not here: the proof.

use zorro_compiler::flow::{Horizon, Origin, unit};
use zorro_compiler::model::{ModalityId, Model, ValueId};
use zorro_runtime::{RuntimeError, Session};

use super::outputs::{Outcome, pair, run};
use super::{Auditor, Causal, Evidence, Failure, Replacement, What};

/// So many places are tried for each modality at most.
const MAX_CUTS: u64 = 8;

/// How many positions of a modality each token of an output may see.
struct Bound {
    output: usize,
    tokens: Vec<u64>,
    /// Whether none of them sees a later position than its own.
    is_causal: bool,
}

/// Holds the tokens of all outputs to the positions that they may see.
pub(super) fn hold(
    auditor: &mut Auditor<'_>,
    session: &mut Session,
    base: &Outcome,
) -> Result<(), RuntimeError> {
    for modality in auditor.modalities() {
        let model = &auditor.checked.model;
        let unit = unit(model, modality);
        let grid = &model.modalities[modality.index()].shape.grid;
        let positions = grid.first().copied().unwrap_or(1) / unit;
        let Some(horizon) = Horizon::of(model, Origin::Modality(modality)) else {
            let name = &model.modalities[modality.index()].name;
            auditor.note(format!("how far tokens look into `{name}` takes too long to say"));
            continue;
        };
        let bounds = bounds(auditor, &horizon, modality, positions);
        if bounds.is_empty() {
            continue;
        }
        for cut in cuts(positions) {
            let Some(batch) = auditor.data.later(modality, cut * unit) else { continue };
            let now = run(auditor, session, &batch)?;
            for bound in &bounds {
                hold_output(auditor, &horizon, modality, cut, bound, (base, &now));
            }
        }
        for bound in bounds.iter().filter(|bound| bound.is_causal) {
            let output = auditor.promises[bound.output].name.clone();
            auditor.causal.push(Causal { output, modality, positions });
        }
    }
    Ok(())
}

/// The outputs of which some token may not see all.
fn bounds(
    auditor: &Auditor<'_>,
    horizon: &Horizon,
    modality: ModalityId,
    positions: u64,
) -> Vec<Bound> {
    let model = &auditor.checked.model;
    let name = &model.modalities[modality.index()].name;
    let outputs = auditor.promises.iter().enumerate();
    let bounds = outputs.filter_map(|(output, promise)| {
        let seen = horizon.seen(promise.value)?;
        let is_promised =
            auditor.options.causal.iter().any(|(of, to)| *of == promise.name && to == name);
        let row = row(model, promise.value);
        let own = |token: u64| if is_promised { token / row + 1 } else { u64::MAX };
        let tokens = (0..).zip(seen).map(|(token, seen)| own(token).min(u64::from(*seen)));
        let is_causal = is_promised || horizon.ahead(model, promise.value).is_none();
        let bound = Bound { output, tokens: tokens.collect(), is_causal };
        bound.tokens.iter().any(|seen| *seen < positions).then_some(bound)
    });
    bounds.collect()
}

/// Tokens that share a place along the first axis.
fn row(model: &Model, value: ValueId) -> u64 {
    model.shape(value).grid.iter().skip(1).product::<u64>().max(1)
}

/// From which positions on something is replaced: each, or some that lie evenly.
fn cuts(positions: u64) -> Vec<u64> {
    let last = positions.saturating_sub(1);
    if last <= MAX_CUTS {
        return (1..=last).collect();
    }
    (0..MAX_CUTS).map(|at| 1 + at * (last - 1) / (MAX_CUTS - 1)).collect()
}

/// Compares the tokens of an output that see nothing from a position on.
fn hold_output(
    auditor: &mut Auditor<'_>,
    horizon: &Horizon,
    modality: ModalityId,
    cut: u64,
    bound: &Bound,
    (base, now): (&Outcome, &Outcome),
) {
    let (before, after) = (pair(base, bound.output).0, pair(now, bound.output).0);
    let n_tokens = bound.tokens.len();
    let width = (before.len() / (n_tokens * auditor.options.batch).max(1)).max(1);
    let earlier = |numbers: &[f32]| -> Vec<f32> {
        let tokens = numbers.chunks(width).enumerate();
        let kept = tokens.filter(|(at, _)| bound.tokens[at % n_tokens] <= cut);
        kept.flat_map(|(_, token)| token.iter().copied()).collect()
    };
    let (before, after) = (earlier(before), earlier(after));
    let Some(change) = auditor.same(&before, &after) else { return };
    let evidence = Evidence { replacement: Replacement::Noise, what: What::Earlier(cut), change };
    let output = auditor.promises[bound.output].name.clone();
    let known = auditor.failures.iter_mut().find(|failure| {
        failure.output == output
            && failure.modality == Some(modality)
            && failure.evidence.iter().all(|evidence| matches!(evidence.what, What::Earlier(_)))
    });
    if let Some(failure) = known {
        failure.evidence.push(evidence);
        return;
    }
    let (model, value) = (&auditor.checked.model, auditor.promises[bound.output].value);
    let ahead = horizon.ahead(model, value);
    let hops = ahead.map_or_else(Vec::new, |found| horizon.way(model, value, found.token));
    let path = hops.iter().map(|hop| format!("{} ({})", hop.text, hop.path)).collect();
    let modality = Some(modality);
    auditor.failures.push(Failure { output, modality, evidence: vec![evidence], path });
}
