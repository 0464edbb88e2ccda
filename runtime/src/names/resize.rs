//! Positions for another grid.
//!
//! In: learned positions of one grid. Out: of another, interpolated as timm's `resample_abs_pos_embed` does (bicubic, antialiased,
//! Keys' kernel with a = -0.5), or cut out of the middle as AST does. Tokens before the grid, such as a class token, stay as they
//! are. Deliberately not here: which weights are positions.

use std::fmt;

use super::change::{count, doubles, like};
use crate::Tensor;

/// How positions are brought to another grid, and from which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resize {
    pub(super) method: Method,
    /// From and to, where the map says it.
    pub(super) grids: Option<(Vec<usize>, Vec<usize>)>,
    /// How many foreign tokens stand before the grid, where the map says it.
    pub(super) prefix: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Bicubic, antialiased.
    Bicubic,
    /// The middle where the grid is smaller, bilinear where it is larger.
    Crop,
}

/// At most so many foreign tokens are taken to stand before a square grid, where the map does not say how many.
const MAX_PREFIX: usize = 16;

impl Resize {
    /// Reads `bicubic`, `crop`, `14 x 14 -> 8 x 24` or both.
    pub(super) fn parse(text: &str, prefix: Option<usize>) -> Result<Self, String> {
        let wrong = || {
            format!(
                "resize `{text}`: write `bicubic` or `crop`, and perhaps both grids: `bicubic 14 x 14 -> 8 x 24`"
            )
        };
        let text = text.trim();
        let (method, rest) = [("bicubic", Method::Bicubic), ("crop", Method::Crop)]
            .into_iter()
            .find_map(|(name, method)| Some((method, text.strip_prefix(name)?)))
            .unwrap_or((Method::Bicubic, text));
        if rest.trim().is_empty() && !text.is_empty() {
            return Ok(Self { method, grids: None, prefix });
        }
        let (from, to) = rest.split_once("->").ok_or_else(wrong)?;
        let grid = |text: &str| {
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            let sizes = inner.split([',', 'x']).map(|size| size.trim().parse::<usize>().ok());
            sizes.collect::<Option<Vec<_>>>().filter(|sizes| sizes.iter().all(|size| *size > 0))
        };
        let grids = (grid(from).ok_or_else(wrong)?, grid(to).ok_or_else(wrong)?);
        let products = [&grids.0, &grids.1].map(|grid| product(grid));
        if products.contains(&None) || grids.0.len() > grids.1.len() {
            return Err(wrong());
        }
        Ok(Self { method, grids: Some(grids), prefix })
    }

    /// Positions along an axis for the grids that lie behind the model's. What was done is added to `told`.
    pub(super) fn apply(
        &self,
        tensor: &Tensor,
        axis: usize,
        wanted: &[Vec<usize>],
        told: &mut Vec<String>,
    ) -> Result<Tensor, String> {
        let found = *tensor.shape().get(axis).ok_or("it has no axis to be resized along")?;
        let (before, to) = self.goal(wanted)?;
        let (prefix, from) = self.source(found, &to)?;
        if before > prefix {
            return Err(format!(
                "the model has {before} tokens before its grid, and the file {prefix}"
            ));
        }
        let broken = || format!("{found} positions are not {prefix} and {}", shown(&from));
        let head = tensor.slice(axis, 0, before).ok_or_else(broken)?;
        let grid = tensor.slice(axis, prefix, found - prefix).ok_or_else(broken)?;
        let inner: usize = tensor.shape()[axis + 1..].iter().product();
        let outer: usize = tensor.shape()[..axis].iter().product();
        let copies = to.len() - from.len();
        let mut shape = vec![outer];
        shape.extend(&from);
        shape.push(inner);
        let mut values = doubles(&grid);
        // The last axis first, as PyTorch does.
        for (at, size) in to[copies..].iter().enumerate().rev() {
            let length = shape[at + 1];
            let rows = match self.method {
                Method::Bicubic => bicubic(length, *size),
                Method::Crop => cropped(length, *size),
            };
            values = along(&values, &shape, at + 1, &rows);
            shape[at + 1] = *size;
        }
        // Grids with more axes have the same positions at each place of those in front.
        let times: usize = to[..copies].iter().product();
        let length = values.len() / outer.max(1);
        let repeated: Vec<f64> = values
            .chunks(length.max(1))
            .flat_map(|row| std::iter::repeat_n(row, times).flatten().copied())
            .collect();
        if from != to[copies..] {
            told.push(format!("resize {} -> {}", shown(&from), shown(&to[copies..])));
        }
        if times > 1 {
            told.push(format!("{times} times"));
        }
        if before < prefix {
            told.push(format!("without {} of {prefix} tokens before the grid", prefix - before));
        }
        let mut sizes = tensor.shape().to_vec();
        sizes[axis] = product(&to).ok_or_else(broken)?;
        let grid = like(tensor, sizes, repeated).ok_or_else(broken)?;
        if before == 0 {
            return Ok(grid);
        }
        let head = like(tensor, head.shape().to_vec(), doubles(&head)).ok_or_else(broken)?;
        Tensor::concat(&[head, grid], axis).ok_or_else(broken)
    }

    /// How many tokens the model has before its grid, and the grid.
    fn goal(&self, wanted: &[Vec<usize>]) -> Result<(usize, Vec<usize>), String> {
        let tokens: usize = wanted.iter().map(|grid| product(grid).unwrap_or(0)).sum();
        if let Some((_, to)) = &self.grids {
            let grid = product(to).unwrap_or(0);
            let before = tokens.checked_sub(grid);
            let before = before.ok_or_else(|| {
                format!("the model has {tokens} positions, too few for {}", shown(to))
            })?;
            return Ok((before, to.clone()));
        }
        let (grid, before) = wanted.split_last().ok_or("the model's grid is not known")?;
        Ok((before.iter().map(|grid| product(grid).unwrap_or(0)).sum(), grid.clone()))
    }

    /// How many tokens the file has before its grid, and the grid: what the map says, else the model's own where it fits, else a
    /// square.
    fn source(&self, found: usize, to: &[usize]) -> Result<(usize, Vec<usize>), String> {
        if let Some((from, _)) = &self.grids {
            let prefix = found.checked_sub(product(from).unwrap_or(usize::MAX));
            let prefix = prefix.filter(|prefix| self.prefix.is_none_or(|told| told == *prefix));
            return match prefix {
                Some(prefix) => Ok((prefix, from.clone())),
                None => {
                    Err(format!("the file has {found} positions, which are not {}", shown(from)))
                }
            };
        }
        let prefixes = match self.prefix {
            Some(prefix) => prefix..prefix + 1,
            None => 0..MAX_PREFIX.min(found) + 1,
        };
        for prefix in prefixes {
            let Some(rest) = found.checked_sub(prefix).filter(|rest| *rest > 0) else { break };
            if to.len() < 2 {
                return Ok((prefix, vec![rest]));
            }
            let side = rest.isqrt();
            if side * side == rest {
                return Ok((prefix, vec![side, side]));
            }
        }
        Err(format!(
            "the file's {found} positions are no square grid; write both: `resize: 12 x 101 -> {}`",
            shown(to)
        ))
    }
}

/// The new place's parts of each old one.
type Rows = Vec<Vec<(usize, f64)>>;

/// `upsample_bicubic2d` of PyTorch with `antialias=True, align_corners=False`.
fn bicubic(length: usize, size: usize) -> Rows {
    let scale = count(length) / count(size);
    let stretch = scale.max(1.0);
    let kernel = |x: f64| {
        let (a, x) = (-0.5, x.abs());
        if x < 1.0 {
            ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
        } else if x < 2.0 {
            (((x - 5.0) * x + 8.0) * x - 4.0) * a
        } else {
            0.0
        }
    };
    let rows = (0..size).map(|place| {
        if length == size {
            return vec![(place, 1.0)];
        }
        let center = scale * (count(place) + 0.5);
        let reach = 2.0 * stretch;
        let is_near = |at: &usize| (count(*at) + 0.5 - center).abs() < reach + 1.0;
        let parts = (0..length).filter(is_near);
        let parts: Vec<(usize, f64)> =
            parts.map(|at| (at, kernel((count(at) + 0.5 - center) / stretch))).collect();
        let whole: f64 = parts.iter().map(|(_, part)| part).sum();
        parts.into_iter().map(|(at, part)| (at, part / whole)).collect()
    });
    rows.collect()
}

/// The middle, where fewer are wanted; else bilinear.
fn cropped(length: usize, size: usize) -> Rows {
    let scale = count(length) / count(size);
    let rows = (0..size).map(|place| {
        if size <= length {
            return vec![(length / 2 - size / 2 + place, 1.0)];
        }
        let from = (scale * (count(place) + 0.5) - 0.5).max(0.0);
        // Steps of whole places below `from`, which is far below 2^52.
        let low = (0..length).rev().find(|at| count(*at) <= from).unwrap_or(0);
        let part = from - count(low);
        vec![(low, 1.0 - part), ((low + 1).min(length - 1), part)]
    });
    rows.collect()
}

/// Each row's parts summed, along one axis.
fn along(values: &[f64], shape: &[usize], axis: usize, rows: &Rows) -> Vec<f64> {
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let length = shape[axis];
    let mut made = Vec::with_capacity(outer * rows.len() * inner);
    for block in 0..outer {
        for parts in rows {
            made.extend((0..inner).map(|i| {
                let at = |place: usize| values[(block * length + place) * inner + i];
                parts.iter().map(|(place, part)| at(*place) * part).sum::<f64>()
            }));
        }
    }
    made
}

fn product(grid: &[usize]) -> Option<usize> {
    grid.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

fn shown(grid: &[usize]) -> String {
    let sizes: Vec<String> = grid.iter().map(usize::to_string).collect();
    sizes.join(" x ")
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.method {
            Method::Bicubic => "bicubic",
            Method::Crop => "crop",
        })?;
        if let Some((from, to)) = &self.grids {
            write!(f, " {} -> {}", shown(from), shown(to))?;
        }
        Ok(())
    }
}
