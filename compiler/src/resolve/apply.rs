//! Routes and blocks: a block over a route, and a block called as a function.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{self, Endpoint, Expr, Name, RouteExpr};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Apply, GroupId, ValueId};
use crate::routing::Relation;

use super::evaluate::{Mode, Scope, mentions_x, restrict};
use super::function::{Args, Call, Parameter, bind_to};
use super::statements::break_name;
use super::value::{Binding, Entry, Key, Lanes, Value};
use super::{Edge, Fail, Frame, MAX_CALLS, Resolver, Result, fail, join, too_many_steps};

/// A route at the place where it is applied.
struct Route<'a> {
    name: Option<String>,
    /// In order of first mention.
    receivers: Vec<GroupId>,
    reads: BTreeMap<Key, Vec<Edge>>,
    /// Receivers with what they read, to find what is said twice.
    pairs: BTreeSet<(Key, Key)>,
    /// The name and the value of every group mentioned.
    values: BTreeMap<Key, (&'a str, ValueId)>,
}

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
        let block = self.block_named(&apply.block)?;
        let route = self.route(frame, &apply.over)?;
        let args_span = apply.block.span;
        let call = Call { name: &apply.block, first: None, args: &apply.args, span: args_span };
        let (scope, _) = self.bind_block(frame, block, call, false)?;
        let path = Self::apply_name(frame, apply);
        let (path, tied) = match &apply.weights.tie {
            Some(tie) => (tie.text.clone(), true),
            None => (path, false),
        };
        let mut inner = Frame {
            scopes: vec![scope],
            block: Some(block),
            keys: route.receivers.iter().copied().map(Some).collect(),
            x: route.values.iter().map(|(key, (_, value))| (*key, *value)).collect(),
            reads: route.reads.clone(),
            read: BTreeSet::new(),
            per_group: apply.weights.per_group,
            tied,
            owner: None,
            labeled: false,
            clash: if tied { None } else { self.apply_path(&path, span) },
            depth: 1,
            from: Some(span),
            path,
        };
        if tied || inner.clash.is_some() {
            self.restart_numbers(&inner.path);
        }
        let first_step = self.model.steps.len();
        if !self.body(&mut inner, &block.body) {
            return Err(Fail::Silent);
        }
        self.check_read(&inner, &route, block, span);
        self.write_back(frame, &route, &inner);
        let steps = first_step..self.model.steps.len();
        let (path, route_name) = (Self::apply_name(frame, apply), route.name);
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

    /// The name of an apply among weights: its label, else its block's name; directly in a labeled `repeat`, nothing.
    fn apply_name(frame: &Frame<'a>, apply: &ast::Apply) -> String {
        match &apply.label {
            Some(label) => join(&frame.path, &label.text),
            None if frame.labeled => frame.path.clone(),
            None => join(&frame.path, &apply.block.text),
        }
    }

    /// The groups that a route can name here, in the order of their declaration.
    fn groups_in_scope(
        &mut self,
        frame: &Frame<'a>,
        span: Span,
    ) -> Result<Vec<(GroupId, ValueId)>> {
        let names: usize = frame.scopes.iter().map(BTreeMap::len).sum();
        self.spend(2 * names as u64, span)?;
        Ok(groups_of(frame))
    }

    fn block_named(&self, name: &Name) -> Result<&'a ast::Block> {
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
        Err(self.unknown_operation(name))
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
        let mut params = Vec::new();
        if is_call {
            params.push(Parameter { name: "x", required: true, variadic: false });
        }
        params.extend(block.params.iter().map(|param| Parameter {
            name: &param.name.text,
            required: param.default.is_none(),
            variadic: false,
        }));
        if is_call {
            params.push(Parameter { name: "weights", required: false, variadic: false });
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
        let tied = weights.is_some() || frame.tied;
        let mut inner = Frame {
            scopes: vec![inner_scope],
            block: Some(block),
            path: Self::step_path(&site),
            keys: scope.keys.clone(),
            x,
            reads,
            read: BTreeSet::new(),
            per_group: frame.per_group,
            tied,
            owner: frame.owner,
            labeled: false,
            clash: frame.clash,
            depth: frame.depth + 1,
            from: Some(frame.from.unwrap_or(call.span)),
        };
        if weights.is_some() {
            self.restart_numbers(&inner.path);
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

    /// The receivers that a route names, for marking them broken.
    fn receiver_names(&self, frame: &Frame<'a>, over: &'a RouteExpr) -> Vec<Name> {
        let mut names = Vec::new();
        let mut collect = |edges: &'a [ast::Edge]| {
            for endpoint in edges.iter().flat_map(|edge| &edge.receivers) {
                match endpoint {
                    Endpoint::Group(name) => names.push(name.clone()),
                    Endpoint::All(span) => {
                        let all = groups_of(frame);
                        let name = |(group, _): &(GroupId, ValueId)| Name {
                            text: self.model.group_name(*group).to_owned(),
                            span: *span,
                        };
                        names.extend(all.iter().map(name));
                    }
                }
            }
        };
        let mut named = |name: &Name| {
            if let Some(Entry { binding: Binding::Route(edges), .. }) = frame.entry(&name.text) {
                collect(edges);
            }
        };
        match over {
            RouteExpr::Named(name) => named(name),
            RouteExpr::If { arms, otherwise, .. } => {
                arms.iter().for_each(|(_, name)| named(name));
                named(otherwise);
            }
            RouteExpr::Inline { edges, .. } => collect(edges),
        }
        names
    }

    fn route(&mut self, frame: &mut Frame<'a>, over: &'a RouteExpr) -> Result<Route<'a>> {
        let (name, edges) = match over {
            RouteExpr::Named(name) => (Some(name), self.edges_of(frame, name)?),
            RouteExpr::Inline { edges, .. } => (None, edges.as_slice()),
            RouteExpr::If { arms, otherwise, .. } => {
                let mut chosen = otherwise;
                for (condition, name) in arms {
                    if self.condition(frame, condition)? {
                        chosen = name;
                        break;
                    }
                }
                (Some(chosen), self.edges_of(frame, chosen)?)
            }
        };
        let name = name.map(|name| name.text.clone());
        let mut route = Route {
            name,
            receivers: Vec::new(),
            reads: BTreeMap::new(),
            pairs: BTreeSet::new(),
            values: BTreeMap::new(),
        };
        for edge in edges {
            self.edge(frame, &mut route, edge, over.span())?;
        }
        if route.receivers.is_empty() {
            let message = "the route has no receivers";
            return fail(Code::NotAGroup, message, over.span(), "nobody receives");
        }
        Ok(route)
    }

    fn edges_of(&self, frame: &Frame<'a>, name: &'a Name) -> Result<&'a [ast::Edge]> {
        match frame.entry(&name.text).map(|entry| (&entry.binding, entry.span)) {
            Some((Binding::Route(edges), _)) => Ok(edges),
            Some((Binding::Broken, _)) => Err(Fail::Silent),
            Some((other, span)) => {
                let message = format!("`{}` is {}, not a route", name.text, other.describe());
                Err(Diagnostic::new(Code::WrongType, message, name.span, "expected a route")
                    .also(span, "declared here")
                    .help(match other {
                        Binding::Tokens { .. } => format!(
                            "write a route in place: `over {{ {0} }}`, or `over {{ {0} <- {0} }}`",
                            name.text
                        ),
                        Binding::Const(_)
                        | Binding::Modality(_)
                        | Binding::Route(_)
                        | Binding::Target(_)
                        | Binding::Loss(_)
                        | Binding::Broken => "declare one: `route name { a <- b }`".to_owned(),
                    })
                    .into())
            }
            None => Err(self.unknown(frame, name, "no such route").into()),
        }
    }

    fn edge(
        &mut self,
        frame: &mut Frame<'a>,
        route: &mut Route<'a>,
        edge: &'a ast::Edge,
        applied: Span,
    ) -> Result<()> {
        let mut receivers = Vec::new();
        for endpoint in &edge.receivers {
            receivers.extend(self.endpoint(frame, route, endpoint, applied)?);
        }
        for key in &receivers {
            let group = key.expect("endpoints are groups");
            if !route.reads.contains_key(key) {
                route.receivers.push(group);
                route.reads.insert(*key, Vec::new());
            }
        }
        for read in &edge.reads {
            let relation = match &read.within {
                Some(expr) => {
                    let scope = Scope { keys: vec![None], mode: Mode::Own };
                    self.relation_in(frame, expr, &scope)?
                }
                None => Relation::All,
            };
            let span = match &read.within {
                Some(expr) => read.from.span().to(expr.span),
                None => read.from.span(),
            };
            for from in self.endpoint(frame, route, &read.from, applied)? {
                for key in &receivers {
                    let edges = route.reads.entry(*key).or_default();
                    self.lanes += 1;
                    if self.lanes > super::MAX_LANES {
                        return Err(too_many_steps(span));
                    }
                    if !route.pairs.insert((*key, from))
                        && let Some(first) = edges.iter().find(|edge| edge.read == from)
                    {
                        let message = format!(
                            "`{}` reads `{}` twice",
                            self.key_name(*key),
                            self.key_name(from)
                        );
                        return Err(Diagnostic::new(
                            Code::DuplicateEdge,
                            message,
                            span,
                            "said again here",
                        )
                        .also(first.span, "first said here")
                        .into());
                    }
                    edges.push(Edge { read: from, relation: relation.clone(), span });
                }
            }
        }
        Ok(())
    }

    /// The groups that an endpoint means, entered with their values.
    fn endpoint(
        &mut self,
        frame: &Frame<'a>,
        route: &mut Route<'a>,
        endpoint: &'a Endpoint,
        applied: Span,
    ) -> Result<Vec<Key>> {
        let name = match endpoint {
            Endpoint::All(span) => return self.all_groups(frame, route, *span),
            Endpoint::Group(name) => name,
        };
        let not_a_group = |what: &str| {
            let message = format!("`{}` is {what}, not a token group", name.text);
            Diagnostic::new(Code::NotAGroup, message, name.span, "a route names token groups")
                .also(applied, "applied here")
        };
        match frame.entry(&name.text).map(|entry| &entry.binding) {
            Some(Binding::Tokens { lanes, group: Some(group) }) => {
                let value = super::statements::single(lanes);
                route.values.insert(Some(*group), (&name.text, value));
                Ok(vec![Some(*group)])
            }
            Some(Binding::Broken) => Err(Fail::Silent),
            Some(Binding::Modality(_)) => Err(not_a_group("a modality")
                .help(format!("make tokens of it: `tokens {0} = {0} |> ..`", name.text))
                .into()),
            Some(Binding::Tokens { .. }) => Err(not_a_group("a value without a group")
                .help(format!("declare it as tokens: `tokens {} = ..`", name.text))
                .into()),
            Some(other) => Err(not_a_group(other.describe()).into()),
            None => {
                let mut diagnostic = self.unknown(frame, name, "no such token group");
                diagnostic
                    .labels
                    .push(zorro_grammar::Label { span: applied, text: "applied here".to_owned() });
                Err(diagnostic.into())
            }
        }
    }

    fn all_groups(
        &mut self,
        frame: &Frame<'a>,
        route: &mut Route<'a>,
        span: Span,
    ) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for (group, value) in self.groups_in_scope(frame, span)? {
            route.values.insert(Some(group), (self.declared[group.index()], value));
            keys.push(Some(group));
        }
        Ok(keys)
    }

    /// Remembers which edges some attention has read, over all repetitions of an application.
    fn check_read(
        &mut self,
        inner: &Frame<'a>,
        route: &Route<'a>,
        block: &ast::Block,
        applied: Span,
    ) {
        for (receiver, edges) in &route.reads {
            for edge in edges {
                let place = (applied, edge.span);
                if inner.read.contains(&(*receiver, edge.read)) {
                    self.unread.insert(place, None);
                } else if !self.unread.contains_key(&place) {
                    let (to, from) = (self.key_name(*receiver), self.key_name(edge.read));
                    let message =
                        format!("block `{}` never reads along this edge", block.name.text);
                    let label = format!("`{to}` is allowed to read `{from}`");
                    let warning = Diagnostic::new(Code::UnreadEdge, message, edge.span, label)
                        .also(applied, "in this application")
                        .help(format!("where it is to read nobody, write `{to}` without an arrow"))
                        .help("an `attend` reads along edges what speaks of `x` or `from`, not a local");
                    self.unread.insert(place, Some(warning));
                }
            }
        }
    }

    /// Warns of edges that no attention of the block has read.
    pub(super) fn warn_unread(&mut self) {
        for warning in std::mem::take(&mut self.unread).into_values().flatten() {
            self.push(warning);
        }
    }
}

/// The token groups whose names are in scope, in the order of their declaration.
fn groups_of(frame: &Frame<'_>) -> Vec<(GroupId, ValueId)> {
    let mut seen = BTreeSet::new();
    let mut groups = BTreeMap::new();
    for (name, entry) in frame.scopes.iter().rev().flatten() {
        // Of two groups of one name, the inner one is in scope.
        if let Binding::Tokens { lanes, group: Some(group) } = &entry.binding
            && (frame.scopes.len() == 1 || !seen.contains(name))
        {
            groups.insert(*group, super::statements::single(lanes));
        }
        if frame.scopes.len() > 1 {
            seen.insert(name);
        }
    }
    groups.into_iter().collect()
}
