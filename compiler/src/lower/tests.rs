use crate::autodiff::{Seed, Wanted, differentiate};
use crate::lower::{Decay, Request, lower};
use crate::{Options, check_text};

#[test]
fn try_depths() {
    for name in ["zorro_vit", "vit", "zorro_vit_streams", "mbt", "zorro_swin"] {
        for depth in [2, 3, 4, 8] {
            let text = std::fs::read_to_string(format!("../models/{name}.zorro")).unwrap();
            let set = if name == "zorro_swin" {
                vec![("depths".to_owned(), format!("[2, 2, {}, 2]", depth * 2))]
            } else {
                vec![("depth".to_owned(), depth.to_string())]
            };
            let outcome = check_text(&text, &Options { set });
            let Some(checked) = outcome.checked else {
                println!("{:?}", outcome.diagnostics);
                continue;
            };
            for random in [true, false] {
                let request = Request {
                    batch: 2,
                    outputs: (0..checked.model.outputs.len()).collect(),
                    objectives: (0..checked.model.objectives.len()).collect(),
                    only: None,
                    random,
                    decay: Decay::Matrices,
                    buffer_numbers: 1 << 40,
                };
                let graph = lower(&checked, &request).unwrap();
                let name = graph
                    .roots
                    .iter()
                    .find(|r| r.kind == crate::graph::RootKind::Loss)
                    .map(|r| r.name.clone());
                let forward = crate::plan::plan(&graph);
                let seed = name.map_or(Seed::Outputs, Seed::Loss);
                let graph = differentiate(graph, &seed, Wanted { parameters: true, inputs: true });
                let plan = crate::plan::plan(&graph);
                crate::plan::verify(&plan).unwrap();
                if random && depth == 3 && plan.name == "zorro_vit" {
                    let mut m: std::collections::BTreeMap<(String, String), Vec<u32>> =
                        Default::default();
                    for k in &plan.kernels {
                        let parts: Vec<&str> = k.path.splitn(3, '.').collect();
                        if parts[0] == "layers" {
                            m.entry((format!("{:?}", k.phase), parts[2].to_owned()))
                                .or_default()
                                .push(k.body.0);
                        }
                    }
                    for (k, v) in m {
                        println!("{k:?} {v:?}");
                    }
                    for (i, b) in plan.bodies.iter().enumerate() {
                        println!("{i} {b:?}");
                    }
                }
                println!(
                    "{} depth {depth} random {random}: forward kernels {} bodies {} training kernels {} bodies {}",
                    plan.name,
                    forward.kernels.len(),
                    forward.bodies.len(),
                    plan.kernels.len(),
                    plan.bodies.len()
                );
            }
        }
    }
}

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
        let plan = crate::plan::plan(&graph);
        let t3 = start.elapsed();
        crate::plan::verify(&plan).unwrap();
        println!(
            "plan {t3:?} kernels {} bodies {} MiB {}",
            plan.kernels.len(),
            plan.bodies.len(),
            plan.activations >> 18
        );
        println!("{path:?}: check {t0:?} lower {t1:?} diff {t2:?} nodes {n} {}", graph.nodes.len());
        if path.ends_with("vit.zorro") && !path.ends_with("zorro_vit.zorro") {
            for (i, k) in plan.kernels.iter().enumerate() {
                println!(
                    "{i} {:?} {} b{} reads {:?} writes {:?}",
                    k.phase,
                    k.path,
                    k.body.0,
                    k.reads.iter().map(|r| (r.arena, r.offset)).collect::<Vec<_>>(),
                    k.writes.iter().map(|r| (r.arena, r.offset, r.numbers)).collect::<Vec<_>>()
                );
            }
            for (i, b) in plan.bodies.iter().enumerate() {
                println!("{i} {b:?}");
            }
        }
    }
}
