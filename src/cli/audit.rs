//! `zorro audit`: purity, measured.
//!
//! In: a spec or a checkpoint, perhaps weights, promises and files. Out: a table of outputs and modalities, and what leaks.
//! Deliberately not here: the audit itself, which is the library's.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use zorro::{AuditError, AuditOptions, Checked, audit, summary};
use zorro_runtime::Tensors;
use zorro_runtime::checkpoint::find;

use super::infer::sample;
use super::options::{Format, Settings};
use super::train::run_folder;
use super::wanted::Place;
use super::{Failure, note, print, print_quoting, show, spec};

/// Replace each modality and hold what may not see it to its bits
///
/// Each modality in turn becomes other noise, NaN, absent, and absent for half of the samples. Outputs that may not see it
/// must keep every bit, and so must their gradients of all weights and other modalities; with respect to it they must be zero.
/// Samples must not depend on their neighbors, and programs for some modalities alone must give the bits of the whole.
///
/// Modalities that an output may not see are replaced together, too.
///
/// Later positions of a modality are replaced as well: tokens of an output that see earlier ones alone must keep every bit.
/// How far each looks follows from the routes, and from --causal; outputs that never look ahead are told.
///
/// The table says of each output and modality: `pure` (held bit for bit), `sees` (it may, and does), `sees?` (it may, but
/// nothing changed) or `LEAKS`. What an output may see follows from asserts, --pure, and the routes; without --pure,
/// that of an output of which no assert speaks from its name, too: `video` and `video_logits` may see the modality `video`.
///
/// With files, the way from these to what the model is fed is held in the same manner: each track of each file is taken out, and
/// each file of several that are one sample. What the other modalities are fed must keep every bit, and so must the outputs
/// that may not see what went. `place` says that a sound's clip begins elsewhere without the frames, which say where clips
/// are; at one time it keeps its bits. Files are written as for `zorro infer`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro audit demo.zorro\n  \
    zorro audit demo.zorro --weights w.safetensors --batch 2\n  \
    zorro audit demo.zorro --pure video_logits=video --pure logits=video,audio --format json\n  \
    zorro audit first/run clip.mp4 picture.png,sound.wav")]
pub(super) struct Args {
    /// The .zorro file, or a checkpoint, or a run's folder or configuration
    spec: PathBuf,

    /// Files to be fed; with a comma between those of one sample
    files: Vec<PathBuf>,

    /// Its weights [default: those of the checkpoint; else as they start, but so that nothing hides behind zeros]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// An output, and the modalities that it may see; may be given several times
    #[arg(long, value_name = "OUTPUT=MODALITY,..", value_parser = promise)]
    pure: Vec<Promise>,

    /// An output, and a modality in which it is to be causal; may be given several times
    #[arg(long, value_name = "OUTPUT=MODALITY", value_parser = causal)]
    causal: Vec<(String, String)>,

    /// Samples of a batch
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// The seed of inputs, and of weights where none are given
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    settings: Settings,
}

/// `OUTPUT=MODALITY,..`
type Promise = (String, Vec<String>);

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let began = Instant::now();
    let (checked, trained) = model(args)?;
    let weights = args.weights.as_deref().map(Tensors::read).transpose();
    let weights = weights.map_err(|error| Failure::Work(error.to_string()))?;
    let options = AuditOptions {
        batch: args.batch.into(),
        seed: args.seed,
        device: args.place.open()?,
        weights: weights.or(trained),
        pure: args.pure.clone(),
        causal: args.causal.clone(),
    };
    let mut document = json!({ "version": summary::VERSION });
    document["spec"] = json!(args.spec.display().to_string());
    let (text, passed) = if args.files.is_empty() {
        let found = audit(&checked, &options).map_err(|error| failure(args, error))?;
        found.notes.iter().for_each(|line| note(&format!("note: {line}")));
        document["audit"] = audit::json(&found);
        document["audit"]["seconds"] = json!(began.elapsed().as_secs_f64());
        let passed = found.passed().then_some(()).ok_or_else(|| leaking(&found));
        (audit::text(&found), passed)
    } else {
        let folder = tempfile::tempdir().map_err(|error| Failure::Work(error.to_string()))?;
        let samples: Vec<Vec<PathBuf>> =
            args.files.iter().map(|path| sample(path.as_os_str())).collect::<Result<_, _>>()?;
        let found = audit::files(&checked, &options, &samples, folder.path())
            .map_err(|error| failure(args, error))?;
        found.notes.iter().for_each(|line| note(&format!("note: {line}")));
        document["files"] = found.json();
        document["files"]["seconds"] = json!(began.elapsed().as_secs_f64());
        let why = || "the audit failed: what one track says reaches another".to_owned();
        (found.text(), found.passed().then_some(()).ok_or_else(why))
    };
    match args.format {
        Format::Text => {
            print_quoting(&text)?;
            note(&format!("{:.1} s", began.elapsed().as_secs_f64()));
        }
        Format::Json => print(&format!("{document:#}\n"))?,
    }
    passed.map_err(Failure::Work)
}

/// The model of a spec, or of a checkpoint with its weights.
fn model(args: &Args) -> Result<(Checked, Option<Tensors>), Failure> {
    let is_spec = args.spec == Path::new("-")
        || args.spec.extension().is_some_and(|extension| extension == "zorro");
    if is_spec {
        return Ok((spec::checked(&args.spec, &args.settings)?.1, None));
    }
    if !args.settings.settings.is_empty() {
        return Err(Failure::Usage("--set is for specs; a checkpoint has its settings".to_owned()));
    }
    let found = find(&run_folder(&args.spec)?)?;
    for (_, error) in &found.skipped {
        note(&format!("note: {error}; the checkpoint before is taken"));
    }
    let outcome = found.checkpoint.manifest.spec.check();
    let Some(checked) = outcome.checked else {
        show(&outcome.sources, &outcome.diagnostics);
        return Err(Failure::Diagnosed);
    };
    Ok((checked, Some(found.checkpoint.weights)))
}

fn failure(args: &Args, error: AuditError) -> Failure {
    match error {
        AuditError::Unknown { ref name, .. } => {
            let is_causal = args.causal.iter().any(|(output, to)| output == name || to == name);
            let flag = if is_causal { "--causal" } else { "--pure" };
            Failure::Usage(format!("{flag}: {error}"))
        }
        AuditError::NoOutputs
        | AuditError::NotFinite(_)
        | AuditError::Runtime(_)
        | AuditError::Data(_) => Failure::Work(error.to_string()),
    }
}

fn leaking(found: &audit::Audit) -> String {
    let leaking = found
        .outputs
        .iter()
        .filter(|row| found.failures.iter().any(|failure| failure.output == row.name));
    let names: Vec<String> = leaking.map(|row| format!("`{}`", row.name)).collect();
    format!("the audit failed for {}", names.join(", "))
}

fn promise(text: &str) -> Result<Promise, String> {
    let (output, only) = text.split_once('=').ok_or("expected OUTPUT=MODALITY,..")?;
    let output = output.trim();
    if output.is_empty() {
        return Err("expected OUTPUT=MODALITY,..".to_owned());
    }
    let only = only.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok((output.to_owned(), only.map(str::to_owned).collect()))
}

fn causal(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(output, modality)| (output.trim(), modality.trim())) {
        Some((output, modality)) if !output.is_empty() && !modality.is_empty() => {
            Ok((output.to_owned(), modality.to_owned()))
        }
        Some(_) | None => Err("expected OUTPUT=MODALITY".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::promise;

    #[test]
    fn promises() {
        let (output, only) = promise("z = video, audio").unwrap();
        assert_eq!((output.as_str(), only), ("z", vec!["video".to_owned(), "audio".to_owned()]));
        assert_eq!(promise("z=").unwrap().1.len(), 0);
        assert!(promise("z").is_err() && promise("=video").is_err());
    }
}
