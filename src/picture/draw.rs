//! One mask as a drawing.
//!
//! In: a mask and its title. Out: rows that receive by columns that are read, groups labeled on both axes, a
//! legend, and a caption that says what is not to be seen: blocks, scale, relations. Colors are of Okabe and Ito's
//! palette, dark, light and gray, so that they differ for every eye and in print. Deliberately not here: where the
//! drawing stands among others.

use std::fmt::Write;

use zorro_compiler::routing::{BlockKind, Mask, MaskBlocks};

use super::Panel;
use super::cells::{TOKENS, areas, by_tokens, fitting};
use super::labels::{
    caption, column_labels, column_labels_size, label, legend, row_labels, row_labels_width,
    row_title, row_title_width, wrapped,
};
use super::layout::{Layout, Span, layout};
use super::scene::{Item, Scene, Short};

pub(super) const FULL: &str = "#0072b2";
pub(super) const PARTIAL: &str = "#7cc4ec";
pub(super) const EMPTY: &str = "#e8e8e8";
pub(super) const INK: &str = "#1a1a1a";
pub(super) const GRAY: &str = "#555555";

const READS: &str = "reads (keys)";

/// Beyond that, cells of a picture are finer than print, or its file is large.
const MAX_TOKENS: u64 = 4096;
const MAX_AREAS: usize = 8000;
const MAX_CELLS: u64 = 230;

/// Tokens smaller than that have no lines between them.
const MIN_LINED: f64 = 5.0;

/// Draws a mask, its longer side about this long.
pub(super) fn panel(panel: &Panel<'_>, longest: f64) -> Scene {
    let mask = panel.mask;
    let blocks = by_tokens(mask, MAX_TOKENS, MAX_AREAS)
        .unwrap_or_else(|| fitting(mask, MAX_CELLS, MAX_CELLS));
    let layout = layout(mask, longest);
    let left = row_title_width(&layout) + row_labels_width(mask, &layout);
    let (top_labels, overhang) = column_labels_size(mask, &layout);
    let (density, allowed, total) = (mask.density(), mask.allowed(), mask.total());
    let subtitle = format!("density {density:.3} ({allowed} of {total} pairs of tokens)");

    let mut scene = Scene { title: panel.title.clone(), ..Scene::default() };
    let text_width = (left + layout.columns.length).max(340.0);
    let mut y = 0.0;
    for line in wrapped(&panel.title, 13.0, text_width) {
        y += 16.0;
        scene.items.push(Item::Label(label(0.0, y - 4.0, &line, 13.0, INK).bold()));
    }
    scene.items.push(Item::Label(label(0.0, y + 10.0, &subtitle, 10.0, GRAY)));
    y += 34.0;
    let middle = left + layout.columns.length / 2.0;
    scene.items.push(Item::Label(label(middle, y, READS, 10.0, GRAY).middle()));
    y += 6.0 + top_labels;
    column_labels(&mut scene, mask, &layout, left, y - 5.0);
    row_labels(&mut scene, mask, &layout, left, y);
    row_title(&mut scene, &layout, y);
    scene.items.push(Item::Scene { x: left, y, scene: matrix(mask, &blocks, &layout) });
    // The title of a short axis is longer than it.
    y += layout.rows.length.max(40.0) + 20.0;
    legend(&mut scene, &blocks, mask, left, y);
    y += 4.0;
    let caption = caption(mask, &blocks, &layout);
    for line in caption.iter().flat_map(|line| wrapped(line, 9.5, text_width - left)) {
        y += 13.5;
        scene.items.push(Item::Label(label(left, y, &line, 9.5, GRAY)));
    }
    scene.width = text_width.max(left + layout.columns.length + overhang);
    scene.height = y + 4.0;
    scene
}

/// The cells: a rectangle for each pair of groups, and what is allowed in it.
pub(super) fn matrix(mask: &Mask, blocks: &MaskBlocks, layout: &Layout) -> Scene {
    let mut scene = Scene::default();
    for row in &layout.rows.spans {
        for column in &layout.columns.spans {
            let (x, y, width, height) = (column.start, row.start, column.size, row.size);
            scene.items.push(Item::Rect { x, y, width, height, fill: EMPTY });
        }
    }
    for (index, pair) in mask.pairs.iter().enumerate() {
        let (row, column) = (&layout.rows.spans[pair.receiver], &layout.columns.spans[pair.read]);
        let (mut full, mut partial) = (String::new(), String::new());
        for area in areas(mask, blocks, index) {
            let data = match area.kind {
                BlockKind::Empty => continue,
                BlockKind::Full => &mut full,
                BlockKind::Partial => &mut partial,
            };
            let (x, y) = (column.at(area.keys.start), row.at(area.queries.start));
            let (right, bottom) = (column.at(area.keys.end), row.at(area.queries.end));
            let (x, y, width, height) = (Short(x), Short(y), Short(right - x), Short(bottom - y));
            // Writing to a String cannot fail; here and below.
            let _ = write!(data, "M{x} {y}h{width}v{height}H{x}z");
        }
        for (data, fill) in [(full, FULL), (partial, PARTIAL)] {
            if !data.is_empty() {
                scene.items.push(Item::Area { data, fill });
            }
        }
    }
    if blocks.tile == TOKENS {
        lines(&mut scene, layout);
    }
    scene
}

/// Lines between tokens, where these are large enough.
fn lines(scene: &mut Scene, layout: &Layout) {
    let mut data = String::new();
    let inner = |span: &Span| if span.token() < MIN_LINED { 1..1 } else { 1..span.tokens };
    for span in &layout.rows.spans {
        for column in &layout.columns.spans {
            for token in inner(span) {
                let (x, y) = (Short(column.start), Short(span.at(token)));
                let _ = write!(data, "M{x} {y}h{}", Short(column.size));
            }
        }
    }
    for span in &layout.columns.spans {
        for row in &layout.rows.spans {
            for token in inner(span) {
                let (x, y) = (Short(span.at(token)), Short(row.start));
                let _ = write!(data, "M{x} {y}v{}", Short(row.size));
            }
        }
    }
    if !data.is_empty() {
        scene.items.push(Item::Lines { data, stroke: "#ffffff" });
    }
}
