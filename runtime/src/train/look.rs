//! Data, looked at before anything is computed.
//!
//! In: a setup and the data of one of its sets. Out: what was found, and what is worth a word; an error at its place in the
//! configuration where nothing could be learned from it, or nothing be evaluated. Deliberately not here: looking, which is
//! the data's.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Event, Setup, TrainError, Watcher};
use crate::compiler::model::{Loss, Objective};
use crate::data::Collection;
use crate::data::survey::{Lack, Limits, Look, lacking};

/// What was found in the data of a set.
#[derive(Debug)]
pub struct Looked {
    /// By source.
    pub look: Look,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Why nothing can be learned from it, or nothing be evaluated: no sample has what one term of the objective needs.
    pub error: Option<TrainError>,
}

impl Setup {
    /// Opens `data.train`, or `data.eval`; `None` where the configuration has none.
    ///
    /// # Errors
    ///
    /// As [`Collection::open`], at its place in the configuration.
    pub fn open(&self, set: &str, stop: &AtomicBool) -> Result<Option<Collection>, TrainError> {
        let data = match set {
            "train" => Some(&self.config.data.train),
            _ => self.config.data.eval.as_ref(),
        };
        let open = |data| Collection::open(data, &self.base, &self.checked.model, stop);
        data.map(open).transpose().map_err(|error| self.data_error(set, error))
    }

    /// Looks at the data of a set: counts, labels, the first samples.
    ///
    /// # Errors
    ///
    /// As [`Collection::look`].
    pub fn look(
        &self,
        set: &str,
        collection: &Collection,
        stop: &AtomicBool,
    ) -> Result<Looked, TrainError> {
        let look = collection
            .look(&Limits::default(), stop)
            .map_err(|error| self.data_error(set, error))?;
        let (model, name) = (&self.checked.model, self.objective()?);
        let objective = model.objectives.iter().find(|objective| objective.name == name);
        let objective = objective.expect("it was found by its name");
        let mut looked = Looked { look, notes: Vec::new(), error: None };
        if stop.load(Ordering::Relaxed) {
            // Who was stopped has not seen enough to say what is missing.
            return Ok(looked);
        }
        let mut lacks = lacking(model, &self.checked.flow, objective, &looked.look);
        if collection.len() == 1 {
            lacks.extend(alone(objective));
        }
        for Lack { is_fatal, message, help } in lacks {
            if is_fatal {
                let place = match looked.look.sources.as_slice() {
                    [one] => format!("data.{set}.{}", one.place),
                    _ => format!("data.{set}.sources"),
                };
                looked.error = Some(self.wrong(&place, message, help));
            } else {
                let help = help.map_or_else(String::new, |help| format!("; {help}"));
                looked.notes.push(format!("data.{set}: {message}{help}"));
            }
        }
        Ok(looked)
    }
}

/// Of an objective that only compares samples: one alone would be compared with itself.
fn alone(objective: &Objective) -> Option<Lack> {
    let compares = |term: &&Loss| matches!(term, Loss::Nce { .. });
    let message =
        format!("`{}` tells samples from each other, and there is one alone", objective.name);
    let is_all = objective.loss.terms().iter().all(compares);
    is_all.then_some(Lack { is_fatal: true, message, help: None })
}

/// Looks at the data of a run before it begins, and tells what was found. Gives what the run is evaluated on, if anything.
pub(super) fn looked(
    setup: &Setup,
    train: &Collection,
    watcher: &mut Watcher<'_>,
    stop: &AtomicBool,
) -> Result<Option<Collection>, TrainError> {
    let eval = setup.open("eval", stop)?;
    for (set, collection) in [("train", Some(train)), ("eval", eval.as_ref())] {
        let Some(collection) = collection else { continue };
        let Looked { look, notes, error } = setup.look(set, collection, stop)?;
        watcher(&Event::Looked(set, &look));
        if let Some(error) = error {
            return Err(error);
        }
        notes.into_iter().for_each(|note| watcher(&Event::Note(note)));
    }
    Ok(eval)
}
