//! `zorro run` and `zorro weights`, from outside.

use std::fs;
use std::path::Path;

use zorro_runtime::{Tensor, TensorData, Tensors};

use super::cli::zorro;

const SPEC: &str = "model pair {
  modality video = tensor([4, 3])
  modality audio = tensor([2, 5])
  tokens video = video |> linear(8)
  tokens audio = audio |> linear(8)
  tokens fusion = latents(2, 8)
  layers: repeat 2 {
    apply vit(heads: 2) over { video <- video; audio <- audio; fusion <- * }
  }
  target label = class(3)
  output v = video |> pool(mean) |> linear(3)
  output a = audio |> pool(mean) |> linear(3)
  output f = fusion |> pool(mean) |> linear(3)
  objective loss = mean(cross_entropy(v, label), cross_entropy(a, label), cross_entropy(f, label))
  assert a reads only audio
}
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("pair.zorro"), SPEC).expect("it can be written");
    good(folder.path(), "run pair.zorro --example-inputs in.safetensors --batch 3");
    good(folder.path(), "weights init pair.zorro --seed 3 -o w.safetensors");
    folder
}

/// Runs a command that must work.
#[track_caller]
fn good(folder: &Path, line: &str) -> String {
    let run = zorro(folder, &line.split(' ').collect::<Vec<_>>(), "");
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.stdout
}

/// Runs a command that must fail with this.
#[track_caller]
fn bad(folder: &Path, line: &str, code: i32, message: &str) {
    let run = zorro(folder, &line.split(' ').collect::<Vec<_>>(), "");
    assert_eq!(run.code, code, "{line}: {}", run.stderr);
    assert!(run.stderr.contains(message), "{line}: {}", run.stderr);
}

fn read(folder: &Path, name: &str) -> Tensors {
    Tensors::read(&folder.join(name)).expect("a file of tensors")
}

const RUN: &str = "run pair.zorro --weights w.safetensors --inputs in.safetensors";

#[test]
fn what_is_missing_changes_nothing_that_does_not_see_it() {
    let folder = folder();
    let folder = folder.path();
    good(folder, &format!("{RUN} -o all.safetensors"));
    good(folder, &format!("{RUN} --only audio -o audio.safetensors"));
    let (all, audio) = (read(folder, "all.safetensors"), read(folder, "audio.safetensors"));
    assert_eq!(audio.names().collect::<Vec<_>>(), ["a", "f"]);
    let a = |tensors: &Tensors| tensors.get("a").expect("the output").clone();
    assert!(a(&all).same_bits(&a(&audio)));
    let mut absent = read(folder, "in.safetensors");
    let present = Tensor::new(vec![3], TensorData::F32(vec![1.0, 0.0, 0.0])).expect("three");
    absent.insert("video.present", present);
    absent.write(&folder.join("absent.safetensors")).expect("it can be written");
    let line = RUN.replace("in.safetensors", "absent.safetensors");
    let run = zorro(folder, &format!("{line} -o x.safetensors").split(' ').collect::<Vec<_>>(), "");
    assert!(run.stderr.contains("`v` is not there for samples 1, 2"), "{}", run.stderr);
    let found = read(folder, "x.safetensors");
    assert!(a(&all).same_bits(&a(&found)));
    // What is lacked is marked, and not made up.
    let numbers = |name: &str| found.get(name).expect(name).data().to_f32();
    assert_eq!(numbers("v.present"), [1.0, 0.0, 0.0]);
    assert!(numbers("v")[..3].iter().all(|number| *number != 0.0));
    assert_eq!(numbers("v")[3..], [0.0; 6]);
    assert!(found.get("a.present").is_none(), "all have it");
    // A loss that nobody has is none.
    let kept = absent.iter().filter(|(name, _)| !name.starts_with("label"));
    let absent: Tensors = kept.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
    absent.write(&folder.join("absent.safetensors")).expect("it can be written");
    let line = format!("{line} --objectives loss -o y.safetensors");
    let run = zorro(folder, &line.split(' ').collect::<Vec<_>>(), "");
    assert!(run.stderr.contains("no sample has what `loss` is made of"), "{}", run.stderr);
    assert!(read(folder, "y.safetensors").get("loss.loss").is_none());
}

#[test]
fn gradients_are_those_of_every_weight_and_modality() {
    let folder = folder();
    let folder = folder.path();
    good(folder, &format!("{RUN} --gradients loss -o g.safetensors"));
    let found = read(folder, "g.safetensors");
    let weights = read(folder, "w.safetensors");
    for name in weights.names().chain(["video", "audio"]) {
        assert!(found.get(&format!("gradient.{name}")).is_some(), "no gradient of `{name}`");
    }
    good(folder, &format!("{RUN} -o out.safetensors --outputs a"));
    good(folder, &format!("{RUN} --gradients out.safetensors -o c.safetensors"));
    let of_audio = read(folder, "c.safetensors");
    let video = of_audio.get("gradient.video").expect("a gradient").data().to_f32();
    assert!(video.iter().all(|number| *number == 0.0), "the audio does not see the video");
}

#[test]
fn a_map_that_says_nothing_changes_nothing() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("empty.yaml"), "{}\n").expect("it can be written");
    let mut inputs = read(folder, "in.safetensors");
    let present = Tensor::new(vec![3], TensorData::F32(vec![1.0, 0.0, 1.0])).expect("three");
    inputs.insert("video.present", present);
    inputs.write(&folder.join("in.safetensors")).expect("it can be written");
    good(folder, &format!("{RUN} --gradients loss -o plain.safetensors"));
    good(folder, &format!("{RUN} --gradients loss --map empty.yaml -o mapped.safetensors"));
    assert_eq!(read(folder, "plain.safetensors"), read(folder, "mapped.safetensors"));
    inputs.insert("vidoe", inputs.get("video").expect("the video").clone());
    inputs.write(&folder.join("in.safetensors")).expect("it can be written");
    bad(folder, &format!("{RUN} --map empty.yaml"), 1, "nothing from `vidoe`");
    bad(folder, RUN, 1, "the model takes no tensor `vidoe`");
}

#[test]
fn carelessness_ends_in_one_message() {
    let folder = folder();
    let folder = folder.path();
    for (line, code, message) in [
        ("run pair.zorro", 2, "--inputs"),
        ("run pair.zorro --inputs none.safetensors", 1, "none.safetensors"),
        ("run pair.zorro --inputs w.safetensors", 1, "the model takes no tensor"),
        ("run pair.zorro --inputs in.safetensors --only smell", 1, "no modality `smell`"),
        ("run pair.zorro --inputs in.safetensors --only audio --outputs v", 1, "`v` needs video"),
        ("run pair.zorro --inputs in.safetensors --gradients none", 1, "no objective `none`"),
        ("run pair.zorro --inputs in.safetensors --batch 2", 1, "a batch has 2 samples"),
        ("run pair.zorro --inputs in.safetensors --max-memory 1KB", 1, "--recompute layers"),
        ("run pair.zorro --inputs in.safetensors --recompute layrs", 1, "no apply `layrs`"),
        ("run pair.zorro --inputs in.safetensors --zero vidoe", 2, "no modality `vidoe`"),
        ("run pair.zorro --example-inputs x.safetensors --batch 0", 1, "at least 1 sample"),
        ("run pair.zorro --example-inputs x.safetensors --batch 999999999999", 1, "memory"),
        ("run pair.zorro --inputs in.safetensors -o none/x.safetensors", 1, "none/x.safetensors"),
        ("weights show none.safetensors", 1, "none.safetensors"),
        ("weights init pair.zorro -o pair.zorro", 2, "`pair.zorro` is read"),
        ("mask pair.zorro --format text -o ./pair.zorro", 2, "`pair.zorro` is read"),
        ("run pair.zorro --inputs in.safetensors -o in.safetensors", 2, "`in.safetensors` is read"),
    ] {
        bad(folder, line, code, message);
    }
}

#[test]
fn the_plan_is_shown_before_anything_runs() {
    let folder = folder();
    let plan = good(folder.path(), "run pair.zorro --dry-run --batch 4 --gradients loss");
    for word in ["memory", "FLOPs", "blocks of 64x64 visited", "attend gradient of queries"] {
        assert!(plan.contains(word), "no `{word}` in\n{plan}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("target.safetensors"), "").expect("it can be written");
    std::os::unix::fs::symlink("target.safetensors", folder.join("link.safetensors"))
        .expect("a link");
    good(folder, &format!("{RUN} -o link.safetensors"));
    assert!(folder.join("link.safetensors").is_symlink());
    assert!(read(folder, "target.safetensors").get("a").is_some());
}

/// What would never end, or not fit, is refused before it is read.
#[cfg(unix)]
#[test]
fn pipes_and_endless_files_are_refused() {
    let folder = folder();
    let folder = folder.path();
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.safetensors")).status();
    assert!(made.expect("mkfifo runs").success());
    let file = fs::File::create(folder.join("holes.safetensors")).expect("a file");
    file.set_len(1 << 40).expect("a file of holes");
    for (name, message) in [("pipe", "not a file"), ("holes", "its header would be")] {
        bad(folder, &format!("weights show {name}.safetensors"), 1, message);
        bad(folder, &format!("run pair.zorro --inputs {name}.safetensors"), 1, message);
    }
    bad(
        folder,
        "run pair.zorro --inputs in.safetensors --map pipe.safetensors",
        1,
        "not a regular file",
    );
}
