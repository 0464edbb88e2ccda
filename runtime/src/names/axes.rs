//! Another layout of the same numbers: `o c t h w -> o (t h w c)`.
//!
//! In: a tensor laid out as on the one side. Out: laid out as on the other. Each side names the axes in order;
//! parentheses make one axis of several, `1` is an axis of size 1. An axis that stands on one side alone, or is longer on one
//! side, needs a change of its own. Deliberately not here: what such a change does to the numbers, which is `change`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::change::Change;
use crate::Tensor;

/// Two layouts of the same axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes {
    text: String,
    foreign: Side,
    model: Side,
    sizes: BTreeMap<String, usize>,
    /// Axes whose size may differ between the sides.
    changes: Vec<(String, Change)>,
}

/// What is known of the side that a tensor is brought to: the sizes of its axes, and the grids behind each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Like<'a> {
    pub(super) shape: Option<&'a [usize]>,
    pub(super) grids: &'a [Vec<Vec<usize>>],
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
    pub(super) fn parse(
        text: &str,
        sizes: BTreeMap<String, usize>,
        changes: Vec<(String, Change)>,
    ) -> Result<Self, String> {
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
        let (theirs, ours) = (names(&foreign), names(&model));
        for (name, change) in &changes {
            if !change.may_stand(theirs.contains(name), ours.contains(name)) {
                return Err(wrong(&format!("`{change}: {name}`: {}", change.needs())));
            }
        }
        let is_changed = |name: &String| changes.iter().any(|(changed, _)| changed == name);
        let alone = theirs.symmetric_difference(&ours).find(|name| !is_changed(name));
        if let Some(name) = alone {
            return Err(wrong(&format!("axis `{name}` stands on one side alone")));
        }
        if let Some((name, _)) = sizes.iter().find(|(name, _)| !ours.contains(*name)) {
            return Err(wrong(&format!("`sizes` speaks of `{name}`, which is no axis")));
        }
        Ok(Self { text: text.to_owned(), foreign, model, sizes, changes })
    }

    /// The axis that the model alone has.
    pub(super) fn new_axis(text: &str) -> Option<String> {
        let (foreign, model) = text.split_once("->")?;
        let (foreign, model) = (side(foreign).ok()?, side(model).ok()?);
        let mut new = model
            .into_iter()
            .flatten()
            .filter(|name| !foreign.iter().flatten().any(|other| other == name));
        new.next().filter(|_| new.next().is_none())
    }

    /// The tensor in the other layout. `like` has the sizes of a tensor that is in that layout, where they are known. What was
    /// changed on the way in is added to `told`.
    pub(super) fn turn(
        &self,
        tensor: &Tensor,
        way: Way,
        like: Like<'_>,
        told: &mut Vec<String>,
    ) -> Result<Tensor, String> {
        let (from, to) = match way {
            Way::In => (&self.foreign, &self.model),
            Way::Out => (&self.model, &self.foreign),
        };
        let sizes = self.learned(tensor.shape(), way, like)?;
        let known = |name: &String| match way {
            Way::In => sizes.get(name).copied(),
            Way::Out => sizes.get(&ours(name)).or(sizes.get(name)).copied(),
        };
        if let Some(name) = from.iter().flatten().find(|name| known(name).is_none()) {
            return Err(format!(
                "the size of axis `{name}` of `{}` is not known: write `sizes: {{ {name}: .. }}`",
                self.text
            ));
        }
        let misfit = || self.misfit(tensor.shape());
        let order: Vec<&String> = from.iter().flatten().collect();
        let fine = order.iter().map(|name| known(name)).collect::<Option<Vec<_>>>();
        let fine = fine.and_then(|fine| tensor.clone().reshape(fine)).ok_or_else(misfit)?;
        let mut fine = Fine { tensor: fine, order };
        for (name, change) in &self.changes {
            let is_wanted = to.iter().flatten().any(|other| other == name);
            let size = match way {
                Way::In if is_wanted => sizes.get(&ours(name)).copied(),
                // An axis that goes away has to be 1 long first.
                Way::In => Some(1),
                Way::Out => None,
            };
            fine.change(name, *change, size, told)?;
            if !is_wanted {
                fine.remove(name).ok_or_else(|| format!("`{change}: {name}` cannot be undone"))?;
            }
        }
        let Fine { tensor: turned, order } = fine;
        let places: Option<Vec<usize>> =
            to.iter().flatten().map(|name| order.iter().position(|other| *other == name)).collect();
        let found = turned.shape().to_vec();
        let size =
            |name: &String| order.iter().position(|other| *other == name).map(|at| found[at]);
        let whole = |axis: &Vec<String>| {
            axis.iter().try_fold(1_usize, |product, name| product.checked_mul(size(name)?))
        };
        let coarse: Option<Vec<usize>> = to.iter().map(whole).collect();
        let turned = places.and_then(|places| turned.permute(&places));
        turned.and_then(|turned| turned.reshape(coarse?)).ok_or_else(misfit)
    }

    /// The sizes of axes, as far as they can be known; those of the model's side that may be others are [`ours`].
    fn learned(
        &self,
        shape: &[usize],
        way: Way,
        like: Like<'_>,
    ) -> Result<BTreeMap<String, usize>, String> {
        let changed = |name: &String| self.changes.iter().any(|(changed, _)| changed == name);
        let renamed = |name: &String| if changed(name) { ours(name) } else { name.clone() };
        let model: Side =
            self.model.iter().map(|axis| axis.iter().map(renamed).collect()).collect();
        let mut sizes: BTreeMap<String, usize> =
            self.sizes.iter().map(|(name, size)| (renamed(name), *size)).collect();
        // What is left to guess is first taken to be the same on both sides.
        let shared: Vec<&String> =
            self.foreign.iter().flatten().filter(|name| changed(name)).collect();
        let (foreign_shape, model_shape) = match way {
            Way::In => (Some(shape), like.shape),
            Way::Out => (like.shape, Some(shape)),
        };
        let misfit = || self.misfit(shape);
        for (axis, grids) in model.iter().zip(like.grids) {
            if let [grid] = grids.as_slice() {
                assigned(axis, grid, &mut sizes);
            }
        }
        for round in 0..4 {
            // What one side leaves open the other may tell, so both are asked twice.
            if let Some(shape) = foreign_shape {
                learn(&self.foreign, shape, &mut sizes).ok_or_else(misfit)?;
            }
            if let Some(shape) = model_shape {
                learn(&model, shape, &mut sizes).ok_or_else(misfit)?;
            }
            for name in shared.iter().filter(|_| round > 0) {
                let (own, other) = (ours(name), (*name).clone());
                match way {
                    Way::In => copy(&mut sizes, &other, own),
                    Way::Out => copy(&mut sizes, &own, other),
                }
            }
        }
        Ok(sizes)
    }

    fn misfit(&self, shape: &[usize]) -> String {
        let known: Vec<String> =
            self.sizes.iter().map(|(name, size)| format!("{name} = {size}")).collect();
        let known =
            if known.is_empty() { String::new() } else { format!(" with {}", known.join(", ")) };
        format!("`{}`{known} does not fit sizes {shape:?}", self.text)
    }
}

/// A tensor with an axis for each name.
struct Fine<'a> {
    tensor: Tensor,
    order: Vec<&'a String>,
}

impl<'a> Fine<'a> {
    fn at(&self, name: &String) -> Option<usize> {
        self.order.iter().position(|other| *other == name)
    }

    /// Brings an axis, which is added where there is none, to a size; where none is known it stays as long as it is.
    fn change(
        &mut self,
        name: &'a String,
        change: Change,
        size: Option<usize>,
        told: &mut Vec<String>,
    ) -> Result<(), String> {
        let at = match self.at(name) {
            Some(at) => at,
            None => {
                let shape = self.tensor.shape().iter().copied().chain([1]).collect();
                self.tensor = self.tensor.clone().reshape(shape).ok_or("an axis of size 1")?;
                self.order.push(name);
                self.order.len() - 1
            }
        };
        let before = self.tensor.shape()[at];
        let after = size.unwrap_or(before);
        if before != after {
            self.tensor = change.along(&self.tensor, at, after).ok_or_else(|| {
                format!("`{change}: {name}` does not make {after} of {before}: {}", change.needs())
            })?;
            told.push(format!("{change} {name} {before} -> {after}"));
        }
        Ok(())
    }

    /// Takes an axis of size 1 away.
    fn remove(&mut self, name: &String) -> Option<()> {
        let at = self.at(name).filter(|at| self.tensor.shape()[*at] == 1)?;
        let mut shape = self.tensor.shape().to_vec();
        shape.remove(at);
        self.order.remove(at);
        self.tensor = self.tensor.clone().reshape(shape)?;
        Some(())
    }
}

/// An axis of the model's side that may be longer or shorter than the foreign one of that name.
fn ours(name: &str) -> String {
    format!("{name}'")
}

fn copy(sizes: &mut BTreeMap<String, usize>, from: &str, to: String) {
    if let Some(size) = sizes.get(from).copied() {
        sizes.entry(to).or_insert(size);
    }
}

/// Takes the sizes of an axis from the grid behind it, the last first; what the grid does not have is 1.
fn assigned(axis: &[String], grid: &[usize], sizes: &mut BTreeMap<String, usize>) {
    if grid.len() > axis.len() || (grid.len() == 1 && axis.len() > 1) {
        return;
    }
    let grid = grid.iter().rev().copied().chain(std::iter::repeat(1));
    for (name, size) in axis.iter().rev().zip(grid) {
        sizes.entry(name.clone()).or_insert(size);
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
