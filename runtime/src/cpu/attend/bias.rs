//! Where in the table of score biases a pair of tokens stands. In: the window, coordinates. Out: positions.
//!
//! A position is linear in the coordinates of both tokens, so that it is the query's term minus the key's. Deliberately
//! not here: which pairs are allowed; forbidden ones may have no position.

/// The terms of positions within a window.
pub(super) struct Positions {
    /// Positions per step on each axis.
    strides: Vec<isize>,
    /// Position of equal coordinates.
    center: isize,
}

impl Positions {
    pub(super) fn new(window: &[usize]) -> Self {
        let signed = |size: usize| isize::try_from(size).expect("a table of biases fits in memory");
        let mut strides = vec![1; window.len()];
        for axis in (1..window.len()).rev() {
            strides[axis - 1] = strides[axis] * signed(2 * window[axis] - 1);
        }
        let center = strides.iter().zip(window).map(|(stride, size)| stride * signed(size - 1));
        Self { center: center.sum(), strides }
    }

    /// The term of a token of a grid.
    pub(super) fn term(&self, grid: &[u64], token: u32) -> isize {
        let (mut rest, mut term) = (u64::from(token), 0);
        for (size, stride) in grid.iter().zip(&self.strides).rev() {
            let coordinate = isize::try_from(rest % size).expect("coordinates are 32 bits");
            term += coordinate * stride;
            rest /= size;
        }
        term
    }

    /// The position of a query's and a key's term, which must lie in one window.
    pub(super) fn position(&self, query: isize, key: isize) -> usize {
        usize::try_from(query - key + self.center).expect("both tokens lie in one window")
    }
}
