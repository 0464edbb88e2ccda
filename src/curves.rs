//! The curves of a run: loss and scores over steps, as SVG.
//!
//! In: the lines of a log. Out: a picture with a panel for the loss and one for the scores, colors of Okabe and Ito's palette.
//! Deliberately not here: files.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// A named list of points.
type Curves = BTreeMap<String, Vec<(f64, f64)>>;

/// Okabe and Ito's palette, without what is hard to see on white.
pub(crate) const COLORS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1a1a1a"];
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 28.0;
const RIGHT: f64 = 220.0;
const GAP: f64 = 44.0;

/// Draws a log; `None` where it has nothing to draw.
#[must_use]
pub fn svg(title: &str, lines: &[Value]) -> Option<String> {
    let (mut losses, mut scores) = (Curves::new(), Curves::new());
    for line in lines {
        let (Some(step), Some(entries)) = (line["step"].as_f64(), line.as_object()) else {
            continue;
        };
        for (name, value) in entries {
            let Some(value) = value.as_f64() else { continue };
            let (curves, name) = match name.as_str() {
                "loss" => (&mut losses, "training"),
                "eval/loss" => (&mut losses, "evaluation"),
                other => match other.strip_prefix("eval/") {
                    Some(name) => (&mut scores, name),
                    None => continue,
                },
            };
            curves.entry(name.to_owned()).or_default().push((step, value));
        }
    }
    // The mean of all outputs says enough, where there are many.
    if scores.len() > COLORS.len() {
        scores.retain(|name, _| name.contains("/mean/") || name.starts_with("recall at 1/"));
    }
    let panels: Vec<(&str, Curves)> = [("loss", losses), ("score", scores)]
        .into_iter()
        .filter(|(_, curves)| !curves.is_empty())
        .collect();
    if panels.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "two at most")]
    let height = TOP + panels.len() as f64 * (HEIGHT + GAP);
    let width = LEFT + WIDTH + RIGHT;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#1a1a1a\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    let mut y = TOP;
    for (name, curves) in &panels {
        panel(&mut text, name, curves, y);
        y += HEIGHT + GAP;
    }
    text.push_str("</svg>\n");
    Some(text)
}

/// Smallest and largest, a little apart where they are one.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = numbers.filter(|number| number.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    if low > high {
        (0.0, 1.0)
    } else if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    }
}

fn panel(text: &mut String, name: &str, curves: &Curves, top: f64) {
    let points = || curves.values().flatten();
    let (first, last) = range(points().map(|(step, _)| *step));
    let (low, high) = range(points().map(|(_, value)| *value));
    let x = |step: f64| LEFT + WIDTH * (step - first) / (last - first);
    let y = |value: f64| top + HEIGHT * (high - value) / (high - low);
    for part in 0..=4 {
        let part = f64::from(part) / 4.0;
        let (value, step) = (low + (high - low) * part, first + (last - first) * part);
        let (level, place, below) = (y(value), x(step), top + HEIGHT + 14.0);
        let (end, labels) = (LEFT + WIDTH, LEFT - 6.0);
        // Writing to a string does not fail; here and below.
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {level:.1}H{end}\" stroke=\"#e8e8e8\"/>\
             <text x=\"{labels}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{value:.3}</text>\
             <text x=\"{place:.1}\" y=\"{below:.1}\" text-anchor=\"middle\" fill=\"#555555\">{step:.0}</text>",
            level + 4.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{name}</text>",
        top - 4.0
    );
    for (at, (name, points)) in curves.iter().enumerate() {
        let color = COLORS[at % COLORS.len()];
        let finite = points.iter().filter(|(_, value)| value.is_finite());
        let path: Vec<String> =
            finite.map(|(step, value)| format!("{:.1},{:.1}", x(*step), y(*value))).collect();
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let legend = top + 12.0 + 16.0 * at as f64;
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>\
             <rect x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{color}\"/>\
             <text x=\"{:.1}\" y=\"{legend:.1}\">{}</text>",
            path.join(" "),
            LEFT + WIDTH + 12.0,
            legend - 9.0,
            LEFT + WIDTH + 28.0,
            escaped(name)
        );
    }
}

fn escaped(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::svg;

    #[test]
    fn curves_of_a_log() {
        assert_eq!(svg("empty", &[]), None);
        let lines = [
            json!({ "step": 1, "loss": 2.0, "rate": 0.1 }),
            json!({ "step": 2, "loss": 1.0 }),
            json!({ "step": 2, "eval/loss": 1.5, "eval/accuracy/mean/a+v": 0.5 }),
        ];
        let drawn = svg("a < b", &lines).expect("there is something to draw");
        assert!(drawn.contains("a &lt; b") && drawn.contains("accuracy/mean/a+v"));
        assert_eq!(drawn.matches("<polyline").count(), 3);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
}
