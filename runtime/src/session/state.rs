//! What an optimizer keeps from step to step, by name.
//!
//! In: a session. Out: its state as tensors, for checkpoints, and back. Deliberately not here: weights; files.

use std::borrow::Cow;

use zorro_compiler::graph::{BufferId, Place, Slot};
use zorro_compiler::optimizer::FIRST_SCALE;

use super::{Session, tensor};
use crate::checkpoint;
use crate::tensors::Tensors;
use crate::{RuntimeError, memory};

/// What an optimizer keeps from step to step, with its names.
const STATES: [(&str, Slot); 2] = [("first", Slot::First), ("second", Slot::Second)];
/// The loss scale and the steps since it changed. Names of weights have a dot before them there, these have none.
const SCALE: [(&str, Slot); 2] = [("loss_scale", Slot::Weight), ("loss_scale_steps", Slot::First)];

/// Where a part of the optimizer's state lies.
#[derive(Debug, Clone, Copy)]
struct StatePlace {
    buffer: BufferId,
    slot: Slot,
    offset: usize,
    numbers: usize,
}

impl Session {
    /// The optimizer's state by name: `first.WEIGHT` and `second.WEIGHT`, and in mixed precision the loss scale. Sums of
    /// gradients are no part of it: between steps there are none.
    ///
    /// # Errors
    ///
    /// If the device does not give them.
    pub fn states(&self) -> Result<Tensors, RuntimeError> {
        let mut states = Tensors::new();
        for (name, shape, region) in self.state_places() {
            let StatePlace { buffer, slot, offset, numbers } = region;
            let own = self.executor.parameters(buffer, slot, offset, numbers)?;
            states.insert(name, tensor(shape, &own)?);
        }
        Ok(states)
    }

    /// Takes the optimizer's state by name, as [`Self::states`] gives it. What is not there becomes what it is in the
    /// beginning; what the optimizer does not keep is left out.
    ///
    /// # Errors
    ///
    /// State of another shape than its weight; a device that does not take it.
    pub fn set_states(&mut self, states: &Tensors) -> Result<(), RuntimeError> {
        let states = &*checkpoint::current(&self.model, states);
        for (name, shape, region) in self.state_places() {
            let StatePlace { buffer, slot, offset, numbers } = region;
            let is_scale = self.plan.parameters.scale == Some(buffer) && slot == Slot::Weight;
            let own = match states.get(&name) {
                None if is_scale => Cow::Owned(vec![FIRST_SCALE; numbers]),
                None => Cow::Owned(memory::zeros(numbers, "the optimizer's state")?),
                Some(tensor) if tensor.data().len() == numbers => tensor.data().f32s(),
                Some(tensor) => {
                    let (expected, found) = (format!("{shape:?}"), tensor.shape().to_vec());
                    return Err(RuntimeError::Shape { name, expected, found });
                }
            };
            self.executor.set_parameters(buffer, slot, offset, &own)?;
        }
        Ok(())
    }

    /// What the optimizer keeps from step to step: names, shapes, and where it lies.
    fn state_places(&self) -> Vec<(String, Vec<usize>, StatePlace)> {
        let mut places = Vec::new();
        for (id, Place { buffer, offset, numbers }) in self.places() {
            for (word, slot) in STATES {
                if self.plan.states.contains(&(buffer, slot)) {
                    let name = format!("{word}.{}", self.name(id));
                    let place = StatePlace { buffer, slot, offset, numbers };
                    places.push((name, self.weight_shape(id), place));
                }
            }
        }
        if let Some(buffer) = self.plan.parameters.scale {
            for (name, slot) in SCALE {
                let place = StatePlace { buffer, slot, offset: 0, numbers: 1 };
                places.push((name.to_owned(), vec![1], place));
            }
        }
        places
    }
}
