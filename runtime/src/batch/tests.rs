//! Targets that say nothing a loss can be held to.

use zorro_compiler::graph::{Input, InputKind};
use zorro_compiler::{Options, check_text};

use super::Batch;
use crate::{Tensor, TensorData, Tensors};

const SPEC: &str = "model m {
  modality a = tensor([2, 8])
  target y = class(3)
  target many = classes(3)
  target wave = tensor([2])
  output o = a |> pool(mean) |> linear(3)
  objective one = cross_entropy(o, y)
  objective all = sigmoid_cross_entropy(o, many)
}";

/// What is said of two samples with this target; empty where nothing is wrong.
fn said(name: &str, shape: &[usize], data: TensorData, present: [f32; 2]) -> String {
    let checked = check_text(SPEC, &Options::default()).checked.expect("it checks");
    let numbers = if name == "wave" { 2 } else { 3 };
    let input = Input { kind: InputKind::Target, name: name.to_owned(), shape: vec![2, numbers] };
    let mut tensors = Tensors::new();
    let fed = Tensor::new(vec![2, 2, 8], TensorData::F32(vec![0.0; 32])).expect("as many");
    tensors.insert("a", fed);
    tensors.insert(name, Tensor::new(shape.to_vec(), data).expect("as many"));
    let present = Tensor::new(vec![2], TensorData::F32(present.to_vec())).expect("two");
    tensors.insert(format!("{name}.present"), present);
    match (Batch { tensors }).fed(&checked.model, &[input], 2) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn targets_are_checked() {
    let one = |classes: [i64; 2]| said("y", &[2], TensorData::I64(classes.to_vec()), [1.0; 2]);
    let number = "which is no class: 3 classes are numbered from 0, as integers";
    assert_eq!(one([0, 2]), "");
    assert_eq!(one([0, 3]), format!("`y` was fed 3 for sample 1, {number}"));
    assert_eq!(one([-1, 0]), format!("`y` was fed -1 for sample 0, {number}"));
    let real = said("y", &[2], TensorData::F32(vec![1.5, 0.0]), [1.0; 2]);
    assert_eq!(real, format!("`y` was fed 1.5 for sample 0, {number}"));
    let rows = |name, numbers: [f32; 6], present| {
        said(name, &[2, 3], TensorData::F32(numbers.to_vec()), present)
    };
    let shares = "it takes shares of classes, from 0 to 1";
    for name in ["y", "many"] {
        assert_eq!(rows(name, [0.0, 1.0, 0.0, 0.5, 0.0, 0.5], [1.0; 2]), "");
        let nan = rows(name, [0.0, 1.0, 0.0, 0.0, 0.0, f32::NAN], [1.0; 2]);
        assert_eq!(nan, format!("`{name}` was fed NaN for sample 1, at 2; {shares}"));
        let large = rows(name, [0.0, 7.0, 0.0, 0.0, 0.0, 0.0], [1.0; 2]);
        assert_eq!(large, format!("`{name}` was fed 7.0 for sample 0, at 1; {shares}"));
        let absent = rows(name, [f32::NAN, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 1.0]);
        assert_eq!(absent, "", "what an absent sample is fed is not looked at");
    }
    let wave = said("wave", &[2, 2], TensorData::F32(vec![9.0, f32::INFINITY, 0.0, 0.0]), [1.0; 2]);
    assert_eq!(wave, "`wave` was fed inf for sample 0, at 1; it takes finite numbers");
}
