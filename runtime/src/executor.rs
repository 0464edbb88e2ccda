//! One executor or another.
//!
//! In: a plan and a device, once; data and steps. Out: results. Both executors mean the same by everything here; what comes
//! back from a device may fail to. Deliberately not here: how they compute.

use std::borrow::Cow;
use std::sync::Arc;

use crate::compiler::graph::{BufferId, InputId, Slot};
use crate::compiler::plan::Plan;
use crate::cpu::{CpuExecutor, Step};
use crate::device::Device;
use crate::gpu::GpuExecutor;
use crate::{RuntimeError, batch::FedTensor};

/// What runs a plan.
#[derive(Debug)]
pub enum Executor {
    /// The processor.
    Cpu(Box<CpuExecutor>),
    /// A device.
    Gpu(Box<GpuExecutor>),
}

impl Executor {
    /// Makes a plan ready. Weights and state are zeros.
    ///
    /// # Errors
    ///
    /// Where the memory, or anything else, does not suffice.
    pub fn new(plan: Arc<Plan>, device: &Device) -> Result<Self, RuntimeError> {
        Ok(match device {
            Device::Cpu { threads } => Self::Cpu(Box::new(CpuExecutor::new(plan, *threads)?)),
            Device::Gpu(gpu) => Self::Gpu(Box::new(GpuExecutor::new(plan, gpu)?)),
        })
    }

    /// The executor of the processor, where it is that.
    #[must_use]
    pub fn cpu(&self) -> Option<&CpuExecutor> {
        match self {
            Self::Cpu(cpu) => Some(cpu),
            Self::Gpu(_) => None,
        }
    }

    /// The executor of a device, where it is that.
    #[must_use]
    pub fn gpu(&self) -> Option<&GpuExecutor> {
        match self {
            Self::Cpu(_) => None,
            Self::Gpu(gpu) => Some(gpu),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Cpu(cpu) => cpu.plan(),
            Self::Gpu(gpu) => gpu.plan(),
        }
    }

    /// Bytes of the plan's arenas.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        match self {
            Self::Cpu(cpu) => cpu.arena_bytes(),
            Self::Gpu(gpu) => gpu.arena_bytes(),
        }
    }

    /// Bytes of what kernels work in, beside the arenas.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        match self {
            Self::Cpu(cpu) => cpu.scratch_bytes(),
            Self::Gpu(gpu) => gpu.scratch_bytes(),
        }
    }

    /// A part of a buffer of weights, or of the optimizer's state beside it.
    ///
    /// # Errors
    ///
    /// If the device does not give it.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    pub fn parameters(
        &self,
        buffer: BufferId,
        slot: Slot,
        offset: usize,
        numbers: usize,
    ) -> Result<Cow<'_, [f32]>, RuntimeError> {
        match self {
            Self::Cpu(cpu) => {
                Ok(Cow::Borrowed(&cpu.parameters(buffer, slot)[offset..offset + numbers]))
            }
            Self::Gpu(gpu) => gpu.parameters(buffer, slot, offset, numbers).map(Cow::Owned),
        }
    }

    /// Writes a part of such a buffer.
    ///
    /// # Errors
    ///
    /// If the device does not take it.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    pub fn set_parameters(
        &mut self,
        buffer: BufferId,
        slot: Slot,
        offset: usize,
        numbers: &[f32],
    ) -> Result<(), RuntimeError> {
        match self {
            Self::Cpu(cpu) => {
                let all = cpu.parameters_mut(buffer, slot);
                all[offset..offset + numbers.len()].copy_from_slice(numbers);
                Ok(())
            }
            Self::Gpu(gpu) => gpu.set_parameters(buffer, slot, offset, numbers),
        }
    }

    /// Feeds one input. It stays until it is fed again.
    ///
    /// # Errors
    ///
    /// If it is not as the plan takes it, or the device does not take it.
    pub fn feed(&mut self, input: InputId, fed: &FedTensor) -> Result<(), RuntimeError> {
        match (self, fed) {
            (Self::Cpu(cpu), FedTensor::Numbers(numbers)) => cpu.feed(input, numbers),
            (Self::Cpu(cpu), FedTensor::Integers(integers)) => cpu.feed_ids(input, integers),
            (Self::Gpu(gpu), FedTensor::Numbers(numbers)) => gpu.feed(input, numbers),
            (Self::Gpu(gpu), FedTensor::Integers(integers)) => gpu.feed_ids(input, integers),
        }
    }

    /// Runs all kernels in their order. On a device, they may not have ended when this returns; results wait for them.
    ///
    /// # Errors
    ///
    /// If the step has another number of samples than the batch, or the device fails.
    pub fn run(&mut self, step: &Step) -> Result<(), RuntimeError> {
        match self {
            Self::Cpu(cpu) => cpu.run(step),
            Self::Gpu(gpu) => gpu.run(step),
        }
    }

    /// Waits for the last run.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn wait(&self) -> Result<(), RuntimeError> {
        match self {
            Self::Cpu(_) => Ok(()),
            Self::Gpu(gpu) => gpu.wait(),
        }
    }

    /// A result of the last run, by its place among the plan's.
    ///
    /// # Errors
    ///
    /// If the device fails.
    ///
    /// # Panics
    ///
    /// If the plan has not as many.
    pub fn result(&self, index: usize) -> Result<Cow<'_, [f32]>, RuntimeError> {
        match self {
            Self::Cpu(cpu) => Ok(Cow::Borrowed(cpu.result(index))),
            Self::Gpu(gpu) => gpu.result(index),
        }
    }

    /// From now on measures how long kernels take, from zero; or measures no more.
    ///
    /// # Errors
    ///
    /// If the device has not the memory.
    pub fn profile(&mut self, on: bool) -> Result<(), RuntimeError> {
        match self {
            Self::Cpu(cpu) => {
                cpu.profile(on);
                Ok(())
            }
            Self::Gpu(gpu) => gpu.profile(on),
        }
    }

    /// Seconds that each kernel took, in the plan's order, in all runs since [`Self::profile`]; none if that is off, or the
    /// device does not tell.
    #[must_use]
    pub fn seconds(&self) -> Option<&[f64]> {
        match self {
            Self::Cpu(cpu) => cpu.seconds(),
            Self::Gpu(gpu) => gpu.seconds(),
        }
    }
}
