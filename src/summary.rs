//! What a user wants to know about a model that is right.
//!
//! In: a checked model. Out: its tokens, costs, flows, results and proofs, as text for people and as JSON for
//! programs; and the JSON of a difference. Deliberately not here: masks, which have a text of their own, and anything that is wrong.

mod diff;
mod json;

use zorro_compiler::cost::{PartCost, bytes, scaled};
use zorro_compiler::{Checked, Cost};

pub use diff::diff_json;
pub use json::{VERSION, json};

/// The summary as text; it ends in a newline.
#[must_use]
pub fn text(checked: &Checked) -> String {
    let Checked { model, flow } = checked;
    let cost = Cost::of(model);
    let total = cost.total();
    let dense = if total.dense_flops == total.flops {
        String::new()
    } else {
        format!(" ({} if attention were dense)", scaled(total.dense_flops))
    };
    let name = &model.name;
    let (parameters, flops) = (scaled(total.parameters), scaled(total.flops));
    let mut text =
        format!("model {name}: {parameters} parameters, {flops} FLOPs a sample{dense}\n");
    text += "tokens\n";
    text += &table(&tokens(&cost), &[false, false, true, true]);
    text += "cost of a sample, forward\n";
    text += &table(&parts(&cost, &total), &[false, true, true, true]);
    text += &memory(&cost);
    text += &flow.display(model).to_string();
    match model.asserts.len() {
        0 => {}
        1 => text += "1 assert holds\n",
        n => text += &format!("{n} asserts hold\n"),
    }
    text
}

fn tokens(cost: &Cost) -> Vec<[String; 4]> {
    let titles = ["group", "grid", "tokens", "width"].map(str::to_owned);
    let rows = cost.groups.iter().map(|(name, shape)| {
        let grid: Vec<String> = shape.grid.iter().map(u64::to_string).collect();
        [name.clone(), grid.join("x"), shape.tokens().to_string(), shape.width.to_string()]
    });
    std::iter::once(titles).chain(rows).collect()
}

fn parts(cost: &Cost, total: &PartCost) -> Vec<[String; 4]> {
    let titles = ["part", "parameters", "FLOPs", "if dense"].map(str::to_owned);
    let row = |name: &str, part: &PartCost| {
        let dense = (part.dense_flops != part.flops).then(|| scaled(part.dense_flops));
        let (parameters, flops) = (part.parameters.to_string(), scaled(part.flops));
        [name.to_owned(), parameters, flops, dense.unwrap_or_default()]
    };
    let rows = cost.parts.iter().map(|(name, part)| row(name, part));
    std::iter::once(titles).chain(rows).chain([row("total", total)]).collect()
}

fn memory(cost: &Cost) -> String {
    let [weights, training, activations] =
        [cost.parameter_bytes(), cost.training_bytes(), cost.activation_bytes()].map(bytes);
    format!(
        "memory\n  weights {weights}; with gradients and Adam {training}; activations at most {activations} a \
         sample\n"
    )
}

/// Rows in columns, indented; numbers are flush right.
fn table<const N: usize>(rows: &[[String; N]], is_number: &[bool; N]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
            line += &if is_number[at] {
                format!("  {cell:>width$}")
            } else {
                format!("  {cell:<width$}")
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
