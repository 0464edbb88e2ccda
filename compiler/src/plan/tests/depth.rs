//! Depth costs kernels, but no bodies; and plans as text.

use super::models::{everything, model, training};
use crate::graph::{
    BufferId, Graph, Input, InputKind, Leaf, Op, ParameterBuffer, Parameters, Phase, RootKind,
    Slot, Unary,
};
use crate::plan::{Plan, check_memory, plan, verify};

/// Forward and training.
fn plans(depth: usize, random: bool) -> [Plan; 2] {
    let depth = depth.to_string();
    let small = [("dim", "16"), ("heads", "2"), ("depth", depth.as_str())];
    let graph = everything(&model("zorro_vit", &small), 2, random);
    [plan(&graph), plan(&training(&graph))]
}

#[test]
fn depth_costs_kernels_and_no_bodies() {
    for random in [false, true] {
        let depths = [2, 3, 4, 8, 48];
        let made: Vec<[Plan; 2]> = depths.iter().map(|depth| plans(*depth, random)).collect();
        for kind in 0..2 {
            let bodies: Vec<usize> = made.iter().map(|plans| plans[kind].bodies.len()).collect();
            let kernels: Vec<usize> = made.iter().map(|plans| plans[kind].kernels.len()).collect();
            let layer = kernels[2] - kernels[1];
            assert_eq!(kernels[3] - kernels[1], 5 * layer, "{kernels:?} kernels, random {random}");
            assert_eq!(kernels[4] - kernels[1], 45 * layer, "{kernels:?} kernels");
            let same = bodies.iter().all(|n| *n == bodies[0]);
            assert!(same, "{bodies:?} bodies, random {random}, kind {kind}");
            made.iter().for_each(|plans| assert_eq!(verify(&plans[kind]), Ok(())));
        }
    }
}

#[test]
fn plans_are_made_equal_twice() {
    assert_eq!(plans(3, true), plans(3, true));
}

#[test]
fn a_plan_as_text() {
    let graph = everything(&model("zorro_vit", &[]), 2, true);
    let plan = plan(&training(&graph));
    let text = plan.to_string();
    assert!(text.lines().count() <= 120, "{text}");
    insta::assert_snapshot!(text);
}

/// A linear map with an activation, its gradient by hand, and a step.
fn small() -> Graph {
    let buffer = ParameterBuffer { decays: true, frozen: false, numbers: 6, weights: Vec::new() };
    let mut graph = Graph::new(
        "small",
        2,
        Parameters { buffers: vec![buffer], places: Vec::new(), names: Vec::new(), scale: None },
    );
    graph.at("project", Phase::Forward);
    let kind = InputKind::Modality;
    let video = graph.input(Input { kind, name: "video".to_owned(), shape: vec![2, 2, 3] });
    let rows = graph.reshape(video, &[4, 3]);
    let weights = graph.push(Op::Leaf(Leaf::Parameters(BufferId(0))), vec![], vec![6]);
    let matrix = graph.reshape(weights, &[2, 3]);
    let mapped = graph.contract(rows, matrix);
    let mapped = graph.unary(Unary::Tanh, mapped);
    graph.at("loss", Phase::Forward);
    let sum = graph.sum(mapped, 1);
    graph.at("project", Phase::Backward);
    let (turned, rows) = (graph.transpose(mapped), graph.transpose(rows));
    let gradient = graph.contract(turned, rows);
    let gradient = graph.reshape(gradient, &[6]);
    graph.at("", Phase::Update);
    let step = graph.times(gradient, 0.5);
    let new = graph.subtract(weights, step);
    graph.root(RootKind::Output, "sum", sum);
    graph.root(RootKind::Update(BufferId(0), Slot::Weight, 0), "", new);
    graph
}

#[test]
fn bodies_as_text() {
    let plan = plan(&small());
    let bodies: Vec<String> = plan.bodies.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(format!("{plan}\n{}", bodies.join("\n")));
}

#[test]
fn memory_is_known_before_it_is_taken() {
    let plan = plan(&small());
    let need = plan.memory().total();
    assert_eq!(check_memory(&plan, need), Ok(()));
    let error = check_memory(&plan, need - 1).expect_err("a byte too much");
    insta::assert_snapshot!(error);
}
