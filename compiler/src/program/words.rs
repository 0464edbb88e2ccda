//! Words of the program's constants.
//!
//! In: lists of words. Out: where each begins, equal ones at one place. Deliberately not here: what they say.

use std::collections::BTreeMap;

/// Words that a shader reads, each list once.
#[derive(Debug, Default)]
pub(super) struct Words {
    all: Vec<u32>,
    places: BTreeMap<Vec<u32>, u32>,
}

impl Words {
    /// Where the list begins.
    pub(super) fn list(&mut self, words: Vec<u32>) -> u32 {
        let next = word(self.all.len());
        let all = &mut self.all;
        *self.places.entry(words).or_insert_with_key(|words| {
            all.extend(words);
            next
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> &[u32] {
        &self.all
    }
}

/// A count as a word.
pub(super) fn word(number: usize) -> u32 {
    u32::try_from(number).expect("what a device holds is below 2^32")
}
