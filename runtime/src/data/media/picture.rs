//! Pictures: decoded within limits, upright, in color or gray.
//!
//! In: the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file. Out: bytes of color, of any size. Deliberately not here: random changes,
//! and numbers.

mod jpeg;
mod scale;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits};

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

/// The picture in a file, upright, in gray for one channel; of several, the first.
pub(super) fn decode(bytes: &[u8], channels: usize) -> Result<Picture, Why> {
    let format = image::guess_format(bytes).ok();
    let format = format.filter(|format| {
        use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
        matches!(format, Png | Jpeg | WebP | Gif | Bmp | Tiff)
    });
    let Some(format) = format else {
        return Err("neither a PNG nor a JPEG, WebP, GIF, BMP or TIFF file".to_owned());
    };
    if format == ImageFormat::Jpeg {
        jpeg::check(bytes)?;
    }
    if let (ImageFormat::WebP, Some([_, _, _, _, size @ ..])) = (format, bytes.first_chunk::<8>())
        && (bytes.len() as u64) < 8 + u64::from(u32::from_le_bytes(*size))
    {
        return Err("cut short: it is smaller than it says".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    if decoder.total_bytes() > MAX_MEMORY {
        return Err(format!("more than {MAX_MEMORY} bytes once it is decoded"));
    }
    let exif = if format == ImageFormat::Tiff {
        // A TIFF file begins with what other files carry as a small TIFF file.
        None
    } else if format == ImageFormat::Png {
        exif_of_png(bytes)?.map(<[u8]>::to_vec)
    } else {
        decoder.exif_metadata().ok().flatten()
    };
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    picture.apply_orientation(orientation(exif.as_deref().unwrap_or(bytes)));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width == 0 || height == 0 {
        return Err("a picture without pixels".to_owned());
    }
    Ok(Picture { height, width, channels, values: pixels(picture, channels)? })
}

/// How the pixels of a file have to be turned; as they are, where nothing says so.
fn orientation(exif: &[u8]) -> Orientation {
    // Some writers begin the block of a WebP file as that of a JPEG file.
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    turned(exif).unwrap_or(Orientation::NoTransforms)
}

/// What the first directory of an EXIF block says of the orientation. By the standard that is a number of two bytes; some
/// programs write one or four, and others read these.
fn turned(exif: &[u8]) -> Option<Orientation> {
    const ORIENTATION: u32 = 0x112;
    const BYTE: u32 = 1;
    const SHORT: u32 = 3;
    const LONG: u32 = 4;
    let is_big = match exif.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let number = |at: usize, bytes: usize| -> Option<u32> {
        let bytes = exif.get(at..at.checked_add(bytes)?)?;
        let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        Some(if is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    let directory = usize::try_from(number(4, 4)?).ok()?;
    let entries = usize::try_from(number(directory, 2)?).ok()?;
    let places = (0..entries).map(|at| directory + 2 + 12 * at);
    let mut places = places.take_while(|at| *at < exif.len());
    let entry = places.find(|at| number(*at, 2) == Some(ORIENTATION))?;
    let bytes = match number(entry + 2, 2)? {
        BYTE => 1,
        SHORT => 2,
        LONG => 4,
        _ => return None,
    };
    Orientation::from_exif(u8::try_from(number(entry + 8, bytes)?).ok()?)
}

/// The EXIF block of a PNG file, which may come after the pixels, where decoders do not look. What it says counts only
/// where its checksum is right.
fn exif_of_png(bytes: &[u8]) -> Result<Option<&[u8]>, Why> {
    const NAME: usize = 4;
    let mut rest = bytes.get(8..).unwrap_or(&[]);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let chunk = after.split_at_checked(length.saturating_add(NAME));
        let Some((chunk, after)) = chunk else { break };
        let Some((sum, after)) = after.split_first_chunk::<4>() else { break };
        if let Some(block) = chunk.strip_prefix(b"eXIf") {
            let mut crc = flate2::Crc::new();
            crc.update(chunk);
            if crc.sum() != u32::from_be_bytes(*sum) {
                return Err("its EXIF block is damaged".to_owned());
            }
            return Ok(Some(block));
        }
        rest = after;
    }
    Ok(None)
}

/// Bytes of color, or of gray. Transparency is dropped, not laid over anything, as by Pillow's `convert`; of 16 bits the upper 8
/// stay.
fn pixels(picture: DynamicImage, channels: usize) -> Result<Vec<u8>, Why> {
    fn upper(values: &[u16]) -> Vec<u8> {
        values.iter().map(|value| value.to_be_bytes()[0]).collect()
    }
    let (width, height) = (picture.width(), picture.height());
    let eight = match picture {
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => {
            return Err("a picture of floating-point numbers".to_owned());
        }
        DynamicImage::ImageLuma16(deep) => {
            ImageBuffer::from_raw(width, height, upper(&deep)).map(DynamicImage::ImageLuma8)
        }
        DynamicImage::ImageLumaA16(deep) => {
            ImageBuffer::from_raw(width, height, upper(&deep)).map(DynamicImage::ImageLumaA8)
        }
        DynamicImage::ImageRgb16(deep) => {
            ImageBuffer::from_raw(width, height, upper(&deep)).map(DynamicImage::ImageRgb8)
        }
        DynamicImage::ImageRgba16(deep) => {
            ImageBuffer::from_raw(width, height, upper(&deep)).map(DynamicImage::ImageRgba8)
        }
        eight @ (DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_)
        | _) => Some(eight),
    };
    let eight = eight.expect("as many numbers as before");
    Ok(match (eight, channels) {
        (gray @ (DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_)), 1) => {
            gray.into_luma8().into_raw()
        }
        (color, 1) => gray(color.into_rgb8().as_raw()),
        (color, _) => color.into_rgb8().into_raw(),
    })
}

/// The brightness of red, green and blue: 0.299, 0.587 and 0.114 of them, rounded as Pillow's `convert("L")` rounds. Whatever is
/// taken in gray, frames of videos too, is taken by this.
pub(in crate::data) fn gray(colors: &[u8]) -> Vec<u8> {
    let brightness = |color: &[u8]| {
        let [red, green, blue] = [0, 1, 2].map(|at| u32::from(color[at]));
        let sum = 19_595 * red + 38_470 * green + 7_471 * blue + 0x8000;
        u8::try_from(sum >> 16).expect("the shares make 1")
    };
    colors.chunks_exact(3).map(brightness).collect()
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
}

#[cfg(test)]
mod tests;
