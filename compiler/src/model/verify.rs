//! What a well-formed model is. This list is complete; what breaks it is our mistake, not a user's.
//!
//! In: a model. Out: nothing, or which invariant it breaks, and where. Deliberately not here: what
//! users can get wrong; `resolve` has told them.
//!
//! Ids
//! - Every id of a value, step, group, weight, modality or target is in range.
//! - There are at most 32 modalities. Names of modalities, weights, targets, outputs and objectives
//!   are unique among their kind; names of groups need not be.
//!
//! Values
//! - Every value is the result of exactly one lane, of the step that it names.
//! - Operands are results of earlier steps. A lane does not read its own step.
//! - A shape has a width.
//!
//! Steps
//! - A step has at least one lane, and a path without empty components.
//! - A lane of `Attend` has a query, and a key and a value for each of its reads, each read of another
//!   key. A lane of any other operation has no reads.
//! - The number of operands and weights, and the shapes of operands, weights and result, are what the
//!   operation says (`shapes`, operation by operation). Lanes of weights of their own may have
//!   widths of their own.
//! - Heads divide the width of queries, keys and values. Relations fit the grids of query and key.
//!
//! Weights
//! - Every weight is used by some lane.
//!
//! Applies
//! - Their ranges of steps are in order, do not overlap, and lie within the steps.
//! - What a group is afterwards was made by the end of the range.
//!
//! Results
//! - Logits are one token as wide as their target has classes; the sides of `Nce` are one token each, of
//!   one width, and a computed temperature is one number; both sides of `Mse` have one shape.
//! - Means and sums of losses have terms.

mod losses;
mod shapes;

use std::collections::BTreeSet;

use super::{Claim, Lane, Model, Op, Step, StepId, ValueId};

/// Whether an invariant is kept.
type Checked = Result<(), String>;

/// Fails with this text where the condition does not hold.
fn ensure(condition: bool, text: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(text()) }
}

/// Checks the list above.
///
/// # Errors
///
/// The first invariant found broken, with the place.
pub fn verify(model: &Model) -> Result<(), String> {
    names(model)?;
    values(model)?;
    let mut used = vec![false; model.weights.len()];
    for (id, step) in (0..).map(StepId).zip(&model.steps) {
        verify_step(model, id, step, &mut used).map_err(|text| format!("{}: {text}", step.path))?;
    }
    if let Some(at) = used.iter().position(|used| !used) {
        return Err(format!("the weight `{}` is not used", model.weights[at].name));
    }
    applies(model)?;
    for output in &model.outputs {
        value_exists(model, output.value).map_err(|text| format!("{}: {text}", output.name))?;
    }
    for assert in &model.asserts {
        value_exists(model, assert.value).map_err(|text| format!("{}: {text}", assert.name))?;
        let modalities = match &assert.claim {
            Claim::ReadsOnly(only) => only.as_slice(),
            Claim::Causal(modality) => std::slice::from_ref(modality),
        };
        let known = modalities.iter().all(|id| id.index() < model.modalities.len());
        ensure(known, || format!("assert {}: a modality does not exist", assert.name))?;
    }
    for objective in &model.objectives {
        let checked = losses::verify_loss(model, &objective.loss);
        checked.map_err(|text| format!("{}: {text}", objective.name))?;
    }
    Ok(())
}

fn names(model: &Model) -> Checked {
    ensure(model.modalities.len() <= 32, || "more than 32 modalities".to_owned())?;
    unique("modality", model.modalities.iter().map(|modality| &modality.name))?;
    unique("weight", model.weights.iter().map(|weight| &weight.name))?;
    unique("target", model.targets.iter().map(|target| &target.name))?;
    unique("output", model.outputs.iter().map(|output| &output.name))?;
    unique("objective", model.objectives.iter().map(|objective| &objective.name))
}

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a String>) -> Checked {
    let mut seen = BTreeSet::new();
    for name in names {
        ensure(seen.insert(name), || format!("two of kind {kind} are named `{name}`"))?;
    }
    Ok(())
}

fn value_exists(model: &Model, id: ValueId) -> Checked {
    ensure(id.index() < model.values.len(), || format!("value {} does not exist", id.0))
}

fn values(model: &Model) -> Checked {
    let mut makers = vec![0usize; model.values.len()];
    for (id, step) in (0..).map(StepId).zip(&model.steps) {
        for lane in &step.lanes {
            value_exists(model, lane.result).map_err(|text| format!("{}: {text}", step.path))?;
            makers[lane.result.index()] += 1;
            let named = model.value(lane.result).step;
            let value = lane.result.0;
            ensure(named == id, || format!("{}: value {value} names another step", step.path))?;
        }
    }
    for (at, value) in model.values.iter().enumerate() {
        ensure(makers[at] == 1, || format!("value {at} is the result of {} lanes", makers[at]))?;
        let group = value.group.is_none_or(|group| group.index() < model.groups.len());
        ensure(group, || format!("the group of value {at} does not exist"))?;
        let shape = &value.shape;
        ensure(shape.width > 0, || format!("value {at} of shape {shape} has no width"))?;
    }
    Ok(())
}

fn verify_step(model: &Model, id: StepId, step: &Step, used: &mut [bool]) -> Checked {
    ensure(!step.lanes.is_empty(), || "no lanes".to_owned())?;
    let path_is_whole = step.path.split('.').all(|part| !part.is_empty());
    ensure(path_is_whole, || "a component of the path is empty".to_owned())?;
    for lane in &step.lanes {
        for operand in &lane.operands {
            value_exists(model, *operand)?;
            let before = model.value(*operand).step < id;
            ensure(before, || format!("operand {} is not made before", operand.0))?;
        }
        for weight in &lane.weights {
            let used = used.get_mut(weight.index());
            *used.ok_or_else(|| format!("weight {} does not exist", weight.0))? = true;
        }
        reads(model, step, lane)?;
        shapes::verify_lane(model, &step.op, lane)?;
    }
    Ok(())
}

fn reads(model: &Model, step: &Step, lane: &Lane) -> Checked {
    let Op::Attend { .. } = step.op else {
        return ensure(lane.reads.is_empty(), || "reads without attention".to_owned());
    };
    let (n_operands, n_reads) = (lane.operands.len(), lane.reads.len());
    ensure(n_operands == 1 + 2 * n_reads, || {
        format!("attention of {n_reads} reads has {n_operands} operands")
    })?;
    let keys: BTreeSet<ValueId> = lane.keys().collect();
    ensure(keys.len() == n_reads, || "two reads have the same key".to_owned())?;
    let query = &model.shape(lane.operands[0]).grid;
    for (read, key) in lane.reads.iter().zip(lane.keys()) {
        let group = read.group.is_none_or(|group| group.index() < model.groups.len());
        ensure(group, || "a group that is read does not exist".to_owned())?;
        read.relation.fit(query, &model.shape(key).grid)?;
    }
    Ok(())
}

fn applies(model: &Model) -> Checked {
    let mut end = 0;
    for apply in &model.applies {
        let (steps, path) = (&apply.steps, &apply.path);
        let in_order = end <= steps.start && steps.start <= steps.end;
        ensure(in_order, || format!("apply {path}: its steps overlap with those before"))?;
        ensure(steps.end <= model.steps.len(), || format!("apply {path}: steps do not exist"))?;
        end = steps.end;
        for (group, value) in &apply.after {
            let known = group.index() < model.groups.len();
            ensure(known, || format!("apply {path}: a group does not exist"))?;
            value_exists(model, *value).map_err(|text| format!("apply {path}: {text}"))?;
            let made = model.value(*value).step.index() < end;
            let name = model.group_name(*group);
            ensure(made, || format!("apply {path}: `{name}` is made later"))?;
        }
    }
    Ok(())
}
