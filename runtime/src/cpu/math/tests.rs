//! Every function against its value in f64, in ulp of the true value, over all exponents and densely where it bends.

use super::*;

const INFINITY: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

type Unary = fn(&[f32], &mut [f32]);
type Formula = fn(f32) -> f32;

fn apply(function: Unary, input: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; input.len()];
    function(input, &mut output);
    output
}

/// The distance in units of the last place of the true value, those of denormals being all one size.
fn ulps(value: f32, truth: f64) -> f64 {
    let exponent = (truth.abs().log2().floor()).max(-126.0);
    (f64::from(value) - truth).abs() / (exponent - 23.0).exp2()
}

/// Every 997th float, of both signs: all exponents, denormals too.
fn floats() -> Vec<f32> {
    let positive = (0..f32::INFINITY.to_bits()).step_by(997).map(f32::from_bits);
    positive.flat_map(|x| [x, -x]).collect()
}

fn dense(from: f32, to: f32) -> impl Iterator<Item = f32> {
    (0..=400_000).map(move |i| from + (to - from) * i as f32 / 400_000.0)
}

#[track_caller]
fn check(name: &str, function: Unary, truth: impl Fn(f64) -> f64, range: (f32, f32), bound: f64) {
    let input: Vec<f32> = floats().into_iter().chain(dense(range.0, range.1)).collect();
    let mut worst = (0.0, 0.0, 0.0);
    for (&x, value) in input.iter().zip(apply(function, &input)) {
        let truth = truth(f64::from(x));
        let rounded = truth as f32;
        if rounded.is_nan() || rounded.is_infinite() || value.is_nan() || value.is_infinite() {
            // At the edge of overflow a value may be one ulp off and still finite.
            let edge =
                ulps(if value.is_infinite() { f32::MAX } else { value }, truth) <= bound + 1.0;
            assert!(
                rounded.to_bits() == value.to_bits()
                    || (rounded.is_nan() && value.is_nan())
                    || edge,
                "{name}({x}) = {value}, not {rounded}"
            );
            continue;
        }
        let off = ulps(value, truth);
        if off > worst.0 {
            worst = (off, x, value);
        }
    }
    eprintln!("{name}: {:.3} ulp at {}", worst.0, worst.1);
    assert!(worst.0 <= bound, "{name}({}) = {} is {} ulp off", worst.1, worst.2, worst.0);
}

#[test]
fn close_to_the_truth() {
    check("exp", exp, f64::exp, (-110.0, 90.0), 1.0);
    check("ln", ln, f64::ln, (0.25, 4.0), 1.0);
    check("erf", erf, libm::erf, (-4.5, 4.5), 1.1);
    check("tanh", tanh, f64::tanh, (-11.0, 11.0), 2.5);
    check("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), (-110.0, 20.0), 2.5);
    check("sqrt", sqrt, f64::sqrt, (0.0, 4.0), 0.5);
    check("rsqrt", rsqrt, |x| 1.0 / x.sqrt(), (0.0, 4.0), 1.5);
    check("recip", recip, |x| 1.0 / x, (-4.0, 4.0), 0.5);
}

/// Results at zero, minus zero, infinity, minus infinity, NaN, the largest number and the smallest.
#[track_caller]
fn check_ends(function: Unary, expected: [f32; 7]) {
    for (x, expected) in
        [0.0, -0.0, INFINITY, -INFINITY, NAN, f32::MAX, f32::MIN].into_iter().zip(expected)
    {
        // Long enough that the vector body is what runs, with the case in its middle.
        let value = apply(function, &[x; 50])[20];
        let same = value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan());
        assert!(same, "of {x}: {value}, not {expected}");
    }
}

#[test]
fn ends_and_zeros_are_exact() {
    check_ends(exp, [1.0, 1.0, INFINITY, 0.0, NAN, INFINITY, 0.0]);
    check_ends(ln, [-INFINITY, -INFINITY, INFINITY, NAN, NAN, 88.722_84, NAN]);
    check_ends(erf, [0.0, -0.0, 1.0, -1.0, NAN, 1.0, -1.0]);
    check_ends(tanh, [0.0, -0.0, 1.0, -1.0, NAN, 1.0, -1.0]);
    check_ends(sigmoid, [0.5, 0.5, 1.0, 0.0, NAN, 1.0, 0.0]);
    check_ends(sqrt, [0.0, -0.0, INFINITY, NAN, NAN, f32::MAX.sqrt(), NAN]);
    check_ends(rsqrt, [INFINITY, -INFINITY, 0.0, NAN, NAN, 1.0 / f32::MAX.sqrt(), NAN]);
    check_ends(recip, [INFINITY, -INFINITY, 0.0, -0.0, NAN, 1.0 / f32::MAX, 1.0 / f32::MIN]);
    check_ends(abs, [0.0, 0.0, INFINITY, INFINITY, NAN, f32::MAX, f32::MAX]);
    check_ends(neg, [-0.0, 0.0, -INFINITY, INFINITY, NAN, f32::MIN, f32::MAX]);
}

#[test]
fn a_number_has_the_same_function_wherever_it_stands() {
    let input: Vec<f32> = dense(-12.0, 12.0).step_by(1313).collect();
    for function in [exp, ln, erf, tanh, sigmoid, sqrt, rsqrt, recip] as [Unary; 8] {
        let alone: Vec<u32> = input.iter().map(|&x| apply(function, &[x])[0].to_bits()).collect();
        for start in 0..20 {
            let together = apply(function, &input[start..]);
            let bits: Vec<u32> = together.iter().map(|x| x.to_bits()).collect();
            assert_eq!(bits, alone[start..]);
        }
    }
}

#[test]
fn every_machine_has_the_same_bits() {
    // Called here the formulas are compiled for the plainest machine of this architecture.
    let plain: [(Unary, Formula); 5] = [
        (exp, elementary::exp),
        (ln, elementary::ln),
        (erf, elementary::erf),
        (tanh, elementary::tanh),
        (sigmoid, elementary::sigmoid),
    ];
    let input: Vec<f32> =
        floats().into_iter().step_by(41).chain(dense(-12.0, 12.0).step_by(17)).collect();
    for (function, formula) in plain {
        for (&x, value) in input.iter().zip(apply(function, &input)) {
            let expected = formula(x);
            assert!(
                value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan(),
                "{x}: {value}"
            );
        }
    }
}

#[test]
fn two_and_three_operands() {
    let nan = f32::NAN;
    let check = |function: fn(&[f32], &[f32], &mut [f32]), cases: &[(f32, f32, f32)]| {
        for &(x, y, expected) in cases {
            let mut output = [7.0; 33];
            function(&[x; 33], &[y; 33], &mut output);
            let same = |value: f32| {
                value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan())
            };
            assert!(
                output.iter().all(|&value| same(value)),
                "{x}, {y}: {} is not {expected}",
                output[0]
            );
        }
    };
    check(add, &[(1.0, 2.0, 3.0)]);
    check(sub, &[(1.0, 2.0, -1.0)]);
    check(mul, &[(3.0, -2.0, -6.0)]);
    check(div, &[(3.0, 2.0, 1.5), (1.0, 0.0, f32::INFINITY)]);
    check(max, &[(3.0, 2.0, 3.0), (2.0, 3.0, 3.0), (nan, 2.0, nan), (2.0, nan, nan)]);
    check(min, &[(3.0, 2.0, 2.0), (2.0, 3.0, 2.0), (nan, 2.0, nan), (2.0, nan, nan)]);
    check(less, &[(1.0, 2.0, 1.0), (2.0, 2.0, 0.0), (nan, 2.0, 0.0)]);
    check(less_or_equal, &[(1.0, 2.0, 1.0), (2.0, 2.0, 1.0), (3.0, 2.0, 0.0), (nan, nan, 0.0)]);
    check(equal, &[(2.0, 2.0, 1.0), (-0.0, 0.0, 1.0), (nan, nan, 0.0)]);
    let mut output = [7.0; 3];
    select(&[1.0, 0.0, -0.0], &[1.0, nan, nan], &[nan, 2.0, 3.0], &mut output);
    assert_eq!(output, [1.0, 2.0, 3.0]);
    let x: f32 = 1.0 + 1.0 / 4096.0;
    mul_add(&[x; 3], &[x; 3], &[-1.0; 3], &mut output);
    assert_eq!(output, [x.mul_add(x, -1.0); 3]);
    assert_ne!(output[0], x * x - 1.0);
}

/// The definition of the lanes, one number at a time.
fn lanes(
    start: f32,
    values: impl Iterator<Item = f32>,
    step: impl Fn(f32, f32) -> f32,
) -> [f32; LANES] {
    let mut lanes = [start; LANES];
    for (i, x) in values.enumerate() {
        lanes[i % LANES] = step(lanes[i % LANES], x);
    }
    lanes
}

fn folded(lanes: &[f32], join: &dyn Fn(f32, f32) -> f32) -> f32 {
    match lanes {
        [one] => *one,
        _ => {
            let (low, high) = lanes.split_at(lanes.len() / 2);
            folded(&low.iter().zip(high).map(|(&x, &y)| join(x, y)).collect::<Vec<_>>(), join)
        }
    }
}

#[test]
fn reductions_are_their_definitions_bit_for_bit() {
    let values: Vec<f32> =
        (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e5 - 80.0).collect();
    for length in 0..300 {
        let x = &values[..length];
        let y = &values[500..500 + length];
        let plus = |x, y| x + y;
        let sums = lanes(0.0, x.iter().copied(), plus);
        assert_eq!(sum(x).to_bits(), folded(&sums, &plus).to_bits());
        let mut products = [0.0_f32; LANES];
        let mut squares = [0.0_f32; LANES];
        for i in 0..length {
            products[i % LANES] = x[i].mul_add(y[i], products[i % LANES]);
            squares[i % LANES] = (x[i] - 3.0).mul_add(x[i] - 3.0, squares[i % LANES]);
        }
        assert_eq!(dot(x, y).to_bits(), folded(&products, &plus).to_bits());
        assert_eq!(squared_distances(x, 3.0).to_bits(), folded(&squares, &plus).to_bits());
        let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!(max_of(x).to_bits(), largest.to_bits());
    }
    for place in 0..40 {
        let mut with_nan = [1.0; 40];
        with_nan[place] = f32::NAN;
        assert!(max_of(&with_nan).is_nan());
    }
}
