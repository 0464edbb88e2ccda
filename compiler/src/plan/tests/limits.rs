//! Plans for devices whose buffers are small.

use super::agree_within;
use super::models::model;
use crate::autodiff::Seed;
use crate::compile::graph;
use crate::graph::TableId;
use crate::plan::{ALIGNMENT, Arena, Limits, Region, check_limits};
use crate::random_model::{random_feed, random_samples};
use crate::{Checked, CompileError, CompileOptions, Mode, compile};

const SMALL: &[(&str, &str)] = &[
    ("dim", "8"),
    ("depth", "2"),
    ("heads", "2"),
    ("size", "32"),
    ("n_frames", "2"),
    ("seconds", "0.64"),
    ("bins", "32"),
    ("classes", "3"),
    ("fusion_tokens", "2"),
];

/// What trains it, in buffers of so many numbers.
fn options(checked: &Checked, batch: usize, numbers: usize) -> CompileOptions {
    let objective = checked.model.objectives[0].name.clone();
    CompileOptions {
        batch,
        limits: Limits { buffer_numbers: numbers, binding_numbers: numbers },
        outputs: Some(Vec::new()),
        mode: Mode::Gradients(Seed::Loss(objective)),
        ..CompileOptions::default()
    }
}

#[test]
fn arenas_are_cut_between_tensors() {
    let checked = model("zorro_vit", SMALL);
    let batch = 16;
    let fits = |numbers: &usize| compile(&checked, &options(&checked, batch, *numbers)).ok();
    let smallest = (1..400).map(|n| n * ALIGNMENT * 16).find(|numbers| fits(numbers).is_some());
    let smallest = smallest.expect("the whole fits");
    let cut = fits(&smallest).expect("it fits");
    assert!(cut.activations > 2 * smallest, "{} in buffers of {smallest}", cut.activations);
    let options = options(&checked, batch, smallest);
    let graph = graph(&checked, &options).expect("it compiles");
    let samples = random_samples(&checked.model, batch, 3);
    let feed = random_feed(&checked.model, &graph, &samples, 2);
    let whole = agree_within(&graph, &feed, &Limits::NONE).expect("it computes the same");
    agree_within(&graph, &feed, &options.limits).expect("it computes the same");
    assert!(cut.activations < 2 * whole.activations);
}

#[test]
fn what_does_not_fit_says_with_which_batch_it_would() {
    let checked = model("zorro_vit", SMALL);
    let compile = |batch, numbers| compile(&checked, &options(&checked, batch, numbers));
    let beyond = |batch: usize, numbers: usize| match compile(batch, numbers) {
        Err(CompileError::BeyondLimits(error)) => error,
        other => panic!("{:?}", other.map(|plan| plan.activations)),
    };
    let error = beyond(40, 64 * 400);
    let largest = error.largest_batch.expect("one sample fits");
    assert!(compile(largest, 64 * 400).is_ok());
    beyond(largest + 1, 64 * 400);
    let text = error.to_string();
    assert!(text.contains(&format!("make the batch {largest} instead of 40")), "{text}");
    let text = beyond(4, 64).to_string();
    let end = "no batch is small enough; take another device, or `--device cpu`";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn a_table_that_is_too_large_is_told_as_one() {
    let checked = model("zorro_vit", SMALL);
    let mut plan = compile(&checked, &CompileOptions::default()).expect("it compiles");
    let table = Arena::Table(TableId(0));
    let region = Region { arena: table, offset: 0, numbers: 1 << 24, half: false };
    plan.kernels[0].reads.push(region);
    let limits = Limits { buffer_numbers: 1 << 26, binding_numbers: 1 << 22 };
    let error = check_limits(&plan, &limits).expect_err("four times too large");
    let expected = format!("the table that is read by `{}` (forward)", plan.kernels[0].path);
    assert_eq!((error.what, error.numbers), (expected, 1 << 24));
}
