//! `zorro graph`: a stage of the compiler as text or as a drawing.
//!
//! In: a spec. Out: the text form of a stage, or Graphviz. Deliberately not here: the stages.

use std::path::PathBuf;

use clap::ValueEnum;
use zorro::{Target, dot, shaders};
use zorro_compiler::autodiff::Seed;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};
use zorro_compiler::{Checked, Mode, compile, compile_graph, graph};

use super::options::Settings;
use super::wanted::Wanted;
use super::{Failure, print_quoting, spec};

/// Print a stage of the compiler
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro graph models/zorro_vit.zorro --stage model\n  \
    zorro graph models/zorro_vit.zorro --set depth=1 --stage training --objective supervised\n  \
    zorro graph models/zorro_vit.zorro --stage plan --batch 8\n  \
    zorro graph models/zorro_vit.zorro --stage model --format dot | dot -Tsvg > vit.svg")]
pub(super) struct Args {
    /// The .zorro file, or `-` for standard input
    spec: PathBuf,

    /// Which stage
    #[arg(long, value_enum, default_value_t = Stage::Model)]
    stage: Stage,

    /// As text, or for Graphviz
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Samples of a batch, for all stages but the model
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: usize,

    /// The objective of training [default: the first]
    #[arg(long, value_name = "NAME")]
    objective: Option<String>,

    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Every name resolved, every block expanded
    Model,
    /// Tensor arithmetic of outputs
    Forward,
    /// With the loss and the gradients of an objective, or of the outputs where there is none
    Gradients,
    /// With an objective, its gradients and new weights by AdamW
    Training,
    /// The kernels of outputs, and where everything lies
    Plan,
    /// The kernels of a step of training
    TrainingPlan,
    /// The shaders of outputs, a line for each; `zorro compile` writes their texts
    Program,
    /// The shaders of a step of training
    TrainingProgram,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    let text = match args.stage {
        Stage::Model => match args.format {
            Format::Text => checked.model.to_string(),
            Format::Dot => dot(&checked.model),
        },
        Stage::Forward | Stage::Gradients | Stage::Training => {
            let wanted = args.wanted.options(args.batch, mode(args, &checked)?, is_random(args));
            let made = compile_graph(&checked, &wanted)
                .map_err(|error| Failure::Work(error.to_string()))?;
            match args.format {
                Format::Text => made.to_string(),
                Format::Dot => graph::dot(&made),
            }
        }
        Stage::Plan | Stage::TrainingPlan => {
            if args.format == Format::Dot {
                return Err(Failure::Usage("a plan is no graph: it is printed as text".to_owned()));
            }
            let wanted = args.wanted.options(args.batch, mode(args, &checked)?, is_random(args));
            let made =
                compile(&checked, &wanted).map_err(|error| Failure::Work(error.to_string()))?;
            made.to_string()
        }
        Stage::Program | Stage::TrainingProgram => {
            if args.format == Format::Dot {
                return Err(Failure::Usage("shaders are no graph: they are a text".to_owned()));
            }
            let wanted = args.wanted.options(args.batch, mode(args, &checked)?, is_random(args));
            let made = shaders(&checked, &wanted, &Target::PORTABLE);
            made.map_err(|error| Failure::Work(error.to_string()))?.to_string()
        }
    };
    print_quoting(&text)
}

/// Dropout and drop path are part of training alone.
fn is_random(args: &Args) -> bool {
    match args.stage {
        Stage::Training | Stage::TrainingPlan | Stage::TrainingProgram => true,
        Stage::Model | Stage::Forward | Stage::Gradients | Stage::Plan | Stage::Program => false,
    }
}

fn mode(args: &Args, checked: &Checked) -> Result<Mode, Failure> {
    let first = checked.model.objectives.first().map(|objective| objective.name.clone());
    let objective = args.objective.clone().or(first);
    match args.stage {
        Stage::Model | Stage::Forward | Stage::Plan | Stage::Program => {
            Ok(Mode::Forward { objectives: args.objective.iter().cloned().collect() })
        }
        Stage::Gradients => Ok(Mode::Gradients(objective.map_or(Seed::Outputs, Seed::Loss))),
        Stage::Training | Stage::TrainingPlan | Stage::TrainingProgram => {
            let objective = objective.ok_or_else(|| {
                Failure::Work("the spec has no objective to train for".to_owned())
            })?;
            let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
            let optimizer = Optimizer { rule, weight_decay: 0.05, clip: None, accumulate: 1 };
            Ok(Mode::Training { objective, optimizer, decay: Decay::Matrices, frozen: Vec::new() })
        }
    }
}
