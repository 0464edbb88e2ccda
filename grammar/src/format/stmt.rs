//! Items, statements and edges to docs.
//!
//! In: the tree and the text. Out: docs with all comments. Deliberately not here: expressions.

mod body;

use super::comments::Comments;
use super::doc::{Align, Body, Doc, Lead, width};
use super::expr::Placed;
use crate::ast::{
    Apply, Binding, Block, Claim, Comment, Edge, Endpoint, Expr, Item, Model, Name, Read,
    RouteExpr, Sharing, Stmt, StmtKind,
};

/// Makes docs of one file.
pub(super) struct Builder<'a> {
    pub(super) comments: Comments<'a>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Comment]) -> Self {
        Self { comments: Comments::new(text, comments) }
    }

    fn item(&mut self, item: &Item) -> Doc {
        match item {
            Item::Use(item) => Doc::text(format!("use \"{}\"", item.path)),
            Item::Model(Model { name, body, .. }) => {
                let (body, _) = self.braces(name.span.range().end, body, Vec::new());
                Doc::Seq(vec![Doc::text(format!("model {} ", name.text)), Doc::Body(body)])
            }
            Item::Block(block) => self.block(block),
        }
    }

    fn block(&mut self, Block { name, params, body, .. }: &Block) -> Doc {
        let open = self.comments.find(name.span.range().end, '(');
        let mut end = open + 1;
        let mut placed = Vec::new();
        for param in params {
            let start = param.name.span.range().start;
            end = param.name.span.range().end;
            let mut docs = vec![Doc::text(&param.name.text)];
            if let Some(default) = &param.default {
                end = default.span.range().end;
                docs.extend([Doc::text(" = "), self.expr(default)]);
            }
            placed.push((start..end, Doc::Seq(docs)));
        }
        let close = self.comments.find(end, ')');
        let params = self.list('(', ')', open + 1..close, placed);
        let (body, _) = self.braces(close + 1, body, Vec::new());
        let head = Doc::text(format!("block {}", name.text));
        Doc::Seq(vec![head, params, Doc::text(" "), Doc::Body(body)])
    }

    fn stmt(&mut self, stmt: &Stmt) -> (Doc, Option<Align>) {
        let end = stmt.span.range().end;
        let doc = match &stmt.kind {
            StmtKind::Param(binding) => return self.binding("param", binding),
            StmtKind::Let(binding) => return self.binding("let", binding),
            StmtKind::Modality(binding) => return self.binding("modality", binding),
            StmtKind::Target(binding) => return self.binding("target", binding),
            StmtKind::Output(binding) => return self.binding("output", binding),
            StmtKind::Objective(binding) => return self.binding("objective", binding),
            StmtKind::Tokens { names, value } => return self.tokens(names, value),
            StmtKind::Assign { name, op, value } => {
                let head = format!("{} {} ", name.text, op.symbol());
                Doc::Seq(vec![Doc::text(head), self.expr(value)])
            }
            StmtKind::Route { name, edges } => {
                let open = self.comments.find(name.span.range().end, '{');
                let head = Doc::text(format!("route {} ", name.text));
                Doc::Seq(vec![head, Doc::Body(self.body(open + 1..end - 1, edges, Vec::new()))])
            }
            StmtKind::Apply(apply) => self.apply(apply),
            StmtKind::Repeat { label, count, counter, body } => {
                let head = Doc::text(format!("{}repeat ", labeled(label.as_ref())));
                let count_end = count.span.range().end;
                let body_from = counter.as_ref().map_or(count_end, |name| name.span.range().end);
                let counter = counter.as_ref().map(|name| format!("as {} ", name.text));
                let counter = Doc::text(format!(" {}", counter.unwrap_or_default()));
                let (body, _) = self.braces(body_from, body, Vec::new());
                Doc::Seq(vec![head, self.expr(count), counter, Doc::Body(body)])
            }
            StmtKind::When { arms, otherwise } => self.when(arms, otherwise.as_deref()),
            StmtKind::Assert { name, claim } => match claim {
                Claim::ReadsOnly(only) if only.is_empty() => {
                    Doc::text(format!("assert {} reads nothing", name.text))
                }
                Claim::ReadsOnly(only) => {
                    let head = Doc::text(format!("assert {} reads only ", name.text));
                    let only = only.iter().map(placed_name).collect();
                    Doc::Seq(vec![head, self.names(only)])
                }
                Claim::CausalIn(modality) => {
                    Doc::text(format!("assert {} causal in {}", name.text, modality.text))
                }
            },
        };
        (doc, None)
    }

    fn binding(&mut self, word: &'static str, binding: &Binding) -> (Doc, Option<Align>) {
        let head = format!("{word} {} ", binding.name.text);
        let align = Align { word, column: Some(width(&head)) };
        let docs = vec![Doc::text(head), Doc::text("= "), self.expr(&binding.value)];
        (Doc::Seq(docs), Some(align))
    }

    fn tokens(&mut self, names: &[Name], value: &Expr) -> (Doc, Option<Align>) {
        let names = self.names(names.iter().map(placed_name).collect());
        let column = flat_width(&names).map(|names| names + width("tokens  "));
        let docs = vec![Doc::text("tokens "), names, Doc::text(" = "), self.expr(value)];
        (Doc::Seq(docs), Some(Align { word: "tokens", column }))
    }

    fn when(&mut self, arms: &[(Expr, Vec<Stmt>)], otherwise: Option<&[Stmt]>) -> Doc {
        let mut docs = Vec::new();
        let mut end = None;
        for (condition, body) in arms {
            let range = condition.span.range();
            docs.push(Doc::text(if end.is_none() { "when " } else { " else when " }));
            docs.push(self.expr(condition));
            docs.push(Doc::text(" "));
            // A comment before `else` goes to the top of what it explains.
            let before = end.map_or(Vec::new(), |end| self.before_body(end, range.end));
            let (body, close) = self.braces(range.end, body, before);
            docs.push(Doc::Body(body));
            end = Some(close + 1);
        }
        if let (Some(body), Some(end)) = (otherwise, end) {
            let before = self.before_body(end, end);
            docs.push(Doc::text(" else "));
            docs.push(Doc::Body(self.braces(end, body, before).0));
        }
        let bodies = docs.iter_mut().filter_map(|doc| match doc {
            Doc::Body(body) => Some(body),
            Doc::Text(_) | Doc::Seq(_) | Doc::List(_) | Doc::Chain(_) => None,
        });
        let mut bodies: Vec<&mut Body> = bodies.collect();
        let inline = bodies.iter().all(|body| body.inline);
        bodies.iter_mut().for_each(|body| body.inline = inline);
        Doc::Seq(docs)
    }

    /// The comments between `start` and the first brace after `end`.
    fn before_body(&mut self, start: usize, end: usize) -> Vec<Lead> {
        let open = self.comments.find(end, '{');
        let comments = self.comments.rest(start..open);
        comments.into_iter().map(|text| Lead { text, blank: false }).collect()
    }

    fn apply(&mut self, apply: &Apply) -> Doc {
        let Apply { label, block, args, over, weights } = apply;
        let mut docs = vec![Doc::text(format!("{}apply {}", labeled(label.as_ref()), block.text))];
        let name_end = block.span.range().end;
        let over_at = over.span().range().start;
        if let Some(open) = self.comments.find_in(name_end..over_at, '(') {
            let from = args.last().map_or(open + 1, |arg| arg.value.span.range().end);
            let close = self.comments.find(from, ')');
            docs.push(self.args(open, close, args));
        }
        docs.push(Doc::text(" over "));
        docs.push(self.route_expr(over));
        docs.push(Doc::text(sharing(weights)));
        Doc::Seq(docs)
    }

    fn route_expr(&mut self, over: &RouteExpr) -> Doc {
        match over {
            RouteExpr::Named(name) => Doc::text(&name.text),
            RouteExpr::Inline { edges, span } => {
                let span = span.range();
                Doc::Body(self.body(span.start + 1..span.end - 1, edges, Vec::new()))
            }
            RouteExpr::If { arms, otherwise, .. } => {
                let mut links = Vec::new();
                for (condition, name) in arms {
                    let range = condition.span.range().start..name.span.range().end;
                    let value = Doc::text(&name.text);
                    links.push(self.arm(range, condition, value, links.is_empty()));
                }
                let name = Doc::text(&otherwise.text);
                links.push(self.otherwise(otherwise.span.range(), |_| name));
                self.chain(links)
            }
        }
    }

    fn edge(&mut self, edge: &Edge) -> (Doc, Option<Align>) {
        let receivers = edge.receivers.iter().map(placed_endpoint).collect();
        let receivers = self.names(receivers);
        if edge.reads.is_empty() {
            return (receivers, Some(Align { word: "<-", column: None }));
        }
        let column = flat_width(&receivers).map(|receivers| receivers + 1);
        let reads = edge.reads.iter().map(|read| self.read(read)).collect();
        let reads = self.names(reads);
        let docs = vec![receivers, Doc::text(" <- "), reads];
        (Doc::Seq(docs), Some(Align { word: "<-", column }))
    }

    fn read(&mut self, read: &Read) -> Placed {
        let (mut range, from) = placed_endpoint(&read.from);
        match &read.within {
            Some(within) => {
                range.end = within.span.range().end;
                (range, Doc::Seq(vec![from, Doc::text(" within "), self.expr(within)]))
            }
            None => (range, from),
        }
    }
}

fn flat_width(doc: &Doc) -> Option<usize> {
    let mut text = String::new();
    doc.flat(&mut text).then(|| width(&text))
}

fn placed_name(name: &Name) -> Placed {
    (name.span.range(), Doc::text(&name.text))
}

fn placed_endpoint(endpoint: &Endpoint) -> Placed {
    match endpoint {
        Endpoint::Group(name) => placed_name(name),
        Endpoint::All(span) => (span.range(), Doc::text("*")),
    }
}

fn labeled(label: Option<&Name>) -> String {
    label.map_or(String::new(), |label| format!("{}: ", label.text))
}

/// With the blank before it.
fn sharing(sharing: &Sharing) -> String {
    let tie = sharing.tie.as_ref().map_or(String::new(), |tie| format!(" {}", tie.text));
    match (tie.as_str(), sharing.per_group) {
        ("", false) => String::new(),
        (_, false) => format!(" weights{tie}"),
        (_, true) => format!(" weights{tie} per group"),
    }
}
