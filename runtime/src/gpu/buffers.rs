//! The memory of a plan on a device.
//!
//! In: a plan and its program. Out: a buffer for each arena, or several where the device's buffers are smaller; and where a
//! part of an arena lies. Everything begins as zeros, but for tables. Deliberately not here: what kernels see at once.

use wgpu::{Buffer, BufferDescriptor, BufferUsages};

use super::Gpu;
use super::faults::{Fault, guarded};
use crate::RuntimeError;
use crate::compiler::graph::{BufferId, Slot, Table};
use crate::compiler::plan::{ALIGNMENT, Arena, Plan};
use crate::compiler::program::{Memory, Program};

/// Bytes of a number.
pub(super) const NUMBER: u64 = 4;

/// The most bytes that are written or read in one go.
pub(super) const CHUNK: usize = 64 << 20;

/// All memory of a plan.
#[derive(Debug)]
pub(super) struct Buffers {
    activations: Vec<Buffer>,
    inputs: Vec<Buffer>,
    weights: Vec<Buffer>,
    states: Vec<((BufferId, Slot), Buffer)>,
    tables: Vec<Buffer>,
    scratch: Option<Buffer>,
    constants: Buffer,
    /// Numbers of each part of a cut arena.
    part: usize,
}

impl Buffers {
    /// Takes all memory.
    pub(super) fn new(gpu: &Gpu, plan: &Plan, program: &Program) -> Result<Self, RuntimeError> {
        let scratch = program.scratch;
        let part = gpu.limits().buffer_numbers;
        let cut = |numbers: usize, purpose: &str| {
            let starts = (0..numbers).step_by(part);
            let parts = starts.map(|start| storage(gpu, part.min(numbers - start), purpose));
            parts.collect::<Result<Vec<_>, _>>()
        };
        let of = |buffer: BufferId| plan.parameters.buffers[buffer.0 as usize].numbers;
        let weights = plan.parameters.buffers.iter();
        let weights = weights.map(|buffer| storage(gpu, buffer.numbers, "weights"));
        let states = plan
            .states
            .iter()
            .map(|(id, slot)| Ok(((*id, *slot), storage(gpu, of(*id), "the optimizer's state")?)));
        let buffers = Self {
            activations: cut(plan.activations, "activations")?,
            inputs: cut(plan.input_numbers, "inputs")?,
            weights: weights.collect::<Result<_, _>>()?,
            states: states.collect::<Result<_, RuntimeError>>()?,
            tables: plan.tables.iter().map(|one| table(gpu, one)).collect::<Result<_, _>>()?,
            scratch: if scratch > 0 { Some(storage(gpu, scratch, "sums")?) } else { None },
            constants: words(gpu, &program.constants, "constants")?,
            part,
        };
        gpu.healthy("memory was taken")?;
        Ok(buffers)
    }

    /// The buffer that a part of memory lies in, and its first byte there; none where it lies across buffers or is not there.
    pub(super) fn place(
        &self,
        memory: Memory,
        offset: usize,
        numbers: usize,
    ) -> Option<(&Buffer, u64)> {
        let within = |parts| {
            let last = (offset + numbers).saturating_sub(1).max(offset);
            let whole = offset / self.part == last / self.part;
            let parts: &Vec<Buffer> = parts;
            whole.then(|| parts.get(offset / self.part)).flatten()
        };
        let (buffer, offset) = match memory {
            Memory::Plan(Arena::Activations) => (within(&self.activations)?, offset % self.part),
            Memory::Plan(Arena::Inputs) => (within(&self.inputs)?, offset % self.part),
            Memory::Plan(Arena::Parameters(id, Slot::Weight)) => {
                (self.weights.get(id.0 as usize)?, offset)
            }
            Memory::Plan(Arena::Parameters(
                id,
                slot @ (Slot::First | Slot::Second | Slot::Gradient),
            )) => {
                let found = self.states.iter().find(|(state, _)| *state == (id, slot))?;
                (&found.1, offset)
            }
            Memory::Plan(Arena::Table(id)) => (self.tables.get(id.0 as usize)?, offset),
            Memory::Scratch => (self.scratch.as_ref()?, offset),
            Memory::Constants => (&self.constants, offset),
        };
        let begin = NUMBER * offset as u64;
        (begin + NUMBER * numbers as u64 <= buffer.size()).then_some((buffer, begin))
    }

    /// Bytes of all buffers.
    pub(super) fn bytes(&self) -> usize {
        let states = self.states.iter().map(|(_, buffer)| buffer);
        let all = self.activations.iter().chain(&self.inputs).chain(&self.weights).chain(states);
        let bytes: u64 = all.chain(&self.tables).map(Buffer::size).sum();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Bytes of what is no arena.
    pub(super) fn scratch_bytes(&self) -> usize {
        let bytes = self.scratch.as_ref().map_or(0, Buffer::size) + self.constants.size();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// A buffer that kernels see.
fn storage(gpu: &Gpu, numbers: usize, purpose: &str) -> Result<Buffer, RuntimeError> {
    // Bindings of nothing still have a number.
    let bytes = NUMBER * numbers.next_multiple_of(ALIGNMENT).max(ALIGNMENT) as u64;
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
    buffer(gpu, bytes, usage, purpose)
}

/// A buffer of zeros.
pub(super) fn buffer(
    gpu: &Gpu,
    size: u64,
    usage: BufferUsages,
    purpose: &str,
) -> Result<Buffer, RuntimeError> {
    let most = gpu.device().limits().max_buffer_size;
    if size > most {
        return Err(RuntimeError::Limit {
            device: gpu.facts().name.clone(),
            what: format!("the bytes of the buffer for {purpose}"),
            needs: size,
            most,
        });
    }
    let descriptor =
        BufferDescriptor { label: Some(purpose), size, usage, mapped_at_creation: false };
    guarded(gpu.device(), || gpu.device().create_buffer(&descriptor)).map_err(|fault| match fault {
        Fault::Memory => RuntimeError::Memory {
            purpose: format!("{purpose} on {}", gpu.facts().name),
            bytes: usize::try_from(size).unwrap_or(usize::MAX),
        },
        Fault::Lost(_) | Fault::Other(_) => gpu.error(fault, "memory was taken"),
    })
}

fn table(gpu: &Gpu, table: &Table) -> Result<Buffer, RuntimeError> {
    let all: Vec<u32> = match table {
        Table::Numbers(numbers) => {
            numbers.iter().map(|number| (*number as f32).to_bits()).collect()
        }
        Table::Rows(rows) => rows.clone(),
    };
    words(gpu, &all, "tables")
}

/// A buffer of words.
fn words(gpu: &Gpu, words: &[u32], purpose: &str) -> Result<Buffer, RuntimeError> {
    let made = storage(gpu, words.len(), purpose)?;
    write(gpu, &made, 0, bytemuck::cast_slice(words))?;
    Ok(made)
}

/// Writes into a buffer, in the order of all that the device is told.
pub(super) fn write(
    gpu: &Gpu,
    buffer: &Buffer,
    begin: u64,
    bytes: &[u8],
) -> Result<(), RuntimeError> {
    gpu.guarded("it was fed", || {
        let mut at = begin;
        for chunk in bytes.chunks(CHUNK) {
            gpu.queue().write_buffer(buffer, at, chunk);
            at += chunk.len() as u64;
            if bytes.len() > CHUNK {
                // Else all chunks would lie in memory once more until the next step.
                gpu.queue().submit([]);
            }
        }
    })
}
