//! The house rules that a test can check.

use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this is split.
const MAX_LINES: usize = 600;

/// The Rust files of the project's own crates.
fn rust_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "examples", "benches", "grammar", "compiler", "runtime", "fuzz"]
    {
        collect(&root.join(folder), "rs", &mut files);
    }
    assert!(files.len() > 40, "found {} files", files.len());
    files
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if path.is_dir() && name != "target" {
            collect(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Panics with all complaints at once.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut complaints = Vec::new();
    for path in rust_files() {
        let text = read(&path);
        let lines = text.lines().count();
        if lines > MAX_LINES {
            complaints.push(format!("{}: {lines} lines", path.display()));
        }
        let is_tests = path.components().any(|part| part.as_os_str() == "tests")
            || path.file_name().is_some_and(|name| name == "tests.rs");
        if !is_tests && !text.starts_with("//!") && !text.starts_with("#!") {
            complaints.push(format!("{}: no `//!` at its head", path.display()));
        }
    }
    none(complaints);
}

#[test]
fn no_shortcuts() {
    // Written in two parts, so that this file does not complain of itself.
    let banned = [
        ("#[ig", "nore", "a test runs or it is no test"),
        ("#[should_", "panic", "assert what is returned"),
        ("todo", "!(", "finish it"),
        ("unimple", "mented!(", "finish it"),
        ("#[al", "low(", "use expect with a reason"),
    ];
    let mut complaints = Vec::new();
    for path in rust_files() {
        let text = read(&path);
        for (start, end, why) in banned {
            let word = format!("{start}{end}");
            if text.contains(&word) {
                complaints.push(format!("{}: `{word}`: {why}", path.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn third_party_crates_show_in_one_place() {
    let rooms = [
        ("pest", "grammar/src/parse"),
        ("pest_derive", "grammar/src/parse"),
        ("petgraph", "compiler/src/flow/path.rs"),
        ("naga", "compiler/src/program/translate.rs"),
        ("wgpu", "runtime/src/gpu"),
        ("annotate_snippets", "src/report"),
        ("clap", "src/cli"),
        ("clap_complete", "src/cli"),
        ("resvg", "src/picture"),
        ("pulp", "runtime/src/cpu"),
        ("rayon", "runtime/"),
        ("safetensors", "runtime/src/tensors"),
        ("serde_yaml", "runtime/src/names/parse.rs runtime/src/train/ runtime/src/data/tests"),
        ("symphonia", "runtime/src/data/media/sound"),
        ("rubato", "runtime/src/data/media/sound/resample.rs"),
        ("realfft", "runtime/src/data/host/spectrum.rs"),
        ("image", "runtime/src/data/"),
        ("fast_image_resize", "runtime/src/data/media/picture"),
        ("tar", "runtime/src/data/"),
        ("blake3", "runtime/src/checkpoint runtime/src/data/source/fingerprint.rs"),
        ("flate2", "runtime/src/data/"),
        ("ruzstd", "runtime/src/data/"),
        ("base64", "src/data_report/html.rs"),
        ("encoding_rs", "runtime/src/data/source/table/text.rs"),
        ("jiter", "runtime/src/data/"),
        ("indicatif", "src/cli/train"),
        ("ctrlc", "src/cli/signals.rs"),
        ("signal_hook", "src/cli/signals.rs"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    for path in rust_files() {
        let place = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        // The last two are no part of the house: a package of its own, and what a host of somebody else's looks like.
        let elsewhere = ["tests/", "benches/burn/", "examples/foreign_host/"];
        if elsewhere.iter().any(|folder| place.starts_with(folder)) || place == "src/main.rs" {
            continue;
        }
        let text = read(&path);
        for (name, room) in rooms {
            let used = [format!("use {name}::"), format!(" {name}::"), format!("({name}::")];
            let uses =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
                    used.iter()
                        .any(|form| line.contains(form.as_str()) || line.starts_with(form.trim()))
                });
            if uses && !room.split(' ').any(|room| place.starts_with(room)) {
                complaints.push(format!("{place}: `{name}` belongs to {room}"));
            }
        }
    }
    none(complaints);
}

#[test]
fn every_standard_block_is_embedded_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("compiler/std"), "zorro", &mut files);
    let embedded: Vec<&str> = zorro_compiler::STANDARD.iter().map(|(name, _)| *name).collect();
    for path in &files {
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(embedded.contains(&format!("std/{name}").as_str()), "{name} is not embedded");
    }
    assert_eq!(files.len(), embedded.len());
    let language = read(&root.join("docs/language.md"));
    for (_, text) in zorro_compiler::STANDARD {
        for line in text.lines().filter_map(|line| line.strip_prefix("block ")) {
            let name = line.split('(').next().expect("a name");
            let documented = language.contains(&format!("`{name}"));
            assert!(documented, "block `{name}` is not in docs/language.md");
        }
    }
}

#[test]
fn no_leftovers_of_snapshot_reviews() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut leftovers = Vec::new();
    for folder in ["tests", "grammar", "compiler", "src", "models", "examples"] {
        collect(&root.join(folder), "new", &mut leftovers);
    }
    none(leftovers.iter().map(|path| format!("{}: not reviewed", path.display())).collect());
}
