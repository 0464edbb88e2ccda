//! What a device's buffers hold.
//!
//! In: a plan, and how many numbers a buffer and a binding of the device may have. Out: whether every tensor has a place, or
//! which has none. Deliberately not here: where tensors lie, which `memory` decides; how much memory a device has, which
//! it tells only when it is asked for more.

use std::fmt;

use super::{Arena, Plan, Region};
use crate::graph::Table;

/// The most numbers (of four bytes) of a device's buffers. A processor has no such limits, and they are those of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limits {
    /// Of a buffer. Arenas of activations and inputs may be cut at multiples of it: no tensor lies across one. It is a
    /// multiple of [`ALIGNMENT`](super::ALIGNMENT).
    pub buffer_numbers: usize,
    /// Of the part of a buffer that a kernel sees.
    pub binding_numbers: usize,
}

impl Limits {
    /// What offsets of 32 bits reach.
    pub const NONE: Self = Self { buffer_numbers: 1 << 31, binding_numbers: 1 << 31 };

    /// The most numbers of a buffer that is bound as a whole.
    #[must_use]
    pub fn whole(&self) -> usize {
        self.buffer_numbers.min(self.binding_numbers)
    }

    /// What both have.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            buffer_numbers: self.buffer_numbers.min(other.buffer_numbers),
            binding_numbers: self.binding_numbers.min(other.binding_numbers),
        }
    }

    /// Where something of so many numbers begins that may begin here: here, or where the next buffer does.
    pub(super) fn start(&self, offset: usize, numbers: usize) -> usize {
        let fits = offset % self.buffer_numbers + numbers <= self.buffer_numbers;
        if fits { offset } else { offset.next_multiple_of(self.buffer_numbers) }
    }

    /// Whether something lies across the end of a buffer.
    fn cuts(&self, region: &Region) -> bool {
        let (first, last) = (region.offset, region.end().saturating_sub(1).max(region.offset));
        first / self.buffer_numbers != last / self.buffer_numbers
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

/// A tensor that no buffer of the device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeyondLimits {
    /// What it is, and its place in the model.
    pub what: String,
    /// Its numbers.
    pub numbers: usize,
    /// The most numbers that it may have.
    pub most: usize,
    /// Samples of a batch.
    pub batch: usize,
    /// The most samples with which everything has a place; none where not even one has.
    pub largest_batch: Option<usize>,
}

/// Whether all tensors of a plan have a place.
///
/// # Errors
///
/// The largest that has none; with how large a batch it had one is not known here.
pub fn check_limits(plan: &Plan, limits: &Limits) -> Result<(), BeyondLimits> {
    let whole = limits.whole();
    let kernels = plan.kernels.iter().flat_map(|kernel| {
        let phase = format!("{:?}", kernel.phase).to_lowercase();
        let name = move |what: &str| format!("{what} `{}` ({phase})", kernel.path);
        let reads = kernel.reads.iter().map({
            let name = name.clone();
            move |read| match read.arena {
                Arena::Table(_) => (read, name("the table that is read by")),
                Arena::Activations | Arena::Inputs | Arena::Parameters(..) => {
                    (read, name("what is read by"))
                }
            }
        });
        kernel.writes.iter().map(move |write| (write, name("the result of"))).chain(reads)
    });
    let regions = kernels.filter(|(region, _)| match region.arena {
        Arena::Activations | Arena::Inputs => {
            region.words() > limits.binding_numbers || limits.cuts(region)
        }
        Arena::Parameters(..) | Arena::Table(_) => region.words() > limits.binding_numbers,
    });
    let regions = regions.map(|(region, what)| (what, region.words()));
    let inputs = plan
        .inputs
        .iter()
        .map(|(input, _)| (format!("`{}` (fed)", input.name), input.shape.iter().product()));
    let weights = plan.parameters.buffers.iter().map(|buffer| {
        let names = buffer.weights.iter().map(|id| &*plan.parameters.names[id.index()]);
        let names: Vec<&str> = names.take(2).collect();
        (format!("the weight `{}`", names.join("` and `")), buffer.numbers)
    });
    let tables = plan.tables.iter().map(|table| {
        let numbers = match table {
            Table::Numbers(numbers) => numbers.len(),
            Table::Rows(rows) => rows.len(),
        };
        ("a table of positions".to_owned(), numbers)
    });
    let others = inputs.chain(weights).chain(tables).filter(|(_, numbers)| *numbers > whole);
    // Of equal ones the first, which is the one that makes it.
    let found = regions.chain(others).reduce(|a, b| if b.1 > a.1 { b } else { a });
    match found {
        None => Ok(()),
        Some((what, numbers)) => {
            Err(BeyondLimits { what, numbers, most: whole, batch: plan.batch, largest_batch: None })
        }
    }
}

impl fmt::Display for BeyondLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, numbers, most, batch, largest_batch } = self;
        write!(f, "{what} has {numbers} numbers, and the device's buffers hold {most} at once; ")?;
        match largest_batch {
            Some(largest) => write!(f, "make the batch {largest} instead of {batch}"),
            None => f.write_str("no batch is small enough; take another device, or `--device cpu`"),
        }
    }
}

impl std::error::Error for BeyondLimits {}
