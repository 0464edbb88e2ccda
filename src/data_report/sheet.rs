//! Samples as a contact sheet: what a model is fed, so that it can be looked at.
//!
//! In: tensors of samples. Out: cells of a sheet. Pictures are un-normalized, of long clips some frames are taken, spectrograms
//! have low frequencies below, waves the least and the most of each stretch. Deliberately not here: drawing.

use zorro_compiler::model::{HostStep, Modality, Source, TargetKind};
use zorro_runtime::Tensor;
use zorro_runtime::data::survey::Shown;

use super::text::shape_of;
use super::{SetReport, n_samples, short};
use crate::picture::{Cell, Head, Raster, Row, Sheet};

/// Frames of a clip that are shown.
const FRAMES: usize = 6;
/// The longest side of a picture by itself, and of a frame.
const SIDES: [usize; 2] = [160, 112];
/// The longest side of a map.
const MAP: usize = 432;
/// Stretches of a wave.
const STRETCHES: usize = 432;

/// The samples that were kept to be shown.
#[must_use]
pub fn sheet(report: &SetReport<'_>) -> Sheet {
    let shown = report.survey.map_or(&[] as &[Shown], |survey| &survey.shown);
    let heads = report.model.modalities.iter().map(head).collect();
    let rows = shown.iter().map(|shown| row(report, shown)).collect();
    let of = report.survey.map_or(0, |survey| survey.of);
    let pictures = report.model.modalities.iter().any(|one| is_normalized(one) && is_pictures(one));
    let pictures = if pictures { "; pictures as before `normalize`" } else { "" };
    let note = format!(
        "{} of {}, as `{}` is fed them in evaluation, without random changes{pictures}",
        shown.len(),
        n_samples(of),
        report.model.name
    );
    Sheet { title: format!("data.{}", report.set), note, heads, rows }
}

fn head(modality: &Modality) -> Head {
    let mut told = shape_of(&modality.shape);
    if is_normalized(modality) && is_pictures(modality) {
        told.push_str(", un-normalized");
    }
    Head { name: modality.name.clone(), told }
}

fn row(report: &SetReport<'_>, shown: &Shown) -> Row {
    let title = shown.key.clone();
    if let Some(why) = &shown.broken {
        let lines = vec![format!("broken: {}", why.replace('\n', " "))];
        return Row { title, lines, cells: Vec::new() };
    }
    let lines = report.model.targets.iter().zip(&shown.targets).map(|(target, value)| {
        let class = |class: usize| report.class(&target.name, class);
        format!("{}: {}", target.name, told(&target.kind, value.as_deref(), class))
    });
    let cells = report.model.modalities.iter().zip(&shown.modalities);
    let cells = cells.map(|(modality, fed)| match fed {
        Some(fed) => cell(modality, fed),
        None => Cell::Absent,
    });
    Row { title, lines: lines.collect(), cells: cells.collect() }
}

/// The value of a target, in a few words.
fn told(kind: &TargetKind, value: Option<&[f32]>, class: impl Fn(usize) -> String) -> String {
    let Some(value) = value else { return "none".to_owned() };
    match kind {
        TargetKind::Class(_) | TargetKind::Classes(_) => {
            let hot: Vec<usize> = (0..value.len()).filter(|at| value[*at] != 0.0).collect();
            let one = |at: &usize| match value[*at] == 1.0 {
                true => class(*at),
                false => format!("{} {}", class(*at), short(f64::from(value[*at]))),
            };
            let more = if hot.len() > 4 { ", .." } else { "" };
            let shown: Vec<String> = hot.iter().take(4).map(one).collect();
            if hot.is_empty() {
                "no class".to_owned()
            } else {
                format!("{}{more}", shown.join(", "))
            }
        }
        TargetKind::Tensor(_) => {
            let shown: Vec<String> =
                value.iter().take(3).map(|one| short(f64::from(*one))).collect();
            let more = if value.len() > 3 { ", .." } else { "" };
            format!("{}{more}", shown.join(", "))
        }
    }
}

fn is_normalized(modality: &Modality) -> bool {
    modality.steps.iter().any(|step| matches!(step, HostStep::Normalize { .. }))
}

fn is_pictures(modality: &Modality) -> bool {
    matches!(modality.source, Source::Image { .. } | Source::Frames { .. })
}

/// What a sample has of a modality.
fn cell(modality: &Modality, fed: &Tensor) -> Cell {
    let grid: Vec<usize> = modality
        .shape
        .grid
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(usize::MAX))
        .collect();
    let Some(values) = fed.data().as_f32() else { return Cell::Words(words(fed)) };
    let range = || {
        let (low, high) =
            values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        format!("{} to {}", short(f64::from(low)), short(f64::from(high)))
    };
    match (&modality.source, grid.as_slice()) {
        (Source::Image { .. }, [height, width]) => {
            let raster = Raster::of_picture(&before_normalize(modality, values), *height, *width);
            Cell::Pictures(vec![raster.shrunk(SIDES[0])], String::new())
        }
        (Source::Frames { fps, .. }, [count, height, width]) => {
            frames(&before_normalize(modality, values), [*count, *height, *width], fps.to_f64())
        }
        (Source::Wave { .. }, [_, columns]) if modality.shape.width == 1 => {
            let rows: Vec<&[f32]> = values.chunks_exact((*columns).max(1)).collect();
            Cell::Map(
                Raster::of_map(&rows).shrunk(MAP),
                format!("{}, low frequencies below", range()),
            )
        }
        (Source::Wave { .. }, [_]) => waves(modality, values),
        (Source::Tensor | Source::Text { .. }, _)
        | (Source::Image { .. } | Source::Frames { .. } | Source::Wave { .. }, _) => {
            Cell::Words(words(fed))
        }
    }
}

/// Frames side by side, where there are too many some of them at equal distances.
fn frames(values: &[f32], [count, height, width]: [usize; 3], fps: f64) -> Cell {
    let shown = count.min(FRAMES);
    let each = values.len() / count.max(1);
    let frame = |at: usize| {
        let at = at * (count - 1) / (shown - 1).max(1);
        Raster::of_picture(&values[at * each..][..each], height, width).shrunk(SIDES[1])
    };
    let told = match count > shown {
        true => format!("{shown} of {count} frames, {} a second", short(fps)),
        false => format!("{count} frames, {} a second", short(fps)),
    };
    Cell::Pictures((0..shown).map(frame).collect(), told)
}

fn waves(modality: &Modality, values: &[f32]) -> Cell {
    let channels = usize::try_from(modality.shape.width).unwrap_or(1).max(1);
    let length = values.len() / channels;
    let stretches = length.clamp(1, STRETCHES);
    let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    // Quiet sounds can be seen, too.
    let scale = if largest > 0.0 { 1.0 / largest } else { 0.0 };
    let wave = |channel: usize| -> Vec<[f32; 2]> {
        let stretch = |at: usize| {
            let times = at * length / stretches
                ..((at + 1) * length / stretches).max(at * length / stretches + 1);
            let all = times.filter_map(|time| values.get(time * channels + channel));
            all.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| {
                [low.min(*value), high.max(*value)]
            })
        };
        (0..stretches).map(stretch).map(|[low, high]| [low * scale, high * scale]).collect()
    };
    let told = match largest > 0.0 {
        true => format!("peak {}", short(f64::from(largest))),
        false => "silence".to_owned(),
    };
    Cell::Waves((0..channels.min(4)).map(wave).collect(), told)
}

/// The first numbers or ids.
fn words(fed: &Tensor) -> String {
    let all: Vec<String> = match (fed.data().as_f32(), fed.data().to_integers()) {
        (Some(numbers), _) => numbers.iter().take(12).map(|one| short(f64::from(*one))).collect(),
        (None, ids) => ids.iter().flatten().take(12).map(i64::to_string).collect(),
    };
    let more = if fed.data().len() > all.len() { " .." } else { "" };
    format!("{}{more}", all.join(" "))
}

/// The values before they were normalized.
fn before_normalize(modality: &Modality, values: &[f32]) -> Vec<f32> {
    let width = usize::try_from(modality.shape.width).unwrap_or(1).max(1);
    let mut values = values.to_vec();
    for step in modality.steps.iter().rev() {
        if let HostStep::Normalize { mean, std } = step {
            for (at, value) in values.iter_mut().enumerate() {
                let of = |numbers: &[zorro_compiler::number::Number]| {
                    numbers
                        .get((at % width).min(numbers.len().saturating_sub(1)))
                        .map_or(0.0, |one| one.to_f64())
                };
                *value = (f64::from(*value) * of(std) + of(mean)) as f32;
            }
        }
    }
    values
}
