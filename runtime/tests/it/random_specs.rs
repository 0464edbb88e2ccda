//! Random specs: the CPU executor against the interpreter.
//!
//! In: seeds. Each decides a spec, a batch, which samples have what, and how it is compiled: with chance or without, for some
//! modalities alone, with recomputation, in small buffers. Deliberately not here: sizes that matter.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use zorro_runtime::compiler::autodiff::{Seed, Wanted, differentiate};
use zorro_runtime::compiler::flow::ModalitySet;
use zorro_runtime::compiler::graph::interpret::Feed;
use zorro_runtime::compiler::graph::{BufferId, Graph, RootKind, Slot};
use zorro_runtime::compiler::lower::{Decay, Request, lower};
use zorro_runtime::compiler::model::ModalityId;
use zorro_runtime::compiler::optimizer::{Optimizer, Rule, optimize};
use zorro_runtime::compiler::random_model::{Random, random_feed, random_samples, random_spec};
use zorro_runtime::compiler::recompute::recompute;
use zorro_runtime::compiler::{Checked, Model, Options, check_text};

use super::compare::{Old, Worst, compare};
use super::execute::{executed, interpreted, rounded, weights};

/// How many are tried where nobody asks for more.
const N_SPECS: u64 = 200;

/// How many specs are tried.
pub(crate) fn n_specs(usual: u64) -> u64 {
    std::env::var("ZORRO_RANDOM_SPECS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// The first seed.
fn first() -> u64 {
    std::env::var("ZORRO_RANDOM_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[test]
fn random_specs_are_what_the_interpreter_says() {
    let mut worst = Worst::default();
    let mut failures = Vec::new();
    let mut tried = BTreeMap::new();
    for seed in first()..first() + n_specs(N_SPECS) {
        match catch_unwind(|| try_one(seed)) {
            Ok(Ok((errors, kinds))) => {
                worst = worst.and(errors);
                kinds.into_iter().for_each(|kind| *tried.entry(kind).or_insert(0) += 1);
            }
            Ok(Err(text)) => failures.push((seed, text)),
            Err(_) => failures.push((seed, "panicked".to_owned())),
        }
    }
    eprintln!("worst {worst:?}; tried {tried:?}");
    for (seed, text) in &failures {
        eprintln!("seed {seed}: {}", text.lines().next().unwrap_or_default());
    }
    if let Some((seed, text)) = failures.first() {
        panic!("{} fail; seed {seed}: {text}\n{}", failures.len(), random_spec(*seed));
    }
    if n_specs(N_SPECS) >= N_SPECS {
        for kind in ["random", "only", "again", "partial", "filler", "small buffers", "update"] {
            assert!(tried.contains_key(kind), "{kind} is tried");
        }
    }
}

/// How one seed is compiled.
#[derive(Debug)]
struct Setting {
    request: Request,
    seed: Seed,
    optimizer: Optimizer,
    again: Vec<String>,
    threads: usize,
}

fn try_one(seed: u64) -> Result<(Worst, Vec<&'static str>), String> {
    let Tried { checked, setting, graphs } = Tried::of(seed)?;
    let told = |text: String| format!("{text}\n{setting:?}");
    let mut worst = Worst::default();
    let mut kinds = kinds(&checked, &setting);
    for (at, graph) in (0..).zip(&graphs) {
        kinds.extend(
            try_graph(&checked, graph, seed ^ at, setting.threads, &mut worst).map_err(told)?,
        );
    }
    kinds.extend((graphs.len() > 1).then_some("update"));
    Ok((worst, kinds))
}

/// A spec, how it is compiled, and what it becomes: gradients, and a step of training where it has a loss.
struct Tried {
    checked: Checked,
    setting: Setting,
    graphs: Vec<Graph>,
}

impl Tried {
    fn of(seed: u64) -> Result<Self, String> {
        let outcome = check_text(&random_spec(seed), &Options::default());
        let checked =
            outcome.checked.ok_or_else(|| format!("refused: {:?}", outcome.diagnostics))?;
        let mut random = Random::new(seed ^ 0x00C0_FFEE);
        let setting = setting(&checked, &mut random);
        let forward = lower(&checked, &setting.request)
            .map_err(|missing| format!("{missing:?}\n{setting:?}"))?;
        let again = |graph: &Graph| match setting.again.as_slice() {
            [] => graph.clone(),
            paths => recompute(graph, &|path| paths.iter().any(|again| path.starts_with(again))),
        };
        let wanted = Wanted { parameters: true, inputs: true };
        let mut graphs = vec![again(&differentiate(forward.clone(), &setting.seed, wanted))];
        if let Some(root) = forward.roots.iter().find(|root| root.kind == RootKind::Loss) {
            let loss = Seed::Loss(root.name.clone());
            let graph = differentiate(forward, &loss, Wanted { inputs: false, ..wanted });
            graphs.push(again(&optimize(graph, &setting.optimizer)));
        }
        Ok(Self { checked, setting, graphs })
    }
}

/// What a seed becomes, with what it is fed.
pub(crate) fn graphs(seed: u64) -> Result<Vec<(Graph, Feed, Model, Old)>, String> {
    let Tried { checked, graphs, .. } = Tried::of(seed)?;
    let fed = (0..).zip(graphs).map(|(at, graph)| {
        let model = &checked.model;
        let samples = random_samples(model, graph.batch, seed ^ at);
        let feed = moving(random_feed(model, &graph, &samples, seed ^ at), seed ^ at);
        let old = old(model, &graph, &feed);
        (graph, feed, model.clone(), old)
    });
    Ok(fed.collect())
}

/// What this seed tries.
fn kinds(checked: &Checked, setting: &Setting) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let has = |kind: &'static str, is: bool| is.then_some(kind);
    kinds.extend(has("random", setting.request.random));
    kinds.extend(has("only", setting.request.only.is_some()));
    kinds.extend(has("again", !setting.again.is_empty()));
    kinds.extend(has("small buffers", setting.request.buffer_numbers < 1000));
    kinds.extend(has("many modalities", checked.model.modalities.len() > 2));
    kinds
}

fn setting(checked: &Checked, random: &mut Random) -> Setting {
    let model = &checked.model;
    let all = ModalitySet::of((0..).take(model.modalities.len()).map(ModalityId));
    let some = ModalitySet::of(all.iter().filter(|_| random.chance(50)));
    let holds = |only: ModalitySet| {
        let outputs = model.outputs.iter().enumerate();
        let there = outputs.filter(|(_, output)| checked.flow.presence(output.value).holds(only));
        there.map(|(at, _)| at).collect::<Vec<usize>>()
    };
    let only = Some(some).filter(|only| random.chance(30) && !holds(*only).is_empty());
    let outputs = holds(only.unwrap_or(all));
    let mut request = Request {
        batch: random.within(1, 4),
        outputs,
        objectives: (0..model.objectives.len()).collect(),
        terms: None,
        only,
        random: random.chance(60),
        decay: random.one_of(&[Decay::Matrices, Decay::All]),
        frozen: Vec::new(),
        buffer_numbers: random.one_of(&[1 << 20, 1 << 20, 200]),
    };
    // Objectives that need what is not there.
    let is_there = |at: &usize| {
        let own = Request { outputs: Vec::new(), objectives: vec![*at], ..request.clone() };
        lower(checked, &own).is_ok()
    };
    request.objectives = request.objectives.iter().copied().filter(is_there).collect();
    let names: Vec<String> =
        request.objectives.iter().map(|at| model.objectives[*at].name.clone()).collect();
    let seed = if names.is_empty() || random.chance(50) {
        Seed::Outputs
    } else {
        Seed::Loss(random.one_of(&names))
    };
    let share = random.one_of(&[0, 0, 50, 100]);
    let applies = model.applies.iter().map(|apply| apply.path.clone());
    let again = applies.filter(|_| random.chance(share)).collect();
    let optimizer = optimizer(random);
    Setting { request, seed, optimizer, again, threads: random.within(1, 3) }
}

fn optimizer(random: &mut Random) -> Optimizer {
    let (first, second, eps) = (0.9, 0.99, 1e-8);
    let rule = match random.below(5) {
        0 | 1 => Rule::AdamW { first, second, eps },
        2 => Rule::Adam { first, second, eps },
        at => Rule::Sgd { momentum: random.one_of(&[0.0, 0.9, 0.9]), nesterov: at == 4 },
    };
    Optimizer {
        rule,
        weight_decay: random.one_of(&[0.0, 0.1]),
        clip: random.one_of(&[None, Some(0.1), Some(100.0)]),
        accumulate: random.one_of(&[1, 1, 3]),
    }
}

/// Both executors on one graph.
fn try_graph(
    checked: &Checked,
    graph: &Graph,
    seed: u64,
    threads: usize,
    worst: &mut Worst,
) -> Result<Vec<&'static str>, String> {
    let model = &checked.model;
    let samples = random_samples(model, graph.batch, seed);
    let feed = moving(random_feed(model, graph, &samples, seed), seed);
    let expected = interpreted(model, graph, &feed);
    let found = executed(model, graph, &feed, threads);
    let rounded = || rounded(model, graph, &feed);
    *worst = worst.and(compare(&expected, rounded, &found, &old(model, graph, &feed))?);
    let mut kinds = Vec::new();
    let samples = || feed.samples.iter();
    if samples().any(|sample| !sample.counted) {
        kinds.push("filler");
    }
    if samples().any(|sample| sample.counted && sample.modalities.len() < model.modalities.len()) {
        kinds.push("partial");
    }
    Ok(kinds)
}

/// In the middle of training: at its beginning a step of Adam is the sign of a gradient, and that of one that is zero by
/// cancellation is anything.
pub(crate) fn moving(mut feed: Feed, seed: u64) -> Feed {
    let mut random = Random::new(seed ^ 0x0057_A7E5);
    feed.learning_rate = f64::from(0.1_f32);
    feed.first_correction = f64::from(0.75_f32);
    feed.second_correction = f64::from(0.5_f32);
    feed.updates = random.below(4) > 0;
    for ((_, slot), numbers) in &mut feed.states {
        for number in numbers {
            *number = match slot {
                Slot::Second => 1.0 + random.real() / 2.0,
                Slot::First | Slot::Weight | Slot::Gradient => random.real(),
            };
        }
    }
    feed
}

pub(crate) fn old(model: &Model, graph: &Graph, feed: &Feed) -> Old {
    let parameters = (0..).map(BufferId).zip(&feed.parameters);
    let parameters = parameters.map(|(buffer, numbers)| (buffer, Slot::Weight, numbers));
    let states = feed.states.iter().map(|((buffer, slot), numbers)| (*buffer, *slot, numbers));
    let mut old = Old::new();
    for (buffer, slot, numbers) in parameters.chain(states) {
        for (weight, own) in weights(model, &graph.parameters, buffer, 0, numbers) {
            old.insert((weight, slot), own.to_vec());
        }
    }
    old
}
