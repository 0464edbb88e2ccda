//! Matrix products. In: strided views of numbers. Out: `c[m, n] = sum over k of a[m, k] * b[n, k]`, or `c +=` that.
//!
//! The contract is invariance: the bits of `c[m, n]` depend on row `m` of `a`, row `n` of `b`, and for `accumulate` on
//! what stood there, and on nothing else: not on how many rows or columns there are, where in them the two stand, how
//! they lie in memory, nor on the caches of the machine. So callers may cut rows and columns as they like, for threads
//! too. The definition, held bit for bit by tests where the machine has fused multiply-add:
//!
//! - `k` is cut into chunks of [`DEPTH`], from the front;
//! - a chunk's sum starts at zero and takes its products one by one, in order, each fused into the sum;
//! - the chunks' sums are added in order, to `c` where that is asked for.
//!
//! It follows that cutting `k` does change bits. Whoever accumulates over rows of tokens (`c += a^T b`, the gradient of
//! a weight) must choose the chunks from the data alone, never from the number of threads, and add them in order;
//! threads then share the rows of `c`. Chunks of 128 rows cost nothing against 512.
//!
//! The crate `gemm` does the work. Left alone it sums in other orders for one row, one column, `k` below 3, and few
//! results of operands that both have `k` contiguous, and takes its chunks of `k` from the shape and from the sizes of
//! the caches. None of these is ever reached from here: see `Plan`. The tests would see it if a new version of the
//! crate had a further path.
//!
//! Speed: `b` with its *rows* contiguous (`row_stride` 1; a weight `[N, K]` laid out as `[K, N]`) is the fast layout,
//! and the natural one of a weight in the product that leads back to the gradient of its input. The other is repacked
//! in each call, which with 126 rows of `a` takes a sixth of the time, and more than half where the row stride of `b`
//! is a multiple of 4 KiB. [`transpose`] once per weight and step.
//!
//! Deliberately not here: threads, and any choice by size that could change a bit.

mod view;

#[cfg(test)]
mod tests;

pub use view::{MatrixMut, MatrixRef};

/// How many products of a row and a column are summed in one go. The crate cuts longer sums where the caches say;
/// up to here it never does.
pub const DEPTH: usize = 512;

/// How many rows of `a` a caller that cuts rows into panels should put into one call. A multiple of the 6 rows that
/// the inner kernel takes (4 without AVX-512). Measured with `b` in its fast layout: 126 rows reach 94 % of what 992
/// in one go do, 252 reach 97 %, 64 reach 88 %. Where the panel need not stay in the second-level cache between what
/// fills it and what reads it, twice as many rows are better.
pub const PANEL_ROWS: usize = 126;

/// The side of the tiles of a transposition: the numbers of a cache line.
const TILE: usize = 16;

/// Fewer rows or columns than this send the crate to its vector paths.
const LEAST_SIDE: usize = 2;
/// A shorter `k` than this sends it to its outer-product path.
const LEAST_DEPTH: usize = 3;
/// Up to so many results it takes dot products, where both operands have `k` contiguous.
const FEW_RESULTS: usize = 256;

/// `c[m, n] = sum over k of a[m, k] * b[n, k]`, added to `c` if `accumulate`. On the calling thread.
///
/// `a` is `[M, K]`, `b` is `[N, K]`, `c` is `[M, N]`; other products are views: `b.transposed()` and so on. With
/// `K = 0` the sum is zero.
///
/// # Panics
///
/// If the shapes do not fit together.
pub fn multiply(a: MatrixRef<'_>, b: MatrixRef<'_>, mut c: MatrixMut<'_>, accumulate: bool) {
    assert_eq!(a.columns(), b.columns(), "the operands of a product have one depth");
    assert_eq!(a.rows(), c.rows(), "a product has the rows of its left operand");
    assert_eq!(b.rows(), c.columns(), "a product has a column for each row of its right operand");
    if c.is_empty() {
        return;
    }
    let depth = a.columns();
    if depth == 0 && !accumulate {
        c.fill(0.0);
    }
    let mut start = 0;
    while start < depth {
        let end = depth.min(start + DEPTH);
        let plan = Plan::new(a.column_range(start, end), b.column_range(start, end));
        plan.run(&mut c, accumulate || start > 0);
        start = end;
    }
}

/// Writes `input` `[R, C]` to `output` as a dense `[C, R]`.
///
/// # Panics
///
/// If `output` is not of `R * C` numbers.
pub fn transpose(input: MatrixRef<'_>, output: &mut [f32]) {
    let (rows, columns) = (input.rows(), input.columns());
    assert_eq!(
        Some(output.len()),
        rows.checked_mul(columns),
        "a transpose has as many numbers as the matrix"
    );
    // By tiles of one cache line a row, each line read and written once and whole: rows that lie a multiple of 4 KiB
    // apart share a place in the first-level cache, and few of them fit it at a time.
    for top in (0..rows).step_by(TILE) {
        let height = TILE.min(rows - top);
        for left in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - left);
            let mut tile = [[0.0; TILE]; TILE];
            (0..height)
                .for_each(|i| input.read(top + i, left, width, |j, value| tile[j][i] = value));
            for (j, line) in tile[..width].iter().enumerate() {
                let start = (left + j) * rows + top;
                output[start..start + height].copy_from_slice(&line[..height]);
            }
        }
    }
}

/// One chunk of a product, with what must be copied so that the crate takes its one regular path.
struct Plan<'a> {
    a: MatrixRef<'a>,
    b: MatrixRef<'a>,
    copy_a: bool,
    copy_b: bool,
}

impl<'a> Plan<'a> {
    fn new(a: MatrixRef<'a>, b: MatrixRef<'a>) -> Self {
        let shallow = a.columns() < LEAST_DEPTH;
        let mut copy_a = shallow || a.rows() < LEAST_SIDE;
        let mut copy_b = shallow || b.rows() < LEAST_SIDE;
        // A copy has `k` strided, which is all that it takes to stay clear of dot products; the smaller one does.
        let few = a.rows().saturating_mul(b.rows()) <= FEW_RESULTS;
        if few && !copy_a && !copy_b && a.column_stride() == 1 && b.column_stride() == 1 {
            copy_a = a.rows() <= b.rows();
            copy_b = !copy_a;
        }
        Self { a, b, copy_a, copy_b }
    }

    fn run(self, c: &mut MatrixMut<'_>, accumulate: bool) {
        let (mut a_copy, mut b_copy) = (Vec::new(), Vec::new());
        let a = if self.copy_a { strided_copy(self.a, &mut a_copy) } else { self.a };
        let b = if self.copy_b { strided_copy(self.b, &mut b_copy) } else { self.b };
        if (a.rows(), b.rows()) == (c.rows(), c.columns()) {
            return regular(a, b, c, accumulate);
        }
        let mut padded = vec![0.0; a.rows() * b.rows()];
        regular(a, b, &mut MatrixMut::new(&mut padded, a.rows(), b.rows()), false);
        let padded = MatrixRef::new(&padded, a.rows(), b.rows());
        for row in 0..c.rows() {
            for column in 0..c.columns() {
                let sum = padded.at(row, column);
                let place = c.at(row, column);
                *place = if accumulate { *place + sum } else { sum };
            }
        }
    }
}

/// The matrix with its columns contiguous, and with rows and columns of zeros up to the least sides. A product with
/// zero changes no sum, for sums start at plus zero.
fn strided_copy<'a>(matrix: MatrixRef<'_>, copy: &'a mut Vec<f32>) -> MatrixRef<'a> {
    let rows = matrix.rows().max(LEAST_SIDE);
    let columns = matrix.columns().max(LEAST_DEPTH);
    copy.resize(rows * columns, 0.0);
    for row in 0..matrix.rows() {
        for column in 0..matrix.columns() {
            copy[column * rows + row] = matrix.at(row, column);
        }
    }
    MatrixRef::new(copy, columns, rows).transposed()
}

/// The product where both sides are at least 2, `k` is from 3 to [`DEPTH`], and not all is small and contiguous.
#[expect(
    unsafe_code,
    reason = "the crate `gemm` has no safe entry; what it requires is checked by the two views"
)]
fn regular(a: MatrixRef<'_>, b: MatrixRef<'_>, c: &mut MatrixMut<'_>, accumulate: bool) {
    let (rows, columns, depth) = (a.rows(), b.rows(), a.columns());
    assert!(rows >= LEAST_SIDE && columns >= LEAST_SIDE && (LEAST_DEPTH..=DEPTH).contains(&depth));
    assert!((rows, columns, depth) == (c.rows(), c.columns(), b.columns()));
    let signed = |stride: usize| {
        isize::try_from(stride).expect("a stride of a side of 2 or more is below its slice")
    };
    // SAFETY: the shapes agree (asserted above). The constructors of the views have checked that every element
    // `(row, column)` within the shape lies in the borrowed slice, and for `c` that no two elements share a place.
    // `a` and `b` are borrowed shared and `c` uniquely, so they do not overlap. Every side is at least 2, so every
    // stride is at most the length of its slice, and no offset overflows.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            c.as_mut_ptr(),
            signed(c.column_stride()),
            signed(c.row_stride()),
            accumulate,
            a.as_ptr(),
            signed(a.column_stride()),
            signed(a.row_stride()),
            b.as_ptr(),
            signed(b.row_stride()),
            signed(b.column_stride()),
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
