use crate::autodiff::{Seed, Wanted, differentiate};
use crate::lower::{Decay, Request, lower};
use crate::{Options, check_text};

#[test]
fn try_models() {
    for entry in std::fs::read_dir("../models").unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let start = std::time::Instant::now();
        let outcome = check_text(&text, &Options::default());
        let checked = outcome.checked.expect("fine");
        let t0 = start.elapsed();
        let request = Request {
            batch: 2,
            outputs: (0..checked.model.outputs.len()).collect(),
            objectives: (0..checked.model.objectives.len()).collect(),
            only: None,
            random: true,
            decay: Decay::Matrices,
            buffer_numbers: 1 << 40,
        };
        let graph = lower(&checked, &request).unwrap();
        let t1 = start.elapsed();
        let n = graph.nodes.len();
        crate::graph::verify(&graph).unwrap();
        let name = graph
            .roots
            .iter()
            .find(|r| r.kind == crate::graph::RootKind::Loss)
            .map(|r| r.name.clone());
        let seed = name.map_or(Seed::Outputs, Seed::Loss);
        let graph = differentiate(graph, &seed, Wanted { parameters: true, inputs: true });
        let t2 = start.elapsed();
        crate::graph::verify(&graph).unwrap();
        println!("{path:?}: check {t0:?} lower {t1:?} diff {t2:?} nodes {n} {}", graph.nodes.len());
        if path.ends_with("vit.zorro") && !path.ends_with("zorro_vit.zorro") {
            println!("{graph}");
        }
    }
}
