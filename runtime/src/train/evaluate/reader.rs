//! What a model says of batches under a condition.
//!
//! In: weights, batches, conditions. Out: the outputs of each sample that has them, and with all modalities what the terms of an
//! objective are made of. Deliberately not here: what is made of them.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::conditions::Condition;
use super::losses::unit;
use crate::compiler::graph::TermPart;
use crate::compiler::model::{Loss, Model, Scalar, TargetKind};
use crate::compiler::{Checked, CompileOptions, Mode};
use crate::data::Loaded;
use crate::device::Device;
use crate::session::Results;
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
    /// The terms of the objective.
    terms: Vec<Loss>,
    session: Session,
}

/// What was said of one batch.
pub(super) struct Said {
    /// Term by term of the objective; nothing where modalities are absent.
    pub(super) terms: Vec<TermSaid>,
    /// Output by output all numbers, and which samples have it.
    outputs: Vec<(Vec<f32>, Vec<bool>)>,
    samples: usize,
}

/// What was said of a term of an objective.
pub(super) struct TermSaid {
    /// Which samples have it.
    has: Vec<bool>,
    /// Losses of samples; or the two sides that `nce` compares, sample by sample.
    parts: Vec<Vec<f32>>,
    /// The temperature of `nce`.
    pub(super) temperature: f64,
}

impl TermSaid {
    /// Whether a sample has the term.
    pub(super) fn has(&self, sample: usize) -> bool {
        self.has[sample]
    }

    /// The loss of a sample; or its two sides, vectors of length 1.
    pub(super) fn of(&self, sample: usize) -> Vec<Vec<f64>> {
        let own = self.parts.iter().map(|numbers| {
            let width = numbers.len() / self.has.len();
            let own = &numbers[sample * width..(sample + 1) * width];
            own.iter().copied().map(f64::from).collect()
        });
        if self.parts.len() > 1 { own.map(unit).collect() } else { own.collect() }
    }
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
        let found = checked.model.objectives.iter().find(|found| Some(&*found.name) == objective);
        let terms = found.map(|found| found.loss.terms().into_iter().cloned().collect());
        let mode = match objective {
            Some(name) => Mode::Terms { objective: name.to_owned() },
            None => Mode::Forward { objectives: Vec::new() },
        };
        let options = CompileOptions {
            batch,
            outputs: Some(outputs.clone()),
            mode,
            ..CompileOptions::default()
        };
        let session = session(checked, &options, machine)?;
        Ok(Self { checked: checked.clone(), outputs, terms: terms.unwrap_or_default(), session })
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
        let wanted = self.terms.iter().enumerate().filter(|_| condition.is_all);
        let terms = wanted.map(|(at, term)| said(&results, &self.checked, at, term));
        Ok(Said { terms: terms.collect::<Result<_, RuntimeError>>()?, outputs, samples })
    }
}

/// What a batch says of a term of the objective, by its place among them.
fn said(
    results: &Results<'_>,
    checked: &Checked,
    at: usize,
    term: &Loss,
) -> Result<TermSaid, RuntimeError> {
    let samples = results.samples().iter();
    let has = samples.map(|sample| sample.has_term(&checked.flow, term)).collect();
    let mut parts = Vec::new();
    for part in [TermPart::Losses, TermPart::Left, TermPart::Right] {
        parts.extend(results.term(at, part)?);
    }
    let learned = results.term(at, TermPart::Temperature)?;
    let temperature = match (learned, term) {
        (Some(found), _) => f64::from(found[0]),
        (None, Loss::Nce { temperature: Scalar::Fixed(number), .. }) => number.to_f64(),
        // Nothing is divided by it.
        (None, _) => 1.0,
    };
    Ok(TermSaid { has, parts, temperature })
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
