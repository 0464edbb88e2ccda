//! `zorro devices`: what a model can run on.
//!
//! In: nothing, or a device to be held to the processor. Out: a list, or a verdict for each kind of kernel. Deliberately not
//! here: what is listed and held, which is the library's.

use serde_json::json;
use zorro::{devices, summary};
use zorro_runtime::device::{Device, DeviceChoice, Feature};
use zorro_runtime::gpu::{GpuOptions, adapters};

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
    zorro devices --check gpu\n  \
    zorro devices --check 0 --without subgroups")]
pub(super) struct Args {
    /// Hold this device to the processor [default: gpu]
    #[arg(long, value_name = "DEVICE", num_args = 0..=1, default_missing_value = "gpu")]
    check: Option<DeviceChoice>,

    /// What of the device not to use: subgroups, f16, timestamps, limits
    #[arg(long, value_name = "FEATURE,..", value_delimiter = ',', requires = "check")]
    without: Vec<Feature>,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.check {
        Some(choice) => check(args, choice),
        None => list(args),
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

fn check(args: &Args, choice: &DeviceChoice) -> Result<(), Failure> {
    let work = |error: zorro_runtime::RuntimeError| Failure::Work(error.to_string());
    let options = GpuOptions { without: args.without.clone(), ..GpuOptions::default() };
    let Device::Gpu(gpu) = Device::open(choice, &options, 1).map_err(work)? else {
        return Err(Failure::Usage("the processor is what others are held to".to_owned()));
    };
    let kinds = devices::check(&gpu).map_err(work)?;
    match args.format {
        Format::Text => {
            print_quoting(&format!("{}\n{}", gpu.facts().name, devices::kinds_text(&kinds)))?;
        }
        Format::Json => {
            let (device, kinds) = (&gpu.facts().name, devices::kinds_json(&kinds));
            let document =
                json!({ "version": summary::VERSION, "device": device, "kernels": kinds });
            print(&format!("{document:#}\n"))?;
        }
    }
    if kinds.iter().all(devices::Kind::is_right) {
        return Ok(());
    }
    Err(Failure::Work(format!("`{}` computes wrong numbers", gpu.facts().name)))
}
