//! Hand-built models, and their text forms.

pub(crate) mod builder;

use super::{Model, dot, verify, weights_table};
use crate::number::Number;
use builder::{Builder, pair};

#[test]
fn layers_are_told_once() {
    insta::assert_snapshot!(pair(3).to_string(), @"
    model test
    modalities
      video  4x12  tensor
      audio  3x8   tensor
    groups
      video, audio, fusion
    steps
      video.linear          video.input[video] -> 4x12 |> linear -> width 8 with weight, bias  {video}
      audio.input           input[audio] -> 3x8  {audio}
      fusion.latents        latents -> 2x8 with fusion.latents  {fusion}
      layers.0..2
        x = [video.linear, audio.input, fusion.latents], then add
        norm              norm[eps: 0.000001](x) with scale, bias  {video, audio, fusion}
        attend.{q, k, v}  linear(norm) with weight, bias  {video, audio, fusion}
        add               attend[heads: 2](attend.q; attend.k, attend.v) |> attend.out=linear with weight, bias |> drop_path[rate: 0..0.02] |> add(x, _)  {video <- video; audio <- audio; fusion <- video, audio, fusion}
      video_logits.linear   video_logits.pool[mean](layers.last.add@video) -> 1x8 |> linear -> width 5 with weight
      fusion_logits.linear  fusion_logits.pool[mean](layers.last.add@fusion) -> 1x8 |> linear -> width 5 with weight
    outputs
      video_logits   1x5  video_logits.linear
      fusion_logits  1x5  fusion_logits.linear
    targets
      label  classes(5)
    objectives
      supervised  mean(sigmoid_cross_entropy(video_logits, label), sigmoid_cross_entropy(fusion_logits, label))
    asserts
      video reads only video  as layers.last.add@video
    ");
}

#[test]
fn weights_of_layers_are_told_once() {
    insta::assert_snapshot!(weights_table(&pair(3)), @"
    video.linear.weight            8x12  0  matrix
    video.linear.bias              8     0  bias
    fusion.latents                 2x8   0  latents
    layers.0..2.norm.scale         8     0  scale
    layers.0..2.norm.bias          8     0  bias
    layers.0..2.attend.q.weight    8x8   0  matrix
    layers.0..2.attend.q.bias      8     0  bias
    layers.0..2.attend.k.weight    8x8   0  matrix
    layers.0..2.attend.k.bias      8     0  bias
    layers.0..2.attend.v.weight    8x8   0  matrix
    layers.0..2.attend.v.bias      8     0  bias
    layers.0..2.attend.out.weight  8x8   0  matrix
    layers.0..2.attend.out.bias    8     0  bias
    video_logits.linear.weight     5x8   0  matrix
    fusion_logits.linear.weight    5x8   0  matrix
    ");
}

#[test]
fn equal_layers_are_drawn_once() {
    insta::assert_snapshot!(dot(&pair(3)), @r#"
    digraph model {
      rankdir=LR
      node [shape=box]
      n0 [label="video", shape=parallelogram]
      n1 [label="audio", shape=parallelogram]
      n2 [label="video"]
      n3 [label="fusion"]
      n13 [label="video_logits", shape=oval]
      n14 [label="fusion_logits", shape=oval]
      n15 [label="supervised", shape=diamond]
      subgraph cluster_0 {
        label="layers.0..2"
        n4 [label="video"]
        n5 [label="audio"]
        n6 [label="fusion"]
      }
      n0 -> n2
      n1 -> n5
      n1 -> n6
      n2 -> n4
      n2 -> n6
      n3 -> n6
      n4 -> n13
      n4 -> n15
      n6 -> n14
      n6 -> n15
    }
    "#);
}

/// The text of steps of one modality, `depth` times `layer`.
fn steps(depth: u64, layer: impl Fn(&mut Builder, u64)) -> String {
    let mut builder = Builder::new(&["video"]);
    builder.input("video", [8, 8], 4);
    for i in 0..depth {
        builder.path = format!("layers.{i}");
        layer(&mut builder, i);
    }
    let text = builder.model.to_string();
    let (_, text) = text.split_once("steps\n").expect("a section");
    text.to_owned()
}

#[test]
fn alternating_windows_say_where_they_hold() {
    let text = steps(4, |builder, i| {
        let shift = if i % 2 == 0 { 0 } else { 2 };
        builder.attend_within(&[("video", &["video"])], 2, builder::windows(4, shift));
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    layers.0..3
      x = video.input, then attend
      attend  attend[heads: 2](x; x, x)  {video <- video within (windows([4, 4]), windows([4, 4], shift: [2, 2]) in turn)}
    ");
}

#[test]
fn rates_that_rise_are_first_and_last() {
    let text = steps(4, |builder, i| {
        builder.unary("drop_path", builder::drop_path(i), &["video"]);
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    layers.0..3
      x = video.input, then drop_path
      drop_path  drop_path[rate: 0..0.03](x)  {video}
    ");
}

#[test]
fn layers_that_differ_stand_apart() {
    let text = steps(4, |builder, i| {
        builder.unary("softmax", super::Op::Softmax, &["video"]);
        if i == 2 {
            builder.unary("scale", super::Op::Reciprocal(Number::ONE), &["video"]);
        }
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    layers.0..1
      x = video.input, then softmax
      softmax  softmax(x)  {video}
    layers.2
      x = softmax before
      scale  softmax(x) |> reciprocal[of: 1]  {video}
    layers.3
      x = scale before
      softmax  softmax(x)  {video}
    ");
}

#[test]
fn loops_in_loops_fold_from_the_inside() {
    let text = steps(2, |builder, i| {
        builder.unary("softmax", super::Op::Softmax, &["video"]);
        for j in 0..3 {
            builder.path = format!("layers.{i}.think.{j}");
            builder.unary("drop", builder::drop_path(3 * i + j), &["video"]);
        }
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    layers.0..1
      x = video.input, then think.last.drop
      softmax  softmax(x)  {video}
      think.0..2
        y = softmax, then drop
        drop  drop_path[rate: 0..0.05](y)  {video}
    ");
}

#[test]
fn loops_that_end_elsewhere_are_one() {
    let text = steps(3, |builder, i| {
        for j in 0..[2, 5, 2][i as usize] {
            builder.path = format!("stages.{i}.trunk.{j}");
            let shift = if j % 2 == 0 { 0 } else { 2 };
            let heads = [1, 2, 4][i as usize];
            builder.attend_within(&[("video", &["video"])], heads, builder::windows(4, shift));
        }
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    stages.0..2
      x = video.input, then trunk.last.attend
      trunk.0..1/4/1
        y = x, then attend
        attend  attend[heads: 1/2/4](y; y, y)  {video <- video within (windows([4, 4]), windows([4, 4], shift: [2, 2]) in turn)}
    ");
}

#[test]
fn what_comes_from_two_layers_before_is_no_loop() {
    let mut builder = Builder::new(&["video"]);
    let mut before = [builder.input("video", [2], 4); 2];
    for i in 0..3 {
        let lane = (Some("video"), before.to_vec(), vec![], super::Shape::new([2], 4));
        builder.path = format!("layers.{i}");
        before = [before[1], builder.step("add", super::Op::Add, vec![lane])[0]];
    }
    let text = builder.model.to_string();
    let (_, text) = text.split_once("steps\n").expect("a section");
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 2x4  {video}
    layers.0..1
      x = video.input, then add
      add  add(video.input, x)  {video}
    layers.2
      x = add before
      add  add(layers.0.add, x)  {video}
    ");
}

#[test]
fn steps_of_one_path_are_told_apart() {
    let text = steps(1, |builder, _| {
        builder.unary("softmax", super::Op::Softmax, &["video"]);
        builder.unary("softmax", super::Op::Softmax, &["video"]);
    });
    insta::assert_snapshot!(text, @"
    video.input  input[video] -> 8x8x4  {video}
    layers.0
      softmax#2  softmax(video.input) |> softmax  {video}
    ");
}

#[test]
fn well_formed_models_are_accepted() {
    for depth in 0..3 {
        assert_eq!(verify(&pair(depth)), Ok(()));
    }
}

/// What the verifier says after this change.
fn broken(change: impl FnOnce(&mut Model)) -> String {
    let mut model = pair(1);
    change(&mut model);
    verify(&model).expect_err("the model is broken")
}

fn step(model: &mut Model, path: &str) -> usize {
    model.steps.iter().position(|step| step.path == path).expect("a step of the test")
}

#[test]
fn broken_models_are_refused() {
    let check = |expected: &str, change: fn(&mut Model)| assert_eq!(broken(change), expected);
    check("layers.0.norm: operand 31 is not made before", |model| {
        let (at, last) = (step(model, "layers.0.norm"), model.values.len() - 1);
        model.steps[at].lanes[0].operands[0] = super::ValueId::next(last);
    });
    check("value 5 is the result of 0 lanes", |model| {
        let at = step(model, "layers.0.norm");
        let lane = model.steps[at].lanes.remove(1);
        assert_eq!(lane.result.0, 5);
    });
    check("layers.0.attend: 5 heads of 4x8", |model| {
        let at = step(model, "layers.0.attend");
        model.steps[at].op =
            super::Op::Attend { heads: 5, window: None, missing: super::Missing::Zero };
    });
    check("layers.0.attend: attention of 1 reads has 2 operands", |model| {
        let at = step(model, "layers.0.attend");
        model.steps[at].lanes[0].operands.pop();
    });
    check(
        "layers.0.attend: `causal` needs as many keys as queries, the query has 2 tokens, the key 4",
        |model| {
            let at = step(model, "layers.0.attend");
            model.steps[at].lanes[2].reads[0].relation = crate::routing::Relation::Causal;
        },
    );
    check("layers.0.attend.q: weight 0 is Some([8, 8]), not [9, 8]", |model| {
        let at = step(model, "layers.0.attend.q");
        let result = model.steps[at].lanes[0].result;
        model.values[result.index()].shape.width = 9;
    });
    check("two of kind weight are named `layers.0.norm.scale`", |model| {
        let (_, weights) = model.weights.split_at_mut(1);
        weights.iter_mut().for_each(|weight| weight.name = "layers.0.norm.scale".to_owned());
    });
    check("the weight `spare` is not used", |model| {
        let mut spare = model.weights[0].clone();
        spare.name = "spare".to_owned();
        model.weights.push(spare);
    });
}

#[test]
fn masks_have_a_side_for_each_group() {
    let model = pair(1);
    let step = model.steps.iter().find(|step| step.path == "layers.0.attend");
    let mask = model.mask(step.expect("attention")).expect("attention has a mask");
    insta::assert_snapshot!(mask, @"
    group   grid  tokens
    video   4          4
    audio   3          3
    fusion  2          2
    video <- video
    audio <- audio
    fusion <- video, audio, fusion
    density 0.531 (43 of 81 pairs)
    ");
    assert!(model.mask(&model.steps[0]).is_none());
}
