//! Routes and blocks: a block over a route, and a block called as a function.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{self, Endpoint, Name, RouteExpr, Stmt, StmtKind};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Apply, GroupId, ValueId};
use crate::routing::Relation;

use super::evaluate::{Mode, Scope, mentions_x, visit_calls};
use super::function::{Call, Parameter, bind_to};
use super::statements::break_name;
use super::value::{Binding, Entry, Key, Lanes, Value};
use super::{Edge, Fail, Frame, MAX_CALLS, Resolver, Result, fail, join, too_many_steps};

/// A route at the place where it is applied.
struct Route<'a> {
    name: Option<String>,
    /// In order of first mention.
    receivers: Vec<GroupId>,
    reads: BTreeMap<Key, Vec<Edge>>,
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
        let scope = self.bind_block(frame, block, call, false)?;
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
        self.check_read(&inner, &route, block);
        self.write_back(frame, &route, &inner);
        let steps = first_step..self.model.steps.len();
        let (path, route_name) = (Self::apply_name(frame, apply), route.name);
        let after = self.groups_in_scope(frame);
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

    fn groups_in_scope(&self, frame: &Frame<'a>) -> Vec<(GroupId, ValueId)> {
        let mut groups = BTreeMap::new();
        for name in frame.names() {
            // Of two groups of one name, the inner one is in scope.
            if let Some(Entry { binding: Binding::Tokens { lanes, group: Some(group) }, .. }) =
                frame.entry(name)
            {
                groups.insert(*group, super::statements::single(lanes));
            }
        }
        groups.into_iter().collect()
    }

    fn block_named(&self, name: &Name) -> Result<&'a ast::Block> {
        if let Some(block) = self.blocks.get(name.text.as_str()) {
            return Ok(block);
        }
        let mut diagnostic = self.unknown_operation(name);
        if super::function::Function::is_name(&name.text) {
            diagnostic.message = format!("`{}` is an operation, not a block", name.text);
            diagnostic.help = vec![format!(
                "write a block around it: `block my_{0}() {{ x = x |> {0}(..) }}`",
                name.text
            )];
        }
        Err(diagnostic.into())
    }

    /// Binds the arguments of a block; `x` comes first where it is called as a function.
    fn bind_block(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a ast::Block,
        call: Call<'a>,
        is_call: bool,
    ) -> Result<BTreeMap<String, Entry<'a>>> {
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
        let mut scope: BTreeMap<String, Entry<'a>> = BTreeMap::new();
        // Defaults may speak of the params before them, but of nothing else.
        let mut defaults = Frame { block: Some(block), ..Frame::model() };
        for param in &block.params {
            let value = match (args.get(&param.name.text), &param.default) {
                (Some(expr), _) => self.constant(frame, expr)?,
                (None, Some(default)) => {
                    defaults.scopes = vec![scope.clone()];
                    self.constant(&mut defaults, default)?
                }
                (None, None) => panic!("`bind_to` refuses calls without a required argument"),
            };
            let entry = Entry { binding: Binding::Const(value), span: param.name.span };
            if let Some(first) = scope.insert(param.name.text.clone(), entry) {
                let message = format!("param `{}` is declared twice", param.name.text);
                let label = "declared again here";
                return Err(Diagnostic::new(Code::DuplicateName, message, param.name.span, label)
                    .also(first.span, "first declared here")
                    .into());
            }
        }
        Ok(scope)
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
        let Some(first) = call.first.or_else(|| call.args.first().map(|arg| &arg.value)) else {
            let message = format!("`{}` needs the tokens it works on", block.name.text);
            let label = "`x` is missing";
            return Err(Diagnostic::new(Code::ArgumentCount, message, call.span, label)
                .help(format!("write `value |> {}(..)`", block.name.text))
                .into());
        };
        let inner_scope = self.bind_block(frame, block, call, true)?;
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
        inner.x.retain(|key, _| scope.keys.contains(key));
        Ok(Value::Tokens(inner.x))
    }

    /// The first argument of a called block, for all keys whose `x` it looks at, and whom it may read.
    #[expect(clippy::type_complexity, reason = "lanes and edges are told apart at the one call")]
    fn called_on(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a ast::Block,
        first: &'a ast::Expr,
        scope: &Scope,
    ) -> Result<(Lanes, BTreeMap<Key, Vec<Edge>>)> {
        let own = |key: &Key| {
            (*key, vec![Edge { read: *key, relation: Relation::All, span: first.span }])
        };
        // Outside of an apply, and on a local of the receiver, a group reads itself.
        let routed = frame.block.is_some() && mentions_x(first);
        if routed && scope.mode != Mode::Own && self.reads_x(&block.body, 0) {
            let message = format!("`{}` attends, inside of what is read", block.name.text);
            return Err(Diagnostic::new(Code::Misplaced, message, first.span, "cannot stand here")
                .help("give its result a name before, and read that")
                .into());
        }
        if !routed {
            let lanes = self.operand(frame, first, scope)?;
            return Ok((lanes, scope.keys.iter().map(own).collect()));
        }
        if !self.reads_x(&block.body, 0) {
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
                        let all = self.groups_in_scope(frame);
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
        let mut route =
            Route { name, receivers: Vec::new(), reads: BTreeMap::new(), values: BTreeMap::new() };
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
                    .help(format!("for a group alone, write `over {{ {} }}`", name.text))
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
            if !route.receivers.contains(&group) {
                route.receivers.push(group);
            }
            route.reads.entry(*key).or_default();
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
                    if let Some(first) = edges.iter().find(|edge| edge.read == from) {
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
            Endpoint::All(_) => return Ok(self.all_groups(frame, route)),
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
            Some(Binding::Tokens { .. }) => Err(not_a_group("no `tokens`").into()),
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

    fn all_groups(&self, frame: &Frame<'a>, route: &mut Route<'a>) -> Vec<Key> {
        let mut keys = Vec::new();
        for (group, value) in self.groups_in_scope(frame) {
            route.values.insert(Some(group), (self.declared[group.index()], value));
            keys.push(Some(group));
        }
        keys
    }

    /// Warns of edges that no attention of the block has read.
    fn check_read(&mut self, inner: &Frame<'a>, route: &Route<'a>, block: &ast::Block) {
        for (receiver, edges) in &route.reads {
            for edge in edges {
                if inner.read.contains(&(*receiver, edge.read)) {
                    continue;
                }
                let (to, from) = (self.key_name(*receiver), self.key_name(edge.read));
                let message = format!("block `{}` never reads along this edge", block.name.text);
                let label = format!("`{to}` is allowed to read `{from}`");
                let mut diagnostic = Diagnostic::new(Code::UnreadEdge, message, edge.span, label);
                if let Some(span) = inner.from {
                    diagnostic = diagnostic.also(span, "in this application");
                }
                self.push(diagnostic.help(
                    "an `attend` reads along edges only what speaks of `x` or `from`, not a local",
                ));
            }
        }
    }
}

impl<'a> Resolver<'a> {
    /// Whether a body has an `attend` on `x`, directly or in a block that it calls.
    fn reads_x(&self, body: &'a [Stmt], depth: usize) -> bool {
        body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Repeat { body, .. } => self.reads_x(body, depth),
            StmtKind::When { arms, otherwise } => {
                arms.iter().any(|(_, body)| self.reads_x(body, depth))
                    || otherwise.as_ref().is_some_and(|body| self.reads_x(body, depth))
            }
            StmtKind::Assign { value, .. } | StmtKind::Tokens { value, .. } => {
                let mut reads = false;
                visit_calls(value, &mut |call| reads |= self.call_reads_x(call, depth));
                reads
            }
            StmtKind::Let(_)
            | StmtKind::Param(_)
            | StmtKind::Modality(_)
            | StmtKind::Route { .. }
            | StmtKind::Apply(_)
            | StmtKind::Target(_)
            | StmtKind::Output(_)
            | StmtKind::Objective(_)
            | StmtKind::Assert { .. } => false,
        })
    }

    fn call_reads_x(&self, call: Call<'a>, depth: usize) -> bool {
        let args = || call.first.into_iter().chain(call.args.iter().map(|arg| &arg.value));
        if call.name.text == "attend" {
            return args().any(mentions_x);
        }
        match self.blocks.get(call.name.text.as_str()) {
            // A block that calls itself is refused when it is called.
            Some(block) if depth < MAX_CALLS => {
                args().any(mentions_x) && self.reads_x(&block.body, depth + 1)
            }
            Some(_) | None => false,
        }
    }
}
