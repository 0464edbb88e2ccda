//! What an output may see.
//!
//! In: a model's asserts and flow, and what the caller promises. Out: for every output and modality the ground on which it
//! may not see it, if there is one. Where nothing is promised, an output that no assert
//! speaks of and that is named after one modality is held to its name: a route that leaks then does not go unnoticed because
//! nobody wrote an assert for it.
//! Deliberately not here: measuring.

use zorro_compiler::Checked;
use zorro_compiler::flow::ModalitySet;
use zorro_compiler::model::{Assert, ModalityId, Model, Output, ValueId};

use super::AuditError;

/// Why an output may not see a modality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The spec asserts it.
    Assert,
    /// The caller promised it.
    Promise,
    /// It is named after another modality.
    Name,
    /// The compiler derived it from the routes.
    Flow,
}

impl Ground {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assert => "assert",
            Self::Promise => "pure",
            Self::Name => "name",
            Self::Flow => "flow",
        }
    }
}

/// An output and what it may not see.
pub(super) struct Promise {
    pub(super) name: String,
    pub(super) value: ValueId,
    /// For each modality why it may not be seen.
    pub(super) grounds: Vec<Option<Ground>>,
    /// What can reach it as the compiler knows.
    pub(super) sees: ModalitySet,
}

impl Promise {
    pub(super) fn ground(&self, modality: ModalityId) -> Option<Ground> {
        self.grounds[modality.index()]
    }
}

/// What each output may not see, and notes for the reader.
pub(super) fn promises(
    checked: &Checked,
    pure: &[(String, Vec<String>)],
) -> Result<(Vec<Promise>, Vec<String>), AuditError> {
    let Checked { model, flow } = checked;
    if model.outputs.is_empty() {
        return Err(AuditError::NoOutputs);
    }
    let pure = resolved(model, pure)?;
    let mut held_to_names = Vec::new();
    let promises = model.outputs.iter().map(|output| {
        let sees = flow.sees(output.value);
        let is_told = !pure.is_empty() || !asserted(model, output).is_empty();
        let named = if is_told { None } else { named_after(model, &output.name) };
        // Asserts about what carries the name inside say how far that goes.
        let asserts: Vec<&Assert> =
            model.asserts.iter().filter(|assert| assert.only().is_some()).collect();
        let inside = |id: &ModalityId| {
            asserts.iter().any(|assert| named_after(model, &assert.name) == Some(*id))
        };
        let named = named.filter(|id| !inside(id));
        // Where asserts are written, one that is pure by its routes needs no word.
        let is_odd = |id| asserts.is_empty() || !sees.without(ModalitySet::only(id)).is_empty();
        if named.is_some_and(is_odd) {
            held_to_names.push(format!("`{}`", output.name));
        }
        let ground = |id: ModalityId| {
            let is_kept = |only: &ModalitySet| !only.contains(id);
            if asserted(model, output).iter().any(is_kept) {
                Some(Ground::Assert)
            } else if pure.iter().any(|(name, only)| *name == output.name && is_kept(only)) {
                Some(Ground::Promise)
            } else if named.is_some_and(|named| named != id) {
                Some(Ground::Name)
            } else {
                (!sees.contains(id)).then_some(Ground::Flow)
            }
        };
        let ids = (0..).map(ModalityId).take(model.modalities.len());
        let grounds = ids.map(ground).collect();
        Promise { name: output.name.clone(), value: output.value, grounds, sees }
    });
    let promises = promises.collect();
    let mut notes = Vec::new();
    if !held_to_names.is_empty() {
        let (names, verb) =
            (held_to_names.join(", "), if held_to_names.len() == 1 { "it is" } else { "they are" });
        let own = if held_to_names.len() == 1 { "its name" } else { "their names" };
        notes.push(format!(
            "no assert speaks of {names}: {verb} held to {own}; say --pure NAME=MODALITY,.. or write asserts"
        ));
    }
    Ok((promises, notes))
}

/// What asserts of the output's name or value allow.
fn asserted(model: &Model, output: &Output) -> Vec<ModalitySet> {
    let asserts = model.asserts.iter();
    let of = asserts.filter(|assert| assert.value == output.value);
    of.filter_map(|assert| Some(ModalitySet::of(assert.only()?.iter().copied()))).collect()
}

/// Refuses promises of causality about what is not there.
pub(super) fn known(model: &Model, causal: &[(String, String)]) -> Result<(), AuditError> {
    let pairs = causal.iter().map(|(output, modality)| (output.clone(), vec![modality.clone()]));
    resolved(model, &pairs.collect::<Vec<_>>()).map(drop)
}

/// The caller's promises by output; names of what is not there are errors.
fn resolved(
    model: &Model,
    pure: &[(String, Vec<String>)],
) -> Result<Vec<(String, ModalitySet)>, AuditError> {
    let outputs: Vec<String> = model.outputs.iter().map(|output| output.name.clone()).collect();
    let modalities = model.modalities.iter();
    let modalities: Vec<String> = modalities.map(|modality| modality.name.clone()).collect();
    let unknown = |kind, name: &str, known: &[String]| AuditError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.to_vec(),
    };
    let mut all = Vec::new();
    for (output, only) in pure {
        if !outputs.contains(output) {
            return Err(unknown("output", output, &outputs));
        }
        let mut allowed = ModalitySet::EMPTY;
        for name in only {
            let id = model.modality(name);
            let id = id.ok_or_else(|| unknown("modality", name, &modalities))?;
            allowed = allowed.union(ModalitySet::only(id));
        }
        all.push((output.clone(), allowed));
    }
    Ok(all)
}

/// The one modality after which an output is named: its name is the modality's, or begins with it and `_` and names no
/// other one.
pub(super) fn named_after(model: &Model, output: &str) -> Option<ModalityId> {
    let names = || model.modalities.iter().map(|modality| modality.name.as_str());
    let rest = |name: &str| {
        let rest = output.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('_')).then(|| format!("{rest}_"))
    };
    // Of `video` and `video_low`, `video_low_logits` is named after the longer one.
    let found = names().filter(|name| rest(name).is_some()).max_by_key(|name| name.len())?;
    let rest = rest(found).expect("it was found so");
    let names_other = names().any(|name| name != found && rest.contains(&format!("_{name}_")));
    if names_other { None } else { model.modality(found) }
}
