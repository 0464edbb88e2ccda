//! `zorro data`: what is in a data set, before anything is learned from it.
//!
//! In: a run's configuration. Out: counts, classes, sizes, lengths, what is broken, and some samples as the model is fed them, as
//! text, JSON, HTML or files. Deliberately not here: reading samples, which is the runtime's; layout.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use zorro::data_report::{self, SetReport};
use zorro::{files, picture, summary};
use zorro_runtime::data::Collection;
use zorro_runtime::data::config::DataConfig;
use zorro_runtime::data::survey::{Options, Survey};
use zorro_runtime::train::{Looked, Setup, TrainError};

use super::options::Settings;
use super::train::{Overrides, setup, show_error};
use super::{Failure, note, print, print_quoting};

/// Look at a data set
///
/// Counts samples, modalities and targets by source, reads labels, decodes some samples as they are in evaluation, and says what
/// is there: classes, sizes, lengths, rates, which numbers the model is fed, what is broken and why, and how fast loading is. With
/// --output it writes a page with ten samples as the model is fed them, and the same as pictures. What would keep training from
/// learning anything is an error. Trains nothing, and needs no device.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro data first/run.yaml\n  \
    zorro data run.yaml -o look --all\n  \
    zorro data run.yaml --set-of eval --format json\n  \
    zorro data run.yaml --format html > data.html")]
pub(super) struct Args {
    /// The run's configuration
    run: PathBuf,

    /// The part of the data [default: both]
    #[arg(long, value_name = "PART", value_enum)]
    set_of: Option<Part>,

    /// Read so many samples, spread over all
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,

    /// Read every sample
    #[arg(long, conflicts_with = "samples")]
    all: bool,

    /// Show so many of them
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=200))]
    show: u64,

    /// Another one, other samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Write data.html, data.json and a contact sheet of each part, such as train.png, to this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// For people, for programs, or as one page
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Train,
    Eval,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

/// What is known of one part.
struct Known<'a> {
    set: &'static str,
    data: &'a DataConfig,
    looked: Option<Looked>,
    survey: Option<Survey>,
    repeated: (Vec<String>, u64),
    shared: (Vec<String>, u64),
    /// Why nothing can be made of it.
    error: Option<TrainError>,
    wrong: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let overrides = Overrides {
        resume: false,
        steps: None,
        folder: None,
        device: None,
        threads: None,
        settings: &args.settings,
    };
    let setup = setup(&args.run, &overrides)?;
    let parts: &[Part] = match args.set_of {
        None => &[Part::Train, Part::Eval],
        Some(Part::Train) => &[Part::Train],
        Some(Part::Eval) => &[Part::Eval],
    };
    let (mut known, mut train) = (Vec::new(), None);
    for part in parts {
        known.extend(look(args, &setup, *part, &mut train)?);
    }
    if known.is_empty() {
        return Err(Failure::Work("the configuration has no `data.eval`".to_owned()));
    }
    let reports: Vec<SetReport<'_>> = known.iter().map(|known| known.report(&setup)).collect();
    let title = format!("{}: data of {}", setup.file, setup.checked.model.name);
    let document = json!({
        "version": summary::VERSION,
        "run": setup.file,
        "sets": reports.iter().map(data_report::json).collect::<Vec<_>>(),
    });
    if let Some(folder) = &args.output {
        write(folder, &title, &reports, &format!("{document:#}\n"))?;
    }
    match args.format {
        Format::Text => {
            let texts: Vec<String> = reports.iter().map(data_report::text).collect();
            print_quoting(&texts.join("\n\n"))?;
        }
        Format::Json => print(&format!("{document:#}\n"))?,
        Format::Html => print(&data_report::html(&title, &reports).map_err(Failure::Work)?)?,
    }
    let is_too_broken = reports.iter().any(SetReport::is_too_broken);
    let mut failed = match is_too_broken {
        true => Err(Failure::Work("more samples are broken than `broken` allows".to_owned())),
        false => Ok(()),
    };
    for error in known.into_iter().filter_map(|known| known.error) {
        failed = Err(show_once(error));
    }
    failed
}

/// Prints an error.
fn show_once(error: TrainError) -> Failure {
    if let Failure::Work(message) = show_error(error) {
        super::complain(&message);
    }
    Failure::Diagnosed
}

/// Looks at one part; nothing where the configuration does not have it.
fn look<'a>(
    args: &Args,
    setup: &'a Setup,
    part: Part,
    train: &mut Option<Collection>,
) -> Result<Option<Known<'a>>, Failure> {
    // Nothing is lost when a signal ends this.
    let stop = AtomicBool::new(false);
    let set = match part {
        Part::Train => "train",
        Part::Eval => "eval",
    };
    let data = match part {
        Part::Train => Some(&setup.config.data.train),
        Part::Eval => setup.config.data.eval.as_ref(),
    };
    let Some(data) = data else { return Ok(None) };
    let mut known = Known {
        set,
        data,
        looked: None,
        survey: None,
        repeated: (Vec::new(), 0),
        shared: (Vec::new(), 0),
        error: None,
        wrong: None,
    };
    let collection = match setup.open(set, &stop) {
        Ok(Some(collection)) => collection,
        Ok(None) => return Ok(None),
        Err(error) => {
            known.fail(error);
            return Ok(Some(known));
        }
    };
    match setup.look(set, &collection, &stop) {
        Ok(mut looked) => {
            if let Some(error) = looked.error.take() {
                known.fail(error);
            }
            known.looked = Some(looked);
        }
        Err(error) => known.fail(error),
    }
    if known.error.is_none() && collection.len() > args.samples && args.all {
        note(&format!("reading all {} samples of data.{set}", collection.len()));
    }
    let options = Options {
        samples: (!args.all).then_some(args.samples),
        shown: args.show,
        seed: args.seed,
        threads: usize::from(setup.config.data.threads).max(1),
    };
    match collection.survey(&options, &stop) {
        Ok(survey) => known.survey = Some(survey),
        Err(error) if known.error.is_none() => known.fail(TrainError::Data(error)),
        // It was said why.
        Err(_) => {}
    }
    known.repeated = collection.repeated_keys();
    match (part, train.as_ref()) {
        (Part::Train, _) => *train = Some(collection),
        (Part::Eval, Some(train)) => known.shared = collection.shared(train),
        (Part::Eval, None) => {}
    }
    Ok(Some(known))
}

impl<'a> Known<'a> {
    fn fail(&mut self, error: TrainError) {
        self.wrong = Some(error.to_string());
        self.error = Some(error);
    }

    fn report(&'a self, setup: &'a Setup) -> SetReport<'a> {
        SetReport {
            set: self.set,
            model: &setup.checked.model,
            classes: &self.data.classes,
            look: self.looked.as_ref().map(|looked| &looked.look),
            notes: self.looked.as_ref().map_or(&[], |looked| &looked.notes),
            wrong: self.wrong.as_deref(),
            survey: self.survey.as_ref(),
            allowed: self.data.broken,
            repeated: self.repeated.clone(),
            shared: self.shared.clone(),
        }
    }
}

/// Writes the page, the document and the pictures.
fn write(
    folder: &Path,
    title: &str,
    reports: &[SetReport<'_>],
    document: &str,
) -> Result<(), Failure> {
    let wrong = |path: &Path, reason: &dyn std::fmt::Display| {
        Failure::Work(format!("cannot write `{}`: {reason}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| wrong(folder, &error))?;
    let page = data_report::html(title, reports).map_err(Failure::Work)?;
    let mut all = vec![
        ("data.html".to_owned(), page.into_bytes()),
        ("data.json".to_owned(), document.as_bytes().to_vec()),
    ];
    for report in reports {
        let sheet = data_report::sheet(report);
        if !sheet.rows.is_empty() {
            let png = picture::sheet_png(&sheet).map_err(Failure::Work)?;
            all.push((format!("{}.png", report.set), png));
        }
    }
    for (name, bytes) in all {
        let path = folder.join(name);
        files::write(&path, &bytes).map_err(|reason| wrong(&path, &reason))?;
        note(&format!("{}", path.display()));
    }
    Ok(())
}
