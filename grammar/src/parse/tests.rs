use crate::ast::{ExprKind, File, Item, StmtKind};
use crate::{Diagnostic, SourceMap};

fn parse(text: &str) -> (SourceMap, File, Vec<Diagnostic>) {
    let mut sources = SourceMap::new();
    let id = sources.add("test.zorro", text);
    let (file, diagnostics) = super::parse(&sources, id);
    (sources, file, diagnostics)
}

/// One line a diagnostic: place, code, message, and the help.
fn errors(text: &str) -> String {
    let (sources, _, diagnostics) = parse(text);
    let mut lines = Vec::new();
    for diagnostic in diagnostics {
        let span = diagnostic.span();
        let (line, column) = sources.line_column(span.file, span.start);
        let code = diagnostic.code.as_str();
        lines.push(format!("{line}:{column} {code} {}", diagnostic.message));
        lines.extend(diagnostic.labels[1..].iter().map(|label| {
            let (line, column) = sources.line_column(span.file, label.span.start);
            format!("  {line}:{column} {}", label.text)
        }));
        lines.extend(diagnostic.help.iter().map(|help| format!("  help: {help}")));
    }
    lines.join("\n")
}

#[test]
fn tree_of_a_model() {
    let text = "/// Docs.\nmodel m {\n  let a = 1 + 2 * 3 |> f(4, by: x[1..])\n}\n";
    let (_, file, diagnostics) = parse(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let [Item::Model(model)] = file.items.as_slice() else { panic!("{file:?}") };
    assert_eq!(model.docs, ["Docs."]);
    let [stmt] = model.body.as_slice() else { panic!("{model:?}") };
    let StmtKind::Let(binding) = &stmt.kind else { panic!("{stmt:?}") };
    let ExprKind::Pipe { call, .. } = &binding.value.kind else { panic!("{binding:?}") };
    assert_eq!((call.name.text.as_str(), call.args.len()), ("f", 2));
}

#[test]
fn errors_in_the_words_of_the_language() {
    insta::assert_snapshot!(errors("model m {\n  tokens a <- b\n}\n"), @"2:12 E0101 expected `,` or `=`, found `<-`");
    insta::assert_snapshot!(errors("model m {\n  let a = f(b = 2)\n}\nblock b( { }\nblock c() { x = }\n"), @"
    2:15 E0101 expected an argument, found `=`
      help: named arguments take a colon: `linear(64, bias: false)`
    4:8 E0101 `(` is never closed
      help: add `)`
    5:17 E0101 expected a value, found `}`
    ");
    insta::assert_snapshot!(errors("model m {\n  route r { a -> b }\n}"), @"
    2:15 E0101 expected `<-`, found `->`
      help: the receiver stands on the left: `fusion <- video, audio`
    ");
    insta::assert_snapshot!(errors("model m {\n  let a = 1 |> f().grid\n}"), @"2:19 E0101 expected `|>` or `}`, found `.`");
    insta::assert_snapshot!(errors("model m {\n  let a = 1 2\n  video <- audio\n}"), @"2:13 E0101 expected an operator, found `2`");
    insta::assert_snapshot!(errors("model m {\n  route r {\n    a <- b\n\n  let a = 1\n}\n"), @"
    1:9 E0101 `{` is never closed
      2:11 perhaps it is this one that lacks its end
      6:1 since it is closed here, at another indentation
    ");
    insta::assert_snapshot!(errors("model m {\n  let a = (1 + \n}\n"), @"
    3:1 E0101 expected `)`, found `}`
      2:11 to close this `(`
    ");
    insta::assert_snapshot!(errors("hello"), @"1:1 E0101 expected `model`, `block` or `use`, found `hello`");
    insta::assert_snapshot!(errors("model m { apply vit over }"), @"1:26 E0101 expected a route, found `}`");
    insta::assert_snapshot!(errors("block b() {\n  if a { x = x }\n}"), @"2:6 E0101 unexpected `a`");
}

#[test]
fn too_deep_is_an_error() {
    let deep = format!("model m {{ let a = {}1{} }}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(errors(&deep).contains("E0102"));
    let long = format!("model m {{ let a = 1{} }}", " + 1".repeat(100_000));
    assert!(errors(&long).contains("E0102"));
    let signs = format!("model m {{ let a = {}1 }}", "-".repeat(100_000));
    assert!(errors(&signs).contains("E0102"));
    let ifs = format!("model m {{ let a = {} }}", "if a then ".repeat(100_000));
    assert!(errors(&ifs).contains("E0101"));
    let subscripts = format!("model m {{ let a = {}1{} }}", "a[".repeat(60), "]".repeat(60));
    assert_eq!(errors(&subscripts), "");
}
