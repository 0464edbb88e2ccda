//! What may be fed.
//!
//! In: a plan and what the host feeds. Out: nothing, or an error that names the input. Deliberately not here: copying.

use crate::RuntimeError;
use crate::compiler::graph::InputId;
use crate::compiler::plan::{Arena, Body, Instruction, Plan, Region, Tape};

/// Whether as many numbers or integers can be fed.
pub(crate) fn fits(
    plan: &Plan,
    id: InputId,
    integers: bool,
    found: usize,
) -> Result<(), RuntimeError> {
    let (input, _) = &plan.inputs[id.0 as usize];
    if input.kind.is_integer() != integers {
        return Err(RuntimeError::Kind { input: input.name.clone(), integers: !integers });
    }
    let expected = input.shape.iter().product();
    if expected != found {
        return Err(RuntimeError::Length { input: input.name.clone(), expected, found });
    }
    Ok(())
}

/// Whether all integers point into what they are for.
pub(crate) fn ids_exist(
    plan: &Plan,
    id: InputId,
    largest: Option<u32>,
    ids: &[u32],
) -> Result<(), RuntimeError> {
    let Some(largest) = largest else { return Ok(()) };
    match ids.iter().find(|id| **id > largest) {
        None => Ok(()),
        Some(found) => {
            let input = plan.inputs[id.0 as usize].0.name.clone();
            let (found, vocabulary) = (i64::from(*found), u64::from(largest) + 1);
            Err(RuntimeError::Id { input, found, vocabulary })
        }
    }
}

/// For each input the largest integer that all kernels which use it allow; none for inputs of numbers.
pub(crate) fn largest_ids(plan: &Plan) -> Vec<Option<u32>> {
    let mut largest = vec![None; plan.inputs.len()];
    let mut allow = |region: &Region, most: usize| {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        if let Some(input) = input_at(plan, region) {
            largest[input] = Some(largest[input].map_or(most, |known: u32| known.min(most)));
        }
    };
    for kernel in &plan.kernels {
        let body = plan.body(kernel);
        if let Body::LookupSum { rows, .. } = body {
            allow(&kernel.reads[1], rows.saturating_sub(1));
            allow(&kernel.reads[2], *rows);
        }
        for instruction in tapes(body).iter().flat_map(|tape| &tape.instructions) {
            if let Instruction::LoadRow { read, index, width, .. } = instruction {
                let rows = kernel.reads[*read].numbers / width.max(&1);
                allow(&kernel.reads[*index], rows.saturating_sub(1));
            }
        }
    }
    largest
}

fn tapes(body: &Body) -> Vec<&Tape> {
    match body {
        Body::Map(tile) | Body::Row(tile) => vec![&tile.tape],
        Body::Column(column) => vec![&column.before, &column.after],
        Body::Contract(contract) => vec![&contract.a, &contract.b, &contract.after],
        Body::Attend(..) | Body::LookupSum { .. } => vec![],
    }
}

fn input_at(plan: &Plan, region: &Region) -> Option<usize> {
    let found = |(input, offset): &(_, usize)| {
        let input: &crate::compiler::graph::Input = input;
        (*offset..offset + input.shape.iter().product::<usize>()).contains(&region.offset)
    };
    plan.inputs.iter().position(found).filter(|_| region.arena == Arena::Inputs)
}
