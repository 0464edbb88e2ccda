//! Tensors as a table.
//!
//! In: tensors by name. Out: a line for each. Deliberately not here: files.

use zorro_runtime::{Tensor, TensorData, Tensors};

/// Name, type, shape, and the smallest, mean and largest number of each tensor; the number itself where there is one.
pub(super) fn table(tensors: &Tensors) -> String {
    let mut rows =
        vec![["tensor", "type", "shape", "smallest", "mean", "largest"].map(str::to_owned)];
    rows.extend(tensors.iter().map(|(name, tensor)| row(name, tensor)));
    let widths: Vec<usize> =
        (0..6).map(|at| rows.iter().map(|row| row[at].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(at, (cell, width))| {
                    if at < 3 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(name: &str, tensor: &Tensor) -> [String; 6] {
    let numbers = tensor.data().to_f32();
    let (mut smallest, mut largest, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
    let mut n_not_finite = 0;
    for number in &numbers {
        n_not_finite += usize::from(!number.is_finite());
        smallest = smallest.min(*number);
        largest = largest.max(*number);
        sum += f64::from(*number);
    }
    let told =
        |number: f64| if numbers.is_empty() { String::new() } else { format!("{number:.6}") };
    #[expect(clippy::cast_precision_loss, reason = "a mean to look at")]
    let mean = sum / numbers.len() as f64;
    [
        name.to_owned(),
        type_name(tensor.data()).to_owned(),
        format!("{:?}", tensor.shape()),
        told(smallest.into()),
        told(mean),
        match n_not_finite {
            0 => told(largest.into()),
            n => format!("{n} not finite"),
        },
    ]
}

fn type_name(data: &TensorData) -> &'static str {
    match data {
        TensorData::F32(_) => "f32",
        TensorData::F64(_) => "f64",
        TensorData::F16(_) => "f16",
        TensorData::Bf16(_) => "bf16",
        TensorData::I64(_) => "i64",
        TensorData::I32(_) => "i32",
        TensorData::U32(_) => "u32",
        TensorData::U8(_) => "u8",
        TensorData::Bool(_) => "bool",
    }
}
