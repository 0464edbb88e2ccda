//! What may not see a modality does not move by a bit, whatever that modality holds.
//!
//! Every check is a whole model in a batch of mixed presence: sample 0 has everything, sample 1 lacks what is varied, sample 2
//! lacks what is looked at, and one sample only fills the batch. Weights are shared by all streams, so gradients are those of
//! an objective on one stream's outputs, made in a program that computes all outputs.

use std::collections::BTreeMap;

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::{Checked, CompileOptions, Mode};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensor, TensorData};

use super::models::{self, random_batch, random_modality, tensor};

/// All bits of a run that may depend on one modality alone.
type Seen = BTreeMap<String, Vec<u32>>;

const BATCH: usize = 4;

/// How the other modality is varied.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Other {
    Noise(u64),
    NotANumber,
    Infinite,
    Absent,
    Unfed,
}

fn session(checked: &Checked, own: &str, only: bool, device: &Device) -> Session {
    let options = CompileOptions {
        batch: BATCH,
        mode: Mode::Gradients(Seed::Loss(format!("{own}_alone"))),
        only: only.then(|| vec![own.to_owned()]),
        random: true,
        ..CompileOptions::default()
    };
    let mut session = Session::new(checked, &options, device).expect("it compiles");
    session.initialize(5).expect("it takes them");
    session
}

/// Who has the varied modality, and who the one that is looked at.
fn batch(checked: &Checked, own: &str, other: &str, varied: Other) -> Batch {
    let model = &checked.model;
    let n = BATCH - 1;
    let mut batch = random_batch(model, n, 3);
    let tensors = &mut batch.tensors;
    let bits = |bits: [f32; 3]| tensor(&[n], bits.to_vec());
    tensors.insert(format!("{own}.present"), bits([1.0, 1.0, 0.0]));
    tensors.insert(format!("{other}.present"), bits([1.0, 0.0, 1.0]));
    // What a sample lacks is never looked at.
    let is_text = matches!(tensors.get(own).expect("fed").data(), TensorData::I64(_));
    if !is_text {
        let row = tensors.get(own).expect("fed").data().len() / n;
        let shape = tensors.get(own).expect("fed").shape().to_vec();
        let mut numbers = tensors.get(own).expect("fed").data().to_f32();
        numbers[2 * row..].fill(f32::NAN);
        tensors.insert(own, tensor(&shape, numbers));
    }
    let fed = tensors.get(other).expect("it is fed").clone();
    let constant = |number: f32| {
        if let TensorData::I64(ids) = fed.data() {
            let ids = vec![0; ids.len()];
            return Tensor::new(fed.shape().to_vec(), TensorData::I64(ids)).expect("ids");
        }
        tensor(fed.shape(), vec![number; fed.data().len()])
    };
    match varied {
        Other::Noise(seed) => {
            tensors.insert(other, random_modality(model, other, n, seed));
        }
        Other::NotANumber => {
            tensors.insert(other, constant(f32::NAN));
        }
        Other::Infinite => {
            tensors.insert(other, constant(f32::INFINITY));
        }
        Other::Absent => {
            tensors.insert(format!("{other}.present"), bits([0.0, 0.0, 0.0]));
        }
        Other::Unfed => {
            let left = tensors.iter().filter(|(name, _)| !name.starts_with(other));
            *tensors = left.map(|(name, tensor)| (name, tensor.clone())).collect();
        }
    }
    batch
}

/// Outputs of the stream, its loss, all gradients.
fn seen(session: &mut Session, batch: &Batch, own: &str) -> Seen {
    let options = RunOptions { seed: 11, first_sample: 40, ..RunOptions::default() };
    let results = session.run(batch, &options).expect("it runs");
    let bits = |tensor: &Tensor| tensor.data().to_f32().iter().map(|n| n.to_bits()).collect();
    let mut seen = Seen::new();
    for (name, tensor) in
        results.outputs().expect("it comes back").iter().filter(|(name, _)| name.starts_with(own))
    {
        seen.insert(format!("output {name}"), bits(tensor));
    }
    for (name, loss) in results.losses().expect("it comes back") {
        seen.insert(format!("loss {name}"), vec![loss.to_bits()]);
    }
    for (name, tensor) in results.weight_gradients().expect("it comes back").iter() {
        seen.insert(format!("gradient {name}"), bits(tensor));
    }
    for (name, tensor) in results.input_gradients().expect("it comes back").iter() {
        seen.insert(format!("input gradient {name}"), bits(tensor));
    }
    assert!(seen.keys().any(|name| name.starts_with("output")), "{own} has outputs");
    seen
}

fn check(name: &str, own: &str, all: &[&str]) {
    check_on(name, own, all, &Device::cpu(2));
}

/// The same on a device.
pub(crate) fn check_on(name: &str, own: &str, all: &[&str], device: &Device) {
    let loss = format!("  objective {own}_alone = sigmoid_cross_entropy({own}_logits, label)\n");
    let checked = models::with(name, &loss);
    let mut whole = session(&checked, own, false, device);
    let mut only = session(&checked, own, true, device);
    for other in all.iter().filter(|other| **other != own) {
        let base = batch(&checked, own, other, Other::Noise(1));
        let expected = seen(&mut whole, &base, own);
        for (what, bits) in &expected {
            let finite = bits.iter().all(|bits| f32::from_bits(*bits).is_finite());
            assert!(finite, "{name}: {what} is finite");
        }
        for varied in
            [Other::Noise(2), Other::NotANumber, Other::Infinite, Other::Absent, Other::Unfed]
        {
            let batch = batch(&checked, own, other, varied);
            let found = seen(&mut whole, &batch, own);
            for (what, bits) in &expected {
                assert!(found[what] == *bits, "{name}: {what} sees {other}, {varied:?}");
            }
        }
        alone(name, &expected, &seen(&mut only, &base, own), own);
    }
}

/// What is compiled for one modality alone is the same to the last bit, and has all that it needs.
fn alone(name: &str, whole: &Seen, only: &Seen, own: &str) {
    for (what, bits) in only {
        assert!(whole[what] == *bits, "{name}: {what} of {own} alone is another");
    }
    for (what, bits) in whole.iter().filter(|(what, _)| !only.contains_key(*what)) {
        let zero = bits.iter().all(|bits| f32::from_bits(*bits) == 0.0);
        assert!(what.contains("gradient") && zero, "{name}: {what} is not there for {own} alone");
    }
}

#[test]
fn zorro_vit() {
    check("zorro_vit", "video", &["video", "audio"]);
    check("zorro_vit", "audio", &["video", "audio"]);
}

#[test]
fn zorro_swin() {
    check("zorro_swin", "video", &["video", "audio"]);
    check("zorro_swin", "audio", &["video", "audio"]);
}

#[test]
fn zorro_hip() {
    check("zorro_hip", "video", &["video", "audio"]);
    check("zorro_hip", "audio", &["video", "audio"]);
}

#[test]
fn zorro_vit_streams() {
    check("zorro_vit_streams", "audio", &["video", "audio"]);
}

#[test]
fn trimodal() {
    for own in ["video", "audio", "caption"] {
        check("trimodal", own, &["video", "audio", "caption"]);
    }
}
