//! Checkpoints of programs that put the group of a weight behind the block that is called.

use zorro_compiler::{Options, check_text};

use crate::checkpoint::current;
use crate::{Tensor, TensorData, Tensors};

fn numbers(number: f32) -> Tensor {
    Tensor::new(vec![1], TensorData::F32(vec![number])).expect("one number")
}

#[test]
fn names_of_older_programs_are_known() {
    let spec = "model m {
      modality video = tensor([2, 8])
      modality audio = tensor([2, 8])
      tokens video = video |> linear(8)
      tokens audio = audio |> linear(8)
      layers: repeat 1 { apply vit(2) over { video <- video; audio <- audio } weights per group }
      output o = video
      output p = audio
    }";
    let model = check_text(spec, &Options::default()).checked.expect("it checks").model;
    let names: Vec<&str> = model.weights.iter().map(|weight| weight.name.as_str()).collect();
    assert!(names.contains(&"layers.0.video.attend.q.weight"), "{names:?}");
    assert!(names.contains(&"layers.0.video.mlp.linear.weight"), "{names:?}");
    let old = "layers.0.mlp.video.linear.weight";
    let new = "layers.0.video.mlp.linear.weight";
    let other = "layers.0.audio.attend.q.weight";
    let given = [old, other, "first.layers.0.mlp.video.linear.weight", "loss_scale"];
    let tensors: Tensors = given.into_iter().map(|name| (name, numbers(1.0))).collect();
    let found = current(&model, &tensors);
    let names: Vec<&str> = found.names().collect();
    assert_eq!(names, ["first.layers.0.video.mlp.linear.weight", other, new, "loss_scale",]);
    // Where a tensor has today's name, another is what it says.
    let both: Tensors = [(old, numbers(1.0)), (new, numbers(2.0))].into_iter().collect();
    assert_eq!(*current(&model, &both), both);
}
