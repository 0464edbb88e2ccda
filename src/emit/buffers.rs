//! The buffers of a program.
//!
//! In: a program and its plan. Out: each buffer with its size, who writes it, and what it begins with; and the file of what is
//! known at compile time. Arenas that are larger than a device's buffers are several of these. Deliberately not here: what
//! lies where in a buffer.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zorro_compiler::graph::{BufferId, Slot, Table, TableId};
use zorro_compiler::optimizer::FIRST_SCALE;
use zorro_compiler::plan::{Arena, Region};
use zorro_compiler::program::Memory;

use super::{EmittedFile, Emitter};

/// The file of constant tables.
const TABLES: &str = "tables.bin";

/// Where tables begin in their file: at multiples of so many bytes.
const ALIGNMENT: usize = 256;

/// What dispatches do with a buffer.
#[derive(Default)]
struct Bound {
    /// Numbers up to the end of what is bound.
    numbers: usize,
    is_written: bool,
}

impl Emitter<'_> {
    /// All buffers. What they begin with is added to the files.
    pub(super) fn buffers(&self, files: &mut Vec<EmittedFile>) -> Value {
        let bound = self.bound();
        let mut tables = Vec::new();
        let mut buffers = Vec::new();
        for (memory, name, numbers) in self.memories() {
            let found = bound.get(&name);
            // Tables that a constant was made of, and what nobody needs.
            if found.is_none()
                && matches!(
                    memory,
                    Memory::Scratch | Memory::Constants | Memory::Plan(Arena::Table(_))
                )
            {
                continue;
            }
            let is_written = found.is_some_and(|bound| bound.is_written);
            let end = found.map_or(0, |bound| bound.numbers);
            buffers.push(json!({
                "name": name,
                "bytes": 4 * end.max(numbers).max(1),
                "access": if is_written { "read_write" } else { "read" },
                "begins": self.begins(memory, &mut tables),
            }));
        }
        if !tables.is_empty() {
            files.push(EmittedFile { name: TABLES.to_owned(), bytes: tables });
        }
        Value::from(buffers)
    }

    /// Where a region lies.
    pub(super) fn place(&self, region: &Region) -> Value {
        self.placed(Memory::Plan(region.arena), region.offset, region.words())
    }

    /// Where so many numbers of four bytes lie.
    pub(super) fn placed(&self, memory: Memory, offset: usize, numbers: usize) -> Value {
        let begin = offset % self.part(memory).unwrap_or(usize::MAX);
        json!({ "buffer": self.buffer(memory, offset), "offset": 4 * begin, "bytes": 4 * numbers })
    }

    /// The name of the buffer that a number lies in.
    fn buffer(&self, memory: Memory, offset: usize) -> String {
        let name = name(memory);
        self.part(memory).map_or(name.clone(), |part| format!("{name}.{}", offset / part))
    }

    /// How many numbers a part of an arena has, where it is cut.
    fn part(&self, memory: Memory) -> Option<usize> {
        let plan = &self.made.plan;
        let numbers = match memory {
            Memory::Plan(Arena::Activations) => plan.activations,
            Memory::Plan(Arena::Inputs) => plan.input_numbers,
            Memory::Plan(Arena::Parameters(..) | Arena::Table(_))
            | Memory::Scratch
            | Memory::Constants => return None,
        };
        let part = self.options.limits.buffer_numbers;
        (numbers > part).then_some(part)
    }

    /// The buffers: what each is of, its name, and the numbers that the plan puts there.
    fn memories(&self) -> Vec<(Memory, String, usize)> {
        let plan = &self.made.plan;
        let mut arenas = vec![(Arena::Inputs, plan.input_numbers)];
        let size = |buffer: BufferId| plan.parameters.buffers[buffer.0 as usize].numbers;
        for buffer in (0..).map(BufferId).take(plan.parameters.buffers.len()) {
            arenas.push((Arena::Parameters(buffer, Slot::Weight), size(buffer)));
        }
        let states = plan.states.iter();
        arenas.extend(
            states.map(|(buffer, slot)| (Arena::Parameters(*buffer, *slot), size(*buffer))),
        );
        let tables = (0..).map(TableId).zip(&plan.tables);
        arenas.extend(tables.map(|(id, table)| (Arena::Table(id), numbers_of(table))));
        arenas.push((Arena::Activations, plan.activations));
        let arenas = arenas.into_iter().map(|(arena, numbers)| (Memory::Plan(arena), numbers));
        let program = &self.made.program;
        let own =
            [(Memory::Scratch, program.scratch), (Memory::Constants, program.constants.len())];
        let mut buffers = Vec::new();
        for (memory, numbers) in arenas.chain(own) {
            let part = self.part(memory).unwrap_or(usize::MAX);
            let starts = (0..numbers.max(1)).step_by(part);
            buffers.extend(starts.map(|start| {
                (memory, self.buffer(memory, start), part.min(numbers - start.min(numbers)))
            }));
        }
        buffers
    }

    fn bound(&self) -> BTreeMap<String, Bound> {
        let program = &self.made.program;
        let mut all: BTreeMap<String, Bound> = BTreeMap::new();
        for dispatch in &program.dispatches {
            let storage = &program.shader(dispatch).storage;
            for (binding, storage) in dispatch.bindings.iter().zip(storage) {
                let begin = binding.offset % self.part(binding.memory).unwrap_or(usize::MAX);
                let found = all.entry(self.buffer(binding.memory, binding.offset)).or_default();
                found.numbers = found.numbers.max(begin + binding.numbers);
                found.is_written |= storage.writable;
            }
        }
        all
    }

    /// What is in a buffer before the first dispatch.
    fn begins(&self, memory: Memory, tables: &mut Vec<u8>) -> Value {
        match memory {
            Memory::Plan(Arena::Inputs) => json!({ "with": "inputs" }),
            Memory::Plan(Arena::Parameters(buffer, Slot::Weight)) => {
                if self.made.plan.parameters.scale == Some(buffer) {
                    json!({ "with": "number", "number": FIRST_SCALE })
                } else {
                    json!({ "with": "weights" })
                }
            }
            Memory::Plan(Arena::Parameters(_, Slot::First | Slot::Second | Slot::Gradient)) => {
                json!({ "with": "zeros" })
            }
            Memory::Plan(Arena::Table(id)) => match &self.made.plan.tables[id.0 as usize] {
                Table::Numbers(numbers) => {
                    let words = numbers.iter().map(|number| (*number as f32).to_le_bytes());
                    in_file(words, tables)
                }
                Table::Rows(rows) => in_file(rows.iter().map(|row| row.to_le_bytes()), tables),
            },
            Memory::Constants => {
                let words = self.made.program.constants.iter();
                in_file(words.map(|word| word.to_le_bytes()), tables)
            }
            Memory::Plan(Arena::Activations) | Memory::Scratch => json!({ "with": "anything" }),
        }
    }
}

/// The name of a buffer that is not cut.
fn name(memory: Memory) -> String {
    match memory {
        Memory::Scratch => "scratch".to_owned(),
        Memory::Constants => "constants".to_owned(),
        Memory::Plan(Arena::Activations) => "activations".to_owned(),
        Memory::Plan(Arena::Inputs) => "inputs".to_owned(),
        Memory::Plan(Arena::Parameters(buffer, Slot::Weight)) => format!("weights.{}", buffer.0),
        Memory::Plan(Arena::Parameters(buffer, Slot::First)) => {
            format!("first_moments.{}", buffer.0)
        }
        Memory::Plan(Arena::Parameters(buffer, Slot::Second)) => {
            format!("second_moments.{}", buffer.0)
        }
        Memory::Plan(Arena::Parameters(buffer, Slot::Gradient)) => {
            format!("gradient_sums.{}", buffer.0)
        }
        Memory::Plan(Arena::Table(table)) => format!("table.{}", table.0),
    }
}

/// Adds words to the file of tables.
fn in_file(words: impl Iterator<Item = [u8; 4]>, tables: &mut Vec<u8>) -> Value {
    tables.resize(tables.len().next_multiple_of(ALIGNMENT), 0);
    let offset = tables.len();
    tables.extend(words.flatten());
    let bytes = tables.len() - offset;
    json!({ "with": "file", "file": TABLES, "offset": offset, "bytes": bytes })
}

fn numbers_of(table: &Table) -> usize {
    match table {
        Table::Numbers(numbers) => numbers.len(),
        Table::Rows(rows) => rows.len(),
    }
}
