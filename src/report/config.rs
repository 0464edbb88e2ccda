//! What is wrong with a run's configuration, drawn like diagnostics.
//!
//! In: a text and its mistakes, which know line and column. Out: text with the lines in question. Deliberately not here: codes;
//! a configuration is no spec.

use annotate_snippets::{
    AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str as printable,
};
use zorro_runtime::train::config::{ConfigError, Place};

/// Draws all mistakes. Ends in a newline.
#[must_use]
pub fn render(error: &ConfigError, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let drawn: Vec<String> = error
        .problems
        .iter()
        .map(|problem| {
            let group = Level::ERROR.primary_title(&problem.message);
            let span = problem.place.map(|place| span(&error.text, place));
            let group = match span {
                Some(span) => group.element(
                    Snippet::source(&error.text)
                        .path(printable(&error.file))
                        .annotation(AnnotationKind::Primary.span(span)),
                ),
                None => group.element(Level::NOTE.message(printable(&error.file))),
            };
            let help = problem.help.iter().map(|help| Level::HELP.message(printable(help)));
            renderer.render(&[group.elements(help)]) + "\n"
        })
        .collect();
    drawn.join("\n")
}

/// The word that stands at a place.
fn span(text: &str, (line, column): Place) -> std::ops::Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text[start..].lines().next().unwrap_or("");
    let skipped: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    let word = &rest[skipped..];
    let end = word.find([' ', ':', ',', '}', ']', '#']).unwrap_or(word.len());
    let length = if end == 0 { word.chars().next().map_or(0, char::len_utf8) } else { end };
    start + skipped..start + skipped + length
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn words() {
        let text = "spec: a\nbatch: zwölf # x\n";
        let check = |place, expected: &str| assert_eq!(&text[span(text, place)], expected);
        check((1, 1), "spec");
        check((2, 8), "zwölf");
        check((2, 99), "");
        check((99, 1), "");
    }
}
