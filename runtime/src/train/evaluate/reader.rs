//! What a model says of batches under a condition.
//!
//! In: weights, batches, conditions. Out: the outputs of each sample that has them. Deliberately not here: what is made of them.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::conditions::Condition;
use crate::compiler::model::{Model, TargetKind};
use crate::compiler::{Checked, CompileOptions, Mode};
use crate::data::Loaded;
use crate::device::Device;
use crate::train::TrainError;
use crate::train::scores::Metric;
use crate::train::sessions::{Machine, session};
use crate::{RunOptions, RuntimeError, Session, Tensors};

/// A model made ready to say some of its outputs.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) checked: Checked,
    /// By name.
    pub(super) outputs: Vec<String>,
    objective: Option<String>,
    session: Session,
}

/// What was said of one batch.
pub(super) struct Said {
    /// The objective.
    pub(super) loss: f64,
    /// Output by output all numbers, and which samples have it.
    outputs: Vec<(Vec<f32>, Vec<bool>)>,
    samples: usize,
}

impl Said {
    /// An output of a sample that has it.
    pub(super) fn of(&self, output: usize, sample: usize) -> Option<&[f32]> {
        let (numbers, has) = &self.outputs[output];
        let width = numbers.len() / self.samples.max(1);
        has[sample].then(|| &numbers[sample * width..(sample + 1) * width])
    }
}

impl Reader {
    pub(super) fn new(
        checked: &Checked,
        outputs: Vec<String>,
        objective: Option<&str>,
        batch: usize,
        machine: &Machine,
    ) -> Result<Self, RuntimeError> {
        let objectives = objective.map(str::to_owned).into_iter().collect();
        let options = CompileOptions {
            batch,
            outputs: Some(outputs.clone()),
            mode: Mode::Forward { objectives },
            ..CompileOptions::default()
        };
        let session = session(checked, &options, machine)?;
        let objective = objective.map(str::to_owned);
        Ok(Self { checked: checked.clone(), outputs, objective, session })
    }

    pub(super) fn set_weights(&mut self, weights: &Tensors) -> Result<(), RuntimeError> {
        self.session.set_weights(weights)
    }

    /// Runs one batch.
    pub(super) fn read(
        &mut self,
        loaded: &Loaded,
        condition: &Condition,
    ) -> Result<Said, TrainError> {
        let batch = condition.of_batch(&loaded.batch, loaded.keys.len(), &self.checked.model);
        let results = self.session.run(&batch, &RunOptions::default())?;
        let found = results.outputs()?;
        let mut outputs = Vec::new();
        for name in &self.outputs {
            let has = results.has_output(&self.checked.flow, name);
            let numbers = found.get(name).expect("it was compiled");
            outputs.push((numbers.data().to_f32(), has));
        }
        let samples = outputs.first().map_or(0, |(_, has)| has.len());
        let losses = results.losses()?;
        let loss = self.objective.as_ref().and_then(|name| losses.get(name).copied());
        Ok(Said { loss: f64::from(loss.unwrap_or(0.0)), outputs, samples })
    }
}

/// A target of classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) classes: usize,
    pub(super) metric: Metric,
}

impl Target {
    /// All of a model.
    pub(super) fn all(model: &Model) -> Vec<Self> {
        let targets = model.targets.iter().filter_map(|target| {
            let (metric, classes) = match target.kind {
                TargetKind::Class(classes) => (Metric::Accuracy, classes),
                TargetKind::Classes(classes) => (Metric::MeanAveragePrecision, classes),
                TargetKind::Tensor(_) => return None,
            };
            let classes = usize::try_from(classes).unwrap_or(usize::MAX);
            Some(Self { name: target.name.clone(), classes, metric })
        });
        targets.collect()
    }

    /// Its value of each sample of a batch, where it is known.
    pub(super) fn truths(&self, loaded: &Loaded) -> Vec<Option<Vec<f32>>> {
        let tensors = &loaded.batch.tensors;
        let Some(truths) = tensors.get(&self.name) else { return vec![None; loaded.keys.len()] };
        let known = tensors.get(&format!("{}.present", self.name));
        let known = known.map(|known| known.data().to_f32());
        let truths = truths.data().to_f32();
        let rows = truths.chunks(self.classes.max(1)).enumerate();
        let is_known = |at: usize| known.as_ref().is_none_or(|known| known[at] != 0.0);
        rows.map(|(at, truth)| is_known(at).then(|| truth.to_vec())).collect()
    }
}

/// Threads for what is computed beside the model: as many as the model has on the processor.
pub(super) fn threads(machine: &Machine) -> Result<ThreadPool, RuntimeError> {
    let number = match &machine.device {
        Device::Cpu { threads } => *threads,
        Device::Gpu(_) => 0,
    };
    let pool = ThreadPoolBuilder::new().num_threads(number).build();
    pool.map_err(|error| RuntimeError::Threads(error.to_string()))
}
