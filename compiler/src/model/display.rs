//! The text form of a model.
//!
//! In: a model. Out: what snapshots hold and `zorro graph` prints: everything that later stages use
//! but spans and docs, with repeated layers told once. Deliberately not here: the table of weights
//! (`weights_table`), masks and flows, which have text forms of their own.
//!
//! In a loop, `x` (in a loop within it `y`) is what the repetition before made, and in the first one
//! what stands beside `x =`; `last` is the last repetition of a loop. What changes from layer to layer
//! is told as `first..last` if it rises or falls, or as `a/b/c` if that is all, or with its layers.

mod lines;
mod loops;
mod op_text;
mod paths;

use std::fmt::{self, Display, Formatter};

use crate::number::Number;

use super::fold::{Ends, fold};
use super::{
    Claim, Loss, ModalityId, Model, MseTarget, Negatives, Scalar, Shape, TargetKind, ValueId,
};
use paths::Paths;

pub(crate) use loops::columns;
pub(super) use loops::loop_range;
use loops::written;

impl Display for Shape {
    /// `8x14x14x768`: the grid, then the width.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for size in &self.grid {
            write!(f, "{size}x")?;
        }
        write!(f, "{}", self.width)
    }
}

impl Display for Model {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let paths = Paths::of(self);
        writeln!(f, "model {}", self.name)?;
        self.fmt_params(f)?;
        section(
            f,
            "modalities",
            self.modalities.iter().map(|modality| {
                let steps = modality.steps.iter().map(|step| format!(" |> {step}"));
                let made = format!("{}{}", modality.source, steps.collect::<String>());
                [modality.name.clone(), modality.shape.to_string(), made]
            }),
        )?;
        let groups = self.groups.iter().map(|group| group.name.as_str());
        writeln!(f, "groups\n  {}", counted(groups))?;
        writeln!(f, "steps")?;
        f.write_str(&written(&fold(&lines::lines(self, &paths), Ends::Differ)))?;
        self.fmt_results(f, &paths)
    }
}

impl Model {
    fn fmt_params(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.params.is_empty() {
            return Ok(());
        }
        let params = self.params.iter().map(|param| {
            format!("{} = {}{}", param.name, param.value, if param.set { " (set)" } else { "" })
        });
        writeln!(f, "params\n  {}", params.collect::<Vec<_>>().join(", "))
    }

    fn fmt_results(&self, f: &mut Formatter<'_>, paths: &Paths) -> fmt::Result {
        section(
            f,
            "outputs",
            self.outputs.iter().map(|output| {
                let shape = self.shape(output.value).to_string();
                [output.name.clone(), shape, paths.value(self, output.value)]
            }),
        )?;
        section(
            f,
            "targets",
            self.targets.iter().map(|target| {
                let kind = match &target.kind {
                    TargetKind::Class(n) => format!("class({n})"),
                    TargetKind::Classes(n) => format!("classes({n})"),
                    TargetKind::Tensor(shape) => format!("tensor({shape})"),
                };
                [target.name.clone(), kind]
            }),
        )?;
        section(
            f,
            "objectives",
            self.objectives
                .iter()
                .map(|objective| [objective.name.clone(), self.loss_text(&objective.loss, paths)]),
        )?;
        section(
            f,
            "asserts",
            self.asserts.iter().map(|assert| {
                let name = |id: &ModalityId| self.modalities[id.index()].name.as_str();
                let claim = match &assert.claim {
                    Claim::ReadsOnly(only) if only.is_empty() => "reads nothing".to_owned(),
                    Claim::ReadsOnly(only) => {
                        let names = only.iter().map(name).collect::<Vec<_>>();
                        format!("reads only {}", names.join(", "))
                    }
                    Claim::Causal(modality) => format!("causal in {}", name(modality)),
                };
                let value = paths.value(self, assert.value);
                [format!("{} {claim}", assert.name), format!("as {value}")]
            }),
        )
    }

    /// The terms of a loss as the text form has them.
    #[must_use]
    pub fn term_texts(&self, loss: &Loss) -> Vec<String> {
        let paths = Paths::of(self);
        loss.terms().into_iter().map(|term| self.loss_text(term, &paths)).collect()
    }

    fn loss_text(&self, loss: &Loss, paths: &Paths) -> String {
        // Losses speak of outputs by their names.
        let value = |id: &ValueId| {
            let output = self.outputs.iter().find(|output| output.value == *id);
            output.map_or_else(|| paths.value(self, *id), |output| output.name.clone())
        };
        let target = |id: &super::TargetId| &self.targets[id.index()].name;
        match loss {
            Loss::CrossEntropy { logits, target: label, smoothing } => {
                let (logits, label) = (value(logits), target(label));
                format!("cross_entropy({logits}, {label}, smoothing: {smoothing})")
            }
            Loss::SigmoidCrossEntropy { logits, target: label } => {
                format!("sigmoid_cross_entropy({}, {})", value(logits), target(label))
            }
            Loss::Nce { a, b, temperature, negatives, span: _ } => {
                let temperature = match temperature {
                    Scalar::Fixed(number) => number.to_string(),
                    Scalar::Computed(id) => value(id),
                };
                let negatives = match negatives {
                    Negatives::Both => "both",
                    Negatives::Forward => "forward",
                    Negatives::Joint => "joint",
                };
                let (a, b) = (value(a), value(b));
                format!("nce({a}, {b}, temperature: {temperature}, negatives: {negatives})")
            }
            Loss::Mse { a, b } => {
                let b = match b {
                    MseTarget::Target(id) => target(id).clone(),
                    MseTarget::Value(id) => value(id),
                };
                format!("mse({}, {b})", value(a))
            }
            Loss::Mean(terms) => {
                let terms = terms.iter().map(|term| self.loss_text(term, paths));
                format!("mean({})", terms.collect::<Vec<_>>().join(", "))
            }
            Loss::Sum(terms) => {
                let terms = terms.iter().map(|(factor, term)| {
                    let term = self.loss_text(term, paths);
                    if *factor == Number::ONE { term } else { format!("{factor} * {term}") }
                });
                terms.collect::<Vec<_>>().join(" + ")
            }
        }
    }
}

/// Names with how often they stand there, in the order of their first mention.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut counts: indexmap::IndexMap<&str, usize> = indexmap::IndexMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let names = counts.iter().map(|(name, count)| match count {
        1 => (*name).to_owned(),
        _ => format!("{name} ({count} times)"),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// A title and a table; nothing where there are no rows.
fn section<const N: usize>(
    f: &mut Formatter<'_>,
    title: &str,
    rows: impl Iterator<Item = [String; N]>,
) -> fmt::Result {
    let rows: Vec<[String; N]> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}")?;
    f.write_str(&columns(2, &rows))
}
