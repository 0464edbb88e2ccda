//! `zorro audit`: every model is pure, and leaks are found.

use std::fs;
use std::path::Path;

use serde_json::Value;
use zorro::{AuditOptions, Cell, Options, audit, check_file};

use super::cli::{Run, zorro};

/// What makes a transformer of `models/` small: two layers, a picture of 2 x 2 patches in 2 frames, 2 x 4 of sound.
const SMALL: &str = "dim=8 depth=2 heads=2 patch=4 size=8 n_frames=2 seconds=0.16 bins=8 classes=3";

/// Audits a model of `models/` at a small size; the table, a letter a cell, and all that failed.
fn found(name: &str, settings: &str, batch: usize, pure: &[&str]) -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{name}.zorro"));
    let set = settings.split(' ').map(|setting| {
        let (name, value) = setting.split_once('=').expect("a setting");
        (name.to_owned(), value.to_owned())
    });
    let outcome = check_file(&path, &Options { set: set.collect() }).expect("it can be read");
    let checked = outcome.checked.unwrap_or_else(|| panic!("{name}: {:?}", outcome.diagnostics));
    let pure = pure.iter().map(|promise| {
        let (output, only) = promise.split_once('=').expect("a promise");
        (output.to_owned(), only.split(',').map(str::to_owned).collect())
    });
    let options = AuditOptions { batch, pure: pure.collect(), ..AuditOptions::default() };
    let audit = audit(&checked, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    let rows = audit.outputs.iter().map(|row| {
        let letter = |cell: &Cell| match cell {
            Cell::Pure => '-',
            Cell::Sees => 'x',
            Cell::MaySee => '?',
            Cell::Leaks => 'L',
        };
        row.cells.iter().map(letter).collect::<String>()
    });
    let failures = if audit.passed() { String::new() } else { audit::text(&audit) };
    (rows.collect::<Vec<_>>().join(" "), failures)
}

/// A model passes, and its table is this: a word an output, a letter a modality.
#[track_caller]
fn check(name: &str, settings: &str, table: &str) {
    let (found, failures) = found(name, settings, 4, &[]);
    assert_eq!((found.as_str(), failures.as_str()), (table, ""), "{name}");
}

#[test]
fn transformers_are_pure() {
    let projected = format!("{SMALL} hidden=6 embed_dim=5");
    let fused = format!("{projected} fusion_tokens=3");
    check("zorro_vit", &fused, "x- -x xx xx x- -x xx");
    check("zorro_vit_late", &format!("{fused} fusion_start=1"), "x- -x xx xx x- -x xx");
    check("zorro_vit_streams", &fused, "x- -x xx xx x- -x xx");
    check("two_streams", &projected, "x- -x x- -x");
    check(
        "trimodal",
        &format!("{fused} length=5 vocabulary=11"),
        "x-- -x- --x xxx xxx x-- -x- --x",
    );
    check("vit", "dim=8 depth=2 heads=2 patch=4 size=8 classes=3", "x");
    // From the second of three layers on; where fusion begins at once, no layer has asserts.
    let deeper = SMALL.replace("depth=2", "depth=3");
    check("mbt", &format!("{deeper} fusion_start=1 fusion_tokens=2"), "xx xx xx");
}

#[test]
fn other_architectures_are_pure() {
    check(
        "perceiver",
        "dim=8 n_latents=4 cycles=1 depth=1 heads=2 bands=2 patch=4 size=8 n_frames=2 seconds=0.16 \
         bins=8 classes=3",
        "xx",
    );
    check(
        "clip",
        "photo_dim=8 photo_depth=1 photo_heads=2 patch=4 size=8 text_dim=8 text_depth=1 text_heads=2 \
         length=5 vocabulary=11 embed_dim=5",
        "x- -x",
    );
    let head = "fusion_tokens=4 classes=3 hidden=6 embed_dim=5";
    check(
        "zorro_hip",
        &format!(
            "channels=[8,16] n_groups=[2,1] n_latents=[4,3] self_attends=[1,1] heads=[1,2] bands=2 {head} \
             size=32 n_frames=2 seconds=0.32 bins=16"
        ),
        "x- -x xx xx x- -x xx",
    );
    check(
        "zorro_swin",
        &format!(
            "base=8 depths=[2,2] heads=[1,2] video_window=[1,2,2] audio_window=[2,2] {head} size=16 \
             n_frames=2 seconds=0.16 bins=16"
        ),
        "x- -x xx xx x- -x xx",
    );
}

/// Outputs that see all: without asserts they are held to their names, and fail; promised so, they pass.
#[test]
fn mixing_models_fail_by_their_names_and_pass_by_promises() {
    let settings = format!("{SMALL} fusion_tokens=2");
    for name in ["input_level", "bottleneck"] {
        let (table, failures) = found(name, &settings, 2, &[]);
        assert_eq!(table, "xL Lx xx xx", "{name}");
        assert!(failures.contains("`video_logits` reads `audio`, which its name forbids it"));
        let (table, failures) = found(name, &settings, 2, &["video_logits=video,audio"]);
        assert_eq!((table.as_str(), failures.as_str()), ("xx xx xx xx", ""), "{name}");
        let (table, _) = found(name, &settings, 2, &["fusion_logits=video"]);
        assert_eq!(table, "xx xx xL xx", "{name}");
    }
}

/// A model without outputs.
const EMPTY: &str = "model m {
  modality a = tensor([1, 3])
  tokens a = a |> linear(4)
  target t = class(4)
  objective o = cross_entropy(a, t)
}
";

/// A folder with a small Zorro, the same without its asserts, and that one with a leak.
fn specs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/zorro_vit.zorro");
    let pure = fs::read_to_string(path).expect("the model is there");
    let lines = pure.lines().filter(|line| !line.trim_start().starts_with("assert "));
    // The contrastive loss of two mixed streams is refused anyway.
    let lines = lines.map(|line| {
        line.replace("temperature: temperature", "temperature: temperature, collapse: allow")
    });
    let silent = lines.collect::<Vec<_>>().join("\n");
    let leaks = silent.replace("video  <- video\n", "video  <- video, fusion\n");
    assert!(leaks != silent);
    for (name, text) in [("pure", &pure), ("silent", &silent), ("leaks", &leaks)] {
        fs::write(folder.path().join(format!("{name}.zorro")), text).expect("it can be written");
    }
    fs::write(folder.path().join("empty.zorro"), EMPTY).expect("it can be written");
    fs::write(
        folder.path().join("refused.zorro"),
        pure.replace("video  <- video\n", "video  <- video, fusion\n"),
    )
    .expect("it can be written");
    folder
}

fn run(spec: &str, args: &[&str]) -> Run {
    let folder = specs();
    let settings = format!("{SMALL} hidden=6 embed_dim=5 fusion_tokens=3");
    let mut all = vec!["audit", spec, "--threads", "1"];
    if spec != "empty.zorro" {
        all.extend(settings.split(' ').flat_map(|setting| ["--set", setting]));
    }
    all.extend(args);
    zorro(folder.path(), &all, "")
}

#[test]
fn a_leak_is_found_measured_and_explained() {
    let Run { code, stdout, stderr } = run("leaks.zorro", &[]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    for part in [
        "output         video  audio\n\
         video_logits   sees   LEAKS\n\
         audio_logits   pure   sees\n\
         fusion_logits  sees   sees\n",
        "`video_logits` reads `audio`, which its name forbids it\n  \
         `audio` replaced by other noise: 12 of 12 numbers changed, by up to ",
        "  `audio` replaced by NaN: 12 of 12 numbers changed, to what is not finite\n",
        "  `audio` absent: 12 of 12 numbers changed, by up to ",
        "nothing replaced: its gradient with respect to `audio` is not zero: ",
        "gradients, such as that of `",
        "  1. `audio` is made of the modality `audio` (audio.patches)\n  \
         2. `fusion` reads `audio` (layers.0.attend)\n  \
         3. `video` reads `fusion` (layers.1.attend)\n",
    ] {
        assert!(stdout.contains(part), "{part}\nis not in\n{stdout}");
    }
    for part in [
        "note: no assert speaks of `video_logits`, `audio_logits`, `video_z`, `audio_z`: they are held to their names;",
        "error: the audit failed for `video_logits`, `video_z`\n",
    ] {
        assert!(stderr.contains(part), "{part}\nis not in\n{stderr}");
    }
}

/// Exit code, and words on standard output and standard error.
#[track_caller]
fn exits(spec: &str, args: &[&str], code: i32, out: &str, error: &str) {
    let Run { code: found, stdout, stderr } = run(spec, args);
    assert_eq!(found, code, "{spec} {args:?}\n{stdout}{stderr}");
    assert!(stdout.contains(out), "{spec} {args:?} printed\n{stdout}");
    assert!(stderr.contains(error), "{spec} {args:?} complained\n{stderr}");
}

#[test]
fn exit_codes() {
    exits("pure.zorro", &[], 0, "video_z        sees   pure\n", " s\n");
    exits("silent.zorro", &["--batch", "1"], 0, "", "note: a batch of 1 says nothing");
    exits(
        "leaks.zorro",
        &["--pure", "fusion_z=video,audio"],
        0,
        "video_z        sees   sees\n",
        "",
    );
    exits(
        "pure.zorro",
        &["--pure", "global_logits=audio"],
        1,
        "which --pure forbids it",
        "error: ",
    );
    exits("refused.zorro", &[], 1, "", "error[E0701]");
    exits("empty.zorro", &[], 1, "", "no outputs to be audited");
    exits("none.zorro", &[], 1, "", "there is no such file");
    exits("pure.zorro", &["--weights", "none.safetensors"], 1, "", "none.safetensors");
    exits("pure.zorro", &["--pure", "vide=video"], 2, "", "--pure: the model has no output `vide`");
    exits(
        "pure.zorro",
        &["--pure", "video_z=vide"],
        2,
        "",
        "no modality `vide`; it has video, audio",
    );
    exits("pure.zorro", &["--pure", "video_z"], 2, "", "OUTPUT=MODALITY,..");
    exits("pure.zorro", &["--batch", "0"], 2, "", "--batch");
}

#[test]
fn json_says_the_same() {
    let read = |run: &Run| serde_json::from_str::<Value>(&run.stdout).expect("it is JSON");
    let run_pure = run("pure.zorro", &["--format", "json", "--batch", "2"]);
    assert_eq!(run_pure.code, 0, "{}", run_pure.stderr);
    let pure = read(&run_pure);
    assert_eq!((&pure["version"], &pure["audit"]["passed"]), (&Value::from(1), &Value::from(true)));
    let first = &pure["audit"]["outputs"][0];
    assert_eq!(first["modalities"]["audio"], "pure");
    assert_eq!(first["held_by"]["audio"], "assert");
    assert!(first["held_by"]["video"].is_null());
    assert!(pure["audit"]["compared"]["numbers"].as_u64().is_some_and(|numbers| numbers > 10_000));

    let leaks = run("leaks.zorro", &["--format", "json", "--batch", "2"]);
    assert_eq!(leaks.code, 1, "{}", leaks.stderr);
    let leaks = read(&leaks);
    assert_eq!(leaks["audit"]["outputs"][0]["modalities"]["audio"], "LEAKS");
    let failure = &leaks["audit"]["failures"][0];
    assert_eq!(
        (&failure["output"], &failure["modality"]),
        (&"video_logits".into(), &"audio".into())
    );
    assert_eq!(failure["changes"][0]["replacement"], "noise");
    assert!(failure["changes"][0]["largest"].as_f64().is_some_and(|largest| largest > 0.0));
    assert!(
        failure["path"][1].as_str().is_some_and(|hop| hop.starts_with("`fusion` reads `audio`"))
    );
}

/// Frames and sound, each with an output of its own, and one that sees both.
const PAIR: &str = "model pair {
  modality video = frames(count: 2, fps: 4, size: 8)
  modality audio = wave(rate: 8000, seconds: 0.5)
  tokens v = video |> patches(1, 8, 8) |> linear(4)
  tokens a = audio |> patches(400) |> linear(4)
  output video_z = v |> pool(mean)
  output audio_z = a |> pool(mean)
  output both_z = concat(v, a) |> pool(mean)
}
";

/// A file made by `ffmpeg`; false where it cannot.
fn made(folder: &Path, name: &str, arguments: &str) -> bool {
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "quiet", "-nostdin", "-y"]).args(arguments.split_whitespace());
    command.arg(folder.join(name)).status().is_ok_and(|status| status.success())
}

#[test]
fn tracks_of_files_tell_nothing_of_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    fs::write(at.join("pair.zorro"), PAIR).expect("it can be written");
    let pictures = "-f lavfi -i testsrc=size=32x32:rate=8:duration=4";
    let sound = "-f lavfi -i anoisesrc=r=8000:d=7:seed=1";
    if !made(at, "long.mkv", &format!("{pictures} {sound} -c:v mpeg4 -c:a pcm_s16le"))
        || !made(at, "short.mkv", &format!("{pictures} {sound} -t 0.5 -c:v mpeg4 -c:a pcm_s16le"))
        || !made(at, "a.png", &format!("{pictures} -frames:v 1"))
        || !made(at, "a.wav", sound)
    {
        return;
    }
    let audit = |args: &[&str]| {
        let all = [&["audit", "pair.zorro", "--threads", "1", "--device", "cpu"], args].concat();
        zorro(at, &all, "")
    };
    let run = audit(&["long.mkv", "short.mkv", "a.png,a.wav"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for table in [
        "long.mkv   without frames  without sound\n\
         fed video  -               pure\n\
         fed audio  place           -\n\
         video_z    sees            pure\n\
         audio_z    place           sees\n\
         both_z     sees            sees\n",
        "short.mkv  without frames  without sound\n\
         fed video  -               pure\n\
         fed audio  pure            -\n\
         video_z    sees            pure\n\
         audio_z    pure            sees\n\
         both_z     sees            sees\n",
        "a.png,a.wav  without a.png  without a.wav\n\
         fed video    -              pure\n\
         fed audio    pure           -\n",
    ] {
        assert!(run.stdout.contains(table), "{table}\nis not in\n{}", run.stdout);
    }
    assert!(run.stderr.contains("begins at 1.75 s with the frames and at 3.25 s without"));
    // A promise that the model does not keep.
    let run = audit(&["short.mkv", "--pure", "both_z=video", "--format", "json"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let found: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(found["files"]["passed"], false);
    let row = &found["files"]["samples"][0]["rows"][4];
    assert_eq!((&row["name"], &row["without"]["sound"]), (&"both_z".into(), &"LEAKS".into()));
    let run = audit(&["none.mkv"]);
    assert!(run.code == 1 && run.stderr.contains("none.mkv"), "{}", run.stderr);
}
