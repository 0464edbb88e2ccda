//! `zorro compile`, and what its manifests say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use zorro::emit::{EmitError, EmittedFile, Form, MANIFEST_SCHEMA, emit};
use zorro::{Checked, CompileOptions, Options, Target, check_text};
use zorro_compiler::graph::Precision;
use zorro_compiler::plan::Limits;

use super::cli::zorro;
use super::schema::complaints;
use super::shaders::{small, training};
use super::stages::{models, name};

const ALL: &[Form] = &[Form::Wgsl, Form::Spirv, Form::Msl, Form::Hlsl, Form::Plan];

const SPEC: &str = "model pair {
  param width = 8
  modality video = tensor([4, 3])
  modality audio = tensor([2, 5])
  tokens video = video |> linear(width)
  tokens audio = audio |> linear(width)
  layers: repeat 2 { apply vit(heads: 2) over { video <- video; audio <- audio } }
  target label = class(3)
  output v = video |> pool(mean) |> linear(3)
  output a = audio |> pool(mean) |> linear(3)
  objective loss = mean(cross_entropy(v, label), cross_entropy(a, label))
}
";

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn manifest(files: &[EmittedFile]) -> Value {
    let last = files.last().expect("there are files");
    assert_eq!(last.name, "manifest.json");
    serde_json::from_slice(&last.bytes).expect("it is JSON")
}

/// Holds a manifest to its schema, to its files, and to itself.
fn hold(what: &str, files: &[EmittedFile]) -> Value {
    let manifest = manifest(files);
    let schema = serde_json::from_str(MANIFEST_SCHEMA).expect("the schema is JSON");
    assert_eq!(complaints(&schema, &manifest), Vec::<String>::new(), "{what}");
    let names: BTreeSet<&str> = files.iter().map(|file| &*file.name).collect();
    assert_eq!(names.len(), files.len(), "{what}: two files of one name");
    let buffers: BTreeMap<&str, u64> = list(&manifest["buffers"])
        .iter()
        .map(|buffer| {
            (buffer["name"].as_str().expect("a name"), buffer["bytes"].as_u64().expect("a size"))
        })
        .collect();
    let place = |place: &Value, aligned: u64| {
        let size = buffers[place["buffer"].as_str().expect("a name")];
        let [offset, bytes] = ["offset", "bytes"].map(|key| place[key].as_u64().expect("a size"));
        assert!(offset + bytes <= size, "{what}: {place} of {size}");
        assert_eq!(offset % aligned, 0, "{what}: {place}");
    };
    for key in ["inputs", "outputs", "losses", "input_gradients", "weights"] {
        list(&manifest[key]).iter().for_each(|entry| place(entry, 4));
    }
    let gradients = list(&manifest["weights"]).iter().map(|weight| &weight["gradient"]);
    gradients.filter(|gradient| !gradient.is_null()).for_each(|gradient| place(gradient, 4));
    for dispatch in list(&manifest["dispatches"]) {
        let at = usize::try_from(dispatch["shader"].as_u64().expect("a number")).expect("small");
        let shader = &manifest["shaders"][at];
        let bindings = list(&dispatch["bindings"]);
        assert_eq!(bindings.len(), list(&shader["storage"]).len(), "{what}");
        bindings.iter().for_each(|binding| place(binding, 256));
        let words = shader["arguments"]["words"].as_u64().unwrap_or(0);
        assert_eq!(list(&dispatch["arguments"]).len() as u64, words, "{what}");
    }
    for file in files_of(&manifest) {
        assert!(names.contains(&*file), "{what}: no file {file}");
    }
    manifest
}

/// The files that a manifest speaks of.
fn files_of(manifest: &Value) -> BTreeSet<String> {
    let shaders = list(&manifest["shaders"]).iter();
    let of_shaders =
        shaders.flat_map(|shader| shader["files"].as_object().expect("files").values());
    let of_buffers = list(&manifest["buffers"]).iter().map(|buffer| &buffer["begins"]);
    let files = of_shaders.chain(of_buffers).filter_map(|entry| entry["file"].as_str());
    files.map(str::to_owned).collect()
}

#[test]
fn every_models_manifest_is_as_its_schema_says() {
    for path in models() {
        let checked = small(&path);
        let forward = CompileOptions { batch: 3, ..CompileOptions::default() };
        // Small buffers, which cut the arenas of activations and inputs.
        let limits = Limits { buffer_numbers: 1 << 15, binding_numbers: 1 << 20 };
        let cut = CompileOptions { limits, ..forward.clone() };
        for options in [forward, cut, training(&checked)] {
            let files = emit(&checked, &options, &Target::PORTABLE, ALL);
            let files = files.unwrap_or_else(|error| panic!("{}: {error}", name(&path)));
            let manifest = hold(name(&path), &files);
            assert_eq!(list(&manifest["modalities"]).len(), checked.model.modalities.len());
            assert!(list(&manifest["shaders"]).len() > 3);
        }
    }
}

fn checked() -> Checked {
    check_text(SPEC, &Options::default()).checked.expect("nothing is wrong with it")
}

#[test]
fn the_same_bytes_each_time() {
    let files = || {
        let checked = checked();
        emit(&checked, &training(&checked), &Target::PORTABLE, ALL).expect("it compiles")
    };
    assert!(files() == files());
}

#[test]
fn what_a_manifest_says_of_presence() {
    let checked = checked();
    let files = emit(&checked, &training(&checked), &Target::PORTABLE, &[]).expect("it compiles");
    let manifest = hold("pair", &files);
    let outputs = list(&manifest["outputs"]);
    assert!(
        outputs
            .iter()
            .all(|output| output["name"] != "v" || output["sees"] == serde_json::json!(["video"]))
    );
    let conditions = list(&manifest["step"]["present"]["conditions"]);
    let has = |any_of: Value, targets: Value, counted: bool| {
        conditions.iter().any(|condition| {
            condition["any_of"] == any_of
                && condition["targets"] == targets
                && condition["counted"] == counted
        })
    };
    let video = serde_json::json!([["video"]]);
    assert!(has(video, serde_json::json!(["label"]), true), "{conditions:?}");
    assert_eq!(manifest["mode"]["optimizer"]["rule"], "adamw");
    assert_eq!(manifest["step"]["words"][3]["name"], "learning_rate");
}

#[test]
fn subgroups_are_enabled_for_browsers_and_named() {
    let target = Target { subgroup: Some(32), ..Target::PORTABLE };
    let files = emit(&checked(), &CompileOptions::default(), &target, &[Form::Wgsl]);
    let files = files.expect("it compiles");
    let manifest = hold("pair", &files);
    for shader in list(&manifest["shaders"]) {
        let name = shader["files"]["wgsl"]["file"].as_str().expect("a name");
        let file = files.iter().find(|file| file.name == name).expect("it is there");
        let text = String::from_utf8_lossy(&file.bytes);
        let needs = list(&shader["features"]).contains(&Value::from("subgroups"));
        assert_eq!(text.starts_with("enable subgroups;\n"), needs, "{name}");
        assert_eq!(text.contains("subgroup"), needs, "{name}");
    }
}

#[test]
fn mixed_precision_asks_for_small_floats() {
    let options = CompileOptions { precision: Precision::Mixed, ..CompileOptions::default() };
    let half = emit(&checked(), &options, &Target::PORTABLE, &[]);
    assert_eq!(half, Err(EmitError::Half));
    let target = Target { f16: true, ..Target::PORTABLE };
    let manifest = hold("pair", &emit(&checked(), &options, &target, ALL).expect("it compiles"));
    let features = list(&manifest["shaders"]).iter().flat_map(|shader| list(&shader["features"]));
    assert!(features.into_iter().any(|feature| feature == "f16"));
}

/// Runs a command, and gives what it printed, or what it complained of.
#[track_caller]
fn said(folder: &Path, line: &str, code: i32) -> String {
    let run = zorro(folder, &line.split(' ').collect::<Vec<_>>(), "");
    assert_eq!(run.code, code, "{line}: {}", run.stderr);
    if code == 0 { run.stdout } else { run.stderr }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("pair.zorro"), SPEC).expect("it can be written");
    folder
}

#[test]
fn a_folder_gets_its_files_and_keeps_others() {
    let folder = folder();
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("it can be made");
    fs::write(out.join("mine.txt"), "mine").expect("it can be written");
    fs::write(out.join("manifest.json"), "an older one").expect("it can be written");
    let printed =
        said(folder.path(), "compile pair.zorro -o out --emit wgsl,spirv,msl,hlsl,plan", 0);
    assert!(printed.starts_with("wrote "), "{printed}");
    assert_eq!(fs::read_to_string(out.join("mine.txt")).expect("it is kept"), "mine");
    assert!(out.join("plan.txt").is_file() && out.join("manifest.schema.json").is_file());
    let text = fs::read(out.join("manifest.json")).expect("it is there");
    let manifest: Value = serde_json::from_slice(&text).expect("it is JSON");
    for file in files_of(&manifest) {
        assert!(out.join(&file).is_file(), "{file}");
    }
    assert_eq!(list(&manifest["outputs"]).len(), 2);
}

#[test]
fn what_is_asked_for() {
    let folder = folder();
    let manifest = |line: &str| -> Value {
        said(folder.path(), &format!("compile pair.zorro -o out {line}"), 0);
        let text = fs::read(folder.path().join("out/manifest.json")).expect("it is there");
        serde_json::from_slice(&text).expect("it is JSON")
    };
    let only = manifest("--only audio --batch 5 --set width=12");
    assert_eq!((&only["batch"], &only["only"][0]), (&Value::from(5), &Value::from("audio")));
    assert_eq!((list(&only["outputs"]).len(), list(&only["inputs"]).len()), (1, 1));
    assert_eq!(only["params"]["width"], "12");
    let gradients = manifest("--gradients --objective loss");
    assert_eq!(gradients["mode"]["kind"], "gradients");
    assert!(list(&gradients["weights"]).iter().all(|weight| !weight["gradient"].is_null()));
    let step = manifest("--training sgd --momentum 0.5 --clip 2");
    assert_eq!(step["mode"]["optimizer"]["momentum"], 0.5);
    assert!(!step["gradient_norm"].is_null());
    assert!(list(&step["weights"]).iter().all(|weight| weight["updated"] == true));
    let small = manifest("--max-buffer 2KiB");
    assert!(list(&small["buffers"]).iter().any(|buffer| buffer["name"] == "activations.1"));
}

#[test]
fn what_cannot_be() {
    let folder = folder();
    let check = |line: &str, code: i32, message: &str| {
        let said = said(folder.path(), line, code);
        assert!(said.contains(message), "{line}: {said}");
    };
    check("compile pair.zorro -o out --outputs nothing", 1, "no output `nothing`");
    check("compile pair.zorro -o out --outputs v --only audio", 1, "`v` needs video");
    check("compile pair.zorro -o out --subgroup 33", 2, "a power of two from 4 to 128");
    check("compile pair.zorro -o out --invocations 128", 2, "256..=1024");
    check("compile pair.zorro -o out --max-buffer 8", 2, "at least 256 bytes");
    check("compile pair.zorro -o out --training adamw --clip -1", 2, "--clip");
    check("compile pair.zorro -o out --training adamw --gradients", 2, "cannot be used with");
    check("compile pair.zorro -o out --precision mixed", 1, "--f16");
    check("compile pair.zorro -o out --batch 0", 1, "at least 1 sample");
    check("compile pair.zorro -o out --max-buffer 256", 1, "hold 64 at once");
    check("compile pair.zorro -o pair.zorro", 1, "cannot create `pair.zorro`: it is no folder");
    check("compile pair.zorro -o pair.zorro/out", 1, "cannot create `pair.zorro/out`");
    assert!(!folder.path().join("out").exists(), "nothing is written where something is wrong");
}

#[test]
fn a_folder_that_cannot_be_written_has_no_manifest() {
    let folder = folder();
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("plan.txt")).expect("it can be made");
    fs::write(out.join("manifest.json"), "an older one").expect("it can be written");
    let message = said(folder.path(), "compile pair.zorro -o out", 1);
    assert!(message.contains("plan.txt`"), "{message}");
    assert!(!out.join("manifest.json").exists());
}
