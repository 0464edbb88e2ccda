//! A small font of strokes.
//!
//! In: a text. Out: its width, and the paths of its letters. All of ASCII is there, so that a picture has readable
//! labels on a machine without fonts, and is the same on all machines. Deliberately not here: other scripts; each
//! of their characters is a box.
//!
//! Letters stand on the line 14 and capitals reach up to 0; small letters begin at 5, descenders end at 18.

/// The line on which letters stand.
pub(super) const BASE: i32 = 14;

/// Units that are one font size.
pub(super) const EM: f64 = 19.5;

/// Between two letters.
const GAP: f64 = 3.4;

/// The width to keep for a text at a font size, whatever the viewer's font: some are a fifth wider than ours.
pub(super) fn room(text: &str, size: f64) -> f64 {
    width(text, size) * 1.2
}

/// How wide a text is at a font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let units: f64 = text.chars().map(|c| glyph(c).0 + GAP).sum();
    (units - GAP).max(0.0) * size / EM
}

/// The letters of a text: how far from its start, and SVG path data.
pub(super) fn strokes(text: &str) -> Vec<(f64, &'static str)> {
    let mut at = 0.0;
    let mut strokes = Vec::new();
    for character in text.chars() {
        let (width, data) = glyph(character);
        if !data.is_empty() {
            strokes.push((at, data));
        }
        at += width + GAP;
    }
    strokes
}

fn glyph(character: char) -> (f64, &'static str) {
    let index = (character as usize).wrapping_sub(0x20);
    GLYPHS.get(index).copied().unwrap_or((8.0, "M0 0H8V14H0Z"))
}

/// From the space to the tilde: width and path.
#[rustfmt::skip]
const GLYPHS: [(f64, &str); 95] = [
    (3.0, ""),
    (0.0, "M0 0V9.5M0 13.9V14"),
    (3.0, "M0 0V4M3 0V4"),
    (10.0, "M3.5 0L1.5 14M8.5 0L6.5 14M0.5 4.5H10M0 9.5H9.5"),
    (8.0, "M7.8 3.5A3.8 3 0 0 0 4 1.2A3.3 2.8 0 0 0 4 6.9A3.6 2.9 0 0 1 4 12.8A4 3.2 0 0 1 0.2 10.3M4 -1.5V15.5"),
    (13.0, "M11 0L2 14M0 3.2A2.6 3.2 0 0 1 5.2 3.2A2.6 3.2 0 0 1 0 3.2M7.8 10.8A2.6 3.2 0 0 1 13 10.8A2.6 3.2 0 0 1 7.8 10.8"),
    (10.5, "M10.5 14L3 5.2A3 3 0 1 1 7.6 3C7.6 6 0 6.8 0 10.4A3.8 3.6 0 0 0 3.8 14C7 14 9.5 11.5 9.5 7.5"),
    (0.0, "M0 0V4"),
    (3.0, "M3 -1.5A12 12 0 0 0 3 16.5"),
    (3.0, "M0 -1.5A12 12 0 0 1 0 16.5"),
    (6.0, "M3 0V7M0 1.8L6 5.2M6 1.8L0 5.2"),
    (8.0, "M0 8H8M4 4V12"),
    (1.0, "M1 13.5L0 16.8"),
    (5.0, "M0 8.8H5"),
    (0.0, "M0 13.9V14"),
    (6.0, "M0 16L6 -1"),
    (8.0, "M0 7A4 7 0 0 1 8 7A4 7 0 0 1 0 7"),
    (6.0, "M1 3.2L4.5 0V14"),
    (8.0, "M0.4 3.6A3.7 3.6 0 0 1 7.7 3.9C7.7 7.4 0.4 10.6 0 14H8"),
    (7.6, "M0.5 2.4A3.6 3.3 0 0 1 4 0A3.4 3.4 0 0 1 4 6.8H2.8M4 6.8A3.6 3.6 0 0 1 4 14A4 3.6 0 0 1 0.2 11.5"),
    (8.0, "M6 14V0L0 10H8"),
    (8.0, "M7 0H1.2L0.6 6.4A4.3 4.5 0 1 1 0.2 11.6"),
    (8.0, "M6.5 0C2.5 1.5 0 5.5 0 9.5A4 4.5 0 0 0 8 9.5A4 4.5 0 0 0 0 9.5"),
    (7.6, "M0 0H7.6L2.6 14"),
    (8.0, "M4 6.6A3.3 3.3 0 0 1 4 0A3.3 3.3 0 0 1 4 6.6A3.9 3.7 0 0 1 4 14A3.9 3.7 0 0 1 4 6.6"),
    (8.0, "M1.5 14C5.5 12.5 8 8.5 8 4.5A4 4.5 0 0 0 0 4.5A4 4.5 0 0 0 8 4.5"),
    (0.0, "M0 6V6.1M0 13.9V14"),
    (1.0, "M1 6V6.1M1 13.5L0 16.8"),
    (8.0, "M8 3.5L0 8L8 12.5"),
    (8.0, "M0 6H8M0 10H8"),
    (8.0, "M0 3.5L8 8L0 12.5"),
    (7.0, "M0.3 3A3.5 3.3 0 0 1 7 3.4C7 6.5 3.5 6.5 3.5 9.8M3.5 13.9V14"),
    (14.0, "M10 4.5V9.5A2 2 0 0 0 14 9.5V7.5A7 7 0 1 0 10.5 13.6M10 7.3A3 3 0 1 0 10 7.4"),
    (10.0, "M0 14L5 0L10 14M1.8 9H8.2"),
    (9.0, "M0 7H5.3A3.5 3.5 0 0 0 5.3 0H0V14H5.5A3.5 3.5 0 0 0 5.5 7"),
    (10.0, "M10 3A5.5 7 0 1 0 10 11"),
    (9.5, "M0 0H3.5A6 7 0 0 1 3.5 14H0Z"),
    (8.0, "M8 0H0V14H8M0 7H6.5"),
    (8.0, "M8 0H0V14M0 7H6.5"),
    (10.5, "M10 2.8A5.5 7 0 1 0 10.5 8H6.5"),
    (9.0, "M0 0V14M9 0V14M0 7H9"),
    (0.0, "M0 0V14"),
    (5.0, "M5 0V10.5A3.5 3.5 0 0 1 1.5 14H0"),
    (8.5, "M0 0V14M8.5 0L0 8.5M3.3 5.6L8.5 14"),
    (7.5, "M0 0V14H7.5"),
    (11.0, "M0 14V0L5.5 9L11 0V14"),
    (9.0, "M0 14V0L9 14V0"),
    (11.0, "M0 7A5.5 7 0 0 1 11 7A5.5 7 0 0 1 0 7"),
    (8.8, "M0 14V0H5A3.8 3.8 0 0 1 5 7.6H0"),
    (11.0, "M0 7A5.5 7 0 0 1 11 7A5.5 7 0 0 1 0 7M7 10L11 14.5"),
    (9.0, "M0 14V0H5A3.8 3.8 0 0 1 5 7.6H0M4.8 7.6L9 14"),
    (8.5, "M8 2.6A4 3 0 0 0 5 0H4A3.3 3.4 0 0 0 4 6.8H5A3.5 3.6 0 0 1 5 14H4A4 3.5 0 0 1 0.3 11.3"),
    (9.0, "M0 0H9M4.5 0V14"),
    (9.0, "M0 0V9.5A4.5 4.5 0 0 0 9 9.5V0"),
    (10.0, "M0 0L5 14L10 0"),
    (14.0, "M0 0L3.5 14L7 0L10.5 14L14 0"),
    (9.0, "M0 0L9 14M9 0L0 14"),
    (9.0, "M0 0L4.5 7L9 0M4.5 7V14"),
    (9.0, "M0 0H9L0 14H9"),
    (3.0, "M3 -1.5H0V16.5H3"),
    (6.0, "M0 -1L6 16"),
    (3.0, "M0 -1.5H3V16.5H0"),
    (7.0, "M0 4.5L3.5 0L7 4.5"),
    (8.0, "M0 16.5H8"),
    (2.5, "M0 0L2.5 2.5"),
    (8.0, "M8 5V14M8 9.5A4 4.5 0 0 0 0 9.5A4 4.5 0 0 0 8 9.5"),
    (8.0, "M0 0V14M0 9.5A4 4.5 0 0 1 8 9.5A4 4.5 0 0 1 0 9.5"),
    (7.0, "M7 6.5A4 4.5 0 1 0 7 12.5"),
    (8.0, "M8 0V14M8 9.5A4 4.5 0 0 0 0 9.5A4 4.5 0 0 0 8 9.5"),
    (8.0, "M0 9.5H8A4 4.5 0 1 0 7.2 12.5"),
    (5.0, "M5 0H4.5A2.5 2.5 0 0 0 2 2.5V14M0 5H5"),
    (8.0, "M8 5V14A4 4 0 0 1 4 18H1.5M8 9.5A4 4.5 0 0 0 0 9.5A4 4.5 0 0 0 8 9.5"),
    (8.0, "M0 0V14M0 9A4 4 0 0 1 8 9V14"),
    (0.0, "M0 5V14M0 0.9V1"),
    (2.0, "M2 5V16A2 2 0 0 1 0 18M2 0.9V1"),
    (7.0, "M0 0V14M7 5L0 10.5M2.6 8.5L7 14"),
    (2.0, "M0 0V12A2 2 0 0 0 2 14"),
    (12.0, "M0 5V14M0 8A3 3 0 0 1 6 8V14M6 8A3 3 0 0 1 12 8V14"),
    (8.0, "M0 5V14M0 9A4 4 0 0 1 8 9V14"),
    (8.0, "M0 9.5A4 4.5 0 0 1 8 9.5A4 4.5 0 0 1 0 9.5"),
    (8.0, "M0 5V18M0 9.5A4 4.5 0 0 1 8 9.5A4 4.5 0 0 1 0 9.5"),
    (8.0, "M8 5V18M8 9.5A4 4.5 0 0 0 0 9.5A4 4.5 0 0 0 8 9.5"),
    (5.0, "M0 5V14M0 9A4 4 0 0 1 4 5H5"),
    (6.8, "M6.3 6.6A3 2.3 0 0 0 3.6 5H3A2.4 2.2 0 0 0 3 9.4H3.8A2.5 2.3 0 0 1 3.8 14H3A3.2 2.4 0 0 1 0 12.3"),
    (5.0, "M2 1.5V11.5A2.5 2.5 0 0 0 4.5 14H5M0 5H5"),
    (8.0, "M0 5V10A4 4 0 0 0 8 10M8 5V14"),
    (8.0, "M0 5L4 14L8 5"),
    (12.0, "M0 5L3 14L6 5L9 14L12 5"),
    (7.0, "M0 5L7 14M7 5L0 14"),
    (8.0, "M0 5L4 14M8 5L4 14L2.8 16.7A2 2 0 0 1 1 18H0.5"),
    (7.0, "M0 5H7L0 14H7"),
    (4.0, "M4 -1.5C1 -1.5 2.5 3 2.2 5.5C2 7 1 7.5 0 7.5C1 7.5 2 8 2.2 9.5C2.5 12 1 16.5 4 16.5"),
    (0.0, "M0 -1.5V17.5"),
    (4.0, "M0 -1.5C3 -1.5 1.5 3 1.8 5.5C2 7 3 7.5 4 7.5C3 7.5 2 8 1.8 9.5C1.5 12 3 16.5 0 16.5"),
    (8.0, "M0 9.5C1.5 5.5 3 6.5 4 8C5 9.5 6.5 10.5 8 6.5"),
];
