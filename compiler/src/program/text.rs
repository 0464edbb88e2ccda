//! Small pieces of WGSL.
//!
//! In: numbers and expressions. Out: expressions, in their simplest form. Deliberately not here: what they are for.

use crate::graph::Reduction;

/// A fixed number. What is no number or not finite has no literal and is made of bits at run time.
pub(super) fn float(number: f64) -> String {
    let number = number as f32;
    if number.is_finite() { format!("{number:?}f") } else { format!("bits({}u)", number.to_bits()) }
}

/// A sum of unsigned expressions; nothing adds nothing.
pub(super) fn sum(terms: &[String]) -> String {
    let terms: Vec<&str> = terms.iter().map(String::as_str).filter(|term| *term != "0u").collect();
    if terms.is_empty() { "0u".to_owned() } else { terms.join(" + ") }
}

/// An expression times a number.
pub(super) fn times(expression: &str, number: usize) -> String {
    match number {
        0 => "0u".to_owned(),
        1 => expression.to_owned(),
        _ if expression == "0u" => "0u".to_owned(),
        _ => format!("{} * {number}u", factor(expression)),
    }
}

/// An expression divided by a number, rounded down.
pub(super) fn over(expression: &str, number: usize) -> String {
    if number == 1 { expression.to_owned() } else { format!("{} / {number}u", factor(expression)) }
}

/// What is left of an expression divided by a number.
pub(super) fn rest(expression: &str, number: usize) -> String {
    if number == 1 { "0u".to_owned() } else { format!("{} % {number}u", factor(expression)) }
}

/// An expression that can be a factor.
pub(super) fn factor(expression: &str) -> String {
    let is_simple = expression.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if is_simple { expression.to_owned() } else { format!("({expression})") }
}

/// Where a reduction begins.
pub(super) fn reduction_start(reduction: Reduction) -> String {
    match reduction {
        Reduction::Sum => "0.0".to_owned(),
        Reduction::Max => float(f64::NEG_INFINITY),
    }
}

/// A reduction of two.
pub(super) fn reduction_step(reduction: Reduction, a: &str, b: &str) -> String {
    match reduction {
        Reduction::Sum => format!("{a} + {b}"),
        Reduction::Max => format!("max({a}, {b})"),
    }
}

/// Lines one level further in.
pub(super) fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  {line}")).collect()
}
