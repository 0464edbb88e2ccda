//! What a device does beside computing: the same twice, times of kernels, kernels one by one, and errors.

use std::sync::Arc;

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule};
use zorro_runtime::compiler::random_model::{random_feed, random_samples};
use zorro_runtime::compiler::{CompileError, CompileOptions, Mode, compile_graph, plan};
use zorro_runtime::device::DeviceChoice;
use zorro_runtime::gpu::{Gpu, GpuOptions, adapters, check, tested_adapter};
use zorro_runtime::{Device, RunOptions, RuntimeError, Session, Tensors};

use super::super::models::{names, random_batch, small};
use super::{gpus, turn};

fn training(objective: &str) -> Mode {
    let rule = Rule::AdamW { first: 0.9, second: 0.95, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(0.5), accumulate: 1 };
    Mode::Training {
        objective: objective.to_owned(),
        optimizer,
        decay: Decay::Matrices,
        frozen: Vec::new(),
    }
}

/// Weights, outputs and losses after some steps, none of which is waited for before the next.
fn trained(name: &str, device: &Device) -> (Tensors, Tensors, Vec<u32>) {
    let checked = small(name);
    let mode = training(&checked.model.objectives[0].name);
    let options = CompileOptions { batch: 3, mode, random: true, ..CompileOptions::default() };
    let mut session = Session::new(&checked, &options, device).expect("it compiles");
    session.initialize(1).expect("it takes them");
    for step in 0..4_u32 {
        let batch = random_batch(&checked.model, 3, u64::from(step));
        let options = RunOptions {
            seed: 3,
            first_sample: 3 * step,
            learning_rate: 0.01,
            corrections: (0.1, 0.05),
            updates: true,
        };
        let results = session.run(&batch, &options).expect("it runs");
        if step == 3 {
            let losses = results.losses().expect("they come back");
            let losses = losses.values().map(|loss| loss.to_bits()).collect();
            let outputs = results.outputs().expect("they come back");
            return (session.weights().expect("they come back"), outputs, losses);
        }
    }
    unreachable!("the last step returns")
}

#[track_caller]
fn same(first: &Tensors, second: &Tensors, what: &str) {
    for (name, tensor) in first.iter() {
        assert!(tensor.same_bits(second.get(name).expect("the same names")), "{what}: {name}");
    }
}

#[test]
fn the_same_twice() {
    let _turn = turn();
    for gpu in gpus().into_iter().take(1) {
        for name in ["zorro_vit", "clip"] {
            let device = Device::Gpu(gpu.clone());
            let (first, second) = (trained(name, &device), trained(name, &device));
            same(&first.0, &second.0, &format!("{name}: weights"));
            same(&first.1, &second.1, &format!("{name}: outputs"));
            assert_eq!(first.2, second.2, "{name}: losses");
        }
    }
}

#[test]
fn every_kernel_by_itself() {
    let _turn = turn();
    for name in names() {
        let checked = small(&name);
        let model = &checked.model;
        let mode = training(&model.objectives[0].name);
        let options = CompileOptions { batch: 3, mode, random: true, ..CompileOptions::default() };
        let graph = compile_graph(&checked, &options).expect("it compiles");
        let feed = random_feed(model, &graph, &random_samples(model, 3, 1), 1);
        for gpu in gpus() {
            let plan = Arc::new(plan::plan_within(&graph, gpu.limits()));
            for found in check(&gpu, &plan, &feed).expect("it runs") {
                let worst = 1e-4;
                assert!(found.error <= worst, "{name}, {:?}: {found:?}", gpu.target());
            }
        }
    }
}

#[test]
fn kernels_are_timed_where_the_device_can() {
    let _turn = turn();
    for gpu in gpus() {
        let checked = small("zorro_vit");
        let objective = checked.model.objectives[0].name.clone();
        let mode = Mode::Gradients(Seed::Loss(objective));
        let options = CompileOptions { batch: 2, mode, ..CompileOptions::default() };
        let device = Device::Gpu(gpu.clone());
        let mut session = Session::new(&checked, &options, &device).expect("it compiles");
        session.initialize(1).expect("it takes them");
        session.executor_mut().profile(true).expect("it can");
        let batch = random_batch(&checked.model, 2, 1);
        let timed = session.run(&batch, &RunOptions::default()).expect("it runs");
        let timed = timed.losses().expect("they come back");
        let seconds = session.executor().seconds().map(<[f64]>::to_vec);
        assert_eq!(seconds.is_some(), gpu.times_kernels());
        if let Some(seconds) = seconds {
            assert_eq!(seconds.len(), session.plan().kernels.len());
            assert!(seconds.iter().all(|time| (0.0..10.0).contains(time)), "{seconds:?}");
            assert!(seconds.iter().sum::<f64>() > 0.0);
        }
        session.executor_mut().profile(false).expect("it can");
        assert_eq!(session.executor().seconds(), None);
        let untimed = session.run(&batch, &RunOptions::default()).expect("it runs");
        assert_eq!(untimed.losses().expect("they come back"), timed);
    }
}

#[test]
fn what_there_is_not_is_said() {
    let error = Gpu::open(999, &GpuOptions::default()).expect_err("there are not as many");
    assert!(error.to_string().starts_with("there is no device `999`"), "{error}");
    let choice: DeviceChoice = "no such thing".parse().expect("a name");
    let error = Device::open(&choice, &GpuOptions::default(), 1).expect_err("there is none");
    let listed = adapters().iter().all(|one| error.to_string().contains(&one.name));
    assert!(listed && error.to_string().contains("--device cpu"), "{error}");
    let cpu = Device::open(&DeviceChoice::Cpu, &GpuOptions::default(), 3).expect("it is there");
    assert_eq!(cpu.name(), "cpu");
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_taken() {
    let _turn = turn();
    let Some(index) = tested_adapter() else { return };
    let options = GpuOptions { buffer_bytes: Some(64 << 10), ..GpuOptions::default() };
    let gpu = Gpu::open(index, &options).expect("it opens");
    let checked = small("zorro_vit");
    let options = CompileOptions { batch: 5000, ..CompileOptions::default() };
    let error = Session::new(&checked, &options, &Device::Gpu(gpu)).expect_err("it is too large");
    let RuntimeError::Compile(CompileError::BeyondLimits(_)) = &error else {
        panic!("{error}");
    };
    let text = error.to_string();
    assert!(text.contains("make the batch ") && text.ends_with(" instead of 5000"), "{text}");
}
