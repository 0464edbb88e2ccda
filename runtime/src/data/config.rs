//! What a user writes about data: sources, what is done to samples, what is tolerated.
//!
//! In: YAML, by serde. Out: plain structs; `docs/data.md` is their reference. Deliberately not here: whether a model has
//! the modalities that are named, which [`super::Collection::open`] looks at, and reading YAML itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// A data set: one or more sources, and what is done to their samples.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Where samples come from; several are mixed by their weights.
    pub sources: Vec<SourceConfig>,
    /// Which part of a long sound or video is taken.
    #[serde(default)]
    pub clip: Clip,
    /// How many clips of each sample evaluation takes, at equal distances from the first to the last that there is; what is
    /// said of them is averaged.
    #[serde(default)]
    pub clips: Option<u64>,
    /// Random changes in training, by modality.
    #[serde(default)]
    pub augment: BTreeMap<String, AugmentConfig>,
    /// Noise in training and evaluation, by modality.
    #[serde(default)]
    pub noise: BTreeMap<String, NoiseConfig>,
    /// Names of classes by target, in the order of their numbers, where files name classes instead of numbering them.
    #[serde(default)]
    pub classes: BTreeMap<String, Vec<String>>,
    /// How labels are written, by target, where it could be read in two ways.
    #[serde(default)]
    pub labels: BTreeMap<String, Labels>,
    /// The part of shards and samples that may be broken before it is an error, 0..1.
    #[serde(default = "default_broken")]
    pub broken: f64,
    /// How long the decoder of videos may take for one file, seconds.
    #[serde(default = "default_timeout")]
    pub timeout: f64,
    /// The folder of `ffmpeg` and `ffprobe`, where they are not in the search path.
    #[serde(default)]
    pub ffmpeg: Option<PathBuf>,
}

impl Default for DataConfig {
    /// No sources yet.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            clip: Clip::default(),
            clips: None,
            augment: BTreeMap::new(),
            noise: BTreeMap::new(),
            classes: BTreeMap::new(),
            labels: BTreeMap::new(),
            broken: default_broken(),
            timeout: default_timeout(),
            ffmpeg: None,
        }
    }
}

impl DataConfig {
    /// Takes over names of classes that it does not give itself; those that it gives are the same, in the same order, since
    /// the order gives classes their numbers.
    ///
    /// # Errors
    ///
    /// The target for which they are others, and how.
    pub fn take_classes(
        &mut self,
        known: &BTreeMap<String, Vec<String>>,
    ) -> Result<(), (String, String)> {
        for (target, known) in known {
            let own = self.classes.entry(target.clone()).or_insert_with(|| known.clone());
            // Another number of them is said where the model is known.
            if let Some(at) = own.iter().zip(known).position(|(own, known)| own != known) {
                let (own, known) = (&own[at], &known[at]);
                let message = format!(
                    "class {at} of `{target}` is `{own}` here and `{known}` in training: the order of names gives classes \
                     their numbers, so write them in one order, or only once, under `data.train`"
                );
                return Err((target.clone(), message));
            }
        }
        Ok(())
    }
}

fn default_broken() -> f64 {
    0.1
}

fn default_timeout() -> f64 {
    60.0
}

/// How the labels of a target are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// One value for each class, 0 to 1; for classes that exclude each other they add up to 1.
    OneHot,
    /// Numbers of classes, from 0.
    Ids,
    /// Names of classes.
    Names,
}

/// One source: exactly one of `shards`, `table`, `synthetic`, and what is taken of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Tar files in the `WebDataset` convention; `{000..007}` stands for a range of numbers.
    #[serde(default)]
    pub shards: Option<OneOrMany>,
    /// A CSV file whose first line names its columns.
    #[serde(default)]
    pub table: Option<PathBuf>,
    /// The folder that paths in the table start from; by default the table's own.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// What separates the cells of the table; by default what its first line has.
    #[serde(default)]
    pub separator: Option<Separator>,
    /// Whether quotes in the table hold cells together; by default they do.
    #[serde(default)]
    pub quotes: Option<bool>,
    /// The encoding of the table by its name on the web, such as `windows-1252`; by default UTF-8, or what its mark says.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Pictures and sounds made up on the spot.
    #[serde(default)]
    pub synthetic: Option<SyntheticConfig>,
    /// What members with an extension, or columns of a table, are: names of modalities and targets. An empty list: nothing.
    #[serde(default)]
    pub roles: BTreeMap<String, OneOrMany>,
    /// How often the source is drawn from, relative to the others.
    #[serde(default)]
    pub weight: Option<f64>,
    /// A text file of the keys that are taken, one a line.
    #[serde(default)]
    pub include: Option<PathBuf>,
    /// A text file of the keys that are left out, one a line.
    #[serde(default)]
    pub exclude: Option<PathBuf>,
    /// How many samples are taken: a whole number, or a part such as `0.1`.
    #[serde(default)]
    pub take: Option<Take>,
    /// Whether `take` gives every class the same number; by default it does.
    #[serde(default)]
    pub balanced: Option<bool>,
    /// Which samples `take` takes.
    #[serde(default)]
    pub take_seed: u64,
}

/// What separates the cells of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Pipe,
}

/// A text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several, or none.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// How many samples are taken.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Take {
    /// So many.
    Count(u64),
    /// So large a part, 0..1.
    Part(f64),
}

/// Which part of a sound or video is taken that is longer than what the model is fed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clip {
    /// Anywhere in training, the middle in evaluation.
    #[default]
    Random,
    /// The middle.
    Middle,
    /// The beginning.
    Start,
}

/// A built-in audio-visual set of ten classes: pictures of digits, and the tones of a telephone's keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyntheticConfig {
    /// How many samples.
    pub samples: u64,
    /// Another seed, other samples.
    pub seed: u64,
    /// The number of the first sample: sets of one seed that do not overlap are drawn from one distribution.
    pub first: u64,
    /// How strong the noise is in pictures and sounds; 0 is none.
    pub noise: f64,
    /// How often a picture, and independently of it a sound, is nothing but noise.
    pub blank: f64,
    /// Height and width of the pictures.
    pub size: u64,
    /// Which modalities are there; by default all that can be made.
    pub modalities: Option<Vec<String>>,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self {
            samples: 2000,
            seed: 0,
            first: 0,
            noise: 0.5,
            blank: 0.15,
            size: 32,
            modalities: None,
        }
    }
}

/// Noise on one modality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConfig {
    /// White noise on a sound at this ratio of signal to noise, decibels.
    pub snr: Option<f64>,
    /// Gaussian noise of this deviation on pictures, whose values are 0..1.
    pub sigma: Option<f64>,
}

/// Random changes of one modality in training. What is not named is not done.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Pictures: a random part of the picture.
    pub crop: Option<CropConfig>,
    /// Pictures: how often left and right are swapped, 0..1.
    pub flip: Option<f64>,
    /// Pictures: random colors.
    pub color: Option<ColorConfig>,
    /// Sound: it begins up to so many seconds sooner or later.
    pub shift: Option<f64>,
    /// Sound: it is up to so many decibels louder or quieter.
    pub gain: Option<f64>,
    /// Spectrograms: parts are masked.
    pub masks: Option<MasksConfig>,
    /// Spectrograms: bins move up or down by up to so many.
    pub jitter: Option<u64>,
}

/// A random part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CropConfig {
    /// Smallest and largest part of the picture's area.
    pub area: [f64; 2],
    /// Smallest and largest ratio of width to height.
    pub aspect: [f64; 2],
}

impl Default for CropConfig {
    fn default() -> Self {
        Self { area: [0.3, 1.0], aspect: [0.5, 2.0] }
    }
}

/// Random colors.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorConfig {
    /// How often colors are changed at all.
    pub probability: f64,
    /// Added to all values: at most so much up or down.
    pub brightness: f64,
    /// Smallest and largest factor of the distance from the mean.
    pub contrast: [f64; 2],
    /// Smallest and largest factor of the distance from gray.
    pub saturation: [f64; 2],
    /// Colors turn by at most so much, in turns of the color circle.
    pub hue: f64,
}

impl Default for ColorConfig {
    fn default() -> Self {
        Self {
            probability: 0.8,
            brightness: 32.0 / 255.0,
            contrast: [0.6, 1.4],
            saturation: [0.6, 1.4],
            hue: 0.2,
        }
    }
}

/// Masks over spectrograms, as in `SpecAugment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MasksConfig {
    /// How many bands of bins are masked.
    pub bands: u64,
    /// A band has at most so many bins.
    pub bins: u64,
    /// How many stretches of time are masked.
    pub times: u64,
    /// A stretch has at most so many frames.
    pub frames: u64,
}

impl Default for MasksConfig {
    fn default() -> Self {
        Self { bands: 1, bins: 48, times: 4, frames: 48 }
    }
}
