//! What a well-formed plan is. This list is complete; what breaks it is our mistake.
//!
//! - Regions lie within their arenas; kernels write to activations, weights and state alone.
//! - What a kernel writes overlaps neither what else it writes nor what it reads, but for weights and state, which an
//!   update reads and writes at the same places. Parts of a concatenation that interleave are written by kernels of
//!   their own.
//! - A kernel reads and writes at most eight operands; weights of one buffer count once.
//! - Activations are read only where something has been written before. After an update of weights nothing reads them.
//! - Bodies name operands, arguments and registers that exist; accesses stay within operands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arena, Body, Instruction, Kernel, Plan, Region, Store, Tape};
use crate::graph::Slot;

type Checked = Result<(), String>;

fn ensure(condition: bool, text: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(text()) }
}

/// Checks the list above.
///
/// # Errors
///
/// The first invariant found broken, with the place.
pub fn verify(plan: &Plan) -> Result<(), String> {
    let mut written = Written::default();
    let mut updated: BTreeSet<Arena> = BTreeSet::new();
    for (at, kernel) in plan.kernels.iter().enumerate() {
        let place = |text: String| format!("kernel {at} ({}): {text}", kernel.path);
        kernel_regions(plan, kernel).map_err(place)?;
        let body = plan.body(kernel);
        body_of(kernel, body).map_err(|text| format!("kernel {at} ({}): {text}", kernel.path))?;
        for read in &kernel.reads {
            let stale = updated.contains(&read.arena) && !kernel.writes.contains(read);
            ensure(!stale, || format!("kernel {at}: reads {read:?} after its update"))?;
            let is_there = read.arena != Arena::Activations || written.covers(read);
            ensure(is_there, || format!("kernel {at}: reads {read:?}, which nobody has written"))?;
        }
        updated.extend(kernel.writes.iter().map(|write| write.arena).filter(is_buffer));
        let activations = kernel.writes.iter().filter(|write| write.arena == Arena::Activations);
        activations.for_each(|write| written.add(write));
    }
    for result in &plan.results {
        ensure(result.region.end() <= numbers(plan, result.region.arena), || {
            format!("result {} does not exist", result.name)
        })?;
    }
    Ok(())
}

/// Which activations have been written: first number to end, without neighbors.
#[derive(Default)]
struct Written(BTreeMap<usize, usize>);

impl Written {
    fn covers(&self, region: &Region) -> bool {
        let part = self.0.range(..=region.offset).next_back();
        region.numbers == 0 || part.is_some_and(|(_, end)| *end >= region.end())
    }

    fn add(&mut self, region: &Region) {
        let (mut start, mut end) = (region.offset, region.end());
        while let Some((&from, &to)) =
            self.0.range(..=end).next_back().filter(|part| *part.1 >= start)
        {
            start = start.min(from);
            end = end.max(to);
            self.0.remove(&from);
        }
        self.0.insert(start, end);
    }
}

fn is_buffer(arena: &Arena) -> bool {
    match arena {
        Arena::Parameters(..) => true,
        Arena::Activations | Arena::Inputs | Arena::Table(_) => false,
    }
}

/// How many numbers an arena has.
fn numbers(plan: &Plan, arena: Arena) -> usize {
    match arena {
        Arena::Activations => plan.activations,
        Arena::Inputs => plan.input_numbers,
        Arena::Parameters(buffer, _) => plan.parameters.buffers[buffer.0 as usize].numbers,
        Arena::Table(table) => match &plan.tables[table.0 as usize] {
            crate::graph::Table::Numbers(numbers) => numbers.len(),
            crate::graph::Table::Rows(rows) => rows.len(),
        },
    }
}

fn kernel_regions(plan: &Plan, kernel: &Kernel) -> Checked {
    for region in kernel.reads.iter().chain(&kernel.writes) {
        ensure(region.end() <= numbers(plan, region.arena), || format!("{region:?} ends late"))?;
    }
    for (at, write) in kernel.writes.iter().enumerate() {
        ensure(write.arena == Arena::Activations || is_buffer(&write.arena), || {
            format!("writes to {write:?}")
        })?;
        let twice = kernel.writes[..at].iter().find(|other| other.overlaps(write));
        ensure(twice.is_none(), || format!("writes {write:?} twice"))?;
        for read in kernel.reads.iter().filter(|read| read.overlaps(write)) {
            ensure(is_buffer(&read.arena) && read == write, || {
                format!("reads {read:?} and writes {write:?}")
            })?;
        }
    }
    let mut bindings: BTreeSet<(Arena, usize)> = BTreeSet::new();
    for region in kernel.reads.iter().chain(&kernel.writes) {
        let whole = match region.arena {
            Arena::Parameters(..) | Arena::Inputs | Arena::Table(_) => 0,
            Arena::Activations => region.offset,
        };
        bindings.insert((region.arena, whole));
    }
    ensure(bindings.len() <= super::cluster::MAX_OPERANDS, || {
        let body = plan.body(kernel);
        format!("{} operands: {bindings:?} {body}", bindings.len())
    })
}

fn body_of(kernel: &Kernel, body: &Body) -> Checked {
    match body {
        Body::Map(tile) | Body::Row(tile) => {
            tape(kernel, &tile.tape, tile.rows * tile.columns)?;
            stores(kernel, &tile.tape, &tile.stores, (tile.rows, tile.columns))
        }
        Body::Column(column) => {
            let rows = column.outer * column.length;
            tape(kernel, &column.before, rows * column.inner)?;
            tape(kernel, &column.after, column.outer * column.inner)?;
            stores(kernel, &column.after, &column.stores, (column.outer, column.inner))
        }
        Body::Contract(contract) => {
            tape(kernel, &contract.a, contract.m * contract.k)?;
            tape(kernel, &contract.b, contract.n * contract.k)?;
            tape(kernel, &contract.after, contract.m * contract.n)?;
            stores(kernel, &contract.after, &contract.stores, (contract.m, contract.n))
        }
        Body::Attend(..) => ensure(!kernel.writes.is_empty(), || "writes nothing".to_owned()),
        Body::LookupSum { rows, vocabulary, width } => {
            let sizes: Vec<usize> = kernel.reads.iter().map(|read| read.numbers).collect();
            ensure(sizes == [rows * width, *rows, vocabulary + 1], || format!("reads {sizes:?}"))
        }
    }
}

fn tape(kernel: &Kernel, tape: &Tape, elements: usize) -> Checked {
    for (at, instruction) in tape.instructions.iter().enumerate() {
        let earlier = instruction.operands().iter().all(|of| (of.0 as usize) < at);
        ensure(earlier, || format!("instruction {at} uses a later one"))?;
        match instruction {
            Instruction::Load { read, access } => {
                let region = kernel.reads.get(*read).ok_or("an operand does not exist")?;
                let covered = access.shape().iter().product::<usize>();
                ensure(covered == elements && access.extent() <= region.numbers, || {
                    format!("access {access} of {region:?} for {elements} elements")
                })?;
            }
            Instruction::LoadRow { read, index, .. } => {
                let known = *read < kernel.reads.len() && *index < kernel.reads.len();
                ensure(known, || "an operand does not exist".to_owned())?;
            }
            Instruction::Argument(argument)
            | Instruction::Random { site: argument, .. }
            | Instruction::Holds { condition: argument, .. } => {
                let known = *argument < kernel.arguments.len();
                ensure(known, || "an argument does not exist".to_owned())?;
            }
            Instruction::Constant(_)
            | Instruction::Unary(..)
            | Instruction::Binary(..)
            | Instruction::Select(..)
            | Instruction::Present { .. }
            | Instruction::Inside { .. }
            | Instruction::Reduce(..)
            | Instruction::Reduced(_) => {}
        }
    }
    ensure(tape.by_row.len() == tape.instructions.len(), || "a tape of two lengths".to_owned())
}

fn stores(
    kernel: &Kernel,
    tape: &Tape,
    stores: &[Store],
    (rows, columns): (usize, usize),
) -> Checked {
    for store in stores {
        let region = kernel.writes.get(store.write).ok_or("a result does not exist")?;
        let covered = store.access.shape().iter().product::<usize>();
        let wanted = if store.by_row { rows } else { rows * columns };
        let register = store.register.0 as usize;
        let fits = covered == wanted
            && store.access.extent() <= region.numbers
            && register < tape.instructions.len()
            && (!store.by_row || tape.by_row[register]);
        ensure(fits, || format!("store {} of {wanted} in {region:?}", store.access))?;
    }
    let weights = kernel.writes.iter().any(|write| {
        matches!(write.arena, Arena::Parameters(_, Slot::First | Slot::Second | Slot::Gradient))
    });
    ensure(!weights || !stores.is_empty(), || "an update keeps nothing".to_owned())
}
