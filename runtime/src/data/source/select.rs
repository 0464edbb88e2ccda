//! Which samples of a source are taken: by key, and a fixed number.
//!
//! In: lists of keys, `take`. Out: the numbers of samples, in order. Deliberately not here: shuffling.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use rayon::prelude::*;

use crate::data::DataError;
use crate::data::config::{SourceConfig, Take};
use crate::data::draw::Draw;
use crate::data::media::Content;
use crate::data::recipe::{Recipe, setting};

use super::Source;

/// A list of keys may be so large.
const MAX_LIST: u64 = 1 << 30;

/// The samples that are taken; `None` for all of them.
pub(super) fn chosen(
    source: &Source,
    config: &SourceConfig,
    base: &Path,
    recipe: &Recipe,
) -> Result<Option<Vec<u32>>, DataError> {
    let (include, exclude) = (config.include.as_deref(), config.exclude.as_deref());
    if include.is_none() && exclude.is_none() && config.take.is_none() {
        return Ok(None);
    }
    let include = include.map(|path| keys(&base.join(path))).transpose()?;
    let exclude = exclude.map(|path| keys(&base.join(path))).transpose()?;
    let is_taken = |entry: &u32| {
        let key = source.key_of(*entry as usize);
        include.as_ref().is_none_or(|keys| keys.contains(&key))
            && exclude.as_ref().is_none_or(|keys| !keys.contains(&key))
    };
    let all: Vec<u32> = (0..).take(source.all()).filter(is_taken).collect();
    let place = format!("{}.take", source.place);
    let wanted = match config.take {
        None => return Ok(Some(all)),
        Some(Take::Count(count)) if count > 0 => usize::try_from(count).unwrap_or(usize::MAX),
        Some(Take::Part(part)) if part > 0.0 && part <= 1.0 => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number")]
            let count = (part * all.len() as f64).round() as usize;
            count.max(1)
        }
        Some(Take::Count(_) | Take::Part(_)) => {
            return Err(setting(&place, "a whole number above 0, or a part up to 1"));
        }
    };
    taken(source, all, wanted, config, recipe).map(Some)
}

/// So many of the samples, of every class as many as there are or as is fair.
fn taken(
    source: &Source,
    all: Vec<u32>,
    wanted: usize,
    config: &SourceConfig,
    recipe: &Recipe,
) -> Result<Vec<u32>, DataError> {
    let is_balanced = config.balanced.unwrap_or(true);
    let class = |entry: &u32| {
        let class = source.class(*entry as usize, recipe);
        class.map_err(|trouble| trouble.error(source.key_of(*entry as usize)))
    };
    let classes: Vec<Option<usize>> = match is_balanced {
        true => all.par_iter().map(class).collect::<Result<_, _>>()?,
        false => vec![None; all.len()],
    };
    let mut by_class: BTreeMap<Option<usize>, VecDeque<u32>> = BTreeMap::new();
    for at in Draw::new(config.take_seed, "data.take", 0).permutation(all.len()) {
        let at = at as usize;
        by_class.entry(classes[at]).or_default().push_back(all[at]);
    }
    let mut result = Vec::new();
    while result.len() < wanted.min(all.len()) {
        for waiting in by_class.values_mut() {
            if result.len() < wanted {
                result.extend(waiting.pop_front());
            }
        }
    }
    result.sort_unstable();
    Ok(result)
}

/// The keys in a file, one a line.
fn keys(path: &Path) -> Result<BTreeSet<String>, DataError> {
    let wrong = |message| DataError::File { path: path.to_owned(), message };
    let bytes = Content::Path(path).bytes(MAX_LIST).map_err(|trouble| trouble.of_file(path))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
