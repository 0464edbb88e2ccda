//! Syntax trees to a model: names, numbers, shapes, blocks, weights, flows.
//!
//! In: the trees of a spec and of the files that it uses, and the params set from outside. Out: a [`Model`] in which
//! nothing can be wrong any more, or all errors that can be known in one run. Deliberately not here: device
//! limits, which are checked where kernels are planned.
//!
//! Statements run in order, as a program: `repeat` repeats, a block is expanded where it is applied or called. An
//! error ends its statement; what it would have declared is then `Broken`, and what uses that is not reported.

mod apply;
mod arithmetic;
mod attend;
mod causal;
mod combine;
mod constants;
mod doubts;
mod evaluate;
mod foreign;
mod function;
mod host;
mod limits;
mod loss;
mod names;
mod operations;
mod pictures;
mod positions;
mod presets;
mod prove;
mod readers;
mod report;
mod routes;
mod slicing;
mod sound;
mod statements;
mod unused;
mod value;
mod weights;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use zorro_grammar::ast::{self, Item, Name};
use zorro_grammar::diagnostic::nearest;
use zorro_grammar::{Code, Diagnostic, FileId, SourceMap, Span};

use crate::flow::Flow;
use crate::model::{
    GroupId, Lane, Model, Op, Read, Shape, Step, StepId, Value as ModelValue, ValueId, WeightId,
};
use crate::project::Project;
use crate::routing::Relation;

use limits::{
    MAX_CALLS, MAX_ERRORS, MAX_GROUPS, MAX_LANES, MAX_MODALITIES, MAX_NUMBERS, MAX_STEPS,
    MAX_TOKENS, MAX_WIDTH, check_size, check_weight, n_indices, too_many_steps,
};
use value::{Binding, Entry, Key, Lanes};

/// Why something was not evaluated.
enum Fail {
    /// To be reported.
    Report(Box<Diagnostic>),
    /// The cause has been reported already.
    Silent,
}

impl From<Diagnostic> for Fail {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Report(Box::new(diagnostic))
    }
}

type Result<T> = std::result::Result<T, Fail>;

/// A failure with its main label.
fn fail<T>(
    code: Code,
    message: impl Into<String>,
    span: Span,
    label: impl Into<String>,
) -> Result<T> {
    Err(Diagnostic::new(code, message, span, label).into())
}

/// What `resolve` found out.
pub(crate) struct Resolution {
    /// The model with its flow, where there is no error but in what it was to prove.
    pub(crate) model: Option<(Model, Flow)>,
    /// Whether there is an error.
    pub(crate) refused: bool,
    /// Errors and warnings.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Resolves a project.
///
/// `incomplete` says that errors in files were reported before, so that what is missing may stand there.
pub(crate) fn resolve(
    sources: &SourceMap,
    project: &Project,
    settings: &[ast::Binding],
    incomplete: bool,
) -> Resolution {
    let mut resolver = Resolver::new(sources, settings);
    resolver.incomplete = incomplete;
    resolver.collect_blocks(project);
    let Some(model) = resolver.the_model(project) else {
        return Resolution { model: None, refused: true, diagnostics: resolver.diagnostics };
    };
    resolver.run(model);
    resolver.check_settings(model);
    let own = project.files.first().map_or(&[][..], |file| file.items.as_slice());
    if !resolver.failed {
        // In a broken model much is unused because its use is broken.
        for warning in unused::names(model, own) {
            resolver.push(warning);
        }
        for warning in
            project.files.first().into_iter().flat_map(|file| doubts::divisions(file, sources))
        {
            resolver.push(warning);
        }
    }
    resolver.warn_unread();
    let is_whole = !resolver.failed && resolver.errors == 0;
    let proved = resolver.prove();
    debug_assert!(
        !resolver.failed || resolver.errors > 0 || incomplete,
        "what fails in silence was reported before"
    );
    let model = proved.filter(|_| is_whole).map(|flow| (resolver.model, flow));
    Resolution { model, refused: resolver.errors > 0, diagnostics: resolver.diagnostics }
}

/// Where a statement stands, and for whom it runs.
struct Frame<'a> {
    /// Names, innermost last.
    scopes: Vec<BTreeMap<String, Entry<'a>>>,
    /// The block whose body this is; `None` in the model.
    block: Option<&'a ast::Block>,
    /// How weights made here are named and shared.
    naming: Naming,
    /// For whom statements are evaluated: the receivers.
    keys: Vec<Key>,
    /// The values of `x`: of the receivers, and of what they read.
    x: Lanes,
    /// Who reads whom.
    reads: BTreeMap<Key, Vec<Edge>>,
    /// The edges that some attention has read.
    read: BTreeSet<(Key, Key)>,
    /// The group that is being computed, in the model.
    owner: Option<GroupId>,
    /// Whether statements stand directly in a labeled `repeat`.
    labeled: bool,
    /// How many blocks call each other here.
    depth: usize,
    /// Where the block is applied or called from.
    from: Option<Span>,
}

/// How the weights of a place are named, and who shares them.
#[derive(Clone, Default)]
struct Naming {
    /// Where steps stand: labels and loop numbers around them.
    place: String,
    /// Prefix of the names of weights, without the group: the place, or the name of a tie.
    path: String,
    /// How many bytes of it stand before the group: an apply's own, or the name of a tie.
    outer: usize,
    /// Whether each group has weights of its own.
    per_group: bool,
    /// Whether weights are shared with every other place that names the same tie.
    tied: bool,
    /// An earlier application of the same name.
    clash: Option<Span>,
}

/// A group that a receiver reads, with the relation and the place of the edge.
#[derive(Clone)]
struct Edge {
    read: Key,
    relation: Relation,
    span: Span,
}

/// A place where an operation stands in the spec, once for each time it is evaluated.
struct Site {
    naming: Naming,
    /// The operation's name, numbered: `norm_2`; empty when a tie names it.
    name: String,
    id: u32,
    span: Span,
    from: Option<Span>,
}

/// What one lane of a step will be.
struct Draft {
    op: Op,
    operands: Vec<ValueId>,
    weights: Vec<WeightId>,
    reads: Vec<Read>,
    shape: Shape,
}

/// Two values that a loss brings together.
struct Compared {
    sides: (ValueId, ValueId),
    span: Span,
}

struct Resolver<'a> {
    /// For what is to be written in place of something.
    sources: &'a SourceMap,
    main: Option<&'a ast::Model>,
    settings: &'a [ast::Binding],
    blocks: BTreeMap<&'a str, &'a ast::Block>,
    /// Blocks whose params are wrong; what uses them is not reported again.
    broken: BTreeSet<&'a str>,
    /// The files of the standard blocks.
    standard: BTreeSet<FileId>,
    model: Model,
    diagnostics: Vec<Diagnostic>,
    seen: BTreeSet<(Code, Span)>,
    /// Per prefix and operation, how many there are.
    counters: weights::Counters,
    /// Which operation a tie's name stands for, and where it did first.
    ties: BTreeMap<&'a str, (String, Span)>,
    /// Which site made a weight, by the weight's name; ties have none.
    weight_sites: BTreeMap<String, (WeightId, Option<u32>, Key)>,
    /// Where each prefix was applied first.
    applied: BTreeMap<String, Span>,
    /// The input value of each modality, once it is used.
    inputs: Vec<Option<ValueId>>,
    /// Every name that the model declares somewhere, with the last place that does.
    everywhere: BTreeMap<&'a str, Span>,
    /// The name of each group, as it stands in the spec.
    declared: Vec<&'a str>,
    /// Every value that a group has had.
    bound: Vec<Vec<ValueId>>,
    /// What losses compare that may not collapse.
    compared: Vec<Compared>,
    next_site: u32,
    lanes: usize,
    work: u64,
    /// Bytes of the names of steps and weights.
    names: usize,
    /// How deep the evaluation is right now.
    nesting: usize,
    errors: usize,
    warnings: usize,
    /// Whether a statement failed. A model with that is of no use, whatever was reported.
    failed: bool,
    /// Nothing more is to be evaluated: a limit was reached, and that was reported.
    exhausted: bool,
    /// Whether a file could not be loaded as a whole, so that blocks may be missing.
    incomplete: bool,
    /// The blocks that read along edges.
    attends: BTreeSet<&'a str>,
    /// The edges that applications have not read so far: the warning for each, by application and edge.
    unread: BTreeMap<(Span, Span), Option<Diagnostic>>,
}

impl<'a> Resolver<'a> {
    fn new(sources: &'a SourceMap, settings: &'a [ast::Binding]) -> Self {
        Self {
            sources,
            main: None,
            settings,
            blocks: BTreeMap::new(),
            broken: BTreeSet::new(),
            standard: BTreeSet::new(),
            model: Model::empty(),
            diagnostics: Vec::new(),
            seen: BTreeSet::new(),
            counters: BTreeMap::new(),
            ties: BTreeMap::new(),
            weight_sites: BTreeMap::new(),
            applied: BTreeMap::new(),
            inputs: Vec::new(),
            everywhere: BTreeMap::new(),
            declared: Vec::new(),
            bound: Vec::new(),
            compared: Vec::new(),
            next_site: 0,
            lanes: 0,
            work: 0,
            names: 0,
            nesting: 0,
            errors: 0,
            warnings: 0,
            failed: false,
            exhausted: false,
            incomplete: false,
            attends: BTreeSet::new(),
            unread: BTreeMap::new(),
        }
    }

    fn collect_blocks(&mut self, project: &'a Project) {
        self.standard = project.standard.iter().map(|file| file.id).collect();
        for block in blocks(&project.standard) {
            self.blocks.insert(&block.name.text, block);
        }
        let mut own: BTreeMap<&str, Span> = BTreeMap::new();
        for block in blocks(&project.files) {
            let name = &block.name;
            if function::is_name(&name.text) {
                let message = format!("`{}` is an operation of the language", name.text);
                let label = "a block cannot have this name";
                self.push(
                    Diagnostic::new(Code::ReservedName, message, name.span, label)
                        .help("operations cannot be redefined; choose another name"),
                );
                continue;
            }
            self.check_params(block);
            if let Some(first) = own.insert(&name.text, name.span) {
                let message = format!("block `{}` is declared twice", name.text);
                let label = "declared again here";
                self.push(
                    Diagnostic::new(Code::DuplicateName, message, name.span, label)
                        .also(first, "first declared here"),
                );
                continue;
            }
            if let Some(diagnostic) = foreign::reserved_param(block) {
                self.push(diagnostic);
                self.incomplete = true;
                continue;
            }
            self.blocks.insert(&name.text, block);
        }
        self.attends = readers::attending(&self.blocks);
    }

    /// Refuses params that would hide what a block works on.
    fn check_params(&mut self, block: &'a ast::Block) {
        for name in block.params.iter().map(|param| &param.name) {
            let (meaning, help) = match name.text.as_str() {
                "x" => {
                    ("the tokens that the block works on", "take it out: `x` is there without it")
                }
                "from" => ("what is read", "choose another name"),
                _ => continue,
            };
            self.broken.insert(&block.name.text);
            let message = format!("`{}` stands for {meaning}", name.text);
            let (block, label) = (&block.name.text, "a param cannot have this name");
            self.push(
                Diagnostic::new(Code::ReservedName, message, name.span, label).help(help).help(
                    format!("tokens come from the route, `apply {block}(..) over {{ .. }}`, or before the call, `a |> {block}(..)`"),
                ),
            );
        }
    }

    /// The one model of the spec itself.
    fn the_model(&mut self, project: &'a Project) -> Option<&'a ast::Model> {
        let file = project.files.first()?;
        let mut models = file.items.iter().filter_map(|item| match item {
            Item::Model(model) => Some(model),
            Item::Use(_) | Item::Block(_) => None,
        });
        let first = models.next();
        let Some(model) = first else {
            // A model with a syntax error is not in the tree: then its error has been reported.
            if !self.incomplete {
                let span = Span { file: file.id, start: 0, end: 0 };
                let message = "the spec has no model";
                self.push(
                    Diagnostic::new(Code::ModelCount, message, span, "no `model` in this file")
                        .help("write `model name { .. }`"),
                );
            }
            return None;
        };
        for second in models {
            let message = "a spec has one model";
            let label = "this is one too many";
            self.push(
                Diagnostic::new(Code::ModelCount, message, second.name.span, label)
                    .also(model.name.span, "the first model")
                    .help("one model a file; share blocks with `use`"),
            );
        }
        Some(model)
    }

    /// Refuses settings of params that the model does not declare.
    fn check_settings(&mut self, model: &ast::Model) {
        let declared: Vec<&str> = model
            .body
            .iter()
            .filter_map(|stmt| {
                let ast::StmtKind::Param(binding) = &stmt.kind else { return None };
                Some(binding.name.text.as_str())
            })
            .collect();
        for setting in self.settings {
            if declared.contains(&setting.name.text.as_str()) {
                continue;
            }
            let name = &setting.name;
            let params = || declared.iter().copied();
            let message = format!("model `{}` has no param `{}`", model.name.text, name.text);
            let diagnostic =
                Diagnostic::new(Code::UnknownParam, message, name.span, "no such param");
            let diagnostic = match nearest(&name.text, params()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None if declared.is_empty() => diagnostic.help("it has no params"),
                None => diagnostic.help(format!("its params: {}", declared.join(", "))),
            };
            self.push(diagnostic);
        }
    }

    /// Makes the steps of one operation: lanes of the same operation and widths share a step.
    fn emit(
        &mut self,
        path: &str,
        span: Span,
        owner: Key,
        drafts: Vec<(Key, Draft)>,
    ) -> Result<Lanes> {
        let mut result = Lanes::new();
        let mut steps: Vec<StepId> = Vec::new();
        for (key, draft) in drafts {
            check_size(&draft.shape, span)?;
            self.lanes += 1 + draft.reads.len() + n_indices(&draft.op) / 8;
            if self.lanes > MAX_LANES {
                return Err(too_many_steps(span));
            }
            // Of lanes that all differ, each is compared with all before.
            self.spend(steps.len() as u64 / 8, span)?;
            let existing = steps.iter().rev().copied().find(|step| self.fits(*step, &draft));
            let step = match existing {
                Some(step) => step,
                None => self.new_step(path, span, &draft)?,
            };
            if existing.is_none() {
                steps.push(step);
            }
            let value = ValueId::next(self.model.values.len());
            let group = key.or(owner);
            self.model.values.push(ModelValue { step, group, shape: draft.shape });
            self.model.steps[step.index()].lanes.push(Lane {
                operands: draft.operands,
                weights: draft.weights,
                reads: draft.reads,
                result: value,
            });
            result.insert(key, value);
        }
        Ok(result)
    }

    fn new_step(&mut self, path: &str, span: Span, draft: &Draft) -> Result<StepId> {
        if self.model.steps.len() >= MAX_STEPS {
            return Err(too_many_steps(span));
        }
        self.keep_name(path, span)?;
        let id = StepId::next(self.model.steps.len());
        let op = draft.op.clone();
        self.model.steps.push(Step { op, lanes: Vec::new(), path: path.to_owned(), span });
        Ok(id)
    }

    /// Whether a draft can be a lane of a step: the same operation on the same widths.
    fn fits(&self, step: StepId, draft: &Draft) -> bool {
        let step = &self.model.steps[step.index()];
        let first = &step.lanes[0];
        let width = |value: &ValueId| self.model.shape(*value).width;
        self.model.shape(first.result).width == draft.shape.width
            && first.operands.first().map(width) == draft.operands.first().map(width)
            && step.op == draft.op
    }
}

/// A grid as users see it: `8x14x14`.
fn grid_text(grid: &[u64]) -> String {
    let sizes: Vec<String> = grid.iter().map(u64::to_string).collect();
    if sizes.is_empty() { "1".to_owned() } else { sizes.join("x") }
}

/// A prefix with one more part.
fn join(path: &str, part: &str) -> String {
    match (path.is_empty(), part.is_empty()) {
        (true, _) => part.to_owned(),
        (_, true) => path.to_owned(),
        (false, false) => format!("{path}.{part}"),
    }
}

fn blocks(files: &[ast::File]) -> impl Iterator<Item = &ast::Block> {
    files.iter().flat_map(|file| &file.items).filter_map(|item| match item {
        Item::Block(block) => Some(block),
        Item::Use(_) | Item::Model(_) => None,
    })
}

impl<'a> Frame<'a> {
    /// The frame of the model itself.
    fn model() -> Self {
        Self {
            scopes: vec![BTreeMap::new()],
            block: None,
            naming: Naming::default(),
            keys: vec![None],
            x: Lanes::new(),
            reads: BTreeMap::new(),
            read: BTreeSet::new(),
            owner: None,
            labeled: false,
            depth: 0,
            from: None,
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    fn entry_mut(&mut self, name: &str) -> Option<&mut Entry<'a>> {
        self.scopes.iter_mut().rev().find_map(|scope| scope.get_mut(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().flat_map(|scope| scope.keys().map(String::as_str))
    }

    fn declare(&mut self, name: &Name, binding: Binding<'a>) {
        let scope = self.scopes.last_mut().expect("a frame has at least one scope");
        scope.insert(name.text.clone(), Entry { binding, span: name.span });
    }
}
