//! Gradients that are zero by structure: nothing is computed for them, and no NaN reaches them.

use crate::autodiff::{Seed, Wanted, differentiate};
use crate::graph::interpret::{Feed, interpret};
use crate::graph::{Graph, Input, InputKind, Op, RootKind, Sample};
use crate::lower::{Decay, Request, lower};
use crate::random_model::random_feed;
use crate::{Checked, Options, check_text};

/// Two streams that share all weights and a fusion that reads both; objectives on one stream alone, and on both.
const SPEC: &str = "model m {
  modality video = tensor([2, 2, 3])
  modality audio = tensor([3, 5])
  tokens video  = video |> linear(4) |> position()
  tokens audio  = audio |> linear(4) |> position()
  tokens fusion = latents(2, 4)
  route zorro { video <- video; audio <- audio; fusion <- video, audio, fusion }
  layers: repeat 2 { apply vit(2, 2, drop: 0.2) over zorro }
  apply final() over { video, audio, fusion }
  target label = class(3)
  output audio_logits = audio |> pool(mean) |> linear(3, weights: head)
  output video_logits = video |> pool(mean) |> linear(3, weights: head)
  output fusion_logits = fusion |> pool(mean) |> linear(3, weights: head)
  objective of_audio = cross_entropy(audio_logits, label)
  objective of_video = cross_entropy(video_logits, label)
  objective of_all = mean(of_audio, of_video, cross_entropy(fusion_logits, label))
}";

fn checked() -> Checked {
    let outcome = check_text(SPEC, &Options::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics))
}

fn gradients_of(checked: &Checked, objective: &str) -> Graph {
    let request = Request {
        batch: 2,
        // All outputs and objectives are there, so that all groups share their packs.
        outputs: vec![0, 1, 2],
        objectives: vec![0, 1, 2],
        terms: None,
        only: None,
        random: true,
        decay: Decay::Matrices,
        frozen: Vec::new(),
        buffer_numbers: 1 << 20,
    };
    let graph = lower(checked, &request).expect("all is there");
    let wanted = Wanted { parameters: true, inputs: true };
    differentiate(graph, &Seed::Loss(objective.to_owned()), wanted)
}

fn whole_feed(checked: &Checked, graph: &Graph) -> Feed {
    let mut feed = random_feed(&checked.model, graph, &vec![Sample::whole(2, 1); graph.batch], 3);
    for (at, input) in graph.inputs.iter().enumerate() {
        let numbers = feed.inputs[at].iter_mut().enumerate();
        match input.kind {
            InputKind::Target => numbers.for_each(|(at, n)| *n = f64::from(u8::from(at % 3 == 1))),
            InputKind::Modality => numbers.for_each(|(at, n)| *n = libm::sin(at as f64)),
            InputKind::Ids | InputKind::IdOrder | InputKind::IdStarts | InputKind::Cotangent => {}
        }
    }
    feed
}

fn gradients(graph: &Graph, feed: &Feed) -> Vec<(RootKind, String, Vec<f64>)> {
    let values = interpret(graph, feed);
    let is_gradient = |kind| match kind {
        RootKind::ParameterGradient(..) | RootKind::InputGradient => true,
        RootKind::Output
        | RootKind::Loss
        | RootKind::Term(..)
        | RootKind::Update(..)
        | RootKind::GradientNorm => false,
    };
    let roots = graph.roots.iter().filter(|root| is_gradient(root.kind));
    let value = |root: &crate::graph::Root| values[root.node.index()].clone().expect("a root");
    roots.map(|root| (root.kind, root.name.clone(), value(root))).collect()
}

#[track_caller]
fn check(objective: &str, other: &str) {
    let checked = checked();
    let graph = gradients_of(&checked, objective);
    let feed = whole_feed(&checked, &graph);
    let clean = gradients(&graph, &feed);
    let numbers = |clean: &[(RootKind, String, Vec<f64>)]| -> Vec<u64> {
        clean.iter().flat_map(|(_, _, numbers)| numbers).map(|number| number.to_bits()).collect()
    };
    assert!(clean.iter().flat_map(|one| &one.2).all(|number| number.is_finite()));
    assert!(clean.iter().flat_map(|one| &one.2).any(|number| *number != 0.0));
    let at = graph.inputs.iter().position(|input| input.name == other);
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        let mut feed = feed.clone();
        feed.inputs[at.expect("an input")].fill(bad);
        assert_eq!(numbers(&gradients(&graph, &feed)), numbers(&clean), "{bad} in {other}");
    }
    let of_other =
        graph.roots.iter().find(|root| root.kind == RootKind::InputGradient && root.name == other);
    let node = of_other.expect("a gradient of every modality").node;
    assert_eq!(graph.constant_value(node), Some(0.0), "the gradient of {other} is known");
    // What only the others use has no gradient at all.
    for (at, weight) in checked.model.weights.iter().enumerate() {
        let place = graph.parameters.places[at].expect("all weights are needed");
        let own = weight.name.starts_with(other) || weight.name.starts_with("fusion");
        let covered = graph.roots.iter().any(|root| match root.kind {
            RootKind::ParameterGradient(buffer, start) => {
                let end = start + graph.numbers(root.node);
                buffer == place.buffer && start < place.offset + place.numbers && place.offset < end
            }
            RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::InputGradient
            | RootKind::Update(..)
            | RootKind::GradientNorm => false,
        });
        assert_eq!(covered, !own, "{}", weight.name);
    }
}

#[test]
fn a_stream_that_is_not_seen_cannot_be_felt() {
    check("of_audio", "video");
    check("of_video", "audio");
}

#[test]
fn nothing_is_computed_for_rows_without_a_cotangent() {
    let checked = checked();
    let work = |objective: &str| -> usize {
        let graph = gradients_of(&checked, objective);
        let live = graph.live();
        let backward = graph.ids().filter(|id| {
            live[id.index()] && graph.origin(*id).phase == crate::graph::Phase::Backward
        });
        backward
            .filter(|id| graph.node(*id).op == Op::Contract)
            .map(|id| {
                let shared = graph.shape(graph.node(id).inputs[0])[1];
                graph.numbers(id) * shared
            })
            .sum()
    };
    // Of 4 + 3 + 2 tokens, those of one stream.
    let (audio, video, all) = (work("of_audio"), work("of_video"), work("of_all"));
    assert!(audio < all / 2 && video < all / 2, "{audio} and {video} of {all}");
}

#[test]
fn outputs_are_differentiated_with_fed_cotangents() {
    let checked = checked();
    let request = Request {
        batch: 1,
        outputs: vec![0, 2],
        objectives: vec![],
        terms: None,
        only: None,
        random: false,
        decay: Decay::All,
        frozen: Vec::new(),
        buffer_numbers: 1 << 20,
    };
    let graph = lower(&checked, &request).expect("all is there");
    let wanted = Wanted { parameters: false, inputs: true };
    let whole = differentiate(graph, &Seed::Outputs, wanted);
    let fed: Vec<&Input> =
        whole.inputs.iter().filter(|input| input.kind == InputKind::Cotangent).collect();
    assert_eq!(
        fed.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(),
        ["audio_logits", "fusion_logits"]
    );
    let is_weight = |kind| matches!(kind, RootKind::ParameterGradient(..));
    assert!(!whole.roots.iter().any(|root| is_weight(root.kind)));
    // A unit cotangent gives a row of the Jacobian: two of them add up.
    let feed = whole_feed(&checked, &whole);
    let with = |numbers: [f64; 6]| {
        let mut feed = feed.clone();
        let mut numbers = numbers.into_iter();
        for (input, fed) in whole.inputs.iter().zip(&mut feed.inputs) {
            if input.kind == InputKind::Cotangent {
                fed.iter_mut().for_each(|n| *n = numbers.next().expect("six logits"));
            }
        }
        let found = gradients(&whole, &feed);
        found.into_iter().flat_map(|one| one.2).collect::<Vec<f64>>()
    };
    let a = with([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let b = with([0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    let sum = with([1.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    assert!(a.iter().zip(&b).zip(&sum).all(|((a, b), sum)| (a + b - sum).abs() < 1e-12));
    assert!(a.iter().any(|n| *n != 0.0) && b.iter().any(|n| *n != 0.0));
}
