//! Operations on tokens, one function a family: what they take, and the shape and weights of what they make.

use zorro_grammar::ast::{BinaryOp, Expr};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{
    Elementwise, Init, ModalityId, Op, Pooling, PositionKind, Shape, Source, ValueId, WeightKind,
};
use crate::number::Number;

use super::evaluate::Scope;
use super::function::{Args, Function};
use super::value::{Const, Key, Lanes, Value};
use super::{Draft, Fail, Frame, MAX_TOKENS, MAX_WIDTH, Resolver, Result, Site, fail, grid_text};

/// The start of matrices and learned tokens, where the spec says none.
fn usual() -> Init {
    Init::Truncated(Number::ratio(1, 50).expect("not zero"))
}

fn zero() -> Init {
    Init::Constant(Number::ZERO)
}

fn one() -> Init {
    Init::Constant(Number::ONE)
}

/// A draft without weights.
fn draft(op: Op, operands: Vec<ValueId>, shape: Shape) -> Draft {
    Draft { op, operands, weights: Vec::new(), reads: Vec::new(), shape }
}

/// The 1-D grid of so many tokens.
fn row(tokens: u64, width: u64) -> Shape {
    Shape::new(vec![tokens], width)
}

impl<'a> Resolver<'a> {
    /// Calls an operation.
    pub(super) fn operation(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        match function {
            Function::Attend => return self.attend(frame, args, scope),
            Function::Latents | Function::Learned => {
                return self.learned(frame, function, args, scope);
            }
            Function::Mean | Function::Concat | Function::Join => {
                return self.combine(frame, function, args, scope);
            }
            Function::Position => return self.position(frame, args, scope),
            Function::Embed => return self.embed(frame, args, scope),
            _ => {}
        }
        let lanes = self.operand(frame, args.need("x"), scope)?;
        let site = self.site(frame, function.name(), args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        let mut kept = Lanes::new();
        for (key, value) in lanes {
            let here = scope.only(key);
            match self.simple(frame, function, args, &here, (&site, key, value))? {
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
    fn simple(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
        (site, key, value): (&Site, Key, ValueId),
    ) -> Result<Option<Draft>> {
        let shape = self.model.shape(value).clone();
        let width = shape.width;
        let one_of = |op| Ok(Some(draft(op, vec![value], shape.clone())));
        match function {
            Function::Patches => self.patches(frame, args, scope, value).map(Some),
            Function::Linear => {
                let out = self.integer_in(frame, args.need("width"), scope, 1..=MAX_WIDTH)?;
                let bias = self.bool_in(frame, args.get("bias"), scope, true)?;
                let init = self.init(frame, args.get("init"), scope, usual())?;
                let weights = self.linear_weights(site, key, "", (width, out), (bias, init))?;
                let shape = Shape::new(shape.grid, out);
                Ok(Some(Draft { weights, ..draft(Op::Linear, vec![value], shape) }))
            }
            Function::Norm | Function::RmsNorm => {
                self.norm(frame, function, args, scope, (site, key, value)).map(Some)
            }
            Function::Scale => {
                let init = self.init(frame, args.get("init"), scope, one())?;
                let start = (init, WeightKind::Scale);
                let weights = vec![self.weight(site, key, "", vec![width], start)?];
                Ok(Some(Draft { weights, ..draft(Op::Scale, vec![value], shape) }))
            }
            Function::Absent => {
                self.word(frame, args.need("policy"), &["learned"])?;
                let init = self.init(frame, args.get("init"), scope, usual())?;
                let start = (init, WeightKind::Learned);
                let weights = vec![self.weight(site, key, "", vec![width], start)?];
                Ok(Some(Draft { weights, ..draft(Op::Absent, vec![value], shape) }))
            }
            Function::Softmax => one_of(Op::Softmax),
            Function::Gated => {
                let function = self.elementwise(frame, args.need("function"))?;
                if width % 2 != 0 {
                    let message = format!("`gated` splits the width in two, {width} is odd");
                    return fail(Code::DoesNotDivide, message, args.span, "odd width");
                }
                let shape = Shape::new(shape.grid, width / 2);
                Ok(Some(draft(Op::Gated(function), vec![value], shape)))
            }
            Function::Dropout | Function::DropPath => {
                let rate = self.rate(frame, args.need("rate"), scope)?;
                if function == Function::Dropout {
                    return one_of(Op::Dropout(rate));
                }
                let rescale = self.bool_in(frame, args.get("rescale"), scope, true)?;
                one_of(Op::DropPath { rate, rescale })
            }
            Function::Pool => {
                let how = self.word(frame, args.need("how"), &["mean", "first", "last"])?;
                let how = match how {
                    "mean" => Pooling::Mean,
                    "first" => Pooling::First,
                    _ => Pooling::Last,
                };
                Ok(Some(draft(Op::Pool(how), vec![value], row(1, width))))
            }
            Function::Gather => self.gather(frame, args, scope, value).map(Some),
            Function::Pad | Function::Crop => self.resize(frame, function, args, scope, value),
            other => {
                let named = |op: &&Elementwise| op.name() == other.name();
                let op = Elementwise::ALL.iter().find(named);
                one_of(Op::Elementwise(*op.expect("all other operations are elementwise")))
            }
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
        let percent = rate.div(Number::from(100u64)).filter(|part| *part < Number::ONE);
        Err(match percent {
            Some(part) if rate > Number::ONE => diagnostic
                .help(format!("a rate is a part of 1, not a percentage: `{part}`?"))
                .into(),
            Some(_) | None => diagnostic.into(),
        })
    }

    fn elementwise(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Elementwise> {
        let names: Vec<&'static str> = Elementwise::ALL.iter().map(|op| op.name()).collect();
        let name = self.word(frame, expr, &names)?;
        let op = Elementwise::ALL.iter().find(|op| op.name() == name);
        Ok(*op.expect("`word` returns one of the names"))
    }

    fn norm(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
        (site, key, value): (&Site, Key, ValueId),
    ) -> Result<Draft> {
        let shape = self.model.shape(value).clone();
        let eps = match args.get("eps") {
            Some(expr) => self.bounded(frame, expr, scope, Number::ZERO..=Number::ONE)?,
            None => Number::ratio(1, 1_000_000).expect("not zero"),
        };
        let is_layer = function == Function::Norm;
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
        let sizes = self.sizes(frame, args.all("sizes"), scope)?;
        let shape = self.model.shape(value).clone();
        check_rank("patches", &sizes, &shape, args.span)?;
        for (axis, (grid, size)) in shape.grid.iter().zip(&sizes).enumerate() {
            if grid % size != 0 {
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
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
        value: ValueId,
    ) -> Result<Option<Draft>> {
        let sizes = self.sizes(frame, args.all("sizes"), scope)?;
        let shape = self.model.shape(value).clone();
        check_resize(function.name(), &sizes, &shape, args.span)?;
        if sizes == shape.grid {
            return Ok(None);
        }
        let op = if function == Function::Pad { Op::Pad } else { Op::Crop };
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
        let Const::List(items) = self.constant_in(frame, expr, scope)? else {
            return fail(Code::WrongType, "expected a list of tokens", expr.span, "not a list");
        };
        let mut indices = Vec::new();
        for item in items {
            let Const::Number(number) = item else {
                return super::constants::wrong_type("numbers", &item, expr.span);
            };
            let last = shape.tokens().saturating_sub(1);
            indices.push(super::constants::to_integer(number, expr.span, 0..=last)?);
        }
        if indices.is_empty() {
            return fail(Code::OutOfRange, "no tokens are left", expr.span, "an empty list");
        }
        let shape = row(indices.len() as u64, shape.width);
        Ok(draft(Op::Gather(indices), vec![value], shape))
    }

    /// `latents` and `learned`: weights that are values.
    fn learned(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let site = self.site(frame, function.name(), args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        for key in scope.keys.clone() {
            let here = scope.only(key);
            let (shape, init, kind) = if function == Function::Latents {
                let tokens = self.integer_in(frame, args.need("tokens"), &here, 1..=MAX_TOKENS)?;
                let width = self.integer_in(frame, args.need("width"), &here, 1..=MAX_WIDTH)?;
                let init = self.init(frame, args.get("init"), &here, usual())?;
                (vec![tokens, width], init, WeightKind::Latents)
            } else {
                let shape = self.sizes(frame, &[args.need("shape")], &here)?;
                let init = self.init(frame, args.get("init"), &here, zero())?;
                (shape, init, WeightKind::Learned)
            };
            let (op, value_shape) = match shape.as_slice() {
                [] => (Op::Learned, Shape::new(Vec::new(), 1)),
                [width] => (Op::Learned, Shape::new(Vec::new(), *width)),
                [tokens, width] => (Op::Latents, row(*tokens, *width)),
                _ => {
                    let message = "a learned value has at most two dimensions";
                    let label = "write `[]`, `[width]` or `[tokens, width]`";
                    return fail(Code::WrongRank, message, args.span, label);
                }
            };
            super::check_size(&value_shape, args.span)?;
            let weights = vec![self.weight(&site, key, "", shape, (init, kind))?];
            drafts.push((key, Draft { weights, ..draft(op, Vec::new(), value_shape) }));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    fn embed(&mut self, frame: &mut Frame<'a>, args: &Args<'a>, scope: &Scope) -> Result<Lanes> {
        let expr = args.need("x");
        let lanes = match self.eval(frame, expr, scope)? {
            Value::Tokens(lanes) if lanes.values().all(|value| self.is_ids(*value)) => lanes,
            other => {
                let message =
                    format!("`embed` takes the ids of a text, found {}", other.describe());
                return Err(Diagnostic::new(Code::WrongInput, message, expr.span, "not ids")
                    .help("for vectors, use `linear`")
                    .into());
            }
        };
        let site = self.site(frame, "embed", args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        for (key, value) in lanes {
            let width = self.integer_in(frame, args.need("width"), scope, 1..=MAX_WIDTH)?;
            let init = self.init(frame, args.get("init"), scope, usual())?;
            let start = (init, WeightKind::Embedding);
            let vocabulary = self.vocabulary(value);
            let weights = vec![self.weight(&site, key, "", vec![vocabulary, width], start)?];
            let shape = Shape::new(self.model.shape(value).grid.clone(), width);
            drafts.push((key, Draft { weights, ..draft(Op::Embed, vec![value], shape) }));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    /// How many ids the text of an input has.
    fn vocabulary(&self, ids: ValueId) -> u64 {
        let (step, _) = self.model.made_by(ids);
        let Op::Input(modality) = step.op else { panic!("ids are inputs") };
        match self.model.modalities[modality.index()].source {
            Source::Text { vocabulary, .. } => vocabulary,
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                panic!("ids come from texts")
            }
        }
    }

    fn position(&mut self, frame: &mut Frame<'a>, args: &Args<'a>, scope: &Scope) -> Result<Lanes> {
        let lanes = self.operand(frame, args.need("x"), scope)?;
        let word = match args.get("kind") {
            Some(expr) => self.word(frame, expr, &["learned", "sinusoidal", "fourier"])?,
            None => "learned",
        };
        let site = self.site(frame, "position", args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        for (key, value) in lanes {
            let here = scope.only(key);
            let shape = self.model.shape(value).clone();
            let join = self.bool_in(frame, args.get("join"), &here, false)?;
            let mut weights = Vec::new();
            let (kind, added) = match word {
                "learned" => {
                    let init = self.init(frame, args.get("init"), &here, usual())?;
                    let start = (init, WeightKind::Position);
                    let table = vec![shape.tokens(), shape.width];
                    weights.push(self.weight(&site, key, "", table, start)?);
                    (PositionKind::Learned, shape.width)
                }
                "sinusoidal" => {
                    check_sinusoidal(&shape, args.span)?;
                    (PositionKind::Sinusoidal, shape.width)
                }
                _ => self.fourier(frame, args, &here, &shape)?,
            };
            if !join && added != shape.width {
                let message =
                    format!("{added} Fourier features do not add to {} numbers", shape.width);
                return Err(Diagnostic::new(
                    Code::ShapeMismatch,
                    message,
                    args.span,
                    "widths differ",
                )
                .help("put them beside the features: `join: true`, then `linear` if need be")
                .into());
            }
            let width = if join { shape.width + added } else { shape.width };
            let op = Op::Position { kind, join };
            let shape = Shape::new(shape.grid, width);
            drafts.push((key, Draft { weights, ..draft(op, vec![value], shape) }));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
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

    /// `mean`, `concat` and `join` of several operands.
    fn combine(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let exprs = args.all("x").to_vec();
        let mut all = Vec::new();
        for expr in &exprs {
            all.push((self.operand(frame, expr, scope)?, expr.span));
        }
        let site = self.site(frame, function.name(), args.span, None)?;
        let mut drafts = Vec::new();
        for key in scope.keys.clone() {
            let mut operands = Vec::new();
            for (lanes, _) in &all {
                operands.extend(lanes.get(&key).copied());
            }
            let spans: Vec<Span> = all.iter().map(|(_, span)| *span).collect();
            let shape = self.combined_shape(function, &operands, &spans)?;
            let op = match function {
                Function::Mean => Op::Mean,
                Function::Concat => Op::Concat,
                _ => Op::Join,
            };
            drafts.push((key, draft(op, operands, shape)));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    fn combined_shape(
        &self,
        function: Function,
        operands: &[ValueId],
        spans: &[Span],
    ) -> Result<Shape> {
        let shapes: Vec<&Shape> = operands.iter().map(|value| self.model.shape(*value)).collect();
        let Some(first) = shapes.first().copied() else { return Err(Fail::Silent) };
        let agrees = |shape: &Shape| match function {
            Function::Mean => shape == first,
            Function::Concat => shape.width == first.width,
            _ => shape.grid == first.grid,
        };
        if let Some(index) = shapes.iter().position(|shape| !agrees(shape)) {
            let need = match function {
                Function::Mean => "one shape",
                Function::Concat => "one width",
                _ => "one grid",
            };
            let message = format!("`{}` needs tokens of {need}", function.name());
            return Err(Diagnostic::new(
                Code::ShapeMismatch,
                message,
                spans[index],
                format!("{}", shapes[index]),
            )
            .also(spans[0], format!("{first}"))
            .into());
        }
        let total = |part: fn(&Shape) -> u64| {
            shapes.iter().fold(0u64, |total, shape| total.saturating_add(part(shape)))
        };
        Ok(match function {
            Function::Mean => first.clone(),
            Function::Concat => row(total(Shape::tokens), first.width),
            _ => Shape::new(first.grid.clone(), total(|shape| shape.width)),
        })
    }

    /// The fed tensor of a modality; made at its first use.
    pub(super) fn input(&mut self, modality: ModalityId, span: Span) -> Result<ValueId> {
        if let Some(value) = self.inputs[modality.index()] {
            return Ok(value);
        }
        let declared = &self.model.modalities[modality.index()];
        let (path, shape) = (declared.name.clone(), declared.shape.clone());
        let draft = draft(Op::Input(modality), Vec::new(), shape);
        let lanes = self.emit(&path, span, None, vec![(None, draft)])?;
        let value = lanes[&None];
        self.inputs[modality.index()] = Some(value);
        Ok(value)
    }

    /// An operator between values, of which at least one may be tokens.
    pub(super) fn arithmetic(
        &mut self,
        frame: &Frame<'a>,
        op: BinaryOp,
        left: Value,
        right: Value,
        span: Span,
    ) -> Result<Value> {
        let (left, right) = match (left, right) {
            (Value::Const(left), Value::Const(right)) => {
                return Ok(Value::Const(self.constant_binary(op, left, right, span)?));
            }
            other => other,
        };
        let symbol = op.symbol();
        let name = match op {
            BinaryOp::Add => "add",
            BinaryOp::Sub => "sub",
            BinaryOp::Mul => "mul",
            BinaryOp::Div => "div",
            _ => {
                let message = format!("`{symbol}` does not work on tokens");
                return fail(Code::WrongType, message, span, "tokens have `+ - * /`");
            }
        };
        let mut drafts = Vec::new();
        match (left, right) {
            (Value::Tokens(left), Value::Tokens(right)) => {
                let op = match op {
                    BinaryOp::Add => Op::Add,
                    BinaryOp::Sub => Op::Sub,
                    BinaryOp::Mul => Op::Mul,
                    _ => Op::Div,
                };
                self.check_vectors(&[&left, &right], span)?;
                for (key, left) in left {
                    let Some(right) = right.get(&key).copied() else { continue };
                    let shape = self.broadcast(symbol, left, right, span)?;
                    drafts.push((key, draft(op.clone(), vec![left, right], shape)));
                }
            }
            (Value::Tokens(lanes), Value::Const(constant)) => {
                self.check_vectors(&[&lanes], span)?;
                let op = with_number(op, &constant, false, span)?;
                drafts = self.one_operand(&op, lanes);
            }
            (Value::Const(constant), Value::Tokens(lanes)) => {
                self.check_vectors(&[&lanes], span)?;
                let op = with_number(op, &constant, true, span)?;
                drafts = self.one_operand(&op, lanes);
            }
            (Value::Const(_), Value::Const(_)) => panic!("handled above"),
        }
        let site = self.site(frame, name, span, None)?;
        Ok(Value::Tokens(self.emit(&Self::step_path(&site), span, frame.owner, drafts)?))
    }

    fn check_vectors(&self, all: &[&Lanes], span: Span) -> Result<()> {
        if all.iter().any(|lanes| lanes.values().any(|value| self.is_ids(*value))) {
            let message = "ids of a text are no vectors";
            return Err(Diagnostic::new(Code::WrongInput, message, span, "these are ids")
                .help("embed them first: `|> embed(dim)`")
                .into());
        }
        Ok(())
    }

    fn one_operand(&self, op: &Op, lanes: Lanes) -> Vec<(Key, Draft)> {
        let of = |value| draft(op.clone(), vec![value], self.model.shape(value).clone());
        lanes.into_iter().map(|(key, value)| (key, of(value))).collect()
    }

    /// The shape of two values combined number by number.
    fn broadcast(&self, symbol: &str, left: ValueId, right: ValueId, span: Span) -> Result<Shape> {
        let (left, right) = (self.model.shape(left), self.model.shape(right));
        let counts_for = |small: &Shape, large: &Shape| {
            small.grid.is_empty() && (small.width == 1 || small.width == large.width)
        };
        if left == right || counts_for(right, left) {
            return Ok(left.clone());
        }
        if counts_for(left, right) {
            return Ok(right.clone());
        }
        let message = format!("`{symbol}` needs tokens of one shape");
        let label = format!("{left} on the left, {right} on the right");
        Err(Diagnostic::new(Code::ShapeMismatch, message, span, label).into())
    }
}

/// An operator between tokens and a number as an operation with one operand.
fn with_number(op: BinaryOp, constant: &Const, number_first: bool, span: Span) -> Result<Op> {
    let Const::Number(number) = constant else {
        return super::constants::wrong_type("a number", constant, span);
    };
    let number = *number;
    let overflow = || Diagnostic::new(Code::Arithmetic, "number does not fit", span, "too large");
    let minus = || number.neg().ok_or_else(overflow);
    let (zero, one) = (Number::ZERO, Number::ONE);
    let (factor, term) = match (op, number_first) {
        (BinaryOp::Add, _) => (one, number),
        (BinaryOp::Sub, false) => (one, minus()?),
        (BinaryOp::Sub, true) => (Number::from(-1i128), number),
        (BinaryOp::Mul, _) => (number, zero),
        (_, true) => return Ok(Op::Reciprocal(number)),
        (_, false) => match one.div(number) {
            Some(factor) => (factor, zero),
            None => return fail(Code::Arithmetic, "division by zero", span, "the divisor is 0"),
        },
    };
    Ok(Op::Affine { factor, term })
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
    fail(Code::WrongRank, message, span, "one size for each dimension")
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

/// Sines and cosines for each axis share the width evenly.
fn check_sinusoidal(shape: &Shape, span: Span) -> Result<()> {
    let parts = 2 * shape.grid.len() as u64;
    if parts > 0 && shape.width % parts == 0 {
        return Ok(());
    }
    let message = format!("sinusoidal positions need a width that {parts} divides");
    let label = format!("{} over {} dimensions", shape.width, shape.grid.len());
    fail(Code::DoesNotDivide, message, span, label)
}
