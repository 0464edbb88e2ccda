//! Folded lines as text.
//!
//! In: the tree that folding made. Out: lines, indented by loop, in columns. Deliberately not here:
//! what is the same and what is not, which folding has found out.

use std::fmt::{self, Write};

use crate::number::Number;

use super::super::fold::{Item, Piece, Refer};

/// What is carried from repetition to repetition: the loop's depth, the reference's text, its name.
type Carried = Vec<(usize, Refer, String)>;

/// The lines, each with its end.
pub(in super::super) fn written(items: &[Item]) -> String {
    let mut text = String::new();
    write_items(&mut text, items, 1, &mut Vec::new());
    text
}

/// Rows of a table, indented; the last column is as long as it likes.
pub(crate) fn columns<const N: usize>(indent: usize, rows: &[[String; N]]) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        add(&mut text, format_args!("{:indent$}{}\n", "", line.trim_end()));
    }
    text
}

fn add(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string does not fail");
}

fn write_items(text: &mut String, items: &[Item], level: usize, carried: &mut Carried) {
    let names = items.iter().map(|item| match item {
        Item::Line { name, .. } => name.chars().count(),
        Item::Loop { .. } => 0,
    });
    let width = names.max().unwrap_or(0);
    let indent = 2 * level;
    for item in items {
        match item {
            Item::Line { index: _, name, pieces } => {
                let line = pieces.iter().map(|piece| piece_text(piece, carried));
                let line = line.collect::<String>();
                add(text, format_args!("{:indent$}{name:width$}  {line}\n", ""));
            }
            Item::Loop { name, depth, first, lasts, body } => {
                let range = loop_range(name, *first, lasts);
                add(text, format_args!("{:indent$}{range}\n", ""));
                let known = carried.len();
                name_carried(text, body, *depth, level, carried);
                write_items(text, body, level + 1, carried);
                carried.truncate(known);
            }
        }
    }
}

/// `layers.0..11`, or `layers.3` where there is one; `layers.0..1/5/1` where its end differs.
pub(in super::super) fn loop_range(name: &str, first: u64, lasts: &[(String, u64)]) -> String {
    let dot = if name.is_empty() { "" } else { "." };
    let is_one = lasts.iter().all(|(_, last)| *last == lasts[0].1);
    let shown = if is_one { &lasts[..1] } else { lasts };
    let ends = shown.iter().map(|(_, last)| last.to_string()).collect::<Vec<_>>().join("/");
    if is_one && first == lasts[0].1 {
        format!("{name}{dot}{first}")
    } else {
        format!("{name}{dot}{first}..{ends}")
    }
}

/// Gives what the loop carries short names, and says what they stand for.
fn name_carried(
    text: &mut String,
    body: &[Item],
    depth: usize,
    level: usize,
    carried: &mut Carried,
) {
    let mut found = Vec::new();
    collect(body, depth, &mut found);
    let letter = ["x", "y", "z"].get(level - 1).copied().unwrap_or("w");
    for (at, refer) in found.into_iter().enumerate() {
        let name = if at == 0 { letter.to_owned() } else { format!("{letter}{}", at + 1) };
        let meaning = match &refer {
            Refer::Here(name) => name.clone(),
            Refer::Before { depth: _, then } => format!("{then} before"),
            Refer::Carried { depth: _, first, then } => {
                format!("{}, then {then}", refer_text(first, carried))
            }
        };
        let indent = 2 * level + 2;
        add(text, format_args!("{:indent$}{name} = {meaning}\n", ""));
        carried.push((depth, refer, name));
    }
}

fn collect(items: &[Item], loop_depth: usize, found: &mut Vec<Refer>) {
    for item in items {
        match item {
            Item::Loop { body, .. } => collect(body, loop_depth, found),
            Item::Line { pieces, .. } => {
                for piece in pieces {
                    if let Piece::Refer(refer) = piece {
                        collect_refer(refer, loop_depth, found);
                    }
                }
            }
        }
    }
}

fn collect_refer(refer: &Refer, loop_depth: usize, found: &mut Vec<Refer>) {
    match refer {
        Refer::Here(_) => {}
        Refer::Before { depth, .. } | Refer::Carried { depth, .. } if *depth == loop_depth => {
            if !found.contains(refer) {
                found.push(refer.clone());
            }
        }
        Refer::Before { .. } => {}
        Refer::Carried { first, .. } => collect_refer(first, loop_depth, found),
    }
}

fn refer_text(refer: &Refer, carried: &Carried) -> String {
    let known = carried.iter().find(|(_, known, _)| known == refer);
    if let Some((_, _, name)) = known {
        return name.clone();
    }
    match refer {
        Refer::Here(name) => name.clone(),
        Refer::Before { then, .. } | Refer::Carried { then, .. } => format!("{then} before"),
    }
}

fn piece_text(piece: &Piece, carried: &Carried) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Refer(refer) => refer_text(refer, carried),
        Piece::Word(values) => varied(values),
        Piece::Number(values) => numbers(values),
    }
}

/// One number, a few in their order, the ends of a series that rises or falls, or all of them.
fn numbers(values: &[(String, Number)]) -> String {
    let pairs = || values.iter().zip(values.iter().skip(1));
    let is_series =
        pairs().all(|((_, a), (_, b))| a <= b) || pairs().all(|((_, a), (_, b))| a >= b);
    let mut different: Vec<Number> = values.iter().map(|(_, value)| *value).collect();
    different.dedup();
    match different.as_slice() {
        [value] => value.to_string(),
        // Fractions have a slash of their own.
        few if is_series && few.len() <= 3 && few.iter().all(|value| value.is_integer()) => {
            few.iter().map(Number::to_string).collect::<Vec<_>>().join("/")
        }
        [first, .., last] if is_series => format!("{first}..{last}"),
        _ => {
            let words = values.iter().map(|(at, value)| (at.clone(), value.to_string()));
            varied(&words.collect::<Vec<_>>())
        }
    }
}

/// One word, two that alternate, or each with the repetitions in which it holds.
fn varied(values: &[(String, String)]) -> String {
    let mut words: indexmap::IndexMap<&str, Vec<&str>> = indexmap::IndexMap::new();
    for (at, word) in values {
        words.entry(word).or_default().push(at);
    }
    if words.len() == 1 {
        return values[0].1.clone();
    }
    let is_odd = |at: &str| {
        at.rsplit('.').next().and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n % 2 == 1)
    };
    let in_turn = words.len() == 2
        && values.len() > 2
        && words.values().enumerate().all(|(odd, at)| at.iter().all(|at| is_odd(at) == (odd == 1)));
    if in_turn {
        let words: Vec<&str> = words.keys().copied().collect();
        return format!("({} in turn)", words.join(", "));
    }
    let words = words.iter().map(|(word, at)| format!("{word} in {}", at.join(" ")));
    format!("({})", words.collect::<Vec<_>>().join(" | "))
}
