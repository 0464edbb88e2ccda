//! Windows against the construction of Swin (Liu et al., 2021, figure 4 and its code): pad the grid
//! to a multiple of the window, roll it by the shift, number the regions of the rolled grid, cut it
//! into windows, and let tokens of one window read each other where their regions are the same.

use crate::routing::{Relation, Windows};

/// A padded grid of some value, row-major.
struct Grid<T> {
    sizes: Vec<usize>,
    values: Vec<T>,
}

impl<T: Clone> Grid<T> {
    fn from_fn(sizes: &[usize], value: impl Fn(&[usize]) -> T) -> Self {
        let values = (0..sizes.iter().product()).map(|i| value(&unravel(sizes, i))).collect();
        Self { sizes: sizes.to_vec(), values }
    }

    fn get(&self, at: &[usize]) -> T {
        let index = at.iter().zip(&self.sizes).fold(0, |index, (at, size)| index * size + at);
        self.values[index].clone()
    }

    /// `torch.roll(x, shifts=-shift)`.
    fn roll_back(&self, shift: &[usize]) -> Self {
        Self::from_fn(&self.sizes, |at| {
            let from: Vec<usize> =
                (0..at.len()).map(|a| (at[a] + shift[a]) % self.sizes[a]).collect();
            self.get(&from)
        })
    }

    /// `window_partition`: the values of each window.
    fn partition(&self, window: &[usize]) -> Vec<Vec<T>> {
        let counts: Vec<usize> =
            self.sizes.iter().zip(window).map(|(size, window)| size / window).collect();
        let in_window = |i: usize| {
            let first = unravel(&counts, i);
            let offset = |j: usize| -> Vec<usize> {
                let offset = unravel(window, j);
                (0..window.len()).map(|a| first[a] * window[a] + offset[a]).collect()
            };
            (0..window.iter().product()).map(|j| self.get(&offset(j))).collect()
        };
        (0..counts.iter().product()).map(in_window).collect()
    }
}

fn unravel(sizes: &[usize], mut index: usize) -> Vec<usize> {
    let mut at = vec![0; sizes.len()];
    for axis in (0..sizes.len()).rev() {
        at[axis] = index % sizes[axis];
        index /= sizes[axis];
    }
    at
}

/// The number of the slice that a position falls in, of `slice(0, -window)`, `slice(-window, -shift)`
/// and `slice(-shift, None)`. Later slices overwrite earlier ones, and `-0` begins at the start.
fn region(position: usize, size: usize, window: usize, shift: usize) -> usize {
    let start = |back: usize| if back == 0 { 0 } else { size - back };
    let slices = [0..size - window, size - window..start(shift), start(shift)..size];
    slices.iter().rposition(|slice| slice.contains(&position)).expect("slices cover the axis")
}

/// `allow[query, key]` for all tokens of the grid, by Swin's construction.
fn swin(grid: &[usize], window: &[usize], shift: &[usize]) -> Vec<Vec<bool>> {
    let n_axes = grid.len();
    // `get_window_size`: where a window does not fit, it is the axis, and is not shifted.
    let fits = |a: usize| grid[a] > window[a];
    let shift: Vec<usize> = (0..n_axes).map(|a| if fits(a) { shift[a] } else { 0 }).collect();
    let window: Vec<usize> =
        (0..n_axes).map(|a| if fits(a) { window[a] } else { grid[a] }).collect();
    let padded: Vec<usize> = (0..n_axes).map(|a| grid[a].next_multiple_of(window[a])).collect();

    let is_token = |at: &[usize]| at.iter().zip(grid).all(|(at, n)| at < n);
    let index = |at: &[usize]| at.iter().zip(grid).fold(0, |index, (at, n)| index * n + at);
    let tokens = Grid::from_fn(&padded, |at| is_token(at).then(|| index(at)));
    let regions = Grid::from_fn(&padded, |at| {
        (0..n_axes).map(|a| region(at[a], padded[a], window[a], shift[a])).collect::<Vec<usize>>()
    });

    let n_tokens = grid.iter().product();
    let mut allow = vec![vec![false; n_tokens]; n_tokens];
    let windows = tokens.roll_back(&shift).partition(&window);
    for (tokens, regions) in windows.iter().zip(regions.partition(&window)) {
        let members: Vec<_> =
            tokens.iter().zip(&regions).filter_map(|(t, r)| t.map(|t| (t, r))).collect();
        for (query, query_region) in &members {
            for (key, key_region) in &members {
                allow[*query][*key] = query_region == key_region;
            }
        }
    }
    allow
}

fn check(grid: &[usize], window: &[usize], shift: &[usize]) {
    let expected = swin(grid, window, shift);
    let wide = |sizes: &[usize]| sizes.iter().map(|&size| size as u64).collect::<Vec<u64>>();
    let relation = Relation::Windows(Windows::shifted(wide(window), wide(shift)));
    let grid = wide(grid);
    for (query, row) in expected.iter().enumerate() {
        let intervals = relation.intervals(&grid, &grid, query as u64);
        for (key, &allowed) in row.iter().enumerate() {
            let key = key as u64;
            let label = || format!("{relation} on {grid:?}, query {query}, key {key}");
            assert_eq!(relation.allows(&grid, &grid, query as u64, key), allowed, "{}", label());
            assert_eq!(intervals.iter().any(|i| i.contains(&key)), allowed, "{}", label());
        }
    }
}

#[test]
fn one_dimension() {
    for n in 1..=17 {
        for window in 1..=9 {
            (0..window).for_each(|shift| check(&[n], &[window], &[shift]));
        }
    }
}

#[test]
fn grids_that_divide() {
    check(&[8, 8], &[4, 4], &[2, 2]);
    check(&[8, 12], &[4, 4], &[1, 3]);
    check(&[6, 8], &[3, 2], &[0, 1]);
    check(&[6, 4], &[3, 4], &[1, 2]);
    check(&[4, 6, 4], &[2, 3, 2], &[1, 1, 1]);
    check(&[4, 6, 4], &[2, 3, 2], &[0, 2, 1]);
    check(&[2, 6, 4], &[2, 3, 4], &[1, 1, 3]);
}

#[test]
fn grids_that_do_not_divide() {
    check(&[9, 7], &[4, 4], &[2, 2]);
    check(&[10, 11], &[7, 7], &[3, 3]);
    check(&[5, 13], &[3, 4], &[0, 3]);
    check(&[3, 13], &[7, 5], &[3, 1]);
    check(&[5, 7, 4], &[2, 3, 3], &[1, 1, 2]);
    check(&[3, 5, 7], &[8, 2, 4], &[4, 1, 2]);
}
