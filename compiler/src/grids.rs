//! What the axes of weights are made of: the grids behind them.
//!
//! In: a model. Out: for each weight and each of its axes, the grids that lie behind it, after one another. The positions of a
//! class token before 14 x 14 patches have `[[1], [14, 14]]`, a linear map of 16 x 16 patches of three channels reads
//! `[[16, 16, 3]]`. Whoever brings weights from elsewhere needs to know. Deliberately not here: numbers.

use crate::model::{Model, Op, ValueId};

/// The grids behind one axis, after one another: the axis is as long as all their products together.
pub type AxisGrids = Vec<Vec<u64>>;

/// The grids behind the axes of each weight, in the order of [`Model::weights`]. A weight that several places share has those of
/// the first.
#[must_use]
pub fn weight_grids(model: &Model) -> Vec<Vec<AxisGrids>> {
    let plain = |size: &u64| vec![vec![*size]];
    let mut found: Vec<Vec<AxisGrids>> =
        model.weights.iter().map(|weight| weight.shape.iter().map(plain).collect()).collect();
    let mut is_known = vec![false; model.weights.len()];
    for step in &model.steps {
        for lane in &step.lanes {
            let Some((weight, axes)) = lane.weights.first().zip(axes(model, &step.op, lane)) else {
                continue;
            };
            let own = &mut found[weight.index()];
            // A grid that does not tell the axis, as of a slice, is no help.
            let agrees = |(axis, grids): (usize, &AxisGrids)| {
                let size: u64 = grids.iter().map(|grid| grid.iter().product::<u64>()).sum();
                model.weights[weight.index()].shape.get(axis) == Some(&size)
            };
            let fits = axes.len() == own.len() && axes.iter().enumerate().all(agrees);
            if fits && !std::mem::replace(&mut is_known[weight.index()], true) {
                *own = axes;
            }
        }
    }
    found
}

/// What lies behind the axes of the first weight of a step; `None` where there is nothing to tell.
fn axes(model: &Model, op: &Op, lane: &crate::model::Lane) -> Option<Vec<AxisGrids>> {
    let operand = *lane.operands.first()?;
    let made = model.shape(lane.result).width;
    if *op == Op::Linear {
        return Some(vec![vec![vec![made]], vec![width(model, operand)]]);
    }
    match op {
        Op::Position { .. } => {
            let wide = model.weights[lane.weights.first()?.index()].shape.get(1)?;
            Some(vec![tokens(model, operand), vec![vec![*wide]]])
        }
        Op::Attend { heads, window: Some(window), .. } => {
            let places = window.iter().map(|size| 2 * size - 1).collect();
            Some(vec![vec![vec![*heads]], vec![places]])
        }
        Op::Norm { .. } | Op::RmsNorm { .. } => Some(vec![vec![width(model, operand)]]),
        Op::Input(_)
        | Op::Latents
        | Op::Learned
        | Op::Patches(_)
        | Op::Linear
        | Op::Embed
        | Op::Absent
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
        | Op::Attend { window: None, .. }
        | Op::Concat
        | Op::Join
        | Op::Slice(..)
        | Op::Gather(_)
        | Op::Pool(_)
        | Op::Pad
        | Op::Crop => None,
    }
}

/// The numbers of a token as a grid: those of its patch, then the channels.
fn width(model: &Model, mut value: ValueId) -> Vec<u64> {
    loop {
        let wide = model.shape(value).width;
        let (step, lane) = model.made_by(value);
        let Some(operand) = lane.operands.first() else { return vec![wide] };
        if let Op::Patches(sizes) = &step.op {
            return sizes.iter().copied().chain([model.shape(*operand).width]).collect();
        }
        // Only what keeps each number in its place; a linear map or a join makes others of them.
        let is_kept = matches!(
            step.op,
            Op::Norm { .. }
                | Op::RmsNorm { .. }
                | Op::Scale
                | Op::Elementwise(_)
                | Op::Affine { .. }
                | Op::Dropout(_)
                | Op::DropPath { .. }
                | Op::Position { join: false, .. }
                | Op::Pad
                | Op::Crop
        );
        if !is_kept {
            return vec![wide];
        }
        value = *operand;
    }
}

/// The tokens of a value as grids after one another: a concatenation has one for each part.
fn tokens(model: &Model, mut value: ValueId) -> Vec<Vec<u64>> {
    loop {
        let (step, lane) = model.made_by(value);
        if step.op == Op::Concat {
            return lane.operands.iter().flat_map(|part| tokens(model, *part)).collect();
        }
        let grid = &model.shape(value).grid;
        match lane.operands.first() {
            Some(operand) if model.shape(*operand).grid == *grid => value = *operand,
            Some(_) | None => return vec![grid.clone()],
        }
    }
}
