//! Pictures of the size that is asked for.
//!
//! In: a picture, and what a modality says of its proportions and of the filter. Out: numbers from 0 to 1, `[height, width,
//! channels]`. Sizes and places are rounded as torchvision, timm and Pillow round them, because a model is fed what it was
//! trained with. Deliberately not here: random parts, and normalization.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use zorro_compiler::model::{Filter, Fit, Scaling};

use super::{Part, Picture};
use crate::data::error::Why;

/// Where the parts of a picture come to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// What is taken.
    part: Part,
    /// Its height and width then.
    size: [usize; 2],
    /// Its upper left corner in what is fed.
    corner: [usize; 2],
}

impl Picture {
    /// The picture as it is fed, or a part of it that was drawn instead of what the modality says.
    pub(in crate::data) fn fed(
        &self,
        scaling: Option<Scaling>,
        drawn: Option<Part>,
        size: [usize; 2],
    ) -> Result<Vec<f32>, Why> {
        let [height, width] = size;
        let Some(Scaling { filter, fit }) = scaling else {
            let part = drawn.unwrap_or_else(|| self.middle(height, width));
            let scaled = self.scaled(part, height, width)?;
            return Ok(scaled.values.iter().map(|value| f32::from(*value) / 255.0).collect());
        };
        let place = match drawn {
            Some(part) => Place { part, size, corner: [0, 0] },
            None => self.place(fit, size),
        };
        let values = self.filtered(place.part, place.size, filter)?;
        if place.size == size {
            return Ok(values);
        }
        let mut all = vec![0.0; height * width * self.channels];
        let [top, left] = place.corner;
        let row = place.size[1] * self.channels;
        for (from, to) in
            values.chunks_exact(row).zip(all.chunks_exact_mut(width * self.channels).skip(top))
        {
            to[left * self.channels..][..row].copy_from_slice(from);
        }
        Ok(all)
    }

    fn place(&self, fit: Fit, size: [usize; 2]) -> Place {
        match fit {
            Fit::Crop(scaled) => self.middle_of(self.covering(scaled.map(usual)), size),
            Fit::Squash(scaled) => self.middle_of(scaled.map(usual), size),
            Fit::Pad => {
                let inner = self.contained(size);
                let corner = [0, 1].map(|axis| halved(size[axis] - inner[axis]));
                Place { part: self.whole(), size: inner, corner }
            }
        }
    }

    fn whole(&self) -> Part {
        let (height, width) = (self.height as f64, self.width as f64);
        Part { left: 0.0, top: 0.0, width, height }
    }

    /// The size that just covers another one. For equal sides the longer one is cut as torchvision's `Resize` does, for others
    /// both are rounded as timm's `ResizeKeepRatio` does.
    fn covering(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        if height == width {
            return if self.height <= self.width {
                [height, height * self.width / self.height]
            } else {
                [width * self.height / self.width, width]
            };
        }
        let (h, w) = (self.height as f64, self.width as f64);
        let ratio = (h / height as f64).min(w / width as f64);
        [rounded(h / ratio).max(height), rounded(w / ratio).max(width)]
    }

    /// The size that just fits in, as of Pillow's `ImageOps.contain`.
    fn contained(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let (h, w) = (self.height as f64, self.width as f64);
        let (is, wanted) = (w / h, width as f64 / height as f64);
        if is > wanted {
            [rounded(h / w * width as f64).clamp(1, height), width]
        } else {
            [height, rounded(w / h * height as f64).clamp(1, width)]
        }
    }

    /// The part that is in the middle once the picture has become so large, as of torchvision's `CenterCrop`.
    fn middle_of(&self, full: [usize; 2], size: [usize; 2]) -> Place {
        let along = |axis: usize, pixels: usize| {
            let pixels = pixels as f64;
            let scale = pixels / full[axis] as f64;
            let start = halved(full[axis] - size[axis]) as f64 * scale;
            // Rounding must not lead out of the picture.
            (start, (size[axis] as f64 * scale).min(pixels - start))
        };
        let ((top, height), (left, width)) = (along(0, self.height), along(1, self.width));
        Place { part: Part { left, top, width, height }, size, corner: [0, 0] }
    }

    /// A part of the picture at a size, in numbers that are not rounded to 256 levels on the way; bright and dark ends stay.
    fn filtered(
        &self,
        part: Part,
        [height, width]: [usize; 2],
        filter: Filter,
    ) -> Result<Vec<f32>, Why> {
        if part == self.whole() && [self.height, self.width] == [height, width] {
            return Ok(self.values.iter().map(|value| f32::from(*value) / 255.0).collect());
        }
        let kind = if self.channels == 1 { PixelType::U16 } else { PixelType::U16x3 };
        let fine: Vec<u16> = self.values.iter().map(|value| u16::from(*value) * 257).collect();
        let mut values = vec![0_u16; height * width * self.channels];
        let bytes = bytemuck::cast_slice(&fine);
        let from = ImageRef::new(side(self.width)?, side(self.height)?, bytes, kind);
        let from = from.map_err(|error| wrong(&error))?;
        let bytes = bytemuck::cast_slice_mut(&mut values);
        let to = Image::from_slice_u8(side(width)?, side(height)?, bytes, kind);
        resize(&from, &mut to.map_err(|error| wrong(&error))?, algorithm(filter), part)?;
        Ok(values.iter().map(|value| f32::from(*value) / 65_535.0).collect())
    }

    /// A part of the picture at a size, every source pixel counting for its share.
    pub(super) fn scaled(&self, part: Part, height: usize, width: usize) -> Result<Self, Why> {
        if part == self.whole() && self.height == height && self.width == width {
            return Ok(self.clone());
        }
        let kind = if self.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let from = ImageRef::new(side(self.width)?, side(self.height)?, &self.values, kind)
            .map_err(|error| wrong(&error))?;
        let mut to = Image::new(side(width)?, side(height)?, kind);
        resize(&from, &mut to, algorithm(Filter::Bilinear), part)?;
        Ok(Self { height, width, channels: self.channels, values: to.into_vec() })
    }
}

fn resize(from: &ImageRef<'_>, to: &mut Image<'_>, by: ResizeAlg, part: Part) -> Result<(), Why> {
    let options =
        ResizeOptions::new().resize_alg(by).crop(part.left, part.top, part.width, part.height);
    Resizer::new().resize(from, to, &options).map_err(|error| wrong(&error))
}

fn algorithm(filter: Filter) -> ResizeAlg {
    ResizeAlg::Convolution(match filter {
        Filter::Nearest => return ResizeAlg::Nearest,
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
        Filter::Box => FilterType::Box,
    })
}

fn side(size: usize) -> Result<u32, Why> {
    u32::try_from(size).map_err(|_| "a side is too long".to_owned())
}

fn wrong(error: &dyn std::fmt::Display) -> Why {
    format!("cannot be scaled: {error}")
}

fn usual(side: u64) -> usize {
    usize::try_from(side).expect("limits of models keep sizes small")
}

/// To the nearest integer; of two, the even one, as Python rounds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
fn rounded(size: f64) -> usize {
    size.round_ties_even() as usize
}

/// Half of what is left over.
fn halved(pixels: usize) -> usize {
    rounded(pixels as f64 / 2.0)
}

#[cfg(test)]
mod tests;
