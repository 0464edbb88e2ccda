use zorro_compiler::model::ModalityId;
use zorro_compiler::{Options, check_text};

use super::compare::{changed, not_zero};
use super::policy::named_after;
use super::{AuditOptions, Causal, What, audit};

#[test]
fn every_bit_counts() {
    assert_eq!(changed(&[1.0, f32::NAN], &[1.0, f32::NAN]), None);
    let change = changed(&[0.0, 1.0, 2.0, 3.0], &[-0.0, 1.5, f32::NAN, 3.0]).unwrap();
    assert_eq!((change.changed, change.numbers, change.not_finite), (3, 4, 1));
    assert_eq!(change.largest, 0.5);
    assert_eq!(not_zero(&[0.0, -0.0]), None);
    let change = not_zero(&[0.0, -2.0, f32::NAN]).unwrap();
    assert_eq!((change.changed, change.largest, change.not_finite), (2, 2.0, 1));
}

/// After which modality of these an output is named.
fn check(modalities: &[&str], output: &str, expected: Option<&str>) {
    let mut spec = "model m {\n".to_owned();
    for name in modalities {
        spec += &format!("modality {name} = tensor([2, 3])\ntokens {name} = {name} |> linear(4)\n");
    }
    spec += &format!("output o = mean({})\n}}", modalities.join(", "));
    let checked = check_text(&spec, &Options::default()).checked.expect("nothing is wrong");
    let found = named_after(&checked.model, output);
    let found = found.map(|id| checked.model.modalities[id.index()].name.as_str());
    assert_eq!(found, expected, "{output}");
}

#[test]
fn names_of_one_modality() {
    let two = ["video", "audio"];
    check(&two, "video", Some("video"));
    check(&two, "audio_z", Some("audio"));
    check(&two, "video_logits_2", Some("video"));
    check(&two, "videos", None);
    check(&two, "the_video", None);
    check(&two, "logits", None);
    check(&two, "video_audio", None);
    check(&two, "video_to_audio_z", None);
    check(&two, "video_audios", Some("video"));
    check(&["video", "video_low"], "video_low_z", Some("video_low"));
    check(&["video", "video_low"], "video_high", Some("video"));
}

#[test]
fn later_positions_leave_earlier_tokens_alone() {
    let spec = |edges: &str| {
        let text = format!(
            "model m {{
               modality photo = tensor([4, 8])
               modality words = text(length: 4, vocabulary: 9)
               tokens photo = photo |> linear(8)
               tokens words = words |> embed(8)
               layers: repeat 2 {{ apply vit(2) over {{ {edges} }} }}
               output logits = words |> linear(5)
               output seen   = photo |> pool(mean)
             }}"
        );
        check_text(&text, &Options::default()).checked.expect("nothing is wrong")
    };
    let promise = |causal: &[(&str, &str)]| {
        let causal = causal.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        AuditOptions { causal, ..AuditOptions::default() }
    };
    let fine = spec("photo <- photo; words <- photo, words within causal");
    let found = audit(&fine, &promise(&[])).expect("it runs");
    assert!(found.passed(), "{:?}", found.failures);
    assert_eq!(
        found.causal,
        [Causal { output: "logits".to_owned(), modality: ModalityId(1), positions: 4 }]
    );
    let leak = spec("photo, words <- photo, words within causal");
    let found = audit(&leak, &promise(&[])).expect("it runs");
    assert!(found.passed() && found.causal.is_empty(), "nobody said that it is causal");
    let found = audit(&leak, &promise(&[("logits", "words")])).expect("it runs");
    assert!(!found.passed() && found.causal.is_empty());
    let failure = &found.failures[0];
    assert!(failure.evidence.iter().all(|found| matches!(found.what, What::Earlier(_))));
    assert_eq!(failure.path.len(), 2, "{:?}", failure.path);
    assert!(audit(&leak, &promise(&[("logits", "nothing")])).is_err());
}
