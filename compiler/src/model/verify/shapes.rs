//! Which shapes each operation has.
//!
//! In: a lane. Out: whether the shapes of its operands, weights and result agree with the operation.
//! Deliberately not here: the order of steps, ids.

use super::super::{Lane, Model, Op, PositionKind, Shape};
use super::{Checked, ensure};

/// The shapes of a lane.
struct Shapes<'a> {
    operands: Vec<&'a Shape>,
    weights: Vec<&'a [u64]>,
    result: &'a Shape,
}

pub(super) fn verify_lane(model: &Model, op: &Op, lane: &Lane) -> Checked {
    let shapes = Shapes {
        operands: lane.operands.iter().map(|id| model.shape(*id)).collect(),
        weights: lane.weights.iter().map(|id| model.weights[id.index()].shape.as_slice()).collect(),
        result: model.shape(lane.result),
    };
    match op {
        Op::Input(id) => {
            let modality = model.modalities.get(id.index()).ok_or("the modality does not exist")?;
            shapes.counts(0, 0)?;
            shapes.result_is(&modality.shape)
        }
        Op::Latents | Op::Learned => shapes.weight_itself(),
        Op::Patches(sizes) => shapes.patches(sizes),
        Op::Linear => shapes.linear(),
        Op::Embed => shapes.embed(),
        Op::Position { kind, join } => shapes.position(kind, *join),
        Op::Absent | Op::Scale => shapes.vectors(1),
        Op::Norm { eps: _, scale, bias } | Op::RmsNorm { eps: _, scale, bias } => {
            shapes.vectors(usize::from(*scale) + usize::from(*bias))
        }
        Op::Elementwise(_)
        | Op::Softmax
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Dropout(_)
        | Op::DropPath { .. } => shapes.vectors(0),
        Op::Gated(_) => {
            let operand = shapes.single()?;
            ensure(operand.width.is_multiple_of(2), || format!("halves of {operand}"))?;
            shapes.result_is(&Shape::new(operand.grid.clone(), operand.width / 2))
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div => shapes.elementwise(),
        Op::Mean => shapes.mean(),
        Op::Attend { heads, window, .. } => shapes.attend(*heads, window.as_deref()),
        Op::Concat => shapes.concat(),
        Op::Join => shapes.join(),
        Op::Slice(from, to) => {
            let n_tokens = shapes.single()?.tokens();
            ensure(from < to && *to <= n_tokens, || format!("{from}..{to} of {n_tokens} tokens"))?;
            shapes.tokens(to - from)
        }
        Op::Gather(ids) => shapes.gather(ids),
        Op::Pool(_) => shapes.single().and_then(|_| shapes.tokens(1)),
        Op::Pad => shapes.resized(|before, after| before <= after),
        Op::Crop => shapes.resized(|before, after| before >= after),
    }
}

impl Shapes<'_> {
    fn counts(&self, operands: usize, weights: usize) -> Checked {
        let found = (self.operands.len(), self.weights.len());
        ensure(found == (operands, weights), || {
            format!("{} operands and {} weights, not {operands} and {weights}", found.0, found.1)
        })
    }

    /// The only operand of an operation without weights.
    fn single(&self) -> Result<&Shape, String> {
        self.counts(1, 0)?;
        Ok(self.operands[0])
    }

    fn first(&self) -> Result<&Shape, String> {
        self.operands.first().copied().ok_or_else(|| "no operands".to_owned())
    }

    fn result_is(&self, wanted: &Shape) -> Checked {
        let found = self.result;
        ensure(found == wanted, || format!("the result is {found}, not {wanted}"))
    }

    fn weight_is(&self, at: usize, wanted: &[u64]) -> Checked {
        let found = self.weights.get(at).copied();
        ensure(found == Some(wanted), || format!("weight {at} is {found:?}, not {wanted:?}"))
    }

    /// So many tokens of the operand, in a row.
    fn tokens(&self, n_tokens: u64) -> Checked {
        let width = self.first()?.width;
        let found = self.result;
        ensure(found.tokens() == n_tokens && found.width == width, || {
            format!("the result is {found}, not {n_tokens} tokens of width {width}")
        })
    }

    /// Latents are `[tokens, width]`, vectors `[width]`, scalars `[]`.
    fn weight_itself(&self) -> Checked {
        self.counts(0, 1)?;
        match self.weights[0] {
            [] => self.result_is(&Shape::new([], 1)),
            [width] => self.result_is(&Shape::new([], *width)),
            [tokens, width] => self.result_is(&Shape::new([*tokens], *width)),
            [_, _, _, ..] => Err("a learned value of more than two axes".to_owned()),
        }
    }

    /// One operand, weights as wide as it is, a result of its shape.
    fn vectors(&self, n_weights: usize) -> Checked {
        self.counts(1, n_weights)?;
        let operand = self.first()?;
        (0..n_weights).try_for_each(|at| self.weight_is(at, &[operand.width]))?;
        self.result_is(operand)
    }

    fn gather(&self, ids: &[u64]) -> Checked {
        let n_tokens = self.single()?.tokens();
        let exist = ids.iter().all(|id| *id < n_tokens);
        ensure(exist, || format!("a token beyond {n_tokens} is gathered"))?;
        self.tokens(ids.len() as u64)
    }

    fn patches(&self, sizes: &[u64]) -> Checked {
        let operand = self.single()?;
        let divides = operand.grid.len() == sizes.len()
            && operand.grid.iter().zip(sizes).all(|(n, size)| *size > 0 && n.is_multiple_of(*size));
        ensure(divides, || format!("patches of {sizes:?} do not divide {operand}"))?;
        let grid: Vec<u64> = operand.grid.iter().zip(sizes).map(|(n, size)| n / size).collect();
        self.result_is(&Shape::new(grid, operand.width * sizes.iter().product::<u64>()))
    }

    fn linear(&self) -> Checked {
        let (operand, out) = (self.first()?, self.result.width);
        let n_weights = self.weights.len().clamp(1, 2);
        self.counts(1, n_weights)?;
        self.weight_is(0, &[out, operand.width])?;
        if n_weights == 2 {
            self.weight_is(1, &[out])?;
        }
        self.result_is(&Shape::new(operand.grid.clone(), out))
    }

    fn embed(&self) -> Checked {
        self.counts(1, 1)?;
        let (operand, table) = (self.first()?, self.weights[0]);
        let fits = table.len() == 2 && operand.width == 1;
        ensure(fits, || format!("ids of {operand} in a table of {table:?}"))?;
        self.result_is(&Shape::new(operand.grid.clone(), table[1]))
    }

    fn position(&self, kind: &PositionKind, join: bool) -> Checked {
        let operand = self.first()?;
        let room =
            if join { self.result.width.saturating_sub(operand.width) } else { operand.width };
        let is_learned = matches!(kind, PositionKind::Learned);
        self.counts(1, usize::from(is_learned))?;
        match kind {
            PositionKind::Learned => self.weight_is(0, &[operand.tokens(), room])?,
            PositionKind::Sinusoidal => {}
            PositionKind::Fourier { bands, max: _ } => {
                let wanted = operand.grid.len() as u64 * (2 * bands + 1);
                let fits = if join { wanted == room } else { wanted <= room };
                ensure(fits, || format!("positions of width {wanted} where {room} is left"))?;
            }
        }
        let grows = join && room > 0;
        let width = if grows { operand.width + room } else { operand.width };
        ensure(grows == join, || "nothing is joined".to_owned())?;
        self.result_is(&Shape::new(operand.grid.clone(), width))
    }

    /// A grid of `[]` counts for every token, and a width of 1 with it for every number.
    fn elementwise(&self) -> Checked {
        self.counts(2, 0)?;
        let found = self.result;
        let fits = |side: &Shape| {
            side == found || (side.grid.is_empty() && [1, found.width].contains(&side.width))
        };
        let (a, b) = (self.operands[0], self.operands[1]);
        let is_one = a == found || b == found;
        ensure(fits(a) && fits(b) && is_one, || format!("{a} and {b} make {found}"))
    }

    fn mean(&self) -> Checked {
        self.counts(self.operands.len(), 0)?;
        let first = self.first()?;
        let same = self.operands.iter().all(|operand| *operand == first);
        ensure(same, || "a mean of different shapes".to_owned())?;
        self.result_is(first)
    }

    fn concat(&self) -> Checked {
        self.counts(self.operands.len(), 0)?;
        let width = self.first()?.width;
        let same = self.operands.iter().all(|operand| operand.width == width);
        ensure(same, || "a concat of different widths".to_owned())?;
        let n_tokens = self.operands.iter().map(|operand| operand.tokens()).sum::<u64>();
        self.result_is(&Shape::new([n_tokens], width))
    }

    fn join(&self) -> Checked {
        self.counts(self.operands.len(), 0)?;
        let grid = &self.first()?.grid;
        let same = self.operands.iter().all(|operand| operand.grid == *grid);
        ensure(same, || "a join of different grids".to_owned())?;
        let width = self.operands.iter().map(|operand| operand.width).sum::<u64>();
        self.result_is(&Shape::new(grid.clone(), width))
    }

    fn attend(&self, heads: u64, window: Option<&[u64]>) -> Checked {
        self.counts(self.operands.len(), usize::from(window.is_some()))?;
        let query = self.first()?;
        let divides = heads > 0 && query.width.is_multiple_of(heads);
        ensure(divides, || format!("{heads} heads of {query}"))?;
        for pair in self.operands[1..].chunks(2) {
            let fits = pair.len() == 2 && pair[0] == pair[1] && pair[0].width == query.width;
            ensure(fits, || format!("the query is {query}, key and value are {pair:?}"))?;
        }
        if let Some(window) = window {
            let positions = window.iter().map(|size| (2 * size).saturating_sub(1)).product();
            self.weight_is(0, &[heads, positions])?;
            let n_axes = query.grid.len();
            ensure(window.len() == n_axes, || format!("scores within {window:?} of {query}"))?;
        }
        self.result_is(query)
    }

    fn resized(&self, fits: impl Fn(u64, u64) -> bool) -> Checked {
        let (operand, found) = (self.single()?, self.result);
        let mut axes = operand.grid.iter().zip(&found.grid);
        let same_axes = operand.grid.len() == found.grid.len() && operand.width == found.width;
        ensure(same_axes && axes.all(|(before, after)| fits(*before, *after)), || {
            format!("{operand} becomes {found}")
        })
    }
}
