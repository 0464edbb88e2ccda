//! How fast a model runs on this machine, and where the time goes.
//!
//! In: a checked model, what of it, how often. Out: the time of each run, what a run computes, the memory that it holds, the
//! time of each group of kernels, and what the machine could do at best: one large product on as many threads. Weights are
//! drawn, and so is what is fed, once and untimed. Deliberately not here: printing (`text`, `json`), other frameworks.

mod json;
mod kernels;
mod memory;
mod peak;
mod process;
mod text;

use std::time::Instant;

use crate::noise;
use zorro_compiler::autodiff::Seed;
use zorro_compiler::graph::Precision;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::plan::Limits;
use zorro_compiler::{Checked, CompileOptions, Mode};
use zorro_runtime::cpu::Step;
use zorro_runtime::{Device, RuntimeError, Session};

pub use json::json;
pub use kernels::Group;
pub use memory::Memory;
pub use text::text;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The outputs.
    Forward,
    /// An objective and its gradients, of weights and of what is fed.
    Backward,
    /// A step of training: an objective, gradients of weights, `AdamW`.
    Step,
}

/// How it is timed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Samples of a batch.
    pub batch: usize,
    /// The objective; none for the first.
    pub objective: Option<String>,
    /// The outputs: none for all, forward; and for none of them, otherwise.
    pub outputs: Option<Vec<String>>,
    /// The modalities that there are; none for all.
    pub only: Option<Vec<String>>,
    /// Parts whose insides are computed again for the backward pass.
    pub recompute: Vec<String>,
    /// The most bytes that the plan may need.
    pub max_memory: Option<u64>,
    /// How precisely what is computed is stored.
    pub precision: Precision,
    /// Where it runs.
    pub device: Device,
    /// Threads of the processor.
    pub threads: usize,
    /// Runs that are timed, at least one; two before them are not.
    pub runs: usize,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was timed.
    pub work: Work,
    /// Samples of a batch.
    pub batch: usize,
    /// The device's name: `cpu` for the processor.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// Weights that are computed with.
    pub parameters: usize,
    /// Seconds of each run, the shortest first.
    pub seconds: Vec<f64>,
    /// Seconds that all threads together were running in a run, the mean: where others use the machine too, this tells more
    /// than the time. None where the system does not say.
    pub cpu_seconds: Option<f64>,
    /// Operations of products and attention in a run: one for each multiplication and one for each addition.
    pub operations: u128,
    /// Operations a second of one large product on the processor, at best; none where it runs elsewhere.
    pub peak: Option<f64>,
    /// Bytes.
    pub memory: Memory,
    /// Where the time goes, the longest first; times are 0 where the device does not tell them.
    pub groups: Vec<Group>,
}

/// Runs before those that are timed.
const WARM_UP: usize = 2;

/// Runs in which a device's kernels are timed, at most.
const PROFILED: usize = 10;

impl Work {
    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Step => "step",
        }
    }
}

impl Measured {
    /// Seconds of a run that so much of all runs are not slower than, `part` from 0 to 1.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.seconds.len().saturating_sub(1);
        let place = part.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let at = |place: usize| self.seconds.get(place).copied().unwrap_or(f64::NAN);
        at(below) + (at(above) - at(below)) * place.fract()
    }

    /// Samples a second, at the median.
    #[must_use]
    pub fn samples_a_second(&self) -> f64 {
        self.batch as f64 / self.quantile(0.5)
    }

    /// Operations a second, at the median.
    #[must_use]
    pub fn operations_a_second(&self) -> f64 {
        self.operations as f64 / self.quantile(0.5)
    }
}

/// Times a model.
///
/// # Errors
///
/// What cannot be compiled as asked, and a machine without the memory or the threads.
pub fn bench(checked: &Checked, work: Work, options: &Options) -> Result<Measured, RuntimeError> {
    let is_processor = matches!(options.device, Device::Cpu { .. });
    let peak = || is_processor.then(|| peak::of_machine(options.threads));
    let before = peak();
    let start = process::resident();
    process::forget_peak();
    let mut session = Session::new(checked, &compiled(checked, work, options), &options.device)?;
    session.initialize(0)?;
    let fed = session.feed(&noise::batch(&checked.model, options.batch, 0))?;
    let mut step = Step {
        samples: fed.samples,
        seed: 0,
        first_sample: 0,
        learning_rate: 1e-4,
        first_correction: 1.0,
        second_correction: 1.0,
        updates: true,
    };
    let (mut seconds, mut of_kernels, mut cpu) = (Vec::new(), Vec::new(), None);
    for run in 0..WARM_UP + options.runs.max(1) {
        if run == WARM_UP {
            cpu = process::cpu_seconds();
        }
        let number = i32::try_from(run + 1).unwrap_or(i32::MAX);
        step.first_correction = 1.0 - 0.9_f32.powi(number);
        step.second_correction = 1.0 - 0.999_f32.powi(number);
        // On the processor, looking at kernels costs nothing; a device is slower where it is looked at.
        session.executor_mut().profile(is_processor)?;
        let begin = Instant::now();
        session.executor_mut().run(&step)?;
        session.executor().wait()?;
        if run >= WARM_UP {
            seconds.push(begin.elapsed().as_secs_f64());
            of_kernels.extend(session.executor().seconds().map(<[f64]>::to_vec));
        }
    }
    if !is_processor {
        of_kernels = of_device(&mut session, &step, seconds.len())?;
    }
    let cpu = cpu.zip(process::cpu_seconds()).map(|(from, to)| (to - from) / seconds.len() as f64);
    let memory = Memory::of(&session, start);
    let groups = kernels::groups(session.plan(), &of_kernels);
    let operations = groups.iter().map(|group| group.operations).sum();
    let parameters = session.plan().parameters.buffers.iter().map(|buffer| buffer.numbers).sum();
    seconds.sort_by(f64::total_cmp);
    drop(session);
    let peak = before.zip(peak()).map(|(before, after)| before.max(after));
    let Options { batch, threads, .. } = *options;
    let device = options.device.name().to_owned();
    let cpu_seconds = cpu;
    Ok(Measured {
        work,
        batch,
        device,
        threads,
        parameters,
        seconds,
        cpu_seconds,
        operations,
        peak,
        memory,
        groups,
    })
}

/// The times of a device's kernels, in runs of their own; zeros where it does not tell.
fn of_device(
    session: &mut Session,
    step: &Step,
    runs: usize,
) -> Result<Vec<Vec<f64>>, RuntimeError> {
    let mut of_kernels = Vec::new();
    for _ in 0..runs.min(PROFILED) {
        session.executor_mut().profile(true)?;
        session.executor_mut().run(step)?;
        let zeros = || vec![0.0; session.plan().kernels.len()];
        of_kernels.push(session.executor().seconds().map_or_else(zeros, <[f64]>::to_vec));
    }
    session.executor_mut().profile(false)?;
    Ok(of_kernels)
}

/// The compiler's options. Without an objective, a name that no model has: the compiler then says what there is.
fn compiled(checked: &Checked, work: Work, options: &Options) -> CompileOptions {
    let first = || checked.model.objectives.first().map(|objective| objective.name.clone());
    let objective = options.objective.clone().or_else(first).unwrap_or_default();
    let (mode, outputs) = match work {
        Work::Forward => {
            let objectives = options.objective.iter().cloned().collect();
            (Mode::Forward { objectives }, options.outputs.clone())
        }
        Work::Backward => (
            Mode::Gradients(Seed::Loss(objective)),
            Some(options.outputs.clone().unwrap_or_default()),
        ),
        Work::Step => {
            let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
            let optimizer = Optimizer { rule, weight_decay: 0.05, clip: None, accumulate: 1 };
            (
                Mode::Training {
                    objective,
                    optimizer,
                    decay: Decay::default(),
                    frozen: Vec::new(),
                },
                Some(options.outputs.clone().unwrap_or_default()),
            )
        }
    };
    CompileOptions {
        batch: options.batch,
        outputs,
        only: options.only.clone(),
        mode,
        random: work != Work::Forward,
        recompute: options.recompute.clone(),
        max_memory: options.max_memory,
        precision: options.precision,
        limits: Limits::NONE,
    }
}
