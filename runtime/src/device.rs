//! Where models run: the processor, or a device.
//!
//! In: what a user says: `auto`, `cpu`, `gpu`, a place in the list of adapters, or a part of a name. Out: a [`Device`], ready
//! for sessions. A processor that plays a GPU is slower than the executor for processors, and is taken only where it is named.
//! Deliberately not here: what a device can do.

use std::fmt;
use std::str::FromStr;

use crate::RuntimeError;
use crate::gpu::{AdapterFacts, Gpu, GpuOptions, adapters};

/// Where models run.
#[derive(Debug, Clone)]
pub enum Device {
    /// On threads of the processor.
    Cpu {
        /// How many.
        threads: usize,
    },
    /// On an opened device.
    Gpu(Gpu),
}

/// Which device is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first GPU.
    Gpu,
    /// The adapter at this place of the list.
    Index(usize),
    /// The first adapter whose name has this in it, in whatever case.
    Name(String),
}

/// What a device may be forbidden to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Operations among invocations of a subgroup.
    Subgroups,
    /// 16-bit floats.
    F16,
    /// Times of kernels.
    Timestamps,
    /// More than the limits that every device of WebGPU has.
    Limits,
}

impl Device {
    /// The processor.
    #[must_use]
    pub fn cpu(threads: usize) -> Self {
        Self::Cpu { threads }
    }

    /// Opens what is meant. The threads are those of the processor, where that is it.
    ///
    /// # Errors
    ///
    /// If there is no such device, or it cannot be opened.
    pub fn open(
        choice: &DeviceChoice,
        options: &GpuOptions,
        threads: usize,
    ) -> Result<Self, RuntimeError> {
        if *choice == DeviceChoice::Cpu {
            return Ok(Self::cpu(threads));
        }
        let all = adapters();
        match choice.of(&all) {
            Some(index) => Ok(Self::Gpu(Gpu::open(index, options)?)),
            None if *choice == DeviceChoice::Auto => Ok(Self::cpu(threads)),
            None => {
                let known = all.iter().map(|one| format!("{} ({})", one.name, one.kind.name()));
                Err(RuntimeError::NoDevice { wanted: choice.to_string(), known: known.collect() })
            }
        }
    }

    /// Its name: `cpu`, or that of the adapter.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu { .. } => "cpu",
            Self::Gpu(gpu) => &gpu.facts().name,
        }
    }
}

impl DeviceChoice {
    /// The place of the adapter that is meant.
    #[must_use]
    pub fn of(&self, adapters: &[AdapterFacts]) -> Option<usize> {
        match self {
            Self::Cpu => None,
            Self::Auto | Self::Gpu => {
                let ranked = adapters.iter().filter_map(|one| Some((one.kind.rank()?, one.index)));
                ranked.min().map(|(_, index)| index)
            }
            Self::Index(index) => adapters.iter().map(|one| one.index).find(|at| at == index),
            Self::Name(part) => {
                let part = part.to_lowercase();
                let named = adapters.iter().find(|one| one.name.to_lowercase().contains(&part));
                named.map(|one| one.index)
            }
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("expected auto, cpu, gpu, a number or a part of a name".to_owned()),
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu),
            other => Ok(other.parse().map_or_else(|_| Self::Name(other.to_owned()), Self::Index)),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu => f.write_str("gpu"),
            Self::Index(index) => index.fmt(f),
            Self::Name(part) => f.write_str(part),
        }
    }
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Subgroups, Self::F16, Self::Timestamps, Self::Limits];

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subgroups => "subgroups",
            Self::F16 => "f16",
            Self::Timestamps => "timestamps",
            Self::Limits => "limits",
        }
    }
}

impl FromStr for Feature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|feature| feature.name() == text.trim());
        found.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceChoice;
    use crate::gpu::{AdapterFacts, AdapterKind};

    fn adapter(index: usize, name: &str, kind: AdapterKind) -> AdapterFacts {
        AdapterFacts {
            index,
            name: name.to_owned(),
            backend: "vulkan",
            driver: String::new(),
            kind,
            subgroups: None,
            f16: false,
            timestamps: false,
            cooperative_matrices: Vec::new(),
            buffer_bytes: 0,
            binding_bytes: 0,
            storage_buffers: 8,
            invocations: 256,
            workgroup_bytes: 0,
            workgroups: 0,
            memory: None,
        }
    }

    #[track_caller]
    fn check(adapters: &[AdapterFacts], choice: &str, expected: Option<usize>) {
        let choice: DeviceChoice = choice.parse().expect("a choice");
        assert_eq!(choice.of(adapters), expected, "{choice}");
    }

    #[test]
    fn choices() {
        let soft = adapter(0, "llvmpipe (LLVM 15)", AdapterKind::Software);
        let small = adapter(1, "Inlet UHD", AdapterKind::Integrated);
        let large = adapter(2, "Novia H9", AdapterKind::Discrete);
        let all = [soft.clone(), small, large];
        for (choice, expected) in [
            ("auto", Some(2)),
            ("gpu", Some(2)),
            ("cpu", None),
            ("0", Some(0)),
            ("1", Some(1)),
            ("3", None),
            ("LLVM", Some(0)),
            ("uhd", Some(1)),
            ("nothing", None),
        ] {
            check(&all, choice, expected);
        }
        check(std::slice::from_ref(&soft), "auto", None);
        check(&[soft], "gpu", None);
        assert!(" ".parse::<DeviceChoice>().is_err());
    }
}
