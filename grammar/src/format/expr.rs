//! Expressions to docs.
//!
//! In: expressions. Out: docs with the comments that stand at an element of a list or a chain; the others are left
//! for the statement around. Deliberately not here: statements.

use std::ops::Range;

use super::doc::{Doc, List, Part};
use super::stmt::Builder;
use crate::ast::{Arg, BinaryOp, Call, Expr, ExprKind, UnaryOp};

/// A doc and the place in the text that it stands for.
pub(super) type Placed = (Range<usize>, Doc);

impl Builder<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Number(text) | ExprKind::Name(text) => Doc::text(text),
            ExprKind::Text(text) => Doc::text(format!("\"{text}\"")),
            ExprKind::Bool(value) => Doc::text(value.to_string()),
            ExprKind::List(values) => {
                let values = values.iter().map(|value| self.placed(value)).collect();
                let span = expr.span.range();
                self.list('[', ']', span.start + 1..span.end - 1, values)
            }
            ExprKind::Call(call) => self.call("", call),
            ExprKind::Pipe { .. } => self.pipe(expr),
            ExprKind::Unary { op, value } => {
                let sign = match op {
                    UnaryOp::Neg => "-",
                    UnaryOp::Not => "not ",
                };
                Doc::Seq(vec![Doc::text(sign), self.expr(value)])
            }
            ExprKind::Binary { op, .. } => self.binary(expr, *op),
            ExprKind::If { arms, otherwise } => self.if_expr(arms, otherwise),
            ExprKind::Attribute { value, name } => {
                Doc::Seq(vec![self.expr(value), Doc::text(format!(".{}", name.text))])
            }
            ExprKind::Index { value, index } => {
                let (value, index) = (self.expr(value), self.expr(index));
                Doc::Seq(vec![value, Doc::text("["), index, Doc::text("]")])
            }
            ExprKind::Slice { value, start, end } => {
                let mut docs = vec![self.expr(value), Doc::text("[")];
                docs.extend(start.as_deref().map(|start| self.expr(start)));
                docs.push(Doc::text(".."));
                docs.extend(end.as_deref().map(|end| self.expr(end)));
                docs.push(Doc::text("]"));
                Doc::Seq(docs)
            }
            ExprKind::Paren(value) => {
                Doc::Seq(vec![Doc::text("("), self.expr(value), Doc::text(")")])
            }
        }
    }

    fn placed(&mut self, expr: &Expr) -> Placed {
        (expr.span.range(), self.expr(expr))
    }

    /// The name and arguments of a call, after `before`. One without parentheses stays so.
    fn call(&mut self, before: &str, call: &Call) -> Doc {
        let name = Doc::text(format!("{before}{}", call.name.text));
        let name_end = call.name.span.range().end;
        let end = call.span.range().end;
        if name_end == end {
            return name;
        }
        let open = self.comments.find(name_end, '(');
        Doc::Seq(vec![name, self.args(open, end - 1, &call.args)])
    }

    /// Arguments between the parentheses at two places.
    pub(super) fn args(&mut self, open: usize, close: usize, args: &[Arg]) -> Doc {
        let args = args.iter().map(|arg| self.arg(arg)).collect();
        self.list('(', ')', open + 1..close, args)
    }

    fn arg(&mut self, arg: &Arg) -> Placed {
        let (range, value) = self.placed(&arg.value);
        match &arg.name {
            Some(name) => {
                let start = name.span.range().start;
                (start..range.end, Doc::Seq(vec![Doc::text(format!("{}: ", name.text)), value]))
            }
            None => (range, value),
        }
    }

    fn pipe(&mut self, expr: &Expr) -> Doc {
        let mut calls = Vec::new();
        let mut head = expr;
        while let ExprKind::Pipe { value, call } = &head.kind {
            calls.push(call);
            head = value;
        }
        let mut links = vec![self.placed(head)];
        for call in calls.into_iter().rev() {
            links.push((call.span.range(), self.call("|> ", call)));
        }
        self.chain(links)
    }

    fn binary(&mut self, expr: &Expr, op: BinaryOp) -> Doc {
        let level = level(op);
        let mut rest = Vec::new();
        let mut head = expr;
        while let ExprKind::Binary { op, left, right } = &head.kind
            && self::level(*op) == level
        {
            rest.push((*op, right));
            head = left;
        }
        let mut links = vec![self.placed(head)];
        for (op, operand) in rest.into_iter().rev() {
            if let Some((_, doc)) = links.last_mut() {
                let left = std::mem::replace(doc, Doc::Seq(Vec::new()));
                *doc = Doc::Seq(vec![left, Doc::text(format!(" {}", op.symbol()))]);
            }
            links.push(self.placed(operand));
        }
        let breakable = links.iter().filter(|(_, doc)| doc.can_break()).count();
        let brackets_break_first = links.len() == 2 && breakable == 1;
        let parts = self.parts(links);
        if !brackets_break_first || parts.iter().any(Part::has_comments) {
            return Doc::Chain(parts);
        }
        let docs = parts.into_iter().map(|part| part.doc);
        Doc::Seq(docs.flat_map(|doc| [Doc::text(" "), doc]).skip(1).collect())
    }

    fn if_expr(&mut self, arms: &[(Expr, Expr)], otherwise: &Expr) -> Doc {
        let mut links = Vec::new();
        for (condition, value) in arms {
            let range = condition.span.range().start..value.span.range().end;
            let value = self.expr(value);
            links.push(self.arm(range, condition, value, links.is_empty()));
        }
        links.push(self.otherwise(otherwise.span.range(), |builder| builder.expr(otherwise)));
        self.chain(links)
    }

    /// `if condition then value`, after `else` unless it is the first.
    pub(super) fn arm(
        &mut self,
        range: Range<usize>,
        condition: &Expr,
        value: Doc,
        first: bool,
    ) -> Placed {
        let words = if first { "if " } else { "else if " };
        (range, Doc::Seq(vec![Doc::text(words), self.expr(condition), Doc::text(" then "), value]))
    }

    /// `else value`
    pub(super) fn otherwise(
        &mut self,
        range: Range<usize>,
        value: impl FnOnce(&mut Self) -> Doc,
    ) -> Placed {
        (range, Doc::Seq(vec![Doc::text("else "), value(self)]))
    }

    /// Names with commas, then `end`; broken, one a line without brackets.
    pub(super) fn names(&mut self, names: Vec<Placed>) -> Doc {
        let last = names.len().saturating_sub(1);
        let links = names.into_iter().enumerate().map(|(index, (range, doc))| {
            let comma = if index == last { "" } else { "," };
            (range, Doc::Seq(vec![doc, Doc::text(comma)]))
        });
        let links = links.collect();
        self.chain(links)
    }

    pub(super) fn chain(&mut self, links: Vec<Placed>) -> Doc {
        Doc::Chain(self.parts(links))
    }

    /// The parts of a chain; comments in the first are left for what stands around.
    fn parts(&mut self, links: Vec<Placed>) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut end = 0;
        for (range, doc) in links {
            let mut lead = Vec::new();
            if let Some(last) = parts.last_mut() {
                let gap = self.comments.gap(end..range.start);
                last.trail = gap.trail;
                lead.extend(gap.lead.into_iter().map(|lead| lead.text));
                lead.extend(self.comments.rest(range.clone()));
            }
            end = range.end;
            parts.push(Part { lead, doc, trail: None });
        }
        parts
    }

    /// Elements between brackets, of which `inside` is what they enclose.
    pub(super) fn list(
        &mut self,
        open: char,
        close: char,
        inside: Range<usize>,
        elements: Vec<Placed>,
    ) -> Doc {
        let mut list = List { open, close, opening: None, parts: Vec::new(), dangling: Vec::new() };
        let mut end = inside.start;
        for (range, doc) in elements {
            let gap = self.comments.gap(end..range.start);
            list.trail(gap.trail);
            let mut lead: Vec<String> = gap.lead.into_iter().map(|lead| lead.text).collect();
            lead.extend(self.comments.rest(range.clone()));
            end = range.end;
            list.parts.push(Part { lead, doc, trail: None });
        }
        let gap = self.comments.gap(end..inside.end);
        list.trail(gap.trail);
        list.dangling.extend(gap.lead.into_iter().map(|lead| lead.text));
        Doc::List(list)
    }
}

impl List {
    /// Puts a comment behind what the list ends in so far.
    fn trail(&mut self, comment: Option<String>) {
        match self.parts.last_mut() {
            Some(part) => part.trail = comment,
            None => self.opening = comment,
        }
    }
}

/// Operators of one level are chained.
fn level(op: BinaryOp) -> usize {
    match op {
        BinaryOp::Or => 0,
        BinaryOp::And => 1,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual => 2,
        BinaryOp::Both => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 5,
    }
}
