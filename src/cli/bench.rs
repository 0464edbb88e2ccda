//! `zorro bench`: how fast a model runs here, and where the time goes.
//!
//! In: a spec, what of it to time. Out: a table, or JSON. Deliberately not here: measuring, which is the library's.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;
use zorro::bench::{Options, Work, bench, json as measured_json, text};

use super::options::{Format, Settings};
use super::wanted::{Place, Wanted};
use super::{Failure, print, print_quoting, spec};

/// Time a model on this machine, and show where the time goes
///
/// Weights and data are drawn. Times are those of runs after two that are not counted; feeding is not timed. The speed is
/// compared with that of one large product of matrices on as many threads, where it is the processor's.
/// On a device, times are of runs that are waited for, and those of kernels of runs of their own.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro bench demo.zorro\n  \
    zorro bench demo.zorro --mode step --batch 8 --objective supervised\n  \
    zorro bench demo.zorro --mode forward --only audio --runs 50 --format json")]
pub(super) struct Args {
    /// The .zorro file
    spec: PathBuf,

    /// What to time: outputs, an objective with its gradients, or a step of training with AdamW
    #[arg(long, value_enum, default_value_t = What::All)]
    mode: What,

    /// Samples of a batch
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: usize,

    /// The objective [default: the first]
    #[arg(long, value_name = "NAME")]
    objective: Option<String>,

    /// How many runs to time
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Forward,
    Backward,
    Step,
    All,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    let trains = args.objective.is_some() || !checked.model.objectives.is_empty();
    let works = match args.mode {
        What::Forward => vec![Work::Forward],
        What::Backward => vec![Work::Backward],
        What::Step => vec![Work::Step],
        What::All if trains => vec![Work::Forward, Work::Backward, Work::Step],
        What::All => vec![Work::Forward],
    };
    let options = Options {
        batch: args.batch,
        objective: args.objective.clone(),
        outputs: args.wanted.outputs.clone(),
        only: args.wanted.only.clone(),
        recompute: args.wanted.recompute.clone(),
        max_memory: args.wanted.max_memory,
        precision: args.wanted.precision.into(),
        device: args.place.open()?,
        threads: args.place.threads(),
        runs: args.runs as usize,
    };
    let mut all = Vec::new();
    for work in works {
        let measured =
            bench(&checked, work, &options).map_err(|error| Failure::Work(error.to_string()))?;
        match args.format {
            Format::Text => {
                let separator = if all.is_empty() { "" } else { "\n" };
                print_quoting(&format!("{separator}{}", text(&measured)))?;
                all.push(measured);
            }
            Format::Json => all.push(measured),
        }
    }
    match args.format {
        Format::Text => Ok(()),
        Format::Json => {
            let all: Vec<_> = all.iter().map(measured_json).collect();
            print(&format!("{:#}\n", json!({ "model": checked.model.name, "measured": all })))
        }
    }
}
