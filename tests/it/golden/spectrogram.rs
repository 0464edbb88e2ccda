//! The power spectrogram that the released package computes on the host, by the definition, in double precision.

use zorro_runtime::{Tensor, TensorData};

const FFT: usize = 128;
const WINDOW: usize = 24;
const HOP: usize = 12;

/// Power spectrograms `[batch, 64, frames]` of waveforms `[batch, samples]`: centered frames over reflected ends, a
/// periodic Hann window in the middle of each, the last bin and what fills no patch of 16 cut off.
pub(super) fn power(waves: &Tensor) -> Tensor {
    let [batch, samples] = waves.shape() else { panic!("waves are [batch, samples]") };
    let values = waves.data().to_f32();
    let frames = (1 + samples / HOP) / 16 * 16;
    let bins = FFT / 2;
    let mut powers = Vec::with_capacity(batch * bins * frames);
    for wave in values.chunks_exact(*samples) {
        for bin in 0..bins {
            powers.extend((0..frames).map(|frame| one(wave, bin, frame)));
        }
    }
    Tensor::new(vec![*batch, bins, frames], TensorData::F32(powers)).expect("one number each")
}

fn one(wave: &[f32], bin: usize, frame: usize) -> f32 {
    let turn = std::f64::consts::TAU;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for at in 0..WINDOW {
        let hann = 0.5 - 0.5 * (turn * at as f64 / WINDOW as f64).cos();
        let within = (FFT - WINDOW) / 2 + at;
        let value = f64::from(wave[reflected(frame * HOP + within, wave.len())]) * hann;
        let angle = turn * ((bin * within) % FFT) as f64 / FFT as f64;
        real += value * angle.cos();
        imaginary -= value * angle.sin();
    }
    (real * real + imaginary * imaginary) as f32
}

/// Which sample a place is, counted from half a frame before the first; the ends are mirrors.
fn reflected(place: usize, samples: usize) -> usize {
    let place = place.abs_diff(FFT / 2);
    if place < samples { place } else { 2 * (samples - 1) - place }
}
