//! Which operands share a binding.
//!
//! In: a kernel's regions, and how many storage buffers a shader may have. Out: bindings, and for each operand its binding
//! and whether it begins elsewhere than there.
//!
//! A device lets no two bindings of a dispatch overlap if one of them is written, and forbids one buffer read-only and written
//! at once. So whatever a kernel writes, and all that it reads from the same buffer, is bound for writing, and what overlaps is
//! bound once. Bindings begin at multiples of an alignment; an operand that does not, or that shares its binding with others,
//! has its first number among the kernel's arguments, so that equal layers still share shaders.
//!
//! Deliberately not here: which buffers there are.

use std::ops::Range;

use super::{Binding, Memory, Target};
use crate::plan::{ALIGNMENT, Arena, Kernel, Region};

/// The operands of a kernel, bound.
#[derive(Debug)]
pub(super) struct Bound {
    slots: Vec<Slot>,
    /// Of each read, then of each write: its slot.
    of_operand: Vec<usize>,
    /// Of each read, then of each write: where in the slot it begins; none for those that always begin where it does.
    bases: Vec<Option<u32>>,
    /// Of each read, then of each write: whether it is in half precision.
    half: Vec<bool>,
}

/// What a shader depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Of each slot whether it is written.
    writable: Vec<bool>,
    /// Of each slot whether it has whole groups of four numbers.
    has_fours: Vec<bool>,
    of_operand: Vec<usize>,
    has_base: Vec<bool>,
    half: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Slot {
    arena: Arena,
    start: usize,
    end: usize,
    writable: bool,
}

impl Bound {
    /// Binds a kernel's operands and leaves so many bindings free.
    pub(super) fn of(kernel: &Kernel, target: &Target, free: usize) -> Self {
        let regions: Vec<&Region> = kernel.reads.iter().chain(&kernel.writes).collect();
        let mut slots: Vec<Slot> = Vec::new();
        for region in &regions {
            let writable = kernel.writes.iter().any(|write| write.arena == region.arena);
            join(&mut slots, slot_of(region, writable));
        }
        while slots.len() + free > target.storage_buffers as usize {
            let (first, second) = nearest(&slots).expect("a plan binds few enough buffers");
            let other = slots.remove(second);
            let joined = union(&slots[first], &other);
            slots.remove(first);
            join(&mut slots, joined);
        }
        slots.sort_by_key(|slot| regions.iter().position(|region| slot.holds(region)));
        let of_operand: Vec<usize> = regions
            .iter()
            .map(|region| slots.iter().position(|slot| slot.holds(region)))
            .map(|slot| slot.expect("every operand has been given a slot"))
            .collect();
        let bases = regions.iter().zip(&of_operand).map(|(region, slot)| {
            let words = region.offset - slots[*slot].start;
            let base = if region.half { 2 * words } else { words };
            let alone = regions.iter().zip(&of_operand).all(|(other, of)| {
                of != slot || (other.offset, other.numbers) == (region.offset, region.numbers)
            });
            (!alone || base != 0)
                .then(|| u32::try_from(base).expect("bindings are below 2^32 numbers"))
        });
        let bases = bases.collect();
        let half = regions.iter().map(|region| region.half).collect();
        Self { slots, of_operand, bases, half }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            writable: self.slots.iter().map(|slot| slot.writable).collect(),
            has_fours: (0..self.slots.len()).map(|slot| self.has_fours(slot)).collect(),
            of_operand: self.of_operand.clone(),
            has_base: self.bases.iter().map(Option::is_some).collect(),
            half: self.half.clone(),
        }
    }

    /// What is bound for a slot, or, behind the last, for scratch and for constants.
    pub(super) fn binding(&self, slot: usize, scratch: usize, constants: &Range<usize>) -> Binding {
        match self.slots.get(slot) {
            Some(slot) => Binding {
                memory: Memory::Plan(slot.arena),
                offset: slot.start,
                numbers: slot.end - slot.start,
            },
            None if slot == self.slots.len() => {
                Binding { memory: Memory::Scratch, offset: 0, numbers: scratch }
            }
            None => Binding {
                memory: Memory::Constants,
                offset: constants.start,
                numbers: constants.len(),
            },
        }
    }

    /// Where operands begin, for those that need it.
    pub(super) fn bases(&self) -> impl Iterator<Item = u32> {
        self.bases.iter().copied().flatten()
    }

    /// How many slots there are.
    pub(super) fn n_slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn writable(&self, slot: usize) -> bool {
        self.slots[slot].writable
    }

    /// Whether a slot has whole groups of four numbers. It begins with one, as all bindings do.
    pub(super) fn has_fours(&self, slot: usize) -> bool {
        let Slot { start, end, .. } = self.slots[slot];
        (end - start).is_multiple_of(4)
    }

    pub(super) fn slot_of(&self, operand: usize) -> usize {
        self.of_operand[operand]
    }

    pub(super) fn has_base(&self, operand: usize) -> bool {
        self.bases[operand].is_some()
    }

    /// Whether a slot holds numbers in half precision: those of one tensor.
    pub(super) fn is_half(&self, slot: usize) -> bool {
        self.operands_of(slot).any(|operand| self.half[operand])
    }

    /// How many operands a slot serves.
    pub(super) fn operands_of(&self, slot: usize) -> impl Iterator<Item = usize> {
        (0..self.of_operand.len()).filter(move |operand| self.of_operand[*operand] == slot)
    }
}

impl Slot {
    fn holds(&self, region: &Region) -> bool {
        self.arena == region.arena && self.start <= region.offset && region.end() <= self.end
    }
}

fn slot_of(region: &Region, writable: bool) -> Slot {
    let start = region.offset - region.offset % ALIGNMENT;
    // A binding has at least one number.
    let end = region.end().max(start + 1);
    Slot { arena: region.arena, start, end, writable }
}

/// Adds a slot, joined with those that it overlaps.
fn join(slots: &mut Vec<Slot>, mut slot: Slot) {
    let overlaps = |a: &Slot, b: &Slot| a.arena == b.arena && a.start < b.end && b.start < a.end;
    while let Some(at) = slots.iter().position(|other| overlaps(other, &slot)) {
        slot = union(&slots.remove(at), &slot);
    }
    slots.push(slot);
}

fn union(a: &Slot, b: &Slot) -> Slot {
    Slot {
        arena: a.arena,
        start: a.start.min(b.start),
        end: a.end.max(b.end),
        writable: a.writable || b.writable,
    }
}

/// The two slots of one buffer between which the least lies: of weights or inputs if there are, for those of activations
/// can be large.
fn nearest(slots: &[Slot]) -> Option<(usize, usize)> {
    let pairs = (0..slots.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    let pairs = pairs.filter(|(first, second)| slots[*first].arena == slots[*second].arena);
    pairs.min_by_key(|(first, second)| {
        let union = union(&slots[*first], &slots[*second]);
        (union.arena == Arena::Activations, union.end - union.start)
    })
}
