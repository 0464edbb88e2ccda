//! What a model costs.
//!
//! In: a model. Out: parameters and operations by part, tokens by group, bytes of memory, for one
//! sample and the forward pass. Deliberately not here: what a plan makes of it: fusion, padding,
//! recomputation, batches.
//!
//! A floating point operation is a multiplication or an addition. Counted are linear maps, twice
//! tokens times inputs times outputs, and attention, four times the allowed pairs of tokens times
//! the width of all heads: half of it for the scores, half for the weighted sum. Nothing else is.
//! Numbers are `u128`: within the limits of the language none of the sums comes near its end.

mod text;

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::flow::live;
use crate::model::{Lane, Model, Op, Shape, Step, ValueId};
use crate::routing::{Mask, Pair, Relation, Side};

pub use text::{bytes, scaled};

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// By the first component of names, in the order of the computation.
    pub parts: IndexMap<String, PartCost>,
    /// The groups with the shape in which they begin; once for groups of one name and shape.
    pub groups: Vec<(String, Shape)>,
    /// Numbers of all values that reach a result: what a backward pass may need, and so an upper
    /// bound before anything is planned.
    pub activations: u128,
}

/// What a part of a model costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartCost {
    /// Numbers in the weights whose names begin with it.
    pub parameters: u128,
    /// Operations of the steps whose paths begin with it, one sample, forward.
    pub flops: u128,
    /// The same if every receiver read every token that its step reads.
    pub dense_flops: u128,
}

impl Cost {
    /// Counts. Values that reach no result cost nothing; their weights do.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let live = live(model);
        let mut parts: IndexMap<String, PartCost> = IndexMap::new();
        let mut counted = vec![false; model.weights.len()];
        let mut pairs = Pairs::default();
        for step in &model.steps {
            for weight in step.lanes.iter().flat_map(|lane| &lane.weights) {
                if !std::mem::replace(&mut counted[weight.index()], true) {
                    let weight = &model.weights[weight.index()];
                    part(&mut parts, &weight.name).parameters += product(&weight.shape);
                }
            }
            let (flops, dense_flops) = step_flops(model, step, &live, &mut pairs);
            if flops + dense_flops > 0 {
                let part = part(&mut parts, &step.path);
                part.flops += flops;
                part.dense_flops += dense_flops;
            }
        }
        let values = model.values.iter().zip(&live);
        let activations =
            values.filter(|(_, live)| **live).map(|(value, _)| numbers(&value.shape)).sum();
        Self { parts, groups: groups(model), activations }
    }

    /// All parts together.
    #[must_use]
    pub fn total(&self) -> PartCost {
        let mut total = PartCost::default();
        for part in self.parts.values() {
            total.parameters += part.parameters;
            total.flops += part.flops;
            total.dense_flops += part.dense_flops;
        }
        total
    }

    /// Bytes of the weights, in f32.
    #[must_use]
    pub fn parameter_bytes(&self) -> u128 {
        4 * self.total().parameters
    }

    /// Bytes of weights, gradients and both moments of Adam, in f32.
    #[must_use]
    pub fn training_bytes(&self) -> u128 {
        4 * self.parameter_bytes()
    }

    /// Bytes of [`Cost::activations`], in f32.
    #[must_use]
    pub fn activation_bytes(&self) -> u128 {
        4 * self.activations
    }
}

fn part<'a>(parts: &'a mut IndexMap<String, PartCost>, path: &str) -> &'a mut PartCost {
    let name = path.split('.').next().unwrap_or(path);
    parts.entry(name.to_owned()).or_default()
}

fn product(sizes: &[u64]) -> u128 {
    sizes.iter().map(|size| u128::from(*size)).product()
}

fn numbers(shape: &Shape) -> u128 {
    product(&shape.grid) * u128::from(shape.width)
}

/// Operations of a step, and what they would be if its attention were dense.
fn step_flops(model: &Model, step: &Step, live: &[bool], pairs: &mut Pairs) -> (u128, u128) {
    match step.op {
        Op::Linear => {
            let lanes = step.lanes.iter().filter(|lane| live[lane.result.index()]);
            let flops = lanes.map(|lane| linear_flops(model, lane)).sum();
            (flops, flops)
        }
        Op::Attend { .. } => attend_flops(model, step, live, pairs),
        Op::Input(_)
        | Op::Latents
        | Op::Learned
        | Op::Patches(_)
        | Op::Embed
        | Op::Position { .. }
        | Op::Absent
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Mean
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Concat
        | Op::Join
        | Op::Slice(..)
        | Op::Gather(_)
        | Op::Pool(_)
        | Op::Pad
        | Op::Crop => (0, 0),
    }
}

fn attend_flops(model: &Model, step: &Step, live: &[bool], pairs: &mut Pairs) -> (u128, u128) {
    let mut keys: Vec<ValueId> = step.lanes.iter().flat_map(Lane::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    let n_keys: u128 = keys.iter().map(|key| product(&model.shape(*key).grid)).sum();
    let (mut allowed, mut dense) = (0, 0);
    for lane in step.lanes.iter().filter(|lane| live[lane.result.index()]) {
        let query = model.shape(lane.operands[0]);
        let width = u128::from(query.width);
        dense += 4 * product(&query.grid) * n_keys * width;
        for (read, key) in lane.reads.iter().zip(lane.keys()) {
            let key = &model.shape(key).grid;
            allowed += 4 * pairs.allowed(&read.relation, &query.grid, key) * width;
        }
    }
    (allowed, dense)
}

fn linear_flops(model: &Model, lane: &Lane) -> u128 {
    let outputs = u128::from(model.shape(lane.result).width);
    2 * lane.operands.iter().map(|id| numbers(model.shape(*id))).sum::<u128>() * outputs
}

/// The allowed pairs of relations on grids, each counted once: masks repeat from layer to layer.
#[derive(Default)]
pub(crate) struct Pairs(BTreeMap<(Relation, Vec<u64>, Vec<u64>), u128>);

impl Pairs {
    /// How many pairs of tokens the relation allows.
    pub(crate) fn allowed(&mut self, relation: &Relation, query: &[u64], key: &[u64]) -> u128 {
        if *relation == Relation::All {
            return product(query) * product(key);
        }
        let place = (relation.clone(), query.to_vec(), key.to_vec());
        *self.0.entry(place).or_insert_with(|| {
            let side = |grid: &[u64]| vec![Side { name: String::new(), grid: grid.to_vec() }];
            let pair = Pair { receiver: 0, read: 0, relation: relation.clone() };
            Mask::new(side(query), side(key), vec![pair]).allowed()
        })
    }
}

/// Groups with the shapes that they begin with; groups of a loop once.
fn groups(model: &Model) -> Vec<(String, Shape)> {
    let groups: indexmap::IndexSet<(String, Shape)> = model
        .groups
        .iter()
        .map(|group| (group.name.clone(), model.shape(group.start).clone()))
        .collect();
    groups.into_iter().collect()
}

#[cfg(test)]
mod tests;
