//! What a model says is done to data until it can be fed.
//!
//! In: pictures, sounds, ids or numbers, and a modality of the model. Out: the numbers that it is fed for one sample,
//! `[grid.., width]`. Deliberately not here: files.

pub(super) mod spectrum;

use zorro_compiler::mel::{Bank, Filter, WHISPER_HOP, WHISPER_WINDOW};
use zorro_compiler::model::{HostStep, Modality, Scaling, Short, Source};
use zorro_compiler::number::Number;

use super::augment;
use super::config::{AugmentConfig, Clip, NoiseConfig};
use super::draw::Draw;
use super::error::Why;
use super::media::picture::Picture;
use spectrum::Spectrum;

/// One modality, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) feed: Feed,
    /// `[grid.., width]`.
    pub(super) shape: Vec<usize>,
    pub(super) noise: NoiseConfig,
    pub(super) augment: AugmentConfig,
    /// How pictures come to their size, where the modality says so.
    scaling: Option<Scaling>,
    /// The grid of the source, before any step.
    source: Grid,
    steps: Vec<Prepared>,
}

/// What a modality is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Feed {
    /// Frames so far apart; a picture is a single one.
    Pictures { count: usize, fps: Option<f64>, size: [usize; 2], channels: usize },
    /// Samples of sound.
    Wave { rate: u32, length: usize, is_looped: bool, channels: usize },
    /// Ids.
    Text { length: usize, vocabulary: u64 },
    /// Anything.
    Tensor,
}

#[derive(Debug, Clone, PartialEq)]
struct Grid {
    sizes: Vec<usize>,
    width: usize,
}

#[derive(Debug, Clone)]
enum Prepared {
    Normalize {
        mean: Vec<f32>,
        scale: Vec<f32>,
    },
    Spectrum(Spectrum),
    /// Cut or filled up.
    Resized(Vec<usize>),
}

/// For which sample something is done, and whether at random.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) seed: u64,
    /// The number of the sample among all that are drawn.
    pub(super) at: u64,
    pub(super) is_training: bool,
    pub(super) clip: Clip,
    /// Which of how many clips, where several are taken.
    pub(super) part: Option<(u64, u64)>,
}

impl Moment {
    /// The middle, and nothing at random.
    pub(super) fn still() -> Self {
        Self { seed: 0, at: 0, is_training: false, clip: Clip::Middle, part: None }
    }

    pub(super) fn draw(&self, purpose: &str, name: &str) -> Draw {
        Draw::new(self.seed, &format!("data.{purpose}.{name}"), self.at)
    }

    /// Where between first and last a clip begins, 0..1; the same for all files of a sample.
    pub(super) fn place(&self) -> f64 {
        if let Some((clip, of)) = self.part {
            return clip as f64 / (of.max(2) - 1) as f64;
        }
        match self.clip {
            Clip::Start => 0.0,
            Clip::Random if self.is_training => self.draw("clip", "").uniform(),
            Clip::Random | Clip::Middle => 0.5,
        }
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("limits of models keep sizes small")
}

fn sizes(numbers: &[u64]) -> Vec<usize> {
    numbers.iter().copied().map(size).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
fn singles(numbers: &[Number]) -> Vec<f32> {
    numbers.iter().map(|number| number.to_f64() as f32).collect()
}

impl Host {
    pub(super) fn new(modality: &Modality) -> Self {
        let feed = feed(&modality.source);
        let mut shape = sizes(&modality.shape.grid);
        shape.push(size(modality.shape.width));
        let source = match feed {
            Feed::Pictures { count, fps, size: [height, width], channels } => {
                let frames = fps.map(|_| count);
                let sizes = frames.into_iter().chain([height, width]).collect();
                Grid { sizes, width: channels }
            }
            Feed::Wave { length, channels, .. } => Grid { sizes: vec![length], width: channels },
            Feed::Text { length, .. } => Grid { sizes: vec![length], width: 1 },
            // The sizes before the steps are those after it, but for what steps change.
            Feed::Tensor => {
                let width = size(modality.shape.width);
                Grid { sizes: sizes(&modality.shape.grid), width }
            }
        };
        Self {
            name: modality.name.clone(),
            feed,
            shape,
            noise: NoiseConfig::default(),
            augment: AugmentConfig::default(),
            scaling: scaling(&modality.source),
            source,
            steps: modality.steps.iter().map(prepared).collect(),
        }
    }

    /// How many seconds of a file are wanted.
    pub(super) fn span(&self) -> f64 {
        match self.feed {
            Feed::Pictures { count, fps: Some(fps), .. } => count as f64 / fps,
            Feed::Wave { rate, length, .. } => length as f64 / f64::from(rate),
            Feed::Pictures { fps: None, .. } | Feed::Text { .. } | Feed::Tensor => 0.0,
        }
    }

    /// Whether frames are to be taken at their own size, because the modality says how they are scaled.
    pub(super) fn is_exact(&self) -> bool {
        self.scaling.is_some()
    }

    /// How many numbers.
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a spectrogram is made of it.
    pub(super) fn has_spectrum(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Prepared::Spectrum(_)))
    }

    /// Frames, or one picture for all of them.
    pub(super) fn of_pictures(
        &self,
        pictures: &[Picture],
        moment: &Moment,
    ) -> Result<Vec<f32>, Why> {
        let Feed::Pictures { count, size: [height, width], channels, .. } = self.feed else {
            return Err(format!("`{}` is not made of pictures", self.name));
        };
        let Some(first) = pictures.first() else { return Err("no picture".to_owned()) };
        let mut draw = moment.draw("augment", &self.name);
        let change = moment.is_training.then_some(&self.augment);
        let crop = change.and_then(|change| change.crop);
        let part = crop.map(|crop| augment::part(first, [height, width], &crop, &mut draw));
        let mut values = Vec::with_capacity(count * height * width * channels);
        for at in 0..count {
            let Some(picture) = pictures.get(at) else {
                let frame = height * width * channels;
                values.extend_from_within(values.len() - frame..);
                continue;
            };
            values.extend(picture.fed(self.scaling, part, [height, width])?);
        }
        if let Some(flip) = change.and_then(|change| change.flip)
            && draw.chance(flip)
        {
            augment::flip(&mut values, width, channels);
        }
        if let Some(color) = change.and_then(|change| change.color) {
            augment::color(&mut values, channels, &color, &mut draw);
        }
        if let Some(sigma) = self.noise.sigma {
            augment::add_noise(&mut values, sigma, &mut moment.draw("noise", &self.name));
        }
        self.finish(values, moment)
    }

    /// Channels of sound at the modality's rate, of at most its length.
    pub(super) fn of_sound(
        &self,
        mut channels: Vec<Vec<f32>>,
        moment: &Moment,
    ) -> Result<Vec<f32>, Why> {
        let Feed::Wave { length, is_looped, rate, channels: wanted } = self.feed else {
            return Err(format!("`{}` is not made of sound", self.name));
        };
        if channels.len() != wanted || channels[0].is_empty() {
            return Err("there is no sound at that place".to_owned());
        }
        if let Some(snr) = self.noise.snr {
            let mut draw = moment.draw("noise", &self.name);
            for channel in &mut channels {
                augment::add_white_noise(channel, snr, &mut draw);
            }
        }
        let mut draw = moment.draw("augment", &self.name);
        let change = moment.is_training.then_some(&self.augment);
        let gain = change.and_then(|change| change.gain).unwrap_or(0.0);
        let factor = augment::factor(draw.between(-gain, gain));
        let shift = change.and_then(|change| change.shift).unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "a number of samples")]
        let shift = (draw.between(-shift, shift) * f64::from(rate)).round() as i64;
        let mut values = vec![0.0; length * wanted];
        let place = |time: usize| usize::try_from(time as i64 + shift).unwrap_or(length);
        for (at, channel) in channels.iter().enumerate() {
            for time in 0..length {
                let from = if is_looped { time % channel.len() } else { time };
                let to = place(time);
                if let (Some(sample), true) = (channel.get(from), to < length) {
                    values[to * wanted + at] = sample * factor;
                }
            }
        }
        let heard = if is_looped { length } else { place(channels[0].len()).min(length) };
        self.finish_heard(values, heard, moment)
    }

    /// Numbers as they are in a file.
    pub(super) fn of_numbers(&self, values: Vec<f32>, moment: &Moment) -> Result<Vec<f32>, Why> {
        let wanted = self.source.sizes.iter().product::<usize>() * self.source.width;
        if values.len() != wanted {
            return Err(format!("{} numbers, but `{}` has {wanted}", values.len(), self.name));
        }
        self.finish(values, moment)
    }

    /// Ids; short texts are filled up with 0, long ones cut.
    pub(super) fn of_ids(&self, mut ids: Vec<i64>) -> Result<Vec<i64>, Why> {
        let Feed::Text { length, vocabulary } = self.feed else {
            return Err(format!("`{}` is not made of ids", self.name));
        };
        let is_id = |id: &i64| u64::try_from(*id).is_ok_and(|id| id < vocabulary);
        if let Some(wrong) = ids.iter().find(|id| !is_id(id)) {
            return Err(format!("{wrong} is not below the vocabulary of {vocabulary}"));
        }
        ids.resize(length, 0);
        Ok(ids)
    }

    /// The steps of the modality, on data that is there as a whole.
    fn finish(&self, values: Vec<f32>, moment: &Moment) -> Result<Vec<f32>, Why> {
        self.finish_heard(values, usize::MAX, moment)
    }

    /// The steps of the modality; of a sound, so many samples are its own.
    fn finish_heard(
        &self,
        mut values: Vec<f32>,
        heard: usize,
        moment: &Moment,
    ) -> Result<Vec<f32>, Why> {
        let mut grid = self.source.clone();
        for step in &self.steps {
            match step {
                Prepared::Normalize { mean, scale } => {
                    for (at, value) in values.iter_mut().enumerate() {
                        let channel = at % grid.width;
                        let of = |numbers: &[f32]| numbers[channel.min(numbers.len() - 1)];
                        *value = (*value - of(mean)) * of(scale);
                    }
                }
                Prepared::Spectrum(spectrum) => {
                    let heard = heard.min(values.len());
                    if heard < spectrum.shortest() {
                        let window = spectrum.shortest();
                        return Err(format!("{heard} samples, fewer than a window of {window}"));
                    }
                    values = spectrum.of(&values, heard);
                    let bins = spectrum.bins();
                    grid = Grid { sizes: vec![bins, values.len() / bins], width: 1 };
                    if moment.is_training {
                        let mut draw = moment.draw("spectrum", &self.name);
                        augment::spectrum(&mut values, bins, &self.augment, &mut draw);
                    }
                }
                Prepared::Resized(sizes) => {
                    values = resized(&values, &grid, sizes);
                    grid.sizes.clone_from(sizes);
                }
            }
        }
        if values.len() == self.numbers() && values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        Err(format!("`{}` has not become {} finite numbers", self.name, self.numbers()))
    }
}

fn feed(source: &Source) -> Feed {
    match source {
        Source::Frames { count, fps, size: [height, width], channels, scaling: _ } => {
            Feed::Pictures {
                count: size(*count),
                fps: Some(fps.to_f64()),
                size: [size(*height), size(*width)],
                channels: size(*channels),
            }
        }
        Source::Image { size: [height, width], channels, scaling: _ } => Feed::Pictures {
            count: 1,
            fps: None,
            size: [size(*height), size(*width)],
            channels: size(*channels),
        },
        Source::Wave { rate, seconds, short, channels } => {
            let samples = seconds.checked_mul((*rate).into()).map(Number::floor);
            let samples =
                samples.and_then(Number::to_integer).and_then(|n| usize::try_from(n).ok());
            Feed::Wave {
                rate: u32::try_from(*rate).expect("limits of models keep rates small"),
                length: samples.expect("checked when the model was resolved"),
                is_looped: *short == Short::Loop,
                channels: size(*channels),
            }
        }
        Source::Text { length, vocabulary } => {
            Feed::Text { length: size(*length), vocabulary: *vocabulary }
        }
        Source::Tensor => Feed::Tensor,
    }
}

fn scaling(source: &Source) -> Option<Scaling> {
    match source {
        Source::Frames { scaling, .. } | Source::Image { scaling, .. } => *scaling,
        Source::Wave { .. } | Source::Text { .. } | Source::Tensor => None,
    }
}

fn prepared(step: &HostStep) -> Prepared {
    match step {
        HostStep::Normalize { mean, std } => Prepared::Normalize {
            mean: singles(mean),
            scale: singles(std).into_iter().map(|std| 1.0 / std).collect(),
        },
        HostStep::LogMel { window, hop, fft, floor, .. } => {
            let (window, hop, fft) = (size(*window), size(*hop), size(*fft));
            Prepared::Spectrum(Spectrum::log_mel(window, hop, fft, filters(step), floor.to_f64()))
        }
        HostStep::Fbank { window, hop, fft, window_type, preemphasis, .. } => {
            let window = (size(*window), *window_type);
            let (filters, preemphasis) = (filters(step), preemphasis.to_f64());
            Prepared::Spectrum(Spectrum::fbank(
                window,
                size(*hop),
                size(*fft),
                filters,
                preemphasis,
            ))
        }
        HostStep::WhisperMel { .. } => {
            let (window, hop) = (size(WHISPER_WINDOW), size(WHISPER_HOP));
            Prepared::Spectrum(Spectrum::whisper(window, hop, filters(step)))
        }
        HostStep::Spectrogram { window, hop, fft, power } => Prepared::Spectrum(Spectrum::power(
            size(*window),
            size(*hop),
            size(*fft),
            power.to_f64(),
        )),
        HostStep::Pad(to) | HostStep::Crop(to) => Prepared::Resized(sizes(to)),
    }
}

fn filters(step: &HostStep) -> Vec<Filter> {
    Bank::of(step).expect("only asked of steps with mel filters").filters()
}

/// The leading part of a grid, zeros where it ends.
fn resized(values: &[f32], grid: &Grid, to: &[usize]) -> Vec<f32> {
    let width = grid.width;
    let numbers = to.iter().product::<usize>() * width;
    let mut result = vec![0.0; numbers];
    let (Some(from_row), Some(to_row)) = (grid.sizes.last(), to.last()) else { return result };
    let copied = from_row.min(to_row) * width;
    for (row, target) in result.chunks_exact_mut(to_row * width).enumerate() {
        // The row's place in the new grid is its place in the old one, where it has one.
        let (mut rest, mut source, mut stride) = (row, 0, 1);
        let mut is_inside = true;
        for (from, to) in grid.sizes.iter().zip(to).rev().skip(1) {
            let at = rest % to;
            rest /= to;
            is_inside &= at < *from;
            source += at * stride;
            stride *= from;
        }
        if is_inside {
            let start = source * from_row * width;
            target[..copied].copy_from_slice(&values[start..start + copied]);
        }
    }
    result
}

#[cfg(test)]
mod tests;
