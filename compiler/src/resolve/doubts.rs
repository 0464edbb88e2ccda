//! What is allowed and probably not meant.
//!
//! In: the model, and who sees whom. Out: warnings about words whose order nobody knows, results that what is fed does not
//! reach, and arithmetic that became a comment. Deliberately not here: errors, and what is merely unused.

use std::collections::BTreeMap;

use zorro_grammar::ast::{self, BinaryOp, Expr, ExprKind, Item, Stmt, StmtKind};
use zorro_grammar::{Code, Diagnostic, SourceMap, Span};

use crate::flow::Flow;
use crate::model::{GroupId, Op, ValueId};
use crate::routing::Relation;

use super::Resolver;

impl Resolver<'_> {
    /// Warns of texts that are read all at once and carry no positions.
    pub(super) fn without_order(&self) -> Vec<Diagnostic> {
        // Of each value, the embedding whose order it has lost.
        let mut blind: BTreeMap<ValueId, ValueId> = BTreeMap::new();
        let mut found: BTreeMap<ValueId, Span> = BTreeMap::new();
        for step in &self.model.steps {
            for lane in &step.lanes {
                let of = |value: &ValueId| blind.get(value).copied();
                let first = lane.operands.first().and_then(of);
                let lost = match &step.op {
                    Op::Embed if self.model.shape(lane.result).tokens() > 1 => Some(lane.result),
                    Op::Attend { window, .. } => {
                        // Queries come first, then a key and a value for each group read.
                        let keys = lane.operands.iter().skip(1).step_by(2).zip(&lane.reads);
                        for (key, read) in keys.filter(|(_, read)| read.relation == Relation::All) {
                            if let (Some(embedding), None) = (of(key), window) {
                                found.entry(embedding).or_insert(read.span);
                            }
                        }
                        None
                    }
                    Op::Concat => lane.operands.iter().find_map(of),
                    // With something else added or joined, they may know their places.
                    Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Join | Op::Mean => {
                        let all = lane.operands.iter().all(|value| of(value).is_some());
                        first.filter(|_| all)
                    }
                    Op::Position { .. }
                    | Op::Pool(_)
                    | Op::Slice(..)
                    | Op::Gather(_)
                    | Op::Embed
                    | Op::Input(_)
                    | Op::Latents
                    | Op::Learned => None,
                    Op::Patches(_)
                    | Op::Linear
                    | Op::Absent
                    | Op::Norm { .. }
                    | Op::RmsNorm { .. }
                    | Op::Scale
                    | Op::Elementwise(_)
                    | Op::Softmax
                    | Op::Gated(_)
                    | Op::Affine { .. }
                    | Op::Reciprocal(_)
                    | Op::Dropout(_)
                    | Op::DropPath { .. }
                    | Op::Pad
                    | Op::Crop => first,
                };
                if let Some(embedding) = lost {
                    blind.insert(lane.result, embedding);
                }
            }
        }
        found
            .into_iter()
            .map(|(embedding, read)| {
                let span = self.model.made_by(embedding).0.span;
                let message = "attention does not know the order of these words";
                let label = "without positions, a text is a bag of words";
                Diagnostic::new(Code::NoPositions, message, span, label)
                    .also(read, "read here, all at once")
                    .help("write `|> position()` after it")
                    .edit(Span { start: span.end, ..span }, " |> position()")
            })
            .collect()
    }

    /// Groups made of what is fed that reach no result and read learned ones that do: their edges point the other way.
    fn reversed(&self, live: &[bool], flow: &Flow) -> Vec<(GroupId, GroupId, Span)> {
        let is_live =
            |group: GroupId| self.bound[group.index()].iter().any(|value| live[value.index()]);
        let is_fed = |group: GroupId| !flow.sees(self.model.groups[group.index()].start).is_empty();
        let mut edges: Vec<(GroupId, GroupId, Span)> = Vec::new();
        for lane in self.model.steps.iter().flat_map(|step| &step.lanes) {
            let Some(reader) = self
                .model
                .value(lane.result)
                .group
                .filter(|group| !is_live(*group) && is_fed(*group))
            else {
                continue;
            };
            for read in &lane.reads {
                let Some(from) = read.group.filter(|group| is_live(*group) && !is_fed(*group))
                else {
                    continue;
                };
                if !edges.iter().any(|(a, b, _)| (*a, *b) == (reader, from)) {
                    edges.push((reader, from, read.span));
                }
            }
        }
        edges
    }

    /// Warns of routes that are written the wrong way round. The groups that this is said of.
    pub(super) fn warn_reversed(
        &self,
        live: &[bool],
        flow: &Flow,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<GroupId> {
        let edges = self.reversed(live, flow);
        let mut readers: Vec<GroupId> = edges.iter().map(|(reader, ..)| *reader).collect();
        let mut all_read: Vec<GroupId> = edges.iter().map(|(_, from, _)| *from).collect();
        readers.sort_unstable();
        readers.dedup();
        all_read.sort_unstable();
        all_read.dedup();
        for from in all_read {
            let here: Vec<&(GroupId, GroupId, Span)> =
                edges.iter().filter(|(_, read, _)| *read == from).collect();
            let name = self.model.group_name(from);
            let names: Vec<&str> =
                here.iter().map(|(reader, ..)| self.model.group_name(*reader)).collect();
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let them = quoted.join(" and ");
            let verb = if names.len() == 1 { "reads" } else { "read" };
            let message = format!("{them} {verb} `{name}`, and nobody reads {them}");
            let mut diagnostic = None;
            for (reader, _, span) in here {
                let text = format!(
                    "`{}` reads `{name}`, not the other way round",
                    self.model.group_name(*reader)
                );
                diagnostic = Some(match diagnostic {
                    None => Diagnostic::new(Code::NothingArrives, message.clone(), *span, text),
                    Some(diagnostic) => Diagnostic::also(diagnostic, *span, text),
                });
            }
            found.extend(diagnostic.map(|diagnostic| {
                let reads = names.iter().copied().chain(self.names_read_by(from)).collect::<Vec<_>>();
                let help = format!(
                    "who reads stands on the left: if `{name}` is to read {them}, write `{name} <- {}`",
                    reads.join(", ")
                );
                diagnostic.help(help)
            }));
        }
        readers
    }

    /// What a group reads.
    fn names_read_by(&self, reader: GroupId) -> Vec<&str> {
        let mut read: Vec<GroupId> = Vec::new();
        for lane in self.model.steps.iter().flat_map(|step| &step.lanes) {
            if self.model.value(lane.result).group == Some(reader) {
                read.extend(lane.reads.iter().filter_map(|read| read.group));
            }
        }
        read.sort_unstable();
        read.dedup();
        read.into_iter().map(|group| self.model.group_name(group)).collect()
    }

    /// Warns of outputs that are the same for every sample.
    pub(super) fn warn_constant(&self, flow: &Flow, found: &mut Vec<Diagnostic>) {
        if self.model.modalities.is_empty() || found.iter().any(|d| d.code == Code::NothingArrives)
        {
            return;
        }
        for output in self.model.outputs.iter().filter(|output| flow.sees(output.value).is_empty())
        {
            let message = format!("output `{}` reads no modality", output.name);
            let label = "the same for every sample";
            found.push(
                Diagnostic::new(Code::NothingArrives, message, output.span, label)
                    .help("let what it is made of read something: `apply perceiver(heads: 4) over { a <- b }`"),
            );
        }
    }
}

/// Warns of `a // b` in a declaration, where all after the slashes is a comment.
pub(super) fn divisions(file: &ast::File, sources: &SourceMap) -> Vec<Diagnostic> {
    let text = sources.file(file.id).text.as_str();
    let mut found = Vec::new();
    for item in &file.items {
        let body = match item {
            Item::Model(model) => &model.body,
            Item::Block(block) => &block.body,
            Item::Use(_) => continue,
        };
        in_body(body, &mut |value| found.extend(divided(file, text, value)));
    }
    found
}

fn in_body(body: &[Stmt], see: &mut dyn FnMut(&Expr)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Param(binding) | StmtKind::Let(binding) => see(&binding.value),
            StmtKind::Repeat { body, .. } => in_body(body, see),
            StmtKind::When { arms, otherwise } => {
                arms.iter().for_each(|(_, body)| in_body(body, see));
                otherwise.iter().for_each(|body| in_body(body, see));
            }
            StmtKind::Modality(_)
            | StmtKind::Tokens { .. }
            | StmtKind::Assign { .. }
            | StmtKind::Route { .. }
            | StmtKind::Apply(_)
            | StmtKind::Target(_)
            | StmtKind::Output(_)
            | StmtKind::Objective(_)
            | StmtKind::Assert { .. } => {}
        }
    }
}

fn divided(file: &ast::File, text: &str, value: &Expr) -> Option<Diagnostic> {
    let at = file.comments.binary_search_by_key(&value.span.end, |comment| comment.span.start);
    let comment = file.comments.get(at.unwrap_or_else(|next| next))?;
    let between = &text[value.span.end as usize..comment.span.start as usize];
    let divisor = comment.text.strip_prefix("//")?.trim();
    let is_operand = |c: char| c.is_ascii_alphanumeric() || "_.+-*/%() ".contains(c);
    let is_arithmetic = divisor.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '(')
        && divisor.chars().all(is_operand)
        // Two words in a row are a sentence.
        && !divisor.split(['+', '-', '*', '/', '%', '(', ')']).any(|part| part.trim().contains(' '));
    let is_number = divisor.starts_with(|c: char| c.is_ascii_digit());
    if !between.trim().is_empty() || between.contains('\n') || !is_arithmetic || !computes(value) {
        return None;
    }
    // `12 // heads` may be a remark; `dim // heads` is not.
    if matches!(value.kind, ExprKind::Number(_))
        || !(is_number || divisor.contains('.') || !divisor.contains(' '))
    {
        return None;
    }
    let written = format!("floor({} / {divisor})", &text[value.span.range()]);
    let span = value.span.to(comment.span);
    let message = "`//` begins a comment: nothing is divided";
    Some(
        Diagnostic::new(Code::CommentedOut, message, comment.span, "a comment")
            .write(span, written),
    )
}

/// Whether an expression is made of names, numbers and operators.
fn computes(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Name(_) => true,
        ExprKind::Attribute { value, .. } | ExprKind::Paren(value) => computes(value),
        ExprKind::Binary { op, left, right } => {
            matches!(
                op,
                BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem
            ) && computes(left)
                && computes(right)
        }
        ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::List(_)
        | ExprKind::Call(_)
        | ExprKind::Pipe { .. }
        | ExprKind::Unary { .. }
        | ExprKind::If { .. }
        | ExprKind::Index { .. }
        | ExprKind::Slice { .. } => false,
    }
}
