//! Noise of the right names and shapes: what a model can be fed before there is data.
//!
//! In: a model and a seed. Out: a batch in which all samples have all modalities and targets. Every tensor is drawn by its name,
//! so that none depends on another. Deliberately not here: media, and samples that lack something.

use zorro_compiler::model::{Init, Model, Source, TargetKind};
use zorro_compiler::number::Number;
use zorro_compiler::random;
use zorro_runtime::{Batch, Tensor, TensorData};

/// Modalities of mean 0 and deviation 1, ids, classes; targets of many classes are 0 or 1.
#[must_use]
pub fn batch(model: &Model, samples: usize, seed: u64) -> Batch {
    let mut batch = Batch::default();
    for modality in &model.modalities {
        let grid = &modality.shape.grid;
        let tensor = match modality.source {
            Source::Text { vocabulary, .. } => {
                integers(&modality.name, &sizes(samples, grid, &[]), vocabulary, seed)
            }
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                numbers(&modality.name, &sizes(samples, grid, &[modality.shape.width]), seed)
            }
        };
        batch.tensors.insert(&modality.name, tensor);
    }
    for target in &model.targets {
        let name = &target.name;
        let tensor = match &target.kind {
            TargetKind::Class(classes) => integers(name, &sizes(samples, &[], &[]), *classes, seed),
            TargetKind::Classes(classes) => {
                let shape = sizes(samples, &[*classes], &[]);
                let drawn = random::initial(name, &shape, &Init::Uniform(Number::ONE), seed);
                let bits = drawn.into_iter().map(|number| f32::from(u8::from(number > 0.0)));
                tensor(&shape, TensorData::F32(bits.collect()))
            }
            TargetKind::Tensor(shape) => {
                numbers(name, &sizes(samples, &shape.grid, &[shape.width]), seed)
            }
        };
        batch.tensors.insert(name, tensor);
    }
    batch
}

/// Whether there is memory for a batch of so many samples.
///
/// # Errors
///
/// In words, where there is not.
pub fn fits(model: &Model, samples: usize) -> Result<(), String> {
    let modalities = model.modalities.iter().map(|modality| modality.shape.numbers());
    let targets = model.targets.iter().map(|target| match &target.kind {
        TargetKind::Class(classes) | TargetKind::Classes(classes) => *classes,
        TargetKind::Tensor(shape) => shape.numbers(),
    });
    let numbers: u128 = modalities.chain(targets).map(u128::from).sum();
    let bytes = 4 * numbers * samples as u128;
    let room = usize::try_from(bytes)
        .ok()
        .filter(|bytes| Vec::<u8>::new().try_reserve_exact(*bytes).is_ok());
    match room {
        Some(_) => Ok(()),
        None => Err(format!(
            "not enough memory for inputs: {bytes} bytes are needed; try a smaller batch"
        )),
    }
}

/// Normal numbers.
fn numbers(name: &str, shape: &[u64], seed: u64) -> Tensor {
    let drawn = random::initial(name, shape, &Init::Normal(Number::ONE), seed);
    tensor(shape, TensorData::F32(drawn))
}

/// Integers from 0 to below a limit.
fn integers(name: &str, shape: &[u64], below: u64, seed: u64) -> Tensor {
    let drawn = random::initial(name, shape, &Init::Uniform(Number::ONE), seed);
    let last = i64::try_from(below).unwrap_or(i64::MAX) - 1;
    #[expect(clippy::cast_precision_loss, reason = "limits are below 2^32, and any number will do")]
    let scaled = |number: f32| (f64::from(number) + 1.0) / 2.0 * below as f64;
    #[expect(clippy::cast_possible_truncation, reason = "it is cut to the limit")]
    let drawn = drawn.into_iter().map(|number| (scaled(number) as i64).clamp(0, last.max(0)));
    tensor(shape, TensorData::I64(drawn.collect()))
}

fn sizes(samples: usize, grid: &[u64], width: &[u64]) -> Vec<u64> {
    [&[samples as u64], grid, width].concat()
}

fn tensor(shape: &[u64], data: TensorData) -> Tensor {
    let sizes = shape.iter().map(|size| usize::try_from(*size).expect("it is in memory"));
    Tensor::new(sizes.collect(), data).expect("as many numbers as the shape")
}
