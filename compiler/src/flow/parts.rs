//! Parts: neighboring tokens of a value that are present together and see the same.
//!
//! In: a lane, and the parts of its operands. Out: the parts of its result, and from which tokens of which operands some of its
//! tokens come. A value has several parts where a `concat` brought together what is not alike; all others have one. Only
//! values of one axis have several. Deliberately not here: what is done for samples that lack a part (`lower`).

use std::ops::Range;

use crate::model::{Lane, Missing, Model, Op, Pooling, ValueId};

use super::ModalitySet;
use super::presence::Formulas;

/// Neighboring tokens of a value that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first token behind it.
    pub end: u64,
    /// The modalities that can reach it.
    pub sees: ModalitySet,
    /// What it began as, if those were learned tokens and it is still theirs alone: it is there for every sample, and present
    /// where something is that it has read so far.
    pub learned: Option<ValueId>,
    /// When it is present, as an index of formulas; never as long as learned tokens have read nothing.
    pub(super) present: usize,
}

impl Part {
    /// Whether these are learned tokens that have read nothing so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.learned.is_some() && self.present == Formulas::FALSE
    }

    /// When others find it there: learned tokens that have read nothing are there for everybody.
    pub(super) fn there(&self) -> usize {
        if self.is_empty() { Formulas::TRUE } else { self.present }
    }

    /// Whether the other is present for the same samples, and learned as this one is.
    pub(crate) fn is_present_as(&self, other: &Self) -> bool {
        (self.learned, self.present) == (other.learned, other.present)
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.sees, self.learned, self.present) == (other.sees, other.learned, other.present)
    }
}

/// The parts of all values.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    all: Vec<Part>,
    of: Vec<Range<usize>>,
}

impl Parts {
    pub(super) fn new(values: usize) -> Self {
        Self { all: Vec::new(), of: vec![0..0; values] }
    }

    /// The parts of a value in order.
    pub(super) fn of(&self, value: ValueId) -> &[Part] {
        &self.all[self.of[value.index()].clone()]
    }

    /// Says what a value consists of; neighbors that are alike become one.
    pub(super) fn push(&mut self, value: ValueId, parts: impl IntoIterator<Item = Part>) {
        let start = self.all.len();
        for part in parts {
            match self.all[start..].last_mut() {
                Some(last) if last.is_like(&part) => last.end = part.end,
                Some(_) | None => self.all.push(part),
            }
        }
        self.of[value.index()] = start..self.all.len();
    }

    /// The parts that have some of these tokens.
    pub(super) fn within(&self, value: ValueId, tokens: &Range<u64>) -> &[Part] {
        let parts = self.of(value);
        let first = parts.partition_point(|part| part.end <= tokens.start);
        let behind = parts.partition_point(|part| part.end < tokens.end);
        &parts[first..(behind + 1).min(parts.len())]
    }

    /// The modalities that can reach a value.
    pub(super) fn sees(&self, value: ValueId) -> ModalitySet {
        self.of(value).iter().fold(ModalitySet::EMPTY, |set, part| set.union(part.sees))
    }

    /// How many parts all values have.
    pub(super) fn n_parts(&self) -> usize {
        self.all.len()
    }

    fn is_one(&self, value: ValueId) -> bool {
        self.of[value.index()].len() <= 1
    }
}

/// The ranges of tokens of parts.
pub(crate) fn ranges(ends: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Range<u64>> {
    ends.into_iter().scan(0, |start, end| Some(std::mem::replace(start, end)..end))
}

/// The parts of a lane's result.
pub(super) fn parts_of(
    model: &Model,
    (op, lane): (&Op, &Lane),
    parts: &Parts,
    formulas: &mut Formulas,
) -> Option<Vec<Part>> {
    let tokens = model.shape(lane.result).tokens();
    let source = |sees: ModalitySet, present: usize, learned: Option<ValueId>| {
        Some(vec![Part { end: tokens, sees, learned, present }])
    };
    match op {
        Op::Input(modality) => source(ModalitySet::only(*modality), formulas.bit(*modality)?, None),
        Op::Latents | Op::Learned => source(ModalitySet::EMPTY, Formulas::FALSE, Some(lane.result)),
        Op::Attend { missing, .. } => attended(model, (lane, *missing), parts, formulas),
        Op::Patches(_)
        | Op::Linear
        | Op::Embed
        | Op::Position { .. }
        | Op::Absent
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Mean
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Concat
        | Op::Join
        | Op::Slice(..)
        | Op::Gather(_)
        | Op::Pool(_)
        | Op::Pad
        | Op::Crop => {
            if *op != Op::Concat && lane.operands.iter().all(|value| parts.is_one(*value)) {
                let read = lane.operands.iter().flat_map(|value| parts.of(*value)).copied();
                let made = combined(op, &read.collect::<Vec<_>>(), formulas)?;
                return Some(vec![Part { end: tokens, ..made }]);
            }
            let mut made = Vec::new();
            for range in ranges(ends(model, (op, lane), &|value| parts.ends(value))) {
                let read: Vec<Part> = sources(model, (op, lane), &range)
                    .into_iter()
                    .flat_map(|(at, range)| parts.within(lane.operands[at], &range))
                    .copied()
                    .collect();
                made.push(Part { end: range.end, ..combined(op, &read, formulas)? });
            }
            if let Op::Concat = op {
                join_neighbors(&mut made, formulas)?;
            }
            Some(made)
        }
    }
}

impl Parts {
    fn ends(&self, value: ValueId) -> Vec<u64> {
        self.of(value).iter().map(|part| part.end).collect()
    }
}

/// Where a result is cut, of operands that are cut so; the last is the number of its tokens.
pub(crate) fn ends(
    model: &Model,
    (op, lane): (&Op, &Lane),
    of: &dyn Fn(ValueId) -> Vec<u64>,
) -> Vec<u64> {
    let tokens = model.shape(lane.result).tokens();
    let n_tokens = |value: ValueId| model.shape(value).tokens();
    let operands = || lane.operands.iter().copied();
    let mut ends: Vec<u64> = match op {
        Op::Concat => {
            let starts = operands().scan(0, |start, value| {
                let first = *start;
                *start += n_tokens(value);
                Some((first, value))
            });
            starts
                .flat_map(|(start, value)| of(value).into_iter().map(move |e| start + e))
                .collect()
        }
        Op::Slice(from, _) => {
            of(lane.operands[0]).into_iter().map(|end| end.saturating_sub(*from)).collect()
        }
        Op::Gather(ids) => {
            let cuts = of(lane.operands[0]);
            let part = |id: u64| cuts.partition_point(|end| *end <= id);
            let pairs = (1..).zip(ids.windows(2));
            pairs.filter(|(_, pair)| part(pair[0]) != part(pair[1])).map(|(at, _)| at).collect()
        }
        Op::Patches(_) => match of(lane.operands[0]).as_slice() {
            [] | [_] => Vec::new(),
            cuts => {
                let size = n_tokens(lane.operands[0]) / tokens;
                cuts.iter().flat_map(|end| [end / size, end.div_ceil(size)]).collect()
            }
        },
        Op::Pool(_) => Vec::new(),
        Op::Pad | Op::Crop => {
            let n = n_tokens(lane.operands[0]);
            of(lane.operands[0]).into_iter().filter(|end| *end < n).collect()
        }
        Op::Attend { .. } => of(lane.operands[0]),
        Op::Input(_)
        | Op::Latents
        | Op::Learned
        | Op::Linear
        | Op::Embed
        | Op::Position { .. }
        | Op::Absent
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Mean
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Join => {
            let whole = operands().filter(|value| n_tokens(*value) == tokens);
            whole.flat_map(of).collect()
        }
    };
    ends.retain(|end| (1..tokens).contains(end));
    ends.push(tokens);
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// From which tokens of which operands some tokens of a result come; for attention, all that is read.
pub(crate) fn sources(
    model: &Model,
    (op, lane): (&Op, &Lane),
    tokens: &Range<u64>,
) -> Vec<(usize, Range<u64>)> {
    let shape = |at: usize| model.shape(lane.operands[at]);
    let whole = |at: usize| 0..shape(at).tokens();
    let n_tokens = model.shape(lane.result).tokens();
    match op {
        Op::Input(_) | Op::Latents | Op::Learned => Vec::new(),
        Op::Concat => {
            let mut start = 0;
            let mut found = Vec::new();
            for at in 0..lane.operands.len() {
                let end = start + shape(at).tokens();
                let (from, to) = (tokens.start.max(start), tokens.end.min(end));
                if from < to {
                    found.push((at, from - start..to - start));
                }
                start = end;
            }
            found
        }
        Op::Slice(from, _) => vec![(0, from + tokens.start..from + tokens.end)],
        Op::Gather(ids) => {
            let ids = ids.iter().enumerate().filter(|(at, _)| tokens.contains(&(*at as u64)));
            ids.map(|(_, id)| (0, *id..id + 1)).collect()
        }
        Op::Pool(Pooling::First) => vec![(0, 0..1)],
        Op::Pool(Pooling::Last) => vec![(0, whole(0).end - 1..whole(0).end)],
        Op::Pool(Pooling::Mean) => vec![(0, whole(0))],
        Op::Patches(_) | Op::Pad | Op::Crop if shape(0).grid.len() != 1 => vec![(0, whole(0))],
        Op::Patches(_) => {
            let size = whole(0).end / n_tokens;
            vec![(0, tokens.start * size..tokens.end * size)]
        }
        // What is behind the grid is with the last of its tokens.
        Op::Pad => {
            let n = whole(0).end;
            vec![(0, tokens.start.min(n - 1)..tokens.end.min(n))]
        }
        Op::Crop => vec![(0, tokens.clone())],
        Op::Attend { .. } => {
            let reads = (1..lane.operands.len()).map(|at| (at, whole(at)));
            std::iter::once((0, tokens.clone())).chain(reads).collect()
        }
        Op::Linear
        | Op::Embed
        | Op::Position { .. }
        | Op::Absent
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Mean
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Join => {
            let of = |at: usize| if whole(at).end == n_tokens { tokens.clone() } else { whole(at) };
            (0..lane.operands.len()).map(|at| (at, of(at))).collect()
        }
    }
}

/// What an operation makes of these parts.
fn combined(op: &Op, parts: &[Part], formulas: &mut Formulas) -> Option<Part> {
    let sees = parts.iter().fold(ModalitySet::EMPTY, |set, part| set.union(part.sees));
    match op {
        Op::Mean | Op::Pool(_) => either(parts, formulas),
        Op::Absent => Some(Part { end: 0, sees, learned: None, present: Formulas::TRUE }),
        Op::Input(_)
        | Op::Latents
        | Op::Learned
        | Op::Attend { .. }
        | Op::Patches(_)
        | Op::Linear
        | Op::Embed
        | Op::Position { .. }
        | Op::Norm { .. }
        | Op::RmsNorm { .. }
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Gated(_)
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Affine { .. }
        | Op::Reciprocal(_)
        | Op::Dropout(_)
        | Op::DropPath { .. }
        | Op::Concat
        | Op::Join
        | Op::Slice(..)
        | Op::Gather(_)
        | Op::Pad
        | Op::Crop => together(parts, formulas),
    }
    .map(|part| Part { sees, ..part })
}

/// Present where all are, learned tokens that have read nothing aside. Those that began as the same learned tokens are one
/// thing that has read several: present where one of them is.
fn together(parts: &[Part], formulas: &mut Formulas) -> Option<Part> {
    let mut all = parts.iter().filter(|part| !part.is_empty());
    let Some(first) = all.next() else { return parts.first().copied() };
    let rest: Vec<&Part> = all.collect();
    let is_one = first.learned.is_some() && rest.iter().all(|part| part.learned == first.learned);
    let mut made = *first;
    for part in rest {
        made.present = if is_one {
            formulas.or(made.present, part.present)?
        } else {
            made.learned = None;
            formulas.and(made.present, part.present)?
        };
    }
    Some(made)
}

/// Present where one is. Learned tokens that have read nothing are always there.
fn either(parts: &[Part], formulas: &mut Formulas) -> Option<Part> {
    let first = *parts.first()?;
    if parts.len() == 1 || parts.iter().all(Part::is_empty) {
        return Some(first);
    }
    let there: Vec<usize> = parts.iter().map(Part::there).collect();
    Some(Part { learned: None, present: formulas.any(&there)?, ..first })
}

/// Learned tokens beside others are present with those: a class token goes with its patches.
fn join_neighbors(made: &mut [Part], formulas: &mut Formulas) -> Option<()> {
    let others: Vec<usize> =
        made.iter().filter(|part| !part.is_empty()).map(|part| part.present).collect();
    if others.is_empty() {
        return Some(());
    }
    let present = formulas.any(&others)?;
    for part in made.iter_mut().filter(|part| part.is_empty()) {
        (part.learned, part.present) = (None, present);
    }
    Some(())
}

/// What reads stays what it is, and reading what is absent adds nothing; learned tokens are then present where something is
/// that they have read.
fn attended(
    model: &Model,
    (lane, missing): (&Lane, Missing),
    parts: &Parts,
    formulas: &mut Formulas,
) -> Option<Vec<Part>> {
    let query = lane.operands[0];
    let n_queries = model.shape(query).tokens();
    let mut made = Vec::new();
    let mut start = 0;
    for own in parts.of(query) {
        let queries = start..own.end;
        start = own.end;
        let mut sees = own.sees;
        let (mut read, mut there) = (Vec::new(), Vec::new());
        for (edge, key) in lane.reads.iter().zip(lane.keys()) {
            let n_keys = model.shape(key).tokens();
            let is_whole = parts.is_one(query) && parts.is_one(key);
            let mut first = 0;
            for part in parts.of(key) {
                let keys = first..part.end;
                first = part.end;
                if is_whole || edge.relation.reaches(&queries, &keys, (n_queries, n_keys)) {
                    sees = sees.union(part.sees);
                    read.push(part.present);
                    there.push(part.there());
                }
            }
        }
        // Whether anything is read is asked, too, where it does not change what the result is.
        let any = formulas.any(&there)?;
        let (learned, present) = match (missing, own.learned) {
            (Missing::Zero, None) => (None, own.present),
            (Missing::Zero, Some(_)) => {
                read.push(own.present);
                (own.learned, formulas.any(&read)?)
            }
            (Missing::Absent, _) if there.is_empty() => (own.learned, own.present),
            (Missing::Absent, _) => (None, formulas.and(own.there(), any)?),
        };
        made.push(Part { end: own.end, sees, learned, present });
    }
    Some(made)
}
