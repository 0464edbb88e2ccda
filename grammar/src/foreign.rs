//! What other frameworks call things, and how that is said here.
//!
//! In: a word, or a call with its arguments, as somebody wrote it who comes from PyTorch, JAX, Keras, timm or einops. Out: why
//! it is not said so, and text to paste. Deliberately not here: places, shapes and names of a spec; whoever finds a word that
//! is not known asks here, and nobody asks as long as all is well.

mod calls;
mod words;

use std::collections::BTreeMap;

use calls::{CALLS, Form};
use words::{ARGUMENTS, ATTRIBUTES, CHOICES, LEFT_OUT, STATEMENTS, VALUES};

/// An argument as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub struct Argument<'a> {
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// Its value.
    pub value: &'a str,
}

/// How something is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Why, in a few words without a full stop.
    pub why: &'static str,
    /// What to write.
    pub write: Write,
}

/// What to write in place of something foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// This, where it stood.
    Here(String),
    /// This, on a line of its own; `GROUP` stands for the tokens.
    Statement(String),
    /// Nothing: it is left out.
    Nothing,
    /// What the reason says; it takes more than a replacement.
    AsSaid,
}

/// Which group a statement of [`Write::Statement`] speaks of.
pub const GROUP: &str = "GROUP";

/// How a call is said here. The tokens that it works on are not among the arguments.
#[must_use]
pub fn call(path: &str, args: &[Argument<'_>]) -> Option<Answer> {
    let (name, rank) = normalized(path);
    let rows = || CALLS.iter().filter(|row| row.names.split(' ').any(|known| known == name));
    let filled = rows().find_map(|row| Some((row, row.form.fill(row.signature, args, rank)?)));
    let (why, write) = match filled {
        Some((row, write)) => (row.why, write),
        None => (rows().next()?.why, Write::AsSaid),
    };
    Some(Answer { why, write })
}

/// A call of ours whose arguments have names from elsewhere, with the names that `params` has for them.
#[must_use]
pub fn renamed(name: &str, params: &[&str], args: &[Argument<'_>]) -> Option<String> {
    let params: Vec<&str> =
        params.iter().map(|param| param.trim_end_matches(['.', '?', '!'])).collect();
    let mut positional = Vec::new();
    let mut named: Vec<(&str, String)> = Vec::new();
    let mut changed = false;
    for arg in args {
        let Some(theirs) = arg.name else {
            positional.push(value(arg.value)?);
            continue;
        };
        let taken = |ours: &str| {
            named.iter().any(|(name, _)| *name == ours)
                || args.iter().any(|arg| arg.name == Some(ours))
        };
        let ours = if params.contains(&theirs) {
            Some(theirs)
        } else {
            changed = true;
            // What another argument says first is not for this one.
            let wanted = |ours: &str| {
                let others = args.iter().filter_map(|arg| arg.name.filter(|name| *name != theirs));
                others.into_iter().any(|other| argument(other) == [ours])
            };
            let mut candidates = argument(theirs).iter().copied();
            candidates.find(|ours| params.contains(ours) && !taken(ours) && !wanted(ours))
        };
        match (ours, value(arg.value)) {
            (Some("sizes"), Some(value)) => {
                // One size is that of a square.
                let value = unlisted(&value);
                let square = format!("{value}, {value}");
                positional.push(if value.contains(',') { value.to_owned() } else { square });
            }
            (Some(ours), Some(value)) => named.push((ours, value)),
            (Some(_), None) => {}
            (None, _) if is_left_out(theirs) => {}
            (None, _) => return None,
        }
    }
    let named = named.into_iter().map(|(name, value)| format!("{name}: {value}"));
    let all: Vec<String> = positional.into_iter().chain(named).collect();
    changed.then(|| format!("{name}({})", all.join(", ")))
}

/// Our names for an argument, the likeliest first.
#[must_use]
pub fn argument(theirs: &str) -> &'static [&'static str] {
    let theirs = squeezed(theirs);
    let row = ARGUMENTS.iter().find(|(names, _)| names.split(' ').any(|name| name == theirs));
    row.map_or(&[], |(_, ours)| ours)
}

/// Whether an argument says what is known here, or is the affair of a run.
#[must_use]
pub fn is_left_out(theirs: &str) -> bool {
    let theirs = squeezed(theirs);
    LEFT_OUT.split_whitespace().any(|name| name == theirs)
}

/// The word among some that a word from elsewhere means.
#[must_use]
pub fn choice(theirs: &str, choices: &[&'static str]) -> Option<(&'static str, &'static str)> {
    let theirs = squeezed(theirs);
    let mut rows = CHOICES.iter().filter(|(names, ..)| names.split(' ').any(|name| name == theirs));
    rows.find_map(|(_, ours, why)| choices.contains(ours).then_some((*ours, *why)))
}

/// How a name that stands for a value is said here.
#[must_use]
pub fn value_named(theirs: &str) -> Option<(&'static str, &'static str)> {
    let row = VALUES.iter().find(|(names, ..)| names.split(' ').any(|name| name == theirs));
    row.map(|(_, ours, why)| (*ours, *why))
}

/// Our name for what one asks of tokens.
#[must_use]
pub fn attribute(theirs: &str) -> Option<&'static str> {
    let theirs = squeezed(theirs);
    let row = ATTRIBUTES.iter().find(|(names, _)| names.split(' ').any(|name| name == theirs));
    row.map(|(_, ours)| *ours)
}

/// What to write where a statement begins with a word from elsewhere.
#[must_use]
pub fn statement(word: &str) -> Option<&'static str> {
    let word = squeezed(word);
    let row = STATEMENTS.iter().find(|(words, _)| words.split(' ').any(|known| known == word));
    row.map(|(_, help)| *help)
}

/// A value as it is written here; nothing for `None`.
fn value(theirs: &str) -> Option<String> {
    let theirs = theirs.trim();
    let text = match theirs {
        "None" | "null" => return None,
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        other => match other.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) if inner.contains(',') && !inner.contains(['(', ')']) => {
                format!("[{}]", inner.trim().trim_end_matches(','))
            }
            Some(_) | None => other.replace('\'', "\""),
        },
    };
    Some(text)
}

/// The elements of a list that is written out, without its brackets.
fn unlisted(text: &str) -> &str {
    let inner = |open, close| text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
    inner('[', ']').or_else(|| inner('(', ')')).unwrap_or(text).trim()
}

/// A word without what the habits of naming add to it.
fn squeezed(word: &str) -> String {
    word.replace('_', "").to_lowercase()
}

/// The last name of a path such as `nn.Conv2d`, squeezed, and the number of dimensions that it ends in.
fn normalized(path: &str) -> (String, usize) {
    let name = squeezed(path.rsplit('.').next().unwrap_or(path));
    for (suffix, rank) in [("1d", 1), ("2d", 2), ("3d", 3)] {
        if let Some(name) = name.strip_suffix(suffix) {
            return (name.to_owned(), rank);
        }
    }
    (name, 2)
}

impl Form {
    fn fill(self, signature: &str, args: &[Argument<'_>], rank: usize) -> Option<Write> {
        Some(match self {
            Self::LeaveOut => Write::Nothing,
            Self::Advice => Write::AsSaid,
            Self::Concat => Write::Here(concatenated(args)?),
            Self::Here(template) => Write::Here(expand(template, &bind(signature, args)?, rank)?),
            Self::Statement(template) => {
                Write::Statement(expand(template, &bind(signature, args)?, rank)?)
            }
        })
    }
}

/// The values of arguments by the names of a signature; `_` takes one that says nothing here, a last `*` all the rest.
fn bind<'a>(signature: &'a str, args: &[Argument<'_>]) -> Option<BTreeMap<&'a str, String>> {
    let params: Vec<&str> = signature.split_whitespace().collect();
    let open = params.last() == Some(&"*");
    let mut bound = BTreeMap::new();
    let mut position = 0;
    for arg in args {
        let param = match arg.name {
            None => {
                position += 1;
                params.get(position - 1).copied().or(open.then_some("*"))?
            }
            Some(name) => {
                let candidates = std::iter::once(name).chain(argument(name).iter().copied());
                let known =
                    candidates.filter_map(|ours| params.iter().copied().find(|p| *p == ours));
                match known.into_iter().find(|param| !bound.contains_key(param)) {
                    Some(param) => param,
                    None if open || is_left_out(name) => continue,
                    None => return None,
                }
            }
        };
        if let Some(value) = value(arg.value).filter(|_| !matches!(param, "_" | "*")) {
            bound.insert(param, value);
        }
    }
    // A convolution is said by patches where it does not overlap.
    let overlaps = params.contains(&"stride") && bound.get("stride") != bound.get("sizes");
    (!overlaps).then_some(bound)
}

/// A template with its values: `{a}` must be there, `{a=4}` has a default, `[..{a}..]` is left out without it.
fn expand(template: &str, bound: &BTreeMap<&str, String>, rank: usize) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '[']) {
        text.push_str(&rest[..at]);
        let close = if rest[at..].starts_with('[') { ']' } else { '}' };
        let end = at + rest[at..].find(close)?;
        let inner = &rest[at + 1..end];
        if close == ']' {
            text.push_str(&expand(inner, bound, rank).unwrap_or_default());
        } else {
            let (name, default) = inner.split_once('=').unzip();
            let value = bound.get(name.unwrap_or(inner)).map(String::as_str).or(default)?;
            let is_size = inner == "sizes" && !unlisted(value).contains(',');
            let times = if is_size { rank } else { 1 };
            let value = if inner == "sizes" { unlisted(value) } else { value };
            text.push_str(&vec![value; times].join(", "));
        }
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    Some(text.replace("(, ", "(").replace("(|", "{").replace("|)", "}"))
}

/// `cat([a, b], dim=1)`: after one another, or side by side along the last axis.
fn concatenated(args: &[Argument<'_>]) -> Option<String> {
    let axis = |arg: &&Argument<'_>| {
        matches!(arg.name, Some("dim" | "axis"))
            || (arg.name.is_none() && arg.value.trim().parse::<i32>().is_ok())
    };
    let side_by_side =
        args.iter().find(axis).is_some_and(|arg| matches!(arg.value.trim(), "-1" | "2"));
    let parts: Vec<&str> =
        args.iter().filter(|arg| !axis(arg)).map(|arg| unlisted(arg.value.trim())).collect();
    let name = if side_by_side { "join" } else { "concat" };
    (!parts.is_empty()).then(|| format!("{name}({})", parts.join(", ")))
}

#[cfg(test)]
mod tests;
