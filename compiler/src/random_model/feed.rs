//! What random models are fed.
//!
//! In: a graph, the model and a seed. Out: weights in the neighborhood of useful ones, inputs, ids with their order, targets
//! that are distributions, and samples that may lack modalities and targets or only fill the batch. All numbers are exact in
//! `f32`. Deliberately not here: data.

use crate::flow::ModalitySet;
use crate::graph::interpret::Feed;
use crate::graph::{Graph, Input, InputKind, Sample};
use crate::model::{Model, TargetId, TargetKind, WeightKind};

use super::Random;

/// A random feed. What a sample lacks is fed as zeros.
///
/// # Panics
///
/// Where the graph is not one of the model.
#[must_use]
pub fn random_feed(model: &Model, graph: &Graph, seed: u64) -> Feed {
    let mut random = Random::new(seed ^ 0x5EED);
    let mut feed = Feed::zeros(graph);
    feed.seed = random.bits();
    feed.first_sample = u32::try_from(random.below(1000)).expect("below 1000");
    samples(model, &mut feed, &mut random);
    for (buffer, numbers) in graph.parameters.buffers.iter().zip(&mut feed.parameters) {
        let mut numbers = numbers.iter_mut();
        for weight in &buffer.weights {
            let weight = &model.weights[weight.index()];
            let n = usize::try_from(weight.numbers()).expect("weights of small models");
            let (center, spread) = range(weight.kind, &weight.shape);
            for number in numbers.by_ref().take(n) {
                *number = exact(center + spread * random.real());
            }
        }
    }
    for at in 0..graph.inputs.len() {
        let numbers = input(model, graph, &graph.inputs[at], &feed, &mut random);
        feed.inputs[at] = numbers;
    }
    feed
}

/// The positions of ids in the order of the ids, and for each id, and one behind the last, where in that order it begins.
#[must_use]
pub fn id_order(ids: &[f64], vocabulary: usize) -> (Vec<f64>, Vec<f64>) {
    let mut order: Vec<u32> = (0..).take(ids.len()).collect();
    order.sort_by(|a, b| ids[*a as usize].total_cmp(&ids[*b as usize]));
    let below = |id: usize| ids.iter().filter(|found| whole(**found) < id).count();
    let starts = (0..=vocabulary).map(|id| count(below(id))).collect();
    (order.into_iter().map(f64::from).collect(), starts)
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids are small integers")]
fn whole(id: f64) -> usize {
    id as usize
}

/// The nearest number of `f32`.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is wanted")]
fn exact(number: f64) -> f64 {
    f64::from(number as f32)
}

/// Where weights of a kind lie.
fn range(kind: WeightKind, shape: &[u64]) -> (f64, f64) {
    match kind {
        WeightKind::Matrix => {
            let n_in = u32::try_from(shape.last().copied().unwrap_or(1)).unwrap_or(u32::MAX);
            (0.0, 1.7 / f64::from(n_in).sqrt())
        }
        WeightKind::Bias => (0.0, 0.3),
        WeightKind::Scale => (1.0, 0.3),
        WeightKind::Learned => (0.8, 0.3),
        WeightKind::Position | WeightKind::Latents | WeightKind::Embedding | WeightKind::Scores => {
            (0.0, 1.0)
        }
    }
}

fn samples(model: &Model, feed: &mut Feed, random: &mut Random) {
    let n_modalities = model.modalities.len();
    let partial = random.chance(60);
    for (at, sample) in feed.samples.iter_mut().enumerate() {
        *sample = Sample::whole(n_modalities, model.targets.len());
        if partial {
            let all: Vec<_> = sample.modalities.iter().collect();
            let kept = all.into_iter().filter(|_| random.chance(70));
            sample.modalities = ModalitySet::of(kept);
            sample.targets.retain(|_| random.chance(75));
        }
        if at > 0 && random.chance(10) {
            *sample = Sample::filler();
        }
    }
}

fn input(
    model: &Model,
    graph: &Graph,
    input: &Input,
    feed: &Feed,
    random: &mut Random,
) -> Vec<f64> {
    let n: usize = input.shape.iter().product();
    let per_sample = n / graph.batch.max(1);
    match input.kind {
        InputKind::Modality => {
            let id = model.modality(&input.name).expect("an input of the model");
            let mut numbers: Vec<f64> = (0..n).map(|_| random.real()).collect();
            for (numbers, sample) in numbers.chunks_mut(per_sample).zip(&feed.samples) {
                if !sample.modalities.contains(id) {
                    numbers.fill(0.0);
                }
            }
            numbers
        }
        InputKind::Ids => ids(model, graph, &input.name, feed),
        InputKind::IdOrder => {
            let ids = ids(model, graph, &input.name, feed);
            id_order(&ids, 0).0
        }
        InputKind::IdStarts => {
            let ids = ids(model, graph, &input.name, feed);
            id_order(&ids, n - 1).1
        }
        InputKind::Target => target(model, input, feed, random),
        InputKind::Cotangent => {
            let mut numbers: Vec<f64> = (0..n).map(|_| random.real()).collect();
            for (numbers, sample) in numbers.chunks_mut(per_sample).zip(&feed.samples) {
                if sample.modalities.len() < model.modalities.len() {
                    numbers.fill(0.0);
                }
            }
            numbers
        }
    }
}

/// The ids of a text: the same whenever they are asked for.
fn ids(model: &Model, graph: &Graph, name: &str, feed: &Feed) -> Vec<f64> {
    let id = model.modality(name).expect("an input of the model");
    let modality = &model.modalities[id.index()];
    let vocabulary = match modality.source {
        crate::model::Source::Text { vocabulary, .. } => vocabulary,
        crate::model::Source::Frames { .. }
        | crate::model::Source::Image { .. }
        | crate::model::Source::Wave { .. }
        | crate::model::Source::Tensor => unreachable!("ids are those of a text"),
    };
    let vocabulary = usize::try_from(vocabulary).expect("small vocabularies");
    let length = usize::try_from(modality.shape.tokens()).expect("short texts");
    let mut random = Random::new(feed.seed.wrapping_add(u64::from(id.0)));
    let mut ids = Vec::new();
    for sample in &feed.samples[..graph.batch] {
        for _ in 0..length {
            let drawn = random.below(vocabulary);
            ids.push(if sample.modalities.contains(id) { count(drawn) } else { 0.0 });
        }
    }
    ids
}

fn target(model: &Model, input: &Input, feed: &Feed, random: &mut Random) -> Vec<f64> {
    let at = model.targets.iter().position(|target| target.name == input.name);
    let at = at.expect("a target of the model");
    let id = TargetId(u32::try_from(at).expect("few targets"));
    let n: usize = input.shape[1..].iter().product();
    let mut numbers = Vec::new();
    for sample in &feed.samples {
        let mut own = vec![0.0; n];
        if sample.targets.contains(&id) {
            match model.targets[at].kind {
                TargetKind::Class(_) => {
                    // A mixture of two samples' classes.
                    own[random.below(n)] += 0.75;
                    own[random.below(n)] += 0.25;
                }
                TargetKind::Classes(_) => {
                    own.iter_mut().for_each(|number| *number = random.one_of(&[0.0, 0.5, 1.0]));
                }
                TargetKind::Tensor(_) => {
                    own.iter_mut().for_each(|number| *number = random.real());
                }
            }
        }
        numbers.extend(own);
    }
    numbers
}
