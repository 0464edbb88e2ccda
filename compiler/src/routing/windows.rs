//! Windows on a grid, with Swin's cyclic shift.
//!
//! In: window sizes and shifts, in tokens per axis. Out: the cell of a coordinate, as a range of
//! coordinates. Deliberately not here: rolled or padded grids. Rolling by the shift and masking what
//! wrapped around leaves, per axis, one first cell of `shift` tokens and cells of `size` tokens
//! after it; tests hold this to the original construction.

use std::fmt;
use std::ops::Range;

use super::relation::{grid_text, plural};

/// Tokens of one grid read those in their own window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windows {
    /// Tokens per window on each axis, at least 1.
    pub size: Vec<u64>,
    /// Cyclic shift on each axis, less than the size there.
    pub shift: Vec<u64>,
}

impl Windows {
    /// Windows that are not shifted.
    pub fn new(size: Vec<u64>) -> Self {
        let shift = vec![0; size.len()];
        Self { size, shift }
    }

    /// Windows shifted by so many tokens on each axis.
    pub fn shifted(size: Vec<u64>, shift: Vec<u64>) -> Self {
        Self { size, shift }
    }

    /// Why the windows do not fit these grids.
    pub(super) fn fit(&self, query: &[u64], key: &[u64]) -> Result<(), String> {
        let n_axes = self.size.len();
        if !(1..=3).contains(&n_axes) {
            return Err(format!("`{self}` has {}, not 1 to 3", plural(n_axes, "dimension")));
        }
        if self.shift.len() != n_axes {
            let n_shifts = plural(self.shift.len(), "dimension");
            return Err(format!(
                "`{self}` has {} and a shift of {n_shifts}",
                plural(n_axes, "dimension")
            ));
        }
        if self.size.contains(&0) {
            return Err(format!("`{self}` has a window of size 0"));
        }
        if let Some((size, shift)) = self.axes().find(|(size, shift)| shift >= size) {
            return Err(format!("`{self}` shifts by {shift}, not less than its window of {size}"));
        }
        for (side, grid) in [("query", query), ("key", key)] {
            if grid.len() != n_axes {
                return Err(format!(
                    "`{self}` has {}, the grid of the {side} is {}-D ({})",
                    plural(n_axes, "dimension"),
                    grid.len(),
                    grid_text(grid)
                ));
            }
        }
        if query != key {
            let (query, key) = (grid_text(query), grid_text(key));
            return Err(format!(
                "`{self}` needs equal grids, the query has {query}, the key {key}"
            ));
        }
        Ok(())
    }

    /// The predicate, as kernels compute it: by the number of the cell.
    pub(super) fn allows(&self, grid: &[u64], query: u64, key: u64) -> bool {
        let (mut query, mut key) = (query, key);
        for ((size, shift), &n) in self.axes().zip(grid).rev() {
            let cell = |coordinate: u64| match (n <= size, shift) {
                (true, _) => 0,
                (false, 0) => coordinate / size,
                (false, shift) => (coordinate + size - shift) / size,
            };
            if cell(query % n) != cell(key % n) {
                return false;
            }
            query /= n;
            key /= n;
        }
        true
    }

    /// The coordinates that share a cell with `coordinate` on an axis of `n` tokens.
    pub(super) fn span(&self, axis: usize, n: u64, coordinate: u64) -> Range<u64> {
        let (size, shift) = (self.size[axis], self.shift[axis]);
        if n <= size {
            0..n
        } else if coordinate < shift {
            0..shift
        } else {
            let start = coordinate - (coordinate - shift) % size;
            start..n.min(start + size)
        }
    }

    /// The sum over an axis's cells of the square of their tokens: allowed pairs on that axis.
    pub(super) fn square_sum(&self, axis: usize, n: u64) -> u128 {
        let (size, shift) = (self.size[axis], self.shift[axis]);
        if n <= size {
            return square(n);
        }
        let rest = n - shift;
        square(shift) + u128::from(rest / size) * square(size) + square(rest % size)
    }

    fn axes(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + ExactSizeIterator {
        self.size.iter().copied().zip(self.shift.iter().copied())
    }
}

fn square(n: u64) -> u128 {
    u128::from(n) * u128::from(n)
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "windows({:?}", self.size)?;
        if self.shift.iter().any(|&shift| shift > 0) {
            write!(f, ", shift: {:?}", self.shift)?;
        }
        write!(f, ")")
    }
}
