//! Looking around in a text that is not understood: words, operands, brackets.

use std::ops::Range;

use crate::foreign::Argument;

pub(super) fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that a text begins with; may be empty.
pub(super) fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !is_letter(c)).unwrap_or(text.len())]
}

/// The word that a text ends in; may be empty.
pub(super) fn last_word(text: &str) -> &str {
    &text[text.trim_end_matches(is_letter).len()..]
}

pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    at + rest.len() - rest.trim_start().len()
}

/// How long the comment or string is that a text begins with.
pub(super) fn skipped(text: &str) -> Option<usize> {
    let line = || text.lines().next().unwrap_or("");
    if text.starts_with("//") {
        return Some(line().len());
    }
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    line()[1..].find(quote).map(|end| end + 2)
}

/// Where an expression ends that begins at the start of a range: at a stop, a line's end or a bracket that closes another one.
pub(super) fn extent(text: &str, range: Range<usize>, stops: &[char]) -> usize {
    let mut depth = 0usize;
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        let Some(c) = rest.chars().next() else { break };
        if rest.starts_with("//") {
            break;
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ if depth == 0 && (c == '\n' || stops.contains(&c)) => break,
            _ => {}
        }
        at += skipped(rest).unwrap_or(c.len_utf8());
    }
    at = at.min(range.end);
    range.start + text[range.start..at].trim_end().len()
}

/// The parts of a text between separators that stand in no brackets.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    loop {
        let end = text[start..].len();
        let mut stop = start;
        let mut depth = 0i32;
        let found = text[start..].char_indices().find(|(_, c)| {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && *c == separator
        });
        stop += found.map_or(end, |(at, _)| at);
        parts.push(text[start..stop].trim());
        if found.is_none() {
            return parts;
        }
        start = stop + separator.len_utf8();
    }
}

/// The offset of the bracket that closes the one at `open`.
pub(super) fn closing(text: &str, open: usize) -> Option<usize> {
    let inner = open + 1;
    let mut depth = 0i32;
    let mut at = inner;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return Some(at),
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        at += skipped(&text[at..]).unwrap_or(c.len_utf8());
    }
    None
}

/// The operand that ends before `at`: a number, or a path with calls and indices.
pub(super) fn operand_before(text: &str, at: usize) -> Range<usize> {
    let end = text[..at].trim_end_matches([' ', '\t']).len();
    let mut start = end;
    loop {
        let before = &text[..start];
        let Some(c) = before.chars().next_back() else { break };
        if matches!(c, ')' | ']') {
            let Some(open) = opening(text, start - 1) else { break };
            start = open;
        } else if is_letter(c) || c == '.' {
            start -= c.len_utf8();
        } else {
            break;
        }
    }
    start..end
}

/// The offset of the bracket that the one at `close` closes.
fn opening(text: &str, close: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (at, c) in text[..close].char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth == 0 => return Some(at),
            '(' | '[' | '{' => depth -= 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

/// The operand that begins after `at`.
pub(super) fn operand_after(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let start = at + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let mut end = start;
    while let Some(c) = text[end..].chars().next() {
        if matches!(c, '(' | '[') {
            let Some(close) = closing(text, end) else { break };
            end = close + 1;
        } else if is_letter(c)
            || (c == '.' && !text[end..].starts_with(".."))
            || (c == '-' && end == start)
        {
            end += c.len_utf8();
        } else {
            break;
        }
    }
    start..end
}

/// Whether a bracket after this text belongs to a call or an index.
pub(super) fn begins_call(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    let keyword = matches!(
        last_word(before),
        "and" | "or" | "not" | "then" | "else" | "within" | "if" | "when" | "repeat"
    );
    before.ends_with(|c: char| is_letter(c) || matches!(c, ')' | ']')) && !keyword
}

/// Whether a brace after this text is a route's.
pub(super) fn opens_route(before: &str) -> bool {
    let before = before.trim_end();
    let name = last_word(before);
    name == "over" || last_word(before[..before.len() - name.len()].trim_end()) == "route"
}

/// The lines of a part, with their offsets.
pub(super) fn lines(text: &str, part: Range<usize>) -> impl Iterator<Item = (&str, usize)> {
    let mut offset = part.start;
    text[part].split_inclusive('\n').map(move |line| {
        let start = offset;
        offset += line.len();
        (line.trim_end_matches('\n'), start)
    })
}

/// The arguments in the parentheses of a call, with `=` or `:` after their names.
pub(super) fn arguments(inner: &str) -> Vec<Argument<'_>> {
    let parts = split(inner, ',').into_iter().filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let name = word(part);
            let rest = part[name.len()..].trim_start();
            let named = rest
                .strip_prefix([':', '='])
                .filter(|rest| !name.is_empty() && !rest.starts_with('='));
            match named {
                Some(value) => Argument { name: Some(name), value: value.trim() },
                None => Argument { name: None, value: part },
            }
        })
        .collect()
}
