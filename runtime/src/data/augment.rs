//! Random changes of single samples in training, and noise.
//!
//! In: pictures or numbers, settings, and where random numbers come from. Out: the same, changed. Deliberately not here:
//! when this is done, and what is mixed of several samples.

use super::config::{AugmentConfig, ColorConfig, CropConfig, MasksConfig};
use super::draw::Draw;
use super::media::picture::{Part, Picture};

/// How often a part of a picture is drawn until one fits.
const N_ATTEMPTS: usize = 10;

/// A random part of a picture.
pub(super) fn part(
    picture: &Picture,
    size: [usize; 2],
    crop: &CropConfig,
    draw: &mut Draw,
) -> Part {
    let (height, width) = (picture.height as f64, picture.width as f64);
    for _ in 0..N_ATTEMPTS {
        let area = draw.between(crop.area[0], crop.area[1]) * height * width;
        let aspect = draw.between(libm::log(crop.aspect[0]), libm::log(crop.aspect[1]));
        let aspect = libm::exp(aspect);
        let (part_width, part_height) = ((area * aspect).sqrt(), (area / aspect).sqrt());
        if part_width <= width && part_height <= height {
            let left = draw.between(0.0, width - part_width);
            let top = draw.between(0.0, height - part_height);
            return Part { left, top, width: part_width, height: part_height };
        }
    }
    picture.middle(size[0], size[1])
}

/// Left and right are swapped.
pub(super) fn flip(values: &mut [f32], width: usize, channels: usize) {
    for row in values.chunks_exact_mut(width * channels) {
        for x in 0..width / 2 {
            for channel in 0..channels {
                row.swap(x * channels + channel, (width - 1 - x) * channels + channel);
            }
        }
    }
}

/// Brightness, saturation, contrast and hue, the same for all frames.
#[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
pub(super) fn color(values: &mut [f32], channels: usize, color: &ColorConfig, draw: &mut Draw) {
    if !draw.chance(color.probability) {
        return;
    }
    let brightness = draw.between(-color.brightness, color.brightness) as f32;
    let saturation = draw.between(color.saturation[0], color.saturation[1]) as f32;
    let contrast = draw.between(color.contrast[0], color.contrast[1]) as f32;
    let hue = draw.between(-color.hue, color.hue) as f32;
    let mut sums = [0.0_f64; 3];
    for pixel in values.chunks_exact_mut(channels) {
        for value in &mut *pixel {
            *value += brightness;
        }
        if let [red, green, blue] = pixel {
            let gray = 0.299 * *red + 0.587 * *green + 0.114 * *blue;
            for value in [red, green, blue] {
                *value = gray + saturation * (*value - gray);
            }
        }
        for (sum, value) in sums.iter_mut().zip(&*pixel) {
            *sum += f64::from(*value);
        }
    }
    let n = (values.len() / channels).max(1) as f64;
    let means = sums.map(|sum| (sum / n) as f32);
    for pixel in values.chunks_exact_mut(channels) {
        for (value, mean) in pixel.iter_mut().zip(means) {
            *value = (mean + contrast * (*value - mean)).clamp(0.0, 1.0);
        }
        if let [red, green, blue] = pixel {
            [*red, *green, *blue] = turned([*red, *green, *blue], hue);
        }
    }
}

/// A color whose hue is turned by so many turns; value and saturation stay.
fn turned([red, green, blue]: [f32; 3], turn: f32) -> [f32; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = most - least;
    if range <= 0.0 {
        return [red, green, blue];
    }
    let hue = if most == red {
        (green - blue) / range
    } else if most == green {
        2.0 + (blue - red) / range
    } else {
        4.0 + (red - green) / range
    };
    let hue = (hue + 6.0 * turn).rem_euclid(6.0);
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let k = (offset + hue).rem_euclid(6.0);
        most - range * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// Gaussian noise.
#[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
pub(super) fn add_noise(values: &mut [f32], sigma: f64, draw: &mut Draw) {
    for pair in values.chunks_mut(2) {
        for (value, noise) in pair.iter_mut().zip(draw.normals()) {
            *value += (sigma * noise) as f32;
        }
    }
}

/// White noise at a ratio of signal to noise, decibels.
pub(super) fn add_white_noise(samples: &mut [f32], snr: f64, draw: &mut Draw) {
    let power: f64 = samples.iter().map(|value| f64::from(*value).powi(2)).sum();
    let power = power / samples.len().max(1) as f64;
    add_noise(samples, (power * libm::pow(10.0, -snr / 10.0)).sqrt(), draw);
}

/// The factor of a change of loudness in decibels.
#[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
pub(super) fn factor(decibels: f64) -> f32 {
    libm::pow(10.0, decibels / 20.0) as f32
}

/// Bins move, bands and stretches are masked.
pub(super) fn spectrum(values: &mut [f32], bins: usize, change: &AugmentConfig, draw: &mut Draw) {
    if let Some(jitter) = change.jitter {
        let up = draw.below(2 * jitter + 1);
        moved(values, bins, i64::try_from(up).unwrap_or(0) - i64::try_from(jitter).unwrap_or(0));
    }
    if let Some(masks) = change.masks {
        masked(values, bins, &masks, draw);
    }
}

/// Every bin becomes the one so many below; at the edges the outermost is repeated.
fn moved(values: &mut [f32], bins: usize, up: i64) {
    let frames = values.len() / bins;
    let before = values.to_vec();
    let last = bins as i64 - 1;
    for (bin, row) in (0_i64..).zip(values.chunks_exact_mut(frames)) {
        let from = usize::try_from((bin - up).clamp(0, last)).expect("clamped");
        row.copy_from_slice(&before[from * frames..(from + 1) * frames]);
    }
}

/// What is masked becomes the mean.
#[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
fn masked(values: &mut [f32], bins: usize, masks: &MasksConfig, draw: &mut Draw) {
    let frames = values.len() / bins;
    let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
    let mean = (sum / values.len().max(1) as f64) as f32;
    let mut stretch = |most: u64, all: usize| {
        let length = draw.below(most.min(all as u64) + 1);
        let start = draw.below(all as u64 - length + 1);
        start as usize..(start + length) as usize
    };
    for _ in 0..masks.bands {
        let band = stretch(masks.bins, bins);
        values[band.start * frames..band.end * frames].fill(mean);
    }
    for _ in 0..masks.times {
        let times = stretch(masks.frames, frames);
        for row in values.chunks_exact_mut(frames) {
            row[times.clone()].fill(mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_turn_in_thirds() {
        for (turn, wanted) in [
            (0.0, [0.9, 0.1, 0.3]),
            (1.0 / 3.0, [0.3, 0.9, 0.1]),
            (-1.0 / 3.0, [0.1, 0.3, 0.9]),
            (1.0, [0.9, 0.1, 0.3]),
        ] {
            for (found, wanted) in turned([0.9, 0.1, 0.3], turn).iter().zip(wanted) {
                // A few roundings of numbers below 6.
                assert!((found - wanted).abs() < 1e-5, "{turn}: {found} {wanted}");
            }
        }
        assert_eq!(turned([0.4; 3], 0.3), [0.4; 3]);
    }

    #[test]
    fn parts_keep_their_bounds() {
        let picture = Picture { height: 30, width: 50, channels: 1, values: vec![0; 1500] };
        let mut draw = Draw::new(1, "part", 0);
        for _ in 0..500 {
            let part = part(&picture, [8, 8], &CropConfig::default(), &mut draw);
            assert!(part.left >= 0.0 && part.left + part.width <= 50.0 + 1e-9);
            assert!(part.top >= 0.0 && part.top + part.height <= 30.0 + 1e-9);
            let area = part.width * part.height / 1500.0;
            assert!((0.3 - 1e-9..=1.0 + 1e-9).contains(&area), "{area}");
            let aspect = part.width / part.height;
            assert!((0.5 - 1e-9..=2.0 + 1e-9).contains(&aspect), "{aspect}");
        }
    }

    #[test]
    fn noise_has_its_ratio() {
        for snr in [-10.0, 0.0, 20.0] {
            let signal: Vec<f32> = (0..20_000).map(|at| (at as f32 * 0.1).sin() * 0.3).collect();
            let mut noisy = signal.clone();
            add_white_noise(&mut noisy, snr, &mut Draw::new(4, "noise", 0));
            let power = |values: Vec<f64>| values.iter().map(|value| value * value).sum::<f64>();
            let noise = noisy.iter().zip(&signal).map(|(a, b)| f64::from(a - b)).collect();
            let signal = signal.iter().map(|value| f64::from(*value)).collect();
            let found = 10.0 * (power(signal) / power(noise)).log10();
            // The power of 20,000 deviates varies by a hundredth: 0.04 dB, here four times that.
            assert!((found - snr).abs() < 0.17, "{found}, not {snr}");
        }
    }

    #[test]
    fn masks_and_moves_touch_whole_rows_and_columns() {
        let (bins, frames) = (6, 8);
        let start: Vec<f32> = (0..48_u8).map(f32::from).collect();
        let mut values = start.clone();
        moved(&mut values, bins, 2);
        assert_eq!(&values[2 * frames..3 * frames], &start[..frames]);
        assert_eq!(&values[..frames], &start[..frames]);
        let masks = MasksConfig { bands: 1, bins: 100, times: 1, frames: 100 };
        for at in 0..100 {
            let mut values = start.clone();
            masked(&mut values, bins, &masks, &mut Draw::new(6, "mask", at));
            let is_masked = |place: usize| values[place] == 23.5;
            let bands = (0..bins).map(|bin| (0..frames).all(|at| is_masked(bin * frames + at)));
            let bands: Vec<bool> = bands.collect();
            let times: Vec<bool> =
                (0..frames).map(|at| (0..bins).all(|bin| is_masked(bin * frames + at))).collect();
            for place in 0..48 {
                assert_eq!(is_masked(place), bands[place / frames] || times[place % frames]);
            }
        }
    }

    #[test]
    fn flips_swap_pixels() {
        let mut values: Vec<f32> = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        flip(&mut values, 3, 2);
        assert_eq!(values, [5.0, 6.0, 3.0, 4.0, 1.0, 2.0]);
    }
}
