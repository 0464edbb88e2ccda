//! Order, threads, resuming, mixing.

use std::collections::BTreeMap;

use super::*;

fn same(one: &[Loaded], other: &[Loaded]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        assert_eq!((&one.keys, one.epoch), (&other.keys, other.epoch));
        assert_eq!(
            one.batch.tensors.names().collect::<Vec<_>>(),
            other.batch.tensors.names().collect::<Vec<_>>()
        );
        for (name, tensor) in one.batch.tensors.iter() {
            assert!(
                other.batch.tensors.get(name).is_some_and(|other| other.same_bits(tensor)),
                "{name}"
            );
        }
    }
}

const CHANGED: &str = "
sources: [{ shards: 'a-{0..2}.tar' }]
noise: { photo: { sigma: 0.1 }, sound: { snr: 10 } }
augment:
  photo: { crop: {}, flip: 0.5, color: {} }
  sound: { shift: 0.005, gain: 6 }
";

#[test]
fn batches_depend_on_nothing_but_seed_and_step() {
    let folder = shards(3);
    let collection = open(CHANGED, folder.path(), BOTH).unwrap();
    assert_eq!(collection.len(), 30);
    let rich = LoadOptions {
        mixup: Some(0.4),
        modality_dropout: BTreeMap::from([("photo".to_owned(), 0.3), ("sound".to_owned(), 0.3)]),
        ..options(8, 0)
    };
    let wanted = training(&collection, &rich, 12);
    for threads in [1, 2, 5] {
        same(&training(&collection, &LoadOptions { threads, ..rich.clone() }, 12), &wanted);
    }
    for first_step in [1, 5, 11] {
        let from = LoadOptions { first_step, threads: 2, ..rich.clone() };
        same(
            &training(&collection, &from, 12 - first_step as usize),
            &wanted[first_step as usize..],
        );
    }
    let other = training(&collection, &LoadOptions { seed: 8, ..rich }, 12);
    assert_ne!(keys(&other), keys(&wanted));
    let looked = evaluation(&collection, 7, 0);
    same(&evaluation(&collection, 7, 3), &looked);
}

#[test]
fn every_sample_comes_once_an_epoch() {
    let folder = shards(3);
    let collection = open("sources: [{ shards: 'a-{0..2}.tar' }]", folder.path(), BOTH).unwrap();
    let all = training(&collection, &options(7, 2), 30);
    let (epochs, keys): (Vec<u64>, Vec<&str>) =
        (all.iter().map(|one| one.epoch).collect(), keys(&all));
    for (at, epoch) in epochs.iter().enumerate() {
        assert_eq!(*epoch, at as u64 * 7 / 30);
    }
    for epoch in keys.chunks_exact(30) {
        let mut sorted = epoch.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 30);
    }
    assert_ne!(keys[..30], keys[30..60]);
}

#[test]
fn evaluation_is_every_sample_in_order() {
    let folder = shards(2);
    let collection = open("sources: [{ shards: 'a-{0..1}.tar' }]", folder.path(), BOTH).unwrap();
    let all = evaluation(&collection, 8, 2);
    let wanted: Vec<String> = (0..20).map(|number| format!("s{number:03}")).collect();
    assert_eq!(keys(&all), wanted);
    assert_eq!(all.iter().map(|one| one.keys.len()).collect::<Vec<_>>(), [8, 8, 4]);
    for one in &all {
        let (photo, sound) = (numbers(one, "photo"), numbers(one, "sound"));
        for (at, label) in numbers(one, "label").chunks(10).enumerate() {
            let class = label.iter().position(|value| *value == 1.0).unwrap() as f32;
            assert_eq!(photo[at * 36], class * 20.0 / 255.0);
            // 16 bits a sample, whose scales differ by one.
            assert!((sound[at * 160] - class / 100.0).abs() < 5e-5);
        }
    }
}

#[test]
fn unimodal_sources_are_mixed_in() {
    let folder = shards(1);
    let only = |end: &str| -> Vec<(String, Vec<u8>)> {
        (0..10).flat_map(members).filter(|(name, _)| !name.ends_with(end)).collect()
    };
    fs::write(folder.path().join("silent.tar"), tar(&only("wav"))).unwrap();
    fs::write(folder.path().join("unlabeled.tar"), tar(&only("cls"))).unwrap();
    let yaml = "
sources:
  - { shards: a-0.tar }
  - { shards: silent.tar, weight: 2 }
  - { shards: unlabeled.tar, weight: 1 }
";
    let collection = open(yaml, folder.path(), BOTH).unwrap();
    let all = training(&collection, &options(100, 2), 10);
    let share = |name: &str| {
        let present: Vec<f32> = all.iter().flat_map(|one| numbers(one, name)).collect();
        f64::from(present.iter().sum::<f32>()) / 1000.0
    };
    // Four deviations of a share of 1,000.
    assert_eq!(share("photo.present"), 1.0);
    assert!((share("sound.present") - 0.5).abs() < 0.064);
    assert!((share("label.present") - 0.75).abs() < 0.055);
    for one in &all {
        let present = numbers(one, "sound.present");
        for (sound, present) in numbers(one, "sound").chunks(160).zip(present) {
            assert!(present == 1.0 || sound.iter().all(|value| *value == 0.0));
        }
    }
    // A model's session takes what comes.
    all[0].batch.check_names(&model(BOTH)).unwrap();
    let mut one = open("sources: [{ shards: silent.tar }]", folder.path(), BOTH).unwrap();
    let silent = evaluation(&one, 4, 0);
    assert!(silent[0].batch.tensors.get("sound").is_none());
    assert_eq!(numbers(&silent[0], "sound.present"), [0.0; 4]);
    one = open("sources: [{ shards: a-0.tar, roles: { wav: [] } }]", folder.path(), BOTH).unwrap();
    assert_eq!(numbers(&evaluation(&one, 4, 0)[0], "sound.present"), [0.0; 4]);
}

#[test]
fn mixup_mixes_all_of_a_pair_alike() {
    let folder = shards(1);
    let collection = open("sources: [{ shards: a-0.tar }]", folder.path(), BOTH).unwrap();
    let mixed = LoadOptions { mixup: Some(1.0), ..options(10, 0) };
    for one in training(&collection, &mixed, 3) {
        let (photo, sound) = (numbers(&one, "photo"), numbers(&one, "sound"));
        for (at, label) in numbers(&one, "label").chunks(10).enumerate() {
            assert!((label.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let class: f32 =
                (0_u8..).zip(label).map(|(class, share)| f32::from(class) * share).sum();
            // Pictures and sounds are linear in their class, so that all three tell the same share.
            assert!((photo[at * 36] * 255.0 / 20.0 - class).abs() < 1e-4);
            assert!((sound[at * 160] * 100.0 - class).abs() < 5e-3);
        }
    }
}

#[test]
fn a_loader_can_be_left_at_any_time() {
    let folder = shards(2);
    let collection = open("sources: [{ shards: 'a-{0..1}.tar' }]", folder.path(), BOTH).unwrap();
    for taken in 0..4 {
        let mut loader = collection.training(&options(4, 3)).unwrap();
        for _ in 0..taken {
            loader.next().unwrap().unwrap();
        }
        drop(loader);
    }
    let mut loader = collection.evaluation(50, 2).unwrap();
    assert_eq!(loader.next().unwrap().unwrap().keys.len(), 20);
    for _ in 0..3 {
        assert!(loader.next().unwrap().is_none());
    }
    assert!(loader.blocked() > std::time::Duration::ZERO);
}

/// A model of a second of sound, so slow that a sample of it is easily told.
const SLOW: &str = "model m {
  modality sound = wave(rate: 100, seconds: 1)
  tokens sound = sound |> patches(10) |> linear(4)
  target label = class(10)
  output heard = sound |> pool(mean) |> linear(10)
  objective loss = cross_entropy(heard, label)
}";

/// A table of sounds of so many seconds, each second of a value of its own.
fn sounds(seconds: &[u32]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "sound,label\n".to_owned();
    for (at, seconds) in seconds.iter().enumerate() {
        let samples = (0..100 * seconds).map(|sample| 0.1 * (sample / 100) as f32).collect();
        fs::write(folder.path().join(format!("{at}.wav")), wav(100, &[samples])).unwrap();
        table.push_str(&format!("{at}.wav,{}\n", at % 10));
    }
    fs::write(folder.path().join("table.csv"), table).unwrap();
    folder
}

/// The places of all samples, and the mean of what each is fed.
fn heard(all: &[Loaded]) -> Vec<(u64, f32)> {
    let of = |loaded: &Loaded| -> Vec<(u64, f32)> {
        let numbers = numbers(loaded, "sound");
        let means = numbers.chunks(100).map(|one| one.iter().sum::<f32>() / 100.0);
        loaded.places.iter().copied().zip(means).collect()
    };
    all.iter().flat_map(of).collect()
}

#[test]
fn clips_are_spread_over_the_whole() {
    let folder = sounds(&[5, 1, 3]);
    let check = |settings: &str, expected: &[(u64, f32)]| {
        let yaml = format!("sources: [{{ table: table.csv }}]\n{settings}");
        let collection = open(&yaml, folder.path(), SLOW).unwrap();
        assert_eq!(collection.len(), 3);
        for (batch, threads) in [(2, 0), (4, 2), (100, 1)] {
            let found = heard(&evaluation(&collection, batch, threads));
            assert_eq!(found.len(), expected.len(), "{settings}: {found:?}");
            for ((place, value), (own, wanted)) in found.iter().zip(expected) {
                // Sixteen bits a sample.
                let same = place == own && (value - wanted).abs() < 1e-3;
                assert!(same, "{settings}: {found:?}");
            }
        }
    };
    check("clip: middle", &[(0, 0.2), (1, 0.0), (2, 0.1)]);
    let three = [0.0, 0.2, 0.4].map(|value| (0, value));
    let all = [three, [(1, 0.0); 3], [0.0, 0.1, 0.2].map(|value| (2, value))];
    check("clips: 3", &all.concat());
    // Where several clips are taken, `clip` has no say.
    check("clips: 3\nclip: start", &all.concat());
    check("clips: 1\nclip: start", &[(0, 0.0), (1, 0.0), (2, 0.0)]);
    // Training takes one.
    let yaml = "sources: [{ table: table.csv }]\nclips: 3";
    let collection = open(yaml, folder.path(), SLOW).unwrap();
    let trained = training(&collection, &options(3, 0), 1);
    assert_eq!(trained[0].keys.len(), 3);
}

#[test]
fn some_samples_are_of_all_parts() {
    let folder = shards(3);
    let collection = open("sources: [{ shards: 'a-{0..2}.tar' }]", folder.path(), BOTH).unwrap();
    let some = |n: u64| -> Vec<u64> {
        let mut loader = collection.some(4, 1, n).unwrap();
        let mut places = Vec::new();
        while let Some(loaded) = loader.next().unwrap() {
            places.extend(loaded.places);
        }
        places
    };
    let found = some(6);
    assert_eq!(found, some(6));
    let parts: Vec<u64> = found.iter().map(|place| place / 5).collect();
    assert_eq!(parts, [0, 1, 2, 3, 4, 5], "{found:?}");
    let within: std::collections::BTreeSet<u64> = found.iter().map(|place| place % 5).collect();
    assert!(within.len() > 1, "not at equal distances: {found:?}");
    assert_eq!(some(30), (0..30).collect::<Vec<u64>>());
    assert_eq!(some(1000), some(30));
}
