//! Tables, lists of keys, limits, made-up samples.

use super::*;

fn folder_with_table(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("media")).unwrap();
    for number in 0..20 {
        for (name, bytes) in members(number) {
            fs::write(folder.path().join("media").join(name), bytes).unwrap();
        }
    }
    fs::write(folder.path().join("list.csv"), text).unwrap();
    folder
}

#[test]
fn tables_name_files_and_values() {
    let text = "key,photo,note,audio,label\none,s001.png,\"a, b\",s001.wav,1\ntwo,s002.png,,,2\n\
                three,,x,s003.wav,\n";
    let folder = folder_with_table(text);
    let yaml = "sources: [{ table: list.csv, folder: media, roles: { audio: sound } }]";
    let collection = open(yaml, folder.path(), BOTH).unwrap();
    let all = evaluation(&collection, 4, 0);
    assert_eq!(keys(&all), ["one", "two", "three"]);
    assert_eq!(numbers(&all[0], "photo.present"), [1.0, 1.0, 0.0]);
    assert_eq!(numbers(&all[0], "sound.present"), [1.0, 0.0, 1.0]);
    assert_eq!(numbers(&all[0], "label.present"), [1.0, 1.0, 0.0]);
    assert_eq!(numbers(&all[0], "label")[10..20].iter().position(|v| *v == 1.0), Some(2));
}

#[test]
fn roles_speak_of_columns_that_are_there() {
    let folder = folder_with_table("photo,label\ns001.png,1\n");
    let yaml = "sources: [{ table: list.csv, folder: media, roles: { photos: photo } }]";
    let said = open(yaml, folder.path(), BOTH).unwrap_err().to_string();
    assert!(
        said.contains("sources[0].roles.photos") && said.contains("did you mean `photo`?"),
        "{said}"
    );
}

#[test]
fn tables_find_files_by_their_extensions() {
    let mut text = "path,label\n".to_owned();
    for number in 0..20 {
        let extension = if number % 2 == 0 { "png" } else { "wav" };
        text += &format!("media/s{number:03}.{extension},{}\n", number % 10);
    }
    text += "media/missing.png,3\n../x.png,3\n";
    let folder = folder_with_table(&text);
    let collection = open("sources: [{ table: list.csv }]", folder.path(), BOTH).unwrap();
    assert_eq!((collection.len(), collection.problems().samples), (21, 1));
    let all = evaluation(&collection, 100, 1);
    assert_eq!(numbers(&all[0], "photo.present").iter().sum::<f32>(), 10.0);
    assert_eq!(all[0].keys[1], "media/s001.wav");
    let said = collection.problems().to_string();
    assert!(said.contains("list.csv, line 23: a path leads out"), "{said}");
    assert!(said.contains("list.csv, line 22: media/missing.png"), "{said}");
}

#[test]
fn keys_are_included_and_excluded() {
    let folder = shards(2);
    fs::write(folder.path().join("some.txt"), "s001\ns015\r\n\ns003\nelsewhere\n").unwrap();
    for (yaml, wanted) in [
        ("include: some.txt", vec!["s001", "s003", "s015"]),
        ("include: some.txt, take: 1, take_seed: 3", vec![]),
        ("exclude: some.txt", vec![]),
    ] {
        let yaml = format!("sources: [{{ shards: 'a-{{0..1}}.tar', {yaml} }}]");
        let collection = open(&yaml, folder.path(), BOTH).unwrap();
        let all = evaluation(&collection, 50, 0);
        if wanted.is_empty() {
            assert_eq!(collection.len(), if yaml.contains("take") { 1 } else { 17 });
        } else {
            assert_eq!(keys(&all), wanted);
        }
    }
}

#[test]
fn limits_give_every_class_its_share() {
    let folder = shards(5);
    for (take, wanted) in [("20", 20), ("0.5", 25), ("1000", 50), ("1.0", 50), ("7", 7)] {
        let yaml = format!("sources: [{{ shards: 'a-{{0..4}}.tar', take: {take} }}]");
        let collection = open(&yaml, folder.path(), BOTH).unwrap();
        assert_eq!(collection.len(), wanted, "{take}");
        let all = evaluation(&collection, 100, 0);
        let mut counts = [0.0_f32; 10];
        for label in numbers(&all[0], "label").chunks(10) {
            counts.iter_mut().zip(label).for_each(|(count, value)| *count += value);
        }
        let (most, least) = (
            counts.iter().fold(0.0_f32, |a, b| a.max(*b)),
            counts.iter().fold(9.0_f32, |a, b| a.min(*b)),
        );
        assert!(most - least <= 1.0, "{take}: {counts:?}");
        let again = evaluation(&open(&yaml, folder.path(), BOTH).unwrap(), 100, 0);
        assert_eq!(keys(&again), keys(&all));
    }
    for take in ["0", "0.0", "1.5", "-3"] {
        let yaml = format!("sources: [{{ shards: 'a-{{0..4}}.tar', take: {take} }}]");
        assert!(open(&yaml, folder.path(), BOTH).is_err(), "{take}");
    }
}

#[test]
fn values_come_in_json_and_by_name() {
    const SPEC: &str = "model m {
      modality left  = image(size: 6, channels: 1)
      modality right = image(size: 6)
      modality words = text(length: 4, vocabulary: 9)
      modality extra = tensor([2, 3])
      tokens l = left |> patches(6, 6) |> linear(4)
      tokens r = right |> patches(6, 6) |> linear(4)
      tokens w = words |> embed(4)
      tokens e = extra |> linear(4)
      target tags = classes(3)
      target aim = tensor([2])
      output o = concat(l, r, w, e) |> pool(mean) |> linear(3)
      output p = concat(l, r) |> pool(mean) |> linear(2)
      objective loss = sigmoid_cross_entropy(o, tags) + mse(p, aim)
    }";
    let folder = TempDir::new().unwrap();
    let json = r#"{"tags": ["cat", 2], "aim": [0.5, -1], "words": [3, 4], "extra": [[1, 2, 3], [4, 5, 6]]}"#;
    let all = vec![
        ("x/one.left.png".to_owned(), png(6, 255)),
        ("x/one.right.png".to_owned(), png(6, 51)),
        ("x/one.json".to_owned(), json.as_bytes().to_vec()),
    ];
    fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
    let yaml = "sources: [{ shards: a.tar }]\nclasses: { tags: [dog, cat, cow] }";
    let collection = open(yaml, folder.path(), SPEC).unwrap();
    let all = evaluation(&collection, 2, 0);
    assert_eq!(keys(&all), ["x/one"]);
    assert_eq!(numbers(&all[0], "tags"), [0.0, 1.0, 1.0]);
    assert_eq!(numbers(&all[0], "aim"), [0.5, -1.0]);
    assert_eq!(numbers(&all[0], "words"), [3.0, 4.0, 0.0, 0.0]);
    assert_eq!(numbers(&all[0], "extra"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(numbers(&all[0], "left")[0], 1.0);
    assert_eq!(numbers(&all[0], "right")[..3], [0.2; 3]);
    let said = collection.training(&LoadOptions { mixup: Some(0.3), ..options(1, 0) });
    assert!(said.unwrap_err().to_string().contains("`words` cannot be mixed"));
}

/// The share of samples whose class the nearest mean of another set's classes tells.
fn nearest_mean(train: &[Loaded], test: &[Loaded], names: &[&str]) -> f64 {
    let rows = |all: &[Loaded]| -> Vec<(usize, Vec<f32>)> {
        let mut rows = Vec::new();
        for one in all {
            let n = one.keys.len();
            let label = numbers(one, "label");
            let values: Vec<Vec<f32>> = names.iter().map(|name| numbers(one, name)).collect();
            for at in 0..n {
                let class = label[at * 10..at * 10 + 10].iter().position(|v| *v == 1.0).unwrap();
                let row = values.iter().flat_map(|values| {
                    let width = values.len() / n;
                    values[at * width..(at + 1) * width].to_vec()
                });
                rows.push((class, row.collect()));
            }
        }
        rows
    };
    let train = rows(train);
    let width = train[0].1.len();
    let mut means = vec![vec![0.0_f32; width]; 10];
    for (class, row) in &train {
        means[*class].iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
    }
    let scale = train.len() as f32 / 10.0;
    let test = rows(test);
    let right = test.iter().filter(|(class, row)| {
        let distance = |mean: &Vec<f32>| -> f32 {
            row.iter().zip(mean).map(|(value, mean)| (value - mean / scale).powi(2)).sum()
        };
        let nearest = (0..10).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])));
        nearest == Some(*class)
    });
    right.count() as f64 / test.len() as f64
}

#[test]
fn made_up_samples_need_both_modalities() {
    const SPEC: &str = "model m {
      modality photo = image(size: 16, channels: 1)
      modality sound = wave(rate: 4000, seconds: 0.25) |> logmel(bins: 40, window: 200, hop: 100, low: 600, high: 1600)
      tokens photo = photo |> patches(4, 4) |> linear(4)
      tokens sound = sound |> patches(4, 1) |> linear(4)
      target label = class(10)
      output o = concat(photo, sound) |> pool(mean) |> linear(10)
      objective loss = cross_entropy(o, label)
    }";
    let folder = TempDir::new().unwrap();
    let set = |first: usize, more: &str| {
        let yaml = format!("sources: [{{ synthetic: {{ samples: 600, first: {first}{more} }} }}]");
        evaluation(&open(&yaml, folder.path(), SPEC).unwrap(), 200, 2)
    };
    let (train, test) = (set(0, ""), set(100_000, ""));
    assert_eq!(keys(&train)[1], "synthetic-000001");
    assert_eq!(keys(&set(0, "")), keys(&train));
    assert_eq!(numbers(&set(0, "")[1], "photo"), numbers(&train[1], "photo"));
    assert_ne!(numbers(&set(0, ", seed: 1")[1], "photo"), numbers(&train[1], "photo"));
    // Even the crudest classifier sees in each what chance (0.1) does not, and neither has all.
    for name in ["photo", "sound"] {
        let found = nearest_mean(&train, &test, &[name]);
        assert!((0.2..0.9).contains(&found), "{name}: {found}");
    }
    let yaml = "sources: [{ synthetic: { samples: 20, modalities: [sound] } }]";
    let deaf = evaluation(&open(yaml, folder.path(), SPEC).unwrap(), 20, 0);
    assert_eq!(numbers(&deaf[0], "photo.present"), [0.0; 20]);
}
