//! Axes that are longer on one side, or stand on one side alone.
//!
//! In: a tensor and one of its axes. Out: the tensor with that axis as long as is wanted, summed, averaged, repeated, or filled
//! up. Sums are made in double precision. Deliberately not here: which axis, and positions, which are `resize`.

use std::fmt;

use crate::{Tensor, TensorData};

/// What is done along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// All become one, their sum.
    Sum,
    /// All become one, their mean.
    Mean,
    /// Again and again, one after another.
    Repeat,
    /// One becomes several: the middle one, and zeros.
    Center,
    /// One becomes several: each the same part of it.
    Share,
}

impl Change {
    /// Whether it may be said of an axis that stands on these sides.
    pub(super) fn may_stand(self, foreign: bool, model: bool) -> bool {
        match self {
            Self::Sum | Self::Mean => foreign,
            Self::Repeat => model,
            Self::Center | Self::Share => model && !foreign,
        }
    }

    /// What it is for.
    pub(super) fn needs(self) -> &'static str {
        match self {
            Self::Sum | Self::Mean => "it makes one of several, of an axis of the foreign layout",
            Self::Repeat => "it makes a multiple, of an axis of the model's layout",
            Self::Center | Self::Share => {
                "it fills an axis that stands in the model's layout alone"
            }
        }
    }

    /// The tensor with another size along an axis; `None` where this makes no such size.
    pub(super) fn along(self, tensor: &Tensor, axis: usize, size: usize) -> Option<Tensor> {
        let shape = tensor.shape();
        let length = *shape.get(axis)?;
        let is_fitting = match self {
            Self::Sum | Self::Mean => size == 1 && length > 0,
            Self::Repeat => length > 0 && size > 0 && size.is_multiple_of(length),
            Self::Center | Self::Share => length == 1 && size > 0,
        };
        if !is_fitting {
            return None;
        }
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let mut sizes = shape.to_vec();
        sizes[axis] = size;
        let numbers = outer.checked_mul(size)?.checked_mul(inner)?;
        let values = doubles(tensor);
        let mut made = Vec::with_capacity(numbers);
        for row in 0..outer {
            let at = |place: usize, i: usize| values[(row * length + place) * inner + i];
            for place in 0..size {
                made.extend((0..inner).map(|i| match self {
                    Self::Sum => (0..length).map(|place| at(place, i)).sum(),
                    Self::Mean => {
                        (0..length).map(|place| at(place, i)).sum::<f64>() / count(length)
                    }
                    Self::Repeat => at(place % length, i),
                    Self::Center if place == size / 2 => at(0, i),
                    Self::Center => 0.0,
                    Self::Share => at(0, i) / count(size),
                }));
            }
        }
        like(tensor, sizes, made)
    }
}

/// How it is written in a map.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Repeat => "repeat",
            Self::Center | Self::Share => "inflate",
        })
    }
}

/// Every number times a factor.
pub(super) fn scaled(tensor: &Tensor, factor: f64) -> Tensor {
    let values = doubles(tensor).into_iter().map(|value| value * factor).collect();
    like(tensor, tensor.shape().to_vec(), values).expect("as many numbers as before")
}

/// Tensors of one shape, added; `None` where shapes differ, or there are none.
pub(super) fn added(parts: &[Tensor]) -> Option<Tensor> {
    let first = parts.first()?;
    let mut sum = vec![0.0; first.data().len()];
    for part in parts {
        if part.shape() != first.shape() {
            return None;
        }
        sum.iter_mut().zip(doubles(part)).for_each(|(sum, value)| *sum += value);
    }
    like(first, first.shape().to_vec(), sum)
}

/// The numbers in double precision.
pub(super) fn doubles(tensor: &Tensor) -> Vec<f64> {
    match tensor.data() {
        TensorData::F64(values) => values.clone(),
        TensorData::F32(_)
        | TensorData::F16(_)
        | TensorData::Bf16(_)
        | TensorData::I64(_)
        | TensorData::I32(_)
        | TensorData::U32(_)
        | TensorData::U8(_)
        | TensorData::Bool(_) => tensor.data().to_f32().into_iter().map(f64::from).collect(),
    }
}

/// Numbers that were computed of a tensor: double where that is, else single. `None` where they are not as many as the shape says.
#[expect(clippy::cast_possible_truncation, reason = "rounds")]
pub(super) fn like(tensor: &Tensor, shape: Vec<usize>, values: Vec<f64>) -> Option<Tensor> {
    let data = match tensor.data() {
        TensorData::F64(_) => TensorData::F64(values),
        TensorData::F32(_)
        | TensorData::F16(_)
        | TensorData::Bf16(_)
        | TensorData::I64(_)
        | TensorData::I32(_)
        | TensorData::U32(_)
        | TensorData::U8(_)
        | TensorData::Bool(_) => {
            TensorData::F32(values.into_iter().map(|value| value as f32).collect())
        }
    };
    Tensor::new(shape, data)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub(super) fn count(size: usize) -> f64 {
    size as f64
}
