//! The text form of costs.
//!
//! In: a cost. Out: a table. Deliberately not here: counting.

use std::fmt;

use super::{Cost, PartCost};

/// A count with three digits and a unit: `17.6 G`.
#[must_use]
pub fn scaled(value: u128) -> String {
    with_units(value, 1000, &["", " K", " M", " G", " T", " P", " E"])
}

/// Bytes with three digits and a unit: `340 MiB`.
#[must_use]
pub fn bytes(value: u128) -> String {
    with_units(value, 1024, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
}

/// Exact up to the last digit shown, which is rounded down.
fn with_units(value: u128, base: u128, units: &[&str]) -> String {
    let mut unit = 0;
    let mut divisor = 1;
    while value / divisor >= base && unit + 1 < units.len() {
        divisor *= base;
        unit += 1;
    }
    let (whole, rest) = (value / divisor, value % divisor);
    let number = match whole {
        0..10 if unit > 0 => format!("{whole}.{:02}", rest * 100 / divisor),
        10..100 if unit > 0 => format!("{whole}.{}", rest * 10 / divisor),
        0.. => whole.to_string(),
    };
    number + units[unit]
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        let row = |name: &str, part: &PartCost| {
            let dense = if part.dense_flops == part.flops {
                String::new()
            } else {
                scaled(part.dense_flops)
            };
            [name.to_owned(), part.parameters.to_string(), scaled(part.flops), dense]
        };
        let titles = ["part", "parameters", "FLOPs", "if dense"].map(str::to_owned);
        let rows = self.parts.iter().map(|(name, part)| row(name, part));
        let rows: Vec<[String; 4]> =
            std::iter::once(titles).chain(rows).chain([row("total", &total)]).collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        for [name, parameters, flops, dense] in &rows {
            let [w0, w1, w2, w3] = widths;
            let line = format!("{name:w0$}  {parameters:>w1$}  {flops:>w2$}  {dense:>w3$}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let groups = self
            .groups
            .iter()
            .map(|(name, shape)| format!("{name} {} of {}", shape.tokens(), shape.width));
        writeln!(f, "tokens  {}", groups.collect::<Vec<_>>().join(", "))?;
        let parameters = bytes(self.parameter_bytes());
        let (training, activations) =
            (bytes(self.training_bytes()), bytes(self.activation_bytes()));
        writeln!(
            f,
            "memory  weights {parameters}, with Adam {training}, at most {activations} a sample"
        )
    }
}
