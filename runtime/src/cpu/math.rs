//! Functions over strips of numbers. In: slices of one length. Out: a slice of that length, or one number.
//!
//! The loops are plain Rust over the formulas of `elementary.rs`, compiled several times, for AVX-512, AVX2, NEON and
//! plain machines; the best that the machine has is chosen once for a strip, not for an element. Every operation in
//! them is one that IEEE 754 rounds exactly (sums, products, quotients, roots, fused multiply-add), and sums run in a
//! fixed number of lanes, so the bits are the same everywhere. Without fused multiply-add in hardware they are slow.
//!
//! Deliberately not here: broadcasting, strides, and what the numbers mean; the tape above decides that. A condition
//! is a number, true where it is not zero; comparisons answer 1 and 0. Every function panics if its slices are of
//! different lengths.

pub(super) mod elementary;

#[cfg(test)]
mod tests;

use std::array;
use std::sync::LazyLock;

use pulp::Arch;
pub(super) use pulp::NullaryFnOnce;

/// How many partial sums a reduction keeps: element `i` goes to lane `i % LANES`; the lanes are folded in halves.
pub const LANES: usize = 16;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs a loop as it was compiled for this machine.
pub(super) fn vectorized<L: NullaryFnOnce>(work: L) -> L::Output {
    ARCH.dispatch(work)
}

struct Map1<'a, F>(F, &'a [f32], &'a mut [f32]);
struct Map2<'a, F>(F, &'a [f32], &'a [f32], &'a mut [f32]);
struct Map3<'a, F>(F, [&'a [f32]; 3], &'a mut [f32]);
struct Reduce1<'a, F, G>(f32, &'a [f32], F, G);
struct Reduce2<'a, F, G>(f32, &'a [f32], &'a [f32], F, G);

impl<F: Fn(f32) -> f32> NullaryFnOnce for Map1<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(function, input, output) = self;
        for (out, &x) in output.iter_mut().zip(input) {
            *out = function(x);
        }
    }
}

impl<F: Fn(f32, f32) -> f32> NullaryFnOnce for Map2<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(function, left, right, output) = self;
        for ((out, &x), &y) in output.iter_mut().zip(left).zip(right) {
            *out = function(x, y);
        }
    }
}

impl<F: Fn(f32, f32, f32) -> f32> NullaryFnOnce for Map3<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(function, [first, second, third], output) = self;
        for (((out, &x), &y), &z) in output.iter_mut().zip(first).zip(second).zip(third) {
            *out = function(x, y, z);
        }
    }
}

impl<F: Fn(f32, f32) -> f32, G: Fn(f32, f32) -> f32> NullaryFnOnce for Reduce1<'_, F, G> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let Self(start, input, step, join) = self;
        let mut lanes = [start; LANES];
        let (whole, rest) = input.as_chunks::<LANES>();
        for chunk in whole {
            lanes = array::from_fn(|i| step(lanes[i], chunk[i]));
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = step(*lane, x);
        }
        join_lanes(lanes, join)
    }
}

impl<F: Fn(f32, f32, f32) -> f32, G: Fn(f32, f32) -> f32> NullaryFnOnce for Reduce2<'_, F, G> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let Self(start, left, right, step, join) = self;
        let mut lanes = [start; LANES];
        let ((left, left_rest), (right, right_rest)) =
            (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
        for (x, y) in left.iter().zip(right) {
            lanes = array::from_fn(|i| step(lanes[i], x[i], y[i]));
        }
        for ((lane, &x), &y) in lanes.iter_mut().zip(left_rest).zip(right_rest) {
            *lane = step(*lane, x, y);
        }
        join_lanes(lanes, join)
    }
}

#[inline(always)]
fn join_lanes(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

fn same_length(slices: &[&[f32]], output: &[f32]) {
    assert!(slices.iter().all(|slice| slice.len() == output.len()), "strips of one length");
}

fn map1(function: impl Fn(f32) -> f32, input: &[f32], output: &mut [f32]) {
    same_length(&[input], output);
    ARCH.dispatch(Map1(function, input, output));
}

fn map2(function: impl Fn(f32, f32) -> f32, left: &[f32], right: &[f32], output: &mut [f32]) {
    same_length(&[left, right], output);
    ARCH.dispatch(Map2(function, left, right, output));
}

fn map3(function: impl Fn(f32, f32, f32) -> f32, inputs: [&[f32]; 3], output: &mut [f32]) {
    same_length(&inputs, output);
    ARCH.dispatch(Map3(function, inputs, output));
}

/// `e^x`, within 1 ulp, denormal results too.
pub fn exp(input: &[f32], output: &mut [f32]) {
    map1(elementary::exp, input, output);
}

/// The natural logarithm, within 1 ulp; minus infinity for zero, NaN below.
pub fn ln(input: &[f32], output: &mut [f32]) {
    map1(elementary::ln, input, output);
}

/// The error function, within 1.1 ulp.
pub fn erf(input: &[f32], output: &mut [f32]) {
    map1(elementary::erf, input, output);
}

/// The hyperbolic tangent, within 2.5 ulp.
pub fn tanh(input: &[f32], output: &mut [f32]) {
    map1(elementary::tanh, input, output);
}

/// `1 / (1 + e^-x)`, within 2.5 ulp, denormal results too.
pub fn sigmoid(input: &[f32], output: &mut [f32]) {
    map1(elementary::sigmoid, input, output);
}

/// The square root, rounded exactly.
pub fn sqrt(input: &[f32], output: &mut [f32]) {
    map1(f32::sqrt, input, output);
}

/// One over the square root, each rounded exactly: within 1.5 ulp.
pub fn rsqrt(input: &[f32], output: &mut [f32]) {
    map1(|x| 1.0 / x.sqrt(), input, output);
}

/// `-x`.
pub fn neg(input: &[f32], output: &mut [f32]) {
    map1(|x| -x, input, output);
}

/// `|x|`.
pub fn abs(input: &[f32], output: &mut [f32]) {
    map1(f32::abs, input, output);
}

/// `1 / x`, rounded exactly.
pub fn recip(input: &[f32], output: &mut [f32]) {
    map1(|x| 1.0 / x, input, output);
}

/// `x + y`.
pub fn add(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| x + y, left, right, output);
}

/// `x - y`.
pub fn sub(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| x - y, left, right, output);
}

/// `x * y`.
pub fn mul(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| x * y, left, right, output);
}

/// `x / y`.
pub fn div(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| x / y, left, right, output);
}

/// The larger; NaN if either is.
pub fn max(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(elementary::max, left, right, output);
}

/// The smaller; NaN if either is.
pub fn min(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(elementary::min, left, right, output);
}

/// 1 where `x < y`, else 0.
pub fn less(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| f32::from(x < y), left, right, output);
}

/// 1 where `x <= y`, else 0.
pub fn less_or_equal(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| f32::from(x <= y), left, right, output);
}

/// 1 where `x == y`, else 0.
pub fn equal(left: &[f32], right: &[f32], output: &mut [f32]) {
    map2(|x, y| f32::from(x == y), left, right, output);
}

/// `yes` where `condition` is not zero, else `no`; what is not chosen does not matter, NaN or not.
pub fn select(condition: &[f32], yes: &[f32], no: &[f32], output: &mut [f32]) {
    map3(
        |condition, yes, no| if condition != 0.0 { yes } else { no },
        [condition, yes, no],
        output,
    );
}

/// `x * y + z`, rounded once.
pub fn mul_add(x: &[f32], y: &[f32], z: &[f32], output: &mut [f32]) {
    map3(f32::mul_add, [x, y, z], output);
}

/// The sum; 0 of nothing.
pub fn sum(input: &[f32]) -> f32 {
    ARCH.dispatch(Reduce1(0.0, input, |sum, x| sum + x, |x, y| x + y))
}

/// The largest; NaN if one is; minus infinity of nothing.
pub fn max_of(input: &[f32]) -> f32 {
    ARCH.dispatch(Reduce1(f32::NEG_INFINITY, input, elementary::max, elementary::max))
}

/// The sum of products, each fused into its lane's sum; 0 of nothing.
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len(), "strips of one length");
    ARCH.dispatch(Reduce2(0.0, left, right, |sum, x, y| f32::mul_add(x, y, sum), |x, y| x + y))
}

/// The sum of `(x - center)^2`, each fused into its lane's sum; 0 of nothing.
pub fn squared_distances(input: &[f32], center: f32) -> f32 {
    let step = |sum: f32, x: f32| {
        let distance = x - center;
        distance.mul_add(distance, sum)
    };
    ARCH.dispatch(Reduce1(0.0, input, step, |x, y| x + y))
}
