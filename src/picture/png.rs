//! The drawing as pixels.
//!
//! In: a drawing, or a picture of pixels. Out: a PNG. Deliberately not here: fonts; labels are strokes.

use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};
use resvg::usvg::{Options, Tree};

use super::raster::Raster;
use super::scene::{Item, Letters, Scene};

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
    paint(scene, Transform::from_scale(scale, scale), &mut pixels)?;
    pixels.encode_png().map_err(|error| error.to_string())
}

/// A picture of pixels by itself.
pub(super) fn of_raster(raster: &Raster) -> Result<Vec<u8>, String> {
    pixmap(raster)?.encode_png().map_err(|error| error.to_string())
}

/// Paints what SVG has not shown: pictures of pixels, small ones with pixels that can be seen.
fn paint(scene: &Scene, place: Transform, pixels: &mut Pixmap) -> Result<(), String> {
    for item in &scene.items {
        match item {
            Item::Scene { x, y, scene } => {
                paint(scene, place.pre_translate(*x as f32, *y as f32), pixels)?;
            }
            Item::Raster { x, y, width, height, raster } => {
                let (across, down) = (*width / raster.width as f64, *height / raster.height as f64);
                let place = place.pre_translate(*x as f32, *y as f32);
                let place = place.pre_scale(across as f32, down as f32);
                let quality =
                    if across >= 1.0 { FilterQuality::Nearest } else { FilterQuality::Bilinear };
                let paint = PixmapPaint { quality, ..PixmapPaint::default() };
                pixels.draw_pixmap(0, 0, pixmap(raster)?.as_ref(), &paint, place, None);
            }
            Item::Rect { .. } | Item::Area { .. } | Item::Lines { .. } | Item::Label(_) => {}
        }
    }
    Ok(())
}

fn pixmap(raster: &Raster) -> Result<Pixmap, String> {
    let side = |side: usize| u32::try_from(side).map_err(|error| error.to_string());
    let mut pixmap =
        Pixmap::new(side(raster.width)?, side(raster.height)?).ok_or("it has no pixels")?;
    for (to, from) in pixmap.data_mut().chunks_exact_mut(4).zip(raster.colors.chunks_exact(3)) {
        to.copy_from_slice(&[from[0], from[1], from[2], 255]);
    }
    Ok(pixmap)
}
