//! How far into a sequence each token looks.
//!
//! In: a model, and where positions are counted: a modality, or a value. Out: for every token of every value how many
//! positions, counted from the first, may reach it ([`Horizon`]); and the way by which a later one does. The bound is that of
//! the relations themselves, token by token: a slice sees what its tokens see, a mean all that it is made of. Tables are made
//! once for each that differs, so that many equal layers cost what a few do. Deliberately not here: which modalities reach a value
//! at all (`flow`), and diagnostics.

mod loops;
mod sources;

use std::collections::BTreeMap;

use crate::model::{GroupId, Lane, ModalityId, Model, Op, Step, ValueId};
use crate::routing::furthest;

use super::Hop;

pub use loops::{CausalLoop, causal_loops};

use sources::Sources;

/// The tokens that one proof may look at: a second of work, and memory of the same order.
const MAX_WORK: u64 = 1 << 26;
/// What looking through a relation costs for each token.
const PER_READ: u64 = 16;

/// Where positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Along the first axis of what is fed, in units of [`unit()`].
    Modality(ModalityId),
    /// By the tokens of a value.
    Value(ValueId),
}

/// For every token how many positions of an origin may reach it, counted from the first.
#[derive(Debug, Clone)]
pub struct Horizon {
    origin: Origin,
    /// For every value its table; none where no position reaches it.
    known: Vec<Option<usize>>,
    tables: Vec<Vec<u32>>,
}

/// A token that depends on a later position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// The token.
    pub token: u64,
    /// Its position: its place along the first axis.
    pub position: u64,
    /// The last position on which it depends.
    pub sees: u64,
}

impl Horizon {
    /// Looks through a model; `None` where that would take too long.
    #[must_use]
    pub fn of(model: &Model, origin: Origin) -> Option<Self> {
        let mut tables = Tables::default();
        let mut known: Vec<Option<usize>> = vec![None; model.values.len()];
        for step in &model.steps {
            for lane in &step.lanes {
                known[lane.result.index()] = if is_origin(origin, step, lane) {
                    let counted = counted(model, origin, lane.result)?;
                    tables.spend(counted.len() as u64)?;
                    tables.keep(counted)
                } else {
                    tables.lane(model, step, lane, &known)?
                };
            }
        }
        Some(Self { origin, known, tables: tables.all })
    }

    /// For each token of a value how many positions may reach it; `None` where none does.
    #[must_use]
    pub fn seen(&self, value: ValueId) -> Option<&[u32]> {
        self.known[value.index()].map(|table| self.tables[table].as_slice())
    }

    /// The first token of a value that depends on a position after its own.
    #[must_use]
    pub fn ahead(&self, model: &Model, value: ValueId) -> Option<Ahead> {
        let row = row(model, value);
        let mut tokens = (0..).zip(self.seen(value)?);
        tokens.find_map(|(token, seen)| {
            let (position, seen) = (token / row, u64::from(*seen));
            (seen > position + 1).then(|| Ahead { token, position, sees: seen - 1 })
        })
    }

    /// By which way the last position that a token sees gets there, from the origin on. Told are passages between groups, and
    /// those to an earlier token.
    #[must_use]
    pub fn way(&self, model: &Model, value: ValueId, token: u64) -> Vec<Hop> {
        let mut hops = Vec::new();
        let (mut value, mut token) = (value, token);
        loop {
            let (step, lane) = model.made_by(value);
            let Some(seen) = self.at(value, token).filter(|_| !is_origin(self.origin, step, lane))
            else {
                break;
            };
            let found = (0..lane.operands.len()).find_map(|at| {
                let table = self.seen(lane.operands[at])?;
                let sources = Sources::of(model, step, lane, at);
                let mut tokens = sources.ranges(token).into_iter().flatten();
                Some((at, tokens.find(|token| table[index(*token)] == seen)?))
            });
            let (at, from) = found.expect("a token sees as far as one that it is made of");
            hops.extend(hop(model, (step, lane), at, token, from));
            (value, token) = (lane.operands[at], from);
        }
        hops.reverse();
        hops
    }

    fn at(&self, value: ValueId, token: u64) -> Option<u32> {
        let seen = self.seen(value)?.get(index(token)).copied();
        seen.filter(|seen| *seen > 0)
    }
}

/// Positions that count as one: where all that is made of a modality begins with patches of the same length, that length.
#[must_use]
pub fn unit(model: &Model, modality: ModalityId) -> u64 {
    let is_fed = |value: ValueId| model.made_by(value).0.op == Op::Input(modality);
    let mut units = model.steps.iter().flat_map(|step| {
        let lanes = step.lanes.iter().filter(|lane| lane.operands.iter().any(|id| is_fed(*id)));
        lanes.map(|_| {
            let Op::Patches(sizes) = &step.op else { return 1 };
            sizes.first().copied().unwrap_or(1)
        })
    });
    let first = units.next().unwrap_or(1);
    if units.all(|unit| unit == first) { first } else { 1 }
}

fn is_origin(origin: Origin, step: &Step, lane: &Lane) -> bool {
    match origin {
        Origin::Modality(modality) => step.op == Op::Input(modality),
        Origin::Value(value) => lane.result == value,
    }
}

/// The origin's own table; `None` where it is too long.
fn counted(model: &Model, origin: Origin, value: ValueId) -> Option<Vec<u32>> {
    let tokens = model.shape(value).tokens();
    let each = match origin {
        Origin::Modality(modality) => row(model, value) * unit(model, modality),
        Origin::Value(_) => 1,
    };
    let positions = (0..tokens.min(MAX_WORK)).map(|token| u32::try_from(token / each + 1));
    let counted = positions.collect::<Result<_, _>>().ok();
    counted.filter(|_| tokens <= MAX_WORK)
}

/// Tokens of one position: all that share a place along the first axis.
fn row(model: &Model, value: ValueId) -> u64 {
    model.shape(value).grid.iter().skip(1).product::<u64>().max(1)
}

/// The passage from an operand's token to a lane's, where it is worth telling.
fn hop(
    model: &Model,
    (step, lane): (&Step, &Lane),
    at: usize,
    token: u64,
    from: u64,
) -> Option<Hop> {
    let operand = lane.operands[at];
    let read = at.checked_sub(1).and_then(|at| lane.reads.get(at / 2));
    let group = model.value(operand).group;
    let source = read.map_or(group, |read| read.group.or(group));
    let to = model.value(lane.result).group;
    let changes = source != to && source.is_some() && to.is_some();
    if !changes && from <= token {
        return None;
    }
    let (receiver, giver) =
        (named(model, to, lane.result), named(model, source.or(group), operand));
    let text = match read {
        Some(_) => format!("token {token} of `{receiver}` reads token {from} of `{giver}`"),
        None => {
            let by = step.op.name();
            format!("token {token} of `{receiver}` is made of token {from} of `{giver}` by `{by}`")
        }
    };
    let span = read.map_or(step.span, |read| read.span);
    Some(Hop { path: step.path.clone(), to, from: source, span, text, is_edge: read.is_some() })
}

/// How a value is called: by its group, as an output, by what is fed, or by its place.
fn named(model: &Model, group: Option<GroupId>, value: ValueId) -> &str {
    let (step, _) = model.made_by(value);
    let output = model.outputs.iter().find(|output| output.value == value);
    if let Some(output) = output.filter(|_| group.is_none()) {
        return &output.name;
    }
    match (group, &step.op) {
        (Some(group), _) => model.group_name(group),
        (None, Op::Input(modality)) => &model.modalities[modality.index()].name,
        (None, _) => &step.path,
    }
}

/// The different tables of a model, each stored once; what was looked through once is looked up.
#[derive(Default)]
struct Tables {
    all: Vec<Vec<u32>>,
    ids: BTreeMap<Vec<u32>, usize>,
    carried: BTreeMap<(Sources, usize), Option<usize>>,
    merged: BTreeMap<(usize, usize), Option<usize>>,
    work: u64,
}

impl Tables {
    /// The table of a lane's result. The outer `None`: too much work.
    fn lane(
        &mut self,
        model: &Model,
        step: &Step,
        lane: &Lane,
        known: &[Option<usize>],
    ) -> Option<Option<usize>> {
        let mut found = None;
        for (at, operand) in lane.operands.iter().enumerate() {
            let Some(table) = known[operand.index()] else { continue };
            let sources = Sources::of(model, step, lane, at);
            let tokens = model.shape(lane.result).tokens();
            found = match (found, self.carry(sources, table, tokens)?) {
                (None, made) => made,
                (found, None) => found,
                (Some(a), Some(b)) => self.merge(a, b)?,
            };
        }
        Some(found)
    }

    /// What tokens see of an operand that sees so far.
    fn carry(&mut self, sources: Sources, table: usize, tokens: u64) -> Option<Option<usize>> {
        if sources == Sources::Each {
            return Some(Some(table));
        }
        let key = (sources, table);
        if let Some(known) = self.carried.get(&key) {
            return Some(*known);
        }
        let sources = &key.0;
        let n_sources = self.all[table].len() as u64;
        self.spend((tokens + n_sources) * if sources.is_read() { PER_READ } else { 1 })?;
        let seen = &self.all[table];
        let made = match sources {
            Sources::Read { relation, query, key } => furthest(relation, query, key, seen),
            Sources::Whole(_) => {
                vec![seen.iter().copied().max().unwrap_or(0); index(tokens)]
            }
            Sources::Each
            | Sources::Listed(_)
            | Sources::Part { .. }
            | Sources::Patch { .. }
            | Sources::Corner { .. } => (0..tokens)
                .map(|token| {
                    let ranges = sources.ranges(token).into_iter().flatten();
                    ranges.map(|token| seen[index(token)]).max().unwrap_or(0)
                })
                .collect(),
        };
        let id = self.keep(made);
        self.carried.insert(key, id);
        Some(id)
    }

    /// The larger of two, token by token.
    fn merge(&mut self, a: usize, b: usize) -> Option<Option<usize>> {
        if a == b {
            return Some(Some(a));
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.merged.get(&key) {
            return Some(*known);
        }
        self.spend(self.all[a].len() as u64)?;
        let pairs = self.all[a].iter().zip(&self.all[b]);
        let made = pairs.map(|(a, b)| *a.max(b)).collect();
        let id = self.keep(made);
        self.merged.insert(key, id);
        Some(id)
    }

    /// The number of a table; `None` where nothing is seen.
    fn keep(&mut self, table: Vec<u32>) -> Option<usize> {
        if table.iter().all(|seen| *seen == 0) {
            return None;
        }
        if let Some(id) = self.ids.get(&table) {
            return Some(*id);
        }
        let id = self.all.len();
        self.all.push(table.clone());
        self.ids.insert(table, id);
        Some(id)
    }

    fn spend(&mut self, work: u64) -> Option<()> {
        self.work = self.work.saturating_add(work);
        (self.work <= MAX_WORK).then_some(())
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a number for each token is in memory")
}

#[cfg(test)]
mod tests;
