//! `zorro compile`: a model as files that any host runs.
//!
//! In: a spec, and what is wanted of it. Out: a folder with shaders and a manifest. Deliberately not here: what the files say,
//! and weights, which are checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use zorro::emit::{EmitError, EmittedFile, Form, MANIFEST, emit};
use zorro::files::{self, reason};
use zorro::{Checked, CompileOptions, Mode, Target};
use zorro_compiler::autodiff::Seed;
use zorro_compiler::cost::bytes;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::plan::{ALIGNMENT, Limits};

use super::options::Settings;
use super::wanted::{Wanted, size};
use super::{Failure, print_quoting, spec};

/// Compile a model to shaders and a manifest, for hosts of your own
///
/// The folder gets a file for each shader in each language, constant tables, `manifest.json`, which says all that a host needs
/// to know to run them without zorro, and its JSON schema. Weights are not in it: they are .safetensors, and the manifest says
/// where each of them goes. Other files in the folder stay as they are. docs/compile.md explains all of it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro compile demo.zorro -o out\n  \
    zorro compile demo.zorro -o out --emit spirv,plan --batch 8 --only audio\n  \
    zorro compile demo.zorro -o out --emit msl --outputs video_logits --subgroup 32\n  \
    zorro compile demo.zorro -o out --training adamw --objective supervised --batch 16")]
pub(super) struct Args {
    /// The .zorro file, or `-` for standard input
    spec: PathBuf,

    /// The folder to write to; it is made where it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// What to write beside the manifest
    #[arg(long, value_name = "FORM,..", value_delimiter = ',', value_enum)]
    #[arg(default_values_t = [Emit::Wgsl, Emit::Plan])]
    emit: Vec<Emit>,

    /// Samples of a batch; a program has one size
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: usize,

    /// Compute the loss of this objective, too [default for gradients and training: the first]
    #[arg(long, value_name = "NAME")]
    objective: Option<String>,

    /// Compute gradients of the objective with respect to weights and inputs
    #[arg(long, conflicts_with = "training")]
    gradients: bool,

    /// Compute a step of training by this optimizer, with dropout and drop path
    #[arg(long, value_name = "RULE", value_enum)]
    training: Option<Train>,

    /// How much weights of linear maps decay in a step of training
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 0.05,
        requires = "training",
        allow_negative_numbers = true
    )]
    weight_decay: f64,

    /// The momentum of sgd
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.9,
        requires = "training",
        allow_negative_numbers = true
    )]
    momentum: f64,

    /// The largest norm that all gradients together keep
    #[arg(long, value_name = "NORM", requires = "training", allow_negative_numbers = true)]
    clip: Option<f64>,

    #[command(flatten)]
    device: Device,

    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    settings: Settings,
}

/// What shaders may ask of a device; as it stands, what every WebGPU device can do.
#[derive(clap::Args)]
#[command(next_help_heading = "Device [default: any]")]
struct Device {
    /// All subgroups have this size, a power of two; shaders then use subgroup operations
    #[arg(long, value_name = "SIZE", value_parser = subgroup)]
    subgroup: Option<u32>,

    /// 16-bit floats can be stored and computed with
    #[arg(long)]
    f16: bool,

    /// Work in registers alone, as is faster where a processor plays the device
    #[arg(long)]
    no_shared_memory: bool,

    /// Invocations that a workgroup can have
    #[arg(long, value_name = "N", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u32).range(256..=1024))]
    invocations: u32,

    /// Bytes of memory that a workgroup can have
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    #[arg(value_parser = clap::value_parser!(u32).range(16_384..=1_048_576))]
    workgroup_bytes: u32,

    /// Storage buffers that a shader can have
    #[arg(long, value_name = "N", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u32).range(8..=64))]
    storage_buffers: u32,

    /// The largest buffer, and the most of it that a shader sees, such as 128MiB [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_buffer: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Emit {
    /// WGSL, for WebGPU
    Wgsl,
    /// SPIR-V 1.3, for Vulkan
    Spirv,
    /// For Metal
    Msl,
    /// For Direct3D 12
    Hlsl,
    /// The kernels with their cost, for people
    Plan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Train {
    /// Adam with weight decay apart from the gradient
    Adamw,
    /// Adam
    Adam,
    /// Gradient descent with momentum
    Sgd,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    let wanted = CompileOptions {
        limits: args.device.limits()?,
        ..args.wanted.options(args.batch, mode(args, &checked)?, args.training.is_some())
    };
    let forms: Vec<Form> = args.emit.iter().map(|form| form.form()).collect();
    let files = emit(&checked, &wanted, &args.device.target(), &forms)
        .map_err(|error: EmitError| Failure::Work(error.to_string()))?;
    write(&args.output, &files)?;
    let size: usize = files.iter().map(|file| file.bytes.len()).sum();
    let (folder, n) = (args.output.display(), files.len());
    print_quoting(&format!("wrote {n} files of {} to {folder}\n", bytes(size as u128)))
}

/// A file that is only begun is never seen under its name, and without a manifest the folder is none of ours: whoever
/// finds one finds all that it speaks of.
fn write(folder: &Path, files: &[EmittedFile]) -> Result<(), Failure> {
    let failed = |verb: &str, path: &Path, reason: &str| {
        Failure::Work(format!("cannot {verb} `{}`: {reason}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| {
        // A file of that name, or a folder that is none.
        let is_file = folder.exists() && !folder.is_dir();
        let words = if is_file { "it is no folder".to_owned() } else { reason(&error) };
        failed("create", folder, &words)
    })?;
    let manifest = folder.join(MANIFEST);
    if manifest.is_file() {
        fs::remove_file(&manifest)
            .map_err(|error| failed("replace", &manifest, &reason(&error)))?;
    }
    for file in files {
        let path = folder.join(&file.name);
        files::write(&path, &file.bytes).map_err(|reason| failed("write", &path, &reason))?;
    }
    Ok(())
}

fn mode(args: &Args, checked: &Checked) -> Result<Mode, Failure> {
    let first = checked.model.objectives.first().map(|objective| objective.name.clone());
    let objective = args.objective.clone().or(first);
    if args.gradients {
        return Ok(Mode::Gradients(objective.map_or(Seed::Outputs, Seed::Loss)));
    }
    let Some(training) = args.training else {
        return Ok(Mode::Forward { objectives: args.objective.iter().cloned().collect() });
    };
    let objective = objective
        .ok_or_else(|| Failure::Work("the spec has no objective to train for".to_owned()))?;
    for (name, number) in [
        ("weight-decay", Some(args.weight_decay)),
        ("momentum", Some(args.momentum)),
        ("clip", args.clip),
    ] {
        if number.is_some_and(|number| !number.is_finite() || number < 0.0) {
            return Err(Failure::Usage(format!("--{name} is a number from 0 on")));
        }
    }
    let rule = match training {
        Train::Adamw => Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 },
        Train::Adam => Rule::Adam { first: 0.9, second: 0.999, eps: 1e-8 },
        Train::Sgd => Rule::Sgd { momentum: args.momentum, nesterov: false },
    };
    let optimizer =
        Optimizer { rule, weight_decay: args.weight_decay, clip: args.clip, accumulate: 1 };
    Ok(Mode::Training { objective, optimizer, decay: Decay::Matrices, frozen: Vec::new() })
}

impl Emit {
    fn form(self) -> Form {
        match self {
            Self::Wgsl => Form::Wgsl,
            Self::Spirv => Form::Spirv,
            Self::Msl => Form::Msl,
            Self::Hlsl => Form::Hlsl,
            Self::Plan => Form::Plan,
        }
    }
}

impl Device {
    /// What its buffers hold. Each of them begins where a binding may.
    fn limits(&self) -> Result<Limits, Failure> {
        let Some(bytes) = self.max_buffer else { return Ok(Limits::NONE) };
        let numbers = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        let buffer_numbers = numbers / ALIGNMENT * ALIGNMENT;
        if buffer_numbers == 0 {
            let least = 4 * ALIGNMENT;
            return Err(Failure::Usage(format!("a buffer has at least {least} bytes")));
        }
        Ok(Limits::NONE.and(&Limits { buffer_numbers, binding_numbers: buffer_numbers }))
    }

    fn target(&self) -> Target {
        Target {
            subgroup: self.subgroup,
            f16: self.f16,
            shares: !self.no_shared_memory,
            invocations: self.invocations,
            workgroup_bytes: self.workgroup_bytes,
            storage_buffers: self.storage_buffers,
            ..Target::PORTABLE
        }
    }
}

/// Sizes that devices have.
fn subgroup(text: &str) -> Result<u32, String> {
    let size = text.parse().ok().filter(|size: &u32| size.is_power_of_two());
    size.filter(|size| (4..=128).contains(size))
        .ok_or_else(|| "expected a power of two from 4 to 128".to_owned())
}
