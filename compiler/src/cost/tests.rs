//! Costs of hand-built models, counted by hand.

use super::{Cost, scaled};
use crate::model::tests::builder::{Builder, pair, windows};
use crate::model::{Op, Output, Shape};

#[test]
fn costs_are_counted_by_part() {
    insta::assert_snapshot!(Cost::of(&pair(3)), @"
    part           parameters   FLOPs  if dense
    video                 104     768
    fusion                 16       0
    layers                912  16.8 K    19.9 K
    video_logits           40      80
    fusion_logits          40      80
    total                1112  17.8 K    20.8 K
    tokens  video 4 of 8, audio 3 of 8, fusion 2 of 8
    memory  weights 4.34 KiB, with Adam 17.3 KiB, at most 6.85 KiB a sample
    ");
}

#[test]
fn attention_counts_allowed_pairs() {
    let cost = Cost::of(&pair(1));
    // Audio is read, but what it becomes reaches no output: its keys and values count alone.
    let linear = 2 * 8 * 8 * (2 * 9 + 2 * 6);
    // Video reads 4 * 4 pairs, fusion 2 * 9; dense are 6 * 9.
    assert_eq!(cost.parts["layers"].flops, linear + 4 * (4 * 4 + 2 * 9) * 8);
    assert_eq!(cost.parts["layers"].dense_flops, linear + 4 * (6 * 9) * 8);
}

#[test]
fn windows_and_dead_values() {
    let mut builder = Builder::new(&["video"]);
    builder.input("video", [8, 8], 4);
    builder.attend_within(&[("video", &["video"])], 1, windows(4, 0));
    assert_eq!(Cost::of(&builder.model).total().flops, 0, "it reaches no output");
    let value = builder.values["video"];
    let span = crate::model::tests::builder::span();
    builder.model.outputs.push(Output { name: "video".to_owned(), value, span });
    let cost = Cost::of(&builder.model);
    assert_eq!(cost.total().flops, 4 * (4 * 16 * 16) * 4);
    assert_eq!(cost.total().dense_flops, 4 * (64 * 64) * 4);
    assert_eq!(cost.activation_bytes(), 2 * 64 * 4 * 4);
}

#[test]
fn the_largest_values_do_not_overflow() {
    let mut builder = Builder::new(&["video"]);
    let value = builder.input("video", [1 << 32], 1 << 8);
    let lane = (None, vec![value], vec![], Shape::new([1 << 32], 1 << 8));
    let value = builder.step("linear", Op::Linear, vec![lane])[0];
    let span = crate::model::tests::builder::span();
    builder.model.outputs.push(Output { name: "video".to_owned(), value, span });
    assert_eq!(Cost::of(&builder.model).total().flops, 1 << 49);
}

#[test]
fn units() {
    let shown = [0, 999, 1000, 12_345, 999_999, 1_234_567, u128::MAX].map(scaled);
    insta::assert_snapshot!(shown.join(", "), @"0, 999, 1.00 K, 12.3 K, 999 K, 1.23 M, 340282366920938463463 E");
}
