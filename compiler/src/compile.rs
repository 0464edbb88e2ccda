//! From a checked model to a plan: the passes in their order.
//!
//! In: a [`Checked`] model and what is wanted of it. Out: a [`Plan`], or why it cannot be had. Deliberately not here: the
//! passes, and the language's errors, which `check` has told.

use std::fmt;

use crate::autodiff::{Seed, Wanted, differentiate};
use crate::flow::ModalitySet;
use crate::graph::{Graph, Precision};
use crate::lower::{Decay, Request, Unavailable, lower};
use crate::model::{ModalityId, Model, WeightId};
use crate::optimizer::{Optimizer, optimize, scale_loss};
use crate::plan::{Limits, Plan, plan_within};
use crate::recompute::recompute;
use crate::{Checked, plan as planner};

/// What is wanted of a model.
#[derive(Debug, Clone)]
pub struct CompileOptions {
    /// Samples of a batch.
    pub batch: usize,
    /// The outputs, by name; none for all that can be had.
    pub outputs: Option<Vec<String>>,
    /// The modalities that there are, by name; none for all. What needs another one is not compiled.
    pub only: Option<Vec<String>>,
    /// Forward alone, or with gradients, or a step of training.
    pub mode: Mode,
    /// Whether dropout and drop path happen.
    pub random: bool,
    /// Parts of the model whose insides are computed again for the backward pass instead of kept: an apply's path
    /// such as `layers.3`, or its beginning such as `layers`.
    pub recompute: Vec<String>,
    /// The most bytes that the plan may need.
    pub max_memory: Option<u64>,
    /// How precisely what is computed is stored; training in mixed precision scales the loss.
    pub precision: Precision,
    /// What the buffers of the device hold.
    pub limits: Limits,
}

/// How far a computation goes.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Outputs, and the losses of these objectives.
    Forward {
        /// The objectives, by name.
        objectives: Vec<String>,
    },
    /// Outputs, and what the terms of this objective are made of, sample by sample: for means over more samples than a batch
    /// has.
    Terms {
        /// The objective, by name.
        objective: String,
    },
    /// Outputs, and gradients of all weights and all fed tensors of numbers.
    Gradients(Seed),
    /// One step: the loss, and new weights.
    Training {
        /// The objective, by name.
        objective: String,
        /// How weights follow from gradients.
        optimizer: Optimizer,
        /// To which weights decay applies.
        decay: Decay,
        /// Weights that stay as they are, by name.
        frozen: Vec<String>,
    },
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            batch: 1,
            outputs: None,
            only: None,
            mode: Mode::Forward { objectives: Vec::new() },
            random: false,
            recompute: Vec::new(),
            max_memory: None,
            precision: Precision::Single,
            limits: Limits::NONE,
        }
    }
}

/// Why a model cannot be compiled as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// A name that the model does not have.
    Unknown {
        /// Of what: `output`, `objective`, `modality`, `apply`, `weight`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that it has.
        known: Vec<String>,
    },
    /// Something that needs modalities which are not there: its name, and what it needs.
    Unavailable(Vec<(String, String)>),
    /// Nothing was asked for.
    Nothing,
    /// The model has no outputs, and no objective is asked for.
    NoOutputs,
    /// A batch of nothing.
    EmptyBatch,
    /// It needs more memory than allowed.
    TooMuchMemory(planner::TooMuchMemory),
    /// A tensor is larger than the buffers of the device.
    BeyondLimits(planner::BeyondLimits),
    /// Sizes that no machine holds: what, and how many numbers.
    TooLarge(String, u128),
}

/// Compiles a model.
///
/// # Errors
///
/// Names that the model does not have, outputs that cannot be had without a missing modality, memory beyond the
/// budget, and tensors beyond what the device's buffers hold.
///
/// ```
/// use zorro_compiler::{CompileOptions, Options, check_text, compile};
///
/// let spec = "model m {
///   modality photo = image(size: 4)
///   tokens photo = photo |> patches(2, 2) |> linear(8)
///   output mean = photo |> pool(mean)
/// }";
/// let checked = check_text(spec, &Options::default()).checked.expect("nothing is wrong");
/// let plan = compile(&checked, &CompileOptions { batch: 2, ..Default::default() })?;
/// assert_eq!(plan.results[0].shape, [2, 1, 8]);
/// # Ok::<(), zorro_compiler::CompileError>(())
/// ```
pub fn compile(checked: &Checked, options: &CompileOptions) -> Result<Plan, CompileError> {
    let plan = within_limits(checked, options)?.map_err(|error| {
        let largest_batch = largest_batch(checked, options);
        CompileError::BeyondLimits(planner::BeyondLimits { largest_batch, ..error })
    })?;
    if let Some(bytes) = options.max_memory {
        planner::check_memory(&plan, bytes).map_err(CompileError::TooMuchMemory)?;
    }
    Ok(plan)
}

/// The plan, or the tensor that has no place.
fn within_limits(
    checked: &Checked,
    options: &CompileOptions,
) -> Result<Result<Plan, planner::BeyondLimits>, CompileError> {
    let plan = plan_within(&graph(checked, options)?, &options.limits);
    Ok(planner::check_limits(&plan, &options.limits).map(|()| plan))
}

/// The most samples, below those asked for, with which every tensor has a place: found by halving.
fn largest_batch(checked: &Checked, options: &CompileOptions) -> Option<usize> {
    let fits = |batch: usize| {
        let options = CompileOptions { batch, ..options.clone() };
        matches!(within_limits(checked, &options), Ok(Ok(_)))
    };
    let (mut fitting, mut beyond) = (0, options.batch);
    while beyond - fitting > 1 {
        let middle = usize::midpoint(fitting, beyond);
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    (fitting > 0).then_some(fitting)
}

/// The graph before it is planned: lowered, differentiated and with updates, as far as asked.
///
/// # Errors
///
/// As [`compile`], but for memory.
pub fn graph(checked: &Checked, options: &CompileOptions) -> Result<Graph, CompileError> {
    let request = request(checked, options)?;
    let mut forward = lower(checked, &request).map_err(|list| unavailable(&checked.model, list))?;
    forward.precision = options.precision;
    let wanted = Wanted { parameters: true, inputs: true };
    let chosen = chosen(&checked.model, &options.recompute)?;
    let graph = match &options.mode {
        Mode::Forward { .. } | Mode::Terms { .. } => return Ok(forward),
        Mode::Gradients(seed) => differentiate(forward, seed, wanted),
        Mode::Training { objective, optimizer, .. } => {
            let seed = Seed::Loss(objective.clone());
            if options.precision == Precision::Mixed {
                scale_loss(&mut forward);
            }
            let graph = differentiate(forward, &seed, Wanted { inputs: false, ..wanted });
            optimize(graph, optimizer)
        }
    };
    if options.recompute.is_empty() {
        return Ok(graph);
    }
    Ok(recompute(&graph, &|path| chosen.iter().any(|apply| is_within(path, apply))))
}

/// What of the model is to be lowered.
fn request(checked: &Checked, options: &CompileOptions) -> Result<Request, CompileError> {
    let model = &checked.model;
    if options.batch == 0 {
        return Err(CompileError::EmptyBatch);
    }
    check_sizes(model, options.batch)?;
    let only = match &options.only {
        Some(names) => Some(modalities(model, names)?),
        None => None,
    };
    let mut frozen = Vec::new();
    let (objectives, decay) = match &options.mode {
        Mode::Forward { objectives } => (objectives.clone(), Decay::default()),
        Mode::Terms { .. } => (Vec::new(), Decay::default()),
        Mode::Gradients(Seed::Loss(name)) => (vec![name.clone()], Decay::default()),
        Mode::Gradients(Seed::Outputs | Seed::Chosen(_)) => (Vec::new(), Decay::default()),
        Mode::Training { objective, decay, frozen: names, .. } => {
            let known = || model.weights.iter().map(|weight| weight.name.as_str());
            for name in names {
                frozen.push(WeightId::next(find("weight", name, known())?));
            }
            (vec![objective.clone()], *decay)
        }
    };
    let objective = |name: &String| {
        let known = model.objectives.iter().map(|objective| objective.name.as_str());
        find("objective", name, known)
    };
    let objectives =
        objectives.iter().map(objective).collect::<Result<Vec<usize>, CompileError>>()?;
    let terms = match &options.mode {
        Mode::Terms { objective: name } => Some(objective(name)?),
        Mode::Forward { .. } | Mode::Gradients(_) | Mode::Training { .. } => None,
    };
    let outputs = match &options.outputs {
        Some(names) => names
            .iter()
            .map(|name| {
                find("output", name, model.outputs.iter().map(|output| output.name.as_str()))
            })
            .collect::<Result<Vec<usize>, CompileError>>()?,
        None => available(checked, only),
    };
    if let Mode::Gradients(Seed::Chosen(names)) = &options.mode {
        for name in names {
            find("output", name, outputs.iter().map(|at| model.outputs[*at].name.as_str()))?;
        }
        if names.is_empty() {
            return Err(CompileError::Nothing);
        }
    }
    if outputs.is_empty() && objectives.is_empty() && terms.is_none() {
        return Err(match &options.outputs {
            Some(_) => CompileError::Nothing,
            None if model.outputs.is_empty() => CompileError::NoOutputs,
            None => unavailable(model, all_outputs(checked)),
        });
    }
    Ok(Request {
        batch: options.batch,
        outputs,
        objectives,
        terms,
        only,
        random: options.random,
        decay,
        frozen,
        buffer_numbers: MAX_NUMBERS.min(options.limits.whole()),
    })
}

/// The most numbers of a buffer: what offsets of 32 bits reach.
const MAX_NUMBERS: usize = 1 << 31;

/// The outputs that can be had.
fn available(checked: &Checked, only: Option<ModalitySet>) -> Vec<usize> {
    let outputs = checked.model.outputs.iter().enumerate();
    let holds = |value| only.is_none_or(|only| checked.flow.presence(value).holds(only));
    outputs.filter(|(_, output)| holds(output.value)).map(|(at, _)| at).collect()
}

fn all_outputs(checked: &Checked) -> Vec<Unavailable> {
    let outputs = checked.model.outputs.iter();
    outputs
        .map(|output| Unavailable {
            name: output.name.clone(),
            presence: checked.flow.presence(output.value).clone(),
        })
        .collect()
}

/// No tensor and no weight may have more numbers than offsets of 32 bits reach.
fn check_sizes(model: &Model, batch: usize) -> Result<(), CompileError> {
    for weight in &model.weights {
        let numbers = u128::from(weight.numbers());
        if numbers > MAX_NUMBERS as u128 {
            return Err(CompileError::TooLarge(format!("the weight `{}`", weight.name), numbers));
        }
    }
    for value in &model.values {
        let numbers = batch as u128 * u128::from(value.shape.numbers());
        if numbers > MAX_NUMBERS as u128 {
            let path = &model.steps[value.step.index()].path;
            return Err(CompileError::TooLarge(format!("the result of `{path}`"), numbers));
        }
    }
    Ok(())
}

fn modalities(model: &Model, names: &[String]) -> Result<ModalitySet, CompileError> {
    let mut set = ModalitySet::EMPTY;
    for name in names {
        let known = model.modalities.iter().map(|modality| modality.name.as_str());
        let at = find("modality", name, known)?;
        set = set.union(ModalitySet::only(ModalityId::next(at)));
    }
    Ok(set)
}

fn find<'a>(
    kind: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Result<usize, CompileError> {
    let known: Vec<&str> = known.collect();
    known.iter().position(|found| *found == name).ok_or_else(|| CompileError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.into_iter().map(str::to_owned).collect(),
    })
}

/// The applies that begin with what was asked for.
fn chosen(model: &Model, names: &[String]) -> Result<Vec<String>, CompileError> {
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        let paths = model.applies.iter().map(|apply| apply.path.clone());
        chosen.extend(paths.filter(|path| is_within(path, name)));
        if chosen.len() == before {
            return Err(CompileError::Unknown {
                kind: "apply",
                name: name.clone(),
                known: model.applies.iter().map(|apply| apply.path.clone()).collect(),
            });
        }
    }
    Ok(chosen)
}

/// Whether a path is another one or lies below it.
fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn unavailable(model: &Model, list: Vec<Unavailable>) -> CompileError {
    let list = list.into_iter();
    CompileError::Unavailable(
        list.map(|found| (found.name, found.presence.display(model).to_string())).collect(),
    )
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { kind, name, known } if known.is_empty() && name.is_empty() => {
                write!(f, "the model has no {kind}")
            }
            Self::Unknown { kind, name, known } if known.is_empty() => {
                write!(f, "the model has no {kind} `{name}`; it has none at all")
            }
            Self::Unknown { kind, name, known } => {
                write!(f, "the model has no {kind} `{name}`; it has {}", known.join(", "))
            }
            Self::Unavailable(list) => {
                let list: Vec<String> =
                    list.iter().map(|(name, needs)| format!("`{name}` needs {needs}")).collect();
                write!(f, "not without the other modalities: {}", list.join("; "))
            }
            Self::Nothing => f.write_str("no output and no objective is asked for"),
            Self::NoOutputs => f.write_str("the model has no outputs: name one of its objectives"),
            Self::EmptyBatch => f.write_str("a batch has at least 1 sample"),
            Self::TooMuchMemory(error) => error.fmt(f),
            Self::BeyondLimits(error) => error.fmt(f),
            Self::TooLarge(what, numbers) => {
                write!(
                    f,
                    "{what} has {numbers} numbers, more than {MAX_NUMBERS}; take a smaller batch"
                )
            }
        }
    }
}

impl std::error::Error for CompileError {}
