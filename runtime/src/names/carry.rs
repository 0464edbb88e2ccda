//! Numbers carried along a link, one way or the other.
//!
//! In: a link and the tensors of one side. Out: the tensors of the other, or why not, naming both. Foreign tensors are
//! turned to the model's layout, joined, and cut into the model's parts; the way back is the mirror of that.
//! Deliberately not here: which tensors are linked.

use std::collections::BTreeMap;

use zorro_compiler::grammar::diagnostic::nearest;

use super::axes::Way;
use super::link::Link;
use crate::{Tensor, Tensors};

type Named = Vec<(String, Tensor)>;

/// The model's tensors of a link.
pub(super) fn import(
    link: &Link<'_>,
    foreign: &Tensors,
    wanted: &BTreeMap<&str, &[usize]>,
) -> Result<Named, String> {
    let sources = link.foreign.iter().map(|name| {
        let tensor = foreign.get(name).ok_or_else(|| missing(link, name, foreign))?;
        // What the model wants tells sizes that the map does not; where the two contradict, say the sizes that come out.
        let like = like(link, wanted);
        turned(link, name, tensor, Way::In, like)
            .or_else(|why| turned(link, name, tensor, Way::In, None).map_err(|_| why))
    });
    let whole = joined(link, sources.collect::<Result<_, _>>()?, &link.foreign)?;
    let parts = match link.model.as_slice() {
        [Some(_)] => vec![whole],
        _ => cut(link, &whole, &wanted_lengths(link, wanted)?)?,
    };
    let mut found = Named::new();
    for (name, tensor) in link.model.iter().zip(parts) {
        let Some(name) = name else { continue };
        let sizes = wanted.get(name.as_str()).copied().unwrap_or_default();
        if tensor.shape() != sizes {
            return Err(format!(
                "`{name}` is {sizes:?} in the model; from `{}`{} come {:?}",
                link.foreign.join("`, `"),
                through(link),
                tensor.shape()
            ));
        }
        found.push((name.clone(), tensor));
    }
    Ok(found)
}

/// The sizes that a foreign tensor has in the model's layout, where it is one tensor there and nothing else is.
fn like<'a>(link: &Link<'_>, wanted: &BTreeMap<&str, &'a [usize]>) -> Option<&'a [usize]> {
    match (link.foreign.as_slice(), link.model.as_slice()) {
        ([_], [Some(name)]) => wanted.get(name.as_str()).copied(),
        _ => None,
    }
}

/// How long each part of a link is along its axis, where the model says it.
fn wanted_lengths(
    link: &Link<'_>,
    wanted: &BTreeMap<&str, &[usize]>,
) -> Result<Vec<Option<usize>>, String> {
    let lengths = link.model.iter().map(|part| {
        let Some(name) = part else { return Ok(None) };
        let sizes = wanted.get(name.as_str()).ok_or_else(|| {
            format!(
                "`{}` has a part for `{name}`, which the model does not have; write `_` in its place",
                link.foreign.join("`, `")
            )
        })?;
        let size = sizes.get(link.axis()).copied();
        size.map(Some).ok_or_else(|| format!("`{name}` has no axis {} to be cut along", link.axis()))
    });
    lengths.collect()
}

/// The foreign tensors of a link.
pub(super) fn export(
    link: &Link<'_>,
    ours: &Tensors,
    base: Option<&Tensors>,
) -> Result<Named, String> {
    let before: Vec<Option<&Tensor>> =
        link.foreign.iter().map(|name| base.and_then(|base| base.get(name))).collect();
    let mut parts = Vec::new();
    for part in &link.model {
        match part {
            Some(name) => match ours.get(name) {
                Some(tensor) => parts.push(tensor.clone()),
                None => {
                    return Err(format!(
                        "`{}` needs `{name}`, which is not there",
                        link.foreign.join("`, `")
                    ));
                }
            },
            None => {
                let rest = absent(link, ours, &before)?;
                parts.push(rest);
            }
        }
    }
    let names: Vec<String> = link.model.iter().flatten().cloned().collect();
    let whole = joined(link, parts, &names)?;
    let pieces = if link.foreign.len() == 1 { vec![whole] } else { shared(link, &whole, &before)? };
    let mut found = Named::new();
    for ((name, piece), before) in link.foreign.iter().zip(pieces).zip(before) {
        let tensor = turned(link, name, &piece, Way::Out, before.map(Tensor::shape))?;
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
        .map(|(tensor, name)| turned(link, name, tensor, Way::In, None));
    let whole = joined(link, turned.collect::<Result<_, _>>()?, &link.foreign)?;
    let lengths: Vec<Option<usize>> = link
        .model
        .iter()
        .map(|part| ours.get(part.as_deref()?)?.shape().get(link.axis()).copied())
        .collect();
    let at = link.model.iter().position(Option::is_none).ok_or_else(needs)?;
    cut(link, &whole, &lengths)?.into_iter().nth(at).ok_or_else(needs)
}

/// A whole cut along the link's axis; the one part without a length is the rest.
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
    let mut start = 0;
    let mut parts = Vec::new();
    for length in lengths {
        let length = length.or(size.checked_sub(told)).ok_or_else(names)?;
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
            Some(before) => turned(link, name, before, Way::In, None)?.shape().get(axis).copied(),
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
    Tensor::concat(&parts, link.axis()).ok_or_else(|| {
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
    like: Option<&[usize]>,
) -> Result<Tensor, String> {
    match link.axes() {
        Some(axes) => axes.turn(tensor, way, like).map_err(|why| format!("`{name}`: {why}")),
        None => Ok(tensor.clone()),
    }
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
