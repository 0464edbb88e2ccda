//! A session: a model on a device, with its weights.
//!
//! In: a checked model and what is wanted of it; then weights, and batches by name. Out: outputs, losses and gradients by
//! name. Deliberately not here: kernels, which are the executors'; files; the loop of training.

mod state;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use zorro_compiler::graph::{
    BufferId, Input, InputId, InputKind, Place, RootKind, Sample, Slot, TermPart,
};
use zorro_compiler::model::{Model, WeightId};
use zorro_compiler::optimizer::FIRST_SCALE;
use zorro_compiler::plan::Plan;
use zorro_compiler::{Checked, CompileOptions, Flow, compile, random};

use crate::batch::{Batch, Fed, FedTensor};
use crate::checkpoint;
use crate::cpu::Step;
use crate::device::Device;
use crate::executor::Executor;
use crate::tensors::{Tensor, TensorData, Tensors};
use crate::{RuntimeError, memory};

/// A compiled model that can be run.
#[derive(Debug)]
pub struct Session {
    model: Model,
    flow: Flow,
    plan: Arc<Plan>,
    executor: Executor,
}

/// What a run needs to know beside the batch.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// The seed of dropout and drop path.
    pub seed: u64,
    /// The number of the batch's first sample in the whole run.
    pub first_sample: u32,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// What the optimizer corrects its moments by in this step.
    pub corrections: (f64, f64),
    /// Whether weights are updated, or gradients only added up for a step of several batches.
    pub updates: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            first_sample: 0,
            learning_rate: 0.0,
            corrections: (1.0, 1.0),
            updates: true,
        }
    }
}

impl Session {
    /// Compiles a model and makes room for it. Its weights are zeros.
    ///
    /// # Errors
    ///
    /// What cannot be compiled as asked, or not for this device, and a machine without the memory or threads.
    pub fn new(
        checked: &Checked,
        options: &CompileOptions,
        device: &Device,
    ) -> Result<Self, RuntimeError> {
        let mut options = options.clone();
        if let Device::Gpu(gpu) = device {
            options.limits = options.limits.and(gpu.limits());
        }
        let plan = Arc::new(compile(checked, &options).map_err(RuntimeError::Compile)?);
        let mut executor = Executor::new(Arc::clone(&plan), device)?;
        if let Some(scale) = plan.parameters.scale {
            executor.set_parameters(scale, Slot::Weight, 0, &[FIRST_SCALE])?;
        }
        let Checked { model, flow } = checked.clone();
        Ok(Self { model, flow, plan, executor })
    }

    /// The plan that it runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The executor, for measuring.
    #[must_use]
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The executor, for measuring.
    pub fn executor_mut(&mut self) -> &mut Executor {
        &mut self.executor
    }

    /// The weights that the computation needs, and where they lie.
    fn places(&self) -> Vec<(WeightId, Place)> {
        let places = self.plan.parameters.places.iter();
        (0..).map(WeightId).zip(places).filter_map(|(id, place)| Some((id, (*place)?))).collect()
    }

    /// Every weight as it starts, drawn by its name.
    ///
    /// # Errors
    ///
    /// If the device does not take them.
    pub fn initialize(&mut self, seed: u64) -> Result<(), RuntimeError> {
        for (id, place) in self.places() {
            let weight = &self.model.weights[id.0 as usize];
            let range = 0..weight.numbers();
            let mut own = vec![0.0; place.numbers];
            random::fill(&weight.name, &weight.shape, &weight.init, seed, range, &mut own);
            self.executor.set_parameters(place.buffer, Slot::Weight, place.offset, &own)?;
        }
        Ok(())
    }

    /// Takes weights by name, also by those that older programs gave. Weights that the computation does not need may be missing, and are ignored where they are
    /// there.
    ///
    /// # Errors
    ///
    /// Weights that are missing, that the model does not have, or of other shapes; a device that does not take them.
    pub fn set_weights(&mut self, weights: &Tensors) -> Result<(), RuntimeError> {
        let weights = &*checkpoint::current(&self.model, weights);
        let known = |name: &str| self.model.weights.iter().any(|weight| weight.name == name);
        if let Some(name) = weights.names().find(|name| !known(name)) {
            return Err(RuntimeError::UnknownWeight(name.to_owned()));
        }
        let missing: Vec<String> = self
            .places()
            .iter()
            .map(|(id, _)| self.model.weights[id.0 as usize].name.clone())
            .filter(|name| weights.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(RuntimeError::MissingWeights(missing));
        }
        for (id, place) in self.places() {
            let weight = &self.model.weights[id.0 as usize];
            let Some(tensor) = weights.get(&weight.name) else { continue };
            let shape: Vec<u64> = tensor.shape().iter().map(|size| *size as u64).collect();
            if shape != weight.shape {
                return Err(RuntimeError::Shape {
                    name: weight.name.clone(),
                    expected: format!("{:?}", weight.shape),
                    found: tensor.shape().to_vec(),
                });
            }
            let numbers = tensor.data().f32s();
            self.executor.set_parameters(place.buffer, Slot::Weight, place.offset, &numbers)?;
        }
        Ok(())
    }

    /// The weights by name.
    ///
    /// # Errors
    ///
    /// If the device does not give them.
    pub fn weights(&self) -> Result<Tensors, RuntimeError> {
        let weights = self.places().into_iter().map(|(id, place)| {
            let Place { buffer, offset, numbers } = place;
            let own = self.executor.parameters(buffer, Slot::Weight, offset, numbers)?;
            Ok((self.name(id), tensor(self.weight_shape(id), &own)?))
        });
        weights.collect()
    }

    fn weight_shape(&self, id: WeightId) -> Vec<usize> {
        let shape = self.model.weights[id.0 as usize].shape.iter();
        shape.map(|size| usize::try_from(*size).expect("it fits memory")).collect()
    }

    fn name(&self, id: WeightId) -> String {
        self.model.weights[id.0 as usize].name.clone()
    }

    /// Feeds a batch.
    ///
    /// # Errors
    ///
    /// See [`Batch::fed`].
    pub fn feed(&mut self, batch: &Batch) -> Result<Fed, RuntimeError> {
        let inputs: Vec<_> = self.plan.inputs.iter().map(|(input, _)| input.clone()).collect();
        // Numbers as they are fed, and the tensors that they are made of.
        memory::room(self.plan.input_numbers.saturating_mul(2 * size_of::<f32>()), "a batch")?;
        let mut fed = batch.fed(&self.model, &inputs, self.plan.batch)?;
        self.clear_absent_cotangents(&inputs, &mut fed);
        for (id, input) in (0..).map(InputId).zip(&fed.inputs) {
            self.executor.feed(id, input)?;
        }
        Ok(fed)
    }

    /// What is computed where a sample lacks an output says nothing, and nothing flows back from there.
    fn clear_absent_cotangents(&self, inputs: &[Input], fed: &mut Fed) {
        let Fed { inputs: tensors, samples } = fed;
        for (input, tensor) in inputs.iter().zip(tensors) {
            let (InputKind::Cotangent, FedTensor::Numbers(numbers)) = (input.kind, tensor) else {
                continue;
            };
            let output = self.model.outputs.iter().find(|output| output.name == input.name);
            let output = output.expect("cotangents are those of outputs");
            let presence = self.flow.presence(output.value);
            let width: usize = input.shape[1..].iter().product();
            for (sample, row) in samples.iter().zip(numbers.chunks_mut(width.max(1))) {
                if !(sample.counted && presence.holds(sample.modalities)) {
                    row.fill(0.0);
                }
            }
        }
    }

    /// Runs everything once for a batch.
    ///
    /// # Errors
    ///
    /// See [`Batch::fed`].
    pub fn run(
        &mut self,
        batch: &Batch,
        options: &RunOptions,
    ) -> Result<Results<'_>, RuntimeError> {
        let fed = self.feed(batch)?;
        let step = Step {
            samples: fed.samples,
            seed: options.seed,
            first_sample: options.first_sample,
            learning_rate: options.learning_rate as f32,
            first_correction: options.corrections.0 as f32,
            second_correction: options.corrections.1 as f32,
            updates: options.updates,
        };
        self.executor.run(&step)?;
        Ok(Results { session: self, step })
    }

    /// What the loss is scaled by, in mixed precision.
    ///
    /// # Errors
    ///
    /// If the device does not give it.
    pub fn loss_scale(&self) -> Result<Option<f32>, RuntimeError> {
        let Some(scale) = self.plan.parameters.scale else { return Ok(None) };
        Ok(Some(self.executor.parameters(scale, Slot::Weight, 0, 1)?[0]))
    }

    /// A buffer of the optimizer's state.
    ///
    /// # Errors
    ///
    /// If the device does not give it.
    pub fn state(&self, buffer: BufferId, slot: Slot) -> Result<Cow<'_, [f32]>, RuntimeError> {
        let numbers = self.plan.parameters.buffers[buffer.0 as usize].numbers;
        self.executor.parameters(buffer, slot, 0, numbers)
    }
}

/// What has come out of a run.
#[derive(Debug)]
pub struct Results<'a> {
    session: &'a Session,
    step: Step,
}

impl Results<'_> {
    fn of(&self, kind: RootKind) -> impl Iterator<Item = (usize, &str)> {
        let results = self.session.plan.results.iter().enumerate();
        results.filter(move |(_, found)| found.kind == kind).map(|(at, found)| (at, &*found.name))
    }

    fn tensor(&self, at: usize) -> Result<Tensor, RuntimeError> {
        let shape = self.session.plan.results[at].shape.clone();
        tensor(shape, &self.session.executor.result(at)?)
    }

    fn number(&self, at: usize) -> Result<f32, RuntimeError> {
        Ok(self.session.executor.result(at)?[0])
    }

    fn tensors(&self, kind: RootKind) -> Result<Tensors, RuntimeError> {
        self.of(kind).map(|(at, name)| Ok((name, self.tensor(at)?))).collect()
    }

    /// Outputs `[batch, grid.., width]` by name. For samples that lack one, its rows say nothing; see
    /// [`Results::has_output`].
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn outputs(&self) -> Result<Tensors, RuntimeError> {
        self.tensors(RootKind::Output)
    }

    /// For each sample whether it has an output.
    #[must_use]
    pub fn has_output(&self, flow: &Flow, name: &str) -> Vec<bool> {
        let output = self.session.model.outputs.iter().find(|output| output.name == name);
        let presence = output.map(|output| flow.presence(output.value));
        let samples = self.step.samples.iter();
        samples
            .map(|sample| {
                sample.counted && presence.is_some_and(|found| found.holds(sample.modalities))
            })
            .collect()
    }

    /// Whether some samples of the batch have a loss of an objective. Where none has, the loss is 0 and says nothing, and no
    /// weight gets a gradient of it. Nothing is waited for.
    #[must_use]
    pub fn has_loss(&self, objective: &str) -> bool {
        let Session { model, flow, .. } = self.session;
        let found = model.objectives.iter().find(|found| found.name == objective);
        found.is_some_and(|found| Sample::have_loss(&self.step.samples, flow, &found.loss))
    }

    /// Losses by objective; see [`Results::has_loss`].
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn losses(&self) -> Result<BTreeMap<String, f32>, RuntimeError> {
        let losses = self.of(RootKind::Loss);
        losses.map(|(at, name)| Ok((name.to_owned(), self.number(at)?))).collect()
    }

    /// A part of a term of the objective that was compiled by [`Mode::Terms`](zorro_compiler::Mode::Terms): numbers for each
    /// sample, or one. None where the term has no such part. [`Sample::has_term`] says which of [`Results::samples`] have it.
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn term(&self, term: usize, part: TermPart) -> Result<Option<Vec<f32>>, RuntimeError> {
        let found = self.of(RootKind::Term(term, part)).next();
        found.map(|(at, _)| Ok(self.session.executor.result(at)?.into_owned())).transpose()
    }

    /// What each sample of the batch has.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.step.samples
    }

    /// Whether the run makes gradients.
    #[must_use]
    pub fn has_gradients(&self) -> bool {
        self.session.plan.results.iter().any(|found| match found.kind {
            RootKind::InputGradient | RootKind::ParameterGradient(..) => true,
            RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::Update(..)
            | RootKind::GradientNorm => false,
        })
    }

    /// The norm of all gradients, where they are clipped.
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn gradient_norm(&self) -> Result<Option<f32>, RuntimeError> {
        let found = self.of(RootKind::GradientNorm).next();
        found.map(|(at, _)| self.number(at)).transpose()
    }

    /// Gradients of modalities by name.
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn input_gradients(&self) -> Result<Tensors, RuntimeError> {
        self.tensors(RootKind::InputGradient)
    }

    /// Gradients of weights by name: zeros for those that nothing differentiated depends on.
    ///
    /// # Errors
    ///
    /// If the device fails; results are waited for.
    pub fn weight_gradients(&self) -> Result<Tensors, RuntimeError> {
        let session = self.session;
        let buffers = &session.plan.parameters.buffers;
        let mut all: Vec<Vec<f32>> =
            buffers.iter().map(|buffer| vec![0.0; buffer.numbers]).collect();
        for (at, found) in session.plan.results.iter().enumerate() {
            if let RootKind::ParameterGradient(buffer, start) = found.kind {
                let numbers = session.executor.result(at)?;
                all[buffer.0 as usize][start..start + numbers.len()].copy_from_slice(&numbers);
            }
        }
        let weights = session.places().into_iter().map(|(id, place)| {
            let own = &all[place.buffer.0 as usize][place.offset..place.offset + place.numbers];
            Ok((session.name(id), tensor(session.weight_shape(id), own)?))
        });
        weights.collect()
    }
}

fn tensor(shape: Vec<usize>, numbers: &[f32]) -> Result<Tensor, RuntimeError> {
    let numbers = memory::copy(numbers, "tensors")?;
    Ok(Tensor::new(shape, TensorData::F32(numbers)).expect("as many numbers as the shape"))
}
