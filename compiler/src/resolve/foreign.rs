//! Words and arguments of other frameworks in calls: what is written here in their place.
//!
//! In: a call that failed, or a name that nobody knows. Out: an error that says how it is said here, with text to paste.
//! Deliberately not here: the words themselves ([`zorro_grammar::foreign`]), and whether a call is right.

use zorro_grammar::ast::{self, Endpoint, Expr, Name, RouteExpr, StmtKind};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::foreign::{self, Argument, GROUP, Write};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Source, ValueId};

use super::evaluate::visit_calls;
use super::function::{
    self, Aim, Call, Classification, Comparison, Constant, Operation, Origin, Preparation,
};
use super::value::Binding;
use super::{Fail, Frame, Resolver};

/// What arguments that are missing could be, so that what is offered can be pasted.
const EXAMPLES: &[(&str, &str)] = &[
    ("heads", "4"),
    ("width", "64"),
    ("rate", "0.1"),
    ("how", "mean"),
    ("function", "gelu"),
    ("n", "10"),
    ("tokens", "8"),
    ("size", "224"),
    ("count", "8"),
    ("fps", "8"),
    ("seconds", "1"),
    ("length", "16"),
    ("vocabulary", "1000"),
    ("bins", "128"),
    ("window", "400"),
    ("hop", "160"),
    ("mean", "0.5"),
    ("std", "0.5"),
    ("shape", "[16, 8]"),
    ("policy", "learned"),
];

/// Names for the other side of an attention.
const OTHER_SIDE: &[&str] = &[
    "y",
    "context",
    "ctx",
    "memory",
    "mem",
    "kv",
    "key",
    "keys",
    "value",
    "values",
    "source",
    "src",
    "other",
    "encoder_out",
    "encoder_hidden_states",
    "k",
    "v",
];

impl<'a> Resolver<'a> {
    /// The text of a part of the spec.
    pub(super) fn text(&self, span: Span) -> &'a str {
        self.sources.text(span)
    }

    /// The call without what is piped into it.
    fn plain_call(&self, call: Call<'a>) -> Span {
        let start = call.name.span;
        // What follows the name, where the call's own span does not reach so far.
        let from = call.args.last().map_or(start.end, |arg| arg.value.span.end);
        let text = &self.sources.file(start.file).text;
        let rest = &text[from as usize..];
        let end = if call.args.is_empty() && !rest.trim_start().starts_with('(') {
            start.end
        } else {
            rest.find(')').map_or(from, |close| from + u32::try_from(close + 1).unwrap_or(0))
        };
        Span { end, ..start }
    }

    /// The arguments as they stand in the text; before them the operand, where it is one of them.
    fn arguments(&self, call: Call<'a>, has_operand: bool) -> (Option<&'a str>, Vec<Argument<'a>>) {
        let mut args = call.args.iter().map(|arg| Argument {
            name: arg.name.as_ref().map(|name| name.text.as_str()),
            value: self.text(arg.value.span),
        });
        let is_operand = |arg: &Argument<'_>| {
            arg.name.is_none() && arg.value.starts_with(|c: char| c.is_alphabetic() || c == '(')
        };
        if !has_operand || call.first.is_some() {
            return (None, args.collect());
        }
        match args.next() {
            Some(first) if is_operand(&first) => (Some(first.value), args.collect()),
            first => (None, first.into_iter().chain(args).collect()),
        }
    }

    /// The parameters of what a name calls, as the tables write them.
    fn params_of(&self, name: &str) -> Vec<String> {
        if let Some(block) = self.blocks.get(name) {
            let param = |param: &ast::BlockParam| {
                let mark = if param.default.is_some() { "?" } else { "" };
                format!("{}{mark}", param.name.text)
            };
            return block.params.iter().map(param).collect();
        }
        let table = Constant::find(name)
            .map(Constant::params)
            .or_else(|| Operation::find(name).map(Operation::params))
            .or_else(|| Origin::find(name).map(Origin::params))
            .or_else(|| Preparation::find(name).map(Preparation::params))
            .or_else(|| Classification::find(name).map(Classification::params))
            .or_else(|| Comparison::find(name).map(Comparison::params))
            .or_else(|| Aim::find(name).map(Aim::params));
        table.unwrap_or(&[]).iter().map(|param| (*param).to_owned()).collect()
    }

    /// The failure of a call whose arguments are those of another framework, with what to write.
    pub(super) fn said_here(&self, call: Call<'a>, fail: Fail) -> Fail {
        match fail {
            Fail::Report(diagnostic)
                if diagnostic.edits.is_empty() && is_about(call, &diagnostic) =>
            {
                Fail::Report(Box::new(self.in_our_words(call, *diagnostic)))
            }
            fail @ (Fail::Report(_) | Fail::Silent) => fail,
        }
    }

    fn in_our_words(&self, call: Call<'a>, mut diagnostic: Diagnostic) -> Diagnostic {
        let name = call.name.text.as_str();
        let params = self.params_of(name);
        let has_operand = params.first().is_some_and(|param| param == "x");
        let params: Vec<&str> =
            params.iter().map(String::as_str).filter(|param| *param != "x").collect();
        let (operand, args) = self.arguments(call, has_operand);
        let span = self.plain_call(call);
        let written = |text: String| match operand {
            Some(x) => format!("{x} |> {text}"),
            None => text,
        };
        if diagnostic.code == Code::UnknownArgument {
            if let Some(text) = foreign::renamed(name, &params, &args) {
                diagnostic.help.clear();
                return diagnostic.write(span, written(text));
            }
            return diagnostic;
        }
        // A number that is out of range stays so in other words.
        let wrong = self.text(diagnostic.span());
        let is_kept = |text: &str| {
            let of_value =
                matches!(diagnostic.code, Code::OutOfRange | Code::TooLarge | Code::NotAnInteger);
            of_value && text.contains(wrong) || diagnostic.labels.len() > 1
        };
        let same = |text: &str| {
            let squeezed = |text: &str| text.replace([' ', '\n'], "");
            squeezed(text) == squeezed(self.text(span))
        };
        if let Some(answer) = foreign::call(name, &args)
            && let Write::Here(text) = answer.write
            && !same(&text)
            && !is_kept(&text)
        {
            answer.why.clone_into(&mut diagnostic.labels[0].text);
            if diagnostic.code != Code::ArgumentCount {
                diagnostic.message = format!("`{name}` takes other arguments");
            }
            diagnostic.help.clear();
            return diagnostic.write(span, written(text));
        }
        match completed(name, &params, &args) {
            Some(text) if diagnostic.code == Code::ArgumentCount => {
                let usage = std::mem::take(&mut diagnostic.help);
                usage.into_iter().fold(diagnostic.write(span, written(text)), Diagnostic::help)
            }
            Some(_) | None => diagnostic,
        }
    }

    /// The error for a call of something that nobody knows. `group`: the tokens that are declared with it.
    pub(super) fn unknown_operation(&self, call: Call<'a>, group: Option<&str>) -> Fail {
        if self.incomplete {
            return Fail::Silent; // It may stand in what could not be read.
        }
        let name = call.name;
        let message = format!("unknown operation or block `{}`", name.text);
        let mut diagnostic =
            Diagnostic::new(Code::UnknownOperation, message, name.span, "not known");
        let span = self.plain_call(call);
        if matches!(name.text.as_str(), "causal" | "all") {
            "a relation without parentheses".clone_into(&mut diagnostic.labels[0].text);
            return diagnostic.write(span, name.text.as_str()).into();
        }
        // Losses, sources and the like have no operand.
        let (_, all) = self.arguments(call, false);
        let whole = foreign::call(&name.text, &all)
            .filter(|answer| matches!(&answer.write, Write::Here(text) if !is_operation(text)));
        let (operand, args) = self.arguments(call, true);
        let (operand, answer) = match whole {
            Some(answer) => (None, Some(answer)),
            None => (operand, foreign::call(&name.text, &args)),
        };
        let Some(answer) = answer else {
            return self.nearest_operation(diagnostic, name).into();
        };
        answer.why.clone_into(&mut diagnostic.labels[0].text);
        match answer.write {
            Write::Here(text) => match operand {
                Some(x) => diagnostic.write(span, format!("{x} |> {text}")),
                None => diagnostic.write(span, text),
            },
            Write::Statement(text) => self.as_statement(diagnostic, call, group, &text),
            Write::Nothing => {
                let diagnostic = diagnostic.help("leave it out");
                match (call.first, operand) {
                    (Some(first), _) => diagnostic.edit(Span { start: first.span.end, ..span }, ""),
                    (None, Some(operand)) => diagnostic.edit(span, operand),
                    (None, None) => diagnostic,
                }
            }
            Write::AsSaid => diagnostic,
        }
        .into()
    }

    fn nearest_operation(&self, diagnostic: Diagnostic, name: &Name) -> Diagnostic {
        let functions: Vec<&str> = function::names().collect();
        let known = functions.into_iter().chain(self.blocks.keys().copied());
        match nearest(&name.text, known) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).edit(name.span, near),
            None if name.text.starts_with(char::is_uppercase) => {
                diagnostic.help("operations and blocks are listed in docs/language.md; a layer of your own is `block name(heads) { x += .. }`")
            }
            None => diagnostic.help(
                "operations and blocks are listed in docs/language.md; what can be said with them, declare with `block`, or `use` the file that does",
            ),
        }
    }

    /// What is a statement here, put on a line of its own after the tokens that it changes.
    fn as_statement(
        &self,
        diagnostic: Diagnostic,
        call: Call<'a>,
        group: Option<&str>,
        text: &str,
    ) -> Diagnostic {
        let text = text.replace(GROUP, group.unwrap_or("a"));
        let diagnostic = diagnostic.help(format!("write `{text}` on a line of its own"));
        let source = &self.sources.file(call.span.file).text;
        let after = &source[call.span.end as usize..];
        let line = after.split('\n').next().unwrap_or("");
        match (call.first, group) {
            (Some(first), Some(_)) if line.trim().is_empty() => {
                let rest = Span { start: first.span.end, ..call.span };
                diagnostic.edit(rest, format!("\n  {text}"))
            }
            _ => diagnostic,
        }
    }

    /// The error for a block that is applied and that nobody knows.
    pub(super) fn unknown_block(&self, apply: &'a ast::Apply) -> Fail {
        let call =
            Call { name: &apply.block, first: None, args: &apply.args, span: apply.block.span };
        let (_, args) = self.arguments(call, false);
        let answer = foreign::call(&apply.block.text, &args).map(|answer| answer.write);
        let template = match &answer {
            Some(Write::Statement(text)) => text.as_str(),
            Some(Write::Here(text)) if text.starts_with("attend(") => "apply vit(heads: 4) over",
            Some(Write::Here(text)) if text.starts_with("norm(") => "apply final() over",
            Some(_) | None => return self.unknown_operation(call, None),
        };
        let block = template.split_once("apply ").and_then(|(_, rest)| rest.split_once(" over"));
        let Some((block, _)) = block else { return self.unknown_operation(call, None) };
        let message = format!("unknown block `{}`", apply.block.text);
        let label =
            "the transformer layer is `vit`, with cross-attention `decoder`, the last norm `final`";
        Diagnostic::new(Code::UnknownOperation, message, apply.block.span, label)
            .write(self.plain_call(call), block)
            .into()
    }

    /// What a name may mean that nobody declared.
    pub(super) fn foreign_name(
        &self,
        frame: &Frame<'a>,
        name: &Name,
        unknown: &Diagnostic,
    ) -> Option<Diagnostic> {
        let diagnostic = unknown.clone();
        if let Some((ours, why)) = foreign::value_named(&name.text) {
            return Some(relabeled(diagnostic, why).write(name.span, ours));
        }
        let squeezed = name.text.replace('_', "").to_lowercase();
        if matches!(
            squeezed.as_str(),
            "clstoken" | "cls" | "classtoken" | "cltoken" | "classembedding"
        ) {
            let width = self.some_width().unwrap_or("64");
            let why = "a class token is learned, and as wide as the tokens beside it";
            return Some(
                relabeled(diagnostic, why).write(name.span, format!("latents(1, {width})")),
            );
        }
        let line = self.line_before(name.span);
        let attends = line.contains("attend(");
        if frame.block.is_some() && (attends || OTHER_SIDE.contains(&name.text.as_str())) {
            let diagnostic = relabeled(
                diagnostic,
                "a block has two sides: `x` receives, `from` is what it reads",
            );
            return Some(if attends {
                diagnostic.write(name.span, "from")
            } else {
                diagnostic.help("what is read stands in `attend(norm(x), from: norm(from))` alone")
            });
        }
        None
    }

    /// What a statement `name = value` declares, whose name is new.
    pub(super) fn undeclared(
        &self,
        diagnostic: Diagnostic,
        name: &Name,
        value: &Expr,
    ) -> Diagnostic {
        if let Some(help) =
            foreign::statement(&name.text).filter(|_| !name.text.starts_with("loss"))
        {
            return relabeled(diagnostic, "nothing of this name is declared").help(help);
        }
        let mut called = Vec::new();
        visit_calls(value, &mut |call| called.push(call.name.text.as_str()));
        let any = |known: &dyn Fn(&str) -> bool| called.iter().any(|name| known(name));
        let is_loss =
            any(&|name| Classification::find(name).is_some() || matches!(name, "nce" | "mse"));
        let keyword = if is_loss {
            "objective"
        } else if any(&|name| Aim::find(name).is_some() && name != "tensor") {
            "target"
        } else if any(&|name| Origin::find(name).is_some()) {
            "modality"
        } else if called.is_empty() {
            "let"
        } else {
            "tokens"
        };
        let start = Span { end: name.span.start, ..name.span };
        relabeled(diagnostic, "a bare `=` changes what was declared before")
            .help(format!("to declare it, write `{keyword} {} = ..`", name.text))
            .edit(start, format!("{keyword} "))
    }

    /// What to say of patches that do not fit a tensor whose channels stand first.
    pub(super) fn channels_first(
        &self,
        value: ValueId,
        diagnostic: Diagnostic,
    ) -> Option<Diagnostic> {
        let modality = &self.model.modalities[self.source_of(value)?.index()];
        let Source::Tensor = modality.source else { return None };
        let mut sizes = modality.shape.grid.clone();
        sizes.push(modality.shape.width);
        // One sample is fed at a time: a first size of 1 is that of a batch.
        let sizes = if sizes.len() > 3 && sizes[0] == 1 { &sizes[1..] } else { &sizes };
        let (channels, rest) = sizes.split_first().filter(|(_, rest)| rest.len() >= 2)?;
        if *channels > 4 || rest.iter().any(|size| size <= channels) {
            return None;
        }
        let sizes: Vec<String> = rest.iter().chain([channels]).map(u64::to_string).collect();
        let written = format!("tensor([{}])", sizes.join(", "));
        let mut diagnostic = diagnostic;
        diagnostic.help.clear();
        let text = &self.sources.file(modality.span.file).text[modality.span.end as usize..];
        let diagnostic = diagnostic.also(modality.span, "its channels stand first");
        let line = text.split('\n').next().unwrap_or("");
        let place = line.find("tensor(").and_then(|at| Some((at, at + line[at..].find("])")? + 2)));
        Some(
            match place.and_then(|(start, end)| {
                Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
            }) {
                Some((start, end)) => {
                    let at = |offset: u32| modality.span.end + offset;
                    diagnostic
                        .write(Span { start: at(start), end: at(end), ..modality.span }, written)
                }
                None => diagnostic.help(format!("write `{written}`")),
            }
            .help("the width, here the channels, stands last, and there is no batch axis"),
        )
    }

    /// The line before a place.
    fn line_before(&self, span: Span) -> &'a str {
        let before = &self.sources.file(span.file).text[..span.start as usize];
        before.rsplit('\n').next().unwrap_or("")
    }

    /// The width that the model's first tokens are given, as it is written.
    fn some_width(&self) -> Option<&'a str> {
        let mut found = None;
        for stmt in &self.main?.body {
            let StmtKind::Tokens { value, .. } = &stmt.kind else { continue };
            visit_calls(value, &mut |call| {
                let at = usize::from(call.first.is_none());
                let at = if call.name.text == "latents" { 1 } else { at };
                if matches!(call.name.text.as_str(), "linear" | "embed" | "latents") {
                    found = found.or(call.args.get(at).map(|arg| arg.value.span));
                }
            });
        }
        found.map(|span| self.text(span))
    }

    /// A mask among the arguments of a block: who reads whom is said by the edges.
    pub(super) fn mask_of_route(
        &self,
        frame: &Frame<'a>,
        apply: &'a ast::Apply,
        fail: Fail,
    ) -> Fail {
        let call =
            Call { name: &apply.block, first: None, args: &apply.args, span: apply.block.span };
        let is_mask = |name: &Name| foreign::argument(&name.text).first() == Some(&"within");
        let at = apply.args.iter().position(|arg| arg.name.as_ref().is_some_and(is_mask));
        let (Fail::Report(diagnostic), Some(at)) = (&fail, at) else {
            return self.said_here(call, fail);
        };
        let arg = &apply.args[at];
        let Some(name) = arg.name.as_ref().filter(|name| name.span == diagnostic.span()) else {
            return self.said_here(call, fail);
        };
        let value = self.text(arg.value.span);
        let relation =
            if value.contains("windows") || value.contains("groups") { value } else { "causal" };
        let edges = match &apply.over {
            RouteExpr::Inline { edges, .. } => edges.as_slice(),
            RouteExpr::Named(name) => match frame.entry(&name.text).map(|entry| &entry.binding) {
                Some(Binding::Route(edges)) => *edges,
                Some(_) | None => &[],
            },
            RouteExpr::If { .. } => &[],
        };
        let label = "who reads whom is the route's";
        let mut written =
            Diagnostic::new(Code::UnknownArgument, diagnostic.message.clone(), name.span, label);
        let cut = match (at.checked_sub(1), apply.args.get(at + 1)) {
            (Some(before), _) => {
                Span { start: apply.args[before].value.span.end, ..arg.value.span }
            }
            (None, Some(next)) => {
                let next = next.name.as_ref().map_or(next.value.span, |name| name.span);
                Span { start: name.span.start, end: next.start, file: next.file }
            }
            (None, None) => name.span.to(arg.value.span),
        };
        written = written.edit(cut, "");
        let reads = edges.iter().flat_map(|edge| &edge.reads).filter(|read| read.within.is_none());
        for (index, read) in reads.enumerate() {
            let (Endpoint::Group(Name { span, .. }) | Endpoint::All(span)) = read.from;
            if index == 0 {
                written = written
                    .help(format!("write `{} within {relation}` on its edges", self.text(span)));
            }
            written = written.edit(Span { start: span.end, ..span }, format!(" within {relation}"));
        }
        written.into()
    }
}

/// The error for a block whose params say what every block has.
pub(super) fn reserved_param(block: &ast::Block) -> Option<Diagnostic> {
    let params = &block.params;
    let is_side = |param: &ast::BlockParam| matches!(param.name.text.as_str(), "x" | "from");
    let at = params.iter().position(is_side)?;
    let whole = |param: &ast::BlockParam| {
        param.default.as_ref().map_or(param.name.span, |default| param.name.span.to(default.span))
    };
    let name = &params[at].name;
    let cut = match (params.get(at + 1), at.checked_sub(1)) {
        (Some(next), _) => Span { end: next.name.span.start, ..name.span },
        (None, Some(before)) => Span { start: whole(&params[before]).end, ..whole(&params[at]) },
        (None, None) => whole(&params[at]),
    };
    let message = format!("`{}` has a meaning of its own in blocks", name.text);
    let others = params.iter().filter(|param| !is_side(param));
    let others: Vec<&str> = others.map(|param| param.name.text.as_str()).collect();
    let written = format!("block {}({})", block.name.text, others.join(", "));
    let diagnostic =
        Diagnostic::new(Code::ReservedName, message, name.span, "there without being declared");
    let help = format!("write `{written}`: `x` receives, `from` is what it reads");
    Some(diagnostic.help(help).edit(cut, ""))
}

/// Whether what is wrong is an argument of this very call, or that one is missing.
fn is_about(call: Call<'_>, diagnostic: &Diagnostic) -> bool {
    let codes = [
        Code::WrongType,
        Code::ArgumentCount,
        Code::UnknownArgument,
        Code::OutOfRange,
        Code::TooLarge,
        Code::NotAnInteger,
    ];
    let span = diagnostic.span();
    let of_args = call.args.iter().any(|arg| {
        arg.value.span == span || arg.name.as_ref().is_some_and(|name| name.span == span)
    });
    codes.contains(&diagnostic.code) && (of_args || span == call.span || span == call.name.span)
}

/// A call with examples for what it lacks; nothing where there is no example.
fn completed(name: &str, params: &[&str], args: &[Argument<'_>]) -> Option<String> {
    let positional = args.iter().filter(|arg| arg.name.is_none()).count();
    let mut all: Vec<String> = args
        .iter()
        .map(|arg| match arg.name {
            Some(name) => format!("{name}: {}", arg.value),
            None => arg.value.to_owned(),
        })
        .collect();
    let mut added = false;
    for param in params.iter().skip(positional) {
        let given = args.iter().any(|arg| arg.name == Some(param));
        if given || param.ends_with(['?', '!']) {
            continue;
        }
        let (_, example) = EXAMPLES.iter().find(|(known, _)| known == param)?;
        all.push(format!("{param}: {example}"));
        added = true;
    }
    added.then(|| format!("{name}({})", all.join(", ")))
}

/// Whether a call works on tokens that can be piped into it.
fn is_operation(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or(text);
    function::elsewhere(name).is_none() && !matches!(name, "concat" | "join" | "windows")
}

fn relabeled(mut diagnostic: Diagnostic, label: &str) -> Diagnostic {
    label.clone_into(&mut diagnostic.labels[0].text);
    diagnostic
}
