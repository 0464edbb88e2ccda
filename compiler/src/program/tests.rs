//! Shaders of random models: naga takes them all, whatever the device can do.

mod contract;

use super::{Target, program};
use crate::graph::Precision;
use crate::random_model::random_spec;
use crate::{CompileOptions, Options, check_text, compile};

/// Devices of every kind.
const TARGETS: &[Target] = &[
    Target::PORTABLE,
    Target { subgroup: Some(8), shares: false, ..Target::PORTABLE },
    Target { subgroup: Some(32), f16: true, ..Target::PORTABLE },
    Target { shares: false, ..Target::PORTABLE },
];

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
