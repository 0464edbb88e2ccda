use zorro_compiler::{Options, check_text};

use super::compare::{changed, not_zero};
use super::policy::named_after;

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
