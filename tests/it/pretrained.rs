//! `examples/pretrained/`: a Zorro that begins from an image `ViT`, as its page says, in both forms.

use std::fs;
use std::path::Path;

use zorro_runtime::Tensors;

use super::cli::zorro;

#[track_caller]
fn works(folder: &Path, line: &str) -> String {
    let args: Vec<&str> = line.split_whitespace().collect();
    let run = zorro(folder, &args, "");
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.stderr
}

#[test]
fn a_zorro_begins_from_an_image_vit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let models = models.to_str().expect("UTF-8");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pretrained");
    let page = fs::read_to_string(example.join("README.md")).expect("it is there");
    // The lines of the page that need no Python.
    let page = page.replace("\\\n", " ").replace("../../models", models);
    let run = fs::read_to_string(example.join("run.yaml")).expect("it is there");
    let run = run.replace("../../models", models);
    let lines = page.lines().filter_map(|line| line.trim().strip_prefix("zorro weights "));
    for line in lines.filter(|line| line.contains("-o ")) {
        works(folder.path(), &format!("weights {line}"));
    }
    for (spec, taken) in
        [("zorro_vit.zorro", "taken: 40 of 81"), ("zorro_vit_streams.zorro", "taken: 108 of 149")]
    {
        let config = run.replace("zorro_vit.zorro\n", &format!("{spec}\n"));
        fs::write(folder.path().join("run.yaml"), config).expect("it is written");
        let told =
            works(folder.path(), &format!("train run.yaml --steps 1 --device cpu --folder {spec}"));
        assert!(told.contains(taken) && !told.contains("note: init"), "{told}");
    }
    let read = |path: &str| Tensors::read(&folder.path().join(path)).expect("it can be read");
    let (vit, zorro) = (
        read("own.safetensors"),
        read("zorro_vit.zorro/checkpoints/step-000000001/weights.safetensors"),
    );
    // A step moves weights by the learning rate at most.
    let far = |name: &str| {
        let pair = [&vit, &zorro].map(|file| file.get(name).expect("both have it").data().to_f32());
        pair[0].iter().zip(&pair[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(far("layers.1.mlp.linear.weight") < 0.002 && far("layers.0.attend.q.weight") < 0.002);
}
