//! Values as other languages would write them.

use std::ops::Range;

use crate::foreign::{self, Argument, GROUP, Write};

use super::text::{
    arguments, closing, extent, is_letter, last_word, operand_after, operand_before, split, word,
};
use super::{Inside, Place, Slip};

/// What PyTorch, JAX, Keras and their friends are imported as.
const MODULES: &[&str] = &[
    "nn",
    "F",
    "torch",
    "tf",
    "keras",
    "jax",
    "jnp",
    "np",
    "numpy",
    "flax",
    "timm",
    "einops",
    "layers",
    "eqx",
    "hk",
    "nnx",
    "mx",
    "T",
    "transforms",
    "torchvision",
    "torchaudio",
    "optim",
    "optax",
    "self",
    "tfm",
    "transformers",
    "functional",
    "lax",
    "math",
];

pub(super) fn find(place: &Place<'_>) -> Option<Slip> {
    match place.inside {
        Inside::Index(open) => subscript(place, open),
        Inside::Call(open) => named_with_equals(place, open),
        Inside::Parens(open) => tuple(place, open),
        Inside::File | Inside::Body | Inside::Route | Inside::List => None,
    }
    .or_else(|| dotted(place))
    .or_else(|| operator(place))
    .or_else(|| ternary(place))
    .or_else(|| quoted(place))
    .or_else(|| number(place))
    .or_else(|| anonymous(place))
    .or_else(|| ending(place))
}

/// `image(size=16)`: all arguments of the call at once.
fn named_with_equals(place: &Place<'_>, open: usize) -> Option<Slip> {
    if place.found != "=" && place.found != ":=" {
        return None;
    }
    let close = closing(place.text, open)?;
    let inner = place.part(open + 1..close);
    let mut written = Vec::new();
    for arg in arguments(inner) {
        written.push(match arg.name {
            Some(name) => format!("{name}: {}", arg.value.trim_start_matches('=').trim()),
            None => arg.value.to_owned(),
        });
    }
    let slip = Slip::new(place.here(), "named arguments take a colon", "not expected here");
    Some(slip.write(open + 1..close, written.join(", ")))
}

/// `size: (16, 16)`
fn tuple(place: &Place<'_>, open: usize) -> Option<Slip> {
    let close = closing(place.text, open).filter(|_| place.found == ",")?;
    let inner = place.part(open + 1..close).trim().trim_end_matches(',');
    let slip =
        Slip::new(open..close + 1, "lists stand in square brackets", "parentheses only group");
    Some(slip.write(open..close + 1, format!("[{inner}]")))
}

/// `a[0:2]`, `a[:, 0]`, `a[..., 0]`, `a[::2]`
fn subscript(place: &Place<'_>, open: usize) -> Option<Slip> {
    if !matches!(place.found, ":" | "," | "." | "..") {
        return None;
    }
    let close = closing(place.text, open)?;
    let value = operand_before(place.text, open);
    let of = place.part(value.clone());
    let parts = split(place.part(open + 1..close), ',');
    let slip = Slip::new(
        open..close + 1,
        "tokens are indexed along one axis",
        "tokens have no axis for the batch or the width",
    );
    let slip = if parts.len() == 1 {
        Slip::new(place.here(), "slices are written with `..`", "not expected here")
    } else {
        slip
    };
    let whole = |part: &&str| matches!(*part, ":" | "..." | "..");
    let told: Vec<&str> = parts.iter().copied().filter(|part| !whole(part)).collect();
    let written = match told.as_slice() {
        [] => of.to_owned(),
        [part] if part.matches(':').count() > 1 => {
            return Some(
                slip.help(format!("write `gather({of}, [0, 2, 4])` for tokens that are apart")),
            );
        }
        [part]
            if parts.len() > 1
                && !whole(&parts[0])
                && parts.len() == 2
                && whole(&parts[1])
                && part.contains(':') =>
        {
            format!("{of}[{}]", part.replacen(':', "..", 1))
        }
        [part] => format!("{of}[{}]", part.replacen(':', "..", 1).replace(" .. ", "..")),
        [.., _] => {
            return Some(slip.help(format!(
                "write `{of}[{}]`: one index, row by row over the grid",
                told[told.len() - 1].replacen(':', "..", 1)
            )));
        }
    };
    Some(slip.write(value.start..close + 1, written))
}

/// `nn.Linear(192, 32)`, `torch.cat([a, b], 1)`, `photo.mean(1)`
fn dotted(place: &Place<'_>) -> Option<Slip> {
    // The path around the place of the error.
    let text = place.text;
    let letters = |c: char| is_letter(c) || c == '.';
    let before = &text[place.stmt.start..place.at];
    let start = place.stmt.start + before.trim_end_matches(letters).len();
    let end = start + text[start..].find(|c| !letters(c)).unwrap_or(text.len() - start);
    let path = &text[start..end];
    if !path.contains('.')
        || path.contains("..")
        || path.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    let open = end;
    let close = text[open..].starts_with('(').then(|| closing(text, open)).flatten();
    let (module, method) = path.rsplit_once('.')?;
    let Some(close) = close else {
        return module_alone(place, path, start..end);
    };
    let args = arguments(place.part(open + 1..close));
    let piped = before_pipe(&text[place.stmt.start..start]);
    let all = start..close + 1;
    if !MODULES.contains(&word(path)) {
        return Some(method_call(place, module, method, &args, all));
    }
    // `nn.Linear(192, 32)(x)`
    let applied = text[close + 1..].starts_with('(').then(|| closing(text, close + 1)).flatten();
    let (x, args, all) = match applied {
        Some(end) => (Some(place.part(close + 2..end).to_owned()), args, start..end + 1),
        None if piped => (None, args, all),
        None => operand_first(args, all),
    };
    let slip =
        |label: &str| Slip::new(start..end, format!("`{path}` is of another framework"), label);
    // `nn.CrossEntropyLoss()(logits, label)`
    let applied = applied.map(|end| arguments(place.part(close + 2..end)));
    let of_both = applied.and_then(|applied| foreign::call(path, &applied)).filter(|answer| {
        args.is_empty() && matches!(&answer.write, Write::Here(text) if !text.contains("|>") && !is_operation(text))
    });
    if let Some(answer) = of_both {
        return Some(replaced(slip(answer.why), place, answer.write, None, all));
    }
    let Some(answer) = foreign::call(path, &args) else {
        return Some(
            slip("not known here").help("operations have plain names: `a |> linear(64) |> gelu`"),
        );
    };
    Some(replaced(slip(answer.why), place, answer.write, x.as_deref(), all))
}

/// The first argument of a function is what it works on, unless it is a number.
fn operand_first<'a>(
    args: Vec<Argument<'a>>,
    all: Range<usize>,
) -> (Option<String>, Vec<Argument<'a>>, Range<usize>) {
    let is_operand = |arg: &Argument<'_>| {
        arg.name.is_none() && arg.value.starts_with(|c: char| c.is_alphabetic())
    };
    match args.split_first() {
        Some((first, rest)) if is_operand(first) => {
            (Some(first.value.to_owned()), rest.to_vec(), all)
        }
        Some(_) | None => (None, args, all),
    }
}

/// The slip for a call that is said in another way here; `x` is what it works on, where it is not piped.
fn replaced(
    slip: Slip,
    place: &Place<'_>,
    write: Write,
    x: Option<&str>,
    all: Range<usize>,
) -> Slip {
    match write {
        Write::Here(text) => match x {
            Some(x) if is_operation(&text) => slip.write(all, format!("{x} |> {text}")),
            Some(_) | None => slip.write(all, text),
        },
        Write::Nothing => match x {
            Some(x) => slip.write(all, x),
            None => {
                let before =
                    place.text[..all.start].trim_end().trim_end_matches("|>").trim_end().len();
                slip.help("leave it out").edit(before..all.end, "")
            }
        },
        Write::Statement(text) => {
            let words: Vec<&str> = place.part(place.stmt.clone()).split_whitespace().collect();
            let group = words.get(1).filter(|_| words[0] == "tokens").copied().unwrap_or("a");
            let text = text.replace(GROUP, group);
            let slip = slip.help(format!("write `{text}` on a line of its own"));
            let before = place.text[..all.start].trim_end();
            if before.ends_with("|>") && words[0] == "tokens" {
                let cut = before.trim_end_matches("|>").trim_end().len();
                slip.edit(cut..all.end, "")
                    .edit(place.stmt.end..place.stmt.end, format!("\n{text}"))
            } else {
                slip
            }
        }
        Write::AsSaid => slip,
    }
}

/// Whether a call works on tokens that can be piped into it.
fn is_operation(text: &str) -> bool {
    let several = ["concat(", "join(", "cross_entropy(", "sigmoid_cross_entropy(", "mse(", "nce("];
    !several.iter().any(|call| text.starts_with(call))
}

fn before_pipe(before: &str) -> bool {
    before.trim_end().ends_with("|>")
}

/// `photo.mean(1)`
fn method_call(
    place: &Place<'_>,
    value: &str,
    method: &str,
    args: &[Argument<'_>],
    all: Range<usize>,
) -> Slip {
    let at = all.start + value.len()..all.start + value.len() + 1 + method.len();
    let slip = |label: &str| Slip::new(at.clone(), "operations are applied with `|>`", label);
    match foreign::call(method, args) {
        Some(answer) if answer.write != Write::AsSaid => {
            replaced(slip(answer.why), place, answer.write, Some(value), all)
        }
        Some(_) | None => {
            let args: Vec<String> = args
                .iter()
                .map(|arg| match arg.name {
                    Some(name) => format!("{name}: {}", arg.value),
                    None => arg.value.to_owned(),
                })
                .collect();
            slip("tokens have no methods")
                .write(all, format!("{value} |> {method}({})", args.join(", ")))
        }
    }
}

/// `nn.GELU` without parentheses, after `|>`.
fn module_alone(place: &Place<'_>, path: &str, at: Range<usize>) -> Option<Slip> {
    let answer = foreign::call(path, &[]).filter(|_| MODULES.contains(&word(path)))?;
    let slip = Slip::new(at.clone(), format!("`{path}` is of another framework"), answer.why);
    Some(replaced(slip, place, answer.write, None, at))
}

/// `a @ b`, `2 ** 4`, `a | b`, `a && b`, `!a`, `a -> b`
fn operator(place: &Place<'_>) -> Option<Slip> {
    let rest = place.rest();
    // At `a ** b`, the grammar gives up at the second star.
    let at = if place.found == "*" && place.text[..place.at].ends_with('*') {
        place.at - 1
    } else {
        place.at
    };
    let signs = ["&&", "||", "->", "=>", ">>", "|>>", "^", "@", "|", "!", "?", "===", "!=="];
    let sign = if at < place.at || rest.starts_with("**") {
        "**"
    } else {
        signs.into_iter().filter(|sign| rest.starts_with(sign)).max_by_key(|sign| sign.len())?
    };
    let here = at..at + sign.len();
    let (left, right) = (operand_before(place.text, at), operand_after(place.text, here.end));
    let (a, b) = (place.part(left.clone()), place.part(right.clone()));
    let slip = |message: &str, label: &str| Slip::new(here.clone(), message, label);
    match sign {
        "**" | "^" => {
            let slip = slip("there is no operator for powers", "write the product");
            let times: Option<usize> = b.parse().ok().filter(|times| (1..=12).contains(times));
            Some(match times {
                Some(times) => {
                    let product = vec![a; times].join(" * ");
                    let alone = place.text[right.end..].trim_start().starts_with(['*', '/', '%'])
                        || times == 1;
                    slip.write(
                        left.start..right.end,
                        if alone || !needs_parens(place, left.start) {
                            product
                        } else {
                            format!("({product})")
                        },
                    )
                }
                None => slip.help(format!("write the product: `{a} * {a}`")),
            })
        }
        "@" => Some(multiplied(place, here)),
        "&&" => Some(slip("it is a word here", "not expected here").write(here, "and")),
        "||" => Some(slip("it is a word here", "not expected here").write(here, "or")),
        "!" => Some(
            slip("it is a word here", "not expected here")
                .help(format!("write `not {b}`"))
                .edit(here, "not "),
        ),
        "?" => conditional(place, left, here),
        "|" if relation_before(place) => {
            let slip = slip(
                "relations are joined by `&`: both must hold",
                "there is no \"either of two relations\"",
            );
            Some(slip.write(left.start..right.end, format!("{a} & {b}")))
        }
        "|" | "->" | "=>" | ">>" | "|>>" if b.starts_with(is_letter) => {
            let slip = slip("operations are applied with `|>`", "not expected here");
            Some(slip.help(format!("write `{a} |> {b}`")).edit(here, "|>"))
        }
        _ => None,
    }
}

/// Whether something before or after would bind more tightly than a product.
fn needs_parens(place: &Place<'_>, start: usize) -> bool {
    place.text[..start].trim_end().ends_with(['/', '%', '-'])
}

/// Whether the error stands behind `within`.
fn relation_before(place: &Place<'_>) -> bool {
    let before = place.part(place.stmt.start..place.at);
    before.contains("within") || matches!(last_word(before.trim_end()), "causal" | "all")
}

/// `softmax(q @ k) @ v`, all of it.
fn multiplied(place: &Place<'_>, here: Range<usize>) -> Slip {
    let label = "attention is one operation, with its linear layers for q, k, v and the result";
    let slip = Slip::new(here.clone(), "there is no product of matrices", label);
    let stmt = place.part(place.stmt.clone());
    let Some(equals) = stmt.find('=').filter(|_| stmt.contains("softmax")) else {
        let (left, right) =
            (operand_before(place.text, here.start), operand_after(place.text, here.end));
        let (a, b) = (place.part(left), place.part(right));
        return slip.help(format!("for attention, write `attend({a}, from: {b}, heads: 4)`; for a matrix of weights, `{a} |> linear(64)`"));
    };
    let start = place.stmt.start + equals + 1;
    let start = super::text::skip_blanks(place.text, start);
    let in_block = word(place.part(place.piece.clone()).trim_start()) == "block";
    let head = place.part(place.piece.clone()).split_once('{').map_or("", |(head, _)| head);
    let heads = if head.split(|c: char| !is_letter(c)).any(|word| word == "heads") {
        ", heads: heads"
    } else {
        ""
    };
    let of = if in_block {
        "norm(x)"
    } else {
        stmt.split(['=', '+']).next().unwrap_or("").split_whitespace().last().unwrap_or("x")
    };
    slip.write(start..place.stmt.end, format!("attend({of}{heads})"))
        .help("take the lines that made the queries, keys and values out")
}

/// `c ? a : b`
fn conditional(place: &Place<'_>, left: Range<usize>, here: Range<usize>) -> Option<Slip> {
    let end = extent(place.text, here.end..place.piece.end, &[',', ';']);
    let (a, b) = place.part(here.end..end).split_once(':')?;
    let line = place.part(place.stmt.start..here.start);
    let start = line
        .rfind(['=', ',', '('])
        .filter(|at| !line[..*at].ends_with(['=', '<', '>', '!']))
        .map_or(left.start, |at| place.stmt.start + at + 1);
    let start = super::text::skip_blanks(place.text, start);
    let c = place.part(start..here.start).trim();
    let slip = Slip::new(here, "a choice between values is said in words", "not expected here");
    Some(slip.write(start..end, format!("if {c} then {} else {}", a.trim(), b.trim())))
}

/// `a if c else b`
fn ternary(place: &Place<'_>) -> Option<Slip> {
    if place.found != "if" || place.at == place.stmt.start {
        return None;
    }
    let end = extent(place.text, place.at..place.piece.end, &[',', ';']);
    let (c, b) = place.part(place.at + 2..end).split_once(" else ")?;
    let line = place.part(place.stmt.start..place.at);
    let value = split(line, ',').last().copied().unwrap_or(line);
    let start = place.at - line.len() + line.rfind(value).unwrap_or(0);
    let cut = value.rfind(['=', '(', ':']).map_or(0, |at| at + 1);
    let start = super::text::skip_blanks(place.text, start + cut);
    let a = place.part(start..place.at).trim();
    let slip = Slip::new(place.here(), "the condition comes first", "not expected here");
    Some(slip.write(start..end, format!("if {} then {a} else {}", c.trim(), b.trim())))
}

/// `'mean'`
fn quoted(place: &Place<'_>) -> Option<Slip> {
    let rest = place.rest();
    let quote = ['\'', '`', '“', '”', '‘'].into_iter().find(|quote| rest.starts_with(*quote))?;
    let inner = &rest[quote.len_utf8()..];
    let end = inner.find(['\'', '`', '”', '’', '\n'])?;
    let close = inner[end..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let all = place.at..place.at + quote.len_utf8() + end + close;
    let slip = Slip::new(place.here(), "texts stand in double quotes", "not expected here");
    Some(slip.write(all, format!("\"{}\"", &inner[..end])))
}

/// `.5`, `1_000`, `12k`
fn number(place: &Place<'_>) -> Option<Slip> {
    let letters = |c: char| is_letter(c) || c == '.';
    let before = &place.text[place.stmt.start..place.at];
    let start = place.stmt.start + before.trim_end_matches(letters).len();
    let end = start + place.text[start..].find(|c| !letters(c)).unwrap_or(place.text.len() - start);
    let said = &place.text[start..end];
    let plain = said.replace('_', "");
    let plain = if plain.starts_with('.') { format!("0{plain}") } else { plain };
    let plain = plain.trim_end_matches('.').trim_end_matches(['f', 'F', 'd', 'L']).to_owned();
    let is_number = plain != said
        && plain.starts_with(|c: char| c.is_ascii_digit())
        && plain.parse::<f64>().is_ok();
    let slip = Slip::new(start..end, "numbers are plain digits", "not a number here");
    is_number.then(|| slip.write(start..end, plain))
}

/// `lambda` among values, and comprehensions.
fn anonymous(place: &Place<'_>) -> Option<Slip> {
    let line = place.part(place.stmt.start..place.stmt.end.max(place.at));
    if line.contains("lambda") {
        let slip = Slip::new(place.here(), "a function is no value", "not expected here");
        return Some(slip.help(
            "write a block beside the model, `block f() { x = .. }`, and call it: `a |> f()`",
        ));
    }
    (place.found == "for").then(|| {
        Slip::new(place.here(), "lists are written out", "not expected here")
            .help("write each element: `[1, 2, 3]`; layers stand in `repeat 3 as i { .. }`")
    })
}

/// `\` at the end of a line.
fn ending(place: &Place<'_>) -> Option<Slip> {
    (place.found == "\\").then(|| {
        let slip = Slip::new(place.here(), "lines go on by themselves", "not expected here");
        slip.help("leave it out: a line goes on after an operator, a comma or an open bracket, and before `|>`").edit(place.here(), "")
    })
}
