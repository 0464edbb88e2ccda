//! Blocks and models as other languages would write their functions.

use super::text::{arguments, closing, is_letter, lines, skip_blanks, word};
use super::{Inside, Place, Slip};

/// The names of a head's params, without `x` and types.
fn params(inner: &str) -> Vec<String> {
    let named = arguments(inner).into_iter().filter_map(|arg| {
        let (name, default) = match arg.name {
            // `heads: int = 4`, `heads: int`, `heads = 4`, `heads: 4`
            Some(name) => {
                let default = arg.value.split_once('=').map(|(_, default)| default.trim());
                let is_type = arg.value.starts_with(|c: char| c.is_alphabetic())
                    && !matches!(arg.value, "true" | "false");
                (name, default.or((!is_type).then_some(arg.value)))
            }
            None => (arg.value, None),
        };
        let is_tokens = matches!(name, "x" | "self" | "from" | "input" | "inputs" | "tokens");
        let is_name = !name.is_empty() && name.chars().all(is_letter);
        (!is_tokens && is_name).then(|| match default {
            Some(default) => format!("{name} = {default}"),
            None => name.to_owned(),
        })
    });
    named.collect()
}

/// `def f(x, heads):` with its lines, or `fn f(x, heads) {`.
pub(super) fn function(place: &Place<'_>) -> Slip {
    let keyword = place.stmt.start..place.stmt.start + place.word().len();
    let name_at = skip_blanks(place.text, keyword.end);
    let name = word(&place.text[name_at..]);
    let message = format!("`{}` is no item here", place.word());
    let slip = Slip::new(
        keyword.clone(),
        message,
        "a function of tokens is a `block`, and stands beside the model",
    );
    let open = name_at + name.len();
    let Some(close) =
        place.text[open..].starts_with('(').then(|| closing(place.text, open)).flatten()
    else {
        return slip
            .help("write `block name(heads) { x = .. }`: it works on `x` and gives back `x`");
    };
    let written = format!("block {name}({})", params(place.part(open + 1..close)).join(", "));
    let help = format!("write `{written} {{ x = .. }}`: it works on `x` and gives back `x`");
    if place.inside != Inside::File {
        return slip.help(help);
    }
    let after = &place.text[close + 1..place.piece.end];
    let (first, _) = after.split_once('\n').unwrap_or((after, ""));
    if first.contains('{') {
        let brace = close + 1 + first.find('{').unwrap_or(0);
        return slip.help(help).edit(keyword.start..brace, format!("{written} "));
    }
    // The lines that are indented are its body.
    let mut body = String::new();
    let mut end = close + 1 + first.len();
    for (line, start) in lines(place.text, (end + 1).min(place.piece.end)..place.piece.end) {
        if !line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            break;
        }
        end = start + line.len();
        if !line.trim().is_empty() {
            body.push_str(&format!("  {}\n", line.trim().replacen("return ", "x = ", 1)));
        }
    }
    slip.help(help).edit(keyword.start..end, format!("{written} {{\n{body}}}\n"))
}

/// `block f {`, `block f(heads: 4) {`, and a block in the model.
pub(super) fn block(place: &Place<'_>) -> Option<Slip> {
    if place.inside == Inside::Body {
        return lambda(place).or_else(|| {
            let at = place.stmt.start..place.stmt.start + "block".len();
            let slip =
                Slip::new(at, "a block stands beside the model, not in it", "not expected here");
            Some(slip.help(
                "move it out of the braces of the model, and apply or call it here by its name",
            ))
        });
    }
    let name_at = skip_blanks(place.text, place.stmt.start + "block".len());
    let name = word(&place.text[name_at..]);
    let open = name_at + name.len();
    let rest = &place.text[open..place.piece.end];
    if rest.trim_start().starts_with('{') {
        let slip = Slip::new(
            place.here(),
            "a block has params, or empty parentheses",
            "parentheses are missing before this",
        );
        return Some(slip.help(format!("write `block {name}() {{`")).edit(open..open, "()"));
    }
    if rest.starts_with('(')
        && let Some(close) = closing(place.text, open)
    {
        let inner = place.part(open + 1..close);
        let brace = place.text[close + 1..].find('{').map_or(close + 1, |at| close + 1 + at);
        let returns = place.part(close + 1..brace).trim();
        let only_arrow = returns.starts_with("->") || returns.starts_with("=>") || returns == ":";
        if place.at < close && inner.contains([':', '*']) || only_arrow && place.at > close {
            let written = format!("block {name}({}) ", params(inner).join(", "));
            let slip = Slip::new(
                place.here(),
                "params are names, with `=` and a default",
                "not expected here",
            );
            return Some(
                slip.help(format!("write `{}`", written.trim_end()))
                    .edit(place.stmt.start..brace, written),
            );
        }
    }
    lambda(place)
}

/// `model m() {`, `model {`
pub(super) fn model(place: &Place<'_>) -> Option<Slip> {
    let start = place.stmt.start;
    let stmt = place.part(place.stmt.clone());
    let after = start + "model".len();
    let rest = stmt["model".len()..].trim_start();
    if rest.starts_with('{') {
        let slip =
            Slip::new(place.here(), "the model has no name", "a name is missing before this");
        return Some(slip.help("write `model my_model {`").edit(after..after, " my_model"));
    }
    let name = word(rest);
    let open = after + (stmt["model".len()..].len() - rest.len()) + name.len();
    if place.text[open..].starts_with(['(', ':']) && place.at <= open + 1 && !name.is_empty() {
        let slip = Slip::new(place.here(), "a model's params stand in its body", "expected `{`");
        let close = closing(place.text, open).filter(|_| place.text[open..].starts_with('('));
        let Some(close) = close else {
            return Some(slip.help(format!("write `model {name} {{ .. }}`")));
        };
        let lines: Vec<String> = params(place.part(open + 1..close))
            .iter()
            .map(|param| format!("\n  param {param}"))
            .collect();
        let brace = place.text[close..].find('{').map(|at| close + at + 1)?;
        let help = if lines.is_empty() {
            format!("write `model {name} {{`")
        } else {
            format!("write `{}` in its body", lines.concat().trim())
        };
        return Some(slip.help(help).edit(open..close + 1, "").edit(brace..brace, lines.concat()));
    }
    None
}

/// `block f = lambda x: x + 1`, `f = lambda x: x + 1`, `let f = x => x + 1`
pub(super) fn lambda(place: &Place<'_>) -> Option<Slip> {
    let stmt = place.part(place.stmt.clone());
    let (left, right) = stmt.split_once('=')?;
    let right = right.trim();
    let (head, body) = match right.strip_prefix("lambda") {
        Some(lambda) => lambda.split_once(':')?,
        None => right.split_once("=>")?,
    };
    let name = left.split_whitespace().last().filter(|name| name.chars().all(is_letter))?;
    let params = params(head.trim().trim_matches(['(', ')']));
    let written = format!("block {name}({}) {{ x = {} }}", params.join(", "), body.trim());
    let label = "a function of tokens is a `block`, and stands beside the model";
    let slip = Slip::new(place.stmt.clone(), "a function is no value", label);
    Some(
        slip.help(format!("write `{written}` before the model"))
            .edit(place.piece.start..place.piece.start, format!("{written}\n"))
            .edit(place.stmt.clone(), ""),
    )
}
