//! What the compiler says about specs with one slip each: `tests/errors/*.zorro`.
//!
//! What is expected stands at the end of each file, below a line of dashes: for every diagnostic
//! a line `// CODE place message`, then `//   place label`s, the main one first, `//   help ..`, and what the help offers as
//! edits. With `ZORRO_UPDATE=1`
//! the expectations are written anew; read the difference before keeping it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use zorro_compiler::{Loader, Options, Outcome, check};
use zorro_grammar::{Code, SourceMap, Span};

/// Between the spec and what is expected.
const RULE: &str = "// ----\n";

/// The texts of `tests/errors`; the spec itself without its expectations.
struct Folder(PathBuf);

impl Loader for Folder {
    fn load(&mut self, path: &str) -> Result<String, String> {
        match std::fs::read_to_string(self.0.join(path)) {
            Ok(text) => Ok(spec(&text).to_owned()),
            Err(_) => Err("no such file".to_owned()),
        }
    }
}

fn spec(text: &str) -> &str {
    text.split_once(RULE).map_or(text, |(spec, _)| spec)
}

/// A first line `// set: name=value` sets a param.
fn options(text: &str) -> Options {
    let settings = text.lines().filter_map(|line| line.strip_prefix("// set: "));
    let pair = |setting: &str| {
        let (name, value) = setting.split_once('=').expect("`// set: name=value`");
        (name.to_owned(), value.to_owned())
    };
    Options { set: settings.map(pair).collect() }
}

fn place(sources: &SourceMap, span: Span, spec: &str) -> String {
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end);
    let file = &sources.file(span.file).name;
    let file = if file == spec { String::new() } else { format!("{file}:") };
    format!("{file}{line}:{column}-{end_line}:{end_column}")
}

/// The diagnostics as they stand in the files.
fn written(outcome: &Outcome, spec: &str) -> String {
    let mut text = String::new();
    for diagnostic in &outcome.diagnostics {
        writeln!(text, "// {} {}", diagnostic.code.as_str(), diagnostic.message).expect("a string");
        for label in &diagnostic.labels {
            let place = place(&outcome.sources, label.span, spec);
            writeln!(text, "//   {place} {}", label.text).expect("a string");
        }
        for line in diagnostic.help.iter().flat_map(|help| help.lines()) {
            writeln!(text, "//   help {line}").expect("a string");
        }
        for edit in &diagnostic.edits {
            let place = place(&outcome.sources, edit.span, spec);
            let words = edit.text.replace('\n', "\\n");
            writeln!(text, "//   {place} becomes `{words}`").expect("a string");
        }
    }
    text
}

fn specs() -> (PathBuf, Vec<PathBuf>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let files = std::fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "zorro"));
    files.sort();
    (folder, files)
}

#[test]
fn slips_are_answered_as_expected() {
    let (folder, files) = specs();
    let update = std::env::var_os("ZORRO_UPDATE").is_some();
    let mut wrong = String::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a readable name");
        let text = std::fs::read_to_string(&path).expect("readable");
        let outcome = check(name, &mut Folder(folder.clone()), &options(&text));
        let found = written(&outcome, name);
        let expected = text.split_once(RULE).map_or("", |(_, expected)| expected);
        if found == expected {
            continue;
        }
        if update {
            let text = format!("{}{RULE}{found}", spec(&text));
            std::fs::write(&path, text).expect("writable");
        } else {
            write!(wrong, "{name}\nexpected:\n{expected}found:\n{found}\n").expect("a string");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_is_provoked() {
    let (_, files) = specs();
    let texts: Vec<String> =
        files.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    for code in Code::ALL {
        // A file of more than a MiB is made in `garbage.rs`.
        let line = format!("\n// {} ", code.as_str());
        let provoked = texts.iter().any(|text| text.contains(&line));
        assert!(provoked || *code == Code::FileTooLarge, "no file in tests/errors has {code:?}");
    }
}

/// What newcomers write is told with something to paste, and what is pasted is right.
#[test]
fn what_is_offered_mends() {
    let (folder, files) = specs();
    let mut wrong = String::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a readable name");
        let text = std::fs::read_to_string(&path).expect("readable");
        let is_mended = name.starts_with("foreign_");
        let mut mended = spec(&text).to_owned();
        // Each round mends the first that can be.
        for _ in 0..12 {
            let outcome = match is_mended {
                true => zorro_compiler::check_text(&mended, &options(&text)),
                false => check(name, &mut Folder(folder.clone()), &options(&text)),
            };
            let mut edits = outcome.diagnostics.iter().map(|diagnostic| diagnostic.edits.clone());
            let Some(mut edits) = edits.find(|edits| !edits.is_empty()) else { break };
            edits.sort_by_key(|edit| edit.span.start);
            let apart = edits.windows(2).all(|two| two[0].span.end <= two[1].span.start);
            assert!(apart, "{name}: edits overlap");
            if !is_mended {
                break;
            }
            for edit in edits.iter().rev() {
                mended.replace_range(edit.span.range(), &edit.text);
            }
        }
        let outcome = zorro_compiler::check_text(&mended, &options(&text));
        // These need a decision that nobody can paste.
        let is_told = ["foreign_not_of_relation.zorro", "foreign_reversed.zorro"].contains(&name);
        if is_mended && !is_told && (outcome.checked.is_none() || mended == spec(&text)) {
            write!(wrong, "{name}\n{mended}\n{}", written(&outcome, name)).expect("a string");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
