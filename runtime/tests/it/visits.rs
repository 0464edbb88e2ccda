//! Attention visits the blocks and pairs that the masks allow, and no others.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::plan::{AttendKind, Body};
use zorro_runtime::compiler::routing::Tile;
use zorro_runtime::compiler::{CompileOptions, Mode};
use zorro_runtime::cpu::attend::{OTHERS, OWNERS};
use zorro_runtime::{Device, RunOptions, Session};

use super::models::{random_batch, small};

const BATCH: usize = 3;

/// Holds counts to the schedules of all attention kernels; gradients visit, too.
fn check(name: &str) {
    let checked = small(name);
    let objective = checked.model.objectives[0].name.clone();
    let options = CompileOptions {
        batch: BATCH,
        mode: Mode::Gradients(Seed::Loss(objective)),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&checked, &options, &Device::cpu(2)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let (mut blocks, mut pairs, mut dense) = (0, 0, 0);
    let mut gradients = 0;
    for kernel in &session.plan().kernels {
        let Body::Attend(kind, id) = session.plan().body(kernel) else { continue };
        let attention = &session.plan().attentions[id.0 as usize];
        let (owners, others) = (OWNERS as u64, OTHERS as u64);
        let (schedule, tile) = match kind {
            AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::Scores => {
                (&attention.forward, Tile { queries: owners, keys: others })
            }
            AttendKind::KeysValues { .. } => {
                gradients += 1;
                (&attention.backward, Tile { queries: others, keys: owners })
            }
        };
        blocks += schedule.tiles(tile).visited() * BATCH as u128;
        pairs += schedule.allowed() * BATCH as u128;
        assert_eq!(schedule.allowed(), attention.mask.allowed(), "{name}: {}", kernel.path);
        dense += schedule.tiles(Tile { queries: 1, keys: 1 }).total() * BATCH as u128;
    }
    session.executor_mut().profile(true).expect("it can");
    let batch = random_batch(&checked.model, BATCH, 1);
    session.run(&batch, &RunOptions::default()).expect("it runs");
    let visits = session.executor().cpu().expect("the processor").visits();
    assert_eq!(u128::from(visits.blocks()), blocks, "{name}: blocks");
    assert_eq!(u128::from(visits.pairs()), pairs, "{name}: pairs");
    assert!(gradients > 0 && pairs < dense, "{name}: {pairs} of {dense}");
}

#[test]
fn models() {
    for name in ["zorro_vit", "zorro_swin", "zorro_hip", "trimodal", "clip"] {
        check(name);
    }
}
