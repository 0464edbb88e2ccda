//! What the foreign host computes from a manifest is what zorro computes itself.

use std::fs;
use std::path::Path;

use zorro::emit::{Form, emit};
use zorro::runtime::{Batch, Device, RunOptions, Session, TensorData};
use zorro::{CompileOptions, Mode, Options, Target, check_text, noise, runtime};
use zorro_compiler::autodiff::Seed;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::plan::Limits;

use super::{Tensors, run, words};

/// Two streams that fusion reads, windows, a causal text, and a loss of everything.
const SPEC: &str = "model small {
  modality photo = tensor([4, 6, 3])
  modality sound = tensor([5, 7])
  modality text  = text(length: 6, vocabulary: 9)
  tokens photo  = photo |> patches(2, 2) |> linear(8) |> position()
  tokens sound  = sound |> linear(8) |> absent(learned)
  tokens text   = text |> embed(8)
  tokens fusion = latents(3, 8)
  layers: repeat 2 {
    apply vit(heads: 2) over {
      photo  <- photo
      sound  <- sound
      text   <- text within causal
      fusion <- *
    }
  }
  target label = class(5)
  output of_photo  = photo |> pool(mean) |> linear(5)
  output of_sound  = sound |> pool(mean) |> linear(5)
  output of_text   = text |> pool(last) |> linear(5)
  output of_fusion = fusion |> pool(mean) |> linear(5)
  objective all = mean(
    cross_entropy(of_photo, label),
    cross_entropy(of_text, label),
    cross_entropy(of_fusion, label)
  )
}";

/// Sums of some hundred products of single precision, in another order.
const TOLERANCE: f32 = 1e-4;

fn bytes(tensors: &runtime::Tensors) -> Tensors {
    let bytes = |data: &TensorData| match data.to_integers() {
        Some(integers) => integers.into_iter().flat_map(|it| (it as u32).to_le_bytes()).collect(),
        None => data.to_f32().iter().flat_map(|it| it.to_le_bytes()).collect(),
    };
    tensors.iter().map(|(name, tensor)| (name.to_owned(), bytes(tensor.data()))).collect()
}

fn write(folder: &Path, files: Vec<zorro::emit::EmittedFile>) {
    for file in files {
        fs::write(folder.join(file.name), file.bytes).expect("the folder can be written to");
    }
}

/// Classes as the manifest wants them.
fn distributions(batch: &Batch, classes: usize) -> runtime::Tensors {
    let tensors = batch.tensors.iter().map(|(name, tensor)| {
        let hot = (name == "label").then(|| tensor.one_hot(classes).expect("labels are classes"));
        (name.to_owned(), hot.unwrap_or_else(|| tensor.clone()))
    });
    tensors.collect()
}

/// Holds what the host computes to the processor. Nothing to hold where there is no adapter.
fn check(mode: Mode, missing: &[&str], limits: Limits) {
    let checked = check_text(SPEC, &Options::default()).checked.expect("the spec is right");
    let options = CompileOptions { batch: 3, mode, limits, ..CompileOptions::default() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = emit(&checked, &options, &Target::PORTABLE, &[Form::Wgsl]);
    write(folder.path(), files.expect("it compiles"));
    let mut session =
        Session::new(&checked, &options, &Device::Cpu { threads: 2 }).expect("it compiles");
    session.initialize(7).expect("there are weights");
    let weights = session.weights().expect("there are weights");
    let mut batch = noise::batch(&checked.model, 3, 5);
    let kept = batch.tensors.iter().filter(|(name, _)| !missing.contains(name));
    batch = Batch { tensors: kept.map(|(name, it)| (name.to_owned(), it.clone())).collect() };
    let fed = bytes(&distributions(&batch, 5));
    let Some(found) = run(folder.path(), &bytes(&weights), &fed) else {
        let required = std::env::var("ZORRO_GPU").is_ok_and(|wish| wish == "require");
        assert!(!required, "no adapter, and ZORRO_GPU=require");
        return;
    };
    let corrections = (0.1, 0.001);
    let step = RunOptions { learning_rate: 0.01, corrections, ..RunOptions::default() };
    let results = session.run(&batch, &step).expect("it runs");
    let has = |name: &str| {
        let known = checked.model.outputs.iter().any(|output| output.name == name);
        !known || results.has_output(&checked.flow, name).iter().all(|has| *has)
    };
    let mut wanted = bytes(&results.outputs().expect("results"));
    wanted.retain(|name, _| has(name));
    for (name, loss) in results.losses().expect("results") {
        wanted.insert(format!("loss.{name}"), loss.to_le_bytes().to_vec());
    }
    if results.has_gradients() {
        let all = [results.weight_gradients(), results.input_gradients()];
        for (name, gradient) in all.iter().flat_map(|found| bytes(found.as_ref().expect("results")))
        {
            wanted.insert(format!("gradient.{name}"), gradient);
        }
    }
    if let Mode::Training { .. } = options.mode {
        wanted.extend(bytes(&session.weights().expect("there are weights")));
    }
    let mut n_compared = 0;
    for (name, wanted) in &wanted {
        // Weights that the loss does not reach: no gradient, and no update.
        let Some(found) = found.get(name) else { continue };
        n_compared += 1;
        let (found, wanted) = (numbers(found), numbers(wanted));
        assert_eq!(found.len(), wanted.len(), "{name}");
        let size = wanted.iter().fold(0.0_f32, |size, number| size.max(number.abs())).max(1e-3);
        for (found, wanted) in found.iter().zip(&wanted) {
            let is_near = (found - wanted).abs() <= TOLERANCE * size;
            assert!(is_near, "{name}: {found} and not {wanted}");
        }
    }
    assert!(n_compared >= checked.model.outputs.len() - missing.len(), "{n_compared} are compared");
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    words(bytes).into_iter().map(f32::from_bits).collect()
}

#[test]
fn outputs() {
    let mode = || Mode::Forward { objectives: vec!["all".to_owned()] };
    check(mode(), &[], Limits::NONE);
    check(mode(), &["sound"], Limits::NONE);
    check(mode(), &["photo", "text"], Limits::NONE);
    // Activations in several buffers.
    check(mode(), &[], Limits { buffer_numbers: 2048, binding_numbers: 1 << 20 });
}

#[test]
fn gradients() {
    check(Mode::Gradients(Seed::Loss("all".to_owned())), &[], Limits::NONE);
    check(Mode::Gradients(Seed::Loss("all".to_owned())), &["photo"], Limits::NONE);
}

#[test]
fn a_step_of_training() {
    let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.1, clip: Some(1.0), accumulate: 1 };
    let objective = "all".to_owned();
    check(
        Mode::Training { objective, optimizer, decay: Decay::Matrices, frozen: Vec::new() },
        &[],
        Limits::NONE,
    );
}
