//! What the documents show is what the program does.

use std::fs;
use std::path::Path;

use zorro::picture::{self, Panel};
use zorro::{Options, check_file, check_text, masks};
use zorro_grammar::{SourceMap, format, parse};
use zorro_runtime::NameMap;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of a language in a Markdown text.
fn blocks<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let starts = markdown.match_indices(&fence).map(|(at, fence)| at + fence.len());
    starts.map(|start| markdown[start..].split("```").next().expect("a block ends")).collect()
}

#[test]
fn specs_in_documents_check_and_have_the_one_layout() {
    for document in ["README.md", "docs/language.md"] {
        let markdown = read(document);
        let specs = blocks(&markdown, "zorro");
        assert!(!specs.is_empty(), "{document} shows a spec");
        for spec in specs {
            let outcome = check_text(spec, &Options::default());
            assert!(outcome.diagnostics.is_empty(), "{document}: {:?}", outcome.diagnostics);
            let mut sources = SourceMap::new();
            let id = sources.add(document, spec);
            let (file, _) = parse::parse(&sources, id);
            assert_eq!(format(&sources, &file), spec, "{document}");
        }
    }
}

#[test]
fn name_maps_in_documents_are_read() {
    let markdown = read("docs/names.md");
    let maps = blocks(&markdown, "yaml");
    assert!(!maps.is_empty());
    for map in maps {
        if let Err(error) = NameMap::parse("docs/names.md", map) {
            panic!("{error}");
        }
    }
}

#[test]
fn readme_shows_the_example() {
    let readme = read("README.md");
    let example = read("examples/snapshot_masks.rs");
    assert!(blocks(&readme, "rust").contains(&example.as_str()));
    assert!(example.lines().count() < 40);
}

#[test]
fn readme_shows_the_leak_of_a_new_spec() {
    let text = read("src/cli/new/template.zorro").replace("model template", "model demo");
    let (from, to) = ("    video  <- video\n", "    video  <- video, fusion\n");
    let leaking = text.replacen(from, to, 1);
    assert_ne!(leaking, text, "the template has the edge that README speaks of");
    let outcome = check_text(&leaking, &Options::default());
    let drawn = zorro::report::render(&outcome.sources, &outcome.diagnostics, false);
    let drawn = drawn.replace("spec.zorro", "demo/demo.zorro");
    let readme = read("README.md");
    let shown = blocks(&readme, "text");
    assert!(shown.iter().any(|text| text.starts_with(drawn.trim_end())), "{drawn}");
}

#[test]
fn the_picture_in_readme_is_what_the_program_draws() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/zorro_vit.zorro");
    let outcome = check_file(&path, &Options::default()).expect("the model can be read");
    let model = outcome.checked.expect("nothing is wrong with it").model;
    let uses = masks(&model);
    let panels: Vec<Panel<'_>> =
        uses.iter().map(|used| Panel { title: used.places(), mask: &used.mask }).collect();
    assert!(picture::svg(&model.name, &panels) == read("docs/zorro_vit.svg"), "draw it anew");
}
