//! What parses, into which tree, and what the errors say.

mod broken;

use crate::ast::{ExprKind, Item, StmtKind};
use crate::dump;
use crate::random_spec::parse;

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
    insta::assert_snapshot!(errors("model m {\n  tokens a <- b\n}\n"), @"
    2:12 E0101 declarations take `=`
      help: write `tokens a = b`
    ");
    insta::assert_snapshot!(errors("model m {\n  let a = f(b = 2)\n}\nblock b( { }\nblock c() { x = }\n"), @"
    2:15 E0101 named arguments take a colon
      help: write `b: 2`
    4:8 E0101 `(` is never closed
      help: add `)`
    5:17 E0101 expected a value, found `}`
    ");
    insta::assert_snapshot!(errors("model m {\n  route r { a -> b }\n}"), @"
    2:15 E0101 edges are written with `<-`, not `->`
      help: write `b <- a`
    ");
    insta::assert_snapshot!(errors("model m {\n  let a = 1 |> f().grid\n}"), @"
    2:19 E0101 expected `|>` or `}`, found `.`
      help: operations are applied with `|>`; after a dot stand `dim`, `tokens`, `grid`
    ");
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
    insta::assert_snapshot!(errors("block b() {\n  if a { x = x }\n}"), @"
    2:3 E0101 `if` is for values
      help: write `when a { .. }`
    ");
    insta::assert_snapshot!(errors("block b() {\n  for i in 3 { x = x }\n}"), @"
    2:3 E0101 there is no `for`
      help: write `repeat 3`
    ");
    insta::assert_snapshot!(errors("block b() {\n  return x\n}"), @"
    2:3 E0101 nothing is returned
      help: write `x = x`
    ");
    insta::assert_snapshot!(errors("model m {\n  let a = 1 // one\n    2\n}"), @"3:5 E0101 expected a statement, found `2`");
    assert_eq!(errors("\u{feff}/// docs\nmodel m {\n}"), "");
    insta::assert_snapshot!(errors("model m { let a = if b\n then 1\n}"), @"3:1 E0101 expected `else`, found `}`");
    insta::assert_snapshot!(errors("model m { let a = \"b\n}"), @r#"
    1:21 E0101 unexpected end of the line
      help: a string ends on its line with `"`
    "#);
    insta::assert_snapshot!(errors("model m { tokens model = a }"), @"
    1:24 E0101 unexpected `=`
      help: the word before this is reserved: take another name
    ");
    insta::assert_snapshot!(errors("model m { let a = 1..2 }"), @"
    1:21 E0101 unexpected `.`
      help: operations are applied with `|>`; after a dot stand `dim`, `tokens`, `grid`
    ");
    insta::assert_snapshot!(errors("model m { let a = b < c < d }"), @"
    1:25 E0101 expected an argument, found `<`
      help: comparisons do not chain: write `a < b and b < c`
    ");
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

/// The tree of one value.
#[track_caller]
fn tree(value: &str) -> String {
    let (_, file, diagnostics) = parse(&format!("model m {{\n{value}\n}}"));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    dump(&file).lines().skip(1).map(|line| format!("{}\n", &line[2..])).collect()
}

#[test]
fn operators_bind_as_the_reference_says() {
    let values = "
        let a = if c then a |> f else b |> g(1)
        let a = if c then a else if d then b else e
        let a = a or b and not c == d |> f
        let a = not a == b or a < b & c + d - e * -f / g % h
        let a = -x.dim[1] - -a[..2][1..][..].grid
        let a = a &
          b |> f |>
          g
        let a = (if c then a else b) * 2
    ";
    insta::assert_snapshot!(tree(values), @"
    let a = (if c (|> a (call f)) (|> b (call g 1)))
    let a = (if c a d b e)
    let a = (|> (or a (and b (not (== c d)))) (call f))
    let a = (or (not (== a b)) (< a (& b (- (+ c d) (% (/ (* e (- f)) g) h)))))
    let a = (- (- (at (. x dim) 1)) (- (. (slice (slice (slice a _ 2) 1 _) _ _) grid)))
    let a = (|> (|> (& a b) (call f)) (call g))
    let a = (* (paren (if c a b)) 2)
    ");
}

#[test]
fn statements_make_trees() {
    let stmts = "
        /// What
        ///it is.
        tokens a, b = latents(4, width: 2,)
        route r { a, * <- b within causal & all, c; d }
        l: apply b(1, weights: w) over { a <- b } weights w per group
        apply b over if c then r else if d then s else t weights per group
        l: repeat 2 * n as i { a += [\"//\", true] }
        when a { a = b } else when b { a -= 1 } else { a *= 1e3 }
        assert a reads nothing; assert a reads only b, c; assert a causal in b
    ";
    insta::assert_snapshot!(tree(stmts), @r#"
    doc "What"
    doc "it is."
    tokens a, b = (call latents 4 width: 2)
    route r
      a, * <- [b within (& causal all), c]
      d <- []
    l: apply b 1 weights: w over edges weights w per group
      a <- [b]
    apply b over (if c r d s t) per group
    l: repeat (* 2 n) as i
      a += ["//" true]
    when a
      a = b
    when b
      a -= 1
    else
      a *= 1e3
    assert a reads only []
    assert a reads only [b, c]
    assert a causal in b
    "#);
}

#[test]
fn spans_end_where_the_text_does() {
    let text =
        "model m {\n  let a = f |> g  // one\n  let b = x.y // two\n\n  apply b over r // three\n}";
    let (sources, file, _) = parse(text);
    let Item::Model(model) = &file.items[0] else { panic!("{file:?}") };
    let texts: Vec<&str> = model.body.iter().map(|stmt| sources.text(stmt.span)).collect();
    assert_eq!(texts, ["let a = f |> g", "let b = x.y", "apply b over r"]);
    let StmtKind::Let(binding) = &model.body[1].kind else { panic!("{model:?}") };
    assert_eq!(sources.text(binding.value.span), "x.y");
}
