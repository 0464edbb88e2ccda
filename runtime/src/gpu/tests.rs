//! What goes wrong on a device is an error that says where and what to try.

use std::sync::Arc;

use super::bound::check;
use super::pipelines::pipelines;
use super::{Gpu, GpuExecutor, GpuOptions, tested_adapter};
use crate::compiler::plan::Plan;
use crate::compiler::program::{Program, program};
use crate::compiler::{CompileOptions, Options, check_text, compile};
use crate::{Device, RuntimeError, Session};

const SPEC: &str = "model m {
  modality photo = image(size: 4)
  tokens photo = photo |> patches(2, 2) |> linear(8)
  output mean = photo |> pool(mean)
}";

/// A device of one test's own, for what happens to it stays.
fn gpu() -> Option<Gpu> {
    Some(Gpu::open(tested_adapter()?, &GpuOptions::default()).expect("what is listed opens"))
}

fn plan() -> Plan {
    let checked = check_text(SPEC, &Options::default()).checked.expect("nothing is wrong");
    compile(&checked, &CompileOptions::default()).expect("it compiles")
}

/// Breaks a program, and asks for an error with the path of its first kernel.
fn broken(gpu: &Gpu, change: impl Fn(&mut Program)) -> String {
    let plan = plan();
    let mut program = program(&plan, gpu.target());
    change(&mut program);
    let tried = check(gpu, &plan, &program).and_then(|()| pipelines(gpu, &plan, &program));
    let text = tried.expect_err("it is broken").to_string();
    let path = format!("`{}`", plan.kernels[0].path);
    assert!(text.contains(&path) && text.contains("--device cpu"), "{text}");
    text
}

#[test]
fn kernels_that_are_refused_are_named() {
    let Some(gpu) = gpu() else { return };
    let text = broken(&gpu, |program| program.shaders[0].text.push_str("\nfn f() { g(); }"));
    assert!(text.contains("refuses the kernel of") && text.contains("--without"), "{text}");
    // What wgpu finds is our mistake, and still no panic.
    let text = broken(&gpu, |program| program.shaders[0].storage[0].writable ^= true);
    assert!(text.contains("refuses the kernel of"), "{text}");
    let text = broken(&gpu, |program| program.dispatches[0].workgroups = [1, 1 << 30, 1]);
    assert!(text.contains("the workgroups of"), "{text}");
    let text = broken(&gpu, |program| program.dispatches[0].bindings[0].numbers = 1 << 40);
    assert!(text.contains("the bytes of an operand of"), "{text}");
    let text = broken(&gpu, |program| program.dispatches.clear());
    assert!(text.contains("there is no shader for it"), "{text}");
    // The device has taken no harm.
    GpuExecutor::new(Arc::new(plan()), &gpu).expect("it still works");
}

#[test]
fn a_lost_device_is_an_error_from_then_on() {
    let Some(gpu) = gpu() else { return };
    let checked = check_text(SPEC, &Options::default()).checked.expect("nothing is wrong");
    let options = CompileOptions::default();
    let device = Device::Gpu(gpu.clone());
    let mut session = Session::new(&checked, &options, &device).expect("it compiles");
    session.initialize(1).expect("it takes them");
    gpu.device().destroy();
    let lost = |error: RuntimeError| {
        assert!(matches!(error, RuntimeError::DeviceLost { .. }), "{error}");
        assert!(error.to_string().contains("start again"), "{error}");
    };
    lost(session.initialize(1).expect_err("it is lost"));
    lost(session.weights().expect_err("it is lost"));
    lost(Session::new(&checked, &options, &device).expect_err("it is lost"));
    // Another one is not.
    let other = Gpu::open(gpu.facts().index, &GpuOptions::default()).expect("it opens again");
    Session::new(&checked, &options, &Device::Gpu(other)).expect("it works");
}
