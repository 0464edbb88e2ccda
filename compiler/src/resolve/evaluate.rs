//! Expressions to values.
//!
//! An expression is evaluated for some keys at once: the receivers of a route, the groups that they read, or the one
//! key of the model. [`Mode`] says what `x`, `from` and locals mean while that happens.

use std::collections::BTreeMap;

use zorro_grammar::ast::{BinaryOp, Call as AstCall, Expr, ExprKind, Name, UnaryOp};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::foreign;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Init, Op, Shape, Source, ValueId};
use crate::number::Number;
use crate::routing::Relation;

use super::function::{self, Call, Constant, Operation};
use super::value::{Binding, Const, Key, Lanes, Value};
use super::{Fail, Frame, Resolver, Result, fail};

/// On whose side an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The receivers'.
    Own,
    /// The receivers' and that of what they read, for `attend(e)`.
    Both,
    /// That of what is read, for `from: e`.
    Read,
}

/// For whom, and on whose side.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) keys: Vec<Key>,
    pub(super) mode: Mode,
}

impl Scope {
    /// The same for one key alone.
    pub(super) fn only(&self, key: Key) -> Self {
        Self { keys: vec![key], mode: self.mode }
    }
}

impl<'a> Resolver<'a> {
    /// Evaluates for the receivers.
    pub(super) fn evaluate(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Value> {
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        self.eval(frame, expr, &scope)
    }

    /// Evaluates to tokens for the receivers.
    pub(super) fn tokens_of(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Lanes> {
        let value = self.evaluate(frame, expr)?;
        self.expect_tokens(frame, value, expr.span)
    }

    /// Refuses what is no tokens, or ids that were not embedded.
    pub(super) fn expect_tokens(
        &self,
        _frame: &Frame<'a>,
        value: Value,
        span: Span,
    ) -> Result<Lanes> {
        match value {
            Value::Tokens(lanes) => {
                if lanes.values().any(|value| self.is_ids(*value)) {
                    return Err(Diagnostic::new(
                        Code::WrongInput,
                        "ids of a text are no vectors",
                        span,
                        "these are ids",
                    )
                    .help("embed them first: `|> embed(dim)`")
                    .into());
                }
                Ok(lanes)
            }
            Value::Const(value) => {
                let message = format!("expected tokens, found {}", value.describe());
                fail(Code::WrongType, message, span, format!("this is {}", value.describe()))
            }
        }
    }

    pub(super) fn eval(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        scope: &Scope,
    ) -> Result<Value> {
        self.spend(1, expr.span)?;
        self.nested(expr.span, |resolver| resolver.eval_kind(frame, expr, scope))
    }

    fn eval_kind(&mut self, frame: &mut Frame<'a>, expr: &'a Expr, scope: &Scope) -> Result<Value> {
        if let ExprKind::Number(text) | ExprKind::Text(text) | ExprKind::Name(text) = &expr.kind {
            self.spend_bytes(text.len(), expr.span)?;
        }
        match &expr.kind {
            ExprKind::Number(text) => match Number::parse(text) {
                Some(number) => Ok(Value::Const(Const::Number(number))),
                None => fail(Code::Arithmetic, "number does not fit", expr.span, "too long"),
            },
            ExprKind::Text(text) => Ok(Value::Const(Const::Text(text.clone()))),
            ExprKind::Bool(value) => Ok(Value::Const(Const::Bool(*value))),
            ExprKind::Name(text) => {
                self.name(frame, &Name { text: text.clone(), span: expr.span }, scope)
            }
            ExprKind::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.push(self.constant_in(frame, item, scope)?);
                }
                let list = Const::List(list);
                list.check_extent(expr.span)?;
                Ok(Value::Const(list))
            }
            ExprKind::Call(call) => self.call(frame, plain(call), scope),
            ExprKind::Pipe { value, call } => {
                let span = expr.span;
                let call = Call { name: &call.name, first: Some(value), args: &call.args, span };
                self.call(frame, call, scope)
            }
            ExprKind::Unary { op, value } => self.unary(frame, *op, value, scope),
            ExprKind::Binary { op, left, right } => {
                self.binary(frame, *op, left, right, expr.span, scope)
            }
            ExprKind::If { arms, otherwise } => {
                for (condition, value) in arms {
                    if self.condition_in(frame, condition, scope)? {
                        return self.eval(frame, value, scope);
                    }
                }
                self.eval(frame, otherwise, scope)
            }
            ExprKind::Attribute { value, name } => self.attribute(frame, value, name, scope),
            ExprKind::Index { value, index } => self.index(frame, value, index, scope),
            ExprKind::Slice { value, start, end } => {
                let bounds = (start.as_deref(), end.as_deref());
                self.slice(frame, value, bounds, expr.span, scope)
            }
            ExprKind::Paren(value) => self.eval(frame, value, scope),
        }
    }

    fn name(&mut self, frame: &Frame<'a>, name: &Name, scope: &Scope) -> Result<Value> {
        if frame.block.is_some() && (name.text == "x" || name.text == "from") {
            return self.x(frame, name, scope);
        }
        let Some(entry) = frame.entry(&name.text) else {
            return self.builtin(frame, name);
        };
        match &entry.binding {
            Binding::Const(value) => {
                self.spend(value.size() as u64, name.span)?;
                Ok(Value::Const(value.clone()))
            }
            Binding::PerGroup(values) => self.of_groups(values, name, scope),
            Binding::Tokens { lanes, .. } if scope.mode == Mode::Own => {
                Ok(Value::Tokens(restrict(lanes, &scope.keys)))
            }
            Binding::Tokens { .. } => {
                let message = format!("what is read mixes `x` and the local `{}`", name.text);
                let label = "belongs to the receiver, while `x` here is what is read";
                Err(Diagnostic::new(Code::MixedReading, message, name.span, label)
                    .also(entry.span, "declared here")
                    .help("read one of the two, or add the local to `x` before")
                    .into())
            }
            Binding::Modality(modality) => {
                let value = self.input(*modality, name.span)?;
                Ok(Value::Tokens(scope.keys.iter().map(|key| (*key, value)).collect()))
            }
            Binding::Broken => Err(Fail::Silent),
            other @ (Binding::Route(_) | Binding::Target(_) | Binding::Loss(_)) => {
                let message = format!("`{}` is {}", name.text, other.describe());
                Err(Diagnostic::new(Code::WrongType, message, name.span, "cannot stand here")
                    .also(entry.span, "declared here")
                    .into())
            }
        }
    }

    /// A value that each group has its own of: for groups that have the same.
    fn of_groups(
        &self,
        values: &BTreeMap<Key, Const>,
        name: &Name,
        scope: &Scope,
    ) -> Result<Value> {
        let own = |key: &Key| values.get(key).map(|value| (*key, value.clone()));
        match self.one_for_all(scope.keys.iter().filter_map(own), name)? {
            Some(value) => Ok(Value::Const(value)),
            None => Err(Fail::Silent),
        }
    }

    /// The value that all groups have; `None` where there are no groups.
    fn one_for_all(
        &self,
        mut values: impl Iterator<Item = (Key, Const)>,
        name: &Name,
    ) -> Result<Option<Const>> {
        let Some((first_key, first)) = values.next() else { return Ok(None) };
        let Some((key, other)) = values.find(|(_, other)| *other != first) else {
            return Ok(Some(first));
        };
        let message = format!("`{}` differs between groups", name.text);
        let label = format!(
            "{first} for `{}`, {other} for `{}`",
            self.key_name(first_key),
            self.key_name(key)
        );
        let diagnostic = Diagnostic::new(Code::WidthsDiffer, message, name.span, label);
        Err(diagnostic.help("apply the block to each of these groups by itself").into())
    }

    /// Evaluates for each group by itself what differs between groups.
    pub(super) fn per_group(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
    ) -> Result<BTreeMap<Key, Const>> {
        let mut values = BTreeMap::new();
        let keys: Vec<Key> = frame.x.keys().copied().collect();
        for key in keys {
            let scope = Scope { keys: vec![key], mode: Mode::Own };
            match self.constant_in(frame, expr, &scope) {
                Ok(value) => drop(values.insert(key, value)),
                Err(fail) if frame.keys.contains(&key) => return Err(fail),
                // What is read alone may lack what the receivers have.
                Err(_) => {}
            }
        }
        Ok(values)
    }

    /// `x` or `from`.
    fn x(&self, frame: &Frame<'a>, name: &Name, scope: &Scope) -> Result<Value> {
        if name.text == "from" && scope.mode != Mode::Read {
            let label = "nothing is read here";
            let message = "`from` stands for what is read";
            return Err(Diagnostic::new(Code::MixedReading, message, name.span, label)
                .help("what is read stands in an attention alone: write `x += attend(norm(x), from: norm(from))`")
                .help("`attend` has its own linear layers for q, k, v and the result; the receiver is `x`")
                .into());
        }
        Ok(Value::Tokens(restrict(&frame.x, &scope.keys)))
    }

    /// A name that the language knows without declaration.
    fn builtin(&self, frame: &Frame<'a>, name: &Name) -> Result<Value> {
        match name.text.as_str() {
            "all" => Ok(Value::Const(Const::Relation(Relation::All))),
            "causal" => Ok(Value::Const(Const::Relation(Relation::Causal))),
            "xavier" => Ok(Value::Const(Const::Init(Init::Xavier))),
            text if function::is_name(text) || self.blocks.contains_key(text) => {
                let message = format!("`{text}` is called with parentheses");
                Err(Diagnostic::new(Code::UnknownName, message, name.span, "not a value by itself")
                    .help(format!("write `{text}(..)`, or `|> {text}` after a value"))
                    .into())
            }
            _ => Err(self.unknown(frame, name, "not declared here").into()),
        }
    }

    pub(super) fn call(
        &mut self,
        frame: &mut Frame<'a>,
        call: Call<'a>,
        scope: &Scope,
    ) -> Result<Value> {
        self.call_of(frame, call, scope).map_err(|fail| self.said_here(call, fail))
    }

    fn call_of(&mut self, frame: &mut Frame<'a>, call: Call<'a>, scope: &Scope) -> Result<Value> {
        let name = call.name;
        if let Some(block) = self.blocks.get(name.text.as_str()).copied() {
            return self.call_block(frame, block, call, scope);
        }
        if let Some(function) = Constant::find(&name.text) {
            let args = function::bind(function.params(), call)?;
            return Ok(Value::Const(self.constant_function(frame, function, &args, scope)?));
        }
        if let Some(operation) = Operation::find(&name.text) {
            let args = function::bind(operation.params(), call)?;
            return Ok(Value::Tokens(self.operation(frame, operation, &args, scope)?));
        }
        let Some(help) = function::elsewhere(&name.text) else {
            let group = frame.naming.path.rsplit('.').next();
            let group = group.filter(|name| !name.is_empty() && frame.block.is_none());
            return Err(self.unknown_operation(call, group));
        };
        let message = format!("`{}` cannot be called here", name.text);
        Err(Diagnostic::new(Code::Misplaced, message, name.span, "does not belong here")
            .help(help)
            .into())
    }

    fn unary(
        &mut self,
        frame: &mut Frame<'a>,
        op: UnaryOp,
        value: &'a Expr,
        scope: &Scope,
    ) -> Result<Value> {
        match op {
            UnaryOp::Not => match self.constant_in(frame, value, scope)? {
                Const::Relation(_) => Err(no_such_relation(value.span)),
                other @ (Const::Number(_)
                | Const::Bool(_)
                | Const::Text(_)
                | Const::List(_)
                | Const::Init(_)) => Ok(Value::Const(Const::Bool(!other.truth(value.span)?))),
            },
            UnaryOp::Neg => {
                let right = self.eval(frame, value, scope)?;
                let zero = Value::Const(Const::Number(Number::ZERO));
                self.arithmetic(frame, BinaryOp::Sub, zero, right, value.span)
            }
        }
    }

    fn attribute(
        &mut self,
        frame: &mut Frame<'a>,
        value: &'a Expr,
        name: &'a Name,
        scope: &Scope,
    ) -> Result<Value> {
        let lanes = match self.eval(frame, value, scope)? {
            Value::Tokens(lanes) => lanes,
            Value::Const(constant) => {
                let message = format!("{} has no attributes", constant.describe());
                return fail(Code::UnknownAttribute, message, name.span, "only tokens have some");
            }
        };
        let read: fn(&Shape) -> Const = match name.text.as_str() {
            "dim" => |shape| Const::Number(shape.width.into()),
            "tokens" => |shape| Const::Number(shape.tokens().into()),
            "grid" => |shape| {
                Const::List(shape.grid.iter().map(|size| Const::Number((*size).into())).collect())
            },
            other => {
                let message = format!("tokens have no attribute `{other}`");
                let diagnostic =
                    Diagnostic::new(Code::UnknownAttribute, message, name.span, "unknown");
                let near = nearest(other, ["dim", "tokens", "grid"]);
                let diagnostic = match near.or_else(|| foreign::attribute(other)) {
                    Some(near) => diagnostic.write(name.span, near),
                    None => diagnostic,
                };
                return Err(diagnostic
                    .help("there are `dim` (the width), `tokens` (how many) and `grid` (a list)")
                    .into());
            }
        };
        let values = lanes.iter().map(|(key, value)| (*key, read(self.model.shape(*value))));
        match self.one_for_all(values, name)? {
            Some(value) => Ok(Value::Const(value)),
            None => Err(Fail::Silent),
        }
    }

    /// The group of a key, for errors.
    pub(super) fn key_name(&self, key: Key) -> &str {
        key.map_or("x", |group| self.model.group_name(group))
    }

    /// Whether a value is the ids of a text.
    pub(super) fn is_ids(&self, value: ValueId) -> bool {
        let Op::Input(modality) = self.model.steps[self.model.value(value).step.index()].op else {
            return false;
        };
        matches!(self.model.modalities[modality.index()].source, Source::Text { .. })
    }
}

/// The error for a relation that is turned round.
fn no_such_relation(span: Span) -> Fail {
    let message = "`not` does not work on relations";
    let label = "what is allowed can only be narrowed";
    Diagnostic::new(Code::WrongType, message, span, label)
        .help("write one of `all`, `causal`, `windows(4)`, `groups(4)`, or two of them that both hold: `causal & windows(4)`")
        .into()
}

/// The name that an expression is, if it is nothing else.
pub(super) fn as_name(expr: &Expr) -> Option<&str> {
    if let ExprKind::Name(name) = &expr.kind { Some(name) } else { None }
}

/// The call that an expression is, with what is piped into it.
pub(super) fn as_call(expr: &Expr) -> Option<Call<'_>> {
    if let ExprKind::Call(call) = &expr.kind {
        return Some(plain(call));
    }
    let ExprKind::Pipe { value, call } = &expr.kind else { return None };
    Some(Call { name: &call.name, first: Some(value), args: &call.args, span: expr.span })
}

/// A call without a piped value.
pub(super) fn plain(call: &AstCall) -> Call<'_> {
    Call { name: &call.name, first: None, args: &call.args, span: call.span }
}

/// The lanes of these keys. A key without a lane is left out; whoever needs it reports that.
pub(super) fn restrict(lanes: &Lanes, keys: &[Key]) -> Lanes {
    keys.iter().filter_map(|key| lanes.get(key).map(|value| (*key, *value))).collect()
}

/// Whether an expression speaks of `x` or `from`.
pub(super) fn mentions_x(expr: &Expr) -> bool {
    let mut found = false;
    visit_names(expr, &mut |name| found |= name == "x" || name == "from");
    found
}

/// Calls `see` with every name in an expression that can stand for a value.
pub(super) fn visit_names(expr: &Expr, see: &mut dyn FnMut(&str)) {
    if let Some(name) = as_name(expr) {
        see(name);
    }
    for part in parts(expr) {
        visit_names(part, see);
    }
}

/// Calls `see` with every call in an expression.
pub(super) fn visit_calls<'a>(expr: &'a Expr, see: &mut dyn FnMut(Call<'a>)) {
    if let Some(call) = as_call(expr) {
        see(call);
    }
    for part in parts(expr) {
        visit_calls(part, see);
    }
}

/// The expressions directly inside of one.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Name(_) => {
            Vec::new()
        }
        ExprKind::List(items) => items.iter().collect(),
        ExprKind::Call(call) => call.args.iter().map(|arg| &arg.value).collect(),
        ExprKind::Pipe { value, call } => {
            std::iter::once(&**value).chain(call.args.iter().map(|arg| &arg.value)).collect()
        }
        ExprKind::Unary { value, .. }
        | ExprKind::Attribute { value, .. }
        | ExprKind::Paren(value) => vec![value],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::If { arms, otherwise } => {
            let arms = arms.iter().flat_map(|(condition, value)| [condition, value]);
            arms.chain([&**otherwise]).collect()
        }
        ExprKind::Index { value, index } => vec![value, index],
        ExprKind::Slice { value, start, end } => {
            let bounds = [start, end].into_iter().flatten().map(|bound| &**bound);
            std::iter::once(&**value).chain(bounds).collect()
        }
    }
}
