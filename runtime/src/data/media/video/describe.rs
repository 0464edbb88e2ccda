//! What a video says of itself.
//!
//! In: what `ffprobe` writes. Out: the streams that are fed, each with its own beginning and end. Nothing of a stream is taken
//! from another one or from the container as a whole, whose length the longest of its streams sets. Deliberately not
//! here: running `ffprobe`.

use serde_json::Value;

use super::Last;

/// A video.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data::media) struct Video {
    /// Names of the container.
    format: String,
    /// When the last of its streams ends, where it says so.
    pub(in crate::data::media) end: Option<f64>,
    pub(in crate::data::media) pictures: Option<Pictures>,
    pub(in crate::data::media) sound: Option<Sounding>,
    /// Streams of which nothing says what they are.
    nameless: Vec<u64>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data::media) struct Track {
    pub(in crate::data::media) index: u64,
    /// When it begins and ends, seconds, where it says so itself.
    start: Option<f64>,
    pub(in crate::data::media) end: Option<f64>,
}

/// A stream of frames.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data::media) struct Pictures {
    pub(in crate::data::media) track: Track,
    /// Height and width as shown; 0 where it does not say.
    shown: [u64; 2],
}

/// A stream of sound.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data::media) struct Sounding {
    pub(in crate::data::media) track: Track,
    /// Samples a second and channels.
    pub(in crate::data::media) format: Option<(u32, usize)>,
}

const MAX_SIDE: u64 = 16_384;
/// Formats whose timestamps begin anywhere.
const ANYWHERE: [&str; 8] = ["mpegts", "mpeg", "mpegvideo", "mp3", "aac", "ac3", "eac3", "dts"];
/// Formats whose lengths of streams are their own.
const TOLD: [&str; 2] = ["mov", "avi"];
/// A file whose leading stream begins outside of this was cut out of a longer one, seconds.
const NEAR: std::ops::Range<f64> = -1.0..10.0;
/// Sound that is coded begins before itself; who writes files puts frames later by that, seconds.
const DELAY: f64 = 0.15;
/// Codecs of single pictures: a stream of one frame of these is a cover.
const STILL: [&str; 5] = ["mjpeg", "png", "bmp", "tiff", "webp"];
/// Names of files that say which streams they have.
const SAYING: [&str; 22] = [
    "mp4", "m4v", "webm", "mkv", "mov", "qt", "avi", "mpg", "mpeg", "mpe", "vob", "ts", "mts",
    "m2ts", "wmv", "asf", "flv", "f4v", "3gp", "3g2", "ogv", "mxf",
];
/// Formats of one stream that nothing is around.
const BARE: [&str; 14] = [
    "m4v", "h264", "hevc", "av1", "obu", "mjpeg", "mp3", "aac", "ac3", "eac3", "dts", "amr",
    "amrnb", "amrwb",
];
/// A stream this short is one frame, seconds.
const ONE_FRAME: f64 = 0.1;

impl Video {
    /// Whether the container is one of these.
    pub(in crate::data::media) fn is_one_of(&self, names: &[&str]) -> bool {
        self.format.split(',').any(|name| names.contains(&name))
    }

    /// Zero of the file's clock, where this stream leads.
    pub(in crate::data::media) fn zero(&self, leading: &Track) -> f64 {
        let start = leading.starts();
        if NEAR.contains(&start) && !self.is_one_of(&ANYWHERE) { 0.0 } else { start }
    }

    /// The same where frames lead: the first of them, where it is nearly at zero.
    pub(in crate::data::media) fn zero_of_frames(&self, leading: &Track) -> f64 {
        let start = leading.starts();
        if start.abs() < DELAY { start } else { self.zero(leading) }
    }
}

impl Video {
    /// Why it may have, or have had, a stream that was not found: so one that is missing may be damaged. `extension` is that of
    /// the file's name.
    pub(in crate::data::media) fn doubt(&self, extension: &str) -> Option<String> {
        if let Some(index) = self.nameless.first() {
            return Some(format!(
                "nothing says what its stream {index} is, so it may be damaged (`ffmpeg -i FILE -c copy -map 0:v -map 0:a NEW` \
                 keeps what is whole)"
            ));
        }
        let named = extension.rsplit('.').next().unwrap_or(extension);
        let is_bare = SAYING.contains(&named) && named != self.format && self.is_one_of(&BARE);
        is_bare.then(|| {
            format!(
                "its name ends with `{named}`, but it begins as no such file does, and `ffmpeg` takes it for a bare stream of \
                 {}: its beginning may be damaged",
                self.format
            )
        })
    }
}

impl Track {
    /// When it begins, seconds.
    pub(in crate::data::media) fn starts(&self) -> f64 {
        self.start.unwrap_or(0.0)
    }
}

impl Pictures {
    /// Height and width as shown.
    pub(in crate::data::media) fn size(&self) -> Result<[usize; 2], String> {
        let side = |name: &str, side: u64| {
            let fits = (1..=MAX_SIDE).contains(&side);
            let fits = fits.then(|| usize::try_from(side).ok()).flatten();
            fits.ok_or_else(|| format!("the {name} of its frames is {side}"))
        };
        let [height, width] = self.shown;
        Ok([side("height", height)?, side("width", width)?])
    }
}

/// What `ffprobe` says of a file.
pub(super) fn described(value: &Value) -> Result<Video, String> {
    let format = value["format"]["format_name"].as_str().unwrap_or("").to_owned();
    let whole = &value["format"];
    let start = number(&whole["start_time"]).unwrap_or(0.0);
    let mut video = Video {
        format,
        end: number(&whole["duration"]).map(|duration| start + duration),
        pictures: None,
        sound: None,
        nameless: Vec::new(),
    };
    let empty = Vec::new();
    let streams = value["streams"].as_array().unwrap_or(&empty);
    let of = |kind: &str| {
        let all = || streams.iter().filter(move |stream| stream["codec_type"] == kind);
        let all = || all().filter(|stream| !is_cover(stream, &video));
        let is_default = |stream: &&Value| stream["disposition"]["default"] == 1;
        all().find(is_default).or_else(|| all().next())
    };
    let (pictures, sound) = (of("video"), of("audio"));
    let pictures =
        pictures.map(|stream| Pictures { track: track(stream, &video), shown: shown(stream) });
    let sound =
        sound.map(|stream| Sounding { track: track(stream, &video), format: samples(stream) });
    if pictures.is_none() && sound.is_none() {
        return Err("there are neither pictures nor sound in it".to_owned());
    }
    let nameless = streams.iter().filter(|stream| is_nameless(stream));
    video.nameless = nameless.filter_map(|stream| stream["index"].as_u64()).collect();
    (video.pictures, video.sound) = (pictures, sound);
    Ok(video)
}

/// Whether nothing says what a stream is: it has no codec. Data and text that have a name of their own are what they are.
fn is_nameless(stream: &Value) -> bool {
    let is_of = |kind: &str| stream["codec_type"] == kind;
    let has_tag = || stream["codec_tag"].as_str().is_some_and(|tag| tag != "0x0000");
    let is_none =
        |name: &Value| name.as_str().is_none_or(|name| name == "unknown" || name == "none");
    is_none(&stream["codec_name"]) && (is_of("video") || is_of("audio") || !has_tag())
}

/// A number, which may be written as text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.parse::<f64>().ok(),
        Value::Number(number) => number.as_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

fn track(stream: &Value, video: &Video) -> Track {
    let start = number(&stream["start_time"]);
    let told = number(&stream["duration"]).filter(|_| video.is_one_of(&TOLD));
    let told = told.map(|duration| start.unwrap_or(0.0) + duration);
    // Matroska has no lengths of streams, but most who write it leave a note.
    let noted = || stream["tags"]["DURATION"].as_str().and_then(clock);
    let end = told.or_else(|| noted().filter(|_| video.is_one_of(&["matroska"])));
    let index = stream["index"].as_u64().unwrap_or(0);
    Track { index, start, end: end.filter(|end| *end > 0.0) }
}

/// Seconds of `01:02:03.5`.
fn clock(text: &str) -> Option<f64> {
    let parts = text.trim().split(':').map(|part| part.parse::<f64>().ok());
    let parts: Vec<f64> = parts.collect::<Option<_>>()?;
    let seconds = parts.iter().fold(0.0, |sum, part| sum * 60.0 + part);
    (parts.len() == 3 && seconds.is_finite()).then_some(seconds)
}

/// Whether a stream of pictures is the cover of a record.
fn is_cover(stream: &Value, video: &Video) -> bool {
    let marked = |name: &str| stream["disposition"][name] == 1;
    if marked("attached_pic") || marked("timed_thumbnails") || marked("still_image") {
        return true;
    }
    let is_still = STILL.iter().any(|codec| stream["codec_name"] == *codec);
    let Track { start, end, .. } = track(stream, video);
    let rate = stream["avg_frame_rate"].as_str().and_then(|rate| rate.split_once('/'));
    let rate = rate.and_then(|(n, d)| Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?));
    let is_one = |length: f64| {
        length < ONE_FRAME || rate.is_some_and(|rate| rate > 0.0 && length * rate < 1.5)
    };
    let is_short = end.is_some_and(|end| is_one(end - start.unwrap_or(0.0)));
    is_still && (is_short || number(&stream["nb_frames"]) == Some(1.0))
}

/// Height and width as shown: `ffmpeg` turns pictures that say that they lie on their side, and pixels that are not square
/// make them wider or narrower.
fn shown(stream: &Value) -> [u64; 2] {
    let side = |name: &str| stream[name].as_u64().unwrap_or(0);
    let (height, mut width) = (side("height"), side("width"));
    let aspect = stream["sample_aspect_ratio"].as_str().and_then(|aspect| aspect.split_once(':'));
    let aspect = aspect.and_then(|(x, y)| Some((x.parse::<u64>().ok()?, y.parse::<u64>().ok()?)));
    if let Some((x, y)) = aspect.filter(|(x, y)| *x > 0 && *y > 0 && x != y) {
        let scaled = (u128::from(width) * u128::from(x) + u128::from(y) / 2) / u128::from(y);
        width = u64::try_from(scaled).unwrap_or(u64::MAX).max(1);
    }
    let empty = Vec::new();
    let data = stream["side_data_list"].as_array().unwrap_or(&empty);
    let turned = data.iter().filter_map(|data| number(&data["rotation"])).next_back();
    let is_turned = turned.is_some_and(|degrees| (degrees.rem_euclid(180.0) - 90.0).abs() < 1.0);
    if is_turned { [width, height] } else { [height, width] }
}

/// Samples a second and channels.
fn samples(stream: &Value) -> Option<(u32, usize)> {
    let rate = number(&stream["sample_rate"]).filter(|rate| (100.0..1e7).contains(rate))?;
    let channels = stream["channels"].as_u64().filter(|n| (1..=64).contains(n))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
    let rate = rate as u32;
    Some((rate, usize::try_from(channels).ok()?))
}

/// The last of the packets, `time,duration` a line, in any order. One without a duration is as long as the one before.
pub(super) fn last(packets: &str) -> Option<Last> {
    let mut all: Vec<(f64, Option<f64>)> = Vec::new();
    for line in packets.lines() {
        let mut fields = line.split(',').map(|field| field.trim().parse::<f64>().ok());
        if let Some(shown) = fields.next().flatten() {
            all.push((shown, fields.next().flatten()));
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (shown, duration) = *all.last()?;
    let before = all.len().checked_sub(2).map(|at| shown - all[at].0);
    Some(Last { shown, end: shown + duration.or(before).unwrap_or(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, streams: &str) -> Result<Video, String> {
        let text = format!(
            r#"{{"streams": [{streams}], "format": {{"format_name": "{format}", "start_time": "0.5", "duration": "7"}}}}"#
        );
        described(&serde_json::from_str(&text).unwrap())
    }

    const SOUND: &str = r#"{"index": 1, "codec_type": "audio", "sample_rate": "44100", "channels": 2,
        "start_time": "0.5", "duration": "1.5"}"#;

    fn pictures(more: &str) -> String {
        format!(
            r#"{{"index": 0, "codec_type": "video", "codec_name": "h264", "width": 640, "height": 360, {more}}}"#
        )
    }

    #[test]
    fn streams_say_their_own_lengths() {
        let more =
            r#""start_time": "0.25", "duration": "4", "tags": {"DURATION": "00:01:02.500000000"}"#;
        for (format, ends) in [
            ("mov,mp4,m4a,3gp,3g2,mj2", [Some(4.25), Some(2.0)]),
            ("matroska,webm", [Some(62.5), None]),
            ("asf", [None, None]),
        ] {
            let video = read(format, &format!("{}, {SOUND}", pictures(more))).unwrap();
            let (frames, sound) = (video.pictures.as_ref().unwrap(), video.sound.as_ref().unwrap());
            assert_eq!([frames.track.end, sound.track.end], ends, "{format}");
            assert_eq!((video.end, sound.format), (Some(7.5), Some((44_100, 2))));
            assert_eq!(
                [video.zero(&frames.track), video.zero_of_frames(&frames.track)],
                [0.0, 0.0]
            );
        }
        let delayed = read("matroska,webm", &pictures(r#""start_time": "0.023""#)).unwrap();
        let track = delayed.pictures.as_ref().unwrap().track.clone();
        assert_eq!([delayed.zero(&track), delayed.zero_of_frames(&track)], [0.0, 0.023]);
        for (format, start, zero) in
            [("mpegts", "1.4", 1.4), ("matroska,webm", "1.4", 0.0), ("matroska,webm", "36", 36.0)]
        {
            let video = read(format, &pictures(&format!(r#""start_time": "{start}""#))).unwrap();
            assert_eq!(
                video.zero(&video.pictures.as_ref().unwrap().track),
                zero,
                "{format} {start}"
            );
        }
    }

    #[test]
    fn frames_have_the_size_that_is_shown() {
        for (more, size) in [
            (r#""side_data_list": [{"rotation": -90}]"#, [640, 360]),
            (r#""side_data_list": [{}, {"rotation": 180}]"#, [360, 640]),
            (r#""sample_aspect_ratio": "4:3""#, [360, 853]),
            (r#""sample_aspect_ratio": "4:3", "side_data_list": [{"rotation": 90}]"#, [853, 360]),
            (r#""sample_aspect_ratio": "0:1""#, [360, 640]),
        ] {
            let video = read("mov", &pictures(more)).unwrap();
            assert_eq!(video.pictures.unwrap().size(), Ok(size), "{more}");
        }
        for wide in ["99999", "0"] {
            let one = format!(r#"{{"codec_type": "video", "width": {wide}, "height": 1}}"#);
            assert!(read("mov", &one).unwrap().pictures.unwrap().size().is_err());
        }
        assert!(described(&serde_json::from_str("{}").unwrap()).is_err());
    }

    #[test]
    fn covers_are_no_frames_and_defaults_come_first() {
        for more in [
            r#""codec_name": "h264", "disposition": {"attached_pic": 1}"#,
            r#""codec_name": "png", "nb_frames": "1""#,
            r#""codec_name": "mjpeg", "duration": "0.04""#,
            r#""codec_name": "mjpeg", "duration": "2", "avg_frame_rate": "1/2""#,
        ] {
            let cover = format!(r#"{{"index": 0, "codec_type": "video", {more}}}"#);
            let video = read("mov", &format!("{cover}, {SOUND}")).unwrap();
            assert!(video.pictures.is_none() && video.sound.is_some(), "{more}");
        }
        let second = r#"{"index": 5, "codec_type": "audio", "disposition": {"default": 1}}"#;
        let video = read("mov", &format!("{SOUND}, {second}")).unwrap();
        let sound = video.sound.unwrap();
        assert_eq!((sound.track.index, sound.format), (5, None));
    }

    #[test]
    fn what_may_be_a_stream_is_not_absent() {
        let (frames, sound) = (
            pictures(r#""codec_tag": "0x0000""#),
            SOUND.replace("\"index\"", r#""codec_name": "aac", "index""#),
        );
        let other = |kind: &str, more: &str| {
            format!(r#"{{"index": 3, "codec_type": "{kind}", "codec_tag": {more}}}"#)
        };
        for (streams, is_doubtful) in [
            (sound.clone(), false),
            (format!("{sound}, {}", other("data", r#""0x0000""#)), true),
            (format!("{sound}, {}", other("video", r#""0x1234""#)), true),
            (format!("{sound}, {}", other("unknown", r#""0x0000""#)), true),
            (format!("{sound}, {}", other("data", r#""0x64636d74""#)), false),
            (format!("{sound}, {}", other("data", r#""0x0000", "codec_name": "bin_data""#)), false),
            (
                format!("{sound}, {}", other("subtitle", r#""0x0000", "codec_name": "subrip""#)),
                false,
            ),
        ] {
            let video = read("avi", &streams).unwrap();
            assert_eq!(video.doubt("avi").is_some(), is_doubtful, "{streams}");
        }
        for (format, name, is_doubtful) in [
            ("m4v", "avi", true),
            ("mp3", "clip.mp4", true),
            ("h264", "m4v", true),
            ("m4v", "m4v", false),
            ("mp3", "mp3", false),
            ("h264", "264", false),
            ("mpegvideo", "mpg", false),
            ("mpegts", "mp4", false),
        ] {
            let video = read(format, &frames).unwrap();
            assert_eq!(video.doubt(name).is_some(), is_doubtful, "{format} {name}");
        }
    }

    #[test]
    fn packets_come_in_any_order() {
        let found = last("0.0,0.04\n0.12,0.04\n0.08,0.04\nN/A,0.04\n");
        assert!(found.is_some_and(|last| last.shown == 0.12 && (last.end - 0.16).abs() < 1e-9));
        assert_eq!(last("1.5,N/A\n1.25,N/A\n"), Some(Last { shown: 1.5, end: 1.75 }));
        assert_eq!((last(""), last("1.5,N/A\n")), (None, Some(Last { shown: 1.5, end: 1.5 })));
    }
}
