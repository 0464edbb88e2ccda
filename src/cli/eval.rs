//! `zorro eval`: how good a trained model is, under every subset of modalities that counts.
//!
//! In: a run's configuration or a checkpoint. Out: a table of scores. Deliberately not here: measuring, which is the runtime's.

use std::path::{Path, PathBuf};

use serde_json::json;
use zorro::{evaluation, summary};
use zorro_runtime::checkpoint::find;
use zorro_runtime::data::Collection;
use zorro_runtime::data::config::DataConfig;
use zorro_runtime::train::config::{RunConfig, parse};
use zorro_runtime::train::{Evaluator, Machine, Setup, TrainError};

use super::options::Format;
use super::train::{is_checkpoint, show_error};
use super::wanted::Place;
use super::{Failure, note, print, print_quoting, show};

/// Evaluate a trained model
///
/// The score of every output that names classes, and of the mean of their probabilities, with all modalities and with each alone:
/// accuracy where classes exclude each other, else mean average precision. The model and its weights are those of the newest
/// checkpoint; the data is what the configuration says of `data.eval`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro eval first/run.yaml\n  \
    zorro eval first/run/checkpoints/step-000000400 --format json\n  \
    zorro eval first/run --data run.yaml --set-of train")]
pub(super) struct Args {
    /// A run's configuration, or a checkpoint, or a run's folder
    what: PathBuf,

    /// Take the data of this configuration [default: that of the run]
    #[arg(long, value_name = "RUN.yaml")]
    data: Option<PathBuf>,

    /// The part of the data: `eval`, or `train`, without what is random in training
    #[arg(long, value_name = "PART", value_enum, default_value_t = Part::Eval)]
    set_of: Part,

    /// Samples of a batch [default: as the configuration says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    batch: Option<u32>,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Eval,
    Train,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (folder, given) = if is_checkpoint(&args.what) {
        (args.what.clone(), None)
    } else {
        let config = read(&args.what)?;
        (Setup::folder_of(&config, &args.what), Some((config, args.what.clone())))
    };
    let found = find(&folder)?;
    for (_, error) in &found.skipped {
        note(&format!("note: {error}; the checkpoint before is taken"));
    }
    let manifest = &found.checkpoint.manifest;
    let outcome = manifest.spec.check();
    let Some(checked) = outcome.checked else {
        show(&outcome.sources, &outcome.diagnostics);
        return Err(Failure::Diagnosed);
    };
    let (config, path) = match (&args.data, given) {
        (Some(path), _) => (read(path)?, path.clone()),
        (None, Some(given)) => given,
        (None, None) => (stored(&manifest.config)?, home(&found.path)),
    };
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let data = chosen(&config, args.set_of)?;
    let samples = Collection::open(data, &base, &checked.model)
        .map_err(|error| Failure::Work(error.to_string()))?;
    let batch = args.batch.map(u64::from).or(config.eval.batch).unwrap_or(config.batch);
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    let machine = Machine::single(args.place.open()?);
    let mut evaluator = Evaluator::new(&checked, &manifest.objective, batch, &machine)
        .map_err(|error| Failure::Work(error.to_string()))?;
    let mut loader = samples
        .evaluation(batch, config.data.threads.into())
        .map_err(|error| show_error(TrainError::Data(error)))?;
    let scores = evaluator.evaluate(&found.checkpoint.weights, &mut loader).map_err(show_error)?;
    let problems = samples.problems();
    if !problems.is_empty() {
        note(&format!("note: {problems}"));
    }
    match args.format {
        Format::Text => {
            note(&format!("step {} of {}", manifest.step, found.path.display()));
            print_quoting(&evaluation::text(&scores))
        }
        Format::Json => {
            let mut document = json!({ "version": summary::VERSION });
            document["checkpoint"] = json!(found.path.display().to_string());
            document["step"] = json!(manifest.step);
            document["evaluation"] = evaluation::json(&scores);
            print(&format!("{document:#}\n"))
        }
    }
}

fn read(path: &Path) -> Result<RunConfig, Failure> {
    let file = path.display().to_string();
    let text = zorro::files::read(path)
        .map_err(|reason| Failure::Work(format!("cannot read `{file}`: {reason}")))?;
    parse(&file, &text).map_err(|error| show_error(TrainError::Config(error)))
}

/// The configuration that a checkpoint was made with.
fn stored(text: &str) -> Result<RunConfig, Failure> {
    parse("the checkpoint's configuration", text)
        .map_err(|error| show_error(TrainError::Config(error)))
}

/// Where the configuration of a checkpoint stood, as far as its folder tells: a run's folder lies beside it.
fn home(checkpoint: &Path) -> PathBuf {
    let up = checkpoint.ancestors().nth(2).unwrap_or(Path::new(""));
    up.with_extension("yaml")
}

fn chosen(config: &RunConfig, part: Part) -> Result<&DataConfig, Failure> {
    match part {
        Part::Train => Ok(&config.data.train),
        Part::Eval => config.data.eval.as_ref().ok_or_else(|| {
            let message =
                "the configuration has no `data.eval`; `--set-of train` takes `data.train`";
            Failure::Work(message.to_owned())
        }),
    }
}
