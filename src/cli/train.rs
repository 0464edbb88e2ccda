//! `zorro train`: learning, from a run's configuration to checkpoints.
//!
//! In: a configuration, and what the command line sets in its place. Out: a folder of checkpoints and logs, and a table of how
//! good the model is. Deliberately not here: the loop, which is the runtime's; progress (`progress.rs`).

mod params;
mod progress;
mod setup;

use std::path::{Path, PathBuf};

use zorro::{curves, evaluation, files};
use zorro_runtime::DeviceChoice;
use zorro_runtime::data::DataError;
use zorro_runtime::train::{Finished, LOG, TrainError, read_log, train};

use super::options::Settings;
use super::{Failure, note, print_quoting, signals};

pub(super) use setup::{Overrides, is_checkpoint, read_config, run_folder, setup, show_error};

/// Train a model
///
/// Checkpoints and logs go to the run's folder. Ctrl-C finishes the step and writes a checkpoint, and so do the signals TERM, HUP,
/// USR1, USR2 and XCPU; `--resume` goes on from the last
/// checkpoint, also after a crash, and on the CPU to the same weights, bit for bit. What a configuration can say stands in
/// docs/training.md.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro new first && zorro train first/run.yaml\n  \
    zorro train run.yaml --resume\n  \
    zorro train run.yaml --steps 10 --set depth=2 --folder try")]
pub(super) struct Args {
    /// The run's configuration
    run: PathBuf,

    /// Go on from the last checkpoint of the run's folder
    #[arg(long)]
    resume: bool,

    /// Make so many steps in all, in place of `steps` or `epochs`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,

    /// Where logs and checkpoints go, in place of `folder`
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Where to run, in place of `device`: auto, cpu, gpu, or a device by its number or a part of its name
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,

    /// Threads to compute on, in place of `threads`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Show no progress, only what goes wrong and the result
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let overrides = Overrides {
        resume: args.resume,
        steps: args.steps,
        folder: args.folder.as_deref(),
        device: args.device.as_ref(),
        threads: args.threads,
        settings: &args.settings,
    };
    let setup = setup(&args.run, &overrides)?;
    let stop = signals::stop_flag()?;
    let mut shown = progress::Progress::new(args.quiet);
    let trained = train(&setup, &mut |event| shown.show(event), &stop);
    shown.end();
    let finished = match trained {
        Ok(finished) => finished,
        Err(TrainError::Data(DataError::Stopped)) => {
            note(&format!("stopped before a step was made; `{}` begins again", again(args.resume)));
            return Ok(());
        }
        Err(error) => return Err(show_error(error)),
    };
    if finished.step < finished.of {
        let (step, of) = (finished.step, finished.of);
        note(&format!("stopped after step {step} of {of}; `{}` goes on", again(true)));
        return Ok(());
    }
    draw(&setup.folder, &setup.checked.model.name)?;
    print_quoting(&summary(&finished))
}

/// This very command, going on or not.
fn again(resumes: bool) -> String {
    let mut words = vec!["zorro".to_owned()];
    let own = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    words.extend(own.filter(|word| word != "--resume"));
    words.extend(resumes.then(|| "--resume".to_owned()));
    let quoted = words.iter().map(|word| match word.contains(char::is_whitespace) {
        true => format!("'{word}'"),
        false => word.clone(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn summary(finished: &Finished) -> String {
    let mut text = finished.evaluation.as_ref().map(evaluation::text).unwrap_or_default();
    if let Some(best) = &finished.best
        && best.step != finished.step
    {
        text.push_str(&format!("best {} {:.4} in step {}\n", best.metric, best.value, best.step));
    }
    text.push_str(&format!("checkpoint {}\n", finished.checkpoint.display()));
    text
}

/// Draws the curves beside the log; a picture that cannot be written is no reason to fail.
fn draw(folder: &Path, name: &str) -> Result<(), Failure> {
    let lines = read_log(&folder.join(LOG)).unwrap_or_default();
    if let Some(svg) = curves::svg(name, &lines) {
        let path = folder.join("curves.svg");
        // Writing to a pipe waits for its other end.
        let written = match path.is_file() || !path.exists() {
            true => files::write(&path, svg.as_bytes()),
            false => Err("it is no regular file".to_owned()),
        };
        if let Err(reason) = written {
            note(&format!("note: cannot write `{}`: {reason}", path.display()));
        }
    }
    Ok(())
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        show_error(error)
    }
}
