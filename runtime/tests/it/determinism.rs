//! The same bits: from plan to plan, from run to run, on any number of threads, beside any number of samples.

use zorro_runtime::compiler::lower::Decay;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule};
use zorro_runtime::compiler::{Checked, CompileOptions, Mode, compile};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensor, Tensors};

use super::models::{names, random_batch, small};

fn optimizer() -> Optimizer {
    let rule = Rule::AdamW { first: 0.9, second: 0.95, eps: 1e-8 };
    Optimizer { rule, weight_decay: 0.1, clip: Some(0.5), accumulate: 1 }
}

fn training(checked: &Checked, batch: usize) -> CompileOptions {
    let objective = checked.model.objectives[0].name.clone();
    let mode = Mode::Training {
        objective,
        optimizer: optimizer(),
        decay: Decay::Matrices,
        frozen: Vec::new(),
    };
    CompileOptions { batch, mode, random: true, ..CompileOptions::default() }
}

#[track_caller]
fn same(first: &Tensors, second: &Tensors, what: &str) {
    assert_eq!(first.names().collect::<Vec<_>>(), second.names().collect::<Vec<_>>(), "{what}");
    for (name, tensor) in first.iter() {
        assert!(tensor.same_bits(second.get(name).expect("the same names")), "{what}: {name}");
    }
}

#[test]
fn plans() {
    for name in names() {
        let checked = small(&name);
        let options = training(&checked, 2);
        let plan = || format!("{:?}", compile(&checked, &options).expect("it compiles"));
        assert!(plan() == plan(), "{name}");
        let again = format!("{:?}", compile(&small(&name), &options).expect("it compiles"));
        assert!(plan() == again, "{name}");
    }
}

/// Weights and outputs after some steps.
fn trained(checked: &Checked, threads: usize) -> (Tensors, Tensors, Vec<u32>) {
    let mut session =
        Session::new(checked, &training(checked, 5), &Device::cpu(threads)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let mut losses = Vec::new();
    let mut outputs = Tensors::new();
    for step in 0..3_u32 {
        let batch = random_batch(&checked.model, 4, u64::from(step));
        let options = RunOptions {
            seed: 3,
            first_sample: 4 * step,
            learning_rate: 0.01,
            corrections: optimizer().corrections(u64::from(step) + 1),
            updates: true,
        };
        let results = session.run(&batch, &options).expect("it runs");
        losses.extend(results.losses().expect("it comes back").values().map(|loss| loss.to_bits()));
        outputs = results.outputs().expect("it comes back");
    }
    (session.weights().expect("it comes back"), outputs, losses)
}

#[test]
fn threads() {
    for name in names() {
        let checked = small(&name);
        let (weights, outputs, losses) = trained(&checked, 1);
        let finite = weights.iter().all(|(_, t)| t.data().to_f32().iter().all(|n| n.is_finite()));
        assert!(finite, "{name}");
        for threads in [1, 2, 3, 8] {
            let found = trained(&checked, threads);
            same(&weights, &found.0, &format!("{name}: weights on {threads} threads"));
            same(&outputs, &found.1, &format!("{name}: outputs on {threads} threads"));
            assert_eq!(losses, found.2, "{name}: losses on {threads} threads");
        }
    }
}

/// Some samples of a batch.
fn some(batch: &Batch, from: usize, to: usize) -> Batch {
    let cut = |tensor: &Tensor| {
        let width: usize = tensor.shape()[1..].iter().product();
        let mut shape = tensor.shape().to_vec();
        shape[0] = to - from;
        let data = match tensor.data().to_integers() {
            Some(ids) => zorro_runtime::TensorData::I64(ids[from * width..to * width].to_vec()),
            None => zorro_runtime::TensorData::F32(
                tensor.data().to_f32()[from * width..to * width].to_vec(),
            ),
        };
        Tensor::new(shape, data).expect("as many as samples")
    };
    Batch { tensors: batch.tensors.iter().map(|(name, tensor)| (name, cut(tensor))).collect() }
}

/// Outputs of samples from one on, in a batch of so many, perhaps not all of them given.
fn outputs(checked: &Checked, all: &Batch, size: usize, from: usize, given: usize) -> Tensors {
    let options = CompileOptions { batch: size, random: true, ..CompileOptions::default() };
    let mut session = Session::new(checked, &options, &Device::cpu(2)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let first_sample = u32::try_from(from).expect("few");
    let options = RunOptions { seed: 9, first_sample, ..RunOptions::default() };
    let batch = some(all, from, from + given);
    session.run(&batch, &options).expect("it runs").outputs().expect("it comes back")
}

#[test]
fn batches() {
    for name in names() {
        let checked = small(&name);
        let all = random_batch(&checked.model, 65, 2);
        let expected = outputs(&checked, &all, 65, 0, 65);
        for (size, from, given) in
            [(1, 0, 1), (1, 64, 1), (2, 63, 2), (7, 30, 7), (63, 1, 63), (64, 1, 64), (64, 5, 50)]
        {
            let found = outputs(&checked, &all, size, from, given);
            for (output, tensor) in expected.iter() {
                let width: usize = tensor.shape()[1..].iter().product();
                let bits = |tensor: &Tensor, from: usize| {
                    let numbers = tensor.data().to_f32();
                    let own = &numbers[from * width..(from + given) * width];
                    own.iter().map(|number| number.to_bits()).collect::<Vec<_>>()
                };
                let found = found.get(output).expect("the same outputs");
                assert!(
                    bits(tensor, from) == bits(found, 0),
                    "{name}: {output} in a batch of {size} from {from}"
                );
            }
        }
    }
}
