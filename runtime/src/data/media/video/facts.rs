//! What a video says of itself, to be shown.
//!
//! In: a file. Out: sizes, rates and length of its first streams, as far as it says them. Deliberately not here: what decoding
//! needs to know.

use std::path::Path;

use serde_json::Value;

use super::{MAX_DESCRIPTION, Programs, address};
use crate::data::media::facts::Facts;

/// What the file says.
pub(in crate::data::media) fn of(programs: &Programs, path: &Path) -> Option<Facts> {
    let mut command = programs.command("ffprobe");
    command.args(["-print_format", "json", "-show_format", "-show_streams", "-i"]);
    command.arg(address(path));
    let bytes = programs.run(command, "ffprobe", MAX_DESCRIPTION).ok()?;
    Some(told(&serde_json::from_slice(&bytes).ok()?))
}

fn told(value: &Value) -> Facts {
    let streams = || value["streams"].as_array().into_iter().flatten();
    // A cover is no video.
    let is_cover = |stream: &&Value| stream["disposition"]["attached_pic"] == 1;
    let mut pictures = streams().filter(|stream| stream["codec_type"] == "video");
    let video = pictures.find(|stream| !is_cover(stream)).unwrap_or(&Value::Null);
    let audio = streams().find(|stream| stream["codec_type"] == "audio").unwrap_or(&Value::Null);
    let size = video["height"].as_u64().zip(video["width"].as_u64());
    let size = size.map(|(height, width)| match is_turned(video) {
        true => [width, height],
        false => [height, width],
    });
    let number = |text: &Value| text.as_str().and_then(|text| text.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
    let rate = number(&audio["sample_rate"]).map(|rate| rate as u64);
    Facts {
        size,
        colors: None,
        seconds: number(&value["format"]["duration"]).filter(|seconds| *seconds > 0.0),
        fps: video["avg_frame_rate"].as_str().and_then(ratio),
        rate,
        channels: audio["channels"].as_u64(),
    }
}

fn is_turned(video: &Value) -> bool {
    let data = video["side_data_list"].as_array().into_iter().flatten();
    let mut turned = data.filter_map(|data| data["rotation"].as_i64());
    turned.next_back().is_some_and(|degrees| degrees.rem_euclid(180) == 90)
}

/// `30000/1001`
fn ratio(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    (above > 0.0 && below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says() {
        let text = r#"{"streams": [
            {"codec_type": "video", "width": 500, "height": 500, "disposition": {"attached_pic": 1}},
            {"codec_type": "video", "width": 640, "height": 360, "avg_frame_rate": "30000/1001",
             "side_data_list": [{"rotation": -90}]},
            {"codec_type": "audio", "sample_rate": "44100", "channels": 2}], "format": {"duration": "7.5"}}"#;
        let facts = told(&serde_json::from_str(text).unwrap());
        assert_eq!((facts.size, facts.seconds), (Some([640, 360]), Some(7.5)));
        assert_eq!((facts.rate, facts.channels), (Some(44_100), Some(2)));
        assert!(facts.fps.is_some_and(|fps| (fps - 29.97).abs() < 1e-3));
        let nothing = told(
            &serde_json::json!({"streams": [{"codec_type": "video", "avg_frame_rate": "0/0"}]}),
        );
        assert_eq!(nothing, Facts::default());
    }
}
