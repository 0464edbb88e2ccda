//! Who visits whom, as WGSL.
//!
//! In: the geometry of an attention and its tiles. Out: functions that give the frame its tiles, visits and groups. Where
//! tokens stand in their natural order and there are few ranges, these are literals with the names of the groups; else they
//! are words of the constants: tiles, visits, and for each order the tokens, the terms of the score bias and how far
//! causality lets each owner reach. Deliberately not here: rows.

use std::fmt::Write;

use super::geometry::{Geometry, Group, Tile};
use super::rows::Form;
use crate::graph::Attention;
use crate::program::kit::function;
use crate::program::text::{sum, times};
use crate::routing::{Direction, Order, Schedule, Visit};

/// The most bands, and the most visits of all of them, that are literals.
const MOST_BANDS: usize = 16;
const MOST_VISITS: usize = 32;

/// Words of a tile, and of a visit.
const WORDS: u32 = 5;

/// Words that shaders read, each list once.
#[derive(Debug, Default)]
pub(super) struct Words {
    all: Vec<u32>,
    lists: Vec<(usize, usize)>,
}

impl Words {
    /// Where the list begins.
    pub(super) fn list(&mut self, words: &[u32]) -> u32 {
        let is_same = |&&(start, end): &&(usize, usize)| &self.all[start..end] == words;
        let start = self.lists.iter().find(is_same).map_or(self.all.len(), |(start, _)| *start);
        if start == self.all.len() {
            self.all.extend(words);
            self.lists.push((start, self.all.len()));
        }
        u32::try_from(start).expect("constants are below 2^32 words")
    }

    pub(super) fn into_words(self) -> Vec<u32> {
        self.all
    }
}

/// Whether ranges are literals.
pub(super) fn are_literal(attention: &Attention, direction: Direction) -> bool {
    let schedule = match direction {
        Direction::Forward => &attention.forward,
        Direction::Transposed => &attention.backward,
    };
    let mut orders = orders(schedule);
    attention.window.is_none()
        && orders.all(|order| *order == Order::Natural)
        && schedule.n_bands() <= MOST_BANDS
        && schedule.visits().count() <= MOST_VISITS
}

fn orders(schedule: &Schedule) -> impl Iterator<Item = &Order> {
    let owners = schedule.owners.iter().map(|owner| &owner.order);
    owners.chain(schedule.pairs.iter().map(|pair| &pair.order))
}

/// The functions, and the words that they read.
pub(super) fn text(geometry: &Geometry<'_>, form: &Form, tiles: &[Tile<'_>]) -> (String, Vec<u32>) {
    let mut words = Words::default();
    let schedule = geometry.schedule;
    let is_literal = geometry.window.is_none()
        && orders(schedule).all(|order| *order == Order::Natural)
        && schedule.n_bands() <= MOST_BANDS
        && schedule.visits().count() <= MOST_VISITS;
    let mut text = if is_literal {
        literal_tiles(geometry, form, tiles) + &literal_visits(geometry)
    } else {
        listed_tiles(geometry, tiles, &mut words)
    };
    text += &groups(geometry, is_literal, &mut words);
    text += &tokens(geometry, form, is_literal);
    text += &reach(geometry, is_literal, form);
    (text, words.into_words())
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

fn listed_tiles(geometry: &Geometry<'_>, tiles: &[Tile<'_>], words: &mut Words) -> String {
    let (mut of_tiles, mut of_visits) = (Vec::new(), Vec::new());
    for Tile { owner, positions, visits, .. } in tiles {
        let first = u32::try_from(of_visits.len()).expect("few words") / WORDS;
        for visit in *visits {
            let reach = geometry.schedule.tile_reach(*owner, positions.clone(), visit);
            let all = (reach.all.start, reach.all.end);
            of_visits.extend([visit.pair, reach.some.start, reach.some.end, all.0, all.1]);
        }
        let end = u32::try_from(of_visits.len()).expect("few words") / WORDS;
        let owner = u32::try_from(*owner).expect("groups are few");
        of_tiles.extend([owner, positions.start, positions.end, first, end]);
    }
    let read = |kind: &str, head: &str, first: u32| {
        let at = if first == 0 { "at * 5u".to_owned() } else { format!("{first}u + at * 5u") };
        let fields: Vec<String> = (0..5)
            .map(|field| {
                if field == 0 {
                    "constants[i]".to_owned()
                } else {
                    format!("constants[i + {field}u]")
                }
            })
            .collect();
        let lines = [format!("let i = {at};"), format!("return {kind}({});", fields.join(", "))];
        function(head, &lines) + "\n"
    };
    let comment = bands_comment(geometry);
    let tiles = words.list(&of_tiles);
    // A list that nobody reads has a place, too.
    let visits = words.list(&of_visits);
    comment
        + &read("Tile", "fn tile_of(at: u32) -> Tile", tiles)
        + &read("Visit", "fn visit_of(at: u32, tile: Tile) -> Visit", visits)
}

/// What the constants hold, in words.
fn bands_comment(geometry: &Geometry<'_>) -> String {
    let Geometry { schedule, .. } = geometry;
    let mut text = String::new();
    for (number, owner) in schedule.owners.iter().enumerate() {
        let n_bands = owner.bands.len();
        let visits: u64 = owner
            .bands
            .iter()
            .flat_map(|band| &band.visits)
            .map(|visit| u64::from(visit.others.end - visit.others.start))
            .sum();
        let pairs = schedule.pairs.iter().filter(|pair| pair.owner as usize == number);
        let names: Vec<&str> =
            pairs.map(|pair| geometry.others[pair.other as usize].name).collect();
        let whom = match schedule.direction {
            Direction::Forward => "reads",
            Direction::Transposed => "is read by",
        };
        let name = geometry.owners[number].name;
        writeln!(
            text,
            "// {name} {whom} {}: {n_bands} bands of its tokens visit {visits} tokens.",
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        )
        .expect("texts take all");
    }
    text
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
fn groups(geometry: &Geometry<'_>, is_literal: bool, words: &mut Words) -> String {
    let schedule = geometry.schedule;
    let owners = schedule.owners.iter().zip(&geometry.owners).map(|(owner, group)| {
        let places = places(geometry, group, &owner.order, is_literal, words);
        (group.name.to_owned(), group_text(group, places, 0))
    });
    let mut text = switch(
        "fn owner_of(owner: u32, sample: u32) -> Group",
        "owner",
        &owners.collect::<Vec<_>>(),
    );
    let mut cases = Vec::new();
    for (number, pair) in schedule.pairs.iter().enumerate() {
        let group = &geometry.others[pair.other as usize];
        let places = places(geometry, group, &pair.order, is_literal, words);
        let reach = reaches(geometry, number, is_literal, words);
        let names = (geometry.owners[pair.owner as usize].name, group.name);
        let comment = pair_comment(schedule.direction, names);
        cases.push((comment, group_text(group, places, reach)));
    }
    if cases.is_empty() {
        cases.push(("nothing".to_owned(), "Group(false, 0u, 0u, 0u, 0u, 0u)".to_owned()));
    }
    text += &switch("fn other_of(pair: u32, sample: u32) -> Group", "pair", &cases);
    text
}

/// Where the constants have the tokens and the terms of an order.
fn places(
    geometry: &Geometry<'_>,
    group: &Group<'_>,
    order: &Order,
    is_literal: bool,
    words: &mut Words,
) -> (u32, u32) {
    if is_literal {
        return (0, 0);
    }
    let positions = 0..u32::try_from(group.tokens).expect("tokens of a group are 32 bits");
    let tokens: Vec<u32> = positions.map(|position| order.token(position)).collect();
    let terms = geometry.window.map(|window| words.list(&group.terms(order, window)));
    (words.list(&tokens), terms.unwrap_or(0))
}

/// Where the constants have how far each owner reaches, behind 1; 0 where they all reach the whole visits. Where nothing is
/// listed, 1 for causality.
fn reaches(geometry: &Geometry<'_>, pair: usize, is_literal: bool, words: &mut Words) -> u32 {
    let schedule = geometry.schedule;
    let is_pair = |visit: &&Visit| visit.pair as usize == pair;
    let mut visits = schedule.visits().map(|(.., visit)| visit);
    if !visits.any(|visit| is_pair(&visit) && visit.causal) {
        return 0;
    }
    if is_literal {
        return 1;
    }
    let owner = schedule.pairs[pair].owner as usize;
    let bands = &schedule.owners[owner].bands;
    let reach = |(position, visit): (u32, Option<&Visit>)| {
        let reach = visit.map(|visit| schedule.reach(owner, position, visit));
        reach.map_or(0, |reach| match schedule.direction {
            Direction::Forward => reach.end,
            Direction::Transposed => reach.start,
        })
    };
    let positions = bands.iter().flat_map(|band| {
        let visit = band.visits.iter().find(is_pair);
        band.owners.clone().map(move |position| (position, visit))
    });
    1 + words.list(&positions.map(reach).collect::<Vec<_>>())
}

fn group_text(group: &Group<'_>, (order, terms): (u32, u32), reach: u32) -> String {
    let is_there = group.present.map_or("true".to_owned(), |bit| {
        format!("is_present({})", sum(&[format!("{bit}u"), "sample".to_owned()]))
    });
    let sample = times("sample", group.tokens);
    let [row, compact] =
        [group.row, group.compact].map(|first| sum(&[format!("{first}u"), sample.clone()]));
    format!("Group({is_there}, {row}, {compact}, {order}u, {terms}u, {reach}u)")
}

/// Tokens of positions, and the owners of a lane.
fn tokens(geometry: &Geometry<'_>, form: &Form, is_literal: bool) -> String {
    let token = if is_literal { "position" } else { "constants[order + position]" };
    let mut text =
        function("fn token_of(order: u32, position: u32) -> u32", &[format!("return {token};")]);
    let start = form.of_each("Index", |number, _| match number {
        ".y" => format!("lane + {}u", form.threads),
        _first => "lane".to_owned(),
    });
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
