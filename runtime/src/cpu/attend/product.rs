//! Small products for attention's tiles. In: a left operand whose numbers are used one by one, rows to be summed. Out:
//! weighted sums of those rows.
//!
//! A result is one chain of fused multiply-adds in the order of the depth, whatever the shape and the machine. The left
//! operand is read where it lies, in either order, and nothing is packed. On full tiles the GEMM crate is 5 to 12 % slower;
//! it cannot go on with a chain, and has other paths for one row. Deliberately not here: masks.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

/// Columns come in multiples of this, whatever the machine.
pub(super) const STEP: usize = 16;

pub(super) static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// The left operand, `[rows, depth]`.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// `data[row * stride + k]`.
    ByRow(&'a [f32], usize),
    /// `data[k * stride + row]`.
    ByDepth(&'a [f32], usize),
}

/// `out[rows, columns] = left[rows, depth] * right[depth, columns]`, dense right and out; if `resume`, the chains go on
/// from what stands in `out`.
pub(super) fn product(
    left: Left<'_>,
    shape: [usize; 3],
    right: &[f32],
    out: &mut [f32],
    resume: bool,
) {
    on(*ARCH, left, shape, right, out, resume);
}

/// The same with the instructions of an architecture that the machine has.
pub(super) fn on(
    arch: Arch,
    left: Left<'_>,
    [rows, depth, columns]: [usize; 3],
    right: &[f32],
    out: &mut [f32],
    resume: bool,
) {
    debug_assert!(columns.is_multiple_of(STEP), "columns are padded");
    let right = &right[..depth * columns];
    let out = &mut out[..rows * columns];
    match left {
        Left::ByRow(data, stride) => {
            arch.dispatch(Product::<true> { data, stride, depth, columns, right, out, resume });
        }
        Left::ByDepth(data, stride) => {
            arch.dispatch(Product::<false> { data, stride, depth, columns, right, out, resume });
        }
    }
}

struct Product<'a, const BY_ROW: bool> {
    data: &'a [f32],
    stride: usize,
    depth: usize,
    columns: usize,
    right: &'a [f32],
    out: &'a mut [f32],
    resume: bool,
}

impl<const BY_ROW: bool> WithSimd for Product<'_, BY_ROW> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = self.columns / S::F32_LANES;
        let mut vector = 0;
        // Six rows by four vectors fill 32 registers, six by two fill 16.
        while S::REGISTER_COUNT >= 32 && vectors - vector >= 4 {
            self.column_strip::<S, 6, 4>(simd, vector);
            vector += 4;
        }
        while vectors - vector >= 2 {
            self.column_strip::<S, 6, 2>(simd, vector);
            vector += 2;
        }
        while vectors - vector >= 1 {
            self.column_strip::<S, 12, 1>(simd, vector);
            vector += 1;
        }
    }
}

impl<const BY_ROW: bool> Product<'_, BY_ROW> {
    #[inline(always)]
    fn column_strip<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        vector: usize,
    ) {
        let (mut row, rows) = (0, self.out.len() / self.columns);
        let column = vector * S::F32_LANES;
        while rows - row >= ROWS {
            self.tile::<S, ROWS, VECTORS>(simd, row, column);
            row += ROWS;
        }
        while rows - row >= 2 {
            self.tile::<S, 2, VECTORS>(simd, row, column);
            row += 2;
        }
        if row < rows {
            self.tile::<S, 1, VECTORS>(simd, row, column);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
    ) {
        let width = VECTORS * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        if self.resume {
            for (r, sums) in sums.iter_mut().enumerate() {
                let line = &self.out[(row + r) * self.columns + column..][..width];
                let (line, _) = S::as_simd_f32s(line);
                sums.copy_from_slice(&line[..VECTORS]);
            }
        }
        let mut lines: [&[f32]; ROWS] = [&[]; ROWS];
        if BY_ROW {
            for (r, line) in lines.iter_mut().enumerate() {
                *line = &self.data[(row + r) * self.stride..][..self.depth];
            }
        }
        for (k, right) in self.right.chunks_exact(self.columns).enumerate() {
            let (right, _) = S::as_simd_f32s(&right[column..column + width]);
            let mut of_row = [0.0; ROWS];
            if BY_ROW {
                for r in 0..ROWS {
                    of_row[r] = lines[r][k];
                }
            } else {
                of_row.copy_from_slice(&self.data[k * self.stride + row..][..ROWS]);
            }
            for r in 0..ROWS {
                let factor = simd.splat_f32s(of_row[r]);
                for v in 0..VECTORS {
                    sums[r][v] = simd.mul_add_f32s(factor, right[v], sums[r][v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let line = &mut self.out[(row + r) * self.columns + column..][..width];
            let (line, _) = S::as_mut_simd_f32s(line);
            line[..VECTORS].copy_from_slice(sums);
        }
    }
}
