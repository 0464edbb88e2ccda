//! How much a source has of what, as far as its index tells.
//!
//! In: a source that was looked at. Out: counts of samples, of files and values by modality and target, and what is not used.
//! Deliberately not here: opening files, so values inside JSON are not told apart.

use std::collections::BTreeMap;

use crate::data::host::Moment;
use crate::data::media::Kind;
use crate::data::recipe::Recipe;

use super::roles::Role;
use super::{Piece, Source, What};

/// What a source has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::data) struct Counts {
    /// Samples that are taken.
    pub(in crate::data) samples: u64,
    /// How many of them have a file or value for each modality, in the order of the model. A video may lack what it is for.
    pub(in crate::data) modalities: Vec<u64>,
    /// How many of them have a file or value for each target, in the order of the model.
    pub(in crate::data) targets: Vec<u64>,
    /// How many of them have a JSON file, whose values are counted nowhere else.
    pub(in crate::data) json: u64,
    /// Members by extension, or cells by column, that nothing uses, of all samples.
    pub(in crate::data) unused: BTreeMap<String, u64>,
}

impl Source {
    /// What the source has.
    pub(in crate::data) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Counts what the samples that are taken have.
    pub(super) fn counted(&self, recipe: &Recipe) -> Counts {
        let mut counts = Counts {
            samples: self.len() as u64,
            modalities: vec![0; recipe.hosts.len()],
            targets: vec![0; recipe.targets.len()],
            json: 0,
            unused: self.uses.unused().clone(),
        };
        if let What::Synthetic(_) = self.what {
            // All made-up samples have the same.
            if let Ok(made) = self.read(0, recipe, &Moment::still()) {
                let all = |has: bool| if has { counts.samples } else { 0 };
                counts.modalities = made.modalities.iter().map(|fed| all(fed.is_some())).collect();
                counts.targets = made.targets.iter().map(|value| all(value.is_some())).collect();
            }
            return counts;
        }
        for number in 0..self.len() {
            self.count(&self.entries[self.entry(number)].pieces, &mut counts);
        }
        counts
    }

    /// Adds what one sample has; no two of its members but JSON are for the same.
    fn count(&self, pieces: &[Piece], counts: &mut Counts) {
        let is_json = |piece: &&Piece| self.uses.kind(piece.what()) == Kind::Json;
        counts.json += u64::from(pieces.iter().any(|piece| is_json(&piece)));
        for piece in pieces.iter().filter(|piece| !is_json(piece)) {
            for role in self.uses.roles(piece.what()) {
                match role {
                    Role::Modality(at) => counts.modalities[*at] += 1,
                    Role::Target(at) => counts.targets[*at] += 1,
                }
            }
        }
    }
}
