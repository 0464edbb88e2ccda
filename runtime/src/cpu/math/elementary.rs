//! Elementary functions of one number, without branches, so that a loop over them becomes vector code.
//!
//! In: a number. Out: a number, NaN for NaN. The polynomials are minimax fits of our own (Remez exchange in 40 digits,
//! rounded to f32); their errors before rounding are noted. Deliberately not here: slices.

/// Adding this and taking it off again rounds to a whole number, which then stands in the low bits.
const ROUNDING: f32 = 12_582_912.0;

/// ln 2 in two parts: the first (355/512) has few bits, so that whole multiples of it up to 200 are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `(e^r - 1 - r) / r^2` for |r| <= ln 2 / 2; relative error of `e^r` 3.1e-9.
const EXP: [f32; 5] = [0.499_999_94, 0.166_665_2, 0.041_668_393, 0.008_368_781, 0.001_381_446_6];

/// `(ln(1 + f) - f + f^2 / 2) / f^3` from sqrt 1/2 to sqrt 2; relative error of the logarithm 7.5e-10.
const LN: [f32; 9] = [
    0.333_333_13,
    -0.250_000_1,
    0.200_021_19,
    -0.166_679_96,
    0.142_195_52,
    -0.124_055_9,
    0.118_881_62,
    -0.116_756_454,
    0.067_466_34,
];

/// `erf(x) / x - 1` in powers of `x^2`, |x| <= 1; relative error of erf 1.2e-9.
const ERF: [f32; 7] = [
    0.128_379_17,
    -0.376_126_26,
    0.112_835_854,
    -0.026_853_813,
    0.005_188_328,
    -0.000_801_019_4,
    7.853_861e-5,
];

/// `-ln(1 - erf(x))` for x from 1 to [`ERF_END`]; absolute error of erf 1.0e-9.
const ERF_TAIL: [f32; 7] = [
    0.000_353_720_18,
    1.127_04,
    0.638_225_7,
    0.103_037_365,
    -0.021_805_316,
    0.002_939_606_8,
    -0.000_185_573_94,
];

/// From here on erf is 1 in f32.
const ERF_END: f32 = 3.95;

/// The polynomial of which `coefficients` begin with the constant.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        value = value.mul_add(x, coefficients[i]);
    }
    value
}

/// `x` as `n ln 2 + r`: `n` as a whole number in the low bits of the first, and `r`.
#[inline(always)]
fn reduce(x: f32) -> (u32, f32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDING);
    let n = shifted - ROUNDING;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    (shifted.to_bits(), r)
}

/// `2^n`, for `n` in the low bits of a sum with [`ROUNDING`], from -126 to 127.
#[inline(always)]
fn power_of_two(shifted: u32) -> f32 {
    f32::from_bits((shifted << 23).wrapping_add(1.0_f32.to_bits()))
}

#[inline(always)]
pub(in crate::cpu) fn exp(x: f32) -> f32 {
    // Beyond these it is infinity and zero; NaN passes, for it is neither.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (shifted, r) = reduce(x);
    let value = (r * r).mul_add(polynomial(r, EXP), r) + 1.0;
    // In two steps, for 2^n itself may be no normal number; the second step alone rounds.
    let n = (shifted as i32).wrapping_sub(ROUNDING.to_bits() as i32);
    let half = n >> 1;
    value * power_of_two(half as u32) * power_of_two(n.wrapping_sub(half) as u32)
}

#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    const SCALE: f32 = 8_388_608.0;
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * SCALE } else { x };
    // Takes the exponent off such that what is left lies from sqrt 1/2 to sqrt 2.
    let from_half_root = scaled.to_bits().wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (from_half_root as i32) >> 23;
    let f = f32::from_bits(scaled.to_bits().wrapping_sub((exponent << 23) as u32)) - 1.0;
    let exponent = exponent as f32 - if tiny { 23.0 } else { 0.0 };
    let square = f * f;
    let rest = (square * f).mul_add(polynomial(f, LN), exponent * LN_2_LOW);
    let value = exponent.mul_add(LN_2_HIGH, square.mul_add(-0.5, rest) + f);
    let value = if x == f32::INFINITY { x } else { value };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    // Below zero, and NaN.
    if x >= 0.0 { value } else { f32::NAN }
}

#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let size = x.abs();
    let near = x.mul_add(polynomial(x * x, ERF), x);
    let size = if size > ERF_END { ERF_END } else { size };
    let (shifted, r) = reduce(-polynomial(size, ERF_TAIL));
    let tail = (r * r).mul_add(polynomial(r, EXP), r) + 1.0;
    let far = power_of_two(shifted).mul_add(-tail, 1.0).copysign(x);
    if size > 1.0 { far } else { near }
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    // From here on it is 1 in f32.
    let size = x.abs();
    let size = if size > 10.0 { 10.0 } else { size };
    // With `p = e^(2 size) - 1`, which has no cancellation for small sizes, tanh is `p / (p + 2)`.
    let (shifted, r) = reduce(size + size);
    let power = power_of_two(shifted);
    let p = power.mul_add((r * r).mul_add(polynomial(r, EXP), r), power - 1.0);
    (p / (p + 2.0)).copysign(x)
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let small = exp(-x.abs());
    let over = if x < 0.0 { small } else { 1.0 };
    over / (1.0 + small)
}

#[inline(always)]
pub(in crate::cpu) fn max(x: f32, y: f32) -> f32 {
    if x > y || x.is_nan() { x } else { y }
}

#[inline(always)]
pub(super) fn min(x: f32, y: f32) -> f32 {
    if x < y || x.is_nan() { x } else { y }
}
