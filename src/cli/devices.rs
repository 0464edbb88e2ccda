//! `zorro devices`: what a model can run on.
//!
//! In: nothing, or a device to be held to the processor. Out: a list, or a verdict for each kind of kernel. Deliberately not
//! here: what is listed and held, which is the library's.

use serde_json::json;
use zorro::{devices, summary};
use zorro_runtime::RuntimeError;
use zorro_runtime::device::{Device, DeviceChoice, Feature};
use zorro_runtime::gpu::{Gpu, GpuOptions, adapters};

use super::options::Format;
use super::{Failure, print, print_quoting};

/// List the devices of this machine, or check one
///
/// A device is named by its number or a part of its name wherever `--device` is taken. A check runs every kind of kernel of small
/// models on the device and on the processor, and compares.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro devices\n  \
    zorro devices --format json\n  \
    zorro devices --check\n  \
    zorro devices --check gpu\n  \
    zorro devices --check 0 --without subgroups")]
pub(super) struct Args {
    /// Hold this device to the processor; all of them, where none is named
    #[arg(long, value_name = "DEVICE", num_args = 0..=1)]
    check: Option<Option<DeviceChoice>>,

    /// What of the device not to use: subgroups, f16, timestamps, limits
    #[arg(long, value_name = "FEATURE,..", value_delimiter = ',', requires = "check")]
    without: Vec<Feature>,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.check {
        None => list(args),
        Some(Some(choice)) => check(args, std::slice::from_ref(choice)),
        Some(None) => {
            let all = adapters().into_iter().map(|one| DeviceChoice::Index(one.index));
            check(args, &all.collect::<Vec<_>>())
        }
    }
}

fn list(args: &Args) -> Result<(), Failure> {
    let all = adapters();
    match args.format {
        Format::Text => print_quoting(&devices::text(&all)),
        Format::Json => {
            let document = json!({ "version": summary::VERSION, "devices": devices::json(&all) });
            print(&format!("{document:#}\n"))
        }
    }
}

/// Checks devices, one after the other; those that are wrong do not keep the others from being checked.
fn check(args: &Args, choices: &[DeviceChoice]) -> Result<(), Failure> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for choice in choices {
        let gpu = open(args, choice)?;
        let name = gpu.facts().name.clone();
        let kinds = devices::check(&gpu).map_err(work)?;
        if args.format == Format::Text {
            print_quoting(&format!("{name}\n{}", devices::kinds_text(&kinds)))?;
        }
        all.push(json!({ "device": name, "kernels": devices::kinds_json(&kinds) }));
        if !kinds.iter().all(devices::Kind::is_right) {
            wrong.push(format!("`{name}`"));
        }
    }
    if args.format == Format::Json {
        let document = json!({ "version": summary::VERSION, "checks": all });
        print(&format!("{document:#}\n"))?;
    }
    match (choices, wrong.as_slice()) {
        ([], _) => Err(Failure::Work("there are no devices beside the processor".to_owned())),
        (_, []) => Ok(()),
        (_, wrong) => Err(Failure::Work(format!("wrong numbers from {}", wrong.join(", ")))),
    }
}

fn open(args: &Args, choice: &DeviceChoice) -> Result<Gpu, Failure> {
    let options = GpuOptions { without: args.without.clone(), ..GpuOptions::default() };
    match Device::open(choice, &options, 1).map_err(work)? {
        Device::Gpu(gpu) => Ok(gpu),
        Device::Cpu { .. } => {
            Err(Failure::Usage("the processor is what others are held to".to_owned()))
        }
    }
}

fn work(error: RuntimeError) -> Failure {
    Failure::Work(error.to_string())
}
