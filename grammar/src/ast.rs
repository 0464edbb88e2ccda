//! The syntax tree: what the text says, not what it means.
//!
//! In: nothing but the parser makes these. Out: plain trees with a span on every node. Deliberately not
//! here: names are not resolved and statements not sorted by where they are allowed; the resolver
//! does both, with better errors than a grammar could give.
//!
//! Every expression is at most [`MAX_DEPTH`] deep, so that later stages may recurse freely.

use crate::source::{FileId, Span};

/// The deepest nesting of an expression, and of statements in each other.
pub const MAX_DEPTH: usize = 256;

/// One file.
#[derive(Debug, Clone)]
pub struct File {
    /// Which file it was.
    pub id: FileId,
    /// `use`, `model` and `block`, in the order of the text.
    pub items: Vec<Item>,
    /// Every comment of the file, in order; the tree itself does not need them.
    pub comments: Vec<Comment>,
}

/// A comment, `//` or `///`.
#[derive(Debug, Clone)]
pub struct Comment {
    /// The text from the slashes to the end of the line, without trailing blanks.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// True when nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// A name with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name itself.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// What stands at the top level of a file.
#[derive(Debug, Clone)]
pub enum Item {
    /// `use "path"`
    Use(Use),
    /// `model name { .. }`
    Model(Model),
    /// `block name(..) { .. }`
    Block(Block),
}

/// `use "path"`
#[derive(Debug, Clone)]
pub struct Use {
    /// The path as written.
    pub path: String,
    /// The string literal.
    pub path_span: Span,
    /// The whole item.
    pub span: Span,
}

/// `model name { .. }`
#[derive(Debug, Clone)]
pub struct Model {
    /// The lines of `///` above it, without slashes.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Name,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// The whole item.
    pub span: Span,
}

/// `block name(params) { .. }`
#[derive(Debug, Clone)]
pub struct Block {
    /// The lines of `///` above it, without slashes.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Name,
    /// Its params.
    pub params: Vec<BlockParam>,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// The whole item.
    pub span: Span,
}

/// `name` or `name = default` in the head of a block.
#[derive(Debug, Clone)]
pub struct BlockParam {
    /// Its name.
    pub name: Name,
    /// The value when none is given.
    pub default: Option<Expr>,
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// The lines of `///` above it, without slashes.
    pub docs: Vec<String>,
    /// From its first to its last character.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Debug, Clone)]
pub enum StmtKind {
    /// `param name = value`
    Param(Binding),
    /// `let name = value`
    Let(Binding),
    /// `modality name = value`
    Modality(Binding),
    /// `tokens a, b = value`
    Tokens {
        /// The names declared.
        names: Vec<Name>,
        /// Their common value, evaluated once for each.
        value: Expr,
    },
    /// `name = value`, `name += value`, ...
    Assign {
        /// What gets the new value.
        name: Name,
        /// How.
        op: AssignOp,
        /// The right side.
        value: Expr,
    },
    /// `route name { .. }`
    Route {
        /// Its name.
        name: Name,
        /// Its edges.
        edges: Vec<Edge>,
    },
    /// `label: apply block(args) over route weights ..`
    Apply(Apply),
    /// `label: repeat count as i { .. }`
    Repeat {
        /// The label before the colon.
        label: Option<Name>,
        /// How often.
        count: Expr,
        /// The counter's name.
        counter: Option<Name>,
        /// What is repeated.
        body: Vec<Stmt>,
    },
    /// `when c { .. } else when d { .. } else { .. }`
    When {
        /// Conditions with what they guard, in order.
        arms: Vec<(Expr, Vec<Stmt>)>,
        /// What happens when none holds.
        otherwise: Option<Vec<Stmt>>,
    },
    /// `target name = value`
    Target(Binding),
    /// `output name = value`
    Output(Binding),
    /// `objective name = value`
    Objective(Binding),
    /// `assert name reads only a, b`
    Assert {
        /// What is asserted about.
        name: Name,
        /// What is asserted.
        claim: Claim,
    },
}

/// What an assert says of tokens.
#[derive(Debug, Clone)]
pub enum Claim {
    /// `reads only a, b`: these modalities may reach them; empty for `reads nothing`.
    ReadsOnly(Vec<Name>),
    /// `causal in words`: position t depends on no later one of this modality.
    CausalIn(Name),
}

/// `name = value` after a keyword.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The name declared.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// How an assignment combines the old value with the right side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignOp {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Sub,
    /// `*=`
    Mul,
}

/// `label: apply block(args) over route weights ..`
#[derive(Debug, Clone)]
pub struct Apply {
    /// The label before the colon.
    pub label: Option<Name>,
    /// The block.
    pub block: Name,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The route.
    pub over: RouteExpr,
    /// Who shares the weights.
    pub weights: Sharing,
}

/// `weights NAME per group`; both parts are optional.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    /// The tie's name.
    pub tie: Option<Name>,
    /// One set of weights for each group.
    pub per_group: bool,
}

/// What may follow `over`.
#[derive(Debug, Clone)]
pub enum RouteExpr {
    /// The name of a route.
    Named(Name),
    /// A route in place.
    Inline {
        /// Its edges.
        edges: Vec<Edge>,
        /// With the braces.
        span: Span,
    },
    /// `if c then a else if d then b else e`
    If {
        /// Conditions with the route for each, in order.
        arms: Vec<(Expr, Name)>,
        /// The route when none holds.
        otherwise: Name,
        /// The whole.
        span: Span,
    },
}

/// `a, b <- c, d within r`, or `a` alone.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The left side.
    pub receivers: Vec<Endpoint>,
    /// The right side; empty without an arrow.
    pub reads: Vec<Read>,
    /// The whole.
    pub span: Span,
}

/// A group's name, or `*`.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// One group.
    Group(Name),
    /// All groups in scope.
    All(Span),
}

/// One group on the right side of an arrow.
#[derive(Debug, Clone)]
pub struct Read {
    /// Which group.
    pub from: Endpoint,
    /// The relation after `within`.
    pub within: Option<Expr>,
}

/// `value` or `name: value` between parentheses.
#[derive(Debug, Clone)]
pub struct Arg {
    /// The name before the colon.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// An expression with its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A number as written; it is exact, so the text is kept.
    Number(String),
    /// A string without its quotes.
    Text(String),
    /// `true` or `false`
    Bool(bool),
    /// A name: a value, or a word such as `pad` where one is expected.
    Name(String),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `name(args)`
    Call(Call),
    /// `value |> name(args)`
    Pipe {
        /// The first argument.
        value: Box<Expr>,
        /// The rest.
        call: Call,
    },
    /// `-a`, `not a`
    Unary {
        /// Which.
        op: UnaryOp,
        /// Of what.
        value: Box<Expr>,
    },
    /// `a + b`, ...
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left.
        left: Box<Expr>,
        /// Right.
        right: Box<Expr>,
    },
    /// `if c then a else if d then b else e`
    If {
        /// Conditions with their values, in order.
        arms: Vec<(Expr, Expr)>,
        /// The value when none holds.
        otherwise: Box<Expr>,
    },
    /// `value.name`
    Attribute {
        /// Of what.
        value: Box<Expr>,
        /// Which.
        name: Name,
    },
    /// `value[i]`
    Index {
        /// Of what.
        value: Box<Expr>,
        /// Which.
        index: Box<Expr>,
    },
    /// `value[i..j]`
    Slice {
        /// Of what.
        value: Box<Expr>,
        /// From; the beginning without.
        start: Option<Box<Expr>>,
        /// Up to; the end without.
        end: Option<Box<Expr>>,
    },
    /// `(value)`; kept so that formatting keeps it.
    Paren(Box<Expr>),
}

/// `name(args)`; after `|>` the parentheses may be missing.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, block or function.
    pub name: Name,
    /// What stands in the parentheses.
    pub args: Vec<Arg>,
    /// From the name to the closing parenthesis.
    pub span: Span,
}

/// Prefix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// Infix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `&`
    Both,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
}

impl AssignOp {
    /// As written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Set => "=",
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Mul => "*=",
        }
    }
}

impl UnaryOp {
    /// As written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Neg => "-",
            Self::Not => "not",
        }
    }
}

impl BinaryOp {
    /// Every operator.
    pub const ALL: &[Self] = &[
        Self::Or,
        Self::And,
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessEqual,
        Self::Greater,
        Self::GreaterEqual,
        Self::Both,
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Rem,
    ];

    /// As written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Both => "&",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        }
    }
}

impl Endpoint {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Group(name) => name.span,
            Self::All(span) => *span,
        }
    }
}

impl RouteExpr {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Named(name) => name.span,
            Self::Inline { span, .. } | Self::If { span, .. } => *span,
        }
    }
}
