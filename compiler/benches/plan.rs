//! How long it takes from a checked model to a plan.

use zorro_compiler::autodiff::{Seed, Wanted, differentiate};
use zorro_compiler::graph::{Graph, RootKind};
use zorro_compiler::lower::{Decay, Request, lower};
use zorro_compiler::plan::{Plan, plan};
use zorro_compiler::{Checked, Options, check_text};

fn main() {
    divan::main();
}

fn model(depth: usize) -> Checked {
    let text = include_str!("../../models/zorro_vit.zorro");
    let set = vec![("depth".to_owned(), depth.to_string())];
    check_text(text, &Options { set }).checked.expect("a model of the repository")
}

fn forward(checked: &Checked) -> Graph {
    let request = Request {
        batch: 16,
        outputs: (0..checked.model.outputs.len()).collect(),
        objectives: (0..checked.model.objectives.len()).collect(),
        terms: None,
        only: None,
        random: true,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 40,
    };
    lower(checked, &request).expect("nothing is missing")
}

fn training(checked: &Checked) -> Graph {
    let graph = forward(checked);
    let loss = graph.roots.iter().find(|root| root.kind == RootKind::Loss).expect("a loss");
    let seed = Seed::Loss(loss.name.clone());
    differentiate(graph, &seed, Wanted { parameters: true, inputs: false })
}

#[divan::bench(args = [3, 12, 48])]
fn lowered(bencher: divan::Bencher<'_, '_>, depth: usize) {
    let checked = model(depth);
    bencher.bench_local(|| forward(&checked));
}

#[divan::bench(args = [3, 12, 48])]
fn lowered_and_differentiated(bencher: divan::Bencher<'_, '_>, depth: usize) {
    let checked = model(depth);
    bencher.bench_local(|| training(&checked));
}

#[divan::bench(args = [3, 12, 48])]
fn planned(bencher: divan::Bencher<'_, '_>, depth: usize) {
    let graph = training(&model(depth));
    bencher.bench_local(|| -> Plan { plan(&graph) });
}
