//! Bar charts of parts, 0 to 100 percent.
//!
//! In: charts. Out: a drawing with one below the other, colors as those of the curves of a run. Deliberately not here: what is
//! measured.

use super::draw::INK;
use super::font;
use super::labels::label;
use super::scene::{Item, Scene};
use crate::curves::COLORS;

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What stands above it.
    pub title: String,
    /// The names of the bars of a group.
    pub series: Vec<String>,
    /// Groups of bars from left to right: a name, and for each of the series a part, 0 to 1, or nothing.
    pub groups: Vec<(String, Vec<Option<f64>>)>,
}

const LEFT: f64 = 48.0;
const TOP: f64 = 34.0;
const HEIGHT: f64 = 180.0;
/// Where the highest bar ends: there is room for its number below the title.
const FULL: f64 = 36.0;
/// Of one chart with what stands above and below.
const STRIDE: f64 = 262.0;
const BAR: f64 = 22.0;
/// Between groups.
const SPACE: f64 = 26.0;
const GRAY: &str = "#555555";
const LINE: &str = "#e8e8e8";

/// Lays out charts.
pub(super) fn sheet(title: &str, charts: &[Bars]) -> Scene {
    let mut sheet = Scene { title: title.to_owned(), width: 320.0, ..Scene::default() };
    sheet.items.push(Item::Label(label(LEFT, 20.0, title, 13.0, INK).bold()));
    let mut top = TOP;
    for chart in charts {
        let scene = drawn(chart);
        sheet.width = sheet.width.max(scene.width);
        sheet.items.push(Item::Scene { x: 0.0, y: top, scene });
        top += STRIDE;
    }
    sheet.height = top;
    sheet
}

fn drawn(chart: &Bars) -> Scene {
    let mut scene = Scene { title: chart.title.clone(), height: STRIDE, ..Scene::default() };
    let base = FULL + HEIGHT;
    // As wide as its bars, or as its name.
    let widths: Vec<f64> = chart
        .groups
        .iter()
        .map(|(name, bars)| (BAR * bars.len() as f64).max(font::width(name, 11.0)) + SPACE)
        .collect();
    let end = LEFT + widths.iter().sum::<f64>();
    for percent in [0, 25, 50, 75, 100] {
        let y = base - HEIGHT * f64::from(percent) / 100.0;
        scene.items.push(Item::Lines { data: format!("M{LEFT} {y}H{end:.1}"), stroke: LINE });
        let tick = label(LEFT - 6.0, y + 4.0, &percent.to_string(), 11.0, GRAY);
        scene.items.push(Item::Label(tick.end()));
    }
    scene
        .items
        .push(Item::Label(label(LEFT, 14.0, &format!("{}, %", chart.title), 11.0, INK).bold()));
    let mut x = LEFT;
    for ((name, bars), width) in chart.groups.iter().zip(widths) {
        let middle = x + width / 2.0;
        let first = middle - BAR * bars.len() as f64 / 2.0;
        for (at, part) in bars.iter().enumerate() {
            let Some(part) = part.filter(|part| part.is_finite()) else { continue };
            let (left, height) = (first + BAR * at as f64, HEIGHT * part.clamp(0.0, 1.0));
            let fill = COLORS[at % COLORS.len()];
            let (y, width) = (base - height, BAR - 3.0);
            scene.items.push(Item::Rect { x: left, y, width, height, fill });
            let percent = format!("{:.0}", 100.0 * part);
            let number = label(left + width / 2.0, y - 3.0, &percent, 9.0, GRAY);
            scene.items.push(Item::Label(number.middle()));
        }
        let below = label(middle, base + 16.0, name, 11.0, INK);
        scene.items.push(Item::Label(below.middle()));
        x += width;
    }
    let mut longest = 0.0_f64;
    for (at, name) in chart.series.iter().enumerate() {
        let (x, y) = (end + 12.0, FULL + 8.0 + 16.0 * at as f64);
        let fill = COLORS[at % COLORS.len()];
        scene.items.push(Item::Rect { x, y: y - 9.0, width: 10.0, height: 10.0, fill });
        scene.items.push(Item::Label(label(x + 16.0, y, name, 11.0, INK)));
        longest = longest.max(font::width(name, 11.0));
    }
    scene.width = end + 48.0 + longest;
    scene
}
