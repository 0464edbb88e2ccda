//! Numbers carried along a link, one way or the other.
//!
//! In: a link and the tensors of one side. Out: the tensors of the other, or why not, naming both. Foreign tensors are
//! turned to the model's layout, joined, and cut into the model's parts; the way back is the mirror of that.
//! Deliberately not here: which tensors are linked.

use std::collections::BTreeMap;

use zorro_compiler::grammar::diagnostic::nearest;

use super::axes::{Like, Way};
use super::change::{added, scaled};
use super::link::Link;
use super::{Join, Wanted};
use crate::{Tensor, TensorData, Tensors};

type Named = Vec<(String, Tensor)>;

/// The model's tensors of a link, and what was done to the foreign ones.
pub(super) struct Carried {
    pub(super) found: Named,
    pub(super) how: Vec<String>,
}

/// Why a link carries nothing.
pub(super) enum Unfit {
    /// The foreign file lacks a tensor.
    Missing(String),
    /// It has other sizes than the model's.
    Sizes(String),
    /// The rule and the tensors contradict each other.
    Wrong(String),
}

impl Unfit {
    pub(super) fn message(self) -> String {
        match self {
            Self::Missing(message) | Self::Sizes(message) | Self::Wrong(message) => message,
        }
    }
}

/// The model's tensors of a link.
pub(super) fn import(
    link: &Link<'_>,
    foreign: &Tensors,
    wanted: &BTreeMap<&str, &Wanted>,
) -> Result<Carried, Unfit> {
    let mut how = Vec::new();
    if let Some(found) = zeros(link, foreign, wanted) {
        return Ok(Carried { found, how: vec!["zeros".to_owned()] });
    }
    let mut sources = Vec::new();
    for name in &link.foreign {
        let tensor =
            foreign.get(name).ok_or_else(|| Unfit::Missing(missing(link, name, foreign)))?;
        // What the model wants tells sizes that the map does not; where the two contradict, say the sizes that come out.
        let like = like(link, wanted);
        let turned = turned(link, name, tensor, Way::In, like, &mut how).or_else(|why| {
            turned(link, name, tensor, Way::In, Like::default(), &mut Vec::new()).map_err(|_| why)
        });
        sources.push(turned.map_err(Unfit::Wrong)?);
    }
    let mut whole = joined(link, sources, &link.foreign).map_err(Unfit::Wrong)?;
    if let Some(factor) = link.rule.and_then(|rule| rule.scale) {
        whole = scaled(&whole, factor);
        how.push(format!("scale {factor}"));
    }
    if let Some(resize) = link.rule.and_then(|rule| rule.resize.as_ref()) {
        let single = match link.model.as_slice() {
            [Some(name)] => wanted.get(name.as_str()),
            _ => None,
        };
        let grids = single.and_then(|wanted| wanted.grids.get(link.axis()));
        let grids = grids.map_or(&[][..], Vec::as_slice);
        let resized = resize.apply(&whole, link.axis(), grids, &mut how);
        whole = resized
            .map_err(|why| Unfit::Sizes(format!("`{}`: {why}", link.foreign.join("`, `"))))?;
    }
    let parts = match link.model.as_slice() {
        [Some(_)] => vec![whole],
        _ => {
            let lengths = wanted_lengths(link, wanted).map_err(Unfit::Wrong)?;
            cut(link, &whole, &lengths).map_err(Unfit::Wrong)?
        }
    };
    how.dedup();
    Ok(Carried { found: fitting(link, parts, wanted)?, how })
}

/// The parts that the model has, which have its sizes.
fn fitting(
    link: &Link<'_>,
    parts: Vec<Tensor>,
    wanted: &BTreeMap<&str, &Wanted>,
) -> Result<Named, Unfit> {
    let mut found = Named::new();
    for (name, tensor) in link.model.iter().zip(parts) {
        let Some(name) = name else { continue };
        let Some(wanted) = wanted.get(name.as_str()) else { continue };
        let sizes = wanted.shape.as_slice();
        if tensor.shape() != sizes {
            return Err(Unfit::Sizes(format!(
                "`{name}` is {sizes:?} in the model; from `{}`{} come {:?}",
                link.foreign.join("`, `"),
                through(link),
                tensor.shape()
            )));
        }
        found.push((name.clone(), tensor));
    }
    Ok(found)
}

/// Zeros, where the rule says that the foreign file may lack the tensor, and it does.
fn zeros(link: &Link<'_>, foreign: &Tensors, wanted: &BTreeMap<&str, &Wanted>) -> Option<Named> {
    let is_there = link.foreign.iter().any(|name| foreign.get(name).is_some());
    if is_there || !link.rule.is_some_and(|rule| rule.zeros) {
        return None;
    }
    let names = link.model.iter().flatten().filter_map(|name| wanted.get(name.as_str()));
    let zeros = names.filter_map(|wanted| {
        let zeros = TensorData::F32(vec![0.0; wanted.shape.iter().product()]);
        Some((wanted.name.clone(), Tensor::new(wanted.shape.clone(), zeros)?))
    });
    Some(zeros.collect())
}

/// What is known of a foreign tensor in the model's layout, where it is one tensor there and nothing else is.
fn like<'a>(link: &Link<'_>, wanted: &BTreeMap<&str, &'a Wanted>) -> Like<'a> {
    let single = match (link.foreign.as_slice(), link.model.as_slice()) {
        ([_], [Some(name)]) => wanted.get(name.as_str()).copied(),
        _ => None,
    };
    let is_resized = link.rule.is_some_and(|rule| rule.resize.is_some());
    single
        .filter(|_| !is_resized)
        .map_or(Like::default(), |wanted| Like { shape: Some(&wanted.shape), grids: &wanted.grids })
}

/// How long each part of a link is along its axis, where the model says it.
fn wanted_lengths(
    link: &Link<'_>,
    wanted: &BTreeMap<&str, &Wanted>,
) -> Result<Vec<Option<usize>>, String> {
    let lengths = link.model.iter().map(|part| {
        let Some(name) = part else { return Ok(None) };
        let Some(wanted) = wanted.get(name.as_str()) else {
            // A copy may have only some of the parts.
            return if link.is_copy() {
                Ok(None)
            } else {
                Err(format!(
                    "`{}` has a part for `{name}`, which the model does not have; write `_` in its place",
                    link.foreign.join("`, `")
                ))
            };
        };
        let size = wanted.shape.get(link.axis()).copied();
        size.map(Some).ok_or_else(|| format!("`{name}` has no axis {} to be cut along", link.axis()))
    });
    lengths.collect()
}

/// What is known beside the tensors that are to be exported.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// A foreign file of the same kind.
    pub(super) base: Option<&'a Tensors>,
    /// The model's tensors.
    pub(super) wanted: &'a BTreeMap<&'a str, &'a Wanted>,
    /// Whether they are gradients: what the model does not have has none, and factors count the other way round.
    pub(super) is_gradient: bool,
}

/// The foreign tensors of a link.
pub(super) fn export(link: &Link<'_>, ours: &Tensors, known: Known<'_>) -> Result<Named, String> {
    if link.foreign.is_empty() {
        return Ok(Named::new());
    }
    if link.rule.is_some_and(|rule| rule.join == Join::Sum) {
        return Err(format!("`join: sum` of `{}` cannot be undone", link.foreign.join("`, `")));
    }
    let before: Vec<Option<&Tensor>> =
        link.foreign.iter().map(|name| known.base.and_then(|base| base.get(name))).collect();
    let mut parts = Vec::new();
    for part in &link.model {
        match part {
            Some(name) => parts.push(ours.get(name).cloned().ok_or_else(|| {
                format!("`{}` needs `{name}`, which is not there", link.foreign.join("`, `"))
            })?),
            None => {
                let rest = absent(link, ours, &before)?;
                parts.push(if known.is_gradient { scaled(&rest, 0.0) } else { rest });
            }
        }
    }
    let names: Vec<String> = link.model.iter().flatten().cloned().collect();
    let mut whole = joined(link, parts, &names)?;
    if let Some(factor) = link.rule.and_then(|rule| rule.scale) {
        whole = scaled(&whole, if known.is_gradient { factor } else { 1.0 / factor });
    }
    let pieces = if link.foreign.len() == 1 { vec![whole] } else { shared(link, &whole, &before)? };
    let mut found = Named::new();
    for ((name, piece), before) in link.foreign.iter().zip(pieces).zip(before) {
        let grids = like(link, known.wanted).grids;
        let like = Like { shape: before.map(Tensor::shape), grids };
        let tensor = turned(link, name, &piece, Way::Out, like, &mut Vec::new())?;
        if let Some(before) = before
            && before.shape() != tensor.shape()
        {
            return Err(format!(
                "`{name}` is {:?} in the base file; from `{}`{} come {:?}",
                before.shape(),
                names.join("`, `"),
                through(link),
                tensor.shape()
            ));
        }
        found.push((name.clone(), tensor));
    }
    Ok(found)
}

/// The part that the model does not have, out of the base file.
fn absent(link: &Link<'_>, ours: &Tensors, before: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let needs = || {
        format!(
            "`{}` has a part that the model does not have; give a base file to take it from",
            link.foreign.join("`, `")
        )
    };
    let base: Option<Vec<&Tensor>> = before.iter().copied().collect();
    let turned = base
        .ok_or_else(needs)?
        .into_iter()
        .zip(&link.foreign)
        .map(|(tensor, name)| plain(link, name, tensor));
    let whole = joined(link, turned.collect::<Result<_, _>>()?, &link.foreign)?;
    let lengths: Vec<Option<usize>> = link
        .model
        .iter()
        .map(|part| ours.get(part.as_deref()?)?.shape().get(link.axis()).copied())
        .collect();
    let at = link.model.iter().position(Option::is_none).ok_or_else(needs)?;
    cut(link, &whole, &lengths)?.into_iter().nth(at).ok_or_else(needs)
}

/// A whole cut along the link's axis; parts without a length share the rest.
fn cut(link: &Link<'_>, whole: &Tensor, lengths: &[Option<usize>]) -> Result<Vec<Tensor>, String> {
    let axis = link.axis();
    let names = || {
        let parts = link.model.iter().map(|part| part.as_deref().unwrap_or("_"));
        format!(
            "`{}` are not `{}` of sizes {:?}",
            parts.collect::<Vec<_>>().join("`, `"),
            link.foreign.join("`, `"),
            whole.shape()
        )
    };
    let size = *whole.shape().get(axis).ok_or_else(names)?;
    let told: usize = lengths.iter().flatten().sum();
    // What has no length has an equal share of the rest.
    let open = lengths.iter().filter(|length| length.is_none()).count();
    let share = size.checked_sub(told).filter(|rest| open == 0 || rest.is_multiple_of(open));
    let mut start = 0;
    let mut parts = Vec::new();
    for length in lengths {
        let length = length.or(share.map(|rest| rest / open.max(1))).ok_or_else(names)?;
        parts.push(whole.slice(axis, start, length).ok_or_else(|| {
            format!("{}: the parts along axis {axis} are {told} of {size}", names())
        })?);
        start += length;
    }
    if start != size {
        return Err(format!("{}: the parts along axis {axis} are {start} of {size}", names()));
    }
    Ok(parts)
}

/// A whole cut into foreign tensors: as long as those of the base file, else all equal.
fn shared(
    link: &Link<'_>,
    whole: &Tensor,
    before: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, String> {
    let axis = link.axis();
    let size = whole.shape().get(axis).copied().unwrap_or(0);
    let mut start = 0;
    let mut pieces = Vec::new();
    for (name, before) in link.foreign.iter().zip(before) {
        let length = match before {
            Some(before) => plain(link, name, before)?.shape().get(axis).copied(),
            None if size % link.foreign.len() == 0 => Some(size / link.foreign.len()),
            None => None,
        };
        let piece = length.and_then(|length| whole.slice(axis, start, length));
        pieces.push(piece.ok_or_else(|| {
            format!(
                "{size} along axis {axis} are not shared equally by `{}`; give a base file",
                link.foreign.join("`, `")
            )
        })?);
        start += length.unwrap_or(0);
    }
    Ok(pieces)
}

/// Parts joined along the link's axis.
fn joined(link: &Link<'_>, mut parts: Vec<Tensor>, names: &[String]) -> Result<Tensor, String> {
    if parts.len() == 1 {
        return Ok(parts.swap_remove(0));
    }
    let join = link.rule.map_or(Join::Concat, |rule| rule.join);
    let whole = match join {
        Join::Concat => Tensor::concat(&parts, link.axis()),
        Join::Sum => added(&parts),
    };
    whole.ok_or_else(|| {
        let sizes: Vec<String> = parts.iter().map(|part| format!("{:?}", part.shape())).collect();
        format!(
            "`{}` of sizes {} do not join along axis {}",
            names.join("`, `"),
            sizes.join(", "),
            link.axis()
        )
    })
}

fn turned(
    link: &Link<'_>,
    name: &str,
    tensor: &Tensor,
    way: Way,
    like: Like<'_>,
    how: &mut Vec<String>,
) -> Result<Tensor, String> {
    match link.axes() {
        Some(axes) => axes.turn(tensor, way, like, how).map_err(|why| format!("`{name}`: {why}")),
        None => Ok(tensor.clone()),
    }
}

/// A foreign tensor in the model's layout, of which nothing else is known.
fn plain(link: &Link<'_>, name: &str, tensor: &Tensor) -> Result<Tensor, String> {
    turned(link, name, tensor, Way::In, Like::default(), &mut Vec::new())
}

fn through(link: &Link<'_>) -> String {
    link.axes().map_or_else(String::new, |axes| format!(" through `{axes}`"))
}

fn missing(link: &Link<'_>, name: &str, foreign: &Tensors) -> String {
    let wanted: Vec<&str> = link.model.iter().flatten().map(String::as_str).collect();
    let hint = nearest(name, foreign.names());
    let hint = hint.map_or_else(String::new, |near| format!("; there is `{near}`"));
    match link.rule {
        Some(_) => format!(
            "`{}` needs `{name}`, which the foreign file does not have{hint}",
            wanted.join("`, `")
        ),
        None => format!(
            "no rule speaks of `{name}`, and the foreign file has no tensor of that name{hint}"
        ),
    }
}
