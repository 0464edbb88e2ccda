//! Numbers, lists, words, relations: what is known when the spec is compiled.

use std::ops::RangeInclusive;

use zorro_grammar::ast::{BinaryOp, Expr, ExprKind};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::Init;
use crate::number::Number;
use crate::routing::{Groups, Relation, Windows};

use super::evaluate::{Mode, Scope};
use super::function::{Args, Function};
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
        match self.constant_in(frame, expr, scope)? {
            Const::Bool(value) => Ok(value),
            other => wrong_type("true or false", &other, expr.span),
        }
    }

    pub(super) fn number_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Number> {
        match self.constant_in(frame, expr, scope)? {
            Const::Number(number) => Ok(number),
            other => wrong_type("a number", &other, expr.span),
        }
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
            match self.constant_in(frame, expr, scope)? {
                Const::List(items) if exprs.len() == 1 => {
                    for item in items {
                        sizes.push(size_of(&item, expr.span, 1)?);
                    }
                }
                other => sizes.push(size_of(&other, expr.span, 1)?),
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
        let text = match &expr.kind {
            ExprKind::Name(name) if find(name).is_some() => name.clone(),
            ExprKind::Name(name) => match frame.entry(name).map(|entry| &entry.binding) {
                Some(Binding::Const(Const::Text(text))) => text.clone(),
                Some(Binding::Broken) => return Err(Fail::Silent),
                Some(_) | None => name.clone(),
            },
            ExprKind::Text(text) => text.clone(),
            _ => match self.constant(frame, expr)? {
                Const::Text(text) => text,
                other => return wrong_type("a word", &other, expr.span),
            },
        };
        if let Some(word) = find(&text) {
            return Ok(word);
        }
        let message = format!("`{text}` is not among the choices");
        let diagnostic = Diagnostic::new(Code::UnknownWord, message, expr.span, "unknown word");
        let choices: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let choices = format!("the choices: {}", choices.join(", "));
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
        match self.constant_in(frame, expr, scope)? {
            Const::Relation(relation) => Ok(relation),
            other => wrong_type("a relation", &other, expr.span),
        }
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
            other => wrong_type("a start", &other, expr.span),
        }
    }

    pub(super) fn constant_function(
        &mut self,
        frame: &mut Frame<'a>,
        function: Function,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Const> {
        match function {
            Function::Floor | Function::Ceil => {
                let expr = args.need("value");
                let value = self.constant_in(frame, expr, scope)?;
                let round = if function == Function::Floor { Number::floor } else { Number::ceil };
                map_numbers(value, expr.span, &round)
            }
            Function::Min | Function::Max => {
                let numbers = self.numbers(frame, args, scope)?;
                let best = match function {
                    Function::Min => numbers.into_iter().min(),
                    _ => numbers.into_iter().max(),
                };
                match best {
                    Some(number) => Ok(Const::Number(number)),
                    None => fail(Code::Arithmetic, "no numbers to choose from", args.span, "empty"),
                }
            }
            Function::Sum => {
                let mut sum = Number::ZERO;
                for number in self.numbers(frame, args, scope)? {
                    sum = sum.add(number).ok_or_else(|| overflow(args.span))?;
                }
                Ok(Const::Number(sum))
            }
            Function::Len => {
                let expr = args.need("values");
                match self.constant_in(frame, expr, scope)? {
                    Const::List(items) => Ok(Const::Number((items.len() as u64).into())),
                    other => wrong_type("a list", &other, expr.span),
                }
            }
            Function::Windows => self.windows(frame, args, scope),
            Function::Groups => {
                let bounds = 1..=super::MAX_TOKENS;
                let count = self.integer_in(frame, args.need("n"), scope, bounds)?;
                Ok(Const::Relation(Relation::Groups(Groups::new(count))))
            }
            Function::Truncated => self.distribution(frame, args, "std", scope, Init::Truncated),
            Function::Normal => self.distribution(frame, args, "std", scope, Init::Normal),
            Function::Uniform => self.distribution(frame, args, "bound", scope, Init::Uniform),
            other => panic!("{other:?} is not a function on constants"),
        }
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
            match self.constant_in(frame, expr, scope)? {
                Const::Number(number) => numbers.push(number),
                Const::List(items) if exprs.len() == 1 => {
                    for item in items {
                        match item {
                            Const::Number(number) => numbers.push(number),
                            other => return wrong_type("numbers", &other, expr.span),
                        }
                    }
                }
                other => return wrong_type("a number", &other, expr.span),
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
            match self.constant_in(frame, expr, scope)? {
                Const::List(items) => {
                    let mut sizes = Vec::new();
                    for item in &items {
                        sizes.push(size_of(item, expr.span, 0)?);
                    }
                    shift = sizes;
                }
                other => shift = vec![size_of(&other, expr.span, 0)?; size.len()],
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
        let work = [&left, &right].map(|value| match value {
            Const::List(items) => items.len() as u64,
            _ => 0,
        });
        self.spend(work[0] + work[1], span)?;
        match op {
            BinaryOp::Equal => Ok(Const::Bool(left == right)),
            BinaryOp::NotEqual => Ok(Const::Bool(left != right)),
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
                compare(op, &left, &right, span)
            }
            BinaryOp::Both => match (left, right) {
                (Const::Relation(left), Const::Relation(right)) => {
                    let relation = left.and(right);
                    if let Relation::And(parts) = &relation
                        && parts.len() > MAX_RELATIONS
                    {
                        let message = format!("more than {MAX_RELATIONS} relations at once");
                        return fail(Code::TooLarge, message, span, "one too many");
                    }
                    Ok(Const::Relation(relation))
                }
                (Const::Relation(_), other) | (other, _) => wrong_type("a relation", &other, span),
            },
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => {
                elementwise(op, left, right, span)
            }
            BinaryOp::And | BinaryOp::Or => panic!("`and` and `or` evaluate their sides lazily"),
        }
    }
}

/// The error for a constant of another type.
pub(super) fn wrong_type<T>(expected: &str, found: &Const, span: Span) -> Result<T> {
    let message = format!("expected {expected}, found {}", found.describe());
    fail(Code::WrongType, message, span, format!("this is {}", found.describe()))
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
    match value {
        Const::Number(number) => to_integer(*number, span, least..=super::MAX_TOKENS),
        other => wrong_type("a size", other, span),
    }
}

fn map_numbers(value: Const, span: Span, map: &dyn Fn(Number) -> Number) -> Result<Const> {
    match value {
        Const::Number(number) => Ok(Const::Number(map(number))),
        Const::List(items) => {
            let mapped: Result<Vec<Const>> =
                items.into_iter().map(|item| map_numbers(item, span, map)).collect();
            Ok(Const::List(mapped?))
        }
        other => wrong_type("a number", &other, span),
    }
}

fn compare(op: BinaryOp, left: &Const, right: &Const, span: Span) -> Result<Const> {
    let (left, right) = match (left, right) {
        (Const::Number(left), Const::Number(right)) => (left, right),
        (Const::Number(_), other) | (other, _) => return wrong_type("a number", other, span),
    };
    let holds = match op {
        BinaryOp::Less => left < right,
        BinaryOp::LessEqual => left <= right,
        BinaryOp::Greater => left > right,
        _ => left >= right,
    };
    Ok(Const::Bool(holds))
}

/// Arithmetic on numbers, and on lists element by element.
fn elementwise(op: BinaryOp, left: Const, right: Const, span: Span) -> Result<Const> {
    match (left, right) {
        (Const::Number(left), Const::Number(right)) => {
            if matches!(op, BinaryOp::Div | BinaryOp::Rem) && right == Number::ZERO {
                return fail(Code::Arithmetic, "division by zero", span, "the divisor is 0");
            }
            let result = match op {
                BinaryOp::Add => left.add(right),
                BinaryOp::Sub => left.sub(right),
                BinaryOp::Mul => left.mul(right),
                BinaryOp::Div => left.div(right),
                _ => left.rem(right),
            };
            result.map(Const::Number).ok_or_else(|| overflow(span))
        }
        (Const::List(left), Const::List(right)) => {
            if left.len() != right.len() {
                let message = format!("lists of {} and {} elements", left.len(), right.len());
                return fail(Code::ShapeMismatch, message, span, "lengths differ");
            }
            let pairs = left.into_iter().zip(right);
            let list: Result<Vec<Const>> =
                pairs.map(|(left, right)| elementwise(op, left, right, span)).collect();
            Ok(Const::List(list?))
        }
        (Const::List(left), right @ Const::Number(_)) => {
            let list: Result<Vec<Const>> =
                left.into_iter().map(|item| elementwise(op, item, right.clone(), span)).collect();
            Ok(Const::List(list?))
        }
        (left @ Const::Number(_), Const::List(right)) => {
            let list: Result<Vec<Const>> =
                right.into_iter().map(|item| elementwise(op, left.clone(), item, span)).collect();
            Ok(Const::List(list?))
        }
        (Const::Number(_) | Const::List(_), other) | (other, _) => {
            wrong_type("a number", &other, span)
        }
    }
}
