//! `zorro weights`: weights as files.
//!
//! In: a spec, .safetensors files, name maps. Out: weights under the names of the model, or under foreign ones.
//! Deliberately not here: what a map can say (`docs/names.md`).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use zorro_compiler::Model;
use zorro_compiler::random;
use zorro_runtime::checkpoint::current;
use zorro_runtime::names::Section;
use zorro_runtime::{Tensor, TensorData, Tensors};

use super::options::Settings;
use super::run::read_map;
use super::{Failure, print_quoting, spares, spec, tensors};

/// Import, export, draw and show weights
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro weights show models/zorro_vit.zorro\n  \
    zorro weights import vit.zorro --map timm.yaml --from vit_base.safetensors -o w.safetensors\n  \
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
    Import {
        /// The .zorro file
        spec: PathBuf,
        /// The name map
        #[arg(long, value_name = "FILE")]
        map: PathBuf,
        /// The foreign file
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
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
        /// The name map
        #[arg(long, value_name = "FILE")]
        map: PathBuf,
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

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Show { file, settings } => show(file, settings),
        What::Import { spec: path, map, from, output, settings } => {
            spares(Some(output), [path, map, from].map(|path| Some(path.as_path())))?;
            let (_, checked) = spec::checked(path, settings)?;
            let file = Tensors::read(from).map_err(work)?;
            let map = read_map(map)?;
            let weights = map.import(Section::Weights, &file, &wanted(&checked.model));
            weights.map_err(work)?.to_f32().write(output).map_err(work)
        }
        What::Export { spec: path, map, weights, base, output, settings } => {
            let read = [Some(path), Some(map), Some(weights), base.as_ref()];
            spares(Some(output), read.map(|path| path.map(PathBuf::as_path)))?;
            let (_, checked) = spec::checked(path, settings)?;
            let ours = Tensors::read(weights).map_err(work)?;
            let ours = current(&checked.model, &ours);
            check(&checked.model, &ours)?;
            let base = base.as_deref().map(Tensors::read).transpose().map_err(work)?;
            let map = read_map(map)?;
            let foreign = map.export(Section::Weights, &ours, base.as_ref()).map_err(work)?;
            foreign.write(output).map_err(work)
        }
        What::Init { spec: path, seed, output, settings } => {
            spares(Some(output), [Some(path.as_path())])?;
            let (_, checked) = spec::checked(path, settings)?;
            let weights = checked.model.weights.iter().map(|weight| {
                let numbers = random::initial(&weight.name, &weight.shape, &weight.init, *seed);
                let tensor = Tensor::new(sizes(&weight.shape), TensorData::F32(numbers));
                (weight.name.clone(), tensor.expect("a start fills its shape"))
            });
            weights.collect::<Tensors>().write(output).map_err(work)
        }
    }
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

fn wanted(model: &Model) -> Vec<(String, Vec<usize>)> {
    let weights = model.weights.iter();
    weights.map(|weight| (weight.name.clone(), sizes(&weight.shape))).collect()
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
