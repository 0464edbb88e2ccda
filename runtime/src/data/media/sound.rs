//! Sound: decoded within limits, cut, brought to another rate.
//!
//! In: the bytes of a WAV, FLAC, MP3 or Ogg Vorbis file. Out: channels of samples, -1..1. Deliberately not here: random
//! changes, and spectrograms.

pub(super) mod facts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::data::error::Why;

/// A sound may have so many samples a channel: 23 minutes at 48,000 a second.
const MAX_SAMPLES: usize = 1 << 26;
/// Rates beyond are no sound.
const RATES: std::ops::RangeInclusive<u32> = 100..=1_000_000;
/// So many samples around a part are resampled with it, so that its edges do not ring.
const MARGIN: u64 = 512;
/// Transforms that one thread keeps.
const MAX_KEPT: usize = 8;

/// A sound.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Sound {
    /// Samples a second.
    pub(in crate::data) rate: u32,
    /// One or more, of one length.
    pub(in crate::data) channels: Vec<Vec<f32>>,
}

/// Channels that are filled from decoded ones.
struct Collector {
    channels: Vec<Vec<f32>>,
}

impl Collector {
    /// Adds interleaved samples: the mean where one channel is wanted, the first where fewer, the last again where more.
    fn add(&mut self, samples: &[f32], given: usize) -> Result<(), Why> {
        let wanted = self.channels.len();
        if self.channels[0].len() + samples.len() / given > MAX_SAMPLES {
            return Err(format!("longer than {MAX_SAMPLES} samples a channel; cut it"));
        }
        for frame in samples.chunks_exact(given) {
            if wanted == 1 {
                // The paths of one channel and of several agree where these are equal.
                let sum: f32 = frame.iter().sum();
                self.channels[0].push(sum / given as f32);
                continue;
            }
            for (at, channel) in self.channels.iter_mut().enumerate() {
                channel.push(frame[at.min(given - 1)]);
            }
        }
        Ok(())
    }
}

/// The sound in a file, with so many channels.
pub(super) fn decode(bytes: &[u8], extension: &str, channels: usize) -> Result<Sound, Why> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let mut format = symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| format!("no sound that can be decoded: {error}"))?;
    let track = format.default_track(TrackType::Audio).ok_or("there is no sound in it")?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or("its codec is unknown")?;
    let id = track.id;
    let promised = track.num_frames;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| error.to_string())?;
    let mut collector = Collector { channels: vec![Vec::new(); channels] };
    let (mut rate, mut samples) = (None, Vec::new());
    let (mut packets, mut damaged) = (0_u64, 0_u64);
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err("cut short".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        };
        if packet.track_id != id {
            continue;
        }
        packets += 1;
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            // A damaged packet is left out: MP3 files that were cut out of others begin with some.
            Err(Error::DecodeError(_)) => {
                damaged += 1;
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        let (found, given) = (decoded.spec().rate(), decoded.num_planes());
        if given == 0 || !RATES.contains(&found) || *rate.get_or_insert(found) != found {
            return Err(format!("{given} channels at {found} samples a second"));
        }
        decoded.copy_to_vec_interleaved(&mut samples);
        collector.add(&samples, given)?;
    }
    let sound = Sound { rate: rate.unwrap_or(0), channels: collector.channels };
    if damaged > packets / 10 {
        return Err(format!("{damaged} of {packets} packets are damaged"));
    }
    check(&sound, promised)?;
    Ok(sound)
}

/// Whether what was decoded is most of what the header promised, and numbers.
fn check(sound: &Sound, promised: Option<u64>) -> Result<(), Why> {
    let found = sound.channels[0].len() as u64;
    if found == 0 {
        return Err("there is no sound in it".to_owned());
    }
    if let Some(promised) = promised.filter(|promised| found < promised - promised / 10) {
        return Err(format!("cut short or damaged: {found} of {promised} samples"));
    }
    let is_finite = |channel: &Vec<f32>| channel.iter().all(|value| value.is_finite());
    if sound.channels.iter().all(is_finite) { Ok(()) } else { Err("NaN in it".to_owned()) }
}

impl Sound {
    /// Interleaved samples, with so many channels wanted.
    pub(super) fn of(rate: u32, samples: &[f32], given: usize, wanted: usize) -> Result<Self, Why> {
        let mut collector = Collector { channels: vec![Vec::new(); wanted] };
        collector.add(samples, given)?;
        let sound = Self { rate, channels: collector.channels };
        check(&sound, None)?;
        Ok(sound)
    }

    /// How long it is, seconds.
    pub(in crate::data) fn seconds(&self) -> f64 {
        self.channels[0].len() as f64 / f64::from(self.rate)
    }

    /// At most `length` samples at another rate, from a time on.
    pub(in crate::data) fn part(
        &self,
        start: f64,
        rate: u32,
        length: usize,
    ) -> Result<Vec<Vec<f32>>, Why> {
        let (from, to) = (u64::from(self.rate), u64::from(rate));
        let all = self.channels[0].len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
        let start = (start.max(0.0) * from as f64).round() as usize;
        let start = start.min(all);
        if from == to {
            let end = all.min(start.saturating_add(length));
            return Ok(self.channels.iter().map(|channel| channel[start..end].to_vec()).collect());
        }
        // Margins are whole periods of the two rates, so that they can be cut off again.
        let divisor = gcd(from, to);
        let (period, periods) = (from / divisor, MARGIN.div_ceil(from / divisor));
        let before = (periods.min(start as u64 / period)) as usize;
        let first = start - before * period as usize;
        let needed = length as u128 * u128::from(from);
        let needed = usize::try_from(needed.div_ceil(u128::from(to))).unwrap_or(usize::MAX);
        let end = all.min(start.saturating_add(needed).saturating_add((periods * period) as usize));
        let cut = before * (to / divisor) as usize;
        let whole = ((end - first) as u64 * to).div_ceil(from) as usize;
        let mut result = Vec::new();
        for channel in &self.channels {
            let mut samples = resampled(&channel[first..end], self.rate, rate)?;
            samples.truncate(whole);
            samples.drain(..cut.min(samples.len()));
            samples.truncate(length);
            result.push(samples);
        }
        Ok(result)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// All samples at another rate.
fn resampled(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, Why> {
    thread_local! {
        /// Making one takes longer than using it on a short sound.
        static KEPT: RefCell<BTreeMap<(u32, u32), Fft<f32>>> = const { RefCell::new(BTreeMap::new()) };
    }
    if samples.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("from {from} to {to} a second: {error}");
    KEPT.with_borrow_mut(|kept| {
        if !kept.contains_key(&(from, to)) {
            if kept.len() == MAX_KEPT {
                kept.clear();
            }
            // An even number of periods: the delay, half of a transform, is a whole number of samples then.
            let period = u64::from(from) / gcd(from.into(), to.into());
            let chunk = usize::try_from(period * 2 * MARGIN.div_ceil(period)).expect("small");
            let made = Fft::new(from as usize, to as usize, chunk, 1, FixedSync::Both);
            kept.insert((from, to), made.map_err(|error| wrong(&error))?);
        }
        let resampler = kept.get_mut(&(from, to)).expect("inserted above");
        let input = InterleavedSlice::new(samples, 1, samples.len());
        let input = input.map_err(|error| wrong(&error))?;
        let output = resampler.process_all(&input, samples.len(), None);
        Ok(output.map_err(|error| wrong(&error))?.take_data())
    })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::data::tests::wav;

    fn tone(rate: u32, hertz: f64, n: usize) -> Vec<f32> {
        (0..n).map(|at| (0.5 * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as f32).collect()
    }

    #[test]
    fn waves_become_their_samples() {
        let samples = tone(8000, 440.0, 1234);
        let sound = decode(&wav(8000, std::slice::from_ref(&samples)), "wav", 1).unwrap();
        assert_eq!((sound.rate, sound.channels[0].len()), (8000, 1234));
        for (found, wanted) in sound.channels[0].iter().zip(&samples) {
            // 16 bits a sample.
            assert!((found - wanted).abs() < 1.0 / 32_000.0);
        }
        let two = [samples.clone(), vec![0.0; 1234]];
        let mixed = decode(&wav(8000, &two), "wav", 1).unwrap();
        assert!((mixed.channels[0][5] - samples[5] / 2.0).abs() < 1.0 / 32_000.0);
        assert_eq!(decode(&wav(8000, &two), "wav", 3).unwrap().channels.len(), 3);
    }

    #[test]
    fn a_tone_is_the_same_tone_at_every_rate() {
        for (from, to) in [(8000, 16000), (44_100, 16_000), (16_000, 44_100), (48_000, 16_000)] {
            let sound = Sound { rate: from, channels: vec![tone(from, 300.0, from as usize)] };
            for start in [0.0, 0.25] {
                let part = sound.part(start, to, to as usize / 2).unwrap();
                assert_eq!(part[0].len(), to as usize / 2);
                let skip = (start * f64::from(to)) as usize;
                let wanted = tone(to, 300.0, to as usize);
                // A start from nothing rings for some samples; the filter's ripple is below a thousandth.
                for at in 400..part[0].len() - 400 {
                    let error = (part[0][at] - wanted[skip + at]).abs();
                    assert!(error < 1e-3, "{from} {to} {start} {at}: {error}");
                }
            }
            let all = sound.part(0.0, to, usize::MAX >> 8).unwrap();
            assert_eq!(all[0].len(), to as usize);
        }
    }

    #[test]
    fn broken_sounds_are_refused() {
        let good = wav(8000, &[tone(8000, 440.0, 1000)]);
        let mut endless = good.clone();
        endless[40..44].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        let mut still = good.clone();
        still[24..28].copy_from_slice(&0_u32.to_le_bytes());
        for bytes in [&good[..good.len() / 2], &good[..30], b"", b"RIFFxxxxWAVE", &still, &endless]
        {
            assert!(decode(bytes, "wav", 1).is_err());
        }
    }
}
