//! Names: which can be declared where, what an unknown one may mean, and what becomes of one whose declaration fails.

use std::collections::BTreeMap;

use zorro_grammar::ast::{Name, Stmt, StmtKind};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::ValueId;

use super::value::{Binding, Lanes};
use super::{Frame, Resolver, Result};

impl<'a> Resolver<'a> {
    /// Refuses a name that is taken in the same scope.
    pub(super) fn check_new(&self, frame: &Frame<'a>, name: &Name) -> Result<()> {
        if name.text == "x" || name.text == "from" {
            let message = format!("`{}` has a meaning of its own in blocks", name.text);
            return Err(Diagnostic::new(
                Code::ReservedName,
                message,
                name.span,
                "cannot be declared",
            )
            .help("choose another name; `x = ..` gives `x` a new value")
            .into());
        }
        let scope = frame.scopes.last().expect("a frame has at least one scope");
        match scope.get(&name.text) {
            Some(entry) if !matches!(entry.binding, Binding::Broken) => {
                let message = format!("`{}` is declared twice", name.text);
                Err(Diagnostic::new(Code::DuplicateName, message, name.span, "declared again here")
                    .also(entry.span, "first declared here")
                    .help("choose another name")
                    .into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The error for a name that nobody declared.
    pub(super) fn unknown(&self, frame: &Frame<'a>, name: &Name, label: &str) -> Diagnostic {
        let message = format!("unknown name `{}`", name.text);
        let diagnostic = Diagnostic::new(Code::UnknownName, message, name.span, label);
        if frame.block.is_none()
            && let Some(declared) = self.everywhere.get(name.text.as_str())
        {
            return if declared.start > name.span.start {
                diagnostic
                    .also(*declared, "declared further down")
                    .help("declare it before its use")
            } else {
                diagnostic
                    .also(*declared, "declared here, and known until the braces around it close")
                    .help("declare it before the `repeat` or `when`, and give it a value there")
            };
        }
        if let Some(said) = self.foreign_name(frame, name, &diagnostic) {
            return said;
        }
        match nearest(&name.text, frame.names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if name.text == "x" => diagnostic.help("`x` stands for tokens inside a block"),
            None if frame.block.is_some() => {
                diagnostic.help("a block sees `x`, its params and its own names, and no others")
            }
            None => diagnostic,
        }
    }

    /// The error for an assert that names no modality.
    pub(super) fn unknown_modality(&self, name: &Name) -> Diagnostic {
        let message = format!("there is no modality `{}`", name.text);
        let diagnostic = Diagnostic::new(Code::UnknownName, message, name.span, "not a modality");
        let known = || self.model.modalities.iter().map(|modality| modality.name.as_str());
        match nearest(&name.text, known()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if self.model.modalities.is_empty() => {
                diagnostic.help("the model has no modality before this line")
            }
            None => {
                let known: Vec<&str> = known().collect();
                diagnostic.help(format!("the modalities: {}", known.join(", ")))
            }
        }
    }
}

/// The only value of something evaluated in the model, where there are no groups.
pub(super) fn single(lanes: &Lanes) -> ValueId {
    *lanes.values().next().expect("the model evaluates for exactly one key")
}

/// The error for a result or target whose name another one of the model has.
pub(super) fn declared_twice(what: &str, name: &Name, first: Span) -> Diagnostic {
    let message = format!("{what} `{}` is declared twice", name.text);
    if first == name.span {
        return Diagnostic::new(
            Code::DuplicateName,
            message,
            name.span,
            "once for each repetition",
        )
        .help(format!("declare it once, outside of the `repeat`; each {what} has one name"));
    }
    Diagnostic::new(Code::DuplicateName, message, name.span, "declared again here")
        .also(first, "first declared here")
}

/// Declares what a failed statement would have declared, so that its use is not reported again.
pub(super) fn break_names<'a>(frame: &mut Frame<'a>, kind: &'a StmtKind) {
    match kind {
        StmtKind::Param(binding)
        | StmtKind::Let(binding)
        | StmtKind::Modality(binding)
        | StmtKind::Target(binding)
        | StmtKind::Output(binding)
        | StmtKind::Objective(binding) => frame.declare(&binding.name, Binding::Broken),
        StmtKind::Tokens { names, .. } => {
            for name in names {
                frame.declare(name, Binding::Broken);
            }
        }
        StmtKind::Route { name, .. } => frame.declare(name, Binding::Broken),
        StmtKind::Assign { name, .. } => break_name(frame, name),
        StmtKind::Repeat { .. }
        | StmtKind::When { .. }
        | StmtKind::Apply(_)
        | StmtKind::Assert { .. } => {}
    }
}

/// Collects what statements declare, in whatever scope.
pub(super) fn everywhere<'a>(body: &'a [Stmt], names: &mut BTreeMap<&'a str, Span>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Param(binding)
            | StmtKind::Let(binding)
            | StmtKind::Modality(binding)
            | StmtKind::Target(binding)
            | StmtKind::Output(binding)
            | StmtKind::Objective(binding) => {
                names.insert(&binding.name.text, binding.name.span);
            }
            StmtKind::Tokens { names: declared, .. } => {
                names.extend(declared.iter().map(|name| (name.text.as_str(), name.span)));
            }
            StmtKind::Route { name, .. } => {
                names.insert(&name.text, name.span);
            }
            StmtKind::Repeat { body, .. } => everywhere(body, names),
            StmtKind::When { arms, otherwise } => {
                arms.iter().for_each(|(_, body)| everywhere(body, names));
                otherwise.iter().for_each(|body| everywhere(body, names));
            }
            StmtKind::Assign { .. } | StmtKind::Apply(_) | StmtKind::Assert { .. } => {}
        }
    }
}

/// From here on the value of a name is unknown.
pub(super) fn break_name(frame: &mut Frame<'_>, name: &Name) {
    if let Some(entry) = frame.entry_mut(&name.text) {
        entry.binding = Binding::Broken;
    }
}

/// Which statements stand where.
pub(super) fn check_place(frame: &Frame<'_>, stmt: &Stmt) -> Result<()> {
    let in_block = frame.block.is_some();
    let (what, help) = match &stmt.kind {
        StmtKind::Param(_) if in_block => ("param", "a block's params stand in its head"),
        StmtKind::Modality(_) if in_block => ("modality", "modalities belong to the model"),
        StmtKind::Route { .. } if in_block => ("route", "routes belong to the model"),
        StmtKind::Apply(_) if in_block => ("apply", "call the block as a function: `x = other(x)`"),
        StmtKind::Target(_) if in_block => ("target", "targets belong to the model"),
        StmtKind::Output(_) if in_block => ("output", "a block gives back `x`"),
        StmtKind::Objective(_) if in_block => ("objective", "objectives belong to the model"),
        StmtKind::Assert { .. } if in_block => ("assert", "asserts belong to the model"),
        StmtKind::Param(_) if frame.scopes.len() > 1 => {
            ("param", "params stand directly in the model")
        }
        StmtKind::Modality(_) if frame.scopes.len() > 1 => {
            ("modality", "modalities stand directly in the model")
        }
        StmtKind::Param(_)
        | StmtKind::Let(_)
        | StmtKind::Modality(_)
        | StmtKind::Tokens { .. }
        | StmtKind::Assign { .. }
        | StmtKind::Route { .. }
        | StmtKind::Apply(_)
        | StmtKind::Repeat { .. }
        | StmtKind::When { .. }
        | StmtKind::Target(_)
        | StmtKind::Output(_)
        | StmtKind::Objective(_)
        | StmtKind::Assert { .. } => return Ok(()),
    };
    let message = format!("`{what}` cannot stand here");
    Err(Diagnostic::new(Code::Misplaced, message, stmt.span, "does not belong here")
        .help(help)
        .into())
}
