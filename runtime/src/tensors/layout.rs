//! Tensors cut, joined and reordered, whatever the type of their numbers.
//!
//! In and out: tensors. Deliberately not here: what these are for, which is `names`.

use super::Tensor;

impl Tensor {
    /// The same numbers under other sizes; `None` where there are not as many.
    #[must_use]
    pub fn reshape(self, shape: Vec<usize>) -> Option<Self> {
        Self::new(shape, self.data)
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this. `None` where `order` does not
    /// have every axis once.
    #[must_use]
    pub fn permute(&self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if sorted != (0..self.shape.len()).collect::<Vec<_>>() {
            return None;
        }
        let from = strides(&self.shape);
        let shape: Vec<usize> = order.iter().map(|axis| self.shape[*axis]).collect();
        if sorted == order {
            return Some(self.clone());
        }
        let steps: Vec<usize> = order.iter().map(|axis| from[*axis]).collect();
        let mut places = vec![0];
        for (size, step) in shape.iter().zip(&steps) {
            places = places.iter().flat_map(|at| (0..*size).map(move |i| at + i * step)).collect();
        }
        Some(Self { shape, data: self.data.gather(&places) })
    }

    /// The part from `start` of length `length` along an axis; `None` where there is no such part.
    #[must_use]
    pub fn slice(&self, axis: usize, start: usize, length: usize) -> Option<Self> {
        let size = *self.shape.get(axis)?;
        let end = start.checked_add(length).filter(|end| *end <= size)?;
        let outer: usize = self.shape[..axis].iter().product();
        let inner: usize = self.shape[axis + 1..].iter().product();
        let rows = (0..outer).map(|row| row * size);
        let places: Vec<usize> =
            rows.flat_map(|row| (row + start) * inner..(row + end) * inner).collect();
        let mut shape = self.shape.clone();
        shape[axis] = length;
        Some(Self { shape, data: self.data.gather(&places) })
    }

    /// Tensors after one another along an axis; `None` where types or other sizes differ, or there are none.
    #[must_use]
    pub fn concat(parts: &[Self], axis: usize) -> Option<Self> {
        let first = parts.first()?;
        let mut shape = first.shape.clone();
        *shape.get_mut(axis)? = 0;
        let mut data = first.data.gather(&[]);
        let mut starts = Vec::new();
        for part in parts {
            let same = |(i, size): (usize, &usize)| i == axis || first.shape.get(i) == Some(size);
            if part.shape.len() != shape.len() || !part.shape.iter().enumerate().all(same) {
                return None;
            }
            shape[axis] += part.shape[axis];
            starts.push(data.len());
            if !data.append(&part.data) {
                return None;
            }
        }
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let mut places = Vec::with_capacity(data.len());
        for row in 0..outer {
            for (part, start) in parts.iter().zip(&starts) {
                let length = part.shape[axis] * inner;
                places.extend(start + row * length..start + (row + 1) * length);
            }
        }
        Some(Self { shape, data: data.gather(&places) })
    }
}

/// How far apart neighbors along each axis are.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}
