//! What is on a drawing, and its SVG.
//!
//! In: rectangles, paths and labels at their places. Out: the text of an SVG. Labels are text for those who open
//! or edit the file, or strokes where no fonts may be there. Deliberately not here: what the shapes stand for.

use std::fmt::Write;

use super::font;
use super::raster::Raster;

/// How labels are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// As text in whatever sans-serif font the viewer has.
    Text,
    /// As strokes.
    Strokes,
}

/// A drawing with its origin in the upper left corner.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone)]
pub(super) enum Item {
    /// Another drawing at a place.
    Scene {
        x: f64,
        y: f64,
        scene: Scene,
    },
    Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: &'static str,
    },
    /// Filled; `data` as in SVG.
    Area {
        data: String,
        fill: &'static str,
    },
    /// Hair lines; `data` as in SVG.
    Lines {
        data: String,
        stroke: &'static str,
    },
    /// A picture of pixels, which only PNG shows.
    Raster {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        raster: Raster,
    },
    Label(Label),
}

#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) x: f64,
    /// The line on which letters stand.
    pub(super) y: f64,
    pub(super) text: String,
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) color: &'static str,
    pub(super) anchor: Anchor,
    /// Clockwise, in degrees.
    pub(super) angle: f64,
}

/// Which part of a label stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Scene {
    /// The whole file.
    pub(super) fn svg(&self, letters: Letters) -> String {
        let (width, height) = (Short(self.width), Short(self.height));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"sans-serif\">\n"
        );
        svg.push_str("<title>");
        escape(&mut svg, &self.title);
        svg.push_str("</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        self.push_items(&mut svg, letters);
        svg.push_str("</svg>\n");
        svg
    }

    fn push_items(&self, svg: &mut String, letters: Letters) {
        for item in &self.items {
            // Writing to a String cannot fail; here and below.
            let _ = match item {
                Item::Scene { x, y, scene } => {
                    let _ =
                        writeln!(svg, "<g transform=\"translate({} {})\">", Short(*x), Short(*y));
                    scene.push_items(svg, letters);
                    writeln!(svg, "</g>")
                }
                Item::Rect { x, y, width, height, fill } => {
                    let (x, y, width, height) =
                        (Short(*x), Short(*y), Short(*width), Short(*height));
                    writeln!(
                        svg,
                        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
                    )
                }
                Item::Area { data, fill } => writeln!(svg, "<path d=\"{data}\" fill=\"{fill}\"/>"),
                Item::Lines { data, stroke } => writeln!(
                    svg,
                    "<path d=\"{data}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"0.6\"/>"
                ),
                Item::Raster { .. } => Ok(()),
                Item::Label(label) => match letters {
                    Letters::Text => label.push_text(svg),
                    Letters::Strokes => label.push_strokes(svg),
                },
            };
        }
    }
}

impl Label {
    fn push_text(&self, svg: &mut String) -> std::fmt::Result {
        let (x, y, size) = (Short(self.x), Short(self.y), Short(self.size));
        write!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{}\"", self.color)?;
        match self.anchor {
            Anchor::Start => {}
            Anchor::Middle => svg.push_str(" text-anchor=\"middle\""),
            Anchor::End => svg.push_str(" text-anchor=\"end\""),
        }
        if self.is_bold {
            svg.push_str(" font-weight=\"bold\"");
        }
        if self.angle != 0.0 {
            write!(svg, " transform=\"rotate({} {x} {y})\"", Short(self.angle))?;
        }
        svg.push('>');
        escape(svg, &self.text);
        writeln!(svg, "</text>")
    }

    fn push_strokes(&self, svg: &mut String) -> std::fmt::Result {
        let width = font::width(&self.text, self.size);
        let shift = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let (x, y, angle) = (Short(self.x), Short(self.y), Short(self.angle));
        let (shift, scale) = (Short(shift), self.size / font::EM);
        let weight = if self.is_bold { 2.5 } else { 1.6 };
        writeln!(
            svg,
            "<g transform=\"translate({x} {y}) rotate({angle}) translate({shift} 0) scale({scale:.4})\" \
             fill=\"none\" stroke=\"{}\" stroke-width=\"{weight}\" stroke-linecap=\"round\" \
             stroke-linejoin=\"round\">",
            self.color
        )?;
        for (at, data) in font::strokes(&self.text) {
            writeln!(
                svg,
                "<path transform=\"translate({} {})\" d=\"{data}\"/>",
                Short(at),
                -font::BASE
            )?;
        }
        writeln!(svg, "</g>")
    }
}

/// A number with at most two decimals.
pub(super) struct Short(pub(super) f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Through whole hundredths, so that nothing is "-0" or ends in zeros.
        let hundredths = (self.0 * 100.0).round() as i64;
        let (sign, rest) = (if hundredths < 0 { "-" } else { "" }, hundredths.unsigned_abs());
        match (rest / 100, rest % 100) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (whole, part) if part % 10 == 0 => write!(f, "{sign}{whole}.{}", part / 10),
            (whole, part) => write!(f, "{sign}{whole}.{part:02}"),
        }
    }
}

fn escape(svg: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '&' => svg.push_str("&amp;"),
            // XML has no place for most of these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => svg.push('\u{fffd}'),
            c => svg.push(c),
        }
    }
}
