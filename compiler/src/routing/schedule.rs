//! In which order attention kernels visit tokens, exactly.
//!
//! In: a [`Mask`]. Out: a [`Schedule`], which orders the tokens of each side by class, so that what a class reads is
//! one contiguous range of positions and kernels test nothing but causality. Every relation but causality cuts
//! queries and keys into classes that read each other wholly (`classes`); a receiver of several pairs is cut by all
//! of them. Deliberately not here: rows (memory is linear in tokens, with causality too), tile sizes (executors
//! choose them and ask with [`Tile`](super::Tile)), any tensor.

mod order;
mod runs;
mod text;
mod tiles;

use std::ops::Range;

use super::mask::{Mask, Pair, Side};
use order::{Arrangement, arrange};
use runs::{Class, Run, refine, runs_of};

pub use order::Order;
pub use tiles::{TileCounts, TileReach};

/// Which side of a mask owns the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Receivers are owners and visit what they read: outputs and the gradients of queries.
    Forward,
    /// Reads are owners and visit who reads them: the gradients of keys and values.
    Transposed,
}

/// The visiting order of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Who owns and who is visited.
    pub direction: Direction,
    /// The mask's receivers (forward) or reads (transposed), in its order.
    pub owners: Vec<Owner>,
    /// The mask's other sides, in its order.
    pub others: Vec<Other>,
    /// The order of the other side of each of the mask's pairs, in its order.
    pub pairs: Vec<PairOrder>,
}

/// A token group that owns work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The group's name.
    pub name: String,
    /// The token at each position.
    pub order: Order,
    /// Sorted and without gaps; together they are all positions.
    pub bands: Vec<Band>,
}

/// Neighboring positions whose tokens visit the same but for causality. Tokens ascend within a band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Positions in the owner's order, not empty.
    pub owners: Range<u32>,
    /// What they visit, by pair; empty where they visit nothing.
    pub visits: Vec<Visit>,
}

/// What a band visits of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Visit {
    /// Index of the pair in the mask's `pairs` and in the schedule's.
    pub pair: u32,
    /// Positions in the order of that pair's other side, not empty. Tokens ascend within them.
    pub others: Range<u32>,
    /// Whether only keys up to the query's own token are allowed; see [`Schedule::reach`].
    pub causal: bool,
}

/// A token group that is visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The group's name.
    pub name: String,
    /// Its tokens.
    pub tokens: u32,
}

/// The other side of a pair, ordered by class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairOrder {
    /// Index of the pair's owner in [`Schedule::owners`].
    pub owner: u32,
    /// Index of its other side in [`Schedule::others`].
    pub other: u32,
    /// The token at each position of the other side.
    pub order: Order,
    /// Where each class of positions ends, ascending; the last is the number of tokens.
    pub ends: Vec<u32>,
}

impl Schedule {
    /// Receivers visit what they read.
    ///
    /// # Panics
    ///
    /// Where a side has more than `u32::MAX` tokens.
    pub fn of(mask: &Mask) -> Self {
        Self::build(mask, Direction::Forward)
    }

    /// Reads visit who reads them; positions of visits are in the pair's query order.
    ///
    /// # Panics
    ///
    /// Where a side has more than `u32::MAX` tokens.
    pub fn transposed(mask: &Mask) -> Self {
        Self::build(mask, Direction::Transposed)
    }

    fn build(mask: &Mask, direction: Direction) -> Self {
        let (owners, others) = match direction {
            Direction::Forward => (&mask.receivers, &mask.reads),
            Direction::Transposed => (&mask.reads, &mask.receivers),
        };
        let n_tokens: Vec<u32> = owners.iter().map(tokens).collect();
        let others =
            others.iter().map(|side| Other { name: side.name.clone(), tokens: tokens(side) });
        let others: Vec<Other> = others.collect();
        let (mut sides, mut pairs) = (Vec::new(), Vec::new());
        for (index, pair) in (0..).zip(&mask.pairs) {
            let (side, order) = PairSide::of(mask, index, pair, direction);
            sides.push(side);
            pairs.push(order);
        }
        let mut of_owner: Vec<Vec<&PairSide>> = vec![Vec::new(); owners.len()];
        for (side, pair) in sides.iter().zip(&pairs) {
            of_owner[pair.owner as usize].push(side);
        }
        let owners = owners.iter().zip(n_tokens).zip(of_owner);
        let owners =
            owners.map(|((side, n_tokens), pairs)| Owner::of(&side.name, n_tokens, &pairs));
        Self { direction, owners: owners.collect(), others, pairs }
    }

    /// The part of `visit.others` that the owner's token at `position` may read or be read by: all of it, or with
    /// causality a prefix (forward) or a suffix (transposed).
    pub fn reach(&self, owner: usize, position: u32, visit: &Visit) -> Range<u32> {
        let others = visit.others.clone();
        if !visit.causal {
            return others;
        }
        let token = self.owners[owner].order.token(position);
        let order = &self.pairs[visit.pair as usize].order;
        match self.direction {
            Direction::Forward => others.start..order.before(others, u64::from(token) + 1),
            Direction::Transposed => order.before(others.clone(), u64::from(token))..others.end,
        }
    }

    /// How many pairs of tokens may read: as many as [`Mask::allowed`] says.
    pub fn allowed(&self) -> u128 {
        self.visits().map(|(owner, band, visit)| self.visit_allowed(owner, band, visit)).sum()
    }

    fn visit_allowed(&self, owner: usize, band: &Band, visit: &Visit) -> u128 {
        let length = |range: &Range<u32>| u128::from(range.end - range.start);
        if visit.causal {
            band.owners.clone().map(|position| length(&self.reach(owner, position, visit))).sum()
        } else {
            length(&band.owners) * length(&visit.others)
        }
    }

    /// All visits, with the index of their owner and their band.
    pub fn visits(&self) -> impl Iterator<Item = (usize, &Band, &Visit)> {
        let bands = self
            .owners
            .iter()
            .enumerate()
            .flat_map(|(owner, side)| side.bands.iter().map(move |band| (owner, band)));
        bands.flat_map(|(owner, band)| band.visits.iter().map(move |visit| (owner, band, visit)))
    }

    /// Bands of all owners.
    pub fn n_bands(&self) -> usize {
        self.owners.iter().map(|owner| owner.bands.len()).sum()
    }

    /// The tokens of the largest band; 0 where there is none.
    pub fn max_owners(&self) -> u32 {
        let bands = self.owners.iter().flat_map(|owner| &owner.bands);
        bands.map(|band| band.owners.end - band.owners.start).max().unwrap_or(0)
    }

    /// The positions of the largest visit; 0 where there is none.
    pub fn max_others(&self) -> u32 {
        self.visits().map(|(.., visit)| visit.others.end - visit.others.start).max().unwrap_or(0)
    }

    /// The most visits of a band.
    pub fn max_visits(&self) -> usize {
        let bands = self.owners.iter().flat_map(|owner| &owner.bands);
        bands.map(|band| band.visits.len()).max().unwrap_or(0)
    }
}

impl Owner {
    /// Its tokens.
    pub fn tokens(&self) -> u32 {
        self.bands.last().map_or(0, |band| band.owners.end)
    }

    /// The common refinement of the classes of its pairs.
    fn of(name: &str, n_tokens: u32, pairs: &[&PairSide]) -> Self {
        let mut runs: Vec<Run<u32>> = Vec::new();
        if n_tokens > 0 {
            runs.push(Run { tokens: 0..n_tokens, class: 0 });
        }
        for pair in pairs {
            runs = refine(runs, &pair.owners);
        }
        let Arrangement { order, classes } = arrange(&runs);
        let bands = classes.into_iter().map(|class| {
            let visits = pairs.iter().filter_map(|pair| pair.visit(class.first)).collect();
            Band { owners: class.positions, visits }
        });
        Self { name: name.to_owned(), order, bands: bands.collect() }
    }
}

impl PairOrder {
    /// Tokens of the other side.
    pub fn tokens(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }
}

/// A pair as its owner sees it.
struct PairSide {
    index: u32,
    causal: bool,
    /// The owner's tokens by class, sorted by token.
    owners: Vec<Run<Class>>,
    /// The positions of the other side, sorted by class.
    others: Vec<(Class, Range<u32>)>,
}

impl PairSide {
    fn of(mask: &Mask, index: u32, pair: &Pair, direction: Direction) -> (Self, PairOrder) {
        let classes = mask.classes(pair);
        let queries = runs_of(classes.n_queries, |token| classes.query_run(token));
        // Sides of equal length are cut alike, but for parts.
        let keys = if classes.are_cut_alike() {
            queries.clone()
        } else {
            runs_of(classes.n_keys, |token| classes.key_run(token))
        };
        let (owners, others, owner, other) = match direction {
            Direction::Forward => (queries, keys, pair.receiver, pair.read),
            Direction::Transposed => (keys, queries, pair.read, pair.receiver),
        };
        let Arrangement { order, classes: arranged } = arrange(&others);
        let ends = arranged.iter().map(|class| class.positions.end).collect();
        let mut others: Vec<_> =
            arranged.into_iter().map(|class| (class.class, class.positions)).collect();
        others.sort_unstable_by_key(|(class, _)| *class);
        let (owner, other) = (index_of(owner), index_of(other));
        let side = Self { index, causal: classes.causal, owners, others };
        (side, PairOrder { owner, other, order, ends })
    }

    /// What the owner's token visits, if anything.
    fn visit(&self, token: u32) -> Option<Visit> {
        let run = self.owners.partition_point(|run| run.tokens.end <= token);
        let class = self.owners[run].class;
        match class {
            Class::Shared(_) => {
                let at = self.others.binary_search_by_key(&class, |(class, _)| *class);
                let at = at.expect("a shared class has tokens on both sides");
                let others = self.others[at].1.clone();
                Some(Visit { pair: self.index, others, causal: self.causal })
            }
            Class::Alone(_) => None,
        }
    }
}

fn tokens(side: &Side) -> u32 {
    let n_tokens = side.tokens();
    u32::try_from(n_tokens).unwrap_or_else(|_| {
        panic!("schedules count tokens in 32 bits, `{}` has {n_tokens}", side.name)
    })
}

fn index_of(side: usize) -> u32 {
    u32::try_from(side).expect("the sides of a mask are few")
}
