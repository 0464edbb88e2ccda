//! What is refused: data that does not fit, plans that break their promise.

use std::panic::catch_unwind;

use super::*;
use crate::RuntimeError;
use crate::compiler::graph::Unary;

fn negate(writes: &[Written], access: Access) -> Case {
    let tape = tape(vec![load(0, access), Instruction::Unary(Unary::Negate, r(0))]);
    let stores = kept(&tape, &[4, 5]);
    Case::new(Body::Map(Tile { rows: 4, columns: 5, tape, stores }), vec![fed(20, 1)], writes)
}

#[test]
fn data_that_does_not_fit() {
    let plan = Arc::new(negate(&[Written::New(20)], Access::of(&[4, 5])).plan());
    let mut executor = CpuExecutor::new(Arc::clone(&plan), 2).unwrap();
    let input = "read 0".to_owned();
    let length = RuntimeError::Length { input: input.clone(), expected: 20, found: 3 };
    assert_eq!(executor.feed(InputId(0), &[0.0; 3]), Err(length));
    let kind = RuntimeError::Kind { input, integers: false };
    assert_eq!(executor.feed_ids(InputId(0), &[0; 20]), Err(kind));
    let samples = RuntimeError::Samples { expected: 2, found: 3 };
    assert_eq!(executor.run(&step(3)), Err(samples));
    // The arenas are what the plan says; what threads work in is counted apart.
    assert_eq!(executor.arena_bytes() as u64, plan.memory().total());
    assert!(executor.scratch_bytes() > 0);
}

#[test]
fn ids_beyond_the_table() {
    let row = Instruction::LoadRow { read: 0, index: 1, width: 4, access: Access::of(&[3, 4]) };
    let reads = vec![fed(20, 1), Fed::Ids(vec![0; 3])];
    let case = Case::new(Body::Map(tile(3, 4, vec![row])), reads, &[Written::New(12)]);
    let mut executor = CpuExecutor::new(Arc::new(case.plan()), 1).unwrap();
    assert_eq!(executor.feed_ids(InputId(1), &[0, 4, 1]), Ok(()));
    let error = RuntimeError::Id { input: "read 1".to_owned(), found: 5, vocabulary: 5 };
    assert_eq!(executor.feed_ids(InputId(1), &[0, 4, 5]), Err(error));
}

#[test]
fn too_large_is_an_error() {
    let mut plan = negate(&[Written::New(20)], Access::of(&[4, 5])).plan();
    plan.activations = 1 << 60;
    let error = CpuExecutor::new(Arc::new(plan), 1).map(|_| ());
    assert!(matches!(error, Err(RuntimeError::Memory { .. })), "{error:?}");
}

#[test]
fn plans_that_race() {
    let fine = |case: &Case| {
        let plan = Arc::new(case.plan());
        catch_unwind(|| CpuExecutor::new(plan, 1).map(|_| ())).is_ok()
    };
    let mut turned = Access::of(&[5, 4]);
    turned.permute(&[1, 0]);
    assert!(fine(&negate(&[Written::Over(0)], Access::of(&[4, 5]))));
    assert!(
        !fine(&negate(&[Written::Over(0)], turned.clone())),
        "loads what another element stores"
    );
    assert!(fine(&negate(&[Written::New(20)], turned)));
    let mut twice = negate(&[Written::New(20)], Access::of(&[4, 5]));
    let Body::Map(tile) = &mut twice.body else { unreachable!("a map") };
    let mut access = Access::of(&[4, 1]);
    access.broadcast(&[4, 5]);
    tile.stores[0].access = access;
    assert!(!fine(&twice), "stores several elements to one number");
}
