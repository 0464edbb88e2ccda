//! Rows that may read nothing: they are 0, so are their gradients, and nothing that is not a number comes of them.

use zorro_runtime::compiler::autodiff::Seed;
use zorro_runtime::compiler::{CompileOptions, Mode};
use zorro_runtime::{Batch, Device, RunOptions, Session, Tensors};

use super::models::{of_text, random_batch, tensor};

/// What is read of what, how, and which rows of the receiver read nothing.
struct Case {
    name: &'static str,
    receiver: &'static str,
    read: &'static str,
    over: &'static str,
    within: &'static str,
    /// Of the receiver's tokens.
    empty: &'static [usize],
    /// Of the read's tokens: nobody reads them.
    unread: &'static [usize],
}

const CASES: &[Case] = &[
    Case {
        name: "a receiver without an arrow",
        receiver: "tensor([3, 4])",
        read: "tensor([2, 4])",
        over: "b <- b; a",
        within: "all",
        empty: &[0, 1, 2],
        unread: &[],
    },
    Case {
        // Queries lie in groups 0, 1, 2; keys in groups 0, 1.
        name: "more groups than tokens",
        receiver: "tensor([3, 4])",
        read: "tensor([2, 4])",
        over: "a <- b",
        within: "groups(4)",
        empty: &[2],
        unread: &[],
    },
    Case {
        name: "more groups than tokens, the other way round",
        receiver: "tensor([2, 4])",
        read: "tensor([3, 4])",
        over: "a <- b",
        within: "groups(8)",
        empty: &[],
        unread: &[2],
    },
    Case {
        // Query 0 is in group 0 with key 0; query 1 in group 1 whose key is 1: causality leaves both.
        name: "nothing is empty",
        receiver: "tensor([2, 4])",
        read: "tensor([2, 4])",
        over: "a <- b",
        within: "groups(2) & causal",
        empty: &[],
        unread: &[],
    },
];

fn check(case: &Case) {
    let Case { receiver, read, over, within, .. } = case;
    let checked = of_text(&format!(
        "model m {{
          modality ma = {receiver}
          modality mb = {read}
          tokens a = ma
          tokens b = mb
          apply look() over {{ {over} }}
          output seen = a
          output other = b
        }}
        block look() {{ x = attend(x, bias: false, within: {within}) }}"
    ));
    let options = CompileOptions {
        batch: 2,
        mode: Mode::Gradients(Seed::Outputs),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&checked, &options, &Device::cpu(2)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let mut batch = random_batch(&checked.model, 2, 1);
    for output in ["seen", "other"] {
        let modality = if output == "seen" { "ma" } else { "mb" };
        let shape = batch.tensors.get(modality).expect("fed").shape().to_vec();
        let ones = tensor(&shape, vec![1.0; shape.iter().product()]);
        batch.tensors.insert(format!("cotangent.{output}"), ones);
    }
    let results = session.run(&batch, &RunOptions::default()).expect("it runs");
    for tensors in [
        results.outputs().expect("it comes back"),
        results.input_gradients().expect("it comes back"),
        results.weight_gradients().expect("it comes back"),
    ] {
        finite(case.name, &tensors);
    }
    rows(case.name, &results.outputs().expect("it comes back"), "seen", |token| {
        case.empty.contains(&token)
    });
    rows(case.name, &results.input_gradients().expect("it comes back"), "ma", |token| {
        case.empty.contains(&token)
    });
    if !case.over.contains("b <-") {
        let gradients = results.input_gradients().expect("it comes back");
        let own = gradients.get("mb").expect("it has one").data().to_f32();
        let tokens = own.len() / 8;
        for token in (0..tokens).filter(|token| case.unread.contains(token)) {
            // Beside what goes straight to the other output.
            let of = |sample: usize| &own[(sample * tokens + token) * 4..][..4];
            assert!(of(0).iter().chain(of(1)).all(|n| *n == 1.0), "{}: {token}", case.name);
        }
    }
}

fn finite(name: &str, tensors: &Tensors) {
    for (tensor, numbers) in tensors.iter() {
        let finite = numbers.data().to_f32().iter().all(|number| number.is_finite());
        assert!(finite, "{name}: {tensor} is finite");
    }
}

/// Of a tensor `[2, tokens, 4]` the rows of these tokens are zeros, and the others are not.
fn rows(name: &str, tensors: &Tensors, of: &str, is_empty: impl Fn(usize) -> bool) {
    let tensor = tensors.get(of).expect("it is there");
    let tokens = tensor.shape()[1];
    for (at, row) in tensor.data().to_f32().chunks(4).enumerate() {
        let zero = row.iter().all(|number| *number == 0.0);
        // A query that reads one key alone has no gradient either.
        if is_empty(at % tokens) || of == "seen" {
            assert_eq!(zero, is_empty(at % tokens), "{name}: row {at} of {of} is {row:?}");
        }
    }
}

#[test]
fn rows_that_read_nothing() {
    CASES.iter().for_each(check);
}

/// Latents read two modalities; sample 1 lacks one of them, sample 2 both, sample 3 fills the batch.
#[test]
fn samples_that_lack_what_is_read() {
    let checked = of_text(
        "model m {
          modality ma = tensor([3, 4])
          modality mb = tensor([2, 4])
          tokens a = ma
          tokens b = mb
          tokens z = latents(2, 4)
          apply look() over { z <- a, b }
          output seen = z
        }
        block look() { x = attend(x, bias: false) }",
    );
    let options = CompileOptions {
        batch: 4,
        mode: Mode::Gradients(Seed::Outputs),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&checked, &options, &Device::cpu(2)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let run = |session: &mut Session, poison: f32| {
        let mut batch = random_batch(&checked.model, 3, 1);
        batch.tensors.insert("ma.present", tensor(&[3], vec![1.0, 1.0, 0.0]));
        batch.tensors.insert("mb.present", tensor(&[3], vec![1.0, 0.0, 0.0]));
        let mut b = batch.tensors.get("mb").expect("fed").data().to_f32();
        b[8..].fill(poison);
        batch.tensors.insert("mb", tensor(&[3, 2, 4], b));
        let mut cotangent = vec![1.0; 24];
        // Sample 2 has no output, so that what would flow back from it is not looked at.
        cotangent[16..].fill(poison);
        batch.tensors.insert("cotangent.seen", tensor(&[3, 2, 4], cotangent));
        let results = session.run(&batch, &RunOptions::default()).expect("it runs");
        (
            results.outputs().expect("it comes back"),
            results.input_gradients().expect("it comes back"),
            results.weight_gradients().expect("it comes back"),
        )
    };
    let first = run(&mut session, 7.0);
    let second = run(&mut session, f32::NAN);
    for (first, second) in [(&first.0, &second.0), (&first.1, &second.1), (&first.2, &second.2)] {
        finite("absence", first);
        for (name, tensor) in first.iter() {
            assert!(tensor.same_bits(second.get(name).expect("the same names")), "{name}");
        }
    }
    let seen = first.0.get("seen").expect("an output").data().to_f32();
    assert!(seen[..16].iter().all(|number| *number != 0.0), "{seen:?}");
    assert!(seen[16..].iter().all(|number| *number == 0.0), "{seen:?}");
    let of_a = first.1.get("ma").expect("a gradient").data().to_f32();
    let of_b = first.1.get("mb").expect("a gradient").data().to_f32();
    assert!(of_a[..24].iter().any(|number| *number != 0.0));
    assert!(of_a[24..].iter().chain(&of_b[8..]).all(|number| *number == 0.0));
}

#[test]
fn batches_of_nobody_are_finite() {
    let checked = of_text(
        "model m {
          modality ma = tensor([3, 4])
          tokens a = ma |> linear(4) |> norm
          apply vit(2) over { a <- a }
          output o = a |> pool(mean) |> linear(3)
          target t = class(3)
          objective loss = cross_entropy(o, t) + nce(o, o, collapse: allow)
        }",
    );
    let options = CompileOptions {
        batch: 2,
        mode: Mode::Gradients(Seed::Loss("loss".to_owned())),
        ..CompileOptions::default()
    };
    let mut session = Session::new(&checked, &options, &Device::cpu(2)).expect("it compiles");
    session.initialize(1).expect("it takes them");
    let mut tensors = Tensors::new();
    tensors.insert("ma.present", tensor(&[2], vec![0.0, 0.0]));
    let results = session.run(&Batch { tensors }, &RunOptions::default()).expect("it runs");
    assert_eq!(results.losses().expect("it comes back")["loss"], 0.0);
    assert!(!results.has_loss("loss"), "the 0 says nothing");
    for (name, gradient) in results.weight_gradients().expect("it comes back").iter() {
        assert!(gradient.data().to_f32().iter().all(|number| *number == 0.0), "{name}");
    }
}
