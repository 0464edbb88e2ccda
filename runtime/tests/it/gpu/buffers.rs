//! Arenas cut into several buffers give what whole ones give, to the last bit.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::{CompileOptions, Mode};
use zorro_runtime::gpu::{Gpu, GpuOptions, tested_adapter};
use zorro_runtime::{Device, RunOptions, Session, Tensors};

use super::super::models::{random_batch, small};
use super::turn;

fn gradients(gpu: &Gpu, batch: usize) -> (Tensors, Tensors, usize) {
    let checked = small("zorro_vit");
    let objective = checked.model.objectives[0].name.clone();
    let mode = Mode::Gradients(Seed::Loss(objective));
    let options = CompileOptions { batch, mode, ..CompileOptions::default() };
    let device = Device::Gpu(gpu.clone());
    let mut session = Session::new(&checked, &options, &device).expect("it fits");
    session.initialize(1).expect("it takes them");
    let batch = random_batch(&checked.model, batch, 1);
    let results = session.run(&batch, &RunOptions::default()).expect("it runs");
    let outputs = results.outputs().expect("they come back");
    let gradients = results.weight_gradients().expect("they come back");
    (outputs, gradients, session.plan().activations)
}

#[test]
fn cut_arenas_give_the_same() {
    let _turn = turn();
    let Some(index) = tested_adapter() else { return };
    let open = |buffer_bytes| {
        let options = GpuOptions { buffer_bytes, ..GpuOptions::default() };
        Gpu::open(index, &options).expect("it opens")
    };
    let (whole, small) = (open(None), open(Some(512 << 10)));
    let (outputs, weights, _) = gradients(&whole, 16);
    let (cut_outputs, cut_weights, activations) = gradients(&small, 16);
    let part = small.limits().buffer_numbers;
    assert!(activations > 2 * part, "{activations} in buffers of {part}");
    for (first, second) in [(outputs, cut_outputs), (weights, cut_weights)] {
        for (name, tensor) in first.iter() {
            assert!(tensor.same_bits(second.get(name).expect("the same names")), "{name}");
        }
    }
}
