//! The Zorro compiler: text in, proved model out.
//!
//! In: the path of a `.zorro` spec, a [`Loader`] that fetches texts, and [`Options`]. Out: a [`Checked`] model with its
//! flow, or diagnostics. Deliberately not here: devices, files, clocks, environment variables. The compiler is a
//! pure function: same texts, same bytes out, on every machine.
//!
//! ```text
//! Source -parse-> Ast -resolve-> Model
//! ```

#![forbid(unsafe_code)]

pub mod autodiff;
mod compile;
pub mod cost;
pub mod diff;
pub mod flow;
pub mod graph;
pub mod grids;
pub mod lower;
pub mod mel;
pub mod model;
pub mod number;
pub mod optimizer;
pub mod plan;
pub mod program;
mod project;
pub mod random;
pub mod random_model;
pub mod recompute;
mod resolve;
pub mod routing;

use zorro_grammar::ast::Binding;
use zorro_grammar::{Diagnostic, Severity, SourceMap, parse};

pub use compile::{CompileError, CompileOptions, Mode, compile, graph as compile_graph};
pub use cost::Cost;
pub use flow::Flow;
pub use model::Model;
pub use project::{Loader, STANDARD};
pub use zorro_grammar as grammar;

/// What a caller may decide.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Params to set: name, and value in the language (`8`, `0.1`, `[2, 2]`, `"pad"`). Later ones win.
    pub set: Vec<(String, String)>,
}

/// A model in which nothing is wrong, with its proofs.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The model.
    pub model: Model,
    /// Who sees whom, and when values are present.
    pub flow: Flow,
}

/// What a check found.
#[derive(Debug)]
pub struct Outcome {
    /// All texts, for showing diagnostics.
    pub sources: SourceMap,
    /// Errors and warnings, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The model, when there is no error.
    pub checked: Option<Checked>,
    /// The model that was refused only for what it failed to prove: to be looked at, never to be run.
    pub refused: Option<Checked>,
}

/// Checks a spec: loads it with all that it uses, resolves it, and proves what it asserts.
pub fn check(path: &str, loader: &mut dyn Loader, options: &Options) -> Outcome {
    let mut sources = SourceMap::new();
    let (project, mut diagnostics) = project::load(&mut sources, path, loader);
    let settings = settings(&mut sources, options, &mut diagnostics);
    let incomplete = !diagnostics.is_empty();
    let resolution = resolve::resolve(&sources, &project, &settings, incomplete);
    diagnostics.extend(resolution.diagnostics);
    diagnostics.sort_by_key(Diagnostic::span);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    let model = resolution.model.map(|(model, flow)| {
        debug_assert_eq!(model::verify(&model), Ok(()), "resolve makes well-formed models");
        Checked { model, flow }
    });
    let (checked, refused) = match (failed, resolution.refused && !incomplete) {
        (false, _) => (model, None),
        (true, true) => (None, model),
        // A file that it uses is wrong: then the model may lack something, too.
        (true, false) => (None, None),
    };
    Outcome { sources, diagnostics, checked, refused }
}

/// Checks a spec that is given as a text and uses no other file.
///
/// ```
/// let outcome = zorro_compiler::check_text("model m { }", &Default::default());
/// assert_eq!(outcome.diagnostics[0].code.as_str(), "E0803");
/// ```
#[must_use]
pub fn check_text(text: &str, options: &Options) -> Outcome {
    struct Single<'a>(&'a str);
    impl Loader for Single<'_> {
        fn load(&mut self, path: &str) -> Result<String, String> {
            if path == "spec.zorro" {
                Ok(self.0.to_owned())
            } else {
                Err("a spec given as a text uses no files".to_owned())
            }
        }
    }
    check("spec.zorro", &mut Single(text), options)
}

/// Parses the settings; each is a file of its own, so that errors point into it.
fn settings(
    sources: &mut SourceMap,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Binding> {
    let mut settings = Vec::new();
    for (name, value) in &options.set {
        let id = sources.add("--set", format!("{name} = {value}"));
        match parse::parse_setting(sources, id) {
            Ok(setting) => settings.push(setting),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    settings
}
