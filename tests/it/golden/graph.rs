//! The graph against golden numbers, in doubles: lowering and differentiation alone, without kernels.

use std::collections::BTreeMap;

use zorro_compiler::autodiff::Seed;
use zorro_compiler::graph::interpret::{Feed, interpret};
use zorro_compiler::graph::{Graph, RootKind};
use zorro_compiler::{CompileOptions, Mode, compile_graph};
use zorro_runtime::batch::FedTensor;
use zorro_runtime::{Batch, Tensor, TensorData, Tensors};

use super::case::{Case, Gradient, Loaded, Scalar};
use super::compare::Comparison;

/// Goldens are stored in single precision; doubles differ from them by that rounding alone.
const NEAR: (f64, f64) = (1e-6, 1e-6);

/// The batch of a case, with what some gradients need besides.
pub(crate) fn batch(loaded: &Loaded, cotangents: Option<&Tensors>) -> Batch {
    let feeds = loaded.feeds.iter().filter(|(name, _)| !loaded.absent.iter().any(|a| a == name));
    let fed = feeds.chain(loaded.targets.iter()).map(|(name, t)| (name.to_owned(), t.clone()));
    let cotangents = cotangents.into_iter().flat_map(Tensors::iter);
    let cotangents = cotangents.map(|(name, t)| (format!("cotangent.{name}"), t.clone()));
    Batch { tensors: fed.chain(cotangents).collect() }
}

/// What the graph is fed in the case.
fn feed(loaded: &Loaded, graph: &Graph, batch: &Batch) -> Feed {
    let model = &loaded.checked.model;
    let fed = batch.fed(model, &graph.inputs, graph.batch).expect("the batch fits");
    let mut feed = Feed::zeros(graph);
    feed.samples = fed.samples;
    for (to, from) in feed.inputs.iter_mut().zip(&fed.inputs) {
        match from {
            FedTensor::Numbers(numbers) => {
                *to = numbers.iter().copied().map(f64::from).collect();
            }
            FedTensor::Integers(ids) => *to = ids.iter().copied().map(f64::from).collect(),
        }
    }
    for (place, weight) in graph.parameters.places.iter().zip(&model.weights) {
        let Some(place) = place else { continue };
        let numbers = loaded.weights.get(&weight.name).expect("a weight").data().to_f32();
        let own = &mut feed.parameters[place.buffer.0 as usize];
        for (to, from) in own[place.offset..].iter_mut().zip(numbers) {
            *to = f64::from(from);
        }
    }
    feed
}

/// Results of one kind by name.
fn results(graph: &Graph, values: &[Option<Vec<f64>>], kind: RootKind) -> Tensors {
    let roots = graph.roots.iter().filter(|root| root.kind == kind);
    let tensors = roots.map(|root| {
        let numbers = values[root.node.0 as usize].as_ref().expect("roots are computed");
        let data = TensorData::F64(numbers.clone());
        let shape = graph.shape(root.node).to_vec();
        (root.name.clone(), Tensor::new(shape, data).expect("it fills its shape"))
    });
    tensors.collect()
}

/// Gradients of weights by name.
fn weight_gradients(loaded: &Loaded, graph: &Graph, values: &[Option<Vec<f64>>]) -> Tensors {
    let buffers = &graph.parameters.buffers;
    let mut all: Vec<Vec<f64>> = buffers.iter().map(|buffer| vec![0.0; buffer.numbers]).collect();
    for root in &graph.roots {
        if let RootKind::ParameterGradient(buffer, start) = root.kind {
            let numbers = values[root.node.0 as usize].as_ref().expect("roots are computed");
            all[buffer.0 as usize][start..start + numbers.len()].copy_from_slice(numbers);
        }
    }
    let weights = graph.parameters.places.iter().zip(&loaded.checked.model.weights);
    let tensors = weights.filter_map(|(place, weight)| {
        let place = (*place)?;
        let own = all[place.buffer.0 as usize][place.offset..][..place.numbers].to_vec();
        let shape = weight.shape.iter().map(|size| usize::try_from(*size).expect("small"));
        let tensor = Tensor::new(shape.collect(), TensorData::F64(own)).expect("its own size");
        Some((weight.name.clone(), tensor))
    });
    tensors.collect()
}

fn compare(case: &Case, loaded: &Loaded, comparison: &mut Comparison) {
    if !loaded.outputs.is_empty() || !loaded.losses.is_empty() {
        compare_forward(case, loaded, comparison);
    }
    for gradient in &loaded.gradients {
        compare_gradient(case, loaded, gradient, comparison);
    }
}

fn compare_forward(case: &Case, loaded: &Loaded, comparison: &mut Comparison) {
    let only: Vec<String> = loaded.outputs.names().map(str::to_owned).collect();
    let forward = CompileOptions {
        batch: loaded.batch,
        outputs: Some(only),
        mode: Mode::Forward { objectives: loaded.losses.keys().cloned().collect() },
        ..CompileOptions::default()
    };
    let graph = compile_graph(&loaded.checked, &forward).expect("it can be lowered");
    let values = interpret(&graph, &feed(loaded, &graph, &batch(loaded, None)));
    let outputs = results(&graph, &values, RootKind::Output);
    let what = format!("{}: output", case.name);
    comparison.tensors(&what, &outputs, &loaded.outputs, NEAR);
    let losses = results(&graph, &values, RootKind::Loss);
    let losses: BTreeMap<&str, f64> =
        losses.iter().map(|(name, t)| (name, f64::from(t.data().to_f32()[0]))).collect();
    for (name, golden) in &loaded.losses {
        let what = format!("{}: loss {name}", case.name);
        comparison.numbers(&what, &[losses[name.as_str()]], &[*golden], NEAR);
    }
}

fn compare_gradient(
    case: &Case,
    loaded: &Loaded,
    gradient: &Gradient,
    comparison: &mut Comparison,
) {
    let (seed, outputs, cotangents) = match &gradient.of {
        Scalar::Objective(name) => (Seed::Loss(name.clone()), Vec::new(), None),
        Scalar::Cotangents(tensors) => {
            let outputs = tensors.names().map(str::to_owned).collect();
            (Seed::Outputs, outputs, Some(tensors))
        }
    };
    let options = CompileOptions {
        batch: loaded.batch,
        outputs: Some(outputs),
        mode: Mode::Gradients(seed),
        ..CompileOptions::default()
    };
    let graph = compile_graph(&loaded.checked, &options).expect("it can be differentiated");
    let values = interpret(&graph, &feed(loaded, &graph, &batch(loaded, cotangents)));
    let mut ours = weight_gradients(loaded, &graph, &values);
    for (name, tensor) in results(&graph, &values, RootKind::InputGradient).iter() {
        ours.insert(name, tensor.clone());
    }
    // A weight that nothing differentiated needs is not lowered; its golden gradient is zero.
    let golden = gradient.tensors.iter().filter(|(name, tensor)| {
        let is_zero = tensor.data().to_f32().iter().all(|number| *number == 0.0);
        ours.get(name).is_some() || !is_zero
    });
    let golden: Tensors = golden.map(|(name, tensor)| (name, tensor.clone())).collect();
    comparison.tensors(&format!("{}: gradient", case.name), &ours, &golden, NEAR);
}

#[test]
fn graphs_give_the_golden_numbers() {
    let mut comparison = Comparison::default();
    for case in Case::all() {
        compare(&case, &case.load(), &mut comparison);
    }
    assert!(comparison.complaints.is_empty(), "\n{}", comparison.complaints.join("\n"));
    assert!(comparison.n_tensors > 1000, "{} tensors", comparison.n_tensors);
    eprintln!("{} tensors, worst {:?}", comparison.n_tensors, comparison.worst);
}
