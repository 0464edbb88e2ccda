//! Spectrograms: from a stretch of sound to powers, or logarithms of mel powers.
//!
//! In: samples of one channel. Out: `[bins, frames]`, row-major, as torchaudio makes them with `center=True`, reflected
//! edges and a periodic Hann window; the last, partial frame is left out. Computed in double precision, because small
//! powers beside large ones decide about logarithms. Deliberately not here: what is masked in training.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// How a spectrogram is made.
#[derive(Clone)]
pub(in crate::data) struct Spectrum {
    window: Vec<f64>,
    hop: usize,
    transform: Arc<dyn RealToComplex<f64>>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Magnitudes to this power.
    Power(f64),
    /// Logarithms of sums of powers.
    LogMel { filters: Vec<Filter>, floor: f64 },
}

/// One mel filter: the first frequency with a weight, and the weights.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

/// What a mel filter bank is made of.
#[derive(Debug, Clone, Copy)]
pub(in crate::data) struct Mel {
    pub(in crate::data) rate: f64,
    pub(in crate::data) bins: usize,
    pub(in crate::data) low: f64,
    pub(in crate::data) high: f64,
    pub(in crate::data) slaney_scale: bool,
    pub(in crate::data) slaney_norm: bool,
    pub(in crate::data) floor: f64,
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("hop", &self.hop).finish_non_exhaustive()
    }
}

impl Spectrum {
    /// Powers of magnitudes, `fft / 2 + 1` bins.
    pub(in crate::data) fn power(window: usize, hop: usize, fft: usize, power: f64) -> Self {
        Self {
            window: hann(window, fft),
            hop,
            transform: RealFftPlanner::new().plan_fft_forward(fft),
            kind: Kind::Power(power),
        }
    }

    /// Logarithms of mel powers.
    pub(in crate::data) fn log_mel(window: usize, hop: usize, fft: usize, mel: Mel) -> Self {
        let kind = Kind::LogMel { filters: filters(fft, mel), floor: mel.floor };
        Self { kind, ..Self::power(window, hop, fft, 2.0) }
    }

    /// How many bins come out.
    pub(in crate::data) fn bins(&self) -> usize {
        match &self.kind {
            Kind::Power(_) => self.window.len() / 2 + 1,
            Kind::LogMel { filters, .. } => filters.len(),
        }
    }

    /// The spectrogram `[bins, samples / hop]`.
    pub(in crate::data) fn of(&self, samples: &[f32]) -> Vec<f32> {
        let (fft, frames) = (self.window.len(), samples.len() / self.hop);
        let mut result = vec![0.0; self.bins() * frames];
        let mut input = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut powers = vec![0.0; spectrum.len()];
        for frame in 0..frames {
            for (at, (value, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                let place = reflected((frame * self.hop + at) as i64 - (fft / 2) as i64, samples);
                *value = f64::from(place) * weight;
            }
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
        result
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
    fn value(&self, powers: &[f64], bin: usize) -> f32 {
        match &self.kind {
            Kind::Power(power) if *power == 2.0 => powers[bin] as f32,
            Kind::Power(power) => libm::pow(powers[bin], power / 2.0) as f32,
            Kind::LogMel { filters, floor } => {
                let filter = &filters[bin];
                let powers = powers[filter.first..].iter().zip(&filter.weights);
                let mel: f64 = powers.map(|(power, weight)| power * weight).sum();
                libm::log(mel + floor) as f32
            }
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

fn filters(fft: usize, mel: Mel) -> Vec<Filter> {
    let (low, high) = (to_mel(mel.low, mel.slaney_scale), to_mel(mel.high, mel.slaney_scale));
    let step = (high - low) / (mel.bins + 1) as f64;
    let corner = |at: usize| to_hertz(low + step * at as f64, mel.slaney_scale);
    let n_frequencies = fft / 2 + 1;
    let frequency = |at: usize| mel.rate / fft as f64 * at as f64;
    (0..mel.bins)
        .map(|bin| {
            let (left, middle, right) = (corner(bin), corner(bin + 1), corner(bin + 2));
            let area = if mel.slaney_norm { 2.0 / (right - left) } else { 1.0 };
            let weight = |at: usize| {
                let up = (frequency(at) - left) / (middle - left);
                let down = (right - frequency(at)) / (right - middle);
                up.min(down).max(0.0) * area
            };
            let inside = |at: &usize| weight(*at) > 0.0;
            let first = (0..n_frequencies).find(inside).unwrap_or(0);
            let end = (first..n_frequencies).rev().find(inside).map_or(first, |at| at + 1);
            Filter { first, weights: (first..end).map(weight).collect() }
        })
        .collect()
}

/// Where Slaney's scale turns from linear to logarithmic, hertz, and its step from there on.
const TURN: f64 = 1000.0;

fn slaney_step() -> f64 {
    libm::log(6.4) / 27.0
}

fn to_mel(hertz: f64, slaney: bool) -> f64 {
    match slaney {
        false => 2595.0 * libm::log10(1.0 + hertz / 700.0),
        true if hertz < TURN => hertz * 3.0 / 200.0,
        true => 15.0 + libm::log(hertz / TURN) / slaney_step(),
    }
}

fn to_hertz(mel: f64, slaney: bool) -> f64 {
    match slaney {
        false => 700.0 * (libm::pow(10.0, mel / 2595.0) - 1.0),
        true if mel < 15.0 => mel * 200.0 / 3.0,
        true => TURN * libm::exp(slaney_step() * (mel - 15.0)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Tensors;

    #[test]
    fn log_mel_is_torchaudios() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens/e_ops");
        let inputs = Tensors::read(&folder.join("inputs.safetensors")).unwrap();
        let outputs = Tensors::read(&folder.join("outputs.safetensors")).unwrap();
        let wave = inputs.get("logmel/in.wav").unwrap().data().to_f32();
        for (name, slaney) in [("htk", false), ("slaney", true)] {
            let mel = Mel {
                rate: 16000.0,
                bins: 64,
                low: 0.0,
                high: 8000.0,
                slaney_scale: slaney,
                slaney_norm: slaney,
                floor: 1e-6,
            };
            let spectrum = Spectrum::log_mel(400, 160, 512, mel);
            let wanted = outputs.get(&format!("logmel/out_{name}")).unwrap();
            let frames = wanted.shape()[2];
            let wanted = wanted.data().to_f32();
            for (at, wave) in wave.chunks(4000).enumerate() {
                let found = spectrum.of(wave);
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
            let found = Spectrum::power(window, hop, fft, power).of(&wave);
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
