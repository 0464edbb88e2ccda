//! Rows of operands brought together. In: rows of a tensor, anywhere. Out: a dense copy of one head of them, as it is or
//! with owners as columns.
//!
//! Rows of a wide tensor lie in few sets of the first-level cache; a dense copy does not. Deliberately not here: which
//! rows.

use pulp::NullaryFnOnce;

use super::product::{ARCH, STEP};

/// One head of a tensor's rows.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    data: &'a [f32],
    /// Numbers a row.
    stride: usize,
    /// The head's first number.
    start: usize,
    /// The head's numbers.
    width: usize,
}

impl<'a> Head<'a> {
    pub(super) fn new(data: &'a [f32], heads: usize, width: usize, head: usize) -> Self {
        Self { data, stride: heads * width, start: head * width, width }
    }

    pub(super) fn row(self, row: usize) -> &'a [f32] {
        &self.data[row * self.stride + self.start..][..self.width]
    }

    /// Copies rows to `out[row, padded]`; what pads a row is zero.
    pub(super) fn copy(self, rows: impl Iterator<Item = usize>, padded: usize, out: &mut Vec<f32>) {
        out.clear();
        for row in rows {
            out.extend_from_slice(self.row(row));
            out.resize(out.len() + padded - self.width, 0.0);
        }
    }

    /// Copies rows times a factor to `out[width, lanes]`, a lane for each; further lanes are zero.
    pub(super) fn turn(
        self,
        rows: impl Iterator<Item = usize>,
        lanes: usize,
        factor: f32,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        out.resize(self.width * lanes, 0.0);
        let mut lines: [&[f32]; STEP] = [&[]; STEP];
        let mut at = 0;
        for row in rows {
            lines[at % STEP] = self.row(row);
            at += 1;
            if at.is_multiple_of(STEP) {
                ARCH.dispatch(Turn { lines, lanes, factor, out: &mut out[at - STEP..] });
            }
        }
        for (lane, line) in (at - at % STEP..at).zip(lines) {
            for (k, &x) in line.iter().enumerate() {
                out[k * lanes + lane] = x * factor;
            }
        }
    }
}

/// Lines of one length become columns, [`STEP`] at a time.
struct Turn<'a> {
    lines: [&'a [f32]; STEP],
    lanes: usize,
    factor: f32,
    out: &'a mut [f32],
}

impl NullaryFnOnce for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lines, lanes, factor, out } = self;
        let width = lines[0].len();
        let whole = width - width % 4;
        // By squares of four, which become shuffles; larger ones do not, and single numbers take twice as long.
        for start in (0..whole).step_by(4) {
            for i in (0..STEP).step_by(4) {
                let line = |i: usize| &lines[i][start..start + 4];
                let [a, b, c, d] = [line(i), line(i + 1), line(i + 2), line(i + 3)];
                for k in 0..4 {
                    let column = &mut out[(start + k) * lanes + i..][..4];
                    column.copy_from_slice(&[a[k], b[k], c[k], d[k]].map(|x| x * factor));
                }
            }
        }
        for k in whole..width {
            let column = &mut out[k * lanes..][..STEP];
            for i in 0..STEP {
                column[i] = lines[i][k] * factor;
            }
        }
    }
}
