//! The loop.
//!
//! In: a setup, somebody who watches, a flag that says stop. Out: how the run ended. A step is: batches, one update, a look at the
//! numbers; then, where it is due, an evaluation, a checkpoint. Deliberately not here: what settings mean (`plan.rs`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::checkpoint::{Best, Checkpoint, Folder, Manifest};
use crate::compiler::random;
use crate::data::{Collection, Loader, Problems};
use crate::{RunOptions, Session, Tensor, TensorData, Tensors};

use super::evaluate::{EvaluateOptions, Evaluation, Evaluator, FIRST};
use super::log::Log;
use super::look::looked;
use super::plan::{Course, Setup};
use super::sessions::{Machine, session};
use super::{Begins, Event, Finished, Step, TrainError, init};

/// Somebody who watches a run.
pub type Watcher<'a> = dyn FnMut(&Event<'_>) + 'a;

/// Trains until all steps are made, or the flag says stop: then the step is finished and a checkpoint written.
///
/// # Errors
///
/// What does not fit, before anything is computed; then what the machine or the data does, with how to go on.
pub fn train(
    setup: &Setup,
    watcher: &mut Watcher<'_>,
    stop: &AtomicBool,
) -> Result<Finished, TrainError> {
    let mut run = Run::begin(setup, watcher, stop)?;
    while run.step < run.course.steps && !stop.load(Ordering::Relaxed) {
        run.step()?;
        let is_last = run.step == run.course.steps;
        let mut due = is_last || run.step.is_multiple_of(run.course.save_every);
        if is_last || run.step.is_multiple_of(run.course.eval_every) {
            due |= run.evaluate()?;
        }
        if due {
            run.save()?;
        }
    }
    run.finish()
}

struct Run<'a, 'w> {
    setup: &'a Setup,
    watcher: &'a mut Watcher<'w>,
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
    problems: Problems,
}

/// The last steps.
struct Recent {
    since: Instant,
    blocked: Duration,
    steps: u64,
    loss: f64,
    speed: f64,
    waiting: f64,
}

impl<'a, 'w> Run<'a, 'w> {
    fn begin(
        setup: &'a Setup,
        watcher: &'a mut Watcher<'w>,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        setup.has_init()?;
        let machine = setup.machine()?;
        let data = &setup.config.data;
        let model = &setup.checked.model;
        let collection = Collection::open(&data.train, &setup.base, model)
            .map_err(|error| setup.data_error("train", error))?;
        let mut course = setup.course(collection.len())?;
        let eval = looked(setup, &collection, watcher, stop)?;
        let session = session(&setup.checked, &course.options, &machine)
            .map_err(|error| setup.compile_error(error))?;
        let evaluation = evaluation(setup, &course, &machine, eval)?;
        let folder = Folder::open(&setup.folder)?;
        let manifest =
            Manifest::new(setup.spec.clone(), &course.objective, &setup.text, setup.config.seed);
        for note in std::mem::take(&mut course.notes) {
            watcher(&Event::Note(note));
        }
        let mut begun = Begun { session, manifest, rest: Tensors::new(), step: 0 };
        begun.weights(setup, &folder, watcher)?;
        let Begun { session, manifest, rest, step } = begun;
        course.load.first_step = step * u64::from(setup.config.accumulate);
        let loader =
            collection.training(&course.load).map_err(|error| setup.data_error("train", error))?;
        let unwritable = |error| TrainError::Folder(setup.folder.clone(), error);
        let log =
            Log::open(folder.path(), step, setup.config.log.tensorboard).map_err(unwritable)?;
        let saved = folder.steps().last().copied();
        let run = Self {
            recent: Recent::new(&loader),
            problems: Problems::default(),
            evaluated: None,
            setup,
            watcher,
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

    fn begins(&self) -> Begins {
        let parameters = &self.session.plan().parameters;
        let count = |frozen: bool| {
            let buffers = parameters.buffers.iter().filter(|buffer| buffer.frozen == frozen);
            buffers.map(|buffer| buffer.numbers as u64).sum()
        };
        Begins {
            from: self.step,
            steps: self.course.steps,
            samples: self.collection.len(),
            eval_samples: self.evaluation.as_ref().map_or(0, |(_, samples)| samples.len()),
            step_samples: self.step_samples(),
            objective: self.course.objective.clone(),
            parameters: (count(false), count(true)),
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
        let (mut loss, mut norm, mut epoch) = (0.0, None, 0);
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
            let found = results.losses()?.get(&self.course.objective).copied();
            #[expect(clippy::cast_precision_loss, reason = "few batches make a step")]
            let share = f64::from(found.expect("a step computes its loss")) / batches as f64;
            loss += share;
            norm = results.gradient_norm()?.map(f64::from);
            epoch = loaded.epoch;
        }
        self.step += 1;
        if !loss.is_finite() {
            return Err(self.not_finite("the loss"));
        }
        if norm.is_some_and(|norm| !norm.is_finite()) {
            return Err(self.not_finite("the norm of all gradients"));
        }
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

    fn not_finite(&self, what: &str) -> TrainError {
        TrainError::NotFinite { step: self.step, what: what.to_owned(), last: self.saved }
    }

    fn log_step(&mut self, step: &Step) {
        let loss = self.recent.take_loss();
        #[expect(clippy::cast_precision_loss, reason = "epochs are few")]
        let mut numbers = vec![
            ("loss", loss),
            ("rate", step.rate),
            ("samples_per_second", step.speed),
            ("waiting", step.waiting),
            ("epoch", step.epoch as f64),
        ];
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

    /// Evaluates the model, if there is data for it; true where it is the best so far.
    fn evaluate(&mut self) -> Result<bool, TrainError> {
        let weights = self.session.weights()?;
        let Some((evaluator, samples)) = &mut self.evaluation else { return Ok(false) };
        let threads = self.course.load.threads;
        let mut loader = samples.evaluation(self.course.eval_batch, threads)?;
        (self.watcher)(&Event::Evaluating(self.step));
        let found = evaluator.evaluate(&weights, &mut loader)?;
        (self.watcher)(&Event::Evaluated(self.step, &found));
        let numbers = logged(&found);
        let numbers: Vec<(&str, f64)> =
            numbers.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        self.write_log(&numbers);
        let (metric, value) = found.overall();
        let is_best = self.manifest.best.as_ref().is_none_or(|best| value > best.value);
        if is_best {
            self.manifest.best = Some(Best { step: self.step, metric: metric.to_owned(), value });
        }
        self.evaluated = Some(found);
        self.recent.restart(&self.loader);
        Ok(is_best)
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
        let keep = usize::try_from(self.setup.config.checkpoints.keep).unwrap_or(usize::MAX);
        let path = self.folder.keep(&checkpoint, keep).map_err(|source| TrainError::Save {
            step: self.step,
            source,
            last: self.saved,
        })?;
        self.saved = Some(self.step);
        (self.watcher)(&Event::Saved(self.step, path));
        self.recent.restart(&self.loader);
        Ok(())
    }

    fn finish(mut self) -> Result<Finished, TrainError> {
        if self.saved != Some(self.step) {
            self.save()?;
        }
        if self.step == self.course.steps && self.evaluated.is_none() {
            // The run had made all its steps before.
            self.evaluate()?;
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

fn evaluation(
    setup: &Setup,
    course: &Course,
    machine: &Machine,
    samples: Option<Collection>,
) -> Result<Option<(Evaluator, Collection)>, TrainError> {
    let Some(samples) = samples else { return Ok(None) };
    let options = EvaluateOptions::in_training(course.eval_batch);
    let evaluator = Evaluator::new(&setup.checked, &course.objective, &options, machine)?;
    Ok(Some((evaluator, samples)))
}

/// An evaluation by the names of its numbers in logs.
fn logged(found: &Evaluation) -> Vec<(String, f64)> {
    let mut numbers = vec![("eval/loss".to_owned(), found.loss)];
    let given = |at: usize| found.conditions[at].given.join("+");
    for target in &found.targets {
        for (output, scores) in &target.outputs {
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

/// What a run has when it begins.
struct Begun {
    session: Session,
    manifest: Manifest,
    rest: Tensors,
    step: u64,
}

impl Begun {
    /// Weights as they start, or from elsewhere, or of the last checkpoint.
    fn weights(
        &mut self,
        setup: &Setup,
        folder: &Folder,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), TrainError> {
        if !setup.resume {
            if let Some(step) = folder.steps().last() {
                return Err(TrainError::Begun { folder: setup.folder.clone(), step: *step });
            }
            let mut weights = starts(setup);
            if let Some(from) = &setup.config.init {
                let report = init::load(from, &setup.base, &mut weights)?;
                watcher(&Event::Loaded(&report));
            }
            return self.take(weights);
        }
        let Some(found) = folder.newest()? else {
            return Err(TrainError::NothingToResume(setup.folder.clone()));
        };
        for (path, error) in &found.skipped {
            watcher(&Event::Note(format!(
                "{error}; going on from the checkpoint before `{}`",
                path.display()
            )));
        }
        let Checkpoint { manifest, weights, optimizer } = found.checkpoint;
        let changed = [
            ("the configuration", manifest.config != setup.text),
            ("the spec", manifest.spec != setup.spec),
        ];
        for (what, _) in changed.iter().filter(|(_, changed)| *changed) {
            let step = manifest.step;
            watcher(&Event::Note(format!(
                "{what} has changed since the checkpoint of step {step}; the run goes on with the new one"
            )));
        }
        self.step = manifest.step;
        self.manifest.best = manifest.best;
        self.take(weights)?;
        Ok(self.session.set_states(&optimizer)?)
    }

    fn take(&mut self, mut weights: Tensors) -> Result<(), TrainError> {
        self.session.set_weights(&weights)?;
        let own = self.session.weights()?;
        weights = weights.into_iter().filter(|(name, _)| own.get(name).is_none()).collect();
        self.rest = weights;
        Ok(())
    }
}

/// All weights of the model as they start.
fn starts(setup: &Setup) -> Tensors {
    let weights = setup.checked.model.weights.iter().map(|weight| {
        let numbers = random::initial(&weight.name, &weight.shape, &weight.init, setup.config.seed);
        let shape = weight.shape.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX));
        let tensor = Tensor::new(shape.collect(), TensorData::F32(numbers));
        (weight.name.clone(), tensor.expect("a start fills its shape"))
    });
    weights.collect()
}

impl Recent {
    fn new(loader: &Loader) -> Self {
        let (since, blocked) = (Instant::now(), loader.blocked());
        Self { since, blocked, steps: 0, loss: 0.0, speed: 0.0, waiting: 0.0 }
    }

    /// After an evaluation or a checkpoint, whose time is not the steps'.
    fn restart(&mut self, loader: &Loader) {
        (self.since, self.blocked) = (Instant::now(), loader.blocked());
    }

    /// Speed and waiting are those of the last few steps: older ones count half as much with each.
    #[expect(clippy::cast_precision_loss, reason = "numbers to look at")]
    fn add(&mut self, loss: f64, samples: u64, blocked: Duration) {
        let seconds = self.since.elapsed().as_secs_f64().max(1e-9);
        let waited = blocked.saturating_sub(self.blocked).as_secs_f64();
        let is_first = self.speed == 0.0;
        let mix = |old: f64, new: f64| if is_first { new } else { 0.9 * old + 0.1 * new };
        self.speed = mix(self.speed, samples as f64 / seconds);
        self.waiting = mix(self.waiting, (waited / seconds).min(1.0));
        (self.since, self.blocked) = (Instant::now(), blocked);
        self.steps += 1;
        self.loss += loss;
    }

    /// The mean loss since it was last taken.
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
    fn take_loss(&mut self) -> f64 {
        let mean = self.loss / self.steps.max(1) as f64;
        (self.steps, self.loss) = (0, 0.0);
        mean
    }
}
