//! The commands that check specs, from outside: the built binary in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const PAIR: &str = "\
model pair {
  param dim = 8
  modality video = image(size: 32)
  modality audio = wave(rate: 16000, seconds: 1) |> logmel(bins: 64, window: 400, hop: 160)
  tokens video  = video |> patches(16, 16) |> linear(dim)
  tokens audio  = audio |> crop(64, 96) |> patches(16, 16) |> linear(dim)
  tokens fusion = latents(2, dim)
  layers: repeat 2 { apply vit(heads: 2) over { video <- video; audio <- audio; fusion <- * } }
  output video_vector = video |> pool(mean)
  output all_vector   = fusion |> pool(mean)
  output audio_vector = audio |> pool(mean)
  assert video reads only video
}
";

/// Standard blocks that let fusion be read.
fn leaky() -> String {
    PAIR.replace("audio <- audio;", "audio <- audio, fusion;")
}

/// A folder with specs of every kind.
fn specs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &[u8]| {
        fs::write(folder.path().join(name), text).expect("the folder can be written to");
    };
    write("pair.zorro", PAIR.as_bytes());
    write("leaky.zorro", leaky().as_bytes());
    write("wrong.zorro", PAIR.replace("video <- video", "video <- video, fusion").as_bytes());
    write("crlf.zorro", format!("\u{feff}{}", PAIR.replace('\n', "\r\n")).as_bytes());
    write("warns.zorro", PAIR.replace("  param dim", "  param more = 1\n  param dim").as_bytes());
    write("uses.zorro", format!("use \"none.zorro\"\n{PAIR}").as_bytes());
    write("empty.zorro", b"");
    write(
        "esc.zorro",
        PAIR.replace("param dim", "param w = \"\u{1b}[31m\"\n  param dim").as_bytes(),
    );
    write("latin1.zorro", b"// \xe9");
    folder
}

fn zorro(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zorro"));
    command.args(args).current_dir(folder).env("NO_COLOR", "1");
    command
}

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = zorro(folder, args).output().expect("zorro runs");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (status.code().expect("no signal ends it"), text(stdout), text(stderr))
}

/// Exit code, and words that standard output and standard error hold; an empty word says that there is nothing.
#[track_caller]
fn check(line: &str, code: i32, stdout: &str, stderr: &str) {
    let folder = specs();
    let args: Vec<&str> = line.split(' ').collect();
    let (found, out, err) = run(folder.path(), &args);
    let holds = |text: &str, word: &str| {
        if word.is_empty() { text.is_empty() } else { text.contains(word) }
    };
    assert_eq!(found, code, "{line}\n{out}\n{err}");
    assert!(holds(&out, stdout), "{line} printed\n{out}");
    assert!(holds(&err, stderr), "{line} complained\n{err}");
}

#[test]
fn results_errors_and_exit_codes() {
    check("check pair.zorro", 0, "1 assert holds\n", "");
    check("check crlf.zorro", 0, "1 assert holds\n", "");
    check("check pair.zorro --set dim=16", 0, "  video   2x2        4     16\n", "");
    check("check pair.zorro --set wide=2", 1, "", "no param");
    check("check wrong.zorro", 1, "", "--> wrong.zorro:12:3");
    check("check wrong.zorro", 1, "", "\n1 error\n");
    check("check wrong.zorro pair.zorro warns.zorro", 1, "model pair: ", "\n1 error, 1 warning\n");
    check("check warns.zorro", 0, "model pair: ", "\n1 warning\n");
    check("check warns.zorro --deny-warnings", 1, "model pair: ", "\n1 warning\n");
    check("check uses.zorro", 1, "", "cannot read `none.zorro`: there is no such file");
    check("check empty.zorro", 1, "", "\n1 error\n");
    check("check latin1.zorro", 1, "", "cannot read `latin1.zorro`: it is not UTF-8");
    check(
        "check none.zorro",
        1,
        "",
        "error: cannot read `none.zorro`: there is no such file\n1 error\n",
    );
    check("check .", 1, "", "cannot read `.`: it is a folder");
    check("check - -", 2, "", "`-` can be given once");
    check("graph pair.zorro --stage model", 0, "model pair\n", "");
    check("graph pair.zorro --stage model --format dot", 0, "digraph ", "");
    check("graph wrong.zorro --stage model", 1, "", "error[E0701]");
    check("graph warns.zorro --stage model", 0, "model pair\n", "warning[");
    check("diff pair.zorro pair.zorro --exit-code", 0, "no difference\n", "");
    check("diff pair.zorro leaky.zorro", 0, "output audio_vector gains sight of video\n", "");
    check("diff pair.zorro leaky.zorro --exit-code", 1, "gains sight", "");
    // A spec that is refused for its leak is what one wants to see.
    check(
        "diff pair.zorro wrong.zorro",
        1,
        "output video_vector gains sight of audio\n",
        "error[E0701]",
    );
    check("diff wrong.zorro none.zorro", 1, "", "cannot read `none.zorro`");
    check("diff - -", 2, "", "`-` can be given once");
    check("snap pair.zorro --update", 0, "4 snapshots written\n", "");
    check("snap pair.zorro --accept", 0, "0 snapshots accepted\n", "");
    check("snap wrong.zorro", 1, "", "error[E0701]");
    check("snap -", 2, "", "`-` has no name");
    check("snap pair.zorro ./pair.zorro --dir s", 2, "", "would have the same snapshots");
}

#[test]
fn summary() {
    let (_, stdout, _) = run(specs().path(), &["check", "pair.zorro"]);
    insta::assert_snapshot!(stdout, @"
    model pair: 9.96 K parameters, 281 K FLOPs a sample (297 K if attention were dense)
    tokens
      group   grid  tokens  width
      video   2x2        4      8
      audio   4x6       24      8
      fusion  2          2      8
    cost of a sample, forward
      part    parameters   FLOPs  if dense
      video         6152  49.1 K
      audio         2056  98.3 K
      fusion          16       0
      layers        1744   133 K     149 K
      total         9968   281 K     297 K
    memory
      weights 38.9 KiB; with gradients and Adam 155 KiB; activations at most 135 KiB a sample
    flow
      video   video         at first
      audio   audio         at first
      fusion  nothing       at first
              video, audio  after layers.0
    outputs
      video_vector  sees video         present when video
      all_vector    sees video, audio  present when video | audio
      audio_vector  sees audio         present when audio
    1 assert holds
    ");
}

#[test]
fn json_parses() {
    let folder = specs();
    let parsed = |args: &[&str]| -> Value {
        let (_, stdout, stderr) = run(folder.path(), args);
        assert_eq!(stderr, "", "{args:?}");
        serde_json::from_str(&stdout).expect("it is JSON")
    };
    let specs = ["pair.zorro", "wrong.zorro", "none.zorro", "empty.zorro"];
    let document = parsed(&[&["check", "--format", "json"], &specs[..]].concat());
    assert_eq!(document["version"], 1);
    let entry = |at: usize| &document["specs"][at];
    assert_eq!(entry(0)["model"]["outputs"][1]["sees"], serde_json::json!(["video", "audio"]));
    assert_eq!(
        entry(0)["model"]["outputs"][1]["present"],
        serde_json::json!([["video"], ["audio"]])
    );
    assert_eq!(entry(0)["model"]["layers"][1]["sees"]["audio"], serde_json::json!(["audio"]));
    assert_eq!(entry(1)["model"], Value::Null);
    assert_eq!(entry(1)["diagnostics"][0]["code"], "E0701");
    assert!(entry(2)["failure"].as_str().is_some_and(|text| text.contains("no such file")));
    assert_eq!(entry(3)["diagnostics"].as_array().map(Vec::len), Some(1));

    let document = parsed(&["diff", "pair.zorro", "leaky.zorro", "--format", "json"]);
    assert_eq!(document["version"], 1);
    assert_eq!(document["sights"][0]["gained"], serde_json::json!(["video"]));
}

#[test]
fn standard_input_is_a_spec() {
    let folder = specs();
    for (name, code, word) in [("pair", 0, "model pair: "), ("wrong", 1, "--> <stdin>:12:3")] {
        let spec = fs::File::open(folder.path().join(format!("{name}.zorro"))).expect("a spec");
        let output = zorro(folder.path(), &["check", "-"]).stdin(spec).output().expect("runs");
        assert_eq!(output.status.code(), Some(code));
        let said = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(word), "{name}");
    }
}

#[test]
fn snapshots_are_compared_accepted_and_updated() {
    let folder = specs();
    let snap = |more: &[&str]| run(folder.path(), &[&["snap", "pair.zorro"], more].concat());
    let file = |name: &str| folder.path().join(format!("snapshots/pair@{name}"));
    let (code, stdout, stderr) = snap(&[]);
    assert_eq!(code, 1);
    assert!(stdout.contains("+fusion 2 <- video, audio, fusion\n"), "{stdout}");
    assert!(stderr.contains("4 snapshots are not stored yet"), "{stderr}");
    assert!(file("masks.snap.new").exists() && !file("masks.snap").exists());
    assert_eq!(snap(&["--accept"]).1, "4 snapshots accepted\n");
    assert_eq!(snap(&[]), (0, "4 snapshots match\n".to_owned(), String::new()));
    let flows = fs::read_to_string(file("flows.snap")).expect("it was accepted");
    assert!(flows.starts_with("---\nsource: \"pair.zorro\"\nexpression: flows\n---\nflow\n"));

    let (code, stdout, _) = snap(&["--set", "dim=16"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("@@") && stdout.ends_with("2 snapshots match\n"), "{stdout}");
    assert!(file("model.snap.new").exists());
    // Line ends and blank ends are no difference, and what is pending goes when there is none.
    fs::write(file("flows.snap"), flows.replace('\n', "\r\n") + "\n").expect("writable");
    assert_eq!(snap(&[]).0, 0);
    assert!(!file("model.snap.new").exists());
    assert_eq!(snap(&["--set", "dim=16", "--update"]).0, 0);
    assert_eq!(snap(&["--set", "dim=16"]).0, 0);
    assert_eq!(fs::read_dir(folder.path().join("snapshots")).expect("a folder").count(), 4);
}

#[test]
fn a_spec_does_not_speak_to_the_terminal() {
    let folder = specs();
    for line in ["graph esc.zorro --stage model", "snap esc.zorro", "check esc.zorro"] {
        let args: Vec<&str> = line.split(' ').chain(["--color", "always"]).collect();
        let (_, stdout, _) = run(folder.path(), &args);
        assert!(!stdout.contains('\u{1b}'), "{line}\n{stdout}");
        assert!(stdout.contains("pair"), "{line}\n{stdout}");
    }
}

#[cfg(unix)]
#[test]
fn a_spec_may_be_called_what_no_use_can_say() {
    let folder = specs();
    for name in ["a:b.zorro", "c\\d.zorro"] {
        fs::write(folder.path().join(name), PAIR).expect("the folder can be written to");
        let (code, stdout, stderr) = run(folder.path(), &["check", name]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        assert!(stdout.starts_with("model pair: "), "{name}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = specs();
    for line in
        ["check pair.zorro", "graph pair.zorro --stage model", "diff pair.zorro leaky.zorro"]
    {
        let args: Vec<&str> = line.split(' ').collect();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = zorro(folder.path(), &args).stdout(writer).output().expect("zorro runs");
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
}
