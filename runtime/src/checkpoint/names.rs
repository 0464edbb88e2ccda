//! Names of weights that older programs gave.
//!
//! In: tensors of a checkpoint, and a model. Out: the same under the names that the model has now: of what a block calls, the
//! group of a weight stood behind the call. Deliberately not here: names of other programs (`names`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Tensors;
use crate::compiler::model::Model;

/// What stands before the names of weights: nothing, or what an optimizer keeps of them.
const PREFIXES: [&str; 3] = ["", "first.", "second."];

/// The tensors under the names of today; a former name counts where no tensor has today's.
#[must_use]
pub fn current<'a>(model: &Model, tensors: &'a Tensors) -> Cow<'a, Tensors> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for weight in &model.weights {
        let Some(former) = &weight.former else { continue };
        if model.weights.iter().any(|other| other.name == *former) {
            continue;
        }
        for prefix in PREFIXES {
            let (old, new) = (format!("{prefix}{former}"), format!("{prefix}{}", weight.name));
            if tensors.get(&old).is_some() && tensors.get(&new).is_none() {
                renamed.insert(old, new);
            }
        }
    }
    if renamed.is_empty() {
        return Cow::Borrowed(tensors);
    }
    let today = |name: &str| renamed.get(name).cloned().unwrap_or_else(|| name.to_owned());
    Cow::Owned(tensors.iter().map(|(name, tensor)| (today(name), tensor.clone())).collect())
}
