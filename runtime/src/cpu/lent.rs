//! Registers that are not copied.
//!
//! In: numbers that lie in one piece where they were read, or summed. Out: the same, by the slot that would else hold a copy.
//! Deliberately not here: operands that the kernel also writes, which are always copied.

/// So many slots can be lent to; further ones are copied to, which few programs need.
const SLOTS: usize = 32;

/// Numbers by slot, for one strip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lent<'a> {
    slots: [Option<&'a [f32]>; SLOTS],
}

impl<'a> Lent<'a> {
    pub(super) const NOTHING: Self = Self { slots: [None; SLOTS] };

    /// Whether a slot can be lent to.
    pub(super) fn takes(slot: usize) -> bool {
        slot < SLOTS
    }

    /// From here on a slot is these numbers.
    pub(super) fn lend(&mut self, slot: usize, numbers: &'a [f32]) {
        self.slots[slot] = Some(numbers);
    }

    /// From here on a slot is what it holds.
    pub(super) fn take_back(&mut self, slot: usize) {
        if let Some(lent) = self.slots.get_mut(slot) {
            *lent = None;
        }
    }

    /// The first numbers of a slot.
    pub(super) fn numbers<'n>(
        &'n self,
        slots: &'n [Vec<f32>],
        slot: usize,
        count: usize,
    ) -> &'n [f32] {
        let lent = self.slots.get(slot).copied().flatten();
        &lent.unwrap_or(&slots[slot])[..count]
    }
}
