//! Expressions for every element, and reductions along rows that fit a strip.
//!
//! In: a [`Tile`]. Out: its stores, strip by strip. Deliberately not here: rows that are longer than a strip (`row`).

use super::evaluate::{Job, Reduced, Strip};
use super::store::{self, Stores};
use super::tape::Program;
use super::team::{Needs, Team, Worker};
use super::walk::{Domain, Spread};
use crate::compiler::plan::Tile;

/// Numbers of a strip: four KiB for each register, so that some stay in the first cache.
pub(super) const STRIP: usize = 1024;

/// About so many numbers make a task, which pays for handing it to a thread.
pub(super) const TASK: usize = 16 * STRIP;

/// An expression over a domain, cut into strips.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    domain: Domain,
    program: Program,
    stores: Stores,
    cut: Cut,
}

/// How a domain is cut into strips: by rows, or by columns where a row is longer than a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Cut {
    /// Whole rows, or parts of one.
    pub(super) fn of_elements(columns: usize) -> Self {
        Self { rows: (STRIP / columns.max(1)).max(1), columns: columns.clamp(1, STRIP) }
    }

    /// Whole rows.
    fn of_rows(columns: usize) -> Self {
        Self { rows: (STRIP / columns.max(1)).max(1), columns: columns.max(1) }
    }

    /// Numbers of a strip.
    pub(super) fn numbers(self) -> usize {
        self.rows * self.columns
    }

    /// Strips of a part of a domain, in order.
    pub(super) fn strips(self, part: Strip) -> impl Iterator<Item = Strip> {
        let row_end = part.row + part.rows;
        let column_end = part.column + part.columns;
        (part.row..row_end).step_by(self.rows).flat_map(move |row| {
            (part.column..column_end).step_by(self.columns).map(move |column| Strip {
                row,
                rows: self.rows.min(row_end - row),
                column,
                columns: self.columns.min(column_end - column),
            })
        })
    }
}

impl Sheet {
    /// A map.
    pub(super) fn map(tile: &Tile) -> Self {
        Self::new(tile, Cut::of_elements(tile.columns))
    }

    /// Reductions along rows that fit a strip.
    pub(super) fn row(tile: &Tile) -> Self {
        Self::new(tile, Cut::of_rows(tile.columns))
    }

    fn new(tile: &Tile, cut: Cut) -> Self {
        let domain = Domain { rows: tile.rows, columns: tile.columns, transposed: false };
        let program = Program::new(&tile.tape, &store::wanted(&tile.stores), domain, Spread::Full)
            .expect("a domain that is not transposed can be walked along");
        Self { domain, program, stores: Stores::new(&tile.stores, domain), cut }
    }

    pub(super) fn needs(&self) -> Needs {
        Needs { slots: self.program.slots + 1, strip: self.cut.numbers(), ..Needs::default() }
    }

    pub(super) fn run(&self, job: &Job<'_>, team: &Team) {
        let Domain { rows, columns, transposed: _ } = self.domain;
        // Tasks are pieces of rows where rows are long, else several strips of rows.
        let wide = (TASK / self.cut.columns).max(1) * self.cut.columns;
        let columns_each = columns.min(wide).max(1);
        let rows_each = (TASK / columns_each / self.cut.rows).max(1) * self.cut.rows;
        let (down, along) = (rows.div_ceil(rows_each), columns.div_ceil(columns_each));
        team.each(down * along, 1, |task, worker: &mut Worker| {
            let (row, column) = (task / along * rows_each, task % along * columns_each);
            let part = Strip {
                row,
                rows: rows_each.min(rows - row),
                column,
                columns: columns_each.min(columns - column),
            };
            self.program.begin(job, &mut worker.slots);
            for strip in self.cut.strips(part) {
                let lent = self.program.run(job, strip, Reduced::None, &mut worker.slots);
                self.stores.put(&self.program, job, strip, &mut worker.slots, &lent);
            }
        });
    }
}
