//! Videos: their frames and their sound, decoded by the user's own `ffmpeg`.
//!
//! In: a file, a time on its own clock, how many frames how far apart. Out: pictures, and samples. The programs get a path
//! that they cannot take for an option or an address, may open nothing but this file, and have limits of time and size.
//! Timestamps stay as the file has them. Deliberately not here: which part of a video is wanted.

mod describe;
mod holes;

pub(super) mod facts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Trouble;
use super::picture::Picture;
use super::process::{self, Failure};
pub(super) use describe::{Sounding, Track, Video};

/// Where the programs are, and how long they may take.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Programs {
    pub(in crate::data) folder: Option<PathBuf>,
    pub(in crate::data) timeout: Duration,
}

/// The last packet of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    /// When it is shown.
    pub(super) shown: f64,
    /// When it ends.
    pub(super) end: f64,
}

/// Samples around a clip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Interleaved; fewer where the stream ends.
    pub(super) samples: Vec<f32>,
    /// So many of a channel lie before the clip.
    pub(super) lead: usize,
    /// So many the clip has.
    pub(super) length: usize,
}

const MAX_DESCRIPTION: u64 = 4 << 20;
const MAX_PACKETS: u64 = 256 << 20;
const MAX_BYTES: u64 = 4 << 30;
/// Containers that are opened: files of one piece, and pictures without one. Playlists, patterns of names and descriptions of
/// sessions, which lead to other files, are not among them.
const CONTAINERS: &str = "mov,mp4,matroska,webm,avi,ogg,mpegts,mpeg,mpegvideo,m4v,h264,hevc,av1,obu,ivf,flv,asf,asf_o,rm,nut,\
                          mxf,dv,gif,yuv4mpegpipe,mp3,aac,ac3,eac3,dts,amr,amrnb,amrwb,wav,w64,aiff,au,voc,caf,flac,wv,ape,\
                          tta,mpc,mpc8,tak,j2k_pipe,jpegxl_pipe";
/// Containers that know where their key frames are.
const INDEXED: [&str; 2] = ["mov", "matroska"];
/// Decoding begins so many seconds before a clip: with an index, and where only the stream itself tells key frames.
const BEFORE: f64 = 1.0;
const LONG_BEFORE: f64 = 30.0;
/// Sound is decoded from its beginning up to here, so that no sample depends on where decoding began; and so long before a
/// clip that lies later, seconds.
const SOUND_FROM_BEGINNING: f64 = 120.0;
const SOUND_BEFORE: f64 = 10.0;
/// Around a clip, so that its edges do not ring when it is resampled, seconds.
const AROUND: f64 = 0.25;
/// A frame this much later than a time counts as shown: containers round to thousandths.
const ROUNDING: f64 = 0.001;
/// Sounds are put right where they are this far from their timestamps, seconds: less than a packet that is lost, more than
/// clocks jitter.
const JITTER: f64 = 0.015;
/// A hole whose end comes later than this behind a clip is not looked at, seconds.
const HOLE: f64 = 5.0;
/// The ends of longer files are looked for from so many seconds before the end on.
const TAIL: f64 = 30.0;

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

    /// `ffmpeg` that reads a file from some time before another, with the timestamps of the file.
    fn reading(&self, path: &Path, from: f64) -> Command {
        let mut command = self.command("ffmpeg");
        command.args(["-copyts", "-reinit_filter", "0"]);
        if from > 0.0 {
            // At the key frame before: what comes before the clip is cut off by its time, not here.
            command.args(["-noaccurate_seek", "-seek_timestamp", "1", "-ss", &from.to_string()]);
        }
        command.arg("-i").arg(address(path));
        command
    }

    fn run(&self, mut command: Command, program: &str, limit: u64) -> Result<Vec<u8>, Trouble> {
        process::output(&mut command, limit, self.timeout).map_err(|failure| match failure {
            Failure::Missing => Trouble::NoDecoder(program.to_owned()),
            Failure::Machine(why) => Trouble::Machine(format!("{program}: {why}")),
            Failure::Other(why) => Trouble::Why(format!("{program}: {why}")),
        })
    }

    /// What a file says of itself.
    pub(super) fn probe(&self, path: &Path) -> Result<Video, Trouble> {
        let mut command = self.command("ffprobe");
        command.args(["-print_format", "json", "-show_format", "-show_streams", "-i"]);
        command.arg(address(path));
        let bytes = self.run(command, "ffprobe", MAX_DESCRIPTION)?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Trouble::Why(format!("ffprobe: {error}")))?;
        describe::described(&value).map_err(Trouble::Why)
    }

    /// The last packet of a stream; `None` where there is none.
    pub(super) fn last(
        &self,
        path: &Path,
        track: &Track,
        video: &Video,
    ) -> Result<Option<Last>, Trouble> {
        // What is found at the end is the last; where nothing is, the stream ended long before.
        let tail = video.end.map(|end| end - TAIL).filter(|tail| *tail > TAIL);
        if let Some(tail) = tail {
            let found = self.last_after(path, track, Some(tail))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        self.last_after(path, track, None)
    }

    fn last_after(
        &self,
        path: &Path,
        track: &Track,
        from: Option<f64>,
    ) -> Result<Option<Last>, Trouble> {
        let mut command = self.command("ffprobe");
        if let Some(from) = from {
            command.args(["-read_intervals", &format!("{from}%")]);
        }
        command.args(["-select_streams", &track.index.to_string(), "-print_format", "csv=p=0"]);
        command.args(["-show_entries", "packet=pts_time,duration_time", "-i"]);
        command.arg(address(path));
        let bytes = self.run(command, "ffprobe", MAX_PACKETS)?;
        Ok(describe::last(&String::from_utf8_lossy(&bytes)))
    }

    /// So many frames of a size, height and width, from a time on, so many a second, in color; fewer where the stream ends
    /// before.
    pub(super) fn frames(
        &self,
        path: &Path,
        video: &Video,
        begin: f64,
        (count, fps): (usize, f64),
        size: [usize; 2],
    ) -> Result<Vec<Picture>, Trouble> {
        // Rounded up, a frame takes the place of the first time that is not before it.
        let shown = begin + ROUNDING;
        let filter = format!("settb=AVTB,fps=fps={fps}:start_time={shown}:round=up");
        self.pictures(path, video, begin, &filter, Some(count), size)
    }

    /// The last frame of those that come after a time; `None` where none does.
    pub(super) fn last_frame(
        &self,
        path: &Path,
        video: &Video,
        after: f64,
        size: [usize; 2],
    ) -> Result<Option<Picture>, Trouble> {
        let filter = format!("select='gt(t,{after})'");
        Ok(self.pictures(path, video, after, &filter, None, size)?.pop())
    }

    fn pictures(
        &self,
        path: &Path,
        video: &Video,
        from: f64,
        filter: &str,
        count: Option<usize>,
        [height, width]: [usize; 2],
    ) -> Result<Vec<Picture>, Trouble> {
        let Some(pictures) = &video.pictures else { return Ok(Vec::new()) };
        let before = if video.is_one_of(&INDEXED) { BEFORE } else { LONG_BEFORE };
        let mut command = self.reading(path, from - before);
        // Counted anew, so that none is added or dropped.
        let filter = format!("{filter},settb=1/25,setpts=N,scale={width}:{height}:flags=area");
        command.args(["-map", &format!("0:{}", pictures.track.index), "-vf", &filter, "-r", "25"]);
        if let Some(count) = count {
            command.args(["-frames:v", &count.to_string()]);
        }
        command.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
        let bytes = (height * width * 3) as u64;
        let limit = count.map_or(Some(MAX_BYTES), |count| bytes.checked_mul(count as u64));
        let limit = limit.filter(|limit| *limit <= MAX_BYTES);
        let limit = limit.ok_or_else(|| Trouble::Why("too many large frames".to_owned()))?;
        let found = self.run(command, "ffmpeg", limit)?;
        let picture =
            |values: &[u8]| Picture { height, width, channels: 3, values: values.to_vec() };
        Ok(found.chunks_exact(height * width * 3).map(picture).collect())
    }

    /// The sound around a clip at its own rate, of a file's clock that begins at `zero`.
    pub(super) fn sound(
        &self,
        path: &Path,
        video: &Video,
        track: &Track,
        (rate, channels): (u32, usize),
        (zero, begin): (f64, f64),
        seconds: f64,
    ) -> Result<Part, Trouble> {
        let whole = |seconds: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples")]
            let samples = (seconds.max(0.0) * f64::from(rate)).round() as usize;
            samples
        };
        let is_late = begin - zero > SOUND_FROM_BEGINNING;
        let base = if is_late { begin - SOUND_BEFORE } else { zero };
        let before = if video.is_one_of(&INDEXED) { BEFORE } else { LONG_BEFORE };
        let mut command = self.reading(path, if is_late { base - before } else { 0.0 });
        let (first, length) = (whole(begin - base), whole(seconds).max(1));
        let lead = first.min(whole(AROUND));
        let (from, to) = (first - lead, first + length + whole(AROUND));
        let at = (base * f64::from(rate)).round();
        let filter = format!(
            "aresample={rate}:async=1:min_hard_comp={JITTER}:first_pts={at},atrim=start_sample={from}:end_sample={to}"
        );
        let (ar, ac) = (rate.to_string(), channels.to_string());
        command.args(["-map", &format!("0:{}", track.index), "-af", &filter]);
        command.args(["-ar", &ar, "-ac", &ac, "-f", "f32le", "pipe:1"]);
        let time = |sample: usize| base + sample as f64 / f64::from(rate);
        let failed =
            |error: std::io::Error| Trouble::Machine(format!("cannot be laid aside: {error}"));
        let packets = tempfile::NamedTempFile::new().map_err(failed)?;
        // The same packets as they are, for their times.
        let until = (time(to) + HOLE).to_string();
        command.args(["-map", &format!("0:{}", track.index), "-c", "copy", "-to", &until]);
        command.args(["-f", "framecrc", "-y"]).arg(address(packets.path()));
        let bytes = (to - from + 1) as u64 * channels as u64 * 4;
        let bytes = self.run(command, "ffmpeg", bytes.min(MAX_BYTES))?;
        let mut samples: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")))
            .collect();
        let packets = std::fs::read_to_string(packets.path()).map_err(failed)?;
        holes::moved(&mut samples, time(from), (rate, channels), &holes::filled(&packets, JITTER));
        Ok(Part { samples, lead, length })
    }

    /// Copies the streams of one kind, as they are and at their times, into a file of the same container.
    pub(super) fn copy(&self, path: &Path, track: &Track, to: &Path) -> Result<(), Trouble> {
        let mut command = self.command("ffmpeg");
        command.args(["-copyts", "-y", "-i"]).arg(address(path));
        // MPEG streams otherwise begin so much later.
        command.args(["-map", &format!("0:{}", track.index), "-muxdelay", "0", "-muxpreload", "0"]);
        command.args(["-c", "copy"]).arg(address(to));
        self.run(command, "ffmpeg", MAX_DESCRIPTION).map(drop)
    }
}

/// A path that is neither an option nor an address of another kind.
fn address(path: &Path) -> std::ffi::OsString {
    let mut address = std::ffi::OsString::from("file:");
    address.push(path);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

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
