//! Other rates.
//!
//! In: samples of one channel, two rates. Out: the samples at the other rate, by a filter of linear phase whose passband
//! ends at 0.95 of the lower of the two bands (-0.001 dB there) and that lets nothing through beyond that band (less than
//! -90 dB), whatever the rates. Deliberately not here: which part of a sound is wanted.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use crate::data::error::Why;

/// So many samples of the lower rate has a transform, at least. The filter is as long, which makes it as steep.
const LENGTH: u64 = 512;
/// Transforms that one thread keeps.
const MAX_KEPT: usize = 8;

/// How two rates fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    from: u32,
    to: u32,
}

impl Rates {
    pub(super) fn new(from: u32, to: u32) -> Self {
        Self { from, to }
    }

    /// The shortest stretch that has a whole number of samples at both rates: these numbers.
    pub(super) fn period(self) -> [usize; 2] {
        let divisor = gcd(self.from, self.to);
        [self.from / divisor, self.to / divisor].map(|n| n as usize)
    }

    /// Half of a transform, periods: a sample depends on no other that is further away.
    pub(super) fn reach(self) -> usize {
        let [from, to] = self.period();
        (LENGTH as usize).div_ceil(2 * from.min(to))
    }

    /// All samples at the other rate.
    pub(super) fn resampled(self, samples: &[f32]) -> Result<Vec<f32>, Why> {
        thread_local! {
            /// Making one takes longer than using it on a short sound.
            static KEPT: RefCell<BTreeMap<(u32, u32), Fft<f32>>> = const { RefCell::new(BTreeMap::new()) };
        }
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let Self { from, to } = self;
        let wrong =
            |error: &dyn std::fmt::Display| format!("from {from} to {to} a second: {error}");
        KEPT.with_borrow_mut(|kept| {
            if !kept.contains_key(&(from, to)) {
                if kept.len() == MAX_KEPT {
                    kept.clear();
                }
                let made = self.transform().map_err(|error| wrong(&error))?;
                kept.insert((from, to), made);
            }
            let resampler = kept.get_mut(&(from, to)).expect("inserted above");
            let input = InterleavedSlice::new(samples, 1, samples.len());
            let input = input.map_err(|error| wrong(&error))?;
            let output = resampler.process_all(&input, samples.len(), None);
            Ok(output.map_err(|error| wrong(&error))?.take_data())
        })
    }

    fn transform(self) -> Result<Fft<f32>, rubato::ResamplerConstructionError> {
        // An even number of periods: the delay, half of a transform, is a whole number of samples then.
        let chunk = self.period()[0] * 2 * self.reach();
        let window = WindowFunction::BlackmanHarris2;
        let (from, to) = (self.from as usize, self.to as usize);
        Fft::new_custom(from, to, chunk, 1, 1, window, FixedSync::Both)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const RATES: [u32; 11] =
        [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];

    fn tone(rate: u32, hertz: f64, n: usize) -> Vec<f32> {
        (0..n).map(|at| (TAU * hertz * at as f64 / f64::from(rate)).cos() as f32).collect()
    }

    /// How loud a stretch is in decibels, against a tone of amplitude 1: of one frequency, or of all.
    fn loudness(samples: &[f32], of: Option<(u32, f64)>) -> f64 {
        let n = samples.len() as f64;
        let power = match of {
            None => samples.iter().map(|value| 2.0 * f64::from(*value).powi(2)).sum::<f64>() / n,
            Some((rate, hertz)) => {
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (at, value) in samples.iter().enumerate() {
                    let angle = TAU * hertz * at as f64 / f64::from(rate);
                    real += f64::from(*value) * angle.cos();
                    imaginary += f64::from(*value) * angle.sin();
                }
                4.0 * (real * real + imaginary * imaginary) / (n * n)
            }
        };
        10.0 * power.max(1e-30).log10()
    }

    #[test]
    fn the_band_passes_and_what_lies_beyond_does_not_whatever_the_rates() {
        for from in RATES {
            for to in RATES.into_iter().filter(|to| *to != from) {
                let rates = Rates::new(from, to);
                let [period, other] = rates.period();
                let low = from.min(to);
                // Whole transforms; the middle is looked at, which the ends do not reach.
                let reach = rates.reach();
                let n = 8 * reach * period;
                let middle =
                    |samples: &[f32]| samples[2 * reach * other..6 * reach * other].to_vec();
                // Parts of the lower band, such that the middle is a whole number of turns.
                let turns = (2 * reach * period.min(other)) as f64;
                let hertz = |part: f64| (part * turns).ceil() / turns * f64::from(low) / 2.0;
                for part in [0.05, 0.5, 0.9, 0.94] {
                    let hertz = hertz(part);
                    let found = middle(&rates.resampled(&tone(from, hertz, n)).unwrap());
                    let gain = loudness(&found, Some((to, hertz)));
                    assert!(gain.abs() < 0.005, "{from} to {to}, {part}: {gain} dB");
                    // Images, and all else that is no part of the tone.
                    let wanted = middle(&tone(to, hertz, 8 * reach * other));
                    let rest: Vec<f32> = found.iter().zip(&wanted).map(|(a, b)| a - b).collect();
                    let rest = loudness(&rest, None);
                    assert!(rest < -90.0, "{from} to {to}, {part}: images of {rest} dB");
                }
                for part in [1.0, 1.02, 1.3, 1.9, 3.1] {
                    if hertz(part) > f64::from(from) / 2.0 || to > from {
                        continue;
                    }
                    let found = middle(&rates.resampled(&tone(from, hertz(part), n)).unwrap());
                    let alias = loudness(&found, None);
                    assert!(alias < -90.0, "{from} to {to}, {part}: alias of {alias} dB");
                }
            }
        }
    }
}
