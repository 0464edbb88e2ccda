//! Who works: the threads and what each of them holds.
//!
//! In: tasks by number. Out: all of them done, by whichever thread. Deliberately not here: any order among tasks, so
//! that nothing may depend on it.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::RuntimeError;
use crate::memory::zeros;

/// What a thread works with.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// Registers: strips of numbers, all of one length.
    pub(super) slots: Vec<Vec<f32>>,
    /// Room for a piece of the left operand of a product.
    pub(super) left: Vec<f32>,
    /// Room for a piece of the right operand.
    pub(super) right: Vec<f32>,
    /// Room for sums.
    pub(super) sums: Vec<f32>,
}

/// How much of it there must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Registers.
    pub(super) slots: usize,
    /// Numbers of each register.
    pub(super) strip: usize,
    /// Numbers of a piece of a left operand.
    pub(super) left: usize,
    /// Numbers of a piece of a right operand.
    pub(super) right: usize,
    /// Sums.
    pub(super) sums: usize,
    /// Numbers that all threads share.
    pub(super) shared: usize,
}

/// Threads with what they hold.
#[derive(Debug)]
pub(super) struct Team {
    workers: Vec<Mutex<Worker>>,
}

impl Needs {
    /// What is enough for both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            slots: self.slots.max(other.slots),
            strip: self.strip.max(other.strip),
            left: self.left.max(other.left),
            right: self.right.max(other.right),
            sums: self.sums.max(other.sums),
            shared: self.shared.max(other.shared),
        }
    }

    fn worker(self) -> Result<Worker, RuntimeError> {
        let zeros = |numbers| zeros(numbers, "the room of a thread");
        Ok(Worker {
            slots: (0..self.slots).map(|_| zeros(self.strip)).collect::<Result<_, _>>()?,
            left: zeros(self.left)?,
            right: zeros(self.right)?,
            sums: zeros(self.sums)?,
        })
    }

    /// Numbers that a thread holds.
    pub(super) fn of_worker(self) -> usize {
        self.slots * self.strip + self.left + self.right + self.sums
    }
}

impl Team {
    pub(super) fn new(threads: usize, needs: Needs) -> Result<Self, RuntimeError> {
        let workers = (0..threads).map(|_| needs.worker().map(Mutex::new));
        Ok(Self { workers: workers.collect::<Result<_, _>>()? })
    }

    /// How many threads.
    pub(super) fn threads(&self) -> usize {
        self.workers.len()
    }

    fn with(&self, work: impl FnOnce(&mut Worker)) {
        let thread = rayon::current_thread_index().unwrap_or(0);
        // A task that panicked ends the run; what it left in the strips is overwritten before it is read.
        work(&mut self.workers[thread].lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tasks 0 to before `tasks`, at least `together` of them on one thread.
    pub(super) fn each(
        &self,
        tasks: usize,
        together: usize,
        task: impl Fn(usize, &mut Worker) + Sync,
    ) {
        if tasks <= together || self.threads() == 1 {
            return self.with(|worker| (0..tasks).for_each(|number| task(number, worker)));
        }
        let groups = tasks.div_ceil(together);
        (0..groups).into_par_iter().for_each(|group| {
            let end = tasks.min((group + 1) * together);
            self.with(|worker| (group * together..end).for_each(|number| task(number, worker)));
        });
    }

    /// The same, with a part of `shared` for each task.
    pub(super) fn each_part(
        &self,
        shared: &mut [f32],
        size: usize,
        task: impl Fn(usize, &mut [f32], &mut Worker) + Sync,
    ) {
        let parts = shared.par_chunks_mut(size).enumerate();
        parts.for_each(|(number, part)| self.with(|worker| task(number, part, worker)));
    }
}
