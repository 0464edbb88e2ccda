//! Differences between hand-built models.

use super::{Diff, diff};
use crate::cost::Cost;
use crate::flow::Flow;
use crate::model::Model;
use crate::model::tests::builder::{ZORRO, over, pair};

fn between(old: &Model, new: &Model) -> Diff {
    let (old_flow, new_flow) = (Flow::of(old).expect("small"), Flow::of(new).expect("small"));
    let (old_cost, new_cost) = (Cost::of(old), Cost::of(new));
    diff((old, &old_flow, &old_cost), (new, &new_flow, &new_cost))
}

#[test]
fn a_model_does_not_differ_from_itself() {
    let found = between(&pair(2), &pair(2));
    assert!(found.is_empty());
    insta::assert_snapshot!(found, @"no difference");
}

#[test]
fn a_leak_is_told() {
    let route: &[(&str, &[&str])] =
        &[("video", &["video", "fusion"]), ("audio", &["audio"]), ("fusion", &["video", "fusion"])];
    insta::assert_snapshot!(between(&pair(3), &over(3, route)), @"
    tokens fusion loses sight of audio
    output fusion_logits loses sight of audio
    objective supervised loses sight of audio
    tokens fusion: present video | audio -> video
    output fusion_logits: present video | audio -> video
    objective supervised: present video | audio -> video
    layers.0..2.attend: video <- fusion: pairs none -> 8
    layers.0..2.attend: fusion <- audio: pairs 6 -> none
    layers: FLOPs 16.8 K -> 12.6 K (-4.22 K), FLOPs if dense 19.9 K -> 14.4 K (-5.56 K)
    total: FLOPs 17.8 K -> 13.6 K (-4.22 K), FLOPs if dense 20.8 K -> 15.3 K (-5.56 K)
    ");
}

#[test]
fn depth_and_outputs() {
    let mut new = pair(3);
    new.outputs.remove(0);
    insta::assert_snapshot!(between(&over(2, ZORRO), &new), @"
    - output video_logits
    layers.2.attend: video <- video: pairs none -> 16
    layers.2.attend: audio <- audio: pairs none -> 9
    layers.2.attend: fusion <- video: pairs none -> 8
    layers.2.attend: fusion <- audio: pairs none -> 6
    layers.2.attend: fusion <- fusion: pairs none -> 4
    layers: parameters 608 -> 912 (+304), FLOPs 10.9 K -> 16.8 K (+5.98 K), FLOPs if dense 12.7 K -> 19.9 K (+7.20 K)
    total: parameters 808 -> 1.11 K (+304), FLOPs 11.8 K -> 17.8 K (+5.98 K), FLOPs if dense 13.6 K -> 20.8 K (+7.20 K)
    ");
}
