//! Videos: their frames and their sound, decoded by the user's own `ffmpeg`.
//!
//! In: a file, a time, how many frames how far apart. Out: pictures, and samples. The programs get a path that they cannot
//! take for an option or an address, may open nothing but this file, and have limits of time and size. Deliberately not
//! here: which part of a video is wanted.

pub(super) mod facts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Trouble;
use super::picture::Picture;
use super::process::{self, Failure};
use super::sound::Sound;

/// Where the programs are, and how long they may take.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Programs {
    pub(in crate::data) folder: Option<PathBuf>,
    pub(in crate::data) timeout: Duration,
}

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Probe {
    /// Seconds, where it says so.
    pub(super) duration: Option<f64>,
    /// Height and width of the pictures as shown.
    pub(super) picture: Option<[usize; 2]>,
    /// Samples a second and channels.
    pub(super) sound: Option<(u32, usize)>,
}

const MAX_DESCRIPTION: u64 = 4 << 20;
const MAX_BYTES: u64 = 4 << 30;
const MAX_SIDE: usize = 16_384;
/// Containers that are opened; playlists, which lead to other files, are not among them.
const CONTAINERS: &str = "mov,mp4,matroska,webm,avi,ogg,mpegts,mpeg,flv,aac,mp3,wav,flac,asf";

impl Programs {
    fn command(&self, program: &str) -> Command {
        let mut command = match &self.folder {
            Some(folder) => Command::new(folder.join(program)),
            None => Command::new(program),
        };
        command.args(["-v", "error"]);
        if program == "ffmpeg" {
            command.arg("-nostdin");
        }
        command.args(["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]);
        command.env("AV_LOG_FORCE_NOCOLOR", "1");
        command
    }

    fn run(&self, mut command: Command, program: &str, limit: u64) -> Result<Vec<u8>, Trouble> {
        process::output(&mut command, limit, self.timeout).map_err(|failure| match failure {
            Failure::Missing => Trouble::NoDecoder(program.to_owned()),
            Failure::Other(why) => Trouble::Why(format!("{program}: {why}")),
        })
    }

    /// What a file says of itself.
    pub(super) fn probe(&self, path: &Path) -> Result<Probe, Trouble> {
        let mut command = self.command("ffprobe");
        command.args(["-print_format", "json", "-show_format", "-show_streams", "-i"]);
        command.arg(address(path));
        let bytes = self.run(command, "ffprobe", MAX_DESCRIPTION)?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Trouble::Why(format!("ffprobe: {error}")))?;
        described(&value).map_err(Trouble::Why)
    }

    /// So many frames of a size, height and width, from a time on, so many a second; the last one again where the video
    /// ends before.
    pub(super) fn frames(
        &self,
        path: &Path,
        start: f64,
        wanted: (usize, f64),
        size: [usize; 2],
        channels: usize,
    ) -> Result<Vec<Picture>, Trouble> {
        let (count, fps) = wanted;
        let [height, width] = size;
        let mut command = self.command("ffmpeg");
        command.args(["-ss", &start.to_string(), "-i"]).arg(address(path));
        let filter = format!("fps={fps}:start_time=0,scale={width}:{height}:flags=area");
        command.args(["-map", "0:v:0", "-an", "-sn", "-vf", &filter]);
        let kind = if channels == 1 { "gray" } else { "rgb24" };
        let frames = count.to_string();
        command.args(["-frames:v", &frames, "-f", "rawvideo", "-pix_fmt", kind, "pipe:1"]);
        let bytes = (height * width * channels) as u64;
        let limit = bytes.checked_mul(count as u64).filter(|limit| *limit <= MAX_BYTES);
        let limit = limit.ok_or_else(|| Trouble::Why("too many large frames".to_owned()))?;
        let found = self.run(command, "ffmpeg", limit)?;
        let picture = |values: &[u8]| Picture { height, width, channels, values: values.to_vec() };
        let chunks = found.chunks_exact(height * width * channels);
        let mut pictures: Vec<Picture> = chunks.map(picture).collect();
        let Some(last) = pictures.last().cloned() else {
            return Err(Trouble::Why(format!("there are no frames after {start} s")));
        };
        pictures.resize(count, last);
        Ok(pictures)
    }

    /// The sound from a time on, at its own rate.
    pub(super) fn sound(
        &self,
        path: &Path,
        start: f64,
        seconds: f64,
        (rate, given): (u32, usize),
        channels: usize,
    ) -> Result<Sound, Trouble> {
        let mut command = self.command("ffmpeg");
        command.args(["-ss", &start.to_string(), "-t", &seconds.to_string(), "-i"]);
        command.arg(address(path));
        let (ar, ac) = (rate.to_string(), given.to_string());
        command.args(["-map", "0:a:0", "-vn", "-sn", "-ar", &ar, "-ac", &ac]);
        command.args(["-f", "f32le", "pipe:1"]);
        let n = (seconds + 1.0) * f64::from(rate) * given as f64 * 4.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound")]
        let limit = (n as u64).min(MAX_BYTES);
        let bytes = self.run(command, "ffmpeg", limit)?;
        let samples: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")))
            .collect();
        Sound::of(rate, &samples, given, channels).map_err(Trouble::Why)
    }
}

/// A path that is neither an option nor an address of another kind.
fn address(path: &Path) -> std::ffi::OsString {
    let mut address = std::ffi::OsString::from("file:");
    address.push(path);
    address
}

fn described(value: &Value) -> Result<Probe, String> {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        Value::Number(number) => number.as_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let seconds = |value: &Value| {
        number(&value["duration"]).filter(|value| value.is_finite() && *value > 0.0)
    };
    let empty = Vec::new();
    let streams = value["streams"].as_array().unwrap_or(&empty);
    let of = |kind: &str| streams.iter().find(|stream| stream["codec_type"] == kind);
    let (video, audio) = (of("video"), of("audio"));
    let picture = video.map(picture_size).transpose()?;
    let sound = audio.and_then(|audio| {
        let rate = number(&audio["sample_rate"])?;
        let channels = audio["channels"].as_u64().filter(|n| (1..=64).contains(n))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
        let rate = rate as u32;
        (rate >= 100).then_some((rate, usize::try_from(channels).ok()?))
    });
    let duration = seconds(&value["format"])
        .or_else(|| video.and_then(seconds))
        .or_else(|| audio.and_then(seconds));
    if picture.is_none() && sound.is_none() {
        return Err("there are neither pictures nor sound in it".to_owned());
    }
    Ok(Probe { duration, picture, sound })
}

/// Height and width as shown: `ffmpeg` turns pictures that say that they lie on their side.
fn picture_size(video: &Value) -> Result<[usize; 2], String> {
    let side = |name: &str| {
        let side = video[name].as_u64().and_then(|side| usize::try_from(side).ok());
        side.filter(|side| (1..=MAX_SIDE).contains(side))
            .ok_or_else(|| format!("its {name} is {}", video[name]))
    };
    let (height, width) = (side("height")?, side("width")?);
    let empty = Vec::new();
    let data = video["side_data_list"].as_array().unwrap_or(&empty);
    let mut turned = data.iter().filter_map(|data| data["rotation"].as_i64());
    let is_turned = turned.next_back().is_some_and(|degrees| degrees.rem_euclid(180) == 90);
    Ok(if is_turned { [width, height] } else { [height, width] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read() {
        let text = r#"{"streams": [{"codec_type": "video", "width": 640, "height": 360,
            "side_data_list": [{"rotation": -90}]}, {"codec_type": "audio", "sample_rate": "44100",
            "channels": 2}], "format": {"duration": "7.8"}}"#;
        let probe = described(&serde_json::from_str(text).unwrap()).unwrap();
        let wanted =
            Probe { duration: Some(7.8), picture: Some([640, 360]), sound: Some((44_100, 2)) };
        assert_eq!(probe, wanted);
        for text in ["{}", r#"{"streams": [{"codec_type": "video", "width": 99999, "height": 1}]}"#]
        {
            assert!(described(&serde_json::from_str(text).unwrap()).is_err());
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let programs = Programs {
            folder: Some(PathBuf::from("/nonexistent")),
            timeout: Duration::from_secs(5),
        };
        let found = programs.probe(Path::new("x.mp4"));
        assert!(matches!(found, Err(Trouble::NoDecoder(program)) if program == "ffprobe"));
    }
}
