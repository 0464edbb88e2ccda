//! `attend`: who reads what, through which linear layers.
//!
//! Queries come from the receivers. Keys and values come from what is read: where the expression for them speaks of
//! `x` or `from`, from every group that the route lets a receiver read; else from the receiver's own local.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::Expr;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Init, Missing, Op, Read, Shape, ValueId, WeightKind};
use crate::number::Number;
use crate::routing::Relation;

use super::evaluate::{Mode, Scope, as_call, as_name, mentions_x};
use super::function::Args;
use super::value::{Key, Lanes};
use super::{Draft, Edge, Frame, MAX_WIDTH, Resolver, Result, Site, fail, join, words};

/// What `attend` was told, for one receiver.
struct Told {
    heads: u64,
    width: u64,
    out: u64,
    bias: bool,
    within: Relation,
    window: Option<Vec<u64>>,
    missing: Missing,
}

/// A receiver with its query and what it was told.
struct Receiver {
    key: Key,
    query: ValueId,
    told: Told,
    edges: Vec<Edge>,
}

impl<'a> Resolver<'a> {
    pub(super) fn attend(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        if scope.mode != Mode::Own {
            let message = "`attend` inside of what is read";
            return Err(Diagnostic::new(Code::Misplaced, message, args.span, "cannot stand here")
                .help("give its result a name before: `tokens h = attend(..)`")
                .into());
        }
        self.spend_bytes((args.span.end - args.span.start) as usize, args.span)?;
        let routed = mentions_x(args.get("from").unwrap_or(args.need("x")));
        let edges = self.edges(frame, scope, routed, args.span)?;
        let (queries, read) = self.sides(frame, args, scope, routed, &edges)?;
        let site = self.site(frame, "attend", args.span, args.get("weights"))?;
        let mut receivers = Vec::new();
        for (key, query) in queries {
            // By key: a route may name its receivers in another order than they were declared in.
            let edges = edges.get(&key).cloned().unwrap_or_default();
            let told = self.told(frame, args, &scope.only(key), query)?;
            receivers.push(Receiver { key, query, told, edges });
        }
        let (keys, values) = self.project_read(frame, &site, &receivers, &read)?;
        let queries = receivers.iter().map(|r| (r.key, r.query, r.told.width, r.told.bias));
        let queries = self.project(frame, &site, "q", queries.collect())?;
        let mut drafts = Vec::new();
        for receiver in &receivers {
            let query = queries[&receiver.key];
            let draft = self.core(args, &site, receiver, query, (&read, &keys, &values))?;
            drafts.push((receiver.key, draft));
        }
        let attended = self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)?;
        let outs = receivers.iter().map(|r| (r.key, attended[&r.key], r.told.out, r.told.bias));
        self.project(frame, &site, "out", outs.collect())
    }

    /// The groups that each receiver reads.
    fn edges(
        &mut self,
        frame: &mut Frame<'a>,
        scope: &Scope,
        routed: bool,
        span: Span,
    ) -> Result<BTreeMap<Key, Vec<Edge>>> {
        let mut all = BTreeMap::new();
        for key in &scope.keys {
            let own = vec![Edge { read: *key, relation: Relation::All, span }];
            let edges = if routed && frame.block.is_some() {
                frame.reads.get(key).cloned().unwrap_or_default()
            } else {
                own
            };
            if routed {
                frame.read.extend(edges.iter().map(|edge| (*key, edge.read)));
            }
            all.insert(*key, edges);
        }
        Ok(all)
    }

    /// The queries, and the values from which keys and values are made.
    fn sides(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        routed: bool,
        edges: &BTreeMap<Key, Vec<Edge>>,
    ) -> Result<(Lanes, Lanes)> {
        let query = args.need("x");
        let read_keys: BTreeSet<Key> = edges.values().flatten().map(|edge| edge.read).collect();
        let all_keys: BTreeSet<Key> = read_keys.iter().chain(&scope.keys).copied().collect();
        let list = |keys: &BTreeSet<Key>| keys.iter().copied().collect::<Vec<Key>>();
        let pick = |lanes: &Lanes, keys: &[Key]| -> Lanes {
            keys.iter().filter_map(|key| Some((*key, *lanes.get(key)?))).collect()
        };
        match args.get("from") {
            // One evaluation for both sides: `norm(x)` of a group is its query's and its reader's.
            None if routed => {
                let mode = if frame.block.is_some() { Mode::Both } else { Mode::Own };
                let both = Scope { keys: list(&all_keys), mode };
                let lanes = self.operand(frame, query, &both)?;
                Ok((pick(&lanes, &scope.keys), pick(&lanes, &list(&read_keys))))
            }
            None => {
                let lanes = self.operand(frame, query, scope)?;
                Ok((lanes.clone(), lanes))
            }
            Some(from) => {
                let queries = self.operand(frame, query, scope)?;
                let mode = if routed { Mode::Read } else { Mode::Own };
                let there = Scope { keys: list(&read_keys), mode };
                Ok((queries, self.operand(frame, from, &there)?))
            }
        }
    }

    fn told(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
        query: ValueId,
    ) -> Result<Told> {
        let dim = self.model.shape(query).width;
        let mut size = |resolver: &mut Self, param: &str, default: u64| match args.get(param) {
            Some(expr) => resolver.integer_in(frame, expr, scope, 1..=MAX_WIDTH),
            None => Ok(default),
        };
        let heads = size(self, "heads", 1)?;
        let width = size(self, "width", dim)?;
        let out = size(self, "out", dim)?;
        if width % heads != 0 {
            let span = args.get("heads").map_or(args.span, |expr| expr.span);
            let message = format!("{heads} heads do not divide a width of {width}");
            let fitting: Vec<String> = (1..=width.min(64))
                .filter(|heads| width % heads == 0)
                .map(|heads| heads.to_string())
                .collect();
            let label = format!("{width} / {heads} is no integer");
            let diagnostic = Diagnostic::new(Code::DoesNotDivide, message, span, label);
            return Err(diagnostic.help(format!("these divide: {}", fitting.join(", "))).into());
        }
        let bias = self.bool_in(frame, args.get("bias"), scope, true)?;
        let within = match args.get("within") {
            Some(expr) => self.relation_in(frame, expr, scope)?,
            None => Relation::All,
        };
        let window = self.scores(frame, args, scope)?;
        let missing = match args.get("missing") {
            Some(expr) if self.word(frame, expr, words::MISSING)? == "absent" => Missing::Absent,
            Some(_) | None => Missing::Zero,
        };
        Ok(Told { heads, width, out, bias, within, window, missing })
    }

    /// `scores: none` or `scores: relative(window)`.
    fn scores(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Option<Vec<u64>>> {
        let Some(expr) = args.get("scores") else { return Ok(None) };
        if as_name(expr) == Some("none") {
            return Ok(None);
        }
        let Some(call) = as_call(expr).filter(|call| call.name.text == "relative") else {
            let message = "unknown score bias";
            return Err(Diagnostic::new(Code::UnknownWord, message, expr.span, "not known")
                .help("write `none` or `relative(window)`")
                .into());
        };
        let exprs: Vec<&Expr> = call.args.iter().map(|arg| &arg.value).collect();
        let window = self.sizes(frame, &exprs, scope)?;
        if let Some(name) = call.args.iter().find_map(|arg| arg.name.as_ref())
            && name.text != "window"
        {
            let message = format!("`relative` has no argument `{}`", name.text);
            return Err(Diagnostic::new(
                Code::UnknownArgument,
                message,
                name.span,
                "unknown argument",
            )
            .help("write `relative(window)`")
            .into());
        }
        if window.is_empty() {
            let message = "`relative` needs the window";
            return Err(Diagnostic::new(
                Code::ArgumentCount,
                message,
                call.span,
                "`window` is missing",
            )
            .help("write `relative(window)`")
            .into());
        }
        let positions = window.iter().try_fold(1u64, |n, w| n.checked_mul(2 * w - 1));
        if positions.is_none_or(|n| n > super::MAX_NUMBERS) {
            let message = "the table of relative positions is beyond the limits";
            return fail(Code::TooLarge, message, expr.span, "too large");
        }
        Ok(Some(window))
    }

    /// Linear maps of some values; the weights belong to the key.
    fn project(
        &mut self,
        frame: &Frame<'a>,
        site: &Site,
        part: &str,
        values: Vec<(Key, ValueId, u64, bool)>,
    ) -> Result<Lanes> {
        let init = Init::Truncated(Number::ratio(1, 50).expect("not zero"));
        let mut drafts = Vec::new();
        for (key, value, width, bias) in values {
            let shape = self.model.shape(value);
            let (from, shape) = (shape.width, Shape::new(shape.grid.clone(), width));
            let weights =
                self.linear_weights(site, key, part, (from, width), (bias, init.clone()))?;
            let operands = vec![value];
            drafts
                .push((key, Draft { op: Op::Linear, operands, weights, reads: Vec::new(), shape }));
        }
        self.emit(&join(&Self::step_path(site), part), site.span, frame.owner, drafts)
    }

    /// Keys and values of everything that is read; their weights belong to the group read.
    fn project_read(
        &mut self,
        frame: &Frame<'a>,
        site: &Site,
        receivers: &[Receiver],
        read: &Lanes,
    ) -> Result<(Lanes, Lanes)> {
        let mut values = Vec::new();
        let mut first_reader: BTreeMap<Key, &Receiver> = BTreeMap::new();
        let mut differs: BTreeMap<Key, &Receiver> = BTreeMap::new();
        for receiver in receivers {
            for edge in &receiver.edges {
                let first = *first_reader.entry(edge.read).or_insert(receiver);
                if (first.told.width, first.told.bias) != (receiver.told.width, receiver.told.bias)
                {
                    differs.entry(edge.read).or_insert(receiver);
                }
            }
        }
        for (key, value) in read {
            let Some(first) = first_reader.get(key) else { continue };
            if let Some(other) = differs.get(key) {
                let name = self.key_name(*key);
                let message = format!("`{name}` is read at two widths");
                let label = format!(
                    "{} for `{}`, {} for `{}`",
                    first.told.width,
                    self.key_name(first.key),
                    other.told.width,
                    self.key_name(other.key)
                );
                let diagnostic = Diagnostic::new(Code::WidthsDiffer, message, site.span, label);
                return Err(diagnostic.help("say one for all: `attend(.., width: ..)`").into());
            }
            values.push((*key, *value, first.told.width, first.told.bias));
        }
        let keys = self.project(frame, site, "k", values.clone())?;
        Ok((keys, self.project(frame, site, "v", values)?))
    }

    /// The attention of one receiver.
    fn core(
        &mut self,
        args: &Args<'a>,
        site: &Site,
        receiver: &Receiver,
        query: ValueId,
        (read, keys, values): (&Lanes, &Lanes, &Lanes),
    ) -> Result<Draft> {
        let told = &receiver.told;
        let mut operands = vec![query];
        let mut reads = Vec::new();
        for edge in &receiver.edges {
            if !read.contains_key(&edge.read) {
                continue; // Its value is broken, and reported.
            }
            let relation = edge.relation.clone().and(told.within.clone());
            let (key, value) = (keys[&edge.read], values[&edge.read]);
            self.check_relation(args, receiver, edge, &relation, (query, key))?;
            operands.extend([key, value]);
            let group = edge.read.or(self.model.value(read[&edge.read]).group);
            reads.push(Read { group, relation, span: edge.span });
        }
        let mut weights = Vec::new();
        if let Some(window) = &told.window {
            let positions = window.iter().map(|size| 2 * size - 1).product();
            let start =
                (Init::Truncated(Number::ratio(1, 50).expect("not zero")), WeightKind::Scores);
            let table = vec![told.heads, positions];
            weights.push(self.weight(site, receiver.key, "scores", table, start)?);
        }
        let (heads, window, missing) = (told.heads, told.window.clone(), told.missing);
        let op = Op::Attend { heads, window, missing };
        let shape = self.model.shape(query).clone();
        Ok(Draft { op, operands, weights, reads, shape })
    }

    /// A relation, and a relative score bias, must fit both grids.
    fn check_relation(
        &self,
        args: &Args<'a>,
        receiver: &Receiver,
        edge: &Edge,
        relation: &Relation,
        (query, key): (ValueId, ValueId),
    ) -> Result<()> {
        let (query, key) = (&self.model.shape(query).grid, &self.model.shape(key).grid);
        let scores = receiver.told.window.as_ref();
        let reason = match relation.fit(query, key) {
            Err(reason) => Some(reason),
            Ok(()) => scores.and_then(|window| window_misfit(window, relation, query, key)),
        };
        let Some(reason) = reason else { return Ok(()) };
        let (to, from) = (self.key_name(receiver.key), self.key_name(edge.read));
        let message = match receiver.key {
            Some(_) => format!("relation does not fit where `{to}` reads `{from}`"),
            None => "relation does not fit where this attends to itself".to_owned(),
        };
        let diagnostic = if edge.relation.fit(query, key).is_err() {
            Diagnostic::new(Code::RelationDoesNotFit, message, edge.span, reason)
                .also(args.span, "by this attention")
        } else {
            let diagnostic = Diagnostic::new(Code::RelationDoesNotFit, message, args.span, reason);
            if edge.span == args.span {
                diagnostic
            } else {
                diagnostic.also(edge.span, format!("`{to}` reads `{from}` here"))
            }
        };
        Err(diagnostic.into())
    }
}

/// Why a table of relative positions does not cover a pair of grids.
fn window_misfit(
    window: &[u64],
    relation: &Relation,
    query: &[u64],
    key: &[u64],
) -> Option<String> {
    if query != key || window.len() != query.len() {
        return Some(format!(
            "relative({window:?}) needs both grids equal, with {} dimensions; they are {} and {}",
            window.len(),
            super::grid_text(query),
            super::grid_text(key)
        ));
    }
    let within = |windows: &Relation| match windows {
        Relation::Windows(windows) => windows.size.iter().zip(window).all(|(a, b)| a <= b),
        Relation::All
        | Relation::Groups(_)
        | Relation::Causal
        | Relation::Part(_)
        | Relation::And(_) => false,
    };
    let bounded = match relation {
        Relation::And(all) => all.iter().any(within),
        one @ (Relation::All
        | Relation::Windows(_)
        | Relation::Groups(_)
        | Relation::Causal
        | Relation::Part(_)) => within(one),
    };
    let small = query.iter().zip(window).all(|(grid, size)| grid <= size);
    (!bounded && !small).then(|| {
        format!("relative({window:?}) needs `within: windows({window:?})` or a smaller window")
    })
}
