//! `zorro devices` and `--device`, from outside.

use std::fs;
use std::path::Path;

use serde_json::Value;
use zorro_runtime::Tensors;
use zorro_runtime::gpu::tested_adapter;

use super::cli::{Run, zorro};

const SPEC: &str = "model pair {
  modality video = tensor([4, 3])
  modality audio = tensor([2, 5])
  tokens video = video |> linear(8)
  tokens audio = audio |> linear(8)
  apply vit(heads: 2) over { video <- video; audio <- audio, video }
  target label = class(3)
  output v = video |> pool(mean) |> linear(3)
  output a = audio |> pool(mean) |> linear(3)
  objective loss = mean(cross_entropy(v, label), cross_entropy(a, label))
  assert v reads only video
}
";

fn run(folder: &Path, line: &str) -> Run {
    zorro(folder, &line.split(' ').collect::<Vec<_>>(), "")
}

/// Runs a command that must work.
#[track_caller]
fn good(folder: &Path, line: &str) -> String {
    let run = run(folder, line);
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.stdout
}

/// Runs a command that must fail with this.
#[track_caller]
fn bad(line: &str, code: i32, message: &str) {
    let run = run(Path::new("."), line);
    assert_eq!(run.code, code, "{line}: {}", run.stderr);
    assert!(run.stderr.contains(message), "{line}: {}", run.stderr);
}

#[test]
fn lists_say_the_same() {
    let text = good(Path::new("."), "devices");
    let json: Value = serde_json::from_str(&good(Path::new("."), "devices --format json"))
        .expect("it prints JSON");
    for device in json["devices"].as_array().expect("a list") {
        let name = device["name"].as_str().expect("a name");
        let kind = device["kind"].as_str().expect("a kind");
        assert!(text.contains(&format!("{}  {name}, {kind}", device["index"])), "{text}");
    }
    if json["devices"] == Value::Array(Vec::new()) {
        assert_eq!(text, "no devices beside the processor\n");
    }
}

#[test]
fn every_kind_of_kernel_is_checked() {
    let Some(index) = tested_adapter() else { return };
    let line = format!("devices --check {index} --format json");
    let json: Value = serde_json::from_str(&good(Path::new("."), &line)).expect("it prints JSON");
    let kinds = json["checks"][0]["kernels"].as_array().expect("a list");
    let names: Vec<&str> = kinds.iter().map(|kind| kind["kind"].as_str().expect("text")).collect();
    let all = [
        "attend",
        "attend, keys and values",
        "attend, queries",
        "attend, scores",
        "columns",
        "lookup",
        "map",
        "product",
        "rows",
    ];
    assert_eq!(names, all);
    assert!(kinds.iter().all(|kind| kind["ok"] == true && kind["kernels"].as_u64() > Some(3)));
}

#[test]
fn commands_take_a_device() {
    let Some(index) = tested_adapter() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::write(folder.join("pair.zorro"), SPEC).expect("it can be written");
    good(folder, "run pair.zorro --example-inputs in.safetensors --batch 3");
    good(folder, "weights init pair.zorro --seed 3 -o w.safetensors");
    let line = "run pair.zorro --weights w.safetensors --inputs in.safetensors --gradients loss";
    good(folder, &format!("{line} --device cpu -o cpu.safetensors"));
    good(folder, &format!("{line} --device {index} -o device.safetensors"));
    let read = |name: &str| Tensors::read(&folder.join(name)).expect("a file of tensors");
    let (cpu, device) = (read("cpu.safetensors"), read("device.safetensors"));
    assert_eq!(cpu.names().collect::<Vec<_>>(), device.names().collect::<Vec<_>>());
    for (name, tensor) in cpu.iter() {
        let other = device.get(name).expect("the same names").data().to_f32();
        for (a, b) in tensor.data().to_f32().iter().zip(&other) {
            assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{name}: {a} {b}");
        }
    }
    let text = good(folder, &format!("audit pair.zorro --batch 2 --device {index}"));
    assert!(text.contains("pure"), "{text}");
    let line = "bench pair.zorro --runs 2 --mode step --format json";
    let measured = good(folder, &format!("{line} --device {index} --without limits"));
    let measured: Value = serde_json::from_str(&measured).expect("it prints JSON");
    let measured = &measured["measured"][0];
    assert!(measured["ms"]["min"].as_f64() > Some(0.0));
    assert!(measured["share_of_product"].is_null() && measured["device"] != "cpu");
}

#[test]
fn wrong_devices() {
    bad("devices --check cpu", 2, "the processor is what others are held to");
    bad("devices --without f16", 2, "--check");
    bad("devices --check 0 --without speed", 2, "expected subgroups, f16, timestamps, limits");
    bad("devices --check no_such_name", 1, "there is no device `no_such_name`");
    bad("devices --check 99", 1, "there is no device `99`");
}
