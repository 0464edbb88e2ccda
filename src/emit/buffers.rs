//! The buffers of a program.
//!
//! In: a program and its plan. Out: each buffer with its size, who writes it, and what it begins with; and the file of what is
//! known at compile time. Deliberately not here: what lies where in a buffer.

use serde_json::{Value, json};
use zorro_compiler::graph::{BufferId, Slot, Table};
use zorro_compiler::optimizer::FIRST_SCALE;
use zorro_compiler::plan::{Arena, Region};
use zorro_compiler::program::Memory;

use super::{EmittedFile, Emitter};

/// The file of constant tables.
const TABLES: &str = "tables.bin";

/// Where tables begin in their file: at multiples of so many bytes.
const ALIGNMENT: usize = 256;

/// The name of a buffer.
pub(super) fn name(memory: Memory) -> String {
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

/// Where a region lies.
pub(super) fn place(region: &Region) -> Value {
    json!({
        "buffer": name(Memory::Plan(region.arena)),
        "offset": 4 * region.offset,
        "bytes": 4 * region.words(),
    })
}

impl Emitter<'_> {
    /// All buffers. What they begin with is added to the files.
    pub(super) fn buffers(&self, files: &mut Vec<EmittedFile>) -> Value {
        let mut tables = Vec::new();
        let buffers = self.memories().into_iter().map(|(memory, numbers)| {
            let access = if self.is_written(memory) { "read_write" } else { "read" };
            json!({
                "name": name(memory),
                "bytes": 4 * self.bound(memory).max(numbers).max(1),
                "access": access,
                "begins": self.begins(memory, &mut tables),
            })
        });
        let buffers = buffers.collect();
        if !tables.is_empty() {
            files.push(EmittedFile { name: TABLES.to_owned(), bytes: tables });
        }
        buffers
    }

    /// The buffers, and what the plan puts there.
    fn memories(&self) -> Vec<(Memory, usize)> {
        let plan = &self.made.plan;
        let mut all = vec![(Arena::Inputs, plan.input_numbers)];
        let size = |buffer: BufferId| plan.parameters.buffers[buffer.0 as usize].numbers;
        for buffer in (0..).map(BufferId).take(plan.parameters.buffers.len()) {
            all.push((Arena::Parameters(buffer, Slot::Weight), size(buffer)));
        }
        let states = plan.states.iter();
        all.extend(states.map(|(buffer, slot)| (Arena::Parameters(*buffer, *slot), size(*buffer))));
        let tables = (0..).map(zorro_compiler::graph::TableId).zip(&plan.tables);
        all.extend(tables.map(|(id, table)| (Arena::Table(id), numbers_of(table))));
        all.push((Arena::Activations, plan.activations));
        let mut all: Vec<(Memory, usize)> =
            all.into_iter().map(|(arena, numbers)| (Memory::Plan(arena), numbers)).collect();
        all.push((Memory::Scratch, self.made.program.scratch));
        all.push((Memory::Constants, self.made.program.constants.len()));
        // Tables that a constant was made of, and what nobody needs.
        all.retain(|(memory, _)| match memory {
            Memory::Plan(Arena::Table(_)) | Memory::Scratch | Memory::Constants => {
                self.bound(*memory) > 0
            }
            Memory::Plan(Arena::Activations | Arena::Inputs | Arena::Parameters(..)) => true,
        });
        all
    }

    /// Numbers up to the end of what is bound of a buffer.
    fn bound(&self, memory: Memory) -> usize {
        let bindings = self.made.program.dispatches.iter().flat_map(|dispatch| &dispatch.bindings);
        let own = bindings.filter(|binding| binding.memory == memory);
        own.map(|binding| binding.offset + binding.numbers).max().unwrap_or(0)
    }

    fn is_written(&self, memory: Memory) -> bool {
        let program = &self.made.program;
        program.dispatches.iter().any(|dispatch| {
            let storage = &program.shader(dispatch).storage;
            let mut bound = dispatch.bindings.iter().zip(storage);
            bound.any(|(binding, storage)| binding.memory == memory && storage.writable)
        })
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
