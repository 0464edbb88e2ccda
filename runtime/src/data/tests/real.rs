//! Real data, where the environment says where it lies (`ZORRO_DATA`): handwritten and spoken digits, short videos.

use std::path::PathBuf;

use super::*;
use crate::data::media;

fn folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("ZORRO_DATA")?).join(name);
    folder.is_dir().then_some(folder)
}

const DIGITS: &str = "model m {
  modality image = image(size: 28, channels: 1) |> normalize(0.5, 0.5)
  modality sound = wave(rate: 8000, seconds: 1) |> logmel(bins: 40, window: 256, hop: 80)
  tokens i = image |> patches(7, 7) |> linear(4)
  tokens s = sound |> patches(8, 10) |> linear(4)
  target label = class(10)
  output o = concat(i, s) |> pool(mean) |> linear(10)
  objective loss = cross_entropy(o, label)
}";

#[test]
fn digits_are_read() {
    let Some(folder) = folder("av-digits") else { return };
    let yaml = "sources: [{ shards: 'av-digits-train-{000000..000007}.tar' }]";
    let collection = open(yaml, &folder, DIGITS).unwrap();
    assert_eq!(collection.len(), 10_800);
    let test = open("sources: [{ shards: av-digits-test-000000.tar }]", &folder, DIGITS).unwrap();
    let all = evaluation(&test, 256, 2);
    assert_eq!(keys(&all).len(), 1200);
    assert!(test.problems().is_empty());
    let mut counts = [0.0; 10];
    for label in all.iter().map(|one| numbers(one, "label")) {
        for label in label.chunks(10) {
            counts.iter_mut().zip(label).for_each(|(count, value)| *count += value);
        }
    }
    assert_eq!(counts, [120.0; 10]);
    let held = "sources: [{ shards: ['av-digits-train-{000000..000007}.tar', av-digits-test-000000.tar], \
                include: heldout-yweweler-test.txt }]";
    assert_eq!(open(held, &folder, DIGITS).unwrap().len(), 2000);
}

const VIDEO: &str = "model m {
  modality video = frames(count: 4, fps: 2, size: 48)
  modality sound = wave(rate: 16000, seconds: 2)
  tokens v = video |> patches(1, 16, 16) |> linear(4)
  tokens s = sound |> patches(400) |> linear(4)
  output o = concat(v, s) |> pool(mean)
}";

#[test]
fn videos_are_read() {
    let Some(folder) = folder("clips") else { return };
    let model = model(VIDEO);
    let mut takes = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if !["mp4", "webm"].contains(&extension) {
            continue;
        }
        let tensors = match media::read(&model, std::slice::from_ref(&path)) {
            Ok(tensors) => tensors,
            Err(DataError::NoDecoder { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        let of = |name: &str| tensors.get(name).unwrap().data().to_f32();
        let (video, sound) = (of("video"), of("sound"));
        assert_eq!((video.len(), sound.len()), (4 * 48 * 48 * 3, 32_000));
        let mean = video.iter().sum::<f32>() / video.len() as f32;
        assert!((0.02..0.98).contains(&mean), "{}: {mean}", path.display());
        if path.to_string_lossy().contains("rabbit") {
            takes.push((video, sound));
        }
    }
    // One take in two codecs and sizes: nearly the same pictures and sound.
    let (one, other) = (&takes[0], &takes[1]);
    let mean = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / a.len() as f64
    };
    assert!(mean(&one.0, &other.0) < 0.05, "{}", mean(&one.0, &other.0));
    let power = one.1.iter().map(|value| f64::from(value.abs())).sum::<f64>() / 32_000.0;
    assert!(mean(&one.1, &other.1) < power, "{} {power}", mean(&one.1, &other.1));
}
