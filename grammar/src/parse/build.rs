//! pest's pairs to the tree.
//!
//! The grammar guarantees the shape of the pairs, so every `expect` here names the rule that says so.

use pest::iterators::{Pair, Pairs};

use super::Rule;
use crate::ast::{
    Apply, Arg, AssignOp, BinaryOp, Binding, Block, BlockParam, Call, Claim, Comment, Edge,
    Endpoint, Expr, ExprKind, Item, MAX_DEPTH, Model, Name, Read, RouteExpr, Sharing, Stmt,
    StmtKind, UnaryOp, Use,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::scan;
use crate::source::{FileId, Span};

/// Turns the pairs of one piece of a file into items.
pub(super) struct Builder<'a> {
    file: FileId,
    /// Where the piece begins in the file.
    start: usize,
    text: &'a str,
    comments: &'a [Comment],
    /// An expression that is too deep.
    pub(super) problem: Option<Diagnostic>,
}

/// An expression with its depth.
struct Built {
    expr: Expr,
    depth: usize,
}

/// The children that carry meaning: without the words that only mark a place.
fn parts(pair: Pair<'_, Rule>) -> impl Iterator<Item = Pair<'_, Rule>> {
    pair.into_inner().filter(|pair| !is_mark(pair.as_rule()))
}

fn is_mark(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::kw_model
            | Rule::kw_block
            | Rule::kw_use
            | Rule::kw_param
            | Rule::kw_let
            | Rule::kw_modality
            | Rule::kw_tokens
            | Rule::kw_route
            | Rule::kw_apply
            | Rule::kw_over
            | Rule::kw_repeat
            | Rule::kw_when
            | Rule::kw_if
            | Rule::kw_then
            | Rule::kw_else
            | Rule::kw_target
            | Rule::kw_output
            | Rule::kw_objective
            | Rule::kw_assert
            | Rule::kw_within
            | Rule::kw_weights
            | Rule::word_reads
            | Rule::word_only
            | Rule::word_causal
            | Rule::word_in
            | Rule::word_as
            | Rule::dot
            | Rule::EOI
    )
}

fn next<'i>(parts: &mut impl Iterator<Item = Pair<'i, Rule>>, what: &str) -> Pair<'i, Rule> {
    parts.next().unwrap_or_else(|| panic!("zorro.pest guarantees {what}"))
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: FileId, start: usize, text: &'a str, comments: &'a [Comment]) -> Self {
        Self { file, start, text, comments, problem: None }
    }

    pub(super) fn items(&mut self, pairs: Pairs<'_, Rule>) -> Vec<Item> {
        pairs.flat_map(parts).map(|pair| self.item(pair)).collect()
    }

    /// From the first to the last character that means something: a rule that ends in optional parts
    /// has eaten the blanks and the comment that stood before the missing part.
    /// The one `name = value` of a setting.
    pub(super) fn setting(&mut self, pairs: Pairs<'_, Rule>) -> Binding {
        let parts: Vec<Pair<'_, Rule>> = pairs.flat_map(parts).collect();
        self.binding(parts.into_iter())
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = self.start + pair.as_span().start();
        let mut end = start + pair.as_str().trim_end().len();
        let mut before =
            self.comments.partition_point(|comment| (comment.span.start as usize) < end);
        while let Some(comment) = before.checked_sub(1).map(|last| self.comments[last].span.range())
            && comment.start >= start
            && comment.end >= end
        {
            end = start + self.text[start..comment.start].trim_end().len();
            before -= 1;
        }
        scan::span(self.file, start, end)
    }

    fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        Name { text: pair.as_str().to_owned(), span: self.span(pair) }
    }

    /// The `///` lines that end right above a place.
    fn docs(&self, at: u32) -> Vec<String> {
        let before = self.comments.partition_point(|comment| comment.span.end <= at);
        let mut docs = Vec::new();
        let mut next = at as usize;
        for comment in self.comments[..before].iter().rev() {
            let between = &self.text[comment.span.end as usize..next];
            let Some(line) = comment.text.strip_prefix("///") else { break };
            let adjacent = between.trim().is_empty() && between.matches('\n').count() == 1;
            if !comment.own_line || !adjacent {
                break;
            }
            docs.push(line.strip_prefix(' ').unwrap_or(line).to_owned());
            next = comment.span.start as usize;
        }
        docs.reverse();
        docs
    }

    fn item(&mut self, pair: Pair<'_, Rule>) -> Item {
        let span = self.span(&pair);
        let docs = self.docs(span.start);
        let rule = pair.as_rule();
        let mut parts = parts(pair);
        if rule == Rule::use_item {
            let path = next(&mut parts, "a path");
            let path_span = self.span(&path);
            return Item::Use(Use { path: unquote(path.as_str()), path_span, span });
        }
        let name = self.name(&next(&mut parts, "a name"));
        if rule == Rule::model_item {
            let body = self.body(next(&mut parts, "a body"));
            return Item::Model(Model { docs, name, body, span });
        }
        let mut params = Vec::new();
        let mut body = Vec::new();
        for part in parts {
            if part.as_rule() == Rule::body {
                body = self.body(part);
            } else {
                params.push(self.block_param(part));
            }
        }
        Item::Block(Block { docs, name, params, body, span })
    }

    fn block_param(&mut self, pair: Pair<'_, Rule>) -> BlockParam {
        let mut parts = parts(pair);
        let name = self.name(&next(&mut parts, "a name"));
        BlockParam { name, default: parts.next().map(|pair| self.expr(pair)) }
    }

    fn body(&mut self, pair: Pair<'_, Rule>) -> Vec<Stmt> {
        parts(pair).map(|pair| self.stmt(pair)).collect()
    }

    fn stmt(&mut self, pair: Pair<'_, Rule>) -> Stmt {
        let span = self.span(&pair);
        let docs = self.docs(span.start);
        let inner = next(&mut parts(pair), "a statement");
        Stmt { kind: self.stmt_kind(inner), docs, span }
    }

    fn stmt_kind(&mut self, pair: Pair<'_, Rule>) -> StmtKind {
        let rule = pair.as_rule();
        let mut parts = parts(pair);
        match rule {
            Rule::param_stmt => StmtKind::Param(self.binding(parts)),
            Rule::let_stmt => StmtKind::Let(self.binding(parts)),
            Rule::modality_stmt => StmtKind::Modality(self.binding(parts)),
            Rule::target_stmt => StmtKind::Target(self.binding(parts)),
            Rule::output_stmt => StmtKind::Output(self.binding(parts)),
            Rule::objective_stmt => StmtKind::Objective(self.binding(parts)),
            Rule::tokens_stmt => self.tokens(parts),
            Rule::assign_stmt => StmtKind::Assign {
                name: self.name(&next(&mut parts, "a name")),
                op: assign_op(next(&mut parts, "an operator").as_str()),
                value: self.expr(next(&mut parts, "a value")),
            },
            Rule::route_stmt => StmtKind::Route {
                name: self.name(&next(&mut parts, "a name")),
                edges: self.edges(next(&mut parts, "edges")),
            },
            Rule::apply_stmt => StmtKind::Apply(self.apply(parts)),
            Rule::repeat_stmt => self.repeat(parts),
            Rule::when_stmt => self.when(parts),
            Rule::assert_stmt => StmtKind::Assert {
                name: self.name(&next(&mut parts, "a name")),
                claim: self.claim(next(&mut parts, "a claim")),
            },
            other => panic!("zorro.pest has no statement {other:?}"),
        }
    }

    fn claim(&mut self, pair: Pair<'_, Rule>) -> Claim {
        let rule = pair.as_rule();
        let mut names = parts(pair).filter(|part| part.as_rule() == Rule::name);
        match rule {
            Rule::reads_only => Claim::ReadsOnly(names.map(|part| self.name(&part)).collect()),
            Rule::causal_in => Claim::CausalIn(self.name(&next(&mut names, "a modality"))),
            other => panic!("zorro.pest has no claim {other:?}"),
        }
    }

    fn binding<'i>(&mut self, mut parts: impl Iterator<Item = Pair<'i, Rule>>) -> Binding {
        let name = self.name(&next(&mut parts, "a name"));
        Binding { name, value: self.expr(next(&mut parts, "a value")) }
    }

    fn tokens<'i>(&mut self, parts: impl Iterator<Item = Pair<'i, Rule>>) -> StmtKind {
        let mut names = Vec::new();
        for part in parts {
            if part.as_rule() == Rule::name {
                names.push(self.name(&part));
            } else {
                return StmtKind::Tokens { names, value: self.expr(part) };
            }
        }
        panic!("zorro.pest guarantees a value after `tokens`")
    }

    fn label(&self, pair: Pair<'_, Rule>) -> Name {
        self.name(&next(&mut parts(pair), "a label"))
    }

    fn repeat<'i>(&mut self, parts: impl Iterator<Item = Pair<'i, Rule>>) -> StmtKind {
        let (mut label, mut count, mut counter, mut body) = (None, None, None, Vec::new());
        for part in parts {
            match part.as_rule() {
                Rule::label => label = Some(self.label(part)),
                Rule::name => counter = Some(self.name(&part)),
                Rule::body => body = self.body(part),
                _ => count = Some(self.expr(part)),
            }
        }
        let count = count.expect("zorro.pest guarantees a count");
        StmtKind::Repeat { label, count, counter, body }
    }

    fn when<'i>(&mut self, parts: impl Iterator<Item = Pair<'i, Rule>>) -> StmtKind {
        let (mut arms, mut otherwise, mut condition) = (Vec::new(), None, None);
        for part in parts {
            if part.as_rule() == Rule::body {
                let body = self.body(part);
                match condition.take() {
                    Some(condition) => arms.push((condition, body)),
                    None => otherwise = Some(body),
                }
            } else {
                condition = Some(self.expr(part));
            }
        }
        StmtKind::When { arms, otherwise }
    }

    fn apply<'i>(&mut self, parts: impl Iterator<Item = Pair<'i, Rule>>) -> Apply {
        let (mut label, mut block, mut args, mut over) = (None, None, Vec::new(), None);
        let mut weights = Sharing::default();
        for part in parts {
            match part.as_rule() {
                Rule::label => label = Some(self.label(part)),
                Rule::name => block = Some(self.name(&part)),
                Rule::args => args = self.args(part).0,
                Rule::route_expr => over = Some(self.route_expr(part)),
                _ => weights = self.sharing(part),
            }
        }
        Apply {
            label,
            block: block.expect("zorro.pest guarantees a block"),
            args,
            over: over.expect("zorro.pest guarantees a route"),
            weights,
        }
    }

    fn sharing(&self, pair: Pair<'_, Rule>) -> Sharing {
        let mut sharing = Sharing::default();
        for part in parts(pair) {
            match part.as_rule() {
                Rule::name => sharing.tie = Some(self.name(&part)),
                _ => sharing.per_group = true,
            }
        }
        sharing
    }

    fn route_expr(&mut self, pair: Pair<'_, Rule>) -> RouteExpr {
        let inner = next(&mut parts(pair), "a route");
        let span = self.span(&inner);
        match inner.as_rule() {
            Rule::name => RouteExpr::Named(self.name(&inner)),
            Rule::edges => RouteExpr::Inline { edges: self.edges(inner), span },
            _ => {
                let (mut arms, mut otherwise, mut condition) = (Vec::new(), None, None);
                for part in parts(inner) {
                    if part.as_rule() == Rule::name {
                        let name = self.name(&part);
                        match condition.take() {
                            Some(condition) => arms.push((condition, name)),
                            None => otherwise = Some(name),
                        }
                    } else {
                        condition = Some(self.expr(part));
                    }
                }
                let otherwise = otherwise.expect("zorro.pest guarantees `else`");
                RouteExpr::If { arms, otherwise, span }
            }
        }
    }

    fn edges(&mut self, pair: Pair<'_, Rule>) -> Vec<Edge> {
        parts(pair).map(|pair| self.edge(pair)).collect()
    }

    fn edge(&mut self, pair: Pair<'_, Rule>) -> Edge {
        let span = self.span(&pair);
        let (mut receivers, mut reads) = (Vec::new(), Vec::new());
        for part in parts(pair) {
            if part.as_rule() == Rule::reads {
                reads = parts(part).map(|read| self.read(read)).collect();
            } else {
                receivers.push(self.endpoint(part));
            }
        }
        Edge { receivers, reads, span }
    }

    fn read(&mut self, pair: Pair<'_, Rule>) -> Read {
        let mut parts = parts(pair);
        let from = self.endpoint(next(&mut parts, "a group"));
        Read { from, within: parts.next().map(|pair| self.expr(pair)) }
    }

    fn endpoint(&self, pair: Pair<'_, Rule>) -> Endpoint {
        let inner = next(&mut parts(pair), "a group");
        match inner.as_rule() {
            Rule::star => Endpoint::All(self.span(&inner)),
            _ => Endpoint::Group(self.name(&inner)),
        }
    }

    /// The arguments and the depth of the deepest.
    fn args(&mut self, pair: Pair<'_, Rule>) -> (Vec<Arg>, usize) {
        let mut deepest = 0;
        let mut args = Vec::new();
        for arg in parts(pair) {
            let (mut name, mut value) = (None, None);
            for part in parts(arg) {
                if part.as_rule() == Rule::arg_name {
                    name = Some(self.name(&part));
                } else {
                    value = Some(self.build(part));
                }
            }
            let value = value.expect("zorro.pest guarantees a value");
            deepest = deepest.max(value.depth);
            args.push(Arg { name, value: value.expr });
        }
        (args, deepest)
    }

    fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.build(pair).expr
    }

    /// Wraps parts into an expression one level deeper than the deepest of them.
    fn node(&mut self, kind: ExprKind, span: Span, deepest: usize) -> Built {
        let depth = deepest + 1;
        if depth <= MAX_DEPTH {
            return Built { expr: Expr { kind, span }, depth };
        }
        if self.problem.is_none() {
            let message = format!("expression is more than {MAX_DEPTH} levels deep");
            self.problem = Some(
                Diagnostic::new(Code::TooDeep, message, span, "too deep from here on")
                    .help("name a part of it with `let`"),
            );
        }
        Built { expr: Expr { kind: ExprKind::Bool(false), span }, depth: 0 }
    }

    fn build(&mut self, pair: Pair<'_, Rule>) -> Built {
        let span = self.span(&pair);
        let text = pair.as_str();
        match pair.as_rule() {
            Rule::expr => self.build(next(&mut parts(pair), "a value")),
            Rule::if_expr => self.if_expr(pair, span),
            Rule::pipe => self.pipe(pair),
            Rule::or | Rule::and | Rule::compare | Rule::both | Rule::sum | Rule::product => {
                self.binary(pair)
            }
            Rule::not | Rule::negate => self.unary(pair, span),
            Rule::postfix => self.postfix(pair),
            Rule::number => self.node(ExprKind::Number(text.to_owned()), span, 0),
            Rule::string => self.node(ExprKind::Text(unquote(text)), span, 0),
            Rule::kw_true => self.node(ExprKind::Bool(true), span, 0),
            Rule::kw_false => self.node(ExprKind::Bool(false), span, 0),
            Rule::name => self.node(ExprKind::Name(text.to_owned()), span, 0),
            Rule::call => {
                let (call, deepest) = self.call(pair);
                self.node(ExprKind::Call(call), span, deepest)
            }
            Rule::list => {
                let items: Vec<Built> = parts(pair).map(|pair| self.build(pair)).collect();
                let deepest = items.iter().map(|item| item.depth).max().unwrap_or(0);
                let items = items.into_iter().map(|item| item.expr).collect();
                self.node(ExprKind::List(items), span, deepest)
            }
            Rule::paren => {
                let inner = self.build(next(&mut parts(pair), "a value"));
                self.node(ExprKind::Paren(Box::new(inner.expr)), span, inner.depth)
            }
            other => panic!("zorro.pest has no expression {other:?}"),
        }
    }

    fn if_expr(&mut self, pair: Pair<'_, Rule>, span: Span) -> Built {
        let mut values: Vec<Built> = parts(pair).map(|pair| self.build(pair)).collect();
        let deepest = values.iter().map(|value| value.depth).max().unwrap_or(0);
        let otherwise = values.pop().expect("zorro.pest guarantees `else`").expr;
        let mut values = values.into_iter().map(|value| value.expr);
        let mut arms = Vec::new();
        while let (Some(condition), Some(value)) = (values.next(), values.next()) {
            arms.push((condition, value));
        }
        self.node(ExprKind::If { arms, otherwise: Box::new(otherwise) }, span, deepest)
    }

    fn pipe(&mut self, pair: Pair<'_, Rule>) -> Built {
        let mut parts = parts(pair);
        let mut left = self.build(next(&mut parts, "a value"));
        for part in parts {
            let (call, deepest) = self.call(part);
            let span = left.expr.span.to(call.span);
            let depth = left.depth.max(deepest);
            left = self.node(ExprKind::Pipe { value: Box::new(left.expr), call }, span, depth);
        }
        left
    }

    fn call(&mut self, pair: Pair<'_, Rule>) -> (Call, usize) {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        let name = self.name(&next(&mut parts, "a name"));
        let (args, deepest) = parts.next().map_or((Vec::new(), 0), |args| self.args(args));
        (Call { name, args, span }, deepest)
    }

    fn binary(&mut self, pair: Pair<'_, Rule>) -> Built {
        let mut parts = parts(pair);
        let mut left = self.build(next(&mut parts, "an operand"));
        while let Some(op) = parts.next() {
            let op = binary_op(op.as_str());
            let right = self.build(next(&mut parts, "an operand"));
            let span = left.expr.span.to(right.expr.span);
            let deepest = left.depth.max(right.depth);
            let (left_expr, right_expr) = (Box::new(left.expr), Box::new(right.expr));
            let kind = ExprKind::Binary { op, left: left_expr, right: right_expr };
            left = self.node(kind, span, deepest);
        }
        left
    }

    fn unary(&mut self, pair: Pair<'_, Rule>, span: Span) -> Built {
        let mut parts: Vec<Pair<'_, Rule>> = parts(pair).collect();
        let operand = parts.pop().expect("zorro.pest guarantees an operand");
        let mut value = self.build(operand);
        for op in parts.into_iter().rev() {
            let op_span = self.span(&op);
            let op = if op.as_rule() == Rule::op_neg { UnaryOp::Neg } else { UnaryOp::Not };
            let span = Span { end: span.end, ..op_span };
            let kind = ExprKind::Unary { op, value: Box::new(value.expr) };
            value = self.node(kind, span, value.depth);
        }
        value
    }

    fn postfix(&mut self, pair: Pair<'_, Rule>) -> Built {
        let mut parts = parts(pair);
        let mut value = self.build(next(&mut parts, "a value"));
        for part in parts {
            let span = value.expr.span.to(self.span(&part));
            value = if part.as_rule() == Rule::attribute {
                let name = self.name(&next(&mut self::parts(part), "a name"));
                let kind = ExprKind::Attribute { value: Box::new(value.expr), name };
                self.node(kind, span, value.depth)
            } else {
                self.subscript(value, part, span)
            };
        }
        value
    }

    fn subscript(&mut self, value: Built, pair: Pair<'_, Rule>, span: Span) -> Built {
        let (mut start, mut end, mut is_slice) = (None, None, false);
        let mut deepest = value.depth;
        for part in parts(pair) {
            match part.as_rule() {
                Rule::range => is_slice = true,
                Rule::slice_end => {
                    let built = self.build(next(&mut parts(part), "a value"));
                    deepest = deepest.max(built.depth);
                    end = Some(Box::new(built.expr));
                }
                _ => {
                    let built = self.build(part);
                    deepest = deepest.max(built.depth);
                    start = Some(Box::new(built.expr));
                }
            }
        }
        let value = Box::new(value.expr);
        let kind = match start {
            Some(index) if !is_slice => ExprKind::Index { value, index },
            start => ExprKind::Slice { value, start, end },
        };
        self.node(kind, span, deepest)
    }
}

fn unquote(literal: &str) -> String {
    literal.trim_matches('"').to_owned()
}

fn assign_op(symbol: &str) -> AssignOp {
    match symbol {
        "+=" => AssignOp::Add,
        "-=" => AssignOp::Sub,
        "*=" => AssignOp::Mul,
        _ => AssignOp::Set,
    }
}

fn binary_op(symbol: &str) -> BinaryOp {
    BinaryOp::ALL
        .iter()
        .copied()
        .find(|op| op.symbol() == symbol)
        .expect("zorro.pest has exactly these operators")
}
