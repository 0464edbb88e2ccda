//! The pages of `zorro explain`: each has its code's title, and its examples do what it says.

use zorro_compiler::{Options, check_text};
use zorro_grammar::{Code, Severity};

/// A fenced block of a page.
struct Example {
    /// Marked `zorro,fails`: it is to provoke the page's code and no other error.
    fails: bool,
    text: String,
}

/// The blocks marked `zorro` or `zorro,fails`; others are not run.
fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(mark) = line.strip_prefix("```") else { continue };
        let text: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .map(|line| line.to_owned() + "\n")
            .collect();
        match mark {
            "zorro" => examples.push(Example { fails: false, text }),
            "zorro,fails" => examples.push(Example { fails: true, text }),
            "text" => {}
            other => panic!("unknown mark `{other}`"),
        }
    }
    examples
}

/// The errors that the compiler finds, or the warnings.
fn codes(text: &str, severity: Severity) -> Vec<Code> {
    let diagnostics = check_text(text, &Options::default()).diagnostics;
    let of_severity = diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity);
    of_severity.map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn every_code_has_a_page() {
    for code in Code::ALL {
        let page = code.explanation();
        let title = format!("# {}: {}\n\n", code.as_str(), code.title());
        assert!(page.starts_with(&title), "{code:?}");
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{code:?}");
        let widest = page.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(120), "{code:?}");
        let of_files = ["E0103", "E0104", "E0105", "E0106", "E0208"];
        let n_wrong = examples(page).iter().filter(|example| example.fails).count();
        assert_eq!(n_wrong, usize::from(!of_files.contains(&code.as_str())), "{code:?}");
    }
}

#[test]
fn examples_do_what_their_page_says() {
    for code in Code::ALL {
        for Example { fails, text } in examples(code.explanation()) {
            let expected = if fails { vec![*code] } else { Vec::new() };
            let (errors, warnings) = match code.severity() {
                Severity::Error => (expected, Vec::new()),
                Severity::Warning => (Vec::new(), expected),
            };
            assert_eq!(codes(&text, Severity::Error), errors, "{code:?}:\n{text}");
            // What is broken may be unused, too.
            if errors.is_empty() {
                assert_eq!(codes(&text, Severity::Warning), warnings, "{code:?}:\n{text}");
            }
        }
    }
}
