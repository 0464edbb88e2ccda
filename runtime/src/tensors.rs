//! Tensors by name, and the files that hold them.
//!
//! In: `.safetensors` files, or numbers. Out: the same, and tensors cut, joined and reordered. Numbers keep the type
//! that their file gives them until somebody asks for [`Tensor::to_f32`]. Deliberately not here: arithmetic, and
//! mapping files into memory, which needs `unsafe`.

mod data;
mod file;
mod layout;
mod shards;

use std::collections::BTreeMap;

pub use data::TensorData;
pub use file::TensorsError;

/// Numbers with a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// A tensor of these sizes; `None` where the sizes do not multiply to the length of the data.
    #[must_use]
    pub fn new(shape: Vec<usize>, data: TensorData) -> Option<Self> {
        let numbers = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
        (numbers == data.len()).then_some(Self { shape, data })
    }

    /// The sizes; empty for a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    #[must_use]
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The same numbers as `f32`: half precision is widened, double rounded, integers converted.
    #[must_use]
    pub fn to_f32(&self) -> Self {
        Self { shape: self.shape.clone(), data: TensorData::F32(self.data.to_f32()) }
    }

    /// The same numbers in half precision, rounded to the nearest.
    #[must_use]
    pub fn to_f16(&self) -> Self {
        Self { shape: self.shape.clone(), data: self.data.to_f16() }
    }

    /// The same numbers with the upper half of single precision, rounded to the nearest.
    #[must_use]
    pub fn to_bf16(&self) -> Self {
        Self { shape: self.shape.clone(), data: self.data.to_bf16() }
    }

    /// Whether shape, type and every bit agree, so that NaN equals itself and 0 is not -0.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data.same_bits(&other.data)
    }

    /// Class numbers `[..]` as distributions `[.., classes]`: 1 at the class, else 0. `None` where they are no
    /// integers, or one is not a class.
    #[must_use]
    pub fn one_hot(&self, classes: usize) -> Option<Self> {
        let labels = self.data.to_integers()?;
        let mut hot = vec![0.0; labels.len().checked_mul(classes)?];
        for (row, label) in labels.iter().enumerate() {
            let label = usize::try_from(*label).ok().filter(|label| *label < classes)?;
            hot[row * classes + label] = 1.0;
        }
        let shape = self.shape.iter().copied().chain([classes]).collect();
        Some(Self { shape, data: TensorData::F32(hot) })
    }
}

/// Tensors in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensors {
    by_name: BTreeMap<String, Tensor>,
}

impl Tensors {
    /// No tensors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tensor of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.by_name.get(name)
    }

    /// Adds a tensor; the one that had the name before is handed back.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.by_name.insert(name.into(), tensor)
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.by_name.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The tensors whose names begin so, under the rest of their names.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        self.iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor.clone())))
            .collect()
    }

    /// All of them as `f32`; see [`Tensor::to_f32`].
    #[must_use]
    pub fn to_f32(&self) -> Self {
        self.iter().map(|(name, tensor)| (name, tensor.to_f32())).collect()
    }
}

impl Extend<(String, Tensor)> for Tensors {
    fn extend<I: IntoIterator<Item = (String, Tensor)>>(&mut self, tensors: I) {
        self.by_name.extend(tensors);
    }
}

impl IntoIterator for Tensors {
    type Item = (String, Tensor);
    type IntoIter = std::collections::btree_map::IntoIter<String, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_name.into_iter()
    }
}

impl<S: Into<String>> FromIterator<(S, Tensor)> for Tensors {
    fn from_iter<I: IntoIterator<Item = (S, Tensor)>>(tensors: I) -> Self {
        let named = tensors.into_iter().map(|(name, tensor)| (name.into(), tensor));
        Self { by_name: named.collect() }
    }
}

#[cfg(test)]
mod tests;
