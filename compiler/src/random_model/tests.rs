//! Random models are checked, lowered and differentiated, and their gradients are held to differences.
//!
//! Central differences along a random direction, of steps 1e-5 to 1e-7: one of them must agree to 1e-6 of the sum of what the
//! single numbers contribute. A kink (of a `relu`) may lie between two points of one step, but hardly of all. Losses are near 1, so
//! that rounding makes an error of about 1e-9 at the smallest step.

use crate::autodiff::{Seed, Wanted, differentiate};
use crate::flow::ModalitySet;
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, InputKind, RootKind, verify};
use crate::lower::{Decay, Request, lower};
use crate::model::ModalityId;
use crate::{Checked, Options, check_text};
use zorro_grammar::Severity;

use super::{Random, random_feed, random_samples, random_spec};

/// How many specs are tried.
#[expect(clippy::disallowed_methods, reason = "long tests are asked for by the environment")]
fn n_specs() -> u64 {
    std::env::var("ZORRO_RANDOM_SPECS").ok().and_then(|n| n.parse().ok()).unwrap_or(250)
}

fn checked(text: &str) -> Result<Checked, String> {
    let outcome = check_text(text, &Options::default());
    let errors = outcome.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    let errors: Vec<String> =
        errors.map(|d| format!("{} {}: {:?}", d.code.as_str(), d.message, d.labels)).collect();
    outcome.checked.ok_or_else(|| format!("refused: {}", errors.join("; ")))
}

fn fed(checked: &Checked, graph: &Graph, seed: u64) -> Feed {
    let samples = random_samples(&checked.model, graph.batch, seed);
    random_feed(&checked.model, graph, &samples, seed)
}

/// What one random model is tried with.
fn try_one(seed: u64) -> Result<(), String> {
    let checked = checked(&random_spec(seed))?;
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
    let graph = lower(&checked, &request).map_err(|missing| format!("{missing:?}"))?;
    verify(&graph)?;
    let feed = fed(&checked, &graph, seed);
    for (at, values) in interpret(&graph, &feed).into_iter().enumerate() {
        let finite = values.iter().flatten().all(|number| number.is_finite());
        if !finite {
            return Err(format!("node {at} is not finite\n{graph}"));
        }
    }
    let wanted = Wanted { parameters: true, inputs: true };
    let whole = differentiate(graph.clone(), &Seed::Outputs, wanted);
    verify(&whole)?;
    let values = interpret(&whole, &fed(&checked, &whole, seed));
    debug_assert_eq!(values.len(), whole.nodes.len());
    let whole = differentiate(graph.clone(), &Seed::Loss("loss".to_owned()), wanted);
    verify(&whole)?;
    let gradients = gradients(&checked, &whole, seed);
    let mut forward = graph;
    forward.roots.retain(|root| root.kind == RootKind::Loss && root.name == "loss");
    let mut direction = Direction::zeros(&feed);
    direction.parameters.iter_mut().flatten().for_each(|number| *number = random.real());
    agree(&forward, &feed, &gradients, &direction).map_err(|text| format!("weights: {text}"))?;
    let mut direction = Direction::zeros(&feed);
    for (at, input) in forward.inputs.iter().enumerate() {
        if input.kind == InputKind::Modality {
            direction.inputs[at].iter_mut().for_each(|number| *number = random.real());
        }
    }
    agree(&forward, &feed, &gradients, &direction).map_err(|text| format!("inputs: {text}"))?;
    unseen(&checked, &whole, seed)?;
    only(&checked, &request, &mut random, seed)
}

/// What the objective does not see may be anything: no gradient changes by a bit.
fn unseen(checked: &Checked, whole: &Graph, seed: u64) -> Result<(), String> {
    let model = &checked.model;
    let at = model.objectives.iter().position(|objective| objective.name == "loss");
    let (sees, _) = checked.flow.objective(at.expect("a random model has it"));
    let mut feed = fed(checked, whole, seed);
    let bits = |feed: &Feed| -> Vec<Vec<u64>> {
        let values = interpret(whole, feed);
        let wanted = whole.roots.iter().filter(|root| match root.kind {
            RootKind::ParameterGradient(..) | RootKind::InputGradient => true,
            RootKind::Loss => root.name == "loss",
            RootKind::Output
            | RootKind::Term(..)
            | RootKind::Update(..)
            | RootKind::GradientNorm => false,
        });
        let numbers = wanted.map(|root| values[root.node.index()].as_ref().expect("a root"));
        numbers.map(|numbers| numbers.iter().map(|number| number.to_bits()).collect()).collect()
    };
    let clean = bits(&feed);
    for (input, numbers) in whole.inputs.iter().zip(&mut feed.inputs) {
        let unseen = model.modality(&input.name).is_some_and(|id| !sees.contains(id));
        if unseen && input.kind == InputKind::Modality {
            numbers.fill(f64::NAN);
        }
    }
    if bits(&feed) == clean { Ok(()) } else { Err("NaN of what is not seen is felt".to_owned()) }
}

/// What is compiled for some of the modalities gives what the whole model gives for samples that have no others.
fn only(
    checked: &Checked,
    request: &Request,
    random: &mut Random,
    seed: u64,
) -> Result<(), String> {
    let model = &checked.model;
    let kept = (0..).take(model.modalities.len()).map(ModalityId).filter(|_| random.chance(50));
    let kept = ModalitySet::of(kept);
    let exists = |at: &usize| checked.flow.presence(model.outputs[*at].value).holds(kept);
    let outputs: Vec<usize> = (0..model.outputs.len()).filter(exists).collect();
    let whole = Request { outputs, objectives: Vec::new(), ..request.clone() };
    let part = Request { only: Some(kept), ..whole.clone() };
    let lowered = |request: &Request| lower(checked, request).map_err(|text| format!("{text:?}"));
    let (whole, part) = (lowered(&whole)?, lowered(&part)?);
    verify(&part)?;
    let mut samples = random_samples(model, request.batch, seed);
    samples.iter_mut().for_each(|sample| sample.modalities = kept);
    let results = |graph: &Graph| -> Vec<Vec<f64>> {
        let values = interpret(graph, &random_feed(model, graph, &samples, seed));
        let roots = graph.roots.iter();
        roots.map(|root| values[root.node.index()].clone().expect("a root")).collect()
    };
    if results(&whole) == results(&part) {
        return Ok(());
    }
    Err(format!("only {} gives something else", kept.display(model)))
}

/// A number for each weight and each fed number.
struct Direction {
    parameters: Vec<Vec<f64>>,
    inputs: Vec<Vec<f64>>,
}

impl Direction {
    fn zeros(feed: &Feed) -> Self {
        let zeros = |all: &Vec<Vec<f64>>| all.iter().map(|one| vec![0.0; one.len()]).collect();
        Self { parameters: zeros(&feed.parameters), inputs: zeros(&feed.inputs) }
    }

    /// What each number contributes to a product.
    fn products(&self, other: &Self) -> Vec<f64> {
        let sides = [(&self.parameters, &other.parameters), (&self.inputs, &other.inputs)];
        let pairs = sides.into_iter().flat_map(|(a, b)| a.iter().zip(b));
        pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b)).collect()
    }
}

fn gradients(checked: &Checked, graph: &Graph, seed: u64) -> Direction {
    let feed = fed(checked, graph, seed);
    let values = interpret(graph, &feed);
    let mut gradients = Direction::zeros(&feed);
    for root in &graph.roots {
        let found = values[root.node.index()].as_ref().expect("a root");
        match root.kind {
            RootKind::ParameterGradient(buffer, start) => {
                let buffer = &mut gradients.parameters[buffer.0 as usize];
                buffer[start..start + found.len()].copy_from_slice(found);
            }
            RootKind::InputGradient => {
                let at = graph
                    .inputs
                    .iter()
                    .position(|input| input.name == root.name && input.kind == InputKind::Modality);
                gradients.inputs[at.expect("an input")].copy_from_slice(found);
            }
            RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::Update(..)
            | RootKind::GradientNorm => {}
        }
    }
    gradients
}

fn agree(
    graph: &Graph,
    feed: &Feed,
    gradients: &Direction,
    direction: &Direction,
) -> Result<(), String> {
    let loss = |step: f64| {
        let mut moved = feed.clone();
        let sides = [
            (&mut moved.parameters, &direction.parameters),
            (&mut moved.inputs, &direction.inputs),
        ];
        for (numbers, direction) in sides.into_iter().flat_map(|(a, b)| a.iter_mut().zip(b)) {
            numbers.iter_mut().zip(direction).for_each(|(number, d)| *number += step * d);
        }
        let root = graph.roots[0].node;
        interpret(graph, &moved)[root.index()].as_ref().expect("a root")[0]
    };
    let products = gradients.products(direction);
    let found: f64 = products.iter().sum();
    let size: f64 = products.iter().map(|product| product.abs()).sum::<f64>() + 1e-3;
    let mut tried = Vec::new();
    for step in [1e-5, 1e-6, 1e-7] {
        let expected = (loss(step) - loss(-step)) / (2.0 * step);
        if (found - expected).abs() <= 1e-6 * size {
            return Ok(());
        }
        tried.push(expected);
    }
    Err(format!("the gradient says {found}, differences {tried:?}, of {size}"))
}

#[test]
fn gradients_of_random_models_are_right() {
    let mut failures = Vec::new();
    for seed in 0..n_specs() {
        let outcome = std::panic::catch_unwind(|| try_one(seed));
        let text = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(text)) => text,
            Err(_) => "panicked".to_owned(),
        };
        failures.push((seed, text));
    }
    let Some((seed, text)) = failures.first() else { return };
    let others: Vec<String> = failures[1..]
        .iter()
        .map(|(seed, text)| format!("seed {seed}: {}", text.lines().next().unwrap_or_default()))
        .collect();
    panic!("seed {seed}: {text}\n{}\n{}", random_spec(*seed), others.join("\n"));
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        assert_eq!(random_spec(seed), random_spec(seed));
    }
    assert_ne!(random_spec(1), random_spec(2));
    let mut random = Random::new(0);
    // The first number of SplitMix64 for this seed, from its authors' code.
    assert_eq!(random.bits(), 0xE220_A839_7B1D_CDAF);
}

/// Between them, the specs of the first seeds say nearly all of the language.
#[test]
fn random_models_have_everything() {
    let (mut texts, mut models) = (String::new(), String::new());
    for seed in 0..250 {
        let text = random_spec(seed);
        if let Ok(checked) = checked(&text) {
            models.push_str(&format!("{:?}{:?}", checked.model.steps, checked.model.objectives));
        }
        texts.push_str(&text);
    }
    for word in ALL_OF_TEXTS.split_whitespace() {
        assert!(texts.contains(word), "no spec says `{word}`");
    }
    for word in ALL_OF_MODELS.split_whitespace() {
        assert!(models.contains(word), "no model has {word}");
    }
}

const ALL_OF_TEXTS: &str = "frames image wave logmel spectrogram text tensor normalize crop( pad( vit( swin( hip( \
    perceiver( decoder( plain_decoder( final( mlp( squared_relu_mlp( geglu_mlp( project( merge( repeat when route within \
    causal groups( windows( per tied trunk init: latents learned class( classes( tensor( smoothing";

const ALL_OF_MODELS: &str = "Input( Latents Learned Patches( Linear Embed Learned Sinusoidal Fourier Absent Norm RmsNorm Scale \
    Gelu GeluTanh Relu SquaredRelu Silu Sigmoid Tanh Exp Log Softmax Gated( Add Sub Mul Div Affine Reciprocal( Mean \
    Dropout( DropPath Attend window Concat Join Slice( Gather( Pool(Mean Pool(First Pool(Last Pad Crop \
    Groups( Windows( Causal And( CrossEntropy SigmoidCrossEntropy Nce Mse Computed( Fixed( Both Forward Joint Target( Value( \
    Sum(";
