//! Texts that are no specs: the parser neither panics nor hangs, and all its places are places in the text.

use proptest::prelude::*;

use super::parse;
use crate::random_spec::{cases, specs};
use crate::{Diagnostic, Severity};

/// Every span of the tree and of the diagnostics, found in their debug text so that none is forgotten.
fn spans(debug: &str) -> Vec<(usize, usize)> {
    let number = |text: &str| text[..text.find([',', ' ', '}'])?].parse().ok();
    let span = |text: &str| {
        let start = number(text)?;
        let end = number(&text[text.find("end: ")? + "end: ".len()..])?;
        Some((start, end))
    };
    debug.split("start: ").skip(1).filter_map(span).collect()
}

fn check(text: &str) -> Vec<Diagnostic> {
    let (_, file, diagnostics) = parse(text);
    for (start, end) in spans(&format!("{file:?} {diagnostics:?}")) {
        assert!(text.get(start..end).is_some(), "{start}..{end} in {text:?}");
    }
    let n_items = text.matches(['m', 'b', 'u']).count() + 1;
    assert!(diagnostics.len() <= n_items, "{diagnostics:?}");
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Error));
    assert!(
        diagnostics.iter().all(|diagnostic| !diagnostic.message.contains('\n')),
        "{diagnostics:?}"
    );
    diagnostics
}

/// A place in the text on a character boundary, as far along as `part` of 65536.
fn place(text: &str, part: u16) -> usize {
    let at = text.len() * usize::from(part) / 65536;
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn mutate(text: &mut String, (kind, from, to): (u8, u16, u16)) {
    const SIGNS: &[&str] = &[
        "{", "}", "(", ")", "[", "]", "\"", "//", "\n", "|>", "<-", "é", "if ", " 1", ";", "\0",
        "model ",
    ];
    let (from, to) = (place(text, from), place(text, to));
    // A piece, not half of the text.
    let (from, to) = (from.min(to), place_after(text, from.min(to), to.max(from)));
    let piece = text[from..to].to_owned();
    match kind % 4 {
        0 => text.replace_range(from..to, ""),
        1 => text.insert_str(from, &piece),
        2 => text.insert_str(from, SIGNS[usize::from(kind) / 4 % SIGNS.len()]),
        _ => text.truncate(to),
    }
}

fn place_after(text: &str, from: usize, to: usize) -> usize {
    let end = to.min(from + 12);
    (from..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn specs_parse_with_sound_spans(text in specs()) {
        prop_assert_eq!(check(&text), []);
    }

    #[test]
    fn mutated_specs_end_in_messages(
        text in specs(),
        mutations in prop::collection::vec(any::<(u8, u16, u16)>(), 1..6),
    ) {
        let mut text = text;
        for mutation in mutations {
            mutate(&mut text, mutation);
        }
        check(&text);
    }

    #[test]
    fn any_text_ends_in_messages(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_signs_end_in_messages(text in "(model|block|use|m|[ \n(){}\\[\\];,.:\"/|><=+*-]|if|then|else|1|repeat|over){0,80}") {
        check(&text);
    }
}

/// What is looked for after an error looks around in texts of every kind.
#[test]
fn foreign_texts_end_in_messages_wherever_they_are_cut() {
    const TEXTS: &[&str] = &[
        "def f(x, heads: int = 4):\n    return attend(x)\nmodel m {\n  tokens a: T = nn.Linear(1, 2)(b)\n}",
        "model m(dim = 1) {\n  for i in range(0, 3) { a, b = c, d }\n  \"\"\"é\"\"\"\n}",
        "model m {\n  route r { a -> b, [c]\n b <- a | c within causal, windows(2)\n b <- a <- c }\n}",
        "model m {\n  let a = b[:, 0] ** 2 @ c ? 'é' : d\n  apply f(4) on { a: b }\n  x[..., 1:]\n}",
        "block f(x: é) -> T {\n  return x if a else b\n  if c: d\n} # é\nimport é",
        "model m {\n  l = repeat 2 { block f = lambda x: x + 1\n let g = (a) => a }\n  repeat i in range(é):\n}",
        "model m {\n  output a |> F.gelu(b.mean(1), dim=(1, 2)) |> .5 |> 1_0 \\\n  assert a only reads b\n} else if c {",
    ];
    for text in TEXTS {
        for (at, c) in text.char_indices() {
            check(&text[..at]);
            check(&format!("{}{}", &text[..at], &text[at + c.len_utf8()..]));
            check(&format!("{}é{}", &text[..at], &text[at..]));
            check(&format!("{}(\n{}", &text[..at], &text[at..]));
        }
    }
}

/// Inputs of up to a mebibyte that a careless parser takes quadratic or exponential time for.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about time")]
fn hard_texts_take_linear_time() {
    let n = 100_000;
    let nested = |open: &str, close: &str, depth| {
        format!("model m {{ let a = {}1{} }}", open.repeat(depth), close.repeat(depth))
    };
    let texts = [
        "()".repeat(n),
        format!("model m {{ {} }}", "()".repeat(n)),
        format!("model m {{ let a = [{}] }}", "f(x), ".repeat(n)),
        format!("model m {{ let a = [{}", "f(x), ".repeat(n)),
        format!("model m {{\n{}}}\n", "  let a = 1 // why\n".repeat(n / 4)),
        format!("model m {{\n{}}}\n", "  /// why\n".repeat(n)),
        format!("model m {{ {} }}", "/// why\na = b; ".repeat(n / 4)),
        format!("model m {{ let a = 1{}}}", "\n".repeat(n)),
        nested("(", &format!("{})", "\n".repeat(n / 64)), 60),
        nested("f(", ")", 62),
        nested("f(1, [", "])", 31),
        nested("a[", "]", 62),
        nested("(if a then ", " else b)", 62),
        nested("(if a then ", " else )", 62),
        nested("f(", "", 62),
        nested("f(", " 2)", 62),
        nested("(not -", ")[1..2].a |> f", 62),
        "model m {}\n".repeat(n / 4),
        "use use\n".repeat(n / 4),
        "\"".repeat(n),
        "/".repeat(n),
        "\n".repeat(n),
        "a".repeat(n),
        format!("model m {{ {}", "repeat 1 { ".repeat(60)),
        format!("model m {{ {}{} }}", "when a { ".repeat(60), "} else { }".repeat(60)),
        format!("model m {{ let a = {}1 }}", "if a then b else ".repeat(n / 10)),
    ];
    for text in texts {
        let start = std::time::Instant::now();
        check(&text);
        let seconds = start.elapsed().as_secs_f64();
        let shown: String = text.chars().take(60).collect();
        assert!(seconds < 20.0, "{seconds} s for {} bytes of {shown:?}", text.len());
    }
}
