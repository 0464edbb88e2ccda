//! What is written around a mask.
//!
//! In: a mask and its layout. Out: the names of groups beside rows and above columns, a legend, a caption.
//! Deliberately not here: the cells.

use zorro_compiler::routing::{Mask, MaskBlocks, Pair, Relation, Side, Tile};

use super::draw::{EMPTY, FULL, GRAY, INK, PARTIAL};
use super::font;
use super::layout::{Layout, NAME, SIZES, Span, sizes};
use super::scene::{Anchor, Item, Label, Scene};

/// The slant of column labels that are wider than their columns.
const SLANT: f64 = -50.0;

/// A caption lists no more relations.
const MAX_RELATIONS: usize = 6;

/// The smallest row with two lines beside it.
const TWO_LINES: f64 = 24.0;

/// A label that begins at its place.
pub(super) fn label(x: f64, y: f64, text: &str, size: f64, color: &'static str) -> Label {
    let (text, anchor) = (text.to_owned(), Anchor::Start);
    Label { x, y, text, size, is_bold: false, color, anchor, angle: 0.0 }
}

impl Label {
    pub(super) fn bold(self) -> Self {
        Self { is_bold: true, ..self }
    }

    pub(super) fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    pub(super) fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    pub(super) fn turned(self, angle: f64) -> Self {
        Self { angle, ..self }
    }
}

/// How wide the labels beside the rows are.
pub(super) fn row_labels_width(mask: &Mask, layout: &Layout) -> f64 {
    let width = |(side, span): (&Side, &Span)| {
        let (name, sizes) = (font::room(&side.name, NAME), font::room(&sizes(side), SIZES));
        if span.size >= TWO_LINES { name.max(sizes) } else { name + sizes + 5.0 }
    };
    let widest = mask.receivers.iter().zip(&layout.rows.spans).map(width).fold(0.0, f64::max);
    widest + 7.0
}

/// The title of the rows, upright on the left; on two lines where the axis is short.
pub(super) fn row_title(scene: &mut Scene, layout: &Layout, top: f64) {
    let middle = top + layout.rows.length / 2.0;
    let lines: &[&str] =
        if is_short(layout) { &["receivers", "(queries)"] } else { &["receivers (queries)"] };
    for (x, line) in [10.0, 21.0].into_iter().zip(lines) {
        let label = label(x, middle, line, 10.0, GRAY).middle().turned(-90.0);
        scene.items.push(Item::Label(label));
    }
}

/// How wide the title of the rows is.
pub(super) fn row_title_width(layout: &Layout) -> f64 {
    if is_short(layout) { 31.0 } else { 20.0 }
}

fn is_short(layout: &Layout) -> bool {
    layout.rows.length < 110.0
}

/// The names of the receivers beside their rows.
pub(super) fn row_labels(scene: &mut Scene, mask: &Mask, layout: &Layout, right: f64, top: f64) {
    for (side, span) in mask.receivers.iter().zip(&layout.rows.spans) {
        let (x, y) = (right - 7.0, top + span.start + span.size / 2.0);
        let sizes = sizes(side);
        if span.size >= TWO_LINES {
            scene.items.push(Item::Label(label(x, y - 1.0, &side.name, NAME, INK).end()));
            scene.items.push(Item::Label(label(x, y + 10.0, &sizes, SIZES, GRAY).end()));
        } else {
            let left = x - font::room(&sizes, SIZES) - 5.0;
            scene.items.push(Item::Label(label(left, y + 3.5, &side.name, NAME, INK).end()));
            scene.items.push(Item::Label(label(x, y + 3.5, &sizes, SIZES, GRAY).end()));
        }
    }
}

/// Whether a name is wider than its column: then all of them stand aslant.
fn is_slanted(mask: &Mask, layout: &Layout) -> bool {
    let mut columns = mask.reads.iter().zip(&layout.columns.spans);
    columns.any(|(side, span)| font::width(&side.name, NAME) > span.size)
}

fn one_line(side: &Side) -> String {
    format!("{} ({})", side.name, sizes(side))
}

/// How high the labels above the columns are, and how far they reach beyond the last one.
pub(super) fn column_labels_size(mask: &Mask, layout: &Layout) -> (f64, f64) {
    if !is_slanted(mask, layout) {
        return (28.0, 0.0);
    }
    let (sine, cosine) = (-SLANT.to_radians().sin(), SLANT.to_radians().cos());
    let (mut height, mut overhang) = (0.0_f64, 0.0_f64);
    for (side, span) in mask.reads.iter().zip(&layout.columns.spans) {
        let width = font::room(&one_line(side), NAME);
        height = height.max(width * sine);
        let middle = span.start + span.size / 2.0;
        overhang = overhang.max(middle + width * cosine - layout.columns.length);
    }
    (height + 14.0, overhang + 4.0)
}

/// The names of what is read above their columns.
pub(super) fn column_labels(scene: &mut Scene, mask: &Mask, layout: &Layout, left: f64, y: f64) {
    let is_slanted = is_slanted(mask, layout);
    for (side, span) in mask.reads.iter().zip(&layout.columns.spans) {
        let x = left + span.start + span.size / 2.0;
        if is_slanted {
            let label = label(x + 3.0, y, &one_line(side), NAME, INK).turned(SLANT);
            scene.items.push(Item::Label(label));
            continue;
        }
        scene.items.push(Item::Label(label(x, y - 11.5, &side.name, NAME, INK).middle()));
        let sizes = sizes(side);
        let is_fitting = font::width(&sizes, SIZES) <= span.size;
        let sizes = if is_fitting { sizes } else { side.tokens().to_string() };
        scene.items.push(Item::Label(label(x, y, &sizes, SIZES, GRAY).middle()));
    }
}

/// Whether the cells show each pair of tokens as it is, however large they are.
fn is_exact(blocks: &MaskBlocks) -> bool {
    blocks.n_partial() == 0
}

/// Which color is what.
pub(super) fn legend(scene: &mut Scene, blocks: &MaskBlocks, mask: &Mask, left: f64, y: f64) {
    let names = if is_exact(blocks) {
        ["allowed", "", "not allowed"]
    } else {
        ["all allowed", "some allowed", "none allowed"]
    };
    let are_there = [blocks.n_full() > 0, blocks.n_partial() > 0, mask.allowed() < mask.total()];
    let mut x = left;
    for ((fill, name), is_there) in [FULL, PARTIAL, EMPTY].into_iter().zip(names).zip(are_there) {
        if is_there {
            scene.items.push(Item::Rect { x, y: y - 9.0, width: 10.0, height: 10.0, fill });
            scene.items.push(Item::Label(label(x + 15.0, y, name, 10.0, INK)));
            x += 15.0 + font::room(name, 10.0) + 18.0;
        }
    }
}

/// What cannot be seen: the size of a cell, the scale, the relations.
pub(super) fn caption(mask: &Mask, blocks: &MaskBlocks, layout: &Layout) -> Vec<String> {
    let mut lines = Vec::new();
    if !is_exact(blocks) {
        let Tile { queries, keys } = blocks.tile;
        lines.push(format!("A cell is {queries}x{keys} tokens."));
    }
    match layout.enlarged.as_slice() {
        [] => {}
        [name] => lines.push(format!("Not to scale: {name} is enlarged.")),
        [names @ .., last] if names.len() < 5 => {
            lines.push(format!("Not to scale: {} and {last} are enlarged.", names.join(", ")));
        }
        [..] => lines.push("Not to scale: small groups are enlarged.".to_owned()),
    }
    let mut relations: Vec<String> = Vec::new();
    for Pair { receiver, read, relation } in &mask.pairs {
        let (receiver, read) = (&mask.receivers[*receiver].name, &mask.reads[*read].name);
        let line = format!("{receiver} <- {read} within {relation}");
        if *relation != Relation::All && !relations.contains(&line) {
            relations.push(line);
        }
    }
    lines.extend(relations.iter().take(MAX_RELATIONS).cloned());
    if relations.len() > MAX_RELATIONS {
        lines.push(format!("and {} more relations", relations.len() - MAX_RELATIONS));
    }
    lines
}

/// Lines that are no wider, broken between words.
pub(super) fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if font::room(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}
