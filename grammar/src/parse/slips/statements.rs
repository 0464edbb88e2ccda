//! Statements as other languages would write them.

use crate::foreign;

use super::items::{block, function, lambda, model};
use super::text::{extent, is_letter, split, word};
use super::{Inside, Place, Slip};

/// What this language's own statements begin with.
const OWN: &[&str] = &[
    "model",
    "block",
    "use",
    "param",
    "let",
    "modality",
    "tokens",
    "route",
    "apply",
    "repeat",
    "when",
    "target",
    "output",
    "objective",
    "assert",
];

pub(super) fn find(place: &Place<'_>) -> Option<Slip> {
    let before = place.text[..place.at].trim_end();
    if place.found == "if" && super::text::last_word(before) == "else" {
        let slip = Slip::new(place.here(), "as a statement, `if` is `when`", "not expected here");
        return Some(slip.help("write `else when`").edit(place.here(), "when"));
    }
    match place.word() {
        "for" | "while" => Some(looped(place)),
        "if" => Some(condition(place)),
        "elif" | "elseif" | "else" => otherwise(place),
        "return" => Some(returned(place)),
        "def" | "fn" | "func" | "fun" | "function" => Some(function(place)),
        "import" | "from" | "print" | "include" if place.found != "=" => Some(left_out(place)),
        "const" | "var" | "val" | "static" | "final" | "auto" => {
            let keyword = place.stmt.start..place.stmt.start + place.word().len();
            let message = format!("`{}` declares nothing here", place.word());
            Some(
                Slip::new(keyword.clone(), message, "a name for a value is `let`")
                    .write(keyword, "let"),
            )
        }
        "param" | "let" | "modality" | "tokens" | "target" | "output" | "objective" => {
            declared(place)
        }
        "apply" => applied(place),
        "repeat" => repeated(place),
        "block" => block(place),
        "model" => model(place),
        "assert" => asserted(place),
        _ => lambda(place)
            .or_else(|| labeled(place))
            .or_else(|| blockless_apply(place))
            .or_else(|| walrus(place)),
    }
}

/// A statement whose first word belongs to another framework or language.
pub(super) fn begun_elsewhere(place: &Place<'_>) -> Option<Slip> {
    let word = place.word();
    if OWN.contains(&word) || !matches!(place.inside, Inside::File | Inside::Body) {
        return None;
    }
    let help = foreign::statement(word)?;
    let at = place.stmt.start..place.stmt.start + word.len();
    let slip = Slip::new(at, format!("there is no statement `{word}`"), "not known").help(help);
    // What a run says is nothing that the spec lacks.
    let line = place.part(place.stmt.clone());
    let is_whole = place.inside == Inside::Body && help.contains("YAML") && !line.contains('{');
    Some(if is_whole { slip.edit(place.stmt.clone(), "") } else { slip })
}

/// The head of a statement up to its brace; true where there is one.
fn head(place: &Place<'_>) -> (std::ops::Range<usize>, bool) {
    let stmt = place.part(place.stmt.clone());
    match stmt.find('{') {
        Some(brace) => (place.stmt.start..place.stmt.start + stmt[..brace].trim_end().len(), true),
        None => (place.stmt.clone(), false),
    }
}

/// `for i in range(12) {`
fn looped(place: &Place<'_>) -> Slip {
    let (head, has_brace) = head(place);
    let word = place.word();
    let at = head.start..head.start + word.len();
    let slip = Slip::new(
        at,
        format!("there is no `{word}`"),
        "what is done several times stands in a `repeat`",
    );
    let said = place.part(head.clone())[word.len()..]
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(':')
        .trim();
    let counted = said
        .split_once(" in ")
        .or_else(|| said.split_once(" of "))
        .map(|(name, over)| (name.trim(), over.trim()));
    let Some((name, over)) = counted.filter(|(name, _)| name.chars().all(is_letter)) else {
        return slip.help("write `repeat 12 as i { .. }`: `i` goes from 0 to 11");
    };
    let over = over.strip_suffix(')').filter(|_| !over.contains('(')).unwrap_or(over);
    let inner = over.strip_prefix("range(").and_then(|inner| inner.strip_suffix(')'));
    let parts = inner.map(|inner| split(inner, ','));
    let count = match parts.as_deref() {
        Some([count]) | Some(["0", count]) => (*count).to_owned(),
        Some([from, to]) => format!("{to} - {from}"),
        Some(_) => return slip.help("write `repeat 12 as i { .. }`: `i` goes up by one from 0"),
        None => match over.split_once("..") {
            Some((from, to)) if from.trim() == "0" => to.trim().trim_start_matches('=').to_owned(),
            Some((from, to)) => format!("{} - {}", to.trim(), from.trim()),
            None if over.starts_with('[') => format!("len({over})"),
            None => over.to_owned(),
        },
    };
    let body = &place.text[head.end..place.piece.end];
    let used = body.split(|c: char| !is_letter(c)).any(|word| word == name);
    let written =
        if used { format!("repeat {count} as {name}") } else { format!("repeat {count}") };
    if has_brace {
        slip.write(head, written)
    } else {
        slip.help(format!("write `{written} {{ .. }}`"))
    }
}

/// `if c {`
fn condition(place: &Place<'_>) -> Slip {
    let (head, has_brace) = head(place);
    let keyword = head.start..head.start + 2;
    let slip = Slip::new(keyword.clone(), "`if` is for values", "as a statement, it is `when`");
    let said = place.part(keyword.end..head.end).trim().trim_end_matches(':');
    if has_brace {
        slip.help(format!("write `when {said} {{ .. }}`")).edit(keyword, "when")
    } else {
        slip.help(format!("write `when {said} {{ .. }}`, with braces around its statements"))
    }
}

/// `elif c {` and `else if c {`
fn otherwise(place: &Place<'_>) -> Option<Slip> {
    let word = place.word();
    let start = place.stmt.start;
    let keyword = start..start + word.len();
    let slip = |at| Slip::new(at, "as a statement, `if` is `when`", "not expected here");
    if word != "else" {
        return Some(slip(keyword.clone()).write(keyword, "else when"));
    }
    let after = super::text::skip_blanks(place.text, keyword.end);
    (super::text::word(&place.text[after..]) == "if")
        .then(|| slip(after..after + 2).write(start..after + 2, "else when"))
}

fn returned(place: &Place<'_>) -> Slip {
    let keyword = place.stmt.start..place.stmt.start + "return".len();
    let said = place.part(keyword.end..place.stmt.end).trim();
    let slip = Slip::new(keyword.clone(), "nothing is returned", "a block gives back `x`");
    if place.inside == Inside::File || said.is_empty() {
        return slip.help("write `x = ..` in a block, `output name = ..` in the model");
    }
    slip.help(format!("write `x = {said}`")).edit(keyword, "x =")
}

fn left_out(place: &Place<'_>) -> Slip {
    let word = place.word();
    let keyword = place.stmt.start..place.stmt.start + word.len();
    let help = foreign::statement(word).unwrap_or("leave it out");
    Slip::new(keyword, format!("there is no statement `{word}`"), "not known")
        .help(help)
        .edit(place.stmt.clone(), "")
}

/// `param n: int = 4`, `tokens a <- b`, `tokens a, b = c, d`, `output photo |> pool(mean)`
fn declared(place: &Place<'_>) -> Option<Slip> {
    let keyword = place.word();
    let stmt = place.part(place.stmt.clone());
    let start = place.stmt.start;
    let name_at = start + keyword.len() + stmt[keyword.len()..].len()
        - stmt[keyword.len()..].trim_start().len();
    let name = word(&place.text[name_at..place.stmt.end]);
    let after_name = name_at + name.len();
    let rest_at = super::text::skip_blanks(place.text, after_name).min(place.stmt.end);
    let rest = place.part(rest_at..place.stmt.end);
    if name.is_empty() || OWN.contains(&name) {
        return None;
    }
    if let Some(sign) =
        ["<-", ":=", "->", "=>", "==", "<="].into_iter().find(|sign| rest.starts_with(sign))
    {
        let at = rest_at..rest_at + sign.len();
        let slip =
            Slip::new(at.clone(), "declarations take `=`", format!("`{sign}` declares nothing"));
        let said = place.part(at.end..place.stmt.end).trim();
        return Some(slip.help(format!("write `{keyword} {name} = {said}`")).edit(at, "="));
    }
    if let Some(typed) = rest.strip_prefix(':') {
        let equals = typed.find('=').filter(|at| !typed[..*at].contains(['(', '|']));
        return Some(match equals {
            Some(equals) => {
                let at = after_name..rest_at + 1 + equals;
                let label = "the value says what it is";
                let slip = Slip::new(at.clone(), "declarations take no types", label);
                let said = typed[equals + 1..].trim();
                slip.help(format!("write `{keyword} {name} = {said}`")).edit(at, " ")
            }
            None if is_type(typed.trim()) => {
                let slip = Slip::new(
                    rest_at..place.stmt.end,
                    "declarations take no types",
                    "the value says what it is",
                );
                let written = format!("{keyword} {name} = 64");
                slip.help(format!("write `{written}`, with its value"))
                    .edit(place.stmt.start..place.stmt.end, written)
            }
            None => {
                let at = after_name..rest_at + 1;
                let slip = Slip::new(at.clone(), "declarations take `=`", "not `:`");
                slip.help(format!("write `{keyword} {name} = {}`", typed.trim())).edit(at, " =")
            }
        });
    }
    if rest.starts_with(',') {
        return unpacked(place, name_at);
    }
    let begins_value =
        rest.starts_with("|>") || rest.starts_with(['(', '[']) && place.at <= rest_at + 1;
    if begins_value && place.at <= rest_at + 2 {
        let own = match keyword {
            "output" => "result",
            "objective" => "loss",
            "target" => "label",
            _ => name,
        };
        let value = place.part(name_at..place.stmt.end);
        let message = format!("the {keyword} has no name");
        let slip =
            Slip::new(name_at..after_name, message, "a value, where a name and `=` are expected");
        return Some(
            slip.help(format!("write `{keyword} {own} = {value}`"))
                .edit(name_at..name_at, format!("{own} = ")),
        );
    }
    let is_value = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '"');
    if is_value && place.at == rest_at {
        let slip = Slip::new(rest_at..rest_at, "`=` is missing", "expected `=` before this");
        return Some(
            slip.help(format!("write `{keyword} {name} = {rest}`")).edit(rest_at..rest_at, "= "),
        );
    }
    if rest.is_empty() && matches!(keyword, "param" | "let") {
        let slip = Slip::new(
            name_at..after_name,
            format!("the {keyword} has no value"),
            "a value is missing",
        );
        return Some(
            slip.help(format!("write `{keyword} {name} = 64`; `--set {name}=..` changes a param")),
        );
    }
    None
}

/// Whether a text is the name of a type elsewhere.
fn is_type(text: &str) -> bool {
    let types = [
        "int",
        "float",
        "bool",
        "str",
        "string",
        "number",
        "Tensor",
        "torch.Tensor",
        "list",
        "tuple",
        "List[int]",
        "i32",
        "f32",
        "usize",
    ];
    types.contains(&text)
}

/// `tokens a, b = c, d` as two statements.
fn unpacked(place: &Place<'_>, name_at: usize) -> Option<Slip> {
    let keyword = place.word();
    let end = extent(place.text, place.stmt.start..place.piece.end, &[';']);
    let (names, values) = place.part(name_at..end).split_once('=')?;
    let (names, values) = (split(names.trim(), ','), split(values.trim(), ','));
    let slip = Slip::new(place.here(), "one value a statement", "several values");
    if names.len() != values.len() {
        return Some(slip.help(format!(
            "write a statement for each: `{keyword} {} = {}`",
            names[0], values[0]
        )));
    }
    let each = names.iter().zip(&values).map(|(name, value)| format!("{keyword} {name} = {value}"));
    Some(slip.write(place.stmt.start..end, each.collect::<Vec<_>>().join("; ")))
}

/// `apply vit(4) on r`, `apply vit(4) { .. }`
fn applied(place: &Place<'_>) -> Option<Slip> {
    let stmt = place.part(place.stmt.clone());
    if stmt.contains(" over ") || !matches!(place.inside, Inside::Body) {
        return None;
    }
    let here = place.here();
    let slip =
        Slip::new(here.clone(), "a block is applied over a route", "`over` is missing before this");
    let is_word = matches!(
        place.found,
        "on" | "to" | "with" | "in" | "using" | "for" | "across" | "along" | "via" | "at"
    );
    if is_word {
        return Some(slip.write(here, "over"));
    }
    let is_route = place.found == "{" || place.found.starts_with(is_letter);
    is_route.then(|| {
        slip.help("write `over` before the route: `apply vit(heads: 4) over { a <- a, b }`")
            .edit(here.start..here.start, "over ")
    })
}

/// `repeat 12 times {`, `repeat i in 12 {`
fn repeated(place: &Place<'_>) -> Option<Slip> {
    let (head, has_brace) = head(place);
    let said = place.part(head.clone())["repeat".len()..].trim();
    let slip = Slip::new(
        place.here(),
        "a `repeat` says how often, and then the name of its counter",
        "not expected here",
    );
    let words: Vec<&str> = said.split_whitespace().collect();
    let written = match words.as_slice() {
        [name, "in", ..] | [name, "=", ..] if name.chars().all(is_letter) => {
            let over = said.splitn(3, ' ').nth(2)?.trim();
            let over =
                over.strip_prefix("range(").and_then(|over| over.strip_suffix(')')).unwrap_or(over);
            format!("repeat {} as {name}", over.strip_prefix("0..").unwrap_or(over))
        }
        [count, "times" | "x" | "layers"] => format!("repeat {count}"),
        [count, "with" | "for" | "in", name] => format!("repeat {count} as {name}"),
        [count, name] if name.chars().all(is_letter) && *name != "as" => {
            format!("repeat {count} as {name}")
        }
        _ if !has_brace && said.ends_with(':') => {
            return Some(slip.help(format!(
                "write `repeat {} {{ .. }}`: bodies stand in braces",
                said.trim_end_matches(':')
            )));
        }
        _ if !has_brace && place.found == "apply" => {
            let brace = place.at..place.stmt.end;
            let text = format!("{{ {} }}", place.part(brace.clone()));
            return Some(slip.help("write braces around what is repeated").edit(brace, text));
        }
        _ => return None,
    };
    Some(if has_brace {
        slip.write(head, written)
    } else {
        slip.help(format!("write `{written} {{ .. }}`"))
    })
}

fn asserted(place: &Place<'_>) -> Option<Slip> {
    let words: Vec<&str> = place.part(place.stmt.clone()).split_whitespace().collect();
    let slip = Slip::new(place.here(), "an assert says what something reads", "not expected here");
    if let ["assert", name, "only", "reads" | "sees", rest @ ..] = words.as_slice() {
        return Some(
            slip.write(place.stmt.clone(), format!("assert {name} reads only {}", rest.join(" "))),
        );
    }
    if let ["assert", name, "sees" | "depends" | "attends" | "uses" | "read", rest @ ..] =
        words.as_slice()
    {
        let rest: Vec<&str> =
            rest.iter().copied().filter(|word| !matches!(*word, "only" | "on" | "to")).collect();
        let written = if rest.first() == Some(&"nothing") {
            format!("assert {name} reads nothing")
        } else {
            format!("assert {name} reads only {}", rest.join(" "))
        };
        return Some(slip.write(place.stmt.clone(), written));
    }
    if let ["assert", name, "<-", rest @ ..] | ["assert", name, "reads", rest @ ..] =
        words.as_slice()
        && !rest.is_empty()
        && !matches!(rest[0], "only" | "nothing")
    {
        return Some(
            slip.write(place.stmt.clone(), format!("assert {name} reads only {}", rest.join(" "))),
        );
    }
    Some(slip.help(
        "write `assert a reads only b, c`, `assert a reads nothing` or `assert a causal in b`",
    ))
}

/// `layers = repeat 2 { .. }`
fn labeled(place: &Place<'_>) -> Option<Slip> {
    let stmt = &place.text[place.stmt.start..place.piece.end];
    let name = word(stmt);
    let rest = stmt[name.len()..].trim_start();
    let sign = [":=", "="].into_iter().find(|sign| rest.starts_with(sign))?;
    let keyword = word(rest[sign.len()..].trim_start());
    if name.is_empty() || !matches!(keyword, "repeat" | "apply") {
        return None;
    }
    let at = place.stmt.start + stmt.len() - rest.len();
    let slip = Slip::new(at..at + sign.len(), "a label takes a colon", "layers are no value");
    Some(
        slip.help(format!("write `{name}: {keyword} ..`"))
            .edit(place.stmt.start + name.len()..at + sign.len(), ":"),
    )
}

/// `vit(4) over r`
fn blockless_apply(place: &Place<'_>) -> Option<Slip> {
    let stmt = place.part(place.stmt.clone());
    let name = word(stmt);
    let is_apply = !name.is_empty()
        && stmt[name.len()..].trim_start().starts_with(['(', 'o'])
        && stmt.contains(" over ");
    let slip = Slip::new(
        place.stmt.start..place.stmt.start + name.len(),
        "`apply` is missing",
        "a block over a route",
    );
    (is_apply && place.inside == Inside::Body).then(|| {
        slip.help(format!("write `apply {stmt}`"))
            .edit(place.stmt.start..place.stmt.start, "apply ")
    })
}

/// `dim := 32`
fn walrus(place: &Place<'_>) -> Option<Slip> {
    let is_walrus = place.rest().starts_with(":=") && place.inside == Inside::Body;
    let at = place.at..place.at + 2;
    is_walrus.then(|| {
        let slip = Slip::new(at.clone(), "declarations take `=`", "`:=` declares nothing");
        let said = place.part(at.end..place.stmt.end).trim();
        slip.help(format!("write `let {} = {said}`", place.word()))
            .edit(place.stmt.start..place.stmt.start, "let ")
            .edit(at, "=")
    })
}
