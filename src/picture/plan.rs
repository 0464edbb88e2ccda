//! The sheet: one or more masks as one drawing.
//!
//! In: panels. Out: their drawings side by side while there is room, then below. Deliberately not here: what is in a
//! panel.

use super::Panel;
use super::draw::{INK, panel};
use super::labels::label;
use super::layout::{ALONE, AMONG_OTHERS};
use super::scene::{Item, Scene};

/// Panels stand side by side up to that width.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 18.0;
/// Between panels.
const SPACE: f64 = 36.0;

/// Lays out the panels. The title of a single one goes into its own.
pub(super) fn sheet(title: &str, panels: &[Panel<'_>]) -> Scene {
    if let [only] = panels {
        let title = format!("{title}: {}", only.title);
        return placed(title.clone(), 0.0, vec![panel(&Panel { title, mask: only.mask }, ALONE)]);
    }
    let mut sheet =
        placed(title.to_owned(), 30.0, panels.iter().map(|one| panel(one, AMONG_OTHERS)).collect());
    sheet.items.push(Item::Label(label(MARGIN, MARGIN + 15.0, title, 16.0, INK).bold()));
    sheet
}

fn placed(title: String, top: f64, scenes: Vec<Scene>) -> Scene {
    let mut sheet = Scene { title, ..Scene::default() };
    let (mut x, mut y, mut height) = (MARGIN, MARGIN + top, 0.0_f64);
    for scene in scenes {
        if x > MARGIN && x + scene.width > WIDTH {
            (x, y, height) = (MARGIN, y + height + SPACE, 0.0);
        }
        height = height.max(scene.height);
        sheet.width = sheet.width.max(x + scene.width + MARGIN);
        sheet.height = y + height + MARGIN;
        let right = x + scene.width + SPACE;
        sheet.items.push(Item::Scene { x, y, scene });
        x = right;
    }
    // Whole units, so that a PNG has whole pixels.
    (sheet.width, sheet.height) = (sheet.width.ceil(), sheet.height.ceil());
    sheet
}
