//! The memory of a run.
//!
//! In: a session that has run. Out: bytes of the plan's arenas, of what threads work in, and of the process. Deliberately
//! not here: planning.

use zorro_compiler::plan;
use zorro_runtime::Session;

use super::process::highest;

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The plan's arenas.
    pub plan: plan::Memory,
    /// What threads work in, beside the plan.
    pub scratch: u64,
    /// The most that the process held, above what it held before the model was compiled; none where the system does not
    /// say.
    pub process: Option<u64>,
}

impl Memory {
    pub(super) fn of(session: &Session, start: Option<u64>) -> Self {
        Self {
            plan: session.plan().memory(),
            scratch: session.executor().scratch_bytes() as u64,
            process: highest().zip(start).map(|(highest, start)| highest.saturating_sub(start)),
        }
    }
}
