//! Indices and slices, of lists and of tokens.

use zorro_grammar::ast::Expr;
use zorro_grammar::{Code, Span};

use crate::model::{Op, Shape, ValueId};

use super::evaluate::Scope;
use super::value::{Const, Lanes, Value};
use super::{Draft, Fail, Frame, Resolver, Result, fail};

impl<'a> Resolver<'a> {
    pub(super) fn index(
        &mut self,
        frame: &mut Frame<'a>,
        list: &'a Expr,
        index: &'a Expr,
        scope: &Scope,
    ) -> Result<Value> {
        match self.eval(frame, list, scope)? {
            Value::Const(value) => {
                let Const::List(items) = &value else {
                    return value.is_not("a list or tokens", list.span);
                };
                let at = self.position_in(frame, index, scope, items.len() as u64)?;
                if at == items.len() as u64 {
                    return out_of_range(index.span, at.into(), items.len() as u64);
                }
                let at = usize::try_from(at).expect("below the length of a list");
                Ok(Value::Const(items[at].clone()))
            }
            Value::Tokens(lanes) => {
                let mut bounds = Vec::new();
                for value in lanes.values() {
                    let tokens = self.model.shape(*value).tokens();
                    let at = self.position_in(frame, index, scope, tokens)?;
                    if at == tokens {
                        let fail = out_of_range(index.span, at.into(), tokens);
                        return fail.map_err(|fail| match fail {
                            // Who counts from 1 means the last one.
                            Fail::Report(diagnostic) => diagnostic.write(index.span, "-1").into(),
                            Fail::Silent => Fail::Silent,
                        });
                    }
                    bounds.push((at, at + 1));
                }
                self.take(frame, lanes, &bounds, list.span.to(index.span))
            }
        }
    }

    pub(super) fn slice(
        &mut self,
        frame: &mut Frame<'a>,
        list: &'a Expr,
        (start, end): (Option<&'a Expr>, Option<&'a Expr>),
        span: Span,
        scope: &Scope,
    ) -> Result<Value> {
        match self.eval(frame, list, scope)? {
            Value::Const(value) => {
                let Const::List(items) = &value else {
                    return value.is_not("a list or tokens", list.span);
                };
                let length = items.len() as u64;
                let (from, to) = self.bounds(frame, (start, end), span, scope, length)?;
                let index = |at: u64| usize::try_from(at).expect("at most the length of a list");
                Ok(Value::Const(Const::List(items[index(from)..index(to)].to_vec())))
            }
            Value::Tokens(lanes) => {
                let mut bounds = Vec::new();
                for value in lanes.values() {
                    let tokens = self.model.shape(*value).tokens();
                    let (from, to) = self.bounds(frame, (start, end), span, scope, tokens)?;
                    if from == to {
                        return fail(Code::OutOfRange, "no tokens are left", span, "empty slice");
                    }
                    bounds.push((from, to));
                }
                self.take(frame, lanes, &bounds, span)
            }
        }
    }

    fn bounds(
        &mut self,
        frame: &mut Frame<'a>,
        (start, end): (Option<&'a Expr>, Option<&'a Expr>),
        span: Span,
        scope: &Scope,
        length: u64,
    ) -> Result<(u64, u64)> {
        let from = match start {
            Some(expr) => self.position_in(frame, expr, scope, length)?,
            None => 0,
        };
        let to = match end {
            Some(expr) => self.position_in(frame, expr, scope, length)?,
            None => length,
        };
        if from > to {
            let message = format!("a slice from {from} to {to}");
            return fail(Code::IndexOutOfRange, message, span, "ends before it begins");
        }
        Ok((from, to))
    }

    /// A place in something of a length; negative ones count from the end.
    fn position_in(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
        length: u64,
    ) -> Result<u64> {
        let number = self.number_in(frame, expr, scope)?;
        let Some(index) = number.to_integer() else {
            let message = format!("expected an integer, found {number}");
            return fail(Code::NotAnInteger, message, expr.span, format!("this is {number}"));
        };
        let from_start = if index < 0 { index + i128::from(length) } else { index };
        match u64::try_from(from_start) {
            Ok(at) if at <= length => Ok(at),
            Ok(_) | Err(_) => out_of_range(expr.span, index, length),
        }
    }

    /// Some of the tokens of each lane.
    fn take(
        &mut self,
        frame: &Frame<'a>,
        lanes: Lanes,
        bounds: &[(u64, u64)],
        span: Span,
    ) -> Result<Value> {
        let lanes = self.expect_tokens(frame, Value::Tokens(lanes), span)?;
        let site = self.site(frame, "slice", span, None)?;
        let slice = |value: ValueId, (from, to): (u64, u64), width: u64| Draft {
            op: Op::Slice(from, to),
            operands: vec![value],
            weights: Vec::new(),
            reads: Vec::new(),
            shape: Shape::new(vec![to - from], width),
        };
        let drafts = lanes
            .into_iter()
            .zip(bounds)
            .map(|((key, value), bounds)| {
                (key, slice(value, *bounds, self.model.shape(value).width))
            })
            .collect();
        Ok(Value::Tokens(self.emit(&Self::step_path(&site), span, frame.owner, drafts)?))
    }
}

fn out_of_range<T>(span: Span, index: i128, length: u64) -> Result<T> {
    let message = format!("index {index} is out of range: there are {length}");
    let label = match length.checked_sub(1) {
        Some(last) => format!("valid: 0 to {last}, or -{length} to -1 from the end"),
        None => "there is nothing".to_owned(),
    };
    fail(Code::IndexOutOfRange, message, span, label)
}
