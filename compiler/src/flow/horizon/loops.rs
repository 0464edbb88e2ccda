//! Groups that are causal, and learn of their later tokens through another group.
//!
//! In: a model. Out: for each such group the first place where it happens, with the way. Only groups that read one that has read
//! them are looked at token by token. Deliberately not here: whether anybody asserted something.

use std::collections::BTreeMap;

use zorro_grammar::Span;

use crate::model::{GroupId, Lane, Model, ValueId};
use crate::routing::furthest;

use super::super::Hop;
use super::{Horizon, Origin};

/// More groups than this are not looked at token by token.
const MAX_GROUPS: usize = 8;

/// A causal group that is told what its later tokens say.
#[derive(Debug, Clone)]
pub struct CausalLoop {
    /// The group.
    pub group: GroupId,
    /// The edge over which it comes back.
    pub span: Span,
    /// Whom it reads there.
    pub through: Option<GroupId>,
    /// The way, from the group's tokens on.
    pub hops: Vec<Hop>,
}

/// An attention of a causal group that reads others, too.
#[derive(Clone, Copy)]
struct Reading<'a> {
    lane: &'a Lane,
    group: GroupId,
}

/// The causal groups that learn of their later tokens through another group, in the order of their declaration.
#[must_use]
pub fn causal_loops(model: &Model) -> Vec<CausalLoop> {
    let mut readings: BTreeMap<GroupId, Vec<Reading<'_>>> = BTreeMap::new();
    for step in &model.steps {
        for reading in step.lanes.iter().filter_map(|lane| reading(model, lane)) {
            readings.entry(reading.group).or_default().push(reading);
        }
    }
    let groups: Vec<GroupId> = readings.keys().copied().collect();
    let mut found = Vec::new();
    // As many at once as an integer has bits.
    for groups in groups.chunks(64) {
        let reached = reached(model, groups);
        for (bit, group) in groups.iter().enumerate() {
            let comes_back = |lane: &Lane, at: usize| {
                let is_reached = reached[lane.operands[at].index()] >> bit & 1 == 1;
                is_reached && source(model, lane, at) != Some(*group)
            };
            let any = readings[group].iter().any(|Reading { lane, .. }| {
                (1..lane.operands.len()).any(|at| comes_back(lane, at))
            });
            if any && found.len() < MAX_GROUPS {
                found.extend(first_loop(model, *group, &readings[group]));
            }
        }
    }
    found
}

/// The attention of a group that reads itself within `causal`, and others.
fn reading<'a>(model: &Model, lane: &'a Lane) -> Option<Reading<'a>> {
    let group = model.value(lane.result).group?;
    let own = |at: usize| source(model, lane, 1 + 2 * at) == Some(group);
    let mut reads = lane.reads.iter().enumerate();
    let is_causal = reads.any(|(at, read)| own(at) && read.relation.is_causal());
    let others = (0..lane.reads.len()).any(|at| !own(at));
    (is_causal && others).then_some(Reading { lane, group })
}

/// The group from which a read brings something.
fn source(model: &Model, lane: &Lane, operand: usize) -> Option<GroupId> {
    let group = model.value(lane.operands[operand]).group;
    lane.reads[(operand - 1) / 2].group.or(group)
}

/// For every value a bit for each of these groups whose first value reaches it.
fn reached(model: &Model, groups: &[GroupId]) -> Vec<u64> {
    let mut starts: BTreeMap<ValueId, u64> = BTreeMap::new();
    for (bit, group) in groups.iter().enumerate() {
        *starts.entry(model.groups[group.index()].start).or_default() |= 1 << bit;
    }
    let mut reached = vec![0_u64; model.values.len()];
    for lane in model.steps.iter().flat_map(|step| &step.lanes) {
        let operands = lane.operands.iter();
        let own = starts.get(&lane.result).copied().unwrap_or(0);
        reached[lane.result.index()] =
            operands.fold(own, |bits, operand| bits | reached[operand.index()]);
    }
    reached
}

/// The first place where a group that was causal so far reads of its later tokens.
fn first_loop(model: &Model, group: GroupId, readings: &[Reading<'_>]) -> Option<CausalLoop> {
    let start = model.groups[group.index()].start;
    let horizon = Horizon::of(model, Origin::Value(start))?;
    let is_causal = |seen: &[u32]| (1_u64..).zip(seen).all(|(own, seen)| u64::from(*seen) <= own);
    readings.iter().find_map(|Reading { lane, group }| {
        let query = horizon.seen(lane.operands[0])?;
        if !is_causal(query) {
            return None;
        }
        lane.reads.iter().enumerate().find_map(|(at, read)| {
            let through = source(model, lane, 1 + 2 * at);
            let values = [1 + 2 * at, 2 + 2 * at].map(|at| lane.operands[at]);
            let grid = &model.shape(lane.result).grid;
            let learned = values.into_iter().find_map(|value| {
                let seen = horizon.seen(value).filter(|_| through != Some(*group))?;
                let seen = furthest(&read.relation, grid, &model.shape(value).grid, seen);
                (0_u64..).zip(seen).find(|(token, seen)| u64::from(*seen) > token + 1)
            });
            let (token, _) = learned?;
            let hops = horizon.way(model, lane.result, token);
            Some(CausalLoop { group: *group, span: read.span, through, hops })
        })
    })
}
