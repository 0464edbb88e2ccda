//! `zorro weights`: weights as files.
//!
//! In: a spec, .safetensors files, name maps. Out: weights under the names of the model, or under foreign ones.
//! Deliberately not here: what a map can say (`docs/names.md`).

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use zorro_compiler::Model;
use zorro_compiler::random;
use zorro_runtime::checkpoint::current;
use zorro_runtime::names::{SHIPPED, Section, Shipped, Wanted};
use zorro_runtime::{Tensor, TensorData, Tensors};

use super::options::Settings;
use super::run::read_map;
use super::{Failure, note, print_quoting, spares, spec, tensors};

/// Import, export, draw and show weights
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro weights show models/zorro_vit.zorro\n  \
    zorro weights import vit.zorro --map timm_vit --from vit_base.safetensors -o w.safetensors\n  \
    zorro weights maps timm_vit > mine.yaml\n  \
    zorro weights export vit.zorro --map timm.yaml --weights w.safetensors -o back.safetensors\n  \
    zorro weights init vit.zorro --seed 7 -o start.safetensors")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The weights of a spec with their shapes and starts, or the tensors of a file
    Show {
        /// The .zorro or .safetensors file
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// From a foreign file to weights of the model
    ///
    /// What the file does not have starts as `init` draws it; a table says what became of every weight.
    Import {
        /// The .zorro file
        spec: PathBuf,
        /// The name map: one that comes with zorro, or a file
        #[arg(long, value_name = "NAME|FILE")]
        map: PathBuf,
        /// The foreign file: .safetensors, an index of several, or a folder of a model hub
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The seed from which weights are drawn that the file does not have
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// Tensors that nothing uses, and parts of a block that start fresh, are an error
        #[arg(long)]
        strict: bool,
        /// The type of the numbers that are written
        #[arg(long, value_enum, default_value_t = Numbers::F32)]
        dtype: Numbers,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// From weights of the model to a foreign file
    Export {
        /// The .zorro file
        spec: PathBuf,
        /// The name map: one that comes with zorro, or a file
        #[arg(long, value_name = "NAME|FILE")]
        map: PathBuf,
        /// The type of the numbers that are written [default: as they are]
        #[arg(long, value_enum)]
        dtype: Option<Numbers>,
        /// The weights
        #[arg(long, value_name = "FILE")]
        weights: PathBuf,
        /// A foreign file of the same kind: what the model does not have is taken from it
        #[arg(long, value_name = "FILE")]
        base: Option<PathBuf>,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// The name maps that come with zorro, or the text of one
    Maps {
        /// The map
        name: Option<String>,
    },
    /// Weights as they start
    Init {
        /// The .zorro file
        spec: PathBuf,
        /// The seed from which they are drawn, each by its name
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Types that numbers are written in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Numbers {
    F32,
    F16,
    Bf16,
}

impl Numbers {
    fn of(self, tensors: &Tensors) -> Tensors {
        let one = |tensor: &Tensor| match self {
            Self::F32 => tensor.to_f32(),
            Self::F16 => tensor.to_f16(),
            Self::Bf16 => tensor.to_bf16(),
        };
        tensors.iter().map(|(name, tensor)| (name, one(tensor))).collect()
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Show { file, settings } => show(file, settings),
        What::Import { spec: path, map, from, seed, strict, dtype, output, settings } => {
            spares(Some(output), [path, map, from].map(|path| Some(path.as_path())))?;
            let (_, checked) = spec::checked(path, settings)?;
            let file = Tensors::read(from).map_err(work)?;
            let weights = import(&checked.model, &file, from, map, *seed, *strict)?;
            dtype.of(&weights).write(output).map_err(work)
        }
        What::Export { spec: path, map, dtype, weights, base, output, settings } => {
            let read = [Some(path), Some(map), Some(weights), base.as_ref()];
            spares(Some(output), read.map(|path| path.map(PathBuf::as_path)))?;
            let (_, checked) = spec::checked(path, settings)?;
            let ours = Tensors::read(weights).map_err(work)?;
            let ours = current(&checked.model, &ours);
            check(&checked.model, &ours)?;
            let base = base.as_deref().map(Tensors::read).transpose().map_err(work)?;
            let map = read_map(map)?;
            let wanted = Wanted::weights(&checked.model);
            let foreign = map.export(Section::Weights, &ours, base.as_ref(), &wanted);
            let foreign = foreign.map_err(work)?;
            dtype
                .map_or_else(|| foreign.clone(), |dtype| dtype.of(&foreign))
                .write(output)
                .map_err(work)
        }
        What::Maps { name: None } => {
            let first = |text: &'static str| {
                text.lines().next().unwrap_or_default().trim_start_matches("# ")
            };
            let lines = SHIPPED.iter().map(|map| format!("{:12}{}\n", map.name, first(map.text)));
            print_quoting(&lines.collect::<String>())
        }
        What::Maps { name: Some(name) } => match Shipped::find(name) {
            Some(map) => print_quoting(map.text),
            None => {
                Err(Failure::Work(format!("there is no map `{name}`; {}", Shipped::hint(name))))
            }
        },
        What::Init { spec: path, seed, output, settings } => {
            spares(Some(output), [Some(path.as_path())])?;
            let (_, checked) = spec::checked(path, settings)?;
            starts(&checked.model, *seed).write(output).map_err(work)
        }
    }
}

/// Weights as they start.
fn starts(model: &Model, seed: u64) -> Tensors {
    let weights = model.weights.iter().map(|weight| {
        let numbers = random::initial(&weight.name, &weight.shape, &weight.init, seed);
        let tensor = Tensor::new(sizes(&weight.shape), TensorData::F32(numbers));
        (weight.name.clone(), tensor.expect("a start fills its shape"))
    });
    weights.collect()
}

/// All weights of the model: those that the file has, and the others as they start. What became of each is said.
fn import(
    model: &Model,
    file: &Tensors,
    from: &Path,
    map: &Path,
    seed: u64,
    strict: bool,
) -> Result<Tensors, Failure> {
    let adopted = read_map(map)?.adopt(file, &Wanted::weights(model)).map_err(work)?;
    note(adopted.report.to_string().trim_end());
    let (from, map) = (from.display(), map.display());
    if adopted.weights.is_empty() {
        return Err(Failure::Work(format!("`{from}` has no weight of the model, through `{map}`")));
    }
    let warnings = adopted.report.warnings();
    if strict && !warnings.is_empty() {
        return Err(Failure::Work(warnings.join("\n")));
    }
    warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
    let mut weights = starts(model, seed);
    weights.extend(adopted.weights);
    Ok(weights)
}

fn work(error: impl std::fmt::Display) -> Failure {
    Failure::Work(error.to_string())
}

fn show(file: &Path, settings: &Settings) -> Result<(), Failure> {
    if file.extension().is_some_and(|extension| extension == "safetensors") {
        return print_quoting(&tensors::table(&Tensors::read(file).map_err(work)?));
    }
    let (_, checked) = spec::checked(file, settings)?;
    print_quoting(&zorro::weights_table(&checked.model))
}

fn sizes(sizes: &[u64]) -> Vec<usize> {
    sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect()
}

/// Weights that are to be exported are those of the model.
fn check(model: &Model, ours: &Tensors) -> Result<(), Failure> {
    for weight in &model.weights {
        let name = &weight.name;
        match ours.get(name) {
            None => return Err(Failure::Work(format!("the weight `{name}` is missing"))),
            Some(tensor) if tensor.shape() != sizes(&weight.shape) => {
                let (found, wanted) = (tensor.shape(), &weight.shape);
                let message =
                    format!("the weight `{name}` is {found:?}; the model's is {wanted:?}");
                return Err(Failure::Work(message));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
