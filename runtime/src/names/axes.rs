//! Another layout of the same numbers: `o c t h w -> o (t h w c)`.
//!
//! In: a tensor laid out as on the one side. Out: laid out as on the other. Each side names the axes in order;
//! parentheses make one axis of several, `1` is an axis of size 1. Deliberately not here: sums over axes, and repeating.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Tensor;

/// Two layouts of the same axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes {
    text: String,
    foreign: Side,
    model: Side,
    sizes: BTreeMap<String, usize>,
}

/// The axes of one side; each is made of so many named ones, the last the fastest. `1` is made of none.
type Side = Vec<Vec<String>>;

/// From which layout to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the foreign one to the model's.
    In,
    /// Back.
    Out,
}

impl Axes {
    pub(super) fn parse(text: &str, sizes: BTreeMap<String, usize>) -> Result<Self, String> {
        let wrong = |why: &str| format!("axes `{text}`: {why}");
        let (foreign, model) = text.split_once("->").ok_or_else(|| {
            wrong("write the foreign layout, `->` and the model's: `o c h w -> o (h w c)`")
        })?;
        let foreign = side(foreign).map_err(|why| wrong(&why))?;
        let model = side(model).map_err(|why| wrong(&why))?;
        let names = |side: &Side| side.iter().flatten().cloned().collect::<BTreeSet<String>>();
        for side in [&foreign, &model] {
            if names(side).len() != side.iter().flatten().count() {
                return Err(wrong("an axis stands twice on one side"));
            }
        }
        if let Some(name) = names(&foreign).symmetric_difference(&names(&model)).next() {
            return Err(wrong(&format!("axis `{name}` stands on one side alone")));
        }
        if let Some((name, _)) = sizes.iter().find(|(name, _)| !names(&model).contains(*name)) {
            return Err(wrong(&format!("`sizes` speaks of `{name}`, which is no axis")));
        }
        Ok(Self { text: text.to_owned(), foreign, model, sizes })
    }

    /// The tensor in the other layout. `like` has the sizes of a tensor that is in that layout, where they are known.
    pub(super) fn turn(
        &self,
        tensor: &Tensor,
        way: Way,
        like: Option<&[usize]>,
    ) -> Result<Tensor, String> {
        let (from, to) = match way {
            Way::In => (&self.foreign, &self.model),
            Way::Out => (&self.model, &self.foreign),
        };
        let mut sizes = self.sizes.clone();
        let misfit = || {
            let known: Vec<String> =
                self.sizes.iter().map(|(name, size)| format!("{name} = {size}")).collect();
            let known = if known.is_empty() {
                String::new()
            } else {
                format!(" with {}", known.join(", "))
            };
            format!("`{}`{known} does not fit sizes {:?}", self.text, tensor.shape())
        };
        // What one side leaves open the other may tell, so both are asked twice.
        for _ in 0..2 {
            learn(from, tensor.shape(), &mut sizes).ok_or_else(misfit)?;
            if let Some(like) = like {
                learn(to, like, &mut sizes).ok_or_else(misfit)?;
            }
        }
        if let Some(name) = from.iter().flatten().find(|name| !sizes.contains_key(*name)) {
            return Err(format!(
                "the size of axis `{name}` of `{}` is not known: write `sizes: {{ {name}: .. }}`",
                self.text
            ));
        }
        let order: Vec<&String> = from.iter().flatten().collect();
        let fine: Vec<usize> = order.iter().map(|name| sizes[*name]).collect();
        let places: Option<Vec<usize>> =
            to.iter().flatten().map(|name| order.iter().position(|other| *other == name)).collect();
        let whole = |axis: &Vec<String>| product(axis.iter().map(|name| sizes[name]));
        let coarse: Option<Vec<usize>> = to.iter().map(whole).collect();
        let turned = tensor.clone().reshape(fine).and_then(|fine| fine.permute(&places?));
        turned.and_then(|turned| turned.reshape(coarse?)).ok_or_else(misfit)
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Learns sizes of axes from those of a tensor; `None` where they contradict.
fn learn(side: &Side, shape: &[usize], sizes: &mut BTreeMap<String, usize>) -> Option<()> {
    if side.len() != shape.len() {
        return None;
    }
    for (axis, size) in side.iter().zip(shape) {
        let known = product(axis.iter().filter_map(|name| sizes.get(name)).copied())?;
        let mut open = axis.iter().filter(|name| !sizes.contains_key(*name));
        match (open.next().cloned(), open.next()) {
            (None, _) if known == *size => {}
            (None, _) => return None,
            (Some(name), None) => {
                if known == 0 || size % known != 0 {
                    return None;
                }
                sizes.insert(name, size / known);
            }
            (Some(_), Some(_)) => {}
        }
    }
    Some(())
}

/// The product, where it is a size at all.
fn product(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes.try_fold(1, usize::checked_mul)
}

fn side(text: &str) -> Result<Side, String> {
    let mut side: Side = Vec::new();
    let mut open = false;
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    for word in spaced.split_whitespace() {
        match word {
            "(" if open => return Err("`(` inside of `(`".to_owned()),
            "(" => {
                open = true;
                side.push(Vec::new());
            }
            ")" if !open => return Err("`)` without `(`".to_owned()),
            ")" => open = false,
            "1" => {
                if !open {
                    side.push(Vec::new());
                }
            }
            name if name.chars().all(|c| c.is_alphanumeric() || c == '_')
                && name.starts_with(char::is_alphabetic) =>
            {
                let name = name.to_owned();
                match side.last_mut() {
                    Some(axis) if open => axis.push(name),
                    Some(_) | None => side.push(vec![name]),
                }
            }
            other => {
                return Err(format!("`{other}` is no name of an axis, no `1` and no parenthesis"));
            }
        }
    }
    if open {
        return Err("`(` is not closed".to_owned());
    }
    Ok(side)
}
