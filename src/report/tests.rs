use proptest::prelude::*;
use zorro_grammar::{Code, Diagnostic, FileId, SourceMap, Span};

use super::{json, render};

fn map(texts: &[&str]) -> SourceMap {
    let mut sources = SourceMap::new();
    for (index, text) in texts.iter().enumerate() {
        sources.add(format!("{index}.zorro"), *text);
    }
    sources
}

fn span(file: u32, start: u32, end: u32) -> Span {
    Span { file: FileId(file), start, end }
}

/// The span of the first occurrence of `word` in a file.
fn at(sources: &SourceMap, file: u32, word: &str) -> Span {
    let start = sources.file(FileId(file)).text.find(word).expect("the word is in the text");
    let start = u32::try_from(start).unwrap();
    span(file, start, start + u32::try_from(word.len()).unwrap())
}

/// One error at `word` of a text, drawn.
fn drawn(text: &str, word: &str) -> String {
    let sources = map(&[text]);
    let diagnostic =
        Diagnostic::new(Code::UnknownName, "unknown name", at(&sources, 0, word), "here");
    render(&sources, &[diagnostic], false)
}

#[test]
fn several_labels_and_help() {
    let sources = map(&["route r {\n  video <- video\n  fusion <- vidoe\n}\n"]);
    let diagnostic = Diagnostic::new(
        Code::UnknownName,
        "no `vidoe` is known here",
        at(&sources, 0, "vidoe"),
        "unknown",
    )
    .also(at(&sources, 0, "video"), "this is near")
    .help("did you mean `video`?")
    .help("declare it with `tokens`");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false), @"
    error[E0201]: no `vidoe` is known here
     --> 0.zorro:3:13
      |
    2 |   video <- video
      |   ----- this is near
    3 |   fusion <- vidoe
      |             ^^^^^ unknown
      |
      = help: did you mean `video`?
      = help: declare it with `tokens`
    ");
}

#[test]
fn several_files_in_the_order_of_file_and_place() {
    let sources = map(&["use \"1.zorro\"\nmodel m {}\n", "block b() {}\nblock b() {}\n"]);
    let later =
        Diagnostic::new(Code::DuplicateName, "two blocks `b`", span(1, 19, 20), "declared again")
            .also(span(1, 6, 7), "first declared here")
            .also(span(0, 0, 13), "the file is used here");
    let first = Diagnostic::new(Code::NothingToCompute, "nothing", span(0, 20, 21), "this model");
    let warning = Diagnostic::new(Code::UnusedName, "unused", span(0, 0, 3), "");
    let diagnostics = [later, first, warning];
    insta::assert_snapshot!(render(&sources, &diagnostics, false), @r#"
    warning[W0105]: unused
     --> 0.zorro:1:1
      |
    1 | use "1.zorro"
      | ^^^

    error[E0803]: nothing
     --> 0.zorro:2:7
      |
    2 | model m {}
      |       ^ this model

    error[E0204]: two blocks `b`
     --> 1.zorro:2:7
      |
    1 | block b() {}
      |       - first declared here
    2 | block b() {}
      |       ^ declared again
      |
     ::: 0.zorro:1:1
      |
    1 | use "1.zorro"
      | ------------- the file is used here
    "#);
}

#[test]
fn awkward_texts() {
    insta::assert_snapshot!(drawn("", ""), @"
    error[E0201]: unknown name
     --> 0.zorro:1:1
      |
    1 |
      | ^ here
    ");
    insta::assert_snapshot!(drawn("\tlet\ta = b\n", "b"), @"
    error[E0201]: unknown name
     --> 0.zorro:1:10
      |
    1 |     let    a = b
      |                ^ here
    ");
    insta::assert_snapshot!(drawn("let a = 1\r\nlet b = c\r\n", "c"), @"
    error[E0201]: unknown name
     --> 0.zorro:2:9
      |
    2 | let b = c
      |         ^ here
    ");
    insta::assert_snapshot!(drawn("let é = \u{1b}[31mred\n", "red"), @"
    error[E0201]: unknown name
     --> 0.zorro:1:14
      |
    1 | let é = ␛[31mred
      |              ^^^ here
    ");
}

#[test]
fn wrong_spans_are_brought_into_the_text() {
    let sources = map(&["let é = b"]);
    let diagnostic = Diagnostic::new(Code::Syntax, "odd", span(0, 5, 5), "inside the é")
        .also(span(0, 900, 950), "past the end")
        .also(span(0, 9, 2), "reversed");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false), @"
    error[E0101]: odd
     --> 0.zorro:1:5
      |
    1 | let é = b
      |     ^   -- past the end
      |     |   |
      |     |   reversed
      |     inside the é
    ");
}

#[test]
fn nothing_is_nothing_and_color_is_color() {
    assert_eq!(render(&map(&[]), &[], true), "");
    let sources = map(&["a"]);
    let diagnostic = Diagnostic::new(Code::Syntax, "odd", span(0, 0, 1), "here");
    assert!(render(&sources, std::slice::from_ref(&diagnostic), true).contains('\u{1b}'));
    assert!(!render(&sources, &[diagnostic], false).contains('\u{1b}'));
}

#[test]
fn json_for_programs() {
    let sources = map(&["let é = 1\nlet a = é\n"]);
    let diagnostic =
        Diagnostic::new(Code::UnusedName, "unused", span(0, 15, 22), "this").help("use it");
    let text = serde_json::to_string_pretty(&json(&sources, &[diagnostic])).unwrap();
    insta::assert_snapshot!(text, @r#"
    [
      {
        "code": "W0105",
        "severity": "warning",
        "message": "unused",
        "labels": [
          {
            "file": "0.zorro",
            "line": 2,
            "column": 5,
            "end_line": 3,
            "end_column": 1,
            "start": 15,
            "end": 22,
            "text": "this"
          }
        ],
        "help": [
          "use it"
        ]
      }
    ]
    "#);
}

proptest! {
    #[test]
    fn no_text_and_no_span_make_it_panic(
        text in "[a\té\r\n\u{1b}\u{200d}日 ]{0,40}",
        spans in prop::collection::vec((0u32..60, 0u32..60), 1..5),
    ) {
        let sources = map(&[&text, ""]);
        let mut spans = spans.into_iter();
        let (start, end) = spans.next().expect("one at least");
        let mut diagnostic =
            Diagnostic::new(Code::Syntax, text.clone(), span(0, start, end), text.clone());
        for (start, end) in spans {
            diagnostic = diagnostic.also(span(start % 2, start, end), text.clone());
        }
        let diagnostics = [diagnostic.help(text.clone())];
        let drawn = render(&sources, &diagnostics, false);
        prop_assert!(!drawn.contains('\u{1b}'), "{drawn:?}");
        prop_assert!(json(&sources, &diagnostics).is_array());
    }
}
