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
    let alone = check(&[("b.wav", sound())]).unwrap();
    assert!(alone.get("video").is_none());
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
        (vec![("a.xyz", vec![])], "its extension is none of"),
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
