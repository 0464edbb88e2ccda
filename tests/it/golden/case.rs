//! A comparison with golden numbers, read from `tests/golden_cases/*.case.yaml`.
//!
//! In: a case file, the spec, the name map and the golden files that it speaks of. Out: a [`Loaded`] case: what to run,
//! and what must come out, all under the names of the model and in its layout, so that whoever executes models needs
//! to know nothing of PyTorch.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zorro::{Options, check_file};
use zorro_compiler::Checked;
use zorro_compiler::model::{Model, Shape, TargetKind};
use zorro_grammar::{Code, Diagnostic};
use zorro_runtime::names::{Section, Wanted};
use zorro_runtime::{NameMap, Tensor, TensorData, Tensors};

use super::spectrogram;

/// A case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The name of the file, for messages.
    #[serde(skip)]
    pub(crate) name: String,
    /// The folder in `tests/goldens`.
    golden: String,
    /// The spec in `tests/golden_cases`.
    spec: String,
    /// The name map there.
    map: String,
    /// Params of the spec.
    #[serde(default)]
    set: BTreeMap<String, String>,
    /// Samples in the golden files.
    batch: usize,
    /// What the names of outputs and losses begin with in the golden files.
    #[serde(default)]
    prefix: String,
    /// Other names of golden outputs, after the prefix: the golden name, and the one that the map speaks of.
    #[serde(default)]
    rename: BTreeMap<String, String>,
    /// The waveform of which the spectrogram is computed that the model is fed.
    spectrogram_of: Option<String>,
    /// Modalities that no sample has.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// Modalities that are fed zeros, and count as present.
    #[serde(default)]
    pub(crate) zero: Vec<String>,
    /// Outputs that are compared.
    #[serde(default)]
    outputs: Vec<String>,
    /// Outputs that are cut out of the same golden tensors, but not compared.
    #[serde(default)]
    besides: Vec<String>,
    /// Objectives that are compared, with the golden name of each.
    #[serde(default)]
    losses: BTreeMap<String, String>,
    /// Objectives whose gradients are compared, with what the golden names of these begin with.
    #[serde(default)]
    gradients: BTreeMap<String, String>,
    /// The gradients of the sum of outputs times what the golden inputs hold.
    cotangent: Option<CotangentFile>,
    /// Whether gradients of what is fed are compared, too.
    #[serde(default = "yes")]
    input_gradients: bool,
    /// Applies whose masks are compared, with the golden name of each.
    #[serde(default)]
    masks: BTreeMap<String, String>,
    /// Training steps that are compared.
    #[serde(default)]
    optimizers: Vec<OptimizerFile>,
    /// How near is near enough.
    #[serde(default)]
    pub(crate) tolerance: Tolerance,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CotangentFile {
    /// The golden input.
    tensor: String,
    /// The golden output that it is multiplied with, as the map calls it.
    golden: String,
    /// The outputs that these are.
    outputs: Vec<String>,
    /// What the golden names of the gradients begin with.
    #[serde(default)]
    prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptimizerFile {
    objective: String,
    kind: OptimizerKind,
    rates: Vec<f64>,
    /// What golden names begin with, before `step1/` and `loss_before_step1`.
    prefix: String,
    /// Weights whose gradient is 0 but for rounding, which Adam blows up: they are not compared.
    #[serde(default)]
    unstable: Vec<String>,
}

/// How the weights change; every weight decays alike.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OptimizerKind {
    /// Decoupled decay.
    Adamw {
        /// Of the mean of gradients.
        beta1: f64,
        /// Of the mean of squares.
        beta2: f64,
        /// Beside the root.
        epsilon: f64,
        /// Times the rate.
        decay: f64,
    },
    /// Momentum without dampening, not Nesterov's.
    Sgd {
        /// Of the sum of gradients.
        momentum: f64,
        /// Added to the gradient, times the weight.
        decay: f64,
    },
}

/// How near is near enough.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerance {
    /// For outputs, losses and weights: the norm of the difference over the norm of the golden tensor.
    pub(crate) value: f64,
    /// For gradients, likewise.
    pub(crate) gradient: f64,
    /// The norm of the difference, where the norm of the golden tensor is less than this.
    pub(crate) absolute: f64,
}

impl Default for Tolerance {
    /// Float32 runs of PyTorch itself are within 1.5e-6 of the outputs and 1e-5 of the gradients.
    fn default() -> Self {
        Self { value: 1e-5, gradient: 1e-4, absolute: 1e-6 }
    }
}

/// What to run, and what must come out. Tensors have the batch as first size, then grid and width; numbers are `f32`.
pub(crate) struct Loaded {
    /// The model of the spec, with the params of the case.
    pub(crate) checked: Checked,
    /// Samples in a batch.
    pub(crate) batch: usize,
    /// Every weight, by its name.
    pub(crate) weights: Tensors,
    /// What every modality is fed; those of [`Case::zero`] are zeros.
    pub(crate) feeds: Tensors,
    /// What every target is fed: distributions, `[batch, classes]`.
    pub(crate) targets: Tensors,
    /// Modalities that no sample has.
    pub(crate) absent: Vec<String>,
    /// Outputs that must come out.
    pub(crate) outputs: Tensors,
    /// Losses that must come out, by objective, in double precision.
    pub(crate) losses: BTreeMap<String, f64>,
    /// Gradients that must come out.
    pub(crate) gradients: Vec<Gradient>,
    /// Masks by apply: 1 where the token of the row may read that of the column.
    pub(crate) masks: BTreeMap<String, Tensor>,
    /// Training steps.
    pub(crate) optimizations: Vec<Optimization>,
    /// How near is near enough.
    pub(crate) tolerance: Tolerance,
}

/// The gradients of one scalar.
pub(crate) struct Gradient {
    /// Of which.
    pub(crate) of: Scalar,
    /// By name of weight or modality; a weight that the scalar does not depend on has zeros.
    pub(crate) tensors: Tensors,
}

/// What is differentiated.
pub(crate) enum Scalar {
    /// An objective.
    Objective(String),
    /// The sum of outputs times these, by output.
    Cotangents(Tensors),
}

/// Steps of training on the one batch, from the weights of the case.
pub(crate) struct Optimization {
    /// What is minimized.
    pub(crate) objective: String,
    /// How.
    pub(crate) kind: OptimizerKind,
    /// One a step.
    pub(crate) steps: Vec<OptimizerStep>,
    /// The loss after the last step.
    pub(crate) loss_after: f64,
    /// Weights that are not compared.
    pub(crate) unstable: Vec<String>,
}

/// One step.
pub(crate) struct OptimizerStep {
    /// The learning rate.
    pub(crate) rate: f64,
    /// The loss before it.
    pub(crate) loss_before: f64,
    /// All weights after it.
    pub(crate) weights: Tensors,
}

fn yes() -> bool {
    true
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn good<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}

impl Case {
    /// All cases, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = root().join("golden_cases");
        let files = fs::read_dir(folder)
            .expect("there are cases")
            .map(|file| file.expect("readable").path());
        let is_case = |path: &PathBuf| path.to_string_lossy().ends_with(".case.yaml");
        let mut paths: Vec<PathBuf> = files.filter(is_case).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_name().expect("a file").to_string_lossy().replace(".case.yaml", "");
        let text = good(fs::read_to_string(path), &name);
        let case: Self = good(serde_yaml::from_str(&text), &name);
        Self { name, ..case }
    }

    /// The name map.
    pub(crate) fn map(&self) -> NameMap {
        let text = good(fs::read_to_string(root().join("golden_cases").join(&self.map)), &self.map);
        good(NameMap::parse(&self.map, &text), &self.name)
    }

    /// A file of the golden folder: `weights`, `inputs`, `outputs`, `grads`.
    pub(crate) fn golden(&self, file: &str) -> Tensors {
        let path = root().join("goldens").join(&self.golden).join(format!("{file}.safetensors"));
        good(Tensors::read(&path), &self.name)
    }

    /// The golden inputs, with the spectrogram where the case asks for one.
    pub(crate) fn inputs(&self) -> Tensors {
        let mut inputs = self.golden("inputs");
        if let Some(wave) = &self.spectrogram_of {
            let wave = inputs.get(wave).expect("the waveform of the case");
            let power = spectrogram::power(wave);
            inputs.insert("spectrogram", power);
        }
        inputs
    }

    /// The scalars of the golden folder, in double precision.
    fn scalars(&self) -> serde_json::Value {
        let path = root().join("goldens").join(&self.golden).join("config.json");
        let config = good(fs::read_to_string(path), &self.name);
        let config: serde_json::Value = good(serde_json::from_str(&config), &self.name);
        config["scalars_f64"].clone()
    }

    /// Everything of the case.
    pub(crate) fn load(&self) -> Loaded {
        let spec = root().join("golden_cases").join(&self.spec);
        let set = self.set.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let outcome = good(check_file(&spec, &Options { set }), &self.name);
        // A case may be about just that.
        let is_good = |diagnostic: &Diagnostic| diagnostic.code == Code::PartsApart;
        let is_good = outcome.diagnostics.iter().all(is_good);
        assert!(is_good, "{}: {:?}", self.name, outcome.diagnostics);
        let checked = outcome.checked.expect("nothing is wrong with it");
        let model = &checked.model;
        let weights =
            self.import(Section::Weights, &self.golden("weights"), &wanted_weights(model));
        let (inputs, scalars) = (self.inputs(), self.scalars());
        let scalar = |name: &str| {
            scalars[name].as_f64().unwrap_or_else(|| panic!("{}: no scalar `{name}`", self.name))
        };
        let losses = self.losses.iter().map(|(objective, name)| {
            assert!(model.objectives.iter().any(|known| known.name == *objective), "{objective}");
            (objective.clone(), scalar(&format!("{}{name}", self.prefix)))
        });
        let masks = self.masks.iter().map(|(apply, name)| {
            (apply.clone(), inputs_or_outputs(&inputs, name, || self.golden("outputs")))
        });
        let optimizations =
            self.optimizers.iter().map(|told| self.optimization(told, model, &scalar));
        Loaded {
            batch: self.batch,
            feeds: self.feeds(model, &inputs),
            targets: self.targets(model, &inputs),
            absent: self.absent.clone(),
            outputs: self.outputs(model),
            losses: losses.collect(),
            gradients: self.gradients(model, &inputs),
            masks: masks.collect(),
            optimizations: optimizations.collect(),
            tolerance: self.tolerance,
            weights,
            checked,
        }
    }

    fn import(
        &self,
        section: Section,
        foreign: &Tensors,
        wanted: &[(String, Vec<usize>)],
    ) -> Tensors {
        let wanted: Vec<Wanted> =
            wanted.iter().map(|(name, shape)| Wanted::plain(name, shape)).collect();
        good(self.map().import(section, foreign, &wanted), &self.name)
    }

    fn feeds(&self, model: &Model, inputs: &Tensors) -> Tensors {
        let feeds = self.import(Section::Inputs, inputs, &self.wanted_feeds(model));
        let fed = feeds.iter().map(|(name, tensor)| {
            let zero = self.zero.iter().any(|zero| zero == name);
            (name, if zero { zeros_like(tensor) } else { tensor.clone() })
        });
        fed.collect()
    }

    fn wanted_feeds(&self, model: &Model) -> Vec<(String, Vec<usize>)> {
        let sizes = |shape: &Shape| sizes(self.batch, shape);
        model.modalities.iter().map(|fed| (fed.name.clone(), sizes(&fed.shape))).collect()
    }

    fn targets(&self, model: &Model, inputs: &Tensors) -> Tensors {
        let mut targets = Tensors::new();
        for target in &model.targets {
            let (wanted, classes) = match &target.kind {
                TargetKind::Class(classes) => (vec![self.batch], Some(size(*classes))),
                TargetKind::Classes(classes) => (vec![self.batch, size(*classes)], None),
                TargetKind::Tensor(shape) => (sizes(self.batch, shape), None),
            };
            let fed = self.import(Section::Inputs, inputs, &[(target.name.clone(), wanted)]);
            let fed = fed.get(&target.name).expect("it was wanted");
            let fed = classes.map_or_else(|| fed.clone(), |n| fed.one_hot(n).expect("labels"));
            targets.insert(&target.name, fed);
        }
        targets
    }

    fn outputs(&self, model: &Model) -> Tensors {
        let mut golden = self.golden("outputs").below(&self.prefix);
        for (theirs, name) in &self.rename {
            let tensor = golden.get(theirs).unwrap_or_else(|| panic!("{}: `{theirs}`", self.name));
            golden.insert(name, tensor.clone());
        }
        let names = self.outputs.iter().chain(&self.besides);
        let wanted: Vec<(String, Vec<usize>)> =
            names.map(|name| self.wanted_output(model, name)).collect();
        let found = self.import(Section::Outputs, &golden, &wanted);
        found
            .iter()
            .filter(|(name, _)| self.outputs.iter().any(|own| own == name))
            .map(owned)
            .collect()
    }

    /// The name and the sizes of an output.
    fn wanted_output(&self, model: &Model, name: &str) -> (String, Vec<usize>) {
        let output = model.outputs.iter().find(|output| output.name == name);
        let output = output.unwrap_or_else(|| panic!("{}: no output `{name}`", self.name));
        (name.to_owned(), sizes(self.batch, model.shape(output.value)))
    }

    fn gradients(&self, model: &Model, inputs: &Tensors) -> Vec<Gradient> {
        let mut wanted = wanted_weights(model);
        if self.input_gradients {
            wanted.extend(self.wanted_feeds(model));
        }
        let mut gradients = Vec::new();
        for (objective, prefix) in &self.gradients {
            let golden = self.golden("grads").below(prefix);
            let tensors = self.import(Section::Gradients, &golden, &wanted);
            gradients.push(Gradient { of: Scalar::Objective(objective.clone()), tensors });
        }
        if let Some(told) = &self.cotangent {
            let cotangent = inputs.get(&told.tensor).expect("the cotangent of the case").clone();
            let cotangent: Tensors = [(&told.golden, cotangent)].into_iter().collect();
            let multiplied: Vec<(String, Vec<usize>)> =
                told.outputs.iter().map(|name| self.wanted_output(model, name)).collect();
            let cotangents = self.import(Section::Outputs, &cotangent, &multiplied);
            let golden = self.golden("grads").below(&told.prefix);
            let tensors = self.import(Section::Gradients, &golden, &wanted);
            gradients.push(Gradient { of: Scalar::Cotangents(cotangents), tensors });
        }
        gradients
    }

    fn optimization(
        &self,
        told: &OptimizerFile,
        model: &Model,
        scalar: &dyn Fn(&str) -> f64,
    ) -> Optimization {
        let golden = self.golden("outputs").below(&told.prefix);
        let steps = told.rates.iter().enumerate().map(|(at, rate)| {
            let at = at + 1;
            let weights = golden.below(&format!("step{at}/"));
            OptimizerStep {
                rate: *rate,
                loss_before: scalar(&format!("{}loss_before_step{at}", told.prefix)),
                weights: self.import(Section::Weights, &weights, &wanted_weights(model)),
            }
        });
        Optimization {
            objective: told.objective.clone(),
            kind: told.kind,
            steps: steps.collect(),
            loss_after: scalar(&format!("{}loss_after_step{}", told.prefix, told.rates.len())),
            unstable: told.unstable.clone(),
        }
    }
}

/// Names and sizes of all weights.
fn wanted_weights(model: &Model) -> Vec<(String, Vec<usize>)> {
    let sizes = |shape: &[u64]| shape.iter().map(|n| size(*n)).collect();
    model.weights.iter().map(|weight| (weight.name.clone(), sizes(&weight.shape))).collect()
}

fn sizes(batch: usize, shape: &Shape) -> Vec<usize> {
    let own = shape.grid.iter().chain([&shape.width]).map(|n| size(*n));
    [batch].into_iter().chain(own).collect()
}

fn size(n: u64) -> usize {
    usize::try_from(n).expect("golden models are small")
}

fn zeros_like(tensor: &Tensor) -> Tensor {
    let zeros = vec![0.0; tensor.data().len()];
    Tensor::new(tensor.shape().to_vec(), TensorData::F32(zeros)).expect("as many numbers")
}

fn inputs_or_outputs(inputs: &Tensors, name: &str, outputs: impl Fn() -> Tensors) -> Tensor {
    let found = inputs.get(name).cloned().or_else(|| outputs().get(name).cloned());
    found.unwrap_or_else(|| panic!("no golden tensor `{name}`"))
}

fn owned((name, tensor): (&str, &Tensor)) -> (String, Tensor) {
    (name.to_owned(), tensor.clone())
}
