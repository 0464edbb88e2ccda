//! Pictures of masks: who reads whom, for people, papers and programs; bar charts; and contact sheets.
//!
//! In: masks. Out: text that snapshots can hold, SVG, PNG, JSON; the same bytes on every machine. A row is a
//! receiver, a column what it reads: `allow[query, key]`. Deliberately not here: files and terminals, and any
//! judgement on who may read whom.
//!
//! ```
//! use zorro::picture::{self, Panel};
//!
//! let spec = "
//!     model m {
//!       modality caption = text(length: 4, vocabulary: 9)
//!       tokens caption = caption |> embed(8)
//!       layers: repeat 2 { apply vit(2) over { caption <- caption within causal } }
//!       output z = caption |> pool(last)
//!     }";
//! let checked = zorro_compiler::check_text(spec, &Default::default()).checked.expect("the spec is right");
//! let uses = zorro::masks(&checked.model);
//! assert_eq!(uses[0].places(), "layers.0..1");
//! println!("{}", picture::text(&uses[0].mask));
//! let svg = picture::svg("m", &[Panel { title: uses[0].places(), mask: &uses[0].mask }]);
//! assert!(svg.starts_with("<svg "));
//! ```

mod bars;
mod cells;
mod draw;
mod font;
mod json;
mod labels;
mod layout;
mod plan;
mod png;
mod raster;
mod scene;
mod sheet;
mod text;

use zorro_compiler::routing::Mask;

pub use bars::Bars;
pub use json::json;
pub use raster::Raster;
pub use sheet::{Cell, Head, Row, Sheet};
pub(crate) use sheet::{TALL, WIDE, wave_path};
pub use text::text;

use scene::Letters;

/// A mask to be drawn.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// What stands above it, such as where it is used.
    pub title: String,
    /// The mask.
    pub mask: &'a Mask,
}

/// Draws masks side by side and below one another as an SVG that refers to nothing outside. A mask that is too
/// fine for that is drawn in blocks of tokens, and small groups larger than their share; the picture says both.
#[must_use]
pub fn svg(title: &str, panels: &[Panel<'_>]) -> String {
    plan::sheet(title, panels).svg(Letters::Text)
}

/// Draws the same picture as PNG, at two pixels a unit of the SVG. Letters are strokes of our own, since a machine
/// may have no fonts.
///
/// # Errors
///
/// The reason in words, where the picture is too large to be held.
pub fn png(title: &str, panels: &[Panel<'_>]) -> Result<Vec<u8>, String> {
    png::rendered(&plan::sheet(title, panels))
}

/// Draws bar charts, one below the other, as an SVG that refers to nothing outside.
#[must_use]
pub fn bars_svg(title: &str, charts: &[Bars]) -> String {
    bars::sheet(title, charts).svg(Letters::Text)
}

/// Draws the same charts as PNG.
///
/// # Errors
///
/// The reason in words, where the picture is too large to be held.
pub fn bars_png(title: &str, charts: &[Bars]) -> Result<Vec<u8>, String> {
    png::rendered(&bars::sheet(title, charts))
}

/// Draws samples below one another as PNG.
///
/// # Errors
///
/// The reason in words, where the picture is too large to be held.
pub fn sheet_png(sheet: &Sheet) -> Result<Vec<u8>, String> {
    png::rendered(&sheet::drawn(sheet))
}

/// A picture of pixels as PNG.
///
/// # Errors
///
/// The reason in words, where it has no pixels.
pub fn raster_png(raster: &Raster) -> Result<Vec<u8>, String> {
    png::of_raster(raster)
}

#[cfg(test)]
mod tests;
