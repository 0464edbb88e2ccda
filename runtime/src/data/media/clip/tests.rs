//! Files that `ffmpeg` makes for the test: what is fed of them is of the time that their timestamps say.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::{read, read_by, recipe_of};
use crate::Tensors;
use crate::data::config::Clip;
use crate::data::media::parts;
use crate::data::tests::model;

const SPEC: &str = "model m {
  modality video = frames(count: 8, fps: 4, size: 4)
  modality sound = wave(rate: 8000, seconds: 2)
  tokens v = video |> patches(1, 4, 4) |> linear(2)
  tokens s = sound |> patches(4000) |> linear(2)
  output o = concat(v, s) |> pool(mean)
}";

/// A file made by `ffmpeg` out of a description; none where it cannot, as encoders differ.
fn made(folder: &Path, name: &str, arguments: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "quiet", "-nostdin", "-y"]).args(arguments.split_whitespace()).arg(&path);
    command.status().ok()?.success().then_some(path)
}

fn fed(path: &Path) -> Tensors {
    read(&model(SPEC), &[path.to_owned()])
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How light each frame is, 0 to 255.
fn light(tensors: &Tensors) -> Vec<f32> {
    let values = tensors.get("video").unwrap().data().to_f32();
    let mean = |frame: &[f32]| 255.0 * frame.iter().sum::<f32>() / frame.len() as f32;
    values.chunks(values.len() / 8).map(mean).collect()
}

/// How loud a part of the sound is, seconds.
fn loud(tensors: &Tensors, from: f64, to: f64) -> f32 {
    let values = tensors.get("sound").unwrap().data().to_f32();
    let part = &values[(from * 8000.0) as usize..(to * 8000.0) as usize];
    part.iter().map(|value| value.abs()).sum::<f32>() / part.len() as f32
}

/// White, and a tone, for a quarter of a second: from a time on, of a stream so long.
fn flash(from: f64, seconds: f64) -> String {
    let to = from + 0.249;
    format!(
        "-f lavfi -i color=black:size=32x32:rate=20:duration={seconds},geq=lum='if(between(T,{from},{to}),235,16)':cb=128:cr=128"
    )
}

fn tone(from: f64, seconds: f64) -> String {
    let to = from + 0.25;
    format!(
        "-f lavfi -i aevalsrc='if(between(t,{from},{to}),0.5*sin(3000*t),0)':s=16000:d={seconds}"
    )
}

#[test]
fn sound_and_frames_are_of_the_same_time() {
    let folder = TempDir::new().unwrap();
    let together = format!("{} {}", flash(1.0, 2.0), tone(1.0, 2.0));
    let late_sound = format!("{} -itsoffset 0.5 {}", flash(1.0, 2.0), tone(0.5, 1.5));
    let late_frames =
        format!("-itsoffset 0.5 {} {} -c:a pcm_s16le", flash(0.5, 1.5), tone(1.0, 2.0));
    let plain = format!("{together} -c:a pcm_s16le");
    // Packets of a hundredth of a second, of which some are not there.
    let hole = format!(
        "{together} -af asetnsamples=160,aselect='not(between(t,0.3,0.7)+between(t,1.5,1.8))' -c:a pcm_s16le"
    );
    // Packets that are filled from both sides of a hole.
    let filled = format!("{together} -af asetnsamples=160,aselect='not(between(t,0.5,0.985))'");
    let (filled_flac, filled_aac) = (format!("{filled} -c:a flac"), format!("{filled} -c:a aac"));
    let sound_after = format!("{} -itsoffset 1 {}", flash(1.0, 1.3), tone(0.0, 1.0));
    let mut n = 0;
    for (name, arguments) in [
        ("together.mp4", together.as_str()),
        ("together.mkv", &together),
        ("together.avi", &plain),
        ("together.mov", &together),
        ("together.ts", &together),
        ("together.mpg", &together),
        ("together.ogv", &together),
        ("late.mp4", &late_sound),
        ("late.mkv", &late_sound),
        ("late.webm", &late_sound),
        ("late.ts", &late_sound),
        ("frames.mov", &late_frames),
        ("frames.mkv", &late_frames),
        ("hole.mkv", &hole),
        ("filled.mkv", &filled_flac),
        ("filled.mp4", &filled_aac),
        ("filled_aac.mkv", &filled_aac),
        ("after.mkv", &sound_after),
    ] {
        let Some(path) = made(folder.path(), name, arguments) else { continue };
        n += 1;
        let tensors = fed(&path);
        let light = light(&tensors);
        for (at, light) in light.iter().enumerate() {
            assert_eq!(*light > 128.0, at == 4, "{name}: {light:?}");
        }
        let loudness = [(0.0, 0.95), (1.03, 1.22), (1.30, 2.0)].map(|(a, b)| loud(&tensors, a, b));
        assert!(loudness[1] > 0.2, "{name}: {loudness:?}");
        assert!(loudness[0] < 0.02 && loudness[2] < 0.02, "{name}: {loudness:?}");
    }
    assert!(n > 8 || n == 0, "only {n} files could be made");
}

/// Frames whose light tells their number: 16 and 16 more for each, ten a second.
const NUMBERED: &str = "-f lavfi -i color=black:size=48x32:rate=10:duration=1.4,geq=lum='16+16*N':cb=128:cr=128,format=yuv420p";

fn numbers(light: &[f32]) -> Vec<usize> {
    light.iter().map(|light| (light * 219.0 / 255.0 / 16.0).round() as usize).collect()
}

#[test]
fn frames_are_those_that_are_shown() {
    let folder = TempDir::new().unwrap();
    let constant: &[usize] = &[0, 2, 5, 7, 10, 12, 13, 13];
    // From the fifth on twice as long, shown at 0.5, 0.7, ..
    let variable: &[usize] = &[0, 2, 5, 6, 7, 8, 10, 11];
    let slow = "-vf setpts='(if(lt(N,5),N,2*N-5)+0.1)/10/TB' -vsync passthrough -frames:v 12";
    let mut n = 0;
    for (name, more, wanted) in [
        ("plain.mkv", "-c:v ffv1", constant),
        ("open.mp4", "-c:v libx264 -bf 3 -g 5 -x264-params open-gop=1 -qp 1", constant),
        ("mpeg4.avi", "-c:v mpeg4 -q:v 1", constant),
        ("mpeg2.ts", "-c:v mpeg2video -bf 2 -q:v 1", constant),
        ("mpeg2.mpg", "-c:v mpeg2video -bf 2 -q:v 1 -pix_fmt yuv420p -r 25", constant),
        ("ten.mkv", "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none:qp=4", constant),
        ("hundred.mkv", "-c:v ffv1 -output_ts_offset 100", constant),
        ("variable.mkv", &format!("{slow} -c:v ffv1"), variable),
        ("variable.mp4", &format!("{slow} -c:v libx264 -bf 2 -qp 1"), variable),
    ] {
        let Some(path) = made(folder.path(), name, &format!("{NUMBERED} {more}")) else { continue };
        n += 1;
        let light = light(&fed(&path));
        assert_eq!(numbers(&light), wanted, "{name}: {light:?}");
    }
    assert!(n > 3 || n == 0, "only {n} files could be made");
}

#[test]
fn edit_lists_cut_at_their_time() {
    let folder = TempDir::new().unwrap();
    let Some(whole) =
        made(folder.path(), "w.mp4", &format!("{NUMBERED} -c:v libx264 -bf 2 -g 5 -qp 1"))
    else {
        return;
    };
    // Copied from the key frame at 0.5 s on, shown from 0.8 s on.
    let cut = format!("-ss 0.8 -i {} -c copy", whole.display());
    let Some(path) = made(folder.path(), "cut.mp4", &cut) else { return };
    let light = light(&fed(&path));
    assert_eq!(numbers(&light)[..3], [8, 10, 13], "{light:?}");
}

#[test]
fn frames_stand_as_they_are_shown() {
    // Left white, right black; four frames to look at are all alike.
    let half = "-f lavfi -i color=black:size=64x32:rate=4:duration=2,geq=lum='if(lt(X,32),235,16)':cb=128:cr=128";
    let folder = TempDir::new().unwrap();
    let Some(plain) = made(folder.path(), "plain.mp4", half) else { return };
    // The middle square of 32 x 32 has both halves; turned, they lie above each other.
    let sides = |path: &Path| {
        let tensors = fed(path);
        let values = tensors.get("video").unwrap().data().to_f32();
        let at = |row: usize, column: usize| values[(row * 4 + column) * 3] > 0.5;
        [at(0, 0), at(0, 3), at(3, 0), at(3, 3)]
    };
    assert_eq!(sides(&plain), [true, false, true, false]);
    for (name, degrees, wanted) in [
        ("90.mp4", "90", [[true, true, false, false], [false, false, true, true]]),
        ("180.mp4", "180", [[false, true, false, true]; 2]),
    ] {
        let turned = format!("-i {} -c copy -metadata:s:v:0 rotate={degrees}", plain.display());
        let Some(path) = made(folder.path(), name, &turned) else { continue };
        let found = sides(&path);
        // Programs since 6.0 leave out the old way to say so.
        assert!(wanted.contains(&found) || found == sides(&plain), "{name}: {found:?}");
    }
    // Pixels twice as wide as high: the middle quarter of the width is the square now.
    let wide = "-f lavfi -i color=black:size=32x32:rate=4:duration=2,geq=lum='if(between(X,8,23),235,16)':cb=128:cr=128,setsar=2";
    if let Some(path) = made(folder.path(), "wide.mp4", wide) {
        assert_eq!(sides(&path), [true; 4]);
    }
}

#[test]
fn streams_may_end_and_begin_where_they_like() {
    let folder = TempDir::new().unwrap();
    let pictures = |d: f64| format!("-f lavfi -i testsrc=size=32x32:rate=10:duration={d}");
    let tone = |d: f64| format!("-f lavfi -i sine=frequency=500:sample_rate=8000:duration={d}");
    let cover = "-f lavfi -i testsrc=size=32x32:rate=1:duration=1";
    let of_sound = format!("{} {cover} -map 0 -map 1 -disposition:v attached_pic -c:v", tone(3.0));
    let mut n = 0;
    for (name, arguments, has) in [
        ("long-sound.mkv", format!("{} {}", pictures(2.0), tone(7.0)), [true, true]),
        ("short-sound.mkv", format!("{} {}", pictures(7.0), tone(2.0)), [true, true]),
        ("never.mkv", format!("{} -itsoffset 5 {}", pictures(2.0), tone(1.0)), [true, true]),
        ("one.mp4", format!("{} {}", pictures(0.1), tone(4.0)), [true, true]),
        ("no-sound.mp4", format!("{} -an", pictures(3.0)), [true, false]),
        ("only-sound.mp4", tone(7.0), [false, true]),
        ("cover.m4a", format!("{of_sound} png"), [false, true]),
        (
            "cover.mkv",
            format!("{} {cover} -map 0 -map 1 -c:v mjpeg -pix_fmt yuvj420p -frames:v 1", tone(3.0)),
            [false, true],
        ),
    ] {
        let Some(path) = made(folder.path(), name, &arguments) else { continue };
        n += 1;
        for (clip, part) in [
            (Clip::Middle, None),
            (Clip::Start, None),
            (Clip::Random, Some((0, 3))),
            (Clip::Random, Some((2, 3))),
        ] {
            let found = taken(&path, clip, part);
            assert_eq!(found, has, "{name} {clip:?} {part:?}");
        }
    }
    assert!(n > 4 || n == 0, "only {n} files could be made");
    if let Some(path) =
        made(folder.path(), "short.mkv", &format!("{} {}", pictures(7.0), tone(2.0)))
    {
        // The middle of the frames is from 2.5 s on, when the sound has ended.
        assert!(loud(&fed(&path), 0.0, 2.0) == 0.0);
    }
}

/// Whether there are frames and sound of a clip.
fn taken(path: &Path, clip: Clip, part: Option<(u64, u64)>) -> [bool; 2] {
    let model = model(SPEC);
    let recipe = recipe_of(&model);
    let hosts: Vec<_> = recipe.hosts.iter().enumerate().collect();
    let moment = super::Moment { seed: 0, at: 0, is_training: false, clip, part };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let found = super::videos(extension, &super::Content::Path(path), &hosts, &recipe, &moment);
    let found = found.unwrap_or_else(|trouble| panic!("{}: {trouble:?}", path.display()));
    [0, 1].map(|at| found.iter().any(|(host, _)| *host == at))
}

#[test]
fn clips_are_cut_out_of_the_whole() {
    let folder = TempDir::new().unwrap();
    let pictures = "-f lavfi -i testsrc=size=32x32:rate=25:duration=6";
    let noise = "-f lavfi -i anoisesrc=r=8000:d=6:seed=1";
    for (name, more) in [
        ("a.mp4", "-c:v libx264 -g 40 -bf 3 -c:a aac"),
        ("a.mkv", "-c:v libx264 -g 40 -x264-params open-gop=1 -c:a flac"),
        ("a.ts", "-c:v mpeg2video -bf 2 -g 40 -c:a mp2 -ar 16000"),
    ] {
        let Some(path) = made(folder.path(), name, &format!("{pictures} {noise} {more}")) else {
            continue;
        };
        let model = model(SPEC);
        let mut recipe = recipe_of(&model);
        let zero =
            if name == "a.ts" { parts::begins(&model, &path).unwrap().unwrap() - 2.0 } else { 0.0 };
        let mut at = |begin: f64| {
            recipe.begin = Some(zero + begin);
            read_by(&recipe, std::slice::from_ref(&path)).unwrap()
        };
        // Clips that begin a quarter of a second apart share seven frames, and all sound but a quarter of a second.
        for begin in [0.0, 1.0, 2.25, 3.5] {
            let (one, next) = (at(begin), at(begin + 0.25));
            let of = |tensors: &Tensors, name: &str| {
                tensors.get(name).unwrap().data().as_f32().expect("single numbers").to_vec()
            };
            let (frames, later) = (of(&one, "video"), of(&next, "video"));
            assert!(frames[48..] == later[..later.len() - 48], "{name} from {begin} s");
            let (samples, later) = (of(&one, "sound"), of(&next, "sound"));
            let apart = samples[2000..15_000].iter().zip(&later).map(|(a, b)| (a - b).abs());
            let most = apart.fold(0.0, f32::max);
            assert!(most < 1e-4, "{name} from {begin} s: {most}");
        }
    }
}

#[test]
fn what_is_cut_short_is_broken() {
    let folder = TempDir::new().unwrap();
    let inputs = format!("{} {}", flash(1.0, 2.0), tone(1.0, 2.0));
    for (name, arguments) in [
        ("whole.mp4", format!("{inputs} -c:v mpeg4 -c:a aac -movflags faststart")),
        ("whole.mkv", format!("{inputs} -c:v mpeg4 -c:a flac")),
        ("whole.avi", format!("{inputs} -c:v mpeg4 -c:a pcm_s16le")),
        ("whole.m4a", format!("{} -c:a aac -movflags faststart", tone(1.0, 2.0))),
        ("whole.caf", format!("{} -c:a pcm_s16le", tone(1.0, 2.0))),
    ] {
        let Some(path) = made(folder.path(), name, &arguments) else { continue };
        fed(&path);
        let bytes = std::fs::read(&path).unwrap();
        let cut = path.with_file_name(name.replace("whole", "cut"));
        std::fs::write(&cut, &bytes[..bytes.len() * 4 / 5]).unwrap();
        let error = read(&model(SPEC), &[cut]).unwrap_err().to_string();
        assert!(error.contains("cut short"), "{name}: {error}");
    }
}
