//! One small graph in both text forms.

use crate::flow::Presence;
use crate::graph::{
    BufferId, Graph, Input, InputKind, Leaf, Op, ParameterBuffer, Parameters, Phase, Reduction,
    RootKind, Segment, Slot, Unary, dot, verify,
};
use crate::model::ModalityId;

/// A mean of squares of what a linear map makes, and a step that shrinks its weights.
fn small() -> Graph {
    let buffer = ParameterBuffer { decays: true, frozen: false, numbers: 6, weights: Vec::new() };
    let mut graph = Graph::new(
        "small",
        2,
        Parameters { buffers: vec![buffer], places: Vec::new(), names: Vec::new(), scale: None },
    );
    graph.at("video.project", Phase::Forward);
    let kind = InputKind::Modality;
    let video = graph.input(Input { kind, name: "video".to_owned(), shape: vec![2, 2, 3] });
    let rows = graph.reshape(video, &[4, 3]);
    let weights = graph.push(Op::Leaf(Leaf::Parameters(BufferId(0))), vec![], vec![6]);
    let matrix = graph.reshape(weights, &[2, 3]);
    let mapped = graph.contract(rows, matrix);
    let _nobody_needs_it = graph.unary(Unary::Exp, mapped);
    let present = graph.present_if(&Presence::with(ModalityId(0)));
    let present = graph.present(&[Segment { present, tokens: 2 }]).expect("video may be absent");
    let present = graph.broadcast(present, &[4, 2]);
    let mapped = graph.only_where(present, mapped);
    graph.at("losses.square", Phase::Forward);
    let square = graph.multiply(mapped, mapped);
    let square = graph.reshape(square, &[8]);
    let loss = graph.reduce(Reduction::Sum, square, 0);
    graph.root(RootKind::Output, "mapped", mapped);
    graph.root(RootKind::Loss, "square", loss);
    graph.at("", Phase::Update);
    let smaller = graph.times(weights, 0.5);
    graph.root(RootKind::Update(BufferId(0), Slot::Weight, 0), "", smaller);
    assert_eq!(verify(&graph), Ok(()));
    graph
}

#[test]
fn a_graph_is_lines() {
    insta::assert_snapshot!(small().to_string(), @"
    graph small, batch 2
      p0 = m0
    video.project (forward)
      %0 = modality video [2, 2, 3]
      %1 = reshape(%0) [4, 3]
      %2 = parameters 0 [6]
      %3 = reshape(%2) [2, 3]
      %4 = contract(%1, %3) [4, 2]
      %5 = present[p0 x 2] [4, 1]
      %6 = broadcast(%5) [4, 2]
      %7 = 0.0 [4, 2]
      %8 = select(%6, %4, %7) [4, 2]
    losses.square (forward)
      %9 = multiply(%8, %8) [4, 2]
      %10 = reshape(%9) [8]
      %11 = sum[axis 0](%10) [1]
     (update)
      %12 = 0.5 [6]
      %13 = multiply(%2, %12) [6]
    output mapped = %8
    loss square = %11
    new parameters 0 from 0 = %13
    ");
}

#[test]
fn a_graph_is_boxes_and_arrows() {
    insta::assert_snapshot!(dot(&small()), @r#"
    digraph small {
      node [shape=box, fontsize=10];
      n0 [label="modality video\n[2, 2, 3]\nvideo.project", color=black];
      n1 [label="reshape\n[4, 3]\nvideo.project", color=black];
      n0 -> n1;
      n2 [label="parameters 0\n[6]\nvideo.project", color=black];
      n3 [label="reshape\n[2, 3]\nvideo.project", color=black];
      n2 -> n3;
      n4 [label="contract\n[4, 2]\nvideo.project", color=black];
      n1 -> n4;
      n3 -> n4;
      n6 [label="present[p0 x 2]\n[4, 1]\nvideo.project", color=black];
      n7 [label="broadcast\n[4, 2]\nvideo.project", color=black];
      n6 -> n7;
      n8 [label="0.0\n[4, 2]\nvideo.project", color=black];
      n9 [label="select\n[4, 2]\nvideo.project", color=black];
      n7 -> n9;
      n4 -> n9;
      n8 -> n9;
      n10 [label="multiply\n[4, 2]\nlosses.square", color=black];
      n9 -> n10;
      n9 -> n10;
      n11 [label="reshape\n[8]\nlosses.square", color=black];
      n10 -> n11;
      n12 [label="sum[axis 0]\n[1]\nlosses.square", color=black];
      n11 -> n12;
      n13 [label="0.5\n[6]\n", color=red];
      n14 [label="multiply\n[6]\n", color=red];
      n2 -> n14;
      n13 -> n14;
      r0 [label="output mapped", shape=ellipse];
      n9 -> r0;
      r1 [label="loss square", shape=ellipse];
      n12 -> r1;
      r2 [label="new parameters 0 from 0", shape=ellipse];
      n14 -> r2;
    }
    "#);
}
