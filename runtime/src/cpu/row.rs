//! Reductions along rows that are longer than a strip.
//!
//! In: a [`Tile`]. Out: its stores. Rows are cut into chunks, a function of their length alone; a pass over them makes
//! the reductions whose operands are known, chunk by chunk, and adds the chunks in order; what needs those comes in the
//! next pass, and the last one stores. What several passes need is computed again in each. Deliberately not here: rows
//! that fit a strip, which `map` does in one pass.

use super::evaluate::{Job, Reduced, Strip};
use super::map::{Cut, Sheet, TASK};
use super::store::{self, Stores};
use super::strip;
use super::tape::Program;
use super::team::{Needs, Team};
use super::walk::{Domain, Spread};
use crate::compiler::graph::Reduction;
use crate::compiler::plan::{Instruction, Register, Tape, Tile};

/// Longer rows than this are cut.
const LONGEST: usize = 4096;

/// Reductions along rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    /// Which fit a strip.
    Short(Sheet),
    /// Which do not.
    Long(Long),
}

/// Reductions along long rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Long {
    domain: Domain,
    passes: Vec<Pass>,
    last: Program,
    stores: Stores,
    reductions: usize,
}

/// Reductions whose operands earlier passes have made possible.
#[derive(Debug, Clone, PartialEq)]
struct Pass {
    program: Program,
    /// For each result the reduction of it, and its number among all.
    made: Vec<(Reduction, usize)>,
}

impl Row {
    pub(super) fn new(tile: &Tile) -> Self {
        if tile.columns <= LONGEST {
            Self::Short(Sheet::row(tile))
        } else {
            Self::Long(Long::new(tile))
        }
    }

    pub(super) fn needs(&self) -> Needs {
        match self {
            Self::Short(sheet) => sheet.needs(),
            Self::Long(long) => long.needs(),
        }
    }

    pub(super) fn run(&self, job: &Job<'_>, team: &Team, shared: &mut [f32]) {
        match self {
            Self::Short(sheet) => sheet.run(job, team),
            Self::Long(long) => long.run(job, team, shared),
        }
    }
}

/// After how many passes each register can be computed.
fn levels(tape: &Tape) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::new();
    for instruction in &tape.instructions {
        let operands = instruction.operands().into_iter().map(|operand| levels[operand.0 as usize]);
        let level = operands.max().unwrap_or(0);
        levels.push(level + usize::from(reduction(instruction).is_some()));
    }
    levels
}

fn reduction(instruction: &Instruction) -> Option<(Reduction, Register)> {
    if let Instruction::Reduce(reduction, operand) = instruction {
        Some((*reduction, *operand))
    } else {
        None
    }
}

impl Long {
    fn new(tile: &Tile) -> Self {
        let domain = Domain { rows: tile.rows, columns: tile.columns, transposed: false };
        let levels = levels(&tile.tape);
        let (mut tape, mut found) = (tile.tape.clone(), Vec::new());
        for instruction in &mut tape.instructions {
            if let Some((reduction, operand)) = reduction(instruction) {
                *instruction = Instruction::Reduced(found.len());
                found.push((reduction, operand));
            }
        }
        let program = |wanted: &[Register]| {
            Program::new(&tape, wanted, domain, Spread::ByRow)
                .expect("a domain that is not transposed can be walked along")
        };
        let n_passes = levels.iter().copied().max().unwrap_or(0);
        let passes = (0..n_passes).map(|pass| {
            let made = found.iter().enumerate();
            let made = made.filter(|(_, (_, operand))| levels[operand.0 as usize] == pass);
            let wanted: Vec<_> = made.clone().map(|(_, (_, operand))| *operand).collect();
            let made = made.map(|(number, (reduction, _))| (*reduction, number)).collect();
            Pass { program: program(&wanted), made }
        });
        Self {
            domain,
            passes: passes.collect(),
            last: program(&store::wanted(&tile.stores)),
            stores: Stores::new(&tile.stores, domain),
            reductions: found.len(),
        }
    }

    fn chunks(&self) -> usize {
        self.domain.columns.div_ceil(TASK)
    }

    fn totals(&self) -> usize {
        self.reductions * self.domain.rows
    }

    fn needs(&self) -> Needs {
        let slots = self.passes.iter().map(|pass| pass.program.slots).max().unwrap_or(0);
        let most = self.passes.iter().map(|pass| pass.made.len()).max().unwrap_or(0);
        Needs {
            slots: slots.max(self.last.slots) + 1,
            strip: Cut::of_elements(self.domain.columns).numbers(),
            shared: self.totals() + most * self.domain.rows * self.chunks(),
            ..Needs::default()
        }
    }

    fn chunk(&self, task: usize) -> Strip {
        let column = task % self.chunks() * TASK;
        Strip {
            row: task / self.chunks(),
            rows: 1,
            column,
            columns: TASK.min(self.domain.columns - column),
        }
    }

    fn run(&self, job: &Job<'_>, team: &Team, shared: &mut [f32]) {
        let (totals, parts) = shared.split_at_mut(self.totals());
        let each = self.domain.rows;
        for pass in &self.passes {
            let tasks = self.domain.rows * self.chunks();
            let parts = &mut parts[..tasks * pass.made.len()];
            let reduced = Reduced::ByRow { numbers: totals, each };
            team.each_part(parts, pass.made.len(), |task, part, worker| {
                self.reduce(pass, job, self.chunk(task), reduced, part, &mut worker.slots);
            });
            for (i, (reduction, number)) in pass.made.iter().enumerate() {
                for row in 0..self.domain.rows {
                    let chunks =
                        parts[row * self.chunks() * pass.made.len()..].chunks(pass.made.len());
                    let all = chunks.take(self.chunks()).map(|chunk| chunk[i]);
                    let start = strip::neutral(*reduction);
                    totals[number * each + row] =
                        all.fold(start, |a, b| strip::join(*reduction, a, b));
                }
            }
        }
        let reduced = Reduced::ByRow { numbers: totals, each };
        team.each(self.domain.rows * self.chunks(), 1, |task, worker| {
            self.last.begin(job, &mut worker.slots);
            for strip in Cut::of_elements(self.domain.columns).strips(self.chunk(task)) {
                let lent = self.last.run(job, strip, reduced, &mut worker.slots);
                self.stores.put(&self.last, job, strip, &mut worker.slots, &lent);
            }
        });
    }

    fn reduce(
        &self,
        pass: &Pass,
        job: &Job<'_>,
        chunk: Strip,
        reduced: Reduced<'_>,
        part: &mut [f32],
        slots: &mut [Vec<f32>],
    ) {
        pass.program.begin(job, slots);
        for (out, (reduction, _)) in part.iter_mut().zip(&pass.made) {
            *out = strip::neutral(*reduction);
        }
        for strip in Cut::of_elements(self.domain.columns).strips(chunk) {
            let lent = pass.program.run(job, strip, reduced, slots);
            for (result, (reduction, _)) in pass.made.iter().enumerate() {
                let numbers = pass.program.full(result, strip, slots, &lent);
                let sum = strip::reduce(*reduction, numbers);
                part[result] = strip::join(*reduction, part[result], sum);
            }
        }
    }
}
