//! Who visits whom, as WGSL.
//!
//! In: the geometry of an attention. Out: functions that give the frame its tiles, visits and groups. Where tokens stand in their
//! natural order and there are few ranges, these are literals with the names of the groups; else they are words of the
//! constants (`listed`). Deliberately not here: rows.

use super::geometry::{Geometry, Group, Tile};
use super::listed::{Lists, Written};
use super::rows::Form;
use crate::graph::Attention;
use crate::program::kit::function;
use crate::program::text::{sum, times};
use crate::routing::{Direction, Order, Schedule, Visit};

/// The most bands, and the most visits of all of them, that are literals. Drivers nest the cases of a choice as deep as they are
/// many, and some leave out in silence what is nested too deep.
const MOST_BANDS: usize = 16;
const MOST_VISITS: usize = 32;

/// Whether ranges are literals.
pub(super) fn are_literal(attention: &Attention, direction: Direction) -> bool {
    let schedule = match direction {
        Direction::Forward => &attention.forward,
        Direction::Transposed => &attention.backward,
    };
    let mut orders = orders(schedule);
    attention.window.is_none()
        && schedule.owners.len().max(schedule.n_bands()) <= MOST_BANDS
        && schedule.pairs.len().max(schedule.visits().count()) <= MOST_VISITS
        && orders.all(|order| *order == Order::Natural)
}

fn orders(schedule: &Schedule) -> impl Iterator<Item = &Order> {
    let owners = schedule.owners.iter().map(|owner| &owner.order);
    owners.chain(schedule.pairs.iter().map(|pair| &pair.order))
}

/// Who visits whom, as it is written.
pub(super) enum Visits<'a> {
    Literal(&'a Geometry<'a>),
    Listed(&'a Geometry<'a>, Lists<'a>),
}

impl<'a> Visits<'a> {
    pub(super) fn of(geometry: &'a Geometry<'a>, is_literal: bool) -> Self {
        if is_literal {
            Self::Literal(geometry)
        } else {
            Self::Listed(geometry, Lists::of(geometry))
        }
    }

    /// The most owners that visit the same, and the most others of a visit.
    pub(super) fn most(&self) -> (u32, u32) {
        match self {
            Self::Literal(geometry) => {
                (geometry.schedule.max_owners(), geometry.schedule.max_others())
            }
            Self::Listed(_, lists) => lists.most(),
        }
    }

    /// The functions, the words that they read, and how many tiles there are.
    pub(super) fn text(self, form: &Form) -> Written {
        let size = form.threads * u32::try_from(form.each).expect("one or two");
        match self {
            Self::Literal(geometry) => {
                let tiles = geometry.tiles(size as usize);
                let text = literal_tiles(geometry, form, &tiles)
                    + &literal_visits(geometry)
                    + &groups(geometry)
                    + &tokens(geometry, form, true)
                    + &reach(geometry, true, form);
                Written { text, words: Vec::new(), tiles: tiles.len() }
            }
            Self::Listed(geometry, lists) => {
                let Written { mut text, words, tiles } = lists.text(size);
                text += &tokens(geometry, form, false);
                text += &reach(geometry, false, form);
                Written { text, words, tiles }
            }
        }
    }
}

fn literal_tiles(geometry: &Geometry<'_>, form: &Form, tiles: &[Tile<'_>]) -> String {
    let owners = form.threads as usize * form.each;
    let mut text = format!(
        "// Some of the owners from `first` on, which visit all of these.\n\
         fn cut(owner: u32, first: u32, end: u32, at: u32, visits: u32, visits_end: u32) -> Tile {{\n  \
         let start = first + at * {owners}u;\n  \
         return Tile(owner, start, min(start + {owners}u, end), visits, visits_end);\n}}\n\n"
    );
    let bands: Vec<&[Tile<'_>]> =
        tiles.chunk_by(|a, b| (a.owner, a.band) == (b.owner, b.band)).collect();
    let (mut lines, mut tile, mut visit) = (Vec::new(), 0, 0);
    for (number, band) in bands.iter().enumerate() {
        let (first, last) = (&band[0], &band[band.len() - 1]);
        let at = if tile == 0 { "at".to_owned() } else { format!("at - {tile}u") };
        tile += band.len();
        let visits = visit..visit + first.visits.len();
        visit = visits.end;
        let cut = format!(
            "cut({}u, {}u, {}u, {at}, {}u, {}u)",
            first.owner, first.positions.start, last.positions.end, visits.start, visits.end
        );
        lines.push(format!("// {}", geometry.owners[first.owner].name));
        lines.push(if number + 1 < bands.len() {
            format!("if at < {tile}u {{ return {cut}; }}")
        } else {
            format!("return {cut};")
        });
    }
    text += &function("fn tile_of(at: u32) -> Tile", &lines);
    text + "\n"
}

fn literal_visits(geometry: &Geometry<'_>) -> String {
    let schedule = geometry.schedule;
    let cases = schedule.visits().map(|(owner, _, visit)| {
        let other = schedule.pairs[visit.pair as usize].other as usize;
        let names = (geometry.owners[owner].name, geometry.others[other].name);
        (pair_comment(schedule.direction, names), literal_visit(schedule.direction, visit))
    });
    // Owners that visit nothing have no case.
    let nothing = ("nothing".to_owned(), "Visit(0u, 0u, 0u, 0u, 0u)".to_owned());
    let mut cases: Vec<(String, String)> = cases.collect();
    if cases.is_empty() {
        cases.push(nothing);
    }
    switch("fn visit_of(at: u32, tile: Tile) -> Visit", "at", &cases)
}

fn pair_comment(direction: Direction, (owner, other): (&str, &str)) -> String {
    match direction {
        Direction::Forward => format!("{owner} reads {other}"),
        Direction::Transposed => format!("{owner} is read by {other}"),
    }
}

/// In natural order positions are tokens, and causality is a matter of where the tile is.
fn literal_visit(direction: Direction, visit: &Visit) -> String {
    let Visit { pair, others, causal } = visit;
    let (first, end) = (others.start, others.end);
    let cut = |token: &str| format!("clamp({token}, {first}u, {end}u)");
    match (causal, direction) {
        (false, _) => format!("Visit({pair}u, {first}u, {end}u, {first}u, {end}u)"),
        (true, Direction::Forward) => format!(
            "Visit({pair}u, {first}u, {}, {first}u, {})",
            cut("tile.end"),
            cut("tile.first + 1u")
        ),
        (true, Direction::Transposed) => format!(
            "Visit({pair}u, {}, {end}u, {}, {end}u)",
            cut("tile.first"),
            cut("tile.end - 1u")
        ),
    }
}

fn switch(head: &str, on: &str, cases: &[(String, String)]) -> String {
    let last = cases.len().saturating_sub(1);
    let mut lines = vec![format!("switch {on} {{")];
    for (number, (comment, expression)) in cases.iter().enumerate() {
        let label = if number == last { "default".to_owned() } else { format!("case {number}u") };
        lines.push(format!("  // {comment}"));
        lines.push(format!("  {label}: {{ return {expression}; }}"));
    }
    lines.push("}".to_owned());
    function(head, &lines) + "\n"
}

/// Groups by owner, and by pair.
fn groups(geometry: &Geometry<'_>) -> String {
    let schedule = geometry.schedule;
    let owners = geometry.owners.iter().map(|group| (group.name.to_owned(), group_text(group, 0)));
    let mut text = switch(
        "fn owner_of(owner: u32, sample: u32) -> Group",
        "owner",
        &owners.collect::<Vec<_>>(),
    );
    let mut cases = Vec::new();
    for (number, pair) in schedule.pairs.iter().enumerate() {
        let group = &geometry.others[pair.other as usize];
        let mut visits = schedule.visits().map(|(.., visit)| visit);
        let is_causal = visits.any(|visit| visit.pair as usize == number && visit.causal);
        let names = (geometry.owners[pair.owner as usize].name, group.name);
        let comment = pair_comment(schedule.direction, names);
        cases.push((comment, group_text(group, u32::from(is_causal))));
    }
    if cases.is_empty() {
        cases.push(("nothing".to_owned(), "Group(false, 0u, 0u, 0u, 0u, 0u)".to_owned()));
    }
    text += &switch("fn other_of(pair: u32, sample: u32) -> Group", "pair", &cases);
    text
}

/// A group without lists; `reach` is 1 for causality.
fn group_text(group: &Group<'_>, reach: u32) -> String {
    let is_there = group.present.map_or("true".to_owned(), |bit| {
        format!("is_present({})", sum(&[format!("{bit}u"), "sample".to_owned()]))
    });
    let sample = times("sample", group.tokens);
    let [row, compact] =
        [group.row, group.compact].map(|first| sum(&[format!("{first}u"), sample.clone()]));
    format!("Group({is_there}, {row}, {compact}, 0u, 0u, {reach}u)")
}

/// Tokens of positions, and the owners of a lane.
fn tokens(geometry: &Geometry<'_>, form: &Form, is_literal: bool) -> String {
    let token = if is_literal { "position" } else { "constants[order + position]" };
    let mut text =
        function("fn token_of(order: u32, position: u32) -> u32", &[format!("return {token};")]);
    let mut first = 0;
    let lanes: Vec<String> = form
        .own()
        .iter()
        .map(|_| {
            first += form.threads;
            sum(&["lane".to_owned(), format!("{}u", first - form.threads)])
        })
        .collect();
    let start = format!("Index({})", lanes.join(", "));

    let token =
        form.of_each("Index", |number, _| format!("token_of(group.order, position{number})"));
    let term = form.of_each("Index", |number, _| match geometry.window {
        Some(_) => format!("constants[group.terms + position{number}]"),
        None => "0u".to_owned(),
    });
    text += "\n";
    text += &function(
        "fn own_of(tile: Tile, group: Group, lane: u32) -> Own",
        &[
            format!("let wanted = Index(tile.first) + {start};"),
            "// Lanes beyond the last owner work on it once more and keep nothing.".to_owned(),
            "let position = min(wanted, Index(tile.end - 1u));".to_owned(),
            format!("return Own(wanted < Index(tile.end), position, {token}, {term});"),
        ],
    );
    text + "\n"
}

fn reach(geometry: &Geometry<'_>, is_literal: bool, form: &Form) -> String {
    let head = "fn reach_of(visit: Visit, other: Group, own: Own) -> Reach";
    let whole = "return Reach(Index(visit.first), Index(visit.end));".to_owned();
    let allowed = "fn is_allowed(position: u32, reach: Reach) -> Flag";
    let before_end = "Index(position) < reach.end";
    if !geometry.is_causal() {
        return function(head, &[whole])
            + "\n"
            + &function(allowed, &[format!("return {before_end};")])
            + "\n";
    }
    let listed = form.of_each("Index", |number, _| {
        format!("constants[other.reach - 1u + own.position{number}]")
    });
    let (reach, allowed_text) = match geometry.schedule.direction {
        Direction::Forward => {
            let end = if is_literal { "own.token + Index(1u)".to_owned() } else { listed };
            (format!("return Reach(Index(visit.first), {end});"), before_end.to_owned())
        }
        Direction::Transposed => {
            let first = if is_literal { "own.token".to_owned() } else { listed };
            (
                format!("return Reach({first}, Index(visit.end));"),
                format!("(Index(position) >= reach.first) & ({before_end})"),
            )
        }
    };
    let lines = ["if other.reach == 0u {".to_owned(), format!("  {whole}"), "}".to_owned(), reach];
    let text = function(head, &lines) + "\n";
    text + &function(allowed, &[format!("return {allowed_text};")]) + "\n"
}
