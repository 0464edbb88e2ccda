//! Targets and objectives.

use zorro_grammar::ast::{BinaryOp, Binding as AstBinding, Expr, ExprKind, UnaryOp};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{
    Elementwise, Init, Loss, MseTarget, Negatives, Objective, Op, Scalar, Target, TargetId,
    TargetKind, ValueId,
};
use crate::number::Number;

use super::evaluate::{Mode, Scope, as_name, plain};
use super::function::{self, Aim, Args, Call, Classification, Comparison};
use super::names::{declared_twice, single};
use super::value::{Binding, Const, Entry, Value};
use super::{Compared, Fail, Frame, MAX_WIDTH, Resolver, Result, fail, grid_text, words};

/// The most terms of one loss.
const MAX_TERMS: usize = 4096;

/// A loss, or a number that weighs one.
enum Term {
    Loss(Loss),
    Number(Number),
}

impl<'a> Resolver<'a> {
    pub(super) fn target(&mut self, frame: &mut Frame<'a>, binding: &'a AstBinding) -> Result<()> {
        self.check_new(frame, &binding.name)?;
        if let Some(first) = self.model.targets.iter().find(|t| t.name == binding.name.text) {
            return Err(declared_twice("target", &binding.name, first.span).into());
        }
        let expr = &binding.value;
        let ExprKind::Call(call) = &expr.kind else {
            return Err(not_a_target(expr.span).into());
        };
        let Some(aim) = Aim::find(&call.name.text) else {
            return Err(match self.unknown_operation(plain(call), None) {
                Fail::Report(told) if !told.edits.is_empty() => Fail::Report(told),
                Fail::Report(_) | Fail::Silent => not_a_target(call.name.span).into(),
            });
        };
        let args = function::bind(aim.params(), plain(call));
        let args = args.map_err(|told| self.said_here(plain(call), told.into()))?;
        let kind = match aim {
            Aim::Class => TargetKind::Class(self.integer(frame, args.need("n"), 1..=MAX_WIDTH)?),
            Aim::Classes => {
                TargetKind::Classes(self.integer(frame, args.need("n"), 1..=MAX_WIDTH)?)
            }
            Aim::Tensor => TargetKind::Tensor(self.tensor_shape(frame, args.need("shape"))?),
        };
        let id = TargetId::next(self.model.targets.len());
        let (name, span) = (binding.name.text.clone(), binding.name.span);
        self.model.targets.push(Target { name, kind, span });
        frame.declare(&binding.name, Binding::Target(id));
        Ok(())
    }

    pub(super) fn objective(
        &mut self,
        frame: &mut Frame<'a>,
        binding: &'a AstBinding,
    ) -> Result<()> {
        self.check_new(frame, &binding.name)?;
        let term = self.named(frame, &binding.name, None, |resolver, frame| {
            resolver.term(frame, &binding.value)
        })?;
        let Term::Loss(loss) = term else {
            let message = "an objective is a loss";
            return fail(Code::WrongType, message, binding.value.span, "this is a number");
        };
        self.count_terms(&loss, binding.value.span)?;
        let (name, span) = (binding.name.text.clone(), binding.name.span);
        if let Some(first) = self.model.objectives.iter().find(|o| o.name == name) {
            return Err(declared_twice("objective", &binding.name, first.span).into());
        }
        self.model.objectives.push(Objective { name, loss: loss.clone(), span });
        frame.declare(&binding.name, Binding::Loss(loss));
        Ok(())
    }

    fn loss(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Loss> {
        match self.term(frame, expr)? {
            Term::Loss(loss) => Ok(loss),
            Term::Number(_) => {
                fail(Code::WrongType, "expected a loss, found a number", expr.span, "a number")
            }
        }
    }

    /// A loss, or a number.
    fn term(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Term> {
        self.spend(1, expr.span)?;
        match &expr.kind {
            ExprKind::Paren(inner) => self.term(frame, inner),
            ExprKind::Name(name) => match frame.entry(name).map(|entry| &entry.binding) {
                Some(Binding::Loss(loss)) => {
                    let loss = loss.clone();
                    self.count_terms(&loss, expr.span)?;
                    Ok(Term::Loss(loss))
                }
                Some(_) | None => self.number_term(frame, expr),
            },
            ExprKind::Call(call) => self.loss_call(frame, plain(call), expr),
            ExprKind::Pipe { value, call } => {
                let span = expr.span;
                let first = Some(&**value);
                let call = Call { name: &call.name, first, args: &call.args, span };
                self.loss_call(frame, call, expr)
            }
            ExprKind::Binary { op, left, right } => {
                self.combined(frame, *op, left, right, expr.span)
            }
            ExprKind::Unary { op: UnaryOp::Neg, value } => match self.term(frame, value)? {
                Term::Loss(loss) => match sum(vec![(Number::from(-1i128), loss)]) {
                    Some(loss) => Ok(Term::Loss(loss)),
                    None => fail(Code::Arithmetic, "a weight does not fit", expr.span, "too large"),
                },
                Term::Number(_) => self.number_term(frame, expr),
            },
            ExprKind::If { arms, otherwise } => {
                for (condition, value) in arms {
                    if self.condition(frame, condition)? {
                        return self.term(frame, value);
                    }
                }
                self.term(frame, otherwise)
            }
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Bool(_)
            | ExprKind::List(_)
            | ExprKind::Unary { op: UnaryOp::Not, .. }
            | ExprKind::Attribute { .. }
            | ExprKind::Index { .. }
            | ExprKind::Slice { .. } => self.number_term(frame, expr),
        }
    }

    /// Sums of sums can double with each line.
    fn count_terms(&mut self, loss: &Loss, span: Span) -> Result<()> {
        let terms = n_terms(loss);
        self.spend(terms as u64, span)?;
        if terms <= MAX_TERMS {
            return Ok(());
        }
        let message = format!("a loss of more than {MAX_TERMS} terms");
        Err(Diagnostic::new(Code::TooLarge, message, span, "too many terms")
            .help("add the weights of terms that are the same")
            .into())
    }

    fn number_term(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Term> {
        let value = self.evaluate(frame, expr)?;
        if let Value::Const(Const::Number(number)) = value {
            return Ok(Term::Number(number));
        }
        let message = format!("expected a loss, found {}", value.describe());
        Err(Diagnostic::new(Code::WrongType, message, expr.span, "this is no loss")
            .help("losses: `cross_entropy`, `sigmoid_cross_entropy`, `nce`, `mse`, `mean`")
            .into())
    }

    /// Sums of losses, and losses times numbers.
    fn combined(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOp,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
    ) -> Result<Term> {
        let left = self.term(frame, left)?;
        let right = self.term(frame, right)?;
        let minus_one = Number::from(-1i128);
        let combined = match (left, op, right) {
            (Term::Number(left), op, Term::Number(right)) => {
                let (left, right) = (Const::Number(left), Const::Number(right));
                let number = self.constant_binary(op, left, right, span)?.number(span)?;
                return Ok(Term::Number(number));
            }
            (Term::Loss(left), BinaryOp::Add, Term::Loss(right)) => {
                sum(vec![(Number::ONE, left), (Number::ONE, right)])
            }
            (Term::Loss(left), BinaryOp::Sub, Term::Loss(right)) => {
                sum(vec![(Number::ONE, left), (minus_one, right)])
            }
            (Term::Number(weight), BinaryOp::Mul, Term::Loss(loss))
            | (Term::Loss(loss), BinaryOp::Mul, Term::Number(weight)) => sum(vec![(weight, loss)]),
            (Term::Loss(loss), BinaryOp::Div, Term::Number(number)) => {
                match Number::ONE.checked_div(number) {
                    Some(weight) => sum(vec![(weight, loss)]),
                    None => {
                        return fail(Code::Arithmetic, "division by zero", span, "divides by 0");
                    }
                }
            }
            (Term::Loss(_), _, _) | (_, _, Term::Loss(_)) => {
                let message = format!("`{}` does not combine losses", op.symbol());
                return Err(Diagnostic::new(Code::WrongType, message, span, "not possible")
                    .help("losses have `+`, `-`, and `*` and `/` with a number")
                    .into());
            }
        };
        match combined {
            Some(loss) => Ok(Term::Loss(loss)),
            None => fail(Code::Arithmetic, "a weight does not fit", span, "too large"),
        }
    }

    fn loss_call(&mut self, frame: &mut Frame<'a>, call: Call<'a>, expr: &'a Expr) -> Result<Term> {
        self.loss_of(frame, call, expr).map_err(|fail| self.said_here(call, fail))
    }

    fn loss_of(&mut self, frame: &mut Frame<'a>, call: Call<'a>, expr: &'a Expr) -> Result<Term> {
        if let Some(kind) = Classification::find(&call.name.text) {
            let args = function::bind(kind.params(), call)?;
            return Ok(Term::Loss(self.classification(frame, kind, &args)?));
        }
        let Some(kind) = Comparison::find(&call.name.text) else {
            return self.number_term(frame, expr);
        };
        let args = function::bind(kind.params(), call)?;
        let loss = match kind {
            Comparison::Nce => self.nce(frame, &args)?,
            Comparison::Mse => self.mse(frame, &args)?,
            Comparison::Mean => {
                let mut losses = Vec::new();
                for expr in args.all("losses").to_vec() {
                    losses.push(self.loss(frame, expr)?);
                }
                Loss::Mean(losses)
            }
        };
        Ok(Term::Loss(loss))
    }

    fn classification(
        &mut self,
        frame: &mut Frame<'a>,
        kind: Classification,
        args: &Args<'a>,
    ) -> Result<Loss> {
        let (logits, target) = self.classified(frame, kind, args)?;
        match kind {
            Classification::SigmoidCrossEntropy => Ok(Loss::SigmoidCrossEntropy { logits, target }),
            Classification::CrossEntropy => {
                let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
                let smoothing = match args.get("smoothing") {
                    Some(expr) => self.bounded(frame, expr, &scope, Number::ZERO..=Number::ONE)?,
                    None => Number::ZERO,
                };
                Ok(Loss::CrossEntropy { logits, target, smoothing })
            }
        }
    }

    /// The target that an expression names.
    fn target_of(&mut self, frame: &Frame<'a>, expr: &Expr) -> Result<TargetId> {
        if let ExprKind::Name(name) = &expr.kind {
            match frame.entry(name).map(|entry| &entry.binding) {
                Some(Binding::Target(target)) => return Ok(*target),
                Some(Binding::Broken) => return Err(Fail::Silent),
                Some(_) => {}
                None => {
                    let name = zorro_grammar::ast::Name { text: name.clone(), span: expr.span };
                    return Err(self.unknown(frame, &name, "no such target").into());
                }
            }
        }
        let message = "expected a target";
        Err(Diagnostic::new(Code::WrongTarget, message, expr.span, "this is none")
            .help("declare one: `target label = class(n)`")
            .into())
    }

    /// Logits and classes of one number.
    fn classified(
        &mut self,
        frame: &mut Frame<'a>,
        kind: Classification,
        args: &Args<'a>,
    ) -> Result<(ValueId, TargetId)> {
        let expr = args.need("logits");
        if let ExprKind::Name(name) = &expr.kind
            && let Some(Entry { binding: Binding::Target(_), span }) = frame.entry(name)
        {
            let message = format!("the logits of `{}` come first", kind.name());
            return Err(Diagnostic::new(
                Code::WrongOperand,
                message,
                expr.span,
                "this is a target",
            )
            .also(*span, "declared here")
            .help(format!("write `{}(logits, {name})`", kind.name()))
            .into());
        }
        let logits = single(&self.tokens_of(frame, expr)?);
        self.warn_normalized(kind, logits, expr.span);
        let target_expr = args.need("target");
        let target = self.target_of(frame, target_expr)?;
        let declared = &self.model.targets[target.index()];
        let classes = match (&declared.kind, kind) {
            (TargetKind::Class(n), Classification::CrossEntropy)
            | (TargetKind::Classes(n), Classification::SigmoidCrossEntropy) => *n,
            (TargetKind::Class(_) | TargetKind::Classes(_) | TargetKind::Tensor(_), _) => {
                if matches!(declared.kind, TargetKind::Tensor(_)) {
                    let places = (target_expr.span, declared.span);
                    return Err(self.not_classes(kind, places, logits).into());
                }
                let (wants, other) = if kind == Classification::CrossEntropy {
                    ("class(n)", "for `classes(n)`, use `sigmoid_cross_entropy`")
                } else {
                    ("classes(n)", "for `class(n)`, use `cross_entropy`")
                };
                let message = format!("`{}` takes a `{wants}`", kind.name());
                return Err(Diagnostic::new(
                    Code::WrongTarget,
                    message,
                    target_expr.span,
                    format!("this is {}", describe(&declared.kind)),
                )
                .also(declared.span, "declared here")
                .help(other)
                .into());
            }
        };
        let shape = self.model.shape(logits);
        if shape.tokens() != 1 || shape.grid.is_empty() {
            let message = "logits are one token";
            let label = format!("these are {} tokens", grid_text(&shape.grid));
            return Err(Diagnostic::new(Code::WrongOperand, message, expr.span, label)
                .write(expr.span, format!("{} |> pool(mean)", self.text(expr.span)))
                .help("that pools them to one token; a decoder that reads them is the other way")
                .into());
        }
        if shape.width != classes {
            let message = format!("{} logits for {classes} classes", shape.width);
            return Err(Diagnostic::new(Code::WrongOperand, message, expr.span, "widths differ")
                .also(declared.span, format!("{classes} classes"))
                .help(format!("end them in `|> linear({classes})`"))
                .into());
        }
        Ok((logits, target))
    }

    /// The error for a loss of classes whose target is a tensor.
    fn not_classes(
        &self,
        kind: Classification,
        (target, declared): (Span, Span),
        logits: ValueId,
    ) -> Diagnostic {
        let one = if kind == Classification::CrossEntropy { "class" } else { "classes" };
        let message = format!("`{}` takes a `{one}(n)`", kind.name());
        let (name, width) = (self.text(target), self.model.shape(logits).width);
        let pooled = if self.model.shape(logits).tokens() > 1 {
            ", and pool the logits: `|> pool(last)`"
        } else {
            ""
        };
        Diagnostic::new(Code::WrongTarget, message, target, "this is a `tensor`")
            .also(declared, "declared here")
            .help(format!("write `target {name} = {one}({width})`{pooled}"))
            .help("a loss has one target a sample, not one a token; numbers are compared by `mse`")
    }

    /// Warns of logits that went through what the loss does itself.
    fn warn_normalized(&mut self, kind: Classification, logits: ValueId, span: Span) {
        let (step, lane) = self.model.made_by(logits);
        let is_softmax = step.op == Op::Softmax;
        if !is_softmax && step.op != Op::Elementwise(Elementwise::Sigmoid) {
            return;
        }
        let name = if is_softmax { "softmax" } else { "sigmoid" };
        let before = self.model.made_by(lane.operands[0]).0.span;
        let message = format!("`{}` takes logits, and does this itself", kind.name());
        let warning =
            Diagnostic::new(Code::TwiceNormalized, message, span, "these are probabilities")
                .also(step.span, format!("made by this `{name}`"));
        let piped = Span { start: before.end.min(step.span.end), ..step.span };
        self.push(if self.text(piped).trim_start().starts_with("|>") {
            warning
                .help(format!("take `|> {name}` out; for probabilities, write an output of its own: `output p = logits |> {name}`"))
                .edit(piped, "")
        } else {
            warning.help(format!("give the loss what goes into the `{name}`"))
        });
    }

    fn nce(&mut self, frame: &mut Frame<'a>, args: &Args<'a>) -> Result<Loss> {
        let a = single(&self.tokens_of(frame, args.need("a"))?);
        let b = single(&self.tokens_of(frame, args.need("b"))?);
        let (left, right) = (self.model.shape(a), self.model.shape(b));
        let one_token = |shape: &crate::model::Shape| shape.tokens() == 1 && !shape.grid.is_empty();
        if !one_token(left) || !one_token(right) || left.width != right.width {
            let message = "`nce` compares single tokens of one width";
            let label = format!("{left}, and {right}");
            let span = args.need("a").span.to(args.need("b").span);
            return Err(Diagnostic::new(Code::WrongOperand, message, span, label)
                .help("pool each to one token and project it: `|> pool(mean) |> linear(512)`")
                .into());
        }
        let temperature = match args.get("temperature") {
            Some(expr) => self.temperature(frame, expr)?,
            None => Scalar::Fixed(Number::ratio(2, 25).expect("not zero")),
        };
        let negatives = match args.get("negatives") {
            Some(expr) => match self.word(frame, expr, words::NEGATIVES)? {
                "both" => Negatives::Both,
                "forward" => Negatives::Forward,
                _ => Negatives::Joint,
            },
            None => Negatives::Both,
        };
        self.compare(frame, (a, b), args)?;
        Ok(Loss::Nce { a, b, temperature, negatives, span: args.span })
    }

    /// Remembers two sides, unless the user says that they may collapse.
    fn compare(
        &mut self,
        frame: &mut Frame<'a>,
        sides: (ValueId, ValueId),
        args: &Args<'a>,
    ) -> Result<()> {
        let is_allowed = match args.get("collapse") {
            Some(expr) => self.word(frame, expr, words::COLLAPSE)? == "allow",
            None => false,
        };
        if !is_allowed {
            self.compared.push(Compared { sides, span: args.span });
        }
        Ok(())
    }

    /// A number above 0, or a learned scalar.
    fn temperature(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Scalar> {
        match self.evaluate(frame, expr)? {
            Value::Const(value) => {
                let Const::Number(number) = value else {
                    return value.is_not("a number or a learned scalar", expr.span);
                };
                if number > Number::ZERO {
                    return Ok(Scalar::Fixed(number));
                }
                let message = format!("a temperature is above 0, not {number}");
                fail(Code::OutOfRange, message, expr.span, format!("this is {number}"))
            }
            Value::Tokens(lanes) => {
                let value = single(&lanes);
                let shape = self.model.shape(value);
                if !shape.grid.is_empty() || shape.width != 1 {
                    let message = "a temperature is one number";
                    return Err(Diagnostic::new(
                        Code::WrongOperand,
                        message,
                        expr.span,
                        format!("{shape}"),
                    )
                    .help("learn a scalar: `let t = learned([], init: 0.08)`")
                    .into());
                }
                self.check_start(value, expr.span)?;
                Ok(Scalar::Computed(value))
            }
        }
    }

    /// A temperature that is learned directly must at least begin above 0.
    fn check_start(&self, value: ValueId, span: Span) -> Result<()> {
        let (step, lane) = self.model.made_by(value);
        let Some(weight) = lane.weights.first().filter(|_| step.op == Op::Learned) else {
            return Ok(());
        };
        let weight = &self.model.weights[weight.index()];
        match &weight.init {
            Init::Constant(start) if *start <= Number::ZERO => {
                let message = format!("a temperature is above 0, this one begins at {start}");
                Err(Diagnostic::new(Code::OutOfRange, message, span, format!("begins at {start}"))
                    .also(weight.span, "learned from here")
                    .help("learn its logarithm, which may be anything: `exp(learned([], init: -2.5))`")
                    .into())
            }
            Init::Constant(_)
            | Init::Truncated(_)
            | Init::Normal(_)
            | Init::Uniform(_)
            | Init::Xavier => Ok(()),
        }
    }

    fn mse(&mut self, frame: &mut Frame<'a>, args: &Args<'a>) -> Result<Loss> {
        let a = single(&self.tokens_of(frame, args.need("a"))?);
        let expr = args.need("b");
        let named = as_name(expr).and_then(|name| frame.entry(name)).map(|entry| &entry.binding);
        let (b, shape, declared) = if let Some(Binding::Target(target)) = named {
            let declared = &self.model.targets[target.index()];
            let TargetKind::Tensor(shape) = &declared.kind else {
                let message = "`mse` takes a `tensor` target";
                let label = "these are classes";
                return Err(Diagnostic::new(Code::WrongTarget, message, expr.span, label)
                    .also(declared.span, "declared here")
                    .into());
            };
            (MseTarget::Target(*target), shape.clone(), Some(declared.span))
        } else {
            let b = single(&self.tokens_of(frame, expr)?);
            self.compare(frame, (a, b), args)?;
            (MseTarget::Value(b), self.model.shape(b).clone(), None)
        };
        let left = self.model.shape(a);
        if left.tokens() != shape.tokens() || left.width != shape.width {
            let message = "`mse` compares tokens of one shape";
            let label = format!("{left}, and {shape}");
            let diagnostic = Diagnostic::new(Code::WrongOperand, message, args.span, label);
            return Err(match declared {
                Some(span) => diagnostic.also(span, "declared here").into(),
                None => diagnostic.into(),
            });
        }
        Ok(Loss::Mse { a, b })
    }
}

fn describe(kind: &TargetKind) -> String {
    match kind {
        TargetKind::Class(n) => format!("`class({n})`"),
        TargetKind::Classes(n) => format!("`classes({n})`"),
        TargetKind::Tensor(_) => "a `tensor`".to_owned(),
    }
}

/// How many single losses there are in a loss.
fn n_terms(loss: &Loss) -> usize {
    match loss {
        Loss::Mean(terms) => terms.iter().map(n_terms).sum(),
        Loss::Sum(terms) => terms.iter().map(|(_, term)| n_terms(term)).sum(),
        Loss::CrossEntropy { .. }
        | Loss::SigmoidCrossEntropy { .. }
        | Loss::Nce { .. }
        | Loss::Mse { .. } => 1,
    }
}

fn not_a_target(span: Span) -> Diagnostic {
    Diagnostic::new(Code::WrongTarget, "expected a kind of target", span, "this is none")
        .help("kinds: `class(n)`, `classes(n)`, `tensor(shape)`")
}

/// A weighted sum of losses without sums in it; `None` where a weight does not fit.
fn sum(terms: Vec<(Number, Loss)>) -> Option<Loss> {
    let mut flat = Vec::new();
    for (weight, loss) in terms {
        match loss {
            Loss::Sum(inner) => {
                for (factor, loss) in inner {
                    flat.push((weight.checked_mul(factor)?, loss));
                }
            }
            other @ (Loss::CrossEntropy { .. }
            | Loss::SigmoidCrossEntropy { .. }
            | Loss::Nce { .. }
            | Loss::Mse { .. }
            | Loss::Mean(_)) => flat.push((weight, other)),
        }
    }
    Some(Loss::Sum(flat))
}
