//! A run before it begins: what the configuration means for this model, this data and this machine.
//!
//! In: a configuration and a checked model. Out: a [`Course`]: steps, rates, what is compiled; or what does not fit, with its
//! place in the configuration. Deliberately not here: sessions, files.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use crate::RuntimeError;
use crate::checkpoint::Spec;
use crate::compiler::grammar::diagnostic::nearest;
use crate::compiler::lower::Decay;
use crate::compiler::model::Model;
use crate::compiler::optimizer::{Optimizer, Rule};
use crate::compiler::{Checked, CompileError, CompileOptions, Mode};
use crate::data::{DataError, LoadOptions};
use crate::names::Shipped;

use super::TrainError;
use super::config::{
    ConfigError, DecayOf, Length, OptimizerConfig, OptimizerKind, Places, Problem, RunConfig,
};
use super::heads::compares_samples;
use super::schedule::Schedule;
use super::sessions::Machine;

/// Fewer steps in a row without a loss say nothing: it may be chance.
const PATIENCE: u64 = 100;

/// A run as the user asked for it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The configuration.
    pub config: RunConfig,
    /// Its file, as the user knows it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Paths start from here.
    pub base: PathBuf,
    /// The spec with its texts.
    pub spec: Spec,
    /// The model.
    pub checked: Checked,
    /// Where logs and checkpoints go.
    pub folder: PathBuf,
    /// Whether to go on with the run that the folder has.
    pub resume: bool,
}

/// What a configuration means.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) objective: String,
    /// All steps of the run.
    pub(super) steps: u64,
    pub(super) schedule: Schedule,
    pub(super) optimizer: Optimizer,
    pub(super) options: CompileOptions,
    pub(super) load: LoadOptions,
    pub(super) eval_every: u64,
    pub(super) eval_batch: usize,
    pub(super) eval_group: usize,
    pub(super) save_every: u64,
    /// So many steps in a row may have no loss.
    pub(super) patience: u64,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

impl Setup {
    /// Where checkpoints and logs of a configuration go that does not say so: beside it, under its name.
    #[must_use]
    pub fn folder_of(config: &RunConfig, file: &Path) -> PathBuf {
        let base = file.parent().unwrap_or(Path::new(""));
        match &config.folder {
            Some(folder) => base.join(folder),
            None => base.join(file.file_stem().unwrap_or(std::ffi::OsStr::new("run"))),
        }
    }

    /// Something is wrong with a setting.
    pub(super) fn wrong(&self, path: &str, message: String, help: Option<String>) -> TrainError {
        let place = Places::of(&self.text).of_path(path);
        let problems = vec![Problem { place, message, help }];
        TrainError::Config(ConfigError {
            file: self.file.clone(),
            text: self.text.clone(),
            problems,
        })
    }

    /// A name that the model does not have.
    fn unknown(&self, path: &str, kind: &str, name: &str, known: &[&str]) -> TrainError {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "it has none".to_owned(),
            None => format!("it has {}", known.join(", ")),
        };
        self.wrong(path, format!("the model has no {kind} `{name}`"), Some(help))
    }

    /// An error in data, at its place in the configuration where there is one.
    pub(super) fn data_error(&self, set: &str, error: DataError) -> TrainError {
        let DataError::Setting { place, message } = error else { return TrainError::Data(error) };
        self.wrong(&format!("data.{set}.{place}"), message, None)
    }

    /// That what the weights are to begin from is there, before anything is made.
    pub(super) fn has_init(&self) -> Result<(), TrainError> {
        let Some(init) = self.config.init.as_ref().filter(|_| !self.resume) else { return Ok(()) };
        let is_it = |kind: Metadata| kind.is_file() || kind.is_dir();
        let help = "it is a run's folder, a checkpoint, or a .safetensors file";
        self.is_there("init.from", &self.base.join(&init.from), is_it, help)?;
        match &init.map {
            Some(map) if map.to_str().and_then(Shipped::find).is_some() => Ok(()),
            Some(map) => {
                let is_it = |kind: Metadata| kind.is_file();
                let hint = map.to_str().map_or_else(String::new, Shipped::hint);
                let help = format!("it is a name map, a file; {hint}");
                self.is_there("init.map", &self.base.join(map), is_it, &help)
            }
            None => Ok(()),
        }
    }

    /// That a path means what can be read to an end: not a pipe, nor a device.
    fn is_there(
        &self,
        setting: &str,
        path: &Path,
        is_it: impl Fn(Metadata) -> bool,
        help: &str,
    ) -> Result<(), TrainError> {
        let message = match std::fs::metadata(path) {
            Ok(kind) if is_it(kind.clone()) => return Ok(()),
            Ok(_) => format!("`{}` is neither file nor folder that could be read", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("there is no `{}`", path.display())
            }
            Err(error) => format!("cannot read `{}`: {error}", path.display()),
        };
        Err(self.wrong(setting, message, Some(help.to_owned())))
    }

    /// What to compute on.
    ///
    /// # Errors
    ///
    /// Devices and precisions that there are not.
    pub fn machine(&self) -> Result<Machine, TrainError> {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.config.threads.map_or_else(all, usize::from);
        Machine::open(&self.config.device, threads, self.config.precision)
            .map_err(|(path, message)| self.wrong(path, message, None))
    }

    /// The objective that is asked for, or the only one.
    ///
    /// # Errors
    ///
    /// The model does not have it, or several.
    pub fn objective(&self) -> Result<String, TrainError> {
        let names: Vec<&str> =
            self.checked.model.objectives.iter().map(|objective| &*objective.name).collect();
        match (&self.config.objective, names.as_slice()) {
            (Some(name), names) if names.contains(&name.as_str()) => Ok(name.clone()),
            (Some(name), names) => Err(self.unknown("objective", "objective", name, names)),
            (None, [name]) => Ok((*name).to_owned()),
            (None, []) => {
                Err(self.wrong("spec", "the model has no objective to train for".to_owned(), None))
            }
            (None, names) => {
                let help = format!("write `objective:` with one of {}", names.join(", "));
                Err(self.wrong("spec", "the model has several objectives".to_owned(), Some(help)))
            }
        }
    }

    /// What the configuration means for so many samples.
    pub(super) fn course(&self, samples: u64) -> Result<Course, TrainError> {
        let config = &self.config;
        let model = &self.checked.model;
        let objective = self.objective()?;
        for name in config.modality_dropout.keys() {
            let known: Vec<&str> = model.modalities.iter().map(|found| &*found.name).collect();
            if !known.contains(&name.as_str()) {
                let path = format!("modality_dropout.{name}");
                return Err(self.unknown(&path, "modality", name, &known));
            }
        }
        let a_step = config.batch * u64::from(config.accumulate);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let steps_of_epoch = samples as f64 / a_step as f64;
        let steps = match (config.steps, config.epochs) {
            (Some(steps), _) => steps,
            (None, epochs) => Length::Epochs(epochs.unwrap_or(1.0)).steps(steps_of_epoch, 0),
        };
        let optimizer = optimizer(&config.optimizer, config.accumulate);
        let mode = Mode::Training {
            objective: objective.clone(),
            optimizer,
            decay: match config.optimizer.decay {
                DecayOf::Matrices => Decay::Matrices,
                DecayOf::All => Decay::All,
            },
            frozen: self.frozen()?,
        };
        let batch = usize::try_from(config.batch).expect("batches are bounded");
        let options = CompileOptions {
            batch,
            outputs: Some(Vec::new()),
            mode,
            random: true,
            recompute: config.recompute.clone(),
            ..CompileOptions::default()
        };
        let load = LoadOptions {
            batch,
            seed: config.seed,
            first_step: 0,
            threads: config.data.threads.into(),
            mixup: config.mixup,
            modality_dropout: config.modality_dropout.clone(),
        };
        let every = |length: Length| length.steps(steps_of_epoch, steps).max(1);
        let warmup = config.rate.warmup.steps(steps_of_epoch, steps);
        let eval_batch =
            config.eval.batch.map_or(batch, |batch| usize::try_from(batch).unwrap_or(usize::MAX));
        Ok(Course {
            schedule: Schedule::new(&config.rate, a_step, steps, steps_of_epoch),
            eval_every: every(config.eval.every),
            save_every: every(config.checkpoints.every),
            patience: Length::Epochs(1.0).steps(steps_of_epoch, 0).max(PATIENCE),
            notes: [self.vain_terms(&objective)?, self.notes(model, &objective, warmup, steps)]
                .concat(),
            objective,
            steps,
            optimizer,
            options,
            load,
            eval_batch,
            eval_group: config.group(),
        })
    }

    fn notes(&self, model: &Model, objective: &str, warmup: u64, steps: u64) -> Vec<String> {
        let found = model.objectives.iter().find(|found| found.name == objective);
        let compares = found.is_some_and(|found| compares_samples(&found.loss));
        let mut notes = Vec::new();
        if compares && self.config.accumulate > 1 {
            notes.push(format!(
                "`accumulate: {}` gives `nce` no more negatives: it compares the {} samples of one batch",
                self.config.accumulate, self.config.batch
            ));
        }
        if warmup >= steps {
            notes.push(format!(
                "`rate.warmup` is {warmup} of {steps} steps: the rate rises through the whole run, and never falls"
            ));
        }
        if self.config.data.eval.is_none() {
            notes.push("without `data.eval` the model is not evaluated".to_owned());
        }
        notes
    }

    /// The weights that the patterns of `frozen` name.
    fn frozen(&self) -> Result<Vec<String>, TrainError> {
        let weights = &self.checked.model.weights;
        let mut frozen = Vec::new();
        for (at, pattern) in self.config.frozen.iter().enumerate() {
            let before = frozen.len();
            frozen.extend(
                weights
                    .iter()
                    .map(|weight| weight.name.clone())
                    .filter(|name| matches(pattern, name)),
            );
            if frozen.len() == before {
                let help = "`zorro weights show SPEC` lists the names".to_owned();
                let message = format!("no weight of the model is named like `{pattern}`");
                return Err(self.wrong(&format!("frozen[{at}]"), message, Some(help)));
            }
        }
        frozen.sort();
        frozen.dedup();
        Ok(frozen)
    }

    /// Why it cannot be compiled, at its place in the configuration where there is one.
    pub(super) fn compile_error(&self, error: RuntimeError) -> TrainError {
        if let RuntimeError::Compile(CompileError::Unknown { kind: "apply", name, known }) = &error
        {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return self.unknown("recompute", "apply", name, &known);
        }
        TrainError::Runtime(error)
    }
}

fn optimizer(config: &OptimizerConfig, accumulate: u32) -> Optimizer {
    let (first, second) = (config.beta1.unwrap_or(0.9), config.beta2.unwrap_or(0.999));
    let eps = config.eps.unwrap_or(1e-8);
    let rule = match config.kind {
        OptimizerKind::Adamw => Rule::AdamW { first, second, eps },
        OptimizerKind::Adam => Rule::Adam { first, second, eps },
        OptimizerKind::Sgd => Rule::Sgd {
            momentum: config.momentum.unwrap_or(0.9),
            nesterov: config.nesterov.unwrap_or(false),
        },
    };
    Optimizer { rule, weight_decay: config.weight_decay, clip: config.clip, accumulate }
}

/// Whether a name is what a pattern says, or lies below it. A star stands for any letters, dots among them.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        let rest = name.strip_prefix(pattern);
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    };
    let Some(rest) = name.strip_prefix(before) else { return false };
    if after.is_empty() {
        return true;
    }
    let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        };
        check("layers.3", "layers.3.attend.q.weight", true);
        check("layers.3", "layers.30.attend.q.weight", false);
        check("layers.3.attend.q.weight", "layers.3.attend.q.weight", true);
        check("*.bias", "layers.3.attend.q.bias", true);
        check("*.bias", "layers.3.attend.q.weight", false);
        check("layers.*.attend", "layers.3.attend.q.weight", true);
        check("layers.*.norm", "layers.3.attend.q.weight", false);
        check("*", "a", true);
        check("", "a", false);
    }
}
