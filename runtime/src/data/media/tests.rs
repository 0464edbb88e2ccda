//! Files of a command line, and files that are none.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::data::tests::{model, png, wav};

const SPEC: &str = "model m {
  modality video = frames(count: 2, fps: 1, size: 4)
  modality sound = wave(rate: 100, seconds: 0.1, short: loop)
  tokens v = video |> patches(1, 4, 4) |> linear(2)
  tokens s = sound |> patches(5) |> linear(2)
  output o = concat(v, s) |> pool(mean)
}";

fn check(files: &[(&str, Vec<u8>)]) -> Result<Tensors, String> {
    let folder = TempDir::new().unwrap();
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        paths.push(path);
    }
    read(&model(SPEC), &paths).map_err(|error| error.to_string())
}

#[test]
fn files_become_one_sample() {
    let sound = || wav(100, &[vec![0.1, 0.2, 0.3, 0.4]]);
    let both = check(&[("a.png", png(9, 51)), ("b.wav", sound())]).unwrap();
    assert_eq!(both.get("video").unwrap().shape(), [1, 2, 4, 4, 3]);
    assert!(both.get("video").unwrap().data().to_f32().iter().all(|value| *value == 0.2));
    let heard = both.get("sound").unwrap().data().to_f32();
    for (at, value) in heard.iter().enumerate() {
        // 16 bits a sample.
        assert!((value - [0.1, 0.2, 0.3, 0.4][at % 4]).abs() < 1e-4, "{heard:?}");
    }
    let alone = check(&[("take.2.wav", sound())]).unwrap();
    assert!(alone.get("video").is_none());
    // What a file is, its bytes say.
    for (name, bytes, modality) in [
        ("sound", sound(), "sound"),
        ("a.png", sound(), "sound"),
        ("a.sound.data", sound(), "sound"),
        ("a.v1.2", png(9, 51), "video"),
        ("a.wav", png(9, 51), "video"),
    ] {
        let found = check(&[(name, bytes)]).unwrap();
        assert!(found.get(modality).is_some(), "{name}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
        // Some systems have no such names.
        if fs::write(&path, png(9, 51)).is_ok() {
            assert!(read(&model(SPEC), &[path]).unwrap().get("video").is_some());
        }
    }
    let long: Vec<f32> = (0..30_u8).map(|at| f32::from(at) / 100.0).collect();
    let long = check(&[("b.wav", wav(100, &[long]))]).unwrap();
    // The model's frames last two seconds, more than the sound, so that both begin at its beginning.
    let first = long.get("sound").unwrap().data().to_f32()[0];
    assert!(first.abs() < 1e-4, "{first}");
    let long: Vec<f32> = (0..210_u8).map(|at| f32::from(at) / 300.0).collect();
    let long = check(&[("b.wav", wav(100, &[long]))]).unwrap();
    // The middle of what is longer: of 0.1 s, half.
    let first = long.get("sound").unwrap().data().to_f32()[0];
    assert!((first - 5.0 / 300.0).abs() < 1e-4, "{first}");
}

#[test]
fn wrong_files_say_why() {
    for (files, words) in [
        (vec![("a.xyz", b"words".to_vec())], "neither its extension nor its content tells"),
        (vec![("a.png", vec![])], "neither a PNG nor a JPEG"),
        (vec![("a.wav", vec![])], "no sound that can be decoded"),
        (vec![("a.png", png(3, 0)), ("b.png", png(3, 0))], "another file is the `video` already"),
    ] {
        let said = check(&files).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    let said = read(&model(SPEC), &[PathBuf::from("/nonexistent/a.png")]).unwrap_err().to_string();
    assert!(said.contains("a.png: No such file"), "{said}");
    if Path::new("/dev/zero").exists() {
        let folder = TempDir::new().unwrap();
        let link = folder.path().join("endless.wav");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let said = read(&model(SPEC), &[link]).unwrap_err().to_string();
        assert!(said.contains("not a file"), "{said}");
    }
}

/// A file made by `ffmpeg` out of a description; none where it cannot.
fn made(folder: &Path, name: &str, arguments: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "quiet", "-nostdin", "-y"]).args(arguments.split_whitespace()).arg(&path);
    command.status().ok()?.success().then_some(path)
}

const TONE: &str = "-f lavfi -i sine=frequency=500:sample_rate=44100:duration=3";

#[test]
fn every_codec_of_sound_gives_the_tone() {
    const SPEC: &str = "model m {
      modality sound = wave(rate: 16000, seconds: 1) |> spectrogram(window: 320, hop: 320)
      tokens s = sound |> patches(1, 50) |> linear(2)
      output o = s |> pool(mean)
    }";
    let folder = TempDir::new().unwrap();
    for name in ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.opus"] {
        let codec = if name == "a.ogg" { "-c:a libvorbis" } else { "" };
        let Some(path) = made(folder.path(), name, &format!("{TONE} {codec}")) else { continue };
        let tensors = read(&model(SPEC), std::slice::from_ref(&path)).unwrap();
        // A name that says nothing, or what is wrong, changes nothing.
        for other in ["sound", "b.wav", "b.mp3", "b.png"] {
            let other = folder.path().join(other);
            fs::copy(&path, &other).unwrap();
            let again = read(&model(SPEC), &[other]).unwrap();
            let same = again
                .get("sound")
                .is_some_and(|sound| sound.same_bits(tensors.get("sound").unwrap()));
            assert!(same, "{name}");
        }
        let powers = tensors.get("sound").unwrap().data().to_f32();
        for frame in 1..49 {
            let power = |bin: usize| powers[bin * 50 + frame];
            let loudest = (0..257).max_by(|a, b| power(*a).total_cmp(&power(*b)));
            // 500 Hz are 16 steps of 16,000 / 512.
            assert_eq!(loudest, Some(16), "{name}");
            assert!(
                (0..257)
                    .filter(|bin| !(10..=22).contains(bin))
                    .all(|bin| power(bin) < power(16) / 1000.0),
                "{name}"
            );
        }
    }
}

#[test]
fn videos_give_frames_and_sound_of_one_time() {
    const SPEC: &str = "model m {
      modality video = frames(count: 4, fps: 2, size: 8)
      modality sound = wave(rate: 8000, seconds: 2)
      tokens v = video |> patches(1, 8, 8) |> linear(2)
      tokens s = sound |> patches(4000) |> linear(2)
      output o = concat(v, s) |> pool(mean)
    }";
    let folder = TempDir::new().unwrap();
    // Two seconds of silence and black, then a tone and white.
    let pictures = "-f lavfi -i color=black:size=64x48:rate=10:duration=4,geq=lum='if(gt(T,1.95),235,16)':cb=128:cr=128";
    let tone = "-f lavfi -i aevalsrc='if(gt(t,2),0.5*sin(3000*t),0)':s=16000:d=4";
    for (name, only) in
        [("both.mp4", ""), ("both.mkv", ""), ("silent.mp4", "-an"), ("dark.mkv", "-vn")]
    {
        let arguments = format!("{pictures} {tone} {only}");
        let Some(path) = made(folder.path(), name, &arguments) else { continue };
        let tensors = read(&model(SPEC), std::slice::from_ref(&path)).unwrap();
        assert_eq!(tensors.get("video").is_some(), only != "-vn", "{name}");
        assert_eq!(tensors.get("sound").is_some(), only != "-an", "{name}");
        // The middle begins after one second, so that the change comes after one more: half way.
        if let Some(video) = tensors.get("video") {
            let video = video.data().to_f32();
            let light =
                |frame: usize| video[frame * 192..(frame + 1) * 192].iter().sum::<f32>() / 192.0;
            assert!(light(1) < 0.1 && light(2) > 0.9, "{name}: {:?}", [0, 1, 2, 3].map(light));
        }
        if let Some(sound) = tensors.get("sound") {
            let sound = sound.data().to_f32();
            let loud = |part: &[f32]| {
                part.iter().map(|value| value.abs()).sum::<f32>() / part.len() as f32
            };
            assert!(loud(&sound[..7500]) < 0.01 && loud(&sound[8500..]) > 0.2, "{name}");
        }
    }
    if let Some(path) =
        made(folder.path(), "whole.mp4", &format!("-f lavfi -i testsrc=duration=1 {TONE}"))
    {
        let bytes = fs::read(&path).unwrap();
        let cut = folder.path().join("cut.mp4");
        fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        assert!(read(&model(SPEC), &[cut]).unwrap_err().to_string().contains("cut short"));
        let list = folder.path().join("list.mp4");
        fs::write(&list, "#EXTM3U\n#EXTINF:1,\nwhole.mp4\n").unwrap();
        assert!(read(&model(SPEC), &[list]).is_err());
    }
}

#[test]
fn a_sound_of_its_own_goes_before_that_of_a_video() {
    let folder = TempDir::new().unwrap();
    let pictures = "-f lavfi -i testsrc=d=2:s=32x32:r=5";
    let Some(video) = made(folder.path(), "a.mp4", &format!("{pictures} {TONE}")) else { return };
    let sound = folder.path().join("a.wav");
    fs::write(&sound, wav(100, &[vec![0.25; 10]])).unwrap();
    for files in [[video.clone(), sound.clone()], [sound, video]] {
        let tensors = read(&model(SPEC), &files).unwrap();
        assert!(tensors.get("video").is_some());
        let heard = tensors.get("sound").unwrap().data().to_f32();
        assert!(heard.iter().all(|value| (value - 0.25).abs() < 1e-4), "{heard:?}");
    }
}
