//! What random models are fed.
//!
//! In: a graph, the model and a seed. Out: weights in the neighborhood of useful ones, inputs, ids with their order, targets
//! that are distributions, and samples that may lack modalities and targets or only fill the batch. All numbers are exact in
//! `f32`. Deliberately not here: data.

use crate::flow::ModalitySet;
use crate::graph::interpret::Feed;
use crate::graph::{Graph, Input, InputKind, Sample};
use crate::model::{Model, Source, TargetId, TargetKind, WeightKind};
use crate::random::path_hash;

use super::Random;

/// Random samples: perhaps some that lack modalities and targets, or that only fill the batch.
#[must_use]
pub fn random_samples(model: &Model, batch: usize, seed: u64) -> Vec<Sample> {
    let mut random = stream(seed, "samples");
    let partial = random.chance(60);
    let mut samples = vec![Sample::whole(model.modalities.len(), model.targets.len()); batch];
    for (at, sample) in samples.iter_mut().enumerate() {
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
    samples
}

/// A random feed for these samples; what they lack is fed as zeros. Weights and inputs depend on the seed and their name alone,
/// so that all graphs of a model are fed the same.
///
/// # Panics
///
/// Where the graph is not one of the model, or has another number of samples.
#[must_use]
pub fn random_feed(model: &Model, graph: &Graph, samples: &[Sample], seed: u64) -> Feed {
    assert_eq!(samples.len(), graph.batch, "a feed has all samples of the batch");
    let mut random = stream(seed, "run");
    let mut feed = Feed::zeros(graph);
    feed.samples = samples.to_vec();
    feed.seed = random.bits();
    feed.first_sample = u32::try_from(random.below(1000)).expect("below 1000");
    for (buffer, numbers) in graph.parameters.buffers.iter().zip(&mut feed.parameters) {
        let mut numbers = numbers.iter_mut();
        for weight in &buffer.weights {
            let weight = &model.weights[weight.index()];
            let mut random = stream(seed, &weight.name);
            let n = usize::try_from(weight.numbers()).expect("weights of small models");
            let (center, spread) = range(weight.kind, &weight.shape);
            for number in numbers.by_ref().take(n) {
                *number = exact(center + spread * random.real());
            }
        }
    }
    for (input, numbers) in graph.inputs.iter().zip(&mut feed.inputs) {
        let mut random = stream(seed, &input.name);
        *numbers = fed(model, input, samples, &mut random);
    }
    feed
}

/// Random numbers for something of a name.
fn stream(seed: u64, name: &str) -> Random {
    Random::new(seed.wrapping_add(path_hash(name)))
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ids are small integers"
)]
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

fn fed(model: &Model, input: &Input, samples: &[Sample], random: &mut Random) -> Vec<f64> {
    let n: usize = input.shape.iter().product();
    let each = n / samples.len().max(1);
    match input.kind {
        InputKind::Modality => {
            let id = model.modality(&input.name).expect("an input of the model");
            let has = |sample: &Sample| sample.modalities.contains(id);
            numbers(each, samples, random, &has, &|random| random.real())
        }
        InputKind::Ids => ids(model, &input.name, samples, random),
        InputKind::IdOrder => id_order(&ids(model, &input.name, samples, random), 0).0,
        InputKind::IdStarts => id_order(&ids(model, &input.name, samples, random), n - 1).1,
        InputKind::Target => {
            let at = model.targets.iter().position(|target| target.name == input.name);
            let at = at.expect("a target of the model");
            let id = TargetId(u32::try_from(at).expect("few targets"));
            let has = |sample: &Sample| sample.targets.contains(&id);
            match model.targets[at].kind {
                TargetKind::Class(_) => classes(each, samples, random, &has),
                TargetKind::Classes(_) => {
                    numbers(each, samples, random, &has, &|random| random.one_of(&[0.0, 0.5, 1.0]))
                }
                TargetKind::Tensor(_) => {
                    numbers(each, samples, random, &has, &|random| random.real())
                }
            }
        }
        InputKind::Cotangent => {
            // An output may need any modality.
            let has = |sample: &Sample| sample.modalities.len() == model.modalities.len();
            numbers(each, samples, random, &has, &|random| random.real())
        }
    }
}

/// So many numbers for each sample that has them, else zeros.
fn numbers(
    each: usize,
    samples: &[Sample],
    random: &mut Random,
    has: &dyn Fn(&Sample) -> bool,
    draw: &dyn Fn(&mut Random) -> f64,
) -> Vec<f64> {
    let mut numbers = Vec::new();
    for sample in samples {
        let has = has(sample);
        numbers.extend((0..each).map(|_| {
            let drawn = draw(random);
            if has { drawn } else { 0.0 }
        }));
    }
    numbers
}

/// For each sample a mixture of two classes.
fn classes(
    each: usize,
    samples: &[Sample],
    random: &mut Random,
    has: &dyn Fn(&Sample) -> bool,
) -> Vec<f64> {
    let mut numbers = vec![0.0; samples.len() * each];
    for (sample, numbers) in samples.iter().zip(numbers.chunks_mut(each)) {
        for part in [0.75, 0.25] {
            let class = random.below(each);
            numbers[class] += if has(sample) { part } else { 0.0 };
        }
    }
    numbers
}

/// The ids of a text: the same whenever they are asked for.
fn ids(model: &Model, name: &str, samples: &[Sample], random: &mut Random) -> Vec<f64> {
    let id = model.modality(name).expect("an input of the model");
    let modality = &model.modalities[id.index()];
    let vocabulary = match modality.source {
        Source::Text { vocabulary, .. } => vocabulary,
        Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
            unreachable!("ids are those of a text")
        }
    };
    let vocabulary = usize::try_from(vocabulary).expect("small vocabularies");
    let length = usize::try_from(modality.shape.tokens()).expect("short texts");
    let has = |sample: &Sample| sample.modalities.contains(id);
    numbers(length, samples, random, &has, &|random| count(random.below(vocabulary)))
}
