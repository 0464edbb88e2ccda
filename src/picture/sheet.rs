//! Contact sheets: samples below one another, as a model is fed them.
//!
//! In: cells of pictures, maps, waves and words. Out: a drawing. Deliberately not here: what is done to data until it can be
//! shown.

use std::fmt::Write;

use super::draw::INK;
use super::font;
use super::labels::label;
use super::raster::Raster;
use super::scene::{Item, Scene};

/// Samples to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What stands above all.
    pub title: String,
    /// A line below it.
    pub note: String,
    /// Columns: modalities.
    pub heads: Vec<Head>,
    /// Samples.
    pub rows: Vec<Row>,
}

/// What stands above a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The modality.
    pub name: String,
    /// What it is fed.
    pub told: String,
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its key.
    pub title: String,
    /// Its labels, or why it is broken.
    pub lines: Vec<String>,
    /// A cell for each column; none where it is broken.
    pub cells: Vec<Cell>,
}

/// What a sample has of one modality.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Pictures, from left to right, and a word on them.
    Pictures(Vec<Raster>, String),
    /// A map, and a word on it.
    Map(Raster, String),
    /// For each channel the least and the most of each of equal stretches of time, -1..1, and a word on it.
    Waves(Vec<Vec<[f32; 2]>>, String),
    /// Words.
    Words(String),
    /// Nothing: the sample lacks it.
    Absent,
}

/// Of pictures, maps and waves.
pub(crate) const TALL: f64 = 72.0;
/// Of maps and waves.
pub(crate) const WIDE: f64 = 216.0;
const LEFT: f64 = 20.0;
const NAMES: f64 = 190.0;
const TOP: f64 = 88.0;
/// From one sample to the next.
const STRIDE: f64 = 104.0;
/// Between columns.
const SPACE: f64 = 24.0;
/// Between pictures of one row.
const GAP: f64 = 3.0;
const GRAY: &str = "#555555";
const PALE: &str = "#f4f4f4";
const BLUE: &str = "#0072b2";
const LINE: &str = "#e8e8e8";

/// Lays out a sheet.
pub(super) fn drawn(sheet: &Sheet) -> Scene {
    let mut scene = Scene { title: sheet.title.clone(), ..Scene::default() };
    scene.items.push(Item::Label(label(LEFT, 24.0, &sheet.title, 14.0, INK).bold()));
    scene.items.push(Item::Label(label(LEFT, 40.0, &sheet.note, 10.0, GRAY)));
    let mut lefts = Vec::new();
    let mut x = LEFT + NAMES;
    for (at, head) in sheet.heads.iter().enumerate() {
        lefts.push(x);
        scene.items.push(Item::Label(label(x, TOP - 18.0, &head.name, 11.0, INK).bold()));
        let told = label(x + font::room(&head.name, 11.0) + 8.0, TOP - 18.0, &head.told, 9.0, GRAY);
        scene.items.push(Item::Label(told));
        let cells = sheet.rows.iter().filter_map(|row| row.cells.get(at));
        let widest = cells.map(wide).fold(0.0, f64::max);
        let title = font::room(&head.name, 11.0) + 8.0 + font::room(&head.told, 9.0);
        x += widest.max(title).max(80.0) + SPACE;
    }
    scene.width = x.max(LEFT + font::room(&sheet.note, 10.0) + LEFT);
    let end = scene.width - LEFT;
    for (row, y) in sheet.rows.iter().zip((0..).map(|at| TOP + STRIDE * f64::from(at))) {
        scene
            .items
            .push(Item::Lines { data: format!("M{LEFT} {:.1}H{end:.1}", y - 8.0), stroke: LINE });
        let title = cut(&row.title, NAMES - 16.0, 11.0);
        scene.items.push(Item::Label(label(LEFT, y + 12.0, &title, 11.0, INK).bold()));
        let is_broken = row.cells.is_empty();
        for (line, below) in
            row.lines.iter().take(5).zip((0..).map(|at| y + 28.0 + 13.0 * f64::from(at)))
        {
            let most = if is_broken { end - LEFT } else { NAMES - 16.0 };
            scene.items.push(Item::Label(label(LEFT, below, &cut(line, most, 10.0), 10.0, GRAY)));
        }
        for (cell, x) in row.cells.iter().zip(&lefts) {
            push(&mut scene, cell, *x, y);
        }
    }
    scene.height = TOP + STRIDE * sheet.rows.len() as f64;
    scene
}

/// How wide a cell is.
fn wide(cell: &Cell) -> f64 {
    match cell {
        Cell::Pictures(pictures, told) => {
            let all: f64 = pictures.iter().map(|raster| width_of(raster) + GAP).sum();
            (all - GAP).max(font::room(told, 9.0))
        }
        Cell::Map(..) | Cell::Waves(..) => WIDE,
        Cell::Words(text) => font::room(text, 10.0).min(WIDE),
        Cell::Absent => 60.0,
    }
}

/// How wide a picture is that is as tall as all.
fn width_of(raster: &Raster) -> f64 {
    (TALL * raster.width as f64 / raster.height.max(1) as f64).clamp(4.0, 3.0 * TALL)
}

fn push(scene: &mut Scene, cell: &Cell, x: f64, y: f64) {
    let mut told = |text: &str| {
        scene.items.push(Item::Label(label(x, y + TALL + 11.0, text, 9.0, GRAY)));
    };
    match cell {
        Cell::Pictures(pictures, text) => {
            told(text);
            let mut x = x;
            for raster in pictures {
                let (width, height) = (width_of(raster), TALL);
                scene.items.push(Item::Raster { x, y, width, height, raster: raster.clone() });
                x += width + GAP;
            }
        }
        Cell::Map(raster, text) => {
            told(text);
            let (width, height) = (WIDE, TALL);
            scene.items.push(Item::Raster { x, y, width, height, raster: raster.clone() });
        }
        Cell::Waves(channels, text) => {
            told(text);
            scene.items.push(Item::Rect { x, y, width: WIDE, height: TALL, fill: PALE });
            let tall = TALL / channels.len().max(1) as f64;
            for (at, wave) in channels.iter().enumerate() {
                let data = wave_path(wave, x, y + tall * at as f64, tall);
                scene.items.push(Item::Lines { data, stroke: BLUE });
            }
        }
        Cell::Words(text) => {
            let text = cut(text, WIDE, 10.0);
            scene.items.push(Item::Label(label(x, y + 12.0, &text, 10.0, INK)));
        }
        Cell::Absent => {
            scene.items.push(Item::Label(label(x, y + TALL / 2.0 + 4.0, "absent", 10.0, GRAY)));
        }
    }
}

/// The path of a wave in a box.
pub(crate) fn wave_path(wave: &[[f32; 2]], x: f64, y: f64, tall: f64) -> String {
    let mut data = String::new();
    let height = |value: f32| y + tall * (0.5 - 0.5 * f64::from(value.clamp(-1.0, 1.0)));
    for (at, [low, high]) in wave.iter().enumerate() {
        let across = x + WIDE * (at as f64 + 0.5) / wave.len() as f64;
        // A line of no length is not seen.
        let (top, bottom) = (height(*high), height(*low).max(height(*high) + 0.6));
        // Writing to a string does not fail.
        let _ = write!(data, "M{across:.1} {top:.1}V{bottom:.1}");
    }
    data
}

/// A text that is no wider than there is room.
fn cut(text: &str, room: f64, size: f64) -> String {
    if font::width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if font::width(&kept, size) > room - 12.0 {
            break;
        }
    }
    kept + ".."
}
