//! `zorro infer`: classes or embeddings for media files.
//!
//! In: a checkpoint and files. Out: what the outputs say that can be computed from what the files have. What needs a modality that
//! a sample lacks is not compiled. Deliberately not here: decoding, which is the data room's.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zorro::model::Output;
use zorro::{Checked, CompileOptions, ModalitySet, Mode, Model};
use zorro_runtime::checkpoint::{Checkpoint, find};
use zorro_runtime::data::media;
use zorro_runtime::train::config::parse;
use zorro_runtime::train::{Heads, MEAN, Machine, mean, session};
use zorro_runtime::{Batch, RunOptions, Session, Tensors};

use super::options::Format;
use super::train::run_folder;
use super::wanted::Place;
use super::{Failure, note, print, print_quoting, show};

/// Classes or embeddings of media files
///
/// Each file is one sample: a sound, a picture, a video with its sound. Files that belong together, such as a picture and a sound,
/// are written with a comma between them, or come two by two with --pairs. Outputs that need what a sample lacks are left
/// out, and the others are the same to the last bit. A file's role follows from its kind; where a model has two
/// modalities of a kind, `NAME.MODALITY.wav` says which.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro infer first/run sound.wav\n  \
    zorro infer first/run picture.png,sound.wav --top 3\n  \
    zorro infer first/run *.mp4 --format json\n  \
    zorro infer first/run sound.wav --embed")]
pub(super) struct Args {
    /// A checkpoint, or a run's folder or configuration
    checkpoint: PathBuf,

    /// The files; with a comma between those of one sample
    #[arg(required = true)]
    files: Vec<OsString>,

    /// Every two files are one sample
    #[arg(long)]
    pairs: bool,

    /// Give outputs as they are: those of --outputs, or all that name no classes
    #[arg(long)]
    embed: bool,

    /// Only these outputs; those that name no classes are given as they are [default: all that name classes]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    outputs: Option<Vec<String>>,

    /// How many classes are shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,

    /// A table, or a line of JSON for each sample
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let samples = samples(args)?;
    let found = find(&run_folder(&args.checkpoint)?)?;
    for (_, error) in &found.skipped {
        note(&format!("note: {error}; the checkpoint before is taken"));
    }
    let outcome = found.checkpoint.manifest.spec.check();
    let Some(checked) = outcome.checked else {
        show(&outcome.sources, &outcome.diagnostics);
        return Err(Failure::Diagnosed);
    };
    let mut answers = Answers::new(args, &checked, &found.checkpoint)?;
    let mut failed = 0;
    for files in &samples {
        match answers.of(files) {
            Ok(line) => match args.format {
                Format::Text => print_quoting(&line)?,
                Format::Json => print(&line)?,
            },
            // One that cannot be read does not keep the others from their answers.
            Err(Failure::Work(message)) if samples.len() > 1 => {
                failed += 1;
                super::complain(&message);
            }
            Err(failure) => return Err(failure),
        }
    }
    match failed {
        0 => Ok(()),
        failed => {
            Err(Failure::Work(format!("{failed} of {} samples have no answer", samples.len())))
        }
    }
}

/// The files of each sample.
fn samples(args: &Args) -> Result<Vec<Vec<PathBuf>>, Failure> {
    if args.pairs {
        if !args.files.len().is_multiple_of(2) {
            let message = format!(
                "--pairs takes an even number of files, and there are {}",
                args.files.len()
            );
            return Err(Failure::Usage(message));
        }
        return Ok(args
            .files
            .chunks(2)
            .map(|pair| pair.iter().map(PathBuf::from).collect())
            .collect());
    }
    args.files.iter().map(|text| sample(text)).collect()
}

/// The files of one sample. A file whose name has a comma is one file. No name before or after a comma is a variable of a script
/// that was empty, and the answer would be that of another sample.
pub(super) fn sample(text: &OsStr) -> Result<Vec<PathBuf>, Failure> {
    if Path::new(text).exists() {
        return Ok(vec![PathBuf::from(text)]);
    }
    let files = between_commas(text);
    if files.iter().any(|file| file.as_os_str().is_empty()) {
        let shown = text.display();
        let message = format!(
            "`{shown}`: a sample is a file, or files with a comma between them, and here is one without a name"
        );
        return Err(Failure::Usage(message));
    }
    Ok(files)
}

/// The paths in a list, which need not be UTF-8 where the system's are not.
#[cfg(unix)]
fn between_commas(text: &OsStr) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let parts = text.as_bytes().split(|byte| *byte == b',');
    parts.map(|part| PathBuf::from(OsStr::from_bytes(part))).collect()
}

/// The paths in a list.
#[cfg(not(unix))]
fn between_commas(text: &OsStr) -> Vec<PathBuf> {
    match text.to_str() {
        Some(text) => text.split(',').map(PathBuf::from).collect(),
        None => vec![PathBuf::from(text)],
    }
}

struct Answers<'a> {
    args: &'a Args,
    checked: &'a Checked,
    weights: &'a Tensors,
    machine: Machine,
    heads: Vec<Heads>,
    /// Names of classes, by target.
    classes: BTreeMap<String, Vec<String>>,
    /// By the modalities that samples have.
    sessions: BTreeMap<Vec<String>, Session>,
}

impl<'a> Answers<'a> {
    fn new(
        args: &'a Args,
        checked: &'a Checked,
        checkpoint: &'a Checkpoint,
    ) -> Result<Self, Failure> {
        let manifest = &checkpoint.manifest;
        // Names are a convenience: a configuration of another version has none.
        let config = parse("the checkpoint's configuration", &manifest.config).ok();
        let classes = config.map(|config| config.data.train.classes).unwrap_or_default();
        let mut heads = Heads::of(&checked.model, Some(&manifest.objective));
        if heads.is_empty() {
            heads = Heads::of(&checked.model, None);
        }
        if let Some(wanted) = &args.outputs {
            let known: Vec<&str> =
                checked.model.outputs.iter().map(|output| output.name.as_str()).collect();
            if let Some(name) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
                let known = known.join(", ");
                return Err(Failure::Usage(format!(
                    "the model has no output `{name}`; it has {known}"
                )));
            }
            heads.iter_mut().for_each(|heads| heads.outputs.retain(|name| wanted.contains(name)));
        }
        let sessions = BTreeMap::new();
        let weights = &checkpoint.weights;
        let trained = parse("the checkpoint's configuration", &checkpoint.manifest.config).ok();
        let device = args.place.open_as(trained.as_ref().map(|run| &*run.device))?;
        let machine = Machine::single(device);
        Ok(Self { args, checked, weights, machine, heads, classes, sessions })
    }

    /// What the model says of one sample, ready to be printed.
    fn of(&mut self, files: &[PathBuf]) -> Result<String, Failure> {
        let work = |error: &dyn std::fmt::Display| Failure::Work(error.to_string());
        let tensors = media::read(&self.checked.model, files).map_err(|error| work(&error))?;
        let given: Vec<String> = modalities(&self.checked.model, &tensors);
        let wanted = self.wanted(&given);
        let name =
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
        if wanted.is_empty() {
            return Err(Failure::Work(format!("`{name}`: {}", self.why_nothing(&given))));
        }
        if !self.sessions.contains_key(&given) {
            let options = CompileOptions {
                outputs: Some(wanted.clone()),
                only: Some(given.clone()),
                mode: Mode::Forward { objectives: Vec::new() },
                ..CompileOptions::default()
            };
            let mut session =
                session(self.checked, &options, &self.machine).map_err(|error| work(&error))?;
            session.set_weights(self.weights).map_err(|error| work(&error))?;
            self.sessions.insert(given.clone(), session);
        }
        let session = self.sessions.get_mut(&given).expect("it was made");
        let results = session.run(&Batch { tensors }, &RunOptions::default());
        let outputs =
            results.and_then(|results| results.outputs()).map_err(|error| work(&error))?;
        Ok(self.told(&name, &given, &outputs))
    }

    /// The modalities of these names.
    fn set(&self, given: &[String]) -> ModalitySet {
        let ids = (0..).map(zorro::model::ModalityId).zip(&self.checked.model.modalities);
        ModalitySet::of(
            ids.filter(|(_, modality)| given.contains(&modality.name)).map(|(id, _)| id),
        )
    }

    /// Whether an output names classes.
    fn is_head(&self, output: &str) -> bool {
        self.heads.iter().any(|heads| heads.outputs.iter().any(|own| own == output))
    }

    /// The outputs that are asked for, whether they can be had or not.
    fn asked(&self) -> impl Iterator<Item = &Output> {
        self.checked.model.outputs.iter().filter(|output| match &self.args.outputs {
            Some(wanted) => wanted.contains(&output.name),
            None => self.is_head(&output.name) != self.args.embed,
        })
    }

    /// The outputs that are asked for and can be had.
    fn wanted(&self, given: &[String]) -> Vec<String> {
        let set = self.set(given);
        let flow = &self.checked.flow;
        let outputs = self.asked().filter(|output| flow.presence(output.value).holds(set));
        outputs.map(|output| output.name.clone()).collect()
    }

    /// Why none of the outputs that are asked for can be had.
    fn why_nothing(&self, given: &[String]) -> String {
        let needs = self.asked().map(|output| {
            let presence = self.checked.flow.presence(output.value);
            format!("`{}` needs {}", output.name, presence.display(&self.checked.model))
        });
        let needs: Vec<String> = needs.collect();
        if needs.is_empty() {
            return match self.args.embed {
                true => {
                    "all outputs name classes; leave out --embed, or name outputs with --outputs"
                }
                false => "no output names classes; --embed gives the outputs as they are",
            }
            .to_owned();
        }
        format!("there is {} alone, and {}", given.join(" and "), needs.join(", "))
    }

    /// Classes with probabilities, the most probable first; and other outputs as they are.
    fn told(&self, name: &str, given: &[String], outputs: &Tensors) -> String {
        let mut text = String::new();
        let mut document = json!({ "files": name, "given": given });
        for heads in self.heads.iter().filter(|_| !self.args.embed) {
            let mut all = Vec::new();
            let mut rows = Vec::new();
            for output in &heads.outputs {
                if let Some(numbers) = outputs.get(output).and_then(|found| found.data().as_f32()) {
                    let probabilities = heads.probabilities(numbers);
                    rows.push((output.as_str(), probabilities.clone()));
                    all.push(probabilities);
                }
            }
            rows.extend(mean(&all).filter(|_| all.len() > 1).map(|mean| (MEAN, mean)));
            for (output, probabilities) in rows {
                let top = self.top(heads, &probabilities);
                let cells: Vec<String> = top
                    .iter()
                    .map(|(class, part)| format!("{class} {:.1} %", 100.0 * part))
                    .collect();
                text.push_str(&format!("{name}  {output}  {}\n", cells.join(", ")));
                let classes: Vec<Value> = top
                    .iter()
                    .map(|(class, part)| json!({ "class": class, "probability": part }))
                    .collect();
                document["outputs"][output] = json!(classes);
            }
        }
        let as_they_are = |output: &str| self.args.embed || !self.is_head(output);
        for (output, tensor) in outputs.iter().filter(|(output, _)| as_they_are(output)) {
            let numbers = tensor.data().to_f32();
            document["outputs"][output] = json!(numbers);
            let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
            text.push_str(&format!("{name}  {output}  {}\n", numbers.join(" ")));
        }
        match self.args.format {
            Format::Text => text,
            Format::Json => format!("{document}\n"),
        }
    }

    fn top(&self, heads: &Heads, probabilities: &[f32]) -> Vec<(String, f32)> {
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        order.truncate(self.args.top.into());
        let names = self.classes.get(&heads.target);
        let name = |class: usize| {
            let known = names.and_then(|names| names.get(class)).cloned();
            known.unwrap_or_else(|| class.to_string())
        };
        order.into_iter().map(|class| (name(class), probabilities[class])).collect()
    }
}

/// The modalities that a sample has.
fn modalities(model: &Model, tensors: &Tensors) -> Vec<String> {
    let names = model.modalities.iter().map(|modality| modality.name.clone());
    names.filter(|name| tensors.get(name).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_files_with_names() {
        let cases: [(&str, Option<&[&str]>); 7] = [
            ("a.wav", Some(&["a.wav"])),
            ("a.wav,b.png", Some(&["a.wav", "b.png"])),
            ("", None),
            (",", None),
            ("a.wav,", None),
            (",a.wav", None),
            ("a.wav,,b.png", None),
        ];
        for (text, expected) in cases {
            let found = sample(OsStr::new(text)).ok();
            let expected: Option<Vec<PathBuf>> =
                expected.map(|files| files.iter().map(PathBuf::from).collect());
            assert_eq!(found, expected, "{text}");
        }
    }
}
