//! How much a source has of what, as far as its index tells.
//!
//! In: a source that was looked at. Out: counts of samples, of files and values by modality and target, and what is not used.
//! Deliberately not here: opening files, so values inside JSON are not told apart.

use std::collections::BTreeMap;

use super::Source;

/// What a source has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::data) struct Counts {
    /// Samples that are taken.
    pub(in crate::data) samples: u64,
    /// How many of them have each modality, in the order of the model.
    pub(in crate::data) modalities: Vec<u64>,
    /// How many of them have each target, in the order of the model.
    pub(in crate::data) targets: Vec<u64>,
    /// How many of them have a JSON file, whose values are counted nowhere else.
    pub(in crate::data) json: u64,
    /// Members by extension, or cells by column, that nothing uses.
    pub(in crate::data) unused: BTreeMap<String, u64>,
}

impl Source {
    /// What the source has.
    pub(in crate::data) fn counts(&self) -> Counts {
        Counts { samples: self.len() as u64, unused: self.uses.unused(), ..Counts::default() }
    }
}
