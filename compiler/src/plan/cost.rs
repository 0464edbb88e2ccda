//! What a plan costs, known before anything is allocated.
//!
//! In: a plan. Out: bytes by arena, and for each kernel floating point operations and bytes. Deliberately not here: time;
//! what an executor loads more than once.
//!
//! Operations. An instruction of an expression counts once for each element, or once a row where it is the same for a whole
//! row; a reduction once for each number that goes into it. A product counts `2 m n k`, and what its operands' expressions
//! cost once. Attention counts products alone, for each pair of tokens that may read and each number of the width: 2 for
//! scores and 2 for sums of values forward; for gradients 2 for scores again, 2 for those of the weights (but for values), and 2
//! for each gradient of queries, keys and values that is made.
//!
//! Bytes. Each operand and each result once, as far as its accesses reach.

use std::fmt;

use super::{Arena, AttendKind, Body, Instruction, Kernel, Plan, Region, Tape};
use crate::cost::bytes;
use crate::graph::{AttentionId, Slot, Table};

/// Bytes of a number.
const NUMBER: u64 = 4;
/// How many tensors an error names.
const N_NAMED: usize = 5;

/// Bytes by arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// What kernels make: gradients of weights too.
    pub activations: u64,
    /// What the host feeds.
    pub inputs: u64,
    /// Weights.
    pub parameters: u64,
    /// The optimizer's state.
    pub states: u64,
    /// Tables that are known at compile time.
    pub tables: u64,
}

impl Memory {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.activations + self.inputs + self.parameters + self.states + self.tables
    }
}

/// What a kernel does and moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Floating point operations.
    pub flops: u128,
    /// Bytes of its operands.
    pub read: u64,
    /// Bytes of its results.
    pub written: u64,
}

/// A plan that needs more memory than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMuchMemory {
    /// Bytes that there are.
    pub limit: u64,
    /// Bytes that the plan needs.
    pub need: Memory,
    /// The largest tensors: what makes or feeds them, and their bytes.
    pub largest: Vec<(String, u64)>,
    /// Samples of a batch.
    pub batch: usize,
}

/// Whether a plan fits so many bytes.
///
/// # Errors
///
/// What it needs instead, and what to change.
pub fn check_memory(plan: &Plan, limit: u64) -> Result<(), TooMuchMemory> {
    let need = plan.memory();
    if need.total() <= limit {
        return Ok(());
    }
    let made = plan.kernels.iter().flat_map(|kernel| {
        let phase = format!("{:?}", kernel.phase).to_lowercase();
        let written = kernel.writes.iter().filter(|write| write.arena == Arena::Activations);
        written.map(move |write| (format!("`{}` ({phase})", kernel.path), size(write)))
    });
    let fed = plan.inputs.iter().map(|(input, _)| {
        (format!("`{}` (fed)", input.name), NUMBER * count(input.shape.iter().product()))
    });
    let mut largest: Vec<(String, u64)> = made.chain(fed).collect();
    largest.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    largest.truncate(N_NAMED);
    Err(TooMuchMemory { limit, need, largest, batch: plan.batch })
}

impl fmt::Display for TooMuchMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |n: u64| bytes(u128::from(n));
        let Self { limit, need, largest, batch } = self;
        writeln!(f, "this needs {} of memory and may have {}", text(need.total()), text(*limit))?;
        writeln!(f, "  {need}")?;
        writeln!(f, "  the largest tensors:")?;
        for (name, size) in largest {
            writeln!(f, "    {:>9}  {name}", text(*size))?;
        }
        write!(
            f,
            "  make the batch smaller than {batch}, compute parts of the forward pass again (`--recompute layers`), or compute less with `--only` or \
             `--outputs`"
        )
    }
}

impl std::error::Error for TooMuchMemory {}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |n: u64| bytes(u128::from(n));
        let Self { activations, inputs, parameters, states, tables } = self;
        let parts = [
            ("activations", activations),
            ("inputs", inputs),
            ("weights", parameters),
            ("optimizer state", states),
            ("tables", tables),
        ];
        let parts: Vec<String> =
            parts.iter().map(|(name, size)| format!("{name} {}", text(**size))).collect();
        write!(f, "{}", parts.join(", "))
    }
}

fn count(numbers: usize) -> u64 {
    u64::try_from(numbers).expect("sizes have at most 64 bits")
}

fn size(region: &Region) -> u64 {
    NUMBER * count(region.words())
}

impl Plan {
    /// Bytes by arena, all of which are there at once.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let buffer = |at: usize| NUMBER * count(self.parameters.buffers[at].numbers);
        let mut states = self.states.clone();
        states.retain(|(_, slot)| *slot != Slot::Weight);
        let table = |table: &Table| match table {
            Table::Numbers(numbers) => NUMBER * count(numbers.len()),
            Table::Rows(rows) => NUMBER * count(rows.len()),
        };
        Memory {
            activations: NUMBER * count(self.activations),
            inputs: NUMBER * count(self.input_numbers),
            parameters: (0..self.parameters.buffers.len()).map(buffer).sum(),
            states: states.iter().map(|(id, _)| buffer(id.0 as usize)).sum(),
            tables: self.tables.iter().map(table).sum(),
        }
    }

    /// What a kernel does and moves.
    #[must_use]
    pub fn work(&self, kernel: &Kernel) -> Work {
        let body = self.body(kernel);
        let read = kernel.reads.iter().enumerate();
        let read = read.map(|(at, region)| {
            touched(body, at)
                .map_or(size(region), |numbers| size(region).min(NUMBER * count(numbers)))
        });
        let read = read.sum();
        let written = kernel.writes.iter().map(size).sum();
        Work { flops: self.flops(body), read, written }
    }

    /// Of all kernels.
    #[must_use]
    pub fn total_work(&self) -> Work {
        self.kernels.iter().map(|kernel| self.work(kernel)).fold(Work::default(), |a, b| Work {
            flops: a.flops + b.flops,
            read: a.read + b.read,
            written: a.written + b.written,
        })
    }

    fn flops(&self, body: &Body) -> u128 {
        match body {
            Body::Map(tile) | Body::Row(tile) => of_tape(&tile.tape, (tile.rows, tile.columns)),
            Body::Column(column) => {
                let rows = column.outer * column.length;
                let reduced = wide(rows * column.inner) * wide(column.reductions.len());
                let before = of_tape(&column.before, (rows, column.inner));
                before + reduced + of_tape(&column.after, (column.outer, column.inner))
            }
            Body::Contract(contract) => {
                let (m, n, k) = (contract.m, contract.n, contract.k);
                let operands = of_tape(&contract.a, (m, k)) + of_tape(&contract.b, (n, k));
                operands + 2 * wide(m) * wide(n) * wide(k) + of_tape(&contract.after, (m, n))
            }
            Body::Attend(kind, id) => self.of_attention(*kind, *id),
            Body::LookupSum { rows, width, .. } => wide(rows * width),
        }
    }

    fn of_attention(&self, kind: AttendKind, id: AttentionId) -> u128 {
        let attention = &self.attentions[id.0 as usize];
        let pairs = attention.mask.allowed() * wide(self.batch) * wide(attention.width);
        let products = match kind {
            AttendKind::Forward { result: true, .. } => 2,
            AttendKind::Forward { result: false, .. } => 1,
            AttendKind::Queries | AttendKind::KeysValues { keys: true, values: false } => 3,
            AttendKind::KeysValues { keys: true, values: true } => 4,
            AttendKind::KeysValues { keys: false, .. } | AttendKind::Scores => 2,
        };
        2 * products * pairs
    }
}

/// How many numbers of an operand the accesses of a body can tell apart; none for bodies that read operands whole.
fn touched(body: &Body, read: usize) -> Option<usize> {
    let tapes = match body {
        Body::Map(tile) | Body::Row(tile) => vec![&tile.tape],
        Body::Column(column) => vec![&column.before, &column.after],
        Body::Contract(contract) => vec![&contract.a, &contract.b, &contract.after],
        Body::Attend(..) | Body::LookupSum { .. } => return None,
    };
    let mut sum = 0;
    for instruction in tapes.iter().flat_map(|tape| &tape.instructions) {
        if let Instruction::LoadRow { read: rows, index, .. } = instruction
            && [*rows, *index].contains(&read)
        {
            return None;
        }
        if let Instruction::Load { read: of, access } = instruction
            && *of == read
        {
            sum += access.reach();
        }
    }
    Some(sum)
}

fn wide(number: usize) -> u128 {
    number as u128
}

fn of_tape(tape: &Tape, (rows, columns): (usize, usize)) -> u128 {
    let mut sum = 0;
    for (instruction, by_row) in tape.instructions.iter().zip(&tape.by_row) {
        let elements = if *by_row { wide(rows) } else { wide(rows) * wide(columns) };
        sum += match instruction {
            Instruction::Unary(..) | Instruction::Binary(..) | Instruction::Select(..) => elements,
            Instruction::Reduce(..) => wide(rows) * wide(columns),
            Instruction::Load { .. }
            | Instruction::LoadRow { .. }
            | Instruction::Constant(_)
            | Instruction::Argument(_)
            | Instruction::Random { .. }
            | Instruction::Holds { .. }
            | Instruction::Present { .. }
            | Instruction::Inside { .. }
            | Instruction::Reduced(_) => 0,
        };
    }
    sum
}
