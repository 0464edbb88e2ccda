//! Which blocks read along edges: those with an `attend` on `x`, in themselves or in a block that they hand `x` to.

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{Block, Expr, Stmt, StmtKind};

use super::evaluate::{mentions_x, visit_calls};
use super::function::Call;

/// The blocks that attend on their `x`. Conditions are not evaluated: both branches count.
pub(super) fn attending<'a>(blocks: &BTreeMap<&'a str, &'a Block>) -> BTreeSet<&'a str> {
    let mut callers: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    let mut open: Vec<&'a str> = Vec::new();
    for (name, block) in blocks {
        calls_on_x(&block.body, &mut |callee| {
            if callee == "attend" {
                open.push(name);
            } else if blocks.contains_key(callee) {
                callers.entry(callee).or_default().push(name);
            }
        });
    }
    let mut attending = BTreeSet::new();
    while let Some(name) = open.pop() {
        if attending.insert(name) {
            open.extend(callers.get(name).into_iter().flatten());
        }
    }
    attending
}

/// Calls `see` with everything that is called on an expression of `x`.
fn calls_on_x<'a>(body: &'a [Stmt], see: &mut dyn FnMut(&'a str)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Repeat { count, body, .. } => {
                of_expr(count, see);
                calls_on_x(body, see);
            }
            StmtKind::When { arms, otherwise } => {
                for (condition, body) in arms {
                    of_expr(condition, see);
                    calls_on_x(body, see);
                }
                otherwise.iter().for_each(|body| calls_on_x(body, see));
            }
            StmtKind::Let(binding) => of_expr(&binding.value, see),
            StmtKind::Assign { value, .. } | StmtKind::Tokens { value, .. } => of_expr(value, see),
            StmtKind::Param(_)
            | StmtKind::Modality(_)
            | StmtKind::Route { .. }
            | StmtKind::Apply(_)
            | StmtKind::Target(_)
            | StmtKind::Output(_)
            | StmtKind::Objective(_)
            | StmtKind::Assert { .. } => {}
        }
    }
}

fn of_expr<'a>(expr: &'a Expr, see: &mut dyn FnMut(&'a str)) {
    visit_calls(expr, &mut |call: Call<'a>| {
        let mut args = call.first.into_iter().chain(call.args.iter().map(|arg| &arg.value));
        if args.any(mentions_x) {
            see(&call.name.text);
        }
    });
}
