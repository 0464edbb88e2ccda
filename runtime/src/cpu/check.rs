//! What must be true of a kernel for threads to share its memory.
//!
//! In: a plan. Out: nothing, or a panic that names the kernel, for a plan that breaks this is our mistake:
//!
//! - the writes of a kernel do not overlap each other;
//! - no two elements are stored to one number;
//! - a read that overlaps a write begins where it begins, is loaded after all reductions, and each element from exactly
//!   the number that it is stored to.
//!
//! Deliberately not here: whether operands lie in their arenas, which is checked where they are touched.

use super::store;
use super::walk::Domain;
use crate::compiler::plan::{Access, Body, Instruction, Kernel, Plan, Store, Tape};

/// Panics if a kernel breaks the rules above.
pub(super) fn check(plan: &Plan) {
    for kernel in &plan.kernels {
        if let Err(broken) = kernel_holds(kernel, plan.body(kernel)) {
            panic!("kernel of `{}`: {broken}\n{kernel:#?}", kernel.path);
        }
    }
    for body in &plan.bodies {
        let (_, stores, domain) = parts(body);
        for (i, store) in stores.iter().enumerate() {
            assert!(
                store::reach(store, domain).all.is_injective(),
                "two elements are stored to one number: {body:#?}"
            );
            let others = stores[..i].iter().filter(|other| other.write == store.write);
            others.for_each(|other| {
                assert!(are_apart(store, other, domain), "two stores write one number: {body:#?}");
            });
        }
    }
}

/// The tape whose loads may be of what is written, the stores, and the domain of both.
fn parts(body: &Body) -> (Option<&Tape>, &[Store], Domain) {
    let domain = |rows, columns| Domain { rows, columns, transposed: false };
    match body {
        Body::Map(tile) | Body::Row(tile) => {
            (Some(&tile.tape), &tile.stores, domain(tile.rows, tile.columns))
        }
        Body::Column(column) => {
            (Some(&column.after), &column.stores, domain(column.outer, column.inner))
        }
        Body::Contract(contract) => {
            (Some(&contract.after), &contract.stores, domain(contract.m, contract.n))
        }
        Body::Attend(..) | Body::LookupSum { .. } => (None, &[], domain(0, 0)),
    }
}

/// Tapes whose loads may not be of what is written.
fn earlier(body: &Body) -> Vec<&Tape> {
    match body {
        Body::Column(column) => vec![&column.before],
        Body::Contract(contract) => vec![&contract.a, &contract.b],
        Body::Map(_) | Body::Row(_) | Body::Attend(..) | Body::LookupSum { .. } => vec![],
    }
}

/// Whether no number belongs to both stores of one write: by their ends, else number by number.
fn are_apart(a: &Store, b: &Store, domain: Domain) -> bool {
    let numbers = |store: &Store| {
        let elements = domain.rows * if store.by_row { 1 } else { domain.columns };
        let mut places = Vec::new();
        store::reach(store, domain).all.runs(0, elements, &mut |run| {
            let from = run.from.into_iter();
            places
                .extend(from.flat_map(|from| (0..run.length).map(move |i| from + i * run.stride)));
        });
        places.sort_unstable();
        places
    };
    let first = numbers(a);
    numbers(b).iter().all(|place| first.binary_search(place).is_err())
}

/// What of a read an instruction takes: a number by an access, or any.
fn takes(instruction: &Instruction, of: usize) -> Option<Option<&Access>> {
    match instruction {
        Instruction::Load { read, access } => (*read == of).then_some(Some(access)),
        Instruction::LoadRow { read, index, .. } => (*read == of || *index == of).then_some(None),
        Instruction::Constant(_)
        | Instruction::Argument(_)
        | Instruction::Unary(..)
        | Instruction::Binary(..)
        | Instruction::Select(..)
        | Instruction::Random { .. }
        | Instruction::Holds { .. }
        | Instruction::Present { .. }
        | Instruction::Inside { .. }
        | Instruction::Reduce(..)
        | Instruction::Reduced(_) => None,
    }
}

fn kernel_holds(kernel: &Kernel, body: &Body) -> Result<(), &'static str> {
    for (i, write) in kernel.writes.iter().enumerate() {
        if kernel.writes[..i].iter().any(|other| other.overlaps(write)) {
            return Err("two writes overlap");
        }
        for (read, region) in kernel.reads.iter().enumerate() {
            if !region.overlaps(write) {
                continue;
            }
            if region.offset != write.offset {
                return Err("a read overlaps a write");
            }
            in_place(body, read, i)?;
        }
    }
    Ok(())
}

fn in_place(body: &Body, read: usize, write: usize) -> Result<(), &'static str> {
    let (tape, stores, domain) = parts(body);
    let Some(tape) = tape else { return Err("this body reads what it writes") };
    if earlier(body).iter().any(|tape| tape.instructions.iter().any(|i| takes(i, read).is_some())) {
        return Err("what is written is read before all reductions");
    }
    let stores: Vec<_> = stores.iter().filter(|store| store.write == write).collect();
    for taken in tape.instructions.iter().filter_map(|instruction| takes(instruction, read)) {
        let Some(access) = taken else { return Err("rows of what is written are gathered") };
        let access = access.simplified();
        let exact = |store: &&Store| {
            (!store.by_row || domain.columns == 1) && store.access.simplified() == access
        };
        if !stores.iter().all(exact) {
            return Err("an element is loaded from another number than it is stored to");
        }
    }
    Ok(())
}
