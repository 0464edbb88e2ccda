//! What expressions evaluate to, and what names stand for.

use std::collections::BTreeMap;

use zorro_grammar::{Code, Span, ast};

use crate::model::{GroupId, Init, Loss, ModalityId, TargetId, ValueId};
use crate::number::Number;
use crate::routing::Relation;

use super::{Result, fail};

/// For whom something is evaluated: a group of the route in an applied block, `None` elsewhere.
pub(super) type Key = Option<GroupId>;

/// A value for each key.
pub(super) type Lanes = BTreeMap<Key, ValueId>;

/// A value that is known when the spec is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Const {
    Number(Number),
    Bool(bool),
    Text(String),
    List(Vec<Self>),
    Relation(Relation),
    Init(Init),
}

/// What an expression evaluates to.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Const(Const),
    Tokens(Lanes),
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Binding<'a> {
    Const(Const),
    /// A value that is known, and differs between groups.
    PerGroup(BTreeMap<Key, Const>),
    Tokens {
        lanes: Lanes,
        group: Key,
    },
    Modality(ModalityId),
    Route(&'a [ast::Edge]),
    Target(TargetId),
    Loss(Loss),
    /// Its declaration was wrong; what uses it is not reported again.
    Broken,
}

/// A name of a scope.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) binding: Binding<'a>,
    pub(super) span: Span,
}

/// The most elements of a list, with those of the lists in it, and the deepest nesting.
const MAX_ELEMENTS: usize = 1 << 16;
const MAX_NESTING: usize = 8;

impl Const {
    /// Refuses lists that grow without bounds, as lists of lists of lists do.
    pub(super) fn check_extent(&self, span: Span) -> Result<()> {
        if self.extent(MAX_ELEMENTS, MAX_NESTING).is_some() {
            return Ok(());
        }
        let message =
            format!("a list has at most {MAX_ELEMENTS} elements, {MAX_NESTING} levels deep");
        fail(Code::TooLarge, message, span, "this list is larger")
    }

    /// How much there is to copy: elements, and texts by their length.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Text(text) => 1 + text.len() / 16,
            Self::Number(_) | Self::Bool(_) | Self::Relation(_) | Self::Init(_) => 1,
        }
    }

    /// How much there is to copy, or `None` beyond the bounds.
    fn extent(&self, elements: usize, nesting: usize) -> Option<usize> {
        let Self::List(items) = self else { return Some(self.size()) };
        let nesting = nesting.checked_sub(1)?;
        let mut count = 0;
        for item in items {
            count += item.extent(elements, nesting)?;
            if count > elements {
                return None;
            }
        }
        Some(count)
    }

    /// The number that this is, or the error that it is none.
    pub(super) fn number(&self, span: Span) -> Result<Number> {
        if let Self::Number(number) = self { Ok(*number) } else { self.is_not("a number", span) }
    }

    /// The truth value that this is, or the error that it is none.
    pub(super) fn truth(&self, span: Span) -> Result<bool> {
        if let Self::Bool(value) = self { Ok(*value) } else { self.is_not("true or false", span) }
    }

    /// The text that this is, or the error that it is none.
    pub(super) fn text(&self, span: Span) -> Result<&str> {
        if let Self::Text(text) = self { Ok(text) } else { self.is_not("a word", span) }
    }

    /// The elements of the list that this is, or the error that it is none.
    pub(super) fn list(&self, span: Span) -> Result<&[Self]> {
        if let Self::List(items) = self { Ok(items) } else { self.is_not("a list", span) }
    }

    /// The relation that this is, or the error that it is none.
    pub(super) fn relation(&self, span: Span) -> Result<&Relation> {
        if let Self::Relation(relation) = self {
            Ok(relation)
        } else {
            self.is_not("a relation", span)
        }
    }

    /// The elements of a list, or the one value that this is.
    pub(super) fn elements(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { std::slice::from_ref(self) }
    }

    /// The error that this is of another type.
    pub(super) fn is_not<T>(&self, expected: &str, span: Span) -> Result<T> {
        let message = format!("expected {expected}, found {}", self.describe());
        fail(Code::WrongType, message, span, format!("this is {}", self.describe()))
    }

    /// The type in words, for errors.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Bool(_) => "a truth value",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Relation(_) => "a relation",
            Self::Init(_) => "a start",
        }
    }
}

impl std::fmt::Display for Const {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Relation(relation) => write!(f, "{relation}"),
            Self::Init(init) => write!(f, "{init}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

impl Value {
    /// The type in words, for errors.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Const(value) => value.describe(),
            Self::Tokens(_) => "tokens",
        }
    }
}

impl Binding<'_> {
    /// The kind in words, for errors.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Const(value) => value.describe(),
            Self::PerGroup(_) => "a value of each group",
            Self::Tokens { .. } => "tokens",
            Self::Modality(_) => "a modality",
            Self::Route(_) => "a route",
            Self::Target(_) => "a target",
            Self::Loss(_) => "an objective",
            Self::Broken => "broken",
        }
    }
}
