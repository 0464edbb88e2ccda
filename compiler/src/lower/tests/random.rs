//! Dropout and drop path.

use super::{How, PLAIN, Run, close};
use crate::random::{site_hash, site_uniform};

const RANDOM: How<'_> = How { random: true, ..PLAIN };

/// A number of a site: its path and its group, if it is one's.
fn drawn(run: &Run, sample: u32, site: (&str, &str), token: usize, channel: usize) -> f64 {
    let sample = run.feed.first_sample + sample;
    let (token, channel) = (token as u32, channel as u32);
    let (path, group) = site;
    let site = site_hash(path) ^ if group.is_empty() { 0 } else { site_hash(group) };
    f64::from(site_uniform(run.feed.seed, sample, site, token, channel))
}

#[test]
fn numbers_are_dropped_and_the_others_grow() {
    let statements = "modality u = tensor([3, 4])\nlet v = learned([4])
        output y = u |> dropout(0.25)\noutput z = u * (v |> dropout(0.5))";
    let mut run = Run::new(statements, RANDOM);
    let (x, v) = (run.rows("u", 4), run.weight("v.learned"));
    let mut expected = (Vec::new(), Vec::new());
    for (row, numbers) in x.iter().enumerate() {
        let (sample, token) = ((row / 3) as u32, row % 3);
        for (channel, number) in numbers.iter().enumerate() {
            let dropped = drawn(&run, sample, ("y.dropout", ""), token, channel) < 0.25;
            expected.0.push(if dropped { 0.0 } else { number / 0.75 });
            let dropped = drawn(&run, sample, ("z.dropout", ""), 0, channel) < 0.5;
            expected.1.push(if dropped { 0.0 } else { number * v[channel] * 2.0 });
        }
    }
    close(&run.output("y"), &expected.0);
    close(&run.output("z"), &expected.1);
    let mut off = Run::new(statements, PLAIN);
    close(&off.output("y"), &off.input("u"));
}

#[test]
fn a_branch_is_dropped_for_all_tokens_that_a_group_has_of_a_sample() {
    let statements = "modality a = tensor([2, 4])\nmodality b = tensor([3, 4])
        tokens a = a + 0\ntokens b = b + 0
        layer: apply dropped(0.5, true) over { a, b }\nother: apply dropped(0.5, false) over { b, a }
        output ya = a\noutput yb = b
        }\nblock dropped(rate, rescale) { x = x |> drop_path(rate, rescale: rescale)";
    let how = How { batch: 8, ..RANDOM };
    let mut run = Run::new(statements, how);
    let factor = |run: &Run, group: &str, sample: u32| {
        let kept = |path: &str| drawn(run, sample, (path, group), 0, 0) >= 0.5;
        if kept("layer.drop_path") && kept("other.drop_path") { 2.0 } else { 0.0 }
    };
    let factors = ["a", "b"].map(|group| (0..8).map(|sample| factor(&run, group, sample)));
    let [of_a, of_b]: [Vec<f64>; 2] = factors.map(Iterator::collect);
    assert!(of_a.contains(&0.0) && of_a.contains(&2.0) && of_a != of_b, "{of_a:?}");
    for (name, each, factors) in [("a", 8, of_a), ("b", 12, of_b)] {
        let fed = run.input(name);
        let expected: Vec<f64> =
            fed.iter().enumerate().map(|(at, number)| number * factors[at / each]).collect();
        close(&run.output(&format!("y{name}")), &expected);
    }
}

#[test]
fn rates_are_kept_over_many_samples() {
    let statements = "modality u = tensor([1, 4])\noutput y = (u * 0 + 1) |> dropout(0.1)";
    let how = How { batch: 5000, ..RANDOM };
    let numbers = Run::new(statements, how).output("y");
    let kept = numbers.iter().filter(|number| **number != 0.0).count() as f64 / 20_000.0;
    // Five deviations of a binomial: sqrt(0.09 / 20000) is 0.0021.
    assert!((kept - 0.9).abs() < 0.011, "{kept}");
    assert!(numbers.iter().all(|number| *number == 0.0 || (number - 1.0 / 0.9).abs() < 1e-15));
}
