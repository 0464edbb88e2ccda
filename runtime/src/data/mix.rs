//! From samples to a batch: mixup, modality dropout, tensors.
//!
//! In: samples in their order. Out: what [`Batch`] takes. Deliberately not here: reading samples.

use std::collections::BTreeMap;

use crate::{Batch, Tensor, TensorData};

use super::draw::Draw;
use super::recipe::{Fed, Recipe, Sample};

/// Each sample is mixed with another of the batch that has the same: one share for all that the pair has. The share is
/// drawn for the place of the sample.
pub(super) fn mixup(samples: &mut [Sample], places: &[u64], seed: u64, alpha: f64) {
    let before = samples.to_vec();
    let n = samples.len();
    for (at, sample) in samples.iter_mut().enumerate() {
        let alike =
            (1..n).map(|step| (at + step) % n).find(|other| has_the_same(sample, &before[*other]));
        let Some(other) = alike else { continue };
        #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
        let share = Draw::new(seed, "data.mixup", places[at]).beta(alpha) as f32;
        let blend = |own: &mut Vec<f32>, other: &Vec<f32>| {
            for (own, other) in own.iter_mut().zip(other) {
                *own = share * *own + (1.0 - share) * other;
            }
        };
        for (own, other) in sample.modalities.iter_mut().zip(&before[other].modalities) {
            if let (Some(Fed::Numbers(own)), Some(Fed::Numbers(other))) = (own, other) {
                blend(own, other);
            }
        }
        for (own, other) in sample.targets.iter_mut().zip(&before[other].targets) {
            if let (Some(own), Some(other)) = (own, other) {
                blend(own, other);
            }
        }
    }
}

fn has_the_same(one: &Sample, other: &Sample) -> bool {
    let modalities = one.modalities.iter().zip(&other.modalities);
    let targets = one.targets.iter().zip(&other.targets);
    modalities.map(|(one, other)| (one.is_some(), other.is_some())).all(|(one, other)| one == other)
        && targets
            .map(|(one, other)| (one.is_some(), other.is_some()))
            .all(|(one, other)| one == other)
}

/// Samples lose modalities at random, never all that they have: where all would go, one of them stays.
pub(super) fn drop_modalities(samples: &mut [Sample], places: &[u64], seed: u64, rates: &[f64]) {
    for (sample, place) in samples.iter_mut().zip(places) {
        let mut draw = Draw::new(seed, "data.dropout", *place);
        // Every modality has its draw, whether it is there or not.
        let falls: Vec<bool> = rates.iter().map(|rate| draw.chance(*rate)).collect();
        let present: Vec<usize> =
            (0..rates.len()).filter(|at| sample.modalities[*at].is_some()).collect();
        let mut falling: Vec<usize> = present.iter().copied().filter(|at| falls[*at]).collect();
        if falling.len() == present.len() && !falling.is_empty() {
            let stays = draw.below(falling.len() as u64);
            falling.remove(usize::try_from(stays).expect("below the length"));
        }
        for at in falling {
            sample.modalities[at] = None;
        }
    }
}

/// The tensors of a batch, and who has what.
pub(super) fn batch(samples: &[Sample], recipe: &Recipe) -> Batch {
    let mut batch = Batch::default();
    let n = samples.len();
    let mut add = |name: &str, present: Vec<u8>, shape: &[usize], data: Option<TensorData>| {
        if let Some(data) = data {
            let shape = std::iter::once(n).chain(shape.iter().copied()).collect();
            let tensor =
                Tensor::new(shape, data).expect("every sample has the numbers of the shape");
            batch.tensors.insert(name, tensor);
        }
        let present = Tensor::new(vec![n], TensorData::U8(present)).expect("one for each sample");
        batch.tensors.insert(format!("{name}.present"), present);
    };
    for (at, host) in recipe.hosts.iter().enumerate() {
        let fed: Vec<Option<&Fed>> =
            samples.iter().map(|one| one.modalities[at].as_ref()).collect();
        let present = fed.iter().map(|fed| u8::from(fed.is_some())).collect();
        let is_ids = matches!(host.feed, super::host::Feed::Text { .. });
        let data = fed.iter().any(Option::is_some).then(|| match is_ids {
            true => TensorData::I64(together(&fed, host.numbers(), |fed| match fed {
                Fed::Ids(ids) => ids,
                Fed::Numbers(_) => unreachable!("texts are fed as ids"),
            })),
            false => TensorData::F32(together(&fed, host.numbers(), |fed| match fed {
                Fed::Numbers(numbers) => numbers,
                Fed::Ids(_) => unreachable!("only texts are fed as ids"),
            })),
        });
        let shape = if is_ids { &host.shape[..1] } else { &host.shape };
        add(&host.name, present, shape, data);
    }
    for (at, target) in recipe.targets.iter().enumerate() {
        let told: Vec<Option<&Vec<f32>>> =
            samples.iter().map(|one| one.targets[at].as_ref()).collect();
        let present = told.iter().map(|told| u8::from(told.is_some())).collect();
        let numbers = target.shape.iter().product();
        let data = told.iter().any(Option::is_some);
        let data = data.then(|| TensorData::F32(together(&told, numbers, |told| told)));
        add(&target.name, present, &target.shape, data);
    }
    batch
}

/// The numbers of all samples, zeros for those that have none.
fn together<'a, T, N: Copy + Default + 'a>(
    all: &[Option<&'a T>],
    numbers: usize,
    of: impl Fn(&'a T) -> &'a Vec<N>,
) -> Vec<N> {
    let mut result = Vec::with_capacity(all.len() * numbers);
    for one in all {
        match one {
            Some(one) => result.extend_from_slice(of(one)),
            None => result.resize(result.len() + numbers, N::default()),
        }
    }
    result
}

/// The rates of modality dropout in the order of the model's modalities.
pub(super) fn rates(
    rates: &BTreeMap<String, f64>,
    recipe: &Recipe,
) -> Result<Option<Vec<f64>>, super::DataError> {
    for (name, rate) in rates {
        let place = format!("modality_dropout.{name}");
        if !recipe.hosts.iter().any(|host| host.name == *name) {
            let known: Vec<&str> = recipe.hosts.iter().map(|host| host.name.as_str()).collect();
            let message = format!("the model has no such modality; it has {}", known.join(", "));
            return Err(super::recipe::setting(&place, message));
        }
        if !(0.0..=1.0).contains(rate) {
            return Err(super::recipe::setting(&place, "a probability, 0 to 1"));
        }
    }
    let of = |name: &String| rates.get(name).copied().unwrap_or(0.0);
    let all: Vec<f64> = recipe.hosts.iter().map(|host| of(&host.name)).collect();
    Ok(all.iter().any(|rate| *rate > 0.0).then_some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value: f32, has: [bool; 2]) -> Sample {
        let fed = |has: bool| has.then(|| Fed::Numbers(vec![value]));
        Sample { modalities: has.map(fed).to_vec(), targets: vec![Some(vec![value, -value])] }
    }

    #[test]
    fn pairs_share_one_number() {
        let mut samples =
            vec![sample(1.0, [true; 2]), sample(9.0, [true, false]), sample(2.0, [true; 2])];
        mixup(&mut samples, &[4, 5, 6], 3, 0.5);
        assert_eq!(samples[1], sample(9.0, [true, false]));
        for at in [0, 2] {
            let Some(Fed::Numbers(first)) = &samples[at].modalities[0] else { panic!() };
            assert!((1.0..=2.0).contains(&first[0]));
            assert_eq!(samples[at], sample(first[0], [true; 2]));
        }
    }

    #[test]
    fn something_always_stays() {
        let places: Vec<u64> = (0..1000).collect();
        for (rates, wanted) in [([1.0, 1.0], [0.5, 0.5]), ([0.3, 0.0], [0.3, 0.0])] {
            let mut samples = vec![sample(1.0, [true; 2]); 1000];
            drop_modalities(&mut samples, &places, 7, &rates);
            assert!(!samples.iter().any(Sample::is_empty));
            for (at, wanted) in wanted.iter().enumerate() {
                let lost = samples.iter().filter(|sample| sample.modalities[at].is_none()).count();
                // Four deviations of a share of 1,000.
                assert!((lost as f64 / 1000.0 - wanted).abs() < 0.064, "{at}: {lost}");
            }
        }
        let mut alone = vec![sample(1.0, [false, true])];
        drop_modalities(&mut alone, &[0], 7, &[0.0, 1.0]);
        assert_eq!(alone, [sample(1.0, [false, true])]);
    }
}
