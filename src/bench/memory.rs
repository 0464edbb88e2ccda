//! The memory of a run.
//!
//! In: a session that has run. Out: bytes of the plan's arenas, of what threads work in, and of the process. Deliberately
//! not here: planning.

use zorro_runtime::Session;
use zorro_runtime::compiler::graph::Table;

use super::process::highest;

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// What kernels make.
    pub activations: u64,
    /// What is fed.
    pub inputs: u64,
    /// Weights.
    pub weights: u64,
    /// The optimizer's state.
    pub states: u64,
    /// Tables that are known at compile time.
    pub tables: u64,
    /// What threads work in, beside the plan.
    pub scratch: u64,
    /// The most that the process held, above what it held before the model was compiled; none where the system does not
    /// say.
    pub process: Option<u64>,
}

impl Memory {
    /// The plan's arenas.
    #[must_use]
    pub fn plan(&self) -> u64 {
        self.activations + self.inputs + self.weights + self.states + self.tables
    }

    pub(super) fn of(session: &Session, start: Option<u64>) -> Self {
        let plan = session.plan();
        let bytes = |numbers: usize| 4 * numbers as u64;
        let buffers = &plan.parameters.buffers;
        let table = |table: &Table| match table {
            Table::Numbers(numbers) => numbers.len(),
            Table::Rows(rows) => rows.len(),
        };
        Self {
            activations: bytes(plan.activations),
            inputs: bytes(plan.input_numbers),
            weights: bytes(buffers.iter().map(|buffer| buffer.numbers).sum()),
            states: bytes(plan.states.iter().map(|(id, _)| buffers[id.0 as usize].numbers).sum()),
            tables: bytes(plan.tables.iter().map(table).sum()),
            scratch: session.executor().scratch_bytes() as u64,
            process: highest().zip(start).map(|(highest, start)| highest.saturating_sub(start)),
        }
    }
}
