//! Params that a configuration sets, at their place in it.
//!
//! In: diagnostics in which each param that is set is a text of its own, and the configuration. Out: the same diagnostics, pointing
//! into the configuration. Deliberately not here: what the command line sets, whose text is the argument.

use std::path::Path;

use zorro_grammar::{Diagnostic, FileId, SourceMap, Span};
use zorro_runtime::train::config::{Place, Places};

/// How the compiler calls the text of a param that is set.
const SETTING: &str = "--set";

/// Diagnostics whose labels in params of a configuration point into it. Params that are set elsewhere are left alone.
pub(super) fn in_their_file(
    sources: &SourceMap,
    diagnostics: &[Diagnostic],
    file: &Path,
    text: &str,
    set_here: impl Fn(&str) -> bool,
) -> (SourceMap, Vec<Diagnostic>) {
    let places = Places::of(text);
    let mut moved = SourceMap::new();
    let mut settings: Vec<(FileId, &str, &str)> = Vec::new();
    for (id, source) in sources.files() {
        let setting = source.text.split_once(" = ").filter(|_| source.name == SETTING);
        match setting.filter(|(name, _)| set_here(name)) {
            Some((name, value)) => {
                moved.add(file.display().to_string(), text);
                settings.push((id, name, value));
            }
            None => {
                moved.add(source.name.as_str(), source.text.as_str());
            }
        }
    }
    let mut diagnostics = diagnostics.to_vec();
    for label in diagnostics.iter_mut().flat_map(|diagnostic| &mut diagnostic.labels) {
        let setting = settings.iter().find(|(id, ..)| *id == label.span.file);
        if let Some((_, name, value)) = setting {
            label.span = place(label.span, name, value, text, &places);
        }
    }
    (moved, diagnostics)
}

/// Where a part of `NAME = VALUE` stands in a configuration: in its value, where that is written there as it is here, or at its
/// beginning; or at its name.
fn place(span: Span, name: &str, value: &str, text: &str, places: &Places) -> Span {
    let path = format!("set.{name}");
    let begin = name.len() + " = ".len();
    let range = span.range();
    if range.end <= name.len() {
        let at = places.of_key(&path).map_or(0, |place| offset(text, place));
        return Span { start: small(at), end: small(at + letters(text, at, name)), ..span };
    }
    let at = places.of_path(&path).map_or(0, |place| offset(text, place));
    let quote = usize::from(text[at..].starts_with(['\'', '"']));
    let (start, end) = match text[at + quote..].starts_with(value) {
        true => {
            let part = |part: usize| at + quote + part.saturating_sub(begin).min(value.len());
            (part(range.start), part(range.end))
        }
        false => (at, at + text[at..].chars().next().map_or(0, char::len_utf8)),
    };
    Span { start: small(start), end: small(end), ..span }
}

/// How many bytes of a name stand there.
fn letters(text: &str, at: usize, name: &str) -> usize {
    if text[at..].starts_with(name) { name.len() } else { 0 }
}

/// The byte of a place; the end where the text ends before.
fn offset(text: &str, (line, column): Place) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let begin: usize = lines.map(str::len).sum();
    let rest = text[begin..].char_indices().nth(column.saturating_sub(1));
    rest.map_or(text.len(), |(at, _)| begin + at)
}

fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
