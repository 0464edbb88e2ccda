//! Products are chains of fused multiply-adds, on every architecture that the machine has.

use pulp::Arch;

use super::{bits, noise};
use crate::cpu::attend::product::{Left, on};

fn architectures() -> Vec<Arch> {
    let mut architectures = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    architectures.extend(pulp::x86::V3::try_new().map(Arch::V3));
    architectures
}

fn check([rows, depth, columns]: [usize; 3], resume: bool) {
    let numbers = |name, length| -> Vec<f32> { (0..length).map(|at| noise(name, at)).collect() };
    let (left, right) = (numbers("left", rows * depth), numbers("right", depth * columns));
    let start = numbers("out", rows * columns);
    let turned: Vec<f32> =
        (0..rows * depth).map(|at| left[at % rows * depth + at / rows]).collect();
    let exact: Vec<f32> = (0..rows * columns)
        .map(|at| {
            let (row, column) = (at / columns, at % columns);
            let first = if resume { start[at] } else { 0.0 };
            (0..depth).fold(first, |sum, k| {
                left[row * depth + k].mul_add(right[k * columns + column], sum)
            })
        })
        .collect();
    for arch in architectures() {
        for left in [Left::ByRow(&left, depth), Left::ByDepth(&turned, rows)] {
            let mut out = start.clone();
            on(arch, left, [rows, depth, columns], &right, &mut out, resume);
            let shape = [rows, depth, columns];
            assert_eq!(bits(&out), bits(&exact), "{shape:?} on {arch:?}, resume {resume}");
        }
    }
}

#[test]
fn chains() {
    for rows in [1, 2, 3, 5, 6, 7, 12, 13, 19, 64] {
        for depth in [1, 2, 17, 64] {
            for columns in [16, 32, 48, 64, 80, 112] {
                check([rows, depth, columns], false);
                check([rows, depth, columns], true);
            }
        }
    }
}
