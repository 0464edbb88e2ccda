//! What a run has when it begins: weights as they start, from elsewhere, or of the last checkpoint.
//!
//! In: a setup and its folder. Out: a session with weights and state, and the manifest of the checkpoints to come; what is another
//! than when the run was left is noted. Deliberately not here: steps.

use crate::checkpoint::{Checkpoint, Folder, Manifest};
use crate::compiler::random;
use crate::{Session, Tensor, TensorData, Tensors, memory};

use super::plan::{Course, Setup};
use super::run::Watcher;
use super::{Event, TrainError, init};

/// What a run has when it begins.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) manifest: Manifest,
    /// Weights of the model that the objective has no use for.
    pub(super) rest: Tensors,
    /// Steps that were made before.
    pub(super) step: u64,
    /// The last step with a checkpoint that can be read.
    pub(super) saved: Option<u64>,
}

impl Begun {
    pub(super) fn new(session: Session, manifest: Manifest) -> Self {
        Self { session, manifest, rest: Tensors::new(), step: 0, saved: None }
    }

    /// Takes weights: as they start, or from elsewhere, or of the last checkpoint.
    pub(super) fn weights(
        &mut self,
        setup: &Setup,
        folder: &Folder,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), TrainError> {
        if setup.resume {
            return self.resume(setup, folder, watcher);
        }
        if let Some(step) = folder.steps().last() {
            return Err(TrainError::Begun { folder: setup.folder.clone(), step: *step });
        }
        let mut weights = starts(setup)?;
        if let Some(from) = &setup.config.init {
            let report = init::load(from, &setup.base, &setup.checked.model, &mut weights)?;
            watcher(&Event::Loaded(&report));
        }
        self.take(weights)
    }

    fn resume(
        &mut self,
        setup: &Setup,
        folder: &Folder,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), TrainError> {
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
        // One that an older program wrote may not be read any more.
        if let Ok(before) = super::config::parse("the checkpoint's configuration", &manifest.config)
            && let Err((target, message)) =
                setup.config.data.train.clone().take_classes(&before.data.train.classes)
        {
            return Err(setup.wrong(&format!("data.train.classes.{target}"), message, None));
        }
        for note in self.changes(&manifest) {
            watcher(&Event::Note(note));
        }
        self.step = manifest.step;
        self.saved = Some(manifest.step);
        self.manifest.step = manifest.step;
        self.manifest.best = manifest.best;
        self.manifest.to_evaluate = manifest.to_evaluate;
        self.take(weights)?;
        Ok(self.session.set_states(&optimizer)?)
    }

    /// What is another than when a checkpoint was written.
    fn changes(&self, before: &Manifest) -> Vec<String> {
        let (now, step) = (&self.manifest, before.step);
        let mut notes = Vec::new();
        if before.is_unsealed() {
            notes.push(format!(
                "the checkpoint of step {step} is of a version that does not tell whether its manifest was changed"
            ));
        }
        let changed = [
            ("the configuration", before.config != now.config),
            ("the spec", before.spec != now.spec),
        ];
        for (what, _) in changed.iter().filter(|(_, changed)| *changed) {
            notes.push(format!(
                "{what} has changed since the checkpoint of step {step}; the run goes on with the new one"
            ));
        }
        if let (Some(before), Some(now)) = (before.steps, now.steps)
            && before != now
        {
            notes.push(format!(
                "the run now has {now} steps, and had {before} at step {step}; the rate follows the new number"
            ));
        }
        for (set, looked) in &before.data {
            let changes = now.data.get(set).map(|now| looked.changes(now)).unwrap_or_default();
            notes.extend(changes.into_iter().map(|change| {
                format!(
                    "`data.{set}` is not what it was at the checkpoint of step {step}: {change}"
                )
            }));
        }
        notes
    }

    fn take(&mut self, mut weights: Tensors) -> Result<(), TrainError> {
        self.session.set_weights(&weights)?;
        let own = self.session.weights()?;
        weights = weights.into_iter().filter(|(name, _)| own.get(name).is_none()).collect();
        self.rest = weights;
        Ok(())
    }
}

/// The manifest of a run's checkpoints, before its first step.
pub(super) fn manifest(setup: &Setup, course: &Course) -> Manifest {
    let mut manifest =
        Manifest::new(setup.spec.clone(), &course.objective, &setup.text, setup.config.seed);
    let base = if setup.base.as_os_str().is_empty() { ".".as_ref() } else { setup.base.as_path() };
    // What has no name in UTF-8 cannot stand in a manifest.
    manifest.base = std::path::absolute(base).ok().filter(|base| base.to_str().is_some());
    manifest.steps = Some(course.steps);
    manifest
}

/// All weights of the model as they start.
fn starts(setup: &Setup) -> Result<Tensors, TrainError> {
    let weights = &setup.checked.model.weights;
    let numbers: u64 = weights.iter().map(|weight| weight.numbers()).sum();
    let bytes = usize::try_from(numbers.saturating_mul(4)).unwrap_or(usize::MAX);
    // Once here, and once more by name in the session.
    memory::room(bytes.saturating_mul(2), "weights")?;
    let weights = weights.iter().map(|weight| {
        let numbers = random::initial(&weight.name, &weight.shape, &weight.init, setup.config.seed);
        let shape = weight.shape.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX));
        let tensor = Tensor::new(shape.collect(), TensorData::F32(numbers));
        (weight.name.clone(), tensor.expect("a start fills its shape"))
    });
    Ok(weights.collect())
}
