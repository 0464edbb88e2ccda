//! Spectrograms: from a stretch of sound to powers, or logarithms of mel powers.
//!
//! In: samples of one channel. Out: `[bins, frames]`, row-major. Windows are centered on every hop, with reflected edges and
//! the last, partial frame left out, as torchaudio makes them with `center=True`; or, as in Kaldi, only whole windows
//! are taken. Computed in double precision, because small powers beside large ones decide about logarithms. Deliberately not
//! here: what is masked in training, and what mel filters look like.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};
use zorro_compiler::mel::Filter;
use zorro_compiler::model::WindowType;

/// How a spectrogram is made.
#[derive(Clone)]
pub(in crate::data) struct Spectrum {
    /// As long as the transform where windows are centered.
    window: Vec<f64>,
    hop: usize,
    fft: usize,
    transform: Arc<dyn RealToComplex<f64>>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Magnitudes to this power.
    Power(f64),
    /// Logarithms of sums of powers, above a floor that is added.
    LogMel { filters: Vec<Filter>, floor: f64 },
    /// Of whole windows, whose mean and part of the sample before are taken away first.
    Fbank { filters: Vec<Filter>, preemphasis: f64 },
    /// Logarithms to base 10, at most 8 below the largest, scaled.
    Whisper { filters: Vec<Filter> },
}

/// Smaller powers are taken for this: the spacing of single precision at 1 in Kaldi.
const FBANK_FLOOR: f64 = f32::EPSILON as f64;
/// And in Whisper.
const WHISPER_FLOOR: f64 = 1e-10;
/// So far below the loudest can anything be in Whisper.
const WHISPER_RANGE: f32 = 8.0;

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("hop", &self.hop).finish_non_exhaustive()
    }
}

impl Spectrum {
    fn new(window: Vec<f64>, hop: usize, fft: usize, kind: Kind) -> Self {
        Self { window, hop, fft, transform: RealFftPlanner::new().plan_fft_forward(fft), kind }
    }

    /// Powers of magnitudes, `fft / 2 + 1` bins.
    pub(in crate::data) fn power(window: usize, hop: usize, fft: usize, power: f64) -> Self {
        Self::new(hann(window, fft), hop, fft, Kind::Power(power))
    }

    /// Natural logarithms of mel powers.
    pub(in crate::data) fn log_mel(
        window: usize,
        hop: usize,
        fft: usize,
        filters: Vec<Filter>,
        floor: f64,
    ) -> Self {
        Self::new(hann(window, fft), hop, fft, Kind::LogMel { filters, floor })
    }

    /// Kaldi's filterbank.
    pub(in crate::data) fn fbank(
        (window, window_type): (usize, WindowType),
        hop: usize,
        fft: usize,
        filters: Vec<Filter>,
        preemphasis: f64,
    ) -> Self {
        Self::new(fading(window, window_type), hop, fft, Kind::Fbank { filters, preemphasis })
    }

    /// Whisper's features.
    pub(in crate::data) fn whisper(window: usize, hop: usize, filters: Vec<Filter>) -> Self {
        Self::new(hann(window, window), hop, window, Kind::Whisper { filters })
    }

    /// How many bins come out.
    pub(in crate::data) fn bins(&self) -> usize {
        match &self.kind {
            Kind::Power(_) => self.fft / 2 + 1,
            Kind::LogMel { filters, .. }
            | Kind::Fbank { filters, .. }
            | Kind::Whisper { filters } => filters.len(),
        }
    }

    /// How many frames come out of so many samples.
    pub(in crate::data) fn frames(&self, samples: usize) -> usize {
        match &self.kind {
            Kind::Power(_) | Kind::LogMel { .. } | Kind::Whisper { .. } => samples / self.hop,
            Kind::Fbank { .. } => match samples.checked_sub(self.window.len()) {
                Some(rest) => 1 + rest / self.hop,
                None => 0,
            },
        }
    }

    /// How many samples there have to be.
    pub(in crate::data) fn shortest(&self) -> usize {
        match &self.kind {
            Kind::Power(_) | Kind::LogMel { .. } | Kind::Whisper { .. } => 0,
            Kind::Fbank { .. } => self.window.len(),
        }
    }

    /// The spectrogram `[bins, frames]` of a sound, of which `heard` samples were there before it was filled up.
    pub(in crate::data) fn of(&self, samples: &[f32], heard: usize) -> Vec<f32> {
        let frames = self.frames(samples.len());
        let mut result = vec![0.0; self.bins() * frames];
        let mut input = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut powers = vec![0.0; spectrum.len()];
        let wanted = match &self.kind {
            Kind::Power(_) | Kind::LogMel { .. } | Kind::Whisper { .. } => frames,
            Kind::Fbank { .. } => frames.min(self.frames(heard)),
        };
        for frame in 0..wanted {
            self.windowed(samples, frame, &mut input);
            self.transform
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .expect("the buffers were made for this transform");
            for (power, value) in powers.iter_mut().zip(&spectrum) {
                *power = value.norm_sqr();
            }
            for bin in 0..self.bins() {
                result[bin * frames + frame] = self.value(&powers, bin);
            }
        }
        if matches!(self.kind, Kind::Whisper { .. }) {
            let loudest = result.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for value in &mut result {
                *value = (value.max(loudest - WHISPER_RANGE) + 4.0) / 4.0;
            }
        }
        result
    }

    /// The samples of one frame as they are transformed.
    fn windowed(&self, samples: &[f32], frame: usize, input: &mut [f64]) {
        match &self.kind {
            Kind::Power(_) | Kind::LogMel { .. } | Kind::Whisper { .. } => {
                for (at, (value, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                    let place = (frame * self.hop + at) as i64 - (self.fft / 2) as i64;
                    *value = f64::from(reflected(place, samples)) * weight;
                }
            }
            Kind::Fbank { preemphasis, .. } => {
                let taken = &samples[frame * self.hop..][..self.window.len()];
                let sum: f64 = taken.iter().copied().map(f64::from).sum();
                let mean = sum / taken.len() as f64;
                input.fill(0.0);
                // The first sample is its own predecessor.
                let mut before = f64::from(taken[0]) - mean;
                for ((value, sample), weight) in input.iter_mut().zip(taken).zip(&self.window) {
                    let sample = f64::from(*sample) - mean;
                    *value = (sample - preemphasis * before) * weight;
                    before = sample;
                }
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
    fn value(&self, powers: &[f64], bin: usize) -> f32 {
        let mel = |filters: &[Filter]| {
            let filter = &filters[bin];
            let powers = powers[filter.first..].iter().zip(&filter.weights);
            powers.map(|(power, weight)| power * weight).sum::<f64>()
        };
        match &self.kind {
            Kind::Power(power) if *power == 2.0 => powers[bin] as f32,
            Kind::Power(power) => libm::pow(powers[bin], power / 2.0) as f32,
            Kind::LogMel { filters, floor } => libm::log(mel(filters) + floor) as f32,
            Kind::Fbank { filters, .. } => libm::log(mel(filters).max(FBANK_FLOOR)) as f32,
            Kind::Whisper { filters } => libm::log10(mel(filters).max(WHISPER_FLOOR)) as f32,
        }
    }
}

/// The sample at a place, which is reflected at both ends as often as needed; the ends are not repeated.
fn reflected(place: i64, samples: &[f32]) -> f32 {
    let last = samples.len() as i64 - 1;
    if last <= 0 {
        return samples.first().copied().unwrap_or(0.0);
    }
    let turned = place.rem_euclid(2 * last);
    let place = if turned > last { 2 * last - turned } else { turned };
    samples[usize::try_from(place).expect("between the ends")]
}

/// A periodic Hann window in the middle of a transform.
fn hann(window: usize, fft: usize) -> Vec<f64> {
    let before = (fft - window) / 2;
    let mut all = vec![0.0; fft];
    for at in 0..window {
        all[before + at] = 0.5 - 0.5 * libm::cos(TAU * at as f64 / window as f64);
    }
    all
}

/// The window of a filterbank, which is symmetric.
fn fading(window: usize, window_type: WindowType) -> Vec<f64> {
    let cosine = |at: usize| libm::cos(TAU * at as f64 / (window - 1) as f64);
    let weight = |at: usize| match window_type {
        WindowType::Povey => libm::pow(0.5 - 0.5 * cosine(at), 0.85),
        WindowType::Hanning => 0.5 - 0.5 * cosine(at),
        WindowType::Hamming => 0.54 - 0.46 * cosine(at),
        WindowType::Rectangular => 1.0,
    };
    (0..window).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zorro_compiler::mel::{Bank, Shape};

    use super::*;
    use crate::Tensors;

    #[test]
    fn log_mel_is_torchaudios() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens/e_ops");
        let inputs = Tensors::read(&folder.join("inputs.safetensors")).unwrap();
        let outputs = Tensors::read(&folder.join("outputs.safetensors")).unwrap();
        let wave = inputs.get("logmel/in.wav").unwrap().data().to_f32();
        for (name, slaney) in [("htk", false), ("slaney", true)] {
            let bank = Bank {
                rate: 16000.0,
                fft: 512,
                bins: 64,
                low: 0.0,
                high: 8000.0,
                shape: Shape::Hertz { slaney_scale: slaney, slaney_norm: slaney },
            };
            let spectrum = Spectrum::log_mel(400, 160, 512, bank.filters(), 1e-6);
            let wanted = outputs.get(&format!("logmel/out_{name}")).unwrap();
            let frames = wanted.shape()[2];
            let wanted = wanted.data().to_f32();
            for (at, wave) in wave.chunks(4000).enumerate() {
                let found = spectrum.of(wave, wave.len());
                assert_eq!(found.len(), 64 * (frames - 1));
                for (place, found) in found.iter().enumerate() {
                    let (bin, frame) = (place / (frames - 1), place % (frames - 1));
                    let wanted = wanted[(at * 64 + bin) * frames + frame];
                    // torchaudio makes its filters in single precision: parts of 10^7 of a weight, on slopes more.
                    assert!(
                        (found - wanted).abs() < 1e-4,
                        "{name} {bin} {frame}: {found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn powers_are_those_of_a_sum_by_definition() {
        let wave: Vec<f32> = (0..50_u8).map(|at| f32::from(at % 7) / 7.0 - 0.4).collect();
        for (window, hop, fft, power) in [(8, 4, 8, 2.0), (6, 5, 16, 1.0), (5, 3, 7, 1.5)] {
            let found = Spectrum::power(window, hop, fft, power).of(&wave, wave.len());
            let frames = wave.len() / hop;
            let weights = hann(window, fft);
            for bin in 0..fft / 2 + 1 {
                for frame in 0..frames {
                    let (mut real, mut imaginary) = (0.0, 0.0);
                    for (at, weight) in weights.iter().enumerate() {
                        let place = (frame * hop + at) as i64 - (fft / 2) as i64;
                        let value = f64::from(reflected(place, &wave)) * weight;
                        let angle = -TAU * (bin * at) as f64 / fft as f64;
                        real += value * angle.cos();
                        imaginary += value * angle.sin();
                    }
                    let wanted = real.hypot(imaginary).powf(power);
                    let found = f64::from(found[bin * frames + frame]);
                    // Rounding to single precision, and sums of at most 16 numbers.
                    assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
                }
            }
        }
    }

    #[test]
    fn short_sounds_are_reflected_as_often_as_needed() {
        for (samples, places) in [
            (&[1.0, 2.0, 3.0][..], [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]),
            (&[5.0], [5.0; 9]),
            (&[], [0.0; 9]),
        ] {
            let found: Vec<f32> = (-4..5).map(|place| reflected(place, samples)).collect();
            assert_eq!(found, places);
        }
    }
}
