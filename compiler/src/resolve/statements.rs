//! Statements, in the order in which they run.

use std::collections::BTreeMap;

use zorro_grammar::ast::{self, AssignOp, BinaryOp, Binding as AstBinding, Name, Stmt, StmtKind};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Assert, Elementwise, Group, GroupId, Output, Param, ValueId};

use super::evaluate::{as_name, restrict};
use super::value::{Binding, Const, Entry, Key, Lanes, Value};
use super::{Fail, Frame, MAX_GROUPS, Resolver, Result, fail, join};

/// The most iterations of one `repeat`.
const MAX_REPEAT: u64 = 100_000;

impl<'a> Resolver<'a> {
    /// Runs the statements of the model.
    pub(super) fn run(&mut self, model: &'a ast::Model) {
        self.model.name.clone_from(&model.name.text);
        self.model.docs.clone_from(&model.docs);
        let mut frame = Frame::model();
        everywhere(&model.body, &mut self.everywhere);
        // An error in a statement is reported and ends that statement alone.
        self.body(&mut frame, &model.body);
        if self.model.outputs.is_empty() && self.model.objectives.is_empty() {
            let computes = model
                .body
                .iter()
                .any(|stmt| matches!(stmt.kind, StmtKind::Output(_) | StmtKind::Objective(_)));
            if !computes {
                let message = format!("model `{}` has no output and no objective", model.name.text);
                let label = "computes nothing";
                self.push(
                    Diagnostic::new(Code::NothingToCompute, message, model.name.span, label)
                        .help("write `output name = ..`, or an `objective`"),
                );
            }
        }
    }

    /// Runs statements one after another. True when all of them succeeded.
    pub(super) fn body(&mut self, frame: &mut Frame<'a>, body: &'a [Stmt]) -> bool {
        let mut all = true;
        for stmt in body {
            let result = self.nested(stmt.span, |resolver| resolver.statement(frame, stmt));
            if let Err(fail) = result {
                all = false;
                self.report(frame, fail);
                break_names(frame, &stmt.kind);
                if let StmtKind::Param(binding) | StmtKind::Modality(binding) = &stmt.kind
                    && let Some(outermost) = frame.scopes.first_mut()
                {
                    // It was meant to be known everywhere.
                    let entry = Entry { binding: Binding::Broken, span: binding.name.span };
                    outermost.entry(binding.name.text.clone()).or_insert(entry);
                }
                // In a block, `x` is unknown from here on.
                if self.exhausted || frame.block.is_some() {
                    break;
                }
            }
        }
        all
    }

    /// Runs statements in a scope of their own.
    fn scoped(&mut self, frame: &mut Frame<'a>, body: &'a [Stmt]) -> Result<()> {
        frame.scopes.push(BTreeMap::new());
        let all = self.body(frame, body);
        frame.scopes.pop();
        if all { Ok(()) } else { Err(Fail::Silent) }
    }

    fn statement(&mut self, frame: &mut Frame<'a>, stmt: &'a Stmt) -> Result<()> {
        self.spend(1, stmt.span)?;
        check_place(frame, stmt)?;
        match &stmt.kind {
            StmtKind::Param(binding) => self.param(frame, binding),
            StmtKind::Let(binding) => self.let_(frame, binding),
            StmtKind::Modality(binding) => self.modality(frame, binding),
            StmtKind::Tokens { names, value } => self.tokens(frame, names, value),
            StmtKind::Assign { name, op, value } => self.assign(frame, name, *op, value),
            StmtKind::Route { name, edges } => {
                self.check_new(frame, name)?;
                frame.declare(name, Binding::Route(edges));
                Ok(())
            }
            StmtKind::Apply(apply) => self.apply(frame, apply, stmt.span),
            StmtKind::Repeat { label, count, counter, body } => {
                self.repeat(frame, label.as_ref(), count, counter.as_ref(), body)
            }
            StmtKind::When { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.condition(frame, condition)? {
                        return self.scoped(frame, body);
                    }
                }
                otherwise.as_ref().map_or(Ok(()), |body| self.scoped(frame, body))
            }
            StmtKind::Target(binding) => self.target(frame, binding),
            StmtKind::Output(binding) => self.output(frame, binding),
            StmtKind::Objective(binding) => self.objective(frame, binding),
            StmtKind::Assert { name, only } => self.assert(frame, name, only, stmt.span),
        }
    }

    /// Refuses a name that is taken in the same scope.
    pub(super) fn check_new(&self, frame: &Frame<'a>, name: &Name) -> Result<()> {
        if name.text == "x" || name.text == "from" {
            let message = format!("`{}` has a meaning of its own in blocks", name.text);
            return fail(Code::ReservedName, message, name.span, "cannot be declared");
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

    fn param(&mut self, frame: &mut Frame<'a>, binding: &'a AstBinding) -> Result<()> {
        self.check_new(frame, &binding.name)?;
        let default = match as_name(&binding.value) {
            Some(word) if is_word(word) && frame.entry(word).is_none() => {
                Const::Text(word.to_owned())
            }
            Some(_) | None => self.constant(frame, &binding.value)?,
        };
        let settings = self.settings;
        let setting = settings.iter().rfind(|setting| setting.name.text == binding.name.text);
        let mut value = default.clone();
        if let Some(setting) = setting {
            value = match as_name(&setting.value) {
                // A shell takes quotes away: `--set short=loop`.
                Some(word) if matches!(default, Const::Text(_)) => Const::Text(word.to_owned()),
                Some(_) | None => self.constant(frame, &setting.value)?,
            };
            if std::mem::discriminant(&value) != std::mem::discriminant(&default) {
                let name = &setting.name.text;
                let message =
                    format!("param `{name}` is {}, not {}", default.describe(), value.describe());
                return Err(Diagnostic::new(
                    Code::WrongType,
                    message,
                    setting.value.span,
                    format!("this is {}", value.describe()),
                )
                .also(binding.value.span, "its default")
                .into());
            }
        }
        let (name, text) = (binding.name.text.clone(), value.to_string());
        self.model.params.push(Param { name, value: text, set: setting.is_some() });
        frame.declare(&binding.name, Binding::Const(value));
        Ok(())
    }

    fn let_(&mut self, frame: &mut Frame<'a>, binding: &'a AstBinding) -> Result<()> {
        self.check_new(frame, &binding.name)?;
        let value = self.named(frame, &binding.name, None, |resolver, frame| {
            resolver.evaluate(frame, &binding.value)
        })?;
        let binding_value = match value {
            Value::Const(value) => Binding::Const(value),
            Value::Tokens(lanes) => Binding::Tokens { lanes, group: None },
        };
        frame.declare(&binding.name, binding_value);
        Ok(())
    }

    /// Evaluates something under a name of the model, which then is a part of the names of its weights.
    pub(super) fn named<T>(
        &mut self,
        frame: &mut Frame<'a>,
        name: &Name,
        owner: Key,
        evaluate: impl FnOnce(&mut Self, &mut Frame<'a>) -> Result<T>,
    ) -> Result<T> {
        if frame.block.is_some() {
            return evaluate(self, frame);
        }
        let path = join(&frame.path, &name.text);
        let path = std::mem::replace(&mut frame.path, path);
        let owner = std::mem::replace(&mut frame.owner, owner);
        let result = evaluate(self, frame);
        frame.path = path;
        frame.owner = owner;
        result
    }

    fn tokens(
        &mut self,
        frame: &mut Frame<'a>,
        names: &'a [Name],
        value: &'a ast::Expr,
    ) -> Result<()> {
        let mut all = Ok(());
        for name in names {
            if let Err(fail) = self.one_tokens(frame, name, value) {
                self.report(frame, fail);
                frame.declare(name, Binding::Broken);
                all = Err(Fail::Silent);
            }
        }
        all
    }

    fn one_tokens(
        &mut self,
        frame: &mut Frame<'a>,
        name: &'a Name,
        value: &'a ast::Expr,
    ) -> Result<()> {
        let scope = frame.scopes.last().expect("a frame has at least one scope");
        // `tokens video = video |> ..` turns the modality into tokens of the same name.
        if !scope.get(&name.text).is_some_and(|e| matches!(e.binding, Binding::Modality(_))) {
            self.check_new(frame, name).map_err(|fail| match fail {
                Fail::Report(mut diagnostic) if diagnostic.code == Code::DuplicateName => {
                    diagnostic.help =
                        vec![format!("to give it a new value, write `{} = ..`", name.text)];
                    Fail::Report(diagnostic)
                }
                other @ (Fail::Report(_) | Fail::Silent) => other,
            })?;
        }
        let group = GroupId::next(self.model.groups.len());
        let is_model = frame.block.is_none();
        if is_model && self.model.groups.len() >= MAX_GROUPS {
            self.exhausted = true;
            let message = format!("a model has at most {MAX_GROUPS} token groups");
            return fail(Code::TooManySteps, message, name.span, "one too many");
        }
        let group = is_model.then_some(group);
        let lanes =
            self.named(frame, name, group, |resolver, frame| resolver.tokens_of(frame, value))?;
        if is_model {
            let start = single(&lanes);
            self.model.groups.push(Group { name: name.text.clone(), start, span: name.span });
            self.declared.push(&name.text);
            self.bound.push(Vec::new());
        }
        self.bind_group(group, &lanes);
        frame.declare(name, Binding::Tokens { lanes, group });
        Ok(())
    }

    /// Remembers that a group of the model has had this value.
    pub(super) fn bind_group(&mut self, group: Key, lanes: &Lanes) {
        if let (Some(group), Some(value)) = (group, lanes.values().next()) {
            self.bound[group.index()].push(*value);
        }
    }

    fn assign(
        &mut self,
        frame: &mut Frame<'a>,
        name: &'a Name,
        op: AssignOp,
        value: &'a ast::Expr,
    ) -> Result<()> {
        let (old, group) = self.assigned(frame, name)?;
        let lanes = self.named(frame, name, group, |resolver, frame| {
            let right = resolver.evaluate(frame, value)?;
            let op = match op {
                AssignOp::Set => return resolver.expect_tokens(frame, right, value.span),
                AssignOp::Add => BinaryOp::Add,
                AssignOp::Sub => BinaryOp::Sub,
                AssignOp::Mul => BinaryOp::Mul,
            };
            let span = name.span.to(value.span);
            let value = resolver.arithmetic(frame, op, Value::Tokens(old), right, span)?;
            resolver.expect_tokens(frame, value, span)
        })?;
        if name.text == "x" {
            frame.x.extend(lanes);
            return Ok(());
        }
        self.bind_group(group, &lanes);
        let entry = frame.entry_mut(&name.text).expect("looked up above");
        entry.binding = Binding::Tokens { lanes, group };
        Ok(())
    }

    /// The tokens that an assignment changes.
    fn assigned(&mut self, frame: &Frame<'a>, name: &Name) -> Result<(Lanes, Key)> {
        if name.text == "x" && frame.block.is_some() {
            return Ok((restrict(&frame.x, &frame.keys), None));
        }
        match frame.entry(&name.text).map(|entry| (&entry.binding, entry.span)) {
            Some((Binding::Tokens { group: None, .. }, span))
                if self.model.outputs.iter().any(|output| output.span == span) =>
            {
                let message = format!("`{}` is an output, which does not change", name.text);
                Err(Diagnostic::new(Code::WrongType, message, name.span, "only tokens change")
                    .also(span, "declared here")
                    .into())
            }
            Some((Binding::Tokens { lanes, group }, _)) => Ok((lanes.clone(), *group)),
            Some((Binding::Broken, _)) => Err(Fail::Silent),
            Some((other, span)) => {
                let message = format!("`{}` is {}", name.text, other.describe());
                Err(Diagnostic::new(Code::WrongType, message, name.span, "only tokens change")
                    .also(span, "declared here")
                    .into())
            }
            None => Err(self.unknown(frame, name, "unknown name").into()),
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
        match nearest(&name.text, frame.names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if name.text == "x" => diagnostic.help("`x` stands for tokens inside a block"),
            None if frame.block.is_some() => {
                diagnostic.help("a block sees `x`, its params and its own names, and no others")
            }
            None => diagnostic,
        }
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        label: Option<&'a Name>,
        count: &'a ast::Expr,
        counter: Option<&'a Name>,
        body: &'a [Stmt],
    ) -> Result<()> {
        let expr = count;
        let count = self.integer(frame, count, 0..=u64::MAX)?;
        if count > MAX_REPEAT {
            let message = format!("{count} repetitions are more than {MAX_REPEAT}");
            return fail(Code::TooManySteps, message, expr.span, "too many");
        }
        let name = match label {
            Some(label) => label.text.clone(),
            None => self.numbered(&frame.path, "repeat"),
        };
        let mut result = Ok(());
        let outer_path = frame.path.clone();
        let outer_labeled = std::mem::replace(&mut frame.labeled, label.is_some());
        for index in 0..count {
            result = self.spend(1 + (outer_path.len() + name.len()) as u64 / 64, expr.span);
            if result.is_err() {
                break;
            }
            frame.path = join(&join(&outer_path, &name), &index.to_string());
            frame.scopes.push(BTreeMap::new());
            if let Some(counter) = counter {
                frame.declare(counter, Binding::Const(Const::Number(index.into())));
            }
            let all = self.body(frame, body);
            frame.scopes.pop();
            if !all {
                // The next iteration would only say the same again.
                result = Err(Fail::Silent);
                break;
            }
        }
        frame.path = outer_path;
        frame.labeled = outer_labeled;
        result
    }

    fn output(&mut self, frame: &mut Frame<'a>, binding: &'a AstBinding) -> Result<()> {
        self.check_new(frame, &binding.name)?;
        let lanes = self.named(frame, &binding.name, None, |resolver, frame| {
            resolver.tokens_of(frame, &binding.value)
        })?;
        let (name, span) = (binding.name.text.clone(), binding.name.span);
        if let Some(earlier) = self.model.outputs.iter().find(|output| output.name == name) {
            return Err(declared_twice("output", &binding.name, earlier.span).into());
        }
        self.model.outputs.push(Output { name, value: single(&lanes), span });
        frame.declare(&binding.name, Binding::Tokens { lanes, group: None });
        Ok(())
    }

    fn assert(
        &mut self,
        frame: &mut Frame<'a>,
        name: &'a Name,
        only: &'a [Name],
        span: Span,
    ) -> Result<()> {
        let lanes = match frame.entry(&name.text).map(|entry| &entry.binding) {
            Some(Binding::Tokens { lanes, .. }) => lanes.clone(),
            Some(Binding::Broken) => return Err(Fail::Silent),
            Some(other) => {
                let message = format!("`{}` is {}", name.text, other.describe());
                return fail(Code::WrongType, message, name.span, "an assert is about tokens");
            }
            None => return Err(self.unknown(frame, name, "unknown name").into()),
        };
        let mut modalities = Vec::new();
        for name in only {
            match self.model.modality(&name.text) {
                Some(modality) => modalities.push(modality),
                None => return Err(self.unknown_modality(name).into()),
            }
        }
        let name = name.text.clone();
        self.model.asserts.push(Assert { name, value: single(&lanes), only: modalities, span });
        Ok(())
    }

    fn unknown_modality(&self, name: &Name) -> Diagnostic {
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

/// Words that arguments choose from, so that a param can hold one.
fn is_word(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "pad",
        "loop",
        "htk",
        "slaney",
        "none",
        "learned",
        "sinusoidal",
        "fourier",
        "mean",
        "first",
        "last",
        "both",
        "forward",
        "joint",
        "refuse",
        "allow",
    ];
    WORDS.contains(&text) || Elementwise::ALL.iter().any(|op| op.name() == text)
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
fn break_names<'a>(frame: &mut Frame<'a>, kind: &'a StmtKind) {
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
fn everywhere<'a>(body: &'a [Stmt], names: &mut BTreeMap<&'a str, Span>) {
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
fn check_place(frame: &Frame<'_>, stmt: &Stmt) -> Result<()> {
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
