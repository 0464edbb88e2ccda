//! Operators: between constants, between tokens, and between the two.

use zorro_grammar::ast::{BinaryOp, Expr};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Op, Shape, ValueId};
use crate::number::Number;

use super::evaluate::Scope;
use super::operations::draft;
use super::value::{Const, Key, Lanes, Value};
use super::{Draft, Fail, Frame, Resolver, Result, fail};

/// The operators that tokens have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Add,
    Sub,
    Mul,
    Div,
}

impl Sign {
    fn of(op: BinaryOp, span: Span) -> Result<Self> {
        match op {
            BinaryOp::Add => Ok(Self::Add),
            BinaryOp::Sub => Ok(Self::Sub),
            BinaryOp::Mul => Ok(Self::Mul),
            BinaryOp::Div => Ok(Self::Div),
            BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual
            | BinaryOp::Both
            | BinaryOp::Rem => {
                let message = format!("`{}` does not work on tokens", op.symbol());
                fail(Code::WrongType, message, span, "tokens have `+ - * /`")
            }
        }
    }

    /// In the path of a step.
    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
        }
    }

    fn on_tokens(self) -> Op {
        match self {
            Self::Add => Op::Add,
            Self::Sub => Op::Sub,
            Self::Mul => Op::Mul,
            Self::Div => Op::Div,
        }
    }

    /// With a number on one side, as an operation with one operand.
    fn with_number(self, constant: &Const, number_first: bool, span: Span) -> Result<Op> {
        let number = constant.number(span)?;
        let overflow =
            || Diagnostic::new(Code::Arithmetic, "number does not fit", span, "too large");
        let (zero, one) = (Number::ZERO, Number::ONE);
        let (factor, term) = match (self, number_first) {
            (Self::Add, _) => (one, number),
            (Self::Sub, false) => (one, number.checked_neg().ok_or_else(overflow)?),
            (Self::Sub, true) => (Number::from(-1i128), number),
            (Self::Mul, _) => (number, zero),
            (Self::Div, true) => return Ok(Op::Reciprocal(number)),
            (Self::Div, false) => match one.checked_div(number) {
                Some(factor) => (factor, zero),
                None => {
                    return fail(Code::Arithmetic, "division by zero", span, "the divisor is 0");
                }
            },
        };
        Ok(Op::Affine { factor, term })
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn binary(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOp,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
        scope: &Scope,
    ) -> Result<Value> {
        // `and` and `or` look at their right side only when it matters.
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            let decided = op == BinaryOp::Or;
            if let Value::Const(Const::Relation(_)) = self.eval(frame, left, scope)? {
                return Err(self.joined_relations(op, (left, right), span));
            }
            let value = self.condition_in(frame, left, scope)? == decided
                || self.condition_in(frame, right, scope)? == decided;
            return Ok(Value::Const(Const::Bool(value == decided)));
        }
        let texts = (self.text(left.span), self.text(right.span));
        let left = self.eval(frame, left, scope)?;
        let right = self.eval(frame, right, scope)?;
        let widths = [&left, &right].map(|side| self.width_of(side));
        self.arithmetic(frame, op, left, right, span).map_err(|fail| match fail {
            Fail::Report(told) if told.code == Code::ShapeMismatch && told.span() == span => {
                one_shape(*told, op, texts, widths).into()
            }
            fail @ (Fail::Report(_) | Fail::Silent) => fail,
        })
    }

    fn width_of(&self, value: &Value) -> Option<u64> {
        let Value::Tokens(lanes) = value else { return None };
        lanes.values().next().map(|value| self.model.shape(*value).width)
    }

    /// The error for `and` and `or` between relations.
    fn joined_relations(&self, op: BinaryOp, (left, right): (&Expr, &Expr), span: Span) -> Fail {
        let between = Span { end: right.span.start, start: left.span.end, ..span };
        let message = format!("`{}` does not work on relations", op.symbol());
        let (a, b) = (self.text(left.span), self.text(right.span));
        let label = "relations are joined by `&`: both hold";
        Diagnostic::new(Code::WrongType, message, span, label)
            .help(format!("write `{a} & {b}`"))
            .edit(between, " & ")
            .into()
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
        let mut drafts = Vec::new();
        match (left, right) {
            (Value::Const(left), Value::Const(right)) => {
                return Ok(Value::Const(self.constant_binary(op, left, right, span)?));
            }
            (Value::Tokens(left), Value::Tokens(right)) => {
                let (symbol, op) = (op.symbol(), Sign::of(op, span)?.on_tokens());
                self.check_vectors(&[&left, &right], span)?;
                for (key, left) in left {
                    let Some(right) = right.get(&key).copied() else { continue };
                    let shape = self.broadcast(symbol, left, right, span)?;
                    drafts.push((key, draft(op.clone(), vec![left, right], shape)));
                }
            }
            (Value::Tokens(lanes), Value::Const(constant)) => {
                self.check_vectors(&[&lanes], span)?;
                let op = Sign::of(op, span)?.with_number(&constant, false, span)?;
                drafts = self.one_operand(&op, lanes);
            }
            (Value::Const(constant), Value::Tokens(lanes)) => {
                self.check_vectors(&[&lanes], span)?;
                let op = Sign::of(op, span)?.with_number(&constant, true, span)?;
                drafts = self.one_operand(&op, lanes);
            }
        }
        let name = Sign::of(op, span)?.name();
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

    pub(super) fn one_operand(&self, op: &Op, lanes: Lanes) -> Vec<(Key, Draft)> {
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

/// What to write where the shapes of two operands differ.
fn one_shape(
    told: Diagnostic,
    op: BinaryOp,
    (a, b): (&str, &str),
    widths: [Option<u64>; 2],
) -> Diagnostic {
    let [Some(left), Some(right)] = widths else { return told };
    let span = told.span();
    if left != right {
        return told.help(format!("bring them to one width: `{b} |> linear({left})`"));
    }
    if op != BinaryOp::Add {
        let symbol = op.symbol();
        return told
            .help(format!("bring both to one token: `pool({a}, mean) {symbol} pool({b}, mean)`"));
    }
    told.write(span, format!("concat({a}, {b})")).help(
        "that puts the tokens after one another; one vector for all tokens is `learned([width])`",
    )
}
