//! Names that are declared and never mentioned.
//!
//! This looks at the text alone: a route in a branch that is not taken counts as used.

use std::collections::BTreeSet;

use zorro_grammar::ast::{self, Endpoint, Expr, Item, Name, RouteExpr, Stmt, StmtKind};
use zorro_grammar::{Code, Diagnostic};

use super::evaluate::{visit_calls, visit_names};

/// What is declared, and what is mentioned.
#[derive(Default)]
struct Names<'a> {
    declared: Vec<(&'a Name, Code, &'static str)>,
    mentioned: BTreeSet<String>,
    /// Blocks and operations.
    called: BTreeSet<String>,
    /// In the model, tokens are judged by whether they reach a result.
    in_block: bool,
}

/// Warns of params, names, routes, targets and block params that nobody mentions.
pub(super) fn names(model: &ast::Model, items: &[Item]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut names = Names::default();
    names.body(&model.body);
    names.report(&mut diagnostics);
    let mut called = names.called;
    for item in items {
        let Item::Block(block) = item else { continue };
        let mut names = Names { in_block: true, ..Names::default() };
        for param in &block.params {
            names.declared.push((&param.name, Code::UnusedParam, "param"));
            param.default.iter().for_each(|expr| names.expr(expr));
        }
        names.body(&block.body);
        names.report(&mut diagnostics);
        called.extend(names.called);
    }
    for item in items {
        if let Item::Block(block) = item
            && !called.contains(&block.name.text)
        {
            let message = format!("block `{}` is never used", block.name.text);
            let label = "never applied and never called, so never checked";
            diagnostics.push(Diagnostic::new(Code::UnusedName, message, block.name.span, label));
        }
    }
    diagnostics
}

impl<'a> Names<'a> {
    fn report(&self, diagnostics: &mut Vec<Diagnostic>) {
        for (name, code, what) in &self.declared {
            if self.mentioned.contains(&name.text) {
                continue;
            }
            let verb = if *code == Code::UnusedRoute { "applied" } else { "used" };
            let message = format!("{what} `{}` is never {verb}", name.text);
            let label = format!("nobody mentions this {what}");
            diagnostics.push(Diagnostic::new(*code, message, name.span, label));
        }
    }

    fn expr(&mut self, expr: &Expr) {
        visit_calls(expr, &mut |call| {
            self.called.insert(call.name.text.clone());
        });
        visit_names(expr, &mut |name| {
            self.mentioned.insert(name.to_owned());
        });
    }

    fn mention(&mut self, name: &Name) {
        self.mentioned.insert(name.text.clone());
    }

    fn body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Param(binding) => {
                self.declared.push((&binding.name, Code::UnusedParam, "param"));
                self.expr(&binding.value);
            }
            StmtKind::Let(binding) => {
                self.declared.push((&binding.name, Code::UnusedName, "name"));
                self.expr(&binding.value);
            }
            StmtKind::Target(binding) => {
                self.declared.push((&binding.name, Code::UnusedName, "target"));
                self.expr(&binding.value);
            }
            StmtKind::Tokens { names, value } if self.in_block => {
                let locals = names.iter().map(|name| (name, Code::UnusedName, "local"));
                self.declared.extend(locals);
                self.expr(value);
            }
            StmtKind::Modality(binding)
            | StmtKind::Output(binding)
            | StmtKind::Objective(binding) => self.expr(&binding.value),
            StmtKind::Tokens { value, .. } | StmtKind::Assign { value, .. } => self.expr(value),
            StmtKind::Route { name, edges } => {
                self.declared.push((name, Code::UnusedRoute, "route"));
                self.edges(edges);
            }
            StmtKind::Apply(apply) => {
                self.called.insert(apply.block.text.clone());
                apply.args.iter().for_each(|arg| self.expr(&arg.value));
                self.over(&apply.over);
            }
            StmtKind::Repeat { count, counter, body, .. } => {
                self.expr(count);
                if let Some(counter) = counter {
                    self.declared.push((counter, Code::UnusedName, "counter"));
                }
                self.body(body);
            }
            StmtKind::When { arms, otherwise } => {
                for (condition, body) in arms {
                    self.expr(condition);
                    self.body(body);
                }
                otherwise.iter().for_each(|body| self.body(body));
            }
            StmtKind::Assert { name, .. } => self.mention(name),
        }
    }

    fn over(&mut self, over: &RouteExpr) {
        match over {
            RouteExpr::Named(name) => self.mention(name),
            RouteExpr::Inline { edges, .. } => self.edges(edges),
            RouteExpr::If { arms, otherwise, .. } => {
                for (condition, name) in arms {
                    self.expr(condition);
                    self.mention(name);
                }
                self.mention(otherwise);
            }
        }
    }

    fn edges(&mut self, edges: &[ast::Edge]) {
        for edge in edges {
            let from = edge.reads.iter().map(|read| &read.from);
            for endpoint in edge.receivers.iter().chain(from) {
                if let Endpoint::Group(name) = endpoint {
                    self.mention(name);
                }
            }
            edge.reads.iter().filter_map(|read| read.within.as_ref()).for_each(|e| self.expr(e));
        }
    }
}
