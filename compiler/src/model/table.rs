//! The table of weights.
//!
//! In: a model. Out: a line for each weight with its shape, start and kind, repeated layers told
//! once. Deliberately not here: how many numbers that makes, which is `cost`.

use std::fmt;

use super::display::{columns, loop_range};
use super::fold::{Ends, Item, Line, Piece, components, fold};
use super::{Model, WeightKind};

/// The weights of a model as text.
#[must_use]
pub fn weights_table(model: &Model) -> String {
    let lines: Vec<Line> = model
        .weights
        .iter()
        .map(|weight| {
            let sizes = weight.shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x");
            let sizes = if sizes.is_empty() { "1".to_owned() } else { sizes };
            let cells = [sizes, weight.init.to_string(), weight.kind.to_string()];
            Line {
                path: components(&weight.name),
                pieces: cells.into_iter().map(Piece::Text).collect(),
            }
        })
        .collect();
    let mut rows = Vec::new();
    collect(&fold(&lines, Ends::Equal), "", &mut rows);
    columns(0, &rows)
}

fn collect(items: &[Item], prefix: &str, rows: &mut Vec<[String; 4]>) {
    let full =
        |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    for item in items {
        match item {
            Item::Loop { name, first, lasts, body, depth: _ } => {
                collect(body, &full(&loop_range(name, *first, lasts)), rows);
            }
            Item::Line { name, pieces, index: _ } => {
                let mut row = [full(name), String::new(), String::new(), String::new()];
                for (cell, piece) in row[1..].iter_mut().zip(pieces) {
                    if let Piece::Text(text) = piece {
                        cell.clone_from(text);
                    }
                }
                rows.push(row);
            }
        }
    }
}

impl fmt::Display for WeightKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matrix => "matrix",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Position => "position",
            Self::Latents => "latents",
            Self::Embedding => "embedding",
            Self::Scores => "scores",
            Self::Learned => "learned",
        })
    }
}
