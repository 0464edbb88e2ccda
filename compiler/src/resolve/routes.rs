//! Routes: who reads whom where a block is applied, and which of that the block never reads.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{self, Endpoint, Name, RouteExpr};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Group, GroupId, ModalityId, Op, ValueId};
use crate::routing::Relation;

use super::evaluate::{Mode, Scope};
use super::value::{Binding, Entry, Key};
use super::{Edge, Fail, Frame, Resolver, Result, fail, too_many_steps};

/// A route at the place where it is applied.
pub(super) struct Route<'a> {
    pub(super) name: Option<String>,
    /// In order of first mention.
    pub(super) receivers: Vec<GroupId>,
    pub(super) reads: BTreeMap<Key, Vec<Edge>>,
    /// Receivers with what they read, to find what is said twice.
    pub(super) pairs: BTreeSet<(Key, Key)>,
    /// The name and the value of every group mentioned.
    pub(super) values: BTreeMap<Key, (&'a str, ValueId)>,
}

impl<'a> Resolver<'a> {
    /// The groups that a route can name here, in the order of their declaration.
    pub(super) fn groups_in_scope(
        &mut self,
        frame: &Frame<'a>,
        span: Span,
    ) -> Result<Vec<(GroupId, ValueId)>> {
        let names: usize = frame.scopes.iter().map(BTreeMap::len).sum();
        self.spend(2 * names as u64, span)?;
        Ok(groups_of(frame))
    }

    /// The receivers that a route names, for marking them broken.
    pub(super) fn receiver_names(&self, frame: &Frame<'a>, over: &'a RouteExpr) -> Vec<Name> {
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

    pub(super) fn route(
        &mut self,
        frame: &mut Frame<'a>,
        over: &'a RouteExpr,
    ) -> Result<Route<'a>> {
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
                        | Binding::PerGroup(_)
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
                let value = super::names::single(lanes);
                route.values.insert(Some(*group), (&name.text, value));
                Ok(vec![Some(*group)])
            }
            Some(Binding::Broken) => Err(Fail::Silent),
            Some(Binding::Modality(modality)) => {
                let diagnostic = not_a_group("a modality");
                Err(match self.tokens_made_of(*modality).as_slice() {
                    [tokens] => diagnostic.write(name.span, *tokens),
                    _ => diagnostic
                        .help(format!("make tokens of it: `tokens {0} = {0} |> ..`", name.text)),
                }
                .into())
            }
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

    /// The groups that are made of a modality.
    fn tokens_made_of(&self, modality: ModalityId) -> Vec<&str> {
        let begins = |group: &&Group| self.source_of(group.start) == Some(modality);
        self.model.groups.iter().filter(begins).map(|group| group.name.as_str()).collect()
    }

    /// The modality that a value is made of, by its first operands.
    pub(super) fn source_of(&self, mut value: ValueId) -> Option<ModalityId> {
        loop {
            let (step, lane) = self.model.made_by(value);
            if let Op::Input(modality) = step.op {
                return Some(modality);
            }
            value = *lane.operands.first()?;
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
    pub(super) fn check_read(
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
            groups.insert(*group, super::names::single(lanes));
        }
        if frame.scopes.len() > 1 {
            seen.insert(name);
        }
    }
    groups.into_iter().collect()
}
