//! Weights to begin from: those that fit by name and shape.
//!
//! In: a checkpoint, or a file of tensors, perhaps under foreign names. Out: weights of the model, and a report of what was
//! found where. Deliberately not here: the optimizer's state, which begins anew.

use std::path::{Path, PathBuf};

use crate::checkpoint::{current, find};
use crate::compiler::Model;
use crate::names::{Report, Shipped, Wanted};
use crate::{NameMap, Tensors};

use super::TrainError;
use super::config::InitConfig;

/// What became of weights to begin from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Where they come from.
    pub from: PathBuf,
    /// What became of each.
    pub report: Report,
}

/// A name map may be so long.
const MAX_MAP: u64 = 64 << 20;

/// Replaces weights by those of a file that fit.
///
/// # Errors
///
/// A file that cannot be read, a map that does not fit, and a file in which nothing fits; where the configuration is strict,
/// also what is a warning else.
pub(super) fn load(
    config: &InitConfig,
    base: &Path,
    model: &Model,
    weights: &mut Tensors,
) -> Result<Loaded, TrainError> {
    let path = base.join(&config.from);
    let file = if path.is_dir() && !Tensors::is_folder(&path) {
        find(&path)?.checkpoint.weights
    } else {
        Tensors::read(&path).map_err(TrainError::Init)?
    };
    let map = match &config.map {
        Some(map) => named(map, base)?,
        None => NameMap::same(&path.display().to_string()),
    };
    let adopted = map.adopt(&current(model, &file), &Wanted::weights(model));
    let adopted = adopted.map_err(|error| TrainError::Map(error.to_string()))?;
    if adopted.weights.is_empty() {
        return Err(TrainError::NothingLoaded(path));
    }
    let warnings = adopted.report.warnings();
    if config.strict && !warnings.is_empty() {
        return Err(TrainError::Map(format!(
            "`init` is strict, and not all of `{}` fits:\n{}",
            path.display(),
            warnings.join("\n")
        )));
    }
    weights.extend(adopted.weights.to_f32());
    Ok(Loaded { from: path, report: adopted.report })
}

/// A map that comes with this program, or one in a file.
fn named(map: &Path, base: &Path) -> Result<NameMap, TrainError> {
    if let Some(shipped) = map.to_str().and_then(Shipped::find) {
        return Ok(shipped.map());
    }
    let map = base.join(map);
    let name = map.display().to_string();
    let text = crate::files::text(&map, MAX_MAP)
        .map_err(|error| TrainError::Map(format!("cannot read `{name}`: {error}")))?;
    NameMap::parse(&name, &text).map_err(|error| TrainError::Map(error.to_string()))
}
