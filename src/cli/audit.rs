//! `zorro audit`: purity, measured.
//!
//! In: a spec, perhaps weights and promises. Out: a table of outputs and modalities, and what leaks. Deliberately not here:
//! the audit itself, which is the library's.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use zorro::{AuditError, AuditOptions, audit, summary};
use zorro_runtime::Tensors;

use super::options::{Format, Settings};
use super::wanted::Place;
use super::{Failure, note, print, print_quoting, spec};

/// Replace each modality and hold what may not see it to its bits
///
/// Each modality in turn becomes other noise, NaN, absent, and absent for half of the samples. Outputs that may not see it
/// must keep every bit, and so must their gradients of all weights and other modalities; with respect to it they must be zero.
/// Samples must not depend on their neighbors, and programs for some modalities alone must give the bits of the whole.
///
/// The table says of each output and modality: `pure` (held bit for bit), `sees` (it may, and does), `sees?` (it may, but
/// nothing changed) or `LEAKS`. What an output may see follows from asserts, --pure, and the routes; without --pure,
/// that of an output of which no assert speaks from its name, too: `video` and `video_logits` may see the modality `video`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro audit demo.zorro\n  \
    zorro audit demo.zorro --weights w.safetensors --batch 2\n  \
    zorro audit demo.zorro --pure video_logits=video --pure logits=video,audio --format json")]
pub(super) struct Args {
    /// The .zorro file
    spec: PathBuf,

    /// Its weights [default: as they start, but so that nothing hides behind zeros]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// An output, and the modalities that it may see; may be given several times
    #[arg(long, value_name = "OUTPUT=MODALITY,..", value_parser = promise)]
    pure: Vec<Promise>,

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
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    let weights = args.weights.as_deref().map(Tensors::read).transpose();
    let options = AuditOptions {
        batch: args.batch.into(),
        seed: args.seed,
        device: args.place.open()?,
        weights: weights.map_err(|error| Failure::Work(error.to_string()))?,
        pure: args.pure.clone(),
    };
    let found = audit(&checked, &options).map_err(|error| match error {
        AuditError::Unknown { .. } => Failure::Usage(format!("--pure: {error}")),
        AuditError::NoOutputs | AuditError::NotFinite(_) | AuditError::Runtime(_) => {
            Failure::Work(error.to_string())
        }
    })?;
    for line in &found.notes {
        note(&format!("note: {line}"));
    }
    let seconds = began.elapsed().as_secs_f64();
    match args.format {
        Format::Text => {
            print_quoting(&audit::text(&found))?;
            note(&format!("{seconds:.1} s"));
        }
        Format::Json => {
            let mut document = json!({ "version": summary::VERSION });
            document["spec"] = json!(args.spec.display().to_string());
            document["audit"] = audit::json(&found);
            document["audit"]["seconds"] = json!(seconds);
            print(&format!("{document:#}\n"))?;
        }
    }
    if found.passed() {
        return Ok(());
    }
    let leaking = found
        .outputs
        .iter()
        .filter(|row| found.failures.iter().any(|failure| failure.output == row.name));
    let names: Vec<String> = leaking.map(|row| format!("`{}`", row.name)).collect();
    Err(Failure::Work(format!("the audit failed for {}", names.join(", "))))
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
