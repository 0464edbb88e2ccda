//! `zorro bench`, from outside, on the spec that is compared with PyTorch.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What it prints, and its exit code.
fn bench(args: &[&str]) -> (i32, String, String) {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pytorch/reference.zorro");
    let mut command = Command::new(env!("CARGO_BIN_EXE_zorro"));
    command.arg("bench").arg(spec).args(["--runs", "1", "--threads", "2"]);
    // What is measured of the processor is what these ask for.
    command.args(["--device", "cpu"]).args(args);
    let Output { status, stdout, stderr } =
        command.env("NO_COLOR", "1").output().expect("zorro runs");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (status.code().expect("no signal ends it"), text(stdout), text(stderr))
}

/// What it measured, as a program reads it.
#[track_caller]
fn measured(args: &[&str]) -> Vec<Value> {
    let (code, stdout, stderr) = bench(&[args, &["--format", "json"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
    let json: Value = serde_json::from_str(&stdout).expect("it prints JSON");
    assert_eq!(json["model"], "reference");
    json["measured"].as_array().expect("a list").clone()
}

/// A model of a few thousand weights.
const TINY: [&str; 10] = [
    "--set",
    "dim=8",
    "--set",
    "depth=1",
    "--set",
    "heads=2",
    "--set",
    "video_size=[2, 32, 32]",
    "--set",
    "audio_size=[16, 32]",
];

#[test]
fn every_mode_is_measured() {
    let all = measured(&[TINY.as_slice(), &["--batch", "2"]].concat());
    let modes: Vec<_> = all.iter().map(|one| one["mode"].as_str().expect("a name")).collect();
    assert_eq!(modes, ["forward", "backward", "step"]);
    for one in &all {
        let number = |path: &str| one.pointer(path).and_then(Value::as_f64).expect("a number");
        assert_eq!((number("/batch"), number("/runs"), number("/threads")), (2.0, 1.0, 2.0));
        assert!(number("/ms/min") > 0.0 && number("/ms/min") <= number("/ms/p90"));
        assert!(number("/samples_per_second") > 0.0);
        assert!(number("/product_operations_per_second") > number("/operations_per_second"));
        assert!(number("/memory/plan") >= number("/memory/weights") + number("/memory/states"));
        // Every kernel is in one group, and their products are those of the whole.
        let kernels = one["kernels"].as_array().expect("a list");
        let sum: f64 = kernels.iter().filter_map(|group| group["operations"].as_f64()).sum();
        assert_eq!(sum, number("/operations"));
        let has = |phase: &str| kernels.iter().any(|group| group["phase"] == phase);
        assert_eq!(has("update"), one["mode"] == "step");
        assert_eq!(has("backward"), one["mode"] != "forward");
    }
    let step = &all[2]["memory"];
    assert_eq!(step["states"].as_f64(), step["weights"].as_f64().map(|bytes| 2.0 * bytes));
}

#[test]
fn less_is_computed_where_less_is_asked_for() {
    let operations = |args: &[&str]| {
        let all = measured(&[TINY.as_slice(), &["--mode", "forward"], args].concat());
        all[0]["operations"].as_f64().expect("a number")
    };
    let (all, audio) = (operations(&[]), operations(&["--only", "audio"]));
    // Fusion and the outputs that read it are there without video, too.
    let vector = operations(&["--outputs", "logits_audio"]);
    assert!(0.0 < vector && vector < audio && audio < all, "{vector}, {audio}, {all}");
}

#[test]
fn a_table_shows_where_the_time_goes() {
    let (code, stdout, _) = bench(&[TINY.as_slice(), &["--mode", "step"]].concat());
    assert_eq!(code, 0);
    for word in ["step, batch 1, 2 threads", "median", "GFLOP/s", "memory  plan", "optimizer"] {
        assert!(stdout.contains(word), "no `{word}` in\n{stdout}");
    }
}

#[test]
fn what_cannot_be_measured_is_said() {
    for (args, code, message) in [
        (["--objective", "none"].as_slice(), 1, "the model has no objective `none`"),
        (&["--mode", "forward", "--outputs", "none"], 1, "the model has no output `none`"),
        (&["--only", "smell"], 1, "the model has no modality `smell`"),
        (&["--batch", "0"], 1, "a batch has at least 1 sample"),
        (&["--mode", "dance"], 2, "invalid value 'dance'"),
    ] {
        let (found, _, stderr) = bench(&[TINY.as_slice(), args].concat());
        assert_eq!(found, code, "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

#[test]
fn a_process_holds_little_more_than_its_plan() {
    let args = ["--mode", "step", "--batch", "2", "--set", "depth=2", "--set", "dim=384"];
    let step = measured(&[&args[..], &["--set", "heads=6"]].concat());
    let bytes = |name: &str| step[0]["memory"][name].as_f64();
    let plan = bytes("plan").expect("a number");
    // Only where the system tells: a tenth and 64 MiB more are for the compiler, threads and what they work in.
    if let Some(process) = bytes("process") {
        assert!(process <= 1.1 * plan + 64.0 * 1024.0 * 1024.0, "{process} of {plan}");
    }
}
