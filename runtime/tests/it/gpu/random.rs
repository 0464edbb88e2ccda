//! Random specs on a device, each compiled as its seed decides.

use super::super::compare::Worst;
use super::super::random_specs::{graphs, n_specs};
use super::{gpu_equals_cpu, gpus, turn};

/// How many are tried where nobody asks for more: drivers take long to compile.
const N_SPECS: u64 = 20;

#[test]
fn random_specs_are_what_the_processor_says() {
    let _turn = turn();
    let mut worst = Worst::default();
    let mut failures = Vec::new();
    for seed in 0..n_specs(N_SPECS) {
        for (graph, feed, model, old) in graphs(seed).expect("it compiles") {
            for gpu in gpus() {
                match gpu_equals_cpu(&model, &graph, &feed, &old, &gpu) {
                    Ok(found) => worst = worst.and(found),
                    Err(text) => failures.push(format!("seed {seed}, {:?}: {text}", gpu.target())),
                }
            }
        }
    }
    eprintln!("worst {worst:?}");
    assert!(failures.is_empty(), "{} fail\n{}", failures.len(), failures.join("\n"));
}
