//! Sound: decoded within limits, cut, brought to another rate.
//!
//! In: the bytes of a WAV, AIFF, FLAC, MP3 or Ogg file. Out: channels of samples, -1..1, without the samples that an encoder
//! added before and behind. Deliberately not here: random changes, spectrograms, and codecs that are left to `ffmpeg`.

pub(super) mod facts;
mod resample;
mod wave;

use std::io::{Cursor, Read};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

use crate::data::error::Why;
use resample::Rates;
use wave::Wave;

/// A sound may have so many samples a channel: 23 minutes at 48,000 a second.
const MAX_SAMPLES: usize = 1 << 26;
/// Rates beyond are no sound.
const RATES: std::ops::RangeInclusive<u32> = 100..=1_000_000;
/// Floats may hold integers of 32 bits that were not scaled; what is larger is damage.
const LOUDEST: f32 = 2_147_483_648.0;

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

/// A file, opened.
struct Opened<'a> {
    format: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    /// Samples a channel, by the header.
    promised: Option<u64>,
    /// Whether that is their exact number.
    is_exact: bool,
}

/// The sound in a file, with so many channels; `None` where it is of a codec that is not known here.
pub(super) fn decode(bytes: &[u8], extension: &str, channels: usize) -> Result<Option<Sound>, Why> {
    if is_foreign(bytes) {
        return Ok(None);
    }
    let wave = wave::read(bytes)?;
    let Some(opened) = opened(bytes, extension, wave.as_ref())? else { return Ok(None) };
    let (promised, is_exact) = (opened.promised, opened.is_exact);
    let sound = decoded(opened, channels)?;
    check(&sound)?;
    let found = sound.channels[0].len() as u64;
    let slack = |promised: u64| if is_exact { 0 } else { promised / 10 };
    if let Some(promised) = promised.filter(|promised| found < promised - slack(*promised)) {
        return Err(format!("cut short or damaged: {found} of {promised} samples"));
    }
    Ok(Some(sound))
}

/// Whether it is an Ogg file that does not begin with a stream of Vorbis or FLAC, by its first packet.
fn is_foreign(bytes: &[u8]) -> bool {
    let packet = bytes.get(28..).unwrap_or(&[]);
    let is_known = packet.starts_with(b"\x01vorbis") || packet.starts_with(b"\x7fFLAC");
    bytes.starts_with(b"OggS") && packet.len() >= 8 && !is_known
}

/// Finds the track and its decoder; `None` where only a decoder is missing.
fn opened<'a>(
    bytes: &'a [u8],
    extension: &str,
    wave: Option<&'a Wave<'a>>,
) -> Result<Option<Opened<'a>>, Why> {
    let source = match wave {
        Some(wave) => {
            let mended = ReadOnlySource::new(wave.header.as_slice().chain(wave.samples));
            MediaSourceStream::new(Box::new(mended), Default::default())
        }
        None => MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default()),
    };
    let mut hint = Hint::new();
    hint.with_extension(if wave.is_some() { "wav" } else { extension });
    // What says by its first bytes that it is a sound may still hold what is decoded elsewhere alone.
    let is_sound = wave.is_some() || bytes.starts_with(b"FORM");
    let probed = symphonia::default::get_probe().probe(
        &hint,
        source,
        FormatOptions::default(),
        MetadataOptions::default(),
    );
    let format = match probed {
        Ok(format) => format,
        Err(Error::Unsupported(_)) if is_sound => return Ok(None),
        Err(error) => return Err(format!("no sound that can be decoded: {error}")),
    };
    let Some(track) = format.default_track(TrackType::Audio) else {
        return if is_sound { Ok(None) } else { Err("there is no sound in it".to_owned()) };
    };
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let Some(parameters) = parameters else { return Ok(None) };
    // Without the tag of an encoder, the end of an MP3 file is guessed, and what lies behind it would be taken away.
    let is_told = parameters.codec != CODEC_ID_MP3 || track.delay.is_some();
    let options = AudioDecoderOptions::default().gapless(is_told);
    let decoder = match symphonia::default::get_codecs().make_audio_decoder(parameters, &options) {
        Ok(decoder) => decoder,
        Err(Error::Unsupported(_)) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let is_exact = ![CODEC_ID_MP3, CODEC_ID_VORBIS].contains(&parameters.codec);
    let (track, promised) = (track.id, track.num_frames);
    Ok(Some(Opened { format, decoder, track, promised, is_exact }))
}

fn decoded(mut opened: Opened<'_>, channels: usize) -> Result<Sound, Why> {
    let mut collector = Collector { channels: vec![Vec::new(); channels] };
    let (mut rate, mut samples) = (None, Vec::new());
    let (mut packets, mut damaged) = (0_u64, 0_u64);
    loop {
        let packet = match opened.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err("cut short".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        };
        if packet.track_id != opened.track {
            continue;
        }
        packets += 1;
        let decoded = match opened.decoder.decode(&packet) {
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
    if damaged > packets / 10 {
        return Err(format!("{damaged} of {packets} packets are damaged"));
    }
    Ok(Sound { rate: rate.unwrap_or(0), channels: collector.channels })
}

/// Whether there are samples, and all of them are numbers that a sound can have.
fn check(sound: &Sound) -> Result<(), Why> {
    if sound.channels[0].is_empty() {
        return Err("there is no sound in it".to_owned());
    }
    let is_wrong = |value: &f32| value.is_nan() || value.abs() > LOUDEST;
    for channel in &sound.channels {
        if let Some(at) = channel.iter().position(is_wrong) {
            let (value, seconds) = (channel[at], at as f64 / f64::from(sound.rate));
            return Err(format!("its sample {at}, at {seconds:.3} s, is {value:e}; 1 is loudest"));
        }
    }
    Ok(())
}

impl Sound {
    /// Interleaved samples, with so many channels wanted.
    pub(super) fn of(rate: u32, samples: &[f32], given: usize, wanted: usize) -> Result<Self, Why> {
        let mut collector = Collector { channels: vec![Vec::new(); wanted] };
        collector.add(samples, given)?;
        let sound = Self { rate, channels: collector.channels };
        check(&sound)?;
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
        let all = self.channels[0].len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
        let start = (start.max(0.0) * f64::from(self.rate)).round() as usize;
        let start = start.min(all);
        if self.rate == rate {
            let end = all.min(start.saturating_add(length));
            return Ok(self.channels.iter().map(|channel| channel[start..end].to_vec()).collect());
        }
        // Margins are whole periods of the two rates, so that they can be cut off again.
        let rates = Rates::new(self.rate, rate);
        let [period, other] = rates.period();
        let before = rates.reach().min(start / period);
        let first = start - before * period;
        let scaled = |n: usize, to: u32, from: u32| {
            let scaled = (n as u128 * u128::from(to)).div_ceil(u128::from(from));
            usize::try_from(scaled).unwrap_or(usize::MAX)
        };
        let needed = scaled(length, self.rate, rate);
        let end = start.saturating_add(needed).saturating_add(rates.reach() * period).min(all);
        let whole = scaled(end - first, rate, self.rate);
        let mut result = Vec::new();
        for channel in &self.channels {
            let mut samples = rates.resampled(&channel[first..end])?;
            samples.truncate(whole);
            samples.drain(..(before * other).min(samples.len()));
            samples.truncate(length);
            result.push(samples);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests;
