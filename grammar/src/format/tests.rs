//! What the layout is, and that formatting changes nothing else.

mod files;
mod layout;
mod random;

use crate::dump::dump;
use crate::random_spec::parse;

/// Formats and checks that the tree and the comments are the same, and that a second time changes nothing.
#[track_caller]
fn formatted(text: &str) -> String {
    let (sources, file, diagnostics) = parse(text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    let once = super::format(&sources, &file);
    let (sources, again, diagnostics) = parse(&once);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}\n----- formatted -----\n{once}");
    assert_eq!(dump(&again), dump(&file), "{text}\n----- formatted -----\n{once}");
    assert_eq!(sorted_comments(&again), sorted_comments(&file), "{text}\n-----\n{once}");
    let twice = super::format(&sources, &again);
    assert_eq!(twice, once, "formatting twice:\n{text}");
    for line in once.lines() {
        assert_eq!(line, line.trim_end(), "{once}");
    }
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"), "{once:?}");
    once
}

fn sorted_comments(file: &crate::ast::File) -> Vec<&str> {
    let mut comments: Vec<&str> =
        file.comments.iter().map(|comment| comment.text.as_str()).collect();
    comments.sort_unstable();
    comments
}
