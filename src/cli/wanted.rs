//! What of a model is wanted, as several commands ask for it.
//!
//! In: the words of the command line. Out: the compiler's options. Deliberately not here: what they mean.

use zorro_compiler::graph::Precision;
use zorro_compiler::plan::Limits;
use zorro_compiler::{CompileOptions, Mode};
use zorro_runtime::device::{Device, DeviceChoice, Feature};
use zorro_runtime::gpu::GpuOptions;

use super::Failure;

/// What is compiled.
#[derive(clap::Args)]
pub(super) struct Wanted {
    /// Only these outputs [default: all that can be had]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub(super) outputs: Option<Vec<String>>,

    /// Only these modalities are there; what needs another one is not compiled
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub(super) only: Option<Vec<String>>,

    /// Compute the insides of these layers again for the backward pass, such as `layers` or `layers.3`
    #[arg(long, value_name = "PATH,..", value_delimiter = ',')]
    pub(super) recompute: Vec<String>,

    /// The most memory that the plan may need, such as 512MB or 4GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_memory: Option<u64>,

    /// How precisely what is computed is stored: `mixed` keeps what products read and make in 16 bits, on devices that can
    #[arg(long, value_enum, default_value_t, value_name = "PRECISION")]
    pub(super) precision: PrecisionName,
}

/// A precision by its name.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum PrecisionName {
    /// All in 32 bits
    #[default]
    F32,
    /// Operands and results of products in 16 bits
    Mixed,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => Self::Single,
            PrecisionName::Mixed => Self::Mixed,
        }
    }
}

impl Wanted {
    /// The compiler's options.
    pub(super) fn options(&self, batch: usize, mode: Mode, random: bool) -> CompileOptions {
        CompileOptions {
            batch,
            outputs: self.outputs.clone(),
            only: self.only.clone(),
            mode,
            random,
            recompute: self.recompute.clone(),
            max_memory: self.max_memory,
            precision: self.precision.into(),
            limits: Limits::NONE,
        }
    }
}

/// How many threads to run on.
#[derive(clap::Args)]
pub(super) struct Threads {
    /// Threads to run on [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Threads {
    /// The number.
    pub(super) fn number(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.map_or_else(all, usize::from)
    }
}

/// Where to run.
#[derive(clap::Args)]
pub(super) struct Place {
    /// Where to run: auto, cpu, gpu, or a device by its number or a part of its name, as `zorro devices` lists them [default:
    /// auto; cpu for what was trained by a run that says so]
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,

    /// What of a device not to use: subgroups, f16, timestamps, limits
    #[arg(long, value_name = "FEATURE,..", value_delimiter = ',')]
    without: Vec<Feature>,

    #[command(flatten)]
    threads: Threads,
}

impl Place {
    /// The number of threads of the processor.
    pub(super) fn threads(&self) -> usize {
        self.threads.number()
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Device, Failure> {
        self.open_as(None)
    }

    /// Opens it for what a run has trained: who wanted the CPU there does not look for GPUs here.
    pub(super) fn open_as(&self, trained_on: Option<&str>) -> Result<Device, Failure> {
        let options = GpuOptions { without: self.without.clone(), ..GpuOptions::default() };
        let default =
            if trained_on == Some("cpu") { DeviceChoice::Cpu } else { DeviceChoice::Auto };
        let choice = self.device.as_ref().unwrap_or(&default);
        let device = Device::open(choice, &options, self.threads.number());
        device.map_err(|error| Failure::Work(error.to_string()))
    }
}

/// `512MB`, `4GiB`, `1000000`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| "expected a number such as 512MB")?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        "t" | "tb" => 1_000_000_000_000,
        "tib" => 1 << 40,
        _ => return Err(format!("unknown unit `{}`; write MB, GB, MiB or GiB", unit.trim())),
    };
    number.checked_mul(factor).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes() {
        assert_eq!(size("512MB"), Ok(512_000_000));
        assert_eq!(size("4 GiB"), Ok(4 << 30));
        assert_eq!(size("17"), Ok(17));
        assert!(size("x").is_err() && size("1 parsec").is_err() && size("99999999999TB").is_err());
    }
}
