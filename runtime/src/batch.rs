//! A batch: what is fed for some samples, and which samples have what.
//!
//! In: tensors by the names of modalities and targets, as they lie in files. Out: numbers for each input of a plan, and
//! the samples. Tensors are checked against the model; class numbers become distributions; what a sample lacks becomes
//! zeros, whatever was given. A batch of fewer samples than the plan takes is filled up with samples that have nothing and
//! count in nothing. Deliberately not here: decoding and resampling of media.

use zorro_compiler::flow::ModalitySet;
use zorro_compiler::graph::{Input, InputKind, Sample};
use zorro_compiler::model::{ModalityId, Model, TargetId, TargetKind};

use crate::RuntimeError;
use crate::tensors::{Tensor, TensorData, Tensors};

/// What is fed.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Modalities `[batch, grid.., width]`, ids `[batch, length]`, targets `[batch, numbers..]` or class numbers
    /// `[batch]`, and `NAME.present` `[batch]`, 0 where a sample lacks the modality or target; for gradients
    /// `cotangent.OUTPUT` of the output's shape. A modality that is not there at all is lacked by every sample.
    pub tensors: Tensors,
}

/// A batch as a plan takes it.
#[derive(Debug, Clone)]
pub struct Fed {
    /// For each input of the plan its numbers, or the bits of its integers.
    pub inputs: Vec<FedTensor>,
    /// What each sample has.
    pub samples: Vec<Sample>,
}

/// One input.
#[derive(Debug, Clone, PartialEq)]
pub enum FedTensor {
    /// Numbers.
    Numbers(Vec<f32>),
    /// Integers.
    Integers(Vec<u32>),
}

impl Batch {
    /// How many samples the tensors are for.
    ///
    /// # Errors
    ///
    /// Tensors of different batches, or none.
    pub fn samples(&self) -> Result<usize, RuntimeError> {
        let mut found: Option<(&str, usize)> = None;
        for (name, tensor) in self.tensors.iter() {
            let Some(size) = tensor.shape().first().copied() else {
                return Err(RuntimeError::Shape {
                    name: name.to_owned(),
                    expected: "[batch, ..]".to_owned(),
                    found: tensor.shape().to_vec(),
                });
            };
            match found {
                Some((first, other)) if other != size => {
                    return Err(RuntimeError::BatchesDiffer {
                        first: first.to_owned(),
                        first_size: other,
                        second: name.to_owned(),
                        second_size: size,
                    });
                }
                Some(_) => {}
                None => found = Some((name, size)),
            }
        }
        found.map(|(_, size)| size).ok_or(RuntimeError::NothingFed)
    }

    /// The batch for a plan of so many samples with these inputs.
    ///
    /// # Errors
    ///
    /// Names that the model does not have, wrong shapes, ids beyond the vocabulary, classes that do not exist, more
    /// samples than the plan takes.
    pub fn fed(&self, model: &Model, inputs: &[Input], batch: usize) -> Result<Fed, RuntimeError> {
        self.check_names(model)?;
        let is_self_made = model.modalities.is_empty() && self.tensors.is_empty();
        let given = if is_self_made { batch } else { self.samples()? };
        if given > batch {
            return Err(RuntimeError::Samples { expected: batch, found: given });
        }
        let samples = self.who_has_what(model, given, batch)?;
        let mut fed = Vec::new();
        for input in inputs {
            fed.push(self.input(model, input, given, &samples)?);
        }
        // What is sorted follows from the ids before it.
        for (at, input) in inputs.iter().enumerate() {
            if let InputKind::IdOrder | InputKind::IdStarts = input.kind {
                fed[at] = sorted(inputs, &fed, input);
            }
        }
        Ok(Fed { inputs: fed, samples })
    }

    /// Whether the model takes every tensor.
    ///
    /// # Errors
    ///
    /// A name that the model does not have.
    pub fn check_names(&self, model: &Model) -> Result<(), RuntimeError> {
        let mut known: Vec<String> = Vec::new();
        for modality in &model.modalities {
            known.extend([modality.name.clone(), format!("{}.present", modality.name)]);
        }
        for target in &model.targets {
            known.extend([target.name.clone(), format!("{}.present", target.name)]);
        }
        known.extend(model.outputs.iter().map(|output| format!("cotangent.{}", output.name)));
        match self.tensors.names().find(|name| !known.iter().any(|known| known == name)) {
            Some(name) => Err(RuntimeError::UnknownTensor { name: name.to_owned(), known }),
            None => Ok(()),
        }
    }

    /// What each sample of a batch of so many has; those after the given ones only fill it.
    pub(crate) fn who_has_what(
        &self,
        model: &Model,
        given: usize,
        batch: usize,
    ) -> Result<Vec<Sample>, RuntimeError> {
        let mut samples = Vec::new();
        for at in 0..batch {
            if at >= given {
                samples.push(Sample::filler());
                continue;
            }
            let mut modalities = ModalitySet::EMPTY;
            for (id, modality) in (0..).map(ModalityId).zip(&model.modalities) {
                if self.has(&modality.name, at)? {
                    modalities = modalities.union(ModalitySet::only(id));
                }
            }
            let mut targets = Vec::new();
            for (id, target) in (0..).map(TargetId).zip(&model.targets) {
                if self.has(&target.name, at)? {
                    targets.push(id);
                }
            }
            samples.push(Sample { modalities, targets, counted: true });
        }
        Ok(samples)
    }

    /// Whether a sample has something.
    fn has(&self, name: &str, at: usize) -> Result<bool, RuntimeError> {
        if self.tensors.get(name).is_none() {
            return Ok(false);
        }
        let name = format!("{name}.present");
        let Some(present) = self.tensors.get(&name) else { return Ok(true) };
        if present.shape().len() != 1 {
            let expected = "[batch]".to_owned();
            return Err(RuntimeError::Shape { name, expected, found: present.shape().to_vec() });
        }
        match present.data().f32s()[at] {
            0.0 => Ok(false),
            1.0 => Ok(true),
            found => Err(RuntimeError::Present { name, sample: at, found: found.to_string() }),
        }
    }

    fn input(
        &self,
        model: &Model,
        input: &Input,
        given: usize,
        samples: &[Sample],
    ) -> Result<FedTensor, RuntimeError> {
        let numbers: usize = input.shape.iter().product();
        match input.kind {
            InputKind::IdOrder | InputKind::IdStarts => Ok(FedTensor::Integers(vec![0; numbers])),
            InputKind::Ids => self.ids(model, input, given, samples),
            InputKind::Cotangent => {
                let name = format!("cotangent.{}", input.name);
                let Some(tensor) = self.tensors.get(&name) else {
                    return Ok(FedTensor::Numbers(vec![0.0; numbers]));
                };
                self.numbers(&name, tensor, input, |at| at < given)
            }
            InputKind::Modality => {
                let Some(tensor) = self.tensors.get(&input.name) else {
                    return Ok(FedTensor::Numbers(vec![0.0; numbers]));
                };
                let id = model.modality(&input.name).expect("plans feed modalities of the model");
                self.numbers(&input.name, tensor, input, |at| samples[at].modalities.contains(id))
            }
            InputKind::Target => {
                let Some(tensor) = self.tensors.get(&input.name) else {
                    return Ok(FedTensor::Numbers(vec![0.0; numbers]));
                };
                let at = model.targets.iter().position(|target| target.name == input.name);
                let at = at.expect("plans feed targets of the model");
                let id = TargetId(u32::try_from(at).expect("few targets"));
                let has = |at: usize| samples[at].targets.contains(&id);
                let tensor = distribution(&model.targets[at].kind, &input.name, tensor, has)?;
                let fed = self.numbers(&input.name, &tensor, input, has)?;
                check_target(&model.targets[at].kind, input, &fed)?;
                Ok(fed)
            }
        }
    }

    /// Numbers of the shape that the plan takes; zeros for samples that lack them.
    fn numbers(
        &self,
        name: &str,
        tensor: &Tensor,
        input: &Input,
        has: impl Fn(usize) -> bool,
    ) -> Result<FedTensor, RuntimeError> {
        check_shape(name, tensor, &input.shape)?;
        let width: usize = input.shape[1..].iter().product();
        let mut all = vec![0.0; input.shape[0] * width];
        let found = tensor.data().to_f32();
        for (at, row) in found.chunks_exact(width.max(1)).enumerate() {
            if has(at) {
                all[at * width..(at + 1) * width].copy_from_slice(row);
            }
        }
        Ok(FedTensor::Numbers(all))
    }

    fn ids(
        &self,
        model: &Model,
        input: &Input,
        given: usize,
        samples: &[Sample],
    ) -> Result<FedTensor, RuntimeError> {
        let (batch, length) = (input.shape[0], input.shape[1..].iter().product::<usize>());
        let mut all = vec![0; batch * length];
        let Some(tensor) = self.tensors.get(&input.name) else {
            return Ok(FedTensor::Integers(all));
        };
        check_shape(&input.name, tensor, &input.shape)?;
        let id = model.modality(&input.name).expect("plans feed modalities of the model");
        let modality = &model.modalities[id.0 as usize];
        let zorro_compiler::model::Source::Text { vocabulary, .. } = modality.source else {
            unreachable!("ids are fed by text modalities");
        };
        let Some(found) = tensor.data().to_integers() else {
            return Err(RuntimeError::Kind { input: input.name.clone(), integers: true });
        };
        for at in (0..given).filter(|at| samples[*at].modalities.contains(id)) {
            for token in 0..length {
                let value = found[at * length + token];
                let fits = u64::try_from(value).is_ok_and(|value| value < vocabulary);
                if !fits {
                    return Err(RuntimeError::Id {
                        input: input.name.clone(),
                        found: value,
                        vocabulary,
                    });
                }
                all[at * length + token] =
                    u32::try_from(value).expect("vocabularies are below 2^32");
            }
        }
        Ok(FedTensor::Integers(all))
    }
}

/// The shape that is asked for, but for the number of samples, which may be smaller.
fn check_shape(name: &str, tensor: &Tensor, wanted: &[usize]) -> Result<(), RuntimeError> {
    let found = tensor.shape();
    if found.len() == wanted.len() && found[1..] == wanted[1..] && found[0] <= wanted[0] {
        return Ok(());
    }
    let sizes: Vec<String> = wanted[1..].iter().map(usize::to_string).collect();
    Err(RuntimeError::Shape {
        name: name.to_owned(),
        expected: format!("[batch, {}]", sizes.join(", ")),
        found: found.to_vec(),
    })
}

/// Class numbers as distributions, those of samples that have one; anything else as it is.
fn distribution(
    kind: &TargetKind,
    name: &str,
    tensor: &Tensor,
    has: impl Fn(usize) -> bool,
) -> Result<Tensor, RuntimeError> {
    let TargetKind::Class(classes) = kind else { return Ok(tensor.clone()) };
    if tensor.shape().len() != 1 {
        return Ok(tensor.clone());
    }
    let n = usize::try_from(*classes).expect("classes are few");
    let wrong = |sample: usize, found: String| {
        let target = name.to_owned();
        RuntimeError::Class { target, classes: *classes, sample, found }
    };
    let Some(mut labels) = tensor.data().to_integers() else {
        let found = tensor.data().to_f32();
        let first = (0..found.len()).find(|at| has(*at)).unwrap_or(0);
        let found = found.get(first).map_or_else(String::new, |number| format!("{number:?}"));
        return Err(wrong(first, found));
    };
    for (at, label) in labels.iter_mut().enumerate() {
        if !has(at) {
            *label = 0;
        } else if !u64::try_from(*label).is_ok_and(|label| label < *classes) {
            return Err(wrong(at, label.to_string()));
        }
    }
    let labels = Tensor::new(tensor.shape().to_vec(), TensorData::I64(labels));
    let hot = labels.and_then(|labels| labels.one_hot(n));
    hot.ok_or_else(|| wrong(0, "a class".to_owned()))
}

/// How far rounding may bring a share of a class out of 0..1.
const ROUNDING: f32 = 1e-4;

/// Whether a target says what a loss can be held to: shares of classes from 0 to 1, and numbers that are some.
fn check_target(kind: &TargetKind, input: &Input, fed: &FedTensor) -> Result<(), RuntimeError> {
    let FedTensor::Numbers(numbers) = fed else { return Ok(()) };
    let (wanted, is_right): (_, fn(f32) -> bool) = match kind {
        TargetKind::Class(_) | TargetKind::Classes(_) => {
            ("shares of classes, from 0 to 1", |number| {
                (-ROUNDING..=1.0 + ROUNDING).contains(&number)
            })
        }
        TargetKind::Tensor(_) => ("finite numbers", f32::is_finite),
    };
    let Some(at) = numbers.iter().position(|number| !is_right(*number)) else { return Ok(()) };
    let width = input.shape[1..].iter().product::<usize>().max(1);
    Err(RuntimeError::Target {
        target: input.name.clone(),
        wanted,
        sample: at / width,
        place: at % width,
        found: format!("{:?}", numbers[at]),
    })
}

/// The order of ids, or where each begins in it: a stable counting sort.
fn sorted(inputs: &[Input], fed: &[FedTensor], of: &Input) -> FedTensor {
    let ids = inputs
        .iter()
        .zip(fed)
        .find(|(input, _)| input.kind == InputKind::Ids && input.name == of.name);
    let Some((_, FedTensor::Integers(ids))) = ids else {
        unreachable!("what is sorted is fed, too");
    };
    if of.kind == InputKind::IdOrder {
        let mut order: Vec<u32> = (0..).take(ids.len()).collect();
        order.sort_by_key(|at| ids[*at as usize]);
        return FedTensor::Integers(order);
    }
    let mut starts = vec![0_u32; of.shape[0]];
    for id in ids {
        starts[*id as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    FedTensor::Integers(starts)
}

#[cfg(test)]
mod tests;
