//! Tensors that lie in several files.
//!
//! In: an index such as `model.safetensors.index.json`, which says in which file beside it each tensor lies; or a folder as model
//! hubs have them. Out: the tensors of all files. Deliberately not here: fetching what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::file::TensorsError;
use super::{Tensors, file};
use crate::files;

/// What the name of an index ends in.
const INDEX: &str = ".index.json";
/// What weights are called in a folder of a model hub.
const NAMES: [&str; 4] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "open_clip_model.safetensors",
];
/// An index may be so long.
const MAX_INDEX: u64 = 64 << 20;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Whether a path means an index and no tensors.
pub(super) fn is_index(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(INDEX))
}

/// The weights in a folder as model hubs have them.
pub(super) fn in_folder(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The tensors of all files that an index speaks of.
pub(super) fn read(path: &Path) -> Result<Tensors, TensorsError> {
    let failed = |source| TensorsError::Read { path: path.to_owned(), source };
    let wrong = |reason| TensorsError::Index { path: path.to_owned(), reason };
    let text = files::text(path, MAX_INDEX).map_err(failed)?;
    let index: Index = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let shards: BTreeSet<&String> = index.weight_map.values().collect();
    let mut tensors = Tensors::new();
    for shard in shards {
        let is_beside =
            Path::new(shard).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_beside || shard.is_empty() {
            return Err(wrong(format!("`{shard}` is no file beside it")));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        for (name, tensor) in file::read(&folder.join(shard))? {
            match index.weight_map.get(&name) {
                Some(file) if file == shard => drop(tensors.insert(name, tensor)),
                Some(file) => {
                    return Err(wrong(format!("`{name}` lies in `{shard}`, and not in `{file}`")));
                }
                None => {
                    return Err(wrong(format!(
                        "it does not speak of `{name}`, which lies in `{shard}`"
                    )));
                }
            }
        }
    }
    match index.weight_map.iter().find(|(name, _)| tensors.get(name).is_none()) {
        Some((name, shard)) => Err(wrong(format!("`{shard}` lacks `{name}`"))),
        None => Ok(tensors),
    }
}
