//! Sums of rows for each id.
//!
//! In: rows, their order by ids, where each id begins in it. Out: for each id the sum of its rows, in that order.
//! Deliberately not here: sorting, which the host does.

use super::evaluate::Job;
use super::map::TASK;
use super::strip;
use super::team::{Needs, Team};
use crate::compiler::graph::Reduction;

/// A sum of rows for each id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lookup {
    pub(super) rows: usize,
    pub(super) vocabulary: usize,
    pub(super) width: usize,
}

impl Lookup {
    pub(super) fn needs(self) -> Needs {
        Needs { sums: self.width, ..Needs::default() }
    }

    pub(super) fn run(self, job: &Job<'_>, team: &Team) {
        let [rows, order, starts] = job.reads.as_slice() else {
            panic!("sums of rows read three operands")
        };
        let (target, width) = (&job.writes[0], self.width);
        team.each(self.vocabulary, (TASK / width.max(1)).max(1), |id, worker| {
            let sums = &mut worker.sums[..width];
            sums.fill(strip::neutral(Reduction::Sum));
            let [start, end] = [id, id + 1].map(|id| starts.number(id).to_bits() as usize);
            for place in start..end {
                let row = order.number(place).to_bits() as usize;
                assert!(row < self.rows, "row {row} of {}", self.rows);
                strip::gather_rows(Reduction::Sum, &rows.whole()[row * width..][..width], sums);
            }
            target.put(id * width, 1, sums);
        });
    }
}
