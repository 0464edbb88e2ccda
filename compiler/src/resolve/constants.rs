//! Numbers, lists, words, relations: what is known when the spec is compiled.

use std::ops::RangeInclusive;

use zorro_grammar::ast::{BinaryOp, Expr};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::foreign;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::Init;
use crate::number::Number;
use crate::routing::{Groups, Relation, Windows};

use super::evaluate::{Mode, Scope, as_name};
use super::function::{Args, Constant};
use super::value::{Binding, Const, Value};
use super::{Fail, Frame, Resolver, Result, fail};

/// The most relations that `&` puts together.
const MAX_RELATIONS: usize = 16;

impl<'a> Resolver<'a> {
    fn own(frame: &Frame<'a>) -> Scope {
        Scope { keys: frame.keys.clone(), mode: Mode::Own }
    }

    /// A value that is known now.
    pub(super) fn constant(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Const> {
        self.constant_in(frame, expr, &Self::own(frame))
    }

    pub(super) fn constant_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Const> {
        match self.eval(frame, expr, scope)? {
            Value::Const(value) => Ok(value),
            Value::Tokens(_) => {
                let message = "expected a value that is known now, found tokens";
                fail(Code::WrongType, message, expr.span, "these are tokens")
            }
        }
    }

    pub(super) fn condition(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<bool> {
        self.condition_in(frame, expr, &Self::own(frame))
    }

    pub(super) fn condition_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<bool> {
        self.constant_in(frame, expr, scope)?.truth(expr.span)
    }

    pub(super) fn number_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Number> {
        self.constant_in(frame, expr, scope)?.number(expr.span)
    }

    /// A number within bounds, both included.
    pub(super) fn bounded(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
        bounds: RangeInclusive<Number>,
    ) -> Result<Number> {
        let number = self.number_in(frame, expr, scope)?;
        if bounds.contains(&number) {
            return Ok(number);
        }
        let message = format!("{number} is not between {} and {}", bounds.start(), bounds.end());
        fail(Code::OutOfRange, message, expr.span, format!("this is {number}"))
    }

    pub(super) fn integer(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64> {
        self.integer_in(frame, expr, &Self::own(frame), bounds)
    }

    pub(super) fn integer_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64> {
        let number = self.number_in(frame, expr, scope)?;
        to_integer(number, expr.span, bounds)
    }

    pub(super) fn bool_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: Option<&'a Expr>,
        scope: &Scope,
        default: bool,
    ) -> Result<bool> {
        expr.map_or(Ok(default), |expr| self.condition_in(frame, expr, scope))
    }

    /// Sizes: one list, or numbers; each at least 1.
    pub(super) fn sizes(
        &mut self,
        frame: &mut Frame<'a>,
        exprs: &[&'a Expr],
        scope: &Scope,
    ) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        for expr in exprs {
            let value = self.constant_in(frame, expr, scope)?;
            let one = std::slice::from_ref(&value);
            for size in if exprs.len() == 1 { value.elements() } else { one } {
                sizes.push(size_of(size, expr.span, 1)?);
            }
        }
        Ok(sizes)
    }

    /// One of a few words, written bare, as a text, or as a param that holds a text.
    pub(super) fn word(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        words: &[&'static str],
    ) -> Result<&'static str> {
        let find = |text: &str| words.iter().copied().find(|word| *word == text);
        let bare = as_name(expr);
        let text = match bare.and_then(|name| Some((name, &frame.entry(name)?.binding))) {
            Some((name, _)) if find(name).is_some() => name.to_owned(),
            Some((_, Binding::Const(Const::Text(text)))) => text.clone(),
            Some((_, Binding::Broken)) => return Err(Fail::Silent),
            Some((name, _)) => name.to_owned(),
            None => match bare {
                Some(name) => name.to_owned(),
                None => self.constant(frame, expr)?.text(expr.span)?.to_owned(),
            },
        };
        if let Some(word) = find(&text) {
            return Ok(word);
        }
        let message = format!("`{text}` is not among the choices");
        let choices: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let choices = format!("the choices: {}", choices.join(", "));
        if let Some((ours, why)) = foreign::choice(&text, words) {
            let label = if why.is_empty() { "here it has another name" } else { why };
            return Err(Diagnostic::new(Code::UnknownWord, message, expr.span, label)
                .write(expr.span, ours)
                .help(choices)
                .into());
        }
        let diagnostic = Diagnostic::new(Code::UnknownWord, message, expr.span, "unknown word");
        Err(match nearest(&text, words.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`? {choices}")).into(),
            None => diagnostic.help(choices).into(),
        })
    }

    pub(super) fn relation_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Relation> {
        Ok(self.constant_in(frame, expr, scope)?.relation(expr.span)?.clone())
    }

    /// A start: a number, or one of the distributions.
    pub(super) fn init(
        &mut self,
        frame: &mut Frame<'a>,
        expr: Option<&'a Expr>,
        scope: &Scope,
        default: Init,
    ) -> Result<Init> {
        let Some(expr) = expr else { return Ok(default) };
        match self.constant_in(frame, expr, scope)? {
            Const::Init(init) => Ok(init),
            Const::Number(number) => Ok(Init::Constant(number)),
            other @ (Const::Bool(_) | Const::Text(_) | Const::List(_) | Const::Relation(_)) => {
                other.is_not("a start", expr.span)
            }
        }
    }

    pub(super) fn constant_function(
        &mut self,
        frame: &mut Frame<'a>,
        function: Constant,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Const> {
        match function {
            Constant::Floor => self.rounded(frame, args, scope, Number::floor),
            Constant::Ceil => self.rounded(frame, args, scope, Number::ceil),
            Constant::Min => chosen(self.numbers(frame, args, scope)?.into_iter().min(), args.span),
            Constant::Max => chosen(self.numbers(frame, args, scope)?.into_iter().max(), args.span),
            Constant::Sum => {
                let mut sum = Number::ZERO;
                for number in self.numbers(frame, args, scope)? {
                    sum = sum.checked_add(number).ok_or_else(|| overflow(args.span))?;
                }
                Ok(Const::Number(sum))
            }
            Constant::Len => {
                let expr = args.need("values");
                let value = self.constant_in(frame, expr, scope)?;
                // A number counts as one, wherever sizes are a number or a list.
                let length = if let Const::Number(_) = value {
                    1
                } else {
                    value.list(expr.span)?.len() as u64
                };
                Ok(Const::Number(length.into()))
            }
            Constant::Windows => self.windows(frame, args, scope),
            Constant::Groups => {
                let bounds = 1..=super::MAX_TOKENS;
                let count = self.integer_in(frame, args.need("n"), scope, bounds)?;
                Ok(Const::Relation(Relation::Groups(Groups::new(count))))
            }
            Constant::Truncated => self.distribution(frame, args, "std", scope, Init::Truncated),
            Constant::Normal => self.distribution(frame, args, "std", scope, Init::Normal),
            Constant::Uniform => self.distribution(frame, args, "bound", scope, Init::Uniform),
        }
    }

    fn rounded(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        round: fn(Number) -> Number,
    ) -> Result<Const> {
        let expr = args.need("value");
        let value = self.constant_in(frame, expr, scope)?;
        map_numbers(&value, expr.span, round)
    }

    fn distribution(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        param: &str,
        scope: &Scope,
        make: fn(Number) -> Init,
    ) -> Result<Const> {
        let bounds = Number::ZERO..=Number::from(1_000_000u64);
        let number = self.bounded(frame, args.need(param), scope, bounds)?;
        Ok(Const::Init(make(number)))
    }

    fn numbers(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Vec<Number>> {
        let exprs = args.all("values");
        let mut numbers = Vec::new();
        for expr in exprs {
            let value = self.constant_in(frame, expr, scope)?;
            let one = std::slice::from_ref(&value);
            for number in if exprs.len() == 1 { value.elements() } else { one } {
                numbers.push(number.number(expr.span)?);
            }
        }
        Ok(numbers)
    }

    fn windows(&mut self, frame: &mut Frame<'a>, args: &Args<'a>, scope: &Scope) -> Result<Const> {
        let expr = args.need("size");
        let size = self.sizes(frame, &[expr], scope)?;
        if size.is_empty() || size.len() > 3 {
            let message = format!("a window has 1 to 3 dimensions, not {}", size.len());
            return fail(Code::WrongRank, message, expr.span, "the size of the window");
        }
        let mut shift = vec![0; size.len()];
        if let Some(expr) = args.get("shift") {
            let value = self.constant_in(frame, expr, scope)?;
            let sizes: Result<Vec<u64>> =
                value.elements().iter().map(|item| size_of(item, expr.span, 0)).collect();
            shift = sizes?;
            if let (Const::Number(_), [one]) = (&value, shift.as_slice()) {
                shift = vec![*one; size.len()];
            }
            if shift.len() != size.len() || shift.iter().zip(&size).any(|(s, w)| s >= w) {
                let message = "a shift is smaller than its window, one number an axis";
                let label = format!("shift {shift:?} for a window of {size:?}");
                return fail(Code::OutOfRange, message, expr.span, label);
            }
        }
        Ok(Const::Relation(Relation::Windows(Windows::shifted(size, shift))))
    }

    /// An operator between constants.
    pub(super) fn constant_binary(
        &mut self,
        op: BinaryOp,
        left: Const,
        right: Const,
        span: Span,
    ) -> Result<Const> {
        let work = left.elements().len() + right.elements().len();
        self.spend(work as u64, span)?;
        match op {
            BinaryOp::Equal => Ok(Const::Bool(left == right)),
            BinaryOp::NotEqual => Ok(Const::Bool(left != right)),
            BinaryOp::Less => Ok(Const::Bool(left.number(span)? < right.number(span)?)),
            BinaryOp::LessEqual => Ok(Const::Bool(left.number(span)? <= right.number(span)?)),
            BinaryOp::Greater => Ok(Const::Bool(left.number(span)? > right.number(span)?)),
            BinaryOp::GreaterEqual => Ok(Const::Bool(left.number(span)? >= right.number(span)?)),
            BinaryOp::Both => {
                let relation = left.relation(span)?.clone().and(right.relation(span)?.clone());
                if let Relation::And(parts) = &relation
                    && parts.len() > MAX_RELATIONS
                {
                    let message = format!("more than {MAX_RELATIONS} relations at once");
                    return fail(Code::TooLarge, message, span, "one too many");
                }
                Ok(Const::Relation(relation))
            }
            BinaryOp::Add => elementwise(Number::checked_add, &left, &right, span),
            BinaryOp::Sub => elementwise(Number::checked_sub, &left, &right, span),
            BinaryOp::Mul => elementwise(Number::checked_mul, &left, &right, span),
            BinaryOp::Div => divided(Number::checked_div, &left, &right, span),
            BinaryOp::Rem => divided(Number::checked_rem, &left, &right, span),
            BinaryOp::And | BinaryOp::Or => panic!("`and` and `or` evaluate their sides lazily"),
        }
    }
}

/// The smallest or largest number, if there was any.
fn chosen(number: Option<Number>, span: Span) -> Result<Const> {
    match number {
        Some(number) => Ok(Const::Number(number)),
        None => fail(Code::Arithmetic, "no numbers to choose from", span, "empty"),
    }
}

fn overflow(span: Span) -> Fail {
    let message = "the result is too large or too finely divided";
    Diagnostic::new(Code::Arithmetic, message, span, "cannot be computed exactly").into()
}

/// An integer within bounds, both included.
pub(super) fn to_integer(number: Number, span: Span, bounds: RangeInclusive<u64>) -> Result<u64> {
    let Some(integer) = number.to_integer() else {
        let message = format!("expected an integer, found {number}");
        return Err(Diagnostic::new(
            Code::NotAnInteger,
            message,
            span,
            format!("this is {number}"),
        )
        .help("round it: `floor(..)` or `ceil(..)`")
        .into());
    };
    match u64::try_from(integer) {
        Ok(integer) if bounds.contains(&integer) => Ok(integer),
        Ok(_) | Err(_) => {
            let label = format!("this is {integer}");
            let (least, most) = (*bounds.start(), *bounds.end());
            if integer < i128::from(least) {
                let message = format!("expected at least {least}, found {integer}");
                return fail(Code::OutOfRange, message, span, label);
            }
            let is_limit = most == super::MAX_WIDTH || most >= super::MAX_TOKENS;
            let code = if is_limit { Code::TooLarge } else { Code::OutOfRange };
            fail(code, format!("expected at most {most}, found {integer}"), span, label)
        }
    }
}

fn size_of(value: &Const, span: Span, least: u64) -> Result<u64> {
    let Const::Number(number) = value else { return value.is_not("a size", span) };
    to_integer(*number, span, least..=super::MAX_TOKENS)
}

fn map_numbers(value: &Const, span: Span, map: fn(Number) -> Number) -> Result<Const> {
    let Const::List(items) = value else { return Ok(Const::Number(map(value.number(span)?))) };
    let mapped: Result<Vec<Const>> =
        items.iter().map(|item| map_numbers(item, span, map)).collect();
    Ok(Const::List(mapped?))
}

/// Arithmetic of two numbers; `None` where the result does not fit.
type Arithmetic = fn(Number, Number) -> Option<Number>;

/// Arithmetic on numbers, and on lists element by element; a number counts for every element.
fn elementwise(op: Arithmetic, left: &Const, right: &Const, span: Span) -> Result<Const> {
    let is_list = |value: &&Const| matches!(value, Const::List(_));
    let lengths: Vec<usize> =
        [left, right].into_iter().filter(is_list).map(|list| list.elements().len()).collect();
    match lengths.as_slice() {
        [] => {
            let result = op(left.number(span)?, right.number(span)?);
            result.map(Const::Number).ok_or_else(|| overflow(span))
        }
        [left, right] if left != right => {
            let message = format!("lists of {left} and {right} elements");
            fail(Code::ShapeMismatch, message, span, "lengths differ")
        }
        [length, ..] => {
            let at = |value: &Const, index: usize| match value {
                Const::List(items) => items[index].clone(),
                Const::Number(_)
                | Const::Bool(_)
                | Const::Text(_)
                | Const::Relation(_)
                | Const::Init(_) => value.clone(),
            };
            let list: Result<Vec<Const>> = (0..*length)
                .map(|index| elementwise(op, &at(left, index), &at(right, index), span))
                .collect();
            Ok(Const::List(list?))
        }
    }
}

/// The same for divisions, whose divisor must not be 0.
fn divided(op: Arithmetic, left: &Const, right: &Const, span: Span) -> Result<Const> {
    let is_zero = |value: &Const| *value == Const::Number(Number::ZERO);
    if right.elements().iter().any(is_zero) {
        return fail(Code::Arithmetic, "division by zero", span, "the divisor is 0");
    }
    elementwise(op, left, right, span)
}
