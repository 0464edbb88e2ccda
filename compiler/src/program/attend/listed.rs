//! Who visits whom, as words of the constants.
//!
//! In: the geometry of an attention. Out: lists of its tiles, visits, groups and tokens, and functions that read them, which are as
//! long whatever the mask is. Groups that lie behind each other, and that the same samples have, are a chain, in which tokens are
//! counted through: what a band visits of a chain in one piece is one visit, and neighbors that visit the same are one band. So
//! groups without a border that the mask can see cost nothing. What causality cuts, and what has an order of its own, stays alone.
//!
//! Deliberately not here: literals, rows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use indexmap::IndexSet;

use super::geometry::{Geometry, Group};
use crate::program::kit::function;
use crate::program::words::{Words, word};
use crate::routing::{Direction, Order, Visit};

/// Words of a tile, and of a visit.
const WORDS: usize = 5;

/// Groups that a comment names.
const MOST_NAMES: usize = 8;

/// A group, or several behind each other, as shaders see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Listed {
    /// 1 and the number of the first sample's bit; 0 where all samples have it.
    present: u32,
    /// The first rows of the first sample.
    row: u32,
    compact: u32,
    /// Rows between samples.
    rows: u32,
    /// Where the rows of positions are listed, and words between samples.
    order: u32,
    orders: u32,
    /// Where the terms of the score bias are.
    terms: u32,
    /// Behind 1, where it is said how far each owner reaches; 0 where they all reach the whole visits.
    reach: u32,
}

/// Words of a group.
const OF_GROUP: usize = 8;

/// What a band visits in one piece.
#[derive(Debug, Clone, PartialEq)]
struct Met<'a> {
    group: u32,
    others: Range<u32>,
    /// The owner's number and the visit, where causality cuts it.
    causal: Option<(usize, &'a Visit)>,
}

/// Neighbors that visit the same.
struct Band<'a> {
    group: u32,
    positions: Range<u32>,
    visits: Vec<Met<'a>>,
}

/// An attention as lists.
pub(super) struct Lists<'a> {
    geometry: &'a Geometry<'a>,
    words: Words,
    groups: IndexSet<Listed>,
    bands: Vec<Band<'a>>,
}

/// Functions, the words that they read, and how many tiles these are.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) words: Vec<u32>,
    pub(super) tiles: usize,
}

/// Where each group of a side is in its chain: the chain's groups, and its first position there.
struct Chains<'a> {
    groups: &'a [Group<'a>],
    of: Vec<(Range<usize>, u32)>,
    batch: usize,
    /// By the first group of a chain: its number among the groups that are listed.
    listed: BTreeMap<usize, u32>,
}

impl<'a> Chains<'a> {
    fn of(groups: &'a [Group<'a>], batch: usize, is_whole: impl Fn(usize) -> bool) -> Self {
        let mut ends = Vec::new();
        for at in 1..=groups.len() {
            let goes_on = at < groups.len() && is_whole(at - 1) && is_whole(at) && {
                let (last, next) = (&groups[at - 1], &groups[at]);
                last.present == next.present && last.row + batch * last.tokens == next.row
            };
            if !goes_on {
                ends.push(at);
            }
        }
        let (mut of, mut first) = (Vec::new(), 0);
        for end in ends {
            let mut start = 0;
            for group in &groups[first..end] {
                of.push((first..end, word(start)));
                start += group.tokens;
            }
            first = end;
        }
        Self { groups, of, batch, listed: BTreeMap::new() }
    }

    /// A chain: its rows as lists.
    fn listed(&self, chain: Range<usize>, words: &mut Words) -> Listed {
        let first = &self.groups[chain.start];
        let groups = &self.groups[chain];
        let tokens =
            || groups.iter().flat_map(|group| (0..group.tokens).map(move |at| (group, at)));
        let is_even = groups.iter().all(|group| group.tokens == first.tokens);
        let row = |(group, token): (&Group<'_>, usize), sample: usize| {
            word(group.row - first.row + sample * group.tokens + token)
        };
        let (rows, orders, order) = if is_even || self.batch == 1 {
            (first.tokens, 0, tokens().map(|place| row(place, 0)).collect())
        } else {
            let of_sample = |sample| tokens().map(move |place| row(place, sample));
            (0, tokens().count(), (0..self.batch).flat_map(of_sample).collect())
        };
        let order = words.list(order);
        Listed { rows: word(rows), orders: word(orders), order, ..Listed::of(first) }
    }
}

impl Listed {
    /// A group, without lists.
    fn of(group: &Group<'_>) -> Self {
        Self {
            present: group.present.map_or(0, |bit| word(bit + 1)),
            row: word(group.row),
            compact: word(group.compact),
            rows: word(group.tokens),
            order: 0,
            orders: 0,
            terms: 0,
            reach: 0,
        }
    }

    fn words(self) -> [u32; OF_GROUP] {
        let Self { present, row, compact, rows, order, orders, terms, reach } = self;
        [present, row, compact, rows, order, orders, terms, reach]
    }
}

impl<'a> Lists<'a> {
    pub(super) fn of(geometry: &'a Geometry<'a>) -> Self {
        let (words, groups, bands) = (Words::default(), IndexSet::new(), Vec::new());
        let mut lists = Self { geometry, words, groups, bands };
        lists.fill();
        lists
    }

    /// The most owners that visit the same, and the most others of a visit.
    pub(super) fn most(&self) -> (u32, u32) {
        let length = |range: &Range<u32>| range.end - range.start;
        let owners = self.bands.iter().map(|band| length(&band.positions)).max();
        let others = self.bands.iter().flat_map(|band| &band.visits);
        let others = others.map(|met| length(&met.others)).max();
        (owners.unwrap_or(0), others.unwrap_or(0))
    }

    fn fill(&mut self) {
        let Geometry { schedule, owners, others, window, batch } = self.geometry;
        // Terms of a score bias belong to one grid.
        let chains = |is_whole: bool| window.is_none() && is_whole;
        let is_whole = |at: usize| {
            let side = &schedule.owners[at];
            let visits = side.bands.iter().flat_map(|band| &band.visits);
            chains(side.order == Order::Natural && visits.clone().all(|visit| !visit.causal))
        };
        let mut of_owners = Chains::of(owners, *batch, is_whole);
        let mut of_others = Chains::of(others, *batch, |_| chains(true));
        let mut alone = BTreeMap::new();
        for (at, side) in schedule.owners.iter().enumerate() {
            let (group, start) = if is_whole(at) {
                self.in_chain(&mut of_owners, at)
            } else {
                (self.alone(&owners[at], &side.order, 0), 0)
            };
            for band in &side.bands {
                let mut visits: Vec<Met<'a>> = Vec::new();
                for visit in &band.visits {
                    let met = self.met(at, visit, &mut of_others, &mut alone);
                    match visits.last_mut() {
                        Some(last) if last.goes_on_in(&met) => last.others.end = met.others.end,
                        Some(_) | None => visits.push(met),
                    }
                }
                let positions = start + band.owners.start..start + band.owners.end;
                self.band(Band { group, positions, visits });
            }
        }
    }

    fn add(&mut self, group: Listed) -> u32 {
        word(self.groups.insert_full(group).0)
    }

    /// The chain of a group, and the group's first position there.
    fn in_chain(&mut self, chains: &mut Chains<'_>, at: usize) -> (u32, u32) {
        let (chain, start) = chains.of[at].clone();
        let known = chains.listed.get(&chain.start).copied();
        let group = known.unwrap_or_else(|| {
            let listed = chains.listed(chain.clone(), &mut self.words);
            self.add(listed)
        });
        chains.listed.insert(chain.start, group);
        (group, start)
    }

    /// A group that is no part of a chain.
    fn alone(&mut self, group: &Group<'_>, order: &Order, reach: u32) -> u32 {
        let positions = 0..word(group.tokens);
        let tokens = positions.map(|position| order.token(position)).collect();
        let terms = self.geometry.window.map(|window| group.terms(order, window));
        let terms = terms.map_or(0, |terms| self.words.list(terms));
        let order = self.words.list(tokens);
        self.add(Listed { order, terms, reach, ..Listed::of(group) })
    }

    fn met(
        &mut self,
        owner: usize,
        visit: &'a Visit,
        chains: &mut Chains<'_>,
        alone: &mut BTreeMap<u32, u32>,
    ) -> Met<'a> {
        let pair = &self.geometry.schedule.pairs[visit.pair as usize];
        let (other, others) = (pair.other as usize, visit.others.clone());
        let is_natural = pair.order == Order::Natural && self.geometry.window.is_none();
        if is_natural && !visit.causal {
            let (group, start) = self.in_chain(chains, other);
            let others = start + others.start..start + others.end;
            return Met { group, others, causal: None };
        }
        let group = alone.get(&visit.pair).copied().unwrap_or_else(|| {
            let reach = if visit.causal { self.reaches(owner, visit.pair) } else { 0 };
            self.alone(&self.geometry.others[other], &pair.order, reach)
        });
        alone.insert(visit.pair, group);
        Met { group, others, causal: visit.causal.then_some((owner, visit)) }
    }

    /// Behind 1, where it is said how far each owner reaches of a pair.
    fn reaches(&mut self, owner: usize, pair: u32) -> u32 {
        let schedule = self.geometry.schedule;
        let mut reaches = Vec::new();
        for band in &schedule.owners[owner].bands {
            let visit = band.visits.iter().find(|visit| visit.pair == pair);
            reaches.extend(band.owners.clone().map(|position| {
                let reach = visit.map(|visit| schedule.reach(owner, position, visit));
                reach.map_or(0, |reach| match schedule.direction {
                    Direction::Forward => reach.end,
                    Direction::Transposed => reach.start,
                })
            }));
        }
        1 + self.words.list(reaches)
    }

    /// Goes on in the last band where that visits the same.
    fn band(&mut self, band: Band<'a>) {
        let is_causal = |band: &Band<'_>| band.visits.iter().any(|met| met.causal.is_some());
        match self.bands.last_mut() {
            Some(last)
                if last.group == band.group
                    && last.positions.end == band.positions.start
                    && !is_causal(&band)
                    && last.visits == band.visits =>
            {
                last.positions.end = band.positions.end;
            }
            Some(_) | None => self.bands.push(band),
        }
    }

    /// Functions that give tiles of at most so many owners, their visits and groups.
    pub(super) fn text(mut self, size: u32) -> Written {
        let (mut tiles, mut visits) = (Vec::new(), Words::default());
        for band in &self.bands {
            for start in band.positions.clone().step_by(size as usize) {
                let positions = start..band.positions.end.min(start.saturating_add(size));
                let of_tile = band.visits.iter().flat_map(|met| self.visit(met, &positions));
                let of_tile: Vec<u32> = of_tile.collect();
                let n_visits = word(of_tile.len() / WORDS);
                let first = visits.list(of_tile) / word(WORDS);
                tiles.extend([band.group, positions.start, positions.end, first, first + n_visits]);
            }
        }
        let n_tiles = tiles.len() / WORDS;
        let groups: Vec<u32> = self.groups.iter().flat_map(|group| group.words()).collect();
        let comment = self.comment();
        let tiles = self.words.list(tiles);
        let visits = self.words.list(visits.all().to_vec());
        let groups_at = self.words.list(groups);
        let text = comment
            + &read("Tile", "fn tile_of(at: u32) -> Tile", tiles)
            + &read("Visit", "fn visit_of(at: u32, tile: Tile) -> Visit", visits)
            + &self.groups_text(groups_at);
        Written { text, words: self.words.all().to_vec(), tiles: n_tiles }
    }

    fn visit(&self, met: &Met<'_>, positions: &Range<u32>) -> [u32; WORDS] {
        let Met { group, others, causal } = met;
        let (some, all) = match causal {
            None => (others.clone(), others.clone()),
            Some((owner, visit)) => {
                let reach = self.geometry.schedule.tile_reach(*owner, positions.clone(), visit);
                (reach.some, reach.all)
            }
        };
        [*group, some.start, some.end, all.start, all.end]
    }

    fn groups_text(&self, at: u32) -> String {
        let all_have = self.groups.iter().all(|group| group.present == 0);
        let is_there = if all_have {
            "true"
        } else {
            "constants[i] == 0u || is_present(constants[i] - 1u + sample)"
        };
        let lines = [
            format!("let i = {at}u + group * {OF_GROUP}u;"),
            "let first = sample * constants[i + 3u];".to_owned(),
            "let order = constants[i + 4u] + sample * constants[i + 5u];".to_owned(),
            format!(
                "return Group({is_there}, constants[i + 1u] + first, constants[i + 2u] + first, order, \
                 constants[i + 6u], constants[i + 7u]);"
            ),
        ];
        let call = ["return group_of(group, sample);".to_owned()];
        let of = |name: &str| format!("fn {name}(group: u32, sample: u32) -> Group");
        [("group_of", &lines[..]), ("owner_of", &call), ("other_of", &call)]
            .map(|(name, lines)| function(&of(name), lines) + "\n")
            .concat()
    }

    /// What the constants hold, in words.
    fn comment(&self) -> String {
        let Geometry { schedule, owners, others, .. } = self.geometry;
        let whom = match schedule.direction {
            Direction::Forward => "reads",
            Direction::Transposed => "is read by",
        };
        let mut met: Vec<Vec<&str>> = vec![Vec::new(); owners.len()];
        for pair in &schedule.pairs {
            met[pair.owner as usize].push(others[pair.other as usize].name);
        }
        let mut text = String::new();
        for ((side, group), met) in schedule.owners.iter().zip(owners).zip(&met).take(MOST_NAMES) {
            let n_bands = side.bands.len();
            let visits = side.bands.iter().flat_map(|band| &band.visits);
            let tokens: u64 =
                visits.map(|visit| u64::from(visit.others.end - visit.others.start)).sum();
            writeln!(
                text,
                "// {} {whom} {}: {n_bands} bands of its tokens visit {tokens} tokens.",
                group.name,
                names(met)
            )
            .expect("texts take all");
        }
        if owners.len() > MOST_NAMES {
            writeln!(text, "// So it is listed for {} groups more.", owners.len() - MOST_NAMES)
                .expect("texts take all");
        }
        text
    }
}

impl Met<'_> {
    /// Whether the next visit is of what lies behind this one.
    fn goes_on_in(&self, next: &Self) -> bool {
        self.group == next.group
            && self.others.end == next.others.start
            && self.causal.is_none()
            && next.causal.is_none()
    }
}

/// Some names; of many the first.
fn names(all: &[&str]) -> String {
    match all.len() {
        0 => "nothing".to_owned(),
        1..=MOST_NAMES => all.join(", "),
        n => format!("{} and {} more", all[..MOST_NAMES].join(", "), n - MOST_NAMES),
    }
}

/// A function that reads the words of a struct.
fn read(kind: &str, head: &str, first: u32) -> String {
    let at = if first == 0 { "at * 5u".to_owned() } else { format!("{first}u + at * 5u") };
    let rest = (1..WORDS).map(|field| format!("constants[i + {field}u]"));
    let fields: Vec<String> = std::iter::once("constants[i]".to_owned()).chain(rest).collect();
    let lines = [format!("let i = {at};"), format!("return {kind}({});", fields.join(", "))];
    function(head, &lines) + "\n"
}
