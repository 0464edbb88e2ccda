//! Mel filters: how much of each frequency of a Fourier transform goes into each bin.
//!
//! In: a [`Bank`], as a spec describes it. Out: its [`Filter`]s, as torchaudio and Kaldi make them, in double precision. A
//! filter may be empty: when bins are narrower than the steps of the transform, no frequency may lie in one. Deliberately not
//! here: transforms.

use libm::{exp, log, log10, pow};

use crate::model::HostStep;

/// Samples a second of the sounds that Whisper was trained on.
pub const WHISPER_RATE: u64 = 16_000;
/// Samples of a window and of a Fourier transform of Whisper.
pub const WHISPER_WINDOW: u64 = 400;
/// Samples from one window of Whisper to the next.
pub const WHISPER_HOP: u64 = 160;

/// What a bank of filters is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bank {
    /// Samples a second of the sound.
    pub rate: f64,
    /// Samples of the Fourier transform, which has `fft / 2 + 1` frequencies.
    pub fft: usize,
    /// How many filters.
    pub bins: usize,
    /// Where the first begins, hertz.
    pub low: f64,
    /// Where the last ends, hertz.
    pub high: f64,
    /// What they look like.
    pub shape: Shape,
}

/// What filters look like: triangles whose corners are equally far apart on a mel scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Straight in hertz, as in torchaudio's `MelSpectrogram` and in librosa.
    Hertz {
        /// Slaney's scale, else HTK's.
        slaney_scale: bool,
        /// Filters of equal area, else of equal height.
        slaney_norm: bool,
    },
    /// Straight in mels on HTK's scale, as in Kaldi.
    Mels,
}

/// One filter: the first frequency with a weight, and the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Which frequency of the transform.
    pub first: usize,
    /// The weights from there on; none where it is empty.
    pub weights: Vec<f64>,
}

impl Bank {
    /// The filters of a step that has some.
    #[must_use]
    pub fn of(step: &HostStep) -> Option<Self> {
        let size = |size: u64| usize::try_from(size).expect("limits of models keep sizes small");
        match step {
            HostStep::LogMel { rate, bins, fft, low, high, slaney_scale, slaney_norm, .. } => {
                let [slaney_scale, slaney_norm] = [*slaney_scale, *slaney_norm];
                Some(Self {
                    rate: *rate as f64,
                    fft: size(*fft),
                    bins: size(*bins),
                    low: low.to_f64(),
                    high: high.to_f64(),
                    shape: Shape::Hertz { slaney_scale, slaney_norm },
                })
            }
            HostStep::Fbank { rate, bins, fft, low, high, .. } => Some(Self {
                rate: *rate as f64,
                fft: size(*fft),
                bins: size(*bins),
                low: low.to_f64(),
                high: high.to_f64(),
                shape: Shape::Mels,
            }),
            HostStep::WhisperMel { bins } => Some(Self {
                rate: WHISPER_RATE as f64,
                fft: size(WHISPER_WINDOW),
                bins: size(*bins),
                low: 0.0,
                high: WHISPER_RATE as f64 / 2.0,
                shape: Shape::Hertz { slaney_scale: true, slaney_norm: true },
            }),
            HostStep::Normalize { .. }
            | HostStep::Spectrogram { .. }
            | HostStep::Pad(_)
            | HostStep::Crop(_) => None,
        }
    }

    /// All filters, from low to high.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        (0..self.bins).map(|bin| self.filter(bin)).collect()
    }

    /// The filters without a frequency.
    #[must_use]
    pub fn empty(&self) -> Vec<usize> {
        (0..self.bins).filter(|bin| self.filter(*bin).weights.is_empty()).collect()
    }

    fn filter(&self, bin: usize) -> Filter {
        let slaney = matches!(self.shape, Shape::Hertz { slaney_scale: true, .. });
        let (low, high) = (to_mel(self.low, slaney), to_mel(self.high, slaney));
        let step = (high - low) / (self.bins + 1) as f64;
        let corners = [bin, bin + 1, bin + 2].map(|at| low + step * at as f64);
        let hertz = corners.map(|corner| to_hertz(corner, slaney));
        let resolution = self.rate / self.fft as f64;
        let weight = |at: usize| {
            let frequency = resolution * at as f64;
            let ([left, middle, right], place) = match self.shape {
                Shape::Hertz { .. } => (hertz, frequency),
                Shape::Mels => (corners, to_mel(frequency, false)),
            };
            let up = (place - left) / (middle - left);
            let down = (right - place) / (right - middle);
            up.min(down).max(0.0)
        };
        let area = match self.shape {
            Shape::Hertz { slaney_norm: true, .. } => 2.0 / (hertz[2] - hertz[0]),
            Shape::Hertz { slaney_norm: false, .. } | Shape::Mels => 1.0,
        };
        // Rounding of the scale moves corners a little: a frequency more is looked at on both sides.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "frequencies")]
        let [near, far] = [hertz[0], hertz[2]].map(|corner| (corner / resolution) as usize);
        let around = near.saturating_sub(1)..(far + 2).min(self.fft / 2 + 1);
        let inside = |at: &usize| weight(*at) > 0.0;
        let first = around.clone().find(inside).unwrap_or(0);
        let end = around.rev().find(inside).map_or(first, |at| at + 1);
        Filter { first, weights: (first..end).map(|at| weight(at) * area).collect() }
    }
}

/// Where Slaney's scale turns from linear to logarithmic, hertz, and its step from there on.
const TURN: f64 = 1000.0;

fn slaney_step() -> f64 {
    log(6.4) / 27.0
}

fn to_mel(hertz: f64, slaney: bool) -> f64 {
    match slaney {
        false => 2595.0 * log10(1.0 + hertz / 700.0),
        true if hertz < TURN => hertz * 3.0 / 200.0,
        true => 15.0 + log(hertz / TURN) / slaney_step(),
    }
}

fn to_hertz(mel: f64, slaney: bool) -> f64 {
    match slaney {
        false => 700.0 * (pow(10.0, mel / 2595.0) - 1.0),
        true if mel < 15.0 => mel * 200.0 / 3.0,
        true => TURN * exp(slaney_step() * (mel - 15.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banks_know_their_empty_filters() {
        let htk = Shape::Hertz { slaney_scale: false, slaney_norm: false };
        let slaney = Shape::Hertz { slaney_scale: true, slaney_norm: true };
        for (bins, fft, low, shape, wanted) in [
            (64, 512, 0.0, htk, vec![]),
            (128, 512, 0.0, htk, vec![0]),
            (128, 1024, 0.0, htk, vec![]),
            (80, 400, 0.0, slaney, vec![]),
            (128, 400, 0.0, slaney, vec![]),
            (128, 512, 20.0, Shape::Mels, vec![3]),
            (8, 16, 0.0, htk, vec![0, 1]),
        ] {
            let bank = Bank { rate: 16_000.0, fft, bins, low, high: 8000.0, shape };
            assert_eq!(bank.empty(), wanted, "{bank:?}");
        }
    }
}
