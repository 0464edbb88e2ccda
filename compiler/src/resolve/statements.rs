//! Statements, in the order in which they run.

use std::collections::BTreeMap;

use zorro_grammar::ast::{self, AssignOp, BinaryOp, Binding as AstBinding, Name, Stmt, StmtKind};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Assert, Claim, Group, GroupId, ModalityId, Output, Param};

use super::evaluate::{as_name, restrict};
use super::names::{break_names, check_place, declared_twice, everywhere, single};
use super::value::{Binding, Const, Entry, Key, Lanes, Value};
use super::words::is_word;
use super::{Fail, Frame, MAX_GROUPS, Resolver, Result, fail, join};

/// The most iterations of one `repeat`.
const MAX_REPEAT: u64 = 100_000;

impl<'a> Resolver<'a> {
    /// Runs the statements of the model.
    pub(super) fn run(&mut self, model: &'a ast::Model) {
        self.model.name.clone_from(&model.name.text);
        self.model.docs.clone_from(&model.docs);
        self.main = Some(model);
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
            StmtKind::Assert { name, claim } => self.assert(frame, name, claim, stmt.span),
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
        });
        let value = match value {
            // What is known of each group need not be the same for all: `let inner = 4 * x.dim`.
            Err(Fail::Report(why)) if frame.block.is_some() && why.code == Code::WidthsDiffer => {
                let values = self.per_group(frame, &binding.value);
                let values = values.map_err(|_| Fail::Report(why))?;
                frame.declare(&binding.name, Binding::PerGroup(values));
                return Ok(());
            }
            other => other?,
        };
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
        let outer = frame.naming.clone();
        frame.naming = outer.within(&name.text);
        let owner = std::mem::replace(&mut frame.owner, owner);
        let result = evaluate(self, frame);
        frame.naming = outer;
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
        let (old, group) = self.assigned(frame, name, value)?;
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
    fn assigned(
        &mut self,
        frame: &Frame<'a>,
        name: &Name,
        value: &ast::Expr,
    ) -> Result<(Lanes, Key)> {
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
            None => {
                let unknown = self.unknown(frame, name, "unknown name");
                // Misspelled, declared further down, or new?
                let is_new = unknown.labels.len() == 1
                    && unknown.help.iter().all(|help| !help.starts_with("did you mean"));
                Err(if is_new {
                    self.undeclared(unknown, name, value).into()
                } else {
                    unknown.into()
                })
            }
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
            None => self.numbered(&frame.naming.path, "repeat"),
        };
        let mut result = Ok(());
        let outer = frame.naming.clone();
        let outer_labeled = std::mem::replace(&mut frame.labeled, label.is_some());
        for index in 0..count {
            result = self.spend(1 + (outer.path.len() + name.len()) as u64 / 64, expr.span);
            if result.is_err() {
                break;
            }
            frame.naming = outer.within(&join(&name, &index.to_string()));
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
        frame.naming = outer;
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
        claim: &'a ast::Claim,
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
        let value = single(&lanes);
        let claim = match claim {
            ast::Claim::ReadsOnly(only) => {
                let only = only.iter().map(|name| self.asserted_modality(name));
                Claim::ReadsOnly(only.collect::<Result<_>>()?)
            }
            ast::Claim::CausalIn(modality) => {
                let id = self.asserted_modality(modality)?;
                self.check_positions((name, value), (modality, id))?;
                Claim::Causal(id)
            }
        };
        self.model.asserts.push(Assert { name: name.text.clone(), value, claim, span });
        Ok(())
    }

    fn asserted_modality(&self, name: &Name) -> Result<ModalityId> {
        let modality = self.model.modality(&name.text);
        modality.ok_or_else(|| self.unknown_modality(name).into())
    }
}
