//! The smallest value of a smooth function: L-BFGS, in doubles.
//!
//! In: a function with its gradient, and a start. Out: where it is smallest, and whether that was reached. For convex functions,
//! such as those of linear probes. Deliberately not here: what the function is.

/// So many of the last steps say how the function curves.
const N_MEMORY: usize = 10;
/// The part of the expected decrease that a step must make.
const ENOUGH: f64 = 1e-4;
/// The part of the slope that may be left after a step.
const LEFT: f64 = 0.9;
/// So many lengths of a step are tried.
const N_TRIES: usize = 40;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// The largest number of the gradient is at most this.
    pub(super) gradient: f64,
    /// So many steps at most.
    pub(super) steps: usize,
}

/// Where it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
    /// The largest number of the gradient there.
    pub(super) gradient: f64,
    pub(super) steps: usize,
    /// Whether the gradient is as small as was asked for.
    pub(super) converged: bool,
}

/// A place with what is known of it.
struct Point {
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// A step that was made, and how the gradient changed.
struct Step {
    moved: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// Goes down from a start. The function gives its value and its gradient.
pub(super) fn minimize(
    mut function: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    stop: Stop,
) -> Minimum {
    let (value, gradient) = function(&start);
    let mut point = Point { at: start, value, gradient };
    let mut memory: Vec<Step> = Vec::new();
    let mut steps = 0;
    while largest(&point.gradient) > stop.gradient && steps < stop.steps {
        let mut direction = direction(&point.gradient, &memory);
        if dot(&direction, &point.gradient) >= 0.0 {
            // Rounding has won: the gradient itself is the best that is known.
            memory.clear();
            direction = point.gradient.iter().map(|gradient| -gradient).collect();
        }
        // Without memory nothing is known of how far to go.
        let first = if memory.is_empty() { 1.0 / norm(&direction).max(1.0) } else { 1.0 };
        let Some(next) = search(&mut function, &point, &direction, first) else { break };
        let moved = difference(&next.at, &point.at);
        let change = difference(&next.gradient, &point.gradient);
        let product = dot(&moved, &change);
        if product > 0.0 {
            if memory.len() == N_MEMORY {
                memory.remove(0);
            }
            memory.push(Step { moved, change, product });
        }
        point = next;
        steps += 1;
    }
    let gradient = largest(&point.gradient);
    let Point { at, value, .. } = point;
    Minimum { at, value, gradient, steps, converged: gradient <= stop.gradient }
}

/// Where to go: the gradient, turned by the curvature that the last steps have shown (the loop of two passes).
fn direction(gradient: &[f64], memory: &[Step]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|gradient| -gradient).collect();
    let mut shares = Vec::new();
    for step in memory.iter().rev() {
        let share = dot(&step.moved, &direction) / step.product;
        add(&mut direction, -share, &step.change);
        shares.push(share);
    }
    if let Some(last) = memory.last() {
        let scale = last.product / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|direction| *direction *= scale);
    }
    for (step, share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = dot(&step.change, &direction) / step.product;
        add(&mut direction, share - back, &step.moved);
    }
    direction
}

/// How far to go, by halving and doubling, until both conditions of Wolfe hold; the lowest place that was seen where they
/// cannot be had; none where no step goes down.
fn search(
    function: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
    from: &Point,
    direction: &[f64],
    first: f64,
) -> Option<Point> {
    let slope = dot(direction, &from.gradient);
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    let mut best: Option<Point> = None;
    for _ in 0..N_TRIES {
        let mut at = from.at.clone();
        add(&mut at, length, direction);
        let (value, gradient) = function(&at);
        // What is no number is too far.
        let is_lower = value <= from.value + ENOUGH * length * slope;
        let is_steep = dot(&gradient, direction) < LEFT * slope;
        if is_lower && best.as_ref().is_none_or(|best| value <= best.value) {
            best = Some(Point { at, value, gradient });
        }
        match (is_lower, is_steep) {
            (true, false) => return best,
            (true, true) => low = length,
            (false, _) => high = length,
        }
        length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * length };
    }
    best
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn largest(a: &[f64]) -> f64 {
    // A number that is none makes all of it none.
    a.iter().fold(0.0, |largest: f64, a| if a.is_nan() { f64::NAN } else { largest.max(a.abs()) })
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add(to: &mut [f64], factor: f64, other: &[f64]) {
    to.iter_mut().zip(other).for_each(|(to, other)| *to += factor * other);
}

#[cfg(test)]
mod tests {
    use super::{Stop, minimize};

    const STOP: Stop = Stop { gradient: 1e-9, steps: 200 };

    #[test]
    fn a_bowl_that_is_a_thousand_times_as_steep_on_one_side() {
        let bowl = |x: &[f64]| {
            let parts = x.iter().zip(1_i32..).map(|(x, at)| {
                let steep = 10_f64.powi(at % 4);
                (steep * (x - f64::from(at)).powi(2) / 2.0, steep * (x - f64::from(at)))
            });
            let (values, gradient): (Vec<f64>, Vec<f64>) = parts.unzip();
            (values.iter().sum(), gradient)
        };
        let found = minimize(bowl, vec![0.0; 9], STOP);
        assert!(found.converged && found.steps < 60, "{found:?}");
        for (x, at) in found.at.iter().zip(1_i32..) {
            // The gradient is at most 1e-9, and the flattest side has slope 1.
            assert!((x - f64::from(at)).abs() < 1e-8, "{found:?}");
        }
    }

    #[test]
    fn a_curved_valley() {
        let valley = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
        };
        let found = minimize(valley, vec![-1.2, 1.0], STOP);
        assert!(found.converged, "{found:?}");
        assert!((found.at[0] - 1.0).abs() < 1e-7 && (found.at[1] - 1.0).abs() < 1e-7, "{found:?}");
    }

    #[test]
    fn what_cannot_be_reached_ends() {
        let down = minimize(|x| (-x[0], vec![-1.0]), vec![0.0], Stop { steps: 5, ..STOP });
        assert!(!down.converged && down.value < 0.0, "{down:?}");
        let none = minimize(|_| (f64::NAN, vec![f64::NAN]), vec![0.0], STOP);
        assert!(!none.converged, "{none:?}");
        let wrong = minimize(|x| (x[0], vec![-1.0]), vec![0.0], STOP);
        assert!(!wrong.converged && wrong.steps == 0, "{wrong:?}");
    }
}
