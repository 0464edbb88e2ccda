//! What a sound file says of itself.
//!
//! In: its bytes. Out: rate, channels, length, as far as its header says them. Deliberately not here: decoding.

use std::io::Cursor;

use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::data::media::facts::Facts;

/// What the header says.
pub(in crate::data::media) fn of(bytes: &[u8], extension: &str) -> Option<Facts> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let format = symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .ok()?;
    let track = format.default_track(TrackType::Audio)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let rate = parameters.and_then(|parameters| parameters.sample_rate);
    let channels = parameters.and_then(|parameters| parameters.channels.as_ref());
    let seconds = match (track.num_frames, rate) {
        (Some(frames), Some(rate)) if rate > 0 => Some(frames as f64 / f64::from(rate)),
        _ => None,
    };
    Some(Facts {
        seconds,
        rate: rate.map(u64::from),
        channels: channels.map(|channels| channels.count() as u64),
        ..Facts::default()
    })
}
