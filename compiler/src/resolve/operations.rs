//! Operations on one operand: what they take, and the shape and weights of what they make.
//!
//! Those on none or several are in `combine`, positions in `positions`, operators in `arithmetic`, `attend` in its own.

use zorro_grammar::ast::Expr;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Elementwise, Init, Op, Pooling, Shape, ValueId, WeightKind};
use crate::number::Number;

use super::constants::to_integer;
use super::evaluate::Scope;
use super::function::{Args, Operation, Single, Special};
use super::value::{Key, Lanes};
use super::{Draft, Fail, Frame, MAX_WIDTH, Resolver, Result, Site, fail, grid_text, words};

/// The start of matrices and learned tokens, where the spec says none.
pub(super) fn usual() -> Init {
    Init::Truncated(Number::ratio(1, 50).expect("not zero"))
}

pub(super) fn zero() -> Init {
    Init::Constant(Number::ZERO)
}

pub(super) fn one() -> Init {
    Init::Constant(Number::ONE)
}

/// A draft without weights.
pub(super) fn draft(op: Op, operands: Vec<ValueId>, shape: Shape) -> Draft {
    Draft { op, operands, weights: Vec::new(), reads: Vec::new(), shape }
}

/// The 1-D grid of so many tokens.
pub(super) fn row(tokens: u64, width: u64) -> Shape {
    Shape::new(vec![tokens], width)
}

impl<'a> Resolver<'a> {
    /// Calls an operation.
    pub(super) fn operation(
        &mut self,
        frame: &mut Frame<'a>,
        operation: Operation,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        match operation {
            Operation::Special(Special::Attend) => self.attend(frame, args, scope),
            Operation::Special(Special::Embed) => self.embed(frame, args, scope),
            Operation::Weighted(weighted) => self.weighted(frame, weighted, args, scope),
            Operation::Several(several) => self.several(frame, several, args, scope),
            Operation::Elementwise(function) => self.elementwise(frame, function, args, scope),
            Operation::Single(single) => self.single(frame, single, args, scope),
        }
    }

    fn elementwise(
        &mut self,
        frame: &mut Frame<'a>,
        function: Elementwise,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let lanes = self.operand(frame, args.need("x"), scope)?;
        let site = self.site(frame, function.name(), args.span, None)?;
        let drafts = self.one_operand(&Op::Elementwise(function), lanes);
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    fn single(
        &mut self,
        frame: &mut Frame<'a>,
        single: Single,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let lanes = self.operand(frame, args.need("x"), scope)?;
        // `activate(gelu)` is `gelu`, wherever its name comes from.
        let name = if single == Single::Activate {
            self.function(frame, args.need("function"))?.name()
        } else {
            single.name()
        };
        let site = self.site(frame, name, args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        let mut kept = Lanes::new();
        for (key, value) in lanes {
            let here = scope.only(key);
            match self.single_of(frame, single, args, &here, (&site, key, value))? {
                Some(draft) => drafts.push((key, draft)),
                // The operation does nothing here.
                None => {
                    kept.insert(key, value);
                }
            }
        }
        kept.extend(self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)?);
        Ok(kept)
    }

    /// Evaluates an operand to tokens.
    pub(super) fn operand(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Lanes> {
        let value = self.eval(frame, expr, scope)?;
        self.expect_tokens(frame, value, expr.span)
    }

    /// An operation with one operand, for one key.
    fn single_of(
        &mut self,
        frame: &mut Frame<'a>,
        single: Single,
        args: &Args<'a>,
        scope: &Scope,
        (site, key, value): (&Site, Key, ValueId),
    ) -> Result<Option<Draft>> {
        let shape = self.model.shape(value).clone();
        let width = shape.width;
        let one_of = |op| Ok(Some(draft(op, vec![value], shape.clone())));
        match single {
            Single::Patches => self.patches(frame, args, scope, value).map(Some),
            Single::Linear => {
                let out = self.integer_in(frame, args.need("width"), scope, 1..=MAX_WIDTH)?;
                let bias = self.bool_in(frame, args.get("bias"), scope, true)?;
                let init = self.init(frame, args.get("init"), scope, usual())?;
                let weights = self.linear_weights(site, key, "", (width, out), (bias, init))?;
                let shape = Shape::new(shape.grid, out);
                Ok(Some(Draft { weights, ..draft(Op::Linear, vec![value], shape) }))
            }
            Single::Norm | Single::RmsNorm => {
                let is_layer = single == Single::Norm;
                self.norm(frame, is_layer, args, scope, (site, key, value)).map(Some)
            }
            Single::Position => self.position(frame, args, scope, (site, key, value)).map(Some),
            Single::Scale => {
                let init = self.init(frame, args.get("init"), scope, one())?;
                let start = (init, WeightKind::Scale);
                let weights = vec![self.weight(site, key, "", vec![width], start)?];
                Ok(Some(Draft { weights, ..draft(Op::Scale, vec![value], shape) }))
            }
            Single::Absent => {
                self.word(frame, args.need("policy"), words::ABSENT)?;
                let init = self.init(frame, args.get("init"), scope, usual())?;
                let start = (init, WeightKind::Learned);
                let weights = vec![self.weight(site, key, "", vec![width], start)?];
                Ok(Some(Draft { weights, ..draft(Op::Absent, vec![value], shape) }))
            }
            Single::Softmax => one_of(Op::Softmax),
            Single::Activate => {
                one_of(Op::Elementwise(self.function(frame, args.need("function"))?))
            }
            Single::Gated => {
                let function = self.function(frame, args.need("function"))?;
                if !width.is_multiple_of(2) {
                    let message = format!("`gated` splits the width in two, {width} is odd");
                    return fail(Code::DoesNotDivide, message, args.span, "odd width");
                }
                let shape = Shape::new(shape.grid, width / 2);
                Ok(Some(draft(Op::Gated(function), vec![value], shape)))
            }
            Single::Dropout => one_of(Op::Dropout(self.rate(frame, args.need("rate"), scope)?)),
            Single::DropPath => {
                let rate = self.rate(frame, args.need("rate"), scope)?;
                let rescale = self.bool_in(frame, args.get("rescale"), scope, true)?;
                one_of(Op::DropPath { rate, rescale })
            }
            Single::Pool => {
                let how = self.word(frame, args.need("how"), words::POOLING)?;
                let how = match how {
                    "mean" => Pooling::Mean,
                    "first" => Pooling::First,
                    _ => Pooling::Last,
                };
                Ok(Some(draft(Op::Pool(how), vec![value], row(1, width))))
            }
            Single::Gather => self.gather(frame, args, scope, value).map(Some),
            Single::Pad | Single::Crop => self.resize(frame, single, args, scope, value),
        }
    }

    /// A drop rate: what is kept is divided by the rest, which must not be 0.
    fn rate(&mut self, frame: &mut Frame<'a>, expr: &'a Expr, scope: &Scope) -> Result<Number> {
        let rate = self.number_in(frame, expr, scope)?;
        if rate >= Number::ZERO && rate < Number::ONE {
            return Ok(rate);
        }
        let message = format!("a rate is at least 0 and less than 1, not {rate}");
        let diagnostic =
            Diagnostic::new(Code::OutOfRange, message, expr.span, format!("this is {rate}"));
        let percent = rate.checked_div(Number::from(100u64)).filter(|part| *part < Number::ONE);
        Err(match percent {
            Some(part) if rate > Number::ONE => diagnostic
                .help(format!("a rate is a part of 1, not a percentage: `{part}`?"))
                .into(),
            Some(_) | None => diagnostic.into(),
        })
    }

    /// An elementwise function by its name.
    fn function(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Elementwise> {
        let names: Vec<&'static str> = Elementwise::ALL.iter().map(|op| op.name()).collect();
        let name = self.word(frame, expr, &names)?;
        Ok(Elementwise::find(name).expect("`word` returns one of the names"))
    }

    fn norm(
        &mut self,
        frame: &mut Frame<'a>,
        is_layer: bool,
        args: &Args<'a>,
        scope: &Scope,
        (site, key, value): (&Site, Key, ValueId),
    ) -> Result<Draft> {
        let shape = self.model.shape(value).clone();
        let eps = match args.get("eps") {
            Some(expr) => self.bounded(frame, expr, scope, Number::ZERO..=Number::ONE)?,
            None => Number::ratio(1, 1_000_000).expect("not zero"),
        };
        let scale = self.bool_in(frame, args.get("scale"), scope, true)?;
        let bias = self.bool_in(frame, args.get("bias"), scope, is_layer)?;
        let mut weights = Vec::new();
        if scale {
            let start = (one(), WeightKind::Scale);
            weights.push(self.weight(site, key, "scale", vec![shape.width], start)?);
        }
        if bias {
            let start = (zero(), WeightKind::Bias);
            weights.push(self.weight(site, key, "bias", vec![shape.width], start)?);
        }
        let op =
            if is_layer { Op::Norm { eps, scale, bias } } else { Op::RmsNorm { eps, scale, bias } };
        Ok(Draft { weights, ..draft(op, vec![value], shape) })
    }

    fn patches(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        value: ValueId,
    ) -> Result<Draft> {
        self.patches_of(frame, args, scope, value).map_err(|fail| match fail {
            Fail::Report(told) if matches!(told.code, Code::WrongRank | Code::DoesNotDivide) => {
                self.channels_first(value, (*told).clone()).unwrap_or(*told).into()
            }
            fail @ (Fail::Report(_) | Fail::Silent) => fail,
        })
    }

    fn patches_of(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        value: ValueId,
    ) -> Result<Draft> {
        let sizes = self.sizes(frame, args.all("sizes"), scope)?;
        let shape = self.model.shape(value).clone();
        check_rank("patches", &sizes, &shape, args.span)?;
        for (axis, (grid, size)) in shape.grid.iter().zip(&sizes).enumerate() {
            if !grid.is_multiple_of(*size) {
                let message = format!(
                    "patches of {} do not divide a grid of {}",
                    grid_text(&sizes),
                    grid_text(&shape.grid)
                );
                let label = format!("{grid} is no multiple of {size} (dimension {})", axis + 1);
                let fitting = grid - grid % size;
                let help = if fitting == 0 {
                    "pad the grid before: `|> pad(..)`".to_owned()
                } else {
                    format!("crop it to {fitting} or pad it to {} before", fitting + size)
                };
                return Err(Diagnostic::new(Code::DoesNotDivide, message, args.span, label)
                    .help(help)
                    .into());
            }
        }
        let grid: Vec<u64> =
            shape.grid.iter().zip(&sizes).map(|(grid, size)| grid / size).collect();
        // Each size divides its grid, so their product is at most the number of tokens.
        let width = shape.width.saturating_mul(sizes.iter().product());
        Ok(draft(Op::Patches(sizes), vec![value], Shape::new(grid, width)))
    }

    fn resize(
        &mut self,
        frame: &mut Frame<'a>,
        single: Single,
        args: &Args<'a>,
        scope: &Scope,
        value: ValueId,
    ) -> Result<Option<Draft>> {
        let sizes = self.sizes(frame, args.all("sizes"), scope)?;
        let shape = self.model.shape(value).clone();
        check_resize(single.name(), &sizes, &shape, args.span)?;
        if sizes == shape.grid {
            return Ok(None);
        }
        let op = if single == Single::Pad { Op::Pad } else { Op::Crop };
        Ok(Some(draft(op, vec![value], Shape::new(sizes, shape.width))))
    }

    fn gather(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        value: ValueId,
    ) -> Result<Draft> {
        let shape = self.model.shape(value).clone();
        let expr = args.need("tokens");
        let last = shape.tokens().saturating_sub(1);
        let mut indices = Vec::new();
        for item in self.constant_in(frame, expr, scope)?.list(expr.span)? {
            indices.push(to_integer(item.number(expr.span)?, expr.span, 0..=last)?);
        }
        if indices.is_empty() {
            return fail(Code::OutOfRange, "no tokens are left", expr.span, "an empty list");
        }
        let shape = row(indices.len() as u64, shape.width);
        Ok(draft(Op::Gather(indices), vec![value], shape))
    }
}

/// As many sizes as the grid has dimensions.
pub(super) fn check_rank(what: &str, sizes: &[u64], shape: &Shape, span: Span) -> Result<()> {
    if sizes.len() == shape.grid.len() {
        return Ok(());
    }
    let message = format!(
        "`{what}` has {} sizes, the grid {} has {}",
        sizes.len(),
        grid_text(&shape.grid),
        shape.grid.len()
    );
    let diagnostic = Diagnostic::new(Code::WrongRank, message, span, "one size for each dimension");
    let missing = shape.grid.len().saturating_sub(sizes.len());
    if what == "patches" && missing > 0 && !sizes.is_empty() {
        // One size is that of a square.
        let (sizes, why) = match sizes {
            [side] => (vec![*side; 2], ""),
            sizes => (sizes.to_vec(), "to leave the first alone, "),
        };
        let missing = shape.grid.len() - sizes.len();
        let all: Vec<String> = std::iter::repeat_n(1, missing)
            .chain(sizes.iter().copied())
            .map(|size| size.to_string())
            .collect();
        return Err(diagnostic.help(format!("{why}write `patches({})`", all.join(", "))).into());
    }
    Err(diagnostic.into())
}

/// The sizes of a pad are not smaller than the grid's, those of a crop not larger.
pub(super) fn check_resize(what: &str, sizes: &[u64], shape: &Shape, span: Span) -> Result<()> {
    check_rank(what, sizes, shape, span)?;
    let wrong = |(size, grid): (&u64, &u64)| if what == "pad" { size < grid } else { size > grid };
    if !sizes.iter().zip(&shape.grid).any(wrong) {
        return Ok(());
    }
    let comparison = if what == "pad" { "smaller" } else { "larger" };
    let message = format!("`{what}` to a {comparison} grid");
    let label = format!("{} from {}", grid_text(sizes), grid_text(&shape.grid));
    let help = if what == "pad" { "use `crop`" } else { "use `pad`" };
    Err(Diagnostic::new(Code::OutOfRange, message, span, label).help(help).into())
}
