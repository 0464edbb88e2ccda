//! The contract of products: their definition bit for bit, one row the same in every company, views, slips.

use std::panic::catch_unwind;

use super::*;

/// Numbers from -1 to 1 with all bits in use.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Whether products are fused in this machine's path through the crate.
fn fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// The definition, one result at a time.
fn defined(a: MatrixRef<'_>, b: MatrixRef<'_>, start: Option<&[f32]>) -> Vec<f32> {
    let mut results = Vec::new();
    for m in 0..a.rows() {
        for n in 0..b.rows() {
            let mut result = start.map(|start| start[m * b.rows() + n]);
            for chunk in (0..a.columns()).collect::<Vec<_>>().chunks(DEPTH) {
                let mut sum = 0.0_f32;
                for &k in chunk {
                    sum = if fused() {
                        a.at(m, k).mul_add(b.at(n, k), sum)
                    } else {
                        a.at(m, k) * b.at(n, k) + sum
                    };
                }
                result = Some(result.map_or(sum, |result| result + sum));
            }
            results.push(result.unwrap_or(0.0));
        }
    }
    results
}

/// All four layouts of the operands, both of the result, with and without what stood there.
#[track_caller]
fn check_definition(m: usize, n: usize, k: usize) {
    let (a, b, start) = (noise(m * k, 1), noise(n * k, 2), noise(m * n, 3));
    let transposed = |data: &[f32], rows: usize| {
        let mut output = vec![0.0; data.len()];
        transpose(MatrixRef::new(data, rows, k), &mut output);
        output
    };
    let (a_flat, b_flat) = (transposed(&a, m), transposed(&b, n));
    let a_views = [MatrixRef::new(&a, m, k), MatrixRef::new(&a_flat, k, m).transposed()];
    let b_views = [MatrixRef::new(&b, n, k), MatrixRef::new(&b_flat, k, n).transposed()];
    for accumulate in [false, true] {
        let expected = bits(&defined(a_views[0], b_views[0], accumulate.then_some(&start)));
        for (a, b) in a_views.iter().flat_map(|a| b_views.iter().map(move |b| (*a, *b))) {
            let mut c = start.clone();
            multiply(a, b, MatrixMut::new(&mut c, m, n), accumulate);
            assert!(bits(&c) == expected, "{m} x {n} x {k}, accumulate {accumulate}, {a:?}, {b:?}");
            // Every other number of a wider column-major matrix; the rest is left alone.
            let mut c = vec![9.0; 2 * m * n];
            (0..m * n).for_each(|i| c[(i % n) * 2 * m + (i / n) * 2] = start[i]);
            multiply(a, b, MatrixMut::strided(&mut c, m, n, 2, 2 * m), accumulate);
            let inside: Vec<f32> = (0..m * n).map(|i| c[(i % n) * 2 * m + (i / n) * 2]).collect();
            assert!(bits(&inside) == expected, "strided {m} x {n} x {k}, accumulate {accumulate}");
            assert!(c.iter().skip(1).step_by(2).all(|&x| x == 9.0));
        }
    }
}

#[test]
fn a_product_is_its_definition_bit_for_bit() {
    for m in [1, 2, 3, 6, 7, 16, 17, 48, 65] {
        for n in [1, 2, 3, 17, 48, 65] {
            for k in [0, 1, 2, 3, 4, 17, 48, 65, 129] {
                check_definition(m, n, k);
            }
        }
    }
    for (m, n, k) in
        [(1, 5, 513), (3, 1, 514), (16, 16, 515), (70, 70, 1030), (64, 64, 784), (5, 200, 1537)]
    {
        check_definition(m, n, k);
    }
    // Wide enough for every path that packs or blocks: rows and columns beyond the crate's thresholds.
    check_definition(130, 1100, 20);
    check_definition(1100, 130, 20);
}

#[test]
fn a_row_has_the_same_bits_in_every_company() {
    for (n, k) in [
        (192, 192),
        (768, 65),
        (65, 768),
        (1, 48),
        (3, 17),
        (17, 65),
        (48, 1000),
        (64, 784),
        (65, 1),
        (5, 2),
    ] {
        check_company(n, k, 200);
    }
    check_company(768, 768, 200);
}

/// Every count of rows up to `most`, each at another place, against one product of them all.
#[track_caller]
fn check_company(n: usize, k: usize, most: usize) {
    let (a, b) = (noise(most * k, 1), noise(n * k, 2));
    let mut b_flat = vec![0.0; n * k];
    transpose(MatrixRef::new(&b, n, k), &mut b_flat);
    let a = MatrixRef::new(&a, most, k);
    let mut all = vec![0.0; most * n];
    multiply(a, MatrixRef::new(&b, n, k), MatrixMut::new(&mut all, most, n), false);
    for b in [MatrixRef::new(&b, n, k), MatrixRef::new(&b_flat, k, n).transposed()] {
        for m in 1..=most {
            let first = (m * 7) % (most - m + 1);
            let mut c = vec![0.0; m * n];
            multiply(a.row_range(first..first + m), b, MatrixMut::new(&mut c, m, n), false);
            assert!(
                bits(&c) == bits(&all[first * n..(first + m) * n]),
                "{m} rows from {first}, {n} x {k}"
            );
        }
        for columns in 1..=n.min(70) {
            let first = (columns * 11) % (n - columns + 1);
            let mut c = vec![0.0; most * columns];
            multiply(
                a,
                b.row_range(first..first + columns),
                MatrixMut::new(&mut c, most, columns),
                false,
            );
            let cut = |row: &[f32]| bits(&row[first..first + columns]);
            let expected: Vec<u32> = all.chunks(n).flat_map(cut).collect();
            assert!(bits(&c) == expected, "{columns} columns from {first}, {n} x {k}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let (m, n, k) = (210, 96, 600);
    let (a, b) = (noise(m * k, 1), noise(n * k, 2));
    let (a, b) = (MatrixRef::new(&a, m, k), MatrixRef::new(&b, n, k));
    let mut alone = vec![0.0; m * n];
    multiply(a, b, MatrixMut::new(&mut alone, m, n), false);
    for rows in [1, 5, 64, PANEL_ROWS, 209] {
        let mut together = vec![0.0; m * n];
        std::thread::scope(|scope| {
            for (i, c) in together.chunks_mut(rows * n).enumerate() {
                scope.spawn(move || {
                    let count = c.len() / n;
                    multiply(
                        a.row_range(i * rows..i * rows + count),
                        b,
                        MatrixMut::new(c, count, n),
                        false,
                    );
                });
            }
        });
        assert!(bits(&together) == bits(&alone), "panels of {rows}");
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row_and_column() {
    for (m, n, k) in [(1, 1, 1), (1, 5, 2), (7, 1, 3), (16, 16, 20), (67, 70, 33)] {
        let (mut a, b) = (noise(m * k, 1), noise(n * k, 2));
        a[(m - 1) * k] = f32::NAN;
        let mut c = vec![0.0; m * n];
        multiply(
            MatrixRef::new(&a, m, k),
            MatrixRef::new(&b, n, k),
            MatrixMut::new(&mut c, m, n),
            false,
        );
        assert!(c[..(m - 1) * n].iter().all(|x| x.is_finite()));
        assert!(c[(m - 1) * n..].iter().all(|x| x.is_nan()));
        // What stood in the result is not read.
        c.fill(f32::NAN);
        a[(m - 1) * k] = 0.0;
        multiply(
            MatrixRef::new(&a, m, k),
            MatrixRef::new(&b, n, k),
            MatrixMut::new(&mut c, m, n),
            false,
        );
        assert!(c.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn nothing_and_hardly_anything() {
    let mut c = [5.0; 6];
    multiply(
        MatrixRef::new(&[], 2, 0),
        MatrixRef::new(&[], 3, 0),
        MatrixMut::new(&mut c, 2, 3),
        true,
    );
    assert_eq!(c, [5.0; 6]);
    multiply(
        MatrixRef::new(&[], 2, 0),
        MatrixRef::new(&[], 3, 0),
        MatrixMut::new(&mut c, 2, 3),
        false,
    );
    assert_eq!(c, [0.0; 6]);
    multiply(
        MatrixRef::new(&[], 0, 4),
        MatrixRef::new(&[1.0; 12], 3, 4),
        MatrixMut::new(&mut [], 0, 3),
        false,
    );
    multiply(
        MatrixRef::new(&[1.0; 8], 2, 4),
        MatrixRef::new(&[], 0, 4),
        MatrixMut::new(&mut [], 2, 0),
        false,
    );
    // Strides that are never taken may be anything; a stride of 0 repeats.
    let huge = usize::MAX;
    let a = MatrixRef::strided(&[2.0], 1, 1, huge, huge);
    multiply(a, a, MatrixMut::strided(&mut c, 1, 1, huge, huge), false);
    assert_eq!(c[0], 4.0);
    let ones = MatrixRef::strided(&[1.0], 2, 10, 0, 0);
    multiply(ones, MatrixRef::strided(&[1.0], 3, 10, 0, 0), MatrixMut::new(&mut c, 2, 3), false);
    assert_eq!(c, [10.0; 6]);
    assert_eq!(MatrixRef::strided(&[], huge, 0, huge, huge).row_range(7..huge).rows(), huge - 7);
}

/// A square of 2 by six numbers in this shape, into a square of 2.
fn square_by_six(rows: usize, columns: usize) {
    let (a, b) = ([0.0; 4], [0.0; 6]);
    let (a, b) = (MatrixRef::new(&a, 2, 2), MatrixRef::new(&b, rows, columns));
    multiply(a, b, MatrixMut::new(&mut [0.0; 4], 2, 2), false);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused: &[fn()] = &[
        || _ = MatrixRef::new(&[0.0; 5], 2, 3),
        || _ = MatrixRef::strided(&[0.0; 5], 2, 2, usize::MAX, 1),
        || _ = MatrixRef::strided(&[0.0; 5], 3, 2, usize::MAX / 2 + 1, 1),
        || _ = MatrixRef::strided(&[0.0; 5], usize::MAX, usize::MAX, 1, 1),
        || _ = MatrixRef::new(&[0.0; 6], 2, 3).row_range(1..3),
        || _ = MatrixMut::new(&mut [0.0; 5], 2, 3),
        || _ = MatrixMut::strided(&mut [0.0; 9], 2, 3, 0, 1),
        || _ = MatrixMut::strided(&mut [0.0; 9], 2, 3, 2, 1),
        || _ = MatrixMut::strided(&mut [0.0; 9], 2, 3, 1, 1),
        || square_by_six(2, 3),
        || square_by_six(3, 2),
        || transpose(MatrixRef::new(&[0.0; 4], 2, 2), &mut [0.0; 5]),
    ];
    for (i, refused) in refused.iter().enumerate() {
        assert!(catch_unwind(refused).is_err(), "case {i} went through");
    }
}
