//! Products: small ones as they are written, and all forms as naga reads them.

use crate::graph::{Graph, Input, InputKind, NodeId, Parameters, Phase, RootKind, Unary};
use crate::plan::plan;
use crate::program::{Program, Target, program};

/// A product of an operand `[m, k]` and one `[k, n]`, and a bias.
fn product((m, n, k): (usize, usize, usize), computed: bool) -> Graph {
    let parameters = Parameters { buffers: vec![], places: vec![], names: vec![], scale: None };
    let mut graph = Graph::new("test", 1, parameters);
    graph.at("layer.product", Phase::Forward);
    let mut fed = |name: &str, shape: &[usize]| -> NodeId {
        let (name, shape) = (name.to_owned(), shape.to_vec());
        graph.input(Input { kind: InputKind::Modality, name, shape })
    };
    let (a, b, bias) = (fed("left", &[m, k]), fed("right", &[k, n]), fed("bias", &[1, n]));
    let a = if computed { graph.unary(Unary::Exp, a) } else { a };
    let b = graph.transpose(b);
    let sums = graph.contract(a, b);
    let bias = graph.broadcast(bias, &[m, n]);
    let result = graph.add(sums, bias);
    graph.root(RootKind::Output, "result", result);
    graph
}

fn written(sizes: (usize, usize, usize), computed: bool, target: &Target) -> Program {
    program(&plan(&product(sizes, computed)), target)
}

/// The last shader: what is fused into an operand may be one before it.
fn text(sizes: (usize, usize, usize), target: &Target) -> String {
    let program = written(sizes, false, target);
    program.shaders.last().expect("there is a shader").text.clone()
}

/// A processor that plays a device.
fn processor(subgroup: Option<u32>) -> Target {
    Target { subgroup, shares: false, ..Target::PORTABLE }
}

#[test]
fn in_a_subgroup() {
    insta::assert_snapshot!(text((3, 30, 5), &processor(Some(4))));
}

#[test]
fn in_workgroup_memory() {
    insta::assert_snapshot!(text((17, 20, 5), &Target::PORTABLE));
}

#[test]
fn with_few_rows() {
    insta::assert_snapshot!(text((2, 30, 100), &Target::PORTABLE));
}

#[test]
fn all_forms_are_well_formed() {
    let sizes = [1, 2, 7, 9, 16, 33, 64, 129, 1000];
    let mut targets: Vec<Target> = [4, 8, 32, 64].map(|size| processor(Some(size))).to_vec();
    targets.extend([processor(None), Target::PORTABLE]);
    for target in targets {
        for (at, m) in sizes.into_iter().enumerate() {
            for (n, k) in [(sizes[8 - at], 70), (sizes[(at + 4) % 9], 5000), (m, 1)] {
                let program = written((m, n, k), at % 2 == 0, &target);
                for shader in &program.shaders {
                    let [x, y, z] = shader.workgroup;
                    assert!(x * y * z <= target.invocations, "{m} x {n} x {k}");
                }
            }
        }
    }
}

/// Buffers are declared as vectors where all sizes that matter are multiples of four, and what is loaded is not computed with.
#[test]
fn numbers_are_loaded_in_fours() {
    let n_fours = |sizes, computed, target: &Target| {
        let program = written(sizes, computed, target);
        let text = &program.shaders.last().expect("there is a shader").text;
        text.matches(": array<vec4<f32>>;").count()
    };
    for target in [processor(Some(8)), processor(None), Target::PORTABLE] {
        assert_eq!(n_fours((40, 44, 48), false, &target), 2);
        assert_eq!(
            n_fours((41, 44, 48), false, &target),
            2,
            "rows of the left operand do not matter"
        );
        assert_eq!(
            n_fours((40, 43, 48), false, &target),
            1,
            "the right operand lies along columns"
        );
        assert_eq!(
            n_fours((40, 44, 47), false, &target),
            1,
            "the left operand lies along products"
        );
        assert_eq!(n_fours((41, 43, 47), false, &target), 0);
    }
}

/// Where tiles are few and sums long, there are two dispatches, and scratch between them.
#[test]
fn long_sums_are_shared() {
    let long = written((60, 60, 5000), false, &Target::PORTABLE);
    assert_eq!(long.dispatches.len(), 2);
    assert!(long.scratch >= 2 * 60 * 60, "{} numbers", long.scratch);
    let short = written((60, 60, 500), false, &Target::PORTABLE);
    assert_eq!((short.dispatches.len(), short.scratch), (1, 0));
}
