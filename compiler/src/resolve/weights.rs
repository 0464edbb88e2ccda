//! Weights and their names.
//!
//! A weight is named by where it stands: labels and loop numbers, the group if weights are per group, blocks that are called, the
//! operation, its part. The groups of an apply share a weight by asking for the same name from the same site; a tie shares it
//! between all sites; anyone else who asks for a name that is taken gets an error that asks for a label.

use std::collections::BTreeMap;

use zorro_grammar::ast::{Expr, ExprKind};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Init, Weight, WeightId, WeightKind};
use crate::number::Number;

use super::function;
use super::value::Key;
use super::{Frame, Naming, Resolver, Result, Site, check_weight, fail, grid_text, join};

impl<'a> Resolver<'a> {
    /// The name of the next operation or loop of a kind under a prefix: `norm`, then `norm_2`.
    pub(super) fn numbered(&mut self, path: &str, kind: &str) -> String {
        let kinds = self.counters.entry(path.to_owned()).or_default();
        let count = kinds.entry(kind.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 { kind.to_owned() } else { format!("{kind}_{count}") }
    }

    /// Starts numbering anew under a prefix, as every application of a tied block does.
    pub(super) fn restart_numbers(&mut self, path: &str) {
        let below = format!("{path}.");
        self.counters.remove(path);
        let names = self.counters.range(below.clone()..).map(|(name, _)| name);
        let names: Vec<String> =
            names.take_while(|name| name.starts_with(&below)).cloned().collect();
        for name in names {
            self.counters.remove(&name);
        }
    }

    /// Opens the place where an operation stands. `weights` is its argument of that name.
    pub(super) fn site(
        &mut self,
        frame: &Frame<'a>,
        kind: &str,
        span: Span,
        weights: Option<&'a Expr>,
    ) -> Result<Site> {
        let tie = weights.map(tie_name).transpose()?;
        if let Some(name) = tie
            && function::is_name(kind)
        {
            let (first_kind, first) =
                self.ties.entry(name).or_insert_with(|| (kind.to_owned(), span)).clone();
            if first_kind != kind {
                let message = format!("`{name}` ties a `{kind}` to a `{first_kind}`");
                return Err(Diagnostic::new(Code::TieMismatch, message, span, format!("`{kind}`"))
                    .also(first, format!("`{first_kind}`"))
                    .help("tie operations of one kind, or use another name")
                    .into());
            }
        }
        self.spend_bytes(frame.naming.path.len(), span)?;
        self.next_site += 1;
        let mut naming = frame.naming.clone();
        let name = match tie {
            Some(tie) => {
                naming.place = join(&naming.place, tie);
                naming.path = tie.to_owned();
                naming.outer = tie.len();
                naming.tied = true;
                String::new()
            }
            None => self.numbered(&naming.path, kind),
        };
        Ok(Site { naming, name, id: self.next_site, span, from: frame.from })
    }

    /// The weight of a part of an operation for a key.
    pub(super) fn weight(
        &mut self,
        site: &Site,
        key: Key,
        part: &str,
        shape: Vec<u64>,
        (init, kind): (Init, WeightKind),
    ) -> Result<WeightId> {
        check_weight(&shape, site.span)?;
        let (prefix, former) = self.prefix(site, key);
        let name = join(&prefix, part);
        let former = former.map(|prefix| join(&prefix, part));
        let owner = if site.naming.tied { None } else { Some(site.id) };
        if let Some((id, made_by, first)) = self.weight_sites.get(&name).copied() {
            let existing = &self.model.weights[id.index()];
            return if made_by != owner {
                Err(clash(site, existing).into())
            } else if existing.shape != shape || existing.init != init || existing.kind != kind {
                Err(self.mismatch(site, (first, key), existing, &shape, &init).into())
            } else {
                Ok(id)
            };
        }
        self.keep_name(&name, site.span)?;
        let id = WeightId::next(self.model.weights.len());
        let span = site.span;
        self.model.weights.push(Weight { name: name.clone(), former, shape, init, kind, span });
        self.weight_sites.insert(name, (id, owner, key));
        Ok(id)
    }

    /// `layers.3.video.mlp.linear` of a site: a group stands before the blocks that are called. And what it was called when
    /// the group stood behind them.
    fn prefix(&self, site: &Site, key: Key) -> (String, Option<String>) {
        let Naming { path, outer, per_group, .. } = &site.naming;
        let Some(group) = key.filter(|_| *per_group) else {
            return (Self::weights_path(site), None);
        };
        let group = self.model.group_name(group);
        let (before, called) = path.split_at(*outer);
        let called = called.trim_start_matches('.');
        let name = join(&join(&join(before, group), called), &site.name);
        let former = join(&join(path, group), &site.name);
        (name, (!called.is_empty()).then_some(former))
    }

    /// The place of a step: its site without the group.
    pub(super) fn step_path(site: &Site) -> String {
        join(&site.naming.place, &site.name)
    }

    /// The prefix of a site's weights, without the group.
    pub(super) fn weights_path(site: &Site) -> String {
        join(&site.naming.path, &site.name)
    }

    /// The error for a weight that would need two shapes or starts.
    fn mismatch(
        &self,
        site: &Site,
        (first, key): (Key, Key),
        existing: &Weight,
        shape: &[u64],
        init: &Init,
    ) -> Diagnostic {
        if site.naming.tied {
            let message = format!("tied weight `{}` differs", existing.name);
            let label = format!("shape {shape:?}, start {init} here");
            let there = format!("shape {:?}, start {} here", existing.shape, existing.init);
            return Diagnostic::new(Code::TieMismatch, message, site.span, label)
                .also(existing.span, there)
                .help("tie only what has the same shape and start, or use another name");
        }
        let (first, second) = (self.key_name(first), self.key_name(key));
        let message = format!("`{first}` and `{second}` share weights and need different ones");
        let label = format!(
            "`{}` is {} for `{first}` and {} for `{second}`",
            existing.name,
            grid_text(&existing.shape),
            grid_text(shape)
        );
        let diagnostic = Diagnostic::new(Code::WidthsDiffer, message, site.span, label);
        let diagnostic = match site.from {
            Some(span) => diagnostic.also(span, "these groups share their weights"),
            None => diagnostic,
        };
        diagnostic
            .help("bring them to one width before, with `linear`")
            .help("or give each group its own: `apply .. over .. weights per group`")
    }

    /// Weights of a linear map: a matrix, and a bias if there is one.
    pub(super) fn linear_weights(
        &mut self,
        site: &Site,
        key: Key,
        part: &str,
        (from, to): (u64, u64),
        (bias, init): (bool, Init),
    ) -> Result<Vec<WeightId>> {
        let matrix = (init, WeightKind::Matrix);
        let mut weights =
            vec![self.weight(site, key, &join(part, "weight"), vec![to, from], matrix)?];
        if bias {
            let start = (Init::Constant(Number::ZERO), WeightKind::Bias);
            weights.push(self.weight(site, key, &join(part, "bias"), vec![to], start)?);
        }
        Ok(weights)
    }

    /// Remembers that a block was applied under a prefix; the first place, if it was before.
    pub(super) fn apply_path(&mut self, path: &str, span: Span) -> Option<Span> {
        match self.applied.get(path) {
            Some(first) => Some(*first),
            None => {
                self.applied.insert(path.to_owned(), span);
                None
            }
        }
    }
}

impl Naming {
    /// Of what stands under a name within.
    pub(super) fn within(&self, name: &str) -> Self {
        let (place, path) = (join(&self.place, name), join(&self.path, name));
        Self { place, path, ..self.clone() }
    }
}

/// The error for a name that is taken.
fn clash(site: &Site, existing: &Weight) -> Diagnostic {
    let message = format!("two weights would be called `{}`", existing.name);
    let diagnostic = match (site.naming.clash, site.from) {
        (Some(first), Some(second)) => {
            Diagnostic::new(Code::WeightNameClash, message, second, "applied again here")
                .also(first, "first applied here")
        }
        (Some(_) | None, _) => {
            Diagnostic::new(Code::WeightNameClash, message, site.span, "the second one")
                .also(existing.span, "the first one")
        }
    };
    diagnostic.help(
        "give the place a label, `name: apply ..`; or tie both on purpose with `weights name`",
    )
}

/// The name in `weights: NAME`.
fn tie_name(expr: &Expr) -> Result<&str> {
    if let ExprKind::Name(name) | ExprKind::Text(name) = &expr.kind {
        return Ok(name);
    }
    fail(Code::WrongType, "a tie has a name", expr.span, "write a name: `weights: shared`")
}

/// Counters under each prefix.
pub(super) type Counters = BTreeMap<String, BTreeMap<String, u32>>;
