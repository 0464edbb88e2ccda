//! What of an expression is kept.
//!
//! In: registers of a strip. Out: their numbers in the kernel's writes. Deliberately not here: evaluating them.

use super::evaluate::{Job, Strip};
use super::lent::Lent;
use super::tape::Program;
use super::walk::{Domain, Reach};
use crate::compiler::plan::{Register, Store};

/// A list of what is kept, by the results of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stores {
    kept: Vec<Kept>,
    columns: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    write: usize,
    reach: Reach,
    by_row: bool,
}

/// The registers of stores, in their order.
pub(super) fn wanted(stores: &[Store]) -> Vec<Register> {
    stores.iter().map(|store| store.register).collect()
}

/// How a store numbers its elements.
pub(super) fn reach(store: &Store, domain: Domain) -> Reach {
    let domain = if store.by_row { Domain { columns: 1, ..domain } } else { domain };
    Reach::new(&store.access, domain).expect("a domain that is not transposed can be walked along")
}

impl Stores {
    /// Of a domain that is not transposed.
    pub(super) fn new(stores: &[Store], domain: Domain) -> Self {
        let kept = stores.iter().map(|store| Kept {
            write: store.write,
            reach: reach(store, domain),
            by_row: store.by_row,
        });
        Self { kept: kept.collect(), columns: domain.columns }
    }

    /// Writes what a program, run over a strip, has made.
    pub(super) fn put(
        &self,
        program: &Program,
        job: &Job<'_>,
        strip: Strip,
        slots: &mut [Vec<f32>],
        lent: &Lent<'_>,
    ) {
        for (result, kept) in self.kept.iter().enumerate() {
            let target = &job.writes[kept.write];
            let walk = &kept.reach.all;
            let put = |element: usize, numbers: &[f32]| {
                walk.runs(element, numbers.len(), &mut |run| {
                    if let Some(from) = run.from {
                        target.put(from, run.stride, &numbers[run.at..run.at + run.length]);
                    }
                });
            };
            if kept.by_row {
                if strip.column == 0 {
                    put(strip.row, program.by_row(result, strip, slots, lent));
                }
                continue;
            }
            let numbers = program.full(result, strip, slots, lent);
            let first = strip.row * self.columns + strip.column;
            if strip.columns == self.columns {
                put(first, numbers);
            } else {
                for (row, line) in numbers.chunks(strip.columns).enumerate() {
                    put(first + row * self.columns, line);
                }
            }
        }
    }
}
