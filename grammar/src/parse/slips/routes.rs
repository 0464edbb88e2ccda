//! Edges as other languages would write them.

use super::text::{closing, extent, is_letter, last_word, operand_before, split, word};
use super::{Inside, Place, Slip};

/// Arrows and signs that mean `<-`, the receiver on the left.
const READS: &[&str] =
    &["<--", "<=", "<<", "←", ":=", "==", "=", ":", "<", "reads", "from", "sees", "attends"];
/// Arrows whose receiver stands on the right.
const WRITES: &[&str] = &["-->", "->", "=>", "==>", "→", "~>", ">>", ">", "to", "into", "feeds"];
/// What joins groups elsewhere.
const JOINS: &[&str] = &["||", "|", "&&", "&", "+", "and", "or", "/"];

pub(super) fn find(place: &Place<'_>) -> Option<Slip> {
    if place.inside != Inside::Route {
        return bare_edge(place);
    }
    let edge = place.stmt.clone();
    let said = place.part(edge.start..place.at.max(edge.start));
    let rest = place.rest();
    let starts = |signs: &[&'static str]| {
        let mut found: Vec<&str> =
            signs.iter().copied().filter(|sign| rest.starts_with(sign)).collect();
        // A sign of letters is a whole word.
        found.retain(|sign| !sign.starts_with(is_letter) || word(rest) == *sign);
        found.into_iter().max_by_key(|sign| sign.len())
    };
    if said.contains("<-") {
        return in_reads(place, said, starts(JOINS));
    }
    if let Some(arrow) = starts(WRITES) {
        let (left, right) = (said.trim(), place.part(place.at + arrow.len()..edge.end).trim());
        let at = place.at..place.at + arrow.len();
        let slip = Slip::new(
            at,
            format!("edges are written with `<-`, not `{arrow}`"),
            "the receiver stands on the left",
        );
        return Some(if left.is_empty() || right.is_empty() || right.contains(['-', '>']) {
            slip.help("write `fusion <- video, audio`: fusion reads the two")
        } else {
            slip.write(edge, format!("{} <- {left}", right.trim_end_matches(',')))
        });
    }
    if let Some(sign) = starts(READS) {
        let at = place.at..place.at + sign.len();
        let text = format!("{} <- {}", said.trim(), place.part(at.end..edge.end).trim());
        let slip = Slip::new(
            at,
            format!("edges are written with `<-`, not `{sign}`"),
            "who reads stands on the left, what is read on the right",
        );
        return Some(slip.write(edge, text));
    }
    lists(place).or_else(|| joined(place, starts(JOINS)))
}

/// An edge that stands in no route.
fn bare_edge(place: &Place<'_>) -> Option<Slip> {
    let stmt = place.part(place.stmt.clone());
    let begins =
        place.at <= place.stmt.start + word(stmt).len() + 1 || stmt.starts_with(word(place.rest()));
    if place.inside == Inside::Body
        && word(stmt) == "apply"
        && stmt.contains("<-")
        && !stmt.contains('{')
    {
        let over = stmt.find(" over ").map(|at| place.stmt.start + at + 6)?;
        let edges = place.part(over..place.stmt.end).trim();
        let slip =
            Slip::new(over..place.stmt.end, "a route in place stands in braces", "these are edges");
        return Some(slip.write(over..place.stmt.end, format!("{{ {edges} }}")));
    }
    let names = stmt.split("<-").next().filter(|_| stmt.contains("<-"))?;
    let is_edge = names.chars().all(|c| is_letter(c) || matches!(c, ' ' | ',' | '*'));
    if place.inside != Inside::Body
        || !is_edge
        || !begins
        || names.trim().contains(' ') && !names.contains(',')
    {
        return None;
    }
    let slip = Slip::new(place.stmt.clone(), "an edge stands in a route", "no edge can stand here");
    Some(slip.help(format!(
        "write it where a block is applied: `apply vit(heads: 4) over {{ {stmt} }}`"
    )))
}

/// An error on the right of the arrow.
fn in_reads(place: &Place<'_>, said: &str, join: Option<&'static str>) -> Option<Slip> {
    let right = &said[said.find("<-").map_or(0, |at| at + 2)..];
    let within = right.rfind("within").map(|at| &right[at + 6..]);
    let rest = place.rest();
    if rest.starts_with("<-") {
        return second_arrow(place, said);
    }
    if let Some(relation) = within {
        // `within causal, windows(2)`
        if place.found == "(" && relation.contains(',') {
            let comma = place.stmt.start + said.rfind(',')?;
            let name = last_word(said.trim_end());
            let slip = Slip::new(
                comma..comma + 1,
                "relations are joined by `&`",
                "a comma goes on to the next group",
            );
            return Some(
                slip.help(format!("write `& {name}`: both relations hold"))
                    .edit(comma..comma + 1, " &"),
            );
        }
        return None;
    }
    if matches!(word(rest), "where" | "if" | "when" | "with" | "in" | "mask" | "as") {
        let here = place.here();
        let slip = Slip::new(
            here.clone(),
            "a relation on an edge stands after `within`",
            "not expected here",
        );
        return Some(slip.write(here, "within"));
    }
    lists(place).or_else(|| joined(place, join)).or_else(|| {
        let before = operand_before(place.text, place.at);
        let is_name =
            rest.starts_with(is_letter) && place.part(before.clone()).ends_with(is_letter);
        is_name.then(|| {
            let slip =
                Slip::new(place.here(), "a comma is missing between groups", "another group");
            let pair = format!("{}, {}", place.part(before.clone()), word(rest));
            slip.help(format!("write `{pair}`")).edit(before.end..before.end, ",")
        })
    })
}

/// `a <- b, a <- c` on one line, and `a <- b <- c`.
fn second_arrow(place: &Place<'_>, said: &str) -> Option<Slip> {
    let at = place.at..place.at + 2;
    let slip = Slip::new(at, "one arrow an edge", "a second arrow on this line");
    let receiver = operand_before(place.text, place.at);
    let name = place.part(receiver.clone());
    let before = place.part(place.stmt.start..receiver.start).trim_end();
    let edges = match before.strip_suffix(',') {
        Some(first) => format!("{first}; {name} {}", place.part(place.at..place.stmt.end)),
        None => {
            let first = said.trim_end();
            format!("{first}; {name} {}", place.part(place.at..place.stmt.end))
        }
    };
    Some(slip.write(place.stmt.clone(), edges))
}

/// Groups in brackets.
fn lists(place: &Place<'_>) -> Option<Slip> {
    if !matches!(place.found, "[" | "(" | "{") {
        return None;
    }
    let close = closing(place.text, place.at)?;
    let inner = place.part(place.at + 1..close).trim();
    let names = inner.chars().all(|c| is_letter(c) || matches!(c, ' ' | ',' | '*'));
    let slip =
        Slip::new(place.at..close + 1, "groups are listed without brackets", "not expected here");
    names.then(|| slip.write(place.at..close + 1, inner))
}

/// Groups joined by signs.
fn joined(place: &Place<'_>, join: Option<&str>) -> Option<Slip> {
    let join = join?;
    let first = operand_before(place.text, place.at);
    let end = extent(place.text, first.start..place.stmt.end, &[';', ',']);
    let names: Vec<&str> = split(place.part(first.start..end), ' ');
    let names: Vec<&str> = names
        .into_iter()
        .flat_map(|part| part.split(['|', '&', '+', '/']))
        .filter(|name| !name.is_empty() && !JOINS.contains(name))
        .collect();
    let at = place.at..place.at + join.len();
    let slip =
        Slip::new(at, "groups are listed with commas", format!("`{join}` does not join groups"));
    let plain = names.iter().all(|name| name.chars().all(is_letter) && *name != "within");
    Some(if plain {
        slip.write(first.start..end, names.join(", "))
    } else {
        slip.help("write a comma").edit(place.at..place.at + join.len(), ",")
    })
}
