//! What the programs of an audit are given.
//!
//! In: a model, a seed. Out: weights, batches in which one modality is replaced, cotangents. All of it is drawn by name, so
//! that no tensor depends on another. Deliberately not here: media; what is fed is noise.

use zorro_compiler::flow::ModalitySet;
use zorro_compiler::model::{Init, ModalityId, Model, Shape};
use zorro_compiler::number::Number;
use zorro_compiler::{Checked, random};
use zorro_runtime::{Batch, Tensor, TensorData, Tensors};

use crate::noise;

use super::{AuditOptions, Replacement};

/// Of the noise that moves constant starts.
const NUDGE: f32 = 0.1;

/// Weights and inputs.
pub(super) struct Data {
    pub(super) weights: Tensors,
    names: Vec<String>,
    /// For each modality what it is fed, and what replaces that.
    fed: Vec<[Tensor; 2]>,
    cotangents: Tensors,
    batch: usize,
}

impl Data {
    /// Draws all of it.
    pub(super) fn draw(checked: &Checked, options: &AuditOptions) -> Self {
        let (model, seed) = (&checked.model, options.seed);
        let modalities = model.modalities.iter();
        let own = noise::batch(model, options.batch, seed);
        let other = noise::batch(model, options.batch, !seed);
        let cotangents = model.outputs.iter().map(|output| {
            let name = format!("cotangent.{}", output.name);
            let shape = batched(options.batch, model.shape(output.value));
            (name.clone(), tensor(&shape, TensorData::F32(drawn(&name, &shape, seed))))
        });
        Self {
            weights: options.weights.clone().unwrap_or_else(|| weights(model, seed)),
            names: modalities.clone().map(|modality| modality.name.clone()).collect(),
            fed: modalities
                .map(|modality| {
                    [&own, &other].map(|batch| {
                        batch.tensors.get(&modality.name).expect("noise for every modality").clone()
                    })
                })
                .collect(),
            cotangents: cotangents.collect(),
            batch: options.batch,
        }
    }

    /// The batch in which nothing is replaced.
    pub(super) fn base(&self) -> Batch {
        let fed = self.names.iter().zip(&self.fed);
        Batch { tensors: fed.map(|(name, [tensor, _])| (name.clone(), tensor.clone())).collect() }
    }

    /// The batch in which modalities are replaced; `None` where they cannot be: ids are never NaN, and of one sample no half
    /// is absent.
    pub(super) fn replaced(
        &self,
        ids: impl IntoIterator<Item = ModalityId>,
        replacement: Replacement,
    ) -> Option<Batch> {
        let mut tensors = self.base().tensors;
        for id in ids {
            let [own, other] = &self.fed[id.index()];
            let name = &self.names[id.index()];
            match replacement {
                Replacement::Nothing => {}
                Replacement::Noise => drop(tensors.insert(name, other.clone())),
                Replacement::Nan => drop(tensors.insert(name, nan(own)?)),
                Replacement::Absent => self.remove(&mut tensors, id, |_| false),
                Replacement::Mixed if self.batch < 2 => return None,
                Replacement::Mixed => self.remove(&mut tensors, id, has_in_mixed),
            }
        }
        Some(Batch { tensors })
    }

    /// The batch in which all positions of a modality from this one on, along its first axis, are others; `None` where it has
    /// none.
    pub(super) fn later(&self, id: ModalityId, from: u64) -> Option<Batch> {
        let [own, other] = &self.fed[id.index()];
        let positions = *own.shape().get(1)?;
        let from = usize::try_from(from).ok().filter(|from| *from < positions)?;
        let row = own.data().len() / (self.batch * positions);
        let is_later = |at: usize| at / row.max(1) % positions >= from;
        let data = match (own.data(), other.data()) {
            (TensorData::F32(own), TensorData::F32(other)) => {
                TensorData::F32(mixed(own, other, is_later))
            }
            (TensorData::I64(own), TensorData::I64(other)) => {
                TensorData::I64(mixed(own, other, is_later))
            }
            _ => return None,
        };
        let mut tensors = self.base().tensors;
        tensors.insert(&self.names[id.index()], Tensor::new(own.shape().to_vec(), data)?);
        Some(Batch { tensors })
    }

    /// The batch that has these modalities alone.
    pub(super) fn only(&self, set: ModalitySet) -> Batch {
        let mut tensors = self.base().tensors;
        for id in (0..).map(ModalityId).take(self.names.len()).filter(|id| !set.contains(*id)) {
            self.remove(&mut tensors, id, |_| false);
        }
        Batch { tensors }
    }

    /// With cotangents for these outputs.
    pub(super) fn with_cotangents(&self, mut batch: Batch, outputs: &[String]) -> Batch {
        for output in outputs {
            let name = format!("cotangent.{output}");
            let tensor = self.cotangents.get(&name).expect("there is one for each output").clone();
            batch.tensors.insert(name, tensor);
        }
        batch
    }

    /// Takes a modality from samples. What these are fed is NaN: an absent sample's tensor is not looked at.
    fn remove(&self, tensors: &mut Tensors, id: ModalityId, has: impl Fn(usize) -> bool) {
        let name = &self.names[id.index()];
        let [own, _] = &self.fed[id.index()];
        if let TensorData::F32(numbers) = own.data() {
            let row = numbers.len() / self.batch;
            let numbers = numbers.iter().enumerate();
            let poisoned =
                numbers.map(|(at, number)| if has(at / row.max(1)) { *number } else { f32::NAN });
            let poisoned = TensorData::F32(poisoned.collect());
            tensors.insert(name, Tensor::new(own.shape().to_vec(), poisoned).expect("as many"));
        }
        let present = (0..self.batch).map(|at| if has(at) { 1.0 } else { 0.0 }).collect();
        let present = Tensor::new(vec![self.batch], TensorData::F32(present)).expect("one each");
        tensors.insert(format!("{name}.present"), present);
    }
}

/// Numbers of the first, and of the second where a condition holds.
fn mixed<T: Copy>(own: &[T], other: &[T], takes_other: impl Fn(usize) -> bool) -> Vec<T> {
    let pairs = own.iter().zip(other).enumerate();
    pairs.map(|(at, (own, other))| if takes_other(at) { *other } else { *own }).collect()
}

/// Whether a sample has the modality that half of the samples lack.
pub(super) fn has_in_mixed(sample: usize) -> bool {
    sample.is_multiple_of(2)
}

/// The weights of the start, made so that whatever reaches an output shows in its bits. What starts constant, such as
/// biases and scales, gets small noise, and what starts small is drawn wider: a row then has length 1, and a product keeps the
/// size of what it is given, where a few narrow layers of the usual start would shrink it below rounding.
pub(super) fn weights(model: &Model, seed: u64) -> Tensors {
    let weights = model.weights.iter().map(|weight| {
        let mut numbers = random::initial(&weight.name, &weight.shape, &weight.init, seed);
        match weight.init {
            Init::Constant(_) => {
                let moves = drawn(&format!("nudge.{}", weight.name), &weight.shape, seed);
                for (number, by) in numbers.iter_mut().zip(moves) {
                    *number += NUDGE * by;
                }
            }
            Init::Truncated(deviation) | Init::Normal(deviation) => {
                let factor = widened(&weight.shape, deviation.to_f64());
                numbers.iter_mut().for_each(|number| *number *= factor);
            }
            Init::Uniform(_) | Init::Xavier => {}
        }
        (weight.name.clone(), tensor(&weight.shape, TensorData::F32(numbers)))
    });
    weights.collect()
}

/// By what a start of this deviation is multiplied, so that rows have length 1 or what they had, if that is more.
fn widened(shape: &[u64], deviation: f64) -> f32 {
    let row = shape.last().copied().unwrap_or(1).max(1);
    #[expect(clippy::cast_precision_loss, reason = "rows are short, and any length near will do")]
    let wanted = 1.0 / (row as f64).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "a factor near will do")]
    let factor = (wanted / deviation).max(1.0) as f32;
    if factor.is_finite() { factor } else { 1.0 }
}

/// NaN everywhere; `None` for ids.
fn nan(tensor: &Tensor) -> Option<Tensor> {
    let TensorData::F32(numbers) = tensor.data() else { return None };
    let numbers = TensorData::F32(vec![f32::NAN; numbers.len()]);
    Tensor::new(tensor.shape().to_vec(), numbers)
}

fn drawn(name: &str, shape: &[u64], seed: u64) -> Vec<f32> {
    random::initial(name, shape, &Init::Normal(Number::ONE), seed)
}

fn batched(batch: usize, shape: &Shape) -> Vec<u64> {
    [&[batch as u64], &shape.grid[..], &[shape.width]].concat()
}

fn tensor(shape: &[u64], data: TensorData) -> Tensor {
    let sizes = shape.iter().map(|size| usize::try_from(*size).expect("it is in memory"));
    Tensor::new(sizes.collect(), data).expect("as many numbers as the shape")
}
