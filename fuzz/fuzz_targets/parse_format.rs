//! Any text parses or ends in messages; what parses can be formatted, and then says the same.
//!
//! Run with `cargo +nightly fuzz run parse_format` in the root of the repository.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zorro_grammar::{SourceMap, ast, dump, format, parse::parse};

/// The tree of a text, unless it has errors, whose spans must lie in the text.
fn tree(text: &str) -> Option<(SourceMap, ast::File)> {
    let mut sources = SourceMap::new();
    let id = sources.add("fuzz.zorro", text);
    let (file, diagnostics) = parse(&sources, id);
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.range()).is_some());
    }
    diagnostics.is_empty().then_some((sources, file))
}

fuzz_target!(|text: &str| {
    let Some((sources, file)) = tree(text) else { return };
    let once = format(&sources, &file);
    let (sources, again) = tree(&once).expect("a formatted spec parses");
    assert_eq!(dump(&again), dump(&file));
    assert_eq!(format(&sources, &again), once);
});
