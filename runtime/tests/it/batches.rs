//! Batches that do not fit: each is an error that names what is wrong, and no batch panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::random_model::Random;
use zorro_runtime::compiler::{CompileOptions, Mode};
use zorro_runtime::{
    Batch, Device, RunOptions, RuntimeError, Session, Tensor, TensorData, Tensors,
};

use super::models::{of_text, tensor};

const SPEC: &str = "model m {
  modality photo = image(size: 2)
  modality caption = text(length: 3, vocabulary: 5)
  tokens photo = photo |> patches(2, 2) |> linear(4)
  tokens caption = caption |> embed(4)
  output o = photo |> linear(3)
  output z = caption |> pool(mean) |> linear(2)
  target label = class(3)
  target tags = classes(2)
  objective loss = cross_entropy(o, label) + sigmoid_cross_entropy(z, tags)
}";

fn session() -> Session {
    let options = CompileOptions {
        batch: 3,
        mode: Mode::Gradients(Seed::Loss("loss".to_owned())),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&of_text(SPEC), &options, &Device::cpu(1)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    session
}

fn integers(shape: &[usize], numbers: &[i64]) -> Tensor {
    Tensor::new(shape.to_vec(), TensorData::I64(numbers.to_vec())).expect("as many as the shape")
}

fn zeros(shape: &[usize]) -> Tensor {
    tensor(shape, vec![0.0; shape.iter().product()])
}

/// Two samples of everything.
fn good() -> Tensors {
    [
        ("photo", zeros(&[2, 2, 2, 3])),
        ("caption", integers(&[2, 3], &[0, 1, 2, 3, 4, 0])),
        ("label", integers(&[2], &[0, 2])),
        ("tags", zeros(&[2, 2])),
        ("photo.present", tensor(&[2], vec![1.0, 0.0])),
        ("label.present", tensor(&[2], vec![1.0, 1.0])),
    ]
    .into_iter()
    .collect()
}

/// The message when one tensor is another.
fn message(name: &str, tensor: Tensor) -> String {
    let mut tensors = good();
    tensors.insert(name, tensor);
    error(tensors)
}

fn error(tensors: Tensors) -> String {
    let mut session = session();
    let outcome = session.run(&Batch { tensors }, &RunOptions::default());
    outcome.and_then(|results| results.losses()).expect_err("it is wrong").to_string()
}

#[test]
fn what_is_right() {
    let mut session = session();
    let batch = Batch { tensors: good() };
    let losses = session
        .run(&batch, &RunOptions::default())
        .expect("all fits")
        .losses()
        .expect("it comes back");
    assert!(losses["loss"].is_finite());
    // Each type of file that holds whole numbers will do, and distributions instead of classes.
    for tensor in [
        Tensor::new(vec![2], TensorData::U8(vec![0, 2])).expect("two"),
        Tensor::new(vec![2], TensorData::I32(vec![0, 2])).expect("two"),
        tensor(&[2, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
    ] {
        let mut tensors = good();
        tensors.insert("label", tensor);
        let results = session.run(&Batch { tensors }, &RunOptions::default());
        assert_eq!(results.expect("all fits").losses().expect("it comes back"), losses);
    }
}

#[test]
fn what_is_wrong() {
    let known = "the model takes no tensor `foto`; it takes photo, photo.present, caption, \
                 caption.present, label, label.present, tags, tags.present, cotangent.o, cotangent.z";
    let cases = [
        (message("foto", zeros(&[2, 2])), known),
        (
            message("photo", zeros(&[2, 2, 3, 3])),
            "`photo` has the shape [2, 2, 3, 3]; the model takes [batch, 2, 2, 3]",
        ),
        (
            message("photo", zeros(&[2, 12])),
            "`photo` has the shape [2, 12]; the model takes [batch, 2, 2, 3]",
        ),
        (
            message("caption", integers(&[2, 2], &[0; 4])),
            "`caption` has the shape [2, 2]; the model takes [batch, 3]",
        ),
        (
            message("caption", integers(&[2, 3], &[0, 1, 5, 0, 0, 0])),
            "`caption` was fed the id 5; its vocabulary has 5 ids from 0",
        ),
        (
            message("caption", integers(&[2, 3], &[0, -1, 0, 0, 0, 0])),
            "`caption` was fed the id -1; its vocabulary has 5 ids from 0",
        ),
        (message("caption", zeros(&[2, 3])), "`caption` takes integers"),
        (
            message("label", integers(&[2], &[0, 3])),
            "`label` was fed 3 for sample 1, which is no class: 3 classes are numbered from 0, as integers",
        ),
        (
            message("label", integers(&[2], &[-1, 0])),
            "`label` was fed -1 for sample 0, which is no class: 3 classes are numbered from 0, as integers",
        ),
        (
            message("label", tensor(&[2], vec![0.0, 1.0])),
            "`label` was fed 0.0 for sample 0, which is no class: 3 classes are numbered from 0, as integers",
        ),
        (
            message("label", zeros(&[2, 4])),
            "`label` has the shape [2, 4]; the model takes [batch, 3]",
        ),
        (message("tags", zeros(&[2])), "`tags` has the shape [2]; the model takes [batch, 2]"),
        (message("tags", zeros(&[1, 2])), "`caption` is for 2 samples, `tags` for 1"),
        (
            message("photo.present", zeros(&[2, 1])),
            "`photo.present` has the shape [2, 1]; the model takes [batch]",
        ),
        (
            message("photo.present", tensor(&[2], vec![1.0, 0.5])),
            "`photo.present` is 0.5 for sample 1; it is 1 where a sample has it, else 0",
        ),
        (
            message("label.present", tensor(&[2], vec![f32::NAN, 1.0])),
            "`label.present` is NaN for sample 0; it is 1 where a sample has it, else 0",
        ),
        (message("tags", zeros(&[])), "`tags` has the shape []; the model takes [batch, ..]"),
        (error(Tensors::new()), "no tensor was fed"),
        (
            error([("photo", zeros(&[4, 2, 2, 3]))].into_iter().collect()),
            "a batch has 3 samples, but 4 were fed",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

/// What nobody has is not looked at, but must fit.
#[test]
fn what_is_absent_may_hold_anything() {
    let mut tensors = good();
    let mut session = session();
    let run = |session: &mut Session, tensors: &Tensors| {
        let batch = Batch { tensors: tensors.clone() };
        let results = session.run(&batch, &RunOptions::default()).expect("all fits");
        (
            results.losses().expect("it comes back"),
            results.weight_gradients().expect("it comes back"),
        )
    };
    tensors.insert("caption.present", tensor(&[2], vec![0.0, 1.0]));
    tensors.insert("label.present", tensor(&[2], vec![0.0, 1.0]));
    let expected = run(&mut session, &tensors);
    tensors.insert("caption", integers(&[2, 3], &[99, -7, 2, 3, 4, 0]));
    tensors.insert("label", integers(&[2], &[-100, 2]));
    let found = run(&mut session, &tensors);
    assert_eq!(expected.0, found.0);
    assert_eq!(expected.1, found.1);
}

/// Random shapes, types and names: errors, or results, and never a panic.
#[test]
fn anything_at_all() {
    let mut session = session();
    let mut random = Random::new(17);
    let names = ["photo", "caption", "label", "tags", "cotangent.o", "cotangent.z", "loss", ""];
    let mut right = 0;
    for round in 0..3000 {
        let mut tensors = if random.chance(80) { good() } else { Tensors::new() };
        for _ in 0..random.below(3) {
            let name = random.one_of(&names);
            let name = if random.chance(30) { format!("{name}.present") } else { name.to_owned() };
            let tensor = match tensors.get(&name) {
                Some(known) if random.chance(60) => known.shape().to_vec(),
                _ => (0..random.below(5)).map(|_| random.below(5)).collect(),
            };
            tensors.insert(name, filled(&mut random, tensor));
        }
        let batch = Batch { tensors };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let results = session.run(&batch, &RunOptions::default());
            results.and_then(|results| results.losses())
        }));
        match outcome.unwrap_or_else(|_| panic!("round {round}: {batch:?}")) {
            Ok(_) => right += 1,
            Err(RuntimeError::Length { .. } | RuntimeError::Memory { .. }) => {
                panic!("round {round}: what was checked does not fit: {batch:?}")
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!((300..2900).contains(&right), "both happen: {right}");
}

fn filled(random: &mut Random, shape: Vec<usize>) -> Tensor {
    let n: usize = shape.iter().product();
    let data = match random.below(6) {
        0 => TensorData::F32((0..n).map(|_| random.real() as f32).collect()),
        1 => TensorData::F64(vec![f64::NAN; n]),
        2 => TensorData::I64((0..n).map(|_| random.below(7) as i64 - 1).collect()),
        3 => TensorData::U32((0..n).map(|_| random.below(4) as u32).collect()),
        4 => TensorData::F16((0..n).map(|_| random.below(65_536) as u16).collect()),
        _ => TensorData::Bool((0..n).map(|_| random.below(2) as u8).collect()),
    };
    Tensor::new(shape, data).expect("as many as the shape")
}
