//! Snapshots of every model in `models/`, stage by stage. What is accepted here has been read.

use std::fs;
use std::path::{Path, PathBuf};

use zorro::{Checked, CompileOptions, Options, check_file, compile, masks_text, summary};
use zorro_grammar::{SourceMap, parse};

/// A snapshot that nobody can read through is not a test.
const MAX_LINES: usize = 120;

pub(super) fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let entries = fs::read_dir(folder).expect("the folder of models is there");
    let mut models: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    models.retain(|path| path.extension().is_some_and(|extension| extension == "zorro"));
    models.sort();
    assert!(models.len() > 10, "the models are found");
    models
}

pub(super) fn name(path: &Path) -> &str {
    path.file_stem().and_then(|name| name.to_str()).expect("models have names")
}

/// Compares the text of a stage of every model after `resolve`.
fn check(stage: &str, text: fn(&Checked) -> String) {
    for path in models() {
        let outcome = check_file(&path, &Options::default()).expect("the model can be read");
        assert!(outcome.diagnostics.is_empty(), "{}: {:?}", name(&path), outcome.diagnostics);
        let text = text(&outcome.checked.expect("nothing is wrong with it"));
        hold(stage, &path, &text);
    }
}

/// Compares a text with the snapshot of a stage of a model.
fn hold(stage: &str, path: &Path, text: &str) {
    let n_lines = text.lines().count();
    assert!(n_lines <= MAX_LINES, "{stage} of {} has {n_lines} lines", name(path));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(format!("../snapshots/{stage}"));
    settings.set_description(format!("models/{}.zorro", name(path)));
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name(path), text));
}

#[test]
fn syntax_trees() {
    for path in models() {
        let mut sources = SourceMap::new();
        let text = fs::read_to_string(&path).expect("the model can be read");
        let id = sources.add(name(&path), text);
        let (file, diagnostics) = parse::parse(&sources, id);
        assert!(diagnostics.is_empty(), "{}: {diagnostics:?}", name(&path));
        hold("ast", &path, &zorro_grammar::dump(&file));
    }
}

#[test]
fn models_after_resolve() {
    check("model", |checked| checked.model.to_string());
}

#[test]
fn masks() {
    check("masks", |checked| masks_text(&checked.model));
}

#[test]
fn flows() {
    check("flows", |checked| checked.flow.display(&checked.model).to_string());
}

#[test]
fn summaries() {
    check("check", summary::text);
}

/// The dry run of every model's outputs. Models of many stages differ from stage to stage and do not fold: two stages of them
/// are enough.
#[test]
fn plans() {
    for path in models() {
        let set: &[(&str, &str)] = match name(&path) {
            "zorro_swin" => &[("depths", "[1, 1]"), ("heads", "[3, 6]")],
            "zorro_hip" => &[
                ("channels", "[128, 256]"),
                ("n_groups", "[16, 4]"),
                ("n_latents", "[128, 256]"),
                ("self_attends", "[2, 2]"),
                ("heads", "[4, 8]"),
            ],
            _every_other => &[],
        };
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let outcome = check_file(&path, &Options { set: set.collect() }).expect("it can be read");
        let checked = outcome.checked.expect("nothing is wrong with it");
        let plan = compile(&checked, &CompileOptions::default()).expect("it compiles");
        hold("plan", &path, &plan.to_string());
    }
}

#[test]
fn every_snapshot_has_a_model() {
    let models = models();
    let known: Vec<&str> = models.iter().map(|path| name(path)).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for stage in ["ast", "model", "masks", "flows", "check", "plan"] {
        for entry in fs::read_dir(folder.join(stage)).expect("the stage has snapshots") {
            let path = entry.expect("an entry can be read").path();
            assert!(known.contains(&name(&path)), "{} has no model", path.display());
        }
    }
}
