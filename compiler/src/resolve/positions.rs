//! Positions: learned, sinusoidal, Fourier; added or joined.

use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Op, PositionKind, Shape, ValueId, WeightKind};
use crate::number::Number;

use super::evaluate::Scope;
use super::function::Args;
use super::operations::{draft, usual};
use super::value::Key;
use super::{Draft, Frame, Resolver, Result, Site, fail, words};

impl<'a> Resolver<'a> {
    pub(super) fn position(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        (site, key, value): (&Site, Key, ValueId),
    ) -> Result<Draft> {
        let shape = self.model.shape(value).clone();
        let join = self.bool_in(frame, args.get("join"), scope, false)?;
        let mut weights = Vec::new();
        let word = match args.get("kind") {
            Some(expr) => self.word(frame, expr, words::POSITION)?,
            None => "learned",
        };
        let (kind, added) = match word {
            "learned" => {
                let init = self.init(frame, args.get("init"), scope, usual())?;
                let start = (init, WeightKind::Position);
                let table = vec![shape.tokens(), shape.width];
                weights.push(self.weight(site, key, "", table, start)?);
                (PositionKind::Learned, shape.width)
            }
            "sinusoidal" => {
                check_sinusoidal(&shape, args.span)?;
                (PositionKind::Sinusoidal, shape.width)
            }
            _ => self.fourier(frame, args, scope, &shape)?,
        };
        if !join && added != shape.width {
            let message = format!("{added} Fourier features do not add to {} numbers", shape.width);
            return Err(Diagnostic::new(Code::ShapeMismatch, message, args.span, "widths differ")
                .help("put them beside the features: `join: true`, then `linear` if need be")
                .into());
        }
        let width = if join { shape.width + added } else { shape.width };
        let op = Op::Position { kind, join };
        let shape = Shape::new(shape.grid, width);
        Ok(Draft { weights, ..draft(op, vec![value], shape) })
    }

    /// Fourier positions and how many numbers they are: the coordinate, sines and cosines for each axis.
    fn fourier(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        shape: &Shape,
    ) -> Result<(PositionKind, u64)> {
        let bands = match args.get("bands") {
            Some(expr) => self.integer_in(frame, expr, scope, 1..=65_536)?,
            None => 64,
        };
        let max = match args.get("max") {
            Some(expr) => {
                self.bounded(frame, expr, scope, Number::ZERO..=Number::from(1_000_000u64))?
            }
            None => Number::ZERO,
        };
        let features = shape.grid.len() as u64 * (2 * bands + 1);
        Ok((PositionKind::Fourier { bands, max }, features))
    }
}

/// Sines and cosines for each axis share the width evenly.
fn check_sinusoidal(shape: &Shape, span: Span) -> Result<()> {
    let parts = 2 * shape.grid.len() as u64;
    if parts > 0 && shape.width.is_multiple_of(parts) {
        return Ok(());
    }
    let message = format!("sinusoidal positions need a width that {parts} divides");
    let label = format!("{} over {} dimensions", shape.width, shape.grid.len());
    fail(Code::DoesNotDivide, message, span, label)
}
