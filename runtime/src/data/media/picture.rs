//! Pictures: decoded within limits, cut and scaled.
//!
//! In: the bytes of a PNG or JPEG file. Out: bytes of color, of any size, and then of the size that is asked for.
//! Deliberately not here: random changes, and numbers.

use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageReader, Limits};

use crate::data::error::Why;

/// Neither height nor width may be more, and the decoder may not take more memory.
const MAX_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 512 << 20;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) struct Picture {
    pub(in crate::data) height: usize,
    pub(in crate::data) width: usize,
    /// 1 or 3.
    pub(in crate::data) channels: usize,
    /// `[height, width, channels]`.
    pub(in crate::data) values: Vec<u8>,
}

/// A part of a picture, in pixels and parts of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::data) struct Part {
    pub(in crate::data) left: f64,
    pub(in crate::data) top: f64,
    pub(in crate::data) width: f64,
    pub(in crate::data) height: f64,
}

/// The picture in a PNG or JPEG file, in gray for one channel.
pub(super) fn decode(bytes: &[u8], channels: usize) -> Result<Picture, Why> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("neither a PNG nor a JPEG file".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| error.to_string())?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let values = match (picture, channels) {
        (DynamicImage::ImageLuma8(gray), 1) => gray.into_raw(),
        (DynamicImage::ImageRgb8(color), 3) => color.into_raw(),
        (other, 1) => other.into_luma8().into_raw(),
        (other, _) => other.into_rgb8().into_raw(),
    };
    if width == 0 || height == 0 {
        return Err("a picture without pixels".to_owned());
    }
    Ok(Picture { height, width, channels, values })
}

/// Gray of color, as Pillow makes it: 0.299, 0.587 and 0.114 of red, green and blue.
pub(super) fn gray(rgb: &[u8]) -> Vec<u8> {
    let one = |pixel: &[u8]| {
        let [r, g, b] = [0, 1, 2].map(|at| u32::from(pixel[at]));
        #[expect(clippy::cast_possible_truncation, reason = "the weights sum to 1")]
        let gray = ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8;
        gray
    };
    rgb.chunks_exact(3).map(one).collect()
}

impl Picture {
    /// Color as it is, or in gray for one channel.
    pub(super) fn with_channels(self, channels: usize) -> Self {
        if channels == self.channels || self.channels != 3 {
            return self;
        }
        Self { channels: 1, values: gray(&self.values), ..self }
    }

    /// The largest part in the middle that has the proportions of a size.
    pub(in crate::data) fn middle(&self, height: usize, width: usize) -> Part {
        let (h, w) = (self.height as f64, self.width as f64);
        let scale = (h / height as f64).min(w / width as f64);
        let (part_h, part_w) = (scale * height as f64, scale * width as f64);
        Part { left: (w - part_w) / 2.0, top: (h - part_h) / 2.0, width: part_w, height: part_h }
    }

    /// A part of the picture at a size, every source pixel counting for its share.
    pub(in crate::data) fn scaled(
        &self,
        part: Part,
        height: usize,
        width: usize,
    ) -> Result<Self, Why> {
        let is_whole = part.left == 0.0
            && part.top == 0.0
            && part.width == self.width as f64
            && part.height == self.height as f64;
        if is_whole && self.height == height && self.width == width {
            return Ok(self.clone());
        }
        let kind = if self.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let side = |size: usize| u32::try_from(size).map_err(|_| "a side is too long".to_owned());
        let wrong = |error: &dyn std::fmt::Display| format!("cannot be scaled: {error}");
        let from = ImageRef::new(side(self.width)?, side(self.height)?, &self.values, kind)
            .map_err(|error| wrong(&error))?;
        let mut to = Image::new(side(width)?, side(height)?, kind);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(part.left, part.top, part.width, part.height);
        Resizer::new().resize(&from, &mut to, &options).map_err(|error| wrong(&error))?;
        Ok(Self { height, width, channels: self.channels, values: to.into_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(pixel(x, y)));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn files_become_what_was_drawn() {
        let bytes = png(3, 2, |x, y| [10 * x as u8, 20 * y as u8, 7]);
        let picture = decode(&bytes, 3).unwrap();
        assert_eq!((picture.height, picture.width), (2, 3));
        assert_eq!(&picture.values[..6], [0, 0, 7, 10, 0, 7]);
        assert_eq!(decode(&bytes, 1).unwrap().values.len(), 6);
        let whole = picture.middle(2, 3);
        assert_eq!(picture.scaled(whole, 2, 3).unwrap(), picture);
    }

    #[test]
    fn the_middle_keeps_proportions() {
        let picture = decode(&png(40, 20, |x, _| [(x * 6) as u8, 0, 0]), 3).unwrap();
        let part = picture.middle(10, 10);
        assert_eq!(part, Part { left: 10.0, top: 0.0, width: 20.0, height: 20.0 });
        let small = picture.scaled(part, 10, 10).unwrap();
        // Two source pixels each, 60, 66 | 72, 78 | .., whose means bilinear weights keep within a step.
        for (at, pixel) in small.values.chunks(3).take(10).enumerate() {
            assert!((f64::from(pixel[0]) - (63.0 + 12.0 * at as f64)).abs() <= 3.0, "{pixel:?}");
        }
    }

    #[test]
    fn absurd_files_are_refused() {
        let mut huge = png(1, 1, |_, _| [0; 3]);
        // The width in the header becomes 2^31 - 1.
        huge[16..20].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        let good = png(20, 20, |x, y| [x as u8, y as u8, 0]);
        for bytes in [&huge[..], b"", b"not a picture", &good[..good.len() / 2], &good[..20]] {
            assert!(decode(bytes, 3).is_err());
        }
    }
}
