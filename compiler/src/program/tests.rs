//! Shaders of random models: naga takes them all, whatever the device can do.

mod contract;
mod groups;

use super::{Target, program};
use crate::autodiff::Seed;
use crate::graph::Precision;
use crate::random_model::random_spec;
use crate::{CompileOptions, Mode, Options, check_text, compile};

/// Devices of every kind.
const TARGETS: &[Target] = &[
    Target::PORTABLE,
    Target { subgroup: Some(8), shares: false, ..Target::PORTABLE },
    Target { subgroup: Some(32), f16: true, ..Target::PORTABLE },
    Target { shares: false, ..Target::PORTABLE },
];

/// An expression is a graph: what is used twice is not written twice, however long the chain, through views and in half precision,
/// too. As a tree, these would have 2^80 parts and more.
#[test]
fn chains_of_shared_expressions_are_linear() {
    for step in [
        "a |> gelu",
        "a |> silu",
        "a |> gelu_tanh",
        "a |> squared_relu",
        "a * a + a",
        "a + concat(a[2..4], a[0..2])",
    ] {
        let text = format!(
            "model m {{\nmodality a = tensor([4, 8])\ntokens a = a |> linear(8)\nrepeat 80 {{ a = {step} }}\n\
             output o = a |> pool(mean)\n}}"
        );
        let checked = check_text(&text, &Options::default()).checked.expect("it checks");
        for precision in [Precision::Single, Precision::Mixed] {
            let mode = Mode::Gradients(Seed::Outputs);
            let options = CompileOptions { batch: 2, mode, precision, ..CompileOptions::default() };
            let plan = compile(&checked, &options).expect("it compiles");
            let program = program(&plan, &Target { f16: true, ..Target::PORTABLE });
            let longest = program.shaders.iter().map(|shader| shader.text.len()).max();
            assert!(longest < Some(200 << 10), "{step}: {longest:?} bytes");
        }
    }
}

#[test]
fn random_models_have_well_formed_shaders() {
    for seed in 0..12 {
        let text = random_spec(seed);
        let checked = check_text(&text, &Options::default()).checked.expect("it checks");
        let precision = if seed % 2 == 0 { Precision::Single } else { Precision::Mixed };
        let options = CompileOptions { batch: 2, precision, ..CompileOptions::default() };
        let plan = compile(&checked, &options).expect("it compiles");
        for target in TARGETS {
            let program = program(&plan, target);
            for dispatch in &program.dispatches {
                assert!(dispatch.workgroups.iter().all(|size| (1..=65_535).contains(size)));
                assert!(dispatch.bindings.len() <= target.storage_buffers as usize);
                assert_eq!(dispatch.bindings.len(), program.shader(dispatch).storage.len());
                assert_eq!(dispatch.arguments.len(), program.shader(dispatch).argument_words);
            }
        }
    }
}
