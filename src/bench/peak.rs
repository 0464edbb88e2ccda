//! What the machine can do at best: one large product of matrices on several threads.
//!
//! In: threads. Out: operations a second. Deliberately not here: what models reach.

use std::time::Instant;

use zorro_runtime::cpu::gemm::{MatrixMut, MatrixRef, PANEL_ROWS, multiply};

/// Rows of the result for each thread: several panels.
const ROWS: usize = 4 * PANEL_ROWS;
/// Columns of the result, and how many products are summed: the size of a large layer.
const SIDE: usize = 1024;
/// The best of so many is taken, for others may be using the machine.
const TIMES: usize = 8;

/// Operations a second: one for each multiplication and one for each addition.
pub(super) fn of_machine(threads: usize) -> f64 {
    let left = vec![0.5; threads * ROWS * SIDE];
    let right = vec![0.25; SIDE * SIDE];
    let mut sums = vec![0.0; threads * ROWS * SIDE];
    // The right operand with its rows next to each other, which is the fast layout.
    let right = MatrixRef::new(&right, SIDE, SIDE).transposed();
    let mut best = f64::INFINITY;
    for _ in 0..TIMES {
        let begin = Instant::now();
        std::thread::scope(|scope| {
            let parts = sums.chunks_mut(ROWS * SIDE).zip(left.chunks(ROWS * SIDE));
            for (sums, left) in parts {
                scope.spawn(move || {
                    let left = MatrixRef::new(left, ROWS, SIDE);
                    multiply(left, right, MatrixMut::new(sums, ROWS, SIDE), false);
                });
            }
        });
        best = best.min(begin.elapsed().as_secs_f64());
    }
    (2 * threads * ROWS * SIDE * SIDE) as f64 / best
}
