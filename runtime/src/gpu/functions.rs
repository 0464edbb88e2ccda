//! Functions on a device against doubles, and what is no number.
//!
//! In: numbers of every size. Out: assertions. Where there is no adapter, nothing is checked.

use super::{Gpu, GpuOptions, tested_adapter};
use crate::compiler::{CompileOptions, Mode, Options, check_text};
use crate::{Batch, Device, RunOptions, Session, Tensor, TensorData, Tensors};

/// Sizes from the smallest that is no denormal on.
const SIZES: &[f32] = &[
    0.0, 1.2e-38, 1e-20, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.62,
    0.63, 0.7, 0.99, 1.01, 1.5, 2.0, 3.0, 5.0, 8.0, 9.5, 12.0, 20.0, 44.0, 88.0, 100.0, 1e4, 1e10,
    1e18, 3e38,
];

fn session(text: &str, batch: usize, mode: Mode) -> Option<Session> {
    let gpu = Gpu::open(tested_adapter()?, &GpuOptions::default()).expect("what is listed opens");
    let checked = check_text(text, &Options::default()).checked.expect("nothing is wrong");
    let options = CompileOptions { batch, mode, ..CompileOptions::default() };
    Some(Session::new(&checked, &options, &Device::Gpu(gpu)).expect("it compiles"))
}

fn batch(tensors: &[(&str, &[usize], &[f32])]) -> Batch {
    let mut all = Tensors::new();
    for (name, shape, numbers) in tensors {
        let data = TensorData::F32(numbers.to_vec());
        all.insert(*name, Tensor::new(shape.to_vec(), data).expect("as many as it says"));
    }
    Batch { tensors: all }
}

/// The numbers of SIZES with both signs, through a function.
fn through(function: &str) -> Option<Vec<(f32, f32)>> {
    let mut numbers: Vec<f32> = SIZES.iter().flat_map(|size| [*size, -size]).collect();
    numbers.push(f32::NAN);
    let n = numbers.len();
    let text = format!(
        "model m {{\nmodality v = tensor([{n}, 1])\ntokens v = v |> {function}\noutput o = v\n}}"
    );
    let mut session = session(&text, 1, CompileOptions::default().mode)?;
    let fed = batch(&[("v", &[1, n, 1], &numbers)]);
    let results = session.run(&fed, &RunOptions::default()).expect("it runs");
    let outputs = results.outputs().expect("it runs");
    let found = outputs.get("o").expect("it is there").data().to_f32();
    Some(numbers.into_iter().zip(found).collect())
}

/// Asks for a relative error, or as much of a least size.
#[track_caller]
fn near(function: &str, exact: impl Fn(f64) -> f64, (error, least): (f64, f64)) {
    for (x, y) in through(function).unwrap_or_default() {
        let exact = exact(f64::from(x));
        let distance = (f64::from(y) - exact).abs();
        let is_near = distance <= error * exact.abs().max(least);
        let alike = if x.is_nan() { y.is_nan() } else { is_near };
        assert!(alike, "{function}({x:e}) is {y:e}, should be {exact:e}");
    }
}

#[test]
fn functions_are_near() {
    let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    near("tanh", libm::tanh, (1e-6, 1e-37));
    near("sigmoid", sigmoid, (2e-5, 1e-30));
    near("silu", |x| x * sigmoid(x), (2e-5, 1e-6));
    near("relu", |x| x.max(0.0), (0.0, 0.0));
    let erf = |x: f64| libm::erf(x / std::f64::consts::SQRT_2);
    near("gelu", |x| 0.5 * x * (1.0 + erf(x)), (1e-5, 1e-1));
    let inner = |x: f64| libm::sqrt(2.0 / std::f64::consts::PI) * (x + 0.044_715 * x * x * x);
    near("gelu_tanh", |x| 0.5 * x * (1.0 + libm::tanh(inner(x))), (1e-5, 1e-1));
}

/// A loss of a sample that is no number is none, whatever is computed on the way.
#[test]
fn losses_of_no_numbers_are_none() {
    let losses = [
        "cross_entropy(o |> tanh, y)",
        "cross_entropy(o |> gelu, y)",
        "sigmoid_cross_entropy(o |> silu, many)",
        "mse(o |> relu, t)",
        "nce(o |> tanh, p |> squared_relu)",
    ];
    for loss in losses {
        let text = format!(
            "model m {{\nmodality v = tensor([3, 4])\ntokens v = v |> linear(4)\noutput o = v |> pool(mean)\n\
             modality w = tensor([3, 4])\ntokens w = w |> linear(4)\noutput p = w |> pool(last)\n\
             target y = class(4)\ntarget many = classes(4)\n\
             target t = tensor([1, 4])\nobjective l = {loss}\n}}"
        );
        let mode = Mode::Forward { objectives: vec!["l".to_owned()] };
        let Some(mut session) = session(&text, 2, mode) else { return };
        session.initialize(3).expect("it takes them");
        for poison in [0.5, f32::NAN] {
            let clean: Vec<f32> = (0..24).map(|at| libm::sinf(at as f32)).collect();
            let mut numbers = clean.clone();
            numbers[13] = poison;
            let classes = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
            let fed = batch(&[
                ("v", &[2, 3, 4], &numbers),
                ("w", &[2, 3, 4], &clean),
                ("y", &[2, 4], &classes),
                ("many", &[2, 4], &classes),
                ("t", &[2, 1, 4], &classes),
            ]);
            let results = session.run(&fed, &RunOptions::default()).expect("it runs");
            let found = results.losses().expect("it runs")["l"];
            assert_eq!(found.is_nan(), poison.is_nan(), "{loss}: {found}");
        }
    }
}
