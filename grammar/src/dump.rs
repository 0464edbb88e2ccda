//! The tree as text: the form in which tests compare trees and snapshots show them.
//!
//! In: an [`ast::File`](crate::ast::File). Out: one line a statement, bodies indented, expressions in prefix form:
//! `let a = (* b (call f 1))`. Deliberately not here: spans and comments (the lines of `///` that belong to
//! a statement are in the tree and so in the text).

use std::fmt::Write;

use crate::ast::{
    Apply, Arg, Binding, Block, Call, Claim, Edge, Endpoint, Expr, ExprKind, File, Item, Name,
    RouteExpr, Stmt, StmtKind,
};

/// The tree as text, without spans.
#[must_use]
pub fn dump(file: &File) -> String {
    let mut dump = Dump { text: String::new() };
    for item in &file.items {
        match item {
            Item::Use(item) => dump.line(0, format!("use {:?}", item.path)),
            Item::Model(model) => {
                dump.docs(0, &model.docs);
                dump.line(0, format!("model {}", model.name.text));
                dump.stmts(1, &model.body);
            }
            Item::Block(block) => {
                dump.docs(0, &block.docs);
                dump.line(0, block_head(block));
                dump.stmts(1, &block.body);
            }
        }
    }
    dump.text
}

struct Dump {
    text: String,
}

impl Dump {
    fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        let blanks = depth * 2;
        writeln!(self.text, "{:blanks$}{}", "", text.as_ref()).expect("a string takes all");
    }

    fn docs(&mut self, depth: usize, docs: &[String]) {
        for doc in docs {
            self.line(depth, format!("doc {doc:?}"));
        }
    }

    fn stmts(&mut self, depth: usize, stmts: &[Stmt]) {
        for stmt in stmts {
            self.docs(depth, &stmt.docs);
            self.stmt(depth, &stmt.kind);
        }
    }

    fn stmt(&mut self, depth: usize, stmt: &StmtKind) {
        match stmt {
            StmtKind::Param(binding) => self.line(depth, bound("param", binding)),
            StmtKind::Let(binding) => self.line(depth, bound("let", binding)),
            StmtKind::Modality(binding) => self.line(depth, bound("modality", binding)),
            StmtKind::Target(binding) => self.line(depth, bound("target", binding)),
            StmtKind::Output(binding) => self.line(depth, bound("output", binding)),
            StmtKind::Objective(binding) => self.line(depth, bound("objective", binding)),
            StmtKind::Tokens { names, value } => {
                self.line(depth, format!("tokens {} = {}", joined(names), expr(value)));
            }
            StmtKind::Assign { name, op, value } => {
                self.line(depth, format!("{} {} {}", name.text, op.symbol(), expr(value)));
            }
            StmtKind::Route { name, edges } => {
                self.line(depth, format!("route {}", name.text));
                self.edges(depth + 1, edges);
            }
            StmtKind::Apply(apply) => self.apply(depth, apply),
            StmtKind::Repeat { label, count, counter, body } => {
                let counter =
                    counter.as_ref().map_or(String::new(), |name| format!(" as {}", name.text));
                self.line(
                    depth,
                    format!("{}repeat {}{counter}", labeled(label.as_ref()), expr(count)),
                );
                self.stmts(depth + 1, body);
            }
            StmtKind::When { arms, otherwise } => {
                for (condition, body) in arms {
                    self.line(depth, format!("when {}", expr(condition)));
                    self.stmts(depth + 1, body);
                }
                if let Some(body) = otherwise {
                    self.line(depth, "else");
                    self.stmts(depth + 1, body);
                }
            }
            StmtKind::Assert { name, claim } => {
                let claim = match claim {
                    Claim::ReadsOnly(only) => format!("reads only [{}]", joined(only)),
                    Claim::CausalIn(modality) => format!("causal in {}", modality.text),
                };
                self.line(depth, format!("assert {} {claim}", name.text));
            }
        }
    }

    fn apply(&mut self, depth: usize, apply: &Apply) {
        let mut line = format!("{}apply {}", labeled(apply.label.as_ref()), apply.block.text);
        line.extend(apply.args.iter().map(arg));
        line.push_str(" over ");
        match &apply.over {
            RouteExpr::Named(name) => line.push_str(&name.text),
            RouteExpr::Inline { .. } => line.push_str("edges"),
            RouteExpr::If { arms, otherwise, .. } => {
                let arms = arms.iter().map(|(when, name)| format!(" {} {}", expr(when), name.text));
                let arms: String = arms.collect();
                line.push_str(&format!("(if{arms} {})", otherwise.text));
            }
        }
        if let Some(tie) = &apply.weights.tie {
            line.push_str(&format!(" weights {}", tie.text));
        }
        if apply.weights.per_group {
            line.push_str(" per group");
        }
        self.line(depth, line);
        if let RouteExpr::Inline { edges, .. } = &apply.over {
            self.edges(depth + 1, edges);
        }
    }

    fn edges(&mut self, depth: usize, edges: &[Edge]) {
        for edge in edges {
            let receivers: Vec<&str> = edge.receivers.iter().map(endpoint).collect();
            let reads = edge.reads.iter().map(|read| {
                let within = read.within.as_ref();
                let within =
                    within.map_or(String::new(), |within| format!(" within {}", expr(within)));
                format!("{}{within}", endpoint(&read.from))
            });
            let reads: Vec<String> = reads.collect();
            self.line(depth, format!("{} <- [{}]", receivers.join(", "), reads.join(", ")));
        }
    }
}

fn block_head(block: &Block) -> String {
    let mut line = format!("block {}", block.name.text);
    for param in &block.params {
        let default = param.default.as_ref();
        let default = default.map_or(String::new(), |value| format!(" = {}", expr(value)));
        line.push_str(&format!(" ({}{default})", param.name.text));
    }
    line
}

fn bound(keyword: &str, binding: &Binding) -> String {
    format!("{keyword} {} = {}", binding.name.text, expr(&binding.value))
}

fn labeled(label: Option<&Name>) -> String {
    label.map_or(String::new(), |label| format!("{}: ", label.text))
}

fn joined(names: &[Name]) -> String {
    names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", ")
}

fn endpoint(endpoint: &Endpoint) -> &str {
    match endpoint {
        Endpoint::Group(name) => &name.text,
        Endpoint::All(_) => "*",
    }
}

fn call(call: &Call) -> String {
    let args: String = call.args.iter().map(arg).collect();
    format!("(call {}{args})", call.name.text)
}

/// With the blank before it.
fn arg(arg: &Arg) -> String {
    let name = arg.name.as_ref().map_or(String::new(), |name| format!("{}: ", name.text));
    format!(" {name}{}", expr(&arg.value))
}

fn expr(of: &Expr) -> String {
    match &of.kind {
        ExprKind::Number(text) | ExprKind::Name(text) => text.clone(),
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::List(values) => {
            let values: Vec<String> = values.iter().map(expr).collect();
            format!("[{}]", values.join(" "))
        }
        ExprKind::Call(of) => call(of),
        ExprKind::Pipe { value, call: to } => format!("(|> {} {})", expr(value), call(to)),
        ExprKind::Unary { op, value } => format!("({} {})", op.symbol(), expr(value)),
        ExprKind::Binary { op, left, right } => {
            format!("({} {} {})", op.symbol(), expr(left), expr(right))
        }
        ExprKind::If { arms, otherwise } => {
            let arms = arms.iter().map(|(when, then)| format!("{} {} ", expr(when), expr(then)));
            format!("(if {}{})", arms.collect::<String>(), expr(otherwise))
        }
        ExprKind::Attribute { value, name } => format!("(. {} {})", expr(value), name.text),
        ExprKind::Index { value, index } => format!("(at {} {})", expr(value), expr(index)),
        ExprKind::Slice { value, start, end } => {
            let bound = |bound: &Option<Box<Expr>>| bound.as_deref().map_or("_".to_owned(), expr);
            format!("(slice {} {} {})", expr(value), bound(start), bound(end))
        }
        ExprKind::Paren(value) => format!("(paren {})", expr(value)),
    }
}
