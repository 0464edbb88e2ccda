//! What files are and what becomes of them, counted over samples.
//!
//! In: facts of files, and tensors. Out: how often each size, rate and length, and which numbers a model is fed. Deliberately
//! not here: reading, showing.

use std::collections::BTreeMap;

use super::Range;
use crate::data::media::facts::Facts;
use crate::data::recipe::Fed;

/// What is known of one modality.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The files that it is made of.
    pub files: Files,
    /// The numbers that are fed; `None` for ids, or where no sample has it.
    pub fed: Option<Range>,
    sum: f64,
    squares: f64,
}

/// How often each property, over the files of a modality.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files {
    /// Height and width.
    pub sizes: BTreeMap<[u64; 2], u64>,
    /// Numbers of a pixel.
    pub colors: BTreeMap<u64, u64>,
    /// Pictures a second, in hundredths.
    pub fps: BTreeMap<u64, u64>,
    /// Samples of sound a second.
    pub rates: BTreeMap<u64, u64>,
    /// Channels of sound.
    pub channels: BTreeMap<u64, u64>,
    /// Lengths in seconds.
    pub seconds: Vec<f64>,
}

impl Tally {
    /// Adds what a file says of itself: pictures for what is made of pictures, sound for what is made of sound.
    pub(super) fn add_file(&mut self, facts: &Facts, is_sound: bool) {
        let files = &mut self.files;
        let count = |counts: &mut BTreeMap<u64, u64>, found: Option<u64>| {
            if let Some(found) = found {
                *counts.entry(found).or_default() += 1;
            }
        };
        if is_sound {
            count(&mut files.rates, facts.rate);
            count(&mut files.channels, facts.channels);
        } else {
            if let Some(size) = facts.size {
                *files.sizes.entry(size).or_default() += 1;
            }
            count(&mut files.colors, facts.colors);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
            count(&mut files.fps, facts.fps.map(|fps| (fps * 100.0).round() as u64));
        }
        files.seconds.extend(facts.seconds.filter(|seconds| seconds.is_finite()));
    }

    /// Adds what is fed of one sample.
    pub(super) fn add_fed(&mut self, fed: &Fed) {
        let Fed::Numbers(numbers) = fed else { return };
        let range = self.fed.get_or_insert(Range::EMPTY);
        for number in numbers.iter().map(|number| f64::from(*number)) {
            (range.least, range.most) = (range.least.min(number), range.most.max(number));
            (self.sum, self.squares) = (self.sum + number, self.squares + number * number);
        }
        range.n += numbers.len() as u64;
    }

    /// Adds what another thread counted.
    pub(super) fn join(&mut self, other: Self) {
        let Files { sizes, colors, fps, rates, channels, seconds } = other.files;
        let files = &mut self.files;
        for (size, n) in sizes {
            *files.sizes.entry(size).or_default() += n;
        }
        let pairs = [
            (&mut files.colors, colors),
            (&mut files.fps, fps),
            (&mut files.rates, rates),
            (&mut files.channels, channels),
        ];
        for (own, other) in pairs {
            for (found, n) in other {
                *own.entry(found).or_default() += n;
            }
        }
        files.seconds.extend(seconds);
        if let Some(other) = other.fed {
            let own = self.fed.get_or_insert(Range::EMPTY);
            (own.least, own.most) = (own.least.min(other.least), own.most.max(other.most));
            own.n += other.n;
        }
        (self.sum, self.squares) = (self.sum + other.sum, self.squares + other.squares);
    }

    /// Sorts lengths, and makes mean and deviation of sums.
    pub(super) fn finish(&mut self) {
        self.files.seconds.sort_by(f64::total_cmp);
        if let Some(range) = self.fed.as_mut().filter(|range| range.n > 0) {
            let n = range.n as f64;
            range.mean = self.sum / n;
            range.deviation = (self.squares / n - range.mean * range.mean).max(0.0).sqrt();
        }
    }
}

impl Files {
    /// The least, the middle and the largest length.
    #[must_use]
    pub fn lengths(&self) -> Option<[f64; 3]> {
        let (first, last) = (self.seconds.first()?, self.seconds.last()?);
        Some([*first, self.seconds[self.seconds.len() / 2], *last])
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
