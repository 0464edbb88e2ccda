//! The drawing as pixels.
//!
//! In: a drawing. Out: a PNG. Deliberately not here: fonts; labels are strokes.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::scene::{Letters, Scene};

/// Pixels a unit.
const SCALE: f64 = 2.0;

/// Many more than any screen or page; four bytes each.
const MAX_PIXELS: f64 = 100e6;

/// Renders a drawing, with fewer pixels a unit if it is very large.
pub(super) fn rendered(scene: &Scene) -> Result<Vec<u8>, String> {
    let scale = SCALE.min((MAX_PIXELS / (scene.width * scene.height)).sqrt());
    let (width, height) = ((scene.width * scale) as u32, (scene.height * scale) as u32);
    let svg = scene.svg(Letters::Strokes);
    let tree = Tree::from_str(&svg, &Options::default()).map_err(|error| error.to_string())?;
    let mut pixels = Pixmap::new(width, height).ok_or("it has no pixels")?;
    let scale = scale as f32;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}
