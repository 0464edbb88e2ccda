//! The loop.
//!
//! In: a setup, somebody who watches, a flag that says stop. Out: how the run ended. A step is: batches, one update, a look at the
//! numbers; then, where it is due, a checkpoint, and after it an evaluation. Deliberately not here: what settings mean (`plan.rs`),
//! what a run begins with (`begin.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::checkpoint::{Checkpoint, CheckpointError, Folder, Manifest};
use crate::compiler::graph::BufferId;
use crate::data::{Collection, DataError, Loader, Problems};
use crate::{RunOptions, Session, Tensor, Tensors};

use super::begin::{Begun, manifest};
use super::evaluate::{EvaluateOptions, Evaluation, Evaluator, FIRST};
use super::log::Log;
use super::look::looked;
use super::plan::{Course, Setup};
use super::recent::{Idle, Recent};
use super::sessions::{Machine, session};
use super::{Begins, Event, Finished, Step, TrainError};

/// Somebody who watches a run.
pub type Watcher<'a> = dyn FnMut(&Event<'_>) + 'a;

/// A flag that says stop, shared with whoever sets it.
pub type Stop = Arc<AtomicBool>;

/// Trains until all steps are made, or the flag says stop: then the step is finished and a checkpoint written.
///
/// # Errors
///
/// What does not fit, before anything is computed; then what the machine or the data does, with how to go on. A flag that says
/// stop before the run has begun is an error, too, since then there is nothing to be kept.
pub fn train(
    setup: &Setup,
    watcher: &mut Watcher<'_>,
    stop: &Stop,
) -> Result<Finished, TrainError> {
    let mut run = Run::begin(setup, watcher, stop)?;
    match run.all_steps() {
        Ok(()) | Err(TrainError::Data(DataError::Stopped)) => run.finish(),
        Err(error) => Err(error),
    }
}

struct Run<'a, 'w> {
    setup: &'a Setup,
    watcher: &'a mut Watcher<'w>,
    stop: &'a Stop,
    course: Course,
    folder: Folder,
    log: Log,
    session: Session,
    /// Weights of the model that the objective has no use for.
    rest: Tensors,
    loader: Loader,
    collection: Collection,
    evaluation: Option<(Evaluator, Collection)>,
    evaluated: Option<Evaluation>,
    manifest: Manifest,
    /// Steps made.
    step: u64,
    /// The last step with a checkpoint.
    saved: Option<u64>,
    recent: Recent,
    idle: Idle,
    /// Whether a step of this part of the run had a loss.
    has_learned: bool,
    problems: Problems,
}

impl<'a, 'w> Run<'a, 'w> {
    fn begin(
        setup: &'a Setup,
        watcher: &'a mut Watcher<'w>,
        stop: &'a Stop,
    ) -> Result<Self, TrainError> {
        setup.has_init()?;
        let machine = setup.machine()?;
        let data = &setup.config.data;
        let model = &setup.checked.model;
        let collection = Collection::open(&data.train, &setup.base, model, stop)
            .map_err(|error| setup.data_error("train", error))?;
        let mut course = setup.course(collection.len())?;
        unless(stop)?;
        let eval = looked(setup, &collection, watcher, stop)?;
        unless(stop)?;
        let session = session(&setup.checked, &course.options, &machine)
            .map_err(|error| setup.compile_error(error))?;
        setup.can_move(session.plan(), &course.objective)?;
        unless(stop)?;
        let evaluation = evaluation(setup, &course, &machine, eval)?;
        unless(stop)?;
        let folder = Folder::open(&setup.folder)?;
        for note in std::mem::take(&mut course.notes) {
            watcher(&Event::Note(note));
        }
        let mut manifest = manifest(setup, &course);
        manifest.data.insert("train".to_owned(), collection.fingerprint());
        let eval = evaluation.as_ref().map(|(_, samples)| samples.fingerprint());
        manifest.data.extend(eval.map(|eval| ("eval".to_owned(), eval)));
        let mut begun = Begun::new(session, manifest);
        begun.weights(setup, &folder, watcher)?;
        let Begun { session, manifest, rest, step, saved } = begun;
        course.load.first_step = step.saturating_mul(u64::from(setup.config.accumulate));
        let mut loader =
            collection.training(&course.load).map_err(|error| setup.data_error("train", error))?;
        loader.heed(stop);
        let unwritable = |error| TrainError::Folder(setup.folder.clone(), error);
        let is_evaluated = !manifest.to_evaluate;
        let log = Log::open(folder.path(), step, is_evaluated, setup.config.log.tensorboard)
            .map_err(unwritable)?;
        unless(stop)?;
        let run = Self {
            recent: Recent::new(&loader),
            idle: Idle::default(),
            has_learned: false,
            problems: Problems::default(),
            evaluated: None,
            setup,
            watcher,
            stop,
            course,
            folder,
            log,
            session,
            rest,
            loader,
            collection,
            evaluation,
            manifest,
            step,
            saved,
        };
        let begins = run.begins();
        (run.watcher)(&Event::Begins(begins));
        Ok(run)
    }

    /// All steps that are left, and what is due after each.
    fn all_steps(&mut self) -> Result<(), TrainError> {
        if self.manifest.to_evaluate {
            // The run was left between a checkpoint and its evaluation.
            self.evaluate()?;
        }
        while self.step < self.course.steps && !self.stop.load(Ordering::Relaxed) {
            self.step()?;
            let is_last = self.step == self.course.steps;
            let evaluates = is_last || self.step.is_multiple_of(self.course.eval_every);
            self.manifest.to_evaluate = evaluates && self.evaluation.is_some();
            if is_last || self.step.is_multiple_of(self.course.save_every) {
                self.save()?;
            }
            if self.manifest.to_evaluate {
                self.evaluate()?;
            }
        }
        Ok(())
    }

    fn begins(&self) -> Begins {
        let parameters = &self.session.plan().parameters;
        let count = |frozen: bool| -> u64 {
            let all = (0..).zip(&parameters.buffers);
            let is_model = |id: u32| parameters.scale != Some(BufferId(id));
            let buffers = all.filter(|(id, buffer)| buffer.frozen == frozen && is_model(*id));
            buffers.map(|(_, buffer)| buffer.numbers as u64).sum()
        };
        let all = &self.setup.checked.model.weights;
        let all: u64 = all.iter().map(|weight| weight.numbers()).sum();
        let used: u64 = count(false) + count(true);
        Begins {
            from: self.step,
            steps: self.course.steps,
            samples: self.collection.len(),
            eval_samples: self.evaluation.as_ref().map_or(0, |(_, samples)| samples.len()),
            step_samples: self.step_samples(),
            objective: self.course.objective.clone(),
            parameters: (count(false), count(true)),
            unused: all.saturating_sub(used),
            memory: self.session.executor().arena_bytes() as u64,
            folder: self.folder.path().to_owned(),
        }
    }

    fn step_samples(&self) -> u64 {
        self.setup.config.batch * u64::from(self.setup.config.accumulate)
    }

    /// One update of the weights.
    fn step(&mut self) -> Result<(), TrainError> {
        let batches = u64::from(self.setup.config.accumulate);
        let rate = self.course.schedule.rate(self.step);
        let objective = &self.course.objective;
        let (mut losses, mut norm, mut epoch) = (Vec::new(), None, 0);
        let mut idle = std::mem::take(&mut self.idle);
        idle.steps += 1;
        for at in 0..batches {
            let loaded = self.loader.next()?.expect("training data has no end");
            let first = (self.step * batches + at).wrapping_mul(self.setup.config.batch);
            let options = RunOptions {
                seed: self.setup.config.seed,
                // Random numbers count samples in 32 bits; after 2^32 of them they come again, with other weights.
                first_sample: u32::try_from(first & u64::from(u32::MAX)).expect("32 bits"),
                learning_rate: rate,
                corrections: self.course.optimizer.corrections(self.step + 1),
                updates: at + 1 == batches,
            };
            let results = self.session.run(&loaded.batch, &options)?;
            if results.has_loss(objective) {
                let found = results.losses()?.get(objective).copied();
                losses.push(f64::from(found.expect("a step computes its loss")));
            } else {
                idle.add(&self.setup.checked.model, results.samples());
            }
            norm = results.gradient_norm()?.map(f64::from);
            epoch = loaded.epoch;
        }
        self.step += 1;
        #[expect(clippy::cast_precision_loss, reason = "few batches make a step")]
        let loss = (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64);
        if loss.is_some_and(|loss| !loss.is_finite()) {
            return Err(self.not_finite("the loss"));
        }
        if norm.is_some_and(|norm| !norm.is_finite()) {
            return Err(self.not_finite("the norm of all gradients"));
        }
        self.learned(loss.is_some(), idle)?;
        let blocked = self.loader.blocked();
        self.recent.add(loss, self.step_samples(), blocked);
        let step = Step {
            step: self.step,
            of: self.course.steps,
            loss,
            norm,
            rate,
            speed: self.recent.speed,
            epoch,
            waiting: self.recent.waiting,
        };
        (self.watcher)(&Event::Step(step));
        if self.step.is_multiple_of(self.setup.config.log.every) || self.step == self.course.steps {
            self.log_step(&step);
        }
        Ok(())
    }

    /// That there is something to learn from: not for a whole epoch nothing, nor for all steps.
    fn learned(&mut self, has_loss: bool, idle: Idle) -> Result<(), TrainError> {
        self.has_learned |= has_loss;
        if has_loss {
            return Ok(());
        }
        let is_in_vain = self.step == self.course.steps && !self.has_learned;
        if idle.steps < self.course.patience && !is_in_vain {
            self.idle = idle;
            return Ok(());
        }
        let objective = self.course.objective.clone();
        Err(TrainError::NothingToLearn {
            steps: idle.steps,
            had: idle.told(&self.setup.checked.model, &objective),
            objective,
            last: self.saved,
        })
    }

    fn not_finite(&self, what: &str) -> TrainError {
        TrainError::NotFinite { step: self.step, what: what.to_owned(), last: self.saved }
    }

    fn log_step(&mut self, step: &Step) {
        let mut numbers: Vec<(&str, f64)> = Vec::new();
        numbers.extend(self.recent.take_loss().map(|loss| ("loss", loss)));
        #[expect(clippy::cast_precision_loss, reason = "epochs are few")]
        numbers.extend([
            ("rate", step.rate),
            ("samples_per_second", step.speed),
            ("waiting", step.waiting),
            ("epoch", step.epoch as f64),
        ]);
        numbers.extend(step.norm.map(|norm| ("gradient_norm", norm)));
        self.write_log(&numbers);
        let problems = self.collection.problems();
        if problems != self.problems {
            (self.watcher)(&Event::Skipped(&problems));
            self.problems = problems;
        }
    }

    fn write_log(&mut self, numbers: &[(&str, f64)]) {
        if let Some(reason) = self.log.write(self.step, numbers) {
            (self.watcher)(&Event::Note(reason));
        }
    }

    /// Evaluates the model; its checkpoint is then told, or written where it is the best so far. What fails fails with what
    /// was learned written.
    fn evaluate(&mut self) -> Result<(), TrainError> {
        let found = match self.measure() {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(()),
            Err(error) => {
                if self.saved != Some(self.step) {
                    self.save()?;
                }
                return Err(error);
            }
        };
        let numbers = logged(&found);
        let numbers: Vec<(&str, f64)> =
            numbers.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        if !numbers.is_empty() {
            self.write_log(&numbers);
        }
        let best = found.is_best(self.step, self.manifest.best.as_ref());
        let is_best = best.is_some();
        self.manifest.best = best.or(self.manifest.best.take());
        self.evaluated = Some(found);
        self.manifest.to_evaluate = false;
        if self.saved == Some(self.step) {
            let (best, keep) = (self.manifest.best.as_ref(), self.keep());
            let told = self.folder.evaluated(self.step, best, keep);
            told.map_err(|source| self.unsaved(source))?;
        } else if is_best {
            self.save()?;
        }
        self.recent.restart(&self.loader);
        Ok(())
    }

    /// How good the model is, if there is data to evaluate it on.
    fn measure(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let weights = self.session.weights()?;
        let Some((evaluator, samples)) = &mut self.evaluation else { return Ok(None) };
        let threads = self.course.load.threads;
        let mut loader = samples.evaluation(self.course.eval_batch, threads)?;
        loader.heed(self.stop);
        (self.watcher)(&Event::Evaluating(self.step));
        let found = evaluator.evaluate(&weights, &mut loader)?;
        (self.watcher)(&Event::Evaluated(self.step, &found));
        Ok(Some(found))
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let weights = self.session.weights()?;
        if let Some(name) = not_finite(&weights) {
            return Err(self.not_finite(&format!("the weight `{name}`")));
        }
        let mut all = self.rest.clone();
        all.extend(weights);
        let mut manifest = self.manifest.clone();
        manifest.step = self.step;
        let checkpoint = Checkpoint { manifest, weights: all, optimizer: self.session.states()? };
        let keep = self.keep();
        let kept = self.folder.keep(&checkpoint, keep);
        let path = kept.map_err(|source| self.unsaved(source))?;
        self.saved = Some(self.step);
        (self.watcher)(&Event::Saved(self.step, path));
        self.recent.restart(&self.loader);
        Ok(())
    }

    fn keep(&self) -> usize {
        usize::try_from(self.setup.config.checkpoints.keep).unwrap_or(usize::MAX)
    }

    fn unsaved(&self, source: CheckpointError) -> TrainError {
        TrainError::Save { step: self.step, source, last: self.saved }
    }

    fn finish(mut self) -> Result<Finished, TrainError> {
        if self.saved != Some(self.step) {
            self.save()?;
        }
        let is_whole = self.step == self.course.steps && !self.stop.load(Ordering::Relaxed);
        if is_whole && self.evaluated.is_none() {
            // The run had made all its steps before.
            self.evaluated = self.measure()?;
        }
        Ok(Finished {
            step: self.step,
            of: self.course.steps,
            checkpoint: self.folder.checkpoint(self.step),
            evaluation: self.evaluated,
            best: self.manifest.best,
        })
    }
}

/// An error where the flag says stop: what was to come is not begun.
fn unless(stop: &Stop) -> Result<(), TrainError> {
    if stop.load(Ordering::Relaxed) { Err(DataError::Stopped.into()) } else { Ok(()) }
}

fn evaluation(
    setup: &Setup,
    course: &Course,
    machine: &Machine,
    samples: Option<Collection>,
) -> Result<Option<(Evaluator, Collection)>, TrainError> {
    let Some(samples) = samples else { return Ok(None) };
    let options = EvaluateOptions::in_training(course.eval_batch, course.eval_group);
    let evaluator = Evaluator::new(&setup.checked, &course.objective, &options, machine)?;
    Ok(Some((evaluator, samples)))
}

/// An evaluation by the names of its numbers in logs.
fn logged(found: &Evaluation) -> Vec<(String, f64)> {
    let mut numbers: Vec<(String, f64)> = Vec::new();
    numbers.extend(found.loss.map(|loss| ("eval/loss".to_owned(), loss)));
    #[expect(clippy::cast_precision_loss, reason = "groups are small")]
    numbers.extend(found.group().map(|group| ("nce_group".to_owned(), group as f64)));
    let given = |at: usize| found.conditions[at].given.join("+");
    for target in &found.targets {
        for (output, scores) in &target.scores.outputs {
            for (at, score) in scores.iter().enumerate() {
                let name = format!("eval/{}/{output}/{}", target.metric.name(), given(at));
                numbers.extend(score.map(|score| (name, score.value)));
            }
        }
    }
    for one in &found.retrieval {
        for (first, recall) in FIRST.iter().zip(one.recall) {
            let (from, to, given) = (&one.from, &one.to, given(one.condition));
            numbers.push((format!("eval/recall at {first}/{from} to {to}/{given}"), recall));
        }
    }
    numbers
}

fn not_finite(weights: &Tensors) -> Option<&str> {
    let finite = |tensor: &Tensor| {
        tensor.data().as_f32().is_none_or(|numbers| numbers.iter().all(|number| number.is_finite()))
    };
    weights.iter().find(|(_, tensor)| !finite(tensor)).map(|(name, _)| name)
}
