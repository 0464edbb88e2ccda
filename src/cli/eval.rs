//! `zorro eval`: how good a trained model is, with all modalities and with each alone, and what its outputs know.
//!
//! In: a run's configuration or a checkpoint. Out: tables of scores, a picture. Deliberately not here: measuring, which is the
//! runtime's.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use zorro::grammar::diagnostic::nearest;
use zorro::{Checked, evaluation, files, picture, summary};
use zorro_runtime::Tensors;
use zorro_runtime::checkpoint::{Manifest, Newest, find};
use zorro_runtime::data::config::DataConfig;
use zorro_runtime::data::{Collection, Loader};
use zorro_runtime::train::config::{DataSets, RunConfig, parse};
use zorro_runtime::train::{
    Absence, EvaluateOptions, Evaluation, Evaluator, Machine, ProbeOptions, ProbeScores, Setup,
    TrainError, probe,
};

use super::options::Format;
use super::train::{is_checkpoint, read_config, show_error};
use super::wanted::Place;
use super::{Failure, note, print, print_quoting, show};

/// Evaluate a trained model
///
/// The score of every output that names classes, and of the mean of their probabilities, with all modalities and with each alone:
/// accuracy where classes exclude each other, else mean average precision; and for outputs that the objective compares (`nce`)
/// how well one finds the other. The model and its weights are those of the newest checkpoint; the data is what the
/// configuration says of `data.eval`. With --probe, a linear classifier is fitted to frozen outputs on `data.train`, too.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro eval first/run.yaml\n  \
    zorro eval first/run/checkpoints/step-000000400 --format json\n  \
    zorro eval first/run --data run.yaml --set-of train\n  \
    zorro eval first/run.yaml --absent dropped,zeroed --plot scores.svg\n  \
    zorro eval first/run.yaml --objective contrastive\n  \
    zorro eval first/run.yaml --probe label --probe-outputs video_embedding --probe-samples 2000")]
pub(super) struct Args {
    /// A run's configuration, or a checkpoint, or a run's folder
    what: PathBuf,

    /// Take the data of this configuration [default: that of the run]
    #[arg(long, value_name = "RUN.yaml")]
    data: Option<PathBuf>,

    /// Paths of the run's configuration start here [default: where its file was]
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    base: Option<PathBuf>,

    /// The part of the data: `eval`, or `train`, without what is random in training
    #[arg(long, value_name = "PART", value_enum, default_value_t = Part::Eval)]
    set_of: Part,

    /// Evaluate for this objective [default: that of the run]
    #[arg(long, value_name = "NAME")]
    objective: Option<String>,

    /// How modalities that the model is not given are absent: `dropped`, as if samples never had them; `zeroed`, zeros that
    /// count as present
    #[arg(
        long,
        value_name = "HOW,..",
        value_enum,
        value_delimiter = ',',
        default_value = "dropped"
    )]
    absent: Vec<Absent>,

    /// Fit a linear classifier of this target to frozen outputs on `data.train`
    #[arg(long, value_name = "TARGET")]
    probe: Option<String>,

    /// The outputs [default: those that the objective compares, else all that name no classes of the target]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "probe")]
    probe_outputs: Option<Vec<String>>,

    /// Half of it times the squared weights is added to the mean loss of a probe
    #[arg(long, value_name = "DECAY", default_value_t = 1e-3, value_parser = decay, requires = "probe")]
    probe_decay: f64,

    /// Fit to so many samples of `data.train`, spread over all of them [default: all]
    #[arg(long, value_name = "N", requires = "probe", value_parser = clap::value_parser!(u64).range(1..))]
    probe_samples: Option<u64>,

    /// Draw the scores as bars: a file that ends in .svg or .png
    #[arg(long, value_name = "FILE", value_parser = plot)]
    plot: Option<PathBuf>,

    /// Samples of a batch; no number depends on it [default: as the configuration says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    batch: Option<u32>,

    /// `nce` compares samples in groups of so many, one after the other in the set [default: `eval.group` of the run, else a
    /// batch of its training]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    group: Option<u32>,

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

/// How modalities are absent, as users write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Absent {
    Dropped,
    Zeroed,
}

/// What is evaluated.
struct Subject<'a> {
    args: &'a Args,
    weights: &'a Tensors,
    checked: Checked,
    config: RunConfig,
    /// Paths of the configuration start here.
    base: PathBuf,
    /// Whether the configuration is that of the checkpoint, and no file's.
    is_stored: bool,
    machine: Machine,
    objective: String,
    batch: usize,
    group: usize,
    absences: Vec<Absence>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (folder, given) = if is_checkpoint(&args.what) {
        (args.what.clone(), None)
    } else {
        let (config, _) = read_config(&args.what)?;
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
    // One of another version may do without: the configuration of the data says it then.
    let trained = parse("the checkpoint's configuration", &manifest.config).ok();
    let group = match &given {
        Some((run, _)) => Some(run.group()),
        None => trained.as_ref().map(RunConfig::group),
    };
    let is_stored = args.data.is_none() && given.is_none();
    let (mut config, base) = match (&args.data, given) {
        (Some(path), _) => (read_config(path)?.0, folder_of(path)),
        (None, Some((config, path))) => (config, folder_of(&path)),
        (None, None) => (stored(&manifest.config)?, base(args, &found)?),
    };
    if let Some(trained) = &trained {
        let DataSets { train, eval, threads: _ } = &mut config.data;
        for data in [Some(train), eval.as_mut()].into_iter().flatten() {
            let taken = data.take_classes(&trained.data.train.classes);
            taken.map_err(|(_, message)| Failure::Work(message))?;
        }
    }
    let group = args.group.map(|group| usize::try_from(group).unwrap_or(usize::MAX)).or(group);
    let batch = args.batch.map(u64::from).or(config.eval.batch).unwrap_or(config.batch);
    if let Some(other) = args.objective.as_ref().filter(|name| **name != manifest.objective) {
        let trained = &manifest.objective;
        note(&format!(
            "note: the run minimized `{trained}`: what only `{other}` needs is as it began"
        ));
    }
    let subject = Subject {
        args,
        weights: &found.checkpoint.weights,
        objective: objective(args, manifest, &checked)?,
        checked,
        is_stored,
        base: args.base.clone().unwrap_or(base),
        group: group.unwrap_or_else(|| config.group()),
        machine: Machine::single(args.place.open_as(trained.as_ref().map(|run| &*run.device))?),
        batch: usize::try_from(batch).unwrap_or(usize::MAX),
        config,
        absences: absences(&args.absent),
    };
    let scores = subject.evaluate()?;
    let probes = args.probe.as_ref().map(|target| subject.probe(target)).transpose()?;
    if let Some(path) = &args.plot {
        draw(path, &subject.checked.model.name, &scores, probes.as_ref())?;
    }
    match args.format {
        Format::Text => {
            note(&format!("step {} of {}", manifest.step, found.path.display()));
            let mut text = evaluation::text(&scores) + &evaluation::top5_text(&scores);
            if let Some(probes) = &probes {
                text.push_str(&format!("\n{}", evaluation::probe_text(probes)));
            }
            print_quoting(&text)?;
        }
        Format::Json => {
            let mut document = json!({ "version": summary::VERSION });
            document["checkpoint"] = json!(found.path.display().to_string());
            document["step"] = json!(manifest.step);
            document["evaluation"] = evaluation::json(&scores);
            document["probe"] = json!(probes.as_ref().map(evaluation::probe_json));
            print(&format!("{document:#}\n"))?;
        }
    }
    if scores.says_something() { Ok(()) } else { Err(subject.nothing(&scores)) }
}

impl Subject<'_> {
    fn evaluate(&self) -> Result<Evaluation, Failure> {
        let options = EvaluateOptions {
            batch: self.batch,
            group: self.group,
            absences: self.absences.clone(),
            retrieval: u64::MAX,
        };
        let evaluator = Evaluator::new(&self.checked, &self.objective, &options, &self.machine);
        let mut evaluator = evaluator.map_err(|error| Failure::Work(error.to_string()))?;
        if evaluator.compares_hidden() {
            note(&format!(
                "note: `{}` compares values that are no outputs; declare them as such to see how well they find each other",
                self.objective
            ));
        }
        let samples = self.samples(chosen(&self.config, self.args.set_of)?)?;
        let mut loader = self.loader(&samples, None)?;
        let scores = evaluator.evaluate(self.weights, &mut loader).map_err(show_error)?;
        note_problems(&samples);
        Ok(scores)
    }

    fn probe(&self, target: &str) -> Result<ProbeScores, Failure> {
        let options = ProbeOptions {
            target: target.to_owned(),
            outputs: self.args.probe_outputs.clone(),
            objective: self.objective.clone(),
            decay: self.args.probe_decay,
            batch: self.batch,
            absences: self.absences.clone(),
        };
        let train = self.samples(&self.config.data.train)?;
        let eval = self.samples(chosen(&self.config, self.args.set_of)?)?;
        let mut fitted = self.loader(&train, self.args.probe_samples)?;
        let mut judged = self.loader(&eval, None)?;
        let loaders = [&mut fitted, &mut judged];
        let probes = probe(&self.checked, self.weights, &options, &self.machine, loaders);
        let probes = probes.map_err(show_error)?;
        note_problems(&train);
        Ok(probes)
    }

    /// There is no number at all: what the objective is held to and reads, for who looks for it in the data.
    fn nothing(&self, scores: &Evaluation) -> Failure {
        let terms = scores.terms.iter().map(|term| format!("`{}`", term.term));
        let terms = terms.collect::<Vec<String>>().join(", ");
        let samples = scores.samples;
        Failure::Work(format!(
            "none of {samples} samples has what a term of `{}` reads and is held to: {terms}; do the data's names fit?",
            self.objective
        ))
    }

    fn samples(&self, data: &DataConfig) -> Result<Collection, Failure> {
        // Nothing is lost when a signal ends this.
        let stop = AtomicBool::new(false);
        let opened = Collection::open(data, &self.base, &self.checked.model, &stop);
        opened.map_err(|error| match self.is_stored {
            true => Failure::Work(format!(
                "{error}\nthe paths of the run's configuration start from `{}`; `--base DIR` says otherwise",
                self.base.display()
            )),
            false => Failure::Work(error.to_string()),
        })
    }

    fn loader(&self, samples: &Collection, some: Option<u64>) -> Result<Loader, Failure> {
        let threads = self.config.data.threads.into();
        let loader = match some {
            Some(some) => samples.some(self.batch, threads, some),
            None => samples.evaluation(self.batch, threads),
        };
        loader.map_err(|error| show_error(TrainError::Data(error)))
    }
}

fn note_problems(samples: &Collection) {
    let problems = samples.problems();
    if !problems.is_empty() {
        note(&format!("note: {problems}"));
    }
}

/// The objective that is asked for, or that of the run.
fn objective(args: &Args, manifest: &Manifest, checked: &Checked) -> Result<String, Failure> {
    let Some(asked) = &args.objective else { return Ok(manifest.objective.clone()) };
    let known: Vec<&str> =
        checked.model.objectives.iter().map(|objective| &*objective.name).collect();
    if known.contains(&asked.as_str()) {
        return Ok(asked.clone());
    }
    let help = match nearest(asked, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", known.join(", ")),
    };
    Err(Failure::Usage(format!("the model has no objective `{asked}`; {help}")))
}

/// Each way once, in the order in which they are named.
fn absences(asked: &[Absent]) -> Vec<Absence> {
    let mut absences = Vec::new();
    for absent in asked {
        let absence = match absent {
            Absent::Dropped => Absence::Dropped,
            Absent::Zeroed => Absence::Zeroed,
        };
        if !absences.contains(&absence) {
            absences.push(absence);
        }
    }
    absences
}

fn decay(text: &str) -> Result<f64, String> {
    let decay: f64 = text.parse().map_err(|_| "expected a number such as 0.001")?;
    if (0.0..=1e6).contains(&decay) { Ok(decay) } else { Err("0 to 1000000".to_owned()) }
}

/// Whether a picture is to be a PNG or an SVG.
fn is_png(path: &Path) -> Option<bool> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "png" => Some(true),
        "svg" => Some(false),
        _ => None,
    }
}

fn plot(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    is_png(&path).ok_or("expected a name that ends in .svg or .png")?;
    Ok(path)
}

/// Draws the scores.
fn draw(
    path: &Path,
    name: &str,
    scores: &Evaluation,
    probes: Option<&ProbeScores>,
) -> Result<(), Failure> {
    let charts = evaluation::bars(scores, probes);
    if charts.is_empty() {
        note("note: there are no scores to draw");
        return Ok(());
    }
    let bytes = match is_png(path) == Some(true) {
        true => picture::bars_png(name, &charts).map_err(Failure::Work)?,
        false => picture::bars_svg(name, &charts).into_bytes(),
    };
    files::write(path, &bytes)
        .map_err(|reason| Failure::Work(format!("cannot write `{}`: {reason}", path.display())))
}

/// The configuration that a checkpoint was made with.
fn stored(text: &str) -> Result<RunConfig, Failure> {
    parse("the checkpoint's configuration", text)
        .map_err(|error| show_error(TrainError::Config(error)))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

/// Where the paths of a checkpoint's configuration start: where its file was; where that is gone, or not known, beside the
/// run's folder, where runs lie that were not told otherwise.
fn base(args: &Args, found: &Newest) -> Result<PathBuf, Failure> {
    if let Some(base) = &args.base {
        return Ok(base.clone());
    }
    let run = found.path.ancestors().nth(2).unwrap_or(Path::new(""));
    let beside = folder_of(run);
    match &found.checkpoint.manifest.base {
        Some(base) if base.is_dir() => Ok(base.clone()),
        Some(base) if !run.with_extension("yaml").is_file() => Err(Failure::Work(format!(
            "the run's configuration was in `{}`, which is not there any more: say where its paths start now with `--base DIR`, or \
             take another configuration with `--data RUN.yaml`",
            base.display()
        ))),
        Some(_) | None => Ok(beside),
    }
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
