//! What samples lack, against PyTorch code in doubles that never makes it: `goldens.txt`, written with PyTorch 2.15.0.
//!
//! Its lines: a case, then `y` and the output of three samples, or a weight and the sum of its gradient times a direction. All
//! weights, inputs, cotangents and directions are sines. The first sample has both modalities, the second words alone, the
//! third the photo alone; the code takes absent tokens out of its tensors.

use super::{How, PLAIN, Run, checked, close};
use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{InputKind, RootKind};

const GOLDENS: &str = include_str!("goldens.txt");
const MODALITIES: &str = "modality photo = tensor([3, 4])\nmodality words = tensor([2, 4])\n";

/// The sine of a name and an index.
fn sine(name: &str, at: usize) -> f64 {
    let hash: u32 = name.bytes().map(u32::from).sum();
    libm::sin(1.3 * at as f64 + f64::from(hash))
}

/// The numbers of a golden.
fn golden(case: &str, name: &str) -> Vec<f64> {
    let line = GOLDENS.lines().find_map(|line| line.strip_prefix(&format!("{case} {name} ")));
    let numbers = line.unwrap_or_else(|| panic!("no line {case} {name}")).split(' ');
    numbers.map(|number| number.parse().expect("a number")).collect()
}

#[track_caller]
fn check(case: &str, statements: &str) {
    let text = format!("{MODALITIES}{statements}");
    let mut run = Run::new(&text, How { batch: 3, ..PLAIN });
    let wanted = Wanted { parameters: true, inputs: true };
    run.graph = differentiate(run.graph, &Seed::Outputs, wanted);
    run.feed = Feed::zeros(&run.graph);
    run.have(&[(&["photo", "words"], &[]), (&["words"], &[]), (&["photo"], &[])]);
    let model = run.checked.model.clone();
    for weight in &model.weights {
        let numbers = run.weight_mut(&weight.name).iter_mut().enumerate();
        numbers.for_each(|(at, number)| *number = 0.7 * sine(&weight.name, at));
    }
    for (input, numbers) in run.graph.inputs.iter().zip(&mut run.feed.inputs) {
        let is_cotangent = input.kind == InputKind::Cotangent;
        let name = if is_cotangent { "cotangent.y" } else { &input.name };
        numbers.iter_mut().enumerate().for_each(|(at, number)| *number = sine(name, at));
        // What a sample lacks is felt nowhere, whatever number is fed.
        let lacking = match input.name.as_str() {
            "photo" => 12..24,
            "words" => 16..24,
            "y" if case == "cross" => 8..12,
            _ => continue,
        };
        numbers[lacking].fill(if is_cotangent { 0.0 } else { 1e3 });
    }
    let values = interpret(&run.graph, &run.feed);
    let mut gradients: Vec<Vec<f64>> =
        run.graph.parameters.buffers.iter().map(|buffer| vec![0.0; buffer.numbers]).collect();
    for root in &run.graph.roots {
        let found = values[root.node.index()].as_ref().expect("a root");
        if root.kind == RootKind::Output {
            let has = if case == "cross" { 8 } else { 12 };
            close(&found[..has], &golden(case, "y")[..has]);
        } else if let RootKind::ParameterGradient(buffer, start) = root.kind {
            gradients[buffer.0 as usize][start..start + found.len()].copy_from_slice(found);
        } else {
            assert!(found.iter().all(|number| number.is_finite()), "{}", root.name);
        }
    }
    for (at, weight) in model.weights.iter().enumerate() {
        let place = run.graph.parameters.places[at].expect("all weights are needed");
        let own = &gradients[place.buffer.0 as usize][place.offset..place.offset + place.numbers];
        let direction = format!("direction.{}", weight.name);
        let found: f64 = own.iter().enumerate().map(|(at, own)| own * sine(&direction, at)).sum();
        let expected = golden(case, &weight.name)[0];
        assert!((found - expected).abs() < 1e-10, "{case} {}: {found} {expected}", weight.name);
    }
}

fn early(within: &str) -> String {
    format!(
        "tokens early = concat(latents(1, 4), photo |> linear(4), words |> linear(4)) |> position()
         layers: repeat 2 {{ apply vit(2, 1) over {{ early <- early{within} }} }}
         output y = early |> pool(mean)"
    )
}

#[test]
fn an_absent_part_of_a_concat_is_not_there() {
    check("early", &early(""));
    check("causal", &early(" within causal"));
    check("groups", &early(" within groups(2)"));
}

#[test]
fn reading_nobody_adds_nothing() {
    check(
        "cross",
        "tokens words = words |> linear(4)\ntokens photo = photo |> linear(4)
         layers: repeat 2 { apply look(2) over { words <- photo } }
         output y = words |> pool(mean)
         }
         block look(heads) {
           x += attend(norm(x), from: from, heads: heads)
           x += mlp(norm(x), 1)",
    );
}

#[test]
fn learned_tokens_that_have_read_nothing_yet_read_themselves() {
    check(
        "queries",
        "tokens words = words |> linear(4)\ntokens photo = photo |> linear(4)
         tokens q = latents(2, 4)
         see: apply look(2) over { q <- photo }
         read: apply look(2) over { q <- q, words }
         output y = q |> pool(mean)
         }
         block look(heads) {
           x += attend(x, from: from, heads: heads)
           x += mlp(norm(x), 1)",
    );
}

#[test]
fn only_some_modalities_give_what_samples_without_the_others_have() {
    let texts = [early(""), early(" within causal"), early(" within groups(2)")];
    for text in &texts {
        let all = checked(&format!("{MODALITIES}{text}"));
        for (name, has) in [("photo", &["photo"][..]), ("words", &["words"])] {
            let mut whole = Run::of(all.clone(), PLAIN);
            whole.have(&[(has, &[]), (has, &[])]);
            let mut part = Run::of(all.clone(), How { only: Some((&[name], &["y"])), ..PLAIN });
            for weight in &all.model.weights {
                let place = part.graph.parameters.places.iter().zip(&all.model.weights);
                let is_used =
                    place.clone().any(|(place, own)| own.name == weight.name && place.is_some());
                if is_used {
                    let numbers = whole.weight(&weight.name);
                    part.weight_mut(&weight.name).copy_from_slice(&numbers);
                }
            }
            assert_eq!(part.output("y"), whole.output("y"), "{name}");
        }
    }
}
