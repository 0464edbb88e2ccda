//! Baked ranges against kernels of the same skeletons that meet all pairs of tokens, on a device.
//!
//! 784 video, 192 audio and 16 fusion tokens, 4 heads of 64: Zorro's mask allows 0.678 of all pairs. The others are one group of as
//! many tokens: without any mask, and with a number that is loaded for each pair, as a dense mask is (a relative score bias over
//! the whole group). Printed: medians of the time of the attention kernels, timed in turn in one run, and their ratios.
//!
//! `cargo bench -p zorro-runtime --bench baked`; `ZORRO_DEVICE` names the adapter.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::plan::{AttendKind, Body};
use zorro_runtime::compiler::{CompileOptions, Mode, Options, check_text};
use zorro_runtime::gpu::{Gpu, GpuOptions, tested_adapter};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensor, TensorData};

/// Runs that are timed; two before them are not.
const RUNS: usize = 15;

/// Numbers a token.
const WIDTH: usize = 256;

/// A name, a route, what scores are beside products, and groups with their tokens.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, usize)]);

/// Zorro's mask, all pairs, and all pairs with a number for each.
const MASKS: [Case; 3] = [
    (
        "baked ranges",
        "{ video <- video\n audio <- audio\n fusion <- video, audio, fusion }",
        "",
        &[("video", 784), ("audio", 192), ("fusion", 16)],
    ),
    ("all pairs", "{ video <- video }", "", &[("video", 992)]),
    (
        "all pairs, a number each",
        "{ video <- video }",
        ", scores: relative([992])",
        &[("video", 992)],
    ),
];

fn session(route: &str, scores: &str, groups: &[(&str, usize)], gpu: &Gpu) -> Session {
    let sources: String = groups
        .iter()
        .map(|(name, tokens)| {
            format!("  modality {name} = tensor([{tokens}, {WIDTH}])\n  tokens {name} = {name}\n")
        })
        .collect();
    let outputs: String =
        groups.iter().map(|(name, _)| format!("  output {name}_all = {name}\n")).collect();
    let text = format!(
        "model baked {{\n{sources}  apply reads() over {route}\n{outputs}}}\nblock reads() {{\n  x = attend(x, heads: 4{scores})\n}}\n"
    );
    let outcome = check_text(&text, &Options::default());
    let checked = outcome.checked.unwrap_or_else(|| panic!("{:?}\n{text}", outcome.diagnostics));
    let mode = Mode::Gradients(Seed::Outputs);
    let options = CompileOptions { mode, ..CompileOptions::default() };
    let mut session =
        Session::new(&checked, &options, &Device::Gpu(gpu.clone())).expect("it compiles");
    session.initialize(1).expect("it takes them");
    session
}

fn batch(groups: &[(&str, usize)]) -> Batch {
    let mut tensors = zorro_runtime::Tensors::new();
    for (at, (name, tokens)) in groups.iter().enumerate() {
        let numbers = |salt: usize| -> TensorData {
            let number =
                |i: usize| (((i * 7919 + salt * 104_729 + at) % 1000) as f32 - 500.0) / 500.0;
            TensorData::F32((0..tokens * WIDTH).map(number).collect())
        };
        let shape = vec![1, *tokens, WIDTH];
        tensors.insert(*name, Tensor::new(shape.clone(), numbers(1)).expect("as many"));
        let cotangent = Tensor::new(shape, numbers(2)).expect("as many");
        tensors.insert(format!("cotangent.{name}_all"), cotangent);
    }
    Batch { tensors }
}

/// Milliseconds of the forward kernel and of the gradients' kernels in one run.
fn times(session: &mut Session, batch: &Batch) -> [f64; 2] {
    session.executor_mut().profile(true).expect("the device tells times");
    let results = session.run(batch, &RunOptions::default()).expect("it runs");
    results.outputs().expect("they come back");
    let plan = session.plan();
    let seconds = session.executor().seconds().expect("the device tells times");
    let mut times = [0.0, 0.0];
    for (kernel, seconds) in plan.kernels.iter().zip(seconds) {
        if let Body::Attend(kind, _) = plan.body(kernel)
            && *kind != AttendKind::Scores
        {
            let is_forward = matches!(kind, AttendKind::Forward { .. });
            times[usize::from(!is_forward)] += 1e3 * seconds;
        }
    }
    times
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[expect(clippy::print_stdout, reason = "what a bench is for")]
fn main() {
    let Some(index) = tested_adapter() else { return };
    let gpu = Gpu::open(index, &GpuOptions::default()).expect("what is listed opens");
    let mut cases: Vec<_> = MASKS
        .iter()
        .map(|(name, route, scores, groups)| {
            (*name, session(route, scores, groups, &gpu), batch(groups), Vec::new())
        })
        .collect();
    for run in 0..RUNS + 2 {
        for (_, session, batch, times_of) in &mut cases {
            let found = times(session, batch);
            if run >= 2 {
                times_of.push(found);
            }
        }
    }
    let of = |times: &[[f64; 2]], kind: usize| median(times.iter().map(|it| it[kind]).collect());
    let base = [of(&cases[0].3, 0), of(&cases[0].3, 1)];
    println!("{}", gpu.facts().name);
    for (name, .., times) in &cases {
        let (forward, backward) = (of(times, 0), of(times, 1));
        println!(
            "{name:26} forward {forward:8.2} ms, baked is {:.3} of it; gradients {backward:8.2} ms, baked are {:.3}",
            base[0] / forward,
            base[1] / backward
        );
    }
}
