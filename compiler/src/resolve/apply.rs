//! Blocks: over a route, and called as functions.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{self, Expr, Name};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::Apply;
use crate::routing::Relation;

use super::evaluate::{Mode, Scope, mentions_x, restrict};
use super::function::{Args, Call, Parameter, bind_to};
use super::names::break_name;
use super::routes::Route;
use super::value::{Binding, Entry, Key, Lanes, Value};
use super::{Edge, Fail, Frame, MAX_CALLS, Naming, Resolver, Result, join, too_many_steps};

impl<'a> Resolver<'a> {
    pub(super) fn apply(
        &mut self,
        frame: &mut Frame<'a>,
        apply: &'a ast::Apply,
        span: Span,
    ) -> Result<()> {
        let result = self.apply_block(frame, apply, span);
        if result.is_err() {
            // What the block would have written is unknown now.
            for name in self.receiver_names(frame, &apply.over) {
                break_name(frame, &name);
            }
        }
        result
    }

    fn apply_block(
        &mut self,
        frame: &mut Frame<'a>,
        apply: &'a ast::Apply,
        span: Span,
    ) -> Result<()> {
        let block = self.block_named(apply)?;
        let route = self.route(frame, &apply.over)?;
        let args_span = apply.block.span;
        let call = Call { name: &apply.block, first: None, args: &apply.args, span: args_span };
        let bound = self.bind_block(frame, block, call, false);
        let (scope, _) = bound.map_err(|fail| self.mask_of_route(frame, apply, fail))?;
        let place = Self::apply_name(frame, apply);
        let (path, tied) = match &apply.weights.tie {
            Some(tie) => (tie.text.clone(), true),
            None => (place.clone(), false),
        };
        let mut inner = Frame {
            scopes: vec![scope],
            block: Some(block),
            keys: route.receivers.iter().copied().map(Some).collect(),
            x: route.values.iter().map(|(key, (_, value))| (*key, *value)).collect(),
            reads: route.reads.clone(),
            read: BTreeSet::new(),
            naming: Naming {
                clash: if tied { None } else { self.apply_path(&path, span) },
                per_group: apply.weights.per_group,
                tied,
                outer: path.len(),
                path,
                place: place.clone(),
            },
            owner: None,
            labeled: false,
            depth: 1,
            from: Some(span),
        };
        if tied || inner.naming.clash.is_some() {
            self.restart_numbers(&inner.naming.path);
        }
        let first_step = self.model.steps.len();
        if !self.body(&mut inner, &block.body) {
            return Err(Fail::Silent);
        }
        self.check_read(&inner, &route, block, span);
        self.write_back(frame, &route, &inner);
        let steps = first_step..self.model.steps.len();
        let (path, route_name) = (place, route.name);
        let after = self.groups_in_scope(frame, span)?;
        self.lanes += after.len();
        if self.lanes > super::MAX_LANES {
            return Err(too_many_steps(span));
        }
        let block = block.name.text.clone();
        self.model.applies.push(Apply { path, block, route: route_name, steps, after, span });
        Ok(())
    }

    /// Gives the receivers their new values.
    fn write_back(&mut self, frame: &mut Frame<'a>, route: &Route<'a>, inner: &Frame<'a>) {
        for receiver in &route.receivers {
            let key = Some(*receiver);
            let value = inner.x[&key];
            let name = route.values[&key].0;
            let lanes = Lanes::from([(None, value)]);
            self.bind_group(key, &lanes);
            let entry = frame.entry_mut(name).expect("the route found it by this name");
            entry.binding = Binding::Tokens { lanes, group: key };
        }
    }

    /// The place of an apply: its label, else its block's name; directly in a labeled `repeat`, nothing.
    fn apply_name(frame: &Frame<'a>, apply: &ast::Apply) -> String {
        match &apply.label {
            Some(label) => join(&frame.naming.place, &label.text),
            None if frame.labeled => frame.naming.place.clone(),
            None => join(&frame.naming.place, &apply.block.text),
        }
    }

    fn block_named(&self, apply: &'a ast::Apply) -> Result<&'a ast::Block> {
        let name = &apply.block;
        if let Some(block) = self.blocks.get(name.text.as_str()) {
            return Ok(block);
        }
        if super::function::is_name(&name.text) {
            let message = format!("`{}` is an operation, not a block", name.text);
            let diagnostic =
                Diagnostic::new(Code::UnknownOperation, message, name.span, "not a block");
            return Err(diagnostic
                .help(format!(
                    "write a block around it: `block my_{0}() {{ x = x |> {0}(..) }}`",
                    name.text
                ))
                .into());
        }
        Err(self.unknown_block(apply))
    }

    /// Binds the arguments of a block; `x` comes first where it is called as a function.
    fn bind_block(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a ast::Block,
        call: Call<'a>,
        is_call: bool,
    ) -> Result<(BTreeMap<String, Entry<'a>>, Args<'a>)> {
        self.spend((block.params.len() * (1 + block.params.len() / 64)) as u64, call.span)?;
        if self.broken.contains(block.name.text.as_str()) {
            return Err(Fail::Silent);
        }
        let mut params = Vec::new();
        if is_call {
            params.push(Parameter { name: "x", required: true, variadic: false, named: false });
        }
        params.extend(block.params.iter().map(|param| Parameter {
            name: &param.name.text,
            required: param.default.is_none(),
            variadic: false,
            named: false,
        }));
        if is_call {
            params.push(Parameter {
                name: "weights",
                required: false,
                variadic: false,
                named: true,
            });
        }
        let args = bind_to(&params, call)?;
        // Defaults may speak of the params before them, but of nothing else.
        let mut defaults = Frame { block: Some(block), ..Frame::model() };
        for param in &block.params {
            let value = match (args.get(&param.name.text), &param.default) {
                (Some(expr), _) => self.constant(frame, expr)?,
                (None, Some(default)) => self.constant(&mut defaults, default)?,
                (None, None) => panic!("`bind_to` refuses calls without a required argument"),
            };
            if let Some(first) = defaults.entry(&param.name.text) {
                let message = format!("param `{}` is declared twice", param.name.text);
                let label = "declared again here";
                return Err(Diagnostic::new(Code::DuplicateName, message, param.name.span, label)
                    .also(first.span, "first declared here")
                    .into());
            }
            defaults.declare(&param.name, Binding::Const(value));
        }
        Ok((defaults.scopes.pop().unwrap_or_default(), args))
    }

    /// Calls a block as a function of tokens.
    pub(super) fn call_block(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a ast::Block,
        call: Call<'a>,
        scope: &Scope,
    ) -> Result<Value> {
        if frame.depth >= MAX_CALLS {
            let message = format!("blocks call each other more than {MAX_CALLS} deep");
            let label = "this call is one too many";
            return Err(Diagnostic::new(Code::TooDeep, message, call.name.span, label)
                .help("a block cannot call itself; use `repeat`")
                .into());
        }
        if call.first.is_none() && call.args.is_empty() {
            let message = format!("`{}` needs the tokens it works on", block.name.text);
            let label = "`x` is missing";
            return Err(Diagnostic::new(Code::ArgumentCount, message, call.span, label)
                .help(format!("write `value |> {}(..)`", block.name.text))
                .into());
        }
        self.spend_bytes((call.span.end - call.span.start) as usize, call.span)?;
        let (inner_scope, args) = self.bind_block(frame, block, call, true)?;
        let first = args.need("x");
        let (x, reads) = self.called_on(frame, block, first, scope)?;
        let weights = call.args.iter().find(|arg| {
            let is_weights = |name: &Name| name.text == "weights";
            arg.name.as_ref().is_some_and(is_weights)
        });
        let site = self.site(frame, &block.name.text, call.span, weights.map(|arg| &arg.value))?;
        let mut inner = Frame {
            scopes: vec![inner_scope],
            block: Some(block),
            naming: Naming {
                place: Self::step_path(&site),
                path: Self::weights_path(&site),
                ..site.naming
            },
            keys: scope.keys.clone(),
            x,
            reads,
            read: BTreeSet::new(),
            owner: frame.owner,
            labeled: false,
            depth: frame.depth + 1,
            from: Some(frame.from.unwrap_or(call.span)),
        };
        if weights.is_some() {
            self.restart_numbers(&inner.naming.path);
        }
        if !self.body(&mut inner, &block.body) {
            return Err(Fail::Silent);
        }
        frame.read.extend(inner.read);
        Ok(Value::Tokens(restrict(&inner.x, &scope.keys)))
    }

    /// The first argument of a called block, for all keys whose `x` it looks at, and whom it may read.
    fn called_on(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a ast::Block,
        first: &'a Expr,
        scope: &Scope,
    ) -> Result<(Lanes, BTreeMap<Key, Vec<Edge>>)> {
        let own = |key: &Key| {
            (*key, vec![Edge { read: *key, relation: Relation::All, span: first.span }])
        };
        // Outside of an apply, and on a local of the receiver, a group reads itself.
        let routed = frame.block.is_some() && mentions_x(first);
        let attends = self.attends.contains(block.name.text.as_str());
        if routed && scope.mode != Mode::Own && attends {
            let message = format!("`{}` attends, inside of what is read", block.name.text);
            return Err(Diagnostic::new(Code::Misplaced, message, first.span, "cannot stand here")
                .help("give its result a name before, and read that")
                .into());
        }
        if !routed {
            let lanes = self.operand(frame, first, scope)?;
            return Ok((lanes, scope.keys.iter().map(own).collect()));
        }
        if !attends {
            return Ok((self.operand(frame, first, scope)?, frame.reads.clone()));
        }
        let read = frame.reads.values().flatten().map(|edge| edge.read);
        let keys: BTreeSet<Key> = scope.keys.iter().copied().chain(read).collect();
        let both = Scope { keys: keys.into_iter().collect(), mode: Mode::Both };
        Ok((self.operand(frame, first, &both)?, frame.reads.clone()))
    }
}
