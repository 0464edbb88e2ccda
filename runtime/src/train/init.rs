//! Weights to begin from: those that fit by name and shape.
//!
//! In: a checkpoint, or a file of tensors, perhaps under foreign names. Out: weights of the model, and a report of what was
//! found where. Deliberately not here: the optimizer's state, which begins anew.

use std::path::{Path, PathBuf};

use crate::checkpoint::{current, find};
use crate::compiler::model::Model;
use crate::names::Section;
use crate::{NameMap, Tensors};

use super::TrainError;
use super::config::InitConfig;

/// What became of weights to begin from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Where they come from.
    pub from: PathBuf,
    /// Weights that were taken.
    pub loaded: Vec<String>,
    /// Weights of the model that the file does not have: they start as the spec says.
    pub missing: Vec<String>,
    /// Weights whose shapes differ: they start as the spec says, too. Name, shape in the file, shape in the model.
    pub other_shape: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Tensors of the file that the model does not have.
    pub unused: Vec<String>,
}

/// A name map may be so long.
const MAX_MAP: u64 = 64 << 20;

/// Replaces weights by those of a file that fit.
///
/// # Errors
///
/// A file that cannot be read, a map that does not fit, and a file in which nothing fits.
pub(super) fn load(
    config: &InitConfig,
    base: &Path,
    model: &Model,
    weights: &mut Tensors,
) -> Result<Loaded, TrainError> {
    let path = base.join(&config.from);
    let mut file = if path.is_dir() {
        find(&path)?.checkpoint.weights
    } else {
        Tensors::read(&path).map_err(TrainError::Init)?
    };
    if let Some(map) = &config.map {
        let map = base.join(map);
        let name = map.display().to_string();
        let text = crate::files::text(&map, MAX_MAP)
            .map_err(|error| TrainError::Map(format!("cannot read `{name}`: {error}")))?;
        let failed = |error: crate::names::NameMapError| TrainError::Map(error.to_string());
        let map = NameMap::parse(&name, &text).map_err(failed)?;
        let wanted: Vec<(String, Vec<usize>)> = weights
            .iter()
            .map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec()))
            .collect();
        file = map.import(Section::Weights, &file, &wanted).map_err(failed)?;
    }
    let file = current(model, &file);
    let mut report = Loaded { from: path.clone(), ..Loaded::default() };
    let names: Vec<String> = weights.names().map(str::to_owned).collect();
    for name in &names {
        let own = weights.get(name).expect("its name is from there");
        match file.get(name) {
            None => report.missing.push(name.clone()),
            Some(found) if found.shape() != own.shape() => {
                let shapes = (name.clone(), found.shape().to_vec(), own.shape().to_vec());
                report.other_shape.push(shapes);
            }
            Some(found) => {
                report.loaded.push(name.clone());
                let found = found.to_f32();
                weights.insert(name.clone(), found);
            }
        }
    }
    let unused = file.names().filter(|name| weights.get(name).is_none());
    report.unused = unused.map(str::to_owned).collect();
    if report.loaded.is_empty() { Err(TrainError::NothingLoaded(path)) } else { Ok(report) }
}
