//! Plans of random graphs and of random models compute what the graphs say.

use std::collections::{BTreeMap, BTreeSet};

use super::random_graph::random_graph;
use super::{agree, loss};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::{Binary, Unary, verify};
use crate::lower::{Decay, Request, lower};
use crate::plan::plan;
use crate::random_model::{Random, random_feed, random_samples, random_spec};
use crate::{Options, check_text};

/// How many are tried.
#[expect(clippy::disallowed_methods, reason = "long tests are asked for by the environment")]
fn n_tried(usual: u64) -> u64 {
    std::env::var("ZORRO_RANDOM_PLANS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn check(usual: u64, try_one: fn(u64) -> Result<(), String>) {
    // By kind of failure: how often, and the first.
    let mut failures: BTreeMap<String, (u64, u64, String)> = BTreeMap::new();
    for seed in 0..n_tried(usual) {
        let text = match std::panic::catch_unwind(|| try_one(seed)) {
            Ok(Ok(())) => continue,
            Ok(Err(text)) => text,
            Err(panic) => panic.downcast_ref::<String>().map_or("panicked", |text| text).to_owned(),
        };
        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).take(110).collect();
        failures.entry(kind).or_insert((0, seed, text)).0 += 1;
    }
    let texts = failures.into_values();
    let texts: Vec<String> =
        texts.map(|(n, seed, text)| format!("{n} times, first seed {seed}: {text}")).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n\n"));
}

fn of_graph(seed: u64) -> Result<(), String> {
    let (graph, feed) = random_graph(seed);
    verify(&graph)?;
    agree(&graph, &feed).map_err(|text| format!("{text}\n{graph}")).map(|_| ())
}

fn of_model(seed: u64) -> Result<(), String> {
    let checked = check_text(&random_spec(seed), &Options::default()).checked;
    let checked = checked.ok_or("a random spec is accepted")?;
    let mut random = Random::new(seed);
    let request = Request {
        batch: random.within(1, 3),
        outputs: (0..checked.model.outputs.len()).collect(),
        objectives: (0..checked.model.objectives.len()).collect(),
        terms: None,
        only: None,
        random: random.chance(60),
        decay: random.one_of(&[Decay::Matrices, Decay::All]),
        frozen: Vec::new(),
        buffer_numbers: random.one_of(&[1 << 20, 200]),
    };
    let samples = random_samples(&checked.model, request.batch, seed);
    let graph = lower(&checked, &request).map_err(|missing| format!("{missing:?}"))?;
    let feed = random_feed(&checked.model, &graph, &samples, seed);
    agree(&graph, &feed).map_err(|text| format!("forward: {text}"))?;
    let seeds = [Some(Seed::Outputs), loss(&graph).map(Seed::Loss)];
    for from in seeds.into_iter().flatten() {
        let wanted = Wanted { parameters: true, inputs: random.chance(50) };
        let whole = differentiate(graph.clone(), &from, wanted);
        let feed = random_feed(&checked.model, &whole, &samples, seed);
        agree(&whole, &feed).map_err(|text| format!("{from:?}: {text}"))?;
    }
    Ok(())
}

#[test]
fn plans_of_random_graphs_compute_the_same() {
    check(300, of_graph);
}

#[test]
fn plans_of_random_models_compute_the_same() {
    check(60, of_model);
}

#[test]
fn random_graphs_have_every_body_and_instruction() {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for seed in 0..150 {
        let (graph, _) = random_graph(seed);
        for body in plan(&graph).bodies {
            for line in body.to_string().lines() {
                let line = line.trim_start();
                let text = line.split_once(" = ").map_or(line, |(_, instruction)| instruction);
                let text = text.strip_prefix("attend ").unwrap_or(text);
                let end = text.find(|c: char| !c.is_ascii_lowercase() && c != ' ');
                found.insert(text[..end.unwrap_or(text.len())].trim_end().to_owned());
            }
        }
    }
    let functions = Unary::ALL.iter().map(|function| function.name());
    let functions = functions.chain(Binary::ALL.iter().map(|function| function.name()));
    let others = [
        "map",
        "row",
        "column",
        "contract",
        "lookup sum",
        "forward",
        "forward with statistics",
        "statistics",
        "gradient of queries",
        "gradient of keys and values",
        "gradient of keys",
        "gradient of values",
        "gradient of the score bias",
        "load r",
        "a",
        "select",
        "random a",
        "present",
        "inside",
        "sum of the row",
        "max of the row",
        "reduced",
    ];
    for name in functions.chain(others) {
        let is_there =
            found.iter().any(|text| text == name || text.starts_with(&format!("{name} ")));
        assert!(is_there, "no `{name}` in {found:#?}");
    }
}
