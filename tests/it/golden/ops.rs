//! Single operations against golden numbers: forward and gradients, on the graph in doubles and on the CPU executor.

use std::path::Path;

use zorro::{CompileOptions, Mode, Options, check_text};
use zorro_compiler::autodiff::Seed;
use zorro_compiler::graph::interpret::{Feed, interpret};
use zorro_compiler::graph::{Attention, Gradient, Graph, Input, InputKind, Parameters, RootKind};
use zorro_compiler::routing::{Mask, Pair, Relation, Schedule, Side};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensor, TensorData, Tensors};

use super::compare::Comparison;
use crate::adapter;

/// An operation: a spec that does it, and where its golden tensors go.
struct Case {
    /// What golden names begin with.
    name: &'static str,
    /// The spec: it has an output `y`, or an objective `l`.
    spec: &'static str,
    /// Modalities and targets: ours, the golden one, its axes in our order, our shape.
    fed: &'static [(&'static str, &'static str, &'static [usize], &'static [usize])],
    /// Weights: the end of our name, the golden one, its axes in our order, our shape.
    weights: &'static [(&'static str, &'static str, &'static [usize], &'static [usize])],
    /// The golden output's axes in our order and our shape; none for a loss.
    output: Option<(&'static [usize], &'static [usize])>,
}

const CASES: &[Case] = &[
    Case {
        name: "layernorm",
        spec: "modality given = tensor([5, 48]); tokens t = given |> norm(eps: 1e-6); output y = t",
        fed: &[("given", "x", &[0, 1, 2], &[2, 5, 48])],
        weights: &[("scale", "w", &[0], &[48]), ("bias", "b", &[0], &[48])],
        output: Some((&[0, 1, 2], &[2, 5, 48])),
    },
    Case {
        name: "linear",
        spec: "modality given = tensor([5, 48]); tokens t = given |> linear(10); output y = t",
        fed: &[("given", "x", &[0, 1, 2], &[2, 5, 48])],
        weights: &[("weight", "w", &[0, 1], &[10, 48]), ("bias", "b", &[0], &[10])],
        output: Some((&[0, 1, 2], &[2, 5, 10])),
    },
    Case {
        name: "gelu_erf",
        spec: "modality given = tensor([1, 46]); tokens t = given |> gelu; output y = t",
        fed: &[("given", "x", &[0], &[1, 1, 46])],
        weights: &[],
        output: Some((&[0], &[1, 1, 46])),
    },
    Case {
        name: "gelu_tanh",
        spec: "modality given = tensor([1, 46]); tokens t = given |> gelu_tanh; output y = t",
        fed: &[("given", "x", &[0], &[1, 1, 46])],
        weights: &[],
        output: Some((&[0], &[1, 1, 46])),
    },
    Case {
        name: "geglu",
        spec: "modality given = tensor([3, 48]); tokens t = given |> gated(gelu); output y = t",
        fed: &[("given", "x", &[0, 1, 2], &[2, 3, 48])],
        weights: &[],
        output: Some((&[0, 1, 2], &[2, 3, 24])),
    },
    Case {
        name: "patch_conv3d",
        spec: "modality given = tensor([4, 8, 8, 3]); tokens t = given |> patches(2, 4, 4) |> linear(48)
               output y = t",
        fed: &[("given", "x", &[0, 2, 3, 4, 1], &[2, 4, 8, 8, 3])],
        weights: &[("weight", "w", &[0, 2, 3, 4, 1], &[48, 96]), ("bias", "b", &[0], &[48])],
        output: Some((&[0, 2, 3, 4, 1], &[2, 2, 2, 2, 48])),
    },
    Case {
        name: "cross_entropy",
        spec: "modality given = tensor([1, 10]); tokens t = given; target y = class(10)
               objective l = cross_entropy(t, y)",
        fed: &[("given", "x", &[0, 1], &[5, 1, 10]), ("y", "y", &[0], &[5])],
        weights: &[],
        output: None,
    },
    Case {
        name: "cross_entropy_smooth0.1",
        spec: "modality given = tensor([1, 10]); tokens t = given; target y = class(10)
               objective l = cross_entropy(t, y, smoothing: 0.1)",
        fed: &[("given", "x", &[0, 1], &[5, 1, 10]), ("y", "y", &[0], &[5])],
        weights: &[],
        output: None,
    },
    Case {
        name: "cross_entropy_soft",
        spec: "modality given = tensor([1, 10]); tokens t = given; target y = class(10)
               objective l = cross_entropy(t, y)",
        fed: &[("given", "x", &[0, 1], &[5, 1, 10]), ("y", "y", &[0, 1], &[5, 10])],
        weights: &[],
        output: None,
    },
    Case {
        name: "bce_logits",
        spec: "modality given = tensor([1, 10]); tokens t = given; target y = classes(10)
               objective l = sigmoid_cross_entropy(t, y)",
        fed: &[("given", "x", &[0, 1], &[6, 1, 10]), ("y", "y", &[0, 1], &[6, 10])],
        weights: &[],
        output: None,
    },
    Case {
        name: "nce_symmetric",
        spec: "modality v = tensor([1, 24]); modality a = tensor([1, 24]); tokens zv = v
               tokens za = a; objective l = nce(zv, za, temperature: 0.08)",
        fed: &[("v", "zv", &[0, 1], &[6, 1, 24]), ("a", "za", &[0, 1], &[6, 1, 24])],
        weights: &[],
        output: None,
    },
    Case {
        name: "nce_batch1",
        spec: "modality v = tensor([1, 24]); modality a = tensor([1, 24]); tokens zv = v
               tokens za = a; objective l = nce(zv, za, temperature: 0.08)",
        fed: &[("v", "zv", &[0, 1], &[1, 1, 24]), ("a", "za", &[0, 1], &[1, 1, 24])],
        weights: &[],
        output: None,
    },
    Case {
        name: "nce_v_to_a",
        spec: "modality v = tensor([1, 24]); modality a = tensor([1, 24]); tokens zv = v
               tokens za = a; objective l = nce(zv, za, temperature: 0.08, negatives: forward)",
        fed: &[("v", "zv", &[0, 1], &[6, 1, 24]), ("a", "za", &[0, 1], &[6, 1, 24])],
        weights: &[],
        output: None,
    },
    Case {
        name: "nce_joint",
        spec: "modality v = tensor([1, 24]); modality a = tensor([1, 24]); tokens zv = v
               tokens za = a; objective l = nce(zv, za, temperature: 0.08, negatives: joint)",
        fed: &[("v", "zv", &[0, 1], &[6, 1, 24]), ("a", "za", &[0, 1], &[6, 1, 24])],
        weights: &[],
        output: None,
    },
    Case {
        name: "projector_mlp_relu",
        spec: "modality v = tensor([1, 48]); modality a = tensor([1, 48])
               tokens zv = v |> linear(48) |> relu |> linear(24)
               tokens za = a |> linear(48) |> relu |> linear(24)
               objective l = nce(zv, za, temperature: 0.08)",
        fed: &[("v", "fv", &[0, 1], &[4, 1, 48]), ("a", "fa", &[0, 1], &[4, 1, 48])],
        weights: PROJECTORS,
        output: None,
    },
    Case {
        name: "projector_mlp_gelu",
        spec: "modality v = tensor([1, 48]); modality a = tensor([1, 48])
               tokens zv = v |> linear(48) |> gelu |> linear(24)
               tokens za = a |> linear(48) |> gelu |> linear(24)
               objective l = nce(zv, za, temperature: 0.08)",
        fed: &[("v", "fv", &[0, 1], &[4, 1, 48]), ("a", "fa", &[0, 1], &[4, 1, 48])],
        weights: PROJECTORS,
        output: None,
    },
];

const PROJECTORS: &[(&str, &str, &[usize], &[usize])] = &[
    ("zv.linear.weight", "vw1", &[0, 1], &[48, 48]),
    ("zv.linear.bias", "vb1", &[0], &[48]),
    ("zv.linear_2.weight", "vw2", &[0, 1], &[24, 48]),
    ("zv.linear_2.bias", "vb2", &[0], &[24]),
    ("za.linear.weight", "aw1", &[0, 1], &[48, 48]),
    ("za.linear.bias", "ab1", &[0], &[48]),
    ("za.linear_2.weight", "aw2", &[0, 1], &[24, 48]),
    ("za.linear_2.bias", "ab2", &[0], &[24]),
];

fn golden(file: &str) -> Tensors {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/e_ops");
    Tensors::read(&path.join(format!("{file}.safetensors"))).expect("a golden file")
}

fn laid_out(tensors: &Tensors, name: &str, axes: &[usize], shape: &[usize]) -> Tensor {
    let tensor = tensors.get(name).unwrap_or_else(|| panic!("no golden `{name}`"));
    let tensor = tensor.permute(axes).expect("a permutation of its axes");
    tensor.reshape(shape.to_vec()).expect("as many numbers")
}

fn compare(case: &Case, device: &Device, comparison: &mut Comparison) {
    let (inputs, outputs, grads) = (golden("inputs"), golden("outputs"), golden("grads"));
    let name = case.name;
    let spec = format!("model m {{\n{}\n}}", case.spec.replace("; ", "\n"));
    let outcome = check_text(&spec, &Options::default());
    let checked = outcome.checked.unwrap_or_else(|| panic!("{name}: {:?}", outcome.diagnostics));
    let mut fed = Tensors::new();
    for (ours, theirs, axes, shape) in case.fed {
        fed.insert(*ours, laid_out(&inputs, &format!("{name}/in.{theirs}"), axes, shape));
    }
    let seed = match case.output {
        Some((axes, shape)) => {
            let cotangent = laid_out(&inputs, &format!("{name}/in.cot"), axes, shape);
            fed.insert("cotangent.y", cotangent);
            Seed::Outputs
        }
        None => Seed::Loss("l".to_owned()),
    };
    let weight_name = |end: &str| {
        let names = checked.model.weights.iter().map(|weight| &weight.name);
        names.clone().find(|name| name.ends_with(end)).expect("a weight").clone()
    };
    let mut weights = Tensors::new();
    let mut wanted = Tensors::new();
    for (end, theirs, axes, shape) in case.weights {
        let ours = weight_name(end);
        weights.insert(&ours, laid_out(&inputs, &format!("{name}/in.{theirs}"), axes, shape));
        wanted.insert(&ours, laid_out(&grads, &format!("{name}/d.{theirs}"), axes, shape));
    }
    for (ours, theirs, axes, shape) in case.fed {
        if grads.get(&format!("{name}/d.{theirs}")).is_some() {
            wanted.insert(*ours, laid_out(&grads, &format!("{name}/d.{theirs}"), axes, shape));
        }
    }
    let batch = Batch { tensors: fed };
    let options = CompileOptions {
        batch: batch.samples().expect("something is fed"),
        mode: Mode::Gradients(seed),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&checked, &options, device).expect("it compiles");
    session.set_weights(&weights).expect("the weights fit");
    let results = session.run(&batch, &RunOptions::default()).expect("it runs");
    // Single precision: what the rounding of one operation leaves.
    let limits = (1e-5, 1e-6);
    match case.output {
        Some((axes, shape)) => {
            let golden = laid_out(&outputs, &format!("{name}/out"), axes, shape);
            let golden = Tensors::from_iter([("y", golden)]);
            comparison.tensors(name, &results.outputs().expect("it comes back"), &golden, limits);
        }
        None => {
            let golden = outputs.get(&format!("{name}/out")).expect("a loss").data().to_f32()[0];
            let ours = results.losses().expect("it comes back")["l"];
            comparison.numbers(name, &[f64::from(ours)], &[f64::from(golden)], limits);
        }
    }
    let ours = [
        results.weight_gradients().expect("it comes back"),
        results.input_gradients().expect("it comes back"),
    ];
    let ours = ours.iter().flat_map(Tensors::iter);
    let ours: Tensors = ours.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
    comparison.tensors(&format!("{name}: gradient"), &ours, &wanted, limits);
}

/// Holds a device to all golden numbers of operations.
fn check(device: &Device) {
    let mut comparison = Comparison::default();
    for case in CASES {
        compare(case, device, &mut comparison);
    }
    assert!(comparison.complaints.is_empty(), "\n{}", comparison.complaints.join("\n"));
    eprintln!("{} tensors, worst {:?}", comparison.n_tensors, comparison.worst);
}

#[test]
fn operations_give_the_golden_numbers() {
    check(&Device::cpu(2));
}

#[test]
fn operations_on_devices_give_the_golden_numbers() {
    if let Some(device) = adapter::device() {
        check(&device);
    }
}

/// Attention of projected queries, keys and values under any mask of tokens: every token is a group of its own.
#[test]
fn attention_gives_the_golden_numbers() {
    let (inputs, outputs, grads) = (golden("inputs"), golden("outputs"), golden("grads"));
    let mut comparison = Comparison::default();
    for name in ["attention_masked", "attention_large_logits"] {
        let (batch, heads, width) = (2, 2, 32);
        let (n_queries, n_keys) = (9, 12);
        let mask = inputs.get(&format!("{name}/in.mask")).map(|mask| mask.data().to_integers());
        let mask = mask.flatten();
        let allowed = |query: usize, key: usize| {
            mask.as_ref().is_none_or(|mask| mask[query * n_keys + key] != 0)
        };
        let sides = |n: usize| -> Vec<Side> {
            (0..n).map(|at| Side { name: at.to_string(), grid: vec![1] }).collect()
        };
        let pairs = (0..n_queries * n_keys)
            .map(|at| (at / n_keys, at % n_keys))
            .filter(|(query, key)| allowed(*query, *key))
            .map(|(receiver, read)| Pair { receiver, read, relation: Relation::All });
        let mask = Mask::new(sides(n_queries), sides(n_keys), pairs.collect());
        let mut graph = Graph::new("m", batch, Parameters::default());
        let rows = |golden: &Tensor, n: usize| {
            // [batch, heads, tokens, head] to a pack: token after token, in each sample after sample.
            let packed = golden.permute(&[2, 0, 1, 3]).expect("four axes");
            packed.reshape(vec![n * batch, width]).expect("as many numbers")
        };
        let mut fed = Vec::new();
        let mut feed_in = |graph: &mut Graph, part: &str, n: usize| {
            let tensor = rows(inputs.get(&format!("{name}/in.{part}")).expect("an operand"), n);
            fed.push(tensor.data().to_f32().into_iter().map(f64::from).collect::<Vec<f64>>());
            let shape = vec![n * batch, width];
            graph.input(Input { kind: InputKind::Modality, name: part.to_owned(), shape })
        };
        let query = feed_in(&mut graph, "q", n_queries);
        let key = feed_in(&mut graph, "k", n_keys);
        let value = feed_in(&mut graph, "v", n_keys);
        let cotangent = feed_in(&mut graph, "cot", n_queries);
        let attention = graph.add_attention(Attention {
            heads,
            width,
            forward: Schedule::of(&mask),
            backward: Schedule::transposed(&mask),
            mask,
            queries: (0..n_queries).map(|at| at * batch).collect(),
            keys: (0..n_keys).map(|at| at * batch).collect(),
            query_present: vec![None; n_queries],
            key_present: vec![None; n_keys],
            window: None,
        });
        let operands = [query, key, value];
        let result = graph.attend(attention, &operands);
        let statistics = graph.attend_statistics(attention, &operands);
        let product = graph.multiply(result, cotangent);
        let by_head = graph.reshape(product, &[n_queries * batch * heads, width / heads]);
        let delta = graph.sum(by_head, 1);
        let delta = graph.reshape(delta, &[n_queries * batch, heads]);
        graph.root(RootKind::Output, "out", result);
        let all = [query, key, value, statistics, delta, cotangent];
        let wanted = [
            (Gradient::Queries, "q", n_queries),
            (Gradient::Keys, "k", n_keys),
            (Gradient::Values, "v", n_keys),
        ];
        for (gradient, part, _) in wanted {
            let made = graph.attend_gradient(gradient, attention, &all);
            graph.root(RootKind::Output, part, made);
        }
        let feed = Feed { inputs: fed, ..Feed::zeros(&graph) };
        let values = interpret(&graph, &feed);
        let golden_out = rows(outputs.get(&format!("{name}/out")).expect("a result"), n_queries);
        let mut goldens = vec![("out", golden_out)];
        for (_, part, n) in wanted {
            goldens
                .push((part, rows(grads.get(&format!("{name}/d.{part}")).expect("a gradient"), n)));
        }
        for root in &graph.roots {
            let ours = values[root.node.0 as usize].clone().expect("a root is computed");
            let golden = goldens.iter().find(|(part, _)| *part == root.name).expect("a golden");
            let TensorData::F32(golden) = golden.1.data() else { panic!("goldens are f32") };
            let golden: Vec<f64> = golden.iter().copied().map(f64::from).collect();
            comparison.numbers(&format!("{name} {}", root.name), &ours, &golden, (1e-6, 1e-6));
        }
    }
    assert!(comparison.complaints.is_empty(), "\n{}", comparison.complaints.join("\n"));
}
