//! `zorro train`, `eval` and `infer` from outside, on runs of a few steps: what they print and leave, and what kills and full
//! disks leave.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cli::{Run, zorro};

/// The model of `zorro new`, made small.
const SMALL: &str = "\
spec: tiny.zorro
set: { dim: 8, depth: 1, heads: 2 }
objective: supervised
data:
  train: { sources: [ { synthetic: { samples: 24 } } ] }
  eval: { sources: [ { synthetic: { samples: 12, first: 1000 } } ] }
batch: 6
steps: 8
rate: { peak: 0.001 }
optimizer: { clip: 1 }
device: cpu
checkpoints: { every: 2 }
eval: { every: 4 }
log: { every: 1 }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = zorro(folder.path(), &["new", "tiny"], "");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let at = |name: &str| folder.path().join("tiny").join(name);
    fs::rename(at("tiny.zorro"), folder.path().join("tiny.zorro")).expect("it is there");
    write(folder.path(), SMALL);
    folder
}

fn write(folder: &Path, config: &str) {
    fs::write(folder.join("run.yaml"), config).expect("it is written");
}

/// Runs zorro, which must do its work.
#[track_caller]
fn works(folder: &Path, args: &[&str]) -> Run {
    let run = zorro(folder, args, "");
    assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
    run
}

/// Runs zorro, which must fail with these words.
#[track_caller]
fn fails(folder: &Path, args: &[&str], code: i32, words: &[&str]) {
    let run = zorro(folder, args, "");
    assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{args:?}: {}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "no `{word}` in: {}", run.stderr);
    }
}

fn weights(folder: &Path, run: &str, step: u64) -> Vec<u8> {
    let path = format!("{run}/checkpoints/step-{step:09}/weights.safetensors");
    fs::read(folder.join(path)).expect("it is there")
}

#[test]
fn from_nothing_to_answers() {
    let folder = folder();
    let folder = folder.path();
    let run = works(folder, &["train", "run.yaml"]);
    assert!(
        run.stdout.starts_with("accuracy of label, %") && run.stdout.contains("audio alone"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.ends_with("checkpoint run/checkpoints/step-000000008\n"), "{}", run.stdout);
    assert!(
        run.stderr.contains("step 8/8 loss ") && !run.stderr.contains('\u{1b}'),
        "{}",
        run.stderr
    );
    for file in
        ["log.jsonl", "curves.svg", "tensorboard", "checkpoints/step-000000008/manifest.json"]
    {
        assert!(folder.join("run").join(file).exists(), "{file}");
    }
    fails(folder, &["train", "run.yaml"], 1, &["has a run already", "--resume"]);

    // The spec and the configuration may be gone: a checkpoint has all.
    let text = works(folder, &["eval", "run.yaml"]);
    let table = run.stdout.find(" on 12 samples\n").map(|at| &run.stdout[..at]);
    assert!(text.stdout.starts_with(table.expect("it has samples")), "{}", text.stdout);
    let json = works(folder, &["eval", "run", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["step"], 8);
    let scores = json["evaluation"]["targets"][0]["scores"].as_array().expect("scores");
    assert_eq!(
        scores.len(),
        4 * 3,
        "three outputs and their mean; both modalities, and each alone"
    );
    let alone = |output: &str, given: &str| {
        let found = scores
            .iter()
            .find(|row| row["output"] == output && row["given"] == serde_json::json!([given]));
        found.expect("it is there")["score"].clone()
    };
    assert!(alone("video_logits", "audio").is_null() && alone("audio_logits", "audio").is_number());
    let train = works(folder, &["eval", "run", "--set-of", "train", "--batch", "5"]);
    assert!(train.stdout.contains("on 24 samples"), "{}", train.stdout);

    evaluations(folder);
    let again = works(folder, &["train", "run.yaml", "--resume"]);
    assert!(again.stderr.contains("all steps were made"), "{}", again.stderr);
    answers(folder);
}

/// What can be asked of `eval` beyond scores.
fn evaluations(folder: &Path) {
    let text = works(folder, &["eval", "run.yaml", "--absent", "dropped,zeroed"]).stdout;
    let first = text.lines().next().expect("a table");
    let heads = ["all", "video alone", "audio alone", "video, audio zeroed", "audio, video zeroed"];
    assert!(heads.iter().all(|head| first.contains(head)), "{text}");
    assert!(text.contains("label in top 5, %"), "{text}");
    let args = [
        "eval",
        "run",
        "--data",
        "run.yaml",
        "--objective",
        "contrastive",
        "--absent",
        "zeroed",
        "--probe",
        "label",
        "--format",
        "json",
        "--plot",
        "scores.svg",
    ];
    let json: Value = serde_json::from_str(&works(folder, &args).stdout).expect("JSON");
    let evaluation = &json["evaluation"];
    assert_eq!(evaluation["objective"], "contrastive");
    assert_eq!(evaluation["targets"], serde_json::json!([]));
    let retrieval = evaluation["retrieval"].as_array().expect("retrieval");
    assert_eq!(retrieval.len(), 2 * 3, "both directions, all modalities, and each alone");
    let one = &retrieval[0];
    assert_eq!(
        (&one["from"], &one["by"], &one["queries"]),
        (&"video_embedding".into(), &"label".into(), &12.into())
    );
    assert!(one["recall"]["10"].as_f64() >= one["recall"]["1"].as_f64(), "{one}");
    let probe = &json["probe"];
    assert_eq!(probe["samples"], serde_json::json!({ "train": 24, "eval": 12 }));
    let scores = probe["scores"].as_array().expect("scores");
    assert_eq!(scores.len(), 3 * 3, "two outputs and their mean; all, and each alone");
    assert!(scores.iter().all(|row| row["score"].is_number() && row["train"].is_number()));
    let svg = fs::read_to_string(folder.join("scores.svg")).expect("it is there");
    assert!(svg.starts_with("<svg ") && svg.contains("accuracy of label by probes"), "{svg}");
    let probed = ["eval", "run.yaml", "--probe", "label", "--probe-outputs", "audio_embedding"];
    let more = ["--probe-samples", "10", "--probe-decay", "0.1", "--plot", "scores.png"];
    let text = works(folder, &[&probed[..], &more[..]].concat()).stdout;
    let told = "on 12 samples (in brackets: on the 10 that were fitted); decay 0.1";
    assert!(text.contains(told) && !text.contains("video_embedding"), "{text}");
    assert!(fs::read(folder.join("scores.png")).expect("it is there").starts_with(b"\x89PNG"));
    let wrong = |args: &[&str], code: i32, words: &str| {
        fails(folder, &[&["eval", "run.yaml"], args].concat(), code, &[words]);
    };
    wrong(&["--objective", "contrastiv"], 2, "did you mean `contrastive`?");
    wrong(&["--probe", "lable"], 1, "did you mean `label`?");
    wrong(&["--probe", "label", "--probe-outputs", "x"], 1, "no output `x`");
    wrong(&["--probe-samples", "3"], 2, "--probe");
    wrong(&["--probe", "label", "--probe-decay=-1"], 2, "--probe-decay");
    wrong(&["--absent", "gone"], 2, "dropped, zeroed");
    wrong(&["--plot", "scores.pdf"], 2, ".svg or .png");
    let clips = SMALL.replace("eval: { sources", "eval: { clips: 3, sources");
    fs::write(folder.join("clips.yaml"), clips).expect("it is written");
    let text = works(folder, &["eval", "run", "--data", "clips.yaml"]).stdout;
    assert!(text.contains("on 12 samples"), "{text}");
}

fn answers(folder: &Path) {
    fs::write(folder.join("tone.wav"), wave()).expect("it is written");
    fs::write(folder.join("gray.png"), picture()).expect("it is written");
    let sound = works(folder, &["infer", "run", "tone.wav"]).stdout;
    assert_eq!(sound.lines().count(), 3, "{sound}");
    assert!(!sound.contains("video_logits") && sound.contains("mean"), "{sound}");
    let both = works(folder, &["infer", "run", "gray.png,tone.wav", "--format", "json"]).stdout;
    let both: Value = serde_json::from_str(&both).expect("JSON");
    assert_eq!(both["given"], serde_json::json!(["video", "audio"]));
    assert_eq!(both["outputs"].as_object().expect("outputs").len(), 4);
    let alone = works(folder, &["infer", "run", "tone.wav", "gray.png", "--format", "json"]).stdout;
    let alone: Vec<Value> =
        alone.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(alone.len(), 2);
    // The same to the last bit, whatever else a sample has.
    assert_eq!(alone[0]["outputs"]["audio_logits"], both["outputs"]["audio_logits"]);
    assert_eq!(alone[1]["outputs"]["video_logits"], both["outputs"]["video_logits"]);
    let pairs =
        works(folder, &["infer", "run", "--pairs", "gray.png", "tone.wav", "--top", "1"]).stdout;
    assert_eq!(pairs.lines().count(), 4, "{pairs}");
    let embedded =
        works(folder, &["infer", "run", "tone.wav", "--embed", "--format", "json"]).stdout;
    let embedded: Value = serde_json::from_str(&embedded).expect("JSON");
    assert_eq!(embedded["outputs"]["audio_embedding"].as_array().expect("numbers").len(), 64);
    // Outputs that are asked for are given, whether they name classes or not.
    let asked = ["infer", "run", "tone.wav", "--format", "json", "--outputs"];
    let asked = |args: &[&str]| -> Value {
        let text = works(folder, &[&asked[..], args].concat()).stdout;
        serde_json::from_str(&text).expect("JSON")
    };
    let mixed = asked(&["audio_embedding,audio_logits"]);
    assert_eq!(mixed["outputs"]["audio_embedding"], embedded["outputs"]["audio_embedding"]);
    assert!(mixed["outputs"]["audio_logits"][0]["probability"].is_number(), "{mixed}");
    let numbers = asked(&["audio_logits", "--embed"]);
    assert_eq!(numbers["outputs"]["audio_logits"].as_array().map(Vec::len), Some(10));
    let why = ["there is audio alone, and `video_embedding` needs video"];
    fails(folder, &["infer", "run", "tone.wav", "--outputs", "video_embedding"], 1, &why);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"t\xffne.wav");
        fs::copy(folder.join("tone.wav"), folder.join(name)).expect("it is copied");
        let mut both = name.to_owned();
        both.push(",gray.png");
        let run = Command::new(env!("CARGO_BIN_EXE_zorro"))
            .args(["infer", "run", "--top", "1"])
            .args([name, &both])
            .current_dir(folder)
            .output()
            .expect("zorro starts");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("t\u{fffd}ne.wav,gray.png"), "{said}");
    }
    fails(folder, &["infer", "run", "none.wav"], 1, &["none.wav"]);
    fails(folder, &["infer", "nowhere", "tone.wav"], 1, &["no checkpoint"]);
    fails(folder, &["infer", "run", "--pairs", "tone.wav"], 2, &["even number"]);
    fails(folder, &["infer", "run", "tone.wav,"], 2, &["one without a name"]);
    fails(folder, &["infer", "run", "tone.wav", "--outputs", "x"], 2, &["no output `x`"]);
    let mixed = zorro(folder, &["infer", "run", "none.wav", "tone.wav"], "");
    assert_eq!((mixed.code, mixed.stdout.as_str()), (1, sound.as_str()), "{}", mixed.stderr);
}

#[test]
fn wrong_use() {
    let folder = folder();
    let folder = folder.path();
    fails(folder, &["train", "none.yaml"], 1, &["cannot read `none.yaml`"]);
    fails(folder, &["train", "run.yaml", "--resume"], 1, &["no checkpoint to go on from"]);
    fails(folder, &["train", "run.yaml", "--steps", "0"], 2, &["--steps"]);
    fails(folder, &["train", "run.yaml", "--set", "dmi=3"], 1, &["dim"]);
    fails(folder, &["eval", "run.yaml"], 1, &["no checkpoint"]);
    write(folder, &SMALL.replace("batch:", "bacth:"));
    fails(
        folder,
        &["train", "run.yaml"],
        1,
        &["there is no `bacth` here", "run.yaml:7:1", "bacth: 6", "did you mean `batch`?"],
    );
    write(folder, &SMALL.replace("train: { sources", "train: { clips: 2, sources"));
    fails(folder, &["train", "run.yaml"], 1, &["`clips` is for `data.eval`", "run.yaml:5:19"]);
    write(folder, &SMALL.replace("samples: 24", "samples: 24, modalities: [vidoe]"));
    fails(folder, &["train", "run.yaml"], 1, &["run.yaml:5", "vidoe"]);
    write(folder, &SMALL.replace("objective: supervised\n", ""));
    fails(folder, &["train", "run.yaml"], 1, &["several objectives", "supervised, contrastive"]);
    write(folder, &SMALL.replace("tiny.zorro", "none.zorro"));
    fails(folder, &["train", "run.yaml"], 1, &["cannot read `none.zorro`", "run.yaml:"]);
    write(folder, &SMALL.replace("{ dim: 8", "{ dmi: 8"));
    fails(folder, &["train", "run.yaml"], 1, &["run.yaml:2:8", "dmi", "dim"]);
    write(folder, &SMALL.replace("depth: 1", "depth: '1 +'"));
    fails(folder, &["train", "run.yaml"], 1, &["run.yaml:2:2"]);
    fails(folder, &["train", "run.yaml", "--set", "depth=1 +"], 1, &["--set:1:"]);
    write(folder, &SMALL.replace("depth: 1", "depth: [1, 2]"));
    fails(folder, &["train", "run.yaml"], 1, &["run.yaml:2:"]);
    for (from, to, words) in [
        ("device: cpu", "device: cpu\nthreads: 65535", "at most 1024"),
        ("clip: 1 ", "eps: 1e39 ", "1e-30"),
        ("clip: 1 ", "clip: 1e-46 ", "1e-12"),
        ("peak: 0.001", "peak: 1e-46", "1e-12"),
        ("device: cpu", "device: cpu\nfrozen: ['**']", "are frozen"),
        ("objective: supervised", "frozen: ['**']\nobjective: contrastive", "are frozen"),
        ("samples: 24", "samples: 1", "there is one alone"),
        ("batch: 6", "batch: 1\nseed: 1", "supervised"),
    ] {
        if to.starts_with("samples") {
            let text = SMALL.replace("objective: supervised", "objective: contrastive");
            write(folder, &text.replace(from, to));
            fails(folder, &["train", "run.yaml"], 1, &["run.yaml:5", words]);
            continue;
        }
        if to.starts_with("batch") {
            // Beside a term that is learned, nothing is wrong with a batch of one.
            write(folder, &SMALL.replace(from, to));
            works(folder, &["train", "run.yaml", "--folder", "ones", "--steps", "1"]);
            write(
                folder,
                &SMALL.replace(from, to).replace("objective: supervised", "objective: contrastive"),
            );
            fails(
                folder,
                &["train", "run.yaml"],
                1,
                &["run.yaml:", "in a batch of 1 there are none"],
            );
            continue;
        }
        write(folder, &SMALL.replace(from, to));
        fails(folder, &["train", "run.yaml"], 1, &["run.yaml:", words]);
    }
    write(folder, &format!("{SMALL}init: {{ from: none }}\n"));
    let words = ["there is no `none`", "run.yaml:", "a run's folder"];
    fails(folder, &["train", "run.yaml", "--folder", "other"], 1, &words);
    assert!(!folder.join("other").exists(), "nothing is made before it is known to work");
}

fn start(folder: &Path, args: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_zorro"))
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zorro starts")
}

/// Waits until a file is there.
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills at many moments, and goes on each time; the last weights are those of a run that nobody killed.
#[cfg(unix)]
#[test]
fn kills_cost_nothing_but_time() {
    let folder = folder();
    let folder = folder.path();
    write(folder, &SMALL.replace("every: 2", "every: 1"));
    works(folder, &["train", "run.yaml", "--steps", "30", "--folder", "whole", "--quiet"]);
    let args = ["train", "run.yaml", "--steps", "30", "--folder", "cut", "--quiet"];
    for (at, step) in [2, 7, 11, 16].into_iter().enumerate() {
        let mut child = if at == 0 {
            start(folder, &args)
        } else {
            start(folder, &[&args[..], &["--resume"]].concat())
        };
        wait_for(&folder.join(format!("cut/checkpoints/step-{step:09}")));
        // At another moment of a step each time.
        std::thread::sleep(Duration::from_millis(7 * at as u64));
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
    }
    let last = works(folder, &[&args[..], &["--resume"]].concat());
    assert!(last.stdout.ends_with("step-000000030\n"), "{}", last.stdout);
    assert!(weights(folder, "cut", 30) == weights(folder, "whole", 30));
    let best = |run: &str| -> Value {
        let path = format!("{run}/checkpoints/step-000000030/manifest.json");
        let text = fs::read_to_string(folder.join(path)).expect("it is there");
        serde_json::from_str::<Value>(&text).expect("JSON")["best"].clone()
    };
    assert_eq!(best("cut"), best("whole"));
    assert!(best("cut").is_object());
    let lines = fs::read_to_string(folder.join("cut/log.jsonl")).expect("a log");
    let evaluations = lines.lines().filter(|line| line.contains("\"eval/loss\"")).count();
    assert_eq!(evaluations, 8, "each once, whether a kill came before or after it");
    let steps: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("whole lines"))
        .filter(|line| line["loss"].is_number())
        .filter_map(|line| line["step"].as_u64())
        .collect();
    assert_eq!(steps, (1..=30).collect::<Vec<u64>>());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let folder = folder();
    let folder = folder.path();
    let args = ["train", "run.yaml", "--steps", "100000"];
    let child = start(folder, &args);
    wait_for(&folder.join("run/checkpoints/step-000000002"));
    // The same folder, meanwhile, also where somebody has deleted the lock.
    fails(folder, &["train", "run.yaml", "--resume"], 1, &["another run works in"]);
    fs::remove_file(folder.join("run/.lock")).expect("it is there");
    fails(folder, &["train", "run.yaml", "--resume"], 1, &["another run works in"]);
    kill("INT", &child);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("stopping after this step")
            && said.contains("`zorro train run.yaml --steps 100000 --resume` goes on"),
        "{said}"
    );
}

#[cfg(unix)]
fn kill(signal: &str, child: &std::process::Child) {
    let status =
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(status.expect("there is kill").success());
}

/// What schedulers send before they kill, perhaps several times.
#[cfg(unix)]
#[test]
fn schedulers_are_heeded() {
    let folder = folder();
    let folder = folder.path();
    for signal in ["USR1", "USR2", "XCPU"] {
        let child = start(folder, &["train", "run.yaml", "--steps", "100000", "--folder", signal]);
        wait_for(&folder.join(signal).join("checkpoints/step-000000002"));
        for _ in 0..3 {
            kill(signal, &child);
        }
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.success() && said.contains("--resume` goes on"), "{signal}: {said}");
    }
}

/// What has no end is not opened.
#[cfg(unix)]
#[test]
fn pipes_are_no_weights() {
    let folder = folder();
    let folder = folder.path();
    let made = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(made.expect("there is mkfifo").success());
    write(folder, &format!("{SMALL}init: {{ from: pipe }}\n"));
    fails(folder, &["train", "run.yaml"], 1, &["run.yaml:", "neither file nor folder"]);
}

/// Files beyond a size cannot be written, as on a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_run_with_its_checkpoints_whole() {
    let folder = folder();
    let folder = folder.path();
    works(folder, &["train", "run.yaml", "--steps", "4", "--quiet"]);
    let limited = format!(
        "ulimit -f 8; exec '{}' train run.yaml --steps 8 --resume",
        env!("CARGO_BIN_EXE_zorro")
    );
    let output = Command::new("bash").args(["-c", &limited]).current_dir(folder).output();
    let output = output.expect("there is bash");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no checkpoint of step 6") && said.contains("step 4 is whole"), "{said}");
    works(folder, &["train", "run.yaml", "--steps", "8", "--resume", "--quiet"]);
    works(folder, &["train", "run.yaml", "--steps", "8", "--folder", "whole", "--quiet"]);
    // The schedule of the first part was that of four steps: only that it goes on is to be seen here.
    assert_eq!(weights(folder, "run", 8).len(), weights(folder, "whole", 8).len());
}

/// A second of silence but for one tone, as a WAV file.
fn wave() -> Vec<u8> {
    let samples: Vec<i16> =
        (0..8000_i16).map(|at| if at % 10 < 5 { 3000 } else { -3000 }).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + 2 * 8000_u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([8000_u32, 16000].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend((2 * 8000_u32).to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

/// A small gray picture as a PNG file.
fn picture() -> Vec<u8> {
    gray_png(8, 8, 128)
}

/// An uncompressed gray PNG.
fn gray_png(width: u32, height: u32, gray: u8) -> Vec<u8> {
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.push(0);
        rows.extend(vec![gray; width as usize]);
    }
    // One stored block of deflate, then the checksum of zlib.
    let length = u16::try_from(rows.len()).expect("small");
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in &rows {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    data.extend(rows);
    data.extend((b << 16 | a).to_be_bytes());
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10];
    for (kind, content) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        bytes.extend(u32::try_from(content.len()).expect("small").to_be_bytes());
        let checked = [&kind[..], &content].concat();
        bytes.extend(&checked);
        bytes.extend(crc(&checked).to_be_bytes());
    }
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
