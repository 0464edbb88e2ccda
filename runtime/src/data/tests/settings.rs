//! Settings that make no sense, for the model or at all.

use super::*;

#[test]
fn wrong_settings_say_what_to_write() {
    let folder = shards(1);
    for (yaml, words) in [
        ("sources: []", "sources: name at least one source"),
        ("sources: [{}]", "sources[0]: name one of `shards`, `table` and `synthetic`"),
        ("sources: [{ shards: a-0.tar, synthetic: {} }]", "sources[0]: name one of"),
        ("sources: [{ shards: 'a-{0..x}.tar' }]", "sources[0].shards: `{0..x}` is no range"),
        ("sources: [{ shards: a-0.tar, weight: 0 }]", "sources[0].weight: a weight is above 0"),
        (
            "sources: [{ shards: a-0.tar, roles: { png: image } }]",
            "sources[0].roles.png: the model has no modality or target `image`; it has photo, sound, label",
        ),
        (
            "sources: [{ shards: a-0.tar, roles: { png: sound } }]",
            "sources[0].roles.png: `sound` is not made of such files",
        ),
        (
            "sources: [{ shards: a-0.tar }]\nnoise: { x: {} }",
            "noise.x: the model has no modality `x`",
        ),
        ("sources: [{ shards: a-0.tar }]\nnoise: { photo: { snr: 1 } }", "pictures have `sigma`"),
        ("sources: [{ shards: a-0.tar }]\naugment: { sound: { flip: 1 } }", "are for pictures"),
        ("sources: [{ shards: a-0.tar }]\naugment: { sound: { masks: {} } }", "`logmel` and"),
        ("sources: [{ shards: a-0.tar }]\naugment: { photo: { flip: 2 } }", "a probability"),
        ("sources: [{ shards: a-0.tar }]\nbroken: 2", "broken: a part, 0 to 1"),
        ("sources: [{ shards: a-0.tar }]\nclips: 0", "clips: 1 to 1000"),
        ("sources: [{ shards: a-0.tar }]\nclips: 1001", "clips: 1 to 1000"),
        ("sources: [{ shards: a-0.tar }]\nclasses: { label: [a] }", "1 names for 10 classes"),
        (
            "sources: [{ shards: a-0.tar }]\nclasses: { label: [a, b, c, d, e, f, g, h, i, a] }",
            "classes.label: `a` is the name of classes 0 and 9",
        ),
        (
            "sources: [{ shards: a-0.tar }]\nlabels: { x: ids }",
            "labels.x: the model has no target `x`",
        ),
        ("sources: [{ shards: a-0.tar }]\nlabels: { label: names }", "`classes: { label: [..] }`"),
        ("sources: [{ shards: a-0.tar, include: none.txt }]", "none.txt: No such file"),
        ("sources: [{ table: none.csv }]", "sources[0].table: there is no file "),
        ("sources: [{ synthetic: { size: 2 } }]", "sources[0].synthetic.size: 8 to 1024"),
        ("sources: [{ synthetic: { modalities: [x] } }]", "no pictures or sound of the model"),
    ] {
        let said = open(yaml, folder.path(), BOTH).expect_err(yaml).to_string();
        assert!(said.contains(words), "{yaml}\n{said}");
    }
    let collection = open("sources: [{ shards: a-0.tar }]", folder.path(), BOTH).unwrap();
    let dropout = |name: &str, rate| LoadOptions {
        modality_dropout: [(name.to_owned(), rate)].into(),
        ..options(2, 0)
    };
    for (options, words) in [
        (options(0, 1), "batch: 1 to"),
        (LoadOptions { mixup: Some(0.0), ..options(2, 1) }, "mixup: above 0"),
        (LoadOptions { first_step: u64::MAX, ..options(2, 1) }, "first_step"),
        (dropout("x", 0.5), "modality_dropout.x: the model has no such modality"),
        (dropout("photo", 1.5), "modality_dropout.photo: a probability"),
    ] {
        let said = collection.training(&options).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn unknown_settings_are_errors() {
    for yaml in [
        "sources: [{ shard: a.tar }]",
        "sources: []\nnoises: {}",
        "sources: [{ synthetic: { sample: 3 } }]",
        "sources: []\naugment: { photo: { zoom: 1 } }",
        "sources: []\nclip: end",
    ] {
        assert!(serde_yaml::from_str::<DataConfig>(yaml).is_err(), "{yaml}");
    }
}

#[test]
fn files_that_fit_two_modalities_are_asked_about() {
    const SPEC: &str = "model m {
      modality a = image(size: 6, channels: 1)
      modality b = image(size: 6, channels: 1)
      tokens t = concat(a |> patches(6, 6) |> linear(2), b |> patches(6, 6) |> linear(2))
      output o = t |> pool(mean)
    }";
    let folder = shards(1);
    let said = open("sources: [{ shards: a-0.tar }]", folder.path(), SPEC).unwrap_err().to_string();
    assert!(said.contains("files `png` could be `a` or `b`: say which (`png: a`)"), "{said}");
    let both = "sources: [{ shards: a-0.tar, roles: { png: [a, b] } }]";
    let all = evaluation(&open(both, folder.path(), SPEC).unwrap(), 10, 0);
    assert_eq!(numbers(&all[0], "a"), numbers(&all[0], "b"));
}
