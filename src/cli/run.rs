//! `zorro run`: tensors in, tensors out.
//!
//! In: a spec, weights and inputs as .safetensors, perhaps a name map. Out: outputs, losses and gradients, in a file or
//! as a table. Deliberately not here: media files, which `infer` takes; the loop of training.

use std::path::{Path, PathBuf};

use zorro_compiler::autodiff::Seed;
use zorro_compiler::model::{Model, Source, TargetKind};
use zorro_compiler::{Checked, Mode, compile};
use zorro_runtime::names::{self, Section, Shipped};
use zorro_runtime::session::Results;
use zorro_runtime::{Batch, NameMap, RunOptions, Session, Tensor, TensorData, Tensors};

use super::options::Settings;
use super::wanted::{Place, Wanted};
use super::{Failure, note, print_quoting, spares, spec, tensors};

/// Run a model: tensors in, tensors out
///
/// The inputs hold a tensor for each modality, `[batch, grid.., width]` (ids of a text as integers), and for each target
/// that a loss needs. A modality that is not there is lacked by all samples; `NAME.present`, `[batch]`, says for each
/// sample whether it has it. Results are the outputs by name, losses as `loss.NAME`, and gradients as `gradient.NAME` of every
/// weight and every modality of numbers. Where samples lack an output, `NAME.present` says which have it, and the others' rows
/// are zeros; a loss that no sample has is left out.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro run demo.zorro --inputs in.safetensors --weights w.safetensors -o out.safetensors\n  \
    zorro run demo.zorro --inputs in.safetensors --only audio\n  \
    zorro run demo.zorro --inputs in.safetensors --gradients supervised -o grads.safetensors\n  \
    zorro run demo.zorro --dry-run --batch 8 --gradients supervised")]
pub(super) struct Args {
    /// The .zorro file
    spec: PathBuf,

    /// What the model is fed
    #[arg(long, value_name = "FILE", required_unless_present_any = ["dry_run", "example_inputs"])]
    inputs: Option<PathBuf>,

    /// Its weights [default: as they start, from seed 0]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// A name map for weights, inputs and results
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,

    /// Write the results to this file instead of printing a table of them
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also compute these objectives
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    objectives: Vec<String>,

    /// Gradients of this objective, or of the sum of outputs times the cotangents in this .safetensors file
    #[arg(long, value_name = "OBJECTIVE|FILE")]
    gradients: Option<String>,

    /// Drop at random as in training, from this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Feed zeros for these modalities, and count them as present
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    zero: Vec<String>,

    /// Samples of a batch [default: as many as the inputs have]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Write noise of the right names and shapes to this file, as inputs to begin with, and run nothing
    #[arg(long, value_name = "FILE")]
    example_inputs: Option<PathBuf>,

    /// Print the plan, and run nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let gradients = args.gradients.as_deref().map(Path::new);
    let read = [&args.inputs, &args.weights, &args.map].map(Option::as_deref);
    for output in [&args.output, &args.example_inputs] {
        let read = read.into_iter().chain([Some(args.spec.as_path()), gradients]);
        spares(output.as_deref(), read)?;
    }
    let (_, checked) = spec::checked(&args.spec, &args.settings)?;
    if let Some(path) = &args.example_inputs {
        if args.batch == Some(0) {
            return Err(Failure::Work("a batch has at least 1 sample".to_owned()));
        }
        zorro::noise::fits(&checked.model, args.batch.unwrap_or(1)).map_err(Failure::Work)?;
        let batch =
            zorro::noise::batch(&checked.model, args.batch.unwrap_or(1), args.seed.unwrap_or(0));
        return batch.tensors.write(path).map_err(work);
    }
    let map = args.map.as_deref().map(read_map).transpose()?;
    let (mode, cotangents) = mode(args)?;
    let mut batch = Batch::default();
    if let Some(path) = &args.inputs {
        batch = fed(args, &checked.model, map.as_ref(), path, cotangents)?;
    }
    let is_fed = !batch.tensors.is_empty();
    let samples = if is_fed { batch.samples().map_err(work)? } else { args.batch.unwrap_or(1) };
    let samples = args.batch.unwrap_or(samples);
    let wanted = args.wanted.options(samples, mode, args.seed.is_some());
    if args.dry_run {
        return print_quoting(&compile(&checked, &wanted).map_err(work)?.to_string());
    }
    let mut session = Session::new(&checked, &wanted, &args.place.open()?).map_err(work)?;
    let foreign = weights(args, &checked, map.as_ref(), &mut session)?;
    let options = RunOptions { seed: args.seed.unwrap_or(0), ..RunOptions::default() };
    let results = session.run(&batch, &options).map_err(work)?;
    let outputs = marked(&checked, &results)?;
    let given = if is_fed { batch.samples().map_err(work)? } else { 0 };
    say_who_lacks_what(&checked, &results, &outputs, given)?;
    let known =
        Known { weights: foreign.as_ref(), wanted: &names::Wanted::weights(&checked.model) };
    let all = collected(&results, outputs, map.as_ref(), known)?;
    match &args.output {
        Some(path) => all.write(path).map_err(work),
        None => print_quoting(&tensors::table(&all)),
    }
}

fn work(error: impl std::fmt::Display) -> Failure {
    Failure::Work(error.to_string())
}

/// A map that comes with this program, or one in a file.
pub(super) fn read_map(path: &Path) -> Result<NameMap, Failure> {
    let name = path.display().to_string();
    if let Some(shipped) = Shipped::find(&name) {
        return Ok(shipped.map());
    }
    let text = zorro::files::read(path).map_err(|reason| {
        Failure::Work(format!("cannot read `{name}`: {reason}; {}", Shipped::hint(&name)))
    })?;
    NameMap::parse(&name, &text).map_err(work)
}

/// How far the run goes, and the cotangents where a file says them.
fn mode(args: &Args) -> Result<(Mode, Option<Tensors>), Failure> {
    let Some(gradients) = &args.gradients else {
        return Ok((Mode::Forward { objectives: args.objectives.clone() }, None));
    };
    if !args.objectives.is_empty() {
        let message = "--objectives and --gradients exclude each other: a gradient's objective is computed anyway";
        return Err(Failure::Usage(message.to_owned()));
    }
    if gradients.ends_with(".safetensors") {
        let cotangents = Tensors::read(Path::new(gradients)).map_err(work)?;
        return Ok((Mode::Gradients(Seed::Outputs), Some(cotangents)));
    }
    Ok((Mode::Gradients(Seed::Loss(gradients.clone())), None))
}

/// The batch: the file's tensors under the model's names, cotangents and zeros.
fn fed(
    args: &Args,
    model: &Model,
    map: Option<&NameMap>,
    path: &Path,
    cotangents: Option<Tensors>,
) -> Result<Batch, Failure> {
    let file = Tensors::read(path).map_err(work)?;
    let mut fed = match map {
        Some(map) => mapped(model, &file, map)?,
        None => file,
    };
    let cotangents = match (map, cotangents) {
        (Some(map), Some(cotangents)) => Some(named_cotangents(model, &cotangents, map)?),
        (_, cotangents) => cotangents,
    };
    for (name, tensor) in cotangents.iter().flat_map(Tensors::iter) {
        // In a file of results, who has an output: nothing flows back from the others in any case.
        if name.ends_with(".present") {
            continue;
        }
        if !model.outputs.iter().any(|output| output.name == name) {
            return Err(Failure::Work(format!("a cotangent is for `{name}`, which is no output")));
        }
        fed.insert(format!("cotangent.{name}"), tensor.clone());
    }
    let named = Batch { tensors: fed.clone() };
    named.check_names(model).map_err(work)?;
    let samples = named.samples().map_err(work)?;
    for name in &args.zero {
        let Some(modality) = model.modalities.iter().find(|modality| modality.name == *name) else {
            return Err(Failure::Usage(format!("the model has no modality `{name}`")));
        };
        let mut shape = vec![samples];
        shape.extend(sizes(&modality.shape.grid));
        if !matches!(modality.source, Source::Text { .. }) {
            shape.extend(sizes(&[modality.shape.width]));
        }
        let numbers = shape.iter().product();
        let zeros = match modality.source {
            Source::Text { .. } => TensorData::I64(vec![0; numbers]),
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                TensorData::F32(vec![0.0; numbers])
            }
        };
        fed.insert(name.clone(), Tensor::new(shape, zeros).expect("as many zeros"));
    }
    Ok(Batch { tensors: fed })
}

/// Cotangents under the names of the outputs. An output without one has none; what is no output's keeps its name, and is told.
fn named_cotangents(model: &Model, file: &Tensors, map: &NameMap) -> Result<Tensors, Failure> {
    let batch = file.iter().find_map(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(1);
    let (mut named, mut used) = (Tensors::new(), Vec::new());
    for output in &model.outputs {
        let sources = map.sources(Section::Outputs, &output.name).map_err(work)?;
        if !sources.iter().any(|source| file.get(source).is_some()) {
            continue;
        }
        let of = model.shape(output.value);
        let mut shape = vec![batch];
        shape.extend(sizes(&of.grid));
        shape.extend(sizes(&[of.width]));
        let wanted = names::Wanted::plain(&output.name, &shape);
        named.extend(map.import(Section::Outputs, file, &[wanted]).map_err(work)?);
        used.extend(sources);
    }
    let rest = file.iter().filter(|(name, _)| !used.iter().any(|used| used == name));
    named.extend(rest.map(|(name, tensor)| (name.to_owned(), tensor.clone())));
    Ok(named)
}

fn sizes(sizes: &[u64]) -> Vec<usize> {
    sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect()
}

/// What the model is fed of a file, under the model's names. What has no source in the file is lacked by all samples; whatever
/// has one must fit, and what nothing asks for is an error, as without a map.
fn mapped(model: &Model, file: &Tensors, map: &NameMap) -> Result<Tensors, Failure> {
    let batch = file.iter().find_map(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(1);
    let mut fed = Tensors::new();
    let mut used: Vec<String> = Vec::new();
    for (name, shapes) in known_inputs(model, batch) {
        let sources = map.sources(Section::Inputs, &name).map_err(work)?;
        if !sources.iter().any(|source| file.get(source).is_some()) {
            continue;
        }
        let mut last = None;
        for shape in shapes {
            match map.import(Section::Inputs, file, &[names::Wanted::plain(&name, &shape)]) {
                Ok(found) => {
                    fed.extend(found);
                    last = None;
                    break;
                }
                Err(error) => last = last.or(Some(error)),
            }
        }
        if let Some(error) = last {
            return Err(work(error));
        }
        used.extend(sources);
    }
    match file.names().find(|name| !used.iter().any(|used| used == name)) {
        Some(name) => {
            let message =
                format!("the model takes nothing from `{name}` of the inputs; look at the map");
            Err(Failure::Work(message))
        }
        None => Ok(fed),
    }
}

/// Everything that the model can be fed, and the shapes that it can have.
fn known_inputs(model: &Model, batch: usize) -> Vec<(String, Vec<Vec<usize>>)> {
    let mut known = Vec::new();
    for modality in &model.modalities {
        let mut shape = vec![batch];
        shape.extend(sizes(&modality.shape.grid));
        if !matches!(modality.source, Source::Text { .. }) {
            shape.extend(sizes(&[modality.shape.width]));
        }
        known.push((modality.name.clone(), vec![shape]));
        known.push((format!("{}.present", modality.name), vec![vec![batch]]));
    }
    for target in &model.targets {
        let shapes = match &target.kind {
            TargetKind::Class(n) => {
                vec![vec![batch, sizes(&[*n])[0]], vec![batch]]
            }
            TargetKind::Classes(n) => vec![vec![batch, sizes(&[*n])[0]]],
            TargetKind::Tensor(tensor) => {
                let mut shape = vec![batch];
                shape.extend(sizes(&tensor.grid));
                shape.extend(sizes(&[tensor.width]));
                vec![shape]
            }
        };
        known.push((target.name.clone(), shapes));
        known.push((format!("{}.present", target.name), vec![vec![batch]]));
    }
    known
}

/// Weights from the file, which is handed back, or as they start.
fn weights(
    args: &Args,
    checked: &Checked,
    map: Option<&NameMap>,
    session: &mut Session,
) -> Result<Option<Tensors>, Failure> {
    let Some(path) = &args.weights else {
        note("note: no --weights; they are as they start, from seed 0");
        session.initialize(0).map_err(work)?;
        return Ok(None);
    };
    let file = Tensors::read(path).map_err(work)?;
    let weights = match map {
        Some(map) => {
            let wanted = names::Wanted::weights(&checked.model);
            map.import(Section::Weights, &file, &wanted).map_err(work)?
        }
        None => file.clone(),
    };
    session.set_weights(&weights).map_err(work)?;
    Ok(Some(file))
}

/// What tells sizes that a map does not.
#[derive(Clone, Copy)]
struct Known<'a> {
    /// The foreign file of the weights.
    weights: Option<&'a Tensors>,
    wanted: &'a [names::Wanted],
}

/// Results in one collection: outputs, losses, gradients.
fn collected(
    results: &Results<'_>,
    outputs: Tensors,
    map: Option<&NameMap>,
    known: Known<'_>,
) -> Result<Tensors, Failure> {
    let under = |section: Section, tensors: Tensors| {
        let base = known.weights.filter(|_| section == Section::Gradients);
        match map {
            Some(map) => map.export(section, &tensors, base, known.wanted).map_err(work),
            None => Ok(tensors),
        }
    };
    let mut all = under(Section::Outputs, outputs)?;
    let losses = results.losses().map_err(work)?;
    for (name, loss) in losses.into_iter().filter(|(name, _)| results.has_loss(name)) {
        let tensor = Tensor::new(vec![1], TensorData::F32(vec![loss])).expect("one number");
        all.insert(format!("loss.{name}"), tensor);
    }
    let of_weights = results.weight_gradients().map_err(work)?;
    let of_inputs = results.input_gradients().map_err(work)?;
    let gradients: Tensors = [of_weights, of_inputs]
        .iter()
        .flat_map(Tensors::iter)
        .map(|(name, tensor)| (name.to_owned(), tensor.clone()))
        .collect();
    if results.has_gradients() {
        for (name, tensor) in under(Section::Gradients, gradients)?.iter() {
            all.insert(format!("gradient.{name}"), tensor.clone());
        }
    }
    Ok(all)
}

/// The outputs. Where samples lack one, their rows are zeros, and `NAME.present` says who has it.
fn marked(checked: &Checked, results: &Results<'_>) -> Result<Tensors, Failure> {
    let mut marked = Tensors::new();
    for (name, tensor) in results.outputs().map_err(work)?.iter() {
        let has = results.has_output(&checked.flow, name);
        if has.iter().all(|has| *has) {
            marked.insert(name, tensor.clone());
            continue;
        }
        let mut numbers = tensor.data().to_f32();
        let width = numbers.len() / has.len().max(1);
        for (row, _) in numbers.chunks_mut(width.max(1)).zip(&has).filter(|(_, has)| !**has) {
            row.fill(0.0);
        }
        let shape = tensor.shape().to_vec();
        let tensor = Tensor::new(shape, TensorData::F32(numbers)).expect("the same shape");
        marked.insert(name, tensor);
        let present = has.iter().map(|has| f32::from(u8::from(*has))).collect();
        let present = Tensor::new(vec![has.len()], TensorData::F32(present));
        marked.insert(format!("{name}.present"), present.expect("a list is a shape"));
    }
    Ok(marked)
}

/// What samples lack is no error, but must not go unnoticed.
fn say_who_lacks_what(
    checked: &Checked,
    results: &Results<'_>,
    outputs: &Tensors,
    samples: usize,
) -> Result<(), Failure> {
    for output in &checked.model.outputs {
        let has = results.has_output(&checked.flow, &output.name);
        let lack: Vec<String> =
            (0..samples).filter(|at| !has[*at]).map(|at| at.to_string()).collect();
        if !lack.is_empty() && outputs.get(&output.name).is_some() {
            let name = &output.name;
            note(&format!("note: `{name}` is not there for samples {}", lack.join(", ")));
        }
    }
    for name in results.losses().map_err(work)?.into_keys() {
        if !results.has_loss(&name) {
            note(&format!(
                "note: no sample has what `{name}` is made of, so there is no such loss"
            ));
        }
    }
    Ok(())
}
