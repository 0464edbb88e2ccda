//! Memory that several threads read and write at once: the one place of the executor that is `unsafe`.
//!
//! In: arenas, places in them. Out: a [`Source`] to copy numbers out of, a [`Target`] to copy numbers into. Both check
//! that what is touched lies in the place. Deliberately not here: references to numbers that another thread could write.
//!
//! Why nothing is raced for: [`super::check`] has proved of every kernel, before it can run, that its writes overlap
//! neither each other nor its reads, but for updates in place, where an element is loaded from exactly the number that
//! it is stored to; and that no two elements are stored to one number. Tasks of a kernel take different elements, and a
//! task copies what it loads before it stores. Kernels run one after another.

use std::marker::PhantomData;

/// Where an operand lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which arena.
    pub(super) arena: usize,
    /// The first number.
    pub(super) offset: usize,
    /// How many.
    pub(super) numbers: usize,
}

/// Flat arenas.
#[derive(Debug, Default)]
pub(super) struct Memory {
    arenas: Vec<Vec<f32>>,
}

/// The arenas while kernels run.
#[derive(Debug)]
pub(super) struct Open<'a> {
    arenas: Vec<(*mut f32, usize)>,
    memory: PhantomData<&'a mut [f32]>,
}

/// Numbers that a kernel reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    start: *const f32,
    numbers: usize,
    memory: PhantomData<&'a [f32]>,
}

/// Numbers that a kernel writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    start: *mut f32,
    numbers: usize,
    memory: PhantomData<&'a mut [f32]>,
}

impl Memory {
    /// One more arena; its number.
    pub(super) fn add(&mut self, numbers: Vec<f32>) -> usize {
        self.arenas.push(numbers);
        self.arenas.len() - 1
    }

    /// How many numbers there are in all.
    pub(super) fn numbers(&self) -> usize {
        self.arenas.iter().map(Vec::len).sum()
    }

    pub(super) fn numbers_of(&self, arena: usize) -> &[f32] {
        &self.arenas[arena]
    }

    pub(super) fn numbers_of_mut(&mut self, arena: usize) -> &mut [f32] {
        &mut self.arenas[arena]
    }

    pub(super) fn at(&self, place: Place) -> &[f32] {
        &self.arenas[place.arena][place.offset..place.offset + place.numbers]
    }

    /// For kernels to run on.
    pub(super) fn open(&mut self) -> Open<'_> {
        let arenas = self.arenas.iter_mut().map(|arena| (arena.as_mut_ptr(), arena.len()));
        Open { arenas: arenas.collect(), memory: PhantomData }
    }
}

#[expect(
    unsafe_code,
    reason = "see the head of the file: what threads touch at once is proved disjoint"
)]
// SAFETY: the pointers come from a unique borrow that lasts as long as this value, and are used as the head says.
unsafe impl Sync for Open<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Open<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Source<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Source<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Target<'_> {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Target<'_> {}

impl<'a> Open<'a> {
    fn place(&self, place: Place) -> *mut f32 {
        let (start, numbers) = self.arenas[place.arena];
        let end = place.offset.checked_add(place.numbers);
        assert!(end.is_some_and(|end| end <= numbers), "{place:?} is beyond {numbers}");
        start.wrapping_add(place.offset)
    }

    /// Numbers that a kernel reads.
    pub(super) fn source(&self, place: Place) -> Source<'a> {
        Source { start: self.place(place), numbers: place.numbers, memory: PhantomData }
    }

    /// Numbers that a kernel writes.
    pub(super) fn target(&self, place: Place) -> Target<'a> {
        Target { start: self.place(place), numbers: place.numbers, memory: PhantomData }
    }
}

/// Panics unless `count` numbers from `from` on, `stride` apart, are some of `numbers`.
fn within(numbers: usize, from: usize, stride: usize, count: usize) {
    let last = (count - 1).checked_mul(stride).and_then(|along| along.checked_add(from));
    assert!(last.is_some_and(|last| last < numbers), "{count} numbers from {from} on of {numbers}");
}

impl<'a> Source<'a> {
    /// Copies numbers that lie `stride` apart.
    #[expect(unsafe_code, reason = "threads share the arena")]
    pub(super) fn copy(&self, from: usize, stride: usize, output: &mut [f32]) {
        if output.is_empty() {
            return;
        }
        within(
            self.numbers,
            from,
            if stride == 0 { 1 } else { stride },
            if stride == 0 { 1 } else { output.len() },
        );
        // SAFETY: what is read lies in the place (checked above), which lies in its arena (checked where the source was
        // made). No thread writes these numbers meanwhile (head of the file). `output` is borrowed uniquely, so that it
        // is no part of an arena.
        unsafe {
            let start = self.start.add(from);
            match stride {
                0 => output.fill(*start),
                1 => std::ptr::copy_nonoverlapping(start, output.as_mut_ptr(), output.len()),
                _ => {
                    for (i, out) in output.iter_mut().enumerate() {
                        *out = *start.add(i * stride);
                    }
                }
            }
        }
    }

    /// One number.
    pub(super) fn number(&self, at: usize) -> f32 {
        let mut number = [0.0];
        self.copy(at, 1, &mut number);
        number[0]
    }

    /// All numbers; only of operands that the kernel does not write.
    #[expect(unsafe_code, reason = "threads share the arena")]
    pub(super) fn whole(&self) -> &'a [f32] {
        // SAFETY: the place lies in its arena, and callers ask for it only where the check has proved that the kernel
        // writes no number of it.
        unsafe { std::slice::from_raw_parts(self.start, self.numbers) }
    }
}

impl<'a> Target<'a> {
    /// How many numbers.
    pub(super) fn len(&self) -> usize {
        self.numbers
    }

    /// Copies numbers to where they lie `stride` apart.
    #[expect(unsafe_code, reason = "threads share the arena")]
    pub(super) fn put(&self, from: usize, stride: usize, input: &[f32]) {
        if input.is_empty() {
            return;
        }
        assert!(stride > 0 || input.len() == 1, "several numbers are stored to one place");
        within(self.numbers, from, stride, input.len());
        // SAFETY: what is written lies in the place, which lies in its arena. No other thread touches these numbers
        // (head of the file). `input` is no part of an arena, for callers have copied what they loaded.
        unsafe {
            let start = self.start.add(from);
            if stride == 1 {
                std::ptr::copy_nonoverlapping(input.as_ptr(), start, input.len());
            } else {
                for (i, number) in input.iter().enumerate() {
                    *start.add(i * stride) = *number;
                }
            }
        }
    }

    /// Some numbers that one task alone touches.
    #[expect(unsafe_code, reason = "threads share the arena; a task takes its own part")]
    pub(super) fn part(&self, from: usize, count: usize) -> &'a mut [f32] {
        assert!(
            from.checked_add(count).is_some_and(|end| end <= self.numbers),
            "{count} from {from} on"
        );
        // SAFETY: the part lies in the place, which lies in its arena; callers take each part for one task alone, and the
        // kernel reads no number of it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), count) }
    }
}
