//! A batch to time a model on.
//!
//! In: a model. Out: numbers for all that it can be fed, the same each time. Deliberately not here: what they mean: they
//! are even noise.

use zorro_compiler::model::{Source, TargetKind};
use zorro_compiler::random::uniform;
use zorro_compiler::{Checked, model::Shape};
use zorro_runtime::{Batch, Tensor, TensorData, Tensors};

/// Modalities from -1 to 1, ids, targets; all samples have all.
pub(super) fn batch(checked: &Checked, batch: usize) -> Batch {
    let mut tensors = Tensors::default();
    let mut site = 0;
    let mut add = |name: &str, shape: Vec<usize>, data: &dyn Fn(u32, usize) -> TensorData| {
        let numbers = shape.iter().product();
        let data = data(site, numbers);
        site += 1;
        tensors.insert(name.to_owned(), Tensor::new(shape, data).expect("as many numbers"));
    };
    let model = &checked.model;
    for modality in &model.modalities {
        let shape = |shape: &Shape| sizes(batch, &shape.grid, Some(shape.width));
        match modality.source {
            Source::Text { vocabulary, .. } => {
                let ids = |site, numbers| whole(site, numbers, vocabulary);
                add(&modality.name, sizes(batch, &modality.shape.grid, None), &ids);
            }
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                add(&modality.name, shape(&modality.shape), &noise);
            }
        }
    }
    for target in &model.targets {
        match &target.kind {
            TargetKind::Class(n) => {
                add(&target.name, vec![batch], &|site, numbers| whole(site, numbers, *n));
            }
            TargetKind::Classes(n) => add(&target.name, sizes(batch, &[*n], None), &bits),
            TargetKind::Tensor(shape) => {
                add(&target.name, sizes(batch, &shape.grid, Some(shape.width)), &noise);
            }
        }
    }
    Batch { tensors }
}

fn sizes(batch: usize, grid: &[u64], width: Option<u64>) -> Vec<usize> {
    let sizes = grid.iter().copied().chain(width);
    std::iter::once(batch).chain(sizes.map(|size| size.try_into().unwrap_or(usize::MAX))).collect()
}

/// From 0 to 1.
fn drawn(site: u32, numbers: usize) -> Vec<f32> {
    let fours = (0..).map(|four| uniform(0, [site, four, 0, 0]));
    let mut drawn: Vec<f32> = fours.take(numbers.div_ceil(4)).flatten().collect();
    drawn.truncate(numbers);
    drawn
}

fn noise(site: u32, numbers: usize) -> TensorData {
    TensorData::F32(drawn(site, numbers).into_iter().map(|number| 2.0 * number - 1.0).collect())
}

fn bits(site: u32, numbers: usize) -> TensorData {
    TensorData::F32(drawn(site, numbers).into_iter().map(f32::round).collect())
}

fn whole(site: u32, numbers: usize, below: u64) -> TensorData {
    let most = i64::try_from(below).unwrap_or(i64::MAX) - 1;
    let whole = |number: f32| ((f64::from(number) * below as f64) as i64).clamp(0, most.max(0));
    TensorData::I64(drawn(site, numbers).into_iter().map(whole).collect())
}
